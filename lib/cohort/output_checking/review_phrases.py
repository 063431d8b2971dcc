"""The words of the reviewers' page in one language: states, kinds, roles, findings and places."""

from __future__ import annotations

import re

from openpyxl.utils.cell import coordinate_to_tuple

from cohort.output_checking.checks import FINDING_TEXTS, OutputFinding, describe_finding
from cohort.output_checking.content_checks import NO_PUBLISHED_TABLE, RELEASED_NOT_COUNTED
from cohort.output_checking.request_checks import UNCHECKED
from cohort.output_checking.request_events import RequestFinding, RequestState
from cohort.pages import PageLanguage, gettext_noop

STATE_NAMES = {
    RequestState.SUBMITTED: gettext_noop("handed in; the checks have not run"),
    RequestState.UNDER_REVIEW: gettext_noop("under review"),
    RequestState.APPROVED: gettext_noop("approved by both reviewers, not released yet"),
    RequestState.RETURNED: gettext_noop("returned to the researcher"),
    RequestState.REJECTED: gettext_noop("rejected by both reviewers"),
    RequestState.RELEASED: gettext_noop("released"),
    RequestState.WITHDRAWN: gettext_noop("withdrawn"),
}
KIND_NAMES = {
    "table": gettext_noop("table"),
    "regression": gettext_noop("coefficients of a regression"),
    "figure": gettext_noop("picture"),
    "text": gettext_noop("text"),
}
ROLE_NAMES = {
    "dimension": gettext_noop("breakdown"),
    "label": gettext_noop("words that repeat a breakdown"),
    "count": gettext_noop("number of pupils"),
    "mean": gettext_noop("mean"),
    "sd": gettext_noop("standard deviation"),
    "share": gettext_noop("share"),
    "percentile": gettext_noop("percentile"),
    "min": gettext_noop("minimum"),
    "max": gettext_noop("maximum"),
    "sum": gettext_noop("sum"),
    "schools": gettext_noop("number of schools"),
    "largest": gettext_noop("pupils of the largest school"),
    "second": gettext_noop("pupils of the second school"),
}
DECISION_NAMES = {
    "approve": gettext_noop("approve"),
    "return": gettext_noop("return"),
    "reject": gettext_noop("reject"),
}
OWN_FINDINGS = {
    UNCHECKED: gettext_noop("No check of contents ran. Check the file by hand."),
    NO_PUBLISHED_TABLE: gettext_noop(
        "The project has no published table, so no figure could be counted again. Release the table first."
    ),
    RELEASED_NOT_COUNTED: gettext_noop(
        "A table that was released before cannot be counted in the published table of today, or counts otherwise "
        "there, as after a later release. So small differences with it were not searched. Lay the two beside each "
        "other."
    ),
}
"""Findings that are not of the checks of files; `FINDING_TEXTS` has those."""
PLACE = re.compile(r"row (?P<row>[0-9]+)(?:, column (?P<column>[0-9]+))?")
CELL_OF_WORKBOOK = re.compile(r"[A-Z]{1,3}[1-9][0-9]{0,6}")


def describe_request_finding(finding: RequestFinding, language: PageLanguage) -> str:
    """What was found, and what to do, as sentences; the code itself where nothing is known of it."""
    if finding.code in OWN_FINDINGS:
        return language.gettext(OWN_FINDINGS[finding.code])
    if finding.code in FINDING_TEXTS:
        return describe_finding(OutputFinding.model_validate(finding.model_dump()), language.code)
    return finding.code


def describe_place(place: str, language: PageLanguage) -> str:
    """Where something was found, in words."""
    read = PLACE.fullmatch(place)
    if read is None:
        return place
    if read["column"] is None:
        return language.gettext("row %(row)s", row=read["row"])
    return language.gettext("row %(row)s, column %(column)s", row=read["row"], column=read["column"])


def parse_place(place: str) -> tuple[int, int | None] | None:
    """The row of a place and its column, None for the row as a whole; None for a place that is no row."""
    read = PLACE.fullmatch(place)
    if read is not None:
        return int(read["row"]), None if read["column"] is None else int(read["column"])
    if CELL_OF_WORKBOOK.fullmatch(place):
        row, column = coordinate_to_tuple(place)
        return row, column
    return None
