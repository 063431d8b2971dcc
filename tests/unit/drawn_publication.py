"""Editions of publications drawn for tests: documents, counts per school, and cells hidden as a test says."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa

from cohort.agreements import PublicationLimits
from cohort.publication_documents import (
    HierarchyNode,
    LabelledText,
    Measure,
    PublicationDocument,
    PublishedRules,
    PublishedScore,
    PublishedTable,
    TableAxis,
    TableVariable,
    TidyCell,
    VariableHierarchy,
)
from cohort.table_audit import AuditEdition

Tree = Mapping[str, Sequence[str]]
"""The nodes under each node that has some; the total is `*`."""
LIMITS = PublicationLimits(
    pupils=10,
    schools=5,
    max_share=Decimal("0.5"),
    p_percent=Decimal(10),
    largest_value_share=Decimal("0.9"),
    degrees_of_freedom=10,
    max_primary_share=Decimal("0.15"),
    hide_up_to=7,
    round_to=5,
    epsilon_per_pupil_year=Decimal(1),
    search_seconds=60,
    first_pattern_seconds=60,
    search_megabytes=1500,
)


def text(words: str) -> LabelledText:
    return LabelledText(nl=words, en=words)


def flat(*codes: str) -> Tree:
    return {"*": codes}


COUNT = Measure(name="leerlingen", kind="count", label=text("Leerlingen"))


@dataclass(frozen=True)
class DrawnVariable:
    """A variable with its trees by name."""

    name: str
    trees: Mapping[str, Tree]
    sensitive: bool = False

    @property
    def leaves(self) -> tuple[str, ...]:
        tree = next(iter(self.trees.values()))
        found: list[str] = []
        waiting = ["*"]
        while waiting:
            node = waiting.pop(0)
            if node in tree:
                waiting = [*tree[node], *waiting]
            else:
                found.append(node)
        return tuple(sorted(found))

    def as_table_variable(self) -> TableVariable:
        hierarchies = tuple(
            VariableHierarchy(name=name, nodes=tuple(_list_nodes(tree))) for name, tree in self.trees.items()
        )
        return TableVariable(
            name=self.name, label=text(self.name), leaves=self.leaves, hierarchies=hierarchies, sensitive=self.sensitive
        )

    def leaves_under(self, code: str) -> set[str]:
        for tree in self.trees.values():
            if code == "*" or code in tree or any(code in children for children in tree.values()):
                return set(_descend(tree, code))
        return {code}


def _descend(tree: Tree, code: str) -> list[str]:
    return [leaf for child in tree[code] for leaf in _descend(tree, child)] if code in tree else [code]


def _list_nodes(tree: Tree) -> list[HierarchyNode]:
    nodes = [HierarchyNode(code="*", parent=None, label=text("totaal"))]
    waiting = ["*"]
    while waiting:
        parent = waiting.pop(0)
        for code in tree.get(parent, ()):
            nodes.append(HierarchyNode(code=code, parent=parent, label=text(code)))
            waiting.append(code)
    return nodes


@dataclass(frozen=True)
class DrawnTable:
    """A table: the tree of each of its variables, and its measures."""

    name: str
    axes: Mapping[str, str]
    measures: tuple[Measure, ...] = (COUNT,)


@dataclass(frozen=True)
class DrawnPublication:
    """Variables, tables and rows of (leaf by variable …, school, board, pupils, scores in points …)."""

    variables: Sequence[DrawnVariable]
    tables: Sequence[DrawnTable]
    pupils: Sequence[Mapping[str, Any]]
    name: str = "leerlingen"
    edition: int = 1
    scores: Sequence[PublishedScore] = ()
    rules: PublishedRules = field(
        default_factory=lambda: PublishedRules(
            pupils=10, schools=5, max_share=0.5, p_percent=10, largest_value_share=0.9, degrees_of_freedom=10
        )
    )
    method: str = "suppress"
    population: Mapping[str, str] = field(default_factory=dict)
    school_years: tuple[str, ...] = ("2024-2025",)

    def document(self) -> PublicationDocument:
        return PublicationDocument(
            publication=self.name,
            edition=self.edition,
            title=text("Leerlingen"),
            purpose="Test",
            requested_by="Test",
            method=self.method,
            rows="selection",
            project=None,
            release=None,
            school_years=self.school_years,
            population=dict(self.population),
            variables=tuple(variable.as_table_variable() for variable in self.variables),
            scores=tuple(self.scores),
            tables=tuple(
                PublishedTable(
                    name=table.name,
                    title=text(table.name),
                    axes=tuple(TableAxis(variable=name, hierarchy=tree) for name, tree in table.axes.items()),
                    measures=table.measures,
                )
                for table in self.tables
            ),
            rules=self.rules,
            made_on="2026-12-01",
            supersedes=None,
        )

    def contributors(self) -> pa.Table:
        names = [variable.name for variable in self.variables]
        sums: dict[tuple[object, ...], dict[str, int]] = {}
        for row in self.pupils:
            key = (*(row[name] for name in names), row["school"], row.get("board", row["school"]))
            own = sums.setdefault(key, {"pupils": 0, **{c: 0 for s in self.scores for c in _columns(s)}})
            own["pupils"] += int(row.get("pupils", 1))
            for score in self.scores:
                value = row.get(score.name)
                if value is not None:
                    own[f"{score.name}_sum"] += int(value)
                    own[f"{score.name}_sum_squares"] += int(value) ** 2
        columns = {
            name: pa.array([key[place] for key in sums], pa.string())
            for place, name in enumerate([*names, "school", "board"])
        }
        figures = ["pupils", *(column for score in self.scores for column in _columns(score))]
        return pa.table({**columns, **{f: pa.array([own[f] for own in sums.values()], pa.int64()) for f in figures}})

    def edition_with(self, hidden: Callable[[Mapping[str, str]], bool]) -> AuditEdition:
        """The edition that hides the cells that a test says, by their nodes; exact figures elsewhere."""
        return self.edition_of(lambda nodes, measure: None if hidden(nodes) else self.figure(nodes, measure))

    def edition_of(self, value: Callable[[Mapping[str, str], Measure], str | None]) -> AuditEdition:
        trees = {variable.name: variable for variable in self.variables}
        cells = {}
        for table in self.tables:
            codes = [[n.code for n in _list_nodes(trees[name].trees[tree])] for name, tree in table.axes.items()]
            cells[table.name] = tuple(
                TidyCell(nodes, measure.name, value(dict(zip(table.axes, nodes, strict=True)), measure))
                for nodes in itertools.product(*codes)
                for measure in table.measures
            )
        return AuditEdition(self.document(), cells, self.contributors())

    def select(self, nodes: Mapping[str, str]) -> list[Mapping[str, Any]]:
        """The rows of a cell."""
        trees = {variable.name: variable for variable in self.variables}
        under = {name: trees[name].leaves_under(code) for name, code in nodes.items()}
        return [row for row in self.pupils if all(row[name] in own for name, own in under.items())]

    def count(self, nodes: Mapping[str, str]) -> int:
        return sum(int(row.get("pupils", 1)) for row in self.select(nodes))

    def figure(self, nodes: Mapping[str, str], measure: Measure) -> str:
        rows = self.select({**nodes, **measure.base})
        number = sum(int(row.get("pupils", 1)) for row in rows)
        if measure.kind == "count":
            return str(number)
        if measure.kind == "share":
            share = 100 * self.count({**nodes, **measure.base, **measure.numerator}) / max(number, 1)
            return "<5" if share < 5 else ">95" if share > 95 else f"{share:.{measure.decimals}f}"
        sums = [sum(int(row[score] or 0) for row in rows) for score in measure.scores]
        exact = sums[0] if len(sums) == 1 else sums[1] - sums[0]
        return f"{exact / max(number, 1) / 100:.{measure.decimals}f}"


def _columns(score: PublishedScore) -> tuple[str, str]:
    return (f"{score.name}_sum", f"{score.name}_sum_squares")
