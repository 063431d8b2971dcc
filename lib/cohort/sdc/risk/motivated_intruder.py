"""Motivated intruder test: how many released records could be those of a pupil whom the intruder knows exactly.

In go the histogram that was searched and one or two recodings; out comes, over a sample of the released pupils, the
number of candidate records. The analyst's report and the release record use it; it never names a pupil.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.sdc.model import BoolArray, Histogram, IntArray, Recoding, RowsByKey
from cohort.sdc.privacy_models import whole_number_problems
from cohort.sdc.risk.compatible_pupils import ReleasedValues
from cohort.sdc.risk.reidentification_risk import risk_threshold_problems

SAMPLED_PUPILS = 1_000
"""How many released pupils are looked for, unless the caller says otherwise."""
SAMPLE_SEED = 20_250_901
"""The seed that chooses them."""
CANDIDATE_PERCENTILES = (1, 5, 25, 50, 75, 95)

CELLS_PER_BATCH = 1 << 20
"""Pairs of a pupil and a class that are compared at once: what fits in the processor's cache."""

STRANGER_ASSUMPTION = (
    "the intruder knows every attribute of a pupil exactly, and that the pupil is in the release; "
    "a record is a candidate when each of its values is the pupil's own or an ancestor of it"
)
SCHOOL_ASSUMPTION = (
    f"{STRANGER_ASSUMPTION}; the intruder is a school that delivered nothing of this pupil and recognises the record "
    "of every pupil of whom it delivered a value, so that these are no candidates: for each pupil the school "
    "that has most of them"
)
BOARD_ASSUMPTION = SCHOOL_ASSUMPTION.replace("a school that", "a board of schools that").replace(
    "for each pupil the school that", "for each pupil the board that"
)
LINKED_RELEASES_ASSUMPTION = (
    f"{STRANGER_ASSUMPTION}; the intruder is given two releases, knows in which of them the pupil is, and can tell "
    "which two records are of the same pupil: a candidate is in the same releases and each of its records "
    "could be the pupil's"
)


