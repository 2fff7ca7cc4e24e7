"""Running tests over a `student` and turning what happened into verdicts."""
