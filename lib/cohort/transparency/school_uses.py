"""The uses of a school's results: a page and a file in that school's own folder, never on the public site.

Made from the exact records, which name the schools of a release. The records are removed with their project; the
school's own file keeps what it said of that project, with the state `destroyed`. No number of pupils is written.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Literal

from markupsafe import Markup
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cohort.agreements import PROJECT_NAME
from cohort.pages import LANGUAGE_CODES
from cohort.release_records import (
    ProjectState,
    ReleaseClass,
    ReleaseRecord,
    ReleaseState,
    load_release_records,
    project_state,
)
from cohort.storage import StoragePath, StorageZones, read_json_document, store_of
from cohort.transparency.page_templates import render_template
from cohort.transparency.register_documents import RELEASED_STATES

USES_PAGE, USES_FILE = "gebruik.html", "gebruik.json"


class SchoolUse(BaseModel):
    """A project that used results of the school."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    project: Annotated[str, StringConstraints(pattern=f"^{PROJECT_NAME.pattern}$")]
    question: str | None
    starts: dt.date | None
    ends: dt.date
    release_class: ReleaseClass = Field(alias="class")
    state: Literal["published", "no_longer", "ending", "destroyed"]


class SchoolUsesDocument(BaseModel):
    """The file of one school (`gebruik.json`): its uses, by project."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"$id": "school-uses-1"})

    uses: tuple[SchoolUse, ...]


UsesBySchool = dict[str, dict[str, SchoolUse]]
"""The uses of each school, by project."""


def write_school_uses(zones: StorageZones) -> dict[str, int]:
    """Write the page and the file of every school that differ from the records; remove those of no use any more.

    A release that was never published is no use.

    Returns:
        `schools`: how many schools have a page; `changed`: how many pages were written or removed.

    Raises:
        OSError: an earlier file that the storage does not let us read: writing it anew would lose what it says.
    """
    uses = _read_earlier_uses(zones)
    for project in sorted(path.name for path in zones.exact_records.glob("*/") if PROJECT_NAME.fullmatch(path.name)):
        for school, use in _uses_of_project(zones, project).items():
            uses.setdefault(school, {})[project] = use
    changed = 0
    for school, by_project in sorted(uses.items()):
        changed += _write_school(zones.school_feedback(school), [by_project[project] for project in sorted(by_project)])
    return {"schools": len(uses), "changed": changed + _remove_other_schools(zones, uses)}


def render_uses_page(uses: Sequence[SchoolUse]) -> str:
    """Render the page of one school: the same table in Dutch, then in English."""
    headings = ("h1", "h2")
    sections = [
        Markup(render_template("school_uses_section.html.j2", code, uses=uses, heading=heading))
        for code, heading in zip(LANGUAGE_CODES, headings, strict=True)
    ]
    return render_template("school_uses.html.j2", LANGUAGE_CODES[0], sections=sections)


def _uses_of_project(zones: StorageZones, project: str) -> dict[str, SchoolUse]:
    """The use of one project by school, as the latest release with that school says it."""
    current_state = project_state(zones, project)
    uses = {}
    for record in load_release_records(zones, project):
        # A release without a version was destroyed or refused before anybody could read it.
        if record.state in RELEASED_STATES and record.version is not None:
            live = record.state is ReleaseState.PUBLISHED
            for school in record.schools_left:
                uses[school] = _make_use(record, current_state, live=False)
            for school in record.schools or ():
                uses[school] = _make_use(record, current_state, live=live)
    return uses


def _make_use(record: ReleaseRecord, current_state: ProjectState, *, live: bool) -> SchoolUse:
    agreement = record.agreed
    state = "published" if live else "no_longer"
    return SchoolUse.model_validate(
        {
            "project": record.project,
            "question": agreement.question if agreement is not None else None,
            "starts": agreement.starts if agreement is not None else None,
            "ends": record.expires,
            "class": record.release_class,
            "state": state if current_state is ProjectState.OPEN else "ending",
        }
    )


def _read_earlier_uses(zones: StorageZones) -> UsesBySchool:
    """What the files of the schools say of projects whose destruction is complete or has begun."""
    uses: UsesBySchool = {}
    for file in zones.school_feedback("").glob(f"*/{USES_FILE}"):
        for use in _read_uses_file(file):
            current_state = project_state(zones, use.project)
            if current_state is not ProjectState.OPEN:
                state = "destroyed" if current_state is ProjectState.DESTROYED else "ending"
                uses.setdefault(file.parent.name, {})[use.project] = use.model_copy(update={"state": state})
    return uses


def _read_uses_file(file: StoragePath) -> Sequence[SchoolUse]:
    """The valid uses in a school's file; what was changed by hand in it is dropped, use by use."""
    uses = []
    try:
        listed = list(read_json_document(file)["uses"])
    except (ValueError, KeyError, TypeError):
        return ()
    for use in listed:
        with suppress(ValueError):
            uses.append(SchoolUse.model_validate(use))
    return uses


def _write_school(folder: StoragePath, uses: Sequence[SchoolUse]) -> bool:
    """Write the page and the file where they differ; no other file depends on them, so the disk is not waited for."""
    document = SchoolUsesDocument(uses=tuple(uses)).model_dump(mode="json", by_alias=True)
    texts = {
        folder / USES_PAGE: render_uses_page(uses),
        folder / USES_FILE: json.dumps(document, ensure_ascii=False, indent=2) + "\n",
    }
    differing = {path: text for path, text in texts.items() if not path.exists() or path.read_bytes() != text.encode()}
    for path, text in differing.items():
        store_of(path).write_whole(path, text.encode("utf-8"), durable=False)
    return bool(differing)


def _remove_other_schools(zones: StorageZones, uses: UsesBySchool) -> int:
    """Remove the page and the file of every school without a use; return of how many schools."""
    removed = 0
    for file in zones.school_feedback("").glob(f"*/{USES_FILE}"):
        if file.parent.name not in uses:
            file.with_name(USES_PAGE).unlink(missing_ok=True)
            file.unlink()
            removed += 1
    return removed
