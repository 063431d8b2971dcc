"""Singling out, linkability and inference against a control half: what being in a release adds to an attack.

In go a cohort and the way it was recoded; out comes, per attack, the rate among pupils of a released half and among
pupils of the other half, who are not in it. What is as easy among the latter is knowledge about the population and no
risk of the release. The figures are exact, for restricted records.

Sources: WP29 (2014), Opinion 05/2014 on anonymisation techniques, for the three attacks; Giomi, Boenisch, Wehmeyer and
Tasnádi (2023), A unified framework for quantifying privacy risk in synthetic data, for the control.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.sdc.model import BoolArray, Int32Array, IntArray, Recoding, mask_codes
from cohort.sdc.privacy_models import whole_number_problems
from cohort.sdc.risk.attacked_cohort import AttackedCohort
from cohort.sdc.risk.rate_comparison import ATTACK_SEED, Rate, RateComparison, pool_comparisons
from cohort.sdc.risk.release_density import ReleaseDensity

TARGETS_PER_HALF = 10_000
"""At most so many pupils of each half are attacked, per fold; there are two folds."""
LINKED_TARGETS_PER_HALF = 1_000
"""At most so many of them are linked."""
LINK_CANDIDATES = 100
"""A linked record is one of so many, where there are so many targets."""


@dataclass(frozen=True)
class InferenceRisk:
    """What being in the release adds to inference, singling out and linkability.

    Args:
        columns: the quasi-identifiers.
        attributes: those that the intruder knows in the attack from attributes only.
        all_but_one_known: per column, guesses by an intruder who knows all other columns.
        attributes_only: guesses of each other column by an intruder who knows the attributes.
        singling_out: guesses of an exact record that exactly one pupil has.
        linkability: links of a pupil's attributes to the other columns of the pupil, among `link_candidates`.
        link_candidates: among how many a link was sought.
        mean_losses: the mean information loss of the release of each half, to be held against that of the cohort.
    """

    columns: tuple[str, ...]
    attributes: tuple[str, ...]
    all_but_one_known: dict[str, RateComparison]
    attributes_only: dict[str, RateComparison]
    singling_out: RateComparison
    linkability: RateComparison
    link_candidates: int
    mean_losses: tuple[float, float]

    def as_dict(self) -> dict[str, Any]:
        """The figures for JSON."""
        return {
            "attributes": list(self.attributes),
            "all_but_one_known": {name: rates.as_dict() for name, rates in self.all_but_one_known.items()},
            "attributes_only": {name: rates.as_dict() for name, rates in self.attributes_only.items()},
            "singling_out": self.singling_out.as_dict(),
            "linkability": {**self.linkability.as_dict(), "candidates": self.link_candidates},
            "mean_losses_of_halves": list(self.mean_losses),
        }


def inference_attack(
    cohort: AttackedCohort, attributes: Sequence[str], *, seed: int = ATTACK_SEED, targets: int = TARGETS_PER_HALF
) -> InferenceRisk:
    """Attack the release of either half of a cohort, with the other half as its control.

    1. The cohort is cut in two at random. Each half is recoded, and is the control of the other (two folds).
    2. A release is read as the density in `release_density`; a guess is the most likely value.
    3. Targets are drawn from both halves, suppressed pupils too, since nobody knows who of the control would be.
    4. Inference: guess each column from all others, and each column that is no attribute from the attributes.
    5. Linkability: find the pupil's other columns, among those of 100 targets, from the pupil's attributes.
    6. Singling out: of distinct exact records drawn from the density, those that exactly one pupil of a half has. A
       label alone singles out nobody: k pupils or more have it.

    Args:
        cohort: the cohort, and how it is recoded.
        attributes: the columns that an intruder may know of many pupils, some but not all of them.
        seed: draws halves, targets and guesses; the same seed gives the same figures.
        targets: at most so many pupils of each half are attacked per fold.

    Raises:
        ConfigurationRefused: attributes that are no columns, none, or all of them; no whole number of targets.
        NotAnonymous: a half has no recoding under its constraints (exit code 14).
    """
    _refuse_wrong_input(cohort, attributes, targets)
    rng = np.random.default_rng(seed)
    halves = cohort.draw_halves(rng)
    releases = [cohort.recode(half) for half in halves]
    folds = [
        _Fold(cohort, release, (halves[place], halves[1 - place]), rng, targets)
        for place, release in enumerate(releases)
    ]
    names = tuple(hierarchy.name for hierarchy in cohort.coding.hierarchies)
    known = [names.index(name) for name in attributes]
    secrets = [column for column in range(len(names)) if column not in known]
    by_all_others = _pool_folds([fold.infer_each_column() for fold in folds])
    by_attributes = _pool_folds([fold.infer_from_known(known, secrets) for fold in folds])
    return InferenceRisk(
        columns=names,
        attributes=tuple(attributes),
        all_but_one_known=dict(zip(names, by_all_others, strict=True)),
        attributes_only={names[secret]: rates for secret, rates in zip(secrets, by_attributes, strict=True)},
        singling_out=reduce(pool_comparisons, [fold.single_out() for fold in folds]),
        linkability=reduce(pool_comparisons, [fold.link(known, secrets) for fold in folds]),
        link_candidates=max(fold.link_candidates for fold in folds),
        mean_losses=(releases[0].loss.mean, releases[1].loss.mean),
    )


class _Fold:
    """One half that is released, and the other as its control.

    Args:
        cohort: the cohort.
        release: the recoding of the released half.
        halves: the pupils of the released half, and those of the control.
        rng: draws targets and guesses.
        targets: at most so many of each half are attacked.
    """

    def __init__(
        self,
        cohort: AttackedCohort,
        release: Recoding,
        halves: tuple[IntArray, IntArray],
        rng: np.random.Generator,
        targets: int,
    ) -> None:
        self._cohort, self._halves, self._rng = cohort, halves, rng
        self._density = ReleaseDensity(release, _marginals(cohort, halves[0]))
        self._guesses = min(targets, *(len(half) for half in halves))
        inside, outside = (cohort.leaves(rng.choice(half, min(targets, len(half)), replace=False)) for half in halves)
        self._targets = inside, outside
        self._linked_targets = int(min(LINKED_TARGETS_PER_HALF, inside.shape[1], outside.shape[1]))

    @property
    def link_candidates(self) -> int:
        """Among how many targets a link is sought."""
        return min(LINK_CANDIDATES, self._linked_targets)

    def infer_each_column(self) -> list[RateComparison]:
        """Guesses of each column from all others."""
        inside, outside = (self._density.guess_each_column(targets) == targets for targets in self._targets)
        return [RateComparison(_rate(one), _rate(other)) for one, other in zip(inside, outside, strict=True)]

    def infer_from_known(self, known: Sequence[int], secrets: Sequence[int]) -> list[RateComparison]:
        """Guesses of the secret columns from the known ones."""
        inside, outside = (
            self._density.guess_from_known(targets, known, secrets) == targets[list(secrets)]
            for targets in self._targets
        )
        return [RateComparison(_rate(one), _rate(other)) for one, other in zip(inside, outside, strict=True)]

    def link(self, known: Sequence[int], linked: Sequence[int]) -> RateComparison:
        """Links of the known columns to the linked ones of the same pupil; both halves with the same candidates."""
        number, others = self._linked_targets, self.link_candidates - 1
        # For each target the places of other targets: its own place plus 1 to number − 1.
        steps = np.stack([self._rng.choice(np.arange(1, number), others, replace=False) for _ in range(number)])
        candidates = (np.arange(number)[:, np.newaxis] + steps) % number if others else steps.astype(np.int64)
        inside, outside = (
            self._count_links(targets[:, :number], known, linked, candidates) for targets in self._targets
        )
        return RateComparison(Rate(inside, number), Rate(outside, number))

    def single_out(self) -> RateComparison:
        """Exact records drawn from the density, each once, that exactly one pupil has; halves are cut to one size."""
        records = np.unique(self._density.draw_records(self._guesses, self._rng), axis=1)
        drawn = self._cohort.coding.encode(records)
        size = min(len(half) for half in self._halves)
        singled = []
        for half in self._halves:
            pupils = self._cohort.codes[:, np.sort(self._rng.choice(half, size, replace=False))]
            singled.append(_rate(self._count_pupils(pupils, drawn) == 1))
        return RateComparison(*singled)

    def _count_links(
        self, targets: Int32Array, known: Sequence[int], linked: Sequence[int], candidates: IntArray
    ) -> float:
        """The links that are right; one that scores as high as others counts in part."""
        scores = self._density.score_links(targets, known, linked)
        own, others = np.diagonal(scores)[:, np.newaxis], np.take_along_axis(scores, candidates, axis=1)
        is_best = (own >= others).all(axis=1)
        return float((is_best / (1 + (own == others).sum(axis=1))).sum())

    def _count_pupils(self, pupils: IntArray, records: IntArray) -> IntArray:
        """How many of the pupils have each exact record."""
        exact = self._cohort.coding.mask((0,) * self._cohort.coding.columns)
        codes, counts = np.unique(mask_codes(pupils, exact), return_counts=True)
        wanted = mask_codes(records, exact)
        place = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        return np.where(codes[place] == wanted, counts[place], 0).astype(np.int64)


def _marginals(cohort: AttackedCohort, pupils: IntArray) -> list[IntArray]:
    """Per column how many of the pupils have each leaf."""
    leaves = cohort.leaves(pupils)
    return [
        np.bincount(leaf, minlength=len(hierarchy.leaves)).astype(np.int64)
        for leaf, hierarchy in zip(leaves, cohort.coding.hierarchies, strict=True)
    ]


def _rate(hits: BoolArray) -> Rate:
    return Rate(int(hits.sum()), len(hits))


def _pool_folds(folds: Sequence[list[RateComparison]]) -> list[RateComparison]:
    """The comparisons of the folds, pooled attack by attack."""
    return [reduce(pool_comparisons, of_one_attack) for of_one_attack in zip(*folds, strict=True)]


def _refuse_wrong_input(cohort: AttackedCohort, attributes: Sequence[str], targets: int) -> None:
    names = [hierarchy.name for hierarchy in cohort.coding.hierarchies]
    where = "the attributes that an intruder knows"
    problems = whole_number_problems(
        1, targets, "number of targets", example=str(TARGETS_PER_HALF), where="the attack against a control half"
    )
    problems += [
        describe_problem(
            "a quasi-identifier",
            example=f"`{names[0]}`",
            found=f"`{name}`" if attributes.count(name) == 1 else f"`{name}` several times",
            where=where,
            do="Name each attribute once, as the column is named",
        )
        for name in dict.fromkeys(attributes)
        if name not in names or attributes.count(name) > 1
    ]
    if not attributes or set(names) <= set(attributes):
        problems.append(
            describe_problem(
                "some of the quasi-identifiers, not all",
                example="sex and language where scores are released with them",
                found="none" if not attributes else "all",
                where=where,
                do="Name those that an intruder may know of many pupils; a release of one column has no such attack",
            )
        )
    if problems:
        raise ConfigurationRefused(*problems)
