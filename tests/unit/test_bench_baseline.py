"""The unprotected job that `scripts/bench release` compares with: what it gives, and that nothing slows it down."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession
from tests.unit.drawn_results import column, drawn, frame, pgn, project, result

from cohorts.bench_release import unprotected_pivot

DECLARED = project(
    [
        column("begin", step=10, result=result("rekenen", "latest", "M")),
        column("eind", step=10, result=result("rekenen", "latest", "E")),
        column("lezen", step=10, result=result("lezen", "latest")),
        column("sekse", attribute="geslacht"),
        column("plaats", attribute="postcode4"),
    ]
)
RESULTS = {
    1: """
    domein   moment  waarde  geslacht
    rekenen  M       35      1
    rekenen  E       41.5    1
    lezen    M       20      1""",
    2: """
    domein   moment  waarde  geslacht
    rekenen  M       12      2
    spelling M       99      2""",
}
BY_HAND = """
    SELECT cast(pgn AS int) AS pgn,
        max(CASE WHEN domein = 'rekenen' AND afnameperiode = 'M' THEN vaardigheidsscore END) AS value_0,
        max(CASE WHEN domein = 'rekenen' AND afnameperiode = 'E' THEN vaardigheidsscore END) AS value_1,
        max(CASE WHEN domein = 'lezen' AND afnameperiode = 'M' THEN vaardigheidsscore END) AS value_2,
        max(ascii(geslacht)) AS sekse, max(ascii(postcode4)) AS plaats
    FROM {results} WHERE schooljaar = '2024-2025' AND domein IN ('rekenen', 'lezen') GROUP BY cast(pgn AS int)
"""


def _rows(made: Any) -> list[tuple[Any, ...]]:
    return sorted(tuple(row.values()) for row in made.toArrow().to_pylist())


def test_the_baseline_is_a_pivot_as_anybody_would_write_it(spark: SparkSession) -> None:
    results = frame(spark, [row for n, table in RESULTS.items() for row in drawn(n, table)])
    pivoted = unprotected_pivot(results, DECLARED)
    assert _rows(pivoted) == _rows(spark.sql(BY_HAND, results=results))
    assert [row[0] for row in _rows(pivoted)] == [int(pgn(n)) for n in RESULTS]


def test_the_baseline_shuffles_once_and_aggregates_no_text(spark: SparkSession) -> None:
    """`first` of a text needs a sort, and a cast of a text that is no number an exception per row."""
    pivoted: Any = unprotected_pivot(frame(spark, drawn(1, RESULTS[1])), DECLARED)
    plan = pivoted._jdf.queryExecution().executedPlan().toString()
    assert plan.count("Exchange hashpartitioning") == 1
    assert "SortAggregate" not in plan
    casts = [part for part in plan.split("cast(")[1:] if not part.startswith(("pgn", "vaardigheidsscore"))]
    assert not any("geslacht" in part[:20] or "postcode4" in part[:20] for part in casts)
