"""Receipts of objection lists: what a school is told of the objections that it filed.

In: a list, and the pupils of it who have or had results. Out: a JSON document and a Dutch text per school in its
feedback folder: how many objections were applied, and which lines were not. Called by `objection_erasure`. Lines are
named by their numbers, and only to the school that filed them; a pupil number is told to nobody.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict, Field

from cohort.legal_basis import NumberChanges, ObjectionList, ObjectionRegistry
from cohort.storage import DocumentPart, StoragePath, StorageZones, write_json_document, write_private_text

MOST_LINES_NAMED = 200
"""Lines that a receipt names; it counts all of them."""


class ObjectionReceipt(DocumentPart):
    """What became of the lines that a school filed in one list, or of the list that covers it."""

    model_config = ConfigDict(json_schema_extra={"$id": "objection-receipt-1"})

    name: str = Field(validation_alias="list", serialization_alias="list")
    source: str
    date: str
    polarity: Literal["block", "allow"]
    sha256: str
    written: str
    applied: int
    """Pupils who have or had results."""
    unmatched: int
    """Pupils without any result so far."""
    withdrawn: int
    """Lines that were withdrawn."""
    unmatched_lines: tuple[int, ...]
    invalid_lines: tuple[int, ...]
    """Lines whose number cannot be a pupil number."""
    held_back: bool
    """Whether nothing of the school is used until it corrects the invalid numbers."""
    what_to_do: str

    def document(self) -> dict[str, object]:
        """The receipt by its names in JSON."""
        return self.model_dump(mode="json", by_alias=True)


@dataclass(frozen=True)
class ListOutcome:
    """What became of a list, or of what one school filed in it: pupils, and lines by their numbers."""

    applied: int
    unmatched: int
    withdrawn: int
    unmatched_lines: tuple[int, ...]
    invalid_lines: tuple[int, ...]

    def counts(self) -> dict[str, int]:
        return {"applied": self.applied, "unmatched": self.unmatched, "invalid": len(self.invalid_lines)}


def count_list_outcome(
    one: ObjectionList, matched: frozenset[str], changes: NumberChanges, school: str | None = None
) -> ListOutcome:
    """Count what became of a list, or of what one school filed in it.

    Args:
        one: the list.
        matched: the newest numbers of pupils who have or had results (`find_matched_pupils`).
        changes: the changes of pupil numbers.
        school: the school; None for the whole list.
    """
    filed = [line for line in one.objections if school in (None, line.school)]
    in_force = [line for line in filed if line.in_force(one.read_on)]
    pupils = {changes.newest(line.pgn) for line in in_force}
    unmatched = {pupil for pupil in pupils if not _is_matched(pupil, matched, changes)}
    return ListOutcome(
        applied=len(pupils - unmatched),
        unmatched=len(unmatched),
        withdrawn=len(filed) - len(in_force),
        unmatched_lines=tuple(line.line for line in in_force if changes.newest(line.pgn) in unmatched),
        invalid_lines=tuple(
            sorted(
                number
                for (filed_by, _), numbers in one.invalid_lines.items()
                if school in (None, filed_by)
                for number in numbers
            )
        ),
    )


def find_matched_pupils(
    one: ObjectionList, registry: ObjectionRegistry, numbers: frozenset[str], changes: NumberChanges
) -> frozenset[str]:
    """The newest numbers of pupils of a list's source who ever had results, or have one of these numbers."""
    source = registry.get(one.declaration.source)
    recorded = [pgn for (pgn, _), entry in source.entries.items() if entry.matched] if source else []
    return frozenset(map(changes.newest, [*recorded, *numbers]))


