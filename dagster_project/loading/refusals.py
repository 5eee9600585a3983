"""A file that cannot be loaded as a whole.

Belongs here: the exception that carries the message for the user. Does not belong here: rows that cannot be loaded
(`checks`).
"""


class FileRefusedError(Exception):
    """A file is refused; the message says what is wrong and what to do. Other files go on."""


class LoadError(Exception):
    """The loader broke a promise of its own, such as rows read = accepted + quarantined.

    A defect, never the user's mistake.
    """
