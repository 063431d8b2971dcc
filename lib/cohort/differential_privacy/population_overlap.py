"""Which pupils the populations of several spendings share, so that no pupil's total is under what it really is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product
from math import prod

Population = Mapping[str, frozenset[str]]
MOST_POINTS = 20_000


def populations_meet(one: Population, other: Population) -> bool:
    """Whether a pupil can be in both: no variable divides them."""
    return all(leaves & other[variable] for variable, leaves in one.items() if variable in other)


def largest_total(population: Population, spent: Sequence[tuple[Population, Decimal]]) -> Decimal:
    """The most that was spent of one pupil of a population.

    Args:
        population: whose pupils.
        spent: what was spent, each of one population.

    Returns:
        Exact where the leaves that are named make at most 20,000 combinations; else what was spent of all populations
        that share any pupil, which is at least that.
    """
    meeting = [(other, epsilon) for other, epsilon in spent if populations_meet(population, other)]
    axes = _find_axes(population, [other for other, _ in meeting])
    if prod(len(leaves) for leaves in axes.values()) > MOST_POINTS:
        return sum((epsilon for _, epsilon in meeting), Decimal(0))
    points = (dict(zip(axes, leaves, strict=True)) for leaves in product(*axes.values()))
    totals = [sum((e for other, e in meeting if _holds(other, point)), Decimal(0)) for point in points]
    return max(totals, default=Decimal(0))


def _find_axes(population: Population, others: Sequence[Population]) -> dict[str, list[str | None]]:
    """The leaves that matter, per variable; None stands for every leaf that nobody names."""
    axes: dict[str, list[str | None]] = {}
    for variable in sorted({name for one in (population, *others) for name in one}):
        if variable in population:
            axes[variable] = [*sorted(population[variable])]
        else:
            axes[variable] = [*sorted({leaf for one in others for leaf in one.get(variable, ())}), None]
    return axes


def _holds(population: Population, point: Mapping[str, str | None]) -> bool:
    return all(point[variable] in leaves for variable, leaves in population.items())
