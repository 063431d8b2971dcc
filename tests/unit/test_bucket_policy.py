"""The policy of a bucket: which statements open a folder, and what is written for readers."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort.storage.bucket_policy import (
    OWN_STATEMENT,
    BucketFolder,
    grant_reading,
    opening_statements,
    patterns_meet,
    reader_statements,
    withdraw_reading,
)

FOLDER, OWN = "cohort/projects/leergroei", ("arn:aws:iam::111122223333:role/cohort",)
READER = "arn:aws:iam::111122223333:role/lezers"
PIECES = st.lists(st.sampled_from(["a", "b", "/", "*", "?"]), max_size=6).map("".join)


def statement(resource: Any, **changes: Any) -> dict[str, Any]:
    made = {"Sid": "S", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": resource}
    return {name: value for name, value in {**made, **changes}.items() if value is not None}


def opened(*statements: Any) -> list[str]:
    return opening_statements({"Version": "2012-10-17", "Statement": [*statements]}, BucketFolder("b", FOLDER), OWN)


@pytest.mark.parametrize(
    "resource",
    [
        f"arn:aws:s3:::b/{FOLDER}/*",
        f"arn:aws:s3:::b/{FOLDER}/part-1.parquet",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::b*",
        "arn:aws:s3:::*",
        "*",
        "arn:aws:s3:::b/cohort/projects/leer?roei/_delta_log/*",
        "arn:aws:s3:::b/cohort/*.parquet",
        ["arn:aws:s3:::b/other/*", f"arn:aws:s3:::b/{FOLDER}*"],
        "arn:aws-cn:s3:::b/*",
        "arn:aws:s3:::b/${aws:username}/*",
        "arn:aws:s3:::b/cohort/${aws:PrincipalTag/project}",
        "arn:aws:s3::school:b/*",
        "arn:aws:s3:*:*:b/*",
        "arn:aws:s3::*",
        "arn:aws:s3:::b/*:::x",
        "iets anders",
    ],
)
def test_a_resource_that_can_be_in_the_folder_opens_it(resource: Any) -> None:
    assert opened(statement(resource)) == ["S"]


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:s3:::b/cohort/projects/taal/*",
        "arn:aws:s3:::b/cohort/projects/leergroei2/*",
        "arn:aws:s3:::other/*",
        "arn:aws:s3:::b/cohort/projects/leer",
    ],
)
def test_a_resource_elsewhere_does_not(resource: str) -> None:
    assert opened(statement(resource)) == []


@pytest.mark.parametrize(
    ("changes", "is_open"),
    [
        ({"Effect": "Deny"}, False),
        ({"Principal": {"AWS": [*OWN]}}, False),
        ({"Principal": {"AWS": OWN[0]}}, False),
        ({"Principal": {"AWS": [*OWN, READER]}}, True),
        ({"Principal": {"Service": "logging.s3.amazonaws.com"}}, True),
        ({"Principal": None, "NotPrincipal": {"AWS": READER}}, True),
        ({"Resource": None, "NotResource": "arn:aws:s3:::b/cohort/*"}, True),
        ({"Action": None, "NotAction": "s3:PutObject"}, True),
        ({"Action": "s3:PutObject"}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, True),
        ({"Sid": None}, True),
    ],
)
def test_whom_and_what_a_statement_names_decides(changes: dict[str, Any], is_open: bool) -> None:
    found = opened(statement(f"arn:aws:s3:::b/{FOLDER}/*", **changes))
    assert found == ([changes.get("Sid", "S") or "number 1"] if is_open else [])


@pytest.mark.parametrize(
    ("prefixes", "is_open"),
    [
        (None, True),
        ([""], True),
        (["cohort/proj"], True),
        ([f"{FOLDER}/*"], True),
        ([f"{FOLDER}/_delta_log"], True),
        (["${aws:PrincipalTag/p}/*"], True),
        (["cohort/projects/taal", "cohort/projects/taal/*"], False),
        (["cohort/records/*"], False),
    ],
)
def test_a_listing_opens_what_its_prefix_can_show(prefixes: list[str] | None, is_open: bool) -> None:
    condition = None if prefixes is None else {"StringLike": {"s3:prefix": prefixes}}
    found = opened(statement("arn:aws:s3:::b", Action="s3:ListBucket", Condition=condition))
    assert found == (["S"] if is_open else [])


def test_a_statement_that_is_none_counts_as_open() -> None:
    assert opened("anything") == ["number 1"]
    assert opening_statements({}, BucketFolder("b", FOLDER)) == []


def grant(policy: dict[str, Any], readers: str, key: str = FOLDER) -> dict[str, Any]:
    return grant_reading(policy, readers, BucketFolder("b", key), "cohort", OWN)


def openers(policy: dict[str, Any], key: str) -> list[str]:
    return opening_statements(policy, BucketFolder("b", key), OWN)


def test_readers_get_one_folder_and_the_platform_keeps_everything() -> None:
    other = statement("arn:aws:s3:::b/publiek/*", Sid="CohortPlatformPubliek")
    before = {"Version": "2012-10-17", "Id": "x", "Statement": [other]}
    granted = grant(before, READER)
    assert granted["Id"] == "x"
    assert other in granted["Statement"]
    (own,) = [one for one in granted["Statement"] if one["Sid"] == OWN_STATEMENT]
    assert own["Principal"] == {"AWS": [*OWN]}
    assert len(openers(granted, FOLDER)) == 2
    for key in ("cohort/projects/taal", "cohort/restricted", "cohort/projects/leergroei2", "cohort/projects/leer"):
        assert openers(granted, key) == [], key
    assert grant(granted, READER) == granted
    both = grant(granted, READER, "cohort/projects/taal")
    left = withdraw_reading(both, FOLDER)
    assert openers(left, FOLDER) == []
    assert len(openers(left, "cohort/projects/taal")) == len(reader_statements(left)) == 2
    assert other in left["Statement"]
    assert reader_statements(withdraw_reading(both)) == []
    assert withdraw_reading({}, FOLDER) == {}


@pytest.mark.parametrize("policy", [{"Statement": statement("arn:aws:s3:::b/x/*")}, {"Statement": []}, {}])
def test_where_the_platform_granted_nothing_the_policy_stays_as_it_is(policy: dict[str, Any]) -> None:
    assert withdraw_reading(policy, FOLDER) is policy


def test_other_readers_take_the_place_of_the_earlier_ones() -> None:
    assert READER not in str(grant(grant({}, READER), "arn:new"))


@given(PIECES, PIECES)
def test_two_patterns_meet_where_a_text_fits_both(one: str, other: str) -> None:
    """Against every text of some characters: as long as the longer pattern, a text is there if there is any."""
    texts = [""]
    for _ in range(6):
        texts += [text + char for text in texts for char in "ab/" if len(text) < 6]
    small = len(one.replace("*", "")) <= 3 and len(other.replace("*", "")) <= 3
    fits = any(
        re.fullmatch(fnmatch.translate(one), text) and re.fullmatch(fnmatch.translate(other), text)
        for text in {*texts}
        if len(text) <= 6
    )
    assert patterns_meet(one, other) == patterns_meet(other, one)
    if fits:
        assert patterns_meet(one, other)
    elif small:
        assert not patterns_meet(one, other)
