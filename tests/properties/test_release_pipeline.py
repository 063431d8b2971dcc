"""Properties of every release, whatever the results: from accepted results to generalised rows."""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from tests.unit.drawn_legal_basis import make_eligibility
from tests.unit.drawn_release import pipeline_input
from tests.unit.drawn_results import Row, column, frame, pgn, project, result, row

from cohort.agreements.project import Project
from cohort.agreements.school_boards import SchoolBoards
from cohort.data_states.schemas import OTHER_SCHOOLS_CONTROL, PUPIL_CONTROL, SCHOOL_CONTROL, AcceptedResults
from cohort.foundation.errors import NotAnonymous
from cohort.keys.project_keys import ProjectKey
from cohort.legal_basis.objection_lists import SCOPE_EVERYTHING
from cohort.legal_basis.objections_in_force import Objections
from cohort.release import stage_pipeline
from cohort.sdc.model.hierarchy import Hierarchy

SCHOOLS = ("10AA", "10AB", "10AC", "99ZZ")
SECRET, ANOTHER = b"k" * 32, b"a" * 32
HIERARCHIES = {
    "score": Hierarchy(
        "score",
        (
            ("0 tot 10", "10 tot 20", "20 tot 30", "onbekend"),
            ("0 tot 20", "0 tot 20", "20 tot 30", "onbekend"),
            ("*", "*", "*", "*"),
        ),
    ),
    "niveau": Hierarchy("niveau", (("A", "B", "onbekend"), ("*", "*", "*"))),
    "sekse": Hierarchy("sekse", (("1", "2", "onbekend"), ("*", "*", "*"))),
}
ASKED = project(
    [
        column("score", step=10, result=result("rekenen", "latest")),
        column("niveau", result=result("studie", "highest")),
        column("sekse", attribute="geslacht"),
    ]
)
SENSITIVE = project(
    [
        column("score", step=10, result=result("rekenen", "latest")),
        column(
            "niveau",
            role="sensitive",
            constraint={"largest_value": Decimal("0.8"), "distinct": 2},
            result=result("studie", "highest"),
        ),
        column("sekse", attribute="geslacht"),
    ]
)
"""The same with the level as a sensitive column."""


@dataclass(frozen=True)
class Drawn:
    """Results of a small cohort, who objected, which school is held back, and how the rows are dealt out."""

    results: tuple[Row, ...]
    objectors: frozenset[str]
    held: frozenset[str]
    partitions: int
    shuffled_into: int
    seed: int


@st.composite
def results_of(draw: st.DrawFn, n: int) -> list[Row]:
    """One pupil: some results of some moments, most at one school, some at two, some years ago."""
    home = draw(st.sampled_from(SCHOOLS))
    taken = []
    for _ in range(draw(st.integers(1, 3))):
        domein = draw(st.sampled_from(("rekenen", "studie")))
        taken.append(
            row(
                n,
                domein=domein,
                waarde=draw(st.sampled_from(("3", "12", "25") if domein == "rekenen" else ("A", "B"))),
                brin=draw(st.sampled_from((home, home, home, *SCHOOLS))),
                peildag=draw(st.sampled_from(("2025-01-20", "2025-02-03"))),
                levering=draw(st.sampled_from(("1", "2"))),
                geslacht=draw(st.sampled_from(("1", "2", "-"))),
                schooljaar=draw(st.sampled_from(("2024-2025", "2024-2025", "2024-2025", "2023-2024"))),
            )
        )
    return taken


@st.composite
def cohorts(draw: st.DrawFn) -> Drawn:
    pupils = draw(st.integers(15, 40))
    rows = [one for n in range(pupils) for one in draw(results_of(n))]
    return Drawn(
        tuple(rows),
        frozenset(map(pgn, draw(st.sets(st.integers(0, pupils - 1), max_size=3)))),
        draw(st.sampled_from((frozenset(), frozenset(), frozenset({"99ZZ"})))),
        draw(st.integers(1, 7)),
        draw(st.sampled_from((1, 2, 5))),
        draw(st.integers(0, 99)),
    )


def plain() -> Drawn:
    """Forty pupils of three schools, alike enough to be released; two objected, two have been elsewhere."""
    rows = [row(n, brin=SCHOOLS[n % 3], waarde=("3", "25")[n % 2], geslacht="1") for n in range(40)]
    rows += [row(n, brin=SCHOOLS[n % 3 if n != 6 else 3], domein="studie", waarde="A") for n in range(40)]
    rows += [row(5, brin="99ZZ", waarde="3", peildag="2025-02-03")]
    return Drawn(tuple(rows), frozenset({pgn(1), pgn(2)}), frozenset(), 3, 2, 1)


