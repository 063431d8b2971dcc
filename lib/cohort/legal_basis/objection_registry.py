"""Registry of objections: whatever a source ever filed is in force until that source withdraws it.

In: the lists of today and the registry in `restricted/objections`, one document per source. Out: the registry as it
is to be saved. Called by `objections`; nothing but a withdrawal by its own source may end an objection.

Lists are cumulative. A newer list without a pupil ends nothing, nor does a list that is gone. A withdrawal ends, from
its date on, what its own source filed before it for that pupil and scope.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from pydantic import ConfigDict

from cohort.foundation import StateRefused, describe_problem
from cohort.legal_basis.number_changes import NumberChanges
from cohort.legal_basis.objection_lists import OBJECTION_LISTS, POLARITY_ALLOW, ObjectionLine, ObjectionList
from cohort.storage import DocumentPart, StoragePath, read_model_document, write_json_document

ObjectionKey = tuple[str, str]
"""A number as it was filed, and a scope."""


@dataclass(frozen=True, repr=False)
class RegistryEntry:
    """An objection: filed from a day, until it was withdrawn; `matched` if results of the pupil were ever seen."""

    since: dt.date
    until: dt.date | None = None
    matched: bool = False

    def in_force(self, today: dt.date) -> bool:
        return self.until is None or today < self.until


@dataclass(frozen=True)
class ObjectionSource:
    """Everything that one source ever filed, and the polarity, names and covered schools of its last lists."""

    name: str
    polarity: str
    lists: tuple[str, ...]
    schools: frozenset[str] = frozenset()
    entries: Mapping[ObjectionKey, RegistryEntry] = field(default_factory=dict, repr=False)


ObjectionRegistry = Mapping[str, ObjectionSource]
"""The sources by name."""


class ObjectionSourceDocument(DocumentPart):
    """One source on disk; an entry is a number, a scope, its first day, its withdrawal, and whether it matched."""

    model_config = ConfigDict(json_schema_extra={"$id": "objection-source-1"})

    source: str
    polarity: str
    lists: tuple[str, ...]
    schools: tuple[str, ...]
    entries: tuple[tuple[str, str, dt.date, dt.date | None, bool], ...]

    @classmethod
    def from_source(cls, source: ObjectionSource) -> ObjectionSourceDocument:
        return cls(
            source=source.name,
            polarity=source.polarity,
            lists=source.lists,
            schools=tuple(sorted(source.schools)),
            entries=tuple(
                (pgn, scope, entry.since, entry.until, entry.matched)
                for (pgn, scope), entry in sorted(source.entries.items())
            ),
        )

    def to_source(self) -> ObjectionSource:
        entries = {
            (pgn, scope): RegistryEntry(since, until, matched) for pgn, scope, since, until, matched in self.entries
        }
        return ObjectionSource(self.source, self.polarity, self.lists, frozenset(self.schools), entries)


def load_objection_registry(folder: StoragePath) -> ObjectionRegistry:
    """Read what every source filed so far.

    Raises:
        StateRefused: a document that cannot be read (exit code 15): without it an objection could be lost.
    """
    registry = {}
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            document = read_model_document(file, ObjectionSourceDocument)
        except (OSError, ValueError):
            raise StateRefused(
                describe_problem(
                    "what a source of objections filed before",
                    example="the file as it was written",
                    found="one that cannot be read",
                    where="restricted/objections/",
                    do="Restore it from a backup: it has the objections that are in no list any more",
                )
            ) from None
        registry[document.source] = document.to_source()
    return registry


def save_objection_registry(folder: StoragePath, registry: ObjectionRegistry) -> None:
    """Write every source that changed, each document whole or not at all; only the platform's user reads them."""
    saved = load_objection_registry(folder)
    for name, source in registry.items():
        if saved.get(name) != source:
            document = ObjectionSourceDocument.from_source(source)
            write_json_document(folder / _file_name(name), document.model_dump(mode="json"))


def find_changed_sources(
    registry: ObjectionRegistry, lists: Iterable[ObjectionList], confirmed: Collection[str]
) -> list[str]:
    """The problems of sources whose lists turned to the other polarity or cover fewer schools than before.

    Args:
        registry: what every source filed so far.
        lists: the lists of today.
        confirmed: names of lists whose change an operator confirmed; they are not checked.
    """
    by_source = _by_source(lists)
    covered = {school for own in by_source.values() for one in own for school in one.declaration.schools or ()}
    problems = []
    for name, source in registry.items():
        names = tuple(one.name for one in by_source[name]) or source.lists
        if set(names) <= set(confirmed):
            continue
        if any(one.declaration.polarity != source.polarity for one in by_source[name]):
            what, found = f"polarity = '{source.polarity}', as its source had it before", "the other one"
        elif source.polarity == POLARITY_ALLOW and source.schools - covered:
            what = "a list that covers the schools that its source covered before"
            found = f"{len(source.schools - covered)} of them not covered"
        else:
            continue
        options = " ".join(f"--confirm {one}" for one in names)
        do = f"Ask its keeper whether it is right, then run objections with {options}"
        place = OBJECTION_LISTS.place(f"{names[0]}.toml")
        problems.append(OBJECTION_LISTS.problem(what, "a list that its keeper renewed", found, place, do))
    return problems


