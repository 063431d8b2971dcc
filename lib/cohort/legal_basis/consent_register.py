"""Consents of pupils for special-category results, as declared lists give them.

In: the lists of the folder `consents`. Out: the pupils who consent to a category for a project today. Read by
`eligibility`; a record must never say how many consents there are.

A consent is a pupil's, for one category (the domain of a test marked `bijzonder`) and one project, from a day to
a day. The lists count together; a withdrawal ends every consent that began before it, in whichever list that is.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import Project
from cohort.data_states import make_local_frame
from cohort.foundation import RightsRefused, describe_problem
from cohort.legal_basis.declared_lists import (
    DatedListDeclaration,
    DeclaredList,
    ListDefinition,
    ListLine,
    digest_declared_lists,
    read_declared_lists,
)
from cohort.legal_basis.list_columns import (
    InvalidCell,
    date_column,
    pupil_number_column,
    required_date_column,
    text_column,
)
from cohort.legal_basis.list_vocabulary import ListVocabulary
from cohort.legal_basis.number_changes import NumberChanges
from cohort.storage import StoragePath

_PGN, _CATEGORY, _PROJECT = pupil_number_column("pgn"), text_column("categorie"), text_column("project")
_PERIOD = "a consent from a day to a day", "2026-01-01 and 2027-07-31"
_SINCE = required_date_column("vanaf", *_PERIOD, found="nothing in vanaf")
_UNTIL = required_date_column("tot", *_PERIOD, found="nothing in tot")
_WITHDRAWN_ON = date_column("ingetrokken_op")

CONSENTED_COLUMN = "_consent"
PupilCategory = tuple[str, str]
"""A pupil number in normal form, and a category."""


def _check_consent_line(line: ListLine) -> Iterator[InvalidCell]:
    if line[_UNTIL] < line[_SINCE]:
        yield InvalidCell("a last day not before the first", "2027-07-31", "an earlier one in tot")


CONSENT_LISTS = ListDefinition(
    "consents",
    (_PGN, _CATEGORY, _PROJECT, _SINCE, _UNTIL, _WITHDRAWN_ON),
    DatedListDeclaration,
    RightsRefused,
    _check_consent_line,
)


@dataclass(frozen=True, repr=False)
class Consent:
    """One line of a list, with the newest number of the pupil."""

    pgn: str
    category: str
    project: str
    since: dt.date
    until: dt.date
    withdrawn: dt.date | None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.pgn, self.category, self.project

    def in_force(self, today: dt.date) -> bool:
        """Whether it is in force, as far as this line says."""
        return self.since <= today <= self.until and (self.withdrawn is None or self.withdrawn > today)

    def withdrawn_by(self, other: Consent) -> bool:
        """Whether the withdrawal on another line ends this consent too."""
        return self.key == other.key and (self.since == other.since or (other.withdrawn or dt.date.min) > self.since)


@dataclass(frozen=True)
class ConsentedPupils:
    """Pupils, under every number of theirs, with the category they consent to; `digest` changes when they do."""

    pairs: frozenset[PupilCategory] = field(default=frozenset(), repr=False)
    digest: str = ""

    def to_frame(self, spark: SparkSession) -> DataFrame:
        """The pairs as a broadcast frame `pgn`, `domein`, `_consent`, which shows none of them in a query plan."""
        schema = f"pgn string not null, domein string not null, {CONSENTED_COLUMN} boolean not null"
        rows = [(*pair, True) for pair in sorted(self.pairs)]
        return F.broadcast(make_local_frame(spark, schema, rows))


NO_CONSENTED_PUPILS = ConsentedPupils()


@dataclass(frozen=True)
class ConsentRegister:
    """All lists of consents together, on the day they were read."""

    lists: tuple[DeclaredList[DatedListDeclaration], ...]
    consents: tuple[Consent, ...] = field(repr=False)
    today: dt.date
    changes: NumberChanges = field(repr=False)

    def consented_pupils(self, project: Project) -> ConsentedPupils:
        """The pupils whose special-category values a project may show; nobody where it shows no such result.

        Raises:
            RightsRefused: a project with such a result, without a list or a consent in force for it (exit
                code 17).
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
        return ConsentedPupils(pairs, digest_consented_pairs(pairs, digest_declared_lists(self.lists)))

    def pairs_in_force(self, project: str, categories: Collection[str]) -> frozenset[PupilCategory]:
        """The pupils, under every number of theirs, who consent to these categories for a project today."""
        withdrawals = defaultdict[tuple[str, str, str], list[Consent]](list)
        for one in self.consents:
            if one.withdrawn is not None and one.withdrawn <= self.today:
                withdrawals[one.key].append(one)
        pairs = {
            (one.pgn, one.category)
            for one in self.consents
            if one.project == project
            and one.category in categories
            and one.in_force(self.today)
            and not any(map(one.withdrawn_by, withdrawals.get(one.key, ())))
        }
        older_numbers = defaultdict[str, list[str]](list)
        for old, newest in self.changes.newest_numbers.items():
            older_numbers[newest].append(old)
        return frozenset((number, category) for pgn, category in pairs for number in (pgn, *older_numbers.get(pgn, ())))


def digest_consented_pairs(pairs: Iterable[PupilCategory], prefix: str, separator: str = "") -> str:
    """One SHA-256 over a prefix and consenting pupils in a fixed order."""
    digest = hashlib.sha256(prefix.encode())
    for pair in sorted(pairs):
        digest.update(f"{' '.join(pair)}{separator}".encode())
    return digest.hexdigest()


def load_consent_register(
    folder: StoragePath, max_age_days: int, today: dt.date, changes: NumberChanges, vocabulary: ListVocabulary
) -> ConsentRegister:
    """Read every list of consents.

    Args:
        folder: the folder of the lists; none there means that nobody consented.
        max_age_days: the greatest age of a list that the platform allows.
        today: the present day.
        changes: the changes of pupil numbers.
        vocabulary: the categories and projects that a line may name.

    Raises:
        RightsRefused: every problem of `read_declared_lists`, an invalid number, an unknown category or
            project, a consent without its first or last day, or with the last before the first (exit code 17).
    """
    category = _CATEGORY.limited_to(
        vocabulary.categories, "the domain of a test marked bijzonder", "a domain of toetsen.csv", "something else"
    )
    project = _PROJECT.limited_to(
        vocabulary.projects, "a project that there is", "the name of a file in projects/", "something else"
    )
    definition = replace(CONSENT_LISTS, columns=(_PGN, category, project, _SINCE, _UNTIL, _WITHDRAWN_ON))
    problems: list[str] = []
    lists = read_declared_lists(definition, folder, today, problems, max_age_days=max_age_days)
    if problems:
        raise RightsRefused(*problems)
    consents = tuple(_to_consent(line, changes) for one in lists for line in one.lines)
    return ConsentRegister(lists, consents, today, changes)


def _to_consent(line: ListLine, changes: NumberChanges) -> Consent:
    pgn = changes.newest(line[_PGN])
    return Consent(pgn, line[_CATEGORY], line[_PROJECT], line[_SINCE], line[_UNTIL], line[_WITHDRAWN_ON])
