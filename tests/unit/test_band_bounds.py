"""Bounds of bands, released as whole numbers: read from the label, and checked by the verifier from the bands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from tests.unit import drawn_release as drawn
from tests.unit.drawn_project import BASELINE, GEBOREN, GESLACHT, REKENEN, Break, load_problems, write_project_file
from tests.unit.drawn_project import make_platform as shipped_platform
from tests.unit.drawn_pupils import RELEASED, generalise_cohort, make_project, make_sensitive_project
from tests.unit.drawn_release import Row, Stage, subject
from tests.unit.drawn_results import column, result

from cohort import delta
from cohort.agreements import project as projects
from cohort.agreements import project_hierarchies
from cohort.agreements.declared_columns import DeclaredColumn
from cohort.agreements.project import Project
from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc import LabelBounds, list_band_bounds, parse_band_label
from cohort.verification.band_bound_check import bounds_by_label
from cohort.verification.stage_verification import verify_stage
from cohort.verification.verification_subject import VerificationSubject

BANDS = {"from": 0, "to": 60, "step": 20, "widths": [40]}


@pytest.mark.parametrize(
    ("label", "lower", "upper"),
    [
        ("20 tot 40", 20, 40),
        ("-40 tot -20", -40, -20),
        ("-20 tot 0", -20, 0),
        ("7", 7, 8),
        ("-1", -1, 0),
        ("tot 0", None, 0),
        ("tot -100", None, -100),
        ("300 en hoger", 300, None),
        ("2013/14", 2013, 2014),
        ("2098/99 tot 2100/01", 2098, 2100),
        ("*", None, None),
        ("onbekend", None, None),
    ],
)
def test_the_bounds_of_a_label(label: str, lower: int | None, upper: int | None) -> None:
    assert parse_band_label(label) == LabelBounds(lower, upper)


@pytest.mark.parametrize("label", ["", "geen", "5-6", "2012-K1", "20 tot", "0,3", "20  tot 40", "1 tot 2 tot 3"])
def test_a_label_of_no_band_has_no_bounds(label: str) -> None:
    assert parse_band_label(label) is None
    with pytest.raises(ValueError, match="not one of a band"):
        list_band_bounds(["*", label])


def typed_score(name: str = "rekenen", **bands: object) -> DeclaredColumn:
    declaration = column(name, result=result("rekenen", "latest"), bands={**BANDS, **bands}, typed=True)
    return DeclaredColumn.model_validate({key: value for key, value in declaration.items() if key != "hierarchy"})


@settings(deadline=None)
@given(
    step=st.integers(1, 25),
    first=st.integers(-20, 20),
    count=st.integers(2, 40),
    factors=st.lists(st.integers(2, 4), max_size=3),
    below=st.booleans(),
    above=st.booleans(),
    by=st.sampled_from([None, "year", "cohort"]),
)
def test_the_verifier_has_the_bounds_of_every_label_of_the_engine(
    step: int, first: int, count: int, factors: list[int], below: bool, above: bool, by: str | None
) -> None:
    width, widths = 1 if by else step, list[int]()
    for factor in factors:
        widths.append((widths[-1] if widths else width) * factor)
    begin = (first + (2000 if by else 0)) * width
    bands = {"from": begin, "to": begin + count * width, "step": width, "widths": widths}
    own = typed_score(**bands, below=below, above=above).model_copy(update={"born": by})
    try:
        levels = project_hierarchies.load_hierarchy(own, Path("nowhere")).labels
    except ConfigurationRefused:  # a width that leaves a single band
        return
    labels = sorted({label for level in levels for label in level})
    read = zip(*list_band_bounds(labels), strict=True)
    required = bounds_by_label(own)
    texts = [tuple(None if bound is None else str(bound) for bound in bounds) for bounds in read]
    assert texts == [required.get(label, (None, None)) for label in labels]
    assert required.keys() == {*labels} - {"*", "onbekend"}


def with_bands(place: int, **more: object) -> Break:
    def change(declared: dict[str, Any]) -> None:
        own = {key: value for key, value in declared["columns"][place].items() if key not in ("hierarchy", "step")}
        declared["columns"][place] = own | {"bands": BANDS, **more}

    return change


def named_like_a_bound(declared: dict[str, Any]) -> None:
    with_bands(REKENEN, typed=True)(declared)
    declared["columns"].append({**declared["columns"][GESLACHT], "name": "Rekenen_m_VAN".replace("R", "r")})


YEARS = {"from": 2012, "to": 2015, "step": 1, "widths": [2]}


@pytest.mark.parametrize(
    ("change", "wording"),
    [
        (lambda d: d["columns"][REKENEN].update(typed=True), "declared bands of numbers or years alone"),
        (lambda d: d["columns"][GESLACHT].update(typed=True), "declared bands of numbers or years alone"),
        (with_bands(GEBOREN, bands=YEARS, born="quarter", typed=True), "declared bands of numbers or years alone"),
        (named_like_a_bound, "every column once"),
    ],
    ids=["a hierarchy file", "a code", "quarters", "the name of a bound"],
)
def test_what_has_no_bounds_cannot_be_typed(tmp_path: Path, change: Break, wording: str) -> None:
    assert any(wording in problem for problem in load_problems(tmp_path, change))


def test_a_typed_column_is_followed_by_its_bounds(tmp_path: Path) -> None:
    declared = {**BASELINE, "columns": list(BASELINE["columns"])}
    with_bands(REKENEN, typed=True)(declared)
    write_project_file(tmp_path, declared)
    loaded = projects.load_project(tmp_path, "proef", shipped_platform())
    assert loaded.released_names[:5] == ["geslacht", "rekenen_M", "rekenen_M_van", "rekenen_M_tot", "groei"]
    assert loaded.bound_names == ["rekenen_M_van", "rekenen_M_tot"]
    assert loaded.row_order == loaded.column_names == ["geslacht", "rekenen_M", "groei", "geboren", "niveau"]


def typed(declared: Project, name: str) -> Project:
    """The same project with one column typed, whose labels are those of its drawn hierarchy."""
    columns = [
        c.model_copy(update={"typed": True, "hierarchy": None}) if c.name == name else c for c in declared.columns
    ]
    return declared.model_copy(update={"columns": columns})


@pytest.mark.parametrize("kind", ["global", "local"])
def test_pupils_get_the_bounds_of_the_label_that_they_show(spark: SparkSession, kind: str) -> None:
    declared = typed(make_project(), "score")
    recoding = declared.recoding.model_copy(update={"kind": kind, "objective": "mean"})
    _, _, rows = generalise_cohort(spark, declared.model_copy(update={"recoding": recoding}), files=1)
    assert list(rows[0])[:4] == ["score", "score_van", "score_tot", "sekse"]
    shown = {(row["score"], row["score_van"], row["score_tot"]) for row in rows}
    assert shown == {(label, *(b[0] for b in list_band_bounds([label]))) for label, *_ in shown}
    assert len(shown) > 1
    if kind == "global":
        assert Counter((row["score"], row["sekse"]) for row in rows) == RELEASED


def test_a_sensitive_value_has_the_bounds_of_its_label(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = typed(make_sensitive_project(), "advies")
    leaves = ("10", "tot 0", "20 en hoger", "onbekend")
    changed = [drawn_hierarchy("advies", leaves)]
    monkeypatch.setattr("tests.unit.drawn_pupils.ADVIES", changed[0])
    _, _, rows = generalise_cohort(spark, declared, files=1, advies=lambda n, *_: n % 4)
    shown = {row["advies"]: (row["advies_van"], row["advies_tot"]) for row in rows}
    of_leaves = {"10": (10, 11), "tot 0": (None, 0), "20 en hoger": (20, None), "onbekend": (None, None)}
    assert shown == {label: of_leaves[label] for label in shown}
    assert "10" in shown


def drawn_hierarchy(name: str, leaves: tuple[str, ...]) -> Any:
    from cohort.sdc.model.hierarchy import Hierarchy

    return Hierarchy(name, (leaves, ("a", "a", "b", "onbekend")))


# The verifier, on the drawn stage: its score column declared by bands and typed.
TYPED_COLUMNS = ["rekenen_M", "rekenen_M_van", "rekenen_M_tot", *drawn.COLUMNS[1:]]
TYPED = ("rekenen_M_van", "rekenen_M_tot")


def typed_project() -> Project:
    first, *others = drawn.project().model_dump(by_alias=True, exclude_unset=True)["columns"]
    bands = {"from": 0, "to": 80, "step": 20, "widths": [40]}
    own = {key: value for key, value in first.items() if key not in ("hierarchy", "step")}
    return drawn.project(columns=[own | {"bands": bands, "typed": True}, *others])


def typed_subject(
    folder: Path, results_at: Path, edit: Callable[[list[Row]], None] = lambda _: None, **stage: Any
) -> VerificationSubject:
    rows = [row | {"rekenen_M_van": 0, "rekenen_M_tot": 40} for row in map(drawn.released, range(60))]
    edit(rows)
    shape = {"columns": TYPED_COLUMNS, "bounds": TYPED, "sort": True, **stage}
    return subject(folder, results_at, Stage(rows=rows, **shape), project=typed_project())


@pytest.fixture(scope="module")
def results_at(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn.write_results(one_spark, tmp_path_factory.mktemp("restricted") / "results")


def test_a_stage_with_bounds_has_no_finding_and_one_checksum(
    spark: SparkSession, tmp_path: Path, results_at: Path
) -> None:
    own = typed_subject(tmp_path, results_at)
    verified = verify_stage(spark, own, deep=True)
    assert verified.findings == ()
    shown = delta.read_table(spark, own.table).select(*TYPED_COLUMNS)
    assert verified.checksum == delta.checksum_rows(shown)
    assert verified.measures["smallest_class"] == 30


def put(place: int, **cells: object) -> Callable[[list[Row]], None]:
    return lambda rows: rows[place].update(cells)


def tell_pupils_apart(rows: list[Row]) -> None:
    """What somebody could hide beside the labels: a number of its own for every pupil."""
    for number, row in enumerate(rows):
        row["rekenen_M_van"] = number


@pytest.mark.parametrize(
    "edit",
    [
        put(7, rekenen_M_van=20),
        put(7, rekenen_M_tot=39),
        put(7, rekenen_M_tot=None),
        put(7, rekenen_M_van=None, rekenen_M_tot=None),
        tell_pupils_apart,
        lambda rows: [row.update(rekenen_M="*") for row in rows],
    ],
    ids=["a higher lower bound", "a lower upper bound", "no upper bound", "no bounds", "a number each", "bounds of *"],
)
def test_bounds_that_are_not_those_of_the_label_are_found(
    spark: SparkSession, tmp_path: Path, results_at: Path, edit: Callable[[list[Row]], None]
) -> None:
    findings = verify_stage(spark, typed_subject(tmp_path, results_at, edit)).findings
    assert [(finding.code, finding.count) for finding in findings] == [("BOUNDS", 1)]
    assert "(rekenen_M)" in findings[0].sentence


@pytest.mark.parametrize(
    "stage",
    [{"columns": drawn.COLUMNS, "bounds": ()}, {"columns": [*drawn.COLUMNS, *TYPED]}],
    ids=["no bounds", "bounds elsewhere"],
)
def test_a_stage_without_the_agreed_bounds_in_their_places_is_found(
    spark: SparkSession, tmp_path: Path, results_at: Path, stage: dict[str, Any]
) -> None:
    assert verify_stage(spark, typed_subject(tmp_path, results_at, **stage)).codes == {"SCHEMA"}
