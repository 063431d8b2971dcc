"""What an analyst asks of one recoding, checked before any record is read."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import partial
from typing import Any, TypeVar, cast

from cohort.foundation.errors import ConfigurationRefused, describe_problem
from cohort.sdc.cli.plain_files import suggest_name
from cohort.sdc.model.coding import Coding, LevelVector
from cohort.sdc.privacy_models.class_constraints import ClassConstraint
from cohort.sdc.privacy_models.dominance import SchoolDominance, ValueDominance
from cohort.sdc.privacy_models.k_anonymity import KAnonymity, KWithoutLargestSchool
from cohort.sdc.privacy_models.l_diversity import DistinctLDiversity, EntropyLDiversity, LDiversityWithoutAnySchool
from cohort.sdc.privacy_models.school_diversity import SchoolDiversity
from cohort.sdc.privacy_models.sensitive_constraints import SensitiveValueConstraint
from cohort.sdc.privacy_models.t_closeness import EqualDistanceTCloseness, OrderedDistanceTCloseness
from cohort.sdc.privacy_models.thresholds import parse_share
from cohort.sdc.utility.objectives import ObjectiveName

T = TypeVar("T", int, float)

LOCAL_OBJECTIVES = ("mean", "geometric")
MIN_PUPILS_WITH_VALUE = 200
"""Pupils with a sensitive value: of fewer the column is refused."""
MIN_DISTINCT_VALUES, MAX_VALUE_SHARE = 3, "0.8"
"""What the sensitive values of a class must be, where nothing else is asked."""
MIN_VALUES_WITHOUT_SCHOOL, MIN_PUPILS_WITHOUT_SCHOOL = 2, 5
"""What must be left of them when any one school takes its own pupils away."""
MIN_K_FOR_CLOSENESS = 25
"""In classes of fewer pupils chance alone takes their values far from those of all."""


@dataclass(frozen=True)
class CommandOptions:
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
    def of(cls, typed: Mapping[str, Any]) -> CommandOptions:
        return cls(**{field.name: typed[field.name] for field in fields(cls)})


@dataclass(frozen=True)
class RecodingSettings:
    """One recoding to be tried.

    Takes: the quasi-identifiers in the order of the release; what every class must satisfy; what its
    sensitive values must, and of how many pupils they must be known; the columns of the pupil, the school,
    its board and the sensitive value, and whether its values have an order; the kind of recoding; which loss
    to make small; which part of the records may be suppressed; weights, lowest and highest levels by column.
    """

    columns: tuple[str, ...]
    k: int
    constraints: tuple[ClassConstraint, ...]
    value_rules: tuple[SensitiveValueConstraint, ...]
    least_known: int
    pupil: str | None
    schools: str | None
    boards: str | None
    sensitive: str | None
    ordered: bool
    recoding: str
    objective: ObjectiveName
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

    def levels(self, coding: Coding) -> tuple[LevelVector, LevelVector]:
        """The lowest and the highest level of every column; where none was given, the leaves and the top."""
        low = tuple(self.lowest.get(name, 0) for name in self.columns)
        tops = zip(self.columns, coding.heights, strict=True)
        return low, tuple(self.highest.get(name, height - 1) for name, height in tops)


def parse_settings(asked: CommandOptions) -> RecodingSettings:
    """Refuses: options that are missing, contradict each other or make no rule; all at once (code 10)."""
    problems: list[str] = []

    def tried(make: Callable[[], Any]) -> Any:
        try:
            return make()
        except ConfigurationRefused as refusal:
            problems.extend(refusal.problems)

    columns = _parse_columns(asked.columns, problems)
    constraints = [rule for rule in map(tried, _constraint_builders(asked, problems)) if rule is not None]
    value_rules = [rule for rule in map(tried, _value_rule_builders(asked, columns, problems)) if rule is not None]
    what = "part of the records that may be suppressed (--limit)"
    limit = asked.limit if asked.limit is not None else ("1" if asked.recoding == "local" else "0")
    part = tried(lambda: parse_share(limit, what))
    if asked.pupil is not None and asked.pupil in (*columns, asked.schools, asked.boards, asked.sensitive):
        what, found = "the pupil's number in no other place", f"`{asked.pupil}` in two places"
        problems.append(_option_problem(what, "--pupil leerling", found, "--pupil"))
    weights = _parse_by_column(asked.weights, float, "--weights", columns, problems)
    lowest = _parse_by_column(",".join(asked.lowest), int, "--lowest", columns, problems)
    highest = _parse_by_column(",".join(asked.highest), int, "--highest", columns, problems)
    by_default = "mean" if asked.recoding == "local" else "geometric"
    objective = cast(ObjectiveName, asked.objective or by_default)  # the search refuses what it does not know
    if asked.recoding == "local" and objective not in LOCAL_OBJECTIVES:
        found = f"`{objective}` in a local recoding"
        problems.append(_option_problem("a loss that adds up over classes", "--objective mean", found, "--objective"))
    if problems:
        raise ConfigurationRefused(*problems)
    return RecodingSettings(
        columns,
        int(asked.k or 0),
        tuple(constraints),
        tuple(value_rules),
        MIN_PUPILS_WITH_VALUE if asked.least_known is None else asked.least_known,
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


def _parse_columns(typed: str | None, problems: list[str]) -> tuple[str, ...]:
    names = tuple(next(csv.reader([typed]), [])) if typed else ()
    if not names:
        problems.append(_option_problem("at least one column", "--columns geslacht,leerjaar", "none", "--columns"))
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            problems.append(_option_problem(f"column `{name}` once", "--columns a,b", "it several times", "--columns"))
    return names


def _constraint_builders(asked: CommandOptions, problems: list[str]) -> list[Callable[[], ClassConstraint]]:
    """How to make each constraint that was asked for."""
    rules: list[Callable[[], ClassConstraint]] = []
    if asked.k is None:
        problems.append(_option_problem("the fewest records of a class", "--k 10", "no number", "--k"))
    else:
        rules.append(partial(KAnonymity, asked.k))
    of_schools: list[tuple[str, Any, Callable[[Any], ClassConstraint]]] = [
        ("--m", asked.m, SchoolDiversity),
        ("--max-share", asked.max_share, SchoolDominance),
        ("--k-others", asked.k_others, KWithoutLargestSchool),
    ]
    given = [(name, value, rule) for name, value, rule in of_schools if value is not None]
    _require_rule_and_column(given, "--schools", asked.schools, [name for name, _, _ in of_schools], problems)
    return rules + [partial(rule, value) for _, value, rule in given]


def _value_rule_builders(
    asked: CommandOptions, columns: Sequence[str], problems: list[str]
) -> list[Callable[[], SensitiveValueConstraint]]:
    """How to make each rule on the sensitive values: those asked for, and the least where none was asked."""
    closeness = OrderedDistanceTCloseness if asked.ordered else EqualDistanceTCloseness
    of_values: list[tuple[str, Any, Callable[[Any], SensitiveValueConstraint]]] = [
        ("--l", asked.l, DistinctLDiversity),
        ("--entropy-l", asked.entropy_l, EntropyLDiversity),
        ("--t", asked.t, closeness),
        ("--largest-value", asked.largest_value, ValueDominance),
    ]
    given = [(name, value, rule) for name, value, rule in of_values if value is not None]
    _require_rule_and_column(given, "--sensitive", asked.sensitive, [name for name, _, _ in of_values], problems)
    if len(given) > 1:
        told = " and ".join(name for name, _, _ in given)
        problems.append(_option_problem("one rule for the sensitive column", "--l 3", told, "the options"))
    if asked.ordered and asked.t is None:
        problems.append(_option_problem("a distance of ordered values", "--t 0.2 --ordered", "no --t", "--ordered"))
    if asked.t is not None and asked.k is not None and asked.k < MIN_K_FOR_CLOSENESS:
        what = f"k of at least {MIN_K_FOR_CLOSENESS} with a distance: in smaller classes chance alone is far"
        problems.append(_option_problem(what, f"--k {MIN_K_FOR_CLOSENESS} --t 0.3", f"k = {asked.k}", "--t"))
    if asked.least_known is not None and asked.sensitive is None:
        problems.append(_option_problem("the column that it is about", "--sensitive COLUMN", "none", "--least-known"))
    if asked.boards is not None and asked.schools is None:
        problems.append(_option_problem("the schools that boards have", "--schools brin", "none", "--boards"))
    if asked.sensitive is not None and asked.sensitive in (*columns, asked.schools, asked.boards):
        found = f"`{asked.sensitive}` in two places"
        what = "a sensitive column apart from --columns, --schools and --boards"
        problems.append(_option_problem(what, "--sensitive advies", found, "--sensitive"))
    if asked.sensitive is None:
        return []
    rules: list[Callable[[], SensitiveValueConstraint]] = [partial(rule, value) for _, value, rule in given]
    if asked.l is None:
        rules.append(partial(DistinctLDiversity, MIN_DISTINCT_VALUES))
    if asked.largest_value is None:
        rules.append(partial(ValueDominance, MAX_VALUE_SHARE))
    if asked.schools is not None:
        rules.append(partial(LDiversityWithoutAnySchool, MIN_VALUES_WITHOUT_SCHOOL, MIN_PUPILS_WITHOUT_SCHOOL))
    return rules


def _require_rule_and_column(
    given: Sequence[tuple[str, Any, Any]], option: str, column: str | None, names: Sequence[str], problems: list[str]
) -> None:
    """A rule without its column, a column without a rule."""
    if given and column is None:
        problems.append(_option_problem("the column that it is about", f"{option} COLUMN", "none", given[0][0]))
    if column is not None and not given:
        problems.append(_option_problem("a rule for this column", " or ".join(names), "none", option))


def _parse_by_column(
    typed: str | None, kind: type[T], option: str, columns: Sequence[str], problems: list[str]
) -> dict[str, T]:
    """Numbers by column, as in `a=2,b=1`."""
    found: dict[str, T] = {}
    for pair in filter(None, next(csv.reader([typed or ""]), [])):
        name, _, text = pair.rpartition("=")
        try:
            number = kind(text)
        except ValueError:
            problems.append(_option_problem("a column and its number", f"{option} a=1", "another form", option))
            continue
        if name not in columns:
            problems.append(
                describe_problem(
                    "a name of --columns",
                    example=f"`{columns[0]}`" if columns else "a=1",
                    found=f"`{name}`",
                    where=option,
                    do=suggest_name(name, columns),
                )
            )
        elif name in found:
            problems.append(_option_problem(f"one number for column `{name}`", f"{option} a=1", "several", option))
        found[name] = number
    return found


def _option_problem(what: str, example: str, found: str, where: str) -> str:
    return describe_problem(what, example=f"`{example}`", found=found, where=where, do="Correct the options")
