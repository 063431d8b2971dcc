"""The nlschools pupils are delivered completely, and nothing else is written."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from stdnum.nl import bsn, onderwijsnummer

from cohort.foundation.errors import ConfigurationRefused
from cohorts import catalogue, configured_lists, nlschools
from cohorts.synthesise import write_synthetic_cohort

REPO = Path(__file__).parents[2]
TODAY = date(2026, 11, 23)
Row = dict[str, str]


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source, delimiter=";", quoting=csv.QUOTE_NONE))


def _is_pupil_number(number: str) -> bool:
    return bool(bsn.is_valid(number) or onderwijsnummer.is_valid(number))


def _make(folder: Path, count: int) -> None:
    write_synthetic_cohort(folder / "root", folder / "conf", count=count, school_count=None, seed=1, today=TODAY)


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """nlschools delivered by a process of its own, with an empty home."""
    folder = tmp_path_factory.mktemp("nlschools")
    (folder / "home").mkdir()
    path = os.pathsep.join(str(REPO / part) for part in ("scripts", "lib"))
    process = subprocess.run(
        [sys.executable, "-m", "cohorts.nlschools", "--root", "root", "--config", "conf"],
        cwd=folder,
        env={**os.environ, "HOME": str(folder / "home"), "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return folder, process.stdout


def test_nlschools_has_all_pupils_and_classes_under_valid_numbers(delivered: tuple[Path, str]) -> None:
    folder, output = delivered
    files = [_read(path) for path in sorted((folder / "root" / "deliveries").glob("*.csv"))]
    rows = [row for file in files for row in file]
    assert len(files) == 133
    assert len(rows) == 2 * 2287
    assert len({row["pgn"] for row in rows}) == 2287
    assert all(_is_pupil_number(row["pgn"]) for row in rows)
    assert all(len({row["brin"] for row in file}) == 1 for file in files)
    assert all(len(file) <= 2 * int(file[0]["groepsgrootte"]) for file in files)
    assert '"pupils": 2287' in output
    assert '"classes": 133' in output
    assert "made-up" in output


def test_nlschools_values_are_those_of_the_package(delivered: tuple[Path, str]) -> None:
    deliveries = (delivered[0] / "root" / "deliveries").glob("*.csv")
    rows = [row for path in deliveries for row in _read(path)]
    source = nlschools.read_nlschools()
    for test, column in (("NLS-TAAL", "lang"), ("NLS-IQ", "IQ")):
        delivered_values = Counter(
            (row["vaardigheidsscore"].replace(",", "."), row["ses"], row["combinatiegroep"])
            for row in rows
            if row["toetscode"] == test
        )
        assert delivered_values == Counter((pupil[column], pupil["SES"], pupil["COMB"]) for pupil in source)


def test_nlschools_scores_are_on_their_scales(delivered: tuple[Path, str]) -> None:
    folder, _ = delivered
    tests = {test["toetscode"]: test for test in _read(folder / "conf" / "toetsen.csv")}
    assert {code: test["bijzonder"] for code, test in tests.items()} == {"NLS-TAAL": "nee", "NLS-IQ": "ja"}
    for path in (folder / "root" / "deliveries").glob("*.csv"):
        for row in _read(path):
            score = float(row["vaardigheidsscore"].replace(",", "."))
            assert score <= float(tests[row["toetscode"]]["max"])


def test_nothing_is_written_into_the_home(delivered: tuple[Path, str]) -> None:
    folder, _ = delivered
    assert sorted(path.name for path in folder.iterdir()) == ["conf", "home", "root"]
    assert list((folder / "home").iterdir()) == []


def test_two_cohorts_share_one_configuration(tmp_path: Path) -> None:
    nlschools.deliver_nlschools(tmp_path / "root", tmp_path / "conf", TODAY)
    _make(tmp_path, 400)
    nlschools.deliver_nlschools(tmp_path / "other", tmp_path / "conf", TODAY)
    listed = _read(tmp_path / "conf" / "scholen.csv")
    assert len(listed) == len({line["brin"] for line in listed}) == 2 + 133
    assert len(_read(tmp_path / "conf" / "toetsen.csv")) == len(catalogue.catalogue_rows()) + 2


def test_a_smaller_cohort_takes_the_schools_of_a_larger_one_off_the_list(tmp_path: Path) -> None:
    for name, count in (("large", 2_000), ("small", 400)):
        write_synthetic_cohort(tmp_path / name, tmp_path / "conf", count=count, school_count=None, seed=1, today=TODAY)
    assert len(_read(tmp_path / "conf" / "scholen.csv")) == 2


def test_a_list_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "toetsen.csv").write_text("iets;anders\n", encoding="utf-8")
    with pytest.raises(ConfigurationRefused, match="a list with the header"):
        configured_lists.replace_rows(tmp_path / "toetsen.csv", catalogue.CATALOGUE_HEADER, catalogue.catalogue_rows())
