"""All columns in one number: generalising is a mask, and nothing is lost on the way."""

from itertools import product

import numpy as np
import pytest

from cohort.errors import ConfigurationRefused
from cohort.recoding.coding import Coding
from cohort.recoding.hierarchy import Hierarchy

GESLACHT = Hierarchy("geslacht", (("j", "m"), ("*", "*")))
JAAR = Hierarchy(
    "jaar",
    (("2012", "2013", "2014", "2015"), ("2012-2013", "2012-2013", "2014", "2015"), ("*",) * 4),
)
VAST = Hierarchy("land", (("NL",),))
CODING = Coding((GESLACHT, JAAR, VAST))


def every_code() -> tuple[np.ndarray, np.ndarray]:
    leaves = np.array(list(product(*(range(len(h.leaves)) for h in CODING.hierarchies))))
    codes = sum(CODING.column_codes(column)[leaves[:, column]] for column in range(3))
    return leaves, np.asarray(codes)


def test_the_first_column_has_the_highest_bits() -> None:
    assert CODING.bits == 1 + 3 + 0
    assert CODING.shifts == (3, 0, 0)
    assert CODING.heights == (2, 3, 1)


def test_the_code_of_a_record_is_the_sum_over_its_columns_and_leads_back() -> None:
    leaves, codes = every_code()

    assert len(np.unique(codes)) == len(codes)
    assert np.array_equal(CODING.leaves_of(codes), leaves)


def test_a_mask_generalises_every_column_at_once() -> None:
    leaves, codes = every_code()

    for levels in product(range(2), range(3), range(1)):
        masked = codes & CODING.mask(levels)
        shown = list(zip(*CODING.labels(masked, levels), strict=True))
        for record, values in zip(leaves, shown, strict=True):
            assert list(values) == [
                hierarchy.labels[level][leaf]
                for hierarchy, level, leaf in zip(CODING.hierarchies, levels, record, strict=True)
            ]
        assert len(set(shown)) == len(np.unique(masked))


def test_labels_need_no_masked_codes() -> None:
    _, codes = every_code()
    levels = (1, 1, 0)

    for masked, plain in zip(
        CODING.labels(codes & CODING.mask(levels), levels), CODING.labels(codes, levels), strict=True
    ):
        assert masked.tolist() == plain.tolist()


def test_a_code_that_no_record_can_have_is_a_defect() -> None:
    with pytest.raises(ValueError, match="a path that its hierarchy does not have"):
        CODING.leaves_of(np.array([0b0_111]))


def test_long_paths_are_found_too() -> None:
    # Each level takes one more leaf into the group of the first: a bit per level.
    steps = range(23)
    stair = Hierarchy(
        "trap",
        tuple(tuple(f"0-{level}" if leaf <= level else str(leaf) for leaf in steps) for level in steps),
    )
    coding = Coding((stair,))

    assert coding.bits == 22
    assert coding.leaves_of(coding.column_codes(0))[:, 0].tolist() == list(steps)
    assert coding.labels(coding.column_codes(0), (20,))[0].tolist() == ["0-20"] * 21 + ["21", "22"]
    with pytest.raises(ValueError, match="a path that its hierarchy does not have"):
        coding.leaves_of(np.array([(1 << 22) - 1]))


def test_refuses_more_bits_than_one_number_holds_and_names_the_widest_columns() -> None:
    days = Hierarchy("geboortedatum", (tuple(str(day) for day in range(5000)), ("*",) * 5000))

    assert Coding((days,) * 4).bits == 52
    with pytest.raises(ConfigurationRefused, match=r"not supported yet.*geboortedatum \(13 bits\)"):
        Coding((days,) * 4 + (JAAR,) * 4)


def test_sixty_three_bits_still_fit() -> None:
    bit = Hierarchy("vlag", (("nee", "ja"),))
    coding = Coding((bit,) * 63)
    highest = np.array([sum(int(coding.column_codes(column)[1]) for column in range(63))])

    assert highest[0] == 2**63 - 1
    assert coding.leaves_of(highest).tolist() == [[1] * 63]


def test_refuses_a_release_without_quasi_identifiers() -> None:
    with pytest.raises(ConfigurationRefused, match="at least one quasi-identifier"):
        Coding(())
