"""Nothing to draw."""
