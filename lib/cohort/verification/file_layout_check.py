"""Whether rows are sorted by their released values only, with equal records in one file.

Any other order or split could tell rows of one record apart. Checks ORDER and SPLIT.
"""

from __future__ import annotations

import numpy as np

from cohort.verification.findings import Finding, finding_if_any
from cohort.verification.record_runs import IntArray, RecordRuns


def check_file_layout(runs: RecordRuns) -> list[Finding]:
    """Check ORDER, counted in neighbouring rows of a file, and SPLIT, counted in records.

    Rows are sorted by the quasi-identifiers, column by column, then by the sensitive value.
    """
    earlier, later = slice(None, -1), slice(1, None)
    is_wrong = np.zeros(max(len(runs.file) - 1, 0), dtype=bool)
    for labels, codes in reversed(runs.columns_in_sort_order):
        rank = _rank_labels(labels)[codes]
        is_wrong = (rank[earlier] > rank[later]) | ((rank[earlier] == rank[later]) & is_wrong)
    is_wrong &= runs.file[earlier] == runs.file[later]
    record_of_file = np.unique(np.stack([runs.record_of_run, runs.file]), axis=1)[0]
    is_split = np.bincount(record_of_file) > 1
    return [*finding_if_any("ORDER", int(is_wrong.sum())), *finding_if_any("SPLIT", int(is_split.sum()))]


def _rank_labels(labels: tuple[str | None, ...]) -> IntArray:
    """Return the rank of each label in Spark's order of texts: null first, then by UTF-8 bytes."""

    def sort_key(position: int) -> bytes:
        label = labels[position]
        return b"" if label is None else b"." + label.encode()

    ranks = np.empty(len(labels), dtype=np.int64)
    ranks[sorted(range(len(labels)), key=sort_key)] = np.arange(len(labels))
    return ranks
