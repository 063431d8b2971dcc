"""A solver of linear programmes that prints nothing and uses one thread."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import highspy


def new_solver() -> highspy.Highs:
    """Make a silent HiGHS solver with one thread; highspy is imported by whoever needs one alone."""
    _greet_nowhere()
    import highspy

    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (("output_flag", False), ("threads", 1), ("solver", "simplex")):
        solver.setOptionValue(option, value)
    return solver


@cache
def _greet_nowhere() -> None:
    """Make the first solver while nothing is printed: HiGHS greets on stdout, where the record of a job goes."""
    import highspy

    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        highspy.Highs()  # type: ignore[no-untyped-call]
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
