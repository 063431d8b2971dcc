"""What a researcher declares about the files of an output request: `request.toml`, read strictly.

The form is explained in docs/reference/output-requests.md. Every figure of a table is declared as a column with a role,
so that its cells are counted again from the project's published table.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cohort.foundation import Declaration, ExactNumber, describe_problem, several_problems

REQUEST_FILE_NAME = "request.toml"
Name = Annotated[str, Field(min_length=1, max_length=200)]
PersonName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S[^\x00-\x1f\x7f]*$")]
Labels = Annotated[list[str], Field(min_length=1)]
Filters = dict[str, Labels]
"""For each column of the published table the labels whose pupils are counted."""

FIGURE_ROLES = ("mean", "sd", "share", "percentile", "min", "max", "sum")


class TableColumn(Declaration):
    """A column of a file and what it holds.

    Args:
        name: its heading in the file.
        role: what it holds. `count`: pupils. `schools`, `largest`, `second`: the number of schools of the cell, and
            the pupils of its largest and second school. `label`: words that say the same as a dimension.
        column: for a dimension, the column of the published table.
        total: for a dimension, the word that stands for all pupils.
        values: for a dimension, words of the file with the labels of the published table that each takes together.
        of: for a figure the column of the published table; for a count the column whose pupils with a value count.
        level: for a share, the labels of `of` whose share it is.
        base: for a figure, the heading of the column with its number of pupils.
        percentile: which percentile, between 0 and 100.
        rounded_to: for a count, the base to which it is rounded; 1 if it is exact.
        percent: for a share, whether it is written as a percentage; otherwise as a fraction.
        decimals: for a figure, how many decimals it is written with.
    """

    name: Name
    role: Literal[
        "dimension", "label", "count", "mean", "sd", "share", "percentile", "min", "max", "sum", "schools", "largest",
        "second",
    ]  # fmt: skip
    column: Name | None = None
    total: Name | None = None
    values: dict[str, Labels] = Field(default_factory=dict)
    of: Name | None = None
    level: Labels | None = None
    base: Name | None = None
    percentile: Annotated[ExactNumber, Field(ge=0, le=100)] | None = None
    rounded_to: Annotated[int, Field(ge=1, le=100)] = 1
    percent: bool = True
    decimals: Annotated[int, Field(ge=0, le=12)] | None = None

    @model_validator(mode="after")
    def _has_what_its_role_needs(self) -> TableColumn:
        needed = {
            "column": self.role == "dimension",
            "of": self.role in FIGURE_ROLES,
            "base": self.role in FIGURE_ROLES,
            "level": self.role == "share",
            "percentile": self.role == "percentile",
        }
        missing = [key for key, is_needed in needed.items() if is_needed and getattr(self, key) is None]
        if missing:
            raise ValueError(
                describe_problem(
                    f"the keys that the role {self.role} needs",
                    example=f"{missing[0]} = …",
                    found=f"no {', '.join(missing)}",
                    where="a column of <where>",
                    do="Add them",
                )
            )
        return self


class DeclaredFile(Declaration):
    """One file of the request.

    Args:
        name: its name in the folder.
        kind: a table, the coefficients of a regression, a figure or a text.
        delimiter: of a CSV file.
        decimal_mark: of the figures in a CSV file.
        sheet: of a workbook, the only sheet.
        hidden: how the file writes a figure that is left out, for example `["x"]`.
        columns: of a table, every column.
        filters: which pupils of the published table the file is about; left out, all.
        data: of a figure, the table of this request with the figures that it draws.
        observations: of a regression, the number of pupils.
        parameters: of a regression, the number of estimated parameters with the constant.
        outcome: of a regression, the column of the published table.
        regressors: of a regression, the columns of the published table, with every column of an interaction.
        categorical: those of them that enter as dummies.
    """

    name: Name
    kind: Literal["table", "regression", "figure", "text"]
    delimiter: Literal[",", ";", "\t"] = ";"
    decimal_mark: Literal[".", ","] = "."
    sheet: Name | None = None
    hidden: list[str] = Field(default_factory=list)
    columns: list[TableColumn] = Field(default_factory=list)
    filters: Filters = Field(default_factory=dict)
    data: Name | None = None
    observations: Annotated[int, Field(ge=0)] | None = None
    parameters: Annotated[int, Field(ge=1)] | None = None
    outcome: Name | None = None
    regressors: list[str] = Field(default_factory=list)
    categorical: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> DeclaredFile:
        needed = {"table": ("columns",), "regression": ("observations", "parameters", "outcome", "regressors")}
        needed |= {"figure": ("data",), "text": ()}
        missing = [key for key in needed[self.kind] if not getattr(self, key) and getattr(self, key) != 0]
        problems = [_describe(f"the key {key} of a {self.kind}", f"{key} = …", "none", "Add it") for key in missing]
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            problems.append(_describe("each column once", "n", "one twice", "Give each column another heading"))
        counts = {column.name for column in self.columns if column.role == "count"}
        problems += [
            _describe(
                "a column of counts as base", 'base = "n"', f"another for {column.role}", "Name a column of counts"
            )
            for column in self.columns
            if column.base is not None and column.base not in counts
        ]
        if not set(self.categorical) <= set(self.regressors):
            problems.append(
                _describe("categorical regressors", "a regressor", "another column", "Add it to regressors")
            )
        if problems:
            raise several_problems(problems)
        return self

    def columns_of(self, *roles: str) -> list[TableColumn]:
        """The columns with one of these roles, in the order of the file."""
        return [column for column in self.columns if column.role in roles]


class RequestDeclaration(Declaration):
    """What one output request is: who asks, for which project, why, and every file.

    Args:
        researcher: who hands it in.
        project: the project.
        purpose: what the output is for.
        files: every file of the folder apart from the declaration.
    """

    researcher: PersonName
    project: Name
    purpose: Annotated[str, Field(min_length=10, max_length=2000)]
    files: Annotated[list[DeclaredFile], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_each_file_once(self) -> RequestDeclaration:
        names = [file.name.casefold() for file in self.files]
        problems = []
        if len(set(names)) < len(names):
            problems.append(_describe("each file once", "tabel1.csv", "one twice", "Remove the second"))
        tables = {file.name for file in self.files if file.kind == "table"}
        if any(file.data not in tables for file in self.files if file.kind == "figure"):
            problems.append(
                _describe("the table that a figure draws", 'data = "tabel1.csv"', "no such table", "Declare the table")
            )
        if any("/" in file.name or "\\" in file.name or file.name.startswith(".") for file in self.files):
            problems.append(_describe("plain file names", "tabel1.csv", "a path", "Put the file in the folder itself"))
        if problems:
            raise several_problems(problems)
        return self


def _describe(what: str, example: str, found: str, do: str) -> str:
    return describe_problem(what, example=example, found=found, where="<where>", do=do)
