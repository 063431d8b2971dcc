"""A delivery that cannot be read, told by a reason code alone: never by what stands in it."""

from __future__ import annotations


class Rejected(Exception):
    """What a reader of files raises when no row of a file can be trusted.

    Takes: a reason code (`reasons.FILE_REASONS`).
    Gives: `code`, also as its text.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
