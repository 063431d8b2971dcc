"""The cells of a declared table with the pupils that each counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from cohort.output_checking.checks.part_finding import PartFinding, found
from cohort.output_checking.checks.pupil_sets import PublishedRows, PupilSet, Selection, select_cell
from cohort.output_checking.checks.table_reading import ReadTable, read_number
from cohort.output_checking.request_declaration import DeclaredFile, TableColumn


@dataclass(frozen=True, eq=False)
class CountedCell:
    """A count of a table, as written and as the published table gives it.

    Args:
        row: the row of the table, from 0.
        column: the column of counts.
        selection: which labels it counts.
        pupils: which pupils it counts.
        count: how many they are.
        printed: the figure in the file; None where it is left out.
        place: where it stands.
    """

    row: int
    column: TableColumn
    selection: Selection
    pupils: PupilSet
    count: int
    printed: Decimal | None
    place: str


def find_label_problems(file: DeclaredFile, table: ReadTable, rows: PublishedRows) -> Iterator[PartFinding]:
    """Find columns and words that the published table does not have, and rows that stand twice."""
    columns = [*file.filters, *(c.column for c in file.columns_of("dimension")), *(c.of for c in file.columns if c.of)]
    unknown = sorted({column for column in columns if column is not None and not rows.has(column)})
    if unknown:
        yield found("UNKNOWN_COLUMN", "declaration", columns=len(unknown))
        return
    if any(not set(labels) <= set(rows.labels(column)) for column, labels in file.filters.items()):
        yield found("UNKNOWN_LABEL", "filters")
    keys: set[tuple[str, ...]] = set()
    dimensions = file.columns_of("dimension")
    for number, texts in enumerate(table.rows):
        words = dict(zip(table.headings, texts, strict=True))
        for column in dimensions:
            word = words[column.name]
            wanted = column.values.get(word, [word])
            if word != column.total and not set(wanted) <= set(rows.labels(str(column.column))):
                yield found("UNKNOWN_LABEL", table.place(number, column.name))
        key = tuple(words[column.name] for column in dimensions)
        if key in keys:
            yield found("CELL_TWICE", table.place(number))
        keys.add(key)


def count_cells(file: DeclaredFile, table: ReadTable, rows: PublishedRows) -> list[CountedCell]:
    """Count every declared count again from the published table."""
    cells = []
    for number, texts in enumerate(table.rows):
        words = dict(zip(table.headings, texts, strict=True))
        selection = select_cell(file, words)
        for column in file.columns_of("count"):
            pupils = rows.select(selection, column.of)
            text = words[column.name]
            printed = None if text in file.hidden else read_number(text, file.decimal_mark)
            place = table.place(number, column.name)
            cells.append(CountedCell(number, column, selection, pupils, int(pupils.sum()), printed, place))
    return cells
