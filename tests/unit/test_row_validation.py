"""Every rule for a single row: one row that is right, and its codes when exactly one thing in it is wrong."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import catalogue
from cohort.data_states import local_frames
from cohort.data_states.schemas import CANONICAL_COLUMNS, CORRUPT_LINE, DELIVERY_NUMBER, READER_REASON
from cohort.delivery_formats.row_reason_codes import ROW_REASONS
from cohort.ingestion import repeated_results, row_validation

TODAY = dt.date(2025, 11, 23)
RIGHT = {
    "brin": "10AA",
    "vestiging": "00",
    "schooljaar": "2024-2025",
    "pgn": "123456782",
    "geboortedatum": "2014-03-09",
    "geslacht": "1",
    "jaargroep": "7",
    "groep_key": "G7",
    "leerkracht_key": "L1",
    "gewicht": "0,3",
    "postcode4": "1017",
    "thuistaal": "nl",
    "opleiding_ouders": "midden",
    "ses": "7",
    "combinatiegroep": "nee",
    "schooltype": "bo",
    "toetscode": "REK-M7",
    "toetsversie": "3.0",
    "afnamedatum": "2025-01-24",
    "afnameperiode": "M",
    "ruwe_score": "34",
    "vaardigheidsscore": "115,4",
    "niveau_AE": "B",
    "niveau_IV": "II",
    "bron_result_key": "r1",
}


def edition(code: str, version: str, moment: str | None) -> catalogue.CatalogueTest:
    return catalogue.CatalogueTest(code, version, "rekenen", moment, "7", "LVS", Decimal(0), Decimal(200), False)


CATALOGUE = catalogue.Catalogue(
    (edition("REK-M7", "3.0", "M"), edition("VRIJ", "1", None), edition("TWEE", "1", "M"), edition("TWEE", "2", "M")),
    frozenset({"10AA", "10AB"}),
)
FREE = {"toetscode": "VRIJ", "toetsversie": "1"}
"""A test that may be taken at any moment."""


@dataclass(frozen=True)
class DrawnRow:
    """What is changed in the right row, the codes it must get, and values it must come to."""

    description: str
    changed: dict[str, str | None] = field(default_factory=dict)
    codes: str = ""
    shows: dict[str, Any] = field(default_factory=dict)


def wrong(code: str, description: str, **changed: str | None) -> DrawnRow:
    return DrawnRow(f"{code}: {description}", changed, code)


ROWS = [
    DrawnRow(
        "the right row",
        shows={
            "pgn": "123456782",
            "pgn_soort": "bsn",
            "vestiging": "00",
            "geboortedatum": dt.date(2014, 3, 9),
            "peildag": dt.date(2025, 1, 24),
            "afnameperiode": "M",
            "ruwe_score": 34,
            "vaardigheidsscore": Decimal("115.40"),
            "niveau_AE": "B",
            "niveau_IV": "II",
            "domein": "rekenen",
            "schaal": "LVS",
            "bijzonder": False,
            "toetsversie": "3.0",
            "_mended": False,
        },
    ),
    wrong("ROW_BROKEN", "another number of fields", **{CORRUPT_LINE: "1;2"}),
    wrong(
        "ROW_BROKEN",
        "and whatever stands in it is no further fault",
        **{CORRUPT_LINE: "1;2"},
        pgn=None,
        geslacht="M",
        ruwe_score="ziek",
    ),
    wrong("ROW_BROKEN", "as its transcript says", **{READER_REASON: "ROW_BROKEN"}, pgn=None),
    wrong("PUPIL_NOT_IN_ROSTER", "and so it has no number", **{READER_REASON: "PUPIL_NOT_IN_ROSTER"}, pgn=None),
    wrong("PUPIL_AMBIGUOUS", "and so it has no number", **{READER_REASON: "PUPIL_AMBIGUOUS"}, pgn=None),
    wrong(
        "SCORE_NOT_A_NUMBER",
        "told once when a reader said so before",
        **{READER_REASON: "SCORE_NOT_A_NUMBER"},
        vaardigheidsscore="1,154,4",
    ),
    DrawnRow(
        "a reader's code and a rule's stand beside each other",
        {READER_REASON: "PUPIL_AMBIGUOUS", "pgn": None, "geslacht": "M"},
        "PUPIL_AMBIGUOUS SEX_INVALID",
    ),
    wrong("SCORE_NOT_A_NUMBER", "not written as its format declares", vaardigheidsscore="≠7,5"),
    wrong("DATE_INVALID", "not written as its format declares", afnamedatum="≠2025-01-24"),
    wrong("SEX_INVALID", "not written as its format declares", geslacht="≠1"),
    wrong("BRIN_INVALID", "no school", brin=None),
    wrong(
        "NO_RESULT",
        "a line of averages",
        brin=None,
        schooljaar=None,
        pgn=None,
        toetscode=None,
        toetsversie=None,
        afnamedatum=None,
    ),
    wrong("NO_RESULT", "its name in another column", brin="Gemiddelde", pgn="n=12", toetscode="totaal"),
    wrong("BRIN_INVALID", "small letters", brin="10aa"),
    wrong("BRIN_INVALID", "a site in it", brin="10AA00"),
    wrong("BRIN_UNKNOWN", "not on the list", brin="10AC"),
    wrong("VESTIGING_INVALID", "one digit", vestiging="1"),
    wrong("YEAR_INVALID", "none", schooljaar=None),
    wrong("YEAR_INVALID", "not two in a row", schooljaar="2024-2026"),
    wrong("YEAR_INVALID", "a slash", schooljaar="2024/2025"),
    wrong("PGN_MISSING", "none", pgn=None),
    wrong("PGN_FILLER", "nine zeros", pgn="000000000"),
    wrong("PGN_FILLER", "one zero", pgn="0"),
    wrong("PGN_FILLER", "ones", pgn="111111110"),
    wrong("PGN_INVALID", "the check digit", pgn="123456789"),
    wrong("PGN_INVALID", "remainder 5 without the prefix", pgn="133456785"),
    wrong("PGN_INVALID", "six digits", pgn="389261"),
    wrong("PGN_INVALID", "a decimal", pgn="12345678.2"),
    wrong("PGN_INVALID", "an end of a line in it", pgn="123\n456782"),
    wrong("PGN_FILLER", "ones with dots", pgn="111.111.110"),
    wrong("PGN_FILLER", "ones as a text", pgn="'111111110"),
    wrong("PGN_ROUNDED", "three digits gone", pgn="1,23457E+08"),
    wrong("PGN_ROUNDED", "all but one gone", pgn="1E+08"),
    wrong("PGN_ROUNDED", "one gone", pgn="1.2345678E8"),
    wrong("PGN_INVALID", "words", pgn="onbekend"),
    wrong("TEST_UNKNOWN", "no code", toetscode=None),
    wrong("TEST_UNKNOWN", "the code", toetscode="REK-M9"),
    wrong("TEST_UNKNOWN", "the version", toetsversie="9.9"),
    wrong("TEST_UNKNOWN", "two editions and no version", toetscode="TWEE", toetsversie=None),
    wrong("DATE_INVALID", "the other way round", afnamedatum="24-01-2025"),
    wrong("DATE_INVALID", "a day that is not there", afnamedatum="2025-02-30"),
    wrong("DATE_INVALID", "a time with it", afnamedatum="2025-01-24T10"),
    wrong("DATE_INVALID", "no leading zero", afnamedatum="2025-1-24"),
    wrong("DATE_INVALID", "no leading zero, and as long as a date", afnamedatum="2025-1-24T"),
    wrong("DATE_INVALID", "a sign before it", afnamedatum="+025-01-24"),
    wrong("DATE_INVALID", "the number of a day", afnamedatum="45681"),
    wrong("DATE_INVALID", "a birth date as the number of a day", geboortedatum="41707"),
    wrong("DATE_INVALID", "two digits of a year", afnamedatum="25-01-24"),
    wrong("DATE_INVALID", "the order of the United States", afnamedatum="1/24/2025"),
    wrong("DATE_INVALID", "a time that may be the next day's", afnamedatum="2025-01-23T23:00:00"),
    wrong("DATE_INVALID", "the time of another part of the world", afnamedatum="2025-01-23T12:00:00+09:00"),
    wrong("DATE_INVALID", "a test date in part", afnamedatum="2025-01-00"),
    *(
        wrong("DATE_INVALID", f"a birth date that is none, {number}", geboortedatum=day)
        for number, day in enumerate(
            (
                "2014-13-01",
                "2014-02-30",
                "1800-00-00",
                "12-03-2014",
                "20140312",
                "14-00-00",
                "2014-3-12",
                "00-00",
                "2014-00-00-00",
                "onbekend",
                "2014-7-0x",
            )
        )
    ),
    wrong("DATE_OUTSIDE_YEAR", "the day before", afnamedatum="2024-07-31"),
    wrong("DATE_OUTSIDE_YEAR", "the day after", afnamedatum="2025-08-01"),
    wrong("DATE_IN_FUTURE", "tomorrow", schooljaar="2025-2026", afnamedatum="2025-11-24"),
    wrong("DATE_IN_FUTURE", "next school year", schooljaar="2026-2027", afnamedatum=None),
    wrong("BIRTH_DATE_IMPLAUSIBLE", "too young", geboortedatum="2022-01-01"),
    wrong("BIRTH_DATE_IMPLAUSIBLE", "too old", geboortedatum="2002-12-31"),
    wrong("MOMENT_MISSING", "neither", afnamedatum=None, afnameperiode=None),
    wrong("MOMENT_INVALID", "another than the test's", afnameperiode="E"),
    wrong("MOMENT_INVALID", "with the year group", afnameperiode="M7"),
    wrong("MOMENT_INVALID", "unknown, and nothing else tells it", **FREE, afnamedatum=None, afnameperiode="X"),
    wrong("YEAR_GROUP_INVALID", "9", jaargroep="9"),
    wrong("SEX_INVALID", "a letter", geslacht="M"),
    wrong("ATTRIBUTE_INVALID", "gewicht", gewicht="0,31"),
    wrong("ATTRIBUTE_INVALID", "postcode", postcode4="0017"),
    wrong("ATTRIBUTE_INVALID", "postcode with letters", postcode4="1017AB"),
    wrong("ATTRIBUTE_INVALID", "thuistaal", thuistaal="Nederlands"),
    wrong("ATTRIBUTE_INVALID", "opleiding", opleiding_ouders="hbo"),
    wrong("ATTRIBUTE_INVALID", "ses", ses="100"),
    wrong("ATTRIBUTE_INVALID", "combinatiegroep", combinatiegroep="soms"),
    wrong("ATTRIBUTE_INVALID", "schooltype", schooltype="basis"),
    wrong("SCORE_MISSING", "none at all", ruwe_score=None, vaardigheidsscore=None, niveau_AE=None, niveau_IV=None),
    wrong(
        "SCORE_MISSING",
        "only what stands for none",
        ruwe_score="9999",
        vaardigheidsscore="----",
        niveau_AE="-",
        niveau_IV="n.v.t.",
    ),
    wrong("SCORE_NOT_A_NUMBER", "a point", vaardigheidsscore="115.4"),
    wrong("SCORE_NOT_A_NUMBER", "a thousands' point", vaardigheidsscore="1.154"),
    wrong("SCORE_NOT_A_NUMBER", "three decimals", vaardigheidsscore="115,444"),
    wrong("SCORE_NOT_A_NUMBER", "a sign", vaardigheidsscore="-5"),
    wrong("SCORE_NOT_A_NUMBER", "a word", vaardigheidsscore="ziek"),
    wrong(
        "SCORE_NOT_A_NUMBER", "the only one", ruwe_score="ziek", vaardigheidsscore=None, niveau_AE=None, niveau_IV=None
    ),
    wrong("SCORE_NOT_A_NUMBER", "half a raw score", ruwe_score="34,5"),
    wrong("SCORE_OUT_OF_RANGE", "above", vaardigheidsscore="200,01"),
    wrong("LEVEL_INVALID", "F", niveau_AE="F"),
    wrong("LEVEL_INVALID", "six", niveau_IV="VI"),
    DrawnRow(
        "two codes at once, in the order of the rules", {"pgn": "123456789", "geslacht": "M"}, "PGN_INVALID SEX_INVALID"
    ),
    DrawnRow(
        "blanks around a value are not part of it", {"brin": " 10AA ", "jaargroep": " 7"}, shows={"jaargroep": "7"}
    ),
    DrawnRow("a blank is nothing", {"geslacht": "  ", "vestiging": ""}, shows={"geslacht": None, "vestiging": "00"}),
    DrawnRow("an eight-digit number is mended", {"pgn": "12345672"}, shows={"pgn": "012345672", "_mended": True}),
    *(
        DrawnRow(f"a number is mended, {place}", {"pgn": number}, shows={"pgn": normal, "_mended": True})
        for place, (number, normal) in enumerate(
            [
                ("3389261", "003389261"),
                ("123.456.782", "123456782"),
                ("1234.56.782", "123456782"),
                ("'123456782", "123456782"),
                ("\u200b123456782", "123456782"),
                ("1234\u00ad56782", "123456782"),
                ("\u202d123456782\u202c", "123456782"),
                ("\ufeff123456782", "123456782"),
                ("123456782.0", "123456782"),
                ("1,23456782E+08", "123456782"),
                ('="123456782"', "123456782"),
            ]
        )
    ),
    DrawnRow("blanks in a number are not mended", {"pgn": " 1234 56\u00a0782"}, shows={"_mended": False}),
    *(
        DrawnRow(
            f"a birth date in part, {place}",
            {"geboortedatum": day},
            shows={"geboortedatum": None, "_partial": True, "pgn": "123456782"},
        )
        for place, day in enumerate(
            (
                "2014-00-00",
                "2014-07-00",
                "2014-00-12",
                "00-00-2014",
                "00-07-2014",
                "0-7-2014",
                "12-00-2014",
                "0000-00-00",
                "00-00-0000",
                "0000-03-12",
                "12-03-0000",
                "20140000",
                "20140700",
                "00002014",
                "00072014",
                "00000000",
                "00/07/2014",
                "00.00.2014",
                "2014",
                "2014-07",
                "07-2014",
                "1992-00-00",
                "≠00072014",
            )
        )
    ),
    *(
        DrawnRow(
            f"a time leaves the day, {place}",
            {"afnamedatum": f"2025-01-24{time}"},
            shows={"afnamedatum": dt.date(2025, 1, 24), "_partial": False},
        )
        for place, time in enumerate(
            ("T00:00:00", " 00:00", " 0:00", " 00:00:00", "T00:00:00.000", "T00:00:00Z", "T10:15:00+01:00", " 21:59:59")
        )
    ),
    *(
        DrawnRow(f"{column} as {written}", {column: written}, shows={column: code})
        for column, written, code in (
            ("gewicht", "0.3", "0,3"),
            ("gewicht", "0,30", "0,3"),
            ("gewicht", "0.00", "0"),
            ("gewicht", "?", None),
            ("gewicht", "1,20", "1,2"),
            ("ses", "07", "7"),
            ("ses", "7.0", "7"),
            ("combinatiegroep", "ja", "1"),
            ("combinatiegroep", "nee", "0"),
            ("combinatiegroep", "TRUE", "1"),
            ("combinatiegroep", "WAAR", "1"),
            ("geslacht", "01", "1"),
            ("jaargroep", "07", "7"),
            ("schooltype", "SBO", "sbo"),
            ("thuistaal", "Dialect", "dialect"),
            ("niveau_AE", "c", "C"),
            ("niveau_IV", "iv", "IV"),
            ("opleiding_ouders", "Hoog", "hoog"),
            ("postcode4", "1017", "1017"),
            ("afnameperiode", "Midden", "M"),
        )
    ),
    DrawnRow("an onderwijsnummer", {"pgn": "101222331"}, shows={"pgn_soort": "onderwijsnummer"}),
    DrawnRow(
        "sentinels are no score",
        {"vaardigheidsscore": "9999", "ruwe_score": "0000"},
        shows={"vaardigheidsscore": None, "ruwe_score": None},
    ),
    DrawnRow("a sentinel with a comma", {"vaardigheidsscore": "9999,00"}, shows={"vaardigheidsscore": None}),
    DrawnRow("a raw score with zeros before it", {"ruwe_score": "00012"}, shows={"ruwe_score": 12}),
    DrawnRow("the ends of the range", {"vaardigheidsscore": "200,00"}, shows={"vaardigheidsscore": Decimal("200.00")}),
    DrawnRow("nought is a score", {"vaardigheidsscore": "0", "ruwe_score": "0"}, shows={"ruwe_score": 0}),
    DrawnRow("I+ is I", {"niveau_IV": "I+"}, shows={"niveau_IV": "I"}),
    DrawnRow("one edition needs no version", {"toetsversie": None}, shows={"toetsversie": "3.0"}),
    DrawnRow(
        "the first day of a school year",
        {**FREE, "afnamedatum": "2024-08-01", "afnameperiode": None},
        shows={"afnameperiode": "B"},
    ),
    DrawnRow(
        "the end of March is still M",
        {**FREE, "afnamedatum": "2025-03-31", "afnameperiode": None},
        shows={"afnameperiode": "M"},
    ),
    DrawnRow(
        "the last day of a school year",
        {**FREE, "afnamedatum": "2025-07-31", "afnameperiode": None},
        shows={"afnameperiode": "E"},
    ),
    DrawnRow(
        "December is B", {**FREE, "afnamedatum": "2024-12-31", "afnameperiode": None}, shows={"afnameperiode": "B"}
    ),
    DrawnRow("a period goes before the date", {**FREE, "afnamedatum": "2025-04-02"}, shows={"afnameperiode": "M"}),
    DrawnRow(
        "the test goes before the date",
        {"afnamedatum": "2025-04-02", "afnameperiode": None},
        shows={"afnameperiode": "M"},
    ),
    DrawnRow(
        "without a date the moment's first day",
        {"afnamedatum": None},
        shows={"peildag": dt.date(2025, 1, 1), "afnamedatum": None},
    ),
    DrawnRow(
        "first day of B", {**FREE, "afnamedatum": None, "afnameperiode": "B"}, shows={"peildag": dt.date(2024, 8, 1)}
    ),
    DrawnRow(
        "first day of E", {**FREE, "afnamedatum": None, "afnameperiode": "E"}, shows={"peildag": dt.date(2025, 4, 1)}
    ),
    DrawnRow("today is not the future", {"schooljaar": "2025-2026", "afnamedatum": "2025-11-23"}),
    DrawnRow("every weight of the code list with a point", {"gewicht": "0.25"}),
    DrawnRow("the short ones too", {"gewicht": "0.3"}),
    DrawnRow("a level alone is a score", {"vaardigheidsscore": None, "ruwe_score": None, "niveau_AE": None}),
]

REPEATED = [
    # delivery  changed                                               codes
    (1, {}, ""),
    (1, {}, "DUPLICATE"),
    (1, {"brin": "10AA "}, "DUPLICATE"),  # blanks around a value are not part of it
    (2, {}, ""),  # the same line in another file is another delivery
    (3, {"ruwe_score": "35"}, "CONFLICT"),
    (3, {"ruwe_score": "36"}, "CONFLICT"),
    (4, {"toetsversie": None}, "CONFLICT"),  # the same edition, named once
    (4, {}, "CONFLICT"),
    (5, {"bron_result_key": "r1"}, ""),
    (5, {"bron_result_key": "r2"}, ""),  # a retake of the same day
    (6, {"ruwe_score": "50", "vaardigheidsscore": None}, "CONFLICT"),
    (6, {"ruwe_score": None, "vaardigheidsscore": "50"}, "CONFLICT"),  # the same text in another column
    (7, {"pgn": None}, "PGN_MISSING"),  # nobody knows whether these two are of one pupil
    (7, {"pgn": None, "ruwe_score": "35"}, "PGN_MISSING"),
    (8, {CORRUPT_LINE: "x"}, "ROW_BROKEN"),  # a line that cannot be read contradicts nothing
    (8, {"ruwe_score": "35"}, ""),
    (9, {"geslacht": "M"}, "SEX_INVALID CONFLICT"),
    (9, {}, "CONFLICT"),
    (18, {}, ""),  # other spellings of the same values
    (
        18,
        {
            "gewicht": "0.30",
            "ses": "07",
            "combinatiegroep": "0",
            "geslacht": "01",
            "jaargroep": "07",
            "schooltype": "BO",
            "afnameperiode": "midden",
            "afnamedatum": "2025-01-24 00:00",
            "niveau_IV": "ii",
            "geboortedatum": "2014-03-09T00:00:00",
            "pgn": "123.456.782",
        },
        "DUPLICATE",
    ),
    (19, {"gewicht": "?"}, ""),
    (19, {"gewicht": None}, "DUPLICATE"),
    (10, {"pgn": "12345672"}, ""),  # one pupil, with the leading zero and without
    (10, {"pgn": "012345672"}, "DUPLICATE"),
    (10, {"pgn": "012345672", "vestiging": None, "vaardigheidsscore": "115,40", "ruwe_score": "034"}, "DUPLICATE"),
    (11, {}, "CONFLICT"),  # a key is of one result, and that of one pupil
    (11, {"pgn": "111222333"}, "CONFLICT"),
    (12, {}, "CONFLICT"),  # nor has it two days
    (12, {"afnamedatum": "2025-01-21"}, "CONFLICT"),
    (13, {}, ""),
    (13, FREE, ""),  # numbered per test
    (14, {"bron_result_key": "#1"}, ""),  # a key of its message alone
    (14, {"bron_result_key": "#1", "pgn": "111222333"}, ""),
    (15, {}, ""),  # numbered per school year
    (15, {"schooljaar": "2023-2024", "afnamedatum": "2024-01-20"}, ""),
    (16, {}, ""),
    (16, {"pgn": "123456789"}, "PGN_INVALID"),  # whose it is nobody knows
    (17, {"bron_result_key": None}, ""),  # without keys each pupil has a result of its own
    (17, {"bron_result_key": None, "pgn": "111222333"}, ""),
]
FIRST = 1000


@pytest.fixture(scope="module")
def validated(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    """All rows judged in one pass: those above each as a delivery of its own, those below after them."""
    rows = [(n, {**RIGHT, **row.changed}) for n, row in enumerate(ROWS)]
    rows += [(FIRST + n, {**RIGHT, **changed}) for n, changed, _ in REPEATED]
    state = (
        ", ".join(f"{name} string" for name in (*CANONICAL_COLUMNS, CORRUPT_LINE, READER_REASON))
        + f", {DELIVERY_NUMBER} int"
    )
    lines = [
        (*(row.get(name) for name in (*CANONICAL_COLUMNS, CORRUPT_LINE, READER_REASON)), number) for number, row in rows
    ]
    sent = local_frames.make_local_frame(one_spark, state, lines).coalesce(1)
    raw = sent.withColumns({name: F.expr(f"nullif(trim({name}), '')") for name in CANONICAL_COLUMNS})
    path = str(tmp_path_factory.mktemp("judged") / "rows")
    row_validation.validate_rows(raw, CATALOGUE, TODAY, {}).write.parquet(path)
    return one_spark.read.parquet(path)


@pytest.fixture(scope="module")
def rows_by_description(validated: DataFrame) -> dict[str, dict[str, Any]]:
    codes_found = validated.where(f"{DELIVERY_NUMBER} < {FIRST}").collect()
    return {ROWS[row[DELIVERY_NUMBER]].description: row.asDict() for row in codes_found}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.description)
def test_a_row_has_the_codes_of_the_rules_it_breaks_and_no_others(
    row: DrawnRow, rows_by_description: dict[str, dict[str, Any]]
) -> None:
    codes_found = rows_by_description[row.description]
    assert codes_found["_codes"] == row.codes
    assert {name: codes_found[name] for name in row.shows} == row.shows


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.description)
def test_a_refused_row_is_kept_as_it_was_sent_and_an_accepted_one_is_not(
    row: DrawnRow, rows_by_description: dict[str, dict[str, Any]]
) -> None:
    validated = rows_by_description[row.description]["_raw"]
    if not row.codes:
        assert validated is None
    else:
        sent = {**RIGHT, **row.changed}
        assert dict(zip(CANONICAL_COLUMNS, validated, strict=True)) == {name: sent[name] for name in CANONICAL_COLUMNS}


def test_every_reason_code_of_a_rule_is_tried_and_described() -> None:
    tried = {code for row in ROWS for code in row.codes.split()} | {"DUPLICATE", "CONFLICT"}
    tried |= {"TWO_SCHOOLS", "TWO_YEAR_GROUPS", "YEAR_GROUPS_APART"}  # of several files: test_ingestion
    tried |= {"HEADER_REPEATED"}  # of a text: test_real_delivery_faults
    assert tried == set(ROW_REASONS)
    assert all(re.fullmatch("[A-Z_]+", code) for code in ROW_REASONS)


def test_lines_that_repeat_or_contradict_another_line_of_their_file_are_refused(validated: DataFrame) -> None:
    rows = validated.where(f"{DELIVERY_NUMBER} >= {FIRST}")
    refused = repeated_results.refuse_repeated_results(rows)
    codes_found = [row[0] for row in refused.orderBy(row_validation.ROW).select("_codes").collect()]
    assert list(zip(REPEATED, codes_found, strict=True)) == [(line, line[2]) for line in REPEATED]


def test_every_row_is_either_accepted_or_quarantined(validated: DataFrame) -> None:
    good = row_validation.select_accepted(validated, 3).select("batch", "afnameperiode", "peildag").collect()
    bad = (
        row_validation.select_quarantined(row_validation.name_sent_values(validated), 3)
        .select("batch", "codes", F.col("row.brin"))
        .collect()
    )
    assert len(good) + len(bad) == len(ROWS) + len(REPEATED)
    assert {row.batch for row in (*good, *bad)} == {3}
    assert all(row.afnameperiode and row.peildag for row in good)
    assert sorted(" ".join(row.codes) for row in bad)[:1] == ["ATTRIBUTE_INVALID"]
