"""Lists that allow: of the schools they cover, only who is on them may be used, and nowhere else either.

Whom such a list leaves out follows from who goes to school there, so it is found by Spark. Where it is
already known, because their rows were not kept, pupil and school stand in `restricted/unlisted`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import delta
from cohort.delta.table_retention import TableRetention
from cohort.foundation.errors import ObjectionsRefused
from cohort.legal_basis.number_changes import NumberChanges
from cohort.legal_basis.objection_lists import (
    OBJECTION_LISTS,
    SCOPE_DOMAIN,
    SCOPE_EVERYTHING,
    SCOPE_PROJECT,
    ObjectionList,
)
from cohort.states import local_frames

PupilNumbers = frozenset[str]
PRESENCE_COLUMNS = ("pgn", "brin")
PRESENCE_SCHEMA = "pgn string not null, brin string not null"


@dataclass(frozen=True)
class OptInList:
    """One list: the schools it covers, and by scope the numbers of who is on it."""

    name: str
    schools: frozenset[str]
    date: dt.date
    numbers_by_scope: Mapping[str, PupilNumbers] = field(repr=False)

    def numbers_in_scope(self, scope: str) -> PupilNumbers:
        return self.numbers_by_scope.get(scope, frozenset())

    def numbers_for_project(self, project: str, domains: Collection[str]) -> PupilNumbers:
        """Who may be used in a project: allowed everything, that project, or every domain it uses."""
        each = [self.numbers_in_scope(SCOPE_DOMAIN + domain) for domain in domains]
        return (
            self.numbers_in_scope(SCOPE_EVERYTHING)
            | self.numbers_in_scope(SCOPE_PROJECT + project)
            | (frozenset.intersection(*each) if each else frozenset())
        )

    def numbers_for_domain(self, domain: str) -> PupilNumbers:
        """Whose results of a domain may be kept: allowed everything, that domain, or some project."""
        projects = [numbers for scope, numbers in self.numbers_by_scope.items() if scope.startswith(SCOPE_PROJECT)]
        return self.numbers_in_scope(SCOPE_EVERYTHING).union(self.numbers_in_scope(SCOPE_DOMAIN + domain), *projects)


def opt_in_lists_in_force(
    filed: Iterable[ObjectionList], changes: NumberChanges, today: dt.date
) -> tuple[OptInList, ...]:
    """The permissions in force; one that begins later does not hold yet."""
    found = []
    for one in filed:
        if one.declaration.schools is None:
            continue
        by_scope: dict[str, set[str]] = {}
        for filing in one.objections:
            if filing.in_force(today) and filing.since <= today:
                by_scope.setdefault(filing.scope, set()).add(filing.pgn)
        listed = {scope: changes.certain_numbers(frozenset(pgn)) for scope, pgn in by_scope.items()}
        found.append(OptInList(one.name, frozenset(one.declaration.schools), one.declaration.date, listed))
    return tuple(found)


def require_current_opt_in_lists(permissions: Iterable[OptInList], delivered: Mapping[str, dt.date]) -> None:
    """Refuse a list that is older than what its schools delivered (exit code 12).

    Takes: the day of the latest delivery that was taken in, by school.
    """
    problems = []
    for one in permissions:
        late = [school for school in one.schools if delivered.get(school, one.date) > one.date]
        if late:
            what = "a list that allows, dated on or after the deliveries of its schools"
            newest = max(delivered[school] for school in late)
            found = f"one of {one.date}, before deliveries of {len(late)} of its schools"
            place = OBJECTION_LISTS.place(f"{one.name}.toml")
            problems.append(OBJECTION_LISTS.wrong(what, f"one of {newest}", found, place))
    if problems:
        raise ObjectionsRefused(*problems)


def find_pupils_not_opted_in(
    presence: DataFrame, permissions: Sequence[OptInList], permitted: Mapping[str, Sequence[PupilNumbers]]
) -> DataFrame:
    """Who is at a covered school and not on its list.

    Takes: `pgn` and `brin` of whoever was seen where; the lists; by purpose, whom each of them permits.
    Gives: `pgn` and `purpose`, each pair once.
    """
    spark = presence.sparkSession
    schools = [(place, school) for place, one in enumerate(permissions) for school in sorted(one.schools)]
    covered = local_frames.make_local_frame(spark, "_list int not null, brin string not null", schools)
    pairs = [
        (place, purpose, number)
        for purpose, by_list in permitted.items()
        for place, numbers in enumerate(by_list)
        for number in sorted(numbers)
    ]
    state = "_list int not null, purpose string not null, pgn string not null"
    allowed = local_frames.make_local_frame(spark, state, pairs)
    purposes = F.explode(F.array(*map(F.lit, permitted))).alias("purpose")
    there = presence.join(F.broadcast(covered), "brin").select("pgn", "_list").distinct()
    asked = there.where(F.col("pgn").isNotNull()).select("pgn", "_list", purposes)
    missing = asked.join(allowed, ["_list", "purpose", "pgn"], "left_anti")
    return missing.select("pgn", "purpose").distinct()


def pupils_by_school(seen: DataFrame, unlisted: Path) -> DataFrame:
    """Who was seen at which school: in these rows, or before and not kept."""
    spark, now = seen.sparkSession, seen.select(*PRESENCE_COLUMNS)
    return now.unionByName(delta.read_table(spark, unlisted)) if delta.table_exists(unlisted) else now


def record_unlisted_pupils(
    spark: SparkSession,
    seen: DataFrame,
    left: DataFrame,
    permissions: Sequence[OptInList],
    unlisted: Path,
    retention: TableRetention,
) -> None:
    """Write down who was seen at a covered school and is left out, before their rows go.

    Takes: rows with `pgn` and `brin`; `pgn` of who is left out. Done twice, it adds nothing.
    """
    delta.create_table(spark, unlisted, local_frames.parse_ddl_schema(PRESENCE_SCHEMA), retention)
    schools = sorted(school for one in permissions for school in one.schools)
    covered = local_frames.make_local_frame(spark, "brin string not null", [(school,) for school in schools])
    pairs = seen.join(F.broadcast(covered), "brin", "left_semi").select(*PRESENCE_COLUMNS).distinct()
    fresh = pairs.join(left.select("pgn").distinct(), "pgn", "left_semi")
    fresh = fresh.join(delta.read_table(spark, unlisted), [*PRESENCE_COLUMNS], "left_anti").select(*PRESENCE_COLUMNS)
    if not fresh.isEmpty():
        delta.append_rows(fresh.coalesce(1), unlisted, "unlisted")
