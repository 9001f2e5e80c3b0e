"""Movement: continuous actions."""
