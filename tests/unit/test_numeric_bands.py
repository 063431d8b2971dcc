"""Numeric bands are labelled with their values, are joined level by level, and take or refuse every value."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort.foundation.errors import ConfigurationRefused, NotAnonymous
from cohort.sdc.model.hierarchy import UNKNOWN_VALUE
from cohort.sdc.numeric.bands import NumericBands, make_band_edges


def bands_with_step(name: str, lowest: int, highest: int, step: int, **options: Any) -> NumericBands:
    return NumericBands(name, make_band_edges(name, lowest, highest, step), **options)


def drawn(bands: NumericBands, *, with_unknown: bool = False) -> str:
    """The rows of the hierarchy as a file would have them."""
    levels = bands.hierarchy(with_unknown=with_unknown).labels
    return "\n".join(";".join(row) for row in zip(*levels, strict=True))


def table(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


def test_levels_join_two_bands_and_then_two_of_these() -> None:
    assert drawn(bands_with_step("rekenen", 0, 120, 20, joins=(2, 2))) == table("""
        0 tot 20;0 tot 40;0 tot 80;*
        20 tot 40;0 tot 40;0 tot 80;*
        40 tot 60;40 tot 80;0 tot 80;*
        60 tot 80;40 tot 80;0 tot 80;*
        80 tot 100;80 tot 120;80 tot 120;*
        100 tot 120;80 tot 120;80 tot 120;*
    """)


def test_bands_of_step_1_are_labelled_with_their_number() -> None:
    assert drawn(bands_with_step("leeftijd", -1, 4, 1, joins=(2,))) == table("""
        -1;-1 tot 1;*
        0;-1 tot 1;*
        1;1 tot 3;*
        2;1 tot 3;*
        3;3;*
    """)


def test_declared_edges_and_open_ends() -> None:
    assert drawn(NumericBands("score", (20, 50, 100, 200), (2,), open_below=True, open_above=True)) == table("""
        tot 20;tot 50;*
        20 tot 50;tot 50;*
        50 tot 100;50 tot 200;*
        100 tot 200;50 tot 200;*
        200 en hoger;200 en hoger;*
    """)


def test_one_edge_between_two_open_ends() -> None:
    assert drawn(NumericBands("score", (100,), open_below=True, open_above=True)) == table("""
        tot 100;*
        100 en hoger;*
    """)


def test_null_is_a_leaf_that_only_the_top_includes() -> None:
    assert drawn(bands_with_step("score", 0, 80, 20, joins=(2,)), with_unknown=True) == table("""
        0 tot 20;0 tot 40;*
        20 tot 40;0 tot 40;*
        40 tot 60;40 tot 80;*
        60 tot 80;40 tot 80;*
        onbekend;onbekend;*
    """)


def test_a_value_lies_in_the_band_that_begins_at_it() -> None:
    bands = bands_with_step("score", -20, 40, 20)
    hundredths = np.array([-2000, -1, 0, 1999, 2000, 3999])

    assert bands.leaf_numbers(hundredths, unit=100).tolist() == [0, 0, 1, 1, 2, 2]


def test_open_ends_take_every_value_and_null_is_the_leaf_after_the_bands() -> None:
    bands = NumericBands("score", (0, 20), open_below=True, open_above=True)
    values, known = np.array([-999, -1, 0, 19, 20, 999, 7]), np.array([True] * 6 + [False])

    places = bands.leaf_numbers(values, has_value=known)

    assert places.tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert bands.hierarchy().leaves[3] == UNKNOWN_VALUE


def test_the_refusal_counts_values_outside_the_edges_and_shows_none() -> None:
    bands = bands_with_step("score", 0, 40, 20)
    values = np.array([-1, 0, 39, 40, 4711, 4711])
    known = np.array([True, True, True, True, True, False])

    with pytest.raises(NotAnonymous, match=r"others in 3 records in the bands of column score") as refusal:
        bands.leaf_numbers(values, has_value=known)
    assert "4711" not in str(refusal.value)


def test_values_outside_are_refused_only_at_a_closed_end() -> None:
    below, above = NumericBands("score", (0, 20), open_below=True), NumericBands("score", (0, 20), open_above=True)

    assert below.leaf_numbers(np.array([-1, 19])).tolist() == [0, 1]
    assert above.leaf_numbers(np.array([0, 20])).tolist() == [0, 1]
    with pytest.raises(NotAnonymous, match="others in 1 records"):
        below.leaf_numbers(np.array([20]))
    with pytest.raises(NotAnonymous, match="others in 1 records"):
        above.leaf_numbers(np.array([-1]))


BASELINE = {"lowest": 0, "highest": 80, "step": 20, "joins": (2,)}


def test_the_baseline_of_the_refusals_is_valid() -> None:
    assert bands_with_step("score", **BASELINE).count == 4


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"step": 0}, "found 0, 80, 0"),
        ({"step": 20.0}, "multiples of a step"),
        ({"lowest": 5}, "found 5, 80, 20"),
        ({"highest": 85}, "found 0, 85, 20"),
        ({"highest": 0}, "at least two bands"),
        ({"highest": -80}, "whole edges in ascending order"),
        ({"highest": 20}, "at least two bands"),
        ({"highest": 20_000_000}, "found 1,000,000 in the bands of column score"),
        ({"joins": (1,)}, "level 1 to join at least two"),
        ({"joins": (2, True)}, "level 2 to join at least two"),
        ({"joins": (4,)}, "level 1 to leave at least two bands"),
        ({"joins": (2, 2)}, "level 2 to leave at least two bands"),
    ],
)
def test_refuses_invalid_bands(broken: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationRefused, match=told):
        bands_with_step("score", **{**BASELINE, **broken})


@pytest.mark.parametrize(
    "build",
    [
        lambda: NumericBands("score", ()),
        lambda: NumericBands("score", (20, 0, 40)),
        lambda: NumericBands("score", (0, 20, 20)),
        lambda: NumericBands("score", (0, 0.5, 1)),
        lambda: NumericBands("score", (False, True, 2)),
        lambda: NumericBands("score", (20,), open_below=True),
    ],
)
def test_refuses_invalid_edges(build: Callable[[], NumericBands]) -> None:
    with pytest.raises(ConfigurationRefused, match="of column score"):
        build()


@st.composite
def declared(draw: st.DrawFn) -> NumericBands:
    """Edges at random, open or not, and as many levels as leave two bands."""
    edges = tuple(sorted(draw(st.sets(st.integers(-50, 50), min_size=3, max_size=12))))
    below, above = draw(st.booleans()), draw(st.booleans())
    bands, joins = len(edges) - 1 + below + above, []
    for joined in draw(st.lists(st.integers(2, 4), max_size=3)):
        bands = -(-bands // joined)
        if bands < 2:
            break
        joins.append(joined)
    return NumericBands("score", edges, tuple(joins), below, above)


def label_includes(label: str, point: int) -> bool:
    """Whether a label, read by itself, stands for a whole number of points."""
    match label.split():
        case ["*"]:
            return True
        case ["tot", upper]:
            return point < int(upper)
        case [lower, "en", "hoger"]:
            return int(lower) <= point
        case [lower, "tot", upper]:
            return int(lower) <= point < int(upper)
        case [number]:
            return point == int(number)
    raise AssertionError(f"a label that cannot be read: {label}")


@given(declared())
def test_a_label_stands_for_exactly_the_values_that_are_generalised_to_it(bands: NumericBands) -> None:
    low = bands.edges[0] - 5 * bands.open_below
    high = bands.edges[-1] + 5 * bands.open_above
    points = np.arange(low, high)
    levels = bands.hierarchy(with_unknown=False).labels
    places = bands.leaf_numbers(points)

    for labels in levels:
        shown = [labels[place] for place in places]
        for label in set(labels):
            assert [text == label for text in shown] == [label_includes(label, int(p)) for p in points]
