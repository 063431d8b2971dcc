"""What equivalence classes disclose of the sensitive column. Checks SENSITIVE.

Rules: the largest share of one value, distinct l-diversity, entropy l-diversity, t-closeness with equal and with
ordered distances, and diversity that remains for whoever knows the pupils of one school or board. Only rows that
show a value count; a class is the rows of one combination of quasi-identifiers that do. Shares and distances are
compared in whole numbers, so rounding decides nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from cohort.agreements import Platform, Project
from cohort.verification.class_size_check import ClassMeasures
from cohort.verification.entropy_comparison import find_low_entropy
from cohort.verification.findings import Finding, finding_if_any
from cohort.verification.hierarchy_reader import UNKNOWN_LEAF
from cohort.verification.record_runs import BoolArray, IntArray, RecordRuns

CELLS_PER_TABLE = 1 << 22
"""Number of counts that one table of whole classes may have."""
INT64_SAFE = 1 << 62


@dataclass(frozen=True)
class EffectiveSensitiveLimits:
    """What the shown values of every class must satisfy: the stricter of the project's limits and the floors.

    Args:
        largest_value: greatest share of one value.
        distinct_values: least number of different values (distinct l-diversity).
        values_without_group: least number of different values without any one school or board.
        pupils_without_group: least number of pupils without any one school or board.
        entropy: l of entropy l-diversity.
        equal_closeness: t of t-closeness with equal distances; None where not agreed.
        ordered_closeness: t of t-closeness with ordered distances; None where not agreed.
    """

    largest_value: Fraction
    distinct_values: int = 1
    values_without_group: int = 1
    pupils_without_group: int = 0
    entropy: Fraction = Fraction(1)
    equal_closeness: Fraction | None = None
    ordered_closeness: Fraction | None = None

    @property
    def compare_with_cohort(self) -> bool:
        """Whether a class is compared with all pupils who have a record, suppressed ones included."""
        return self.equal_closeness is not None or self.ordered_closeness is not None


@dataclass(frozen=True, eq=False)
class SensitiveAttribute:
    """The sensitive column of a release with what its classes are checked against.

    Args:
        column: its name.
        leaves: its leaves in the order of the hierarchy file, `onbekend` included.
        limits: what the shown values of every class must satisfy.
        cohort: all pupils with a record per value and, last, with any other value; None where nothing was agreed
            or nothing is known of them: distances are not checked then.
    """

    column: str
    leaves: tuple[str, ...]
    limits: EffectiveSensitiveLimits
    cohort: IntArray | None = None

    @property
    def values(self) -> tuple[str, ...]:
        """Every leaf but `onbekend`."""
        return tuple(leaf for leaf in self.leaves if leaf != UNKNOWN_LEAF)

    @property
    def unknown_position(self) -> int:
        """The position of `onbekend` among the leaves."""
        return self.leaves.index(UNKNOWN_LEAF)


def effective_sensitive_limits(project: Project, platform: Platform) -> EffectiveSensitiveLimits | None:
    """Derive the limits of the project's sensitive column; None without one."""
    if project.sensitive_column is None:
        return None
    floors, agreed = platform.floors, project.sensitive_column.constraint
    least = EffectiveSensitiveLimits(
        largest_value=Fraction(floors.largest_value),
        distinct_values=floors.distinct_values,
        values_without_group=floors.values_without_school,
        pupils_without_group=floors.pupils_without_school,
    )
    if agreed is None:
        return least
    return replace(
        least,
        largest_value=min(least.largest_value, Fraction(agreed.largest_value)),
        distinct_values=max(agreed.distinct or 1, least.distinct_values),
        entropy=Fraction(agreed.entropy or 1),
        equal_closeness=None if agreed.equal_closeness is None else Fraction(agreed.equal_closeness),
        ordered_closeness=None if agreed.ordered_closeness is None else Fraction(agreed.ordered_closeness),
    )


