"""What an analyst asks of one recoding, checked before any record is read."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import partial
from typing import Any, TypeVar, cast

from cohort.foundation.errors import ConfigurationRefused, expected
from cohort.sdc.cli.plain_files import closest
from cohort.sdc.model.coding import Coding, Levels
from cohort.sdc.privacy_models.constraints import Constraint, LargestShare, Others, Pupils, Schools, share
from cohort.sdc.privacy_models.l_diversity import (
    DistinctValues,
    EntropyDiversity,
    LargestValueShare,
    ValueRule,
    WithoutAnyGroup,
)
from cohort.sdc.privacy_models.t_closeness import EqualCloseness, OrderedCloseness
from cohort.sdc.utility.loss import Kind

T = TypeVar("T", int, float)

LOCAL_OBJECTIVES = ("mean", "geometric")
LEAST_KNOWN = 200
"""Pupils with a sensitive value: of fewer the column is refused."""
FEWEST_VALUES, LARGEST_VALUE = 3, "0.8"
"""What the sensitive values of a class must be, where nothing else is asked."""
VALUES_WITHOUT_SCHOOL, PUPILS_WITHOUT_SCHOOL = 2, 5
"""What must be left of them when any one school takes its own pupils away."""
CLOSENESS_FROM_K = 25
"""In classes of fewer pupils chance alone takes their values far from those of all."""


@dataclass(frozen=True)
class Asked:
    """The options as they were typed, nothing where one was left out."""

    columns: str | None
    k: int | None
    pupil: str | None
    schools: str | None
    boards: str | None
    m: int | None
    max_share: str | None
    k_others: int | None
    sensitive: str | None
    l: int | None  # noqa: E741  (the name that the field gives it)
    entropy_l: str | None
    t: str | None
    ordered: bool
    largest_value: str | None
    least_known: int | None
    limit: str | None
    recoding: str
    objective: str | None
    weights: str | None
    lowest: Sequence[str]
    highest: Sequence[str]

    @classmethod
    def of(cls, typed: Mapping[str, Any]) -> Asked:
        return cls(**{field.name: typed[field.name] for field in fields(cls)})


@dataclass(frozen=True)
class Settings:
    """One recoding to be tried.

    Takes: the quasi-identifiers in the order of the release; what every class must satisfy; what its
    sensitive values must, and of how many pupils they must be known; the columns of the pupil, the school,
    its board and the sensitive value, and whether its values have an order; the kind of recoding; which loss
    to make small; which part of the records may be suppressed; weights, lowest and highest levels by column.
    """

    columns: tuple[str, ...]
    k: int
    constraints: tuple[Constraint, ...]
    value_rules: tuple[ValueRule, ...]
    least_known: int
    pupil: str | None
    schools: str | None
    boards: str | None
    sensitive: str | None
    ordered: bool
    recoding: str
    objective: Kind
    limit: Fraction
    weights: tuple[float, ...]
    lowest: Mapping[str, int]
    highest: Mapping[str, int]

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that must be read, each once."""
        named = (self.pupil, self.schools, self.boards, self.sensitive)
        further = (name for name in named if name is not None)
        return tuple(dict.fromkeys((*self.columns, *further)))

    @property
    def single(self) -> bool:
        """Whether every record is a unit of its own: a local recoding parts records that are equal."""
        return self.recoding == "local"

    def levels(self, coding: Coding) -> tuple[Levels, Levels]:
        """The lowest and the highest level of every column; where none was given, the leaves and the top."""
        low = tuple(self.lowest.get(name, 0) for name in self.columns)
        tops = zip(self.columns, coding.heights, strict=True)
        return low, tuple(self.highest.get(name, height - 1) for name, height in tops)


def settings(asked: Asked) -> Settings:
    """Refuses: options that are missing, contradict each other or make no rule; all at once (code 10)."""
    problems: list[str] = []

    def tried(make: Callable[[], Any]) -> Any:
        try:
            return make()
        except ConfigurationRefused as refusal:
            problems.extend(refusal.problems)

    columns = _columns(asked.columns, problems)
    constraints = [rule for rule in map(tried, _rules(asked, problems)) if rule is not None]
    value_rules = [rule for rule in map(tried, _value_rules(asked, columns, problems)) if rule is not None]
    what = "part of the records that may be suppressed (--limit)"
    limit = asked.limit if asked.limit is not None else ("1" if asked.recoding == "local" else "0")
    part = tried(lambda: share(limit, what))
    if asked.pupil is not None and asked.pupil in (*columns, asked.schools, asked.boards, asked.sensitive):
        what, found = "the pupil's number in no other place", f"`{asked.pupil}` in two places"
        problems.append(_option(what, "--pupil leerling", found, "--pupil"))
    weights = _by_column(asked.weights, float, "--weights", columns, problems)
    lowest = _by_column(",".join(asked.lowest), int, "--lowest", columns, problems)
    highest = _by_column(",".join(asked.highest), int, "--highest", columns, problems)
    by_default = "mean" if asked.recoding == "local" else "geometric"
    objective = cast(Kind, asked.objective or by_default)  # the search refuses what it does not know
    if asked.recoding == "local" and objective not in LOCAL_OBJECTIVES:
        found = f"`{objective}` in a local recoding"
        problems.append(_option("a loss that adds up over classes", "--objective mean", found, "--objective"))
    if problems:
        raise ConfigurationRefused(*problems)
    return Settings(
        columns,
        int(asked.k or 0),
        tuple(constraints),
        tuple(value_rules),
        LEAST_KNOWN if asked.least_known is None else asked.least_known,
        asked.pupil,
        asked.schools,
        asked.boards,
        asked.sensitive,
        asked.ordered,
        asked.recoding,
        objective,
        part,
        tuple(weights.get(name, 1.0) for name in columns),
        lowest,
        highest,
    )


