"""Where the refused lines of a file are: line numbers per delivery and reason code, for the feedback to schools.

In go the validated rows of a run, out come small dictionaries of numbers; never a value of a row.
"""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.data_states import DELIVERY_NUMBER, FILE_LINE
from cohort.ingestion import text_scan
from cohort.ingestion.feedback_document import MOST_SHOWN_LINES
from cohort.ingestion.row_validation import CODES, ROW
from cohort.results import rows_of_deliveries

LineNumbers = dict[int, dict[str, list[int]]]
"""Per delivery and reason code the first `MOST_SHOWN_LINES` line (or element) numbers."""
SEVERAL_SCHOOLS = "SEVERAL_SCHOOLS"


def find_line_numbers(rows: DataFrame, faulty: Collection[int], of_several_schools: Collection[int]) -> LineNumbers:
    """Number the lines of every reason code: an action.

    Args:
        rows: all validated rows of the run, with their final codes.
        faulty: the deliveries with a refused row.
        of_several_schools: the deliveries with rows of several schools; their lines of another school than that of
            their first line are listed under `SEVERAL_SCHOOLS`.
    """
    concerned = {*faulty, *of_several_schools}
    if not concerned:
        return {}
    every = rows_of_deliveries(rows, concerned)
    refused = text_scan.number_lines(every.where(F.col(CODES) != ""), every, ROW)
    places = refused.select(DELIVERY_NUMBER, FILE_LINE, F.explode(F.split(CODES, " ")).alias("code"))
    if of_several_schools:
        mixed = rows_of_deliveries(rows, of_several_schools)
        places = places.unionByName(_lines_of_other_schools(text_scan.number_lines(mixed, mixed, ROW)))
    first_lines = F.slice(F.sort_array(F.collect_list(FILE_LINE)), 1, MOST_SHOWN_LINES).alias("lines")
    line_numbers: LineNumbers = {}
    for group in places.groupBy(DELIVERY_NUMBER, "code").agg(first_lines).toArrow().to_pylist():
        line_numbers.setdefault(group[DELIVERY_NUMBER], {})[group["code"]] = group["lines"]
    return line_numbers


def _lines_of_other_schools(rows: DataFrame) -> DataFrame:
    named = rows.where(F.col("brin").isNotNull())
    first = named.groupBy(DELIVERY_NUMBER).agg(F.min_by("brin", FILE_LINE).alias("_first"))
    others = named.join(F.broadcast(first), DELIVERY_NUMBER).where("brin <> _first")
    return others.select(DELIVERY_NUMBER, FILE_LINE, F.lit(SEVERAL_SCHOOLS).alias("code"))
