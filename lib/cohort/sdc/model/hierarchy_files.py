"""Hierarchy files as ARX and the programs beside it write them: `value;level 1;…;*`, no header.

In goes a file, out come the labels of its levels; whatever is not read is refused with its line. `;`, a tab,
`|` or `,` between the labels, quotes, byte order marks, any line ends, UTF-8 or UTF-16. ARX writes the row of
missing values with an empty first label: it is the leaf `onbekend`, as is a leaf that the file itself calls
`onbekend` one level up. So `onbekend` has one meaning.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cohort.foundation.delimited_text import UTF8, UTF16, UTF16_MARK_BYTES, UnreadableText, open_delimited_text
from cohort.foundation.errors import ConfigurationRefused, describe_problem

UNKNOWN = "onbekend"
"""The leaf that stands for null: a pupil without a value matches only a pupil without a value."""
_ENCODINGS = (UTF8, UTF16)
_DELIMITERS = ";\t|,"
"""In this order: a label may hold a comma (`0,3`), where another delimiter stands between the labels."""
_DECIMAL = re.compile(r"-?[0-9]+,[0-9]+")
EXAMPLE_ROWS = "`2014;2013-2014;*`"
LabelTable = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class HierarchyRow:
    """The line a row stands on, and its labels from the leaf up."""

    line: int
    labels: tuple[str, ...]


@dataclass(frozen=True)
class HierarchyLabels:
    """`labels[level][leaf]`, and further values, each with the leaf that it counts as."""

    labels: LabelTable
    joined: tuple[tuple[str, str], ...] = ()


def read_hierarchy_file(path: Path, name: str) -> HierarchyLabels:
    """Read the hierarchy file of a column.

    Takes: the file, the column it is for.
    Refuses: a file that cannot be read, rows of unequal length, an empty label, an invisible character, a
    header, the same value twice, `onbekend` for some values only of one coarser value: all problems at once,
    with their lines (exit code 10).
    """
    rows = _without_empty_last(_rows(path, name))
    problems = [*_problems(rows, path, name)]
    if problems:
        raise ConfigurationRefused(*problems)
    named = [HierarchyRow(row.line, _named(row.labels)) for row in rows]
    rows, joined = _with_one_unknown(named, path)
    return HierarchyLabels(tuple(zip(*(row.labels for row in rows), strict=True)), joined)


def _rows(path: Path, name: str) -> list[HierarchyRow]:
    """The rows that say something."""
    content = b""
    try:
        content = path.read_bytes()
        text = open_delimited_text(
            io.BytesIO(content), encodings=_ENCODINGS, delimiters=_delimiter(content), header=False
        )
        return [HierarchyRow(record.first_line, tuple(record.fields)) for record in text.records if any(record.fields)]
    except (OSError, UnicodeError, UnreadableText) as failure:
        raise ConfigurationRefused(
            describe_problem(
                f"a hierarchy file for column {name}",
                example=f"UTF-8 text with rows like {EXAMPLE_ROWS}",
                found=f"one that cannot be read ({_why(failure, content)})",
                where=str(path),
                do="Name a file that exists; save it as UTF-8, labels with a quote at both ends or none",
            )
        ) from None


def _why(failure: Exception, content: bytes) -> str:
    if not isinstance(failure, UnreadableText):
        return type(failure).__name__
    if failure.fault == "ENCODING" and not content.startswith(UTF16_MARK_BYTES):
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as undecodable:
            before = content[: undecodable.start]
            lines = before.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n")
            return f"bytes that are no UTF-8 in line {lines + 1}"
    return failure.description


def _delimiter(content: bytes) -> str:
    """What stands between the labels of the first row, by `DELIMITERS`."""
    wide = content.startswith(UTF16_MARK_BYTES)
    text = content.decode("utf-16" if wide else "utf-8", errors="replace").replace("\ufeff", "")
    first = next((line for line in text.splitlines() if line.strip()), "")
    if first.strip().strip('"').lower().startswith("sep="):
        return _DELIMITERS
    outside = "".join(first.split('"')[::2])
    if _DECIMAL.fullmatch(outside.strip()):
        return ";"
    return next((mark for mark in _DELIMITERS if mark in outside), ";")


def _without_empty_last(rows: list[HierarchyRow]) -> list[HierarchyRow]:
    """Rows without the empty label behind a delimiter that ends every line."""
    if rows and all(len(row.labels) > 1 and not row.labels[-1] for row in rows):
        return [HierarchyRow(row.line, row.labels[:-1]) for row in rows]
    return rows


def _problems(rows: Sequence[HierarchyRow], path: Path, name: str) -> Iterator[str]:
    def problem(line: int, what: str, found: str, do: str) -> str:
        return describe_problem(what, example=EXAMPLE_ROWS, found=found, where=f"{path}, line {line}", do=do)

    first_line: dict[str, int] = {}
    for row in rows:
        width = len(rows[0].labels)
        if len(row.labels) != width:
            what = f"{width} labels in every row, as in the first"
            yield problem(row.line, what, str(len(row.labels)), "Give every value a label at every level")
            continue
        if any(map(_invisible, row.labels)):
            found = "an invisible character in a label"
            yield problem(row.line, "labels of visible characters", found, "Write the label anew")
        if row.labels[0] and not all(label.strip() for label in row.labels):
            yield problem(row.line, "a label", "an empty one", "Write the label, `*` for all")
        earlier = first_line.setdefault(row.labels[0], row.line)
        if earlier != row.line:
            found = f"the same value twice (lines {earlier} and {row.line})"
            yield problem(row.line, "every value once", found, "Remove one row")
    if rows and rows[0].labels[0].strip().casefold() == name.casefold():
        found = "a header"
        yield problem(rows[0].line, "a value in the first row", found, "Remove the header: there is none")


def _invisible(label: str) -> bool:
    """Whether a label holds what no reader sees: marks, joiners, control characters, line ends."""
    return any(unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") for character in label)


def _named(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels of a row, in which what is not known is called `onbekend` and nothing else."""
    unknown = not labels[0]
    return tuple(
        UNKNOWN if label.strip().casefold() == UNKNOWN or (unknown and not label) else label for label in labels
    )


