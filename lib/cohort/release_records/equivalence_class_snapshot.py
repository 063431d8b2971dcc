"""The restricted snapshot of a release: its equivalence classes and who stands in which, for the next release.

Per project and release, under `restricted/released/`: each released pupil's pseudonym with its class and exact coded
values; the classes with their released labels; the bare pseudonyms of pupils who were in an earlier release and are
gone, because whoever is gone never comes back. A snapshot is written before its release can be verified. It is removed
when the release is refused, when another release is published in its place, or with the project.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ConfigDict, Field, JsonValue
from pyspark.sql import DataFrame, SparkSession

from cohort.agreements import Project
from cohort.data_states import PUPIL_CONTROL
from cohort.delta import remove_folder
from cohort.foundation import ConfigurationRefused, StateRefused, describe_problem
from cohort.release_records.release_record import ReleaseRecord
from cohort.sdc import Coding, GeneralisedClasses, Hierarchy, Recoding, WeightedLoss, level_column
from cohort.storage import (
    DocumentPart,
    StoragePath,
    StorageZones,
    open_to_write,
    parquet_source,
    read_model_document,
    write_json_document,
)

PUPILS_FOLDER, FORMER_PUPILS_FOLDER, CLASSES_FILE, SNAPSHOT_FILE = "pupils", "left", "classes.parquet", "memory.json"
SNAPSHOT_BLANKED_COLUMN = "blanked"
"""Of a class, whether it shows `onbekend` instead of its sensitive values."""
SNAPSHOT_LABEL_PREFIX = "label_"
"""Before the name of a released column, in the table of classes: apart from the table's own names."""
SNAPSHOT_MEAN_PREFIX = "mean_"
"""Before the name of a column, in the table of classes: the mean that the class shows, in hundredths, null for none."""
ClassMeans = Mapping[str, np.ma.MaskedArray]
"""By column, the mean of each class in hundredths of a point; masked where it shows none."""


class SnapshotDocument(DocumentPart):
    """What a snapshot says of itself; written last, so that a snapshot without it was never completed.

    `comparability_digest` is that of the project when the release was made; `pupils` how many were released;
    `pupils_folder` where they stand; `renumbered_to` the digest of the number changes that it was brought up to.
    """

    model_config = ConfigDict(json_schema_extra={"$id": "class-snapshot-1"})

    comparability_digest: str = Field(validation_alias="agreed", serialization_alias="agreed")
    pupils: int
    search: dict[str, JsonValue]
    pupils_folder: str = Field(validation_alias="at", serialization_alias="at")
    renumbered_to: str = Field(default="", validation_alias="followed", serialization_alias="followed")

    @classmethod
    def read(cls, folder: StoragePath) -> Self:
        """Read the document of the snapshot in a folder."""
        return read_model_document(folder / SNAPSHOT_FILE, cls)

    def write(self, folder: StoragePath) -> None:
        """Write the document into the folder of its snapshot, whole or not at all."""
        write_json_document(folder / SNAPSHOT_FILE, self.model_dump(mode="json", by_alias=True))


@dataclass(frozen=True, eq=False)
class ClassSnapshot:
    """A release as it was made.

    Args:
        release: its number.
        recoding: its classes.
        folder: the folder of the snapshot.
        pupils_folder: the folder of the released pupils, within that folder.
        blanked: per class, whether it shows none of its sensitive values.
        means: the class means that it showed.
    """

    release: int
    recoding: Recoding
    folder: StoragePath
    pupils_folder: str
    blanked: npt.NDArray[np.bool_]
    means: ClassMeans = field(default_factory=dict)

    def read_pupils(self, spark: SparkSession) -> DataFrame:
        """Read every released pupil: pseudonym, class and words of its code.

        Where a column is sensitive, also the leaf of its value and HAS_VALUE: the population the pupil was put in.
        """
        return spark.read.parquet(str(self.folder / self.pupils_folder))

    def read_pseudonyms_ever_released(self, spark: SparkSession) -> DataFrame:
        """Read the pseudonyms of all pupils who were in this release or in one before it."""
        pseudonyms = self.read_pupils(spark).select(PUPIL_CONTROL)
        former = self.folder / FORMER_PUPILS_FOLDER
        return pseudonyms.unionByName(spark.read.parquet(str(former))) if former.exists() else pseudonyms


