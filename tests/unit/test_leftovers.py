"""Leftovers join where the total loss rises least and every rule still holds, or stay without a class."""

from __future__ import annotations

import numpy as np
from tests.unit.drawn_cohort import chain, space_of

from cohort.recoding.coding import Coding
from cohort.recoding.constraints import Constraint, LargestShare, Pupils
from cohort.recoding.histogram import Histogram
from cohort.recoding.leftovers import settle
from cohort.recoding.space import NOBODY, Assigned, Space

CODING = Coding((chain("kolom", 8),))


def drawn(leaves: str, schools: str = "", *rules: Constraint) -> Space:
    """One digit per pupil: its leaf; its school."""
    home = np.array([int(s) for s in schools], dtype=np.int32) if schools else None
    codes = CODING.codes([np.array([int(leaf) for leaf in leaves])])
    return space_of(CODING, Histogram.of_pupils(codes, home, single=True), *(rules or (Pupils(2),)))


def settled(space: Space, classes: str) -> str:
    """One character per unit: its class, or `.` for none."""
    of = np.array([NOBODY if c == "." else int(c) for c in classes])
    assigned = Assigned(of.copy(), int(of.max()) + 1)
    settle(space, assigned)
    return "".join("." if c == NOBODY else str(c) for c in assigned.class_of.tolist())


def test_a_leftover_joins_the_class_that_loses_least_by_it() -> None:
    assert settled(drawn("0012266"), "00.1122") == "0001122"
    assert settled(drawn("0022366"), "0011.22") == "0011122"


def test_a_large_class_loses_more_than_a_small_one() -> None:
    assert settled(drawn("00000000144"), "00000000.11") == "00000000.11"


def test_nobody_joins_at_the_price_of_a_rule() -> None:
    rules = (Pupils(2), LargestShare("1/2"))
    assert settled(drawn("00122", "12113", *rules), "00.11") == "00.11"
    assert settled(drawn("001122", "123445", *rules), "00..11") == "000011"


def test_without_classes_everybody_stays_without() -> None:
    assert settled(drawn("0123"), "....") == "...."