def _with_one_unknown(
    rows: Sequence[HierarchyRow], path: Path
) -> tuple[list[HierarchyRow], tuple[tuple[str, str], ...]]:
    """Rows in which `onbekend` is one leaf: an empty cell, and every value that the file calls so.

    nl;in Nederland;*         nl;in Nederland;*
    ?;onbekend;*         →    onbekend;onbekend;*      ? → onbekend
    ;onbekend;*
    """
    problems, joined = list[str](), list[tuple[str, str]]()
    found: list[HierarchyRow] = []
    own: HierarchyRow | None = None
    for row in rows:
        leaf, *coarser = row.labels
        if UNKNOWN in coarser and leaf != UNKNOWN and coarser[0] != UNKNOWN:
            problems.append(_two_meanings(f"line {row.line}", path))
            continue
        if leaf != UNKNOWN and UNKNOWN not in coarser:
            found.append(row)
            continue
        if leaf != UNKNOWN:
            joined.append((leaf, UNKNOWN))
        one = HierarchyRow(row.line, (UNKNOWN, *coarser))
        if own is None:
            own = one
            found.append(own)
        elif own.labels != one.labels:
            problems.append(_two_meanings(f"lines {own.line} and {one.line}", path))
    if joined and len(found) == 1:
        problems.append(_two_meanings("every line", path))
    if problems:
        raise ConfigurationRefused(*problems)
    return found, tuple(joined)


def _two_meanings(where: str, path: Path) -> str:
    return describe_problem(
        f"`{UNKNOWN}` to stand for the same values wherever it occurs, and for empty cells",
        example=f"`?;{UNKNOWN};*`, which joins `?` with the empty cells",
        found="it for other values, too",
        where=f"{path}, {where}",
        do="Give the coarser value another label: an empty cell is `onbekend` as well",
    )
