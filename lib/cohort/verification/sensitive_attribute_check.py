"""What a class gives away of the sensitive column: every rule of its constraint, counted again and exactly.

Only rows that show a value count; a class is the rows of one combination that do.

Rounding decides nothing: shares and distances are compared in whole numbers; an entropy that floats cannot
tell from its limit is compared by the prime factors of both sides, which are the same only when the two are
equal, and then with as many decimals as it takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache
from math import gcd, log

import numpy as np
import numpy.typing as npt

from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.verification.findings import Finding, finding_if_any
from cohort.verification.record_runs import IntArray, RecordRuns

BoolArray = npt.NDArray[np.bool_]
CELLS_PER_TABLE = 1 << 22
"""So many counts are laid out at once, in whole classes."""
ENTROPY_TOLERANCE = 1e-9
"""Entropies nearer to their limit than this are compared without rounding; floats are exact to 1e-12."""


@dataclass(frozen=True)
class SensitiveAttributeLimits:
    """What the shown values of every class must meet; a distance is None where none was agreed.

    Without any one school or board there are still `others_values` values of `others` pupils.
    """

    largest_value: Fraction
    distinct: int = 1
    others_values: int = 1
    others: int = 0
    entropy: Fraction = Fraction(1)
    equal: Fraction | None = None
    ordered: Fraction | None = None

    @property
    def of_the_cohort(self) -> bool:
        """Whether a class is held against all pupils with a record, also those that were suppressed."""
        return self.equal is not None or self.ordered is not None


def sensitive_attribute_limits(project: Project, platform: Platform) -> SensitiveAttributeLimits | None:
    """The limits of the project's sensitive column, none weaker than the platform's; None without one."""
    if project.sensitive_column is None:
        return None
    floors, asked = platform.floors, project.sensitive_column.constraint
    least = SensitiveAttributeLimits(
        Fraction(floors.largest_value),
        floors.distinct_values,
        floors.values_without_school,
        floors.pupils_without_school,
    )
    if asked is None:
        return least
    return replace(
        least,
        largest_value=min(least.largest_value, Fraction(asked.largest_value)),
        distinct=max(asked.distinct or 1, least.distinct),
        entropy=Fraction(asked.entropy or 1),
        equal=None if asked.equal_closeness is None else Fraction(asked.equal_closeness),
        ordered=None if asked.ordered_closeness is None else Fraction(asked.ordered_closeness),
    )


def check_sensitive_attribute(
    runs: RecordRuns,
    values: Sequence[str],
    held_to: SensitiveAttributeLimits | None,
    cohort: IntArray | None,
    groups: IntArray,
) -> tuple[list[Finding], dict[str, int | float]]:
    """SENSITIVE, with the number of classes that break a rule and the names of the rules broken.

    Takes: the runs; the values of the sensitive column (its leaves but `onbekend`) in the order of its file;
    its limits; all pupils with a record per value and, last, with another one: None where only the table's
    own bytes are known, and then no distance is looked at; (run, school or board, pupils) in three rows.
    """
    shown = np.flatnonzero(runs.class_shows_value)
    if held_to is None or not len(shown):
        return [], {}
    broken: Counter[str] = Counter()
    classes, share, fewest = 0, Fraction(0), len(values) + 1
    of_groups = _too_few_others(runs, values, held_to, groups)
    for begin, table in _tables(runs, values, shown):
        broke = find_broken_rules(table, held_to, cohort)
        broke["values without a school"] = of_groups[shown[begin : begin + len(table)]]
        broken.update({rule: int(flags.sum()) for rule, flags in broke.items()})
        classes += int(np.logical_or.reduce([*broke.values()]).sum())
        largest = zip(table.max(axis=1).tolist(), table.sum(axis=1).tolist(), strict=True)
        share = max(share, *(Fraction(n, total) for n, total in largest))
        fewest = min(fewest, int(np.count_nonzero(table, axis=1).min()))
    named = ", ".join(rule for rule, times in broken.items() if times)
    return finding_if_any("SENSITIVE", classes, named), {"largest_value": float(share), "fewest_values": fewest}


def find_broken_rules(
    table: IntArray, held_to: SensitiveAttributeLimits, cohort: IntArray | None
) -> dict[str, BoolArray]:
    """Per rule the classes that break it.

    Takes: pupils per `[class, value]`, every class with a pupil; all pupils per value.
    """
    pupils, share = table.sum(axis=1), held_to.largest_value
    found = {
        "largest_value": table.max(axis=1) * share.denominator > pupils * share.numerator,
        "distinct": np.count_nonzero(table, axis=1) < held_to.distinct,
    }
    if held_to.entropy > 1:
        found["entropy"] = _too_alike(table, held_to.entropy)
    if cohort is not None and held_to.equal is not None:
        # D = ½ Σ |p − q| is the sum of what p has above q, as both sum to one.
        above = np.maximum(_apart(table, cohort), 0).sum(axis=1)
        found["equal_closeness"] = _further(above, held_to.equal, pupils, cohort)
    if cohort is not None and held_to.ordered is not None:
        steps = table.shape[1] - 2  # between leaves; the last column is for values that are none
        moved = np.abs(_apart(table, cohort).cumsum(axis=1)).sum(axis=1)
        found["ordered_closeness"] = _further(moved, held_to.ordered * steps, pupils, cohort)
    return found


def find_classes_known_to_a_group(cells: IntArray, totals: IntArray, held_to: SensitiveAttributeLimits) -> BoolArray:
    """The classes of which some group, that knows its own pupils, would learn too much of the others.

    Takes: (class, group, value, pupils) in four rows, each combination once; pupils per `[class, value]`.
    """
    of_class, group, value, pupils = cells
    flags = np.zeros(len(totals), dtype=np.bool_)
    if not of_class.size:
        return flags
    pair, place = np.unique(of_class * (int(group.max()) + 1) + group, return_inverse=True)
    own, lost = np.zeros(len(pair), dtype=np.int64), np.zeros(len(pair), dtype=np.int64)
    np.add.at(own, place, pupils)
    np.add.at(lost, place, totals[of_class, value] == pupils)
    concerned = pair // (int(group.max()) + 1)
    left = totals.sum(axis=1)[concerned] - own
    kinds = np.count_nonzero(totals, axis=1)[concerned] - lost
    flags[concerned[(left < held_to.others) | (kinds < held_to.others_values)]] = True
    return flags


def _too_few_others(
    runs: RecordRuns, values: Sequence[str], held_to: SensitiveAttributeLimits, groups: IntArray
) -> BoolArray:
    """The same of the runs of a table, per class; of a class that shows no value it says nothing."""
    run, group, pupils = groups[:, runs.shows_value[groups[0]]]
    place = _places(runs, values)[run]
    width = len(values) + 1
    cell = (runs.class_of[run] * (int(group.max(initial=0)) + 1) + group) * width + place
    cells, at = np.unique(cell, return_inverse=True)
    number = np.zeros(len(cells), dtype=np.int64)
    np.add.at(number, at, pupils)
    pair, value = cells // width, cells % width
    of_class, group = pair // (int(group.max(initial=0)) + 1), pair % (int(group.max(initial=0)) + 1)
    totals = np.zeros((runs.classes, width), dtype=np.int64)
    shown = runs.shows_value
    np.add.at(totals, (runs.class_of[shown], _places(runs, values)[shown]), runs.rows[shown])
    return find_classes_known_to_a_group(np.stack([of_class, group, value, number]), totals, held_to)


def _places(runs: RecordRuns, values: Sequence[str]) -> IntArray:
    """Per run the place of its sensitive value; what is no value of the column has the place after all."""
    number: dict[str | None, int] = {value: place for place, value in enumerate(values)}
    shown = runs.labels[runs.sensitive or 0]
    places = np.array([number.get(label, len(values)) for label in shown], dtype=np.int64)
    placed: IntArray = places[runs.codes[runs.sensitive or 0]]
    return placed


def _tables(runs: RecordRuns, values: Sequence[str], shown: IntArray) -> Iterator[tuple[int, IntArray]]:
    """Pupils per `[class, value]` of the classes that show values, some at a time, each with where it begins
    among them; what is no value is counted in a last column.
    """
    place = _places(runs, values)
    number = np.full(runs.classes, -1, dtype=np.int64)
    number[shown] = np.arange(len(shown))
    of_run = number[runs.class_of]
    order = np.argsort(of_run, kind="stable")
    ordered = of_run[order]
    step = max(1, CELLS_PER_TABLE // (len(values) + 1))
    for begin in range(0, len(shown), step):
        end = min(begin + step, len(shown))
        table = np.zeros((end - begin, len(values) + 1), dtype=np.int64)
        these = order[np.searchsorted(ordered, begin) : np.searchsorted(ordered, end)]
        np.add.at(table, (of_run[these] - begin, place[these]), runs.rows[these])
        yield begin, table


def _apart(table: IntArray, cohort: IntArray) -> IntArray:
    """(p − q) times the pupils of the class times those of the cohort, in whole numbers of any size."""
    everybody = int(cohort.sum())
    kind = np.int64 if table.shape[1] * everybody**2 < 1 << 62 else np.object_
    wide = table.astype(kind)
    apart: IntArray = wide * everybody - wide.sum(axis=1, keepdims=True) * cohort.astype(kind)
    return apart


def _further(distance: IntArray, limit: Fraction, pupils: IntArray, cohort: IntArray) -> BoolArray:
    """Whether a distance, times the pupils of the class and of the cohort, is above its limit."""
    most = pupils.astype(np.object_) * (int(cohort.sum()) * limit.numerator)
    return np.asarray(distance.astype(np.object_) * limit.denominator > most, dtype=np.bool_)


def _too_alike(table: IntArray, limit: Fraction) -> BoolArray:
    """Classes whose entropy −Σ p·log p is under log l (entropy l-diversity, Machanavajjhala et al., 2007)."""
    pupils = table.sum(axis=1)
    weighed = (table * np.log(np.maximum(table, 1))).sum(axis=1)
    above = np.log(pupils) - weighed / pupils - log(limit)
    fails: BoolArray = above < 0
    for place in np.flatnonzero(np.abs(above) < ENTROPY_TOLERANCE).tolist():
        members = [n for n in table[place].tolist() if n]
        common = gcd(*members)
        fails[place] = not entropy_reaches_limit(tuple(sorted(n // common for n in members)), limit)
    return fails


@cache
def entropy_reaches_limit(members: tuple[int, ...], limit: Fraction) -> bool:
    """Whether n·log n − Σ n_i·log n_i is at least n·log l: exactly, for members of any size."""
    pupils = sum(members)
    powers = [(pupils, pupils), (limit.denominator, pupils), (limit.numerator, -pupils)]
    of_prime: Counter[int] = Counter()
    for base, times in (*powers, *((n, -n) for n in members)):
        for prime, exponent in _primes(base):
            of_prime[prime] += exponent * times
    if not any(of_prime.values()):
        return True
    digits = 30
    while True:  # the sum is not zero, so some number of digits shows its sign
        with localcontext(prec=digits):
            terms = [Decimal(prime).ln() * times for prime, times in of_prime.items()]
            total, size = sum(terms, Decimal(0)), sum(map(abs, terms), Decimal(0))
            if abs(total) > size.scaleb(4 - digits):
                return total > 0
        digits *= 2


def _primes(number: int) -> Iterator[tuple[int, int]]:
    """The prime factors of a number, each with its exponent."""
    factor = 2
    while factor * factor <= number:
        exponent = 0
        while number % factor == 0:
            number, exponent = number // factor, exponent + 1
        if exponent:
            yield factor, exponent
        factor += 1
    if number > 1:
        yield number, 1
