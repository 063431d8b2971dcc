"""The verifier's own reader of generalisation hierarchies: hierarchy files and declared bands.

Input: a project's columns and the folder of hierarchy files. Output: per column the path of labels from each
leaf to the widest one. Shares no code with the package that generalises.
"""

from __future__ import annotations

import csv
import io
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from cohort.agreements import DeclaredColumn, Project
from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.storage import StoragePath

UNKNOWN_LEAF = "onbekend"
TOP_LABEL = "*"
DECIMAL_NUMBER = re.compile(r"-?[0-9]+,[0-9]+")
UTF16_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
QUARTERS_PER_YEAR = 4
LabelPath = tuple[str, ...]
"""The labels of one leaf, from itself to the widest."""
NumberSpan = tuple[float, float]
"""A half-open interval: lower bound included, upper bound excluded."""


@dataclass(frozen=True)
class HierarchyPaths:
    """One hierarchy as text.

    Args:
        paths: per leaf its labels from itself to the widest, in the order of the file.
        aliases: further values, each with the leaf that it counts as.
    """

    paths: tuple[LabelPath, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def leaves(self) -> LabelPath:
        return tuple(path[0] for path in self.paths)

    @property
    def labels(self) -> frozenset[str]:
        """Every label of any level."""
        return frozenset(label for path in self.paths for label in path)

    @property
    def leaf_positions(self) -> dict[str, int]:
        """The position of its leaf for every value, aliases included."""
        positions = {leaf: position for position, leaf in enumerate(self.leaves)}
        return {**positions, **{value: positions[leaf] for value, leaf in self.aliases.items()}}


def read_hierarchy_paths(project: Project, folder: StoragePath) -> dict[str, HierarchyPaths]:
    """Read the hierarchy of each released column; of a sensitive column only the leaves, as it shows no others."""
    hierarchies = {}
    for column in project.columns:
        from_file = column.bands is None
        own = (
            read_hierarchy_paths_of_file(folder / f"{column.hierarchy}.csv")
            if from_file
            else declared_band_paths(column)
        )
        leaves_only = column.role == "sensitive"
        hierarchies[column.name] = (
            HierarchyPaths(tuple(path[:1] for path in own.paths), own.aliases) if leaves_only else own
        )
    return hierarchies


def read_hierarchy_paths_of_file(file: StoragePath) -> HierarchyPaths:
    """Read a hierarchy file: lines `leaf;…;widest` without a header.

    Null and an empty leaf are `onbekend`. Where the file does not name `onbekend`, it becomes the last leaf; its
    label is `onbekend` at every level, except at a last level that has one label for all. Leaves that the file
    calls `onbekend` one level up are aliases of `onbekend`.

    Raises:
        ConfigurationRefused: the file cannot be read, or its lines differ in length (exit code 10).
    """
    try:
        lines = [*_lines_with_text(file.read_bytes())]
    except (OSError, UnicodeError, csv.Error):
        lines = []
    if lines and all(not line[-1] for line in lines):  # a delimiter at the end of every line
        lines = [line[:-1] for line in lines]
    if not lines or len({len(line) for line in lines}) > 1:
        raise ConfigurationRefused(
            describe_problem(
                "a hierarchy of equally long lines",
                example="2014;2013-2014;*",
                found="none or another",
                where=f"hierarchies/{file.name}",
                do="Restore the file the release was made with",
            )
        )
    paths = [_with_unknown_label(line) for line in lines]
    aliases = {path[0]: UNKNOWN_LEAF for path in paths if path[0] != UNKNOWN_LEAF and UNKNOWN_LEAF in path[1:2]}
    merged = dict.fromkeys((UNKNOWN_LEAF, *path[1:]) if path[0] in aliases else path for path in paths)
    if all(path[0] != UNKNOWN_LEAF for path in merged):
        width, widest_labels = len(paths[0]), {path[-1] for path in merged}
        top = widest_labels.pop() if width > 1 and len(widest_labels) == 1 else UNKNOWN_LEAF
        merged[(*[UNKNOWN_LEAF] * (width - 1), top)] = None
    return HierarchyPaths(tuple(merged), aliases)


def declared_band_paths(column: DeclaredColumn) -> HierarchyPaths:
    """Build the hierarchy of a column with declared bands; `onbekend` is its last leaf, only under `*`."""
    levels = declared_band_spans(column)
    paths = [(*(band_label(span, column.born) for span in path), TOP_LABEL) for path in zip(*levels, strict=True)]
    return HierarchyPaths((*paths, (*[UNKNOWN_LEAF] * len(levels), TOP_LABEL)))


def declared_band_spans(column: DeclaredColumn) -> list[list[NumberSpan]]:
    """Return per level, from the leaves on, the band of each leaf, in years or numbers (of `quarter` in quarters)."""
    bands = column.bands
    if bands is None:
        raise TypeError("a column without declared bands")
    unit = _units_per_number(column.born)
    step = bands.step
    inner: list[NumberSpan] = [(low, low + step) for low in range(bands.from_ * unit, bands.to * unit, step)]
    below: list[NumberSpan] = [(-inf, bands.from_ * unit)] if bands.below else []
    above: list[NumberSpan] = [(bands.to * unit, inf)] if bands.above else []
    leaves = [*below, *inner, *above]
    if bands.edges:
        return [leaves, *(_join_between(leaves, [edge * unit for edge in edges]) for edges in bands.edges)]
    return [leaves, *(_widen(leaves, width * unit) for width in bands.widths)]


def band_label(span: NumberSpan, born: str | None) -> str:
    """Name a band: `20 tot 40`, `60 en hoger`, `tot 0`, `7`; of birth dates `2013/14`, `2013-K1`.

    Args:
        span: the band, in years, or in quarters where `born` is `quarter`.
        born: how a column is made from the date of birth; None for other columns.
    """
    low, high = span
    if low == -inf:
        return f"tot {_bound_label(high, born)}"
    if high == inf:
        return f"{_bound_label(low, born)} en hoger"
    if born == "quarter" and high - low == 1:
        return f"{int(low) // QUARTERS_PER_YEAR}-K{int(low) % QUARTERS_PER_YEAR + 1}"
    is_single = high - low == _units_per_number(born)
    return _bound_label(low, born) if is_single else f"{_bound_label(low, born)} tot {_bound_label(high, born)}"


def _units_per_number(born: str | None) -> int:
    return QUARTERS_PER_YEAR if born == "quarter" else 1


def _bound_label(value: float, born: str | None) -> str:
    whole = int(value) // _units_per_number(born)
    return f"{whole}/{(whole + 1) % 100:02d}" if born == "cohort" else str(whole)


def _widen(leaves: Sequence[NumberSpan], width: int) -> list[NumberSpan]:
    """Return for each leaf the span of all leaves that begin in the same band of `width`.

    The lowest open end counts by the number just below its upper bound.
    """
    return _join_spans(leaves, [int((high - 1 if low == -inf else low) // width) for low, high in leaves])


def _join_between(leaves: Sequence[NumberSpan], edges: Sequence[int]) -> list[NumberSpan]:
    """Return for each leaf the span of all leaves that lie between the same two edges."""
    return _join_spans(leaves, [bisect_right(edges, low) for low, _ in leaves])


def _join_spans(leaves: Sequence[NumberSpan], numbers: Sequence[int]) -> list[NumberSpan]:
    """Return for each leaf the span of all leaves with its number."""
    spans: dict[int, NumberSpan] = {}
    for number, (low, high) in zip(numbers, leaves, strict=True):
        first, last = spans.get(number, (low, high))
        spans[number] = (min(first, low), max(last, high))
    return [spans[number] for number in numbers]


def _lines_with_text(content: bytes) -> Iterator[LabelPath]:
    """Yield the lines that are not empty, split at the delimiter of the first of them."""
    text = content.decode("utf-16" if content.startswith(UTF16_BYTE_ORDER_MARKS) else "utf-8")
    lines = [line.lstrip("\ufeff") for line in io.StringIO(text, newline="")]
    lines = [line for line in lines if not line.lower().strip().strip('"').startswith("sep=")]
    unquoted = "".join(next((line for line in lines if line.strip()), "").split('"')[::2])
    is_one_decimal = DECIMAL_NUMBER.fullmatch(unquoted.strip())
    delimiter = next((mark for mark in ";\t|," if mark in unquoted and not is_one_decimal), ";")
    for cells in csv.reader(lines, delimiter=delimiter, strict=True):
        if any(cells):
            yield tuple(cells)


def _with_unknown_label(line: LabelPath) -> LabelPath:
    """Write every spelling of `onbekend`, and the empty labels of an empty leaf, as `onbekend`."""
    has_empty_leaf = not line[0]
    return tuple(
        UNKNOWN_LEAF if label.strip().lower() == UNKNOWN_LEAF or (has_empty_leaf and not label) else label
        for label in line
    )
