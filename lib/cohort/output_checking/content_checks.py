"""The checks of contents, run with the project's published table and the cells of everything released before.

What was counted again is kept beside the request, for the page of the reviewers.
"""

from __future__ import annotations

import re

import pyarrow as pa

from cohort.agreements import load_project
from cohort.delta import TABLE_ERRORS, read_small_table
from cohort.foundation import StateRefused, UsageRefused, describe_problem
from cohort.output_checking import checks
from cohort.output_checking.checks.pupil_sets import PublishedRows
from cohort.output_checking.checks.table_cells import count_cells
from cohort.output_checking.recounted_figures import RequestRecount, read_declared_table, recount_figures
from cohort.output_checking.request_checks import CheckSubject
from cohort.output_checking.request_declaration import DeclaredFile
from cohort.output_checking.request_events import OutputRequest, RequestFinding
from cohort.output_checking.request_submission import DECLARATION, read_request_declaration
from cohort.storage import StoragePath, StorageZones, read_model_document, write_json_document

RECOUNT = "recount.json"
UNDECLARED_FILE = re.compile(r"file ([0-9]+)")
NO_PUBLISHED_TABLE = "NO_PUBLISHED_TABLE"
"""The project has no published table: no figure could be counted again."""
RELEASED_NOT_COUNTED = "RELEASED_NOT_COUNTED"
"""A table that was released before cannot be counted in the published table of today, or counts otherwise there, as
after a later release: differences with it are not known.
"""


def check_contents(subject: CheckSubject, /) -> tuple[RequestFinding, ...]:
    """Check the files of a request, and keep what was counted again.

    Raises:
        StateRefused: the published table cannot be read (exit code 15).
    """
    environment, request = subject.environment, subject.request
    declaration = read_request_declaration((subject.folder / DECLARATION).read_bytes())
    published = _read_published_table(environment.zones, request.project)
    rows = PublishedRows(pa.table({}) if published is None else published)
    released, findings = _count_released(subject, rows)
    if published is None:
        findings.append(_find_about_request(NO_PUBLISHED_TABLE, "refuse"))
    project = load_project(environment.config, request.project, environment.platform)
    sensitive = project.sensitive_column
    context = checks.CheckContext(
        thresholds=environment.platform.output_checking,
        published_table=pa.table({}) if published is None else published,
        sensitive_columns=frozenset() if sensitive is None else frozenset({sensitive.name}),
        released_cells=tuple(released),
    )
    found = checks.check_request(subject.folder, declaration, context)
    findings += [_name_file(request, RequestFinding.model_validate(finding.model_dump())) for finding in found]
    recount = RequestRecount(
        project=request.project,
        request=request.number,
        published_rows=None if published is None else published.num_rows,
        figures=() if published is None else recount_figures(subject.folder, declaration, published),
    )
    folder = environment.zones.output_request(request.project, request.number)
    write_json_document(folder / RECOUNT, recount.model_dump(mode="json"))
    return tuple(findings)


def _name_file(request: OutputRequest, finding: RequestFinding) -> RequestFinding:
    """Let a finding about a file that is not declared stand at that file, which the checks tell by its place."""
    place = UNDECLARED_FILE.fullmatch(finding.file)
    if finding.code != "NOT_DECLARED" or place is None or not 0 < int(place[1]) <= len(request.files):
        return finding
    return finding.model_copy(update={"file": request.files[int(place[1]) - 1].name})


def load_recount(zones: StorageZones, request: OutputRequest) -> RequestRecount | None:
    """What the last run of the checks counted again; None where none did, or its document is damaged."""
    path = zones.output_request(request.project, request.number) / RECOUNT
    try:
        return read_model_document(path, RequestRecount)
    except (OSError, ValueError):
        return None


def _read_published_table(zones: StorageZones, project: str) -> pa.Table | None:
    try:
        return read_small_table(zones.published_table(project))
    except TABLE_ERRORS:
        raise StateRefused(
            describe_problem(
                "a published table that can be read",
                example="as the last release left it",
                found="one that cannot",
                where=f"projects/{project}",
                do="Run the verification of the table; then check the request again",
            )
        ) from None


def _count_released(
    subject: CheckSubject, rows: PublishedRows
) -> tuple[list[checks.ReleasedCell], list[RequestFinding]]:
    """The printed cells of everything that was ever released, and of which requests they are not known."""
    cells: list[checks.ReleasedCell] = []
    findings = []
    for request, folder in zip(subject.released, subject.released_folders, strict=True):
        try:
            declaration = read_request_declaration((folder / DECLARATION).read_bytes())
            tables = [file for file in declaration.files if file.kind == "table"]
            counted = [_count_printed_cells(folder, file, rows) for file in tables]
        except (UsageRefused, OSError):
            counted = [[]]
        if not all(counted) or any(is_other for of_table in counted for _, is_other in of_table):
            findings.append(_find_about_request(RELEASED_NOT_COUNTED, "look", f"request {request.number}"))
        cells += [cell for of_table in counted for cell, _ in of_table]
    return cells, findings


def _count_printed_cells(
    folder: StoragePath, file: DeclaredFile, rows: PublishedRows
) -> list[tuple[checks.ReleasedCell, bool]]:
    """Count the printed cells of a released table, each with whether it counts otherwise today than is printed."""
    table = read_declared_table(folder, file, rows)
    return [
        (
            checks.ReleasedCell(cell.selection, cell.column.rounded_to, cell.column.of, int(cell.printed)),
            abs(cell.printed - cell.count) >= cell.column.rounded_to,
        )
        for cell in ([] if table is None else count_cells(file, table, rows))
        if cell.printed is not None
    ]


def _find_about_request(code: str, severity: str, place: str = "") -> RequestFinding:
    return RequestFinding.model_validate(
        {"code": code, "severity": severity, "file": DECLARATION, "place": place, "parameters": {}}
    )
