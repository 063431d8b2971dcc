"""The twin of a project: synthetic rows as a table, files and a codebook, in the place of an earlier twin.

In: the project's declaration and, where one is published, its anonymous table. Out: the folder `twins/<project>`, which
everybody may read, and its record. Called by the job `twin` under the project's lock. Nothing of the restricted zone is
read but the state of the release.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydantic import ConfigDict

from cohort.agreements import Environment, Project, load_catalogue, load_hierarchies
from cohort.delta import RELEASE_PROPERTY, SYNTHETIC_PROPERTY, write_local_table
from cohort.research_files import (
    Codebook,
    NamedRows,
    SyntheticSource,
    count_labels,
    describe_rows,
    remove_twin,
    write_twin_codebook,
)
from cohort.sdc import Hierarchy
from cohort.storage import DocumentPart, StoragePath, open_to_write, write_json_document
from cohort.table_exports import ExportedFile, check_column_names, put_in_place, write_table_files
from cohort.twin.agreement_figures import AgreedColumns, agree_figures, agree_weights
from cohort.twin.synthetic_rows import DrawnRows, draw_rows
from cohort.twin.table_figures import take_figures
from cohort.twin.twin_columns import make_twin_columns
from cohort.twin.twin_model import TwinModel
from cohort.twin.twin_source import TwinSource, find_twin_source

ROWS_WITHOUT_TABLE = 1000
"""The rows of a twin that is made from the agreement, unless the caller says how many."""
SMALLEST_TWIN, LARGEST_TWIN = 20, 5_000_000
"""How few and how many rows a twin may have: the driver holds them."""
TWIN_RECORD_SUFFIX = ".record.json"
"""The record of a twin in its folder; it comes last, so a twin without one was not finished."""


class TwinRecord(DocumentPart):
    """What a twin was made from, and its files. No row of it is a pupil."""

    model_config = ConfigDict(json_schema_extra={"$id": "twin-record-1"})

    project: str
    twin: str
    """Its name, which its files and its table property `cohort.release` have."""
    made_from: SyntheticSource
    """`table`: rounded figures of the published table; `agreement`: nothing of a pupil."""
    release: str | None
    """The release whose table it was made from."""
    made: str
    rows: int
    seed: str
    """The text from which the random numbers follow; it is no secret."""
    language: str
    files: tuple[ExportedFile, ...]


@dataclass(frozen=True)
class TwinRequest:
    """How a twin shall be written.

    Args:
        formats: names of `EXPORT_FORMATS`.
        language: the language of labels in files, `nl` or `en`.
        rows: how many rows; None for those of the table, rounded.
        from_agreement: whether nothing shall be taken from the table, although one is published.
    """

    formats: Sequence[str]
    language: str
    rows: int | None = None
    from_agreement: bool = False


def make_twin(
    environment: Environment, project: Project, request: TwinRequest, progress: Callable[[str], None] = lambda _: None
) -> TwinRecord:
    """Make the twin of a project.

    Args:
        environment: the surroundings of the run; the caller holds the project's lock.
        project: the project's declaration.
        request: how it shall be written.
        progress: receives lines of progress.

    Raises:
        StateRefused: the project has ended, or its table is not what was published (exit code 15).
        ConfigurationRefused: a hierarchy or a name of a column that does not serve (10).
        DestructionIncomplete: an earlier twin that cannot be removed (16).
    """
    # 1. What the twin is made from; nothing was written yet.
    zones, hierarchies = environment.zones, load_hierarchies(project, environment.hierarchies)
    source = find_twin_source(environment, project, from_agreement=request.from_agreement)
    name = source.name_twin(project)
    check_column_names(_describe_columns(environment, project, hierarchies, name), request.formats)
    drawn = _draw(environment, project, hierarchies, source, request.rows)
    rows = drawn.table
    progress(f"{name}: {rows.num_rows:,} synthetic rows, made from the {source.kind}")

    # 2. The table, in the place of the earlier twin.
    table = zones.twin_table(project.name)
    remove_twin(zones, project.name)
    table.parent.mkdir(parents=True, exist_ok=True)
    properties = {RELEASE_PROPERTY: name, SYNTHETIC_PROPERTY: "true", "cohort.class": "synthetic"}
    write_local_table(rows, table, properties, name, environment.platform.tables)

    # 3. Codebook and files, by the code that writes those of a release; the record last.
    named = NamedRows(name, str(environment.today), None, source.kind, drawn.covariances)
    counts = count_labels(table, project.column_names)
    book = describe_rows(project, named, hierarchies, counts, environment.platform.shown)
    write_twin_codebook(zones, book)
    files = tuple(_write_files(table, book, request, progress))
    record = TwinRecord(
        project=project.name,
        twin=name,
        made_from=source.kind,
        release=source.record.id if source.record is not None else None,
        made=str(environment.today),
        rows=rows.num_rows,
        seed=_seed_text(name),
        language=request.language,
        files=files,
    )
    write_json_document(
        zones.twin(project.name) / f"{name}{TWIN_RECORD_SUFFIX}", record.model_dump(mode="json"), public=True
    )
    return record


def _draw(
    environment: Environment,
    project: Project,
    hierarchies: Mapping[str, Hierarchy],
    source: TwinSource,
    rows: int | None,
) -> DrawnRows:
    """Draw the rows; the same source and number of rows give the same ones."""
    name = source.name_twin(project)
    random = np.random.default_rng(list(hashlib.sha256(_seed_text(name).encode()).digest()))
    agreed = AgreedColumns(
        project, hierarchies, load_catalogue(environment.config), make_twin_columns(project, hierarchies)
    )
    if source.codebook is None:
        number = rows or ROWS_WITHOUT_TABLE
        return draw_rows(project, agree_figures(agreed, number, random), number, random)
    model = _take_model(environment, project, agreed)
    number = rows or source.codebook.rows or ROWS_WITHOUT_TABLE
    return draw_rows(project, model, number, random)


def _take_model(environment: Environment, project: Project, agreed: AgreedColumns) -> TwinModel:
    special = frozenset(column.name for column in project.columns if column.legal_ground is not None)
    table = environment.zones.published_table(project.name)
    return take_figures(table, agreed.columns, agree_weights(agreed, special), environment.platform.shown)


def _describe_columns(
    environment: Environment, project: Project, hierarchies: Mapping[str, Hierarchy], name: str
) -> Codebook:
    """A codebook of the columns alone, before there are rows: for what must be refused before anything is removed."""
    named = NamedRows(name, str(environment.today), None)
    no_rows = {column: Counter[str]() for column in project.column_names}
    return describe_rows(project, named, hierarchies, no_rows, environment.platform.shown)


def _write_files(
    table: StoragePath, book: Codebook, request: TwinRequest, progress: Callable[[str], None]
) -> Iterator[ExportedFile]:
    with tempfile.TemporaryDirectory(prefix="twin-") as scratch:
        for path in write_table_files(table, book, request.formats, request.language, Path(scratch)):
            file = put_in_place(path, table.parent / path.name, _open_public_file)
            progress(f"{file.name}: {file.bytes:,} bytes")
            path.unlink()
            yield file


@contextlib.contextmanager
def _open_public_file(path: StoragePath) -> Iterator[BinaryIO]:
    with open_to_write(path) as file:
        yield file


def _seed_text(name: str) -> str:
    """The text from which the random numbers of a twin follow."""
    return f"cohort twin 1: {name}"
