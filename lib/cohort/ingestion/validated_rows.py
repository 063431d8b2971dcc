"""The one pass over new files: every row with its verdict, materialised once for the set operations that follow.

In go the readable files of a run, out comes a Parquet folder in the restricted scratch zone, called by
`batch_validation`. The folder has a part for the sound rows of each school year and one for all others: files of sound
rows can be copied into the results as they are. The pipeline empties the scratch zone when a run ends.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.data_states import DELIVERY_NUMBER, make_local_frame
from cohort.erasure import OBJECTED_COLUMN, mark_rows_of_listed_pupils
from cohort.ingestion import row_validation, text_scan
from cohort.ingestion.discovery import NumberedFile
from cohort.ingestion.row_validation import CODES, RESULT_HASH, ROW, ROW_HASH
from cohort.ingestion.run_context import IngestionContext
from cohort.legal_basis import suppress_values_at_intake
from cohort.results import data_file_count
from cohort.storage import StoragePath

SOUND = "is_sound"
"""Whether a row broke no rule of a single row, its pupil is on no list of objections, and its file has no line twice.

Of a file with a line twice a row will be refused: apart from the others it keeps none of them from being copied."""
SOUND_YEAR = "sound_year"
"""The school year of a sound row. Of others it is null: what a school wrote must not become the name of a folder."""
SCRATCH_FILE = "_file"
"""The Parquet file of the scratch zone that a row was written to."""
DIFFERENT_IN_EVERY_ROW = (ROW, RESULT_HASH, ROW_HASH)
"""Columns for which a dictionary would only be begun and given up."""
_WITH_EQUAL_LINES = "_with_equal_lines"


def write_validated_rows(
    spark: SparkSession, context: IngestionContext, readable: list[NumberedFile], folder: StoragePath
) -> DataFrame:
    """Read the new files once and write every row with its verdict: an action.

    Args:
        readable: the files that can be read, with their delivery numbers.
        folder: a new folder of the restricted scratch zone.

    Returns:
        The rows of `validate_new_rows` as they were written, with `_file`.
    """
    rows = validate_new_rows(spark, context, readable)
    without_dictionary = {f"parquet.enable.dictionary#{name}": "false" for name in DIFFERENT_IN_EVERY_ROW}
    rows.write.options(**without_dictionary).partitionBy(SOUND, SOUND_YEAR).parquet(str(folder))
    written = spark.read.schema(rows.schema).parquet(str(folder))
    return written.select("*", F.col("_metadata.file_path").alias(SCRATCH_FILE))


def validate_new_rows(spark: SparkSession, context: IngestionContext, readable: list[NumberedFile]) -> DataFrame:
    """Every row of the new files with its verdict, in as many partitions as the results get files.

    Returns:
        The rows of `row_validation.validate_rows` with `_objected` (true where the pupil is listed in an objection
        against the row's domain, else null), without special-category values that nobody may keep, with `is_sound`
        and `sound_year`.
    """
    lines = sum(file.rows for _, file in readable)
    validated = row_validation.validate_rows(
        text_scan.scan_text_files(spark, readable, context.formats),
        context.catalogue,
        context.now.date(),
        context.changes.newest_numbers,
        context.platform.intake.rules.row_warnings,
        data_file_count(spark, lines),
    )
    marked = mark_rows_of_listed_pupils(validated, context.objections)
    permitted = suppress_values_at_intake(marked, context.consents)
    state = f"{DELIVERY_NUMBER} int not null, {_WITH_EQUAL_LINES} boolean not null"
    repeating = make_local_frame(spark, state, [(number, True) for number, file in readable if file.has_equal_lines])
    joined = permitted.join(F.broadcast(repeating), DELIVERY_NUMBER, "left")
    is_sound = (F.col(CODES) == "") & F.col(OBJECTED_COLUMN).isNull() & F.col(_WITH_EQUAL_LINES).isNull()
    sound = joined.select(*permitted.columns, is_sound.alias(SOUND))
    return sound.withColumn(SOUND_YEAR, F.when(F.col(SOUND), F.col("schooljaar")))


def list_sound_files(folder: StoragePath) -> list[StoragePath]:
    """The Parquet files of the sound rows, each in the folder of its school year."""
    return sorted((folder / f"{SOUND}=true").glob("*/*.parquet"))
