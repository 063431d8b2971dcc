"""Tables that repeat the published table, one line per pupil or per group of few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cohort.output_checking.checks.part_finding import PartFinding, found
from cohort.output_checking.checks.pupil_sets import PublishedRows
from cohort.output_checking.checks.table_reading import ReadTable, read_number
from cohort.output_checking.request_declaration import DeclaredFile


def check_pupil_lines(file: DeclaredFile, table: ReadTable, rows: PublishedRows) -> Iterator[PartFinding]:
    """Find tables without counts, and tables whose lines are pupils."""
    counts = file.columns_of("count")
    if not counts:
        yield found("NO_COUNTS")
    lines = len(table.rows)
    if lines >= 0.5 * rows.size and lines > 20:
        yield found("LINE_PER_PUPIL", "", lines=lines)
    for column in counts:
        place = table.headings.index(column.name)
        numbers = [read_number(row[place], file.decimal_mark) for row in table.rows]
        if lines >= 10 and Counter(numbers)[next(iter(numbers))] == lines and numbers[0] == 1:
            yield found("LINE_PER_PUPIL", "", lines=lines)
    if len(file.columns_of("label")) > 3:
        yield found("LABELS_INSTEAD_OF_DIMENSIONS")
