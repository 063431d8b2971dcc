"""What one search for hidden cells is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cohort.cell_suppression.cell_contributors import CellCounts, Contributions, Numbers
from cohort.cell_suppression.cell_rules import CellRule, FewContributors, FewPupils, LargestShare, PPercent
from cohort.cell_suppression.cell_variables import CellVariable
from cohort.cell_suppression.linked_cells import CellKey, LinkedCells, TableShape
from cohort.cell_suppression.pattern_search import SearchBudget
from cohort.cell_suppression.search_state import SearchState


@dataclass(frozen=True)
class SuppressionRules:
    """The limits of the rules; see `cell_rules` for what each means.

    Args:
        pupils: least number of pupils of a printed cell that has some.
        schools: least number of schools, and of boards.
        largest_share: largest share of one school or board.
        p: the p of the p % rule, as a share.
    """

    pupils: int
    schools: int
    largest_share: float
    p: float

    def as_cell_rules(self) -> list[CellRule]:
        """The rules as values."""
        return [
            FewPupils(self.pupils),
            FewContributors(self.schools, self.schools),
            LargestShare(self.largest_share),
            PPercent(self.p),
        ]


@dataclass(frozen=True)
class ProtectedScore:
    """A score whose means are printed beside the counts: its sums are protected with the same pattern.

    Args:
        name: the name of the score.
        sums: the column of its sums in the contributions.
        pupils: the column of the pupils who have it.
        lowest: the least score of the scale, in the unit of the sums.
        highest: the greatest.
        spread: how far the interval of the mean of a hidden cell must reach below and above it.
    """

    name: str
    sums: str
    pupils: str
    lowest: float
    highest: float
    spread: float


@dataclass(frozen=True, eq=False)
class SuppressionTask:
    """One search.

    Args:
        variables: the variables of all tables.
        tables: the tables to be published, and those of every earlier publication with pupils in common.
        contributions: pupils per combination of leaves and school, of earlier editions first; see `count_cells`.
        rules: the limits.
        budget: how long the search may take.
        max_primary_share: the largest share of shown cells that rules may hide; above it the tables are too fine.
        printed_before: cells that were ever printed.
        hidden_before: cells that were ever hidden in a table.
        further_needs: further cells to protect, with how far below and above, as a percentile asks for more pupils
            than a count.
        scores: the scores whose means are printed.
        sums: further columns of the contributions to add up for every cell.
        before: how far an interrupted search came.
        keep: receives how far this one has come.
        informed: whether schools and boards are attackers who know their own pupils; only published comparisons of
            methods leave them out.
    """

    variables: Sequence[CellVariable]
    tables: Sequence[TableShape]
    contributions: Sequence[Contributions]
    rules: SuppressionRules
    budget: SearchBudget
    max_primary_share: float
    printed_before: frozenset[CellKey] = frozenset()
    hidden_before: frozenset[CellKey] = frozenset()
    further_needs: Mapping[CellKey, tuple[float, float]] = field(default_factory=dict)
    scores: Sequence[ProtectedScore] = ()
    sums: Sequence[str] = ()
    before: SearchState | None = None
    keep: Callable[[SearchState], None] = lambda _: None
    informed: bool = True


@dataclass(frozen=True, eq=False)
class SuppressionResult:
    """Which cells are hidden, and what the search proved.

    Args:
        cells: the cells and their relations.
        counts: what they count.
        primary: the cells that a rule hides.
        hidden: the hidden cells, with those that no table shows.
        cost: the cost of the hidden cells.
        lower_bound: what no safe pattern costs less than.
        proven: whether none is cheaper.
        first_pattern_seconds: after how many seconds there was a safe pattern.
        seconds: how long it took.
        attackers: how many attackers were considered, the outsider included.
    """

    cells: LinkedCells
    counts: CellCounts
    primary: Numbers
    hidden: Numbers
    cost: float
    lower_bound: float
    proven: bool
    first_pattern_seconds: float
    seconds: float
    attackers: int

    @property
    def secondary(self) -> int:
        """How many shown cells are hidden only to protect others."""
        return int(np.sum(self.hidden & self.cells.shown & ~self.primary))

    def is_hidden(self, key: CellKey) -> bool:
        """Whether a cell is hidden."""
        return bool(self.hidden[self._places[key]])

    @property
    def _places(self) -> dict[CellKey, int]:
        return self.cells.index