@dataclass(frozen=True, eq=False)
class SnapshotContents:
    """What is kept of a release that was just made.

    Args:
        project: the project's declaration.
        release: the number of the release.
        pupils: a frame of the released pupils: pseudonym, class, words of the code, leaf of the sensitive value.
        recoding: the classes.
        comparability_digest: what `comparability_digest` gave for the project.
        previous: the snapshot of the release that this one is nested in.
        blanked: per class, whether it shows none of its sensitive values; None without a sensitive column.
        means: the class means that it shows.
    """

    project: Project
    release: int
    pupils: DataFrame
    recoding: Recoding
    comparability_digest: str
    previous: ClassSnapshot | None
    blanked: npt.NDArray[np.bool_] | None = None
    means: ClassMeans = field(default_factory=dict)


def comparability_digest(project: Project, hierarchies: Mapping[str, Hierarchy]) -> str:
    """Return a hash of what must be equal for two releases to be compared: what each column shows, by which labels."""
    fields = {"name", "role", "result", "difference", "attribute", "born", "step", "lowest_level", "highest_level"}
    described = []
    for column in project.columns:
        # Bands that were in a file and are declared now show the same, so long as the labels are the same.
        declared = {**column.model_dump(mode="json", include=fields), "step": column.band_width}
        if column.show is not None:  # a release with means, or with other ones, would be compared with one without
            declared["mean"] = [str(project.mean_steps[column.name]), *project.covariance_groups]
        hierarchy = hierarchies[column.name]
        described.append([declared, hierarchy.labels, *([hierarchy.aliases] if hierarchy.aliases else [])])
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def snapshot_folder(zones: StorageZones, record: ReleaseRecord) -> StoragePath:
    """Return the folder of a release's snapshot."""
    return zones.release_snapshots(record.project) / str(record.release)


def write_snapshot(zones: StorageZones, contents: SnapshotContents) -> None:
    """Write the snapshot of a release that was just made: a Spark action. Its document comes last."""
    name = contents.project.name
    folder = zones.release_snapshots(name) / str(contents.release)
    remove_folder(folder, where=f"restricted/released/{name}")
    pupils = contents.pupils
    pupils.write.option("compression", "zstd").parquet(str(folder / PUPILS_FOLDER))
    if contents.previous is not None:
        spark = pupils.sparkSession
        released = spark.read.schema(pupils.schema).parquet(str(folder / PUPILS_FOLDER)).select(PUPIL_CONTROL)
        ever_released = contents.previous.read_pseudonyms_ever_released(spark)
        former = ever_released.join(released, PUPIL_CONTROL, "left_anti")
        former.write.option("compression", "zstd").parquet(str(folder / FORMER_PUPILS_FOLDER))
    with open_to_write(folder / CLASSES_FILE) as classes:
        pq.write_table(_class_table(contents), classes)
    recoding = contents.recoding
    document = SnapshotDocument(
        comparability_digest=contents.comparability_digest,
        pupils=recoding.released_pupils,
        search=recoding.search_facts,
        pupils_folder=PUPILS_FOLDER,
    )
    document.write(folder)


def _class_table(contents: SnapshotContents) -> pa.Table:
    """Return one row per class: number, level and leaf of each column, released labels, pupils, blanked or not."""
    recoding = contents.recoding
    columns = range(recoding.coding.columns)
    names = [column.name for column in contents.project.quasi_identifiers]
    table: dict[str, Any] = {"class_nr": pa.array(np.arange(recoding.classes), pa.int32())}
    table |= {level_column(c): pa.array(recoding.levels[:, c], pa.int8()) for c in columns}
    table |= {f"leaf{c}": pa.array(recoding.leaves[:, c], pa.int32()) for c in columns}
    table |= {
        SNAPSHOT_LABEL_PREFIX + name: pa.array(labels.tolist(), pa.string())
        for name, labels in zip(names, recoding.labels, strict=True)
    }
    table["pupils"] = pa.array(recoding.pupils, pa.int64())
    blanked = np.zeros(recoding.classes, dtype=np.bool_) if contents.blanked is None else contents.blanked
    table[SNAPSHOT_BLANKED_COLUMN] = pa.array(blanked, pa.bool_())
    table |= {
        SNAPSHOT_MEAN_PREFIX + name: pa.array(own.data, pa.int64(), mask=np.ma.getmaskarray(own))
        for name, own in contents.means.items()
    }
    return pa.table(table)


