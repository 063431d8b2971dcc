"""Admitted → Consented: special-category values are shown of pupils with consent only.

A consent is a pupil's, for one category (the domain of a test marked `bijzonder`) and one project, from a day
to a day. No consent, a consent that ended and no result recorded are one and the same leaf, `onbekend`: rows
of special results are selected whatever their values, and lose them here. The lists of the zone count
together; a withdrawal takes away what began before it, in whichever list that stands.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements.project import Project
from cohort.foundation.errors import RightsRefused, describe_problem
from cohort.foundation.identifiers import normalise_pgn
from cohort.legal_basis import declared_lists
from cohort.legal_basis.declared_lists import DatedListDeclaration, DeclaredList, ListLine
from cohort.legal_basis.number_changes import NumberChanges
from cohort.states import local_frames
from cohort.states.schemas import RESULTS_SCHEMA, SCORE_COLUMNS, AdmittedResults, ConsentedResults, require_columns

CONSENT_COLUMNS = ("pgn", "categorie", "project", "vanaf", "tot", "ingetrokken_op")
CONSENT_LISTS = declared_lists.ListDefinition("consents", CONSENT_COLUMNS, DatedListDeclaration, RightsRefused)
CONSENTED_COLUMN = "_consent"
PupilCategory = tuple[str, str]
"""A pupil's number in normal form, and a category."""


@dataclass(frozen=True, repr=False)
class Consent:
    """One line, the number as the newest of its pupil."""

    pgn: str
    category: str
    project: str
    since: dt.date
    until: dt.date
    withdrawn: dt.date | None

    def in_force(self, today: dt.date) -> bool:
        """Whether it holds, as far as this line says."""
        return self.since <= today <= self.until and (self.withdrawn is None or self.withdrawn > today)

    def withdrawn_by(self, other: Consent) -> bool:
        """Whether the withdrawal of another line is one of this consent, too."""
        same = (self.pgn, self.category, self.project) == (other.pgn, other.category, other.project)
        return same and (self.since == other.since or (other.withdrawn or dt.date.min) > self.since)


@dataclass(frozen=True)
class ConsentedPupils:
    """Who consents, under every number of theirs, to what; `digest` is another one when that changed."""

    pairs: frozenset[PupilCategory] = field(default=frozenset(), repr=False)
    digest: str = ""

    def to_frame(self, spark: SparkSession) -> DataFrame:
        """As `pgn`, `domein`, `_consent`: in a join it leaves no trace in a plan."""
        state = f"pgn string not null, domein string not null, {CONSENTED_COLUMN} boolean not null"
        return F.broadcast(local_frames.make_local_frame(spark, state, [(*pair, True) for pair in sorted(self.pairs)]))


NO_CONSENTED_PUPILS = ConsentedPupils()


@dataclass(frozen=True)
class ConsentRegister:
    """All lists together, on the day they were read."""

    lists: tuple[DeclaredList[DatedListDeclaration], ...]
    consents: tuple[Consent, ...] = field(repr=False)
    today: dt.date
    changes: NumberChanges = field(repr=False)

    def facts(self) -> list[dict[str, object]]:
        """What may be told of the lists: neither how many lines they have, nor how many are in force."""
        return [{k: v for k, v in one.facts().items() if k != "rows"} for one in self.lists]

    def consented_pupils(self, project: Project) -> ConsentedPupils:
        """Whose special-category values a project may show; nobody's where it names none.

        Refuses: a project that names such a result where there is no list, or no consent in force for it
        (exit code 17).
        """
        categories = frozenset(result.domein for result in project.special_results)
        if not categories:
            return NO_CONSENTED_PUPILS
        pairs = self.pairs_in_force(project.name, categories)
        if not pairs:
            raise RightsRefused(
                describe_problem(
                    "a list of consents with one in force for every special-category column",
                    example=f"a line {min(categories)};{project.name}",
                    found="no list" if not self.lists else "none in force",
                    where="consents/",
                    do=f"Take the column out of projects/{project.name}.toml, or ask for the list",
                )
            )
        told = hashlib.sha256(declared_lists.digest_declared_lists(self.lists).encode())
        for pair in sorted(pairs):
            told.update(" ".join(pair).encode())
        return ConsentedPupils(pairs, told.hexdigest())

    def pairs_in_force(self, project: str, categories: Collection[str]) -> frozenset[PupilCategory]:
        """The pupils, under every number of theirs, who consent to a category for a project today."""
        back = [one for one in self.consents if one.withdrawn is not None and one.withdrawn <= self.today]
        ended: dict[tuple[str, str, str], list[Consent]] = {}
        for one in back:
            ended.setdefault((one.pgn, one.category, one.project), []).append(one)
        pairs = {
            (one.pgn, one.category)
            for one in self.consents
            if one.project == project
            and one.category in categories
            and one.in_force(self.today)
            and not any(map(one.withdrawn_by, ended.get((one.pgn, one.category, one.project), ())))
        }
        older: dict[str, list[str]] = {}
        for old, new in self.changes.newest_numbers.items():
            older.setdefault(new, []).append(old)
        return frozenset((number, kind) for pgn, kind in pairs for number in (pgn, *older.get(pgn, ())))


