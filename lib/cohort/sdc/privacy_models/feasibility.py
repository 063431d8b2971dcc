"""What both searches are asked, and what both refuse."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from cohort.foundation.errors import ConfigurationRefused, NotAnonymous, describe_problem
from cohort.sdc.model.coding import Coding, LevelVector
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.privacy_models.constraints import ClassConstraint, minimum_class_size


def refuse_infeasible_search(histogram: Histogram, constraints: Sequence[ClassConstraint], limit: Fraction) -> None:
    """Refuse (as `NotAnonymous`) fewer pupils than a class needs, and rules on schools in data without."""
    if histogram.pupils < minimum_class_size(constraints):
        raise no_recoding_refusal(histogram.pupils, constraints, limit)
    if not histogram.has_schools and any(rule.needs_schools for rule in constraints):
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
    """The lowest and the highest level of every column.

    Refuses: another number of levels than of columns, levels outside the hierarchies.
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
            f"levels from 0 to {tree.height - 1}, the lowest not above the highest",
            example=f"0 and {tree.height - 1}",
            found=f"{first} and {last}",
            where=f"the levels of column {tree.name}",
            do="Correct the levels",
        )
        for tree, first, last in zip(coding.hierarchies, low, high, strict=True)
        if not 0 <= first <= last < tree.height
    ]
    if problems:
        raise ConfigurationRefused(*problems)
    return low, high


def no_recoding_refusal(pupils: int, constraints: Sequence[ClassConstraint], limit: Fraction) -> NotAnonymous:
    """The refusal of a cohort that no recoding makes anonymous."""
    rules = ", ".join(str(rule) for rule in constraints)
    shown = "at most 7" if pupils <= 7 else f"about {5 * round(pupils / 5):,}"
    return NotAnonymous(
        describe_problem(
            f"a recoding in which every class has {rules or 'a pupil'}, and at most "
            f"{float(limit):.4g} of the pupils is suppressed",
            example="one with every column generalised to its top",
            found=f"none for {shown} pupils",
            where="the lattice of all levels",
            do="Select more pupils or fewer columns, give hierarchies a coarser top, "
            "or allow more suppression; where boards are known, they too are held to the rules on schools",
        )
    )
