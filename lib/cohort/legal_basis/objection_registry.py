"""Objections that stand: what was ever filed stands until its own source withdraws it.

Lists are cumulative. A newer list that no longer has a pupil lifts nothing, nor does a list that is gone; a
withdrawal lifts what its own source filed for that pupil and scope before it, from its date on. So what every
source filed is kept in the restricted zone (`restricted/objections`), a file per source.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cohort.foundation import json_documents
from cohort.foundation.errors import StateRefused, describe_problem
from cohort.legal_basis.number_changes import NumberChanges
from cohort.legal_basis.objection_lists import OBJECTION_LISTS, POLARITY_ALLOW, ObjectionLine, ObjectionList

ObjectionKey = tuple[str, str]
"""A number as it was filed, and a scope."""


@dataclass(frozen=True, repr=False)
class RegistryEntry:
    """An objection: filed from a day, until it was withdrawn; and whether the pupil was ever found here."""

    since: dt.date
    until: dt.date | None = None
    matched: bool = False

    def in_force(self, today: dt.date) -> bool:
        return self.until is None or today < self.until


@dataclass(frozen=True)
class ObjectionSource:
    """What one source ever filed, how its lists counted last, and which schools they covered."""

    name: str
    polarity: str
    lists: tuple[str, ...]
    schools: frozenset[str] = frozenset()
    entries: Mapping[ObjectionKey, RegistryEntry] = field(default_factory=dict, repr=False)


ObjectionRegistry = Mapping[str, ObjectionSource]


def load_objection_registry(folder: Path) -> ObjectionRegistry:
    """What every source filed so far.

    Refuses: a file that cannot be read (exit code 15): without it an objection could be lost.
    """
    found = {}
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            source = _source(json_documents.read_json_document(file))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise StateRefused(
                describe_problem(
                    "what a source of objections filed before",
                    example="the file as it was written",
                    found="one that cannot be read",
                    where="restricted/objections/",
                    do="Restore it from a backup: objections that are in no list any more stand there",
                )
            ) from None
        found[source.name] = source
    return found


def save_objection_registry(folder: Path, standing: ObjectionRegistry) -> None:
    """Write down every source, each whole or not at all; only the platform reads them."""
    before = load_objection_registry(folder)
    for name, source in standing.items():
        if before.get(name) != source:
            json_documents.write_json_document(folder / _file(name), _told(source))


def find_changed_sources(
    standing: ObjectionRegistry, filed: Iterable[ObjectionList], confirmed: Collection[str]
) -> list[str]:
    """The problems of lists that count otherwise than their source's did: turned round, or covering less."""
    now = defaultdict[str, list[ObjectionList]](list)
    for one in filed:
        now[one.declaration.source].append(one)
    covered = {school for one in filed for school in one.declaration.schools or ()}
    problems = []
    for name, source in standing.items():
        names = tuple(one.name for one in now[name]) or source.lists
        if set(names) <= set(confirmed):
            continue
        file, do = OBJECTION_LISTS.place(f"{names[0]}.toml"), " ".join(f"--confirm {one}" for one in names)
        if any(one.declaration.polarity != source.polarity for one in now[name]):
            what, found = f"polarity = '{source.polarity}', as its source had it before", "the other one"
        elif source.polarity == POLARITY_ALLOW and source.schools - covered:
            what = "a list that covers the schools that its source covered before"
            found = f"{len(source.schools - covered)} of them not covered"
        else:
            continue
        problems.append(
            describe_problem(
                what,
                example="a list that its keeper renewed",
                found=found,
                where=file,
                do=f"Ask its keeper whether it is right, then run objections with {do}",
            )
        )
    return problems


