"""The settings of one recoding of a plain file, checked before any record is read.

In go the options as they were typed; out come quasi-identifiers, constraints, objective and limits, or a refusal that
names all problems at once.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any, TypeVar, cast

from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.sdc.cli.band_bounds import bound_names
from cohort.sdc.cli.options import CommandOptions
from cohort.sdc.cli.plain_files import suggest_name
from cohort.sdc.local_recoding import LOCAL_OBJECTIVES
from cohort.sdc.model import Coding, LevelVector
from cohort.sdc.privacy_models import (
    ClassConstraint,
    DistinctLDiversity,
    EntropyLDiversity,
    EqualDistanceTCloseness,
    KAnonymity,
    KWithoutLargestSchool,
    LDiversityWithoutAnySchool,
    OrderedDistanceTCloseness,
    SchoolDiversity,
    SchoolDominance,
    SensitiveValueConstraint,
    ValueDominance,
    parse_share,
)
from cohort.sdc.utility import ObjectiveName

Number = TypeVar("Number", int, float)
Built = TypeVar("Built")

MIN_PUPILS_WITH_VALUE = 200
"""A sensitive column of which fewer records have a value is refused, unless an option says otherwise."""
MIN_DISTINCT_VALUES, MAX_VALUE_SHARE = 3, "0.8"
"""Constraints on the sensitive values of a class, where no option gives others."""
MIN_VALUES_WITHOUT_SCHOOL, MIN_PUPILS_WITHOUT_SCHOOL = 2, 5
"""The values and pupils that must remain in a class when any one school subtracts its own pupils."""
MIN_K_FOR_CLOSENESS = 25
"""In smaller classes chance alone takes the distribution of the values far from that of all."""


@dataclass(frozen=True)
class RecodingSettings:
    """One recoding of a plain file.

    Args:
        columns: the quasi-identifiers, in the order of the release.
        k: the fewest records of a class.
        constraints: what every class must satisfy.
        value_constraints: what the sensitive values of a class must satisfy to be shown.
        min_pupils_with_value: of how many records the sensitive value must be known.
        pupil: the column of the pupil, where one is given.
        schools: the column of the school.
        boards: the column of the school's board.
        sensitive: the sensitive column.
        ordered: whether the sensitive values have an order.
        recoding: `global` or `local`.
        objective: what the search minimises.
        suppression_limit: the share of the records that may be suppressed.
        weights: the weight of each quasi-identifier.
        lowest: the finest level by column, for columns that an option names.
        highest: the coarsest level by column, for columns that an option names.
        typed: the quasi-identifiers whose bounds are released too.
        risk_attributes: the columns that an intruder may know of many pupils; none where no attack is measured.
    """

    columns: tuple[str, ...]
    k: int
    constraints: tuple[ClassConstraint, ...]
    value_constraints: tuple[SensitiveValueConstraint, ...]
    min_pupils_with_value: int
    pupil: str | None
    schools: str | None
    boards: str | None
    sensitive: str | None
    ordered: bool
    recoding: str
    objective: ObjectiveName
    suppression_limit: Fraction
    weights: tuple[float, ...]
    lowest: Mapping[str, int]
    highest: Mapping[str, int]
    risk_attributes: tuple[str, ...]
    typed: tuple[str, ...] = ()

    @property
    def columns_to_read(self) -> tuple[str, ...]:
        """The columns that must be read, each once."""
        named = (self.pupil, self.schools, self.boards, self.sensitive)
        return tuple(dict.fromkeys((*self.columns, *(name for name in named if name is not None))))

    def level_bounds(self, coding: Coding) -> tuple[LevelVector, LevelVector]:
        """The lowest and the highest level of every column; the leaves and the top where no option names it."""
        lowest = tuple(self.lowest.get(name, 0) for name in self.columns)
        tops = zip(self.columns, coding.heights, strict=True)
        return lowest, tuple(self.highest.get(name, height - 1) for name, height in tops)


def parse_settings(options: CommandOptions) -> RecodingSettings:
    """Parse the options and check that they fit together.

    Raises:
        ConfigurationRefused: options that are missing, contradict each other or make no constraint; all at once
            (exit code 10).
    """
    problems: list[str] = []
    columns = _parse_columns(options.columns, problems)
    constraints = _build_constraints(options, problems)
    value_constraints = _build_value_constraints(options, problems)
    _check_column_roles(options, columns, problems)
    suppression_limit = _parse_suppression_limit(options, problems)
    weights = _parse_by_column(options.weights, float, "--weights", columns, problems)
    lowest = _parse_by_column(",".join(options.lowest), int, "--lowest", columns, problems)
    highest = _parse_by_column(",".join(options.highest), int, "--highest", columns, problems)
    objective = _parse_objective(options, problems)
    typed = _parse_typed(options, columns, problems)
    risk_attributes = _parse_risk_attributes(options, columns, problems)
    if problems:
        raise ConfigurationRefused(*problems)
    return RecodingSettings(
        columns=columns,
        k=int(options.k or 0),
        constraints=constraints,
        value_constraints=value_constraints,
        min_pupils_with_value=MIN_PUPILS_WITH_VALUE if options.least_known is None else options.least_known,
        pupil=options.pupil,
        schools=options.schools,
        boards=options.boards,
        sensitive=options.sensitive,
        ordered=options.ordered,
        recoding=options.recoding,
        objective=objective,
        suppression_limit=suppression_limit,
        weights=tuple(weights.get(name, 1.0) for name in columns),
        lowest=lowest,
        highest=highest,
        typed=typed,
        risk_attributes=risk_attributes,
    )


def _parse_columns(typed: str | None, problems: list[str]) -> tuple[str, ...]:
    names = tuple(next(csv.reader([typed]), [])) if typed else ()
    if not names:
        problems.append(_option_problem("at least one column", "--columns geslacht,leerjaar", "none", "--columns"))
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            problems.append(_option_problem(f"column `{name}` once", "--columns a,b", "it several times", "--columns"))
    return names


def _parse_typed(options: CommandOptions, columns: Sequence[str], problems: list[str]) -> tuple[str, ...]:
    """The columns whose bounds are released too; their names must leave room for those of the bounds."""
    names = tuple(next(csv.reader([options.typed]), [])) if options.typed else ()
    others = {*columns, *([options.sensitive] if options.sensitive else [])}
    for name in dict.fromkeys(names):
        if name not in columns:
            problems.append(_option_problem("a name of --columns", "--typed score", f"`{name}`", "--typed"))
        elif others & set(bound_names(name)):
            found = f"one of them for `{name}`"
            problems.append(_option_problem("no column with the name of a bound", "--typed score", found, "--typed"))
    return tuple(dict.fromkeys(names))


def _build_constraints(options: CommandOptions, problems: list[str]) -> tuple[ClassConstraint, ...]:
    """The constraints on classes that the options ask for."""
    builders: list[Callable[[], ClassConstraint]] = []
    if options.k is None:
        problems.append(_option_problem("the fewest records of a class", "--k 10", "no number", "--k"))
    else:
        builders.append(partial(KAnonymity, options.k))
    on_schools: list[tuple[str, Any, Callable[[Any], ClassConstraint]]] = [
        ("--m", options.m, SchoolDiversity),
        ("--max-share", options.max_share, SchoolDominance),
        ("--k-others", options.k_others, KWithoutLargestSchool),
    ]
    thresholds = {name: value for name, value, _ in on_schools}
    _require_threshold_and_column(thresholds, "--schools", options.schools, problems)
    builders += [partial(constraint, value) for _, value, constraint in on_schools if value is not None]
    return _build_all(builders, problems)


def _build_value_constraints(options: CommandOptions, problems: list[str]) -> tuple[SensitiveValueConstraint, ...]:
    """The constraints on sensitive values that the options ask for, completed by the defaults."""
    closeness = OrderedDistanceTCloseness if options.ordered else EqualDistanceTCloseness
    on_values: list[tuple[str, Any, Callable[[Any], SensitiveValueConstraint]]] = [
        ("--l", options.l, DistinctLDiversity),
        ("--entropy-l", options.entropy_l, EntropyLDiversity),
        ("--t", options.t, closeness),
        ("--largest-value", options.largest_value, ValueDominance),
    ]
    thresholds = {name: value for name, value, _ in on_values}
    _require_threshold_and_column(thresholds, "--sensitive", options.sensitive, problems)
    _check_value_options(options, thresholds, problems)
    if options.sensitive is None:
        return ()
    builders: list[Callable[[], SensitiveValueConstraint]] = [
        partial(constraint, value) for _, value, constraint in on_values if value is not None
    ]
    if options.l is None:
        builders.append(partial(DistinctLDiversity, MIN_DISTINCT_VALUES))
    if options.largest_value is None:
        builders.append(partial(ValueDominance, MAX_VALUE_SHARE))
    if options.schools is not None:
        builders.append(partial(LDiversityWithoutAnySchool, MIN_VALUES_WITHOUT_SCHOOL, MIN_PUPILS_WITHOUT_SCHOOL))
    return _build_all(builders, problems)


def _check_value_options(options: CommandOptions, thresholds: Mapping[str, Any], problems: list[str]) -> None:
    """Check the options for sensitive values against each other and against k."""
    named_options = [name for name, value in thresholds.items() if value is not None]
    if len(named_options) > 1:
        problems.append(
            _option_problem("one rule for the sensitive column", "--l 3", " and ".join(named_options), "the options")
        )
    if options.ordered and options.t is None:
        problems.append(_option_problem("a distance of ordered values", "--t 0.2 --ordered", "no --t", "--ordered"))
    if options.t is not None and options.k is not None and options.k < MIN_K_FOR_CLOSENESS:
        what = f"k of at least {MIN_K_FOR_CLOSENESS} with a distance: in smaller classes chance alone is far"
        problems.append(_option_problem(what, f"--k {MIN_K_FOR_CLOSENESS} --t 0.3", f"k = {options.k}", "--t"))
    if options.least_known is not None and options.sensitive is None:
        problems.append(_option_problem("the column that it is about", "--sensitive COLUMN", "none", "--least-known"))


def _check_column_roles(options: CommandOptions, columns: Sequence[str], problems: list[str]) -> None:
    """Check that no column has two roles, and that boards come with schools."""
    if options.boards is not None and options.schools is None:
        problems.append(_option_problem("the schools that boards have", "--schools brin", "none", "--boards"))
    if options.sensitive is not None and options.sensitive in (*columns, options.schools, options.boards):
        what = "a sensitive column apart from --columns, --schools and --boards"
        found = f"`{options.sensitive}` in two places"
        problems.append(_option_problem(what, "--sensitive advies", found, "--sensitive"))
    if options.pupil is not None and options.pupil in (*columns, options.schools, options.boards, options.sensitive):
        found = f"`{options.pupil}` in two places"
        problems.append(_option_problem("the pupil's number in no other place", "--pupil leerling", found, "--pupil"))


def _parse_suppression_limit(options: CommandOptions, problems: list[str]) -> Fraction:
    """The suppression limit; by default everything in local recoding, which reports it, and nothing in global."""
    default = "1" if options.recoding == "local" else "0"
    typed = options.limit if options.limit is not None else default
    shares = _build_all([partial(parse_share, typed, "part of the records that may be suppressed (--limit)")], problems)
    return shares[0] if shares else Fraction(0)


def _parse_objective(options: CommandOptions, problems: list[str]) -> ObjectiveName:
    default = "mean" if options.recoding == "local" else "geometric"
    objective = options.objective or default
    if options.recoding == "local" and objective not in LOCAL_OBJECTIVES:
        found = f"`{objective}` in a local recoding"
        problems.append(_option_problem("a loss that adds up over classes", "--objective mean", found, "--objective"))
    return cast(ObjectiveName, objective)  # the parser knows all names, and the search refuses any other


def _parse_risk_attributes(options: CommandOptions, columns: Sequence[str], problems: list[str]) -> tuple[str, ...]:
    """The columns that an intruder is assumed to know; some of the quasi-identifiers, not all."""
    if options.risk_attributes is None:
        return ()
    option = "--risk-attributes"
    names = tuple(dict.fromkeys(next(csv.reader([options.risk_attributes]), [])))
    unknown = [name for name in names if name not in columns]
    problems += [_unknown_column_problem(name, columns, option) for name in unknown]
    if not names or (not unknown and len(names) == len(columns)):
        found = "all of --columns" if names else "no column"
        what = "some of --columns, not all, of which the others are guessed"
        problems.append(_option_problem(what, f"{option} geslacht,thuistaal", found, option))
    return names


def _parse_by_column(
    typed: str | None, kind: type[Number], option: str, columns: Sequence[str], problems: list[str]
) -> dict[str, Number]:
    """Numbers by column, typed as in `a=2,b=1`."""
    numbers: dict[str, Number] = {}
    for pair in filter(None, next(csv.reader([typed or ""]), [])):
        name, _, text = pair.rpartition("=")
        try:
            number = kind(text)
        except ValueError:
            problems.append(_option_problem("a column and its number", f"{option} a=1", "another form", option))
            continue
        if name not in columns:
            problems.append(_unknown_column_problem(name, columns, option))
        elif name in numbers:
            problems.append(_option_problem(f"one number for column `{name}`", f"{option} a=1", "several", option))
        numbers[name] = number
    return numbers


def _require_threshold_and_column(
    thresholds: Mapping[str, Any], option: str, column: str | None, problems: list[str]
) -> None:
    """Refuse a threshold without the column it is about, and the column without a threshold."""
    named_options = [name for name, value in thresholds.items() if value is not None]
    if named_options and column is None:
        problems.append(_option_problem("the column that it is about", f"{option} COLUMN", "none", named_options[0]))
    if column is not None and not named_options:
        problems.append(_option_problem("a rule for this column", " or ".join(thresholds), "none", option))


def _build_all(builders: Iterable[Callable[[], Built]], problems: list[str]) -> tuple[Built, ...]:
    """What the builders make; the problems of those that refuse are added to the others."""
    made: list[Built] = []
    for build in builders:
        try:
            made.append(build())
        except ConfigurationRefused as refusal:
            problems.extend(refusal.problems)
    return tuple(made)


def _unknown_column_problem(name: str, columns: Sequence[str], option: str) -> str:
    return describe_problem(
        "a name of --columns",
        example=f"`{columns[0]}`" if columns else "a=1",
        found=f"`{name}`",
        where=option,
        do=suggest_name(name, columns),
    )


def _option_problem(what: str, example: str, found: str, where: str) -> str:
    return describe_problem(what, example=f"`{example}`", found=found, where=where, do="Correct the options")
