"""What everybody may know of one edition of a publication, beside its cells: `publication.json`.

It is written when the edition is staged and does not change afterwards. A file of cells, a page or a workbook is made
from it and from the cells; the auditor reads the same two.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from cohort.storage import DocumentPart

ProtectionMethod = Literal["suppress", "round", "noise"]
"""How nobody can be recognised: hidden cells, rounded counts, or noise with differential privacy."""
CountedRows = Literal["selection", "release"]
"""What is counted: pupils in a school year, from the results; or the rows of a published anonymous release."""
MeasureKind = Literal["count", "mean", "standard_deviation", "share", "percentile", "growth"]
TOTAL_NODE = "*"
"""The code of the node of a variable that has every leaf."""


class LabelledText(DocumentPart):
    """A text in both languages."""

    nl: str
    en: str


class HierarchyNode(DocumentPart):
    """A value of a variable, at any level: what stands under it, and under which node of this hierarchy it stands."""

    code: str
    parent: str | None
    """The code of the node above; None of the total alone."""
    label: LabelledText


class VariableHierarchy(DocumentPart):
    """One way to divide the leaves of a variable: a tree whose root is the total."""

    name: str
    nodes: tuple[HierarchyNode, ...]
    """Every node, parents before children; the leaves of the tree are leaves of the variable."""


class TableVariable(DocumentPart):
    """A variable of the publication's tables.

    Two hierarchies of one variable have the same leaves; one code stands for one set of leaves in all of them.
    """

    name: str
    label: LabelledText
    leaves: tuple[str, ...]
    hierarchies: tuple[VariableHierarchy, ...]
    sensitive: bool = False
    """Whether a value is protected by itself: no row of a table may show nearly all of its pupils with one value."""


class PublishedScore(DocumentPart):
    """A score whose means and the like are published.

    `presence` is the variable that says which scores of its group a pupil has; `present` the node of it that has this
    score. The figures count pupils of `base` alone, a node under or equal to `present`.
    """

    name: str
    label: LabelledText
    presence: str
    lowest: int
    """The least score of the scale, in hundredths of a point."""
    highest: int
    spread: int
    """Hundredths of a point that the interval of a hidden mean must reach below and above."""


class Measure(DocumentPart):
    """A figure that a table shows in every cell.

    Args of the kinds: `count` has neither score nor numerator. `mean`, `standard_deviation` and `percentile` have a
    score; `growth` has the earlier and the later one. `share` has the variable and the node of its numerator.
    """

    name: str
    kind: MeasureKind
    label: LabelledText
    scores: tuple[str, ...] = ()
    quantile: float | None = None
    base: dict[str, str] = Field(default_factory=dict)
    """The node, by variable, of the pupils that the figure counts, beside those of the cell itself."""
    numerator: dict[str, str] = Field(default_factory=dict)
    """Of a share: the node, by variable, of the pupils that it counts as its numerator."""
    decimals: int = 0


class TableAxis(DocumentPart):
    """A variable of a table, and by which of its hierarchies the table shows it."""

    variable: str
    hierarchy: str


class PublishedTable(DocumentPart):
    """One table: all nodes of its axes by all others, each cell with every measure."""

    name: str
    title: LabelledText
    axes: tuple[TableAxis, ...]
    measures: tuple[Measure, ...]

    @property
    def cells_file(self) -> str:
        """The name of its file of cells."""
        return f"{self.name}.cells.csv"


class PublishedRules(DocumentPart):
    """The rules that the cells were held to; an attacker knows them."""

    pupils: int
    schools: int
    max_share: float
    p_percent: float
    largest_value_share: float
    degrees_of_freedom: int
    hide_up_to: int | None = None
    round_to: int | None = None


class NoiseFigures(DocumentPart):
    """What is public of the noise of an edition: the protected unit, its epsilon, and the error of each measure."""

    unit: Literal["pupil", "school"]
    epsilon: float
    mechanism: str
    errors: dict[str, tuple[float, float]]
    """The median and the 95th percentile of the absolute error, by table and measure, as `table/measure`."""


class PublicationDocument(DocumentPart):
    """One edition of a publication."""

    model_config = ConfigDict(json_schema_extra={"$id": "publication-1"})

    publication: str
    edition: int
    title: LabelledText
    purpose: str
    requested_by: str
    method: ProtectionMethod
    rows: CountedRows
    project: str | None
    """The project whose release is counted; None of a selection."""
    release: int | None
    school_years: tuple[str, ...]
    population: dict[str, str]
    """The node, by variable, that all pupils of the publication belong to; no other variable restricts them."""
    variables: tuple[TableVariable, ...]
    scores: tuple[PublishedScore, ...]
    tables: tuple[PublishedTable, ...]
    rules: PublishedRules
    noise: NoiseFigures | None = None
    made_on: str
    """The day on which it was staged."""
    supersedes: int | None
    """The edition in whose place this one is published."""
