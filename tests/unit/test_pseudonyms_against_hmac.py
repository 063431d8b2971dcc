"""Every pseudonym, of the release and of the verifier, compared with the HMAC of Python's own library.

Both get the key from `keys` and let Spark hash with it; the standard library says what is right.
"""

from __future__ import annotations

import hashlib
import hmac

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort.anonymisation.pseudonymisation import hmac_sha256
from cohort.data_states import local_frames
from cohort.data_states.schemas import PSEUDONYM_COLUMNS
from cohort.keys.project_keys import ProjectKey
from cohort.verification.pseudonym_check import listed_pupil_pseudonyms, pseudonym_sql
from cohort.verification.result_selection import driver_frame

SECRETS = {
    "a key as it is made": bytes(range(32)),
    "shorter than a block": b"k",
    "one block": bytes(range(64)),
    "longer than a block, so hashed first": bytes(range(65)),
    "much longer": bytes(131),
    "zero bytes at its end, as padding has": b"key\0\0",
}
NUMBERS = ["111222333", "012345672", "000000000", "1", "", "één", "9" * 200]
SCHOOLS = ["10AA", "00ZZ"]


def standard_hmac(secret: bytes, text: str) -> bytes:
    return hmac.new(secret, text.encode("utf-8"), hashlib.sha256).digest()


@pytest.mark.parametrize("says", SECRETS)
def test_the_verifiers_pseudonyms_are_standard_hmacs(spark: SparkSession, says: str) -> None:
    secret = SECRETS[says]
    columns = {
        name: pa.array(values * (len(NUMBERS) // len(values) + 1), pa.string())[: len(NUMBERS)]
        for name, values in (("pgn", NUMBERS), ("brin", SCHOOLS))
    }
    rows = driver_frame(spark, columns).crossJoin(ProjectKey(secret).key_frame(spark))
    shown = rows.select(
        "pgn",
        "brin",
        F.expr(pseudonym_sql("pgn", "pgn")).alias("pupil"),
        F.expr(pseudonym_sql("brin", "brin")).alias("school"),
    ).collect()
    assert len(shown) == len(NUMBERS)
    for row in shown:
        assert row.pupil == standard_hmac(secret, f"pgn|{row.pgn}")
        assert row.school == standard_hmac(secret, f"brin|{row.brin}")
    listed = listed_pupil_pseudonyms(spark, NUMBERS, ProjectKey(secret)).collect()
    assert {row[PSEUDONYM_COLUMNS[0]] for row in listed} == {standard_hmac(secret, f"pgn|{n}").hex() for n in NUMBERS}
    assert ProjectKey(secret).digest_texts(SCHOOLS) == [standard_hmac(secret, school) for school in SCHOOLS]


@pytest.mark.parametrize("says", SECRETS)
def test_the_releases_pseudonyms_are_standard_hmacs(spark: SparkSession, says: str) -> None:
    secret = SECRETS[says]
    texts = local_frames.make_local_frame(spark, "text string", [(text,) for text in (*NUMBERS, None)])
    rows = texts.crossJoin(ProjectKey(secret).key_frame(spark)).select("text", hmac_sha256(F.col("text")).alias("mac"))
    shown = {row.text: row.mac for row in rows.collect()}
    wanted: dict[str | None, bytes | None] = {text: standard_hmac(secret, text) for text in NUMBERS}
    assert shown == wanted | {None: None}
