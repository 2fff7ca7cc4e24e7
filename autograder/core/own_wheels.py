"""The two distributions of this repository, and how to install what one of them is without.

    deepgrade         the engine and the commands of students
    deepgrade-staff   the service, the assignments and their solutions; needs `deepgrade` of the same version

Neither name is registered with a package index, so only a wheel's path or a checkout can be named to pip. Whoever asks
an index for one of the names may get a stranger's package.
"""

from __future__ import annotations

from autograder import __version__

STUDENTS, STAFF = "deepgrade", "deepgrade-staff"


def staff_wheel(extra: str = "") -> str:
    """The file name of staff's wheel, with an extra as pip wants it: deepgrade_staff-0.1.0-py3-none-any.whl[s3]."""
    name = f"{STAFF.replace('-', '_')}-{__version__}-py3-none-any.whl"
    return f"{name}[{extra}]" if extra else name


def how_to_install(extra: str) -> str:
    """The way out of a missing package, as the end of a sentence."""
    return (
        f"run `pip install './{staff_wheel(extra)}'` where that wheel is, or `pip install -e 'staff[{extra}]'` in a "
        "checkout"
    )
