"""What is remembered of a release, under its pupils' newest numbers: a change may come after publication.

Without it a pupil with a new number would count as gone, and take others along, and come back as another.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from cohort import delta
from cohort.agreements.project import Project
from cohort.anonymisation.pseudonymise import hmac_sha256
from cohort.keys.project_keys import Key
from cohort.legal_basis.number_changes import Changes
from cohort.release_records import class_snapshot, release_record
from cohort.states import local_frames
from cohort.states.schemas import PUPIL
from cohort.storage.paths import Places

NEW = "_new"


def follow(spark: SparkSession, places: Places, project: Project, key: Key, changes: Changes) -> int:
    """Give what is remembered of a project's published release the pseudonyms of the newest numbers.

    Takes: the project and its key; all changes of numbers: nothing is done when these were followed before,
    or where nothing is remembered of a project, since it is pseudonymous or not published.
    Gives: how many pupils are remembered under another pseudonym now. A pupil who was in the release under
    both numbers stays under both, of which the older one counts as gone. Killed half-way, it is done again.
    """
    read = release_record.published(places, project.name)
    if read is None or project.pseudonymous:
        return 0
    class_snapshot.require(places, read)
    folder = class_snapshot.folder(places, read)
    facts = release_record.load(folder / class_snapshot.FACTS)
    if not changes.newest_of or facts["followed"] == changes.digest():
        return 0
    pairs = _pairs(spark, key, changes).persist()
    left, pupils = folder / class_snapshot.LEFT, spark.read.parquet(str(folder / facts["at"]))
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
        at = f"{class_snapshot.PUPILS}-{changes.digest()[:12]}"
        delta.remove_folder(folder / at, where=f"restricted/released/{project.name}")
        others = [name for name in pupils.columns if name != PUPIL]
        followed = pupils.join(F.broadcast(moved), PUPIL, "left")
        followed = followed.select(F.coalesce(NEW, PUPIL).alias(PUPIL), *others)
        followed.write.option("compression", "zstd").parquet(str(folder / at))
        facts = {**facts, "at": at}
    release_record.write(folder / class_snapshot.FACTS, {**facts, "followed": changes.digest()})
    for path in folder.glob(f"{class_snapshot.PUPILS}*"):
        if path.name != facts["at"]:
            delta.remove_folder(path, where=f"restricted/released/{project.name}")
    pairs.unpersist()
    moved.unpersist()
    return number


def _pairs(spark: SparkSession, key: Key, changes: Changes) -> DataFrame:
    """The pseudonym of every number that was replaced, with that of the newest of its pupil."""
    numbers = local_frames.local(spark, "old string not null, new string not null", [*changes.newest_of.items()])
    of = {name: hmac_sha256(F.concat(F.lit("pgn|"), F.col(text))) for name, text in ((PUPIL, "old"), (NEW, "new"))}
    return numbers.join(F.broadcast(key.frame(spark))).select(*(mac.alias(name) for name, mac in of.items()))
