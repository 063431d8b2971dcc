"""Reader of hierarchy files in the format of ARX: one row `value;level 1;…;*` per leaf, no header.

In goes a file, out come the labels of its levels. The reader accepts `;`, a tab, `|` or `,` between the labels,
quotes, byte order marks, any line ends, UTF-8 and UTF-16; anything else is refused with its line number. ARX writes
missing values as a row with an empty first label: here that is the leaf `onbekend`, and so is a leaf that the file
itself generalises to `onbekend` at level 1. So `onbekend` has one meaning in every hierarchy.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cohort.foundation import (
    UTF8,
    UTF16,
    UTF16_MARK_BYTES,
    ConfigurationRefused,
    UnreadableText,
    describe_problem,
    open_delimited_text,
)

UNKNOWN_VALUE = "onbekend"
"""The leaf for null: a pupil without a value is equal only to other pupils without a value."""
_ENCODINGS = (UTF8, UTF16)
_DELIMITERS = ";\t|,"
"""In this order of preference: where another delimiter separates the labels, a comma belongs to a label (`0,3`)."""
_DECIMAL = re.compile(r"-?[0-9]+,[0-9]+")
EXAMPLE_ROWS = "`2014;2013-2014;*`"
LabelTable = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class HierarchyRow:
    """A row of a hierarchy file: its line number, and its labels from the leaf up."""

    line: int
    labels: tuple[str, ...]


@dataclass(frozen=True)
class HierarchyLabels:
    """The content of a hierarchy file: `labels[level][leaf]`, and further values with the leaf that each counts as."""

    labels: LabelTable
    aliases: tuple[tuple[str, str], ...] = ()


def read_hierarchy_file(path: Path, name: str) -> HierarchyLabels:
    """Read the hierarchy file of a column.

    Args:
        path: the file.
        name: the column, to recognise a header.

    Raises:
        ConfigurationRefused: the file cannot be read, rows differ in length, a label is empty or has an invisible
            character, there is a header, a value occurs twice, or `onbekend` stands for other values too. All
            problems at once, with their lines (exit code 10).
    """
    rows = _drop_empty_last_labels(_read_rows(path, name))
    problems = [*_row_problems(rows, path, name)]
    if problems:
        raise ConfigurationRefused(*problems)
    named = [HierarchyRow(row.line, _unify_unknown(row.labels)) for row in rows]
    rows, aliases = _merge_unknown_leaves(named, path)
    return HierarchyLabels(tuple(zip(*(row.labels for row in rows), strict=True)), aliases)


def _read_rows(path: Path, name: str) -> list[HierarchyRow]:
    """The rows that have at least one label."""
    content = b""
    try:
        content = path.read_bytes()
        text = open_delimited_text(
            io.BytesIO(content), encodings=_ENCODINGS, delimiters=_detect_delimiter(content), header=False
        )
        return [HierarchyRow(record.first_line, tuple(record.fields)) for record in text.records if any(record.fields)]
    except (OSError, UnicodeError, UnreadableText) as failure:
        raise ConfigurationRefused(
            describe_problem(
                f"a hierarchy file for column {name}",
                example=f"UTF-8 text with rows like {EXAMPLE_ROWS}",
                found=f"one that cannot be read ({_describe_failure(failure, content)})",
                where=str(path),
                do="Name a file that exists; save it as UTF-8, labels with a quote at both ends or none",
            )
        ) from None


def _describe_failure(failure: Exception, content: bytes) -> str:
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


def _detect_delimiter(content: bytes) -> str:
    """The delimiter between the labels of the first row: the first of `_DELIMITERS` that occurs in it."""
    wide = content.startswith(UTF16_MARK_BYTES)
    text = content.decode("utf-16" if wide else "utf-8", errors="replace").replace("\ufeff", "")
    first = next((line for line in text.splitlines() if line.strip()), "")
    if first.strip().strip('"').lower().startswith("sep="):
        return _DELIMITERS
    outside = "".join(first.split('"')[::2])
    if _DECIMAL.fullmatch(outside.strip()):
        return ";"
    return next((mark for mark in _DELIMITERS if mark in outside), ";")


def _drop_empty_last_labels(rows: list[HierarchyRow]) -> list[HierarchyRow]:
    """Remove the empty last label of every row, where every line ends with a delimiter."""
    if rows and all(len(row.labels) > 1 and not row.labels[-1] for row in rows):
        return [HierarchyRow(row.line, row.labels[:-1]) for row in rows]
    return rows


def _row_problems(rows: Sequence[HierarchyRow], path: Path, name: str) -> Iterator[str]:
    def problem(line: int, what: str, found: str, do: str) -> str:
        return describe_problem(what, example=EXAMPLE_ROWS, found=found, where=f"{path}, line {line}", do=do)

    first_line: dict[str, int] = {}
    for row in rows:
        width = len(rows[0].labels)
        if len(row.labels) != width:
            what = f"{width} labels in every row, as in the first"
            yield problem(row.line, what, str(len(row.labels)), "Give every value a label at every level")
            continue
        if any(map(_has_invisible_character, row.labels)):
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


def _has_invisible_character(label: str) -> bool:
    """Whether a label has a character that is not visible: a mark, joiner, control character or line end."""
    return any(unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") for character in label)


def _unify_unknown(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels of a row, with every spelling of `onbekend`, and an empty leaf, as `onbekend`."""
    unknown = not labels[0]
    return tuple(
        UNKNOWN_VALUE if label.strip().casefold() == UNKNOWN_VALUE or (unknown and not label) else label
        for label in labels
    )


