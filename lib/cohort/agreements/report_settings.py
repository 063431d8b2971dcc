"""What a project declares for the report of its releases: what an intruder knows, exceptions to limits, regressions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cohort.agreements.declared_columns import DeclaredColumn
from cohort.agreements.research_purpose import ReasonText
from cohort.foundation import Declaration, ExactNumber

RiskCode = Literal[
    "INFERENCE_NOT_MEASURED",
    "INFERENCE_ATTRIBUTES_ONLY",
    "INFERENCE_ALL_BUT_ONE",
    "DOWNCODING_GAIN",
    "SURE_CELLS",
    "SURE_CELLS_RIGHT",
]
CODES_OF_COLUMNS = ("INFERENCE_ATTRIBUTES_ONLY", "INFERENCE_ALL_BUT_ONE")
"""The limits that hold for each column by itself."""


class RiskAssumptions(Declaration):
    """What the attacks on a release assume.

    Args:
        known_attributes: the quasi-identifying columns that an intruder may know of many pupils. Left out, all
            quasi-identifying attributes are.
    """

    known_attributes: Annotated[list[str], Field(min_length=1)] | None = None


class RiskException(Declaration):
    """A limit that a release may break, up to a figure; somebody answers for it by name.

    Args:
        code: the limit.
        column: the column, for a limit that holds for each column.
        figure_at_most: the release is refused all the same where the figure is higher.
        reason: why it is acceptable.
        signed_by: who answers for it.
        date: when it was signed.
    """

    code: RiskCode
    column: str | None = None
    figure_at_most: Annotated[ExactNumber, Field(ge=0, le=1)]
    reason: ReasonText
    signed_by: Annotated[str, Field(min_length=1)]
    date: dt.date

    @model_validator(mode="after")
    def _of_a_column(self) -> RiskException:
        if (self.code in CODES_OF_COLUMNS) != (self.column is not None):
            raise ValueError(
                "Expected a column with the limits on inference and with no other, for example column = "
                f"'geslacht'; found otherwise for {self.code} in <where>. Add or remove the column."
            )
        return self


class DeclaredRegression(Declaration):
    """A regression by least squares that the researchers intend, so that the report says what it is still good for.

    Args:
        outcome: a column of scores.
        on: the predictors: other columns of scores, and attributes, which enter as dummies.
    """

    outcome: str
    on: Annotated[list[str], Field(min_length=1)]


def find_assumption_problems(
    columns: Sequence[DeclaredColumn],
    assumptions: RiskAssumptions,
    exceptions: Sequence[RiskException],
    regressions: Sequence[DeclaredRegression],
) -> list[str]:
    """Find what the settings of the report name that the project does not have; a sentence for each."""
    quasi = [column for column in columns if column.role == "quasi-identifying"]
    names = [column.name for column in quasi]
    scores = [column.name for column in quasi if column.numeric]
    predictors = [column.name for column in quasi if column.numeric or column.attribute is not None]
    problems = _find_attribute_problems(names, assumptions.known_attributes)
    for one in exceptions:
        if one.column is not None and one.column not in names:
            problems.append(_unknown_name("a quasi-identifying column", names[0], one.column, "risk_exceptions"))
    limits = [(one.code, one.column) for one in exceptions]
    if len(set(limits)) < len(limits):
        problems.append(
            "Expected one exception per limit and column, for example figure_at_most = 0.15; found several in <where>. "
            "Leave one."
        )
    for regression in regressions:
        if regression.outcome not in scores:
            example = scores[0] if scores else "rekenen_E"
            problems.append(_unknown_name("a column of scores", example, regression.outcome, "regressions.outcome"))
        for name in regression.on:
            if name not in predictors or name == regression.outcome or regression.on.count(name) > 1:
                problems.append(_unknown_name("other columns, each once", predictors[0], name, "regressions.on"))
    return problems


def _find_attribute_problems(names: Sequence[str], known: Sequence[str] | None) -> list[str]:
    if known is None:
        return []
    if set(names) <= set(known):
        return [
            "Expected some of the quasi-identifying columns in risk.known_attributes, for example "
            f"known_attributes = ['{names[0]}']; found all in <where>. Leave one out: who knows all infers nothing."
        ]
    wrong = dict.fromkeys(name for name in known if name not in names or known.count(name) > 1)
    return [
        _unknown_name("quasi-identifying columns, each once", names[0], name, "risk.known_attributes") for name in wrong
    ]


def _unknown_name(what: str, example: str, found: str, key: str) -> str:
    return f"Expected {what} in {key}, for example {example}; found `{found}` in <where>. Correct the name."
