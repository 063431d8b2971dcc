"""The snapshot of a published release brought up to its pupils' newest numbers.

A pupil number can change after publication. Without this step a pupil with a new number would count as gone, take
others along, and come back as another pupil. `release_run` calls it before a release is made.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from cohort.agreements import Project
from cohort.anonymisation import hmac_sha256
from cohort.data_states import PUPIL_CONTROL, make_local_frame
from cohort.delta import remove_folder
from cohort.keys import ProjectKey
from cohort.legal_basis import NumberChanges
from cohort.release_records import (
    FORMER_PUPILS_FOLDER,
    PUPILS_FOLDER,
    SnapshotDocument,
    find_published_record,
    require_snapshot,
    snapshot_folder,
)
from cohort.storage import StoragePath, StorageZones

NEW_PSEUDONYM = "_new"


def renumber_snapshot(
    spark: SparkSession, zones: StorageZones, project: Project, key: ProjectKey, changes: NumberChanges
) -> int:
    """Give the pupils in the snapshot of a project's published release the pseudonyms of their newest numbers.

    Nothing is done when these changes were applied before, or where there is no snapshot because the project is
    pseudonymous or has published nothing. A pupil who was in the release under both numbers stays under both, of which
    the older one counts as gone. A run that was killed half-way is done again.

    Args:
        spark: the session.
        zones: the storage zones.
        project: the project's declaration.
        key: the project's key.
        changes: all changes of pupil numbers.
    Returns:
        How many pupils have another pseudonym now.
    """
    published = find_published_record(zones, project.name)
    if published is None or project.is_pseudonymous:
        return 0
    require_snapshot(zones, published)
    folder = snapshot_folder(zones, published)
    document = SnapshotDocument.read(folder)
    if not changes.newest_numbers or document.renumbered_to == changes.digest():
        return 0
    pairs = _pseudonym_pairs(spark, key, changes).persist()
    pupils = spark.read.parquet(str(folder / document.pupils_folder))
    taken = pupils.select(PUPIL_CONTROL).unionByName(_renumber_former_pupils(spark, folder, pairs))
    moved = _choose_moves(pairs, pupils, taken).persist()
    number, pupils_folder = moved.count(), document.pupils_folder
    if number:
        pupils_folder = f"{PUPILS_FOLDER}-{changes.digest()[:12]}"
        remove_folder(folder / pupils_folder, where=f"restricted/released/{project.name}")
        _renumbered(pupils, moved).write.option("compression", "zstd").parquet(str(folder / pupils_folder))
    changed = {"pupils_folder": pupils_folder, "renumbered_to": changes.digest()}
    document.model_copy(update=changed).write(folder)
    for path in folder.glob(f"{PUPILS_FOLDER}*"):
        if path.name != pupils_folder:
            remove_folder(path, where=f"restricted/released/{project.name}")
    pairs.unpersist()
    moved.unpersist()
    return number


def _pseudonym_pairs(spark: SparkSession, key: ProjectKey, changes: NumberChanges) -> DataFrame:
    """Return the pseudonym of every number that was replaced, with that of its pupil's newest number."""
    schema = "old string not null, new string not null"
    numbers = make_local_frame(spark, schema, [*changes.newest_numbers.items()])
    pseudonyms = (
        hmac_sha256(F.concat(F.lit("pgn|"), F.col(number))).alias(name)
        for name, number in ((PUPIL_CONTROL, "old"), (NEW_PSEUDONYM, "new"))
    )
    return numbers.join(F.broadcast(key.key_frame(spark))).select(*pseudonyms)


def _renumber_former_pupils(spark: SparkSession, folder: StoragePath, pairs: DataFrame) -> DataFrame:
    """Add the newest pseudonyms of former pupils to theirs; return all pseudonyms of former pupils."""
    former = folder / FORMER_PUPILS_FOLDER
    if not former.exists():
        return pairs.select(PUPIL_CONTROL).limit(0)
    renumbered = spark.read.parquet(str(former)).join(F.broadcast(pairs), PUPIL_CONTROL, "inner")
    renumbered.select(F.col(NEW_PSEUDONYM).alias(PUPIL_CONTROL)).write.mode("append").parquet(str(former))
    return spark.read.parquet(str(former))


def _choose_moves(pairs: DataFrame, pupils: DataFrame, taken: DataFrame) -> DataFrame:
    """Return the pairs to apply: of released pupils, to a pseudonym that nobody has, each one once."""
    once = F.row_number().over(Window.partitionBy(NEW_PSEUDONYM).orderBy(PUPIL_CONTROL))
    return (
        pairs.join(pupils.select(PUPIL_CONTROL), PUPIL_CONTROL, "left_semi")
        .join(taken.select(F.col(PUPIL_CONTROL).alias(NEW_PSEUDONYM)), NEW_PSEUDONYM, "left_anti")
        .select(PUPIL_CONTROL, NEW_PSEUDONYM, once.alias("_once"))
        .where(F.col("_once") == 1)
        .drop("_once")
    )


def _renumbered(pupils: DataFrame, moved: DataFrame) -> DataFrame:
    others = [name for name in pupils.columns if name != PUPIL_CONTROL]
    joined = pupils.join(F.broadcast(moved), PUPIL_CONTROL, "left")
    return joined.select(F.coalesce(NEW_PSEUDONYM, PUPIL_CONTROL).alias(PUPIL_CONTROL), *others)
