"""Checks that both searches make before they start, and the refusal when they end without a recoding."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from cohort.foundation import ConfigurationRefused, NotAnonymous, describe_problem
from cohort.sdc.model import Coding, Histogram, LevelVector
from cohort.sdc.privacy_models.class_constraints import ClassConstraint, minimum_class_size


def refuse_infeasible_search(
    histogram: Histogram, constraints: Sequence[ClassConstraint], suppression_limit: Fraction
) -> None:
    """Refuse a search that cannot succeed whatever the recoding.

    Raises:
        NotAnonymous: there are fewer pupils than a class needs (exit code 14).
        ConfigurationRefused: a constraint needs schools and the data has none.
    """
    if histogram.pupils < minimum_class_size(constraints):
        raise no_recoding_refusal(histogram.pupils, constraints, suppression_limit)
    if not histogram.has_schools and any(constraint.needs_schools for constraint in constraints):
        raise ConfigurationRefused(
            describe_problem(
                "schools in the data for constraints on schools",
                example="a home school per pupil",
                found="none",
                where="the histogram",
                do="Deliver the schools, or drop the constraints on them",
            )
        )


def resolve_level_bounds(
    coding: Coding, minimum: LevelVector | None, maximum: LevelVector | None
) -> tuple[LevelVector, LevelVector]:
    """The lowest and the highest level that a search may use in every column.

    Args:
        minimum: the lowest levels, one per column; None for the leaves.
        maximum: the highest levels, one per column; None for the tops of the hierarchies.

    Raises:
        ConfigurationRefused: another number of levels than of columns, or levels outside the hierarchies.
    """
    low = minimum if minimum is not None else (0,) * len(coding.heights)
    high = maximum if maximum is not None else tuple(height - 1 for height in coding.heights)
    if not len(low) == len(high) == len(coding.heights):
        raise ConfigurationRefused(
            describe_problem(
                f"{len(coding.heights)} levels, one per column",
                example=str((0,) * len(coding.heights)),
                found=f"{len(low)} and {len(high)}",
                where="the lowest and highest levels",
                do="Give every quasi-identifier a level",
            )
        )
    problems = [
        describe_problem(
            f"levels from 0 to {hierarchy.height - 1}, the lowest not above the highest",
            example=f"0 and {hierarchy.height - 1}",
            found=f"{lowest} and {highest}",
            where=f"the levels of column {hierarchy.name}",
            do="Correct the levels",
        )
        for hierarchy, lowest, highest in zip(coding.hierarchies, low, high, strict=True)
        if not 0 <= lowest <= highest < hierarchy.height
    ]
    if problems:
        raise ConfigurationRefused(*problems)
    return low, high


def no_recoding_refusal(
    pupils: int, constraints: Sequence[ClassConstraint], suppression_limit: Fraction
) -> NotAnonymous:
    """The refusal of a cohort for which no recoding satisfies the constraints; it gives the pupils rounded."""
    described = ", ".join(str(constraint) for constraint in constraints)
    rounded = "at most 7" if pupils <= 7 else f"about {5 * round(pupils / 5):,}"
    return NotAnonymous(
        describe_problem(
            f"a recoding in which every class has {described or 'a pupil'}, and at most "
            f"{float(suppression_limit):.4g} of the pupils is suppressed",
            example="one with every column generalised to its top",
            found=f"none for {rounded} pupils",
            where="the lattice of all levels",
            do="Select more pupils or fewer columns, give hierarchies a coarser top, "
            "or allow more suppression; where boards are known, they too are held to the rules on schools",
        )
    )