def lists(drawn: Drawn) -> Objections:
    return Objections(
        barred_numbers={SCOPE_EVERYTHING: drawn.objectors}, withheld_schools={SCOPE_EVERYTHING: drawn.held}
    )


def run(
    results: AcceptedResults,
    drawn: Drawn,
    secret: bytes = SECRET,
    asked: Project = ASKED,
    most: int = 10_000,
    boards: Mapping[str, SchoolBoards] | None = None,
) -> Any:
    """The released rows as a table, or why there are none."""
    told: list[str] = []
    try:
        way = stage_pipeline.run_release_pipeline(
            results,
            pipeline_input(
                asked,
                make_eligibility(lists(drawn), SCHOOLS),
                HIERARCHIES,
                key=ProjectKey(secret),
                schools=SCHOOLS[:3],
                boards=boards or {},
                most_pupils_at_once=most,
            ),
            lambda stage, outcome="": told.append(f"{stage}: {outcome}"),
        )
        found = way.rows.toArrow().to_pylist()
        way.unpersist()
    except NotAnonymous as refusal:
        return refusal.problems
    table = pd.DataFrame(found, columns=[*asked.column_names, PUPIL_CONTROL, SCHOOL_CONTROL, OTHER_SCHOOLS_CONTROL])
    return table.sort_values(PUPIL_CONTROL, ignore_index=True)


def dealt(spark: SparkSession, drawn: Drawn) -> AcceptedResults:
    """The same results in another order, in other partitions."""
    rows = list(drawn.results)
    random.Random(drawn.seed).shuffle(rows)
    return AcceptedResults(frame(spark, rows).repartition(drawn.partitions))


def mac(text: str, secret: bytes = SECRET) -> bytes:
    return hmac.digest(secret, text.encode(), hashlib.sha256)


def selected(drawn: Drawn) -> set[str]:
    """Who has a result that is asked for and no objection: by plain Python."""
    barred = drawn.objectors | {r["pgn"] for r in drawn.results if r["brin"] in drawn.held}
    return {r["pgn"] for r in drawn.results if r["schooljaar"] == "2024-2025"} - barred


BOARDS = st.dictionaries(
    st.sampled_from(SCHOOLS), st.lists(st.sampled_from("12"), min_size=1, max_size=2, unique=True)
).map(lambda drawn: {brin: SchoolBoards(ever[0], frozenset(ever)) for brin, ever in drawn.items()})
OF_TWO = {"10AA": SchoolBoards("1", frozenset("1")), "10AB": SchoolBoards("2", frozenset("2"))}
Boards = Mapping[str, SchoolBoards]
KINDS = [(kind, sensitive) for kind in ("global", "local") for sensitive in (False, True)]


def project_of(kind: str, limit: str, *, sensitive: bool) -> Project:
    recoding = {"kind": kind, "objective": "mean", "suppression_limit": Decimal(limit)}
    columns = (SENSITIVE if sensitive else ASKED).columns
    return project([column.model_dump(exclude_unset=True) for column in columns], recoding=recoding)


