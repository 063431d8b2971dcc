"""The bounds that the label of a band states, as whole numbers.

A release shows them beside the labels of a typed column. They are read from the label and from nothing else, so that
whoever sees the label learns nothing more from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cohort.sdc.model import UNKNOWN_VALUE

EVERYTHING_LABEL = "*"
_NUMBER = r"(-?[0-9]+)(?:/[0-9]{2})?"
_SINGLE, _BETWEEN = re.compile(_NUMBER), re.compile(f"{_NUMBER} tot {_NUMBER}")
_BELOW, _ABOVE = re.compile(f"tot {_NUMBER}"), re.compile(f"{_NUMBER} en hoger")


@dataclass(frozen=True)
class LabelBounds:
    """The bounds of a band: the lower one is included, the upper one is not; None where the label states none."""

    lower: int | None
    upper: int | None


NO_BOUNDS = LabelBounds(None, None)


def parse_band_label(label: str) -> LabelBounds | None:
    """Read the bounds of a band from its label.

        label            lower   upper
        20 tot 40        20      40
        7                7       8
        tot 0            –       0
        300 en hoger     300     –
        2013/14          2013    2014
        *, onbekend      –       –

    Returns:
        The bounds; None for a label that is not one of a band of numbers or years.
    """
    if label in (EVERYTHING_LABEL, UNKNOWN_VALUE):
        return NO_BOUNDS
    if match := _BETWEEN.fullmatch(label):
        return LabelBounds(int(match[1]), int(match[2]))
    if match := _SINGLE.fullmatch(label):
        return LabelBounds(int(match[1]), int(match[1]) + 1)
    if match := _BELOW.fullmatch(label):
        return LabelBounds(None, int(match[1]))
    if match := _ABOVE.fullmatch(label):
        return LabelBounds(int(match[1]), None)
    return None


def list_band_bounds(labels: Iterable[str]) -> tuple[list[int | None], list[int | None]]:
    """Return the lower and the upper bounds of labels, beside each other.

    Raises:
        ValueError: a label that is not one of a band (a defect: the declaration was checked).
    """
    bounds = [parse_band_label(label) for label in labels]
    known = [one for one in bounds if one is not None]
    if len(known) < len(bounds):
        raise ValueError("a typed column has a label that is not one of a band")
    return [one.lower for one in known], [one.upper for one in known]
