"""A release read as a density, against its formula computed class by class from released labels."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from tests.unit.drawn_recoding import NIVEAU, DrawnRecoding, draw_recoding, random_cohort

from cohort.sdc.model.arrays import Int32Array, IntArray
from cohort.sdc.risk import release_density
from cohort.sdc.risk.release_density import ReleaseDensity


def marginals_of(case: DrawnRecoding) -> list[IntArray]:
    return [
        np.bincount([pupil.leaves[column] for pupil in case.pupils], minlength=len(tree.leaves)).astype(np.int64)
        for column, tree in enumerate(case.hierarchies)
    ]


def density_by_hand(case: DrawnRecoding, leaves: dict[int, int]) -> float:
    """f of a record of which some columns are known: the sum over released records of the product of q."""
    marginals = [[count + 1e-3 for count in marginal.tolist()] for marginal in marginals_of(case)]
    total = 0.0
    for record in filter(None, case.records):
        factors = []
        for column, leaf in leaves.items():
            tree = case.hierarchies[column]
            under = [
                other for other in range(len(tree.leaves)) if record[column] in {row[other] for row in tree.labels}
            ]
            weight = sum(marginals[column][other] for other in under)
            factors.append(marginals[column][leaf] / weight if leaf in under else 0.0)
        total += prod(factors)
    return total


def targets_of(case: DrawnRecoding) -> Int32Array:
    return np.array([pupil.leaves for pupil in case.pupils], dtype=np.int32).T


def is_best(case: DrawnRecoding, known: dict[int, int], secret: int, guess: int) -> bool:
    """Whether no leaf is more likely than the guess; where no class fits, the guess is the most frequent leaf."""
    likelihood = [
        density_by_hand(case, {**known, secret: leaf}) for leaf in range(len(case.hierarchies[secret].leaves))
    ]
    if max(likelihood) == 0:
        likelihood = marginals_of(case)[secret].tolist()
    return likelihood[guess] >= max(likelihood) * (1 - 1e-9)


def check_guesses(case: DrawnRecoding) -> None:
    """Every guess from all other columns, and those from the first column."""
    density, targets = ReleaseDensity(case.recoding, marginals_of(case)), targets_of(case)
    secrets = list(range(1, len(case.hierarchies)))
    by_all_others = density.guess_each_column(targets)
    by_first = density.guess_from_known(targets, [0], secrets)
    for place, pupil in enumerate(case.pupils):
        leaves = dict(enumerate(pupil.leaves))
        for secret in leaves:
            known = {column: leaf for column, leaf in leaves.items() if column != secret}
            assert is_best(case, known, secret, int(by_all_others[secret, place]))
        for row, secret in enumerate(secrets):
            assert is_best(case, {0: leaves[0]}, secret, int(by_first[row, place]))


@pytest.mark.parametrize("cells", [1, 1 << 20])
@pytest.mark.parametrize("seed", range(8))
def test_guesses_are_the_most_likely_values(monkeypatch: pytest.MonkeyPatch, seed: int, cells: int) -> None:
    monkeypatch.setattr(release_density, "CELLS_PER_BATCH", cells)
    check_guesses(random_cohort(seed, pupils=25))


@pytest.mark.parametrize("seed", range(4))
def test_links_are_scored_by_the_density_relative_to_the_marginals(seed: int) -> None:
    case = random_cohort(seed, pupils=12)
    marginals = [(marginal + 0.5) / (marginal + 0.5).sum() for marginal in marginals_of(case)]
    scores = ReleaseDensity(case.recoding, marginals_of(case)).score_links(targets_of(case), [0], [1, 2])
    for i, one in enumerate(case.pupils):
        for j, other in enumerate(case.pupils):
            joined = {0: one.leaves[0], 1: other.leaves[1], 2: other.leaves[2]}
            expected = marginals[1][other.leaves[1]] * marginals[2][other.leaves[2]]
            assert scores[i, j] == pytest.approx(density_by_hand(case, joined) / expected)


def test_drawn_records_lie_under_released_labels_and_follow_the_marginal() -> None:
    case = draw_recoding("9 I j A\n3 II j A\n6 IV m A", (1, 0))
    records = ReleaseDensity(case.recoding, marginals_of(case)).draw_records(4_000, np.random.default_rng(1))
    niveaus, counts = np.unique(records[0], return_counts=True)
    shares = dict(zip([NIVEAU.leaves[leaf] for leaf in niveaus], counts / 4_000, strict=True))
    assert shares.pop("I") == pytest.approx(9 / 18, abs=0.03)
    assert shares.pop("II") == pytest.approx(3 / 18, abs=0.03)
    assert shares.pop("IV") == pytest.approx(6 / 18, abs=0.03)
    assert sum(shares.values()) < 0.01, "III is under a label, but nobody has it"
