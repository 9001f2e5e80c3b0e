"""Games: what one earns depends on others, or on an opponent."""