def write_objection_receipts(
    zones: StorageZones, one: ObjectionList, matched: frozenset[str], changes: NumberChanges, now: dt.datetime
) -> None:
    """Write one receipt per school that filed a line or is covered by the list, unless it says nothing new.

    Args:
        zones: the zones of the storage root.
        one: the list.
        matched: the newest numbers of pupils who have or had results.
        changes: the changes of pupil numbers.
        now: the present moment.
    """
    filed_by = {line.school for line in one.objections} | {school for school, _ in one.invalid_lines}
    for school in sorted((filed_by | set(one.declaration.schools or ())) - {""}):
        outcome = count_list_outcome(one, matched, changes, school)
        receipt = _make_receipt(one, outcome, now)
        file = zones.school_feedback(school) / f"bezwaren-{one.name}.json"
        if _read_content(file) != {**receipt.document(), "written": None}:
            write_private_text(file.with_suffix(".txt"), _write_text(one, receipt, outcome, now))
            write_json_document(file, receipt.document())


def _make_receipt(one: ObjectionList, outcome: ListOutcome, now: dt.datetime) -> ObjectionReceipt:
    held_back = bool(outcome.invalid_lines) and one.blocks
    return ObjectionReceipt(
        name=one.name,
        source=one.declaration.source,
        date=str(one.declaration.date),
        polarity=one.declaration.polarity,
        sha256=one.sha256,
        written=str(now),
        applied=outcome.applied,
        unmatched=outcome.unmatched,
        withdrawn=outcome.withdrawn,
        unmatched_lines=outcome.unmatched_lines[:MOST_LINES_NAMED],
        invalid_lines=outcome.invalid_lines[:MOST_LINES_NAMED],
        held_back=held_back,
        what_to_do=_what_to_do(outcome, held_back),
    )


def _is_matched(pupil: str, matched: frozenset[str], changes: NumberChanges) -> bool:
    """Whether a pupil is matched, perhaps under a number that a change named together with the pupil's."""
    return pupil in matched or not matched.isdisjoint(map(changes.newest, changes.linked_numbers(frozenset({pupil}))))


def _read_content(file: StoragePath) -> dict[str, object] | None:
    """The document of an earlier receipt without its moment; None where there is none to read."""
    try:
        return {**json.loads(file.read_text(encoding="utf-8")), "written": None}
    except (OSError, ValueError):
        return None


def _what_to_do(outcome: ListOutcome, held_back: bool) -> str:
    if held_back:
        return "Correct the invalid numbers: until then no result of this school is released."
    if outcome.unmatched_lines or outcome.invalid_lines:
        return "Look at the numbers of the lines named: they are in no results that were delivered."
    return "Nothing."


def _write_text(one: ObjectionList, receipt: ObjectionReceipt, outcome: ListOutcome, now: dt.datetime) -> str:
    """The receipt as a Dutch text."""
    kind = {"block": "bezwaren", "allow": "toestemmingen"}[receipt.polarity]
    consequence = (
        "hun gegevens zijn verwijderd en worden niet meer gebruikt."
        if one.blocks
        else "alleen van hen worden resultaten van uw school gebruikt."
    )
    sentences = [
        f"Ontvangstbewijs van {now:%d-%m-%Y}: de lijst met {kind} {one.name} van {one.declaration.date:%d-%m-%Y} "
        f"(bron: {receipt.source}).",
        f"{receipt.applied} leerlingen van deze lijst kwamen voor in geleverde resultaten; {consequence}",
        f"{receipt.unmatched} leerlingen kwamen (nog) in geen levering voor. Levert een school ze later, "
        f"dan wordt de lijst alsnog toegepast.{_name_lines(receipt.unmatched_lines)}",
        f"{len(outcome.invalid_lines)} regels hebben een nummer dat geen leerlingnummer kan zijn."
        f"{_name_lines(receipt.invalid_lines)}",
    ]
    if receipt.withdrawn:
        sentences.append(f"{receipt.withdrawn} regels zijn ingetrokken of hebben een einddatum.")
    if receipt.held_back:
        sentences.append(
            "Zolang die nummers niet zijn verbeterd, wordt van uw school niets gebruikt: wij weten niet om "
            "welke leerling het gaat. Verbeter ze en lever de lijst opnieuw."
        )
    return "\n".join(sentences) + "\n"


def _name_lines(numbers: tuple[int, ...]) -> str:
    return f" Regels in de lijst: {', '.join(map(str, numbers))}." if numbers else ""