def check_sensitive_attribute(
    runs: RecordRuns, attribute: SensitiveAttribute, groups: IntArray
) -> tuple[list[Finding], ClassMeasures]:
    """Check SENSITIVE, counted in classes that break a rule, with the names of the rules broken.

    Args:
        runs: the rows of the release.
        attribute: its sensitive column.
        groups: run, school or board, and the pupils that it knows, in three rows.
    """
    showing = np.flatnonzero(runs.class_shows_value)
    if not len(showing):
        return [], {}
    broken_by_rule: Counter[str] = Counter()
    broken_classes, largest_share, fewest_values = 0, Fraction(0), len(attribute.values) + 1
    known_to_a_group = _find_run_classes_known_to_a_group(runs, attribute, groups)
    for begin, table in _tabulate_classes(runs, attribute.values, showing):
        broken = find_broken_rules(table, attribute.limits, attribute.cohort)
        broken["values without a school"] = known_to_a_group[showing[begin : begin + len(table)]]
        broken_by_rule.update({rule: int(flags.sum()) for rule, flags in broken.items()})
        broken_classes += int(np.logical_or.reduce([*broken.values()]).sum())
        shares = zip(table.max(axis=1).tolist(), table.sum(axis=1).tolist(), strict=True)
        largest_share = max(largest_share, *(Fraction(count, total) for count, total in shares))
        fewest_values = min(fewest_values, int(np.count_nonzero(table, axis=1).min()))
    rules = ", ".join(rule for rule, classes in broken_by_rule.items() if classes)
    measures: ClassMeasures = {"largest_value": float(largest_share), "fewest_values": fewest_values}
    return finding_if_any("SENSITIVE", broken_classes, rules), measures


def find_broken_rules(
    table: IntArray, limits: EffectiveSensitiveLimits, cohort: IntArray | None
) -> dict[str, BoolArray]:
    """Return per rule the classes that break it.

    Args:
        table: pupils per `[class, value]`, every class with a pupil.
        limits: the limits.
        cohort: all pupils per value, for the distances.
    """
    pupils, share = table.sum(axis=1), limits.largest_value
    broken = {
        "largest_value": table.max(axis=1) * share.denominator > pupils * share.numerator,
        "distinct": np.count_nonzero(table, axis=1) < limits.distinct_values,
    }
    if limits.entropy > 1:
        broken["entropy"] = find_low_entropy(table, limits.entropy)
    if cohort is not None and limits.equal_closeness is not None:
        # D = ½ Σ |p − q| is the sum of what p has above q, as both sum to one.
        above = np.maximum(_scaled_differences(table, cohort), 0).sum(axis=1)
        broken["equal_closeness"] = _exceeds(above, limits.equal_closeness, pupils, cohort)
    if cohort is not None and limits.ordered_closeness is not None:
        steps = table.shape[1] - 2  # between leaves; the last column counts values that are not leaves
        moved = np.abs(_scaled_differences(table, cohort).cumsum(axis=1)).sum(axis=1)
        broken["ordered_closeness"] = _exceeds(moved, limits.ordered_closeness * steps, pupils, cohort)
    return broken


def find_classes_known_to_a_group(cells: IntArray, totals: IntArray, limits: EffectiveSensitiveLimits) -> BoolArray:
    """Return the classes in which some group, that knows its own pupils, would learn too much of the others.

    Args:
        cells: class, group, value and pupils in four rows, each combination once.
        totals: pupils per `[class, value]`.
        limits: the least number of pupils and of values outside the group.
    """
    class_of_cell, group, value, pupils = cells
    is_known = np.zeros(len(totals), dtype=np.bool_)
    if not class_of_cell.size:
        return is_known
    width = int(group.max()) + 1
    pair, position = np.unique(class_of_cell * width + group, return_inverse=True)
    own_pupils, own_values = np.zeros(len(pair), dtype=np.int64), np.zeros(len(pair), dtype=np.int64)
    np.add.at(own_pupils, position, pupils)
    np.add.at(own_values, position, totals[class_of_cell, value] == pupils)
    class_of_pair = pair // width
    other_pupils = totals.sum(axis=1)[class_of_pair] - own_pupils
    other_values = np.count_nonzero(totals, axis=1)[class_of_pair] - own_values
    is_too_few = (other_pupils < limits.pupils_without_group) | (other_values < limits.values_without_group)
    is_known[class_of_pair[is_too_few]] = True
    return is_known


