"""Empty in the students' half: the reference brings its own."""
