"""Small local frames: what the driver knows (lists, schools, keys, classes), handed to Spark as Arrow.

Nothing of them stands in a plan, and no Python worker is started for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

MAX_PARTITIONS = 2**20
"""More partitions than a frame ever has."""


def make_local_frame(spark: SparkSession, state: StructType | str, rows: Sequence[Sequence[Any]]) -> DataFrame:
    """A frame of a few rows.

    Takes: its schema (a StructType or a DDL text) and the rows, each in the schema's order.
    """
    struct = parse_ddl_schema(state) if isinstance(state, str) else state
    return make_frame_from_arrow(spark, make_arrow_table(struct, rows), struct)


def make_arrow_table(state: StructType, rows: Sequence[Sequence[Any]]) -> pa.Table:
    """A few rows, each in the schema's order, as an Arrow table."""
    fields = to_arrow_schema(state)
    columns = [pa.array([row[i] for row in rows], field.type) for i, field in enumerate(fields)]
    return pa.table(columns, schema=fields)


def parse_ddl_schema(state: str) -> StructType:
    """A schema from a DDL text."""
    return cast(StructType, StructType.fromDDL(state))


def make_frame_from_arrow(spark: SparkSession, table: pa.Table, state: StructType | None = None) -> DataFrame:
    """An Arrow table of the driver's, as a frame."""
    made: DataFrame = cast(Any, spark).createDataFrame(table, state)  # pyspark's types know no Arrow here
    return made


def break_codegen(frame: DataFrame) -> DataFrame:
    """The same rows; what is done before and what is done after are compiled apart.

    The JVM compiles no method of more than 8,000 bytes. Of steps that are longer together Spark compiles none
    together, and copies every row from each to the next.
    """
    return frame.coalesce(MAX_PARTITIONS)


def materialise_to_parquet(frame: DataFrame, path: Path) -> DataFrame:
    """A frame computed once, for several passes, in a new folder of the restricted zone: an action."""
    frame.write.option("compression", "lz4").parquet(str(path))
    return frame.sparkSession.read.schema(frame.schema).parquet(str(path))


def materialise_small_frame(small: DataFrame) -> DataFrame | None:
    """A frame of a few rows, computed once; None for no row: an action."""
    found = small.toArrow()
    return make_frame_from_arrow(small.sparkSession, found, small.schema) if found.num_rows else None
