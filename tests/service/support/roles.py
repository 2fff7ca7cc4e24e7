"""Who reads a page: people inside and outside of the course."""

from __future__ import annotations

READERS = ("nobody", "stranger", "teacher", "owner", "student", "staff", "admin", "operator")


ROLES = {"owner": "student", "student": "student", "staff": "staff", "admin": "admin"}  # in the course `course`
