"""The checksum of a table's released columns, computed without Spark.

It must equal `delta.checksum_rows`, by other code: the publication compares the two. A row is the text of its
values (of a whole number its digits), each after its length in characters and a colon, a null as `-`; the first 15
and the next 15 hexadecimal digits of the SHA-256 of that text are summed over all rows.
"""

from __future__ import annotations

import hashlib

from cohort.verification.record_runs import RecordRuns


def released_checksum(runs: RecordRuns) -> tuple[int, str]:
    """Return the number of rows and their checksum, hashing each run once."""
    totals = [0, 0]
    for codes, rows in zip(runs.codes.T.tolist(), runs.rows.tolist(), strict=True):
        labels = (column_labels[code] for column_labels, code in zip(runs.labels, codes, strict=True))
        first, second = hash_row("".join(map(length_prefixed, labels)))
        totals[0] += rows * first
        totals[1] += rows * second
    return runs.released_rows, f"{totals[0]:x}-{totals[1]:x}"


def length_prefixed(value: object) -> str:
    """Write one value, a text, a whole number or None, so that a row of values has exactly one reading."""
    text = str(value)
    return "-" if value is None else f"{len(text)}:{text}"


def hash_row(text: str) -> tuple[int, int]:
    """Return the first and the second 15 hexadecimal digits of the SHA-256 of a row's text, as numbers."""
    digits = hashlib.sha256(text.encode()).hexdigest()
    return int(digits[:15], 16), int(digits[15:30], 16)
