"""Reader of declared lists: a CSV file that a TOML file beside it declares, read strictly or not at all.

In: the folder of one kind of list and its `ListDefinition`. Out: the lists with parsed lines, and every problem
of the folder at once, by file and line, never with the text of a cell. Called by the modules of objections,
consents, instructions and number changes; a folder with a problem must not be used.

Spellings that mean the same are read alike: with or without a header, `;`, `,`, a tab or `|`, any line ends,
delimiters at the end of lines, byte order marks, empty lines, Excel's `sep=;`, UTF-8, windows-1252 or UTF-16
with its mark, columns in any order under a header.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar, cast

from pydantic import Field

from cohort.foundation import Declaration, DelimitedRecord, Refusal, UnreadableText, describe_problem, read_declaration
from cohort.legal_basis import list_text
from cohort.legal_basis.list_columns import CORRECT_THE_LIST, InvalidCell, ListColumn
from cohort.release_records import AppliedList
from cohort.storage import StoragePath

GIVE_EVERY_COLUMN = "Give every line all the columns, the empty ones too: a number alone has no certain meaning"
SAVE_AS_UTF8 = "Save it as CSV UTF-8 with these columns, or ask its keeper for a new one"


class ListDeclaration(Declaration):
    """What is declared of every list."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.csv$")]
    date: dt.date
    source: Annotated[str, Field(min_length=1)]


class DatedListDeclaration(ListDeclaration):
    """What is declared of a list that goes stale, and that says whether it is meant to be empty."""

    max_age_days: Annotated[int, Field(ge=1)]
    declared_empty: bool


T = TypeVar("T")
D = TypeVar("D", bound=ListDeclaration)


@dataclass(frozen=True, repr=False)
class ListLine:
    """One line: its number in the file, its cells as text, its place in messages, and its parsed values.

    `line[COLUMN]` is the parsed value of a column. The repr has the place only.
    """

    number: int
    cells: Mapping[str, str]
    where: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"ListLine({self.where})"

    def __getitem__(self, column: ListColumn[T]) -> T:
        return cast(T, self.values[column.name])


def accept_every_line(_: ListLine) -> Iterator[InvalidCell]:
    """The check of a list in which no cell depends on another one."""
    yield from ()


@dataclass(frozen=True)
class ListDefinition(Generic[D]):
    """One kind of list.

    Args:
        folder: the name of the folder of its lists under the storage root.
        columns: the columns, in the order of a list without a header.
        declaration: what a list of this kind declares.
        refusal: the refusal that its problems make.
        check_line: what must hold between the cells of a line, for lines whose cells are all valid.
    """

    folder: str
    columns: tuple[ListColumn[Any], ...]
    declaration: type[D]
    refusal: type[Refusal]
    check_line: Callable[[ListLine], Iterable[InvalidCell]] = accept_every_line

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def problem(self, what: str, example: str, found: str, where: str, do: str = CORRECT_THE_LIST) -> str:
        """One problem as a sentence; `where` is that of a line, or `place` of a file."""
        return describe_problem(what, example=example, found=found, where=where, do=do)

    def place(self, file: str) -> str:
        """The name of a file of the folder in messages."""
        return f"{self.folder}/{file}"


@dataclass(frozen=True)
class DeclaredList(Generic[D]):
    """One list as read: its name (that of its declaration), what is declared, the file's SHA-256, its lines."""

    name: str
    declaration: D
    sha256: str
    lines: tuple[ListLine, ...]

    def as_applied(self) -> AppliedList:
        """What records say of a list: no line of it."""
        return AppliedList(
            name=self.name,
            source=self.declaration.source,
            date=str(self.declaration.date),
            sha256=self.sha256,
            rows=len(self.lines),
        )


def read_declared_lists(
    definition: ListDefinition[D],
    folder: StoragePath,
    today: dt.date,
    problems: list[str],
    *,
    max_age_days: int | None = None,
) -> tuple[DeclaredList[D], ...]:
    """Read every list of a folder.

    Args:
        definition: the kind of list.
        folder: the folder of the lists; none there means that there are no lists.
        today: the present day.
        problems: receives every problem as a sentence. The caller adds those that it finds between lines, and
            raises `definition.refusal(*problems)` when there are any: a folder with a problem is not used.
        max_age_days: the greatest age of a list with a `DatedListDeclaration` that the platform allows.

    Returns:
        The lists that could be read, in the order of their names. Problems are: a declaration that
        `read_declaration` refuses; two declarations of one file; a list dated ahead, older than it or the
        platform allows, missing, unreadable, with other columns, or empty without `declared_empty`; an
        invalid cell or line; a file that none declares.
    """
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    lists, declared_files = list[DeclaredList[D]](), Counter[str]()
    for file in (file for file in files if file.suffix == ".toml"):
        where = definition.place(file.name)
        try:
            declaration = read_declaration(file, definition.declaration, where=where, refusal=definition.refusal)
        except Refusal as refused:
            problems.extend(refused.problems)
            declared_files[f"{file.stem}.csv"] += 0
            continue
        declared_files[declaration.file] += 1
        problems.extend(_check_age(definition, where, declaration, today, max_age_days))
        content = _read_list_file(definition, folder / declaration.file, declaration, problems)
        if content is not None:
            lists.append(DeclaredList(file.stem, declaration, *content))
    problems.extend(_check_declared_once(definition, declared_files))
    problems.extend(_check_all_declared(definition, files, declared_files))
    return tuple(lists)


