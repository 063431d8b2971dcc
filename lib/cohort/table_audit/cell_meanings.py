"""What a cell means: the set of leaves of every variable that its pupils have.

Editions are compared by these sets alone, never by the names of nodes. A variable that an edition does not have
stands for all of its leaves. The school years of an edition that does not divide them are its node of the variable
`schooljaar`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cohort.publication_documents import TOTAL_NODE, PublicationDocument, TableVariable

SCHOOL_YEAR = "schooljaar"
Mask = int
"""A set of leaves: bit i is set when leaf i is in it."""
Meaning = tuple[Mask, ...]
"""The leaves of a cell, by variable."""


class MeaningSpace:
    """The variables of several editions together.

    Args:
        documents: the documents of the editions.
    """

    def __init__(self, documents: Sequence[PublicationDocument]) -> None:
        leaves: dict[str, dict[str, int]] = {}
        for document in documents:
            for variable in document.variables:
                known = leaves.setdefault(variable.name, {})
                for leaf in variable.leaves:
                    known.setdefault(leaf, len(known))
            if SCHOOL_YEAR not in {variable.name for variable in document.variables}:
                known = leaves.setdefault(SCHOOL_YEAR, {})
                for year in document.school_years:
                    known.setdefault(year, len(known))
        self.variables = tuple(sorted(leaves))
        self.leaves = {name: leaves[name] for name in self.variables}
        self.full = tuple((1 << len(leaves[name])) - 1 for name in self.variables)
        self._place = {name: place for place, name in enumerate(self.variables)}
        self._nodes = [self._find_nodes(document) for document in documents]
        self._pupils = [self._find_pupils(number, document) for number, document in enumerate(documents)]
        self.divisions = [self._find_divisions(documents, name) for name in self.variables]

    def place(self, variable: str) -> int:
        """The place of a variable in every meaning."""
        return self._place[variable]

    def pupils_of(self, edition: int) -> Meaning:
        """The leaves that the pupils of an edition may have."""
        return self._pupils[edition]

    def meaning(self, edition: int, *restrictions: Mapping[str, str]) -> Meaning:
        """The leaves of the pupils of an edition who are in all of the given nodes.

        Raises:
            KeyError: a node that the edition does not have.
        """
        masks = list(self._pupils[edition])
        for restriction in restrictions:
            for variable, code in restriction.items():
                masks[self._place[variable]] &= self._nodes[edition][variable][code]
        return tuple(masks)

    def divided(self, meaning: Meaning) -> frozenset[int]:
        """The places of the variables that a cell does not have all leaves of."""
        return frozenset(place for place, mask in enumerate(meaning) if mask != self.full[place])

    def describe(self, meaning: Meaning) -> str:
        """Name a cell by nodes; leaves where no node has these."""
        parts = []
        for place, mask in enumerate(meaning):
            if mask != self.full[place]:
                name = self.variables[place]
                codes = [code for nodes in self._nodes for code, own in nodes.get(name, {}).items() if own == mask]
                leaves = [leaf for leaf, bit in self.leaves[name].items() if mask >> bit & 1]
                parts.append(f"{name}={codes[0] if codes and codes[0] != TOTAL_NODE else '+'.join(leaves)}")
        return ", ".join(parts) or TOTAL_NODE

    def _find_nodes(self, document: PublicationDocument) -> dict[str, dict[str, Mask]]:
        nodes = {
            variable.name: find_node_masks(variable, self.leaves[variable.name]) for variable in document.variables
        }
        if SCHOOL_YEAR not in nodes:
            years = self.leaves[SCHOOL_YEAR]
            nodes[SCHOOL_YEAR] = {TOTAL_NODE: _join(1 << years[year] for year in document.school_years)}
        return nodes

    def _find_pupils(self, number: int, document: PublicationDocument) -> Meaning:
        nodes = self._nodes[number]
        masks = [
            nodes[name][TOTAL_NODE] if name in nodes else self.full[place] for place, name in enumerate(self.variables)
        ]
        for variable, code in document.population.items():
            masks[self._place[variable]] &= nodes[variable][code]
        return tuple(masks)

    def _find_divisions(self, documents: Sequence[PublicationDocument], name: str) -> dict[Mask, set[tuple[Mask, ...]]]:
        divisions: dict[Mask, set[tuple[Mask, ...]]] = {}
        for nodes, pupils, document in zip(self._nodes, self._pupils, documents, strict=True):
            within = pupils[self._place[name]]
            for variable in document.variables:
                if variable.name != name:
                    continue
                for hierarchy in variable.hierarchies:
                    children: dict[str, list[Mask]] = {}
                    for node in hierarchy.nodes:
                        if node.parent is not None:
                            children.setdefault(node.parent, []).append(nodes[name][node.code] & within)
                    for parent, parts in children.items():
                        own = nodes[name][parent] & within
                        divisions.setdefault(own, set()).add(tuple(part for part in parts if part and part != own))
        return divisions


def find_node_masks(variable: TableVariable, places: Mapping[str, int]) -> dict[str, Mask]:
    """Find the leaves under every node of a variable.

    Args:
        variable: the variable.
        places: the place of every leaf.

    Returns:
        The leaves by the code of the node; leaves and the total are nodes as well.

    Raises:
        ValueError: one code stands for two sets of leaves, or a tree does not end in leaves.
    """
    nodes = {leaf: 1 << places[leaf] for leaf in variable.leaves}
    nodes[TOTAL_NODE] = _join(nodes[leaf] for leaf in variable.leaves)
    for hierarchy in variable.hierarchies:
        own: dict[str, Mask] = {}
        for node in reversed(hierarchy.nodes):
            if node.code not in own:
                own[node.code] = nodes[node.code] if node.code in variable.leaves else 0
            if own[node.code] == 0:
                raise ValueError("a node without leaves")
            if node.parent is not None:
                if own.get(node.parent, 0) & own[node.code] and node.parent not in variable.leaves:
                    raise ValueError("a leaf under two nodes")
                own[node.parent] = own.get(node.parent, 0) | own[node.code]
        for code, mask in own.items():
            if nodes.setdefault(code, mask) != mask:
                raise ValueError("a code of two sets of leaves")
    return nodes


def _join(masks: Iterable[Mask]) -> Mask:
    joined = 0
    for mask in masks:
        joined |= mask
    return joined
