"""Which cells of an edition are hidden, or what is printed in their place: by the method of the publication."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cohort.agreements import Platform, Publication
from cohort.cell_suppression import (
    CellKey,
    ProtectedScore,
    SearchBudget,
    SearchState,
    SuppressionResult,
    SuppressionRules,
    SuppressionTask,
    find_hidden_cells,
)
from cohort.foundation import ProgressWriter, StateRefused, describe_problem
from cohort.publication_documents import PublicationDocument, SearchFigures
from cohort.publications.cell_figures import CountedEdition, list_printed_cells
from cohort.publications.earlier_editions import (
    Published,
    list_earlier_cells,
    list_earlier_tables,
    select_exact_editions,
)
from cohort.publications.edition_rows import Cells, EditionRows, list_tables
from cohort.publications.further_needs import list_further_needs
from cohort.publications.table_shapes import make_cell_variables


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
    tables = list(list_tables(document))
    for edition in before:
        tables.extend(list_earlier_tables(edition))
    known = [list_earlier_cells(edition, variables) for edition in before]
    floors, limits = platform.publications, publication.limits
    printed = frozenset[CellKey]().union(*(own for own, _ in known))
    needs = list_further_needs(publication, rows, variables, published.released)
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
