"""What one audit is given: the edition to be published, everything published before, and the platform's limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from cohort.agreements import PublicationLimits
from cohort.publication_documents import PublicationDocument, TidyCell

SCHOOL, BOARD, PUPILS = "school", "board", "pupils"


@dataclass(frozen=True, eq=False)
class AuditEdition:
    """One edition as everybody can read it, and what it was made from.

    Args:
        document: its public document.
        cells: its cells by table; None of a table whose file cannot be read.
        contributors: pupils and sums of scores per combination of leaves and school.
        scores: pupils per combination of leaves and score; None without percentiles.
    """

    document: PublicationDocument
    cells: Mapping[str, tuple[TidyCell, ...] | None]
    contributors: pa.Table
    scores: pa.Table | None = None

    @property
    def name(self) -> str:
        """How a finding names it."""
        return f"{self.document.publication} {self.document.edition}"

    @property
    def counted_rows(self) -> tuple[str | int | None, ...]:
        """What its cells count; cells of editions that count other rows have another meaning."""
        return (self.document.rows, self.document.project, self.document.release)


@dataclass(frozen=True)
class ReleasedCell:
    """How many pupils of one cell an anonymous release shows, as far as its rows tell.

    Args:
        nodes: the node by variable.
        least: pupils who are certainly in the cell.
        most: pupils who may be in it.
    """

    nodes: Mapping[str, str]
    least: int
    most: int


@dataclass(frozen=True, eq=False)
class AuditInput:
    """One audit.

    Args:
        edition: the edition to be published.
        earlier: every edition that was ever public, superseded and withdrawn ones included.
        limits: the platform's floors.
        released: cells of an anonymous release of the same pupils, if there is one.
    """

    edition: AuditEdition
    earlier: tuple[AuditEdition, ...]
    limits: PublicationLimits
    released: tuple[ReleasedCell, ...] = field(default=())
