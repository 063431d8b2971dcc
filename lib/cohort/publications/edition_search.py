"""Which cells of an edition are hidden, or what is printed in their place: by the method of the publication."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cohort.agreements import Platform, Publication
from cohort.cell_suppression import (
    CellKey,
    CellVariable,
    Contributions,
    LinkedCells,
    ProtectedScore,
    SearchBudget,
    SuppressionRules,
    SuppressionTask,
    TableShape,
    count_cells,
    find_hidden_cells,
    link_tables,
    list_table_cells,
)
from cohort.foundation import ProgressWriter
from cohort.publication_documents import PublicationDocument, SearchFigures, TidyCell
from cohort.publications.cell_figures import CountedEdition, list_printed_cells
from cohort.publications.earlier_editions import (
    Published,
    list_earlier_cells,
    list_earlier_tables,
    make_contributions,
    select_exact_editions,
)
from cohort.publications.release_beside import ReleasedPupils
from cohort.publications.table_shapes import list_measure_cells, make_cell_key, make_cell_variables

Cells = dict[str, list[TidyCell]]


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


def suppress_cells(
    publication: Publication, rows: EditionRows, platform: Platform, published: Published, progress: ProgressWriter
) -> tuple[Cells, SearchFigures]:
    """Find the cells to hide beside everything that was published before.

    Raises:
        StateRefused: earlier editions with counts that differ from those of today (exit code 15).
        NotAnonymous: the tables are too fine, or no safe pattern was found in time (14).
    """
    document = rows.document
    before = select_exact_editions(published.editions, document)
    variables = make_cell_variables([document, *(edition.document for edition in before)])
    tables = list(_list_tables(document))
    for edition in before:
        tables.extend(list_earlier_tables(edition))
    known = [list_earlier_cells(edition, variables) for edition in before]
    floors, limits = platform.publications, publication.limits
    result = find_hidden_cells(
        SuppressionTask(
            variables=variables,
            tables=tables,
            contributions=[*(edition.contributions for edition in before), rows.contributions],
            rules=SuppressionRules(
                limits.pupils, limits.schools, float(limits.max_share), float(limits.p_percent) / 100
            ),
            budget=SearchBudget(floors.search_seconds, floors.first_pattern_seconds, megabytes=floors.search_megabytes),
            max_primary_share=float(floors.max_primary_share),
            printed_before=frozenset().union(*(printed for printed, _ in known)),
            hidden_before=frozenset().union(*(hidden for _, hidden in known)),
            further_needs=_list_further_needs(publication, rows, variables, published.released),
            scores=tuple(_list_scores(document)),
            sums=_list_sum_columns(document),
        ),
        progress,
    )
    counted = CountedEdition(document, result.cells, result.counts, rows.scores)
    cells = list_printed_cells(counted, result.is_hidden)
    figures = SearchFigures(
        cells=int(result.cells.shown.sum()),
        primary=int(result.primary.sum()),
        secondary=result.secondary,
        cost=result.cost,
        lower_bound=result.lower_bound,
        proven=result.proven,
        seconds=round(result.seconds, 1),
        first_pattern_seconds=round(result.first_pattern_seconds, 1),
        attackers=result.attackers,
    )
    return cells, figures


def round_cells(rows: EditionRows, platform: Platform) -> Cells:
    """Round the counts of the finest cells, and add totals up from what was rounded.

    Counts up to the limit are hidden, and count as none in a total; so a total gives nothing away that its parts do
    not. A table shows counts and shares of them alone.
    """
    document = rows.document
    variables = make_cell_variables([document])
    cells = link_tables(variables, list(_list_tables(document)))
    counts = count_cells(cells, [rows.contributions])
    floors = platform.publications
    rounded = _RoundedCells(cells, counts.pupils, floors.hide_up_to, floors.round_to)
    return list_printed_cells(CountedEdition(document, cells, counts), rounded.is_hidden, rounded.count)


class _RoundedCells:
    """Counts whose totals are sums of rounded parts."""

    def __init__(self, cells: LinkedCells, pupils: np.ndarray, hide_up_to: int, round_to: int) -> None:
        self._cells, self._pupils = cells, pupils
        self._hide, self._base = hide_up_to, round_to
        self._parts: dict[CellKey, tuple[CellKey, ...]] = {}
        relations = cells.relations
        for row in range(relations.shape[0]):
            own = slice(relations.indptr[row], relations.indptr[row + 1])
            places, signs = relations.indices[own], relations.data[own]
            whole = cells.keys[int(places[signs < 0][0])]
            self._parts.setdefault(whole, tuple(cells.keys[place] for place in places[signs > 0]))
        self._rounded: dict[CellKey, float] = {}

    def is_hidden(self, key: CellKey) -> bool:
        """Whether a cell without parts has a small count."""
        return key not in self._parts and 0 < self._pupils[self._cells.index[key]] <= self._hide

    def count(self, key: CellKey) -> float:
        """The count that is printed."""
        if key not in self._rounded:
            parts = self._parts.get(key)
            own = float(self._pupils[self._cells.index[key]])
            if parts is not None:
                self._rounded[key] = sum(self.count(part) for part in parts)
            else:
                self._rounded[key] = 0.0 if own <= self._hide else self._base * round(own / self._base)
        return self._rounded[key]


def _list_tables(document: PublicationDocument) -> Iterator[TableShape]:
    for own in list_measure_cells(document):
        yield own.base
        if own.numerator is not None:
            yield own.numerator


def _list_scores(document: PublicationDocument) -> Iterator[ProtectedScore]:
    """List the scores whose mean, deviation or growth a table prints."""
    used = {score for table in document.tables for measure in table.measures for score in measure.scores}
    for score in document.scores:
        if score.name in used:
            yield ProtectedScore(
                score.name, f"{score.name}_sum", f"{score.name}_pupils", score.lowest, score.highest, score.spread
            )


def _list_sum_columns(document: PublicationDocument) -> tuple[str, ...]:
    return tuple(f"{score.name}_{kind}" for score in document.scores for kind in ("sum", "sum_squares"))


def _list_further_needs(
    publication: Publication, rows: EditionRows, variables: Sequence[CellVariable], released: Sequence[ReleasedPupils]
) -> dict[CellKey, tuple[float, float]]:
    """List what measures, sensitive variables and releases ask for beyond the rules on counts."""
    own_cells = list(list_measure_cells(rows.document))
    cells = link_tables(variables, [own.base for own in own_cells])
    counts = count_cells(cells, [rows.contributions])
    pupils = {key: float(counts.pupils[place]) for key, place in cells.index.items()}
    needs: dict[CellKey, tuple[float, float]] = {}

    def ask(key: CellKey, above: float) -> None:
        above = max(above, needs.get(key, (0.0, 0.0))[1])
        needs[key] = (min(pupils[key], above), above)

    for own in own_cells:
        least = _least_pupils(publication, own.measure.kind, own.measure.quantile)
        for key in list_table_cells(variables, own.base):
            if 0 < pupils[key] < least:
                ask(key, least - pupils[key])
        for variable in rows.document.variables:
            if variable.sensitive and variable.name in own.base.axes:
                limit = float(publication.limits.largest_value_share)
                _ask_of_rows(own.base, variable.name, variables, pupils, limit, ask)
    for one in released:
        key = make_cell_key(rows.document, variables, one.nodes)
        left_out = pupils.get(key, 0.0) - one.least
        if 0 < left_out < publication.limits.pupils and pupils[key] - one.most > 0:
            ask(key, publication.limits.pupils - left_out)
    return needs


def _ask_of_rows(
    table: TableShape,
    sensitive: str,
    variables: Sequence[CellVariable],
    pupils: Mapping[CellKey, float],
    limit: float,
    ask: Callable[[CellKey, float], None],
) -> None:
    """Hide how the pupils of a row divide over a sensitive variable where nearly all of them have one value.

    The interval of every value of the row must reach as far as the largest one is above its limit; a value that nobody
    has is hidden as well.
    """
    place = [variable.name for variable in variables].index(sensitive)
    whole = max(variables[place].tree_nodes(table.axes[sensitive]).values(), key=int.bit_count)
    by_row: dict[CellKey, list[CellKey]] = {}
    for key in list_table_cells(variables, table):
        by_row.setdefault((*key[:place], *key[place + 1 :]), []).append(key)
    for keys in by_row.values():
        total = next(pupils[key] for key in keys if key[place] == whole)
        parts = [key for key in keys if key[place] != whole]
        largest = max((pupils[key] for key in parts), default=0.0)
        if total > 0 and largest > limit * total:
            for key in parts:
                ask(key, float(np.ceil(max(largest - limit * total, 1.0))))


def _least_pupils(publication: Publication, kind: str, quantile: float | None) -> float:
    """The least number of pupils of a figure: of a quantile q, the limit on pupils over the smaller of q and 1 − q."""
    if kind in ("mean", "standard_deviation", "growth"):
        return publication.limits.degrees_of_freedom + 1
    if kind == "percentile" and quantile is not None:
        return float(np.ceil(publication.limits.pupils / min(quantile, 1 - quantile) - 1e-9))
    return 0
