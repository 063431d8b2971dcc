"""Impact limits: how many pupils a list would remove, counted before it does.

In: rows with `pgn`, `brin` and `domein`, and the objections of today. Out: nothing, or a refusal of every list with
too large an impact, which an operator must confirm by name. Called by ingestion and by `objection_erasure`, so that a
truncated list, or one of the wrong polarity, destroys no cohort.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.agreements import ObjectionLimits
from cohort.data_states import make_local_frame
from cohort.erasure.excluded_pupils import EXCLUDED_SCOPES, is_excluded
from cohort.erasure.listed_rows import ListedRows
from cohort.foundation import ObjectionsRefused
from cohort.legal_basis import (
    OBJECTION_LISTS,
    SCOPE_DOMAIN,
    SCOPE_EVERYTHING,
    ObjectionList,
    Objections,
    OptInList,
    PupilNumbers,
    find_pupils_not_opted_in,
    make_number_frame,
)

LISTED_PUPILS_SCHEMA = f"list string not null, pgn string not null, {EXCLUDED_SCOPES} array<string>"


@dataclass(frozen=True)
class ListImpact:
    """How many pupils one list would remove, in all and by school, and of how many."""

    name: str
    removed: int
    removed_by_school: dict[str, int]
    pupils: int
    pupils_by_school: dict[str, int]

    def exceeds(self, limits: ObjectionLimits, share: Decimal) -> str | None:
        """The problem of a list that removes more than a share of all pupils, or too much of some school's."""
        of_school = limits.max_erased_share_of_school
        schools = sum(
            limits.needs_confirmation(removed, self.pupils_by_school[school], of_school)
            for school, removed in self.removed_by_school.items()
        )
        if limits.needs_confirmation(self.removed, self.pupils, share):
            what, found = f"a list that takes away at most {share:%} of all pupils", "one that takes more"
        elif schools:
            what = f"a list that takes away at most {of_school:%} of one school's pupils"
            found = f"one that takes more of {schools} schools"
        else:
            return None
        place, example = OBJECTION_LISTS.place(f"{self.name}.toml"), "a day's new objections"
        confirm = f"If it is right, run objections with --confirm {self.name}; nothing was erased."
        return f"{OBJECTION_LISTS.problem(what, example, found, place)} {confirm}"


def check_impact_limits(
    rows: DataFrame,
    objections: Objections,
    limits: ObjectionLimits,
    domains: Collection[str],
    *,
    listed: ListedRows | None = None,
    only_new: bool = False,
) -> None:
    """Refuse lists that would remove more than the platform's share of all pupils, or of one school's.

    Args:
        rows: rows with `pgn`, `brin` and `domein`.
        objections: the objections of today; lists that were confirmed are not checked.
        limits: the limits of the platform.
        domains: the domains of the test catalogue.
        listed: which of the rows are of pupils on a list, where the caller knows; then the others are read only to
            count the pupils of whom a list removes many, and for opt-in lists.
        only_new: whether the rows are new ones of a run. Then only objections that were never filed before
            count, and all rows together are limited to the share of one school: a run may bring a single school's.

    Raises:
        ObjectionsRefused: every such list (exit code 12); nothing was erased then, by no list.
    """
    own = listed if listed is not None else ListedRows(rows, 0)
    removed = _find_removed_pupils(rows, own.rows, objections, domains, only_new)
    if removed is None:
        return
    share = limits.max_erased_share_of_school if only_new else limits.max_erased_share
    impacts = _measure_impacts(rows, removed, limits, share, own.fewest_pupils)
    problems = [problem for impact in impacts if (problem := impact.exceeds(limits, share))]
    if problems:
        raise ObjectionsRefused(*problems)


def find_listed_numbers(rows: DataFrame, objections: Objections) -> PupilNumbers:
    """The numbers on any list that occur in the rows (`pgn`); the driver has the lists anyway."""
    opted_in = (numbers for one in objections.opt_in_lists for numbers in one.numbers_by_scope.values())
    listed = objections.barred_from_everything.union(*objections.barred_numbers.values(), *opted_in)
    if not listed:
        return frozenset()
    numbers = make_number_frame(rows.sparkSession, listed)
    occurring: Any = rows.join(F.broadcast(numbers), "pgn", "left_semi").select("pgn").distinct().toArrow()
    return frozenset(occurring["pgn"].to_pylist())


