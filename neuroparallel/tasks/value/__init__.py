"""Value and learning: choose what pays."""
