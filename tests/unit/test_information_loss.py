"""Information loss is counted as ARX counts it: by the share of the leaves that a released value stands for."""

import numpy as np
import pytest

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.information_loss import WeightedLoss, record_losses
from cohort.sdc.utility.column_losses import ColumnLosses, LeafCounts

#  a ─ a ─┐       shares   1/4  1/4  1
#  b ┐    │                1/4  3/4  1
#  c ├ bcd┴ *
#  d ┘
LETTERS = Hierarchy("letter", (tuple("abcd"), ("a", "bcd", "bcd", "bcd"), ("*",) * 4))
ONLY = Hierarchy("land", (("NL",),))


def losses_by_level(hierarchy: Hierarchy, kept: list[int], suppressed: int) -> list[float]:
    """The loss of a column at each level, from the released pupils per leaf and the number of suppressed ones."""
    coding = Coding((hierarchy,))
    codes = coding.encode([np.array([*range(len(kept)), 0])])
    leaf_counts = LeafCounts(coding, codes, np.array([*kept, suppressed], dtype=np.float64))
    (losses,) = ColumnLosses(coding, leaf_counts).losses(np.array([True] * len(kept) + [False]))
    return [float(loss) for loss in losses]


def test_the_loss_of_a_record_is_its_share_of_the_leaves_scaled_between_0_and_1() -> None:
    expected = [[(share - 1 / 4) / (1 - 1 / 4) for share in LETTERS.group_sizes(level) / 4] for level in range(3)]

    assert record_losses(LETTERS) == pytest.approx(np.array(expected))
    assert record_losses(LETTERS)[1].tolist() == pytest.approx([0, 2 / 3, 2 / 3, 2 / 3])


def test_a_column_of_one_value_loses_nothing() -> None:
    assert record_losses(ONLY).tolist() == [[0.0]]


@pytest.mark.parametrize("suppressed", [0, 3])
def test_the_loss_of_a_column_is_the_formula_of_arx(suppressed: int) -> None:
    kept = np.array([4, 1, 0, 2])
    records, leaves = 7 + suppressed, 4

    for level, loss in enumerate(losses_by_level(LETTERS, kept.tolist(), suppressed)):
        shares = float(LETTERS.group_sizes(level) / 4 @ kept) + suppressed
        assert loss == pytest.approx((shares - records / leaves) / (records - records / leaves))


def test_suppressed_records_lose_1_even_in_a_column_of_one_value() -> None:
    assert losses_by_level(ONLY, [3], 1) == [0.25]


def test_mean_and_geometric_loss() -> None:
    loss = WeightedLoss.for_columns("mean", 2).total_loss([0.0, 0.21])

    assert loss.mean == pytest.approx(0.105)
    assert loss.geometric == pytest.approx(0.1)  # (1 x 1.21) ** (1/2) - 1


def test_a_column_counts_by_its_weight() -> None:
    loss = WeightedLoss.for_columns("mean", 2, [3, 1]).total_loss([0.0, 0.4641])

    assert loss.mean == pytest.approx(0.4641 / 4)
    assert loss.geometric == pytest.approx(0.1)  # 1.4641 ** (1/4) - 1


@pytest.mark.parametrize("kind", ["mean", "geometric"])
def test_scores_of_the_columns_add_up_to_the_loss(kind: str) -> None:
    objective = WeightedLoss.for_columns(kind, 3, [1, 2, 5])  # type: ignore[arg-type]
    losses = [np.array([0.1]), np.array([0.2]), np.array([0.7])]

    total = sum(float(score[0]) for score in objective.scores(losses))
    loss = objective.total_loss([0.1, 0.2, 0.7])

    assert (total if kind == "mean" else np.expm1(total)) == pytest.approx(getattr(loss, kind))


def test_column_losses_follow_from_the_released_codes() -> None:
    coding = Coding((LETTERS, ONLY))
    codes = coding.encode([np.arange(4), np.zeros(4, dtype=np.int64)])  # one code per letter
    leaf_counts = LeafCounts(coding, codes, np.array([4.0, 1, 1, 2]))

    letters, only = ColumnLosses(coding, leaf_counts).losses(np.array([True, False, False, True]))

    assert letters.tolist() == losses_by_level(LETTERS, [4, 0, 0, 2], 2)
    assert only.tolist() == [0.25]


@pytest.mark.parametrize("weights", [[1], [0, 0], [-1, 2], [float("nan"), 1], [float("inf"), 1]])
def test_refuses_invalid_weights(weights: list[float]) -> None:
    with pytest.raises(ConfigurationRefused, match="weights"):
        WeightedLoss.for_columns("mean", 2, weights)


def test_refuses_another_loss() -> None:
    with pytest.raises(ConfigurationRefused, match="`geometric` or `mean`"):
        WeightedLoss.for_columns("median", 2)  # type: ignore[arg-type]
