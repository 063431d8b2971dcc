"""Bands declared in a project file: their leaves and levels, the refusals, and the same bands in the verifier."""

from __future__ import annotations

import copy
import datetime as dt
import re
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.unit.drawn_project import BASELINE, GEBOREN, GESLACHT, NIVEAU, REKENEN, Break, load_problems, set_key
from tests.unit.drawn_results import column, frame, result, row

from cohort.agreements import catalogue, project_hierarchies
from cohort.agreements.catalogue import Catalogue
from cohort.agreements.declared_columns import DeclaredColumn
from cohort.agreements.project import Project
from cohort.anonymisation import leaf_encoding
from cohort.data_states.schemas import UNLISTED_LEAF
from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.verification import leaf_derivation
from cohort.verification.hierarchy_reader import declared_band_paths, read_hierarchy_paths

Toml = dict[str, Any]
BANDS: Toml = {"from": 0, "to": 60, "step": 20, "widths": [40]}
YEARS: Toml = {"from": 2012, "to": 2015, "step": 1, "widths": [2]}


def score(**bands: object) -> DeclaredColumn:
    declaration = column("rekenen", result=result("rekenen", "latest"), bands={**BANDS, **bands})
    return DeclaredColumn.model_validate({name: value for name, value in declaration.items() if name != "hierarchy"})


def levelled(edges: list[list[int]], **bands: object) -> DeclaredColumn:
    """The bands of `score` with the edges of each level instead of widths."""
    declared = {name: value for name, value in BANDS.items() if name != "widths"} | {"edges": edges, **bands}
    declaration = column("rekenen", result=result("rekenen", "latest"), bands=declared)
    return DeclaredColumn.model_validate({name: value for name, value in declaration.items() if name != "hierarchy"})


def born(by: str, **bands: object) -> DeclaredColumn:
    declaration = column("geboren", attribute="geboortedatum", born=by, bands={**YEARS, **bands})
    return DeclaredColumn.model_validate({name: value for name, value in declaration.items() if name != "hierarchy"})


def tree(column: DeclaredColumn) -> Hierarchy:
    return project_hierarchies.load_hierarchy(column, Path("nowhere"))


def drawn(column: DeclaredColumn) -> str:
    return "\n".join(";".join(row) for row in zip(*tree(column).labels, strict=True))


