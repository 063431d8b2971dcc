"""Keyed pseudonyms: equal to Python's own HMAC for every pupil and school, and the key is in no plan."""

from __future__ import annotations

import hashlib
import hmac
import os
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort.anonymisation.pseudonymisation import hmac_sha256, pseudonymise_pupils
from cohort.data_states import local_frames
from cohort.data_states.schemas import (
    OBJECTED,
    OTHER_SCHOOLS_CONTROL,
    PUPIL_CONTROL,
    ROW_COUNT,
    SCHOOL_CONTROL,
    SELECTED_ROW_COUNT,
    SHOWN_ROW_COUNT,
    AdmittedRecords,
)
from cohort.foundation.errors import KeyRefused
from cohort.foundation.identifiers import brin_to_number
from cohort.keys import project_keys
from cohort.keys.project_keys import ProjectKey

SECRET = os.urandom(32)
LISTED = ["10AA", "10AB", "99ZZ"]
PUPILS = [
    (1, "10AA", None),
    (12345672, "10AB", ["10AA"]),
    (111222333, "99ZZ", ["00AA", "10AB"]),
    (999999990, "00AA", None),
    (100000009, "47QX", ["99ZZ"]),
]
"""Number, school, further schools: 00AA and 47QX are not on the school list (any more)."""

FOX = "The quick brown fox jumps over the lazy dog"
VECTORS = {
    (b"key", FOX): "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
    (b"k" * 32, "pgn|111222333"): "4725ab59af92d725f29afab631f5ceec1aaf93466438c72b3f928ff6f1e2e118",
    (b"k" * 32, "pgn|012345672"): "39f9719de9a004920c80973e257cf6b22a6133e1198a61f517de8013fa832962",
}


def python_hmac(text: str, secret: bytes = SECRET) -> bytes:
    return hmac.digest(secret, text.encode(), hashlib.sha256)


def records(spark: SparkSession) -> AdmittedRecords:
    coded = [
        (
            n,
            brin_to_number(home),
            None if others is None else [brin_to_number(school) for school in others],
            n % 11,
            n % 7 + 1,
            n % 3,
            False,
            n % 5,
        )
        for n, home, others in PUPILS
    ]
    counts = "_selected int, _rows int, _used int, _objected boolean"
    state = f"pgn int, school int, _elsewhere array<bigint>, {counts}, geslacht int"
    return AdmittedRecords(local_frames.make_local_frame(spark, state, coded))


@pytest.fixture(scope="module")
def made(one_spark: SparkSession) -> list[dict[str, Any]]:
    rows = pseudonymise_pupils(records(one_spark), ProjectKey(SECRET), LISTED).toArrow().to_pylist()
    return sorted(rows, key=lambda row: [python_hmac(f"pgn|{n:09d}") for n, _, _ in PUPILS].index(row[PUPIL_CONTROL]))


def test_known_vectors_of_hmac_sha256(spark: SparkSession) -> None:
    for secret in {secret for secret, _ in VECTORS}:
        texts = {text: digest for (one, text), digest in VECTORS.items() if one == secret}
        messages = local_frames.make_local_frame(spark, "text string", [(text,) for text in (*texts, None)])
        joined = messages.join(F.broadcast(ProjectKey(secret).key_frame(spark)))
        rows = joined.select("text", F.hex(hmac_sha256(F.col("text"))).alias("digest")).toArrow().to_pylist()
        digests = {row["text"]: row["digest"] for row in rows}
        assert digests.pop(None) is None
        assert {text: digest.lower() for text, digest in digests.items()} == texts


def test_every_pupil_has_one_row_with_its_hmac(made: list[dict[str, Any]]) -> None:
    assert [row[PUPIL_CONTROL] for row in made] == [python_hmac(f"pgn|{n:09d}") for n, _, _ in PUPILS]


def test_a_school_gets_its_hmac_whether_it_is_listed_or_not(made: list[dict[str, Any]]) -> None:
    assert [row[SCHOOL_CONTROL] for row in made] == [python_hmac(f"brin|{home}") for _, home, _ in PUPILS]


def test_other_schools_get_their_hmacs_and_null_stays_null(made: list[dict[str, Any]]) -> None:
    assert [row[OTHER_SCHOOLS_CONTROL] for row in made] == [
        None if others is None else [python_hmac(f"brin|{school}") for school in others] for _, _, others in PUPILS
    ]


def test_other_columns_are_unchanged(made: list[dict[str, Any]]) -> None:
    assert [(row[ROW_COUNT], row[SHOWN_ROW_COUNT], row["geslacht"]) for row in made] == [
        (n % 7 + 1, n % 3, n % 5) for n, _, _ in PUPILS
    ]


def test_no_column_has_the_key_or_a_pupil_number(made: list[dict[str, Any]]) -> None:
    assert list(made[0]) == [
        SELECTED_ROW_COUNT,
        ROW_COUNT,
        SHOWN_ROW_COUNT,
        OBJECTED,
        PUPIL_CONTROL,
        SCHOOL_CONTROL,
        OTHER_SCHOOLS_CONTROL,
        "geslacht",
    ]


@pytest.mark.parametrize(("rows", "objected", "is_used"), [(1, False, True), (0, False, False), (1, True, False)])
def test_a_pupil_who_may_not_be_used_has_counts_and_nothing_else(
    spark: SparkSession, rows: int, objected: bool, is_used: bool
) -> None:
    one = records(spark).limit(1).withColumn(ROW_COUNT, F.lit(rows)).withColumn(OBJECTED, F.lit(objected))
    (made,) = pseudonymise_pupils(AdmittedRecords(one), ProjectKey(SECRET), LISTED).collect()
    values = {name: value for name, value in made.asDict().items() if value is not None}
    counts = {SELECTED_ROW_COUNT, ROW_COUNT, SHOWN_ROW_COUNT, OBJECTED}
    protected = {PUPIL_CONTROL, SCHOOL_CONTROL, "geslacht"}
    assert set(values) - {OTHER_SCHOOLS_CONTROL} == (counts | protected if is_used else counts)


def test_a_school_that_is_listed_twice_does_not_double_pupils(spark: SparkSession) -> None:
    assert pseudonymise_pupils(records(spark), ProjectKey(SECRET), [*LISTED, *LISTED]).count() == len(PUPILS)


def test_the_key_is_in_no_plan(spark: SparkSession) -> None:
    frame = pseudonymise_pupils(records(spark), ProjectKey(SECRET), LISTED)
    plan = frame._jdf.queryExecution().toString()
    assert project_keys.INNER_BLOCK in plan, "the plan is there to be read"
    for secret in (SECRET, *project_keys.hmac_key_blocks(SECRET)):
        for written in (secret.hex(), secret.hex().upper(), " ".join(f"{b:02X}" for b in secret), str(list(secret))):
            assert written not in plan
    assert not any(f"{n:09d}" in plan for n, _, _ in PUPILS)


@pytest.mark.parametrize("settings", [{}, {"spark.io.encryption.enabled": "false"}], ids=["silent", "off"])
def test_a_session_without_encrypted_scratch_files_gets_no_key(settings: dict[str, str]) -> None:
    session: Any = SimpleNamespace(conf=SimpleNamespace(get=lambda name, default: settings.get(name, default)))
    with pytest.raises(KeyRefused, match=r"spark\.io\.encryption\.enabled = true") as refused:
        ProjectKey(SECRET).key_frame(session)
    assert refused.value.exit_code == 13