def _find_run_classes_known_to_a_group(runs: RecordRuns, attribute: SensitiveAttribute, groups: IntArray) -> BoolArray:
    """The same for the runs of a table; classes that show no value are never among them."""
    run, group, pupils = groups[:, runs.run_shows_value[groups[0]]]
    position = _value_positions(runs, attribute.values)
    width, group_count = len(attribute.values) + 1, int(group.max(initial=0)) + 1
    cell_of_row = (runs.class_of_run[run] * group_count + group) * width + position[run]
    cells, cell = np.unique(cell_of_row, return_inverse=True)
    cell_pupils = np.zeros(len(cells), dtype=np.int64)
    np.add.at(cell_pupils, cell, pupils)
    pair, value = cells // width, cells % width
    totals = np.zeros((runs.class_count, width), dtype=np.int64)
    showing = runs.run_shows_value
    np.add.at(totals, (runs.class_of_run[showing], position[showing]), runs.rows[showing])
    counted = np.stack([pair // group_count, pair % group_count, value, cell_pupils])
    return find_classes_known_to_a_group(counted, totals, attribute.limits)


def _value_positions(runs: RecordRuns, values: Sequence[str]) -> IntArray:
    """Return per run the position of its sensitive value; what is not a value of the column comes after all."""
    position: dict[str | None, int] = {value: number for number, value in enumerate(values)}
    labels = runs.labels[runs.sensitive or 0]
    positions = np.array([position.get(label, len(values)) for label in labels], dtype=np.int64)
    of_runs: IntArray = positions[runs.codes[runs.sensitive or 0]]
    return of_runs


def _tabulate_classes(runs: RecordRuns, values: Sequence[str], showing: IntArray) -> Iterator[tuple[int, IntArray]]:
    """Yield tables of pupils per `[class, value]`, some classes at a time.

    Each table comes with the position of its first class among `showing`; its last column counts what is not a
    value of the column.
    """
    position = _value_positions(runs, values)
    number = np.full(runs.class_count, -1, dtype=np.int64)
    number[showing] = np.arange(len(showing))
    number_of_run = number[runs.class_of_run]
    order = np.argsort(number_of_run, kind="stable")
    ordered = number_of_run[order]
    step = max(1, CELLS_PER_TABLE // (len(values) + 1))
    for begin in range(0, len(showing), step):
        end = min(begin + step, len(showing))
        table = np.zeros((end - begin, len(values) + 1), dtype=np.int64)
        chosen = order[np.searchsorted(ordered, begin) : np.searchsorted(ordered, end)]
        np.add.at(table, (number_of_run[chosen] - begin, position[chosen]), runs.rows[chosen])
        yield begin, table


def _scaled_differences(table: IntArray, cohort: IntArray) -> IntArray:
    """Return (p − q) times the pupils of the class times those of the cohort, in whole numbers of any size."""
    cohort_size = int(cohort.sum())
    kind = np.int64 if table.shape[1] * cohort_size**2 < INT64_SAFE else np.object_
    wide = table.astype(kind)
    differences: IntArray = wide * cohort_size - wide.sum(axis=1, keepdims=True) * cohort.astype(kind)
    return differences


def _exceeds(distance: IntArray, limit: Fraction, pupils: IntArray, cohort: IntArray) -> BoolArray:
    """Return where a distance, scaled by the pupils of the class and of the cohort, is above its limit."""
    greatest = pupils.astype(np.object_) * (int(cohort.sum()) * limit.numerator)
    return np.asarray(distance.astype(np.object_) * limit.denominator > greatest, dtype=np.bool_)