def load_consent_register(
    folder: Path,
    most_days: int,
    today: dt.date,
    changes: NumberChanges,
    categories: Collection[str],
    projects: Collection[str],
) -> ConsentRegister:
    """Read every declared list.

    Takes: the zone (none there: nobody consented), the greatest age of a list that the platform allows, the
    day it is, the changes of pupil numbers; the categories and projects that there are: a line that
    names another one is refused.
    Refuses: what `lists.read` refuses, a number that does not pass its proof, an unknown category or project,
    a consent without its first or last day: all problems at once (exit code 17).
    """
    problems: list[str] = []
    read = declared_lists.read_declared_lists(CONSENT_LISTS, folder, today, problems, most_days=most_days)
    lines = [_line(line, changes, categories, projects, problems) for one in read for line in one.lines]
    if problems:
        raise RightsRefused(*problems)
    return ConsentRegister(read, tuple(line for line in lines if line), today, changes)


def suppress_unconsented_values(rows: AdmittedResults, given: ConsentedPupils, project: Project) -> ConsentedResults:
    """Take the special-category values away of every pupil without consent.

    Takes: rows of pupils without objection, numbers in normal form.
    Gives: the same rows; those of a special result show nothing unless their pupil consents to its domain.
    """
    require_columns(rows, RESULTS_SCHEMA)
    if not project.special_results:
        return ConsentedResults(rows)
    special = reduce(or_, (F.col("domein") == result.domein for result in project.special_results))
    return ConsentedResults(_emptied(rows, given, F.col("bijzonder") | special))


def suppress_values_at_intake(judged: DataFrame, given: ConsentedPupils) -> DataFrame:
    """Empty the scores of special-category rows that no live project has consent for.

    Takes: rows with `pgn`, `domein`, `bijzonder` and the scores; who consents to some live project.
    Gives: the same rows and columns.
    """
    return _emptied(judged, given, F.coalesce("bijzonder", F.lit(False)))


def suppress_special_values(judged: DataFrame, as_sent: str) -> DataFrame:
    """Empty the scores of every row of a special-category test, and of one that nobody knows.

    Takes: rows that are to be quarantined; the column that has them as sent (a struct, or null).
    Gives: the same rows and columns: what a school corrects it sends again, so nothing is lost.
    """
    special = F.coalesce("bijzonder", F.lit(True))
    sent = F.col(as_sent)
    for name in SCORE_COLUMNS:
        sent = sent.withField(name, F.lit(None).cast("string"))
    hidden = F.when(special, sent).otherwise(F.col(as_sent))
    return _emptied(judged, NO_CONSENTED_PUPILS, special).withColumn(as_sent, hidden)


def _emptied(rows: DataFrame, given: ConsentedPupils, special: Column) -> DataFrame:
    hidden = special
    known = rows
    if given.pairs:
        known = rows.join(given.to_frame(rows.sparkSession), ["pgn", "domein"], "left")
        hidden = special & F.col(CONSENTED_COLUMN).isNull()
    kept = known.withColumns({name: F.when(~hidden, F.col(name)) for name in SCORE_COLUMNS})
    return kept.select(*rows.columns) if given.pairs else kept


def _line(
    line: ListLine, changes: NumberChanges, categories: Collection[str], projects: Collection[str], problems: list[str]
) -> Consent | None:
    before = len(problems)

    def wrong(what: str, example: str, found: str) -> None:
        problems.append(CONSENT_LISTS.wrong(what, example, found, line.where))

    since, until, withdrawn = (
        declared_lists.parse_date_cell(CONSENT_LISTS, line, name, problems)
        for name in ("vanaf", "tot", "ingetrokken_op")
    )
    for name in ("vanaf", "tot"):
        if not line[name]:
            wrong("a consent from a day to a day", "2026-01-01 and 2027-07-31", f"nothing in {name}")
    if since is not None and until is not None and until < since:
        wrong("a last day not before the first", "2027-07-31", "an earlier one in tot")
    pgn = normalise_pgn(line["pgn"])
    if pgn is None:
        wrong("a pupil number that passes its proof", "a BSN of nine digits", "something else")
    if line["categorie"] not in categories:
        wrong("the domain of a test marked bijzonder", "a domain of toetsen.csv", "something else")
    if line["project"] not in projects:
        wrong("a project that there is", "the name of a file in projects/", "something else")
    if len(problems) > before or pgn is None or since is None or until is None:
        return None
    return Consent(changes.newest(pgn), line["categorie"], line["project"], since, until, withdrawn)
