"""The untrusted end: what runs inside the sandbox, with the student's files.

It holds no test, no expected value and no secret. Whoever takes it over can answer wrongly, and nothing more.
"""

FOLDER = "/tmp/submission"  # where the student's files are, in the sandbox
READY = b"ready\n"  # the first bytes of a worker: its walls stand, and no student code has run
