"""Working memory: compare or match across a delay."""
