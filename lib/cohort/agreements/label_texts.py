"""Labels that a project file gives to its columns and their values, in Dutch and in English."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from cohort.foundation import Declaration


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError(
            "Expected a label of one line, for example 'rekenen, midden groep 7'; found blanks alone or several "
            "lines in <where>. Correct the label."
        )
    return text


class LabelText(Declaration):
    """A label in both languages of the platform.

    Args:
        nl: the label in Dutch.
        en: the label in English.
    """

    nl: Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
    en: Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