def load_snapshot(
    zones: StorageZones, project: Project, record: ReleaseRecord, coding: Coding, digest: str
) -> ClassSnapshot:
    """Load the snapshot of a published release.

    Args:
        zones: the storage zones.
        project: the project's declaration.
        record: the exact record of the release.
        coding: the coding of the quasi-identifiers by today's hierarchies.
        digest: what `comparability_digest` gives for the project today.
    Raises:
        StateRefused: the snapshot is missing or damaged (exit code 15).
        ConfigurationRefused: the release was made with other columns or hierarchies (exit code 10).
    """
    require_snapshot(zones, record)
    folder = snapshot_folder(zones, record)
    document = SnapshotDocument.read(folder)
    if document.comparability_digest != digest:
        raise ConfigurationRefused(
            describe_problem(
                f"the columns and hierarchies that release {record.release} was made with",
                example="the files as they were",
                found="others",
                where=f"projects/{project.name}.toml or its hierarchies",
                do="Restore them, or make a project with a new name: two ways to show the same pupils would add up",
            )
        )
    table = pq.read_table(parquet_source(folder / CLASSES_FILE))
    recoding = _read_recoding(table, coding, document)
    if recoding.classes != table.num_rows or recoding.released_pupils != document.pupils:
        raise _snapshot_refused(record, "one that is damaged")
    if SNAPSHOT_BLANKED_COLUMN in table.column_names:
        blanked = table[SNAPSHOT_BLANKED_COLUMN].to_numpy()
    elif project.sensitive_column is None:
        blanked = np.zeros(recoding.classes, dtype=np.bool_)
    else:
        raise _snapshot_refused(record, "one of an earlier version, without what its classes show of sensitive values")
    means = {column.name: _read_means(table, column.name, record) for column in project.mean_columns}
    return ClassSnapshot(record.release, recoding, folder, document.pupils_folder, blanked, means)


def _read_means(table: pa.Table, column: str, record: ReleaseRecord) -> np.ma.MaskedArray:
    name = SNAPSHOT_MEAN_PREFIX + column
    if name not in table.column_names:
        raise _snapshot_refused(record, "one without the class means that its release showed")
    own: Any = table[name]
    return np.ma.masked_array(own.fill_null(0).to_numpy(), own.is_null().to_numpy())


def _read_recoding(table: pa.Table, coding: Coding, document: SnapshotDocument) -> Recoding:
    columns = range(coding.columns)
    levels = np.stack([table[level_column(c)].to_numpy() for c in columns], axis=1)
    leaves = np.stack([table[f"leaf{c}"].to_numpy() for c in columns], axis=1)
    pupils = table["pupils"].to_numpy().astype(np.int64)
    loss = WeightedLoss.for_columns("mean", coding.columns)
    recoding, _ = Recoding.from_classes(GeneralisedClasses(coding, levels, leaves, pupils), 0, loss, document.search)
    return recoding


def require_snapshot(zones: StorageZones, record: ReleaseRecord) -> None:
    """Refuse to go on from a release without a complete snapshot.

    Raises:
        StateRefused: the snapshot or a part of it is missing (exit code 15).
    """
    folder = snapshot_folder(zones, record)
    document = SnapshotDocument.read(folder) if (folder / SNAPSHOT_FILE).is_file() else None
    if document is None or not all((folder / name).exists() for name in (document.pupils_folder, CLASSES_FILE)):
        raise _snapshot_refused(record, "none")


def keep_only_snapshots(zones: StorageZones, project: str, releases: Collection[int]) -> None:
    """Remove the snapshots of all releases of a project but these."""
    snapshots = zones.release_snapshots(project)
    kept = {str(release) for release in releases}
    for folder in snapshots.iterdir() if snapshots.is_dir() else ():
        if folder.name not in kept:
            remove_folder(folder, where=f"restricted/released/{project}")


def remove_snapshot(zones: StorageZones, record: ReleaseRecord) -> None:
    """Remove the snapshot of one release."""
    remove_folder(snapshot_folder(zones, record), where=f"restricted/released/{record.project}")


def _snapshot_refused(record: ReleaseRecord, state: str) -> StateRefused:
    return StateRefused(
        describe_problem(
            f"the snapshot of release {record.release}, to compare another release with it",
            example="as release wrote it",
            found=state,
            where=f"restricted/released/{record.project}/",
            do="Keep what is published, or destroy the project: without it a difference cannot be judged",
        )
    )