@dataclass(frozen=True)
class IntruderSearch:
    """The result of an intruder who looks for pupils one after the other.

    Source: Elliot et al. (2016), The Anonymisation Decision-Making Framework; ICO (2012), the motivated intruder test.

    Args:
        assumption: what the intruder is assumed to know.
        sampled: how many pupils were looked for.
        smallest: the fewest candidates of any of them; None where nobody was looked for.
        quantiles: pairs of a percentage and the number of candidates that this percentage of the pupils do not exceed.
        k: the threshold of candidates.
        fewer_than_k: how many of the pupils have fewer candidates.
    """

    assumption: str
    sampled: int
    smallest: int | None
    quantiles: tuple[tuple[int, int], ...]
    k: int
    fewer_than_k: int

    @classmethod
    def from_candidates(cls, assumption: str, candidates: IntArray, k: int) -> IntruderSearch:
        """Summarise the number of candidates of each pupil."""
        if not len(candidates):
            return cls(assumption, 0, None, (), k, 0)
        ascending, number = np.sort(candidates), len(candidates)
        ranks = [(percent, (percent * number + 99) // 100 - 1) for percent in CANDIDATE_PERCENTILES]
        return cls(
            assumption=assumption,
            sampled=number,
            smallest=int(ascending[0]),
            quantiles=tuple((percent, int(ascending[rank])) for percent, rank in ranks),
            k=k,
            fewer_than_k=int((candidates < k).sum()),
        )

    def as_dict(self) -> dict[str, Any]:
        """The figures for JSON; `self_check` only checks the measurement, since the constraints imply it to be 0."""
        document = asdict(self)
        check = {name: document.pop(name) for name in ("k", "fewer_than_k")}
        quantiles = {f"{percent}%": candidates for percent, candidates in self.quantiles}
        return {**document, "quantiles": quantiles, "self_check": check}


def simulate_stranger(
    histogram: Histogram, recoding: Recoding, k: int, *, pupils: int = SAMPLED_PUPILS, seed: int = SAMPLE_SEED
) -> IntruderSearch:
    """Simulate an intruder who knows some pupils exactly.

    Args:
        histogram: the histogram that was searched.
        recoding: the result of the search.
        k: the number of candidates under which a pupil is not safe.
        pupils: how many of the released pupils to look for; all, where there are no more.
        seed: chooses them by their position in the histogram, so the order of the records plays no part.

    Raises:
        ConfigurationRefused: k or the number of pupils is no whole number of at least 1.
    """
    _refuse_wrong_input(histogram, pupils, k, minimum=1, needs_schools=False)
    released = ReleasedValues.from_recoding(recoding)
    candidates = [
        released.compatible(histogram.codes[:, batch]) @ recoding.pupils
        for batch in _split_batches(_sample_units(histogram, recoding.class_of >= 0, pupils, seed), recoding.classes)
    ]
    return IntruderSearch.from_candidates(STRANGER_ASSUMPTION, _concatenate(candidates), k)


def simulate_school(
    histogram: Histogram,
    recoding: Recoding,
    k_others: int,
    *,
    pupils: int = SAMPLED_PUPILS,
    seed: int = SAMPLE_SEED,
    intruder_kind: str = "school",
) -> IntruderSearch:
    """Simulate an intruding school or board that excludes its own pupils from the candidates.

    For each pupil it is the school, of those that delivered nothing of the pupil, that can exclude most candidates.

    Args:
        histogram: the histogram that was searched; it counts boards where the intruder is a board.
        recoding: the result of the search.
        k_others: the number of remaining candidates under which a pupil is not safe.
        pupils: how many of the released pupils to look for.
        seed: chooses them (see `simulate_stranger`).
        intruder_kind: `school` or `board`.

    Raises:
        ConfigurationRefused: k_others is under 0, the number of pupils under 1, or the data has no schools.
    """
    _refuse_wrong_input(histogram, pupils, k_others, minimum=0, needs_schools=True)
    released, deliveries = ReleasedValues.from_recoding(recoding), _DeliveriesByClass(histogram, recoding)
    candidates = []
    for batch in _split_batches(_sample_units(histogram, recoding.class_of >= 0, pupils, seed), recoding.classes):
        compatible = released.compatible(histogram.codes[:, batch])
        excluded = [deliveries.most_excluded(unit, row) for unit, row in zip(batch, compatible, strict=True)]
        candidates.append(compatible @ recoding.pupils - np.array(excluded, dtype=np.int64))
    assumption = BOARD_ASSUMPTION if intruder_kind == "board" else SCHOOL_ASSUMPTION
    return IntruderSearch.from_candidates(assumption, _concatenate(candidates), k_others)


def simulate_linked_releases(
    histogram: Histogram,
    first: Recoding,
    second: Recoding,
    k: int,
    *,
    pupils: int = SAMPLED_PUPILS,
    seed: int = SAMPLE_SEED,
) -> IntruderSearch:
    """Simulate an intruder with two releases of the same pupils who can link their records: the worst case.

    Args:
        histogram: the histogram that both recodings are of.
        first: the recoding of one release.
        second: that of the other.
        k: the number of candidates under which a pupil is not safe.
        pupils: how many of the pupils in either release to look for.
        seed: chooses them (see `simulate_stranger`).

    Raises:
        ConfigurationRefused: k or the number of pupils is no whole number of at least 1.
        ValueError: the recodings have different codings (a defect).
    """
    if first.coding.hierarchies != second.coding.hierarchies:
        raise ValueError("two recodings of one histogram have the same columns")
    _refuse_wrong_input(histogram, pupils, k, minimum=1, needs_schools=False)
    in_either = (first.class_of >= 0) | (second.class_of >= 0)
    # A linked record is a pair of classes, one per release; here class 0 means that it is not in that release.
    width = second.classes + 1
    pair_of_unit = (first.class_of[in_either] + 1).astype(np.int64) * width + second.class_of[in_either] + 1
    pairs, pair_number = np.unique(pair_of_unit, return_inverse=True)
    pupils_of_pair = np.bincount(pair_number, histogram.counts[in_either], minlength=len(pairs)).astype(np.int64)
    pairs_by_first, second_class = RowsByKey(pairs // width, first.classes + 1), pairs % width
    in_first, in_second = ReleasedValues.from_recoding(first), ReleasedValues.from_recoding(second)
    candidates = []
    for batch in _split_batches(_sample_units(histogram, in_either, pupils, seed), first.classes + second.classes):
        possible_first = _possible_classes(histogram, first, in_first, batch)
        possible_second = _possible_classes(histogram, second, in_second, batch)
        for by_first, by_second in zip(possible_first, possible_second, strict=True):
            rows = pairs_by_first.rows(np.flatnonzero(by_first))
            candidates.append(pupils_of_pair[rows] @ by_second[second_class[rows]])
    return IntruderSearch.from_candidates(LINKED_RELEASES_ASSUMPTION, np.array(candidates, dtype=np.int64), k)


class _DeliveriesByClass:
    """The pupils of each class of whom each school delivered a value; a pupil counts at all of its schools."""

    def __init__(self, histogram: Histogram, recoding: Recoding) -> None:
        all_schools = np.concatenate((histogram.schools, histogram.other_schools))
        distinct, school = np.unique(all_schools, return_inverse=True)
        self._number_of_schools = len(distinct)
        unit = np.concatenate((np.arange(histogram.units), histogram.other_units))
        by_unit = np.argsort(unit, kind="stable")
        self._school_by_unit, self._rows_of_unit = school[by_unit], RowsByKey(unit[by_unit], histogram.units)
        class_of = recoding.class_of[unit].astype(np.int64)
        released = class_of >= 0
        # A cell is a class and a school.
        packed = class_of[released] * self._number_of_schools + school[released]
        cells, cell_of_entry = np.unique(packed, return_inverse=True)
        self._pupils = np.bincount(cell_of_entry, histogram.counts[unit[released]], minlength=len(cells))
        self._school = cells % max(self._number_of_schools, 1)
        self._cells_of_class = RowsByKey(cells // max(self._number_of_schools, 1), recoding.classes)

    def most_excluded(self, unit: int, compatible: BoolArray) -> int:
        """The most candidates that one school delivered for, of the schools that delivered nothing of this unit.

        Args:
            unit: the unit of the pupil.
            compatible: which classes are compatible with the pupil.
        """
        cells = self._cells_of_class.rows(np.flatnonzero(compatible))
        pupils = np.bincount(self._school[cells], self._pupils[cells], minlength=self._number_of_schools)
        pupils[self._school_by_unit[self._rows_of_unit.rows(np.array([unit]))]] = 0
        return int(pupils.max(initial=0))


def _sample_units(histogram: Histogram, released: BoolArray, pupils: int, seed: int) -> IntArray:
    """The units of a sample of the released pupils, drawn without replacement."""
    units = np.flatnonzero(released)
    ends = np.cumsum(histogram.counts[units])
    total = int(ends[-1]) if len(ends) else 0
    sample = np.arange(total)
    if pupils < total:
        sample = np.sort(np.random.default_rng(seed).choice(total, pupils, replace=False, shuffle=False))
    return units[np.searchsorted(ends, sample, side="right")]


def _split_batches(units: IntArray, classes: int) -> Iterator[IntArray]:
    """The sampled units in batches small enough for a table of pupils and classes."""
    size = max(CELLS_PER_BATCH // max(classes, 1), 1)
    for begin in range(0, len(units), size):
        yield units[begin : begin + size]


def _possible_classes(histogram: Histogram, recoding: Recoding, released: ReleasedValues, units: IntArray) -> BoolArray:
    """Which classes a pupil could be in, `[pupil, class + 1]`; 0 is not in the release, which the intruder knows."""
    in_release = (recoding.class_of[units] >= 0)[:, np.newaxis]
    return np.concatenate((~in_release, released.compatible(histogram.codes[:, units]) & in_release), axis=1)


def _concatenate(batches: list[IntArray]) -> IntArray:
    return np.concatenate(batches) if batches else np.empty(0, dtype=np.int64)


def _refuse_wrong_input(histogram: Histogram, pupils: int, k: int, *, minimum: int, needs_schools: bool) -> None:
    problems = risk_threshold_problems(k, minimum)
    name, where = "number of pupils to look for", "the sample of the intruder"
    problems += whole_number_problems(1, pupils, name, example=str(SAMPLED_PUPILS), where=where)
    if needs_schools and not histogram.has_schools:
        problems.append(
            describe_problem(
                "schools in the data for an intruder that is a school",
                example="a home school per pupil",
                found="none",
                where="the histogram",
                do="Deliver the schools, or leave this intruder out",
            )
        )
    if problems:
        raise ConfigurationRefused(*problems)
