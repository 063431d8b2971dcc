"""The equity report: subgroups that are suppressed or generalised more than others, in figures fit to publish."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.drawn_recoding import NIVEAU, DrawnRecoding, draw_recoding, random_cohort

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.utility.equity import EquityReport, Subgroups, SubgroupUtility, round_count, round_share


def count_equity_by_hand(case: DrawnRecoding, labels: list[str]) -> EquityReport:
    """The report, counted pupil by pupil."""
    rows = []
    for name in sorted(set(labels)):
        of_name = [place for place, label in enumerate(labels) if label == name]
        cells = [[0] * tree.height for tree in case.hierarchies]
        loss = 0.0
        for place in of_name:
            for column, tree in enumerate(case.hierarchies):
                number = case.class_of[place]
                if number < 0:
                    loss += 1
                    continue
                level = int(case.recoding.levels[number, column])
                cells[column][level] += 1
                row = tree.labels[level]
                label = row[case.pupils[place].leaves[column]]
                loss += (row.count(label) - 1) / max(len(row) - 1, 1)
        gone = sum(case.records[place] is None for place in of_name)
        mean = loss / len(of_name) / len(case.hierarchies)
        rows.append(SubgroupUtility(name, len(of_name), gone, tuple(map(tuple, cells)), mean))
    return EquityReport(tuple(tree.name for tree in case.hierarchies), tuple(rows))


def assert_equity_agrees(found: EquityReport, truth: EquityReport) -> None:
    assert found.columns == truth.columns
    for row, exact in zip(found.subgroups, truth.subgroups, strict=True):
        assert row == replace(exact, mean_loss=pytest.approx(exact.mean_loss))


def measure_equity_by_label(case: DrawnRecoding) -> EquityReport:
    labels = [pupil.label for pupil in case.pupils]
    return EquityReport.from_recoding(
        case.histogram, case.recoding, Subgroups.from_pupil_labels(case.histogram, labels)
    )


def school_size_labels(case: DrawnRecoding, low: int, high: int) -> list[str]:
    """Per pupil how large its home school is, with two sizes at which a next class begins."""
    homes = [pupil.home for pupil in case.pupils]
    named = {0: f"under {low}", 1: f"{low} to {high - 1}", 2: f"{high} or more"}
    return [named[(homes.count(home) >= low) + (homes.count(home) >= high)] for home in homes]


@pytest.mark.parametrize("seed", range(12))
def test_subgroups_by_pupil_labels_equal_a_count_by_hand(seed: int) -> None:
    case = random_cohort(seed)

    assert_equity_agrees(
        measure_equity_by_label(case), count_equity_by_hand(case, [pupil.label for pupil in case.pupils])
    )


@pytest.mark.parametrize("seed", range(6))
def test_unit_labels_and_pupil_labels_give_the_same_subgroups(seed: int) -> None:
    case = random_cohort(seed)
    of_unit = [f"wijk {unit % 4}" for unit in range(case.histogram.units)]
    of_pupil = [of_unit[unit] for unit in case.histogram.unit_of_pupil]

    found = EquityReport.from_recoding(
        case.histogram, case.recoding, Subgroups.from_unit_labels(case.histogram, of_unit)
    )

    assert_equity_agrees(found, count_equity_by_hand(case, of_pupil))


@pytest.mark.parametrize("seed", range(6))
def test_school_size_is_the_number_of_pupils_of_the_cohort_by_home_school(seed: int) -> None:
    case = random_cohort(seed)
    found = EquityReport.from_recoding(case.histogram, case.recoding, Subgroups.by_school_size(case.histogram, (9, 12)))

    assert [row.name for row in found.subgroups] == ["under 9", "9 to 11", "12 or more"]
    occurring = {row.name: row for row in found.subgroups if row.pupils}
    truth = {row.name: row for row in count_equity_by_hand(case, school_size_labels(case, 9, 12)).subgroups}
    assert occurring.keys() == truth.keys()
    for name, row in occurring.items():
        assert row == replace(truth[name], mean_loss=pytest.approx(truth[name].mean_loss))


def test_pupils_of_one_unit_can_be_in_different_subgroups() -> None:
    #   unit 0: three alike, two nl and one anders; unit 1: one nl, suppressed
    case = draw_recoding("3 I j A\n1 IV m A", (0, 0))
    groups = Subgroups.from_pupil_labels(case.histogram, ["nl", "anders", "nl", "nl"])
    found = EquityReport.from_recoding(case.histogram, case.recoding, groups)

    assert found.subgroups == (
        SubgroupUtility("anders", 1, 0, ((1, 0, 0), (1, 0)), 0),
        SubgroupUtility("nl", 3, 1, ((2, 0, 0), (2, 0)), pytest.approx(1 / 3)),
    )


@pytest.mark.parametrize(("exact", "shown"), [(0, None), (7, None), (8, 10), (12, 10), (13, 15), (1002, 1000)])
def test_counts_are_hidden_up_to_7_and_rounded_to_5(exact: int, shown: int | None) -> None:
    assert round_count(exact) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(1, 12, None), (7, 100, None), (7, 7, None), (8, 12, 100), (33, 100, 35), (34, 102, 35), (500, 1500, 33)],
    ids=["one of about ten", "few", "all of few", "rounded away", "up", "down", "whole per cents"],
)
def test_a_share_is_computed_from_rounded_counts(part: int, whole: int, shown: int | None) -> None:
    assert round_share(part, whole) == shown


def test_all_figures_of_a_small_subgroup_are_hidden() -> None:
    row = SubgroupUtility("tr", 7, 7, ((0, 0),), 1.0).as_dict(["niveau"])

    assert row == {
        "subgroup": "tr",
        "pupils": None,
        "suppressed_percent": None,
        "mean_loss_percent": None,
        "columns": [{"column": "niveau", "cells_percent": {"0": None, "1": None, "suppressed": None}}],
    }


def test_the_figures_of_a_large_subgroup_are_rounded() -> None:
    row = SubgroupUtility("nl", 1003, 98, ((602, 303),), 0.2449).as_dict(["niveau"])

    assert row == {
        "subgroup": "nl",
        "pupils": 1005,
        "suppressed_percent": 10,
        "mean_loss_percent": 24,
        "columns": [{"column": "niveau", "cells_percent": {"0": 60, "1": 30, "suppressed": 10}}],
    }


def test_no_exact_count_is_in_the_document() -> None:
    told = json.loads(json.dumps(measure_equity_by_label(random_cohort(4, pupils=301)).as_dict()))

    for row in told["subgroups"]:
        assert row["pupils"] % 5 == 0
        assert all(isinstance(part, int | None) for c in row["columns"] for part in c["cells_percent"].values())
    assert told["note"].startswith("null = 7 pupils or fewer; others rounded to 5")


@pytest.mark.parametrize("boundaries", [(), (0, 5), (5, 5), (20, 10)])
def test_refuses_sizes_that_do_not_ascend(boundaries: tuple[int, ...]) -> None:
    with pytest.raises(ConfigurationRefused, match="Expected ascending sizes of schools"):
        Subgroups.by_school_size(random_cohort(0).histogram, boundaries)


def test_refuses_school_sizes_in_data_without_schools() -> None:
    histogram = Histogram.from_pupils(Coding((NIVEAU,)).encode([np.array([0, 1])]))

    with pytest.raises(ConfigurationRefused, match="Expected schools in the data"):
        Subgroups.by_school_size(histogram)


def test_a_wrong_number_of_labels_is_a_defect() -> None:
    histogram = draw_recoding("3 I j A\n1 IV m A", (0, 0)).histogram

    with pytest.raises(ValueError, match="every unit needs a label"):
        Subgroups.from_unit_labels(histogram, ["nl"] * 4)
    with pytest.raises(ValueError, match="every pupil needs a label"):
        Subgroups.from_pupil_labels(histogram, ["nl"] * 2)
    with pytest.raises(ValueError, match="must know its pupils one by one"):
        Subgroups.from_pupil_labels(histogram.subset(np.array([0, 1])), ["nl"] * 2)
