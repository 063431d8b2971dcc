"""How the values of one column are generalised, level by level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cohort.foundation.errors import ConfigurationRefused, describe_problem
from cohort.sdc.model import hierarchy_files
from cohort.sdc.model.hierarchy_files import EXAMPLE_ROWS, UNKNOWN

__all__ = ["UNKNOWN", "Hierarchy"]


@dataclass(frozen=True)
class Hierarchy:
    """A generalisation hierarchy in which every value knows its ancestors.

    Takes: the column's name and `labels[level][leaf]`; level 0 holds the leaves, the last level
    the coarsest values (often, but not always, only `*`).
    Further values, each with the leaf that it counts as.
    Refuses: no leaves, levels of unequal length, an empty label, the same leaf twice, two leaves that
    meet at one level and part at the next, one label for two different sets of leaves.
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
        """Reads a hierarchy file in the ARX format: `value;level1;…;*`, no header (`hierarchy_files`).

        Takes: the file, the column it is for, and whether null can occur (then `onbekend` becomes a
        leaf of its own where the file does not already list it).
        Refuses: what `hierarchy_files.read` refuses, and whatever `Hierarchy` refuses.
        """
        found = hierarchy_files.read_hierarchy_file(path, name)
        labels = found.labels
        if with_unknown and labels and UNKNOWN not in labels[0]:
            labels = _with_unknown(labels)
        return cls(name, labels, found.joined)

    @property
    def leaves(self) -> tuple[str, ...]:
        return self.labels[0]

    @cached_property
    def leaf_numbers(self) -> Mapping[str, int]:
        """The leaf of every value, by its number."""
        found = {leaf: place for place, leaf in enumerate(self.leaves)}
        return {**found, **{value: found[leaf] for value, leaf in self.aliases}}

    @property
    def height(self) -> int:
        """The number of levels, the leaves counted in."""
        return len(self.labels)

    def groups(self, level: int) -> npt.NDArray[np.int64]:
        """Which group each leaf belongs to at a level, numbered in the order of the leaves."""
        return self._groups[level]

    def group_sizes(self, level: int) -> npt.NDArray[np.int64]:
        """For each leaf, how many leaves its value at a level stands for."""
        groups = self.groups(level)
        return np.bincount(groups)[groups].astype(np.int64)

    def leaf_shares(self, level: int) -> npt.NDArray[np.float64]:
        """For each leaf, the part of all leaves that its value at a level stands for."""
        return self.group_sizes(level) / len(self.leaves)

    @property
    def bits(self) -> int:
        """How many bits a path from the root to a leaf takes."""
        return sum(self._widths)

    @property
    def paths(self) -> npt.NDArray[np.int64]:
        """For each leaf its path from the root, coarsest level in the highest bits."""
        return self._paths

    def mask(self, level: int) -> int:
        """The bits of a path that say which value it has at a level.

        Gives: a number such that two leaves share their value at the level exactly when
        their paths are equal under it.
        """
        return ((1 << self.bits) - 1) ^ ((1 << sum(self._widths[:level])) - 1)

    @cached_property
    def _groups(self) -> tuple[npt.NDArray[np.int64], ...]:
        numbered = []
        for labels in self.labels:
            number = {label: position for position, label in enumerate(dict.fromkeys(labels))}
            numbered.append(_frozen([number[label] for label in labels]))
        return tuple(numbered)

    @cached_property
    def _ranks(self) -> tuple[npt.NDArray[np.int64], ...]:
        """For each level and leaf, the how-manieth child its value is of the value one level up."""
        ranks = []
        for level in range(self.height):
            top = level + 1 == self.height
            parents = [0] * len(self.leaves) if top else self.groups(level + 1).tolist()
            children: dict[int, dict[int, int]] = {}
            rank = []
            for parent, child in zip(parents, self.groups(level).tolist(), strict=True):
                siblings = children.setdefault(parent, {})
                rank.append(siblings.setdefault(child, len(siblings)))
            ranks.append(_frozen(rank))
        return tuple(ranks)

    @cached_property
    def _widths(self) -> tuple[int, ...]:
        return tuple(int(rank.max()).bit_length() for rank in self._ranks)

    @cached_property
    def _paths(self) -> npt.NDArray[np.int64]:
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


def _frozen(numbers: list[int]) -> npt.NDArray[np.int64]:
    array = np.array(numbers, dtype=np.int64)
    array.setflags(write=False)
    return array


def _with_unknown(labels: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    """Adds null as a leaf that stays apart until a single top value takes everything in."""
    *lower, top = labels
    takes_all_in = len(lower) > 0 and len(set(top)) == 1
    last = (*top, top[0] if takes_all_in else UNKNOWN)
    return (*((*level, UNKNOWN) for level in lower), last)


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
    """Leaves that meet at a level must stay together: else a code cannot be a path."""
    for level in range(hierarchy.height - 1):
        parents: dict[str, str] = {}
        torn: dict[str, None] = {}
        for label, parent in zip(hierarchy.labels[level], hierarchy.labels[level + 1], strict=True):
            if parents.setdefault(label, parent) != parent:
                torn[label] = None
        for label in torn:
            yield describe_problem(
                f"one value at level {level + 1} for all leaves under `{label}`",
                example="`2014;2013-2014;*` and `2013;2013-2014;*`",
                found="several",
                where=f"the hierarchy of column {hierarchy.name}, level {level}",
                do="Let leaves that share a value share every coarser value too",
            )


def _naming_problems(hierarchy: Hierarchy) -> Iterator[str]:
    """A released value must be recognisable by itself, whatever its level."""
    meaning: dict[str, frozenset[int]] = {}
    double: dict[str, int] = {}
    for level, row in enumerate(hierarchy.labels):
        members: dict[str, set[int]] = {}
        for leaf, label in enumerate(row):
            members.setdefault(label, set()).add(leaf)
        for label, leaves in members.items():
            if meaning.setdefault(label, frozenset(leaves)) != leaves:
                double.setdefault(label, level)
    for label, level in double.items():
        yield describe_problem(
            f"`{label}` to stand for the same values wherever it occurs",
            example="`2014` for one year and `2013-2014` for two",
            found="different sets of values",
            where=f"the hierarchy of column {hierarchy.name}, level {level}",
            do="Give the coarser value a label of its own",
        )
