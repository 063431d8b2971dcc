"""Declarations of export formats (`conf/deliveries/<format>.toml`), and a file's format by its header.

Every supplier's export is declared once: what its columns are called, how its values are written. A header
is held against all of them; capitals, diacritics and the length of a dash make no difference, nor does the
order of the columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cohort.delivery_formats.header_names import (
    GarbledName,
    describe_unread_columns,
    fold_column_name,
    garbled_spellings,
)
from cohort.foundation import declarations
from cohort.foundation.declarations import Declaration
from cohort.foundation.delimited_text import split_fields
from cohort.foundation.errors import ConfigurationRefused, describe_problem
from cohort.states.schemas import CANONICAL_COLUMNS, REQUIRED_COLUMNS, SCORE_COLUMNS

MOMENT_COLUMNS = ("afnamedatum", "afnameperiode")
DIGITS = frozenset("0123456789")
PUPIL_ROW_PATTERN = re.compile("(?:[^0-9]*[0-9]){8}")
"""What a row begins like that has a pupil's number: a header has fewer digits."""
MIN_KNOWN_NAMES = 3
"""A first line with fewer known names may be no header but a pupil's row: nothing of it is told."""
CANONICAL_FORMAT = "canoniek"


class DeliveryFormat(Declaration):
    """One supplier's export. Values written otherwise than declared here are never guessed at.

    `columns` has every name by which a header may call a canonical column; `codes` what stands for what in
    a column (codes that are not there are refused); `sentinels` what stands for nothing in a column;
    `scope` whether a file is all there is of its school, year and moment, or each result on its own.
    """

    supplier: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    delimiter: Literal[";", ",", "\t", "|"]
    decimal: Literal[",", "."]
    dates: Literal["yyyy-mm-dd", "dd-mm-yyyy", "d-m-yyyy"]
    school_years: Literal["2024-2025", "2024/2025"]
    encodings: Annotated[list[Literal["UTF-8", "windows-1252"]], Field(min_length=1)]
    line_breaks: bool
    scope: Literal["whole", "results"]
    columns: dict[str, str]
    codes: dict[str, Annotated[dict[str, str], Field(min_length=1)]]
    sentinels: dict[str, list[str]]

    @model_validator(mode="after")
    def _holds(self) -> Self:
        wrong = []
        names = [fold_column_name(name) for name in self.columns]
        if len(set(names)) != len(names):
            wrong.append(_wrong("every name of a column once, capitals, diacritics, dashes apart", "one twice"))
        unknown = sorted({*self.columns.values(), *self.codes, *self.sentinels} - set(CANONICAL_COLUMNS))
        if unknown:
            wrong.append(_wrong("canonical columns", f"the unknown {', '.join(unknown)}"))
        if _lacking(self.columns.values()):
            wrong.append(_wrong("every column that a delivery must have", "one without a name"))
        if wrong:
            raise declarations.several_problems(wrong)
        return self

    @property
    def has_canonical_notation(self) -> bool:
        """Whether its values are written as those of the canonical format."""
        ways = (self.decimal, self.dates, self.school_years)
        return ways == (",", "yyyy-mm-dd", "2024-2025") and not self.codes and not self.sentinels

    @cached_property
    def column_by_name(self) -> dict[str, str]:
        return {fold_column_name(name): column for name, column in self.columns.items()}

    @cached_property
    def garbled_names(self) -> dict[str, GarbledName]:
        """What becomes of the names of columns where a text was saved or read in a wrong encoding."""
        return garbled_spellings(self.columns)


