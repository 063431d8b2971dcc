"""Pupil numbers and school codes: written forms with their normal form, held against independent implementations."""

from __future__ import annotations

import random

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from stdnum.nl import bsn, onderwijsnummer

from cohort.data_states import local_frames
from cohort.foundation import identifiers
from cohort.foundation.identifiers import BSN, IGNORED_CHARACTERS, ONDERWIJSNUMMER, PLACEHOLDER_NUMBERS, normalise_pgn
from cohort.verification import pupil_number_reader as verifier

MARKS = (
    " ",
    "\t",
    "\u00a0",
    "\u2007",
    "\u2009",
    "\u202f",
    "\u3000",  # blanks of every width
    "\u200b",
    "\u200c",
    "\u200d",
    "\u2060",
    "\ufeff",
    "\u00ad",  # of no width; a soft hyphen
    "\u200e",
    "\u200f",
    "\u202a",
    "\u202b",
    "\u202c",
    "\u202d",
    "\u202e",
    "\u2066",
    "\u2069",
    "\u061c",
    "'",
    '"',
    "`",
    "´",
    "‘",
    "’",
    "“",
    "”",
    "„",
    "＇",
)
"""Marks that are no part of a number, before it, behind it and in it."""
VECTORS = [
    # as delivered    normal form   kind
    ("111222333", "111222333", BSN),
    ("123456782", "123456782", BSN),
    ("063138219", "063138219", BSN),
    ("003389261", "003389261", BSN),
    ("12345672", "012345672", BSN),  # eight digits: the leading zero got lost
    ("100252333", "100252333", BSN),  # begins with 10, and is a BSN all the same
    ("101222331", "101222331", ONDERWIJSNUMMER),
    ("103522457", "103522457", ONDERWIJSNUMMER),
    ("108184876", "108184876", ONDERWIJSNUMMER),
    ("100513214", "100513214", ONDERWIJSNUMMER),
    ("133456785", "133456785", None),  # remainder 5, but the prefix is not 10 (official EDEXML sample)
    ("123456789", "123456789", None),  # remainder 4
    ("000000000", "000000000", None),  # passes the proof: a filler
    ("111111110", "111111110", None),
    ("11111111 0", "111111110", None),
    (" 123 456 782", "123456782", BSN),
    ("123456782\t", "123456782", BSN),
    ("123456782\u00a0", "123456782", BSN),
    ("3389261", "003389261", BSN),  # seven digits: both leading zeros got lost
    ("3389262", "003389262", None),
    ("389261", None, None),  # six digits are the number of an administration as well
    ("000000", None, None),
    ("0000000", "000000000", None),
    ("1234567820", None, None),
    ("12345678\u0085", None, None),  # a line end that Java's `$` looks past and its casts trim away
    ("12345678\u2028", None, None),
    ("+12345672", None, None),
    ("-12345672", None, None),
    ("12345672.", None, None),
    ("1234567,2", None, None),
    *((f"{mark}123456782{mark}", "123456782", BSN) for mark in MARKS),
    *((f"1234{mark}56782", "123456782", BSN) for mark in MARKS),
    *((f"{mark}3389261", "003389261", BSN) for mark in MARKS),
    ('="123456782"', "123456782", BSN),  # as text that a spreadsheet keeps as it is
    ("=123456782", "123456782", BSN),
    ('"="123456782""', "123456782", BSN),
    ("=123456782+1", None, None),
    ("=A1", None, None),
    ("123456782.0", "123456782", BSN),  # kept as a decimal
    ("123456782,00", "123456782", BSN),
    ("3389261.0", "003389261", BSN),  # not 033892610
    ("12345672.0", "012345672", BSN),  # not 123456720
    ("12345678.2", None, None),  # not 123456782
    ("1234567.82", None, None),
    ("123456.782", None, None),
    ("123456782.5", None, None),
    (".123456782", None, None),
    ("1.23456782E8", "123456782", BSN),
    ("1,23456782E+08", "123456782", BSN),
    ("1.23456782e+8", "123456782", BSN),
    ("1.2345672E7", "012345672", BSN),
    ("3.389261E6", "003389261", BSN),
    ("3,389261E+06", "003389261", BSN),
    ("1,23457E+08", None, None),  # rounded: three digits are gone
    ("1.2345678E8", None, None),  # nobody knows whether the last one was a zero
    ("1E+08", None, None),
    ("1.23456782E9", None, None),
    ("12.3456782E7", None, None),
    ("1.23456782E-8", None, None),
    ("123.456.782", "123456782", BSN),
    ("123,456,782", "123456782", BSN),
    ("123'456'782", "123456782", BSN),
    ("12.345.672", "012345672", BSN),
    ("3.389.261", "003389261", BSN),
    ("3,389.261", None, None),
    ("1234.56.782", "123456782", BSN),
    ("12.34.56.782", "123456782", BSN),
    ("1234-56-782", "123456782", BSN),
    ("123-456-782", "123456782", BSN),
    ("12345-6782", None, None),
    ("1234..56.782", None, None),
    ("20-01-2025", None, None),  # a date has eight digits
    ("2025.01.20", None, None),
    ("192.168.178.24", None, None),
    ("06-12-34-56-78", None, None),
    ("123456782 123456782", None, None),
    ("123456782/123456782", None, None),
    ("12345678\ufffd", None, None),
    ("12345678\n", None, None),
    ("12345678\r", None, None),
    ("12345678?", None, None),
    ("１２３４５６７８２", None, None),
    ("I23456782", None, None),
    ("O63138219", None, None),
    ("١٢٣٤٥٦٧٨٢", None, None),  # digits, but not 0-9
    ("123456782x", None, None),
    ("", None, None),
]


