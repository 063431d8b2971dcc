"""A motivated intruder: how many released records could be those of somebody he knows exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cohort.foundation.errors import ConfigurationRefused, describe_problem
from cohort.sdc.model.arrays import BoolArray, IntArray
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.risk.reidentification_risk import ReleasedValues, risk_threshold_problems

SAMPLED_PUPILS = 1_000
SAMPLE_SEED = 20_250_901
CANDIDATE_PERCENTILES = (1, 5, 25, 50, 75, 95)

_MOST_CELLS = 1 << 20
"""How many pairs of a pupil and a class are looked at together: what fits in the processor's cache."""

STRANGER_ASSUMPTION = (
    "the intruder knows every attribute of a pupil exactly, and that the pupil is in the release; "
    "a record is a candidate when each of its values is the pupil's own or an ancestor of it"
)
SCHOOL_ASSUMPTION = (
    f"{STRANGER_ASSUMPTION}; the intruder is a school that delivered nothing of this pupil and recognises the record of "
    "every pupil of whom it delivered a value, so that these are no candidates: for each pupil the school "
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
    """What an intruder finds who looks for pupils in turn (Elliot et al., 2016, The Anonymisation
    Decision-Making Framework; ICO, 2012, the motivated intruder test).

    Takes: what is assumed of the intruder; how many pupils were looked for; the fewest candidates that one of
    them has (none where nobody was); the quantiles of the number of candidates, as pairs of a per cent and
    the least number that so many of the pupils do not exceed; the threshold k, and how many of the pupils
    have fewer candidates.
    """

    assumption: str
    sampled: int
    smallest: int | None
    quantiles: tuple[tuple[int, int], ...]
    k: int
    fewer_than_k: int

    @classmethod
    def from_candidates(cls, assumption: str, candidates: IntArray, k: int) -> IntruderSearch:
        """Takes: the number of candidates of each pupil."""
        if not len(candidates):
            return cls(assumption, 0, None, (), k, 0)
        ascending, last = np.sort(candidates), len(candidates)
        places = [(percent, (percent * last + 99) // 100 - 1) for percent in CANDIDATE_PERCENTILES]
        return cls(
            assumption=assumption,
            sampled=last,
            smallest=int(ascending[0]),
            quantiles=tuple((percent, int(ascending[place])) for percent, place in places),
            k=k,
            fewer_than_k=int((candidates < k).sum()),
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON. That nobody has fewer than k follows from the rules: it only checks the measurement."""
        told = asdict(self)
        check = {name: told.pop(name) for name in ("k", "fewer_than_k")}
        quantiles = {f"{percent}%": at for percent, at in self.quantiles}
        return {**told, "quantiles": quantiles, "self_check": check}


def simulate_stranger(
    histogram: Histogram, recoding: Recoding, k: int, *, pupils: int = SAMPLED_PUPILS, seed: int = SAMPLE_SEED
) -> IntruderSearch:
    """An intruder who knows some pupils exactly.

    Takes: the histogram that was searched, what the search found; the number of candidates under which a
    pupil is not safe; how many of the released pupils to look for (all, where there are no more), and the
    seed that chooses them by their place in the histogram, so that the order of the rows plays no part.
    Refuses: a k or a number of pupils under 1.
    """
    _refuse(histogram, pupils, k, least=1, of_schools=False)
    shown = ReleasedValues.from_recoding(recoding)
    found = [
        shown.compatible(histogram.codes[:, part]) @ recoding.pupils
        for part in _parts(_sampled(histogram, recoding.class_of >= 0, pupils, seed), recoding.classes)
    ]
    return IntruderSearch.from_candidates(STRANGER_ASSUMPTION, _joined(found), k)


def simulate_school(
    histogram: Histogram,
    recoding: Recoding,
    k_others: int,
    *,
    pupils: int = SAMPLED_PUPILS,
    seed: int = SAMPLE_SEED,
    who: str = "school",
) -> IntruderSearch:
    """The school (or board, where the histogram counts boards) that can take most pupils of its own away from
    the candidates.

    Takes: as `stranger`; whether it is a `school` or a `board`; counted are the candidates that remain, and
    those who have fewer than k_others.
    Refuses: a k_others under 0, a number of pupils under 1, data without schools.
    """
    _refuse(histogram, pupils, k_others, least=0, of_schools=True)
    shown, delivered = ReleasedValues.from_recoding(recoding), _Delivered(histogram, recoding)
    found = []
    for part in _parts(_sampled(histogram, recoding.class_of >= 0, pupils, seed), recoding.classes):
        fits = shown.compatible(histogram.codes[:, part])
        most = [delivered.most(unit, row) for unit, row in zip(part, fits, strict=True)]
        found.append(fits @ recoding.pupils - np.array(most, dtype=np.int64))
    return IntruderSearch.from_candidates(
        BOARD_ASSUMPTION if who == "board" else SCHOOL_ASSUMPTION, _joined(found), k_others
    )


def simulate_linked_releases(
    histogram: Histogram,
    first: Recoding,
    second: Recoding,
    k: int,
    *,
    pupils: int = SAMPLED_PUPILS,
    seed: int = SAMPLE_SEED,
) -> IntruderSearch:
    """An intruder with two releases of the same pupils, who can link their records: the worst case.

    Takes: as `stranger`, and two recodings of the one histogram; pupils are looked for who are in either.
    Refuses: what `stranger` refuses; as a defect, recodings of different codings.
    """
    if first.coding.hierarchies != second.coding.hierarchies:
        raise ValueError("two recodings of one histogram have the same columns")
    _refuse(histogram, pupils, k, least=1, of_schools=False)
    in_either = (first.class_of >= 0) | (second.class_of >= 0)
    # Per release class 0 are those who are not in it; a linked record is a pair of classes.
    width = second.classes + 1
    pair, place = np.unique(
        (first.class_of[in_either] + 1).astype(np.int64) * width + second.class_of[in_either] + 1, return_inverse=True
    )
    linked = np.bincount(place, histogram.counts[in_either], minlength=len(pair)).astype(np.int64)
    rows, in_second = _Rows(pair // width, first.classes + 1), pair % width
    shown = ReleasedValues.from_recoding(first), ReleasedValues.from_recoding(second)
    found = []
    for part in _parts(_sampled(histogram, in_either, pupils, seed), first.classes + second.classes):
        in_one = _possible(histogram, first, shown[0], part)
        in_two = _possible(histogram, second, shown[1], part)
        for one, two in zip(in_one, in_two, strict=True):
            near = rows.of(np.flatnonzero(one))
            found.append(linked[near] @ two[in_second[near]])
    return IntruderSearch.from_candidates(LINKED_RELEASES_ASSUMPTION, np.array(found, dtype=np.int64), k)


class _Rows:
    """Where the rows of each class stand in a table that is in the order of the classes."""

    def __init__(self, class_of_row: IntArray, classes: int) -> None:
        self._begins = np.searchsorted(class_of_row, np.arange(classes + 1))

    def of(self, classes: IntArray) -> IntArray:
        """The places of the rows of some classes, class by class."""
        first, lengths = self._begins[classes], self._begins[classes + 1] - self._begins[classes]
        ends = np.cumsum(lengths)
        places: IntArray = np.arange(int(lengths.sum())) + np.repeat(first - (ends - lengths), lengths)
        return places


class _Delivered:
    """How many pupils of each class each school delivered a value of: a pupil counts at all its schools."""

    def __init__(self, histogram: Histogram, recoding: Recoding) -> None:
        everywhere = np.concatenate((histogram.schools, histogram.other_schools))
        known, number = np.unique(everywhere, return_inverse=True)
        self._schools = len(known)
        of_unit = np.concatenate((np.arange(histogram.units), histogram.other_units))
        by_unit = np.argsort(of_unit, kind="stable")
        self._own, self._units = number[by_unit], _Rows(of_unit[by_unit], histogram.units)
        class_of = recoding.class_of[of_unit].astype(np.int64)
        kept = class_of >= 0
        cell, place = np.unique(class_of[kept] * self._schools + number[kept], return_inverse=True)
        counted = np.bincount(place, histogram.counts[of_unit[kept]], minlength=len(cell))
        self._school, self._pupils = cell % max(self._schools, 1), counted
        self._classes = _Rows(cell // max(self._schools, 1), recoding.classes)

    def most(self, unit: int, fits: BoolArray) -> int:
        """The most candidates that one school delivered for, of the schools that do not know the pupil."""
        cells = self._classes.of(np.flatnonzero(fits))
        of_school = np.bincount(self._school[cells], self._pupils[cells], minlength=self._schools)
        of_school[self._own[self._units.of(np.array([unit]))]] = 0
        return int(of_school.max(initial=0))


def _sampled(histogram: Histogram, released: BoolArray, pupils: int, seed: int) -> IntArray:
    """The units of so many of the released pupils, chosen without replacement."""
    units = np.flatnonzero(released)
    ends = np.cumsum(histogram.counts[units])
    total = int(ends[-1]) if len(ends) else 0
    chosen = np.arange(total)
    if pupils < total:
        chosen = np.sort(np.random.default_rng(seed).choice(total, pupils, replace=False, shuffle=False))
    return units[np.searchsorted(ends, chosen, side="right")]


def _parts(units: IntArray, classes: int) -> Iterator[IntArray]:
    """The sampled pupils in parts, each of few enough for a table of pupils and classes."""
    size = max(_MOST_CELLS // max(classes, 1), 1)
    for begin in range(0, len(units), size):
        yield units[begin : begin + size]


def _possible(histogram: Histogram, recoding: Recoding, shown: ReleasedValues, units: IntArray) -> BoolArray:
    """Which classes a pupil could be in, `[pupil, class + 1]`; 0 for not in the release, which is known."""
    inside = (recoding.class_of[units] >= 0)[:, np.newaxis]
    return np.concatenate((~inside, shown.compatible(histogram.codes[:, units]) & inside), axis=1)


def _joined(found: list[IntArray]) -> IntArray:
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def _refuse(histogram: Histogram, pupils: int, k: int, *, least: int, of_schools: bool) -> None:
    problems = risk_threshold_problems(k, least)
    if isinstance(pupils, bool) or not isinstance(pupils, int) or pupils < 1:
        problems.append(
            describe_problem(
                "a whole number of pupils of at least 1 to look for",
                example=str(SAMPLED_PUPILS),
                found=str(pupils),
                where="the sample of the intruder",
                do="Correct the number",
            )
        )
    if of_schools and not histogram.has_schools:
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
