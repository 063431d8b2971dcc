"""Pupil records, drawn: which of several results a record shows, and what it shows without a result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.unit.drawn_results import COLUMNS, Row, drawn, frame, hierarchy, pgn, project

from cohort.anonymisation import pupil_records
from cohort.data_states import schemas
from cohort.data_states.schemas import (
    EXACT_SCORES,
    HOME_SCHOOL,
    INSTRUCTED_SCHOOL,
    OTHER_SCHOOLS,
    PGN,
    ROW_COUNT,
    SELECTED_ROW_COUNT,
    SHOWN_ROW_COUNT,
    ConsentedResults,
)
from cohort.foundation.identifiers import brin_to_number, brin_to_number_sql
from cohort.sdc import UNKNOWN_VALUE

OUTSIDE = "(not in the hierarchy)"


@dataclass(frozen=True)
class Pupil:
    """The results of one pupil as drawn, and the expected fields of its record."""

    says: str
    results: str
    shows: dict[str, str] = field(default_factory=dict)
    home: str = "10AA"
    elsewhere: tuple[str, ...] = ()
    rows: int | None = None
    used: int = 1


PUPILS = [
    Pupil(
        "the latest result by day",
        """
        peildag     levering  waarde
        2025-01-20  9         12
        2025-02-03  1         35""",
        {"laatste": "30 tot 40"},
        rows=2,
    ),
    Pupil(
        "the latest of one day is that of the later delivery",
        """
        brin  levering  waarde
        10AA  2         12
        10AB  1         35""",
        {"laatste": "10 tot 20"},
        rows=2,
    ),
    Pupil(
        "the latest of one day and delivery is of the greatest school, whatever the value",
        """
        brin  waarde
        10AA  60
        10ZZ  12
        10AB  35""",
        {"laatste": "10 tot 20"},
        home="10ZZ",
        rows=3,
    ),
    Pupil(
        "the latest of one day, delivery and school is the greatest value",
        """
        waarde
        12
        35""",
        {"laatste": "30 tot 40"},
        rows=2,
    ),
    Pupil(
        "the first result by day",
        """
        domein  peildag     levering  waarde
        lezen   2025-01-20  9         12
        lezen   2025-02-03  1         35""",
        {"eerste": "10 tot 20", "laatste": "onbekend"},
        rows=2,
    ),
    Pupil(
        "the first of one day is that of the earlier delivery",
        """
        domein  levering  waarde
        lezen   2         12
        lezen   1         35""",
        {"eerste": "30 tot 40"},
        rows=2,
    ),
    Pupil(
        "the first of one day and delivery is of the greatest school, then the greatest value",
        """
        domein  brin  waarde
        lezen   10AA  60
        lezen   10AB  12
        lezen   10AB  35""",
        {"eerste": "30 tot 40"},
        home="10AB",
        rows=3,
    ),
    Pupil(
        "the highest value, on whatever day",
        """
        domein    peildag     waarde
        spelling  2025-02-03  12
        spelling  2025-01-20  35
        spelling  2025-03-03  34,99""".replace(",", "."),
        {"hoogste": "30 tot 40"},
        rows=3,
    ),
    Pupil(
        "the highest value twice is that of the latest school",
        """
        domein    peildag     brin  waarde
        spelling  2025-01-20  10ZZ  35
        spelling  2025-02-03  10AB  35
        spelling  2025-02-04  10AA  12""",
        {"hoogste": "30 tot 40"},
        elsewhere=("10AB",),
        rows=3,
    ),
    Pupil(
        "the highest level is the last in the order of the hierarchy",
        """
        domein  peildag     waarde
        studie  2025-01-20  D
        studie  2025-02-03  B""",
        {"beste": "D"},
        rows=2,
    ),
    Pupil(
        "a level as it is, and I+ counts as I",
        """
        domein        waarde
        woordenschat  I+""",
        {"niveau": "I"},
    ),
    Pupil(
        "a raw score by itself",
        """
        domein  waarde
        tempo   3""",
        {"tempo": "3"},
    ),
    Pupil(
        "a band takes its lower end in and its upper end not",
        """
        domein    waarde
        rekenen   30
        spelling  29.99
        lezen     0""",
        {"laatste": "30 tot 40", "hoogste": "20 tot 30", "eerste": "0 tot 10"},
        used=3,
    ),
    Pupil(
        "a difference, rounded down",
        """
        moment  waarde
        M       35
        E       44.99""",
        {"groei": "0 tot 10", "laatste": "30 tot 40"},
        used=2,
    ),
    Pupil(
        "a difference under zero is rounded down too",
        """
        moment  waarde
        M       35.01
        E       35""",
        {"groei": "-10 tot 0"},
        used=2,
    ),
    Pupil(
        "a difference of just minus ten",
        """
        moment  waarde
        M       35
        E       25""",
        {"groei": "-10 tot 0"},
        used=2,
    ),
    Pupil(
        "a difference of just under minus ten",
        """
        moment  waarde
        M       35.01
        E       25""",
        {"groei": "-20 tot -10"},
        used=2,
    ),
    Pupil(
        "no difference without the later result",
        """
        moment  waarde
        M       35""",
        {"groei": "onbekend", "laatste": "30 tot 40"},
    ),
    Pupil(
        "no difference without the earlier result",
        """
        moment  waarde
        E       35""",
        {"groei": "onbekend", "laatste": "onbekend"},
    ),
    Pupil(
        "a difference of the latest results",
        """
        moment  peildag     waarde
        M       2025-01-20  35
        M       2025-01-21  30
        E       2025-06-02  55""",
        {"groei": "20 tot 30"},
        rows=3,
        used=2,
    ),
    Pupil(
        "values that the hierarchy does not have",
        """
        domein        moment  waarde  geslacht  postcode4  geboortedatum
        rekenen       M       100     9         9999       1999-01-01
        rekenen       E       110     9         9999       1999-01-01
        woordenschat  M       VI      9         9999       1999-01-01
        tempo         M       5       9         9999       1999-01-01""",
        {
            "laatste": OUTSIDE,
            "groei": OUTSIDE,
            "niveau": OUTSIDE,
            "tempo": OUTSIDE,
            "geslacht": OUTSIDE,
            "postcode": OUTSIDE,
            "cohort": OUTSIDE,
            "kwartaal": OUTSIDE,
            "jaar": OUTSIDE,
        },
        used=4,
    ),
    Pupil(
        "a difference beyond the hierarchy on the other side",
        """
        moment  waarde
        M       60
        E       20""",
        {"groei": OUTSIDE},
        used=2,
    ),
    Pupil(
        "null is a leaf of its own",
        """
        geslacht  postcode4  geboortedatum
        -         -          -""",
        {
            "geslacht": "onbekend",
            "postcode": "onbekend",
            "cohort": "onbekend",
            "kwartaal": "onbekend",
            "jaar": "onbekend",
            "niveau": "onbekend",
            "beste": "onbekend",
            "tempo": "onbekend",
        },
    ),
    Pupil(
        "the word onbekend is nobody's value",
        """
        geslacht
        onbekend""",
        {"geslacht": OUTSIDE},
    ),
    Pupil(
        "an attribute is that of the latest row, null too",
        """
        domein   peildag     geslacht  postcode4
        rekenen  2025-01-20  2         1017
        lezen    2025-02-03  -         1018""",
        {"geslacht": "onbekend", "postcode": "1018"},
        used=2,
    ),
    Pupil(
        "an attribute is that of the later delivery of one day",
        """
        domein   levering  geslacht
        rekenen  3         2
        lezen    2         1""",
        {"geslacht": "2"},
        used=2,
    ),
    Pupil(
        "of equally late rows the attribute that stands last in the hierarchy",
        """
        domein    geslacht  postcode4
        rekenen   2         1017
        lezen     1         1019
        spelling  1         1018""",
        {"geslacht": "2", "postcode": "1019"},
        used=3,
    ),
    Pupil(
        "of equally late rows null comes last, wherever the hierarchy has it",
        """
        domein   geslacht  postcode4
        rekenen  -         1017
        lezen    2         -""",
        {"geslacht": "onbekend", "postcode": "onbekend"},
        used=2,
    ),
    Pupil(
        "born on the last day of a school year",
        """
        geboortedatum
        2014-07-31""",
        {"cohort": "2013/14", "kwartaal": "2014-K3", "jaar": "2014"},
    ),
    Pupil(
        "born on the first day of a school year",
        """
        geboortedatum
        2014-08-01""",
        {"cohort": "2014/15", "kwartaal": "2014-K3", "jaar": "2014"},
    ),
    Pupil(
        "born in January",
        """
        geboortedatum
        2014-01-01""",
        {"cohort": "2013/14", "kwartaal": "2014-K1", "jaar": "2014"},
    ),
    Pupil(
        "the school of the latest row, and the other that delivered a value shown",
        """
        domein   peildag     brin
        rekenen  2025-01-20  10AC
        lezen    2025-02-03  99ZZ""",
        home="99ZZ",
        elsewhere=("10AC",),
        used=2,
    ),
    Pupil(
        "a school whose value is not shown is no other school",
        """
        peildag     brin
        2025-01-20  10AC
        2025-02-03  00AA""",
        home="00AA",
        rows=2,
    ),
    Pupil(
        "other schools are named once",
        """
        domein    peildag     brin
        rekenen   2025-01-20  10AC
        spelling  2025-01-20  10AC
        tempo     2025-01-20  10AD
        lezen     2025-02-03  10AA""",
        elsewhere=("10AC", "10AD"),
        used=4,
    ),
    Pupil(
        "a school of the latest row alone, whose value is not shown, is home",
        """
        domein    peildag     brin  waarde
        spelling  2025-01-20  10AC  80
        spelling  2025-02-03  10AA  20""",
        {"hoogste": "80 tot 90"},
        elsewhere=("10AC",),
        rows=2,
    ),
]

LEFT_OUT = {
    "another school year": {"schooljaar": "2023-2024", "peildag": "2024-01-20"},
    "another year group": {"jaargroep": "8"},
    "no year group": {"jaargroep": "-"},
    "another domain": {"domein": "woordenschat", "moment": "E", "waarde": "I"},
    "another moment": {"domein": "lezen", "moment": "E"},
    "another scale": {"schaal": "T"},
    "no value of the kind shown": {"waarde": "-"},
    "a special-category test": {"bijzonder": "ja"},
}


@pytest.fixture(scope="module")
def made(one_spark: SparkSession) -> dict[str, Row]:
    """The records of all drawn pupils, with labels in place of leaf numbers; made in one Spark action."""
    rows = [row for n, pupil in enumerate(PUPILS) for row in drawn(n, pupil.results)]
    for n, (_, cells) in enumerate(LEFT_OUT.items(), start=len(PUPILS)):
        rows += drawn(n, "\n".join(" ".join(line) for line in zip(*cells.items(), strict=True)))
    declared = project()
    hierarchies = {name: hierarchy(name) for name in declared.column_names}
    selected = pupil_records.select_project_results(frame(one_spark, rows), declared)
    instructed = selected.withColumn(INSTRUCTED_SCHOOL, F.expr(brin_to_number_sql("brin")))
    made_records = pupil_records.make_pupil_records(ConsentedResults(instructed), declared, hierarchies)
    records = made_records.toArrow().to_pylist()
    for record in records:
        for name in declared.column_names:
            number = record[name]
            record[name] = OUTSIDE if number == schemas.UNLISTED_LEAF else hierarchies[name].leaves[number]
    return {pgn(record[PGN]): record for record in records}


@pytest.mark.parametrize("n", range(len(PUPILS)), ids=[pupil.says for pupil in PUPILS])
def test_the_record_of_a_pupil(made: dict[str, Row], n: int) -> None:
    pupil, record = PUPILS[n], made[pgn(n)]
    assert {name: record[name] for name in pupil.shows} == pupil.shows
    assert record[HOME_SCHOOL] == brin_to_number(pupil.home)
    others = record[OTHER_SCHOOLS]
    assert (None if others is None else sorted(others)) == (
        sorted(map(brin_to_number, pupil.elsewhere)) if pupil.elsewhere else None
    )
    assert (record[ROW_COUNT], record[SHOWN_ROW_COUNT]) == (pupil.rows or pupil.used, pupil.used)


def test_exact_scores_are_those_behind_the_bands(made: dict[str, Row]) -> None:
    columns = project().score_columns
    compared = 0
    for record in made.values():
        assert len(record[EXACT_SCORES]) == len(columns)
        for column, score in zip(columns, record[EXACT_SCORES], strict=True):
            label = record[column.name]
            assert (score is None) == (label == UNKNOWN_VALUE)
            if score is not None and label != OUTSIDE:
                lower = int(label.split(" tot ")[0])
                assert lower <= score / column.score_unit < lower + (column.step or 1)
                compared += 1
    assert compared > len(columns)


@pytest.mark.parametrize("n", range(len(LEFT_OUT)), ids=list(LEFT_OUT))
def test_a_row_that_is_not_selected(made: dict[str, Row], n: int) -> None:
    assert pgn(len(PUPILS) + n) not in made


def test_there_is_one_record_per_pupil_with_the_declared_columns(made: dict[str, Row]) -> None:
    assert len(made) == len(PUPILS)
    counts = (SELECTED_ROW_COUNT, ROW_COUNT, SHOWN_ROW_COUNT)
    assert list(made[pgn(0)]) == [PGN, HOME_SCHOOL, OTHER_SCHOOLS, *counts, *project().column_names, EXACT_SCORES]


def test_all_year_groups_are_selected_when_none_is_declared(spark: SparkSession) -> None:
    rows = drawn(1, "jaargroep\n7\n8\n-")
    selected = pupil_records.select_project_results(
        frame(spark, rows), project(population={"schooljaar": ["2024-2025"]})
    )
    assert selected.count() == 3


@pytest.mark.parametrize("stage", ["select_project_results", "make_pupil_records"])
def test_a_frame_without_a_required_column_is_a_defect(spark: SparkSession, stage: str) -> None:
    less: Any = frame(spark, []).drop("bijzonder")
    hierarchies = {"laatste": hierarchy("laatste")} if stage == "make_pupil_records" else {}
    with pytest.raises(TypeError, match="bijzonder"):
        getattr(pupil_records, stage)(less, project(COLUMNS[:1]), *([hierarchies] if hierarchies else []))
