"""A delivery that cannot be read, told by a reason code alone: never by what stands in it."""

from __future__ import annotations


class Rejected(Exception):
    """What a reader of files raises when no row of a file can be trusted.

    Takes: a reason code (`reasons.FILE_REASONS`), and the BRIN of the school that is to hear of it, if known.
    Gives: `code`, also as its text, and `school`.
    """

    def __init__(self, code: str, school: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.school = school
