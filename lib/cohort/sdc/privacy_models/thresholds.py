"""Thresholds of privacy models as exact numbers, and the messages about wrong ones.

Every privacy model reads its parameters with these functions. Shares become fractions, so that a class exactly at a
limit is never decided by rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from cohort.foundation import ConfigurationRefused, describe_problem

CONSTRAINTS = "the constraints"
"""Where a wrong threshold was found, in messages to the user."""

_LARGEST_DENOMINATOR = 1_000_000
"""A share with a denominator up to this one is compared with counts of pupils without overflow of an int64."""


def parse_share(value: Fraction | float | str, name: str) -> Fraction:
    """Read a share of a whole exactly as it is written.

    Args:
        value: a fraction or decimal number from 0 to 1; a float counts as the decimals it prints with.
        name: what the share is, for the message.

    Raises:
        ConfigurationRefused: for anything else, and for a number of more than six decimals that is no small fraction.
    """
    exact = parse_exact_number(value)
    if exact is None:
        raise ConfigurationRefused(_share_problem(name, "something else"))
    if not 0 <= exact <= 1 or exact.denominator > _LARGEST_DENOMINATOR:
        raise ConfigurationRefused(_share_problem(name, str(value)))
    return exact


def parse_positive_share(value: Fraction | float | str, name: str) -> Fraction:
    """Read a share as `parse_share` does, and refuse 0: no class could satisfy a limit of 0."""
    exact = parse_share(value, name)
    if exact == 0:
        raise ConfigurationRefused(_share_problem(name, "zero", between="above 0 and at most 1"))
    return exact


def parse_exact_number(value: Fraction | float | str) -> Fraction | None:
    """Read a number exactly as it is written; None for anything that is no finite number."""
    try:
        return Fraction(str(value).strip())
    except (ValueError, ZeroDivisionError):
        return None


def whole_number_problems(
    minimum: int, value: object, name: str, *, example: str, where: str = CONSTRAINTS
) -> list[str]:
    """Check a threshold that must be a whole number of at least `minimum`.

    Args:
        name: what the number is, for the message, for example `number of pupils per class (k)`.

    Returns:
        No message where the number is right, else one.
    """
    if not isinstance(value, bool) and isinstance(value, int) and value >= minimum:
        return []
    whole = f"a whole {name} of at least {minimum}"
    return [describe_problem(whole, example=example, found=str(value), where=where, do="Correct the threshold")]


def refuse_wrong_whole_numbers(numbers: Sequence[tuple[int, object, str, str]], where: str = CONSTRAINTS) -> None:
    """Refuse thresholds that are no whole numbers of at least their minimum, all in one refusal.

    Args:
        numbers: per threshold its minimum, its value, its name and an example.

    Raises:
        ConfigurationRefused: with a message for each wrong one.
    """
    problems = [
        problem
        for minimum, value, name, example in numbers
        for problem in whole_number_problems(minimum, value, name, example=example, where=where)
    ]
    if problems:
        raise ConfigurationRefused(*problems)


def _share_problem(name: str, found: str, between: str = "between 0 and 1") -> str:
    return describe_problem(
        f"a {name} {between}, of at most six decimals",
        example="`0.5` or `1/3`",
        found=found,
        where=CONSTRAINTS,
        do="Write it as a fraction or a short decimal number",
    )
