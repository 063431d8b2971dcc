"""The terms by which a project can be recognised wherever it stands, and the searches for them.

A term is the id in a data file's name, a table's id, a release's id, or a pupil's pseudonym from a stage or a class
snapshot. `destroy_project` searches for them before it removes anything and again afterwards. Terms stand in the
restricted journal only, and are removed with it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from cohort.data_states import PUPIL_CONTROL
from cohort.delta import TABLE_ERRORS, read_commits, read_table_id, table_exists
from cohort.destruction import byte_search, project_inventory
from cohort.destruction.byte_search import ByteSearchResult
from cohort.destruction.destruction_documents import JournalledTerm
from cohort.destruction.project_inventory import ProjectInventory
from cohort.storage import StoragePath, StorageZones, parquet_source

UUID_TEXT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOST_FILE_IDS, MOST_STAGES, PUPILS_PER_STAGE = 24, 4, 4
"""How many data files, stages and pupils per stage terms are taken from."""
FILE_ID, TABLE_ID, RELEASE_ID, PUPIL_PSEUDONYM = "a file's id", "a table's id", "a release's id", "a pseudonym"


@dataclass(frozen=True)
class SearchTerm:
    """One term to search for.

    Args:
        label: its name, which may be shown.
        kind: what kind of thing it is.
        value: the bytes to search for, which may not be shown.
    """

    label: str
    kind: str
    value: bytes = field(repr=False)

    def to_journal(self) -> JournalledTerm:
        return JournalledTerm(label=self.label, kind=self.kind, hex=self.value.hex())

    @classmethod
    def from_journal(cls, term: JournalledTerm) -> SearchTerm:
        return cls(term.label, term.kind, bytes.fromhex(term.hex))


def choose_search_terms(zones: StorageZones, inventory: ProjectInventory) -> list[SearchTerm]:
    """Choose a few terms of each kind, spread over everything that the project has."""
    project = inventory.project
    stages = [path for path in sorted(zones.staging(project).glob("*")) if path.is_dir() and not path.is_symlink()]
    table_ids, commit_notes = set(), set()
    for table in (zones.published_table(project), zones.twin_table(project), *stages[:MOST_STAGES]):
        try:
            if not table.is_symlink() and table_exists(table):
                table_ids.add(read_table_id(table))
                commit_notes |= {commit.note for commit in read_commits(table) if commit.note}
        except TABLE_ERRORS:
            continue  # a damaged table: the ids in the names of its files remain
    data_paths = [item.path for item in inventory.items if item.is_data and UUID_TEXT.search(item.path)]
    file_ids = sorted({UUID_TEXT.findall(path)[-1] for path in data_paths})
    spread_ids = file_ids[:: max(1, -(-len(file_ids) // MOST_FILE_IDS))]
    release_id = re.compile(re.escape(f"{project}-") + r"\d+")
    release_ids = [note for note in sorted(commit_notes) if release_id.fullmatch(note)]
    snapshots = sorted(zones.release_snapshots(project).glob("*"))
    with_pupils = [*stages[:MOST_STAGES], *snapshots[:MOST_STAGES]]
    pseudonyms = sorted({value for folder in with_pupils for value in _read_pseudonyms(folder)})
    return [
        *_label_terms(FILE_ID, [file_id.encode() for file_id in spread_ids]),
        *_label_terms(TABLE_ID, [table_id.encode() for table_id in sorted(table_ids)]),
        *_label_terms(RELEASE_ID, [own_id.encode() for own_id in release_ids]),
        *_label_terms(PUPIL_PSEUDONYM, pseudonyms),
    ]


def search_before_removal(zones: StorageZones, project: str, terms: list[SearchTerm]) -> ByteSearchResult:
    """Search for the terms where they must be: in the project's own folders."""
    return _search(project_inventory.project_folders(zones, project), terms, ())


def search_after_removal(
    spark: SparkSession, zones: StorageZones, project: str, terms: list[SearchTerm]
) -> ByteSearchResult:
    """Search for the terms where they must not be: under the whole root and in the session's scratch folders.

    Not searched are the zones that all projects share, which never held a term of one, and the journal. A release's
    id may stay in the open records and in the feedback to schools, which say for what their results were used, and in
    outputs that were released.

    Returns:
        The hits at places where a term may not be.
    """
    outputs = zones.released_outputs(project, 1).parent
    open_places = (zones.public_records / project, zones.root / "feedback", outputs)
    skipped = (*shared_zones(zones), zones.exact_records / project)
    result = _search([zones.root, *scratch_folders(spark)], terms, skipped)
    kinds = {term.label: term.kind for term in terms}
    remnants = tuple(
        hit
        for hit in result.hits
        if kinds[hit.label] != RELEASE_ID or not any(hit.path.is_relative_to(place) for place in open_places)
    )
    return replace(result, hits=remnants)


def find_data_file_copies(spark: SparkSession, zones: StorageZones, inventory: ProjectInventory) -> list[StoragePath]:
    """Find copies of the project's data files under any name.

    The folders of projects are left to the search terms: another project that asked the same may rightly hold a file
    with the same content.
    """
    originals = {item.sha256: item.bytes for item in inventory.items if item.is_data}
    of_projects = (zones.published_table, zones.research_files, zones.twin, zones.staging)
    shared = [folder(inventory.project).parent for folder in of_projects]
    project_zones = (*shared, zones.exact_records / inventory.project)
    places = [zones.root, *scratch_folders(spark)]
    return byte_search.find_file_copies(places, originals, skip=(*shared_zones(zones), *project_zones))


def shared_zones(zones: StorageZones) -> tuple[StoragePath, ...]:
    """Return the zones that all projects share, and that end by their own retention."""
    return zones.deliveries, zones.objections, zones.results, zones.quarantine, zones.ledger


def scratch_folders(spark: SparkSession) -> list[StoragePath]:
    """Return the folders of this machine to which the session spills, and its warehouse."""
    folders = str(spark.conf.get("spark.local.dir", "")).split(",")
    warehouse = urlparse(str(spark.conf.get("spark.sql.warehouse.dir", "")))
    if warehouse.scheme in ("", "file"):
        folders.append(unquote(warehouse.path))
    return [Path(folder.strip()) for folder in folders if folder.strip()]


def count_terms_by_kind(terms: list[SearchTerm]) -> dict[str, int]:
    return dict(Counter(term.kind for term in terms))


def _search(places: Iterable[StoragePath], terms: list[SearchTerm], skip: tuple[StoragePath, ...]) -> ByteSearchResult:
    values = {term.label: term.value for term in terms}
    whole_words = {term.label for term in terms if term.kind == RELEASE_ID}
    return byte_search.search_files(places, values, whole_words=whole_words, skip=skip)


def _label_terms(kind: str, values: list[bytes]) -> list[SearchTerm]:
    return [SearchTerm(f"{kind} {number}", kind, value) for number, value in enumerate(values, 1)]


def _read_pseudonyms(folder: StoragePath) -> list[bytes]:
    """Read the pseudonyms of the first pupils of a stage or snapshot, from its files as they are."""
    for file in sorted(folder.rglob("*.parquet")):
        try:
            batches = pq.ParquetFile(parquet_source(file)).iter_batches(PUPILS_PER_STAGE, columns=[PUPIL_CONTROL])
            pupils: Any = next(batches, None)
        except (pa.ArrowException, OSError):
            continue
        if pupils is not None and pupils.num_columns:
            return [value for value in pupils.column(0).to_pylist() if isinstance(value, bytes)]
    return []
