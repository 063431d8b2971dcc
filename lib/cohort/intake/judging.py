"""Every new row with what becomes of it: its codes, whether somebody objects to it, what is told of it.

The rows stand in a file of the restricted zone for the time of a run, because several passes follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import consents, deliveries, frames, objections, quality
from cohort.filed import barred, effects, permissions, removal
from cohort.intake import checks, plausibility
from cohort.intake.ledger import Ledger
from cohort.intake.plausibility import Doubts
from cohort.intake.reception import Numbered
from cohort.intake.run import Intake
from cohort.schema import NUMBER


@dataclass(frozen=True)
class Judged:
    """Rows as `quality.judge` gives them, with `_objected`; per delivery what is told; the doubts."""

    rows: DataFrame
    warnings: dict[int, dict[str, int]]
    doubts: Doubts


def judge(spark: SparkSession, intake: Intake, readable: list[Numbered], known: Ledger, work: Path) -> Judged:
    """Read the new files and hold every row against every rule, and the pupils' rows against each other.

    Takes: the files that can be read; what was taken in before; a path for the rows of this run.
    """
    delivered = deliveries.read(spark, readable, intake.formats)
    rules = intake.platform.intake.rules
    once = quality.judge(
        spark, delivered, intake.catalogue, intake.now.date(), intake.changes.newest_of, rules.told
    )
    named = barred.marked_by_name(once, intake.lists)
    marked = consents.kept_at_intake(named, intake.consented)
    marked.write.option("compression", "lz4").parquet(str(work))
    kept = _kept(spark, intake, known, spark.read.schema(marked.schema).parquet(str(work)), work)
    twice = frames.materialised(quality.repeated(kept))
    judged = kept if twice is None else quality.refuse_repeated(kept, twice)
    earlier = removal.current(spark, intake.places, known.batches) if known.current() else None
    doubtful = plausibility.doubtful(judged, earlier)
    doubtful.write.option("compression", "lz4").parquet(f"{work}-doubtful")
    doubtful = spark.read.schema(doubtful.schema).parquet(f"{work}-doubtful")
    told = plausibility.counted(doubtful)
    refusing = [code for code, rule in rules.of_pupils.items() if rule == "refuse"]
    warnings = {n: {c: m for c, m in of.items() if c not in refusing} for n, of in told.items()}
    if rules.told:
        for line in quality.outside(judged).toArrow().to_pylist():
            warnings.setdefault(line[NUMBER], {})[checks.OUTSIDE] = line["n"]
    met = tuple(code for code in refusing if any(code in of for of in told.values()))
    return Judged(plausibility.refused(judged, doubtful, met), warnings, Doubts(doubtful, met))


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
        everywhere = everywhere.union(
            removal.current(spark, places, known.batches).select(*permissions.PRESENT)
        )
    left = barred.left_out(lists, everywhere, domains)
    left.write.option("compression", "lz4").parquet(f"{work}-left-out")
    left = spark.read.schema(left.schema).parquet(f"{work}-left-out")
    permissions.note(spark, seen, left, lists.permissions, places.unlisted, intake.platform.tables)
    return barred.marked(rows, left)
