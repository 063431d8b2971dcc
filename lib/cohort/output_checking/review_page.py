"""The page of a request for its reviewers, in Dutch and English, made from what is stored of the request.

It has no script and loads nothing. What a reviewer decided stands on it only when both have decided.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import Environment as PageEnvironment
from markupsafe import Markup

from cohort.agreements import Environment
from cohort.foundation import StateRefused, UsageRefused
from cohort.output_checking.content_checks import load_recount
from cohort.output_checking.file_previews import FilePreview, preview_file
from cohort.output_checking.recounted_figures import RequestRecount
from cohort.output_checking.request_declaration import DeclaredFile
from cohort.output_checking.request_events import OutputRequest, RequestFile, RequestFinding, RequestState
from cohort.output_checking.request_store import load_requests, read_request_file
from cohort.output_checking.request_submission import DECLARATION, read_request_declaration
from cohort.output_checking.review_phrases import (
    DECISION_NAMES,
    KIND_NAMES,
    ROLE_NAMES,
    STATE_NAMES,
    describe_place,
    describe_request_finding,
    parse_place,
)
from cohort.output_checking.reviews import (
    REVIEWERS,
    ReviewDecisions,
    list_output_files,
    load_reviews,
    make_decision_form,
    write_decision_form,
)
from cohort.pages import LANGUAGE_CODES, NOT_IN_XML, PageLanguage, load_language, make_page_environment
from cohort.storage import StoragePath, StorageZones, store_of

REVIEW_PAGES = {"nl": "beoordeling.html", "en": "review.html"}
"""The page in each language, beside the files of the request."""
STYLE_SHEETS = ("pages.css", "review.css")


@dataclass(frozen=True)
class NumberedFinding:
    """A finding with its number on the page."""

    number: int
    finding: RequestFinding


@dataclass(frozen=True)
class ReviewedFile:
    """A file as the page shows it.

    Args:
        file: the file.
        declared: what the researcher declares of it; None where it is not declared.
        preview: what is shown of it.
        findings: what was found in it.
        recounted: figures of the published table, by row and column of the file.
    """

    file: RequestFile
    declared: DeclaredFile | None
    preview: FilePreview
    findings: tuple[NumberedFinding, ...]
    recounted: dict[tuple[int, int], str]

    def findings_at(self, row: int, column: int | None) -> list[NumberedFinding]:
        """What was found in a cell, or with None in the row as a whole."""
        return [one for one in self.findings if parse_place(one.finding.place) == (row, column)]


def refresh_review_pages(environment: Environment, project: str) -> None:
    """Write the form and the pages of every request of which something happened since; the caller holds the lock."""
    for request in load_requests(environment.zones, project):
        path = _page_path(environment.zones, request, LANGUAGE_CODES[-1])
        if not path.is_file() or _make_mark(request).encode() not in path.read_bytes():
            write_review_pages(environment.zones, request)


def write_review_pages(zones: StorageZones, request: OutputRequest) -> None:
    """Write the form of a request and its page in each language."""
    write_decision_form(zones, request)
    recount, numbered = load_recount(zones, request), _number_findings(request)
    files = [_show_file(zones, request, file, numbered, recount) for file in list_output_files(request)]
    for code in LANGUAGE_CODES:
        page = _render(zones, request, code, files, numbered, recount)
        store_of(zones.root).write_whole(_page_path(zones, request, code), page)


def _page_path(zones: StorageZones, request: OutputRequest, language: str) -> StoragePath:
    return zones.output_request(request.project, request.number) / REVIEW_PAGES[language]


def _make_mark(request: OutputRequest) -> str:
    """What the end of a page says of the events that it knows."""
    return f"<!-- events {len(request.events)} -->"


def _number_findings(request: OutputRequest) -> tuple[NumberedFinding, ...]:
    """The findings in the order of the files, those that refuse first."""
    names = [file.name for file in list_output_files(request)]
    ordered = sorted(
        request.findings,
        key=lambda one: (
            names.index(one.file) if one.file in names else -1,
            one.severity != "refuse",
            _order_place(one),
        ),
    )
    return tuple(NumberedFinding(number, finding) for number, finding in enumerate(ordered, 1))


def _order_place(finding: RequestFinding) -> tuple[int, int, str]:
    row, column = parse_place(finding.place) or (0, 0)
    return row, column or 0, finding.place


def _show_file(
    zones: StorageZones,
    request: OutputRequest,
    file: RequestFile,
    numbered: tuple[NumberedFinding, ...],
    recount: RequestRecount | None,
) -> ReviewedFile:
    declared = _load_declared(zones, request).get(file.name)
    findings = tuple(one for one in numbered if one.finding.file == file.name)
    places = [parse_place(one.finding.place) for one in findings]
    try:
        content = read_request_file(zones, request, file.name)
        found_rows = frozenset(place[0] for place in places if place is not None)
        preview = preview_file(file.name, declared, content, found_rows)
    except StateRefused:  # the file changed: what it holds now is not shown
        preview = FilePreview()
    figures = () if recount is None else recount.figures
    recounted = {(one.row, one.column): one.recounted for one in figures if one.file == file.name}
    return ReviewedFile(file, declared, preview, findings, recounted)


def _load_declared(zones: StorageZones, request: OutputRequest) -> dict[str, DeclaredFile]:
    try:
        declaration = read_request_declaration(read_request_file(zones, request, DECLARATION))
    except (StateRefused, UsageRefused):
        return {}
    return {file.name: file for file in declaration.files}


def _open_reviews(zones: StorageZones, request: OutputRequest) -> dict[str, ReviewDecisions] | None:
    """The reviews, when both decided; None where they are not what was signed."""
    if len(request.reviews) < REVIEWERS:
        return {}
    try:
        return load_reviews(zones, request)
    except (StateRefused, UsageRefused):
        return None


def _render(
    zones: StorageZones,
    request: OutputRequest,
    code: str,
    files: list[ReviewedFile],
    numbered: tuple[NumberedFinding, ...],
    recount: RequestRecount | None,
) -> bytes:
    language = load_language(code)
    names = {one.file.name for one in files}
    page = (
        _environment(code)
        .get_template("review.html.j2")
        .render(
            request=request,
            files=files,
            whole=[one for one in numbered if one.finding.file not in names],
            refusing=sum(one.finding.severity == "refuse" for one in numbered),
            findings=len(numbered),
            recount=recount,
            reviews=_open_reviews(zones, request),
            form=make_decision_form(request) if request.state is RequestState.UNDER_REVIEW else "",
            submitted=language.format_day(dt.datetime.fromisoformat(request.events[0].at).date()),
            other_pages=[(REVIEW_PAGES[other], load_language(other)) for other in LANGUAGE_CODES if other != code],
            numbers={one.finding.id: one.number for one in numbered},
            mark=Markup(_make_mark(request)),  # our own text and a number
        )
    )
    return NOT_IN_XML.sub("", page).encode("utf-8")


@functools.cache
def _environment(code: str) -> PageEnvironment:
    language = load_language(code)
    environment = make_page_environment("cohort.output_checking", code, STYLE_SHEETS)
    environment.globals |= {
        "state_names": STATE_NAMES,
        "kind_names": KIND_NAMES,
        "role_names": ROLE_NAMES,
        "decision_names": DECISION_NAMES,
        "reviewers": REVIEWERS,
        "describe": functools.partial(describe_request_finding, language=language),
        "where": functools.partial(describe_place, language=language),
        "columns_of": functools.partial(_describe_columns, language=language),
    }
    return environment


def _describe_columns(declared: DeclaredFile, language: PageLanguage) -> Iterator[tuple[str, str]]:
    """Each declared column, and in words what it holds."""
    for column in declared.columns:
        told = [language.gettext(ROLE_NAMES[column.role])]
        of = column.column or column.of
        if of is not None:
            told.append(language.gettext("of the column %(column)s", column=of))
        if column.level is not None:
            told.append(", ".join(column.level))
        if column.percentile is not None:
            told.append(str(column.percentile))
        if column.base is not None:
            told.append(language.gettext("number of pupils in %(column)s", column=column.base))
        if column.rounded_to != 1:
            told.append(language.gettext("rounded to %(base)s", base=column.rounded_to))
        if column.total is not None:
            told.append(language.gettext("all together is called %(word)s", word=column.total))
        told += [f"{word} = {', '.join(labels)}" for word, labels in column.values.items()]
        yield column.name, "; ".join(told)
