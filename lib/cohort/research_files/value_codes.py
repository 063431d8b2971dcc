"""Numeric codes of the values of a column, for files of statistical programs.

A code follows from the hierarchy alone and not from what occurs, so a value keeps its code from release to release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cohort.research_files.codebook_document import MISSING_CODES, MissingKind
from cohort.sdc import UNKNOWN_VALUE, Hierarchy

EVERYTHING_VALUE = "*"
_MISSING: Mapping[str, MissingKind] = {UNKNOWN_VALUE: "unknown", EVERYTHING_VALUE: "generalised"}


@dataclass(frozen=True)
class CodedValue:
    """A value of a hierarchy: its code, the finest level that has it, and its kind of missing value, if it is one."""

    value: str
    code: int
    level: int
    missing: MissingKind | None = None


def code_values(hierarchy: Hierarchy) -> dict[str, CodedValue]:
    """Give a code to every value of any level, in their order: by the first leaf that a value stands for, narrow first.

        values  1, 2, 0, 9, `niet opgegeven`    I, `I of II`, II    0 tot 20, `0 tot 40`, 20 tot 40
        codes   1, 2, 0, 9, 1001                1, 1001, 2          1, 1001, 2

    A leaf that is a whole number is its own code, and other leaves are counted from 1, or beside numbers with the wide
    values. Wide values are counted from 1001, or above the leaves where these are more. `onbekend` and `*` have the
    codes of missing values, and come last.
    """
    values = _order_values(hierarchy)
    leaf_codes = _code_leaves([leaf for leaf in values if leaf in hierarchy.leaves and leaf not in _MISSING])
    following = int(10 ** max(3, len(str(max(leaf_codes.values(), default=0)))))
    coded = {}
    for value, level in values.items():
        if value in leaf_codes:
            coded[value] = CodedValue(value, leaf_codes[value], level)
        elif value not in _MISSING:
            following += 1
            coded[value] = CodedValue(value, following, level)
    for value, kind in _MISSING.items():
        if value in values:
            coded[value] = CodedValue(value, MISSING_CODES[kind], values[value], kind)
    return coded


def _code_leaves(leaves: Sequence[str]) -> dict[str, int]:
    """Give leaves their codes: those that are whole numbers their own, if there are any; otherwise their places."""
    own = {leaf: int(leaf) for leaf in leaves if leaf.isascii() and leaf.isdigit() and str(int(leaf)) == leaf}
    if own and not any(leaf.startswith("-") for leaf in leaves):  # negative codes are those of missing values
        return own
    return {leaf: place for place, leaf in enumerate(leaves, start=1)}


def _order_values(hierarchy: Hierarchy) -> dict[str, int]:
    """The finest level of every value, in the order of the first leaf that the value stands for, then of its level."""
    first: dict[str, tuple[int, int]] = {}
    for level, labels in enumerate(hierarchy.labels):
        for leaf, value in enumerate(labels):
            if value not in first:
                first[value] = leaf, level
    return {value: first[value][1] for value in sorted(first, key=first.__getitem__)}
