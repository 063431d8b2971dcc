"""Every new file with what becomes of its rows: two passes, then the lists, then a pupil's rows together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import frames, objections
from cohort.filed import barred, effects, permissions, removal
from cohort.intake import accounts, checks, plausibility, scrutiny, sifting, stored
from cohort.intake.accounts import Count
from cohort.intake.ledger import Ledger
from cohort.intake.reception import Numbered
from cohort.intake.run import Intake
from cohort.intake.scrutiny import Lines
from cohort.intake.sifting import Sifted
from cohort.quality import CODES
from cohort.schema import NUMBER


@dataclass(frozen=True)
class Judged:
    """Per delivery its counts, what stands of it in the results, what is told of it, where its faults are.

    `rows` are those of deliveries that were looked at line by line, None when there are none.
    """

    counts: dict[int, Count]
    sifted: dict[int, Count]
    warnings: dict[int, dict[str, int]]
    lines: Lines = field(default_factory=dict)
    rows: DataFrame | None = None


def judge(spark: SparkSession, intake: Intake, readable: list[Numbered], known: Ledger, batch: int) -> Judged:
    """Read the new files and hold every row against every rule, and the pupils' rows against each other.

    Takes: the files that can be read; what was taken in before; this run's batch. Its good rows stand in the
    results afterwards, and so may rows that do not count: `settling` takes those out.
    """
    sifted = sifting.sift(spark, intake, readable, batch)
    suspects = sifted.suspects | _covered(sifted, intake) | frozenset(_mixed(sifted.counts))
    looked = _look(spark, intake, readable, suspects, f"{batch}")
    clean = stored.of_batch(spark, intake.places, batch)
    looked = _kept(spark, intake, known, sifting.without(clean, suspects), looked)
    doubtful = _doubtful(spark, intake, known, _good(clean, suspects, looked), batch)
    told = plausibility.counted(doubtful)
    refusing = [code for code, rule in intake.platform.intake.rules.of_pupils.items() if rule == "refuse"]
    met = [code for code in refusing if any(code in of for of in told.values())]
    late = {n for n, of in told.items() if set(of) & set(met)} - suspects
    if late:
        more = _look(spark, intake, readable, late, f"{batch}-late")
        looked = more if looked is None or more is None else looked.unionByName(more)
    warnings = {n: {c: m for c, m in of.items() if c not in refusing} for n, of in told.items()}
    if looked is None:
        return _told(Judged(sifted.counts, sifted.counts, warnings))
    rows = plausibility.refused(looked, doubtful, met)
    again = accounts.count(rows, intake.platform.intake.rules.told)
    counts = sifted.counts | dict.fromkeys(suspects | late, Count()) | again
    where = scrutiny.lines(rows)
    for number, others in scrutiny.lines_of_others(rows, _mixed(counts)).items():
        where.setdefault(number, {}).update(others)
    return _told(Judged(counts, sifted.counts, warnings, where, rows))


def _mixed(counts: dict[int, Count]) -> list[int]:
    """Deliveries with rows of several schools."""
    return [number for number, count in counts.items() if len(count.schools) > 1]


def _covered(sifted: Sifted, intake: Intake) -> frozenset[int]:
    """Deliveries of schools of which a list says who may be used: whose rows are kept is not known yet."""
    schools = frozenset[str]().union(*(one.schools for one in intake.lists.permissions))
    return frozenset(n for n, count in sifted.counts.items() if count.schools & schools)


def _look(
    spark: SparkSession, intake: Intake, readable: list[Numbered], numbers: Collection[int], name: str
) -> DataFrame | None:
    files = [(n, file) for n, file in readable if n in numbers]
    return scrutiny.look(spark, intake, files, intake.places.work / name) if files else None


def _good(clean: DataFrame, suspects: Collection[int], looked: DataFrame | None) -> DataFrame:
    """The rows that broke no rule so far, as far as the rules on pupils need them."""
    columns = (*plausibility.PAIR, NUMBER, "brin", "jaargroep")
    good = sifting.without(clean, suspects).select(*columns)
    return good if looked is None else good.union(looked.where(F.col(CODES) == "").select(*columns))


def _doubtful(spark: SparkSession, intake: Intake, known: Ledger, good: DataFrame, batch: int) -> DataFrame:
    earlier = removal.current(spark, intake.places, known.batches) if known.current() else None
    doubtful, path = plausibility.doubtful(good, earlier), str(intake.places.work / f"{batch}-doubtful")
    doubtful.write.option("compression", "lz4").parquet(path)
    return spark.read.schema(doubtful.schema).parquet(path)


def _told(judged: Judged) -> Judged:
    """With the rows dated outside their school year, where that is told and not refused."""
    for number, count in judged.counts.items():
        if count.outside:
            judged.warnings.setdefault(number, {})[checks.OUTSIDE] = count.outside
    return judged


def _kept(
    spark: SparkSession, intake: Intake, known: Ledger, clean: DataFrame, looked: DataFrame | None
) -> DataFrame | None:
    """The rows looked at with every objection applied, once the lists are held to what they take away.

    Takes: rows of deliveries in which nobody objects, at a school without a list that allows; all rows of the
    others. What stands of the lists is written down here; so is whom a list that allows leaves out,
    whose rows are not kept.
    """
    places, lists, domains = intake.places, intake.lists, intake.catalogue.domains()
    if looked is None:
        objections.remember(places.restricted, lists)
        return None
    columns = ("pgn", "brin", "domein")
    sure = looked.where(~F.contains(CODES, F.lit("BRIN_")) & (F.col(CODES) != checks.BROKEN))
    waiting = frames.local(spark, "brin string not null", [(school,) for school in sorted(intake.waiting)])
    sure = sure.join(F.broadcast(waiting), "brin", "left_anti")
    there = sure.where(F.col("pgn").isNotNull()).select(*columns)
    seen = there.unionByName(clean.select(*columns))
    effects.require_small(seen, lists, intake.platform.objections, domains, only_new=True)
    objections.remember(places.restricted, lists, effects.met(looked.select("pgn"), lists))
    if not lists.permissions:
        return looked
    everywhere = seen.select(*permissions.PRESENT)
    if known.batches:
        everywhere = everywhere.union(
            removal.current(spark, places, known.batches).select(*permissions.PRESENT)
        )
    left, path = barred.left_out(lists, everywhere, domains), f"{places.work}/left-out"
    left.write.option("compression", "lz4").parquet(path)
    left = spark.read.schema(left.schema).parquet(path)
    permissions.note(spark, seen, left, lists.permissions, places.unlisted, intake.platform.tables)
    return barred.marked(looked, left)
