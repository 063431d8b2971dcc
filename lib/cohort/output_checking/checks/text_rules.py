"""Rules for texts: no tables and no figures of few pupils in them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cohort.agreements import OutputThresholds
from cohort.output_checking.checks.part_finding import PartFinding, found, look

_COUNT = re.compile(
    r"\b(?:n|aantal)\s*[=:]\s*([0-9]+)\b|(?<![0-9.,])([0-9]+)\s+(?:leerling(?:en)?|pupils?|kinder(?:en)?|children)\b",
    re.IGNORECASE,
)
_FIGURES = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")
_MOST_LINES_OF_FIGURES = 5


def check_text(text: str, thresholds: OutputThresholds) -> Iterator[PartFinding]:
    """Find numbers of few pupils, and lines of figures, in a text."""
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        counts = [int(first or second) for first, second in _COUNT.findall(line)]
        if any(0 < count < thresholds.pupils for count in counts):
            yield found("SMALL_COUNT", f"line {number}", pupils=thresholds.pupils)
    with_figures = [number for number, line in enumerate(lines, start=1) if len(_FIGURES.findall(line)) >= 3]
    if len(with_figures) > _MOST_LINES_OF_FIGURES:
        yield found("TABLE_IN_TEXT", f"line {with_figures[0]}", lines=len(with_figures))
    if len(lines) > thresholds.rows:
        yield found("TOO_MANY_ROWS", rows=thresholds.rows)
    if re.search(r"data:[a-z]+/|<script|<img|!\[[^\]]*\]\(|[A-Za-z0-9+/]{200,}", text):
        yield found("EMBEDDED_IN_TEXT")
    if sum(0xE0000 <= ord(c) <= 0xE007F or c in "\u200b\u200c\u200d\u2060" for c in text) > 5:
        yield look("INVISIBLE_CHARACTERS")
