"""The verb of cell suppression on tables that are small enough to check by hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest

from cohort.cell_suppression import (
    CellKey,
    CellVariable,
    Contributions,
    ProtectedScore,
    SearchBudget,
    SuppressionResult,
    SuppressionRules,
    SuppressionTask,
    TableShape,
    VariableTree,
    find_hidden_cells,
)
from cohort.foundation import NotAnonymous, StateRefused

PUPILS_ALONE = SuppressionRules(pupils=10, schools=1, largest_share=1.0, p=0.0)
REGION, SEX = CellVariable("region", ("A", "B", "C")), CellVariable("sex", ("m", "f"))
TABLE = TableShape("one", {"region": "", "sex": ""})
TOTAL_REGION, TOTAL_SEX = 7, 3
Counts = Mapping[tuple[str, str], int]

COUNTS: Counts = {
    ("A", "m"): 4, ("A", "f"): 40,
    ("B", "m"): 60, ("B", "f"): 20,
    ("C", "m"): 0, ("C", "f"): 30,
}  # fmt: skip


def count_in_one_school(counts: Counts) -> Contributions:
    """A school of its own in every region, each with its own board."""
    lines = [
        {"region": region, "sex": sex, "school": f"s{region}", "board": f"b{region}", "pupils": pupils}
        for (region, sex), pupils in counts.items()
        if pupils
    ]
    return Contributions(pa.Table.from_pylist(lines))


def make_task(counts: Counts = COUNTS, **changes: object) -> SuppressionTask:
    settings: dict[str, object] = {
        "variables": (REGION, SEX),
        "tables": (TABLE,),
        "contributions": (count_in_one_school(counts),),
        "rules": PUPILS_ALONE,
        "budget": SearchBudget(60, 60),
        "max_primary_share": 1.0,
        "informed": False,
    }
    return SuppressionTask(**(settings | changes))  # type: ignore[arg-type]


def find(task: SuppressionTask) -> SuppressionResult:
    return find_hidden_cells(task, lambda _: None)


def name_hidden(result: SuppressionResult) -> set[str]:
    return {result.cells.describe(place) for place in np.flatnonzero(result.hidden & result.cells.shown)}


def key(region: str, sex: str) -> CellKey:
    return (REGION.node(region) if region != "*" else TOTAL_REGION, SEX.node(sex) if sex != "*" else TOTAL_SEX)


def test_four_cells_are_hidden_around_one_of_four_pupils() -> None:
    result = find(make_task())
    assert name_hidden(result) == {f"region={region}, sex={sex}" for region in "AB" for sex in "mf"}
    assert (result.secondary, result.proven, result.attackers) == (3, True, 1)


def test_the_interval_of_few_pupils_reaches_from_none_to_the_limit() -> None:
    counts = {("A", "m"): 9, ("A", "f"): 40, ("B", "m"): 60, ("B", "f"): 3, ("C", "m"): 0, ("C", "f"): 30}
    result = find(make_task(counts, rules=SuppressionRules(pupils=10, schools=1, largest_share=1.0, p=0.0)))
    assert result.is_hidden(key("A", "m"))
    assert (
        len(name_hidden(result)) == 6
    )  # by ±1 the four cells of A and B would do, and tell that A has at least 6 boys


def test_an_empty_cell_is_printed_although_hiding_it_would_be_cheaper() -> None:
    needs = {key("A", "m"): (4.0, 0.0)}
    result = find(make_task({**COUNTS, ("A", "m"): 20}, further_needs=needs))
    assert not result.is_hidden(key("C", "m"))
    assert result.is_hidden(key("B", "m"))


def test_an_empty_cell_of_a_sensitive_distribution_is_hidden() -> None:
    result = find(make_task(further_needs={key("C", "m"): (0.0, 3.0), key("C", "f"): (3.0, 3.0)}))
    assert result.is_hidden(key("C", "m"))
    assert result.is_hidden(key("C", "f"))


def test_what_was_printed_stays_printed_and_what_was_hidden_stays_hidden() -> None:
    result = find(make_task(printed_before=frozenset({key("B", "m")}), hidden_before=frozenset({key("C", "*")})))
    assert not result.is_hidden(key("B", "m"))
    assert result.is_hidden(key("C", "*"))


def test_a_cell_that_was_printed_around_is_refused_by_its_name() -> None:
    around = frozenset({key("A", "f"), key("A", "*")})
    with pytest.raises(NotAnonymous, match="region=A, sex=m"):
        find(make_task(printed_before=around))


def test_too_many_primary_cells_are_refused_with_the_variable_to_coarsen() -> None:
    tree = VariableTree("tree", {"N": "*", "C": "*", "A": "N", "B": "N"})
    region = CellVariable("region", ("A", "B", "C"), (tree,))
    few = {("A", "m"): 4, ("A", "f"): 5, ("B", "m"): 6, ("B", "f"): 8, ("C", "m"): 30, ("C", "f"): 30}
    task = make_task(
        few, variables=(region, SEX), tables=(TableShape("one", {"region": "tree", "sex": ""}),), max_primary_share=0.15
    )
    with pytest.raises(NotAnonymous, match="Show region in less detail"):
        find(task)


def test_no_pattern_in_its_time_is_a_refusal() -> None:
    with pytest.raises(NotAnonymous, match=r"Show \w+ in less detail"):
        find(make_task(budget=SearchBudget(0.0, 0.0)))


def test_without_memory_left_the_first_safe_pattern_is_taken_with_its_gap() -> None:
    result = find(make_task(informed=True, budget=SearchBudget(60, 60, megabytes=0)))
    assert result.secondary >= find(make_task(informed=True)).secondary
    assert result.lower_bound <= result.cost


def test_counts_that_differ_from_those_of_an_earlier_edition_are_refused() -> None:
    before = count_in_one_school({("A", "m"): 5, ("B", "m"): 60})
    earlier = Contributions(before.rows, {"sex": ("m",)})
    with pytest.raises(StateRefused):
        find(make_task(contributions=(earlier, count_in_one_school(COUNTS))))


def test_a_school_that_is_alone_in_a_hidden_cell_costs_further_cells() -> None:
    assert find(make_task(informed=True)).cost > find(make_task()).cost


def test_means_of_hidden_cells_reach_their_spread() -> None:
    rows = count_in_one_school(COUNTS).rows
    rows = rows.append_column("has", rows["pupils"])
    sums = pa.array(100 * rows["pupils"].to_numpy())
    contributions = (Contributions(rows.append_column("score", sums)),)
    score = ProtectedScore("score", "score", "has", lowest=99, highest=101, spread=1.0)
    result = find(make_task(contributions=contributions, scores=(score,)))
    assert result.is_hidden(key("A", "m"))
    beyond = ProtectedScore("score", "score", "has", lowest=0, highest=200, spread=90.0)
    assert find(make_task(contributions=contributions, scores=(beyond,))).cost >= result.cost
