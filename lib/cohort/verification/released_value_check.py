"""The columns and values of a table: only what the project names, and nothing that looks like a number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from pyspark.sql.types import StructType

from cohort.agreements.project import Project
from cohort.states import schemas
from cohort.verification.findings import Finding, finding_naming
from cohort.verification.hierarchy_reader import HierarchyPaths
from cohort.verification.pupil_number_reader import is_valid_pupil_number

EIGHT_DIGITS = re.compile(r"[0-9]{8,}")
DIGIT_GROUPS = re.compile(r"(?<![0-9])[0-9]{1,4}(?:[ .\-][0-9]{1,4}){1,4}(?![0-9])")
SCHOOL_CODE = re.compile(r"[0-9]{2}[A-Z]{2}")
SCHOOL_CODE_IN_ANY_CASE = re.compile(r"[0-9]{2}[A-Za-z]{2}")


def check_schema(shown: Sequence[tuple[str, object]], read: StructType, state: StructType) -> list[Finding]:
    """SCHEMA: the same names in the same order with the same types, in the log and as Spark reads it.

    Takes: name and type as the log has them, the schema Spark reads, the schema there should be.
    """
    wanted = _kinds((field.name, field.dataType.jsonValue()) for field in state.fields)
    spark = _kinds((field.name, field.dataType.jsonValue()) for field in read.fields)
    found = _kinds(shown)
    odd = {name for name, _ in {*found, *spark} ^ {*wanted}}
    if found == spark == wanted:
        return []
    return finding_naming("SCHEMA", odd or {"the order of the columns"})


def check_column_names(names: Sequence[str], project: Project) -> list[Finding]:
    """IDENTIFYING_COLUMN: by a column's name, and by the attribute it shows; agreed pseudonyms are none."""
    attributes = {column.name: column.attribute for column in project.columns}
    own = [name for name in names if name not in project.pseudonym_columns]
    hit = [n for n in own if {n.lower(), str(attributes.get(n)).lower()} & schemas.IDENTIFYING_COLUMNS]
    return finding_naming("IDENTIFYING_COLUMN", hit)


def check_released_values(
    shown: Mapping[str, Sequence[str | None]], allowed: Mapping[str, HierarchyPaths]
) -> list[Finding]:
    """VALUE_NULL, VALUE_NOT_IN_HIERARCHY, LOOKS_LIKE_PUPIL, LOOKS_LIKE_SCHOOL; values are never named.

    Takes: the distinct values of each column.
    """
    null, strange, pupil, school = set[str](), set[str](), set[str](), set[str]()
    for column, values in shown.items():
        labels = allowed[column].labels if column in allowed else frozenset[str]()
        for value in values:
            if value is None:
                null.add(column)
                continue
            strange |= {column} if value not in labels else set()
            pupil |= {column} if resembles_pupil_number(value) else set()
            school |= {column} if SCHOOL_CODE.search(value) else set()
    return [
        *finding_naming("VALUE_NULL", null),
        *finding_naming("VALUE_NOT_IN_HIERARCHY", strange),
        *finding_naming("LOOKS_LIKE_PUPIL", pupil),
        *finding_naming("LOOKS_LIKE_SCHOOL", school),
    ]


def find_lower_case_school_codes(shown: Mapping[str, Sequence[str | None]]) -> dict[str, set[str]]:
    """Codes in small letters, each with the columns that show it: `12de` is a school only if there is one."""
    possible: dict[str, set[str]] = {}
    for column, values in shown.items():
        for value in values:
            for code in SCHOOL_CODE_IN_ANY_CASE.findall(value or ""):
                possible.setdefault(code.upper(), set()).add(column)
    return possible


def resembles_pupil_number(value: str) -> bool:
    """Eight digits in a row or more, or nine in groups that prove to be a number (`1234.56.782`)."""
    if EIGHT_DIGITS.search(value):
        return True
    groups = (re.sub(r"[^0-9]", "", found) for found in DIGIT_GROUPS.findall(value))
    return any(len(digits) == 9 and is_valid_pupil_number(digits) for digits in groups)


def _kinds(columns: Iterable[tuple[str, object]]) -> list[tuple[str, str]]:
    """Names and types without nullability: Delta keeps none of it when a table is made from a query."""
    return [(name, re.sub(r"'containsNull': \w+", "", str(kind))) for name, kind in columns]