def _merge_unknown_leaves(
    rows: Sequence[HierarchyRow], path: Path
) -> tuple[list[HierarchyRow], tuple[tuple[str, str], ...]]:
    """Merge the leaves that mean `onbekend` into one: an empty label, and every value generalised to `onbekend`.

    nl;in Nederland;*         nl;in Nederland;*
    ?;onbekend;*         →    onbekend;onbekend;*      ? → onbekend
    ;onbekend;*
    """
    problems, aliases = list[str](), list[tuple[str, str]]()
    merged: list[HierarchyRow] = []
    unknown_row: HierarchyRow | None = None
    for row in rows:
        leaf, *coarser = row.labels
        if UNKNOWN_VALUE in coarser and leaf != UNKNOWN_VALUE and coarser[0] != UNKNOWN_VALUE:
            problems.append(_ambiguous_unknown_problem(f"line {row.line}", path))
            continue
        if leaf != UNKNOWN_VALUE and UNKNOWN_VALUE not in coarser:
            merged.append(row)
            continue
        if leaf != UNKNOWN_VALUE:
            aliases.append((leaf, UNKNOWN_VALUE))
        as_unknown = HierarchyRow(row.line, (UNKNOWN_VALUE, *coarser))
        if unknown_row is None:
            unknown_row = as_unknown
            merged.append(unknown_row)
        elif unknown_row.labels != as_unknown.labels:
            problems.append(_ambiguous_unknown_problem(f"lines {unknown_row.line} and {as_unknown.line}", path))
    if aliases and len(merged) == 1:
        problems.append(_ambiguous_unknown_problem("every line", path))
    if problems:
        raise ConfigurationRefused(*problems)
    return merged, tuple(aliases)


def _ambiguous_unknown_problem(where: str, path: Path) -> str:
    return describe_problem(
        f"`{UNKNOWN_VALUE}` to stand for the same values wherever it occurs, and for empty cells",
        example=f"`?;{UNKNOWN_VALUE};*`, which joins `?` with the empty cells",
        found="it for other values, too",
        where=f"{path}, {where}",
        do="Give the coarser value another label: an empty cell is `onbekend` as well",
    )
