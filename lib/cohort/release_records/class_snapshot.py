"""What is remembered of a release, so that the next one can be held against it: restricted, and no longer
than it is needed.

Per project and release, under `restricted/released/`: each released pupil's pseudonym with its class and the
exact values behind it (the words of its code, the leaf of its sensitive value), and the classes with their
released labels; and the bare pseudonyms of those who were in an earlier release and no longer are, since
whoever left never comes back. It is written before a release can be verified and goes when the release is
refused, when another one is published in its place, or with the project.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from cohort import delta
from cohort.agreements.project import Project
from cohort.foundation import json_documents
from cohort.foundation.errors import ConfigurationRefused, StateRefused, describe_problem
from cohort.release_records import record_store, release_states
from cohort.release_records.release_record import ReleaseRecord
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.partitioned import partitions
from cohort.sdc.utility.loss import WeightedLoss
from cohort.states.schemas import PUPIL_CONTROL
from cohort.storage.zone_paths import StorageZones

PUPILS_FOLDER, FORMER_PUPILS_FOLDER, CLASSES_FILE, SNAPSHOT_FILE = "pupils", "left", "classes.parquet", "memory.json"
BLANKED_COLUMN = "blanked"
"""Of a class, whether it shows `onbekend` instead of its sensitive values."""
LABEL_PREFIX = "label_"
"""Before the name of a released column, in the table of classes: apart from the table's own names."""


@dataclass(frozen=True, eq=False)
class ClassSnapshot:
    """A release as it was: which one, its classes, and where its pupils stand."""

    release: int
    recoding: Recoding
    folder: Path
    at: str
    blanked: npt.NDArray[np.bool_]
    """The classes that show none of their sensitive values."""

    def pupils(self, spark: SparkSession) -> DataFrame:
        """Pseudonym, class and words of every released pupil; where a column is sensitive, also the leaf and
        WITH_VALUE: the population that it was put in.
        """
        return spark.read.parquet(str(self.folder / self.at))

    def everybody(self, spark: SparkSession) -> DataFrame:
        """The pseudonyms of all who were in this release or in one before it."""
        pupils = self.pupils(spark).select(PUPIL_CONTROL)
        left = self.folder / FORMER_PUPILS_FOLDER
        return pupils.unionByName(spark.read.parquet(str(left))) if left.exists() else pupils


def comparability_digest(project: Project, hierarchies: Mapping[str, Hierarchy]) -> str:
    """What must be the same for two releases to be compared: what each column shows, and by which labels."""
    of_column = {"name", "role", "result", "difference", "attribute", "born", "step"}
    levels = {"lowest_level", "highest_level"}
    told = []
    for c in project.columns:
        # Bands that were in a file and are declared now show the same, so long as the labels are the same.
        shown = {**c.model_dump(mode="json", include=of_column | levels), "step": c.band_width}
        joined = hierarchies[c.name].joined
        told.append([shown, hierarchies[c.name].labels, *([joined] if joined else [])])
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def snapshot_folder(zones: StorageZones, record: ReleaseRecord) -> Path:
    """Where a release is remembered."""
    return zones.release_snapshots(record.project) / str(record.release)


def write_snapshot(
    pupils: DataFrame,
    zones: StorageZones,
    project: Project,
    release: int,
    recoding: Recoding,
    digest: str,
    before: ClassSnapshot | None,
    blanked: npt.NDArray[np.bool_] | None = None,
) -> None:
    """Remember a release: an action. Its facts come last, so that what a killed run left is none.

    Takes: the released pupils (pseudonym, class, words, leaf), the recoding, what `agreed` gave, the release
    that this one is nested in, the classes that show no sensitive value.
    """
    at = zones.release_snapshots(project.name) / str(release)
    delta.remove_folder(at, where=f"restricted/released/{project.name}")
    pupils.write.option("compression", "zstd").parquet(str(at / PUPILS_FOLDER))
    if before is not None:
        spark = pupils.sparkSession
        still = spark.read.schema(pupils.schema).parquet(str(at / PUPILS_FOLDER)).select(PUPIL_CONTROL)
        left = before.everybody(spark).join(still, PUPIL_CONTROL, "left_anti")
        left.write.option("compression", "zstd").parquet(str(at / FORMER_PUPILS_FOLDER))
    columns = range(recoding.coding.columns)
    names = [column.name for column in project.quasi_identifiers]
    classes: dict[str, Any] = {"class_nr": pa.array(np.arange(recoding.classes), pa.int32())}
    classes |= {partitions.level_column(c): pa.array(recoding.levels[:, c], pa.int8()) for c in columns}
    classes |= {f"leaf{c}": pa.array(recoding.leaves[:, c], pa.int32()) for c in columns}
    classes |= {
        LABEL_PREFIX + name: pa.array(shown.tolist(), pa.string())
        for name, shown in zip(names, recoding.labels, strict=True)
    }
    classes["pupils"] = pa.array(recoding.pupils, pa.int64())
    hidden = np.zeros(recoding.classes, dtype=np.bool_) if blanked is None else blanked
    classes[BLANKED_COLUMN] = pa.array(hidden, pa.bool_())
    pq.write_table(pa.table(classes), at / CLASSES_FILE)
    json_documents.write_json_document(
        at / SNAPSHOT_FILE,
        {"agreed": digest, "pupils": recoding.released, "search": recoding.search, "at": PUPILS_FOLDER, "followed": ""},
    )


