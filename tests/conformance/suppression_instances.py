"""Published instances of cell suppression, built from small files of their data.

Sources of the data, which are facts and no code: `z1`, `z2`, `z3` are data sets of SSBtools (Statistics Norway, MIT);
`sdctable` is the complete data set of the vignette of sdcTable (GPL-2+); `simple2d` condenses the test microdata of
tau-ARGUS as checkTauArgus distributes it (42,723 records): per size and region the number of records, their sum, and
the two largest. The table of regions and sexes is test 1 of checkTauArgus.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cohort.cell_suppression import (
    CellVariable,
    FoundPattern,
    LinkedCells,
    PatternSearch,
    Protection,
    SearchBudget,
    SuppressionProblem,
    TableShape,
    VariableTree,
    link_tables,
)

DATA = Path(__file__).parent / "published_tables"
Numbers = np.ndarray


@dataclass(frozen=True, eq=False)
class Instance:
    """The cells of an instance with their values, and how often its authors count each cell."""

    cells: LinkedCells
    values: Numbers
    times: Numbers

    def solve(
        self, primary: Numbers, need: Numbers, cost: Numbers, further: Sequence[SuppressionProblem] = ()
    ) -> FoundPattern:
        """Find the cheapest pattern that moves every primary cell by its need both ways; empty cells are printed."""
        problem = self.make_problem(primary, Protection(np.minimum(need, self.values), need), cost)
        return PatternSearch([problem, *further], SearchBudget(300, 100), lambda _: None).run()

    def make_problem(
        self, primary: Numbers, protection: Protection, cost: Numbers, limits: tuple[Numbers, Numbers] | None = None
    ) -> SuppressionProblem:
        """The problem in numbers."""
        return SuppressionProblem(
            self.cells.relations, self.values, cost, protection, primary, self.values == 0, limits=limits
        )


def read_lines(name: str) -> list[dict[str, str]]:
    """Read the data of an instance."""
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def make_instance(
    variables: Sequence[CellVariable], tables: Sequence[TableShape], lines: Sequence[Mapping[str, str]], value: str
) -> Instance:
    """Count the cells of tables from lines that each have a leaf of every variable."""
    cells = link_tables(variables, tables)
    values = np.zeros(len(cells.keys))
    for line in lines:
        leaves = [1 << variable.leaves.index(line[variable.name]) for variable in variables]
        for place, key in enumerate(cells.keys):
            if all(node & leaf for node, leaf in zip(key, leaves, strict=True)):
                values[place] += float(line[value])
    codes = [Counter(_list_nodes(variable).values()) for variable in variables]
    times = [np.prod([own[node] for own, node in zip(codes, key, strict=True)]) for key in cells.keys]
    return Instance(cells, values, np.array(times, dtype=float))


def _list_nodes(variable: CellVariable) -> dict[str, int]:
    """Every code of a variable with its node; a group of one leaf is a code beside that of the leaf."""
    return {code: node for tree in variable.all_trees for code, node in variable.tree_nodes(tree).items()}


def make_flat(name: str, lines: Sequence[Mapping[str, str]]) -> CellVariable:
    """A variable that is divided into its leaves at once."""
    return CellVariable(name, tuple(sorted({line[name] for line in lines})))


def make_grouped(name: str, lines: Sequence[Mapping[str, str]], *groups: str) -> CellVariable:
    """A variable with a tree for each way to group its leaves."""
    leaves = tuple(sorted({line[name] for line in lines}))
    trees = []
    for group in groups:
        above = {line[name]: f"{group} {line[group]}" for line in lines}
        parents = {**dict.fromkeys(above.values(), "*"), **above}
        trees.append(VariableTree(group, parents))
    return CellVariable(name, leaves, tuple(trees))
