"""What a project is for: the question, who answers for it, on what grounds, and how long."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from cohort.foundation.declarations import Declaration


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError(
            "Expected words, for example those of the agreement; found blanks in <where>. Say what was agreed."
        )
    return text


NonBlankText = Annotated[str, Field(min_length=1), AfterValidator(_said)]
ReasonText = Annotated[str, Field(min_length=10), AfterValidator(_said)]
"""Words that explain something: ten characters at least."""


class ResearchPurpose(Declaration):
    """Everything that a project answers for beside its data; nothing of it has a default.

    `controller` decides on the research, `research_group` does it, `legal_basis` is what allows it.
    """

    question: ReasonText
    controller: NonBlankText
    research_group: NonBlankText
    legal_basis: ReasonText
    starts: dt.date
    ends: dt.date

    def covers(self, day: dt.date) -> bool:
        """Whether a day lies within the period that was agreed."""
        return self.starts <= day <= self.ends

    def _wrong_dates(self) -> Iterator[str]:
        if self.ends <= self.starts:
            yield (
                "Expected an end after the start, for example 2027-12-31; found one that is not in "
                "<where>. Correct the dates."
            )
