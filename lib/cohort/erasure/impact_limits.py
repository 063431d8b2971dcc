"""What a list would take away, counted before it does: a truncated or turned list destroys no cohort."""

from __future__ import annotations

from collections.abc import Collection
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.agreements.platform import ObjectionLimits
from cohort.erasure import excluded_pupils
from cohort.foundation.errors import ObjectionsRefused
from cohort.legal_basis import opt_in_lists
from cohort.legal_basis.objection_lists import OBJECTION_LISTS, SCOPE_DOMAIN, SCOPE_EVERYTHING, ObjectionList
from cohort.legal_basis.objections import Objections
from cohort.legal_basis.opt_in_lists import PupilNumbers
from cohort.states import local_frames

LISTED_PUPILS_SCHEMA = f"list string not null, pgn string not null, {excluded_pupils.EXCLUDED_SCOPES} array<string>"


def check_impact_limits(
    rows: DataFrame, lists: Objections, limits: ObjectionLimits, domains: Collection[str], *, only_new: bool = False
) -> None:
    """Refuse a list that would take away more than the platform's share of all pupils, or of one school's.

    Takes: rows with `pgn`, `brin` and `domein`; the lists (those confirmed are not held to it); whether
    the rows are a run's new ones, of which only what was never filed before counts, and all of them together
    are held to the share of one school: a run may bring a single school's.
    Refuses: exit code 12, every such list at once; nothing was erased then, by no list.
    """
    matched = _matched(rows, lists, domains, only_new)
    if matched is None:
        return
    matched.persist()
    try:
        per_list = _counts(matched.select("list", "pgn").distinct().groupBy("list"), "list")
        if max(per_list.values(), default=0) <= limits.always_erased:
            return
        per_school = _counts(matched.groupBy("list", "brin"), "list", "brin")
    finally:
        matched.unpersist()
    there = rows.select("pgn", "brin").distinct()
    pupils = rows.select("pgn").distinct().count()
    of_school = _counts(there.groupBy("brin"), "brin")
    problems = []
    for name, n in sorted(per_list.items()):
        of_one = limits.max_erased_share_of_school
        share = of_one if only_new else limits.max_erased_share
        much = sum(limits.needs_confirmation(m, of_school[s], of_one) for (x, s), m in per_school.items() if x == name)
        if limits.needs_confirmation(n, pupils, share):
            what, found = f"a list that takes away at most {share:%} of all pupils", "one that takes more"
        elif much:
            what = f"a list that takes away at most {of_one:%} of one school's pupils"
            found = f"one that takes more of {much} schools"
        else:
            continue
        problems.append(
            OBJECTION_LISTS.problem(what, "a day's new objections", found, OBJECTION_LISTS.place(f"{name}.toml"))
            + f" If it is right, run objections with --confirm {name}; nothing was erased."
        )
    if problems:
        raise ObjectionsRefused(*problems)


def find_listed_numbers(rows: DataFrame, lists: Objections) -> PupilNumbers:
    """The listed numbers that occur in the rows (`pgn`): the driver knows them already."""
    allowed = (numbers for one in lists.opt_in_lists for numbers in one.numbers_by_scope.values())
    listed = lists.barred_from_everything.union(*lists.barred_numbers.values(), *allowed)
    if not listed:
        return frozenset()
    keys = local_frames.make_local_frame(rows.sparkSession, "pgn string not null", [(n,) for n in sorted(listed)])
    found: Any = rows.join(F.broadcast(keys), "pgn", "left_semi").select("pgn").distinct().toArrow()
    return frozenset(found["pgn"].to_pylist())


def _matched(rows: DataFrame, lists: Objections, domains: Collection[str], only_new: bool) -> DataFrame | None:
    """Who loses a row by which list: `list`, `pgn` and `brin`, each once; None where no list can take any."""
    listed = [line for one in lists.lists for line in _listed(one, lists, only_new)]
    given = [p for p in lists.opt_in_lists if p.name not in lists.confirmed_lists]
    given = [p for p in given if not only_new or p.name in lists.new_opt_in_lists]
    if not listed and not given:
        return None
    keys = [local_frames.make_local_frame(rows.sparkSession, LISTED_PUPILS_SCHEMA, listed)]
    for one in given:
        permitted = {domain: [one.numbers_for_domain(domain)] for domain in sorted(domains)}
        missing = opt_in_lists.find_pupils_not_opted_in(rows, [one], permitted).groupBy("pgn")
        scopes = missing.agg(F.collect_list("purpose").alias(excluded_pupils.EXCLUDED_SCOPES))
        keys.append(scopes.select(F.lit(one.name).alias("list"), "pgn", excluded_pupils.EXCLUDED_SCOPES))
    found = rows.select("pgn", "brin", "domein").join(F.broadcast(reduce(DataFrame.unionByName, keys)), "pgn")
    taken = found.where(excluded_pupils.is_excluded(F.col("domein"), F.col(excluded_pupils.EXCLUDED_SCOPES)))
    return taken.select("list", "pgn", "brin").distinct()


def _listed(one: ObjectionList, lists: Objections, only_new: bool) -> list[tuple[str, str, list[str]]]:
    """Whom a list that blocks takes rows from: its name, every number of the pupil, and of what."""
    if not one.blocks or one.name in lists.confirmed_lists:
        return []
    scopes: dict[str, list[str]] = {}
    for filing in one.objections:
        holds = filing.in_force(one.read_on) and (not only_new or (filing.pgn, filing.scope) in lists.new_objections)
        if holds and (filing.scope == SCOPE_EVERYTHING or filing.scope.startswith(SCOPE_DOMAIN)):
            pupil = lists.number_changes.newest(filing.pgn)
            scopes.setdefault(pupil, []).append(filing.scope.removeprefix(SCOPE_DOMAIN))
    return [
        (one.name, number, of)
        for pupil, of in sorted(scopes.items())
        for number in sorted(lists.number_changes.linked_numbers(frozenset({pupil})))
    ]


def _counts(grouped: Any, *by: str) -> dict[Any, int]:
    found = grouped.agg(F.count(F.lit(1)).alias("n")).toArrow().to_pylist()
    return {(tuple(line[name] for name in by) if len(by) > 1 else line[by[0]]): line["n"] for line in found}
