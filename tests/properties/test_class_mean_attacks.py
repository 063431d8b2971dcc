"""Attacks on class means, by code of their own: what a board, a parent and two releases tell of one pupil's score."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort.sdc import ClassMeanRule, ClassScores, find_comparable

UNIT, SCALE, K = 100, 200, 10
STEP = 200
"""In hundredths: two points, the least that a scale of 200 and k = 10 allow."""


@dataclass(frozen=True)
class DrawnClass:
    """The exact scores of a class in hundredths, the board of each pupil, and the label in points."""

    scores: tuple[int, ...]
    boards: tuple[int, ...]
    low: int
    high: int

    def without(self, pupils: set[int]) -> DrawnClass:
        kept = [place for place in range(len(self.scores)) if place not in pupils]
        return DrawnClass(
            tuple(self.scores[place] for place in kept),
            tuple(self.boards[place] for place in kept),
            self.low,
            self.high,
        )


@st.composite
def drawn_classes(draw: st.DrawFn) -> DrawnClass:
    low, width = 20 * draw(st.integers(0, 8)), draw(st.sampled_from([5, 20, 40, 120]))
    # Scores huddle at an end of the label as often as not: there a sum says most.
    narrow = draw(st.sampled_from([1, width // 5 or 1, width]))
    start = draw(st.sampled_from([0, width - narrow]))
    score = st.integers((low + start) * UNIT, (low + start + narrow) * UNIT - 1)
    members = draw(st.lists(st.tuples(score, st.integers(0, 5)), min_size=K, max_size=24))
    return DrawnClass(tuple(s for s, _ in members), tuple(b for _, b in members), low, low + width)


def summed(drawn: DrawnClass) -> ClassScores:
    """The sums that the rule is given, of one class."""
    low, high = drawn.low * UNIT, drawn.high * UNIT - 1
    above = [sum(s - low for s, b in zip(drawn.scores, drawn.boards, strict=True) if b == own) for own in drawn.boards]
    below = [sum(high - s for s, b in zip(drawn.scores, drawn.boards, strict=True) if b == own) for own in drawn.boards]
    numbers = [[len(drawn.scores)], [sum(drawn.scores)], [low], [high], [max(above)], [max(below)]]
    pupils, sums, lowest, highest, known_above, known_below = (np.array(n, dtype=np.int64) for n in numbers)
    yes = np.array([True])
    return ClassScores(pupils, sums, lowest, highest, yes, yes, known_above, known_below)


def rule(step: int = STEP) -> ClassMeanRule:
    return ClassMeanRule(step=step, unit=UNIT, scale=SCALE, k=K)


def published(drawn: DrawnClass, step: int = STEP) -> int:
    """The rounded mean in hundredths, by other code: half to even."""
    return round(Fraction(sum(drawn.scores), len(drawn.scores) * step)) * step


def sums_behind(mean: int, pupils: int, step: int) -> tuple[int, int]:
    """The least and the greatest sum that round to a mean, found by trying."""
    centre = mean * pupils
    possible = [
        total
        for total in range(centre - step * pupils // 2 - 1, centre + step * pupils // 2 + 2)
        if round(Fraction(total, pupils * step)) * step == mean
    ]
    return possible[0], possible[-1]


def left_possible(drawn: DrawnClass, known: set[int], sums: tuple[int, int]) -> int:
    """How many scores remain possible for a pupil whom nobody of `known` is, given the sum of all and the label."""
    low, high = drawn.low * UNIT, drawn.high * UNIT - 1
    others = len(drawn.scores) - len(known) - 1
    known_sum = sum(drawn.scores[place] for place in known)
    least = max(low, sums[0] - known_sum - others * high)
    most = min(high, sums[1] - known_sum - others * low)
    return most - least + 1


def allowed(drawn: DrawnClass) -> int:
    return min((drawn.high - drawn.low) * UNIT, SCALE * UNIT // 10)


def nearest_of_any_board(drawn: DrawnClass, step: int = STEP) -> int | None:
    """The fewest scores that any board leaves possible for a pupil of another; None where every pupil is its own."""
    sums = sums_behind(published(drawn, step), len(drawn.scores), step)
    own = [{place for place, board in enumerate(drawn.boards) if board == one} for one in {*drawn.boards}]
    return min((left_possible(drawn, known, sums) for known in own if len(known) < len(drawn.scores)), default=None)


@given(drawn_classes())
def test_no_board_comes_nearer_to_a_shown_mean_than_the_rule_allows(drawn: DrawnClass) -> None:
    scores = summed(drawn)
    assert rule().round_means(scores).tolist() == [published(drawn)]
    if rule().find_shown(scores)[0]:
        nearest = nearest_of_any_board(drawn)
        assert nearest is None or nearest >= allowed(drawn)


@given(drawn_classes())
def test_the_sums_behind_a_mean_are_those_that_trying_finds(drawn: DrawnClass) -> None:
    scores = summed(drawn)
    lowest, highest = rule().bound_sums(rule().round_means(scores), scores.pupils)
    assert (lowest[0], highest[0]) == sums_behind(published(drawn), len(drawn.scores), STEP)


def test_without_the_rule_a_board_comes_nearer_and_with_it_the_class_shows_no_mean() -> None:
    """Five pupils of a board at the bottom of the label, five others near its top."""
    drawn = DrawnClass((4000,) * 5 + (5980,) * 5, (0,) * 5 + (1, 2, 3, 4, 5), 40, 60)
    nearest = nearest_of_any_board(drawn)
    assert nearest is not None
    assert nearest < allowed(drawn) == 2000
    assert not rule().find_shown(summed(drawn))[0]
    usual = DrawnClass(tuple(range(4050, 6000, 195)), (0, 1, 2, 3, 4) * 2, 40, 60)
    assert rule().find_shown(summed(usual))[0]


@given(drawn_classes(), st.data())
def test_who_knows_all_but_one_keeps_a_tenth_of_the_scale_from_the_sum(drawn: DrawnClass, data: st.DataObject) -> None:
    """A parent who was told the score of every other pupil; what the label says besides is known without the mean."""
    sums = sums_behind(published(drawn), len(drawn.scores), STEP)
    missing = data.draw(st.integers(0, len(drawn.scores) - 1))
    others = sum(drawn.scores) - drawn.scores[missing]
    assert sums[0] - others <= drawn.scores[missing] <= sums[1] - others
    assert sums[1] - sums[0] + 1 >= SCALE * UNIT // 10 - 1


def test_with_a_smaller_step_who_knows_all_but_one_comes_nearer() -> None:
    drawn = DrawnClass(tuple(range(4050, 6000, 195)), (0, 1, 2, 3, 4) * 2, 40, 60)
    low, high = sums_behind(published(drawn, 10), len(drawn.scores), 10)
    assert high - low + 1 < SCALE * UNIT // 10 - 1


def leaver_possible(drawn: DrawnClass, gone: set[int], known: set[int], step: int) -> int:
    """How many scores remain possible for one of the pupils who left, from both means and the label.

    Args:
        drawn: the class before.
        gone: who left.
        known: which of these the attacker knows: all but some.
        step: what both means are rounded to.
    """
    stayed = drawn.without(gone)
    before = sums_behind(published(drawn, step), len(drawn.scores), step)
    after = sums_behind(published(stayed, step), len(stayed.scores), step)
    departed = DrawnClass(tuple(drawn.scores[place] for place in sorted(gone)), (0,) * len(gone), drawn.low, drawn.high)
    places = {place: number for number, place in enumerate(sorted(gone))}
    return left_possible(departed, {places[place] for place in known}, (before[0] - after[1], before[1] - after[0]))


def shown_again(drawn: DrawnClass, gone: set[int]) -> bool:
    """Whether the class shows a mean in the release after some left, by the rule."""
    after = drawn.without(gone)
    before, now = (np.array([published(one)]) for one in (drawn, after))
    shown = rule().find_shown(summed(drawn)) & rule().find_shown(summed(after))
    return bool(find_comparable(before, shown, now, np.array([not gone]))[0])


@given(drawn_classes(), st.data())
def test_two_releases_never_show_two_means_of_a_class_that_somebody_left(
    drawn: DrawnClass, data: st.DataObject
) -> None:
    gone = data.draw(st.sets(st.integers(0, len(drawn.scores) - 1), max_size=len(drawn.scores) - 1))
    if gone:
        assert not shown_again(drawn, gone)
    else:
        assert shown_again(drawn, gone) == bool(rule().find_shown(summed(drawn))[0])


def test_without_the_rule_two_releases_tell_a_board_of_a_pupil_who_left() -> None:
    """Ten pupils of twenty leave; a board knows nine of them, and both means bound the tenth, which one does not."""
    gone, known = {*range(10)}, {*range(9)}
    left: dict[int, DrawnClass] = {}
    for stayed in range(4500, 5500, 7):
        scores = (*[4990] * 9, 4000, *[stayed] * 10)
        drawn = DrawnClass(scores, (0,) * 9 + (1, 2, 3, 4, 5) * 2 + (1,), 40, 60)
        if rule().find_shown(summed(drawn))[0] and rule().find_shown(summed(drawn.without(gone)))[0]:
            left[leaver_possible(drawn, gone, known, STEP)] = drawn
    nearest = min(left)
    assert nearest < allowed(left[nearest]) == 2000
    assert not shown_again(left[nearest], gone)


@pytest.mark.parametrize(
    ("before", "shown", "now", "unchanged", "shows"),
    [(5, True, 5, True, True), (5, True, 6, True, False), (5, False, 5, True, False), (5, True, 5, False, False)],
    ids=["nothing changed", "another mean", "none before", "other pupils"],
)
def test_a_class_shows_the_very_same_mean_or_none(
    before: int, shown: bool, now: int, unchanged: bool, shows: bool
) -> None:
    flags = (np.array([flag]) for flag in (shown, unchanged))
    was_shown, is_unchanged = flags
    assert find_comparable(np.array([before]), was_shown, np.array([now]), is_unchanged).tolist() == [shows]
