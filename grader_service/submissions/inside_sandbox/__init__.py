"""Modules that run in a sandbox and are never imported here. They read files of students and return plain values.

`sandboxed` sends a file of this folder into a sandbox, as a grading sends a student's file.
"""
