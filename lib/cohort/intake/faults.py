"""Where in a school's file each fault stands: a second pass, over the files with refusals only."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort import deliveries, quality
from cohort.catalogue import Catalogue
from cohort.intake import plausibility
from cohort.intake.feedback import SHOWN_LINES
from cohort.intake.formats import Formats
from cohort.intake.ledger import Entry
from cohort.intake.plausibility import Doubts
from cohort.intake.reception import Numbered
from cohort.quality import CODES
from cohort.schema import NUMBER

Lines = dict[int, dict[str, list[int]]]


def lines(
    spark: SparkSession, readable: list[Numbered], entries: list[Entry], formats: Formats,
    catalogue: Catalogue, today: dt.date, newest: Mapping[str, str], told: Collection[str],
    doubts: Doubts,
) -> Lines:  # fmt: skip
    """The numbers of lines or elements, per delivery and code: the first `SHOWN_LINES` of each.

    Takes: the files that could be read, and what became of them; the doubts about pupils of this run.
    """
    asked = {entry.levering_nr for entry in entries if entry.codes}
    files = [(n, f) for n, f in readable if n in asked]
    if not files:
        return {}
    once = quality.judge(spark, deliveries.read_lines(spark, files, formats), catalogue, today, newest, told)
    kept = (*plausibility.PAIR, NUMBER, "line", CODES, quality.SAME_RESULT, quality.SAME_ROW)
    judged = once.select(*kept).persist()
    whole = quality.refuse_repeated(judged, quality.repeated(judged, "line"), "line")
    refused = plausibility.refused(whole, doubts.pupils, doubts.refused)
    found = (
        refused.where(F.col(CODES) != "")
        .select(NUMBER, "line", F.explode(F.split(CODES, " ")).alias("code"))
        .groupBy(NUMBER, "code")
        .agg(F.slice(F.sort_array(F.collect_list("line")), 1, SHOWN_LINES).alias("lines"))
        .toArrow()
        .to_pylist()
    )
    judged.unpersist()
    places: Lines = defaultdict(dict)
    for line in found:
        places[line[NUMBER]][line["code"]] = line["lines"]
    return places