@pytest.fixture(scope="module")
def drawn() -> list[str]:
    """Numbers around every border of the two proofs: real ones, random ones, neighbours of real ones."""
    rng = random.Random(11)
    numbers = [f"{rng.randrange(10**9):09d}" for _ in range(3000)]
    numbers += [f"10{rng.randrange(10**7):07d}" for _ in range(3000)]
    numbers += [f"0{rng.randrange(10**8):08d}" for _ in range(500)]
    real = [n for n in numbers if bsn.is_valid(n) or onderwijsnummer.is_valid(n)]
    return [*numbers, *(n.lstrip("0") for n in real), *(n[:8] + str((int(n[8]) + 1) % 10) for n in real)]


def judged(spark: SparkSession, raw: list[str]) -> list[tuple[str | None, str | None]]:
    """What Spark makes of each: its normal form and its kind."""
    rows = local_frames.make_local_frame(spark, "place int, raw string", list(enumerate(raw)))
    normal = rows.select("place", F.expr(identifiers.normalise_pgn_sql("raw")).alias("normal"))
    found = normal.select(
        "place",
        "normal",
        F.expr(identifiers.pgn_kind_sql("normal", identifiers.elfproef_remainder_sql("normal"))).alias("kind"),
    ).collect()
    return [(row.normal, row.kind) for row in sorted(found, key=lambda row: int(row.place))]


def test_every_written_form_has_its_normal_form(spark: SparkSession) -> None:
    assert judged(spark, [raw for raw, _, _ in VECTORS]) == [(normal, kind) for _, normal, kind in VECTORS]


@pytest.mark.parametrize(("raw", "normal", "kind"), VECTORS)
def test_python_and_sql_normalise_alike(raw: str, normal: str | None, kind: str | None) -> None:
    assert normalise_pgn(raw) == (normal if kind else None)


@pytest.mark.parametrize(("raw", "normal", "kind"), VECTORS)
def test_the_verifiers_own_code_normalises_alike(raw: str, normal: str | None, kind: str | None) -> None:
    assert verifier.parse_pupil_number(raw) == (normal if kind else None)


def test_three_implementations_agree_on_any_text(spark: SparkSession) -> None:
    rng = random.Random(28)
    numbers = ["123456782", "003389261", "012345672", "101222331", "3389261", "12345672", "1.23456782E8"]
    texts = []
    for _ in range(4000):
        text = list(rng.choice(numbers))
        for _ in range(rng.randrange(4)):
            text.insert(rng.randrange(len(text) + 1), rng.choice([*IGNORED_CHARACTERS, *".,-=+eE0", "\u0085", "x"]))
        texts.append("".join(text))
    accepted = [normal if kind else None for normal, kind in judged(spark, texts)]
    assert accepted == [normalise_pgn(text) for text in texts]
    assert accepted == [verifier.parse_pupil_number(text) for text in texts]
    assert 1000 < sum(number is not None for number in accepted) < 3500


def test_sql_and_python_agree_on_any_number(spark: SparkSession, drawn: list[str]) -> None:
    accepted = [normal if kind else None for normal, kind in judged(spark, drawn)]
    assert accepted == [normalise_pgn(number) for number in drawn]
    assert 500 < sum(number is not None for number in accepted) < len(drawn) - 500


def test_the_elfproef_agrees_with_python_stdnum(spark: SparkSession, drawn: list[str]) -> None:
    """stdnum says BSN first, as we do; it takes the fillers for numbers, and pads as we do."""
    for number, (_, kind) in zip(drawn, judged(spark, drawn), strict=True):
        padded = number.zfill(9)
        if len(number) < 7 or padded in PLACEHOLDER_NUMBERS:
            assert kind is None
        elif bsn.is_valid(padded):
            assert kind == BSN
        else:
            assert kind == (ONDERWIJSNUMMER if onderwijsnummer.is_valid(padded) else None)


SCHOOLS = ["00AA", "00AB", "00AZ", "00BA", "00ZZ", "01AA", "10AA", "27XD", "99ZZ"]


def test_brin_numbers_keep_the_order_of_the_codes(spark: SparkSession) -> None:
    rows = local_frames.make_local_frame(spark, "brin string", [(school,) for school in SCHOOLS])
    coded = rows.select("brin", F.expr(identifiers.brin_to_number_sql("brin")).alias("code")).collect()
    numbers = {row.brin: row.code for row in coded}
    assert numbers == {school: identifiers.brin_to_number(school) for school in SCHOOLS}
    assert sorted(SCHOOLS, key=lambda school: int(numbers[school])) == sorted(SCHOOLS)
    assert (min(numbers.values()), max(numbers.values())) == (0, 67_599)
