"""What a project file declares of class means: the step that they are rounded to, and the groups of their covariances.

A column of scores with declared bands may show the mean of its equivalence class beside its label
(`show = "mean"`). Whoever knows all exact scores of a class but one finds that one between two values `n · step`
apart; so the step is at least the scale of the bands over `10 · k`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import ROUND_UP, Decimal

from cohort.agreements.declared_bands import DeclaredBands
from cohort.agreements.declared_columns import DeclaredColumn
from cohort.foundation import Declaration

SMALLEST_MEAN_STEP = Decimal("0.01")
"""Exact scores have two decimals, and so have means."""


class CovarianceGroups(Declaration):
    """The groups that have a covariance matrix of their own; with no column there is one matrix for all.

    Args:
        by: released columns; a group shows the same label in each of them.
    """

    by: list[str]


def least_mean_step(bands: DeclaredBands, k: int) -> Decimal:
    """Return the smallest step that the class means of a column may have, in points: its scale over `10 · k`."""
    return Decimal(bands.to - bands.from_) / (10 * k)


def default_mean_step(bands: DeclaredBands, k: int) -> Decimal:
    """Return the smallest plain step (1, 2 or 5 times a power of ten) that is allowed.

    A scale of 300 points and k = 10 allow 3 points, so the step is 5.
    """
    least = max(least_mean_step(bands, k), SMALLEST_MEAN_STEP)
    power = Decimal(1).scaleb(least.adjusted())
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
    return step.quantize(SMALLEST_MEAN_STEP, ROUND_UP)


def effective_mean_step(column: DeclaredColumn, k: int) -> Decimal:
    """Return the step of a column that shows a mean: as declared, or the default."""
    if column.bands is None:
        raise TypeError("a column that shows a mean has declared bands")
    declared = None if column.mean_step is None else Decimal(column.mean_step)
    return default_mean_step(column.bands, k) if declared is None else declared.quantize(SMALLEST_MEAN_STEP)


def find_mean_problems(columns: Sequence[DeclaredColumn], covariance: CovarianceGroups | None, k: int) -> Iterator[str]:
    """Find the reasons why a project cannot show its class means; a sentence for each, with `<where>` in it."""
    with_mean = [column for column in columns if column.show == "mean"]
    for column in with_mean:
        if column.bands is not None and column.mean_step is not None:
            least = least_mean_step(column.bands, k)
            if Decimal(column.mean_step) < least:
                yield (
                    f"Expected a mean_step of at least {least.normalize():f}, the scale of the bands over 10 times k, "
                    f"for example {default_mean_step(column.bands, k).normalize():f}; found {column.mean_step} for "
                    f"column {column.name} in <where>. Raise it, or leave it out: who knows all others of a class "
                    "would come too near to the last one."
                )
        others = {result for other in columns if other is not column for result in other.results}
        if others & set(column.results):
            yield (
                "Expected the results behind a class mean in no other column, for example the earlier and the later "
                f"score with a mean each; found another column of the same result beside {column.name} in <where>. "
                "Remove the other one: a mean difference is the difference of two means, and both together would "
                "bound a score more narrowly than either may."
            )
    if covariance is not None:
        yield from _find_group_problems(columns, covariance, with_mean)


def _find_group_problems(
    columns: Sequence[DeclaredColumn], covariance: CovarianceGroups, with_mean: Sequence[DeclaredColumn]
) -> Iterator[str]:
    if not with_mean:
        yield (
            "Expected [covariance] beside a column with show = 'mean' alone, for example rekenen_E; found no such "
            "column in <where>. Remove the section, or show a mean."
        )
    allowed = [column.name for column in columns if column.role == "quasi-identifying" and column.show != "mean"]
    unknown = [name for name in covariance.by if name not in allowed]
    if unknown or len(set(covariance.by)) < len(covariance.by):
        yield (
            "Expected quasi-identifying columns without a mean, each once, in covariance.by, for example "
            f"{', '.join(allowed[:2]) or 'geslacht'}; found {', '.join(unknown) or 'one twice'} in <where>. "
            "Correct the list."
        )
