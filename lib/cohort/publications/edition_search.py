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
    SearchState,
    SuppressionResult,
    SuppressionRules,
    SuppressionTask,
    TableShape,
    count_cells,
    find_hidden_cells,
    link_tables,
    list_table_cells,
)
from cohort.foundation import ProgressWriter, StateRefused, describe_problem
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


@dataclass(frozen=True)
class KeptSearch:
    """Where a search keeps how far it has come.

    Args:
        before: what an interrupted search of the publication left; None without one.
        keep: receives what the next run goes on from.
    """

    before: SearchState | None = None
    keep: Callable[[SearchState], None] = lambda _: None


def suppress_cells(
    publication: Publication,
    rows: EditionRows,
    platform: Platform,
    published: Published,
    progress: ProgressWriter,
    kept: KeptSearch | None = None,
) -> tuple[Cells, SearchFigures]:
    """Find the cells to hide beside everything that was published before.

    Args:
        publication: the declaration.
        rows: what the edition counts.
        platform: the platform's declaration.
        published: everything that an attacker has beside the edition.
        progress: receives lines of progress.
        kept: where the search goes on from; left out, it begins anew.

    Raises:
        StateRefused: earlier editions with counts that differ from those of today, or with a printed cell that must be
            hidden now (exit code 15).
        NotAnonymous: the tables are too fine, or no safe pattern was found in time (14).
    """
    result = find_hidden_cells(_make_task(publication, rows, platform, published, kept or KeptSearch()), progress)
    counted = CountedEdition(rows.document, result.cells, result.counts, rows.scores)
    return list_printed_cells(counted, result.is_hidden), _describe_search(result)


def _make_task(
    publication: Publication, rows: EditionRows, platform: Platform, published: Published, kept: KeptSearch
) -> SuppressionTask:
    """Make the task of the search: the tables of the edition and those of every earlier one that shows exact counts."""
    document = rows.document
    before = select_exact_editions(published.editions, document)
    variables = make_cell_variables([document, *(edition.document for edition in before)])
    tables = list(_list_tables(document))
    for edition in before:
        tables.extend(list_earlier_tables(edition))
    known = [list_earlier_cells(edition, variables) for edition in before]
    floors, limits = platform.publications, publication.limits
    printed = frozenset[CellKey]().union(*(own for own, _ in known))
    needs = _list_further_needs(publication, rows, variables, published.released)
    _require_hideable(printed.intersection(needs))
    return SuppressionTask(
        variables=variables,
        tables=tables,
        contributions=[*(edition.contributions for edition in before), rows.contributions],
        rules=SuppressionRules(limits.pupils, limits.schools, float(limits.max_share), float(limits.p_percent) / 100),
        budget=SearchBudget(floors.search_seconds, floors.first_pattern_seconds, megabytes=floors.search_megabytes),
        max_primary_share=float(floors.max_primary_share),
        printed_before=printed,
        hidden_before=frozenset[CellKey]().union(*(own for _, own in known)),
        further_needs=needs,
        scores=tuple(_list_scores(document)),
        sums=_list_sum_columns(document),
        before=kept.before,
        keep=kept.keep,
    )


def _require_hideable(printed: frozenset[CellKey]) -> None:
    """Refuse figures that ask to hide a cell that everybody has read already."""
    if printed:
        raise StateRefused(
            describe_problem(
                "figures whose cells can still be hidden",
                example="counts alone of cells whose counts were printed before",
                found=f"{len(printed)} cells that were printed before and that a mean, a percentile, a sensitive "
                "variable or a release asks to hide now",
                where="the tables of the publication and those published before",
                do="Leave that figure or table out, or coarsen it",
            )
        )


def _describe_search(result: SuppressionResult) -> SearchFigures:
    return SearchFigures(
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
