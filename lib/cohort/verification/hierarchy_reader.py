"""Hierarchies as the verifier reads them, by code of its own: from their files and from declared bands."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from cohort.agreements.declared_columns import DeclaredColumn
from cohort.agreements.project import Project
from cohort.foundation.errors import ConfigurationRefused, describe_problem

UNKNOWN_LEAF = "onbekend"
TOP_LABEL = "*"
DECIMAL_NUMBER = re.compile(r"-?[0-9]+,[0-9]+")
UTF16_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
LabelPath = tuple[str, ...]
NumberSpan = tuple[float, float]
"""From a number up to, not including, another one."""


@dataclass(frozen=True)
class HierarchyPaths:
    """One hierarchy as text: for each leaf its labels from itself to the widest, in order.

    `joined`: further values, each with the leaf that it counts as.
    """

    rows: tuple[LabelPath, ...]
    joined: Mapping[str, str] = field(default_factory=dict)

    @property
    def leaves(self) -> LabelPath:
        return tuple(row[0] for row in self.rows)

    @property
    def labels(self) -> frozenset[str]:
        return frozenset(label for row in self.rows for label in row)

    @property
    def places(self) -> dict[str, int]:
        """The place of the leaf of every value."""
        found = {leaf: place for place, leaf in enumerate(self.leaves)}
        return {**found, **{value: found[leaf] for value, leaf in self.joined.items()}}


def read_hierarchy_paths(project: Project, folder: Path) -> dict[str, HierarchyPaths]:
    """The hierarchy of each released column; of a sensitive one the leaves alone, as it shows no others."""
    found = {}
    for column in project.columns:
        of_file = column.bands is None
        own = read_hierarchy_file(folder / f"{column.hierarchy}.csv") if of_file else declared_band_paths(column)
        leaves_alone = column.role == "sensitive"
        found[column.name] = HierarchyPaths(tuple(row[:1] for row in own.rows), own.joined) if leaves_alone else own
    return found


def read_hierarchy_file(file: Path) -> HierarchyPaths:
    """Read a hierarchy file: `leaf;…;widest`, no header; null and an empty leaf are `onbekend`.

    Gives: where the file does not name `onbekend`, it is the last leaf, and is itself at every level but
    a last level with one label for all. Leaves that the file calls `onbekend` one level up are `onbekend`.
    Refuses: a file that cannot be read, or with lines of several lengths (exit code 10).
    """
    try:
        rows = [*_records(file.read_bytes())]
    except (OSError, UnicodeError, csv.Error):
        rows = []
    if rows and all(not row[-1] for row in rows):  # a delimiter at the end of every line
        rows = [row[:-1] for row in rows]
    if not rows or len({len(row) for row in rows}) > 1:
        raise ConfigurationRefused(
            describe_problem(
                "a hierarchy of equally long lines",
                example="2014;2013-2014;*",
                found="none or another",
                where=f"hierarchies/{file.name}",
                do="Restore the file the release was made with",
            )
        )
    named = [_named(row) for row in rows]
    joined = {row[0]: UNKNOWN_LEAF for row in named if row[0] != UNKNOWN_LEAF and UNKNOWN_LEAF in row[1:2]}
    merged = dict.fromkeys((UNKNOWN_LEAF, *row[1:]) if row[0] in joined else row for row in named)
    if all(row[0] != UNKNOWN_LEAF for row in merged):
        width, widest = len(named[0]), {row[-1] for row in merged}
        top = widest.pop() if width > 1 and len(widest) == 1 else UNKNOWN_LEAF
        merged[(*[UNKNOWN_LEAF] * (width - 1), top)] = None
    return HierarchyPaths(tuple(merged), joined)


def declared_band_paths(column: DeclaredColumn) -> HierarchyPaths:
    """The leaves and labels of declared bands; `onbekend` is the last leaf, which only `*` takes in."""
    bands = column.bands
    if bands is None:
        raise TypeError("a column without declared bands")
    unit = 4 if column.born == "quarter" else 1
    step = bands.step
    inner: list[NumberSpan] = [(low, low + step) for low in range(bands.from_ * unit, bands.to * unit, step)]
    below: list[NumberSpan] = [(-inf, bands.from_ * unit)] if bands.below else []
    above: list[NumberSpan] = [(bands.to * unit, inf)] if bands.above else []
    leaves = [*below, *inner, *above]
    levels = [leaves, *(_wider(leaves, width * unit) for width in bands.widths)]
    rows = [(*(band_label(span, column.born) for span in path), TOP_LABEL) for path in zip(*levels, strict=True)]
    return HierarchyPaths((*rows, (*[UNKNOWN_LEAF] * len(levels), TOP_LABEL)))


def band_label(span: NumberSpan, born: str | None) -> str:
    """What a band is called: `20 tot 40`, `60 en hoger`, `tot 0`, `7`; `2013/14`, `2013-K1`."""
    low, high = span
    if low == -inf:
        return f"tot {_edge(high, born)}"
    if high == inf:
        return f"{_edge(low, born)} en hoger"
    if born == "quarter" and high - low == 1:
        return f"{int(low) // 4}-K{int(low) % 4 + 1}"
    one = high - low == (4 if born == "quarter" else 1)
    return _edge(low, born) if one else f"{_edge(low, born)} tot {_edge(high, born)}"


def _edge(value: float, born: str | None) -> str:
    whole = int(value) // 4 if born == "quarter" else int(value)
    return f"{whole}/{(whole + 1) % 100:02d}" if born == "cohort" else str(whole)


def _wider(leaves: Sequence[NumberSpan], width: int) -> list[NumberSpan]:
    """For each leaf the span of all leaves that begin, or for the lowest end, in the same band of a width."""
    numbers = [int((high - 1 if low == -inf else low) // width) for low, high in leaves]
    found: dict[int, NumberSpan] = {}
    for number, (low, high) in zip(numbers, leaves, strict=True):
        first, last = found.get(number, (low, high))
        found[number] = (min(first, low), max(last, high))
    return [found[number] for number in numbers]


def _records(content: bytes) -> Iterator[LabelPath]:
    """The rows that say something, cut at the delimiter of the first of them."""
    text = content.decode("utf-16" if content.startswith(UTF16_BYTE_ORDER_MARKS) else "utf-8")
    lines = [line.lstrip("\ufeff") for line in io.StringIO(text, newline="")]
    lines = [line for line in lines if not line.lower().strip().strip('"').startswith("sep=")]
    outside = "".join(next((line for line in lines if line.strip()), "").split('"')[::2])
    one_decimal = DECIMAL_NUMBER.fullmatch(outside.strip())
    delimiter = next((mark for mark in ";\t|," if mark in outside and not one_decimal), ";")
    for cells in csv.reader(lines, delimiter=delimiter, strict=True):
        if any(cells):
            yield tuple(cells)


def _named(row: LabelPath) -> LabelPath:
    """A row in which what is not known is called `onbekend` and nothing else."""
    unknown = not row[0]
    return tuple(
        UNKNOWN_LEAF if label.strip().lower() == UNKNOWN_LEAF or (unknown and not label) else label for label in row
    )
