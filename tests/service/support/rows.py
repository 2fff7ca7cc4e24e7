"""Rows of the queue: a host, and the report of a job."""

from __future__ import annotations

from autograder.report.schema import Report
from grader_service.queue.hosts import Facts

FACTS = Facts("one", "i", ("cpu",), 2, 4000, "v", well=True)


REPORT = Report("double", "Twice as much", "graded", points=3, possible=5)
