"""How the register says things: a text, a day, a number, in a language."""

from __future__ import annotations

import datetime as dt

from cohort.transparency.texts import TEXTS

LANGUAGES = ("nl", "en")
"""Dutch is the site's own language; English stands in a folder beside it."""

MONTHS = {
    "nl": (
        "januari",
        "februari",
        "maart",
        "april",
        "mei",
        "juni",
        "juli",
        "augustus",
        "september",
        "oktober",
        "november",
        "december",
    ),
    "en": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
}


def say(key: str, language: str, *values: object) -> str:
    """A text in a language, with its values."""
    return TEXTS[key][LANGUAGES.index(language)].format(*values)


def date(day: dt.date, language: str) -> str:
    return f"{day.day} {MONTHS[language][day.month - 1]} {day.year}"


def whole(number: int, language: str) -> str:
    return f"{number:,}".replace(",", "." if language == "nl" else ",")


def other(language: str) -> str:
    return LANGUAGES[1 - LANGUAGES.index(language)]


def path_to(page: str, language: str) -> str:
    """Where a page stands from the top of the site: `index`, or `project/` and its name."""
    return f"{page}.html" if language == LANGUAGES[0] else f"{language}/{page}.html"
