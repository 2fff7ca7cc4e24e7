"""What is said of a broker."""

from __future__ import annotations

NO_ANSWER = (
    "the broker of DEEPGRADE_BROKER does not answer ({why}); uploads are still accepted and graded, with "
    "a delay of some seconds"
)
