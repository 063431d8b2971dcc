"""What an edition counts: its document, and the counts per school that its figures are made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from cohort.cell_suppression import Contributions, TableShape
from cohort.publication_documents import PublicationDocument, TidyCell
from cohort.publications.earlier_editions import make_contributions
from cohort.publications.table_shapes import list_measure_cells

Cells = dict[str, list[TidyCell]]
"""The figures of an edition by table."""


@dataclass(frozen=True, eq=False)
class EditionRows:
    """What an edition counts.

    Args:
        document: its document.
        contributors: the counts per school.
        scores: the counts by score; None without percentiles.
    """

    document: PublicationDocument
    contributors: pa.Table
    scores: pa.Table | None

    @property
    def contributions(self) -> Contributions:
        """The counts for a search."""
        return make_contributions(self.document, self.contributors)


def list_tables(document: PublicationDocument) -> Iterator[TableShape]:
    """List the tables of an edition for a search: the cells behind every measure."""
    for own in list_measure_cells(document):
        yield own.base
        if own.numerator is not None:
            yield own.numerator
