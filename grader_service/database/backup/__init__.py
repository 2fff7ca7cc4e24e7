"""`deepgrade backup` and `restore`: all that must be kept, in one folder, while the service runs.

    FOLDER/
      backup.json            what is here: each file's size and SHA-256, the tables' version, when
      deepgrade.sqlite3      SQLite: a copy as of one moment, by its online backup
      deepgrade.dump         PostgreSQL: the same by pg_dump
      session.key  course.secret
      files/ab/abcd...       what DEEPGRADE_FILES holds, read by hash and so known to be whole

The folder has another name until all of it is on the disk: one without `.part` is whole. Whoever can read it knows all
that the service knows, so it is for nobody else's eyes; a secret that comes from DEEPGRADE_SECRET is not in it.

`backing_up` makes it, `contents` says what is in it, `restoring` puts it in place.

A restore looks at every byte first. It overwrites nothing: not a database, not a secret, not a table. What it has put
down when something fails is removed again.
"""

from __future__ import annotations

from grader_service.database.backup.backing_up import back_up
from grader_service.database.backup.contents import CONTENTS, SECRETS, Contents, check
from grader_service.database.backup.restoring import restore

__all__ = ["CONTENTS", "SECRETS", "Contents", "back_up", "check", "restore"]
