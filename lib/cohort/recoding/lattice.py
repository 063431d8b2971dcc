"""All choices of levels, and the search for the cheapest that is anonymous.

The search is exact. Every level vector has a bound: the loss it would have if no more were
suppressed than is known to be inevitable. The search takes the vector with the lowest bound, until
no bound is below the best loss found. What it learns at one vector holds for all finer ones (the box
below it): a class that fails a constraint which survives merging consists of finer classes that fail
it. So a vector that must suppress too much rules out its box, and one that need not raises the
bounds in its box by what it suppresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor, inf, prod

import numpy as np
import numpy.typing as npt

from cohort.errors import ConfigurationRefused, NotAnonymous, expected
from cohort.recoding.coding import Coding, Levels
from cohort.recoding.constraints import Constraint, fewest_pupils, share
from cohort.recoding.frontier import SLACK, Frontier
from cohort.recoding.global_recoding import GlobalRecoding
from cohort.recoding.histogram import Histogram
from cohort.recoding.loss import Costs, Floats, Kind, Objective
from cohort.recoding.verdict import Population

__all__ = ["MOST_NODES", "GlobalRecoding", "search"]

MOST_NODES = 5_000_000
_DIGITS = 12
"""Losses that are equal to this many decimals count as equal."""


def search(
    histogram: Histogram,
    coding: Coding,
    constraints: Sequence[Constraint],
    *,
    objective: Kind,
    suppression_limit: Fraction | float | str,
    weights: Sequence[float] | None = None,
    minimum: Levels | None = None,
    maximum: Levels | None = None,
) -> GlobalRecoding:
    """Finds the level vector of least loss whose classes satisfy all constraints.

    Takes: the cohort, its coding, the constraints; which loss to make small; the part of the pupils
    that may be suppressed (1 for no limit); weights per column; the lowest and highest level per
    column.
    Gives: the optimum; of several with equal loss the one with the fewest classes (larger crowds
    for the same loss), then the first in the order of the level vectors.
    Refuses: levels outside the hierarchies, a lattice of more than five million vectors, constraints
    on schools in data without; as `NotAnonymous`, a cohort that no vector makes anonymous.
    """
    limit = share(suppression_limit, "part of the pupils that may be suppressed")
    goal = Objective.of(objective, len(coding.hierarchies), weights)
    low, high = _range(coding, minimum, maximum)
    if histogram.pupils < fewest_pupils(constraints):
        raise _none_found(histogram.pupils, constraints, limit)
    if not histogram.has_schools and any(rule.needs_schools for rule in constraints):
        raise _no_schools()

    problem = _Problem(histogram, coding, tuple(constraints), goal, limit)
    frontier = Frontier(low, high, problem.scores())
    best: _Candidate | None = None
    score = inf
    tried = 0
    while chain := frontier.chain(score):
        # Halve towards the coarsest vector of the chain that still proves its finest one out.
        first, last = 0, len(chain)
        while first < last:
            middle = (first + last) // 2
            if frontier.may_be_best(chain[middle], score):
                tried += 1
                candidate = problem.attempt(chain[middle], frontier, score)
                if candidate and (best is None or candidate.rank < best.rank):
                    best, score = candidate, candidate.score
            if frontier.may_be_best(chain[0], score):
                last = middle
            else:
                first = middle + 1
    if best is None:
        raise _none_found(histogram.pupils, constraints, limit)
    return problem.recoding(best, tried, frontier.nodes)


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A level vector that will do, with what it costs when the failing classes are suppressed."""

    levels: Levels
    score: float
    losses: tuple[float, ...]
    classes: int
    released: npt.NDArray[np.bool_]

    @property
    def rank(self) -> tuple[float, int, Levels]:
        return self.score, self.classes, self.levels


