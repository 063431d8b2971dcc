"""By what a project can be recognised wherever it stands: what destruction searches for, before and after.

A mark is the id in a data file's name, a table's id, a release's id, or a pupil's pseudonym, of a stage or
of what is remembered of a release.
Marks stand in the restricted journal of a destruction only, and go with it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from cohort import delta
from cohort.destruction import byte_search, inventory
from cohort.destruction.byte_search import ByteSearchResult
from cohort.destruction.inventory import ProjectInventory
from cohort.states import schemas
from cohort.storage.zone_paths import StorageZones

UUID_TEXT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOST_FILE_IDS, MOST_STAGES, PUPILS_PER_STAGE = 24, 4, 4
"""Of how many data files, stages, and pupils per stage marks are taken."""

FILE_ID, TABLE_ID, RELEASE_ID, PUPIL_PSEUDONYM = "a file's id", "a table's id", "a release's id", "a pseudonym"


@dataclass(frozen=True)
class SearchTerm:
    """One needle: a label that may be shown, the kind of thing it is, and its value, which may not."""

    label: str
    kind: str
    value: bytes

    def journalled(self) -> dict[str, str]:
        return {"label": self.label, "kind": self.kind, "hex": self.value.hex()}

    @classmethod
    def of(cls, journalled: dict[str, str]) -> SearchTerm:
        return cls(journalled["label"], journalled["kind"], bytes.fromhex(journalled["hex"]))


def choose_search_terms(zones: StorageZones, inventory_: ProjectInventory) -> list[SearchTerm]:
    """The marks of a project: a few of each kind, spread over what it has."""
    project = inventory_.project
    stages = [p for p in sorted(zones.staging(project).glob("*")) if p.is_dir() and not p.is_symlink()]
    with_pupils = [*stages[:MOST_STAGES], *sorted(zones.release_snapshots(project).glob("*"))[:MOST_STAGES]]
    ids, notes = set(), set()
    for table in (zones.published_table(project), *stages[:MOST_STAGES]):
        try:
            if not table.is_symlink() and delta.table_exists(table):
                ids.add(delta.read_table_id(table))
                notes |= {commit.note for commit in delta.read_commits(table) if commit.note}
        except delta.TABLE_ERRORS:
            continue  # a table that is damaged: the ids in its files' names remain
    files = sorted({UUID_TEXT.findall(i.path)[-1] for i in inventory_.items if i.is_data and UUID_TEXT.search(i.path)})
    release = re.compile(re.escape(f"{project}-") + r"\d+")
    return [
        *_marks(FILE_ID, [f.encode() for f in files[:: max(1, -(-len(files) // MOST_FILE_IDS))]]),
        *_marks(TABLE_ID, [i.encode() for i in sorted(ids)]),
        *_marks(RELEASE_ID, [n.encode() for n in sorted(notes) if release.fullmatch(n)]),
        *_marks(PUPIL_PSEUDONYM, sorted({p for place in with_pupils for p in _pseudonyms(place)})),
    ]


def search_before_removal(zones: StorageZones, project: str, marks: list[SearchTerm]) -> ByteSearchResult:
    """Look for the marks where they must be: in the project's own places, before they are removed."""
    return _search(inventory.project_folders(zones, project), marks, ())


def search_after_removal(
    spark: SparkSession, zones: StorageZones, project: str, marks: list[SearchTerm]
) -> ByteSearchResult:
    """Look for the marks where they must not be: under the whole root and in the session's scratch folders.

    Gives: what was found where it may not stand. Not entered are the places of all projects, which never
    held a mark of one, and the journal. A release's id stays in the open records and in the feedback to
    schools, which say for what their results were used.
    """
    open_to_all = (zones.public_records / project, zones.root / "feedback")
    hits = _search([zones.root, *scratch_folders(spark)], marks, (*shared_zones(zones), zones.exact_records / project))
    kinds = {mark.label: mark.kind for mark in marks}
    wrong = tuple(
        hit
        for hit in hits.found
        if kinds[hit.label] != RELEASE_ID or not any(hit.path.is_relative_to(p) for p in open_to_all)
    )
    return ByteSearchResult(wrong, hits.files, hits.bytes, hits.kinds, hits.undecodable)


def find_data_file_copies(spark: SparkSession, zones: StorageZones, inventory_: ProjectInventory) -> list[Path]:
    """Data files of the project that stand elsewhere under another name.

    Another project with the same question may by right hold a file with the same content, so the
    places of projects are left to the marks.
    """
    originals = {item.sha256: item.bytes for item in inventory_.items if item.is_data}
    others = (zones.root / "projects", zones.root / "staging", zones.exact_records / inventory_.project)
    return byte_search.find_file_copies(
        [zones.root, *scratch_folders(spark)], originals, skip=(*shared_zones(zones), *others)
    )


def shared_zones(zones: StorageZones) -> tuple[Path, ...]:
    """What belongs to all projects, and ends by its own retention."""
    return zones.deliveries, zones.objections, zones.results, zones.quarantine, zones.ledger


def scratch_folders(spark: SparkSession) -> list[Path]:
    """The folders of this machine in which this session spills, and its warehouse."""
    named = str(spark.conf.get("spark.local.dir", "")).split(",")
    warehouse = urlparse(str(spark.conf.get("spark.sql.warehouse.dir", "")))
    if warehouse.scheme in ("", "file"):
        named.append(unquote(warehouse.path))
    return [Path(folder.strip()) for folder in named if folder.strip()]


def count_terms_by_kind(marks: list[SearchTerm]) -> dict[str, int]:
    return dict(Counter(mark.kind for mark in marks))


def _search(where: Iterable[Path], marks: list[SearchTerm], skip: tuple[Path, ...]) -> ByteSearchResult:
    values = {mark.label: mark.value for mark in marks}
    whole = {mark.label for mark in marks if mark.kind == RELEASE_ID}
    return byte_search.search_files(where, values, whole=whole, skip=skip)


def _marks(kind: str, values: list[bytes]) -> list[SearchTerm]:
    return [SearchTerm(f"{kind} {number}", kind, value) for number, value in enumerate(values, 1)]


def _pseudonyms(stage: Path) -> list[bytes]:
    """The pseudonyms of a stage's or a memory's first pupils, read from its files as they are."""
    for file in sorted(stage.rglob("*.parquet")):
        try:
            pupils: Any = next(
                pq.ParquetFile(file).iter_batches(PUPILS_PER_STAGE, columns=[schemas.PUPIL_CONTROL]), None
            )
        except (pa.ArrowException, OSError):
            continue
        if pupils is not None and pupils.num_columns:
            return [value for value in pupils.column(0).to_pylist() if isinstance(value, bytes)]
    return []
