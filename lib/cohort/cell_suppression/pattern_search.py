"""The search for the cheapest safe pattern: cutting planes in a master problem over the cells.

The master problem minimises the cost of hidden cells. For any multipliers g of the relations, with w the unit vector of
a protected cell minus g times the relations, a safe pattern x satisfies Σ xᵢ·min(need, wᵢ⁺·aboveᵢ + wᵢ⁻·belowᵢ) ≥ need
(Fischetti and Salazar-González, Management Science 47 (2001) 1008–1027); the multipliers of an attacker who breaches a
pattern give a cut that the pattern violates. Each search is the relaxation with all violated cuts; then whole patterns,
at ever smaller gaps, each audited. A whole pattern is taken only when its audit found nothing.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import highspy
import numpy as np

from cohort.cell_suppression.attacker_programme import SolverFailed
from cohort.cell_suppression.cell_contributors import Numbers
from cohort.cell_suppression.pattern_audit import OUTSIDER, Breach, JointAudit
from cohort.cell_suppression.protecting_movements import CannotProtect, print_again, repair_pattern
from cohort.cell_suppression.search_state import Cut, SearchState, digest_problems
from cohort.cell_suppression.suppression_problem import SuppressionProblem
from cohort.foundation import ProgressWriter, new_solver

GAPS = (0.01, 0.002, 0.0004, 0.0)
"""The gaps to which whole patterns are searched, one after the other."""
MOST_RELAXATIONS = 80
SECONDS_BETWEEN_STATES = 10


@dataclass(frozen=True)
class SearchBudget:
    """How long a search may take, how much memory it may add, and the gap at which it ends.

    Args:
        seconds: of the whole search.
        first_pattern_seconds: until there is a safe pattern.
        gap: the share of the cost by which the pattern may be above the proven bound.
        megabytes: of memory added by the search; looked at after each round, not within one.
    """

    seconds: float
    first_pattern_seconds: float
    gap: float = 0.0
    megabytes: float = np.inf


@dataclass(frozen=True, eq=False)
class FoundPattern:
    """The best safe pattern of a search.

    Args:
        hidden: which cells are hidden.
        cost: its cost.
        lower_bound: what no safe pattern costs less than.
        proven: whether the pattern is the cheapest, within the gap that was asked for.
        first_seconds: after how many seconds there was a safe pattern.
        seconds: how long the search took.
        cuts: the cuts, with which a search can go on.
    """

    hidden: Numbers
    cost: float
    lower_bound: float
    proven: bool
    first_seconds: float
    seconds: float
    cuts: list[Cut]

    @property
    def gap(self) -> float:
        """By what share of its cost the pattern may be above the cheapest."""
        return max(self.cost - self.lower_bound, 0.0) / self.cost if self.cost else 0.0


class NoPatternInTime(RuntimeError):
    """There was no safe pattern when the time for it was over."""


class PatternSearch:
    """One search.

    Args:
        problems: the problem of the counts, and those of the sums of scores of the same cells.
        budget: how long it may take.
        progress: receives lines of progress.
        before: how far an earlier search came; of another problem it is left alone. Its pattern is taken when safe.
        keep: receives how far this one has come, every ten seconds at most.
    """

    def __init__(
        self,
        problems: Sequence[SuppressionProblem],
        budget: SearchBudget,
        progress: ProgressWriter,
        before: SearchState | None = None,
        keep: Callable[[SearchState], None] = lambda _: None,
    ) -> None:
        self._problems, self._problem = tuple(problems), problems[0]
        self._budget, self._progress = budget, progress
        self._began = time.monotonic()
        self._megabytes_at_first = _peak_megabytes()
        self._best: Numbers | None = None
        self._cost, self._bound = np.inf, 0.0
        self._first_seconds = np.inf
        self._audit: JointAudit | None = None
        self.cuts: list[Cut] = []
        self._known: set[bytes] = set()
        self._solver = self._make_master()
        self._keep, self._kept_at, self._digest = keep, self._began, digest_problems(self._problems)
        if before is not None and before.problem != self._digest:
            before = None
        for cut in (*self._list_relation_cuts(), *(() if before is None else before.cuts)):
            self._add(cut)
        if before is not None and before.hidden is not None:
            self._offer_if_safe(before.hidden)

    def run(self) -> FoundPattern:
        """Search until the pattern is proven or the time is over.

        Raises:
            NoPatternInTime: there was no safe pattern in time.
            CannotProtect: what must be printed gives a cell away.
        """
        relaxed = self._solve_relaxation()
        self._make_first_pattern(relaxed)
        if not self._is_proven():
            self._search_whole_patterns()
        if self._best is None:
            raise NoPatternInTime
        return FoundPattern(
            self._best, self._cost, self._bound, self._is_proven(), self._first_seconds, self._seconds, self.cuts
        )

    @property
    def state(self) -> SearchState:
        """How far the search has come."""
        return SearchState(self._digest, tuple(self.cuts), self._best)

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _keep_state(self) -> None:
        if time.monotonic() - self._kept_at > SECONDS_BETWEEN_STATES:
            self._keep(self.state)
            self._kept_at = time.monotonic()

    def _is_budget_left(self) -> bool:
        added = _peak_megabytes() - self._megabytes_at_first
        return self._seconds < self._budget.seconds and added < self._budget.megabytes

    def _is_proven(self) -> bool:
        return self._cost - self._bound <= self._budget.gap * self._cost + 1e-6 * max(1.0, self._cost)

    # The master problem

    def _make_master(self) -> highspy.Highs:
        problem, solver, model = self._problem, new_solver(), highspy.HighsLp()
        model.num_col_, model.num_row_ = problem.cells, 0
        model.col_cost_ = problem.cost
        model.col_lower_ = problem.must_hide.astype(np.float64)
        model.col_upper_ = (~problem.must_print).astype(np.float64)
        model.row_lower_ = model.row_upper_ = np.zeros(0)
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_ = np.zeros(problem.cells + 1, np.int32)
        model.a_matrix_.index_, model.a_matrix_.value_ = np.zeros(0, np.int32), np.zeros(0)
        solver.passModel(model)
        return solver

    def _add(self, cut: Cut) -> bool:
        key = cut.cells.tobytes() + np.round(cut.coefficients, 9).tobytes()
        if key in self._known:
            return False
        self._known.add(key)
        self.cuts.append(cut)
        self._solver.addRow(cut.least, highspy.kHighsInf, len(cut.cells), cut.cells.astype(np.int32), cut.coefficients)
        return True

    def _list_relation_cuts(self) -> Iterable[Cut]:
        """In every relation of a cell that must be hidden and is protected, another cell is hidden."""
        relations, protected = self._problem.relations, self._problem.protection.primary
        for row in range(relations.shape[0]):
            cells = relations.indices[relations.indptr[row] : relations.indptr[row + 1]]
            for cell in cells[protected[cells]]:
                others = cells[cells != cell]
                if not self._problem.must_hide[others].any():
                    yield Cut(others, np.ones(len(others)), 1.0)

    def _list_bridge_cuts(self, parts: Numbers) -> Iterable[Cut]:
        """A cell that is alone hidden in a relation is not hidden at all: with the others as many are hidden."""
        relations = self._problem.relations
        for row in range(relations.shape[0]):
            cells = relations.indices[relations.indptr[row] : relations.indptr[row + 1]]
            own = parts[cells]
            alone = own > own.sum() - own + 1e-6
            for cell in cells[alone & ~self._problem.must_hide[cells]]:
                others = cells[cells != cell]
                yield Cut(np.append(others, cell), np.append(np.ones(len(others)), -1.0), 0.0)

    def _make_cut(self, breach: Breach) -> Cut:
        problem = breach.problem
        weights = -(problem.relations.T @ breach.multipliers)
        weights[breach.cell] += breach.sense
        weights[np.abs(weights) < 1e-9] = 0.0
        above, below = problem.room_above, problem.room_below
        if breach.attacker != OUTSIDER and problem.attackers is not None:
            own, alone = problem.attackers.knowledge(breach.attacker)
            below = np.where(alone, 0.0, np.maximum(below - own, 0.0))
            above = np.where(alone, 0.0, above)
        part = np.where(weights > 0, weights * above, -weights * below)
        part = np.minimum(part, breach.need) / breach.need
        cells = np.flatnonzero(part > 1e-9)
        if not len(cells):
            raise CannotProtect(breach)
        return Cut(cells, part[cells], 1.0)

    # Its relaxation

    def _solve_relaxation(self) -> Numbers:
        parts = self._problem.must_hide.astype(np.float64)
        for _ in range(MOST_RELAXATIONS):
            self._solver.run()
            parts = np.clip(np.array(self._solver.getSolution().col_value), 0.0, 1.0)
            self._bound = max(self._bound, float(self._solver.getInfo().objective_function_value))
            self._keep_state()
            audit = JointAudit(self._problems, parts, self._audit)
            new = [self._add(cut) for cut in self._list_bridge_cuts(parts)]
            new += [self._add(self._make_cut(breach)) for breach in audit.find_breaches(1e-4, informed=False)]
            if not any(new) or self._seconds > self._budget.first_pattern_seconds / 3:
                break
        return parts

    def _make_first_pattern(self, relaxed: Numbers) -> None:
        until = self._began + self._budget.first_pattern_seconds
        cost = self._problem.cost * (1 - relaxed) + 1e-3
        audit = repair_pattern(self._problems, relaxed > 0.5, cost, until)
        if audit is None:
            if self._best is None:
                raise NoPatternInTime
            return
        self._offer(audit)
        self._offer(print_again(self._problems, audit, time.monotonic() + self._budget.first_pattern_seconds / 6))
        self._report("first safe pattern")

    # Whole patterns

    def _search_whole_patterns(self) -> None:
        solver, cells = self._solver, self._problem.cells
        solver.changeColsIntegrality(
            cells, np.arange(cells, dtype=np.int32), np.full(cells, highspy.HighsVarType.kInteger)
        )
        steps, rounds = [max(gap, self._budget.gap) for gap in GAPS], 0
        while self._is_budget_left() and not self._is_proven():
            parts = self._solve_master(steps[0])
            if parts is None:
                return
            rounds += 1
            audit = JointAudit(self._problems, parts, self._audit)
            breaches = audit.find_breaches()
            self._audit = audit
            for cut in (*self._list_bridge_cuts(parts), *(self._make_cut(breach) for breach in breaches)):
                self._add(cut)
            if not breaches:
                self._offer(audit)
                steps = steps[1:] if len(steps) > 1 else steps
            elif rounds % 10 == 0:
                self._repair_again(parts)
            self._report(f"round {rounds}: {len(breaches)} cells not safe yet")

    def _solve_master(self, gap: float) -> Numbers | None:
        """Solve the master problem for a whole pattern; None when time is over."""
        solver, cost = self._solver, self._problem.cost
        left = max(1.0, self._budget.seconds - self._seconds)
        solver.setOptionValue("time_limit", float(solver.getRunTime() + left))
        solver.setOptionValue("mip_rel_gap", gap)
        solver.setOptionValue("mip_abs_gap", 1e-6)
        solver.clearSolver()  # a stored solution comes back instead of a better one
        solver.run()
        info = solver.getInfo()
        if np.isfinite(info.mip_dual_bound):
            self._bound = min(max(self._bound, float(info.mip_dual_bound)), self._cost)
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        parts: Numbers = np.round(np.array(solver.getSolution().col_value))
        if abs(cost @ parts - info.objective_function_value) > 1e-4 * max(1.0, abs(cost @ parts)):
            raise SolverFailed("the pattern has not the cost that the solver says")
        return parts

    def _repair_again(self, parts: Numbers) -> None:
        until = self._began + self._budget.seconds
        audit = repair_pattern(self._problems, parts > 0.5, self._problem.cost, until)
        if audit is not None:
            self._offer(print_again(self._problems, audit, min(until, time.monotonic() + 5.0)))

    # The best pattern

    def _offer_if_safe(self, hidden: Numbers) -> None:
        audit = JointAudit(self._problems, hidden.astype(np.float64))
        if audit.is_safe():
            self._offer(audit)

    def _offer(self, audit: JointAudit) -> None:
        """Take the pattern of an audit that found nothing, if it is the cheapest until now."""
        hidden = audit.parts > 0.5
        cost = float(self._problem.cost[hidden].sum())
        self._audit = audit
        self._first_seconds = min(self._first_seconds, self._seconds)
        if cost < self._cost - 1e-9:
            self._best, self._cost = hidden, cost

    def _report(self, stage: str) -> None:
        self._keep_state()
        cost = "none" if self._best is None else f"{self._cost:,.1f}"
        self._progress(f"{stage}: cost {cost}, at least {self._bound:,.1f}, {self._seconds:.0f} s")


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