class _Problem:
    """One cohort under one set of constraints and one objective."""

    def __init__(
        self,
        histogram: Histogram,
        coding: Coding,
        constraints: tuple[Constraint, ...],
        goal: Objective,
        limit: Fraction,
    ) -> None:
        self._coding, self._constraints, self._goal = coding, constraints, goal
        self._population = Population(histogram)
        self._all = self._population.by_code
        self._costs = Costs(coding, self._all.codes, self._all.pupils)
        self._most_suppressed = floor(limit * histogram.pupils)
        self._k = fewest_pupils(constraints)

    def scores(self) -> list[Floats]:
        """The score of every column by level, when nobody is suppressed."""
        everybody = np.ones(len(self._all.codes), dtype=np.bool_)
        return self._goal.scores(self._costs.losses(everybody))

    def attempt(self, levels: Levels, frontier: Frontier, best: float) -> _Candidate | None:
        """Tries a level vector and tells the frontier what follows for the finer ones."""
        mask = self._coding.mask(levels)
        grouping = self._all.group(mask, self._k, self._most_suppressed)
        if grouping is None:
            frontier.rule_out(levels)
            return None
        scores = self._goal.scores(self._costs.losses(grouping.large[grouping.classes]))
        frontier.learn(levels, scores)
        if _at(scores, levels) > best + SLACK:
            return None
        verdict = self._population.judge(grouping, self._constraints)
        lasting = verdict.lasting[grouping.classes]
        if self._suppressed(lasting) > self._most_suppressed:
            frontier.rule_out(levels)
            return None
        frontier.learn(levels, self._goal.scores(self._costs.losses(lasting)))
        released = verdict.satisfied[grouping.classes]
        if not released.any() or self._suppressed(released) > self._most_suppressed:
            return None
        losses = self._costs.losses(released)
        return _Candidate(
            levels=levels,
            score=round(_at(self._goal.scores(losses), levels), _DIGITS),
            losses=tuple(float(loss[at]) for loss, at in zip(losses, levels, strict=True)),
            classes=int(np.count_nonzero(verdict.satisfied)),
            released=released,
        )

    def recoding(self, best: _Candidate, tried: int, nodes: int) -> GlobalRecoding:
        masked = self._all.codes[best.released] & self._coding.mask(best.levels)
        class_codes, place = np.unique(masked, return_inverse=True)
        pupils = np.bincount(place, self._all.pupils[best.released]).astype(np.int64)
        return GlobalRecoding(
            coding=self._coding,
            levels=best.levels,
            loss=self._goal.loss(best.losses),
            suppressed=self._all.total - int(pupils.sum()),
            class_codes=class_codes,
            class_pupils=pupils,
            tried=tried,
            nodes=nodes,
        )

    def _suppressed(self, released: npt.NDArray[np.bool_]) -> int:
        return self._all.total - int(self._all.pupils[released].sum())


def _at(scores: Sequence[Floats], levels: Levels) -> float:
    return sum(float(score[level]) for score, level in zip(scores, levels, strict=True))


def _range(coding: Coding, minimum: Levels | None, maximum: Levels | None) -> tuple[Levels, Levels]:
    low = minimum if minimum is not None else (0,) * len(coding.heights)
    high = maximum if maximum is not None else tuple(height - 1 for height in coding.heights)
    if not len(low) == len(high) == len(coding.heights):
        raise ConfigurationRefused(
            expected(
                f"{len(coding.heights)} levels, one per column",
                example=str((0,) * len(coding.heights)),
                found=f"{len(low)} and {len(high)}",
                where="the lowest and highest levels",
                do="Give every quasi-identifier a level",
            )
        )
    problems = [
        expected(
            f"levels from 0 to {tree.height - 1}, the lowest not above the highest",
            example=f"0 and {tree.height - 1}",
            found=f"{first} and {last}",
            where=f"the levels of column {tree.name}",
            do="Correct the levels",
        )
        for tree, first, last in zip(coding.hierarchies, low, high, strict=True)
        if not 0 <= first <= last < tree.height
    ]
    nodes = prod(last - first + 1 for first, last in zip(low, high, strict=True))
    if not problems and nodes > MOST_NODES:
        problems = [
            expected(
                f"at most {MOST_NODES:,} combinations of levels",
                example="ten columns of four levels (1,048,576)",
                found=f"{nodes:,}, which is not supported yet",
                where="the columns of the release",
                do="Select fewer columns, or narrow the levels that may be used",
            )
        ]
    if problems:
        raise ConfigurationRefused(*problems)
    return low, high


def _no_schools() -> ConfigurationRefused:
    return ConfigurationRefused(
        expected(
            "schools in the data for constraints on schools",
            example="a home school per pupil",
            found="none",
            where="the histogram",
            do="Deliver the schools, or drop the constraints on them",
        )
    )


def _none_found(pupils: int, constraints: Sequence[Constraint], limit: Fraction) -> NotAnonymous:
    rules = ", ".join(str(rule) for rule in constraints)
    shown = "at most 7" if pupils <= 7 else f"about {5 * round(pupils / 5):,}"
    return NotAnonymous(
        expected(
            f"a recoding in which every class has {rules or 'a pupil'}, and at most "
            f"{float(limit):.4g} of the pupils is suppressed",
            example="one with every column generalised to its top",
            found=f"none for {shown} pupils",
            where="the lattice of all levels",
            do="Select more pupils or fewer columns, give hierarchies a coarser top, "
            "or allow more suppression",
        )
    )
