"""Accepted → Admitted: every pupil with an objection in force is left out.

The lists (`filings`) and what stands of earlier ones (`standing`) are small (10³–10⁵ numbers), so the driver
reads them; rows of results never come near it. An objection to everything or to a domain counts in every
project that uses it, one to a project in that project. Of a school whose list allows, every pupil who is
not on the list is left out, also of what other schools delivered.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements.platform import ObjectionLimits
from cohort.agreements.project import Project
from cohort.foundation.errors import ObjectionsRefused, UsageRefused, describe_problem
from cohort.legal_basis import number_changes, objection_lists, objection_registry, opt_in_lists
from cohort.legal_basis.number_changes import NumberChanges
from cohort.legal_basis.objection_lists import SCOPE_DOMAIN, SCOPE_EVERYTHING, SCOPE_PROJECT, ObjectionList
from cohort.legal_basis.objection_registry import ObjectionKey, ObjectionRegistry
from cohort.legal_basis.opt_in_lists import OptInList, PupilNumbers
from cohort.states import local_frames
from cohort.states.schemas import AcceptedResults, AdmittedResults, InstructedResults
from cohort.storage import locks


@dataclass(frozen=True)
class Objections:
    """All lists together, and what stands of earlier ones, as one answer to: whose results may be used?"""

    lists: tuple[ObjectionList, ...] = ()
    barred_numbers: Mapping[str, PupilNumbers] = field(default_factory=dict, repr=False)
    """By scope the numbers that are barred, every number of their pupils among them."""
    opt_in_lists: tuple[OptInList, ...] = ()
    withheld_schools: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By scope the schools held back: they filed an invalid number."""
    registry: ObjectionRegistry = field(default_factory=dict, repr=False)
    """What every source filed so far, as it is to be written down before the lists are used."""
    number_changes: NumberChanges = field(default_factory=NumberChanges, repr=False)
    sha256: str = ""
    unlisted_pupils: Path = Path()
    """Where pupils stand whom a list that allows leaves out and whose rows were not kept."""
    confirmed_lists: tuple[str, ...] = ()
    """Lists whose large effect, or change of meaning, was confirmed."""
    new_objections: frozenset[ObjectionKey] = field(default=frozenset(), repr=False)
    """Objections (a number as filed, and a scope) that did not stand before these lists."""
    new_opt_in_lists: frozenset[str] = frozenset()
    """Lists that allow, of schools that their source did not cover before."""

    @property
    def barred_from_everything(self) -> PupilNumbers:
        """Numbers that are barred from everything."""
        return self.barred_numbers.get(SCOPE_EVERYTHING, frozenset())

    @property
    def barred_by_domain(self) -> dict[str, PupilNumbers]:
        """Numbers that are barred from a domain, by domain."""
        return {s.removeprefix(SCOPE_DOMAIN): n for s, n in self.barred_numbers.items() if s.startswith(SCOPE_DOMAIN)}

    def barred_from_project(self, project: str, domains: Collection[str]) -> PupilNumbers:
        """Numbers that are barred from a project that uses these domains."""
        return frozenset().union(*(self.barred_numbers.get(s, frozenset()) for s in _scopes(project, domains)))

    def schools_withheld_from_project(self, project: str, domains: Collection[str]) -> frozenset[str]:
        """Schools that are held back from a project that uses these domains."""
        return frozenset().union(*(self.withheld_schools.get(s, frozenset()) for s in _scopes(project, domains)))

    @property
    def opt_in_schools(self) -> frozenset[str]:
        """Schools of which only who is on a list may be used."""
        return frozenset(school for one in self.opt_in_lists for school in one.schools)

    def require_known_lists(self, confirmed: Collection[str]) -> None:
        """Refuse the confirmation of a list that there is not (exit code 2): it would count for nothing."""
        known = {one.name for one in self.lists}.union(*(source.lists for source in self.registry.values()))
        if set(confirmed) - known:
            raise UsageRefused(
                describe_problem(
                    "the name of a list",
                    example=f"--confirm {min(known)}",
                    found="another name",
                    where="--confirm",
                    do="Give the name of a declaration in objections/, without .toml",
                )
            )

    def digest(self) -> str:
        """One hash over all lists and what stands besides: another one means that something changed."""
        changed = self.number_changes.digest() if self.number_changes.lists else ""
        stands = sorted((scope, sorted(numbers)) for scope, numbers in self.barred_numbers.items())
        return hashlib.sha256(f"{self.sha256} {changed} {stands}".encode()).hexdigest()

    def digest_for_project(self, project: str, domains: Collection[str]) -> str:
        """One hash over who is barred from a project: another one means that it is due."""
        newest = self.number_changes.newest
        said = [
            sorted({newest(n) for n in self.barred_from_project(project, domains)}),
            sorted(self.schools_withheld_from_project(project, domains)),
            *sorted(
                [*sorted(one.schools), *sorted({newest(n) for n in one.numbers_for_project(project, domains)})]
                for one in self.opt_in_lists
            ),
        ]
        return hashlib.sha256(repr(said).encode()).hexdigest()

    def facts(self) -> list[dict[str, object]]:
        """What is to be told of every list: counts, never numbers."""
        return [
            {
                "list": one.name,
                "source": one.declaration.source,
                "date": str(one.declaration.date),
                "polarity": one.declaration.polarity,
                "sha256": one.sha256,
                "rows": one.line_count,
                "in_force": len({self.number_changes.newest(number) for number in one.numbers_in_force}),
                "withdrawn": one.withdrawn_count,
                "schools_held_back": len({school for school, _ in one.invalid_lines}) if one.blocks else 0,
                "invalid": sum(map(len, one.invalid_lines.values())),
            }
            for one in self.lists
        ]


