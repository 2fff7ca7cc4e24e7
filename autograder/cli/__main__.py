"""`python -m autograder.cli`, for where the folder of the `deepgrade` script is not on the PATH."""

from autograder.cli import main

main()
