"""Intervals of hidden means: who knows all counts and the scale must reckon with a spread both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cohort.publication_documents import PublishedRules, PublishedScore
from cohort.table_audit.attacker_intervals import IntervalProgrammes
from cohort.table_audit.attacker_knowledge import list_known_rows
from cohort.table_audit.audit_findings import AuditCase
from cohort.table_audit.cell_knowledge import AuditKnowledge
from cohort.table_audit.cell_meanings import Meaning
from cohort.table_audit.figure_check import HUNDREDTHS
from cohort.table_audit.interval_search import IntervalSearch
from cohort.table_audit.protection_rules import CellNeeds

Cases = list[tuple[str, AuditCase]]


@dataclass(frozen=True)
class _Scale:
    """A sum of scores, or the difference of two: its columns with their signs, and the ends and spread of a mean."""

    columns: tuple[tuple[str, float], ...]
    lowest: float
    highest: float
    spread: float


def audit_means(
    knowledge: AuditKnowledge, rules: PublishedRules, protected: Mapping[Meaning, tuple[float, float]]
) -> tuple[Cases, int]:
    """Audit the means and growths of all editions together.

    Args:
        knowledge: all cells.
        rules: the rules of the edition to be published.
        protected: the cells that a rule hides as counts.

    Returns:
        The means that are computed too nearly, and the number of programmes solved.
    """
    latest_last = [*knowledge.editions[1:], knowledge.editions[0]]
    scores = {score.name: score for edition in latest_last for score in edition.document.scores}
    wanted = {figure.measure.scores for figure in knowledge.figures if figure.measure.kind in ("mean", "growth")}
    cases: Cases = []
    solved = 0
    for names in sorted(wanted):
        found, programmes = _audit_scale(knowledge, names, _find_scale(names, scores), (rules, protected))
        cases.extend(found)
        solved += programmes
    return cases, solved


def _find_scale(names: Sequence[str], scores: Mapping[str, PublishedScore]) -> _Scale:
    if len(names) == 1:
        own = scores[names[0]]
        return _Scale(((f"{own.name}_sum", 1.0),), own.lowest, own.highest, own.spread)
    early, late = scores[names[0]], scores[names[1]]
    return _Scale(
        ((f"{late.name}_sum", 1.0), (f"{early.name}_sum", -1.0)),
        late.lowest - early.highest,
        late.highest - early.lowest,
        max(early.spread, late.spread),
    )


def _audit_scale(
    knowledge: AuditKnowledge,
    names: tuple[str, ...],
    scale: _Scale,
    rules: tuple[PublishedRules, Mapping[Meaning, tuple[float, float]]],
) -> tuple[Cases, int]:
    printed = _find_printed(knowledge, names)
    shown = {figure.base for figure in knowledge.figures if figure.measure.scores == names} - printed
    cells = sorted(shown)
    pupils = knowledge.count(cells).pupils
    least = rules[0].degrees_of_freedom + 1
    hidden = [
        place for place, cell in enumerate(cells) if pupils[place] > 0 and (cell in rules[1] or pupils[place] < least)
    ]
    parts = knowledge.of_parts().pupils
    truth = sum((sign * knowledge.sums_of_parts(column) for column, sign in scale.columns), np.zeros(len(parts)))
    rows, free = list_known_rows(knowledge.columns, dict.fromkeys(printed, (0.0, 0.0)))
    low = np.where(free, np.minimum(scale.lowest * parts - truth, 0.0), 0.0)
    high = np.where(free, np.maximum(scale.highest * parts - truth, 0.0), 0.0)
    programmes = IntervalProgrammes(rows, low, high)
    columns = [knowledge.columns.columns(cells[place]) for place in hidden]
    own = np.array([truth[column].sum() for column in columns])
    number = pupils[hidden]
    needs = CellNeeds(
        np.minimum(scale.spread * number, own - scale.lowest * number),
        np.minimum(scale.spread * number, scale.highest * number - own),
    )
    search = IntervalSearch(programmes, columns, needs, truth, own)
    cases: Cases = []
    for narrow in search.find_narrow():
        ends = (own[narrow.cell] + narrow.low, own[narrow.cell] + narrow.high)
        interval = tuple(float(end / number[narrow.cell] / HUNDREDTHS) for end in ends)
        name = f"{'-'.join(names)}: {knowledge.space.describe(cells[hidden[narrow.cell]])}"
        cases.append(("TABLE_MEAN", AuditCase(name, "outsider", (interval[0], interval[1]))))
    return cases, programmes.solved


def _find_printed(knowledge: AuditKnowledge, names: tuple[str, ...]) -> set[Meaning]:
    """The cells whose sum the printed means tell: of a growth also where both its means are printed."""
    by_scores: dict[tuple[str, ...], set[Meaning]] = {}
    for figure in knowledge.figures:
        if figure.value is not None and figure.measure.kind in ("mean", "growth"):
            by_scores.setdefault(figure.measure.scores, set()).add(figure.base)
    printed = set(by_scores.get(names, ()))
    if len(names) == 2:
        return printed | (by_scores.get((names[0],), set()) & by_scores.get((names[1],), set()))
    for pair, cells in by_scores.items():
        if len(pair) == 2 and names[0] in pair:
            other = pair[1] if pair[0] == names[0] else pair[0]
            printed |= cells & by_scores.get((other,), set())
    return printed