def merge_objection_lists(
    standing: ObjectionRegistry, filed: Iterable[ObjectionList], changes: NumberChanges, confirmed: Collection[str] = ()
) -> dict[str, ObjectionSource]:
    """What stands once the lists of today are read.

    Takes: what stood; the lists; which numbers are one pupil's; the lists whose change was confirmed. A
    withdrawal counts for the pupil, under whatever number; it never lifts what one of its source's lists
    still has without one.
    """
    now = defaultdict[str, list[ObjectionList]](list)
    for one in filed:
        now[one.declaration.source].append(one)
    gone = {n: s for n, s in standing.items() if n not in now and s.lists and set(s.lists) <= set(confirmed)}
    after = {**standing, **{name: replace(source, schools=frozenset()) for name, source in gone.items()}}
    for name, own in now.items():
        before = standing[name].entries if name in standing else {}
        filings = [filing for one in own if one.blocks for filing in one.objections]
        after[name] = ObjectionSource(
            name,
            own[0].declaration.polarity,
            tuple(one.name for one in own),
            frozenset(school for one in own for school in one.declaration.schools or ()),
            _entries(before, filings, changes),
        )
    return after


def _entries(
    before: Mapping[ObjectionKey, RegistryEntry], filings: Iterable[ObjectionLine], changes: NumberChanges
) -> dict[ObjectionKey, RegistryEntry]:
    entries = dict(before)
    own = defaultdict[ObjectionKey, list[ObjectionKey]](list)
    for pgn, scope in before:
        own[changes.newest(pgn), scope].append((pgn, scope))
    mentioned = defaultdict[ObjectionKey, list[ObjectionLine]](list)
    for filing in filings:
        mentioned[changes.newest(filing.pgn), filing.scope].append(filing)
    for pupil, told in mentioned.items():
        ends = [filing.until for filing in told if filing.until is not None]
        until = max(ends) if len(ends) == len(told) else None
        found = any(entries[key].matched for key in own[pupil])
        for key in own[pupil]:
            if until is None or entries[key].since <= until:
                entries[key] = replace(entries[key], until=until)
        for filing in told:
            key = filing.pgn, filing.scope
            since = max(filing.since, entries[key].since) if key in entries else filing.since
            if key in entries and until is not None and entries[key].since > until:
                continue
            entries[key] = RegistryEntry(since, until, found)
    return entries


def find_new_objections(
    standing: ObjectionRegistry, filed: Iterable[ObjectionList], today: dt.date
) -> frozenset[ObjectionKey]:
    """Objections in these lists that their source did not have standing before."""
    stood = {
        (name, *key) for name, source in standing.items() for key, e in source.entries.items() if e.in_force(today)
    }
    every = ((one.declaration.source, f.pgn, f.scope) for one in filed if one.blocks for f in one.objections)
    return frozenset((pgn, scope) for source, pgn, scope in every if (source, pgn, scope) not in stood)


def find_newly_covering_lists(standing: ObjectionRegistry, filed: Iterable[ObjectionList]) -> frozenset[str]:
    """Lists that allow, of schools that their source did not cover before."""
    return frozenset(
        one.name
        for one in filed
        for source in [standing.get(one.declaration.source)]
        if not set(one.declaration.schools or ()) <= (source.schools if source else frozenset())
    )


def mark_matched_pupils(
    standing: ObjectionRegistry, found: frozenset[str], changes: NumberChanges
) -> dict[str, ObjectionSource]:
    """The same, with the pupils noted who were found here, under whatever number."""
    pupils = {changes.newest(number) for number in found}
    return {
        name: replace(
            source,
            entries={
                key: replace(entry, found=entry.matched or changes.newest(key[0]) in pupils)
                for key, entry in source.entries.items()
            },
        )
        for name, source in standing.items()
    }


def _file(source: str) -> str:
    """A source's file: its name may hold anything."""
    return f"{hashlib.sha256(source.encode()).hexdigest()[:24]}.json"


def _told(source: ObjectionSource) -> dict[str, object]:
    entries = [
        [*key, str(entry.since), entry.until and str(entry.until), entry.matched]
        for key, entry in sorted(source.entries.items())
    ]
    return {
        "source": source.name,
        "polarity": source.polarity,
        "lists": list(source.lists),
        "schools": sorted(source.schools),
        "entries": entries,
    }


def _source(told: dict[str, Any]) -> ObjectionSource:
    entries = {
        (pgn, scope): RegistryEntry(dt.date.fromisoformat(since), until and dt.date.fromisoformat(until), found)
        for pgn, scope, since, until, found in told["entries"]
    }
    return ObjectionSource(told["source"], told["polarity"], tuple(told["lists"]), frozenset(told["schools"]), entries)
