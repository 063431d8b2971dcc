"""What a school hears of the objections that it filed: how many were applied, which lines were not, and why.

Lines are told by their place in the list, and only to the school that filed them; a number is told to nobody.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

from cohort.foundation import json_documents, private_files
from cohort.legal_basis.number_changes import NumberChanges
from cohort.legal_basis.objection_lists import ObjectionList
from cohort.legal_basis.objection_registry import ObjectionRegistry
from cohort.storage.zone_paths import StorageZones

MOST_LINES_NAMED = 200


@dataclass(frozen=True)
class ListOutcome:
    """One list and one school (or all: None): pupils applied and unmatched, and lines by their places."""

    applied: int
    unmatched: int
    withdrawn: int
    unmatched_lines: tuple[int, ...]
    invalid_lines: tuple[int, ...]

    def counts(self) -> dict[str, int]:
        return {"applied": self.applied, "unmatched": self.unmatched, "invalid": len(self.invalid_lines)}


def count_list_outcome(
    one: ObjectionList, met: frozenset[str], changes: NumberChanges, school: str | None = None
) -> ListOutcome:
    """What became of a list, or of what one school filed in it.

    Takes: the pupils who were met here, by their newest numbers (`met_by`).
    """
    mine = [filing for filing in one.objections if school in (None, filing.school)]
    lines = [filing for filing in mine if filing.in_force(one.read_on)]
    pupils = {changes.newest(filing.pgn) for filing in lines}
    unmatched = {pupil for pupil in pupils if not _is_met(pupil, met, changes)}
    return ListOutcome(
        len(pupils - unmatched),
        len(unmatched),
        len(mine) - len(lines),
        tuple(filing.line for filing in lines if changes.newest(filing.pgn) in unmatched),
        tuple(sorted(n for (by, _), numbers in one.invalid_lines.items() if school in (None, by) for n in numbers)),
    )


def _is_met(pupil: str, met: frozenset[str], changes: NumberChanges) -> bool:
    """Whether a pupil was met, perhaps under a number that a change named together with the pupil's."""
    return pupil in met or not met.isdisjoint(map(changes.newest, changes.linked_numbers(frozenset({pupil}))))


def find_matched_pupils(
    one: ObjectionList, stands: ObjectionRegistry, now: frozenset[str], changes: NumberChanges
) -> frozenset[str]:
    """Pupils of a list's source who were met in results at any time, or are now."""
    source = stands.get(one.declaration.source)
    noted = [pgn for (pgn, _), entry in source.entries.items() if entry.matched] if source else []
    return frozenset(map(changes.newest, [*noted, *now]))


def write_objection_receipts(
    zones: StorageZones, one: ObjectionList, met: frozenset[str], changes: NumberChanges, now: dt.datetime
) -> None:
    """One receipt per school that filed something, as JSON and as text, in the school's folder."""
    filed = {filing.school for filing in one.objections} | {school for school, _ in one.invalid_lines}
    for school in sorted((filed | set(one.declaration.schools or ())) - {""}):
        receipt = count_list_outcome(one, met, changes, school)
        held = bool(receipt.invalid_lines) and one.blocks
        file = zones.school_feedback(school) / f"bezwaren-{one.name}.json"
        told = {
            "list": one.name,
            "source": one.declaration.source,
            "date": str(one.declaration.date),
            "polarity": one.declaration.polarity,
            "sha256": one.sha256,
            "written": str(now),
            "applied": receipt.applied,
            "unmatched": receipt.unmatched,
            "withdrawn": receipt.withdrawn,
            "unmatched_lines": list(receipt.unmatched_lines[:MOST_LINES_NAMED]),
            "invalid_lines": list(receipt.invalid_lines[:MOST_LINES_NAMED]),
            "held_back": held,
            "what_to_do": _do(receipt, held),
        }
        if _told_before(file) != {**told, "written": None}:
            private_files.write_private_text(file.with_suffix(".txt"), _text(one, receipt, held, now))
            json_documents.write_json_document(file, told)


def _told_before(file: Path) -> dict[str, object] | None:
    try:
        return {**json.loads(file.read_text(encoding="utf-8")), "written": None}
    except (OSError, ValueError):
        return None


def _do(receipt: ListOutcome, held: bool) -> str:
    if held:
        return "Correct the invalid numbers: until then no result of this school is released."
    if receipt.unmatched_lines or receipt.invalid_lines:
        return "Look at the numbers of the lines named: they are in no results that were delivered."
    return "Nothing."


def _text(one: ObjectionList, receipt: ListOutcome, held: bool, now: dt.datetime) -> str:
    dated = one.declaration.date
    list_of = {"block": "bezwaren", "allow": "toestemmingen"}[one.declaration.polarity]
    told = [
        f"Ontvangstbewijs van {now:%d-%m-%Y}: de lijst met {list_of} {one.name} van {dated:%d-%m-%Y} "
        f"(bron: {one.declaration.source}).",
        f"{receipt.applied} leerlingen van deze lijst kwamen voor in geleverde resultaten; "
        + (
            "hun gegevens zijn verwijderd en worden niet meer gebruikt."
            if one.blocks
            else "alleen van hen worden resultaten van uw school gebruikt."
        ),
        f"{receipt.unmatched} leerlingen kwamen (nog) in geen levering voor. Levert een school ze later, "
        f"dan wordt de lijst alsnog toegepast.{_lines(receipt.unmatched_lines)}",
        f"{len(receipt.invalid_lines)} regels hebben een nummer dat geen leerlingnummer kan zijn."
        f"{_lines(receipt.invalid_lines)}",
    ]
    if receipt.withdrawn:
        told.append(f"{receipt.withdrawn} regels zijn ingetrokken of hebben een einddatum.")
    if held:
        told.append(
            "Zolang die nummers niet zijn verbeterd, wordt van uw school niets gebruikt: wij weten niet om "
            "welke leerling het gaat. Verbeter ze en lever de lijst opnieuw."
        )
    return "\n".join(told) + "\n"


def _lines(numbers: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, numbers[:MOST_LINES_NAMED]))
    return f" Regels in de lijst: {shown}." if numbers else ""