def digest_declared_lists(lists: Iterable[DeclaredList[D]]) -> str:
    """One SHA-256 over lists and their declarations without dates: a list renewed unchanged has the same one."""
    lines = sorted(
        f"{one.name} {one.sha256} {one.declaration.model_dump_json(exclude={'date', 'max_age_days'})}\n"
        for one in lists
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _check_declared_once(definition: ListDefinition[D], declared_files: Counter[str]) -> Iterator[str]:
    what, example = "one declaration of a list", "one .toml beside its .csv"
    for name in (name for name, times in declared_files.items() if times > 1):
        yield definition.problem(what, example, "two that name it", definition.place(name))


def _check_all_declared(
    definition: ListDefinition[D], files: Iterable[StoragePath], declared_files: Counter[str]
) -> Iterator[str]:
    what, example = "only declared lists", "a .toml beside every .csv"
    for file in (file for file in files if file.suffix != ".toml" and file.name not in declared_files):
        yield definition.problem(what, example, "a file that none declares", definition.place(file.name))


def _check_age(
    definition: ListDefinition[D], where: str, declaration: D, today: dt.date, max_age_days: int | None
) -> Iterator[str]:
    if declaration.date > today:
        yield definition.problem("a list dated today or before", str(today), "a later date", where)
    if isinstance(declaration, DatedListDeclaration):
        own = declaration.max_age_days
        days = own if max_age_days is None else min(own, max_age_days)
        if (today - declaration.date).days > days:
            what, found = f"a list of at most {days} days old", f"one of {declaration.date}"
            yield definition.problem(what, f"one of {today}", found, where)


def _read_list_file(
    definition: ListDefinition[D], path: StoragePath, declaration: D, problems: list[str]
) -> tuple[str, tuple[ListLine, ...]] | None:
    """The SHA-256 and the lines of a file; None, with a problem, where it cannot be read as such a list."""
    columns, place = ";".join(definition.column_names), definition.place(path.name)
    try:
        content = path.read_bytes()
        records = list_text.read_list_records(content, len(definition.columns))
    except FileNotFoundError:
        problems.append(definition.problem("the list that is declared", path.name, "no such file", place))
        return None
    except OSError:
        problems.append(definition.problem("a readable UTF-8 list", columns, "one that cannot be read", place))
        return None
    except UnreadableText as unreadable:
        problems.append(
            definition.problem("a readable UTF-8 list", columns, unreadable.description, place, SAVE_AS_UTF8)
        )
        return None
    header = list_text.match_header(definition.column_names, records[0].fields) if records else None
    if header is None and (problem := _check_without_header(definition, records, place)):
        problems.append(problem)
        return None
    records = records[header is not None :]
    if not records and isinstance(declaration, DatedListDeclaration) and not declaration.declared_empty:
        problems.append(definition.problem("a line, or declared_empty = true", "one line", "an empty list", place))
    lines = tuple(_read_lines(definition, records, header or definition.column_names, place, problems))
    return hashlib.sha256(content).hexdigest(), lines


def _check_without_header(definition: ListDefinition[D], records: list[DelimitedRecord], place: str) -> str | None:
    """Why records that do not begin with the header cannot be lines of the list, if so."""
    columns = ";".join(definition.column_names)
    what = f"the columns {columns}"
    if not records:
        return definition.problem(what, columns, "nothing", place)
    if list_text.looks_like_header(records[0].fields):
        missing = list_text.columns_missing_from_header(definition.column_names, records[0].fields)
        found = f"a header without {', '.join(missing)}" if missing else "a column twice, or more columns"
        return definition.problem(what, columns, found, f"{place} line {records[0].first_line}")
    if list_text.has_single_column(records):
        return definition.problem(what, columns, "one column, without a header", place, GIVE_EVERY_COLUMN)
    return None


def _read_lines(
    definition: ListDefinition[D],
    records: Iterable[DelimitedRecord],
    order: Iterable[str],
    place: str,
    problems: list[str],
) -> Iterator[ListLine]:
    """The valid lines of a file, under columns in a given order; every other one adds its problems."""
    columns, order = ";".join(definition.column_names), tuple(order)
    for record in records:
        where = f"{place} line {record.first_line}"
        if len(record.fields) != len(order) or record.last_line > record.first_line:
            found = (
                f"{len(record.fields)} cells" if record.last_line == record.first_line else "a cell over several lines"
            )
            problems.append(definition.problem(f"the columns {columns} in every line", columns, found, where))
            continue
        line, invalid_cells = _parse_line(
            definition, ListLine(record.first_line, dict(zip(order, record.fields, strict=True)), where)
        )
        problems.extend(definition.problem(one.what, one.example, one.found, where, one.do) for one in invalid_cells)
        if not invalid_cells:
            yield line


def _parse_line(definition: ListDefinition[D], line: ListLine) -> tuple[ListLine, list[InvalidCell]]:
    """The line with the values of its cells, and what is wrong with it."""
    values, invalid_cells = dict[str, object](), list[InvalidCell]()
    for column in definition.columns:
        try:
            values[column.name] = column.parse(line.cells[column.name])
        except InvalidCell as invalid:
            invalid_cells.append(invalid)
    line = ListLine(line.number, line.cells, line.where, values)
    return line, invalid_cells or list(definition.check_line(line))
