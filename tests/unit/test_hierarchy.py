"""A hierarchy gives the groups and paths of its leaves, and refuses levels that do not nest."""

from pathlib import Path

import numpy as np
import pytest

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.model.hierarchy import UNKNOWN_VALUE, Hierarchy

YEARS = """\
2012;2012-2013;*
2013;2012-2013;*
2014;2014-2015;*
2015;2014-2015;*
2016;2016;*
"""


def read(folder: Path, text: str, *, with_unknown: bool = False) -> Hierarchy:
    file = folder / "jaar.csv"
    file.write_text(text, encoding="utf-8")
    return Hierarchy.from_file(file, "jaar", with_unknown=with_unknown)


def test_reads_the_arx_format(tmp_path: Path) -> None:
    years = read(tmp_path, YEARS)

    assert years.leaves == ("2012", "2013", "2014", "2015", "2016")
    assert years.height == 3
    assert years.labels[1] == ("2012-2013", "2012-2013", "2014-2015", "2014-2015", "2016")


def test_reads_windows_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeff" + YEARS.replace("\n", "\r\n")) == read(tmp_path, YEARS)


def test_groups_and_their_sizes_per_level(tmp_path: Path) -> None:
    years = read(tmp_path, YEARS)

    assert years.groups(0).tolist() == [0, 1, 2, 3, 4]
    assert years.groups(1).tolist() == [0, 0, 1, 1, 2]
    assert years.groups(2).tolist() == [0, 0, 0, 0, 0]
    assert years.group_sizes(1).tolist() == [2, 2, 2, 2, 1]
    assert years.group_sizes(2).tolist() == [5, 5, 5, 5, 5]


def test_a_path_has_the_coarsest_level_in_the_highest_bits(tmp_path: Path) -> None:
    years = read(tmp_path, YEARS)

    assert years.bits == 3
    assert [f"{path:03b}" for path in years.paths] == ["000", "001", "010", "011", "100"]
    assert [f"{years.mask(level):03b}" for level in range(3)] == ["111", "110", "000"]


@pytest.mark.parametrize("with_unknown", [False, True])
def test_leaves_share_a_value_exactly_when_their_masked_paths_are_equal(tmp_path: Path, with_unknown: bool) -> None:
    years = read(tmp_path, YEARS, with_unknown=with_unknown)

    for level in range(years.height):
        masked = years.paths & years.mask(level)
        labels = np.array(years.labels[level])
        assert np.array_equal(masked[:, None] == masked, labels[:, None] == labels)


class TestUnknownLeaf:
    def test_only_a_single_top_value_includes_it(self, tmp_path: Path) -> None:
        years = read(tmp_path, YEARS, with_unknown=True)

        assert [level[-1] for level in years.labels] == [UNKNOWN_VALUE, UNKNOWN_VALUE, "*"]

    def test_it_stays_separate_where_the_top_has_several_values(self, tmp_path: Path) -> None:
        parts = read(tmp_path, "Fryslân;noord\nZeeland;zuid\n", with_unknown=True)

        assert [level[-1] for level in parts.labels] == [UNKNOWN_VALUE, UNKNOWN_VALUE]

    def test_a_file_that_lists_it_is_left_as_it_is(self, tmp_path: Path) -> None:
        own = YEARS + f"{UNKNOWN_VALUE};geen jaar;*\n"

        assert read(tmp_path, own, with_unknown=True) == read(tmp_path, own)

    def test_it_stays_separate_in_a_column_of_one_value_without_levels(self, tmp_path: Path) -> None:
        assert read(tmp_path, "ja\n", with_unknown=True).labels == (("ja", UNKNOWN_VALUE),)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "at least one value"),
        ("a;*\nb\n", "2 labels in every row"),
        ("a;x;*\nb;;*\n", "an empty one"),
        ("a;x;*\na;x;*\n", "the same value twice"),
        ("a;x;p\nb;x;q\n", "one value at level 2 for all leaves under `x`"),
        ("a;b;*\nb;c;*\n", "`b` to stand for the same values wherever it occurs"),
        (f"a;b;{UNKNOWN_VALUE}\nb;b;{UNKNOWN_VALUE}\nc;c;*\n", f"`{UNKNOWN_VALUE}` to stand for the same"),
    ],
)
def test_refuses_an_invalid_hierarchy(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigurationRefused, match=problem):
        read(tmp_path, text)


def test_a_label_may_occur_at_the_next_level_for_the_same_leaves(tmp_path: Path) -> None:
    assert read(tmp_path, "a;a;*\nb;c;*\nd;c;*\n").height == 3


def test_names_all_problems_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationRefused) as refusal:
        read(tmp_path, "a;x;*\na;;*\n")

    assert len(refusal.value.problems) == 2


@pytest.mark.parametrize("content", [None, b"a;\xff\n"])
def test_refuses_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "jaar.csv"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigurationRefused, match="cannot be read"):
        Hierarchy.from_file(file, "jaar")
