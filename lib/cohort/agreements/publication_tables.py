"""What a publication declares of its tables: variables, scores, measures and the tables themselves."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cohort.agreements.label_texts import LabelText
from cohort.agreements.selected_results import MOMENT_ORDER, MomentCode, ResultChoice
from cohort.foundation import Declaration, ExactNumber

TABLE_NAME = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class DeclaredVariable(Declaration):
    """A variable of the tables, and what divides it.

    Args:
        name: the name of its attribute; with edges `schoolgrootte` and the edges, as `schoolgrootte_100_250`. Tables of
            all publications are held against each other, and one name means one thing in all of them.
        column: with rows = "release" the released column that it shows, instead of an attribute.
        attribute: the attribute of the pupil or of the school that it shows, `schooljaar`, or `schoolgrootte`.
        hierarchies: names of hierarchy files, each a way to divide it; left out, it is divided into its codes at once.
        edges: of `schoolgrootte` the least number of pupils of every class but the first, in ascending order.
        label: what it is called.
        value_labels: what its values are called, by code.
        sensitive: whether no row of a table may show nearly all of its pupils with one value.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][A-Za-z0-9_]{0,39}$")]
    attribute: (
        Literal[
            "regio",
            "denominatie_groep",
            "soort",
            "schooljaar",
            "schoolgrootte",
            "geslacht",
            "jaargroep",
            "gewicht",
            "thuistaal",
            "opleiding_ouders",
            "combinatiegroep",
            "schooltype",
        ]
        | None
    ) = None
    column: str | None = None
    hierarchies: list[Annotated[str, Field(pattern=r"^[a-z][A-Za-z0-9_]*$")]] = Field(default_factory=list)
    edges: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=1)] | None = None
    label: LabelText
    value_labels: dict[str, LabelText] = Field(default_factory=dict)
    sensitive: bool = False

    @model_validator(mode="after")
    def _coherent(self) -> DeclaredVariable:
        if (self.attribute == "schoolgrootte") != (self.edges is not None):
            raise ValueError(
                "Expected edges with schoolgrootte and with no other attribute, for example edges = [100, 250, 500]; "
                f"found otherwise for variable {self.name} in <where>. Add or remove them."
            )
        if self.edges is not None and sorted(set(self.edges)) != self.edges:
            raise ValueError(
                "Expected edges in ascending order, for example edges = [100, 250, 500]; found others for variable "
                f"{self.name} in <where>. Put them in order."
            )
        if (self.attribute is None) == (self.column is None) or (self.column is not None and self.hierarchies):
            raise ValueError(
                "Expected an attribute, or a released column without hierarchies, for example attribute = 'regio'; "
                f"found otherwise for variable {self.name} in <where>. Give just one of them."
            )
        expected = "_".join([str(self.attribute or self.column), *map(str, self.edges or [])])
        if self.name != expected:
            raise ValueError(
                "Expected the name of a variable to say what it shows, so that it means the same in every publication, "
                f"for example {expected}; found another, {self.name}, in <where>. Rename the variable."
            )
        return self


class DeclaredScore(Declaration):
    """A score of one domain and scale, at one or more moments of a school year.

    Args:
        name: its name; its figures are of `<name>_<moment>`.
        domein: the domain of the tests.
        schaal: their scale.
        value: which score.
        moments: at which moments of the school year.
        several: which of several results at one moment counts.
        lowest: the least score of the scale, in points, which an attacker knows.
        highest: the greatest.
        spread: how many points the interval of a hidden mean must reach below and above it: what the means of schools
            differ by.
        label: what it is called.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,29}$")]
    domein: str
    schaal: str
    value: Literal["vaardigheidsscore", "ruwe_score"]
    moments: Annotated[list[MomentCode], Field(min_length=1)]
    several: ResultChoice
    lowest: Annotated[ExactNumber, Field(ge=0, decimal_places=2)]
    highest: Annotated[ExactNumber, Field(decimal_places=2)]
    spread: Annotated[ExactNumber, Field(gt=0, decimal_places=2)]
    label: LabelText

    @model_validator(mode="after")
    def _coherent(self) -> DeclaredScore:
        if self.highest <= self.lowest or self.spread * 2 > self.highest - self.lowest:
            raise ValueError(
                "Expected a scale wider than twice the spread, for example lowest = 0, highest = 200, spread = 5; "
                f"found otherwise for score {self.name} in <where>. Correct it."
            )
        if len(set(self.moments)) != len(self.moments):
            raise ValueError(
                "Expected every moment once, for example moments = ['M', 'E']; found one twice for score "
                f"{self.name} in <where>. Remove it."
            )
        return self

    @property
    def ordered_moments(self) -> tuple[str, ...]:
        """The moments in the order of the school year."""
        return tuple(sorted(self.moments, key=MOMENT_ORDER.index))


class DeclaredMeasure(Declaration):
    """A figure of every cell of a table.

    Args:
        kind: `count`; `mean`, `standard_deviation` or `percentile` of a score; `growth` of a score between its first
            and its last moment; `share` of the pupils with a value of a variable.
        score: the score.
        moment: its moment.
        quantile: of a percentile, as a share: 0.5 for the median.
        variable: of a share the variable of its numerator.
        value: and the code of the value, at any level of its hierarchies.
        label: what it is called; left out, as its kind.
    """

    kind: Literal["count", "mean", "standard_deviation", "share", "percentile", "growth"]
    score: str | None = None
    moment: MomentCode | None = None
    quantile: Annotated[ExactNumber, Field(gt=0, lt=1, decimal_places=2)] | None = None
    variable: str | None = None
    value: str | None = None
    label: LabelText | None = None

    @model_validator(mode="after")
    def _coherent(self) -> DeclaredMeasure:
        wanted = {
            "count": set(),
            "mean": {"score", "moment"},
            "standard_deviation": {"score", "moment"},
            "percentile": {"score", "moment", "quantile"},
            "growth": {"score"},
            "share": {"variable", "value"},
        }[self.kind]
        given = {
            name for name in ("score", "moment", "quantile", "variable", "value") if getattr(self, name) is not None
        }
        if given != wanted:
            raise ValueError(
                f"Expected of a measure of kind {self.kind} {', '.join(sorted(wanted)) or 'nothing more'}, for example "
                f"as in the template; found {', '.join(sorted(given)) or 'nothing'} in <where>. Correct it."
            )
        return self


class DeclaredTable(Declaration):
    """One table: its variables, with the hierarchy by which each is shown, and its measures."""

    name: TABLE_NAME
    title: LabelText
    by: Annotated[list[str], Field(min_length=1, max_length=6)]
    hierarchies: dict[str, str] = Field(default_factory=dict)
    measures: Annotated[list[DeclaredMeasure], Field(min_length=1)]
