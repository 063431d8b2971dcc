"""Variables of linked tables: leaves, nodes and the trees that divide them.

A node is the set of leaves under it, written as a whole number with a bit per leaf. So two trees, two tables or two
years mean the same node exactly when their numbers are equal, whatever it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

TOTAL = "*"
"""The code of the node with every leaf."""
Node = int
"""A set of leaves: bit i is set when leaf i is in it."""


@dataclass(frozen=True)
class VariableTree:
    """One way to divide the leaves of a variable.

    Args:
        name: the name of the tree.
        parents: the code of the node above, by the code of every node but the total. A tree may end above the leaves:
            then its lowest nodes are named in `below`.
        below: the codes of the leaves under each lowest node that is not a leaf itself.
    """

    name: str
    parents: Mapping[str, str]
    below: Mapping[str, tuple[str, ...]]

    @cached_property
    def children(self) -> dict[str, tuple[str, ...]]:
        """The codes of the nodes directly under each node that has some."""
        children: dict[str, list[str]] = {}
        for code, parent in self.parents.items():
            children.setdefault(parent, []).append(code)
        return {parent: tuple(codes) for parent, codes in children.items()}


@dataclass(frozen=True)
class CellVariable:
    """A variable of linked tables.

    Args:
        name: its name.
        leaves: the codes of its leaves, which divide all pupils.
        trees: its trees; without one it is divided into its leaves at once.

    Raises:
        ValueError: a tree that does not divide the leaves, which is a defect of the caller.
    """

    name: str
    leaves: tuple[str, ...]
    trees: tuple[VariableTree, ...] = ()

    def __post_init__(self) -> None:
        for tree in self.all_trees.values():
            for parent, children in tree.children.items():
                masks = [self._mask(tree, child) for child in children]
                if sum(masks) != self._mask(tree, parent) or any(mask == 0 for mask in masks):
                    raise ValueError(f"the tree {tree.name} of {self.name} does not divide its leaves")
            if self._mask(tree, TOTAL) != self.total:
                raise ValueError(f"the tree {tree.name} of {self.name} has not every leaf")

    @property
    def total(self) -> Node:
        """The node with every leaf."""
        return (1 << len(self.leaves)) - 1

    @cached_property
    def all_trees(self) -> dict[str, VariableTree]:
        """The trees by name; a variable without one has the tree of its leaves, without a name."""
        if not self.trees:
            return {"": VariableTree("", dict.fromkeys(self.leaves, TOTAL), {})}
        return {tree.name: tree for tree in self.trees}

    def tree_nodes(self, tree: str) -> dict[str, Node]:
        """The nodes of a tree by their code, parents before children."""
        own = self.all_trees[tree]
        nodes, waiting = {}, [TOTAL]
        while waiting:
            code = waiting.pop(0)
            nodes[code] = self._mask(own, code)
            waiting.extend(own.children.get(code, ()))
        return nodes

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """Every node of every tree by its code, and every leaf.

        Raises:
            ValueError: one code stands for two sets of leaves, which is a defect of the caller.
        """
        nodes = {TOTAL: self.total, **{leaf: 1 << place for place, leaf in enumerate(self.leaves)}}
        for tree in self.all_trees:
            for code, node in self.tree_nodes(tree).items():
                if nodes.setdefault(code, node) != node:
                    raise ValueError(f"the node {code} of {self.name} stands for two sets of leaves")
        return nodes

    @cached_property
    def codes(self) -> dict[Node, str]:
        """The code of every node; of two for one set of leaves the first."""
        return {node: code for code, node in reversed(self.nodes.items())}

    @cached_property
    def divisions(self) -> dict[Node, tuple[tuple[Node, ...], ...]]:
        """The ways in which the trees divide a node into the nodes directly under it."""
        divisions: dict[Node, set[tuple[Node, ...]]] = {}
        for name, tree in self.all_trees.items():
            nodes = self.tree_nodes(name)
            for parent, children in tree.children.items():
                parts = tuple(sorted(nodes[child] for child in children))
                if parts != (nodes[parent],):
                    divisions.setdefault(nodes[parent], set()).add(parts)
        return {node: tuple(sorted(ways)) for node, ways in divisions.items()}

    def _mask(self, tree: VariableTree, code: str) -> Node:
        children = tree.children.get(code)
        if children:
            return sum(self._mask(tree, child) for child in children)
        place = {leaf: number for number, leaf in enumerate(self.leaves)}
        return sum(1 << place[leaf] for leaf in tree.below.get(code, (code,)))
