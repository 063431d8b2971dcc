"""Frames computed once for several passes, and barriers in Spark's code generation.

The `materialise_` functions are Spark actions: only orchestrators call them, never a stage.
"""

from __future__ import annotations

from pyspark.sql import DataFrame

from cohort.data_states.local_frames import make_frame_from_arrow
from cohort.storage import StoragePath

MAX_PARTITIONS = 2**20
"""More partitions than a frame ever has."""


def break_codegen(frame: DataFrame) -> DataFrame:
    """Put a barrier in Spark's code generation: what is done before and after it is compiled separately.

    The JVM compiles no method of more than 8,000 bytes. Where Spark generates a longer one for a chain of steps, it
    falls back to steps that copy every row; the barrier keeps each generated method under the limit.

    Returns:
        The same rows in the same partitions.
    """
    return frame.coalesce(MAX_PARTITIONS)


def materialise_to_parquet(frame: DataFrame, folder: StoragePath) -> DataFrame:
    """Compute a frame once and read it back, for several passes; a Spark action.

    Args:
        frame: the frame.
        folder: a folder of the restricted zone that does not exist yet. The caller removes it.
    """
    frame.write.option("compression", "lz4").parquet(str(folder))
    return frame.sparkSession.read.schema(frame.schema).parquet(str(folder))


def materialise_small_frame(frame: DataFrame) -> DataFrame | None:
    """Compute a frame of a few rows once, on the driver; a Spark action.

    Returns:
        The same rows as a local frame, None where there is no row.
    """
    rows = frame.toArrow()
    return make_frame_from_arrow(frame.sparkSession, rows, frame.schema) if rows.num_rows else None
