"""Drawn editions of publications for tests of files and pages: a document, and cells by table."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

from cohort.publication_documents import (
    HierarchyNode,
    LabelledText,
    Measure,
    NoiseFigures,
    ProtectionMethod,
    PublicationDocument,
    PublishedRules,
    PublishedTable,
    TableAxis,
    TableVariable,
    TidyCell,
    VariableHierarchy,
)

COUNT = Measure(name="leerlingen", kind="count", label=LabelledText(nl="leerlingen", en="pupils"))
MEAN = Measure(
    name="gemiddelde", kind="mean", label=LabelledText(nl="gemiddelde", en="mean"), scores=("REK",), decimals=1
)
SHARE = Measure(name="aandeel", kind="share", label=LabelledText(nl="aandeel (%)", en="share (%)"))
TOTAL = HierarchyNode(code="*", parent=None, label=LabelledText(nl="totaal", en="total"))


def make_variable(name: str, nodes: Sequence[tuple[str, str]], label: str = "") -> TableVariable:
    """A variable with one hierarchy: its nodes as (code, parent), whose names are their codes."""
    own = [HierarchyNode(code=code, parent=up, label=LabelledText(nl=code, en=f"{code} (en)")) for code, up in nodes]
    parents = {up for _, up in nodes}
    return TableVariable(
        name=name,
        label=LabelledText(nl=label or name, en=f"{label or name} in English"),
        leaves=tuple(code for code, _ in nodes if code not in parents),
        hierarchies=(VariableHierarchy(name=name, nodes=(TOTAL, *own)),),
    )


REGION = make_variable(
    "regio", [("Noord", "*"), ("West", "*"), ("Groningen", "Noord"), ("Drenthe", "Noord"), ("Holland", "West")], "regio"
)
YEAR = make_variable("jaargroep", [(str(number), "*") for number in range(3, 9)])
SEX = make_variable("geslacht", [("jongen", "*"), ("meisje", "*")])
LARGE = make_variable("gemeente", [(f"gemeente {number:02}", "*") for number in range(1, 41)])
QUARTER = make_variable("kwart", [(number, "*") for number in "1234"])


def make_table(
    name: str, variables: Sequence[TableVariable], measures: tuple[Measure, ...] = (COUNT,)
) -> PublishedTable:
    """A table by variables."""
    return PublishedTable(
        name=name,
        title=LabelledText(nl=f"Leerlingen naar {name}", en=f"Pupils by {name}"),
        axes=tuple(TableAxis(variable=one.name, hierarchy=one.name) for one in variables),
        measures=measures,
    )


def make_document(
    variables: Sequence[TableVariable],
    tables: Sequence[PublishedTable],
    method: ProtectionMethod = "suppress",
    noise: NoiseFigures | None = None,
) -> PublicationDocument:
    """A document of the first edition of the publication `leerlingen`."""
    return PublicationDocument(
        publication="leerlingen",
        edition=1,
        title=LabelledText(nl="Leerlingen en hun rekenen", en="Pupils and their mathematics"),
        purpose="Beschrijven hoe leerlingen verdeeld zijn",
        requested_by="Stichting Voorbeeld",
        method=method,
        rows="selection",
        project=None,
        release=None,
        school_years=("2024-2025",),
        population={},
        variables=tuple(variables),
        scores=(),
        tables=tuple(tables),
        rules=PublishedRules(
            pupils=10,
            schools=5,
            max_share=0.5,
            p_percent=10,
            largest_value_share=0.9,
            degrees_of_freedom=10,
            hide_up_to=7 if method == "round" else None,
            round_to=5 if method == "round" else None,
        ),
        noise=noise,
        made_on="2026-12-01",
        supersedes=None,
    )


def draw_cells(
    document: PublicationDocument, table: PublishedTable, hidden: float = 0.1, seed: int = 1
) -> list[TidyCell]:
    """Draw figures for every cell of a table: numbers, nothing, no figure, bounds of shares, and hidden ones."""
    draw = random.Random(f"{table.name}{seed}")
    variables = {one.name: one for one in document.variables}
    axes = [[node.code for node in variables[axis.variable].hierarchies[0].nodes] for axis in table.axes]
    cells = []
    for nodes in itertools.product(*axes):
        secret = draw.random() < hidden
        for measure in table.measures:
            values = {"count": ["0", str(draw.randint(10, 40000))], "share": ["<5", "37", ">95", "-"]}
            value = draw.choice(values.get(measure.kind, [f"{draw.uniform(40, 160):.1f}", "-", "80.0"]))
            cells.append(TidyCell(nodes, measure.name, None if secret else value))
    return cells


def draw_edition(hidden: float = 0.1) -> tuple[PublicationDocument, dict[str, list[TidyCell]]]:
    """An edition with tables of one, two and three axes, a hierarchy, means, shares and a large table."""
    tables = [
        make_table("regio", [REGION]),
        make_table("regio_jaargroep", [REGION, YEAR], (COUNT, MEAN, SHARE)),
        make_table("regio_jaargroep_geslacht", [REGION, YEAR, SEX]),
        make_table("groot", [LARGE, YEAR, QUARTER], (COUNT, MEAN)),
    ]
    document = make_document([REGION, YEAR, SEX, LARGE, QUARTER], tables)
    return document, {table.name: draw_cells(document, table, hidden) for table in tables}
