"""The sums by class that class means are made from: labels and their ends, movers, boards, pupils without a score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.unit.drawn_results import column, result

from cohort.agreements.declared_columns import DeclaredColumn
from cohort.anonymisation import class_scores, pupil_boards
from cohort.anonymisation.class_scores import ClassLimits, find_class_limits
from cohort.anonymisation.sensitive_columns import CLASS_NUMBER
from cohort.data_states import local_frames
from cohort.data_states.schemas import EXACT_SCORES, OTHER_SCHOOLS_CONTROL, PUPIL_CONTROL, SCHOOL_CONTROL
from cohort.verification.class_mean_check import spans_by_label

ANYTHING = (-np.inf, np.inf)
EDGES: dict[str, Any] = {"widths": None, "edges": [[40, 100, 160], [100]]}


def score(**bands: Any) -> DeclaredColumn:
    declared = column("rekenen", result=result("rekenen", "latest"))
    own = {key: value for key, value in declared.items() if key != "hierarchy"}
    declared_bands = {"from": 0, "to": 200, "step": 20, "widths": [40], **bands}
    own["bands"] = {key: value for key, value in declared_bands.items() if value is not None}
    return DeclaredColumn.model_validate(own | {"show": "mean"})


def ends(column: DeclaredColumn, labels: list[str], accepted: tuple[float, float]) -> list[tuple[int, int] | None]:
    found = find_class_limits(column, labels, accepted)
    pairs = zip(found.lowest.tolist(), found.highest.tolist(), found.has_bounds.tolist(), strict=True)
    return [(low, high) if bounded else None for low, high, bounded in pairs]


@pytest.mark.parametrize(
    ("bands", "accepted", "expected"),
    [
        ({}, ANYTHING, {"0 tot 20": (0, 1999), "180 tot 200": (18000, 19999), "*": (0, 19999)}),
        ({}, (0, 190), {"180 tot 200": (18000, 19000), "*": (0, 19000)}),
        ({"above": True}, ANYTHING, {"180 tot 200": (18000, 19999), "200 en hoger": None, "*": None}),
        ({"above": True}, (5, 260.5), {"0 tot 20": (500, 1999), "200 en hoger": (20000, 26050), "*": (500, 26050)}),
        ({"below": True, "above": True}, (-30, 260), {"tot 0": (-3000, -1), "0 tot 20": (0, 1999)}),
        ({}, (50, 60), {"0 tot 20": None}),
        (EDGES, ANYTHING, {"tot 40": (0, 3999), "40 tot 100": (4000, 9999), "160 en hoger": (16000, 19999)}),
    ],
    ids=[
        "closed bands", "a test that ends sooner", "an open end", "an open end of a test", "both ends open",
        "a label that no score can have", "declared edges",
    ],
)  # fmt: skip
def test_the_scores_that_a_label_allows(
    bands: dict[str, Any], accepted: Any, expected: dict[str, tuple[int, int] | None]
) -> None:
    assert ends(score(**bands), list(expected), accepted) == list(expected.values())


@pytest.mark.parametrize("bands", [{}, {"above": True}, {"below": True, "above": True}, EDGES, EDGES | {"above": True}])
@pytest.mark.parametrize("accepted", [ANYTHING, (0, 190), (5, 260.5), (-30, 260)])
def test_the_verifier_allows_the_same_scores(bands: dict[str, Any], accepted: Any) -> None:
    own = score(**bands)
    spans = spans_by_label(own, accepted)
    labels = sorted(spans)
    found = dict(zip(labels, ends(own, labels, accepted), strict=True))
    for label, span in spans.items():
        both = None if span.low is None or span.high is None or span.low > span.high else (span.low, span.high)
        assert found[label] == both, label


PUPILS = """
pupil class school others score second
a     0     A      -      1000  5
b     0     A      -      1500  6
c     0     B      A      1999  -
d     0     C      -      0     7
e     1     A      -      -     8
f     1     B      -      4000  9
"""


def test_sums_are_those_of_the_drawn_pupils(spark: SparkSession) -> None:
    lines = [line.split() for line in PUPILS.strip().splitlines()[1:]]
    rows = [
        (int(c), p.encode(), s.encode(), None if o == "-" else [o.encode()], [None if x == "-" else int(x) for x in xs])
        for p, c, s, o, *xs in lines
    ]
    schema = (
        f"{CLASS_NUMBER} int, {PUPIL_CONTROL} binary, {SCHOOL_CONTROL} binary, {OTHER_SCHOOLS_CONTROL} array<binary>, "
        f"{EXACT_SCORES} array<int>"
    )
    pupils = local_frames.make_local_frame(spark, schema, rows)
    # A and C are of one board; B is its own.
    boards = local_frames.make_local_frame(
        spark,
        f"{pupil_boards._LISTED_SCHOOL} binary not null, {pupil_boards.BOARD} binary not null, "
        f"{pupil_boards._BOARDS_OF_SCHOOL} array<binary> not null",
        [(b"A", b"board", [b"board"]), (b"C", b"board", [b"board"])],
    )
    scored = class_scores.select_scored_pupils(pupils, boards)
    scores = [F.get(F.col(EXACT_SCORES), place).cast("bigint") for place in range(2)]
    sums = class_scores._by_class(class_scores._sum_scores(scored, scores), 3)
    assert sums["pupils"].tolist() == [4, 2, 0]
    assert sums["with_score0"].tolist() == [4, 1, 0]
    assert sums["sum0"].tolist() == [4499, 4000, 0]
    assert (sums["least0"][0], sums["most0"][0]) == (0, 1999)
    assert sums["all"].tolist() == [3, 1, 0]
    assert sums["all_sum1"].tolist() == [18, 9, 0]
    assert sums["product1"].tolist() == [1000 * 5 + 1500 * 6, 4000 * 9, 0]
    limits = [
        ClassLimits(np.array([0, 4000, 0]), np.array([1999, 5999, 0]), np.array([True, True, True])),
        ClassLimits(np.zeros(3, dtype=np.int64), np.full(3, 9), np.array([True, True, True])),
    ]
    known = class_scores._by_class(class_scores._sum_known_to_boards(scored, scores, limits), 3)
    # The board knows a, b, c (by school A) and d; B knows c.
    assert known["above0"].tolist() == [1000 + 1500 + 1999, 0, 0]
    assert known["below0"].tolist() == [999 + 499 + 0 + 1999, 1999, 0]
    assert known["above1"].tolist() == [18, 9, 0]
