"""All checks of one output request."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from cohort.output_checking.checks.cell_rules import (
    check_contributors,
    check_counts,
    check_figures,
    check_groups,
    check_written_figures,
)
from cohort.output_checking.checks.check_context import CheckContext
from cohort.output_checking.checks.figure_contents import check_png, check_svg
from cohort.output_checking.checks.file_contents import decode_strictly, ending_of, is_text_ending
from cohort.output_checking.checks.linked_bounds import (
    KnownCount,
    find_computable_cells,
    find_small_differences,
    known_count,
    released_count,
)
from cohort.output_checking.checks.output_finding import OutputFinding
from cohort.output_checking.checks.part_finding import PartFinding, found
from cohort.output_checking.checks.pdf_contents import check_pdf
from cohort.output_checking.checks.personal_numbers import find_identifiers_in_cells
from cohort.output_checking.checks.pupil_lines import check_pupil_lines
from cohort.output_checking.checks.pupil_sets import PublishedRows
from cohort.output_checking.checks.regression_rules import check_acro_results, check_coefficients, check_regression
from cohort.output_checking.checks.request_folder import read_declared_files
from cohort.output_checking.checks.table_cells import count_cells, find_label_problems
from cohort.output_checking.checks.table_reading import read_table
from cohort.output_checking.checks.text_rules import check_text
from cohort.output_checking.checks.workbook_contents import check_workbook
from cohort.output_checking.request_declaration import DeclaredFile, RequestDeclaration
from cohort.storage import StoragePath


def check_request(
    folder: StoragePath, declaration: RequestDeclaration, context: CheckContext
) -> tuple[OutputFinding, ...]:
    """Check every file of a request.

    Args:
        folder: the request, with its files.
        declaration: its `request.toml`.
        context: limits, the published table and what was released before.

    Returns:
        What was found, by file; nothing of it holds a value of a person.
    """
    rows = PublishedRows(context.published_table)
    contents, findings = read_declared_files(folder, declaration, context)
    texts = {name: text for name, content in contents.items() if (text := _text_of(name, content)) is not None}
    delimiters = {file.name: file.delimiter for file in declaration.files}
    for name, text in texts.items():
        cells = re.split(f'[{delimiters[name]}"\n\r]', text) if ending_of(name) == "csv" else [text]
        codes = find_identifiers_in_cells(cells, context.identifier_patterns)
        findings += [found(code).in_file(name) for code in codes]
    counts: list[KnownCount] = []
    for file in declaration.files:
        if file.name in contents:
            parts, own_counts = _check_file(file, contents[file.name], declaration, context, rows)
            findings += [part.in_file(file.name) for part in parts]
            counts += own_counts
    counts += [released_count(cell, rows) for cell in context.released_cells]
    for name, part in (
        *find_small_differences(counts, context.thresholds),
        *find_computable_cells(counts, rows, context.thresholds),
    ):
        findings.append(part.in_file(name))
    return _each_once(findings)


def _text_of(name: str, content: bytes) -> str | None:
    """The text of a file in which numbers are searched for; of workbooks and figures the parts with words are."""
    ending = ending_of(name)
    return decode_strictly(content) if is_text_ending(ending) and ending != "svg" else None


def _check_file(
    file: DeclaredFile, content: bytes, declaration: RequestDeclaration, context: CheckContext, rows: PublishedRows
) -> tuple[list[PartFinding], list[KnownCount]]:
    if file.kind == "table":
        return _check_table(file, content, context, rows)
    checks = {"regression": _check_regression, "figure": _check_figure, "text": _check_text}
    return list(checks[file.kind](file, content, declaration, context, rows)), []


def _check_table(
    file: DeclaredFile, content: bytes, context: CheckContext, rows: PublishedRows
) -> tuple[list[PartFinding], list[KnownCount]]:
    is_workbook = ending_of(file.name) == "xlsx"
    findings = list(check_workbook(content)) if is_workbook else []
    table, problems = read_table(file, content)
    findings += problems
    if table is None:
        return findings, []
    if is_workbook:
        texts = [text for row in (table.headings, *table.rows) for text in row]
        findings += [found(code) for code in find_identifiers_in_cells(texts, context.identifier_patterns)]
    if len(table.rows) + 1 > context.thresholds.rows:
        findings.append(found("TOO_MANY_ROWS", rows=context.thresholds.rows))
        return findings, []
    findings += [*check_pupil_lines(file, table, rows), *check_written_figures(file, table, context.thresholds)]
    label_problems = list(find_label_problems(file, table, rows))
    findings += label_problems
    if any(problem.code == "UNKNOWN_COLUMN" for problem in label_problems):
        return findings, []
    cells = count_cells(file, table, rows)
    findings += check_counts(cells, context.thresholds)
    findings += check_contributors(file, table, cells, context.thresholds)
    findings += check_figures(file, table, rows, cells, context.thresholds)
    findings += check_groups(file, cells, context)
    return findings, [known_count(cell, file.name) for cell in cells]


def _check_regression(
    file: DeclaredFile, content: bytes, declaration: RequestDeclaration, context: CheckContext, rows: PublishedRows
) -> Iterator[PartFinding]:
    text = decode_strictly(content) or ""
    yield from check_regression(file, rows, context.thresholds)
    if ending_of(file.name) == "json":
        yield from check_acro_results(text, declaration, context.thresholds)
        return
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=file.delimiter, strict=True))
    except csv.Error:
        yield found("UNREADABLE")
        return
    yield from check_coefficients(file, lines)


def _check_figure(
    file: DeclaredFile, content: bytes, declaration: RequestDeclaration, context: CheckContext, rows: PublishedRows
) -> Iterator[PartFinding]:
    del declaration, rows
    checks = {"png": check_png, "svg": check_svg, "pdf": check_pdf}
    yield from checks[ending_of(file.name)](content, context.thresholds)


def _check_text(
    file: DeclaredFile, content: bytes, declaration: RequestDeclaration, context: CheckContext, rows: PublishedRows
) -> Iterator[PartFinding]:
    del file, declaration, rows
    yield from check_text(decode_strictly(content) or "", context.thresholds)


def _each_once(findings: list[OutputFinding]) -> tuple[OutputFinding, ...]:
    unique = {(f.file, f.code, f.place): f for f in findings}
    return tuple(sorted(unique.values(), key=lambda f: (f.file, f.severity != "refuse", f.code, f.place)))
