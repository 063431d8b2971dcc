"""Every row of a run of intake judged, objections and consents applied, to be counted and written.

Rows are written to a file of their own between, because several passes follow. What stands of the lists is
written down here, before they are used; so is whom a list that allows leaves out, whose rows are not kept.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import (
    barred,
    checks,
    consents,
    deliveries,
    effects,
    frames,
    objections,
    permissions,
    plausibility,
    quality,
    removal,
)
from cohort.catalogue import Catalogue
from cohort.consents import NOBODY, Given
from cohort.formats import Formats
from cohort.ledger import Ledger
from cohort.numbers import Changes
from cohort.objections import Objections
from cohort.places import Places
from cohort.platform import Platform
from cohort.reception import Numbered
from cohort.schema import NUMBER


@dataclass(frozen=True)
class Intake:
    """What one run of intake needs beside the files."""

    places: Places
    platform: Platform
    catalogue: Catalogue
    formats: Formats
    lists: Objections
    changes: Changes
    now: dt.datetime
    consented: Given = NOBODY
    """Whose special-category values may be kept, of which category: nobody's unless it is said."""

    @property
    def waiting(self) -> frozenset[str]:
        """Schools of which a list says who may be used, and that list is older than this run."""
        older = (one.schools for one in self.lists.permissions if one.date < self.now.date())
        return frozenset[str]().union(*older)


def appraise(
    spark: SparkSession, intake: Intake, readable: list[Numbered], known: Ledger, work: Path
) -> tuple[DataFrame, dict[int, dict[str, int]]]:
    """Every row with its codes, kept in a file because several passes follow; and warnings per delivery."""
    delivered = deliveries.read(spark, readable, intake.formats)
    rules = intake.platform.intake.rules
    once = quality.judge(
        spark, delivered, intake.catalogue, intake.now.date(), intake.changes.newest_of, rules.told
    )
    named = barred.marked(once, barred.named(spark, intake.lists))
    marked = consents.kept_at_intake(named, intake.consented)
    marked.write.option("compression", "lz4").parquet(str(work))
    kept = _kept(spark, intake, known, spark.read.schema(marked.schema).parquet(str(work)), work)
    twice = frames.materialised(quality.repeated(kept))
    rows = quality.refuse_repeated(kept, twice)
    refusing = [code for code, rule in rules.of_pupils.items() if rule == "refuse"]
    earlier = removal.current(spark, intake.places, known.batches) if known.current() else None
    doubtful = plausibility.doubtful(rows, earlier)
    doubtful.write.option("compression", "lz4").parquet(f"{work}-doubtful")
    doubtful = spark.read.schema(doubtful.schema).parquet(f"{work}-doubtful")
    warnings = plausibility.warnings(doubtful, refusing)
    if rules.told:
        for line in quality.outside(rows).toArrow().to_pylist():
            warnings.setdefault(line[NUMBER], {})[checks.OUTSIDE] = line["n"]
    return plausibility.refused(rows, doubtful, refusing), warnings


def _kept(spark: SparkSession, intake: Intake, known: Ledger, rows: DataFrame, work: Path) -> DataFrame:
    """The rows with every objection applied, once the lists are held to what they take away.

    What stands of the lists is written down here, before they are used; so is whom a list that allows
    leaves out, whose rows are not kept.
    """
    places, lists, domains = intake.places, intake.lists, intake.catalogue.domains()
    sure = rows.where(~F.contains(quality.CODES, F.lit("BRIN_")) & (F.col(quality.CODES) != checks.BROKEN))
    waiting = frames.local(spark, "brin string not null", [(school,) for school in sorted(intake.waiting)])
    sure = sure.join(F.broadcast(waiting), "brin", "left_anti")
    seen = sure.where(F.col("pgn").isNotNull()).select("pgn", "brin", "domein")
    effects.require_small(seen, lists, intake.platform.objections, domains, only_new=True)
    objections.remember(places.restricted, lists, effects.met(rows.select("pgn"), lists))
    if not lists.permissions:
        return rows
    everywhere = seen.select(*permissions.PRESENT)
    if known.batches:
        there = removal.current(spark, places, known.batches)
        everywhere = everywhere.union(there.select(*permissions.PRESENT))
    left = barred.left_out(lists, everywhere, domains)
    left.write.option("compression", "lz4").parquet(f"{work}-left-out")
    left = spark.read.schema(left.schema).parquet(f"{work}-left-out")
    permissions.note(spark, seen, left, lists.permissions, places.unlisted, intake.platform.tables)
    return barred.marked(rows, left)
