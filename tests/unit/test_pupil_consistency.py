"""Rules over all rows of one pupil: every case is a pupil of its own, all are checked in one pass."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from cohort.data_states import local_frames
from cohort.ingestion import pupil_consistency
from cohort.ingestion.pupil_consistency import RULE_FLAGS, TWO_SCHOOLS, TWO_YEAR_GROUPS, YEAR_GROUPS_APART

Rows = list[tuple[str, str, int, str | None]]
CASES: dict[str, tuple[Rows, Rows, set[tuple[int, str]]]] = {
    # what is told           school, school year, delivery, year group: of this run; of earlier ones; doubts
    "one school": ([("99ZZ", "2024-2025", 1, "7"), ("99ZZ", "2024-2025", 1, "7")], [], set()),
    "two schools in a year": (
        [("99ZZ", "2024-2025", 1, "7"), ("99YY", "2024-2025", 2, "7")],
        [],
        {(1, TWO_SCHOOLS), (2, TWO_SCHOOLS)},
    ),
    "another school in another year": ([("99ZZ", "2023-2024", 1, "6"), ("99YY", "2024-2025", 2, "7")], [], set()),
    "another school in an earlier run": (
        [("99ZZ", "2024-2025", 1, "7")],
        [("99YY", "2024-2025", 0, "7")],
        {(1, TWO_SCHOOLS)},
    ),
    "two year groups in a delivery": (
        [("99ZZ", "2024-2025", 1, "7"), ("99ZZ", "2024-2025", 1, "8")],
        [],
        {(1, TWO_YEAR_GROUPS)},
    ),
    "two year groups in two deliveries": ([("99ZZ", "2024-2025", 1, "7"), ("99ZZ", "2024-2025", 2, "8")], [], set()),
    "a year group and none": ([("99ZZ", "2024-2025", 1, "7"), ("99ZZ", "2024-2025", 1, None)], [], set()),
    "group 8 and a year later group 2": (
        [("99ZZ", "2023-2024", 1, "8"), ("99ZZ", "2024-2025", 1, "2")],
        [],
        {(1, YEAR_GROUPS_APART)},
    ),
    "group 8 in an earlier run": (
        [("99ZZ", "2024-2025", 3, "2")],
        [("99ZZ", "2023-2024", 0, "8")],
        {(3, YEAR_GROUPS_APART)},
    ),
    "a repeater": ([("99ZZ", "2023-2024", 1, "7"), ("99ZZ", "2024-2025", 1, "7")], [], set()),
    "one who skipped a group": ([("99ZZ", "2023-2024", 1, "4"), ("99ZZ", "2024-2025", 1, "6")], [], set()),
    "group 8 and then secondary school": ([("99ZZ", "2023-2024", 1, "8"), ("99ZZ", "2024-2025", 1, "11")], [], set()),
    "all of it": (
        [("99ZZ", "2024-2025", 1, "8"), ("99YY", "2024-2025", 1, "2")],
        [],
        {(1, TWO_SCHOOLS), (1, TWO_YEAR_GROUPS), (1, YEAR_GROUPS_APART)},
    ),
}
STATE = "pgn string, brin string, schooljaar string, levering_nr int, jaargroep string, _codes string"


@pytest.fixture(scope="module")
def findings(one_spark: SparkSession) -> dict[str, set[tuple[int, str]]]:
    """The doubts about every case: delivery and code."""
    numbers = {name: f"{100 + place:09d}" for place, name in enumerate(CASES)}
    new = [(numbers[name], *row, "") for name, (rows, _, _) in CASES.items() for row in rows]
    earlier = [(numbers[name], *row, "") for name, (_, rows, _) in CASES.items() for row in rows]
    good = local_frames.make_local_frame(one_spark, STATE, new)
    doubts = pupil_consistency.find_inconsistent_pupils(
        good, local_frames.make_local_frame(one_spark, STATE, earlier)
    ).collect()
    names = {number: name for name, number in numbers.items()}
    findings_by_case: dict[str, set[tuple[int, str]]] = {name: set() for name in CASES}
    for row in doubts:
        findings_by_case[names[row.pgn]] |= {(row.levering_nr, code) for code, flag in RULE_FLAGS.items() if row[flag]}
    return findings_by_case


@pytest.mark.parametrize("name", CASES)
def test_an_inconsistent_pupil_is_reported_for_the_delivery_concerned(
    name: str, findings: dict[str, set[tuple[int, str]]]
) -> None:
    assert findings[name] == CASES[name][2]


Delivered = tuple[str, int, dict[str, Any]]
BSN, OTHER, OWN, OWN_TOO = "000000012", "000000024", "100000009", "100000010"
TWO_NUMBER_CASES: list[tuple[str, list[Delivered], list[Delivered], dict[int, int]]] = [
    # what is told           this run: number, delivery, changes; earlier; children per delivery
    ("two numbers, one of them own", [(BSN, 1, {}), (OWN, 1, {})], [], {1: 1}),
    ("both of them own", [(OWN, 1, {}), (OWN_TOO, 1, {})], [], {1: 1}),
    ("two BSNs are twins", [(BSN, 1, {}), (OTHER, 1, {})], [], {}),
    ("one number", [(OWN, 1, {}), (OWN, 1, {})], [], {}),
    ("in two deliveries", [(BSN, 1, {}), (OWN, 2, {})], [], {1: 1, 2: 1}),
    ("the other one in an earlier run", [(BSN, 2, {})], [(OWN, 1, {})], {2: 1}),
    ("its own number in this run", [(OWN, 2, {})], [(BSN, 1, {})], {2: 1}),
    ("both in earlier runs", [], [(BSN, 1, {}), (OWN, 1, {})], {}),
    ("two tests of one child", [(n, 1, {"toetscode": t}) for n in (BSN, OWN) for t in "ab"], [], {1: 1}),
    ("levels alone", [(n, 1, {"vaardigheidsscore": None, "niveau_IV": "I"}) for n in (BSN, OWN)], [], {1: 1}),
    *(
        (f"another {name}", [(BSN, 1, {}), (OWN, 1, {name: value})], [], {})
        for name, value in {
            "brin": "99YY",
            "geboortedatum": dt.date(2014, 3, 13),
            "geslacht": "2",
            "toetscode": "REK-E7",
            "peildag": dt.date(2025, 1, 21),
            "vaardigheidsscore": Decimal("88.6"),
            "ruwe_score": 3,
            "niveau_AE": "A",
            "niveau_IV": "II",
        }.items()
    ),
    *(
        (f"without a {name}", [(n, 1, {name: None}) for n in (BSN, OWN)], [], {})
        for name in ("geboortedatum", "geslacht")
    ),
]
RIGHT = {
    "brin": "99ZZ",
    "geboortedatum": dt.date(2014, 3, 12),
    "geslacht": "1",
    "toetscode": "REK-M7",
    "peildag": dt.date(2025, 1, 20),
    "ruwe_score": None,
    "vaardigheidsscore": Decimal("88.5"),
    "niveau_AE": None,
    "niveau_IV": None,
}
NUMBERED = (
    "pgn string, pgn_soort string, levering_nr int, brin string, geboortedatum date, geslacht string, "
    "toetscode string, peildag date, ruwe_score int, vaardigheidsscore decimal(7,2), niveau_AE string, "
    "niveau_IV string"
)


def test_a_child_under_two_numbers_is_counted_for_its_deliveries(spark: SparkSession) -> None:
    """Every case is a school of its own, so that all are looked at at once."""

    def rows(place: int) -> DataFrame:
        lines = []
        for number, case in enumerate(TWO_NUMBER_CASES):
            for pgn, delivery, changed in (case[1], case[2])[place - 1]:
                values = {**RIGHT, **changed}
                values["brin"] = f"{number:02d}{str(values['brin'])[2:]}"
                kind = "onderwijsnummer" if pgn.startswith("10") else "bsn"
                lines.append((pgn, kind, 100 * number + delivery, *values.values()))
        return local_frames.make_local_frame(spark, NUMBERED, lines)

    schools = {f"{number:02d}ZZ" for number in range(len(TWO_NUMBER_CASES))}
    findings = pupil_consistency.count_children_under_two_numbers(rows(1), rows(2), schools)
    assert findings == {
        100 * number + delivery: n for number, case in enumerate(TWO_NUMBER_CASES) for delivery, n in case[3].items()
    }
    assert pupil_consistency.count_children_under_two_numbers(rows(1), rows(2), ()).keys() == findings.keys() - {
        100 * number + 2 for number, case in enumerate(TWO_NUMBER_CASES) if case[2]
    }


def test_refusing_rules_refuse_the_rows_and_warning_rules_count_pupils(spark: SparkSession) -> None:
    rows, _, _ = CASES["all of it"]
    judged = local_frames.make_local_frame(spark, STATE, [("000000100", *row, "") for row in rows])
    doubts = pupil_consistency.find_inconsistent_pupils(judged, None)
    codes = pupil_consistency.refuse_inconsistent_pupils(judged, doubts, [YEAR_GROUPS_APART]).select("_codes").collect()
    assert [row["_codes"] for row in codes] == [YEAR_GROUPS_APART, YEAR_GROUPS_APART]
    assert pupil_consistency.count_inconsistent_pupils(doubts) == {
        1: {TWO_SCHOOLS: 1, TWO_YEAR_GROUPS: 1, YEAR_GROUPS_APART: 1}
    }


def test_rows_of_a_run_are_compared_with_their_school_years_and_those_beside_them(spark: SparkSession) -> None:
    rows = local_frames.make_local_frame(spark, "schooljaar string", [("2024-2025",), ("2024-2025",), ("2019-2020",)])
    assert sorted(pupil_consistency.find_compared_years(rows)) == [
        "2018-2019",
        "2019-2020",
        "2020-2021",
        "2023-2024",
        "2024-2025",
        "2025-2026",
    ]
