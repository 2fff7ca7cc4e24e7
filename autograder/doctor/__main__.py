"""`python -m autograder.doctor`: does a sandbox start here? For `make setup`; `deepgrade doctor` attacks it too.

Prints nothing and exits with 0, or prints the cause and the cure in one sentence and exits with 2.
"""

from __future__ import annotations

import sys

from autograder import doctor
from autograder.core.errors import GraderError


def main() -> int:
    try:
        doctor.check_that_it_starts()
    except GraderError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
