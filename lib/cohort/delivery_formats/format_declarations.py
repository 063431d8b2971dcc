"""Declared export formats (`conf/deliveries/<format>.toml`), and the recognition of a file's format by its header.

Every export of a supplier is declared once: the names of its columns, how its values are written. A header is compared
with all declarations; capitals, diacritics, lengths of dashes and the order of columns make no difference. Values that
are written otherwise than declared are refused, never guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from cohort.data_states import CANONICAL_COLUMNS, REQUIRED_COLUMNS, SCORE_COLUMNS
from cohort.delivery_formats.header_names import (
    GarbledName,
    describe_unread_columns,
    fold_column_name,
    garbled_spellings,
)
from cohort.foundation import (
    ConfigurationRefused,
    Declaration,
    describe_problem,
    read_declaration,
    several_problems,
    split_fields,
)

MOMENT_COLUMNS = ("afnamedatum", "afnameperiode")
DIGITS = frozenset("0123456789")
PUPIL_ROW_PATTERN = re.compile("(?:[^0-9]*[0-9]){8}")
"""The beginning of a row with a pupil number: a header has fewer digits."""
MIN_KNOWN_NAMES = 3
"""A first line with fewer known names may be the row of a pupil instead of a header: nothing of it is told."""
CANONICAL_FORMAT = "canoniek"


class DeliveryFormat(Declaration):
    """The declaration of one export of a supplier.

    Attributes:
        supplier: the name of the supplier.
        delimiter: the delimiter of a text.
        decimal: the decimal mark.
        dates: how dates are written.
        school_years: how school years are written.
        encodings: the encodings that a text may have.
        line_breaks: whether values may have line ends within quotes.
        scope: whether a file is all there is of its school, year and moment, or each result stands on its own.
        columns: every name that a header may have for a canonical column, with that column.
        codes: per column what its codes stand for; codes that are not listed are refused.
        sentinels: per column the texts that stand for no value.
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
    def _check_columns(self) -> Self:
        problems = []
        names = [fold_column_name(name) for name in self.columns]
        if len(set(names)) != len(names):
            problems.append(
                _format_problem("every name of a column once, capitals, diacritics, dashes apart", "one twice")
            )
        unknown = sorted({*self.columns.values(), *self.codes, *self.sentinels} - set(CANONICAL_COLUMNS))
        if unknown:
            problems.append(_format_problem("canonical columns", f"the unknown {', '.join(unknown)}"))
        if _missing_columns(self.columns.values()):
            problems.append(_format_problem("every column that a delivery must have", "one without a name"))
        if problems:
            raise several_problems(problems)
        return self

    @property
    def has_canonical_notation(self) -> bool:
        """Whether values are written as in the canonical format."""
        notation = (self.decimal, self.dates, self.school_years)
        return notation == (",", "yyyy-mm-dd", "2024-2025") and not self.codes and not self.sentinels

    @cached_property
    def column_by_name(self) -> dict[str, str]:
        """The canonical columns by their folded names."""
        return {fold_column_name(name): column for name, column in self.columns.items()}

    @cached_property
    def garbled_names(self) -> dict[str, GarbledName]:
        """The spellings that names of columns get where a text is saved or read in a wrong encoding."""
        return garbled_spellings(self.columns)


@dataclass(frozen=True)
class RecognisedHeader:
    """A header whose format is known.

    Attributes:
        format_name: the name of the format.
        columns: the canonical column at each position, None for a column that is not read.
        unread_columns: the positions of columns that are not read, each with its name where it may be told.
    """

    format_name: str
    columns: tuple[str | None, ...]
    unread_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnrecognisedHeader:
    """A header that no format has.

    Attributes:
        reason: the reason code.
        closest_format: the format that it is closest to.
        missing: names that this format has and the header lacks.
        unknown: positions in the header that this format does not know, each with its name where it may be told; for a
            garbled name, the name that was meant.
        columns: the canonical column at each position, None where it is not known.
    """

    reason: str
    closest_format: str
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    columns: tuple[str | None, ...] = ()


class _HeaderFit(NamedTuple):
    """A header compared with one format; `known_columns` counts the different canonical columns that it names."""

    known_columns: int
    format_name: str
    header: tuple[str, ...]
    columns: tuple[str | None, ...]


