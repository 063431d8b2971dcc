"""A coding encodes all columns in a few numbers: a mask generalises them, and codes decode to the same leaves."""

from itertools import product

import numpy as np
import pytest

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy

GESLACHT = Hierarchy("geslacht", (("j", "m"), ("*", "*")))
JAAR = Hierarchy("jaar", (("2012", "2013", "2014", "2015"), ("2012-2013", "2012-2013", "2014", "2015"), ("*",) * 4))
VAST = Hierarchy("land", (("NL",),))
CODING = Coding((GESLACHT, JAAR, VAST))


def every_code(coding: Coding = CODING) -> tuple[np.ndarray, np.ndarray]:
    """Every combination of leaves, `[column, record]`, and its words, `[word, record]`."""
    leaves = np.array(list(product(*(range(len(h.leaves)) for h in coding.hierarchies)))).T
    return leaves, coding.encode(leaves)


def test_the_first_column_has_the_highest_bits() -> None:
    assert CODING.bits == 1 + 3 + 0
    assert CODING.shifts == (3, 0, 0)
    assert CODING.heights == (2, 3, 1)


def test_the_code_of_a_record_is_the_sum_over_its_columns_and_decodes_to_its_leaves() -> None:
    leaves, codes = every_code()

    assert codes[0].tolist() == [
        sum(int(CODING.column_codes(c)[leaf]) for c, leaf in enumerate(record)) for record in leaves.T
    ]
    assert len(np.unique(codes)) == codes.size
    assert np.array_equal(CODING.decode(codes), leaves)


def labels_at(coding: Coding, leaves: np.ndarray, levels: tuple[int, ...]) -> list[tuple[str, ...]]:
    """The labels of records at a level vector, by the hierarchies' own tables."""
    return [
        tuple(tree.labels[level][leaf] for tree, level, leaf in zip(coding.hierarchies, levels, record, strict=True))
        for record in leaves.T
    ]


def masked_tuples(codes: np.ndarray, mask: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [tuple(record) for record in (codes & np.array(mask)[:, None]).T.tolist()]


def assert_masked_codes_are_equal_where_labels_are(coding: Coding, levels: tuple[int, ...]) -> None:
    leaves, codes = every_code(coding)
    pairs = set(zip(masked_tuples(codes, coding.mask(levels)), labels_at(coding, leaves, levels), strict=True))
    assert len({code for code, _ in pairs}) == len({labels for _, labels in pairs}) == len(pairs)


@pytest.mark.parametrize("levels", list(product(range(2), range(3), range(1))))
def test_a_mask_generalises_every_column_at_once(levels: tuple[int, ...]) -> None:
    assert_masked_codes_are_equal_where_labels_are(CODING, levels)


def test_an_impossible_code_is_a_defect() -> None:
    with pytest.raises(ValueError, match="a path that its hierarchy does not have"):
        CODING.decode(np.array([[0b0_111]]))


def chain_hierarchy(name: str, leaves: int) -> Hierarchy:
    """Each level takes one more leaf into the group of the first: a bit per level."""
    steps = range(leaves)
    return Hierarchy(
        name, tuple(tuple(f"0-{level}" if leaf <= level else str(leaf) for leaf in steps) for level in steps)
    )


def test_long_paths_are_decoded_without_a_table() -> None:
    coding = Coding((chain_hierarchy("trap", 23),))

    assert coding.bits == 22
    assert coding.decode(coding.encode([np.arange(23)]))[0].tolist() == list(range(23))
    with pytest.raises(ValueError, match="a path that its hierarchy does not have"):
        coding.decode(np.array([[(1 << 22) - 1]]))


def test_sixty_three_bits_fit_in_a_word() -> None:
    bit = Hierarchy("vlag", (("nee", "ja"),))
    coding = Coding((bit,) * 63)
    highest = coding.encode([np.array([1])] * 63)

    assert (coding.words, highest.tolist()) == (1, [[2**63 - 1]])
    assert coding.decode(highest).tolist() == [[1]] * 63


def test_columns_that_do_not_fit_begin_the_next_word() -> None:
    #   bits   29  29 | 22  29  1  3      a column is never torn apart
    coding = Coding(
        (
            chain_hierarchy("a", 30),
            chain_hierarchy("b", 30),
            chain_hierarchy("c", 23),
            chain_hierarchy("d", 30),
            GESLACHT,
            JAAR,
        )
    )

    assert coding.column_words == (0, 0, 1, 1, 1, 1)
    assert coding.words == 2
    draw = np.random.default_rng(3)
    leaves = np.array([draw.integers(0, len(h.leaves), 200) for h in coding.hierarchies])
    codes = coding.encode(leaves)
    assert codes.min() >= 0
    assert np.array_equal(coding.decode(codes), leaves)
    for levels in ((0, 0, 0, 0, 0, 0), (3, 29, 5, 0, 1, 1), (29, 29, 22, 29, 1, 2)):
        pairs = set(zip(masked_tuples(codes, coding.mask(levels)), labels_at(coding, leaves, levels), strict=True))
        assert len({code for code, _ in pairs}) == len({labels for _, labels in pairs}) == len(pairs)


def test_refuses_a_release_without_quasi_identifiers() -> None:
    with pytest.raises(ConfigurationRefused, match="at least one quasi-identifier"):
        Coding(())
