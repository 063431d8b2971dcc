"""The small drawn release with a sensitive column: the level of spelling, in the middle of the others.

Among the thirty boys and among the thirty girls the levels I, II and III have ten each. Pupil 61, who was
suppressed, has level I; so of all pupils with a record 21 have it, and 20 each of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from tests.unit import drawn_release as drawn
from tests.unit.drawn_release import Row, Stage, bsn

from cohort import delta
from cohort.agreements.project import Project
from cohort.data_states import schemas

Break = Callable[[list[Row]], None]
LOOSE = Decimal("0.9")


def level(n: int) -> str:
    return ("I", "II", "III")[n // 2 % 3]


def results(level: Callable[[int], str] = level) -> list[Row]:
    """The drawn results with a level of each pupil's own."""
    number = {bsn(n): n for n in range(62)}
    return [
        row | {"niveau_IV": level(number[row["pgn"]])} if row["niveau_IV"] is not None else row
        for row in drawn.results()
    ]


def project(**constraint: Any) -> Project:
    """The drawn project with a level, in the middle of its columns, that is sensitive."""
    columns = drawn.project().model_dump(exclude_unset=True)["columns"]
    columns[2] |= {"role": "sensitive", "constraint": {"largest_value": LOOSE} | constraint}
    return drawn.project(columns=columns)


def special() -> Project:
    """The drawn project with its level of spelling as a special category."""
    own = project(distinct=2)
    columns = [
        c.model_copy(update={"legal_ground": "AVG art. 9 lid 2 onder a"}) if c.role == "sensitive" else c
        for c in own.columns
    ]
    return own.model_copy(update={"columns": columns})


def nothing(_: list[Row]) -> None:
    """Leave the stage as it is drawn."""


def stage(edit: Break = nothing, **how: Any) -> Stage:
    made = Stage(**how)
    for n, row in enumerate(made.rows):
        row["niveau"] = level(n)
    edit(made.rows)
    return made


def restricted(spark: SparkSession, path: Path, rows: list[Row]) -> Path:
    """The results as the restricted table."""
    delta.create_table(
        spark, path, schemas.RESULTS_SCHEMA, drawn.platform().tables, partitioned_by=schemas.RESULTS_PARTITION
    )
    delta.append_rows(spark.createDataFrame(rows, schemas.RESULTS_SCHEMA), path, "batch 1")  # type: ignore[type-var]
    return path
