"""What a record says, in words of a language."""

from __future__ import annotations

import re

from cohort.transparency.data_terms import ATTRIBUTES, BORN, DOMAINS, LIMITS, OF_BOARDS, SCORES, term
from cohort.transparency.html import Content, declared
from cohort.transparency.register_documents import Column, Entry, Level, Moment, Release, Shown
from cohort.transparency.wording import date, say, whole


def count(release: Release, name: str, language: str) -> str:
    """A number as it may be told: rounded, hidden when small, or not recorded."""
    if name not in release.counts:
        return say("not_recorded", language)
    return about(release.counts[name], release, language)


def about(number: int | None, release: Release, language: str) -> str:
    if number is None:
        return say("at_most", language, release.hidden_up_to)
    return say("about", language, whole(number, language))


def limit(name: str, release: Release, language: str) -> str:
    """What a limit is called: where boards are held to the limits of schools, it says so."""
    return term({**LIMITS, **OF_BOARDS} if release.faced else LIMITS, name, language)


def period(entry: Entry, language: str) -> str:
    if entry.agreement is None:
        return say("not_recorded", language)
    days = (entry.agreement.starts, entry.agreement.ends)
    return say("until", language, *(date(day, language) for day in days))


def title(entry: Entry, language: str) -> str:
    """The question, which heads the page; without one, the project's name does."""
    return entry.agreement.question if entry.agreement else say("no_question", language, entry.name)


def question(entry: Entry, language: str) -> Content:
    """The same, with its language where that is not the page's."""
    told = title(entry, language)
    return declared(told, language) if entry.agreement else told


def source(column: Column, language: str) -> str:
    """What a column shows, from what."""
    of = column.source
    if of.attribute == "geboortedatum":
        return say("geboortedatum", language, term(BORN, of.born or "", language))
    if of.attribute is not None:
        return term(ATTRIBUTES, of.attribute, language)
    domain, value = term(DOMAINS, of.domein or "", language), term(SCORES, of.value or "", language)
    when = [moment(at, language) for at in of.at]
    return say("difference" if len(when) > 1 else "result", language, domain, value, *when)


def moment(at: Moment, language: str) -> str:
    if at.moment not in ("B", "M", "E"):
        return f"{at.moment} {at.schooljaar}"
    return say(at.moment, language, at.schooljaar)


def percent(part: float) -> int:
    return round(part * 100)


def kept(shown: Shown) -> int:
    """How much of a column's detail is left, in whole per cents."""
    return percent(1 - shown.loss)


def how(shown: Shown, language: str, *, sensitive: bool) -> str:
    """How a release shows a column: at one level, or at levels of their own for groups of pupils."""
    if sensitive:
        return say("sensitive", language)
    if len(shown.levels) == 1:
        return level(shown.levels[0], language)
    return "; ".join(say("share_at", language, percent(at.share), level(at, language)) for at in shown.levels)


def level(at: Level, language: str) -> str:
    if at.values == ["*"]:
        return say("hidden", language)
    return say("as_is", language) if at.level == 0 else say("at_level", language, at.level)


def values(shown: Shown) -> list[str]:
    """Every value that occurs, once, as a reader would sort them."""
    return sorted({value for at in shown.levels for value in at.values}, key=_place)


def _place(value: str) -> tuple[bool, float, str]:
    """Numbers and bands by their lower end, before words."""
    number = re.match(r"-?\d{1,9}([.,]\d{1,9})?", value)
    return number is None, float(number[0].replace(",", ".")) if number else 0.0, value
