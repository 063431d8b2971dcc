"""What a released column is made from, in words of one language: an attribute, a result, the growth between two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cohort.pages.data_terms import (
    ATTRIBUTE_NAMES,
    BIRTH_PERIOD_NAMES,
    DOMAIN_NAMES,
    MOMENT_NAMES,
    SCORE_NAMES,
    name_of_code,
)
from cohort.pages.languages import PageLanguage


class MomentOfYear(Protocol):
    """A test moment of a school year, as `M` of `2024-2025`."""

    @property
    def schooljaar(self) -> str: ...
    @property
    def moment(self) -> str: ...


class SourceOfColumn(Protocol):
    """What a column is made from, as an open record and an agreement state it."""

    @property
    def attribute(self) -> str | None: ...
    @property
    def born(self) -> str | None: ...
    @property
    def domein(self) -> str | None: ...
    @property
    def value(self) -> str | None: ...
    @property
    def at(self) -> Sequence[MomentOfYear]: ...


def describe_source(source: SourceOfColumn, language: PageLanguage) -> str:
    """What a column shows: an attribute, a result of a moment, or the growth between two moments."""
    if source.attribute == "geboortedatum":
        shown = name_of_code(BIRTH_PERIOD_NAMES, source.born or "", language)
        return language.gettext("date of birth, only as %(period)s", period=shown)
    if source.attribute is not None:
        return name_of_code(ATTRIBUTE_NAMES, source.attribute, language)
    names = {
        "domain": name_of_code(DOMAIN_NAMES, source.domein or "", language),
        "score": name_of_code(SCORE_NAMES, source.value or "", language),
    }
    first, *later = (_describe_moment(moment, language) for moment in source.at)
    if later:
        return language.gettext(
            "growth in %(domain)s (%(score)s): from %(first)s to %(last)s", first=first, last=later[0], **names
        )
    return language.gettext("%(domain)s (%(score)s), %(moment)s", moment=first, **names)


def _describe_moment(moment: MomentOfYear, language: PageLanguage) -> str:
    if moment.moment not in MOMENT_NAMES:
        return f"{moment.moment} {moment.schooljaar}"
    return name_of_code(MOMENT_NAMES, moment.moment, language, year=moment.schooljaar)
