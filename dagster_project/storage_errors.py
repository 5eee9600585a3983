"""A full disk, a folder that is read-only, a missing right: what another try does not cure and a person has to mend.

Belongs here: recognising such an error, whoever raised it. Does not belong here: what is done about it.
"""

import errno
import os

LASTING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
# The engine and SQLite, in which Dagster keeps its history, give no number, only words.
WORDS = (
    *(os.strerror(number) for number in LASTING),
    "database or disk is full",
    "attempt to write a readonly database",
    "unable to open database file",
    # What SQLite says when not even its journal finds room.
    "disk I/O error",
)


def lasting_problem(error: BaseException) -> str | None:
    """What is wrong with the disk, in one line, with the path where it is known; None for any other error."""
    if isinstance(error, OSError):
        return f"{error.strerror}: {error.filename}" if error.errno in LASTING else None
    message = str(error)
    return message.splitlines()[0] if any(words in message for words in WORDS) else None
