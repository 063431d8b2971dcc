"""Results that a file gives more than once: equal lines count once, contradicting lines not at all.

In go the validated rows of one run, out come the same rows with the codes `DUPLICATE` and `CONFLICT`. Rows of two
files are never compared here: a later file supersedes an earlier one (`supersession`).
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.data_states import DELIVERY_NUMBER, materialise_small_frame
from cohort.ingestion.row_validation import CODES, RESULT_HASH, ROW, ROW_HASH

_FIRST_ROW, _ALL_EQUAL = "_first_row", "_all_equal"


def refuse_repeated_results(rows: DataFrame) -> DataFrame:
    """Add the codes of lines that repeat or contradict another line of their file: an action.

    Args:
        rows: as `row_validation.validate_rows` gives them, materialised.

    Returns:
        The same rows; of equal lines all but the first are `DUPLICATE`, of different lines for one result all are
        `CONFLICT`.
    """
    repeated = materialise_small_frame(_find_repeated_results(rows))
    if repeated is None:
        return rows
    is_later = F.col(ROW) != F.col(_FIRST_ROW)
    code = F.when(~F.col(_ALL_EQUAL), "CONFLICT").when(is_later, "DUPLICATE")
    codes = F.concat_ws(" ", F.nullif(F.col(CODES), F.lit("")), code)
    joined = rows.join(F.broadcast(repeated), [DELIVERY_NUMBER, RESULT_HASH], "left")
    return joined.withColumn(CODES, codes).select(*rows.columns)


def _find_repeated_results(rows: DataFrame) -> DataFrame:
    """The results that more than one line of a file has, each with its first line and whether all are equal."""
    owned = rows.where(F.col(RESULT_HASH).isNotNull())
    results = owned.groupBy(DELIVERY_NUMBER, RESULT_HASH).agg(
        F.count(F.lit(1)).alias("_lines"),
        (F.min(ROW_HASH) == F.max(ROW_HASH)).alias(_ALL_EQUAL),
        F.min(ROW).alias(_FIRST_ROW),
    )
    return results.where("_lines > 1").select(DELIVERY_NUMBER, RESULT_HASH, _ALL_EQUAL, _FIRST_ROW)