def _columns(typed: str | None, problems: list[str]) -> tuple[str, ...]:
    names = tuple(next(csv.reader([typed]), [])) if typed else ()
    if not names:
        problems.append(_option("at least one column", "--columns geslacht,leerjaar", "none", "--columns"))
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            problems.append(_option(f"column `{name}` once", "--columns a,b", "it several times", "--columns"))
    return names


def _rules(asked: Asked, problems: list[str]) -> list[Callable[[], Constraint]]:
    """How to make each constraint that was asked for."""
    rules: list[Callable[[], Constraint]] = []
    if asked.k is None:
        problems.append(_option("the fewest records of a class", "--k 10", "no number", "--k"))
    else:
        rules.append(partial(Pupils, asked.k))
    of_schools: list[tuple[str, Any, Callable[[Any], Constraint]]] = [
        ("--m", asked.m, Schools),
        ("--max-share", asked.max_share, LargestShare),
        ("--k-others", asked.k_others, Others),
    ]
    given = [(name, value, rule) for name, value, rule in of_schools if value is not None]
    _refuse_half(given, "--schools", asked.schools, [name for name, _, _ in of_schools], problems)
    return rules + [partial(rule, value) for _, value, rule in given]


def _value_rules(asked: Asked, columns: Sequence[str], problems: list[str]) -> list[Callable[[], ValueRule]]:
    """How to make each rule on the sensitive values: those asked for, and the least where none was asked."""
    closeness = OrderedCloseness if asked.ordered else EqualCloseness
    of_values: list[tuple[str, Any, Callable[[Any], ValueRule]]] = [
        ("--l", asked.l, DistinctValues),
        ("--entropy-l", asked.entropy_l, EntropyDiversity),
        ("--t", asked.t, closeness),
        ("--largest-value", asked.largest_value, LargestValueShare),
    ]
    given = [(name, value, rule) for name, value, rule in of_values if value is not None]
    _refuse_half(given, "--sensitive", asked.sensitive, [name for name, _, _ in of_values], problems)
    if len(given) > 1:
        told = " and ".join(name for name, _, _ in given)
        problems.append(_option("one rule for the sensitive column", "--l 3", told, "the options"))
    if asked.ordered and asked.t is None:
        problems.append(_option("a distance of ordered values", "--t 0.2 --ordered", "no --t", "--ordered"))
    if asked.t is not None and asked.k is not None and asked.k < CLOSENESS_FROM_K:
        what = f"k of at least {CLOSENESS_FROM_K} with a distance: in smaller classes chance alone is far"
        problems.append(_option(what, f"--k {CLOSENESS_FROM_K} --t 0.3", f"k = {asked.k}", "--t"))
    if asked.least_known is not None and asked.sensitive is None:
        problems.append(_option("the column that it is about", "--sensitive COLUMN", "none", "--least-known"))
    if asked.boards is not None and asked.schools is None:
        problems.append(_option("the schools that boards have", "--schools brin", "none", "--boards"))
    if asked.sensitive is not None and asked.sensitive in (*columns, asked.schools, asked.boards):
        found = f"`{asked.sensitive}` in two places"
        what = "a sensitive column apart from --columns, --schools and --boards"
        problems.append(_option(what, "--sensitive advies", found, "--sensitive"))
    if asked.sensitive is None:
        return []
    rules: list[Callable[[], ValueRule]] = [partial(rule, value) for _, value, rule in given]
    if asked.l is None:
        rules.append(partial(DistinctValues, FEWEST_VALUES))
    if asked.largest_value is None:
        rules.append(partial(LargestValueShare, LARGEST_VALUE))
    if asked.schools is not None:
        rules.append(partial(WithoutAnyGroup, VALUES_WITHOUT_SCHOOL, PUPILS_WITHOUT_SCHOOL))
    return rules


def _refuse_half(
    given: Sequence[tuple[str, Any, Any]], option: str, column: str | None, names: Sequence[str], problems: list[str]
) -> None:
    """A rule without its column, a column without a rule."""
    if given and column is None:
        problems.append(_option("the column that it is about", f"{option} COLUMN", "none", given[0][0]))
    if column is not None and not given:
        problems.append(_option("a rule for this column", " or ".join(names), "none", option))


def _by_column(
    typed: str | None, kind: type[T], option: str, columns: Sequence[str], problems: list[str]
) -> dict[str, T]:
    """Numbers by column, as in `a=2,b=1`."""
    found: dict[str, T] = {}
    for pair in filter(None, next(csv.reader([typed or ""]), [])):
        name, _, text = pair.rpartition("=")
        try:
            number = kind(text)
        except ValueError:
            problems.append(_option("a column and its number", f"{option} a=1", "another form", option))
            continue
        if name not in columns:
            problems.append(
                expected(
                    "a name of --columns",
                    example=f"`{columns[0]}`" if columns else "a=1",
                    found=f"`{name}`",
                    where=option,
                    do=closest(name, columns),
                )
            )
        elif name in found:
            problems.append(_option(f"one number for column `{name}`", f"{option} a=1", "several", option))
        found[name] = number
    return found


def _option(what: str, example: str, found: str, where: str) -> str:
    return expected(what, example=f"`{example}`", found=found, where=where, do="Correct the options")
