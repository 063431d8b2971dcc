"""Releases of one drawn project, made one after the other on results that shrink: stage, memory, table.

Eighty pupils of each of six schools 10AA … 10AF: half boys (1), half girls (2), with scores in two bands; so
four classes of 120 come out. Whoever is late with an objection is taken out of the results.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import deltalake
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from tests.unit import drawn_release as drawn
from tests.unit.drawn_legal_basis import make_eligibility, write_instructions
from tests.unit.drawn_records import make_release_record
from tests.unit.drawn_release import SCHOOLS, SECRET, TODAY, Row, bsn

from cohort import delta
from cohort.agreements import project_hierarchies
from cohort.agreements.project import Project
from cohort.agreements.school_boards import SchoolBoards
from cohort.data_states import schemas
from cohort.data_states.schemas import AcceptedResults
from cohort.differencing import nested_release
from cohort.keys import project_keys
from cohort.legal_basis import objections_in_force
from cohort.release import stage_pipeline
from cohort.release.stage_pipeline import PipelineResult
from cohort.release_records import equivalence_class_snapshot, record_store
from cohort.release_records.equivalence_class_snapshot import SnapshotContents
from cohort.release_records.release_record import ReleaseRecord
from cohort.release_records.release_states import ReleaseState
from cohort.storage.zone_paths import StorageZones
from cohort.verification.findings import VerificationResult
from cohort.verification.stage_verification import verify_stage
from cohort.verification.verification_subject import PublishedPredecessor, RecordedCovariance, VerificationSubject

PUPILS = 480
MORE = 120
"""As many more come later, in the same proportions."""
NUMBERS = [bsn(n) for n in range(PUPILS + MORE)]


def school_of(n: int) -> str:
    return SCHOOLS[n % 6]


def sex_of(n: int) -> str:
    return str(1 + n // 6 % 2)


def score_of(n: int) -> int:
    return 10 if n // 12 % 2 else 50


def level_of(n: int) -> str:
    return ("I", "II", "III", "IV", "V")[n // 24 % 5]


def rows_of(n: int, **more: object) -> list[Row]:
    """The results of one pupil: of arithmetic and of spelling."""
    same: Row = {"pgn": NUMBERS[n], "geslacht": sex_of(n)}
    return [
        drawn.result(0, school_of(n), "rekenen", "M", f"{score_of(n)}.00", **same) | more,
        drawn.result(0, school_of(n), "spelling", "M", None, **same, niveau_IV=level_of(n)),
    ]


def project(kind: str = "global", **constraint: Any) -> Project:
    """Score and sex; the level of spelling as a sensitive column where it has a constraint."""
    slot: Row = {"schooljaar": "2024-2025", "several": "latest", "moment": "M"}
    rekenen = {**slot, "domein": "rekenen", "schaal": "RW", "value": "vaardigheidsscore"}
    spelling = {**slot, "domein": "spelling", "schaal": "SP", "value": "niveau_IV"}
    columns = [
        drawn.column("rekenen_M", "banden", result=rekenen, step=20),
        drawn.column("geslacht", "geslacht", attribute="geslacht"),
    ]
    if constraint:
        columns.append(
            drawn.column("niveau", "niveau", result=spelling) | {"role": "sensitive", "constraint": constraint}
        )
    recoding = {"kind": kind, "objective": "mean", "suppression_limit": Decimal(0)}
    return drawn.project(columns=columns, recoding=recoding)


@dataclass
class Root:
    """A storage root with the results of pupils, and the releases made of them."""

    spark: SparkSession
    home: Path
    project: Project = field(default_factory=project)
    gone: set[int] = field(default_factory=set)
    """Pupils without results any more."""
    new: set[int] = field(default_factory=set)
    """Pupils who have results by now."""
    made: list[VerificationResult] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    boards: dict[str, SchoolBoards] = field(default_factory=dict)
    """The boards of schools today; a school is its own where it has none here."""

    @property
    def zones(self) -> StorageZones[Path]:
        return StorageZones(self.home)

    def results(self, changed: Callable[[int], Row] = lambda _: {}, more: Iterable[Row] = ()) -> None:
        """Write the results of everybody who is still there."""
        there = ({*range(PUPILS)} | self.new) - self.gone
        rows = [row for n in sorted(there) for row in rows_of(n, **changed(n))]
        path = self.zones.results
        delta.create_table(
            self.spark, path, schemas.RESULTS_SCHEMA, drawn.platform().tables, partitioned_by=schemas.RESULTS_PARTITION
        )
        made = self.spark.createDataFrame([*rows, *more], schemas.RESULTS_SCHEMA)  # type: ignore[type-var]
        delta.replace_batch(made, path, 1)

    def release(self, *, wave: bool = False) -> PipelineResult:
        """Make, verify and publish the next release, as `release` and `publish` do; findings are kept."""
        own, zones = self.project, self.zones
        number = max((r.release for r in record_store.load_release_records(zones, own.name)), default=0) + 1
        hierarchies = drawn.write_hierarchies(self.home / "hierarchies")
        if not zones.objections.exists():
            drawn.write_list(zones.objections, [], declared_empty=True)
            write_instructions(self.home, SCHOOLS, TODAY)
        trees, key = project_hierarchies.load_hierarchies(own, hierarchies), project_keys.ProjectKey(SECRET)
        lists = objections_in_force.load_objections(
            zones.objections, drawn.platform().objections, TODAY, {"rekenen", "spelling"}
        )
        rows = AcceptedResults(delta.read_table(self.spark, zones.results).where("batch = 1"))
        before = nested_release.load_previous_snapshot(zones, own, trees)
        held = make_eligibility(lists, SCHOOLS)
        way = stage_pipeline.run_release_pipeline(
            rows,
            drawn.pipeline_input(own, held, trees, boards=self.boards, previous=before, wave=wave),
            lambda *_: None,
        )
        stage = zones.staged_release(own.name, number)
        delta.write_new_table(way.rows, stage, f"{own.name}-{number}", drawn.platform().tables)
        blanked = way.blanking.classes if way.blanking is not None else None
        agreed = equivalence_class_snapshot.comparability_digest(own, trees)
        means = {} if way.class_means is None else way.class_means.means
        equivalence_class_snapshot.write_snapshot(
            zones, SnapshotContents(own, number, way.members, way.recoding, agreed, before, blanked, means)
        )
        record = make_release_record(own.name, number, ReleaseState.VERIFIED, release_class=own.release_class)
        self.made.append(verify_stage(self.spark, self.subject(record, way, key, wave=wave), deep=False))
        self.publish(record)
        way.unpersist()
        return way

    def subject(
        self, record: ReleaseRecord, way: PipelineResult, key: project_keys.ProjectKey, *, wave: bool
    ) -> VerificationSubject:
        zones, read = self.zones, record_store.find_published_record(self.zones, self.project.name)
        before = None
        if read is not None:
            remembered = zones.release_snapshots(self.project.name) / str(read.release)
            before = PublishedPredecessor(remembered, zones.published_table(self.project.name), allows_new_pupils=wave)
        there = len(({*range(PUPILS)} | self.new) - self.gone)
        rows = 2 * there
        used = rows if self.project.sensitive_column else rows // 2
        self.counts = drawn.counts(
            pupils_records=there,
            pupils_released=way.recoding.released_pupils,
            pupils_suppressed=way.recoding.suppressed,
            pupils_withdrawn=way.withdrawn,
            pupils_objected=0,
            rows_current=rows,
            rows_used=used,
            rows_not_selected=rows - used,
            rows_set_aside=0,
            rows_objected=0,
        )
        return VerificationSubject(
            project=self.project,
            platform=drawn.platform(),
            key=key,
            results=zones.results,
            batches=(1,),
            objections=zones.objections,
            instructions=zones.instructions,
            consents=zones.consents,
            hierarchies=self.home / "hierarchies",
            today=TODAY,
            table=zones.staged_release(self.project.name, record.release),
            release_id=record.id,
            counts=self.counts,
            snapshot=zones.release_snapshots(self.project.name) / str(record.release),
            predecessor=before,
            covariances=()
            if way.class_means is None
            else tuple(RecordedCovariance(**dict(one)) for one in way.class_means.figures.covariances),
        )

    def publish(self, record: ReleaseRecord) -> None:
        zones, name = self.zones, self.project.name
        shown = delta.read_table(self.spark, zones.staged_release(name, record.release))
        folder = zones.published_table(name) if record.release == 1 else self.home / "next"
        delta.write_new_table(shown.select(*self.project.released_names), folder, record.id, drawn.platform().tables)
        if record.release > 1:
            zones.published_table(name).rename(self.home / f"read-{record.release - 1}")
            folder.rename(zones.published_table(name))
        for earlier in record_store.load_release_records(zones, name):
            record_store.save_release_record(zones, earlier.noted(state=ReleaseState.SUPERSEDED))
        record_store.save_release_record(zones, record.noted(state=ReleaseState.PUBLISHED))
        equivalence_class_snapshot.keep_only_snapshots(zones, name, [record.release])

    def read(self, release: int) -> Counter[tuple[str, ...]]:
        """What a reader kept of a release: its rows, counted."""
        last = len(self.made)
        folder = self.zones.published_table(self.project.name) if release == last else self.home / f"read-{release}"
        rows = [row for file in folder.glob("*.parquet") for row in pq.read_table(file).to_pylist()]
        return Counter(tuple(row[name] for name in self.project.column_names) for row in rows)

    def pupils(self, release: int) -> set[bytes]:
        stage = deltalake.DeltaTable(self.zones.staged_release(self.project.name, release))
        return set(stage.to_pyarrow_table(columns=[schemas.PUPIL_CONTROL])[schemas.PUPIL_CONTROL].to_pylist())
