"""Whether a table has exactly the columns that the project agreed on. Checks SCHEMA and IDENTIFYING_COLUMN."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pyspark.sql.types import StructType

from cohort.agreements import Project
from cohort.data_states import CONTROL_COLUMNS, IDENTIFYING_COLUMNS, make_stage_schema
from cohort.verification.delta_log_check import CommitLog
from cohort.verification.findings import Finding, finding_naming
from cohort.verification.pseudonym_check import check_pseudonym_columns


def check_columns(schema: StructType, project: Project, log: CommitLog, *, control: bool) -> list[Finding]:
    """Check SCHEMA, IDENTIFYING_COLUMN and the pseudonym columns.

    Args:
        schema: the schema as Spark reads it.
        project: the project's declaration.
        log: the table's log; its schema must be the same.
        control: whether the control columns must be present.
    """
    required = make_stage_schema(
        project.released_names, project.pseudonym_columns, project.bound_names, project.mean_names
    )
    if not control:
        required = StructType([field for field in required.fields if field.name not in CONTROL_COLUMNS])
    released = [name for name in schema.fieldNames() if name not in CONTROL_COLUMNS]
    logged = log.logged_columns or [(field.name, field.dataType.jsonValue()) for field in schema.fields]
    return [
        *check_schema(logged, schema, required),
        *check_column_names(released, project),
        *check_pseudonym_columns(released, project),
    ]


def check_schema(logged: Sequence[tuple[str, object]], schema: StructType, required: StructType) -> list[Finding]:
    """Check SCHEMA: the same names with the same types in the same order, in the log and as Spark reads it.

    Args:
        logged: name and type of each column in the log.
        schema: the schema as Spark reads it.
        required: the schema that there must be.
    """
    required_columns = _names_and_types((field.name, field.dataType.jsonValue()) for field in required.fields)
    spark_columns = _names_and_types((field.name, field.dataType.jsonValue()) for field in schema.fields)
    logged_columns = _names_and_types(logged)
    if logged_columns == spark_columns == required_columns:
        return []
    wrong = {name for name, _ in {*logged_columns, *spark_columns} ^ {*required_columns}}
    return finding_naming("SCHEMA", wrong or {"the order of the columns"})


def check_column_names(names: Sequence[str], project: Project) -> list[Finding]:
    """Check IDENTIFYING_COLUMN: by a column's name and by the attribute it shows; agreed pseudonyms are allowed."""
    attributes = {column.name: column.attribute for column in project.columns}
    own = [name for name in names if name not in project.pseudonym_columns]
    identifying = [name for name in own if {name.lower(), str(attributes.get(name)).lower()} & IDENTIFYING_COLUMNS]
    return finding_naming("IDENTIFYING_COLUMN", identifying)


def _names_and_types(columns: Iterable[tuple[str, object]]) -> list[tuple[str, str]]:
    """Return names and types without nullability: Delta keeps none when a table is made from a query."""
    return [(name, re.sub(r"'containsNull': \w+", "", str(kind))) for name, kind in columns]