def table(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


DRAWN = {
    "closed at both ends": (
        score(),
        """
        0 tot 20;0 tot 40;*
        20 tot 40;0 tot 40;*
        40 tot 60;40 tot 60;*
        onbekend;onbekend;*
    """,
    ),
    "open at both ends": (
        score(below=True, above=True),
        """
        tot 0;tot 0;*
        0 tot 20;0 tot 40;*
        20 tot 40;0 tot 40;*
        40 tot 60;40 en hoger;*
        60 en hoger;40 en hoger;*
        onbekend;onbekend;*
    """,
    ),
    "beginning inside a wider band": (
        score(**{"from": 20}, below=True),
        """
        tot 20;tot 40;*
        20 tot 40;tot 40;*
        40 tot 60;40 tot 60;*
        onbekend;onbekend;*
    """,
    ),
    "below nothing": (
        score(**{"from": -40, "to": 0}, widths=[]),
        """
        -40 tot -20;*
        -20 tot 0;*
        onbekend;*
    """,
    ),
    "with the edges of each level": (
        levelled([[0, 20], [20]], below=True, above=True),
        """
        tot 0;tot 0;tot 20;*
        0 tot 20;0 tot 20;tot 20;*
        20 tot 40;20 en hoger;20 en hoger;*
        40 tot 60;20 en hoger;20 en hoger;*
        60 en hoger;20 en hoger;20 en hoger;*
        onbekend;onbekend;onbekend;*
    """,
    ),
    "years": (
        born("year", above=True),
        """
        2012;2012 tot 2014;*
        2013;2012 tot 2014;*
        2014;2014 en hoger;*
        2015 en hoger;2014 en hoger;*
        onbekend;onbekend;*
    """,
    ),
    "cohorts": (
        born("cohort", **{"from": 2098, "to": 2101}, below=True),
        """
        tot 2098/99;tot 2098/99;*
        2098/99;2098/99 tot 2100/01;*
        2099/00;2098/99 tot 2100/01;*
        2100/01;2100/01;*
        onbekend;onbekend;*
    """,
    ),
    "quarters": (
        born("quarter", to=2014, widths=[1], above=True),
        """
        2012-K1;2012;*
        2012-K2;2012;*
        2012-K3;2012;*
        2012-K4;2012;*
        2013-K1;2013;*
        2013-K2;2013;*
        2013-K3;2013;*
        2013-K4;2013;*
        2014 en hoger;2014 en hoger;*
        onbekend;onbekend;*
    """,
    ),
}


@pytest.mark.parametrize(("declared", "text"), DRAWN.values(), ids=DRAWN.keys())
def test_declared_bands_make_the_labels_of_a_hierarchy_file(declared: DeclaredColumn, text: str) -> None:
    assert drawn(declared) == table(text)
    assert "\n".join(";".join(row) for row in declared_band_paths(declared).paths) == table(text)


@settings(deadline=None)
@given(
    step=st.integers(1, 25),
    first=st.integers(-20, 20),
    count=st.integers(2, 40),
    factors=st.lists(st.integers(2, 4), max_size=3),
    below=st.booleans(),
    above=st.booleans(),
    by=st.sampled_from([None, "year", "cohort", "quarter"]),
)
def test_the_engine_and_the_verifier_make_the_same_bands(
    step: int, first: int, count: int, factors: list[int], below: bool, above: bool, by: str | None
) -> None:
    width, widths = 1 if by else step, list[int]()
    for factor in factors:
        widths.append((widths[-1] if widths else width) * factor)
    begin = (first + (2000 if by else 0)) * width
    bands = {"from": begin, "to": begin + count * width, "step": width, "widths": widths}
    declared = (born(by, **bands) if by else score(**bands)).model_copy(
        update={"bands": (score(**bands, below=below, above=above)).bands}
    )
    try:
        labels = tree(declared).labels
    except ConfigurationRefused:  # a width that leaves a single band
        return
    assert declared_band_paths(declared).paths == tuple(zip(*labels, strict=True))
    for finer, wider in pairwise(labels):
        assert len(set(zip(finer, wider, strict=True))) == len(set(finer))


@settings(deadline=None)
@given(data=st.data(), step=st.integers(1, 25), count=st.integers(3, 40), below=st.booleans(), above=st.booleans())
def test_the_engine_and_the_verifier_join_bands_between_the_same_edges(
    data: st.DataObject, step: int, count: int, below: bool, above: bool
) -> None:
    inner = [n * step for n in range(0 if below else 1, count + 1 if above else count)]
    levels = list[list[int]]()
    while inner and len(levels) < 3:
        inner = sorted(data.draw(st.sets(st.sampled_from(inner), min_size=1)))
        levels.append(inner)
    declared = levelled(levels, **{"from": 0, "to": count * step, "step": step, "below": below, "above": above})
    labels = tree(declared).labels
    assert declared_band_paths(declared).paths == tuple(zip(*labels, strict=True))
    assert [len(set(level)) for level in labels[1:-1]] == [len(edges) + 2 for edges in levels], "onbekend is one more"


def edges(*levels: list[int]) -> Toml:
    """What replaces widths in `BANDS`."""
    return {"widths": None, "edges": list(levels)}


REFUSED: dict[str, tuple[Break, str]] = {
    "bands and a file": (set_key(f"columns.{REKENEN}.bands", BANDS), "a hierarchy or bands, .* found both"),
    "neither": (lambda d: d["columns"][GESLACHT].pop("hierarchy"), "a hierarchy or bands, .* found neither"),
    "a step beside them": (
        lambda d: (d["columns"][REKENEN].pop("hierarchy"), set_key(f"columns.{REKENEN}.bands", BANDS)(d)),
        "declared bands have it among them",
    ),
    "of a code": (
        lambda d: d["columns"].__setitem__(NIVEAU, changed(d["columns"][NIVEAU], BANDS)),
        "bands for numbers and years alone",
    ),
    "a wide step of an attribute": (
        lambda d: d["columns"].__setitem__(GEBOREN, changed(d["columns"][GEBOREN], {**BANDS, "widths": []})),
        "step = 1 in the bands of an attribute",
    ),
}
WRONG = {
    "nothing to hold": ({"to": 0}, "from a multiple of the step to a higher one"),
    "turned round": ({"from": 80}, "from a multiple of the step to a higher one"),
    "beginning elsewhere": ({"from": 10}, "from a multiple of the step to a higher one"),
    "ending elsewhere": ({"to": 70}, "from a multiple of the step to a higher one"),
    "a width that cuts a band": ({"widths": [30]}, "widths that are multiples of the step"),
    "a width that cuts a wider band": ({"widths": [40, 60]}, "widths that are multiples of the step"),
    "widths that fall": ({"widths": [80, 40]}, "widths that are multiples of the step"),
    "the step as a width": ({"widths": [20]}, "widths greater than the step"),
    "too many": ({"to": 1_000_000, "step": 1, "widths": []}, "at most 10,000 bands"),
    "an unknown key": ({"form": 0}, "for example from; found the unknown key"),
    "no widths": ({"widths": None}, "a valid columns.1.bands.widths"),
    "edges beside widths": ({"edges": [[20]]}, "either widths or edges"),
    "edges that cut a band": (edges([30]), "each a multiple of the step"),
    "edges that fall": (edges([40, 20]), "edges in ascending order"),
    "an edge twice": (edges([20, 20]), "edges in ascending order"),
    "no edges of a level": (edges([]), "edges in ascending order"),
    "an edge at a closed end": (edges([0, 20]), "between from and to"),
    "an edge that the level below lacks": (edges([20], [40]), "one of the level below"),
}


def changed(declared: Toml, bands: Toml) -> Toml:
    return {k: v for k, v in declared.items() if k not in ("hierarchy", "step")} | {"bands": bands}


@pytest.mark.parametrize(("change", "wording"), REFUSED.values(), ids=REFUSED.keys())
def test_a_column_with_bands_that_do_not_fit_is_refused(tmp_path: Path, change: Break, wording: str) -> None:
    assert any(re.search(wording, one) for one in load_problems(tmp_path, change))


@pytest.mark.parametrize(("bands", "wording"), WRONG.values(), ids=WRONG.keys())
def test_incoherent_bands_are_refused(tmp_path: Path, bands: Toml, wording: str) -> None:
    declaration = {k: v for k, v in {**BANDS, **bands}.items() if v is not None}
    declaration |= {} if bands.get("widths", []) is not None or "edges" in bands else {"widths": "x"}

    def change(declared: Toml) -> None:
        declared["columns"][REKENEN] = changed(declared["columns"][REKENEN], declaration)

    problems = load_problems(tmp_path, change)
    assert any(wording in one for one in problems), problems


def test_a_level_with_one_band_is_refused() -> None:
    with pytest.raises(ConfigurationRefused, match="to leave at least two bands"):
        tree(score(widths=[80]))


def project(**columns: DeclaredColumn) -> Project:
    declared = copy.deepcopy(BASELINE)
    declared["population"] = {"schooljaar": ["2024-2025"], "jaargroep": ["7"]}
    base = Project.model_validate(declared)
    return base.model_copy(update={"columns": list(columns.values())})


def listed(low: int, high: int) -> Catalogue:
    one = catalogue.CatalogueTest("T", "1", "rekenen", "M", None, "S", Decimal(low), Decimal(high), False)
    return Catalogue((one,), frozenset({"10AA"}))


@pytest.mark.parametrize(
    ("low", "high", "bands", "reported"),
    [
        (0, 59, {}, False),
        (0, 60, {}, True),
        (-1, 59, {}, True),
        (0, 60, {"above": True}, False),
        (-9, 900, {"above": True}, True),
        (-9, 900, {"above": True, "below": True}, False),
    ],
)
def test_bands_that_do_not_cover_every_accepted_score_are_reported(
    low: int, high: int, bands: Toml, reported: bool
) -> None:
    own = project(rekenen=score(**bands))
    problems = project_hierarchies.find_uncovered_scores(own, {"rekenen": tree(own.columns[0])}, listed(low, high))
    assert bool(problems) is reported


MISSING = {
    "a code": ("geslacht", "1;*\n2;*\n0;*\n", "none for `9` in hierarchies/geslacht.csv"),
    "several": ("geslacht", "1;*\n2;*\n", "none for `0`, `9`"),
    "another spelling": ("gewicht", "0;*\n0.3;*\n1,2;*\n", "Write `0,3` where it has `0.3`"),
    "a word for a code": ("combinatiegroep", "ja;*\nnee;*\n", "`0` where it has `nee`, `1`"),
    "blanks": ("thuistaal", "nl ;*\nfy;*\ndialect;*\noverig;*\n", "Write `nl` where it has `nl `"),
    "leading zeros": ("ses", "".join(f"{n:02d};*\n" for n in range(100)), "`0` where it has `00`"),
    "many": ("postcode4", "1017;*\n", r"`1000`, .* and 8,987 more"),
}


@pytest.mark.parametrize(("name", "text", "wording"), MISSING.values(), ids=MISSING.keys())
def test_a_hierarchy_without_a_leaf_for_an_accepted_code_is_refused(
    tmp_path: Path, name: str, text: str, wording: str
) -> None:
    (tmp_path / f"{name}.csv").write_text(text)
    own = project(one=DeclaredColumn.model_validate(column(name, attribute=name)))
    with pytest.raises(ConfigurationRefused, match=wording):
        project_hierarchies.load_hierarchies(own, tmp_path)


def test_only_the_year_groups_of_the_population_need_a_leaf(tmp_path: Path) -> None:
    (tmp_path / "jaargroep.csv").write_text("7;*\n")
    own = project(one=DeclaredColumn.model_validate(column("jaargroep", attribute="jaargroep")))
    assert project_hierarchies.load_hierarchies(own, tmp_path)["jaargroep"].leaves == ("7", "onbekend")


def test_a_code_outside_declared_bands_is_refused(tmp_path: Path) -> None:
    declaration = column("ses", attribute="ses", bands={"from": 10, "to": 51, "step": 1, "widths": [5]})
    own = project(one=DeclaredColumn.model_validate({k: v for k, v in declaration.items() if k != "hierarchy"}))
    with pytest.raises(ConfigurationRefused, match=r"none for `0`, .* Widen the bands, or open their ends"):
        project_hierarchies.load_hierarchies(own, tmp_path)


POINTS = [-4000, -1, 0, 1999, 2000, 5999, 6000, 99999, None]
PLACED = {
    "closed": ({}, [None, None, "0 tot 20", "0 tot 20", "20 tot 40", "40 tot 60", None, None, "onbekend"]),
    "open": (
        {"below": True, "above": True},
        ["tot 0", "tot 0", "0 tot 20", "0 tot 20", "20 tot 40", "40 tot 60", "60 en hoger", "60 en hoger", "onbekend"],
    ),
}


@pytest.mark.parametrize(("bands", "labels"), PLACED.values(), ids=PLACED.keys())
def test_a_score_gets_the_same_declared_band_as_in_the_verifier(
    spark: SparkSession, bands: Toml, labels: list[str | None]
) -> None:
    own = score(**bands)
    points = spark.createDataFrame([(p,) for p in POINTS], "p int")
    hierarchy, slots = tree(own), {own.results[0]: F.col("p")}
    rows = points.select(
        leaf_encoding.band_points(F.col("p"), 100, own, hierarchy).alias("leaf"),
        leaf_derivation.score_label(own, slots).alias("x"),
    ).collect()
    of = {UNLISTED_LEAF: None} | dict(enumerate(hierarchy.leaves))
    assert [of[encoded.leaf] for encoded in rows] == labels
    leaves = declared_band_paths(own).leaves
    assert [encoded.x if encoded.x in leaves else None for encoded in rows[:-1]] == labels[:-1]


BORN = ["2011-12-31", "2012-01-01", "2012-08-01", "2014-07-31", "2014-08-01", "2015-09-01", "-"]


@pytest.mark.parametrize("by", ["year", "cohort", "quarter"])
@pytest.mark.parametrize("ends", [{}, {"below": True, "above": True}], ids=["closed", "open"])
def test_a_date_of_birth_gets_the_same_declared_band_as_in_the_verifier(
    spark: SparkSession, by: str, ends: Toml
) -> None:
    own = born(by, **ends)
    rows = frame(spark, [row(n, geboortedatum=date) for n, date in enumerate(BORN, start=1)])
    hierarchy, ladder = tree(own), declared_band_paths(own)
    encoded = rows.select(
        "geboortedatum",
        leaf_encoding.encode_attribute(own, hierarchy).alias("leaf"),
        leaf_derivation.attribute_label(own).alias("x"),
    ).collect()
    for one in encoded:
        if one.geboortedatum is None:
            assert (one.leaf, one.x) == (leaf_encoding.NULL_LEAF, None)
        else:
            place = ladder.leaf_positions.get(one.x, leaf_encoding.UNLISTED_ATTRIBUTE)
            assert one.leaf == place, (by, one.geboortedatum, one.x)
            assert (place == leaf_encoding.UNLISTED_ATTRIBUTE) <= (not ends)
    assert any(
        one.leaf != leaf_encoding.UNLISTED_ATTRIBUTE for one in encoded if one.geboortedatum == dt.date(2014, 7, 31)
    )


def test_the_verifier_makes_the_paths_of_declared_bands_without_a_file(tmp_path: Path) -> None:
    own = project(rekenen=score(above=True))
    assert read_hierarchy_paths(own, tmp_path)["rekenen"].paths[-2] == ("60 en hoger", "40 en hoger", "*")


@pytest.mark.parametrize(
    ("levels", "refused"),
    [
        ({"highest_level": 2}, False),
        ({"highest_level": 3}, True),
        ({"lowest_level": 3}, True),
        ({"lowest_level": 2, "highest_level": 1}, True),
    ],
)
def test_levels_that_the_bands_do_not_have_are_refused(tmp_path: Path, levels: Toml, refused: bool) -> None:
    own = project(rekenen=score().model_copy(update=levels))
    if refused:
        with pytest.raises(ConfigurationRefused, match="levels from 0 to 2, the lowest not above the highest"):
            project_hierarchies.load_hierarchies(own, tmp_path)
    else:
        assert project_hierarchies.load_hierarchies(own, tmp_path)["rekenen"].height == 3