@dataclass(frozen=True)
class DeliveryFormats:
    """Every declared format by its name."""

    declared: dict[str, DeliveryFormat]
    _recognised_lines: dict[str, RecognisedHeader | UnrecognisedHeader] = field(
        default_factory=dict, compare=False, repr=False
    )

    def __getitem__(self, name: str) -> DeliveryFormat:
        return self.declared[name]

    @property
    def delimiters(self) -> frozenset[str]:
        """The delimiters of all formats."""
        return frozenset(declared.delimiter for declared in self.declared.values())

    def recognise_line(self, line: str) -> RecognisedHeader | UnrecognisedHeader:
        """Recognise the format of a text by its header line, cut at the delimiter of each format."""
        result = self._recognised_lines.get(line)
        if result is None:
            headers = {delimiter: split_fields(line, delimiter) for delimiter in sorted(self.delimiters)}
            result = self._best_fit({name: headers[declared.delimiter] for name, declared in self.declared.items()})
            self._recognised_lines[line] = result
        return result

    def recognise_names(self, names: Iterable[str]) -> RecognisedHeader | UnrecognisedHeader:
        """Recognise the format of a workbook by the names of its columns; delimiters do not matter."""
        header = tuple(names)
        return self._best_fit(dict.fromkeys(self.declared, header))

    def repeated_header_columns(self, format_name: str, fields: Sequence[str | None]) -> tuple[str | None, ...] | None:
        """Tell whether a row is a header of any format, which happens where files were glued together.

        Returns:
            The canonical columns that it names in the given format, None where it is no header.
        """
        cells = [cell or "" for cell in fields]
        if PUPIL_ROW_PATTERN.match("".join(cells)):
            return None
        names = set(map(fold_column_name, cells))
        if all(len(names & declared.column_by_name.keys()) < MIN_KNOWN_NAMES for declared in self.declared.values()):
            return None
        return tuple(self[format_name].column_by_name.get(fold_column_name(cell)) for cell in cells)

    def find_repeated_headers(
        self, rows: Iterable[str], header: RecognisedHeader, header_line: str
    ) -> dict[str, tuple[str | None, ...]]:
        """Find the rows of a text that are a header once more, with the canonical columns that they name."""
        if set(map(itemgetter(0), rows)) <= DIGITS - {header_line[0]}:
            return {}
        delimiter = self[header.format_name].delimiter
        candidates = {row for row in rows if not PUPIL_ROW_PATTERN.match(row)}
        columns = {
            row: self.repeated_header_columns(header.format_name, split_fields(row, delimiter)) for row in candidates
        }
        return {row: named for row, named in columns.items() if named is not None}

    def _best_fit(self, headers: dict[str, tuple[str, ...]]) -> RecognisedHeader | UnrecognisedHeader:
        """Choose the format with most known columns among those with all required columns; none where two are equal.

        Args:
            headers: the header by the name of each format, as that format cuts it.
        """
        fits = [self._fit(name, header) for name, header in headers.items()]
        complete = [fit for fit in fits if not _missing_columns(fit.columns)]
        if not complete:
            return self._describe_difference(max(fits, key=lambda fit: fit.known_columns))
        best = max(complete, key=lambda fit: fit.known_columns)
        named = [column for column in best.columns if column]
        if len(named) != len(set(named)):
            return UnrecognisedHeader("HEADER_TWICE", best.format_name)
        if sum(fit.known_columns == best.known_columns for fit in complete) > 1:
            return UnrecognisedHeader("HEADER_AMBIGUOUS", best.format_name)
        if self._garbled_columns(best):
            return self._describe_difference(best)
        unread_columns = tuple(describe_unread_columns(best.header, best.columns))
        return RecognisedHeader(best.format_name, best.columns, unread_columns)

    def _fit(self, name: str, header: tuple[str, ...]) -> _HeaderFit:
        columns = tuple(self[name].column_by_name.get(fold_column_name(cell)) for cell in header)
        return _HeaderFit(len({column for column in columns if column}), name, header, columns)

    def _garbled_columns(self, fit: _HeaderFit) -> dict[int, GarbledName]:
        """Find the columns, by their index, with a name of the format as a wrong encoding leaves it."""
        garbled_names = self[fit.format_name].garbled_names
        unknown = ((index, fold_column_name(cell)) for index, cell in enumerate(fit.header) if not fit.columns[index])
        return {index: garbled_names[name] for index, name in unknown if name in garbled_names}

    def _describe_difference(self, fit: _HeaderFit) -> UnrecognisedHeader:
        """Describe how a header differs from a format; without any of its names where it may be no header."""
        name_by_column = {column: name for name, column in reversed(self[fit.format_name].columns.items())}
        missing = tuple(name_by_column[c] for c in _missing_columns(fit.columns) if c in name_by_column)
        is_header = fit.known_columns >= MIN_KNOWN_NAMES
        garbled = self._garbled_columns(fit) if is_header else {}
        intended = [garbled[index].name if index in garbled else cell for index, cell in enumerate(fit.header)]
        unknown = tuple(describe_unread_columns(intended, fit.columns, with_names=is_header))
        reason = min((name.reason for name in garbled.values()), default="HEADER_UNKNOWN")
        return UnrecognisedHeader(reason, fit.format_name, missing, unknown, fit.columns)


def load_delivery_formats(folder: Path) -> DeliveryFormats:
    """Load every declared format.

    Args:
        folder: the configuration folder; the declarations are in `deliveries/`.

    Raises:
        ConfigurationRefused: there is no declaration, or one is wrong; all problems at once (exit code 10).
    """
    problems: list[str] = []
    declared: dict[str, DeliveryFormat] = {}
    for path in sorted((folder / "deliveries").glob("*.toml")):
        try:
            declared[path.stem] = read_declaration(path, DeliveryFormat, where=f"deliveries/{path.name}")
        except ConfigurationRefused as refused:
            problems.extend(refused.problems)
    if not declared and not problems:
        problems.append(_format_problem("at least one declared format", "none").replace("<where>", "conf/deliveries"))
    if problems:
        raise ConfigurationRefused(*problems)
    return DeliveryFormats(declared)


def _missing_columns(columns: Iterable[str | None]) -> tuple[str, ...]:
    """List the canonical columns that a delivery must have and that are not among `columns`."""
    present = set(columns)
    missing = [column for column in REQUIRED_COLUMNS if column not in present]
    for alternatives in (MOMENT_COLUMNS, SCORE_COLUMNS):
        missing += [] if present.intersection(alternatives) else alternatives
    return tuple(missing)


def _format_problem(expectation: str, found: str) -> str:
    return describe_problem(
        expectation, example="conf/deliveries/canoniek.toml", found=found, where="<where>", do="Correct the declaration"
    )
