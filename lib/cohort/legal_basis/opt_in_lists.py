"""Opt-in lists: of the schools they cover, only pupils on them may be used, and the others at no school at all.

In: objection lists of polarity `allow`, and rows that say which pupil is at which school. Out: the pupils who did not
opt in. Called by `objections`, by erasure and by ingestion. Which pupils a list excludes follows from the results, so
Spark finds it; pupils whose rows were not kept are remembered with their school in `restricted/unlisted`.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.data_states import make_local_frame, parse_ddl_schema
from cohort.delta import TableRetention, append_rows, create_table, read_table, table_exists, vacuum_table
from cohort.foundation import ObjectionsRefused
from cohort.legal_basis.number_changes import NumberChanges
from cohort.legal_basis.objection_lists import (
    OBJECTION_LISTS,
    SCOPE_DOMAIN,
    SCOPE_EVERYTHING,
    SCOPE_PROJECT,
    ObjectionList,
)
from cohort.storage import StoragePath

PupilNumbers = frozenset[str]
"""Pupil numbers in normal form."""
PRESENCE_COLUMNS = ("pgn", "brin")
PRESENCE_SCHEMA = "pgn string not null, brin string not null"


@dataclass(frozen=True)
class OptInList:
    """One list: the schools it covers, its date, and the numbers on it by scope."""

    name: str
    schools: frozenset[str]
    date: dt.date
    numbers_by_scope: Mapping[str, PupilNumbers] = field(repr=False)

    def numbers_in_scope(self, scope: str) -> PupilNumbers:
        return self.numbers_by_scope.get(scope, frozenset())

    def numbers_for_project(self, project: str, domains: Collection[str]) -> PupilNumbers:
        """Pupils who may be used in a project: they opted in to everything, to it, or to every domain it uses."""
        by_domain = [self.numbers_in_scope(SCOPE_DOMAIN + domain) for domain in domains]
        return (
            self.numbers_in_scope(SCOPE_EVERYTHING)
            | self.numbers_in_scope(SCOPE_PROJECT + project)
            | (frozenset.intersection(*by_domain) if by_domain else frozenset())
        )

    def numbers_for_domain(self, domain: str) -> PupilNumbers:
        """Pupils whose results of a domain may be kept: they opted in to everything, to it, or to some project."""
        projects = [numbers for scope, numbers in self.numbers_by_scope.items() if scope.startswith(SCOPE_PROJECT)]
        return self.numbers_in_scope(SCOPE_EVERYTHING).union(self.numbers_in_scope(SCOPE_DOMAIN + domain), *projects)


def opt_in_lists_in_force(
    lists: Iterable[ObjectionList], changes: NumberChanges, today: dt.date
) -> tuple[OptInList, ...]:
    """The opt-in lists among all lists, with the lines in force today under all certain numbers of their pupils."""
    in_force = []
    for one in lists:
        if one.declaration.schools is None:
            continue
        by_scope = defaultdict[str, set[str]](set)
        for line in one.objections:
            if line.in_force(today) and line.since <= today:
                by_scope[line.scope].add(line.pgn)
        numbers = {scope: changes.certain_numbers(frozenset(pgns)) for scope, pgns in by_scope.items()}
        in_force.append(OptInList(one.name, frozenset(one.declaration.schools), one.declaration.date, numbers))
    return tuple(in_force)


def require_current_opt_in_lists(lists: Iterable[OptInList], last_deliveries: Mapping[str, dt.date]) -> None:
    """Refuse opt-in lists that are older than a delivery of a school they cover.

    Args:
        lists: the opt-in lists in force.
        last_deliveries: the day of the latest delivery that was taken in, by school.

    Raises:
        ObjectionsRefused: every such list (exit code 12).
    """
    problems = []
    for one in lists:
        newer = [school for school in one.schools if last_deliveries.get(school, one.date) > one.date]
        if newer:
            what = "a list that allows, dated on or after the deliveries of its schools"
            example = f"one of {max(last_deliveries[school] for school in newer)}"
            found = f"one of {one.date}, before deliveries of {len(newer)} of its schools"
            problems.append(OBJECTION_LISTS.problem(what, example, found, OBJECTION_LISTS.place(f"{one.name}.toml")))
    if problems:
        raise ObjectionsRefused(*problems)


def find_pupils_not_opted_in(
    presence: DataFrame, lists: Sequence[OptInList], permitted: Mapping[str, Sequence[PupilNumbers]]
) -> DataFrame:
    """Pupils at a school that an opt-in list covers, who are not on that list.

    Args:
        presence: `pgn` and `brin`, which pupil is at which school.
        lists: the opt-in lists.
        permitted: by purpose (a domain or a project), the numbers that each of the lists permits.

    Returns:
        `pgn` and `purpose`, each pair once.
    """
    spark = presence.sparkSession
    schools = [(position, school) for position, one in enumerate(lists) for school in sorted(one.schools)]
    covered = make_local_frame(spark, "_list int not null, brin string not null", schools)
    permissions = make_local_frame(
        spark,
        "_list int not null, purpose string not null, pgn string not null",
        [
            (position, purpose, number)
            for purpose, by_list in permitted.items()
            for position, numbers in enumerate(by_list)
            for number in sorted(numbers)
        ],
    )
    purposes = F.explode(F.array(*map(F.lit, permitted))).alias("purpose")
    pupils = presence.join(F.broadcast(covered), "brin").select("pgn", "_list").distinct()
    required = pupils.where(F.col("pgn").isNotNull()).select("pgn", "_list", purposes)
    missing = required.join(permissions, ["_list", "purpose", "pgn"], "left_anti")
    return missing.select("pgn", "purpose").distinct()


def pupils_by_school(rows: DataFrame, unlisted: StoragePath) -> DataFrame:
    """Which pupil is at which school (`pgn`, `brin`): in these rows, or in earlier ones that were not kept.

    Args:
        rows: rows with `pgn` and `brin`.
        unlisted: the table of `record_unlisted_pupils`, which may not be there yet.
    """
    present = rows.select(*PRESENCE_COLUMNS)
    if not table_exists(unlisted):
        return present
    return present.unionByName(read_table(rows.sparkSession, unlisted))


def record_unlisted_pupils(
    rows: DataFrame, excluded: DataFrame, lists: Sequence[OptInList], unlisted: StoragePath, retention: TableRetention
) -> None:
    """Record which excluded pupils are at a covered school, before their rows go. Repeating it adds nothing.

    Args:
        rows: rows with `pgn` and `brin`.
        excluded: `pgn` of the pupils who did not opt in.
        lists: the opt-in lists.
        unlisted: the table to append to, which is created where it is missing.
        retention: how long the table keeps its history.
    """
    spark = rows.sparkSession
    create_table(spark, unlisted, parse_ddl_schema(PRESENCE_SCHEMA), retention)
    vacuum_table(unlisted)  # of rows that a killed run wrote and did not commit
    schools = sorted(school for one in lists for school in one.schools)
    covered = make_local_frame(spark, "brin string not null", [(school,) for school in schools])
    present = rows.join(F.broadcast(covered), "brin", "left_semi").select(*PRESENCE_COLUMNS).distinct()
    present = present.join(excluded.select("pgn").distinct(), "pgn", "left_semi")
    recorded = read_table(spark, unlisted)
    additions = present.join(recorded, [*PRESENCE_COLUMNS], "left_anti").select(*PRESENCE_COLUMNS)
    if not additions.isEmpty():
        append_rows(additions.coalesce(1), unlisted, "unlisted")
