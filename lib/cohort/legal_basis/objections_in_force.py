"""Objections in force: the lists of today and the registry of earlier ones, as one answer.

In: the folder `objections`, the registry in `restricted/objections`, the changes of pupil numbers. Out: `Objections`,
the numbers and schools that may not be used, by scope. Read by ingestion, erasure and releases; the lists are small
(10³ to 10⁵ numbers) and stay on the driver.

An objection to everything or to a domain counts in every project that uses it, one to a project in that project. Of a
school with an opt-in list, every pupil who is not on it is excluded, also from what other schools delivered.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cohort.agreements import ObjectionLimits
from cohort.foundation import ObjectionsRefused, UsageRefused, describe_problem
from cohort.legal_basis import objection_registry
from cohort.legal_basis.number_changes import NUMBER_CHANGE_FOLDER, NumberChanges, load_number_changes
from cohort.legal_basis.objection_lists import (
    SCOPE_DOMAIN,
    SCOPE_EVERYTHING,
    SCOPE_PROJECT,
    ObjectionList,
    read_objection_lists,
)
from cohort.legal_basis.objection_registry import ObjectionKey, ObjectionRegistry
from cohort.legal_basis.opt_in_lists import OptInList, PupilNumbers, opt_in_lists_in_force
from cohort.release_records import AppliedObjectionList
from cohort.storage import OBJECTIONS_LOCK, StoragePath, StorageZones, hold_lock, remove_unfinished_documents


@dataclass(frozen=True)
class Objections:
    """All lists of today and everything that sources filed before."""

    lists: tuple[ObjectionList, ...] = ()
    barred_numbers: Mapping[str, PupilNumbers] = field(default_factory=dict, repr=False)
    """By scope the numbers that are barred, with every other number of their pupils."""
    opt_in_lists: tuple[OptInList, ...] = ()
    withheld_schools: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By scope the schools of which nothing may be used, because a number that they filed is invalid."""
    registry: ObjectionRegistry = field(default_factory=dict, repr=False)
    """The registry with these lists; it must be saved before they are used (`record_objections`)."""
    number_changes: NumberChanges = field(default_factory=NumberChanges, repr=False)
    sha256: str = ""
    unlisted_pupils: StoragePath = Path()
    """The table of pupils who did not opt in and whose rows were not kept."""
    confirmed_lists: tuple[str, ...] = ()
    """Lists whose large impact, or change of polarity or schools, an operator confirmed."""
    new_objections: frozenset[ObjectionKey] = field(default=frozenset(), repr=False)
    """Objections (a number as filed, and a scope) that were not in force before these lists."""
    new_opt_in_lists: frozenset[str] = frozenset()
    """Names of opt-in lists with schools that their source did not cover before."""

    @property
    def barred_from_everything(self) -> PupilNumbers:
        return self.barred_numbers.get(SCOPE_EVERYTHING, frozenset())

    @property
    def barred_by_domain(self) -> dict[str, PupilNumbers]:
        return {
            scope.removeprefix(SCOPE_DOMAIN): numbers
            for scope, numbers in self.barred_numbers.items()
            if scope.startswith(SCOPE_DOMAIN)
        }

    def barred_from_project(self, project: str, domains: Collection[str]) -> PupilNumbers:
        """Numbers that are barred from a project that uses these domains."""
        return _union_over_scopes(self.barred_numbers, project, domains)

    def schools_withheld_from_project(self, project: str, domains: Collection[str]) -> frozenset[str]:
        """Schools of which nothing may be used in a project that uses these domains."""
        return _union_over_scopes(self.withheld_schools, project, domains)

    def require_known_lists(self, confirmed: Collection[str]) -> None:
        """Refuse the confirmation of a list that does not exist.

        Raises:
            UsageRefused: a name of no list, today's or the last of a source (exit code 2).
        """
        names = {one.name for one in self.lists}.union(*(source.lists for source in self.registry.values()))
        if set(confirmed) - names:
            raise UsageRefused(
                describe_problem(
                    "the name of a list",
                    example=f"--confirm {min(names)}",
                    found="another name",
                    where="--confirm",
                    do="Give the name of a declaration in objections/, without .toml",
                )
            )

    def digest(self) -> str:
        """One digest over all lists and everybody who is barred; it changes when any of it does."""
        changes = self.number_changes.digest() if self.number_changes.lists else ""
        barred = sorted((scope, sorted(numbers)) for scope, numbers in self.barred_numbers.items())
        return hashlib.sha256(f"{self.sha256} {changes} {barred}".encode()).hexdigest()

    def digest_for_project(self, project: str, domains: Collection[str]) -> str:
        """One digest over everybody who is barred from a project; when it changes, a new release is due."""
        newest = self.number_changes.newest
        excluded = [
            sorted({newest(number) for number in self.barred_from_project(project, domains)}),
            sorted(self.schools_withheld_from_project(project, domains)),
            *sorted(
                [*sorted(one.schools), *sorted({newest(n) for n in one.numbers_for_project(project, domains)})]
                for one in self.opt_in_lists
            ),
        ]
        return hashlib.sha256(repr(excluded).encode()).hexdigest()

    def applied_lists(self) -> tuple[AppliedObjectionList, ...]:
        """What records say of every list: counts, never numbers."""
        return tuple(
            AppliedObjectionList(
                name=one.name,
                source=one.declaration.source,
                date=str(one.declaration.date),
                polarity=one.declaration.polarity,
                sha256=one.sha256,
                rows=one.line_count,
                in_force=len({self.number_changes.newest(number) for number in one.numbers_in_force}),
                withdrawn=one.withdrawn_count,
                schools_held_back=len({school for school, _ in one.invalid_lines}) if one.blocks else 0,
                invalid=sum(map(len, one.invalid_lines.values())),
            )
            for one in self.lists
        )


