"""The declared figures of a request counted again, to stand beside the declared ones on the page of the reviewers."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
from pydantic import ConfigDict

from cohort.output_checking.checks.file_contents import ending_of
from cohort.output_checking.checks.pupil_sets import PublishedRows, PupilSet
from cohort.output_checking.checks.table_cells import CountedCell, count_cells, find_label_problems
from cohort.output_checking.checks.table_reading import ReadTable, decimals_of, read_number, read_table
from cohort.output_checking.request_declaration import DeclaredFile, RequestDeclaration, TableColumn
from cohort.storage import DocumentPart, StoragePath


class RecountedFigure(DocumentPart):
    """One figure of a file beside what the published table gives.

    Args:
        file: the file.
        row: the row in it, where the headings are row 1.
        column: the column, from 1.
        recounted: what the published table gives, written as in the file.
    """

    file: str
    row: int
    column: int
    recounted: str


class RequestRecount(DocumentPart):
    """What was counted again of one request when the checks ran."""

    model_config = ConfigDict(json_schema_extra={"$id": "output-recount-1"})

    project: str
    request: int
    published_rows: int | None
    """The rows of the published table; None where the project has no published table."""
    figures: tuple[RecountedFigure, ...]


def recount_figures(
    folder: StoragePath, declaration: RequestDeclaration, published: pa.Table
) -> tuple[RecountedFigure, ...]:
    """Count every declared figure of the tables again, as far as the published table gives it.

    Counts, shares, means, sums and standard deviations are; percentiles, minima, maxima and schools are not.
    """
    rows = PublishedRows(published)
    figures: list[RecountedFigure] = []
    for file in declaration.files:
        table = read_declared_table(folder, file, rows)
        if table is not None:
            figures += _recount_table(file, table, rows)
    return tuple(figures)


def read_declared_table(folder: StoragePath, file: DeclaredFile, rows: PublishedRows) -> ReadTable | None:
    """Read a declared table whose columns the published table has; None where it cannot be counted again."""
    path = folder / file.name
    if file.kind != "table" or ending_of(file.name) not in ("csv", "xlsx") or not path.is_file():
        return None
    table, _ = read_table(file, path.read_bytes())
    if table is None or any(one.code == "UNKNOWN_COLUMN" for one in find_label_problems(file, table, rows)):
        return None
    return table


def _recount_table(file: DeclaredFile, table: ReadTable, rows: PublishedRows) -> list[RecountedFigure]:
    cells = {(cell.row, cell.column.name): cell for cell in count_cells(file, table, rows)}
    figures = []
    for number, texts in enumerate(table.rows):
        for position, (column, text) in enumerate(zip(file.columns, texts, strict=True), 1):
            if text in file.hidden or read_number(text, file.decimal_mark) is None:
                continue
            value = _recount(column, cells, number, rows)
            if value is not None:
                decimals = 0 if column.role == "count" else decimals_of(text, file.decimal_mark)
                written = f"{value:.{decimals}f}".replace(".", file.decimal_mark)
                figures.append(RecountedFigure(file=file.name, row=number + 2, column=position, recounted=written))
    return figures


def _recount(
    column: TableColumn, cells: dict[tuple[int, str], CountedCell], row: int, rows: PublishedRows
) -> Decimal | float | None:
    if column.role == "count":
        return Decimal(cells[row, column.name].count)
    if column.base is None or column.of is None:
        return None
    pupils = cells[row, column.base].pupils & rows.select({}, column.of)
    if column.role == "share":
        return _recount_share(column, pupils, rows)
    return _recount_score(column, pupils, rows)


def _recount_share(column: TableColumn, pupils: PupilSet, rows: PublishedRows) -> Decimal | None:
    n = int(pupils.sum())
    level = rows.select({str(column.of): frozenset(column.level or [])})
    share = Decimal(int((pupils & level).sum())) / n if n else None
    return share if share is None or not column.percent else 100 * share


def _recount_score(column: TableColumn, pupils: PupilSet, rows: PublishedRows) -> float | None:
    numbers = rows.numbers(str(column.of))
    values = np.array([]) if numbers is None else numbers[pupils]
    if column.role == "mean" and len(values):
        return float(values.mean())
    if column.role == "sum" and len(values):
        return float(values.sum())
    if column.role == "sd" and len(values) > 1:
        return float(values.std(ddof=1))
    return None
