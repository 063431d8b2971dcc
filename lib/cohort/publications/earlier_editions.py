"""Everything that was published before, as it was: documents, cells, and the counts that they were made from.

What was ever public stays known to every later search and audit, also when it was superseded or withdrawn. It is read
from the restricted copy, which nobody removes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cohort.cell_suppression import CellKey, CellVariable, Contributions, TableShape, list_table_cells
from cohort.foundation import StateRefused, describe_problem
from cohort.publication_documents import (
    CONTRIBUTORS,
    PUBLISHED_COPY,
    SCORES,
    EditionRecord,
    PublicationDocument,
    TidyCell,
    load_public_records,
    load_publication_document,
    parse_tidy_cells,
)
from cohort.publications.publication_variables import PRESENT
from cohort.publications.release_beside import ReleasedPupils
from cohort.publications.table_shapes import MeasureCells, list_measure_cells
from cohort.storage import StoragePath, StorageZones, parquet_source


@dataclass(frozen=True, eq=False)
class EarlierEdition:
    """An edition that was ever public.

    Args:
        record: its exact record.
        document: its document.
        contributors: the counts per school that it was made from.
        cells: its figures by table.
        scores: the counts by score; None without percentiles.
    """

    record: EditionRecord
    document: PublicationDocument
    contributors: pa.Table
    cells: Mapping[str, tuple[TidyCell, ...]]
    scores: pa.Table | None

    @property
    def contributions(self) -> Contributions:
        """Its counts for a search."""
        return make_contributions(self.document, self.contributors)


@dataclass(frozen=True, eq=False)
class Published:
    """Everything that an attacker has beside a new edition.

    Args:
        editions: everything that was ever published as tables.
        released: what published anonymous releases tell of the same pupils.
    """

    editions: tuple[EarlierEdition, ...] = ()
    released: tuple[ReleasedPupils, ...] = ()


def make_contributions(document: PublicationDocument, rows: pa.Table) -> Contributions:
    """The counts of an edition for a search, with the pupils who have each score, and their population."""
    for score in document.scores:
        has = np.asarray(rows[score.presence].to_numpy(zero_copy_only=False) == PRESENT)
        pupils = np.where(has, rows["pupils"].to_numpy(), 0)
        rows = rows.append_column(f"{score.name}_pupils", pa.array(pupils, pa.int64()))
    return Contributions(rows, {variable.name: variable.leaves for variable in document.variables})


def load_earlier_editions(zones: StorageZones) -> tuple[EarlierEdition, ...]:
    """Load everything that was ever public.

    Raises:
        StateRefused: an edition that cannot be read any more (exit code 15): without it nobody knows what is public.
    """
    return tuple(_load(zones, record) for record in load_public_records(zones))


def _load(zones: StorageZones, record: EditionRecord) -> EarlierEdition:
    folder = zones.exact_edition(record.publication, record.edition)
    try:
        document = load_publication_document(folder / PUBLISHED_COPY)
        return EarlierEdition(
            record=record,
            document=document,
            contributors=read_rows(folder / CONTRIBUTORS),
            cells=read_cells(folder / PUBLISHED_COPY, document),
            scores=read_rows(folder / SCORES) if (folder / SCORES).is_file() else None,
        )
    except (OSError, ValueError, csv.Error, pa.ArrowException):
        raise StateRefused(
            describe_problem(
                "every edition that was ever published as it was published",
                example="its cells and its counts in restricted/publications",
                found="one that cannot be read",
                where=f"restricted/publications/{record.publication}/{record.edition}",
                do="Restore that folder from a backup: later tables are held against it",
            )
        ) from None


def read_rows(path: StoragePath) -> pa.Table:
    """Read a Parquet file of counts."""
    return pq.read_table(parquet_source(path))


def read_cells(folder: StoragePath, document: PublicationDocument) -> dict[str, tuple[TidyCell, ...]]:
    """Read the cells of every table of an edition from its files.

    Raises:
        OSError: a file is not there.
        ValueError: a file is not one of cells.
    """
    return {
        table.name: tuple(
            parse_tidy_cells(
                (folder / table.cells_file).read_text(encoding="utf-8"), tuple(axis.variable for axis in table.axes)
            )
        )
        for table in document.tables
    }


def select_exact_editions(editions: Sequence[EarlierEdition], document: PublicationDocument) -> list[EarlierEdition]:
    """Select the editions with exact counts of the same kind of rows and of a school year of the new edition."""
    return [
        edition
        for edition in editions
        if edition.document.method == "suppress"
        and (edition.document.rows, edition.document.project) == (document.rows, document.project)
        and set(edition.document.school_years) & set(document.school_years)
    ]


def list_earlier_tables(edition: EarlierEdition) -> Iterator[TableShape]:
    """List the tables of an earlier edition for a search."""
    yield from list_shapes(edition.document)


def list_shapes(document: PublicationDocument) -> Iterator[TableShape]:
    """List the tables of counts behind the figures of an edition."""
    for own in list_measure_cells(document):
        yield own.base
        if own.numerator is not None:
            yield own.numerator


def list_earlier_cells(
    edition: EarlierEdition, variables: Sequence[CellVariable]
) -> tuple[frozenset[CellKey], frozenset[CellKey]]:
    """List the cells of an earlier edition that it printed, and those that it hid.

    A cell is printed when any figure of it is; of a share that is printed as below or above a limit the numerator is
    neither.
    """
    printed: set[CellKey] = set()
    hidden: set[CellKey] = set()
    by_measure = {
        (table, measure): [cell.value for cell in cells if cell.measure == measure]
        for table, cells in edition.cells.items()
        for measure in {cell.measure for cell in cells}
    }
    for own in list_measure_cells(edition.document):
        values = by_measure[own.table.name, own.measure.name]
        for key, above, value in _pair_cells(own, variables, values):
            (hidden if value is None else printed).add(key)
            if above is not None and (value is None or value[:1] not in "<>"):
                (hidden if value is None else printed).add(above)
    return frozenset(printed), frozenset(hidden - printed)


def _pair_cells(
    own: MeasureCells, variables: Sequence[CellVariable], values: Sequence[str | None]
) -> Iterator[tuple[CellKey, CellKey | None, str | None]]:
    keys = list_table_cells(variables, own.base)
    above = [None] * len(keys) if own.numerator is None else list_table_cells(variables, own.numerator)
    return zip(keys, above, values, strict=True)
