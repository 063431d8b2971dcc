"""Where reports stand: the exact form in the restricted zone, the rounded one in the open zone of reports.

Each is a JSON document and a page in every language beside it. The exact form of every release stays until the project
is destroyed. The rounded form is there for the published release alone: that of an earlier one would show by
subtraction what changed.
"""

from __future__ import annotations

from cohort.agreements import CountRounding
from cohort.foundation import StateRefused, describe_problem
from cohort.pages import LANGUAGE_CODES
from cohort.release_records import ReleaseRecord
from cohort.release_report import ReleaseReport, render_report_page
from cohort.report_figures.rounded_report import round_report
from cohort.storage import StoragePath, StorageZones, read_model_document, remove_tree, store_of, write_json_document


def write_exact_report(zones: StorageZones, report: ReleaseReport) -> tuple[str, ...]:
    """Write the exact report of a release and its pages; nobody but the platform's own user may read them.

    Returns:
        The names of the files.
    """
    return _write(zones.exact_reports(report.project), report, public=False)


def find_exact_report(zones: StorageZones, record: ReleaseRecord) -> ReleaseReport | None:
    """Read the exact report of a release; None of a release that was made by a version without reports.

    Raises:
        StateRefused: a report that is damaged, or of a version that this one does not know (exit code 15).
    """
    path = zones.exact_reports(record.project) / f"report-{record.release}.json"
    if not path.is_file():
        return None
    try:
        return read_model_document(path, ReleaseReport)
    except ValueError:
        raise StateRefused(
            describe_problem(
                "the report of a release",
                example="one that release wrote",
                found="one that cannot be read, or of a version that this one does not know",
                where=f"restricted/release-reports/{record.project}/{path.name}",
                do="Restore it from a backup, or make a new release",
            )
        ) from None


def renew_open_report(zones: StorageZones, shown: CountRounding, record: ReleaseRecord) -> tuple[str, ...]:
    """Write the rounded report of the published release in the place of every earlier one.

    Args:
        zones: the storage zones.
        shown: the platform's rules on shown counts.
        record: the record of the published release.

    Returns:
        The names of the files; none of a release without a report, or of which rows were taken out since: what was
        measured with them is not shown any more.
    """
    remove_open_reports(zones, record.project)
    report = find_exact_report(zones, record)
    if report is None or record.withdrawals:
        return ()
    return _write(zones.open_reports(record.project), round_report(report, shown), public=True)


def remove_open_reports(zones: StorageZones, project: str) -> None:
    """Remove every rounded report of a project."""
    remove_tree(zones.open_reports(project))


def _write(folder: StoragePath, report: ReleaseReport, *, public: bool) -> tuple[str, ...]:
    """Write the pages, and the document last."""
    names = []
    for language in LANGUAGE_CODES:
        name = f"report-{report.release}.{language}.html"
        content = render_report_page(report, language).encode()
        store_of(folder).write_whole(folder / name, content, public=public)
        names.append(name)
    names.append(f"report-{report.release}.json")
    write_json_document(folder / names[-1], report.model_dump(mode="json"), public=public)
    return tuple(names)
