"""Cell suppression: which cells of linked tables are hidden so that nobody can compute what a rule protects.

In: variables with their trees, tables, and pupils per combination of leaves and school. Out: the hidden cells, proven
by an exact audit of every attacker. No Spark, no documents, no storage; called by `publications`. Nothing here knows a
pupil, and a school only as a column of counts.

    cell_variables          variables, nodes as sets of leaves, trees
    linked_cells            the cells of all tables, and the relations between them
    cell_contributors       pupils per cell, school and board
    cell_rules              which cells are primary, and how far an interval must reach
    suppression_problem     the problem in numbers, and what schools and boards know
    attacker_programme      how far one attacker's interval reaches: linear programmes
    pattern_audit           whether a pattern is safe from all attackers
    protecting_movements    the first safe pattern
    search_state            how far a search has come, for the next run
    pattern_search          the cheapest one: cutting planes
    cell_suppression_task   what a search is given and gives back
    suppression             the verb
"""

from __future__ import annotations

from cohort.cell_suppression.cell_contributors import (
    CellCounts,
    Contributions,
    Contributors,
    LargestContributors,
    UncountedCells,
    count_cells,
)
from cohort.cell_suppression.cell_rules import (
    CellRule,
    FewContributors,
    FewPupils,
    LargestShare,
    PPercent,
    Protection,
    protect_cells,
)
from cohort.cell_suppression.cell_suppression_task import (
    ProtectedScore,
    SuppressionResult,
    SuppressionRules,
    SuppressionTask,
)
from cohort.cell_suppression.cell_variables import TOTAL, CellVariable, VariableTree
from cohort.cell_suppression.linked_cells import CellKey, LinkedCells, TableShape, link_tables, list_table_cells
from cohort.cell_suppression.pattern_audit import OUTSIDER, Breach, PatternAudit
from cohort.cell_suppression.pattern_search import FoundPattern, NoPatternInTime, PatternSearch, SearchBudget
from cohort.cell_suppression.protecting_movements import CannotProtect
from cohort.cell_suppression.search_state import Cut, SearchState, read_search_state
from cohort.cell_suppression.suppression import find_hidden_cells, find_variable_to_coarsen
from cohort.cell_suppression.suppression_problem import InformedAttackers, SuppressionProblem, make_attackers

__all__ = [
    "OUTSIDER",
    "TOTAL",
    "Breach",
    "CannotProtect",
    "CellCounts",
    "CellKey",
    "CellRule",
    "CellVariable",
    "Contributions",
    "Contributors",
    "Cut",
    "FewContributors",
    "FewPupils",
    "FoundPattern",
    "InformedAttackers",
    "LargestContributors",
    "LargestShare",
    "LinkedCells",
    "NoPatternInTime",
    "PPercent",
    "PatternAudit",
    "PatternSearch",
    "ProtectedScore",
    "Protection",
    "SearchBudget",
    "SearchState",
    "SuppressionProblem",
    "SuppressionResult",
    "SuppressionRules",
    "SuppressionTask",
    "TableShape",
    "UncountedCells",
    "VariableTree",
    "count_cells",
    "find_hidden_cells",
    "find_variable_to_coarsen",
    "link_tables",
    "list_table_cells",
    "make_attackers",
    "protect_cells",
    "read_search_state",
]
