"""Whether every released value is a label of its hierarchy, and none looks like a pupil number or a school code.

Checks VALUE_NULL, VALUE_NOT_IN_HIERARCHY, LOOKS_LIKE_PUPIL and LOOKS_LIKE_SCHOOL. Values are never named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort.verification.findings import Finding, finding_naming
from cohort.verification.hierarchy_reader import HierarchyPaths
from cohort.verification.pupil_number_reader import is_valid_pupil_number
from cohort.verification.result_selection import driver_frame, read_release_results
from cohort.verification.verification_subject import VerificationSubject

EIGHT_DIGITS = re.compile(r"[0-9]{8,}")
DIGIT_GROUPS = re.compile(r"(?<![0-9])[0-9]{1,4}(?:[ .\-][0-9]{1,4}){1,4}(?![0-9])")
SCHOOL_CODE = re.compile(r"[0-9]{2}[A-Z]{2}")
SCHOOL_CODE_IN_ANY_CASE = re.compile(r"[0-9]{2}[A-Za-z]{2}")
ValuesByColumn = Mapping[str, Sequence[str | None]]
"""The distinct values of each released column."""


def check_released_values(values: ValuesByColumn, hierarchies: Mapping[str, HierarchyPaths]) -> list[Finding]:
    """Check the distinct values of each column, each finding counted in columns."""
    null, not_in_hierarchy, like_pupil, like_school = set[str](), set[str](), set[str](), set[str]()
    for column, column_values in values.items():
        labels = hierarchies[column].labels if column in hierarchies else frozenset[str]()
        for value in column_values:
            if value is None:
                null.add(column)
                continue
            not_in_hierarchy |= {column} if value not in labels else set()
            like_pupil |= {column} if resembles_pupil_number(value) else set()
            like_school |= {column} if SCHOOL_CODE.search(value) else set()
    return [
        *finding_naming("VALUE_NULL", null),
        *finding_naming("VALUE_NOT_IN_HIERARCHY", not_in_hierarchy),
        *finding_naming("LOOKS_LIKE_PUPIL", like_pupil),
        *finding_naming("LOOKS_LIKE_SCHOOL", like_school),
    ]


def check_lower_case_school_codes(
    spark: SparkSession, subject: VerificationSubject, values: ValuesByColumn
) -> list[Finding]:
    """Check LOOKS_LIKE_SCHOOL for codes in lower case: `12de` is one only if the results have that school."""
    columns_by_code = find_school_codes_in_any_case(values)
    if not columns_by_code:
        return []
    codes = driver_frame(spark, {"brin": pa.array(sorted(columns_by_code), pa.string())})
    schools = read_release_results(spark, subject).select("brin").distinct()
    existing = codes.join(F.broadcast(schools), "brin", "left_semi").collect()
    return finding_naming("LOOKS_LIKE_SCHOOL", {column for row in existing for column in columns_by_code[row.brin]})


def find_school_codes_in_any_case(values: ValuesByColumn) -> dict[str, set[str]]:
    """Return every text that is a school code in capitals, with the columns that show it."""
    columns_by_code: dict[str, set[str]] = {}
    for column, column_values in values.items():
        for value in column_values:
            for code in SCHOOL_CODE_IN_ANY_CASE.findall(value or ""):
                columns_by_code.setdefault(code.upper(), set()).add(column)
    return columns_by_code


def resembles_pupil_number(value: str) -> bool:
    """Whether a value has eight digits in a row or more, or nine in groups that are a valid number (`1234.56.782`)."""
    if EIGHT_DIGITS.search(value):
        return True
    candidates = (re.sub(r"[^0-9]", "", groups) for groups in DIGIT_GROUPS.findall(value))
    return any(len(digits) == 9 and is_valid_pupil_number(digits) for digits in candidates)
