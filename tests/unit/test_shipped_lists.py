"""The shipped test catalogue, school list and hierarchies fit the cohorts that are delivered."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import pytest

from cohort.agreements import catalogue as listed_tests
from cohort.agreements import project, project_hierarchies
from cohort.agreements.platform import Platform
from cohort.foundation import declarations
from cohort.foundation.code_lists import CODE_LISTS
from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.model.hierarchy import Hierarchy
from cohorts import catalogue, nlschools, schools

REPO = Path(__file__).parents[2]
Row = dict[str, str]


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source, delimiter=";", quoting=csv.QUOTE_NONE))


def test_the_shipped_lists_cover_both_cohorts() -> None:
    tests = {(t["toetscode"], t["versie"]) for t in _read(REPO / "conf" / "toetsen.csv")}
    assert tests == {(row[0], row[1]) for row in (*catalogue.catalogue_rows(), *nlschools.TESTS)}
    listed = [line["brin"] for line in _read(REPO / "conf" / "scholen.csv")]
    assert sorted(listed) == sorted([*schools.synthetic_brins(300), *schools.class_brins(133)])


SHIPPED = sorted((REPO / "conf" / "hierarchies").glob("*.csv"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_levels_of_a_shipped_hierarchy_are_nested_and_end_in_one_value(path: Path) -> None:
    hierarchy = Hierarchy.from_file(path, path.stem)
    assert set(hierarchy.labels[-1]) == {"*"}
    assert hierarchy.bits < 10


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_label_of_a_band_says_which_numbers_are_in_it(path: Path) -> None:
    """`40 tot 80` stands for exactly the leaves from 40 and below 80 that the file has."""
    hierarchy = Hierarchy.from_file(path, path.stem, with_unknown=False)
    starts = [_start(leaf) for leaf in hierarchy.leaves]
    for row in hierarchy.labels:
        for label, start in zip(row, starts, strict=True):
            if band := re.fullmatch(r"(-?\d+) tot (-?\d+)", label):
                assert start is not None
                assert int(band[1]) <= start < int(band[2])
                numbers_in_band = sum(s is not None and int(band[1]) <= s < int(band[2]) for s in starts)
                assert numbers_in_band == row.count(label)


def _start(leaf: str) -> int | None:
    number = re.match(r"-?\d+(?!,)", leaf)
    return int(number[0]) if number else None


@pytest.mark.parametrize("name", ["leergroei", "nlschools"])
def test_a_shipped_project_has_a_leaf_for_every_accepted_code_and_score(name: str) -> None:
    platform = declarations.read_declaration(REPO / "conf" / "platform.toml", Platform, where="platform.toml")
    shipped = project.load_project(REPO / "conf", name, platform)
    trees = project_hierarchies.load_hierarchies(shipped, REPO / "conf" / "hierarchies")
    assert project_hierarchies.find_uncovered_scores(shipped, trees, listed_tests.load_catalogue(REPO / "conf")) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_hierarchy_has_exactly_the_codes_of_its_list(path: Path) -> None:
    leaves = Hierarchy.from_file(path, path.stem, with_unknown=False).leaves
    assert sorted(leaves) == sorted(CODE_LISTS[path.stem].codes)


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity", "veel"])
def test_an_end_of_a_score_range_that_is_no_number_is_refused(number: str, tmp_path: Path) -> None:
    for file in ("toetsen.csv", "scholen.csv"):
        shutil.copy(REPO / "conf" / file, tmp_path)
    lines = (tmp_path / "toetsen.csv").read_text(encoding="utf-8").splitlines()
    fields = dict(zip(lines[0].split(";"), lines[1].split(";"), strict=True)) | {"max": number}
    (tmp_path / "toetsen.csv").write_text("\n".join([lines[0], ";".join(fields.values()), ""]), encoding="utf-8")
    with pytest.raises(ConfigurationRefused, match=r"min and max as numbers.* in toetsen\.csv line 2"):
        listed_tests.load_catalogue(tmp_path)
