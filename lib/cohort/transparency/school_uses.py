"""For what a school's results were used: a page and a file in that school's own folder, never on the site.

Made from the exact records, which name the schools of a release. They go with their project; what a school
was told of it stays told, as destroyed.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cohort.agreements.project import PROJECT_NAME
from cohort.foundation import json_documents, private_files
from cohort.release_records import record_store, release_states
from cohort.release_records.release_record import ReleaseRecord
from cohort.release_records.release_states import ProjectState, ReleaseState
from cohort.storage.zone_paths import StorageZones
from cohort.transparency import html
from cohort.transparency.html import element
from cohort.transparency.wording import LANGUAGES, date, say

PAGE, FILE = "gebruik.html", "gebruik.json"
SHOWN = (ReleaseState.PUBLISHED, ReleaseState.SUPERSEDED, ReleaseState.DESTROYED)
"""The states of a release that is read, or was; with a version, or it was destroyed before anybody could."""

Use = dict[str, Any]
"""A project that used a school's results: its name, question, period, class and state."""
Uses = dict[str, dict[str, Use]]
"""Per school its uses by project."""


def write(zones: StorageZones) -> dict[str, int]:
    """Bring every school's page and file up to the records.

    Gives: how many schools have one, and how many changed. Nothing is told of a release that was never
    published, and no number of pupils.
    """
    told = _kept(zones)
    for project in sorted(path.name for path in zones.exact_records.glob("*/") if PROJECT_NAME.fullmatch(path.name)):
        for school, use in _uses(zones, project).items():
            told.setdefault(school, {})[project] = use
    changed = sum(_put(zones.school_feedback(school), told[school]) for school in sorted(told))
    for file in zones.school_feedback("").glob(f"*/{FILE}"):
        if file.parent.name not in told:
            file.with_name(PAGE).unlink(missing_ok=True)
            file.unlink()
            changed += 1
    return {"schools": len(told), "changed": changed}


def _uses(zones: StorageZones, project: str) -> dict[str, Use]:
    """Per school what one project used of it: as its latest release says that shows that school."""
    state = release_states.project_state(zones, project)
    found = {}
    for record in record_store.load_release_records(zones, project):
        if record.state in SHOWN and record.version is not None:
            for school in record.schools_left:
                found[school] = {**_use(record, state), "state": _state("no_longer", state)}
            for school in record.schools or ():
                found[school] = _use(record, state)
    return found


def _use(record: ReleaseRecord, state: ProjectState) -> Use:
    agreed = record.agreed
    told = "published" if record.state is ReleaseState.PUBLISHED else "no_longer"
    return {
        "project": record.project,
        "question": agreed.question if agreed is not None else None,
        "starts": agreed.starts if agreed is not None else None,
        "ends": record.expires,
        "class": record.release_class,
        "state": _state(told, state),
    }


def _state(told: str, state: ProjectState) -> str:
    return told if state is ProjectState.OPEN else "ending"


def _kept(zones: StorageZones) -> Uses:
    """What schools were told of projects that are destroyed, or on their way there."""
    kept: Uses = {}
    for file in zones.school_feedback("").glob(f"*/{FILE}"):
        for use in _earlier(file):
            state = release_states.project_state(zones, use["project"])
            if state is not ProjectState.OPEN:
                gone = state is ProjectState.DESTROYED
                uses = kept.setdefault(file.parent.name, {})
                uses[use["project"]] = {**use, "state": "destroyed" if gone else "ending"}
    return kept


def _earlier(file: Path) -> list[Use]:
    """What a school was told before; a file that is not as it was written tells nothing.

    One that the storage does not let us read is a defect: it would be written anew without what it tells.
    """
    try:
        uses = json_documents.read_json_document(file)["uses"]
        named = [use for use in uses if PROJECT_NAME.fullmatch(use["project"]) and set(use) == set(FIELDS)]
        return [use for use in named if _row(use, LANGUAGES[0])]
    except (ValueError, TypeError, KeyError):
        return []


FIELDS = ("project", "question", "starts", "ends", "class", "state")


def _put(folder: Path, uses: dict[str, Use]) -> bool:
    """Write both where they are not so already. Nothing rests on them, so they do not wait for the disk."""
    told = [uses[project] for project in sorted(uses)]
    content = json.dumps({"uses": told}, ensure_ascii=False, indent=2) + "\n"
    pairs = ((folder / PAGE, _page(told)), (folder / FILE, content))
    wrong = [(p, text) for p, text in pairs if not p.exists() or p.read_bytes() != text.encode()]
    for path, text in wrong:
        fresh = path.with_name(f".{path.name}.new")
        private_files.write_private_text(fresh, text)
        fresh.replace(path)
    return bool(wrong)


def _page(uses: Sequence[Use]) -> str:
    """One page in Dutch, then in English, as all that a school hears."""
    parts = [
        element(
            "section",
            element("h1" if language == LANGUAGES[0] else "h2", say("uses", language)),
            element("p", say("uses_intro", language), class_="lead"),
            html.table(
                say("uses_caption", language),
                [say(key, language) for key in ("question", "period", "class", "state")],
                [_row(use, language) for use in uses],
                wide=True,
            ),
            lang=language,
        )
        for language in LANGUAGES
    ]
    return html.document(say("uses", LANGUAGES[0]), LANGUAGES[0], [element("main", *parts)])


def _row(use: Use, language: str) -> list[html.Content]:
    days = [date(dt.date.fromisoformat(day), language) for day in (use["starts"], use["ends"]) if day]
    period = say("until", language, *days) if len(days) > 1 else say("only_until", language, *days)
    question = use["question"] or say("no_question", language, use["project"])
    return [question, period, say(use["class"], language), say(use["state"], language)]
