"""The data dictionary: per column which values of which level occur, and for how many pupils, in whole per cents."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.unit.drawn_cohort import chain

from cohort.release.data_dictionary import build_data_dictionary
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.information_loss import WeightedLoss
from cohort.sdc.model.recoding import Recoding

CODING = Coding((chain("score", 4), chain("sekse", 2)))


def recoded() -> Recoding:
    #   score    0 0 0  1 2 2 3  3      three at level 0, four at level 2, the last suppressed
    #   sekse    0 0 0  0 1 1 1  0
    leaves = [np.array([0, 0, 0, 1, 2, 2, 3, 3]), np.array([0, 0, 0, 0, 1, 1, 1, 0])]
    histogram = Histogram.from_pupils(CODING.encode(leaves), single=True)
    class_of = np.array([0, 0, 0, 1, 1, 1, 1, -1])[np.argsort(histogram.unit_of_pupil)]
    levels = np.array([[0, 0], [2, 1]])
    return Recoding.from_units(
        histogram, CODING, class_of, levels, WeightedLoss.for_columns("mean", 2), {"kind": "local"}
    )


def described_columns(names: list[str], values_by_column: dict[str, list[str]]) -> dict[str, Any]:
    described = build_data_dictionary(recoded(), names, values_by_column)
    return {name: None if column is None else column.model_dump(mode="json") for name, column in described.items()}


def test_lists_the_values_of_every_level_with_its_share_of_pupils() -> None:
    described = described_columns(["score", "sekse"], {})

    assert described["score"]["levels"] == [
        {"level": 0, "share": 0.43, "values": ["0"]},
        {"level": 2, "share": 0.57, "values": ["*"]},
    ]
    assert described["sekse"]["levels"] == [
        {"level": 0, "share": 0.43, "values": ["0"]},
        {"level": 1, "share": 0.57, "values": ["*"]},
    ]
    assert (described["score"]["loss"], described["sekse"]["loss"]) == (0.62, 0.62)


def test_a_column_that_is_not_generalised_is_listed_in_its_place_with_its_values() -> None:
    described = described_columns(["score", "niveau", "sekse"], {"niveau": ["V", "I"]})

    assert list(described) == ["score", "niveau", "sekse"]
    assert described["niveau"] == {"loss": 0.0, "levels": [{"level": 0, "share": 1.0, "values": ["I", "V"]}]}
