"""The columns and values of a table: only what the project names, and nothing that looks like a number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from pyspark.sql.types import StructType

from cohort.agreements.project import Project
from cohort.states import schemas
from cohort.verification.findings import Finding, tell_names
from cohort.verification.hierarchy_reader import Ladder
from cohort.verification.pupil_number_reader import is_pupil_number

DIGITS = re.compile(r"[0-9]{8,}")
APART = re.compile(r"(?<![0-9])[0-9]{1,4}(?:[ .\-][0-9]{1,4}){1,4}(?![0-9])")
BRIN = re.compile(r"[0-9]{2}[A-Z]{2}")
BRIN_IN_ANY_CASE = re.compile(r"[0-9]{2}[A-Za-z]{2}")


def look_at_schema(shown: Sequence[tuple[str, object]], read: StructType, state: StructType) -> list[Finding]:
    """SCHEMA: the same names in the same order with the same types, in the log and as Spark reads it.

    Takes: name and type as the log has them, the schema Spark reads, the schema there should be.
    """
    wanted = _kinds((field.name, field.dataType.jsonValue()) for field in state.fields)
    spark = _kinds((field.name, field.dataType.jsonValue()) for field in read.fields)
    found = _kinds(shown)
    odd = {name for name, _ in {*found, *spark} ^ {*wanted}}
    if found == spark == wanted:
        return []
    return tell_names("SCHEMA", odd or {"the order of the columns"})


def look_at_names(names: Sequence[str], project: Project) -> list[Finding]:
    """IDENTIFYING_COLUMN: by a column's name, and by the attribute it shows; agreed pseudonyms are none."""
    attributes = {column.name: column.attribute for column in project.columns}
    own = [name for name in names if name not in project.pseudonyms]
    hit = [n for n in own if {n.lower(), str(attributes.get(n)).lower()} & schemas.IDENTIFYING_COLUMNS]
    return tell_names("IDENTIFYING_COLUMN", hit)


def look_at_values(shown: Mapping[str, Sequence[str | None]], allowed: Mapping[str, Ladder]) -> list[Finding]:
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
            pupil |= {column} if looks_like_pupil(value) else set()
            school |= {column} if BRIN.search(value) else set()
    return [
        *tell_names("VALUE_NULL", null),
        *tell_names("VALUE_NOT_IN_HIERARCHY", strange),
        *tell_names("LOOKS_LIKE_PUPIL", pupil),
        *tell_names("LOOKS_LIKE_SCHOOL", school),
    ]


def possible_schools(shown: Mapping[str, Sequence[str | None]]) -> dict[str, set[str]]:
    """Codes in small letters, each with the columns that show it: `12de` is a school only if there is one."""
    possible: dict[str, set[str]] = {}
    for column, values in shown.items():
        for value in values:
            for code in BRIN_IN_ANY_CASE.findall(value or ""):
                possible.setdefault(code.upper(), set()).add(column)
    return possible


def looks_like_pupil(value: str) -> bool:
    """Eight digits in a row or more, or nine in groups that prove to be a number (`1234.56.782`)."""
    if DIGITS.search(value):
        return True
    groups = (re.sub(r"[^0-9]", "", found) for found in APART.findall(value))
    return any(len(digits) == 9 and is_pupil_number(digits) for digits in groups)


def _kinds(columns: Iterable[tuple[str, object]]) -> list[tuple[str, str]]:
    """Names and types without nullability: Delta keeps none of it when a table is made from a query."""
    return [(name, re.sub(r"'containsNull': \w+", "", str(kind))) for name, kind in columns]