def merge_objection_lists(
    registry: ObjectionRegistry, lists: Iterable[ObjectionList], changes: NumberChanges, confirmed: Collection[str] = ()
) -> dict[str, ObjectionSource]:
    """The registry with the lists of today.

    A withdrawal counts for the pupil, under whatever number; it never ends what one of the lists of its source
    still has without one.

    Args:
        registry: what every source filed so far.
        lists: the lists of today.
        changes: the numbers that are one pupil's.
        confirmed: names of lists whose disappearance was confirmed; their sources cover no schools any more.
    """
    by_source = _by_source(lists)
    gone = {
        name: source
        for name, source in registry.items()
        if name not in by_source and source.lists and set(source.lists) <= set(confirmed)
    }
    merged = {**registry, **{name: replace(source, schools=frozenset()) for name, source in gone.items()}}
    for name, own in by_source.items():
        earlier = registry[name].entries if name in registry else {}
        filed = [line for one in own if one.blocks for line in one.objections]
        merged[name] = ObjectionSource(
            name,
            own[0].declaration.polarity,
            tuple(one.name for one in own),
            frozenset(school for one in own for school in one.declaration.schools or ()),
            _merge_entries(earlier, filed, changes),
        )
    return merged


def find_new_objections(
    registry: ObjectionRegistry, lists: Iterable[ObjectionList], today: dt.date
) -> frozenset[ObjectionKey]:
    """Objections in these lists that their source did not have in force before."""
    in_force = {
        (name, *key)
        for name, source in registry.items()
        for key, entry in source.entries.items()
        if entry.in_force(today)
    }
    filed = ((one.declaration.source, line.pgn, line.scope) for one in lists if one.blocks for line in one.objections)
    return frozenset((pgn, scope) for source, pgn, scope in filed if (source, pgn, scope) not in in_force)


def find_newly_covering_lists(registry: ObjectionRegistry, lists: Iterable[ObjectionList]) -> frozenset[str]:
    """Names of opt-in lists with schools that their source did not cover before."""
    names = set()
    for one in lists:
        source = registry.get(one.declaration.source)
        if not set(one.declaration.schools or ()) <= (source.schools if source else frozenset()):
            names.add(one.name)
    return frozenset(names)


def mark_matched_pupils(
    registry: ObjectionRegistry, numbers: frozenset[str], changes: NumberChanges
) -> dict[str, ObjectionSource]:
    """The registry with `matched` set for the pupils who have one of these numbers, under whatever number."""
    pupils = {changes.newest(number) for number in numbers}
    return {
        name: replace(
            source,
            entries={
                key: replace(entry, matched=entry.matched or changes.newest(key[0]) in pupils)
                for key, entry in source.entries.items()
            },
        )
        for name, source in registry.items()
    }


def _by_source(lists: Iterable[ObjectionList]) -> defaultdict[str, list[ObjectionList]]:
    by_source = defaultdict[str, list[ObjectionList]](list)
    for one in lists:
        by_source[one.declaration.source].append(one)
    return by_source


def _merge_entries(
    earlier: Mapping[ObjectionKey, RegistryEntry], filed: Iterable[ObjectionLine], changes: NumberChanges
) -> dict[ObjectionKey, RegistryEntry]:
    """The entries of one source with the lines of its lists, pupil by pupil and scope by scope."""
    entries = dict(earlier)
    keys_of_pupil = defaultdict[ObjectionKey, list[ObjectionKey]](list)
    for pgn, scope in earlier:
        keys_of_pupil[changes.newest(pgn), scope].append((pgn, scope))
    lines_of_pupil = defaultdict[ObjectionKey, list[ObjectionLine]](list)
    for line in filed:
        lines_of_pupil[changes.newest(line.pgn), line.scope].append(line)
    for pupil, lines in lines_of_pupil.items():
        withdrawals = [line.until for line in lines if line.until is not None]
        until = max(withdrawals) if len(withdrawals) == len(lines) else None
        matched = any(entries[key].matched for key in keys_of_pupil[pupil])
        for key in keys_of_pupil[pupil]:
            if until is None or entries[key].since <= until:
                entries[key] = replace(entries[key], until=until)
        for line in lines:
            key = line.pgn, line.scope
            since = max(line.since, entries[key].since) if key in entries else line.since
            filed_again_later = key in entries and until is not None and entries[key].since > until
            if not filed_again_later:
                entries[key] = RegistryEntry(since, until, matched)
    return entries


def _file_name(source: str) -> str:
    """The name of a source's document: a hash, since the name of a source may have any characters."""
    return f"{hashlib.sha256(source.encode()).hexdigest()[:24]}.json"
