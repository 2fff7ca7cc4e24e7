"""Nothing to look at."""
