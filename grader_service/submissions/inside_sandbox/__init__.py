"""What runs in a sandbox and is never imported here: it meets what students wrote, and answers with plain values.

`sandboxed` hands a file of this folder to a worker, as a grading hands in a student's.
"""