def _scopes(project: str, domains: Collection[str]) -> list[str]:
    return [SCOPE_EVERYTHING, SCOPE_PROJECT + project, *(SCOPE_DOMAIN + domain for domain in domains)]


def load_objections(
    folder: Path,
    limits: ObjectionLimits,
    today: dt.date,
    domains: Collection[str],
    confirmed: Collection[str] = (),
    projects: Collection[str] | None = None,
) -> Objections:
    """Read every declared list, and what stands of earlier ones; nothing is written.

    Takes: the zone of the lists, the platform's limits, the day it is, the domains of the test catalogue,
    the lists whose change of meaning was confirmed, the projects that a line may name (None: any). Changes
    of pupil numbers are read from the zone beside it: who is listed under one number is listed under every
    other one, too.
    Refuses: what `filings.read` refuses, a list that is turned round or covers fewer schools than before: all
    problems at once (exit code 12); what `numbers.load` refuses (11) and `standing.load` (15).
    """
    problems: list[str] = []
    filed, sha256 = objection_lists.read_objection_lists(
        folder, limits.max_age_days, today, domains, problems, projects
    )
    restricted = folder.parent / "restricted"
    before = objection_registry.load_objection_registry(restricted / "objections")
    if not problems:
        problems.extend(objection_registry.find_changed_sources(before, filed, confirmed))
    if problems:
        raise ObjectionsRefused(*problems)
    changes = number_changes.load_number_changes(folder.parent / number_changes.NUMBER_CHANGE_FOLDER, today)
    stands = objection_registry.merge_objection_lists(before, filed, changes, confirmed)
    return Objections(
        filed,
        _barred(stands, changes, today),
        opt_in_lists.opt_in_lists_in_force(filed, changes, today),
        _held(filed),
        stands,
        changes,
        sha256,
        restricted / "unlisted",
        tuple(confirmed),
        objection_registry.find_new_objections(before, filed, today),
        objection_registry.find_newly_covering_lists(before, filed),
    )


