"""The synthetic cohort agrees with its record, line by line."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stdnum.nl import bsn, onderwijsnummer

from cohort.foundation.errors import UsageRefused
from cohorts.delivery_files import DELIVERY_COLUMNS
from cohorts.synthesise import write_synthetic_cohort

REPO = Path(__file__).parents[2]
TODAY = date(2026, 11, 23)
Row = dict[str, str]


@dataclass(frozen=True)
class Cohort:
    root: Path
    config: Path
    record: dict[str, Any]

    def files(self) -> dict[str, list[Row]]:
        return {path.name: _read(path) for path in sorted(self.root.glob("deliveries/*.csv"))}


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source, delimiter=";", quoting=csv.QUOTE_NONE))


def _make(folder: Path, *, count: int = 4000, seed: int = 1) -> Cohort:
    root, config = folder / "root", folder / "conf"
    record = write_synthetic_cohort(root, config, count=count, school_count=None, seed=seed, today=TODAY)
    return Cohort(root, config, record)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return _make(tmp_path_factory.mktemp("cohort"))


@pytest.fixture(scope="module")
def files(cohort: Cohort) -> dict[str, list[Row]]:
    return cohort.files()


def _is_pupil_number(number: str) -> bool:
    return bool(bsn.is_valid(number) or onderwijsnummer.is_valid(number))


def _wrong(row: Row, tests: dict[str, Row]) -> list[str]:
    """The errors of a line, by an independent reading of the rules."""
    errors = []
    number = row["pgn"].zfill(9)
    if number == "000000000":
        errors.append("PGN_FILLER")
    elif not _is_pupil_number(number):
        errors.append("PGN_INVALID")
    test = tests.get(row["toetscode"])
    if test is None or test["versie"] != row["toetsversie"]:
        errors.append("TEST_UNKNOWN")
    if not re.fullmatch(r"\d+(,\d)?", row["vaardigheidsscore"]):
        errors.append("SCORE_NOT_A_NUMBER")
    elif test is not None:
        score = float(row["vaardigheidsscore"].replace(",", "."))
        if not float(test["min"]) <= score <= float(test["max"]):
            errors.append("SCORE_OUT_OF_RANGE")
    first, last = row["schooljaar"].split("-")
    if not f"{first}-08-01" <= row["afnamedatum"] <= f"{last}-07-31":
        errors.append("DATE_OUTSIDE_YEAR")
    return errors


@pytest.fixture(scope="module")
def read(cohort: Cohort, files: dict[str, list[Row]]) -> list[tuple[str, Row, list[str]]]:
    """Every line: its file, itself with the number padded, and what is wrong with it."""
    tests = {test["toetscode"]: test for test in _read(cohort.config / "toetsen.csv")}
    lines = []
    for name, rows in files.items():
        seen = set()
        for row in rows:
            wrong = _wrong(row, tests)
            if tuple(row[c] for c in DELIVERY_COLUMNS) in seen:
                wrong.append("DUPLICATE")
            seen.add(tuple(row[c] for c in DELIVERY_COLUMNS))
            mended = {"padded": "yes"} if len(row["pgn"]) == 8 else {}
            lines.append((name, {**row, "pgn": row["pgn"].zfill(9), **mended}, wrong))
    return lines


Lines = list[tuple[str, Row, list[str]]]


def test_the_known_errors_are_in_the_files_in_the_known_numbers(cohort: Cohort, read: Lines) -> None:
    counted = Counter(code for _, _, wrong in read for code in wrong)
    assert counted == cohort.record["dirt"]
    assert all(count > 0 for count in counted.values())
    assert max(len(wrong) for _, _, wrong in read) == 1
    padded = [wrong for _, row, wrong in read if "padded" in row]
    assert cohort.record["mended"] == {"PGN_PADDED": len(padded)}
    assert padded
    assert not any(padded)


def test_files_lines_and_pupils_add_up(cohort: Cohort, files: dict[str, list[Row]], read: Lines) -> None:
    assert len(files) == cohort.record["files"] == cohort.record["schools"] == 20
    assert len(read) == cohort.record["rows"]
    known = {row["pgn"] for _, row, wrong in read if not wrong}
    assert len(known) == cohort.record["pupils"] == 4000
    assert all(_is_pupil_number(number) for number in known)


def test_no_file_has_so_many_errors_that_it_would_be_rejected(read: Lines) -> None:
    lines = Counter(name for name, _, _ in read)
    refused = Counter(name for name, _, wrong in read if wrong)
    assert max(refused[name] / lines[name] for name in lines) < 0.05
    assert 0.002 < sum(refused.values()) / sum(lines.values()) < 0.004


def test_movers_and_repeaters_are_in_the_files_in_the_known_numbers(cohort: Cohort, read: Lines) -> None:
    at: dict[str, set[tuple[str, str]]] = defaultdict(set)
    years: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for _, row, wrong in read:
        if not wrong:
            at[row["pgn"]].add((row["brin"], row["afnameperiode"]))
            years[row["pgn"]][row["schooljaar"]].add(row["jaargroep"])
    movers = [where for where in at.values() if len({brin for brin, _ in where}) == 2]
    assert len(movers) == cohort.record["movers"] == 80
    assert all(sorted(moment for _, moment in where) == ["E", "M"] for where in movers)
    repeaters = [by_year for by_year in years.values() if len(by_year) == 2]
    assert len(repeaters) == cohort.record["repeaters"] == 80
    assert all(by_year["2023-2024"] == by_year["2024-2025"] for by_year in repeaters)


def test_the_objection_list_agrees_with_the_record(cohort: Cohort, read: Lines) -> None:
    listed = _read(cohort.root / "objections" / "landelijk.csv")
    assert {tuple(line) for line in listed} == {("pgn", "brin", "vanaf", "ingetrokken_op", "bereik")}
    today = TODAY.isoformat()
    assert all(line["vanaf"] < today and line["ingetrokken_op"] < today for line in listed)
    in_force = {line["pgn"].zfill(9) for line in listed if not line["ingetrokken_op"]}
    delivered = Counter(row["pgn"] for _, row, wrong in read if not wrong)
    assert cohort.record["objectors"] == {
        "listed": len(listed),
        "in_force": len(in_force),
        "withdrawn": len(listed) - len(in_force),
        "unmatched": len(in_force - delivered.keys()),
        "delivered_rows": sum(delivered[number] for number in in_force),
    }
    assert min(cohort.record["objectors"].values()) > 0
    known_brins = {line["brin"] for line in _read(cohort.config / "scholen.csv")}
    assert {line["brin"] for line in listed} <= {*known_brins, ""}


def test_the_list_is_declared_as_of_today(cohort: Cohort) -> None:
    declared = (cohort.root / "objections" / "landelijk.toml").read_text(encoding="utf-8")
    assert 'polarity = "block"' in declared
    assert "date = 2026-11-23" in declared
    assert "declared_empty = false" in declared


def test_columns_come_in_more_than_one_order(cohort: Cohort) -> None:
    headers = {path.read_text(encoding="utf-8").splitlines()[0] for path in cohort.root.glob("deliveries/*.csv")}
    assert len(headers) > 1
    assert {frozenset(header.split(";")) for header in headers} == {frozenset(DELIVERY_COLUMNS)}


def test_scores_of_one_pupil_correlate_and_grow(read: Lines) -> None:
    scores: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for _, row, wrong in read:
        if not wrong and row["schooljaar"] == "2024-2025" and row["jaargroep"] == "7":
            score = float(row["vaardigheidsscore"].replace(",", "."))
            scores[row["pgn"], row["afnameperiode"]][row["toetscode"].split("-")[0]] = score
    both = [
        (scores[number, "M"]["REK"], scores[number, "E"]["REK"], scores[number, "M"]["BL"])
        for number, moment in list(scores)
        if moment == "M" and {"REK", "BL"} <= scores[number, "M"].keys() and "REK" in scores.get((number, "E"), {})
    ]
    at_m, at_e, other = np.array(both).T
    assert len(both) > 300
    assert np.corrcoef(at_m, at_e)[0, 1] > 0.7
    assert 0.4 < np.corrcoef(at_m, other)[0, 1] < 0.8
    assert 5 < (at_e - at_m).mean() < 17


def test_levels_are_fifths_and_follow_the_score(read: Lines) -> None:
    levels: dict[str, list[float]] = defaultdict(list)
    for _, row, wrong in read:
        if not wrong and row["toetscode"] == "SP-M5":
            levels[row["niveau_IV"]].append(float(row["vaardigheidsscore"].replace(",", ".")))
    total = sum(map(len, levels.values()))
    assert sorted(levels) == ["I", "II", "III", "IV", "V"]
    assert all(0.13 < len(scores) / total < 0.27 for scores in levels.values())
    assert all(min(levels[better]) >= max(levels[worse]) for better, worse in pairwise(sorted(levels)))


def _digests(cohort: Cohort) -> dict[str, str]:
    return {
        str(path.relative_to(cohort.root.parent)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in cohort.root.parent.rglob("*.*")
    }


def test_a_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first, again = (_make(tmp_path / name, count=300) for name in ("first", "again"))
    other = _make(tmp_path / "other", count=300, seed=2)
    assert _digests(first) == _digests(again)
    assert _digests(first) != _digests(other)


def test_a_second_cohort_in_the_same_place_is_refused(tmp_path: Path) -> None:
    _make(tmp_path, count=100)
    with pytest.raises(UsageRefused, match="a root without synthetic deliveries"):
        _make(tmp_path, count=100)


def test_schools_in_the_files_are_as_large_as_drawn(read: Lines) -> None:
    enrolled: dict[str, set[str]] = defaultdict(set)
    for name, row, wrong in read:
        if not wrong and row["afnameperiode"] == "M":
            enrolled[name].add(row["pgn"])
    assert sum(len(pupils) <= 100 for pupils in enrolled.values()) == 4
