"""Local frames: rows that the driver holds (lists, schools, keys, classes), handed to Spark as Arrow.

No value of such a frame stands in a plan or a log, and no Python worker is started for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType


def make_local_frame(spark: SparkSession, schema: StructType | str, rows: Sequence[Sequence[Any]]) -> DataFrame:
    """Make a frame of a few rows.

    Args:
        spark: the session.
        schema: a StructType or a DDL text.
        rows: the rows, each in the order of the schema.
    """
    struct = parse_ddl_schema(schema) if isinstance(schema, str) else schema
    return make_frame_from_arrow(spark, make_arrow_table(struct, rows), struct)


def make_arrow_table(schema: StructType, rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Make an Arrow table of a few rows, each in the order of the schema."""
    fields = to_arrow_schema(schema)
    columns = [pa.array([row[i] for row in rows], field.type) for i, field in enumerate(fields)]
    return pa.table(columns, schema=fields)


def parse_ddl_schema(ddl: str) -> StructType:
    """Parse a schema written as DDL, such as `pgn string not null`."""
    return cast(StructType, StructType.fromDDL(ddl))


def make_frame_from_arrow(spark: SparkSession, table: pa.Table, schema: StructType | None = None) -> DataFrame:
    """Hand an Arrow table to Spark as a frame."""
    frame: DataFrame = cast(Any, spark).createDataFrame(table, schema)  # pyspark's types know no Arrow here
    return frame