def record_objections(root: Path, lists: Objections, found: PupilNumbers = frozenset()) -> ObjectionRegistry:
    """Write down what stands now, before it is used, and give it; `found` are numbers that were met here.

    Takes: the restricted zone. What another run wrote meanwhile stands, too.
    """
    folder = root / "objections"
    with locks.hold_lock(root / "locks", locks.OBJECTIONS_LOCK, wait=True):
        stands = objection_registry.merge_objection_lists(
            objection_registry.load_objection_registry(folder), lists.lists, lists.number_changes, lists.confirmed_lists
        )
        after = objection_registry.mark_matched_pupils(stands, found, lists.number_changes) if found else stands
        objection_registry.save_objection_registry(folder, after)
    return after


def pupil_number_frame(spark: SparkSession, numbers: PupilNumbers) -> DataFrame:
    """Numbers as a local frame `pgn string`: in a join it leaves no trace in a plan."""
    return local_frames.make_local_frame(spark, "pgn string not null", [(n,) for n in sorted(numbers)])


def remove_objectors(
    rows: InstructedResults, every: AcceptedResults, lists: Objections, project: Project
) -> AdmittedResults:
    """Leave out every pupil who may not be used in a project, wherever their results come from.

    Takes: the results to use (numbers in normal form, never null); all results, in which the pupils of a
    school held back, or of one that allows, are looked up; the lists.
    Gives: the results of the other pupils, columns unchanged.
    """
    spark, domains = rows.sparkSession, {result.domein for result in project.results}
    admitted: DataFrame = rows
    blocked = lists.barred_from_project(project.name, domains)
    if blocked:
        admitted = admitted.join(F.broadcast(pupil_number_frame(spark, blocked)), "pgn", "left_anti")
    for pupils in _of_schools(every, lists, project.name, domains):
        admitted = admitted.join(pupils, "pgn", "left_anti")
    return AdmittedResults(admitted.select(*rows.columns))


def find_barred_pupils(every: DataFrame, lists: Objections, project: str, domains: Collection[str]) -> DataFrame:
    """Everybody who may not be used in a project, as `pgn`, each once.

    Takes: all results; whose objection it is does not matter to whoever has to withdraw it.
    """
    blocked = pupil_number_frame(every.sparkSession, lists.barred_from_project(project, domains))
    return reduce(DataFrame.union, _of_schools(every, lists, project, domains), blocked).distinct()


def _of_schools(every: DataFrame, lists: Objections, project: str, domains: Collection[str]) -> list[DataFrame]:
    """Pupils of the schools that are held back, and those whom a list that allows leaves out."""
    found, held = [], lists.schools_withheld_from_project(project, domains)
    if held:
        schools = local_frames.make_local_frame(
            every.sparkSession, "brin string not null", [(s,) for s in sorted(held)]
        )
        found.append(every.join(F.broadcast(schools), "brin", "left_semi").select("pgn").distinct())
    if lists.opt_in_lists:
        permitted = {SCOPE_PROJECT: [one.numbers_for_project(project, domains) for one in lists.opt_in_lists]}
        seen = opt_in_lists.pupils_by_school(every, lists.unlisted_pupils)
        found.append(opt_in_lists.find_pupils_not_opted_in(seen, lists.opt_in_lists, permitted).select("pgn"))
    return found


def _barred(stands: ObjectionRegistry, changes: NumberChanges, today: dt.date) -> dict[str, PupilNumbers]:
    by_scope: dict[str, set[str]] = {}
    for source in stands.values():
        for (pgn, scope), entry in source.entries.items():
            if entry.in_force(today):
                by_scope.setdefault(scope, set()).add(pgn)
    return {scope: changes.linked_numbers(frozenset(listed)) for scope, listed in by_scope.items()}


def _held(filed: Iterable[ObjectionList]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for school, scope in (place for one in filed if one.blocks for place in one.invalid_lines):
        found[scope] = found.get(scope, frozenset()) | {school}
    return found
