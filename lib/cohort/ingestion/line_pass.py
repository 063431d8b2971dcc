"""The second pass: files in which something is refused, not kept, mended or repeated, line by line.

Their rows stand in a file of the restricted zone for the time of a run, because several passes follow.
"""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.ingestion import fast_pass, row_validation, text_scan
from cohort.ingestion.discovery import NumberedFile
from cohort.ingestion.feedback import MOST_SHOWN_LINES
from cohort.ingestion.row_validation import CODES
from cohort.ingestion.run_context import IngestionContext
from cohort.ingestion.text_scan import LINE
from cohort.results import results_store
from cohort.states import materialised_frames
from cohort.states.schemas import DELIVERY_NUMBER

Lines = dict[int, dict[str, list[int]]]


def look(spark: SparkSession, intake: IngestionContext, files: list[NumberedFile], work: Path) -> DataFrame:
    """Every row of some files, with all of its codes and what tells the number of its line or element.

    Takes: the files, and a path for their rows.
    Gives: rows as `quality.judge` and `deliveries.read_placed` do, with `_objected`; a file's lines held
    against each other.
    """
    delivered = text_scan.scan_with_places(spark, files, intake.formats)
    rows = materialised_frames.materialise_to_parquet(fast_pass.ruled(intake, delivered), work)
    twice = materialised_frames.materialise_small_frame(row_validation.find_repeated_results(rows))
    return rows if twice is None else row_validation.refuse_repeated_results(rows, twice)


def lines(rows: DataFrame, mixed: list[int]) -> Lines:
    """The numbers of lines or elements, per delivery and code: the first `SHOWN_LINES` of each. An action.

    Takes: rows as `look` gives them; the deliveries with rows of several schools, whose lines of another
    school than that of their first line stand under `SEVERAL_SCHOOLS`.
    """
    rows = text_scan.number_lines(rows, row_validation.ROW)
    places = rows.where(F.col(CODES) != "").select(DELIVERY_NUMBER, LINE, F.explode(F.split(CODES, " ")).alias("code"))
    if mixed:
        places = places.unionByName(_of_another_school(results_store.rows_of_deliveries(rows, mixed)))
    found = (
        places.groupBy(DELIVERY_NUMBER, "code")
        .agg(F.slice(F.sort_array(F.collect_list(LINE)), 1, MOST_SHOWN_LINES).alias("lines"))
        .toArrow()
        .to_pylist()
    )
    told: Lines = {}
    for line in found:
        told.setdefault(line[DELIVERY_NUMBER], {})[line["code"]] = line["lines"]
    return told


def _of_another_school(rows: DataFrame) -> DataFrame:
    named = rows.where(F.col("brin").isNotNull())
    first = named.groupBy(DELIVERY_NUMBER).agg(F.min_by("brin", LINE).alias("_first"))
    others = named.join(F.broadcast(first), DELIVERY_NUMBER).where("brin <> _first")
    return others.select(DELIVERY_NUMBER, LINE, F.lit("SEVERAL_SCHOOLS").alias("code"))
