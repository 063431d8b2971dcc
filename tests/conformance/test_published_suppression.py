"""Instances of cell suppression with published results: our optimum is as good or better, and audited.

What tau-ARGUS, sdcTable and SSBtools hide is in the documentation of these packages and in the expected output of
checkTauArgus.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from cohort.cell_suppression import (
    CellVariable,
    FoundPattern,
    InformedAttackers,
    LargestContributors,
    PatternAudit,
    PatternSearch,
    Protection,
    SearchBudget,
    TableShape,
    VariableTree,
)

from .suppression_instances import Instance, make_flat, make_grouped, make_instance, read_lines

REGIONS = {"Nr": ("1", "2", "3"), "Os": ("4", "5", "6", "7"), "Ws": ("8", "9", "10"), "Zd": ("11", "12")}
P = 0.15


def require_safe(instance: Instance, found: FoundPattern, primary: np.ndarray, need: np.ndarray) -> None:
    """Audit a pattern anew, without the witnesses of its search."""
    problem = instance.make_problem(primary, Protection(np.minimum(need, instance.values), need), instance.values)
    assert PatternAudit(problem, found.hidden.astype(float)).find_breaches() == []


def test_the_four_cells_of_tau_argus_and_sdctable_protect_one_sensitive_cell() -> None:
    counts = {"Am": 895, "Af": 137, "Bm": 753, "Bf": 973, "Cm": 569, "Cf": 486, "Dm": 540, "Df": 793}
    lines = [{"region": cell[0], "sex": cell[1], "pupils": str(count)} for cell, count in counts.items()]
    variables = [make_flat("region", lines), make_flat("sex", lines)]
    instance = make_instance(variables, [TableShape("one", {"region": "", "sex": ""})], lines, "pupils")
    primary = np.array([key == (1, 1) for key in instance.cells.keys])
    need = np.where(primary, 0.2 * instance.values, 0.0)
    found = instance.solve(primary, need, instance.values)
    hidden = {instance.cells.describe(place) for place in np.flatnonzero(found.hidden)}
    assert hidden == {f"region={region}, sex={sex}" for region in "AC" for sex in "mf"}
    assert (found.cost, found.proven) == (2087, True)
    require_safe(instance, found, primary, need)


@pytest.mark.parametrize(
    ("name", "groups", "most_primary", "secondary"), [("z1", (), 5, 5), ("z2", ("fylke", "kostragr"), 12, 12)]
)
def test_ssbtools_instances(name: str, groups: tuple[str, ...], most_primary: int, secondary: int) -> None:
    lines = read_lines(name)
    region = make_grouped("region", lines, *groups) if groups else make_flat("region", lines)
    variables = [region, make_flat("hovedint", lines)]
    tables = [TableShape(tree, {"region": tree, "hovedint": ""}) for tree in region.all_trees]
    instance = make_instance(variables, tables, lines, "ant")
    primary = (instance.values > 0) & (instance.values <= 5)
    times = instance.times  # a group of one region counts as a cell of its own, beside that region
    assert times[primary].sum() == most_primary
    need = primary.astype(float)
    found = instance.solve(primary, need, times)
    assert found.proven
    assert times[found.hidden].sum() - most_primary == secondary
    require_safe(instance, found, primary, need)


def test_ssbtools_z3_with_months_hides_112_cells_where_gauss_hides_185() -> None:
    lines = read_lines("z3")
    variables = [make_grouped("region", lines, "fylke", "kostragr"), make_flat("hovedint", lines)]
    variables.append(make_grouped("mnd", lines, "mnd2"))
    tables = [TableShape(tree, {"region": tree, "hovedint": "", "mnd": "mnd2"}) for tree in variables[0].all_trees]
    instance = make_instance(variables, tables, lines, "ant")
    primary = (instance.values > 0) & (instance.values <= 5)
    times = instance.times  # a month group of one month counts as a cell of its own, beside that month
    assert times.sum() == 1350
    assert times[primary].sum() == 468
    need = primary.astype(float)
    found = instance.solve(primary, need, times)
    assert found.proven
    assert times[found.hidden].sum() - 468 == 112
    require_safe(instance, found, primary, need)


def test_sdctable_vignette_needs_354_pupils_or_21_cells() -> None:
    lines = read_lines("sdctable")
    leaves = ("A", "Ba", "Bb", "Bc", "C", "D")
    above = {leaf: "B" if leaf.startswith("B") else "*" for leaf in leaves}
    variables = [CellVariable("V1", leaves, (VariableTree("tree", {"B": "*", **above}),))]
    variables += [make_flat("V2", lines), make_flat("V3", lines)]
    instance = make_instance(variables, [TableShape("one", {"V1": "tree", "V2": "", "V3": ""})], lines, "pupils")
    primary = (instance.values > 0) & (instance.values <= 10)
    assert (len(instance.values), primary.sum()) == (168, 15)
    need = primary.astype(float)
    by_pupils = instance.solve(primary, need, instance.values)
    by_cells = instance.solve(primary, need, np.ones(168))
    assert (by_pupils.proven, by_cells.proven) == (True, True)
    assert instance.values[by_pupils.hidden & ~primary].sum() == 354
    assert by_cells.hidden.sum() - 15 == 21
    require_safe(instance, by_pupils, primary, need)
    require_safe(instance, by_cells, primary, need)


class Simple2d:
    """The table of sizes by regions of tau-ARGUS: cells, their contributors, and the rule that 15 % is too near."""

    def __init__(self) -> None:
        lines = read_lines("simple2d")
        leaves = tuple(leaf for own in REGIONS.values() for leaf in own)
        parents = {**dict.fromkeys(REGIONS, "*"), **{leaf: group for group, own in REGIONS.items() for leaf in own}}
        variables = [make_flat("size", lines), CellVariable("region", leaves, (VariableTree("tree", parents),))]
        self.instance = make_instance(variables, [TableShape("one", {"size": "", "region": "tree"})], lines, "sum")
        keys = self.instance.cells.keys
        self.records = np.zeros(len(keys))
        self.first, self.second = np.zeros(len(keys)), np.zeros(len(keys))
        self.who = np.full(len(keys), -1)
        self.only: list[set[int]] = [set() for _ in keys]
        for number, line in enumerate(lines):
            here = [1 << variable.leaves.index(line[variable.name]) for variable in variables]
            for place, key in enumerate(keys):
                if all(node & leaf for node, leaf in zip(key, here, strict=True)):
                    self._add(place, number, line)

    def _add(self, place: int, number: int, line: dict[str, str]) -> None:
        """Add the records of a smallest cell to a cell that it lies in."""
        self.records[place] += int(line["records"])
        self.only[place].add(number)
        for value, who in ((float(line["largest"]), number), (float(line["second"]), -2 - number)):
            if value > self.first[place]:
                self.second[place], self.first[place], self.who[place] = self.first[place], value, who
            else:
                self.second[place] = max(self.second[place], value)

    def make_attackers(self) -> InformedAttackers:
        """Every record that is alone in a smallest cell, with the cells that it knows exactly and its part of others.

        It must not compute another record's value to within 1.
        """
        lines = read_lines("simple2d")
        singles = [number for number, line in enumerate(lines) if line["records"] == "1"]
        own = np.zeros((len(self.records), len(singles)))
        for column, number in enumerate(singles):
            own[[number in cell for cell in self.only], column] = float(lines[number]["sum"])
        alone = (own > 0) & (own >= self.instance.values[:, None] - 1e-6)
        nobody = LargestContributors(np.zeros(len(own)), np.zeros(len(own)), np.full(len(own), -1))
        return InformedAttackers(
            sp.csc_matrix(own), sp.csc_matrix(alone.astype(float)), 0.0, len(singles), nobody, nobody
        )

    @property
    def remainder(self) -> np.ndarray:
        """What the others have beside the two largest."""
        return self.instance.values - self.first - self.second

    @property
    def primary(self) -> np.ndarray:
        """The cells whose second contributor estimates the largest to within 15 %."""
        return (self.records > 0) & (self.remainder < P * self.first - 1e-6)

    @property
    def need(self) -> np.ndarray:
        """How far the intervals must reach."""
        return np.where(self.primary, P * self.first - self.remainder, 0.0)


@pytest.fixture(scope="module")
def simple2d() -> Simple2d:
    return Simple2d()


def test_simple2d_has_the_nine_primary_cells_of_the_expected_output(simple2d: Simple2d) -> None:
    assert len(simple2d.instance.values) == 162 - 9  # nine cells of region `99` of the metadata are empty
    assert simple2d.primary.sum() == 9


@pytest.mark.parametrize(("by_value", "secondary", "cost"), [(True, 6, 521_926), (False, 4, None)])
def test_simple2d_hides_6_cells_where_the_modular_approach_hides_12(
    simple2d: Simple2d, by_value: bool, secondary: int, cost: float | None
) -> None:
    instance = simple2d.instance
    weights = instance.values.clip(0.01) if by_value else np.ones(len(instance.values))
    found = instance.solve(simple2d.primary, simple2d.need, weights)
    assert found.proven
    assert found.hidden.sum() - 9 == secondary
    if cost is not None:
        assert instance.values[found.hidden & ~simple2d.primary].sum() == pytest.approx(cost, abs=1)
    require_safe(instance, found, simple2d.primary, simple2d.need)


def test_simple2d_with_contributors_as_attackers_leaves_no_value_that_one_of_them_computes(simple2d: Simple2d) -> None:
    instance, primary, need = simple2d.instance, simple2d.primary, simple2d.need
    protection = Protection(np.minimum(need, instance.values), need)
    problem = instance.make_problem(primary, protection, np.ones(len(need)))
    informed = replace(problem, attackers=simple2d.make_attackers())
    without = PatternSearch([problem], SearchBudget(60, 60), lambda _: None).run()
    assert PatternAudit(informed, without.hidden.astype(float)).find_breaches() != []
    found = PatternSearch([informed], SearchBudget(60, 60), lambda _: None).run()
    assert found.proven
    assert PatternAudit(informed, found.hidden.astype(float)).find_breaches() == []
    assert without.hidden.sum() - 9 == 4
    assert found.hidden.sum() - 9 == 9