@dataclass(frozen=True)
class RecognisedHeader:
    """A header whose format is known: per place the canonical column, None for one that is not read on.

    `unread` are the places of those that are not read on, each with its name where it can be told.
    """

    format_name: str
    columns: tuple[str | None, ...]
    unread_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnrecognisedHeader:
    """A header that no format has: why, the format it is closest to, and where it differs from it.

    `missing` are names the format has; `unknown` places in the header, with a name where it can be told
    (of a garbled one the name that was meant); `columns` the canonical columns that are known.
    """

    reason: str
    closest_format: str
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    columns: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class DeliveryFormats:
    """Every declared format by its name."""

    declared: dict[str, DeliveryFormat]
    _seen: dict[str, RecognisedHeader | UnrecognisedHeader] = field(default_factory=dict, compare=False, repr=False)

    def __getitem__(self, name: str) -> DeliveryFormat:
        return self.declared[name]

    @property
    def delimiters(self) -> frozenset[str]:
        return frozenset(one.delimiter for one in self.declared.values())

    def recognise_line(self, line: str) -> RecognisedHeader | UnrecognisedHeader:
        """The format of a file whose header is this line: every declared delimiter is tried."""
        found = self._seen.get(line)
        if found is None:
            tried = [(mark, split_fields(line, mark)) for mark in sorted(self.delimiters)]
            found = self._best([(n, h) for n in self.declared for m, h in tried if self[n].delimiter == m])
            self._seen[line] = found
        return found

    def repeated_header_columns(self, name: str, fields: Sequence[str | None]) -> tuple[str | None, ...] | None:
        """The columns that a row below the header names, if it is a header once more, of any format."""
        cells = [cell or "" for cell in fields]
        if PUPIL_ROW_PATTERN.match("".join(cells)):
            return None
        words = set(map(fold_column_name, cells))
        if all(len(words & one.column_by_name.keys()) < MIN_KNOWN_NAMES for one in self.declared.values()):
            return None
        return tuple(self[name].column_by_name.get(fold_column_name(cell)) for cell in cells)

    def find_repeated_headers(
        self, rows: Iterable[str], found: RecognisedHeader, header: str
    ) -> dict[str, tuple[str | None, ...]]:
        """The rows that are a header once more, with the columns they name: files were glued together."""
        if set(map(itemgetter(0), rows)) <= DIGITS - {header[0]}:
            return {}
        mark = self[found.format_name].delimiter
        bare = {row for row in rows if not PUPIL_ROW_PATTERN.match(row)}
        columns = {row: self.repeated_header_columns(found.format_name, split_fields(row, mark)) for row in bare}
        return {row: named for row, named in columns.items() if named is not None}

    def recognise_names(self, names: Iterable[str]) -> RecognisedHeader | UnrecognisedHeader:
        """The format of a sheet with these names: no delimiter tells it."""
        header = tuple(names)
        return self._best([(name, header) for name in self.declared])

    def _best(self, headers: list[tuple[str, tuple[str, ...]]]) -> RecognisedHeader | UnrecognisedHeader:
        """The format that knows most names of those that have all they must; of two alike neither."""
        fits = []
        for name, header in headers:
            columns = tuple(self[name].column_by_name.get(fold_column_name(cell)) for cell in header)
            fits.append((len({c for c in columns if c}), name, header, columns))
        most = max(known for known, *_ in fits)
        whole = [fit for fit in fits if not _lacking(fit[3])]
        if whole:
            known, name, header, columns = max(whole, key=lambda fit: fit[0])
            named = [column for column in columns if column]
            if len(named) != len(set(named)):
                return UnrecognisedHeader("HEADER_TWICE", name)
            if sum(fit[0] == known for fit in whole) > 1:
                return UnrecognisedHeader("HEADER_AMBIGUOUS", name)
            if self._garbled(name, header, columns):
                return self._differs(name, header, columns, known)
            return RecognisedHeader(name, columns, tuple(describe_unread_columns(header, columns)))
        known, name, header, columns = next(fit for fit in fits if fit[0] == most)
        return self._differs(name, header, columns, known)

    def _garbled(self, name: str, header: tuple[str, ...], columns: tuple[str | None, ...]) -> dict[int, GarbledName]:
        """By their places the columns that have a name of the format as a wrong encoding leaves it."""
        strange = ((place, fold_column_name(cell)) for place, cell in enumerate(header) if not columns[place])
        return {place: self[name].garbled_names[cell] for place, cell in strange if cell in self[name].garbled_names}

    def _differs(
        self, name: str, header: tuple[str, ...], columns: tuple[str | None, ...], known: int
    ) -> UnrecognisedHeader:
        named = {column: cell for cell, column in reversed(self[name].columns.items())}
        missing = tuple(named[column] for column in _lacking(columns) if column in named)
        lost = self._garbled(name, header, columns) if known >= MIN_KNOWN_NAMES else {}
        meant = [lost[place].name if place in lost else cell for place, cell in enumerate(header)]
        unknown = tuple(describe_unread_columns(meant, columns, named=known >= MIN_KNOWN_NAMES))
        reasons = (one.reason for one in lost.values())
        return UnrecognisedHeader(min(reasons, default="HEADER_UNKNOWN"), name, missing, unknown, columns)


def load_delivery_formats(folder: Path) -> DeliveryFormats:
    """Every declared format of a configuration folder.

    Takes: the configuration folder; the declarations are in `deliveries/`.
    Refuses: none at all, and what `config.read` refuses; all problems at once (exit code 10).
    """
    problems: list[str] = []
    found: dict[str, DeliveryFormat] = {}
    for path in sorted((folder / "deliveries").glob("*.toml")):
        try:
            found[path.stem] = declarations.read_declaration(path, DeliveryFormat, where=f"deliveries/{path.name}")
        except ConfigurationRefused as refused:
            problems.extend(refused.problems)
    if not found and not problems:
        problems.append(_wrong("at least one declared format", "none").replace("<where>", "conf/deliveries"))
    if problems:
        raise ConfigurationRefused(*problems)
    return DeliveryFormats(found)


def _lacking(columns: Iterable[str | None]) -> tuple[str, ...]:
    """The canonical columns that a delivery must have, and these do not."""
    known = set(columns)
    lacking = [column for column in REQUIRED_COLUMNS if column not in known]
    for some in (MOMENT_COLUMNS, SCORE_COLUMNS):
        lacking += [] if known.intersection(some) else some
    return tuple(lacking)


def _wrong(what: str, found: str) -> str:
    return describe_problem(
        what, example="conf/deliveries/canoniek.toml", found=found, where="<where>", do="Correct the declaration"
    )
