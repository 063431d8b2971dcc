"""Rules for texts: no tables and no figures of few pupils in them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cohort.agreements import OutputThresholds
from cohort.output_checking.checks.part_finding import PartFinding, found, look

_PUPILS = r"(?:leerling(?:en)?|pupils?|kinder(?:en)?|children)\b"
_COUNT = re.compile(
    r"\b(?:n|aantal)\s*[=:]\s*([0-9]+)\b(?![.,\u00a0\u202f ][0-9]{3})"
    rf"|(?<![0-9.,])(?<![0-9][\u00a0\u202f ])([0-9]+)\s+{_PUPILS}"
    rf"|(?<![0-9.,])([0-9]+)\s+(?:van de|of the|out of)\s+[0-9]+\s+{_PUPILS}",
    re.IGNORECASE,
)
_NUMBER_WORDS = re.compile(
    rf"\b(?:één|twee|drie|vier|vijf|zes|zeven|acht|negen|one|two|three|four|five|six|seven|eight|nine)\s+{_PUPILS}",
    re.IGNORECASE,
)
_BEFORE_A_LIMIT = re.compile(
    r"(?:(?:jaargroep|groep|group|grade)(?:en|s)?(?: [0-9] ?(?:en|and|tot|to|-|,))?|minder dan|fewer than"
    r"|less than|onder|below|under|ten minste|tenminste|minstens|minimaal|at least"
    r"|minimum(?: van| of)?|<|>=|≥)\s*(?:de |the )?$",
    re.IGNORECASE,
)
_EXTREME = re.compile(
    r"\b(?:minimum|maximum|laagste score|hoogste score|lowest score|highest score)\b[^0-9\n]{0,20}"
    rf"[0-9]+(?:[.,][0-9]+)?(?!\s*(?:{_PUPILS}|scholen|schools|%|procent|percent)|[0-9])",
    re.IGNORECASE,
)
_FIGURES = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")
_DATES = re.compile(
    r"\b[0-9]{1,4}[-/][0-9]{1,2}[-/][0-9]{1,4}\b|\b[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?\b|\b[0-9]+\.[0-9]+\.[0-9.]+"
)
"""Dates, times and versions of programs are no figures."""
_MOST_LINES_OF_FIGURES = 5
_MOST_LINES_WITH_DELIMITERS = 2


def check_text(text: str, thresholds: OutputThresholds) -> Iterator[PartFinding]:
    """Find numbers of few pupils, and lines of figures, in a text."""
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if names_few_pupils(line, thresholds):
            yield found("SMALL_COUNT", f"line {number}", pupils=thresholds.pupils)
        if _EXTREME.search(line):
            yield found("MINIMUM_OR_MAXIMUM", f"line {number}")
    plain = [_DATES.sub("", line) for line in lines]
    with_figures = [number for number, line in enumerate(plain, start=1) if len(_FIGURES.findall(line)) >= 3]
    delimited = [
        number
        for number, line in enumerate(plain, start=1)
        if len(_FIGURES.findall(line)) >= 2 and max(line.count(mark) for mark in ";\t|&") >= 2
    ]
    if len(delimited) > _MOST_LINES_WITH_DELIMITERS:
        yield found("TABLE_IN_TEXT", f"line {delimited[0]}", lines=len(delimited))
    if len(with_figures) > _MOST_LINES_OF_FIGURES:
        yield found("TABLE_IN_TEXT", f"line {with_figures[0]}", lines=len(with_figures))
    if len(lines) > thresholds.rows:
        yield found("TOO_MANY_ROWS", rows=thresholds.rows)
    if re.search(r"data:[a-z]+/|<script|<img|!\[[^\]]*\]\(|[A-Za-z0-9+/]{200,}", text):
        yield found("EMBEDDED_IN_TEXT")
    if sum(0xE0000 <= ord(c) <= 0xE007F or c in "\u200b\u200c\u200d\u2060" for c in text) > 5:
        yield look("INVISIBLE_CHARACTERS")
    elif sum(re.search(r"[ \t]*\t[ \t]*$", line) is not None for line in lines) > _MOST_LINES_OF_FIGURES:
        yield look("INVISIBLE_CHARACTERS", "ends of lines")


def names_few_pupils(line: str, thresholds: OutputThresholds) -> bool:
    """Tell whether a line gives a number of few pupils, and not a year group or a limit.

    Args:
        line: the line, or a text of a figure.
        thresholds: the limits.
    """
    for match in _COUNT.finditer(line):
        numbers = [int(number) for number in match.groups() if number is not None]
        if any(0 < number < thresholds.pupils for number in numbers) and not _BEFORE_A_LIMIT.search(
            line[: match.start()]
        ):
            return True
    return any(not _BEFORE_A_LIMIT.search(line[: match.start()]) for match in _NUMBER_WORDS.finditer(line))