def _measure_impacts(
    rows: DataFrame, removed: DataFrame, limits: ObjectionLimits, share: Decimal, fewest_pupils: int
) -> list[ListImpact]:
    """The impact of every list that removes more pupils than are always allowed, in all and of one school.

    Only as far as a limit may be exceeded are the pupils counted that are there.
    """
    removed.persist()
    try:
        by_list = _more_than(limits.always_erased, _count_groups(removed.select("list", "pgn").distinct(), "list"))
        if not by_list:
            return []
        by_school = _more_than(limits.always_erased, _count_groups(removed, "list", "brin"))
    finally:
        removed.unpersist()
    pupils = fewest_pupils
    if any(limits.needs_confirmation(count, pupils, share) for count in by_list.values()):
        pupils = rows.select("pgn").distinct().count()
    pupils_by_school = {}
    if by_school:
        schools = [(school,) for school in sorted({school for _, school in by_school})]
        listed = make_local_frame(rows.sparkSession, "brin string not null", schools)
        of_schools = rows.select("pgn", "brin").join(F.broadcast(listed), "brin", "left_semi")
        pupils_by_school = _count_groups(of_schools.distinct(), "brin")
    return [
        ListImpact(
            name,
            count,
            {school: number for (of_list, school), number in by_school.items() if of_list == name},
            pupils,
            pupils_by_school,
        )
        for name, count in sorted(by_list.items())
    ]


def _more_than(least: int, counts: dict[Any, int]) -> dict[Any, int]:
    return {name: count for name, count in counts.items() if count > least}


def _find_removed_pupils(
    rows: DataFrame, listed_rows: DataFrame, objections: Objections, domains: Collection[str], only_new: bool
) -> DataFrame | None:
    """Pupils who lose a row by a list: `list`, `pgn` and `brin`, each once; None where no list can remove any."""
    listed = [entry for one in objections.lists for entry in _listed_scopes(one, objections, only_new)]
    unconfirmed = [one for one in objections.opt_in_lists if one.name not in objections.confirmed_lists]
    checked = [one for one in unconfirmed if not only_new or one.name in objections.new_opt_in_lists]
    if not listed and not checked:
        return None
    frames = [make_local_frame(rows.sparkSession, LISTED_PUPILS_SCHEMA, listed)]
    frames.extend(_pupils_without_opt_in_to(one, rows, domains) for one in checked)
    excluded = F.broadcast(reduce(DataFrame.unionByName, frames))
    searched = rows if checked else listed_rows
    candidates = searched.select("pgn", "brin", "domein").join(excluded, "pgn")
    must_go = is_excluded(F.col("domein"), F.col(EXCLUDED_SCOPES))
    return candidates.where(must_go).select("list", "pgn", "brin").distinct()


def _pupils_without_opt_in_to(one: OptInList, rows: DataFrame, domains: Collection[str]) -> DataFrame:
    permitted = {domain: [one.numbers_for_domain(domain)] for domain in sorted(domains)}
    missing = find_pupils_not_opted_in(rows, [one], permitted).groupBy("pgn")
    scopes = missing.agg(F.collect_list("purpose").alias(EXCLUDED_SCOPES))
    return scopes.select(F.lit(one.name).alias("list"), "pgn", EXCLUDED_SCOPES)


def _listed_scopes(one: ObjectionList, objections: Objections, only_new: bool) -> Iterator[tuple[str, str, list[str]]]:
    """The name of a list that blocks, every number of each pupil on it, and the scopes of the pupil's objections."""
    if not one.blocks or one.name in objections.confirmed_lists:
        return
    scopes = defaultdict[str, list[str]](list)
    for line in one.objections:
        counts = not only_new or (line.pgn, line.scope) in objections.new_objections
        erases = line.scope == SCOPE_EVERYTHING or line.scope.startswith(SCOPE_DOMAIN)
        if counts and erases and line.in_force(one.read_on):
            scopes[objections.number_changes.newest(line.pgn)].append(line.scope.removeprefix(SCOPE_DOMAIN))
    for pupil, own_scopes in sorted(scopes.items()):
        for number in sorted(objections.number_changes.linked_numbers(frozenset({pupil}))):
            yield one.name, number, own_scopes


def _count_groups(rows: DataFrame, *by: str) -> dict[Any, int]:
    """The number of rows per group; a key is a tuple where there are several columns."""
    counted: Any = rows.groupBy(*by).agg(F.count(F.lit(1)).alias("n")).toArrow()
    return {
        (tuple(line[name] for name in by) if len(by) > 1 else line[by[0]]): line["n"] for line in counted.to_pylist()
    }
