"""Names the mistake of a submission: its answers to the tests that it fails are compared with those of known mistakes."""
