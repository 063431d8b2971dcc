"""The research purpose of a project: question, controller, research group, legal basis and period."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from cohort.foundation import Declaration


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError(
            "Expected words, for example those of the agreement; found blanks in <where>. Say what was agreed."
        )
    return text


NonBlankText = Annotated[str, Field(min_length=1), AfterValidator(_not_blank)]
ReasonText = Annotated[str, Field(min_length=10), AfterValidator(_not_blank)]
"""An explanation: at least ten characters, not all blank."""


class ResearchPurpose(Declaration):
    """Why and by whom the data are used, and until when; nothing has a default.

    Args:
        question: the research question.
        controller: who decides on the research.
        research_group: who does the research.
        legal_basis: what allows the research.
        starts: first day of the agreement.
        ends: last day of the agreement.
    """

    question: ReasonText
    controller: NonBlankText
    research_group: NonBlankText
    legal_basis: ReasonText
    starts: dt.date
    ends: dt.date

    def covers(self, day: dt.date) -> bool:
        """Whether a day lies within the period of the agreement."""
        return self.starts <= day <= self.ends

    def _find_date_problems(self) -> Iterator[str]:
        if self.ends <= self.starts:
            yield (
                "Expected an end after the start, for example 2027-12-31; found one that is not in "
                "<where>. Correct the dates."
            )
