"""`deepgrade check`: the public tests on a student's own machine."""
