"""What is remembered of a release, under its pupils' newest numbers: a change may come after publication.

Without it a pupil with a new number would count as gone, and take others along, and come back as another.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from cohort import frames, register, tables
from cohort.filed.numbers import Changes
from cohort.keys import Key
from cohort.later import memory
from cohort.places import Places
from cohort.project import Project
from cohort.pseudonymise import hmac_sha256
from cohort.schema import PUPIL

NEW = "_new"


def follow(spark: SparkSession, places: Places, project: Project, key: Key, changes: Changes) -> int:
    """Give what is remembered of a project's published release the pseudonyms of the newest numbers.

    Takes: the project and its key; all changes of numbers: nothing is done when these were followed before,
    or where nothing is remembered of a project, since it is pseudonymous or not published.
    Gives: how many pupils are remembered under another pseudonym now. A pupil who was in the release under
    both numbers stays under both, of which the older one counts as gone. Killed half-way, it is done again.
    """
    read = register.published(places, project.name)
    if read is None or project.pseudonymous:
        return 0
    memory.require(places, read)
    folder = memory.folder(places, read)
    facts = register.load(folder / memory.FACTS)
    if not changes.newest_of or facts["followed"] == changes.digest():
        return 0
    pairs = _pairs(spark, key, changes).persist()
    left, pupils = folder / memory.LEFT, spark.read.parquet(str(folder / facts["at"]))
    known = pupils.select(PUPIL)
    if left.exists():
        gone = spark.read.parquet(str(left)).join(F.broadcast(pairs), PUPIL, "inner")
        gone.select(F.col(NEW).alias(PUPIL)).write.mode("append").parquet(str(left))
        known = known.unionByName(spark.read.parquet(str(left)))
    once = F.row_number().over(Window.partitionBy(NEW).orderBy(PUPIL))
    moved = (
        pairs.join(pupils.select(PUPIL), PUPIL, "left_semi")
        .join(known.select(F.col(PUPIL).alias(NEW)), NEW, "left_anti")
        .select(PUPIL, NEW, once.alias("_once"))
        .where(F.col("_once") == 1)
        .drop("_once")
        .persist()
    )
    number = moved.count()
    if number:
        at = f"{memory.PUPILS}-{changes.digest()[:12]}"
        tables.remove_folder(folder / at, where=f"restricted/released/{project.name}")
        others = [name for name in pupils.columns if name != PUPIL]
        followed = pupils.join(F.broadcast(moved), PUPIL, "left")
        followed = followed.select(F.coalesce(NEW, PUPIL).alias(PUPIL), *others)
        followed.write.option("compression", "zstd").parquet(str(folder / at))
        facts = {**facts, "at": at}
    register.write(folder / memory.FACTS, {**facts, "followed": changes.digest()})
    for path in folder.glob(f"{memory.PUPILS}*"):
        if path.name != facts["at"]:
            tables.remove_folder(path, where=f"restricted/released/{project.name}")
    pairs.unpersist()
    moved.unpersist()
    return number


def _pairs(spark: SparkSession, key: Key, changes: Changes) -> DataFrame:
    """The pseudonym of every number that was replaced, with that of the newest of its pupil."""
    numbers = frames.local(spark, "old string not null, new string not null", [*changes.newest_of.items()])
    of = {
        name: hmac_sha256(F.concat(F.lit("pgn|"), F.col(text)))
        for name, text in ((PUPIL, "old"), (NEW, "new"))
    }
    return numbers.join(F.broadcast(key.frame(spark))).select(*(mac.alias(name) for name, mac in of.items()))