def load_snapshot(
    zones: StorageZones, project: Project, record: ReleaseRecord, coding: Coding, digest: str
) -> ClassSnapshot:
    """What is remembered of a published release.

    Refuses: a release of which nothing is remembered (exit code 15); columns or hierarchies other than it
    was made with (exit code 10).
    """
    require_snapshot(zones, record)
    at = snapshot_folder(zones, record)
    facts = json_documents.read_json_document(at / SNAPSHOT_FILE)
    if facts["agreed"] != digest:
        raise ConfigurationRefused(
            describe_problem(
                f"the columns and hierarchies that release {record.release} was made with",
                example="the files as they were",
                found="others",
                where=f"projects/{project.name}.toml or its hierarchies",
                do="Restore them, or make a project with a new name: two ways to show the same pupils would add up",
            )
        )
    table = pq.read_table(at / CLASSES_FILE)
    columns = range(coding.columns)
    levels = np.stack([table[partitions.level_column(c)].to_numpy() for c in columns], axis=1)
    leaves = np.stack([table[f"leaf{c}"].to_numpy() for c in columns], axis=1)
    pupils = table["pupils"].to_numpy().astype(np.int64)
    goal = WeightedLoss.of("mean", coding.columns)
    recoding, _ = Recoding.of_classes(coding, levels, leaves, pupils, 0, goal, facts["search"])
    if recoding.classes != table.num_rows or recoding.released != facts["pupils"]:
        raise _missing(record, "one that is damaged")
    blanked = table[BLANKED_COLUMN].to_numpy() if BLANKED_COLUMN in table.column_names else None
    if blanked is None and project.sensitive_column is not None:
        raise _missing(record, "one of an earlier version, without what its classes show of sensitive values")
    none = np.zeros(recoding.classes, dtype=np.bool_)
    return ClassSnapshot(record.release, recoding, at, facts["at"], none if blanked is None else blanked)


def require_snapshot(zones: StorageZones, record: ReleaseRecord) -> None:
    """Refuse to go on from a release of which nothing is remembered (exit code 15)."""
    at = snapshot_folder(zones, record)
    facts = json_documents.read_json_document(at / SNAPSHOT_FILE) if (at / SNAPSHOT_FILE).is_file() else {}
    if not facts or not all((at / name).exists() for name in (facts["at"], CLASSES_FILE)):
        raise _missing(record, "none")


def require_compared_with_published(zones: StorageZones, project: Project, record: ReleaseRecord) -> None:
    """Refuse to publish a release that was not held against the one that is read now (exit code 15).

    A pseudonymous one never is: its rows are tied by their pseudonyms anyway.
    """
    if project.is_pseudonymous:
        return
    require_snapshot(zones, record)
    read = record_store.find_published_record(zones, project.name)
    if not record.compared_with_published or record.nested_in != (read.release if read is not None else None):
        raise StateRefused(
            describe_problem(
                "a release that was held against the published one",
                example="one that release just made",
                found="one that was held against another, or none",
                where=f"release {record.release}",
                do=f"Make a new one with release --project {project.name}",
            )
        )


def keep_only_snapshots(zones: StorageZones, project: str, releases: Collection[int]) -> None:
    """Forget every release of a project but these."""
    all_of_it = zones.release_snapshots(project)
    for path in all_of_it.iterdir() if all_of_it.is_dir() else ():
        if path.name not in {str(release) for release in releases}:
            delta.remove_folder(path, where=f"restricted/released/{project}")


def refuse_release(zones: StorageZones, record: ReleaseRecord, **why: Any) -> None:
    """Refuse a release: its record says why, its stage is removed, and it is forgotten."""
    record_store.save_release_record(zones, record.moved(release_states.ReleaseState.REFUSED, **why))
    remove_snapshot(zones, record)
    stage = zones.staged_release(record.project, record.release)
    delta.remove_folder(stage, where=f"staging/{record.project}")


def remove_snapshot(zones: StorageZones, record: ReleaseRecord) -> None:
    """Forget one release: it was refused."""
    delta.remove_folder(snapshot_folder(zones, record), where=f"restricted/released/{record.project}")


def _missing(record: ReleaseRecord, found: str) -> StateRefused:
    return StateRefused(
        describe_problem(
            f"the memory of release {record.release}, to hold another release against it",
            example="as release wrote it",
            found=found,
            where=f"restricted/released/{record.project}/",
            do="Keep what is published, or destroy the project: without it a difference cannot be judged",
        )
    )
