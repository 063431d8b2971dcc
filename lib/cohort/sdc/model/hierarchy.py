"""The generalisation hierarchy of one quasi-identifier: the values that each leaf is generalised to, level by level.

Hierarchies come from files in the ARX format (`hierarchy_files`) or from declared bands (`numeric.bands`). They are
checked completely when built, so the rest of the engine relies on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.sdc.model.arrays import IntArray
from cohort.sdc.model.hierarchy_files import EXAMPLE_ROWS, UNKNOWN_VALUE, read_hierarchy_file

__all__ = ["UNKNOWN_VALUE", "Hierarchy"]


@dataclass(frozen=True)
class Hierarchy:
    """A generalisation hierarchy of full domain.

    Args:
        name: the name of the column.
        labels: `labels[level][leaf]`. Level 0 has the leaves themselves, the last level the coarsest values, often
            only `*`.
        aliases: further values, each with the leaf that it counts as.

    Raises:
        ConfigurationRefused: there are no leaves, levels differ in length, a label is empty, a leaf occurs twice, two
            leaves with the same value at one level have different values at a coarser one, or one label stands for
            two different sets of leaves. All problems at once.
    """

    name: str
    labels: tuple[tuple[str, ...], ...]
    aliases: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        problems = list(_shape_problems(self.name, self.labels))
        if not problems:
            problems = [*_nesting_problems(self), *_naming_problems(self)]
        if problems:
            raise ConfigurationRefused(*problems)

    @classmethod
    def from_file(cls, path: Path, name: str, *, with_unknown: bool = True) -> Hierarchy:
        """Read a hierarchy file in the ARX format: `value;level1;…;*`, no header (see `hierarchy_files`).

        Args:
            path: the file.
            name: the column.
            with_unknown: whether null can occur; `onbekend` then becomes a leaf where the file does not list it.

        Raises:
            ConfigurationRefused: what `read_hierarchy_file` and `Hierarchy` refuse.
        """
        file = read_hierarchy_file(path, name)
        labels = file.labels
        if with_unknown and labels and UNKNOWN_VALUE not in labels[0]:
            labels = _with_unknown(labels)
        return cls(name, labels, file.aliases)

    @property
    def leaves(self) -> tuple[str, ...]:
        """The most specific values."""
        return self.labels[0]

    @cached_property
    def leaf_numbers(self) -> Mapping[str, int]:
        """The leaf number of every leaf and alias."""
        numbers = {leaf: number for number, leaf in enumerate(self.leaves)}
        return {**numbers, **{value: numbers[leaf] for value, leaf in self.aliases}}

    @property
    def height(self) -> int:
        """The number of levels, including the leaves."""
        return len(self.labels)

    def groups(self, level: int) -> IntArray:
        """For each leaf, the number of its value at a level; values are numbered in the order of the leaves."""
        return self._groups[level]

    def group_sizes(self, level: int) -> IntArray:
        """For each leaf, how many leaves its value at a level stands for."""
        groups = self.groups(level)
        return np.bincount(groups)[groups].astype(np.int64)

    @property
    def bits(self) -> int:
        """The number of bits of a path from the root to a leaf."""
        return sum(self._widths)

    @property
    def paths(self) -> IntArray:
        """For each leaf its path from the root, coarsest level in the highest bits (see `coding`)."""
        return self._paths

    def mask(self, level: int) -> int:
        """The bits of a path that determine the value at a level.

        Two leaves have the same value at the level exactly when their paths are equal under this mask.
        """
        return ((1 << self.bits) - 1) ^ ((1 << sum(self._widths[:level])) - 1)

    @cached_property
    def _groups(self) -> tuple[IntArray, ...]:
        numbered = []
        for labels in self.labels:
            number = {label: position for position, label in enumerate(dict.fromkeys(labels))}
            numbered.append(_read_only([number[label] for label in labels]))
        return tuple(numbered)

    @cached_property
    def _ranks(self) -> tuple[IntArray, ...]:
        """For each level and leaf, the position of its value among the children of the value one level up."""
        ranks = []
        for level in range(self.height):
            top = level + 1 == self.height
            parents = [0] * len(self.leaves) if top else self.groups(level + 1).tolist()
            children: dict[int, dict[int, int]] = {}
            rank = []
            for parent, child in zip(parents, self.groups(level).tolist(), strict=True):
                siblings = children.setdefault(parent, {})
                rank.append(siblings.setdefault(child, len(siblings)))
            ranks.append(_read_only(rank))
        return tuple(ranks)

    @cached_property
    def _widths(self) -> tuple[int, ...]:
        return tuple(int(rank.max()).bit_length() for rank in self._ranks)

    @cached_property
    def _paths(self) -> IntArray:
        if self.bits > 63:
            raise ConfigurationRefused(
                describe_problem(
                    f"a hierarchy of at most 63 bits for column {self.name}",
                    example="4,000 leaves in four levels (about 14 bits)",
                    found=f"{self.bits} bits",
                    where="the hierarchy",
                    do="Use fewer leaves or fewer levels",
                )
            )
        paths = np.zeros(len(self.leaves), dtype=np.int64)
        for rank, width in zip(reversed(self._ranks), reversed(self._widths), strict=True):
            paths = (paths << width) | rank
        paths.setflags(write=False)
        return paths


def _read_only(numbers: list[int]) -> IntArray:
    array = np.array(numbers, dtype=np.int64)
    array.setflags(write=False)
    return array


def _with_unknown(labels: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    """Add `onbekend` as a leaf that stays separate until a single top value, if any, includes it."""
    *lower, top = labels
    has_single_top = len(lower) > 0 and len(set(top)) == 1
    last = (*top, top[0] if has_single_top else UNKNOWN_VALUE)
    return (*((*level, UNKNOWN_VALUE) for level in lower), last)


def _shape_problems(name: str, labels: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    def problem(what: str, found: str, where: str, do: str) -> str:
        place = f"the hierarchy of column {name}{where}"
        return describe_problem(what, example=EXAMPLE_ROWS, found=found, where=place, do=do)

    if not labels or not labels[0]:
        yield problem("at least one value", "none", "", "Give a row per value")
        return
    for level, row in enumerate(labels):
        if len(row) != len(labels[0]):
            where = f", level {level}"
            yield problem(f"{len(labels[0])} labels", str(len(row)), where, "Give every leaf a label")
        for leaf, label in enumerate(row, start=1):
            if not label.strip():
                where = f", row {leaf}, level {level}"
                yield problem("a label", "an empty one", where, "Write the label, `*` for all")
    first_row: dict[str, int] = {}
    for leaf, label in enumerate(labels[0], start=1):
        earlier = first_row.setdefault(label, leaf)
        if earlier != leaf:
            where = f", rows {earlier} and {leaf}"
            yield problem("every value once", "the same value twice", where, "Remove one row")


def _nesting_problems(hierarchy: Hierarchy) -> Iterator[str]:
    """Leaves with the same value at a level must have the same value at every coarser one: a code is a path."""
    for level in range(hierarchy.height - 1):
        parents: dict[str, str] = {}
        split: dict[str, None] = {}
        for label, parent in zip(hierarchy.labels[level], hierarchy.labels[level + 1], strict=True):
            if parents.setdefault(label, parent) != parent:
                split[label] = None
        for label in split:
            yield describe_problem(
                f"one value at level {level + 1} for all leaves under `{label}`",
                example="`2014;2013-2014;*` and `2013;2013-2014;*`",
                found="several",
                where=f"the hierarchy of column {hierarchy.name}, level {level}",
                do="Let leaves that share a value share every coarser value too",
            )


def _naming_problems(hierarchy: Hierarchy) -> Iterator[str]:
    """A label must stand for the same leaves at every level: a released value does not say its level."""
    leaves_of_label: dict[str, frozenset[int]] = {}
    ambiguous: dict[str, int] = {}
    for level, row in enumerate(hierarchy.labels):
        members: dict[str, set[int]] = {}
        for leaf, label in enumerate(row):
            members.setdefault(label, set()).add(leaf)
        for label, leaves in members.items():
            if leaves_of_label.setdefault(label, frozenset(leaves)) != leaves:
                ambiguous.setdefault(label, level)
    for label, level in ambiguous.items():
        yield describe_problem(
            f"`{label}` to stand for the same values wherever it occurs",
            example="`2014` for one year and `2013-2014` for two",
            found="different sets of values",
            where=f"the hierarchy of column {hierarchy.name}, level {level}",
            do="Give the coarser value a label of its own",
        )
