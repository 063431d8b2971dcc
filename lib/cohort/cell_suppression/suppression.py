"""The verb of the package: find the cells to hide, or say what makes the tables too fine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cohort.cell_suppression.cell_contributors import CellCounts, DifferingCounts, Numbers, UncountedCells, count_cells
from cohort.cell_suppression.cell_rules import Protection, combine_protections, protect_cells
from cohort.cell_suppression.cell_suppression_task import (
    ProtectedScore,
    SuppressionResult,
    SuppressionRules,
    SuppressionTask,
)
from cohort.cell_suppression.linked_cells import CellKey, LinkedCells, link_tables
from cohort.cell_suppression.pattern_search import NoPatternInTime, PatternSearch
from cohort.cell_suppression.protecting_movements import CannotProtect
from cohort.cell_suppression.suppression_problem import SuppressionProblem, make_attackers
from cohort.foundation import NotAnonymous, ProgressWriter, StateRefused, describe_problem

_DIFFERING = "counts that differ from those of today, as after an objection or of part of these pupils"


def find_hidden_cells(task: SuppressionTask, progress: ProgressWriter) -> SuppressionResult:
    """Find the cheapest cells to hide so that no attacker comes near a cell that a rule protects.

    Args:
        task: the tables, counts and limits.
        progress: receives lines of progress.

    Raises:
        StateRefused: earlier editions have cells that cannot be counted together with these (exit code 15).
        NotAnonymous: too many cells that a rule hides, no safe pattern in its time, or a cell that what was printed
            before gives away (exit code 14). The refusal names the variable to coarsen.
    """
    cells = link_tables(task.variables, task.tables)
    columns = dict.fromkeys([*task.sums, *(column for score in task.scores for column in (score.sums, score.pupils))])
    counts = _count(cells, task, list(columns))
    protection = _protect(cells, counts, task)
    primary = protection.primary & cells.shown
    progress(f"{int(cells.shown.sum())} cells, {len(cells.keys)} with their parts; {int(primary.sum())} primary")
    _require_few_primary(cells, counts, primary, task)
    problems = _make_problems(cells, counts, protection, task)
    try:
        found = PatternSearch(problems, task.budget, progress, task.before, task.keep).run()
    except NoPatternInTime:
        raise _refuse_time(cells, counts, primary, task) from None
    except CannotProtect as failure:
        raise _refuse_printed(cells, failure) from None
    attackers = problems[0].attackers
    return SuppressionResult(
        cells=cells,
        counts=counts,
        primary=primary,
        hidden=found.hidden,
        cost=found.cost,
        lower_bound=found.lower_bound,
        proven=found.proven,
        first_pattern_seconds=found.first_seconds,
        seconds=found.seconds,
        attackers=1 + (0 if attackers is None else attackers.number),
    )


def _count(cells: LinkedCells, task: SuppressionTask, columns: list[str]) -> CellCounts:
    """Count the cells, and hold the counts against each other: what was counted at different times may differ."""
    try:
        counts = count_cells(cells, task.contributions, columns)
    except UncountedCells as failure:
        raise _refuse_earlier(f"parts that cannot be counted any more: {failure}") from None
    except DifferingCounts:
        raise _refuse_earlier(_DIFFERING) from None
    if np.abs(cells.relations @ counts.pupils).max(initial=0.0) > 0.5:
        raise _refuse_earlier(_DIFFERING)
    return counts


def _refuse_earlier(found: str) -> StateRefused:
    return StateRefused(
        describe_problem(
            "tables that agree with those of earlier editions",
            example="tables of another school year",
            found=found,
            where="the tables of the publication and those published before",
            do="Leave the school years of earlier editions out: what is published stays as it is. Where an earlier "
            "edition counts part of the pupils, declare the variable or the score by which it does",
        )
    )


def _protect(cells: LinkedCells, counts: CellCounts, task: SuppressionTask) -> Protection:
    """Protect cells by the rules, also the parts that no table shows, and by what else is asked for."""
    own = protect_cells(counts, task.rules.as_cell_rules())
    further = Protection(np.zeros(len(cells.keys)), np.zeros(len(cells.keys)))
    for place, key in enumerate(cells.keys):
        if key in task.further_needs:
            further.below[place], further.above[place] = task.further_needs[key]
    further = Protection(np.minimum(further.below, counts.pupils), further.above)
    return combine_protections([own, further])


def _make_problems(
    cells: LinkedCells, counts: CellCounts, protection: Protection, task: SuppressionTask
) -> list[SuppressionProblem]:
    hidden_before = _mark(cells, task.hidden_before)
    empty = cells.shown & (counts.pupils == 0) & ~protection.primary & ~hidden_before
    # an empty cell protects nothing, since whoever knows that there is no such school fills it in; but it may be hidden
    # where it would give away that another one is empty
    printed = _mark(cells, task.printed_before) | (empty & ~_find_related_empty(cells, counts, protection))
    hidden = (protection.primary | ~cells.shown | hidden_before) & ~printed
    cost = np.where(cells.shown, np.log2(counts.pupils + 2), 0.0)
    attackers = make_attackers(counts, task.rules.p) if task.informed else None
    kept = Protection(np.where(printed, 0.0, protection.below), np.where(printed, 0.0, protection.above))
    problems = [SuppressionProblem(cells.relations, counts.pupils, cost, kept, hidden, printed, attackers)]
    for score in task.scores:
        problems.append(_make_score_problem(problems[0], counts.sums, score))
    return problems


def _find_related_empty(cells: LinkedCells, counts: CellCounts, protection: Protection) -> Numbers:
    """Find the empty cells that relations join with an empty cell that is protected, as one of a distribution."""
    empty = counts.pupils == 0
    related: Numbers = empty & protection.primary
    joined = abs(cells.relations)
    found = 0
    while found != related.sum():
        found = related.sum()
        related = empty & (related | (joined.T @ (joined @ related.astype(np.float64)) > 0))
    return related


def _make_score_problem(
    problem: SuppressionProblem, sums: Mapping[str, Numbers], score: ProtectedScore
) -> SuppressionProblem:
    """Protect the means of hidden cells from an attacker who knows how many pupils every cell has, and the scale."""
    value, pupils = sums[score.sums], sums[score.pupils]
    low, high = score.lowest * pupils, score.highest * pupils
    need = np.where(problem.protection.primary & (pupils > 0), score.spread * pupils, 0.0)
    protection = Protection(np.minimum(need, value - low), np.minimum(need, high - value))
    return SuppressionProblem(
        problem.relations, value, problem.cost, protection, problem.must_hide, problem.must_print, limits=(low, high)
    )


def _mark(cells: LinkedCells, keys: frozenset[CellKey]) -> Numbers:
    return np.fromiter((key in keys for key in cells.keys), dtype=bool, count=len(cells.keys))


# Refusals


def _require_few_primary(cells: LinkedCells, counts: CellCounts, primary: Numbers, task: SuppressionTask) -> None:
    occupied = cells.shown & ((counts.pupils > 0) | primary)
    share = primary.sum() / max(occupied.sum(), 1)
    if share > task.max_primary_share:
        coarser = find_variable_to_coarsen(cells, counts, task.rules)
        raise NotAnonymous(
            describe_problem(
                f"tables in which a rule hides at most {task.max_primary_share:.0%} of the cells",
                example="provinces instead of regions",
                found=f"{share:.1%}",
                where="the tables of the publication",
                do=f"Show {coarser} in less detail: that leaves the fewest such cells",
            )
        )


def _refuse_time(cells: LinkedCells, counts: CellCounts, primary: Numbers, task: SuppressionTask) -> NotAnonymous:
    coarser = find_variable_to_coarsen(cells, counts, task.rules)
    return NotAnonymous(
        describe_problem(
            f"a safe pattern within {task.budget.first_pattern_seconds:.0f} seconds",
            example="one for tables with fewer cells",
            found=f"none for {int(cells.shown.sum()):,} cells of which rules hide {int(primary.sum()):,}",
            where="the tables of the publication",
            do=f"Show {coarser} in less detail, or raise [publications] first_pattern_seconds of platform.toml",
        )
    )


def _refuse_printed(cells: LinkedCells, failure: CannotProtect) -> NotAnonymous:
    return NotAnonymous(
        describe_problem(
            "tables in which what must be printed gives no cell away",
            example="tables of which every cell was printed before, or none",
            found=f"a cell that it gives away: {cells.describe(failure.breach.cell)}",
            where="the tables of the publication beside earlier editions and empty cells",
            do="Leave that cell's table out, or publish it rounded",
        )
    )


def find_variable_to_coarsen(cells: LinkedCells, counts: CellCounts, rules: SuppressionRules) -> str:
    """Find the variable without whose finest nodes the fewest shown cells are primary.

    Returns:
        Its name.
    """
    primary = protect_cells(counts, rules.as_cell_rules()).primary & cells.shown & (counts.pupils > 0)
    left: dict[str, int] = {}
    for place, variable in enumerate(cells.variables):
        parents = {whole for whole, _ in variable.divisions}
        coarse = np.fromiter((key[place] in parents for key in cells.keys), dtype=bool, count=len(cells.keys))
        if coarse.any() and not coarse.all():  # a variable with one value cannot be shown in less detail
            left[variable.name] = int(primary[coarse].sum())
    return min(left, key=lambda name: (left[name], name)) if left else cells.variables[0].name
