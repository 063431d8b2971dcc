"""What is remembered of a release, under its pupils' newest numbers: a change may come after publication.

Without it a pupil with a new number would count as gone, and take others along, and come back as another.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from cohort import delta
from cohort.agreements.project import Project
from cohort.anonymisation.pseudonymisation import hmac_sha256
from cohort.foundation import json_documents
from cohort.keys.project_keys import ProjectKey
from cohort.legal_basis.number_changes import NumberChanges
from cohort.release_records import class_snapshot, record_store
from cohort.states import local_frames
from cohort.states.schemas import PUPIL_CONTROL
from cohort.storage.zone_paths import StorageZones

NEW_PSEUDONYM = "_new"


def renumber_snapshot(
    spark: SparkSession, zones: StorageZones, project: Project, key: ProjectKey, changes: NumberChanges
) -> int:
    """Give what is remembered of a project's published release the pseudonyms of the newest numbers.

    Takes: the project and its key; all changes of numbers: nothing is done when these were followed before,
    or where nothing is remembered of a project, since it is pseudonymous or not published.
    Gives: how many pupils are remembered under another pseudonym now. A pupil who was in the release under
    both numbers stays under both, of which the older one counts as gone. Killed half-way, it is done again.
    """
    read = record_store.find_published_record(zones, project.name)
    if read is None or project.is_pseudonymous:
        return 0
    class_snapshot.require_snapshot(zones, read)
    folder = class_snapshot.snapshot_folder(zones, read)
    facts = json_documents.read_json_document(folder / class_snapshot.SNAPSHOT_FILE)
    if not changes.newest_numbers or facts["followed"] == changes.digest():
        return 0
    pairs = _pairs(spark, key, changes).persist()
    left, pupils = folder / class_snapshot.FORMER_PUPILS_FOLDER, spark.read.parquet(str(folder / facts["at"]))
    known = pupils.select(PUPIL_CONTROL)
    if left.exists():
        gone = spark.read.parquet(str(left)).join(F.broadcast(pairs), PUPIL_CONTROL, "inner")
        gone.select(F.col(NEW_PSEUDONYM).alias(PUPIL_CONTROL)).write.mode("append").parquet(str(left))
        known = known.unionByName(spark.read.parquet(str(left)))
    once = F.row_number().over(Window.partitionBy(NEW_PSEUDONYM).orderBy(PUPIL_CONTROL))
    moved = (
        pairs.join(pupils.select(PUPIL_CONTROL), PUPIL_CONTROL, "left_semi")
        .join(known.select(F.col(PUPIL_CONTROL).alias(NEW_PSEUDONYM)), NEW_PSEUDONYM, "left_anti")
        .select(PUPIL_CONTROL, NEW_PSEUDONYM, once.alias("_once"))
        .where(F.col("_once") == 1)
        .drop("_once")
        .persist()
    )
    number = moved.count()
    if number:
        at = f"{class_snapshot.PUPILS_FOLDER}-{changes.digest()[:12]}"
        delta.remove_folder(folder / at, where=f"restricted/released/{project.name}")
        others = [name for name in pupils.columns if name != PUPIL_CONTROL]
        followed = pupils.join(F.broadcast(moved), PUPIL_CONTROL, "left")
        followed = followed.select(F.coalesce(NEW_PSEUDONYM, PUPIL_CONTROL).alias(PUPIL_CONTROL), *others)
        followed.write.option("compression", "zstd").parquet(str(folder / at))
        facts = {**facts, "at": at}
    json_documents.write_json_document(folder / class_snapshot.SNAPSHOT_FILE, {**facts, "followed": changes.digest()})
    for path in folder.glob(f"{class_snapshot.PUPILS_FOLDER}*"):
        if path.name != facts["at"]:
            delta.remove_folder(path, where=f"restricted/released/{project.name}")
    pairs.unpersist()
    moved.unpersist()
    return number


def _pairs(spark: SparkSession, key: ProjectKey, changes: NumberChanges) -> DataFrame:
    """The pseudonym of every number that was replaced, with that of the newest of its pupil."""
    numbers = local_frames.make_local_frame(
        spark, "old string not null, new string not null", [*changes.newest_numbers.items()]
    )
    of = {
        name: hmac_sha256(F.concat(F.lit("pgn|"), F.col(text)))
        for name, text in ((PUPIL_CONTROL, "old"), (NEW_PSEUDONYM, "new"))
    }
    return numbers.join(F.broadcast(key.key_frame(spark))).select(*(mac.alias(name) for name, mac in of.items()))