@pytest.mark.parametrize(("kind", "sensitive"), KINDS)
@settings(max_examples=-(-settings().max_examples // len(KINDS)))
@given(drawn=cohorts(), boards=BOARDS, limit=st.sampled_from(("0.5", "0.9")))
def test_a_release_depends_on_the_results_alone_and_keeps_its_promises(
    spark: SparkSession, drawn: Drawn, boards: Boards, limit: str, kind: str, sensitive: bool
) -> None:
    released = released_twice(spark, drawn, project_of(kind, limit, sensitive=sensitive), boards)
    event("a release" if released is not None else "no release")


@pytest.mark.parametrize(("kind", "boards"), [("global", {}), ("local", OF_TWO)])
def test_the_plain_cohort_is_released_with_and_without_boards(spark: SparkSession, kind: str, boards: Boards) -> None:
    assert released_twice(spark, plain(), project_of(kind, "0.9", sensitive=False), boards) is not None


def released_twice(spark: SparkSession, drawn: Drawn, asked: Project, boards: Boards) -> pd.DataFrame | None:
    """What is released, the same however the rows are dealt out, and every promise about it; None without a release."""
    once: tuple[str, ...] | pd.DataFrame = run(frame(spark, drawn.results), drawn, asked=asked, boards=boards)
    before = str(spark.conf.get("spark.sql.shuffle.partitions"))
    spark.conf.set("spark.sql.shuffle.partitions", drawn.shuffled_into)
    try:
        again = run(dealt(spark, drawn), drawn, asked=asked, boards=boards)
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", before)
    if isinstance(once, tuple):
        assert again == once
        return None
    if asked.recoding.kind == "global":
        pd.testing.assert_frame_equal(once, again)
    # of pupils who are alike a local recoding may put some in another class: which ones the order of rows decides
    names = asked.column_names
    assert once.groupby(names).size().to_dict() == again.groupby(names).size().to_dict()
    assert once[PUPIL_CONTROL].is_unique
    assert set(once[PUPIL_CONTROL]) <= {mac(f"pgn|{number}") for number in selected(drawn)}
    assert set(once[SCHOOL_CONTROL]) <= {mac(f"brin|{school}") for school in SCHOOLS}
    by = [shown.name for shown in asked.quasi_identifiers]
    own = asked.sensitive_column
    for _, released in once.groupby(by):
        for _, population in released.groupby(released[own.name] != "onbekend" if own else lambda _: True):
            assert_anonymous(population, asked)
            assert_anonymous_for_boards(population, asked, boards)
    return once


def schools_of(released: pd.DataFrame) -> list[set[bytes]]:
    """By pupil the schools that delivered results."""
    controls = zip(released[SCHOOL_CONTROL], released[OTHER_SCHOOLS_CONTROL], strict=True)
    return [{home, *(others if others is not None else ())} for home, others in controls]


def assert_anonymous(released: pd.DataFrame, asked: Project) -> None:
    """One class against the thresholds, counted here."""
    pupils = len(released)
    delivered = pd.Series([school for schools in schools_of(released) for school in schools]).value_counts()
    limits = asked.thresholds
    assert pupils >= limits.k
    assert released[SCHOOL_CONTROL].nunique() >= limits.m
    assert Decimal(int(delivered.max())) <= limits.max_share * pupils
    assert pupils - delivered.max() >= limits.k_others
    own = asked.sensitive_column
    if own is not None and own.constraint is not None and (released[own.name] != "onbekend").all():
        values = released[own.name].value_counts()
        assert Decimal(int(values.max())) <= own.constraint.largest_value * pupils
        assert len(values) >= (own.constraint.distinct or 1)


def assert_anonymous_for_boards(released: pd.DataFrame, asked: Project, boards: Boards) -> None:
    """The same for what every board knows: that of the schools it has or had."""
    ever = {mac(f"brin|{school}"): boards[school].ever if school in boards else {school} for school in SCHOOLS}
    now = {mac(f"brin|{school}"): boards[school].present if school in boards else school for school in SCHOOLS}
    known = [set().union(*(ever[school] for school in schools)) for schools in schools_of(released)]
    most = max(sum(board in of for of in known) for board in set().union(*known))
    assert Decimal(most) <= asked.thresholds.max_share * len(released)
    assert len(released) - most >= asked.thresholds.k_others
    assert released[SCHOOL_CONTROL].map(now).nunique() >= asked.thresholds.m


@pytest.fixture(scope="module")
def released(one_spark: SparkSession) -> pd.DataFrame:
    found = run(frame(one_spark, plain().results), plain())
    assert isinstance(found, pd.DataFrame)
    return found


def test_the_plain_cohort_is_released_without_its_objectors(released: pd.DataFrame) -> None:
    assert len(released) >= 30
    assert not set(released[PUPIL_CONTROL]) & {mac(f"pgn|{pgn(n)}") for n in (1, 2)}
    moved = released.set_index(PUPIL_CONTROL).loc[mac(f"pgn|{pgn(6)}")]
    assert {moved[SCHOOL_CONTROL], *moved[OTHER_SCHOOLS_CONTROL]} == {mac("brin|10AA"), mac("brin|99ZZ")}


def test_two_projects_share_values_but_no_pseudonym(spark: SparkSession, released: pd.DataFrame) -> None:
    other = run(frame(spark, plain().results), plain(), ANOTHER)
    for control in (PUPIL_CONTROL, SCHOOL_CONTROL):
        assert not set(released[control]) & set(other[control])
    names = ASKED.column_names
    counted = [table.groupby(names).size().to_dict() for table in (released, other)]
    assert counted[0] == counted[1]
