"""Variables of linked tables: leaves, nodes and the trees that divide them.

A node is the set of leaves under it, written as a whole number with a bit per leaf. So two trees, two tables or two
years mean the same node exactly when their numbers are equal, whatever it is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

TOTAL = "*"
"""The code of the root of every tree."""
Node = int
"""A set of leaves: bit i is set when leaf i is in it."""


@dataclass(frozen=True)
class VariableTree:
    """One way to divide leaves of a variable: all of them, or those of one population.

    Args:
        name: the name of the tree.
        parents: the code of the node above, by the code of every node but the root.
        below: the codes of the leaves under each lowest node that is no leaf itself: a tree may end above the leaves.
    """

    name: str
    parents: Mapping[str, str]
    below: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

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
        ValueError: a tree with a node twice or with an unknown leaf, which is a defect of the caller.
    """

    name: str
    leaves: tuple[str, ...]
    trees: tuple[VariableTree, ...] = ()

    def __post_init__(self) -> None:
        for name, tree in self.all_trees.items():
            nodes = self.tree_nodes(name)
            for parent, children in tree.children.items():
                if sum(nodes[child] for child in children) != nodes[parent]:
                    raise ValueError(f"the tree {name} of {self.name} has leaves twice")

    @property
    def total(self) -> Node:
        """The node with every leaf."""
        return (1 << len(self.leaves)) - 1

    @cached_property
    def all_trees(self) -> dict[str, VariableTree]:
        """The trees by name; a variable without one has the tree of its leaves, without a name."""
        if not self.trees:
            return {"": VariableTree("", dict.fromkeys(self.leaves, TOTAL))}
        return {tree.name: tree for tree in self.trees}

    def node(self, leaves: Iterable[str]) -> Node:
        """The node of some leaves."""
        return sum(1 << self._places[leaf] for leaf in set(leaves))

    def tree_nodes(self, tree: str) -> dict[str, Node]:
        """The nodes of a tree by their code, parents before children."""
        own = self.all_trees[tree]
        order, waiting = [], [TOTAL]
        while waiting:
            code = waiting.pop(0)
            order.append(code)
            waiting.extend(own.children.get(code, ()))
        nodes: dict[str, Node] = {}
        for code in reversed(order):
            children = own.children.get(code)
            if children:
                node = 0
                for child in children:
                    node |= nodes[child]
            else:
                node = self.node(own.below.get(code, (code,)))
            nodes[code] = node
        return {code: nodes[code] for code in order}

    @cached_property
    def codes(self) -> dict[Node, str]:
        """A code of every node of every tree; of two for one set of leaves that of the first tree."""
        codes: dict[Node, str] = {}
        for tree in self.all_trees:
            for code, node in self.tree_nodes(tree).items():
                codes.setdefault(node, code)
        return codes

    @cached_property
    def divisions(self) -> tuple[tuple[Node, tuple[Node, ...]], ...]:
        """Every node that a tree divides, with the nodes directly under it."""
        divisions: dict[tuple[Node, tuple[Node, ...]], None] = {}
        for name, tree in self.all_trees.items():
            nodes = self.tree_nodes(name)
            for parent, children in tree.children.items():
                parts = tuple(sorted(nodes[child] for child in children))
                if len(parts) > 1:
                    divisions[nodes[parent], parts] = None
        return tuple(divisions)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {leaf: place for place, leaf in enumerate(self.leaves)}
