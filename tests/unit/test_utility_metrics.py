"""Utility metrics, against a count by hand of the released labels and the published optima."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from math import log2, prod
from pathlib import Path

import numpy as np
import pytest
from tests.unit.drawn_recoding import NIVEAU, DrawnRecoding, Levels, draw_recoding, random_cohort

from cohort.sdc.global_recoding.lattice_search import search_global_recoding
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.information_loss import WeightedLoss
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.k_anonymity import KAnonymity
from cohort.sdc.utility.metrics import UtilityMetrics


def count_metrics_by_hand(case: DrawnRecoding) -> UtilityMetrics:
    """The metrics, counted record by record from the labels."""
    table = [tuple(row) for row in case.recoding.levels.tolist()]
    levels_of = [table[number] if number >= 0 else None for number in case.class_of]
    everybody = len(case.pupils)
    gone = [pupil for pupil, record in zip(case.pupils, case.records, strict=True) if record is None]
    sizes = Counter(record for record in case.records if record is not None)
    occurring = {levels for levels in levels_of if levels is not None}
    common = occurring.pop() if len(occurring) == 1 else (0,) * len(case.hierarchies)
    losses, cells, bits = [], [], 0.0
    for column, tree in enumerate(case.hierarchies):
        loss, at = 0.0, [0] * tree.height
        for pupil, levels in zip(case.pupils, levels_of, strict=True):
            leaf, level = pupil.leaves[column], (levels or common)[column]
            row = tree.labels[level]
            alike = [other for other in case.pupils if row[other.leaves[column]] == row[leaf]]
            exact = [other for other in case.pupils if other.leaves[column] == leaf]
            bits += log2(len(alike) / len(exact))
            if levels is None:
                bits += log2(len(gone) / sum(row[other.leaves[column]] == row[leaf] for other in gone))
                loss += 1
            else:
                loss += (row.count(row[leaf]) - 1) / max(len(row) - 1, 1)
                at[level] += 1
        losses.append(loss / everybody)
        cells.append(tuple(number / everybody for number in at))
    return UtilityMetrics(
        columns=tuple(tree.name for tree in case.hierarchies),
        mean_loss=sum(losses) / len(losses),
        geometric_loss=prod(1 + loss for loss in losses) ** (1 / len(losses)) - 1,
        average_class_size=everybody / (len(sizes) + bool(gone)),
        discernibility=sum(size**2 for size in sizes.values()) + len(gone) * everybody,
        non_uniform_entropy=bits,
        granularity=tuple(1 - loss for loss in losses),
        suppressed_share=len(gone) / everybody,
        cells=tuple(cells),
        smallest_class=min(sizes.values(), default=0),
        classes=len(sizes),
    )


def assert_metrics_agree(found: UtilityMetrics, truth: UtilityMetrics) -> None:
    for name, value in vars(truth).items():
        if name == "cells":
            for shares, exact in zip(found.cells, truth.cells, strict=True):
                assert shares == pytest.approx(exact), name
        else:
            assert getattr(found, name) == (value if name == "columns" else pytest.approx(value, abs=1e-9)), name


def test_the_metrics_of_a_drawn_global_recoding() -> None:
    #   4 I j, 2 II j  → I-II j: 6     1 III m → suppressed     2 IV m → with it: III-IV m is 3
    case = draw_recoding("4 I j A\n2 II j A\n1 III m A\n2 IV m A", (1, 0), k=4)
    found = UtilityMetrics.from_recoding(case.histogram, case.recoding)

    assert (found.classes, found.smallest_class) == (1, 6)
    assert found.average_class_size == 9 / 2  # the suppressed ones count as a class
    assert found.discernibility == 6**2 + 3 * 9
    assert found.suppressed_share == pytest.approx(3 / 9)
    assert found.cells == (pytest.approx((0, 6 / 9, 0)), pytest.approx((6 / 9, 0)))
    assert found.granularity == pytest.approx((1 - (6 / 3 + 3) / 9, 1 - 3 / 9))
    niveau = 4 * log2(6 / 4) + 2 * log2(6 / 2) + log2(3 / 1) + 2 * log2(3 / 2)
    assert found.non_uniform_entropy == pytest.approx(niveau)  # all suppressed ones show III-IV and m


def test_entropy_of_a_local_recoding_counts_all_records_below_a_value_and_suppressed_ones_exactly() -> None:
    #   3 I j at (0, 0), then 1 I m and 1 II m at (1, 0); III j is left
    case = draw_recoding("3 I j A\n1 I m A\n1 II m A\n1 III j A", (0, 0), (1, 0))
    found = UtilityMetrics.from_recoding(case.histogram, case.recoding)

    assert case.recoding.level_vector is None
    assert case.records[3:] == [("I-II", "m"), ("I-II", "m"), None]
    assert found.cells[0] == pytest.approx((3 / 6, 2 / 6, 0))
    # 5 records lie under I-II: four are I, one is II; the suppressed one is alone with its values.
    assert found.non_uniform_entropy == pytest.approx(log2(5 / 4) + log2(5 / 1))


def test_losses_have_equal_weights_whatever_the_weights_of_the_search() -> None:
    case = draw_recoding("4 I j A\n2 II j A", (1, 0))
    goal = WeightedLoss.for_columns("mean", 2, [5, 1])
    weighted = replace(case.recoding, loss=goal.total_loss(case.recoding.column_losses))

    assert weighted.loss.mean != pytest.approx(case.recoding.loss.mean)
    assert UtilityMetrics.from_recoding(case.histogram, weighted) == UtilityMetrics.from_recoding(
        case.histogram, case.recoding
    )


@pytest.mark.parametrize("seed", range(12))
def test_the_metrics_equal_a_count_by_hand(seed: int) -> None:
    case = random_cohort(seed)

    assert_metrics_agree(UtilityMetrics.from_recoding(case.histogram, case.recoding), count_metrics_by_hand(case))


def test_all_information_is_lost_where_nothing_is_released() -> None:
    case = draw_recoding("1 I j A\n1 IV m B", (0, 0))
    found = UtilityMetrics.from_recoding(case.histogram, case.recoding)

    assert (found.classes, found.smallest_class, found.average_class_size) == (0, 0, 2)
    assert (found.mean_loss, found.suppressed_share, found.discernibility) == (1, 1, 4)
    assert found.granularity == (0, 0)


def test_a_cohort_without_pupils_has_metrics() -> None:
    coding = Coding((NIVEAU,))
    nobody = Histogram.from_pupils(np.empty((1, 0), dtype=np.int64))
    levels = np.empty((0, 1), dtype=np.int64)
    recoding = Recoding.from_units(
        nobody, coding, np.empty(0, np.int64), levels, WeightedLoss.for_columns("mean", 1), {}
    )

    found = UtilityMetrics.from_recoding(nobody, recoding)
    assert (found.classes, found.discernibility, found.suppressed_share) == (0, 0, 0)
    assert (found.average_class_size, found.non_uniform_entropy) == (0, 0)


def test_the_cells_of_a_column_in_the_document_add_up_to_1() -> None:
    case = random_cohort(3)
    told = json.loads(json.dumps(UtilityMetrics.from_recoding(case.histogram, case.recoding).as_dict()))

    assert [column["column"] for column in told["columns"]] == ["kolom0", "kolom1", "kolom2"]
    for column in told["columns"]:
        assert sum(column["cells"].values()) == pytest.approx(1)
        assert "suppressed" in column["cells"]
    assert told["classes"] == case.recoding.classes


ADULT = Path(__file__).parents[2].parent / "shared" / "data" / "adult"
ADULT8 = ("sex", "age", "race", "marital-status", "education", "native-country", "workclass", "salary-class")

#    what               limit   levels                    published
OPTIMA = [
    ("average_class_size", "0", (0, 4, 1, 2, 0, 2, 2, 1), 942.5625),
    ("average_class_size", "0.04", (0, 0, 1, 2, 3, 2, 0, 0), 39.1714),
    ("average_class_size", "0.1", (1, 0, 1, 1, 0, 2, 1, 1), 26.5979),
    ("average_class_size", "1", (0, 0, 1, 1, 0, 2, 1, 0), 21.3763),
    ("discernibility", "0", (1, 1, 1, 1, 3, 2, 2, 1), 55_170_356),
    ("discernibility", "0.04", (0, 0, 1, 2, 3, 2, 2, 0), 9_268_952),
    ("non_uniform_entropy", "0", (1, 1, 1, 1, 3, 2, 2, 1), 324_620.53),
    ("non_uniform_entropy", "0.04", (0, 0, 1, 1, 2, 2, 2, 0), 180_132.41),
    ("non_uniform_entropy", "0.1", (0, 0, 1, 1, 1, 2, 2, 0), 170_242.48),
    ("non_uniform_entropy", "1", (0, 0, 1, 0, 1, 2, 2, 0), 168_349.34),
]


@pytest.fixture(scope="module")
def adult() -> tuple[Coding, Histogram]:
    header, *rows = [line.split(";") for line in (ADULT / "adult.csv").read_text(encoding="utf-8").splitlines()]
    trees = tuple(
        Hierarchy.from_file(ADULT / f"adult_hierarchy_{name}.csv", name, with_unknown=False) for name in ADULT8
    )
    leaves = []
    for tree in trees:
        place, leaf = header.index(tree.name), {label: at for at, label in enumerate(tree.leaves)}
        leaves.append(np.array([leaf[row[place]] for row in rows]))
    coding = Coding(trees)
    return coding, Histogram.from_pupils(coding.encode(leaves))


@pytest.mark.skipif(
    not ADULT.is_dir(), reason="the Adult data (../shared/data/adult beside the repository) is not there"
)
@pytest.mark.parametrize(("what", "limit", "levels", "published"), OPTIMA)
def test_reproduces_the_published_figures_of_adult(
    adult: tuple[Coding, Histogram], what: str, limit: str, levels: Levels, published: float
) -> None:
    coding, histogram = adult
    found = search_global_recoding(
        histogram,
        RecodingRequest(
            coding, [KAnonymity(5)], objective="mean", suppression_limit=limit, lowest=levels, highest=levels
        ),
    )

    digits = len(str(published).partition(".")[2])
    assert round(getattr(UtilityMetrics.from_recoding(histogram, found), what), digits) == published
