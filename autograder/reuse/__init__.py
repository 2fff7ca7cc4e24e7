"""Uses results of an earlier grading again, where nothing that decides them has changed."""