def load_objections(
    folder: StoragePath,
    limits: ObjectionLimits,
    today: dt.date,
    domains: Collection[str],
    confirmed: Collection[str] = (),
    projects: Collection[str] | None = None,
) -> Objections:
    """Read every list of objections, the registry and the changes of pupil numbers; nothing is written.

    Args:
        folder: the folder of the lists; the others are found beside it.
        limits: what the platform allows of lists.
        today: the present day.
        domains: the domains of the test catalogue.
        confirmed: names of lists whose change of polarity or schools an operator confirmed.
        projects: the projects that a line may name; None accepts any.

    Raises:
        ObjectionsRefused: every problem of `read_objection_lists`, and of `find_changed_sources` (exit code 12).
        DeliveriesRefused: what `load_number_changes` refuses (11).
        StateRefused: a registry that cannot be read (15).
    """
    problems: list[str] = []
    lists, sha256 = read_objection_lists(folder, limits.max_age_days, today, domains, problems, projects)
    restricted = folder.parent / "restricted"
    earlier = objection_registry.load_objection_registry(restricted / "objections")
    if not problems:
        problems.extend(objection_registry.find_changed_sources(earlier, lists, confirmed))
    if problems:
        raise ObjectionsRefused(*problems)
    changes = load_number_changes(folder.parent / NUMBER_CHANGE_FOLDER, today)
    registry = objection_registry.merge_objection_lists(earlier, lists, changes, confirmed)
    return Objections(
        lists=lists,
        barred_numbers=_find_barred_numbers(registry, changes, today),
        opt_in_lists=opt_in_lists_in_force(lists, changes, today),
        withheld_schools=_find_withheld_schools(lists),
        registry=registry,
        number_changes=changes,
        sha256=sha256,
        unlisted_pupils=restricted / "unlisted",
        confirmed_lists=tuple(confirmed),
        new_objections=objection_registry.find_new_objections(earlier, lists, today),
        new_opt_in_lists=objection_registry.find_newly_covering_lists(earlier, lists),
    )


def record_objections(
    restricted: StoragePath, objections: Objections, matched: PupilNumbers = frozenset()
) -> ObjectionRegistry:
    """Save the registry with the lists of today; to be done before they are used.

    Args:
        restricted: the restricted zone. What another run saved meanwhile is kept too.
        objections: the lists of today.
        matched: numbers that occur in results or quarantine.

    Returns:
        The registry as saved.
    """
    folder = restricted / "objections"
    with hold_lock(restricted / "locks", OBJECTIONS_LOCK, wait=True):
        remove_unfinished_documents(StorageZones(restricted.parent), OBJECTIONS_LOCK)
        saved = objection_registry.load_objection_registry(folder)
        changes = objections.number_changes
        registry: ObjectionRegistry = objection_registry.merge_objection_lists(
            saved, objections.lists, changes, objections.confirmed_lists
        )
        if matched:
            registry = objection_registry.mark_matched_pupils(registry, matched, changes)
        objection_registry.save_objection_registry(folder, registry)
    return registry


def _union_over_scopes(
    by_scope: Mapping[str, frozenset[str]], project: str, domains: Collection[str]
) -> frozenset[str]:
    scopes = [SCOPE_EVERYTHING, SCOPE_PROJECT + project, *(SCOPE_DOMAIN + domain for domain in domains)]
    return frozenset().union(*(by_scope.get(scope, frozenset()) for scope in scopes))


def _find_barred_numbers(
    registry: ObjectionRegistry, changes: NumberChanges, today: dt.date
) -> dict[str, PupilNumbers]:
    by_scope = defaultdict[str, set[str]](set)
    for source in registry.values():
        for (pgn, scope), entry in source.entries.items():
            if entry.in_force(today):
                by_scope[scope].add(pgn)
    return {scope: changes.linked_numbers(frozenset(numbers)) for scope, numbers in by_scope.items()}


def _find_withheld_schools(lists: Iterable[ObjectionList]) -> dict[str, frozenset[str]]:
    by_scope = defaultdict[str, set[str]](set)
    for school, scope in (place for one in lists if one.blocks for place in one.invalid_lines):
        by_scope[scope].add(school)
    return {scope: frozenset(schools) for scope, schools in by_scope.items()}
