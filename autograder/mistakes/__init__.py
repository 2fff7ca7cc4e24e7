"""Names the mistake of a submission: its answers are compared with those of known mistakes."""
