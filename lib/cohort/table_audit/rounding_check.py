"""Tables with rounded counts: each finest count is hidden or rounded, and every other is the sum of those in it.

An attacker knows of a hidden count that it is at most `hide_up_to`, of a printed one that it is above that and within
half the base of what is printed. A sum of rounded parts tells nothing more; a margin that is rounded by itself does,
and is taken as one more bound. Only counts, and means, growths and shares of rounded counts, can be audited.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cohort.publication_documents import PublicationDocument
from cohort.table_audit.attacker_intervals import CEILING, IntervalProgrammes
from cohort.table_audit.attacker_knowledge import list_known_rows
from cohort.table_audit.audit_findings import AuditCase
from cohort.table_audit.cell_knowledge import AuditKnowledge, Bounds
from cohort.table_audit.cell_meanings import Meaning
from cohort.table_audit.figure_check import HUNDREDTHS, NOBODY, MeaningCounts
from cohort.table_audit.interval_search import IntervalSearch
from cohort.table_audit.protection_rules import CellNeeds
from cohort.table_audit.shown_figures import ShownFigure

Array = np.ndarray
Cases = list[tuple[str, AuditCase]]


def read_rounded(knowledge: AuditKnowledge, counted: MeaningCounts) -> tuple[Bounds, Cases]:
    """Read what the rounded counts of all editions tell, and compare them with the counts per school.

    Args:
        knowledge: all cells.
        counted: what single cells count.

    Returns:
        How far the truth can be from each cell's count, and a case for every figure that is not as the method says.
    """
    bounds: Bounds = {}
    cases: Cases = []
    for number, edition in enumerate(knowledge.editions):
        if edition.document.method != "round":
            continue
        for table in edition.document.tables:
            own = [figure for figure in knowledge.figures if (figure.edition, figure.table) == (number, table.name)]
            found, wrong = _read_table(edition.document, own, counted)
            cases.extend(wrong)
            for meaning, (low, high) in found.items():
                before = bounds.get(meaning, (-np.inf, np.inf))
                bounds[meaning] = (max(before[0], low), min(before[1], high))
    return bounds, cases


def audit_rounded(knowledge: AuditKnowledge, bounds: Bounds) -> tuple[Cases, int, int]:
    """Audit the intervals of the small counts of rounded tables, against who reads all tables.

    The interval of a hidden count must have every number from 1 to `hide_up_to`; that of another small one must reach
    `pupils`; every count must have an interval of a base less 1.

    Args:
        knowledge: all cells.
        bounds: what the rounded and the exact counts tell.

    Returns:
        The counts that are computed too nearly, the number of protected cells, and of programmes.
    """
    document = knowledge.editions[0].document
    rules, base = document.rules, document.rules.round_to or 0
    hide = document.rules.hide_up_to or 0
    cells = [meaning for meaning in knowledge.shown(0) if meaning in bounds]
    pupils = knowledge.count(cells).pupils
    small = np.flatnonzero((pupils > 0) & (pupils < rules.pupils))
    parts = knowledge.of_parts().pupils
    rows, free = list_known_rows(knowledge.columns, bounds)
    ceiling = parts.max(initial=0.0) * CEILING + 100
    programmes = IntervalProgrammes(rows, np.where(free, -parts, 0.0), np.where(free, ceiling - parts, 0.0))
    own = pupils[small]
    hidden = own <= hide
    needs = CellNeeds(np.where(hidden, own - 1, 0.0), np.where(hidden, hide - own, rules.pupils - own))
    columns = [knowledge.columns.columns(cells[place]) for place in small]
    cases: Cases = []
    for narrow in IntervalSearch(programmes, columns, needs, parts, own).find_narrow():
        interval = (float(own[narrow.cell] + narrow.low), float(own[narrow.cell] + narrow.high))
        name = knowledge.space.describe(cells[int(small[narrow.cell])])
        cases.append(("TABLE_OUTSIDER", AuditCase(name, "outsider", interval)))
    cases.extend(_find_narrow_widths(knowledge, programmes, [cells[at] for at in np.flatnonzero(pupils > 0)], base))
    return cases, len(small), programmes.solved


def _find_narrow_widths(
    knowledge: AuditKnowledge, programmes: IntervalProgrammes, cells: Sequence[Meaning], base: int
) -> Cases:
    """Find counts that can be told to within less than the base, among those of one part."""
    cases: Cases = []
    for cell in cells:
        columns = knowledge.columns.columns(cell)
        if len(columns) != 1:
            continue
        ends = [float(programmes.push(columns, sense)[columns].sum()) for sense in (-1, 1)]
        if ends[1] - ends[0] < base - 1 - 1e-6:
            pupils = float(knowledge.count([cell]).pupils[0])
            interval = (pupils + ends[0], pupils + ends[1])
            cases.append(("TABLE_OUTSIDER", AuditCase(knowledge.space.describe(cell), "outsider", interval)))
    return cases


def _read_table(
    document: PublicationDocument, figures: Sequence[ShownFigure], counted: MeaningCounts
) -> tuple[Bounds, Cases]:
    counts = {figure.base: figure for figure in figures if figure.measure.kind == "count"}
    finest = [base for base in counts if not any(other != base and _inside(other, base) for other in counts)]
    bounds: Bounds = {}
    cases: Cases = []
    for base in finest:
        pupils = counted.value(base) or 0.0
        if not _is_rounded(document, counts[base].value, pupils):
            cases.append(("TABLE_FIGURE", AuditCase(counts[base].place)))
        bounds[base] = _bound(document, counts[base].value, pupils)
    hide, step = document.rules.hide_up_to or 0, document.rules.round_to or 0
    for base, figure in counts.items():
        if base in bounds:
            continue
        total = sum(_read_count(counts[part].value) or 0 for part in finest if _inside(part, base))
        expected = None if 0 < total <= hide else str(total)
        if figure.value not in (expected, str(total)) and not (figure.value is None and total <= hide):
            cases.append(("TABLE_FIGURE", AuditCase(f"{figure.place}: not the sum of its rounded parts")))
            printed = _read_count(figure.value)
            if printed is not None:
                pupils = counted.value(base) or 0.0
                ends = (printed - step // 2 - pupils, printed + step // 2 - pupils)
                bounds[base] = (min(ends[0], 0.0), max(ends[1], 0.0))
    cases.extend(_check_other_figures(figures, counts, counted))
    return bounds, cases


def _read_count(value: str | None) -> int | None:
    """The whole number that is printed; None of a hidden figure and of one that is no number."""
    return int(value) if value is not None and value.isascii() and value.isdigit() else None


def _inside(part: Meaning, whole: Meaning) -> bool:
    return all(own & ~other == 0 for own, other in zip(part, whole, strict=True))


def _is_rounded(document: PublicationDocument, value: str | None, pupils: float) -> bool:
    hide, step = document.rules.hide_up_to or 0, document.rules.round_to or 1
    if value is None:
        return pupils <= hide
    printed = _read_count(value)
    if printed is None or printed % step:
        return False
    return pupils == 0 if printed == 0 else pupils > hide and abs(printed - pupils) <= step / 2


def _bound(document: PublicationDocument, value: str | None, pupils: float) -> tuple[float, float]:
    hide, step = document.rules.hide_up_to or 0, document.rules.round_to or 1
    if value is None:
        low, high = 0.0, float(hide)
    else:
        printed = _read_count(value)
        if printed is None:
            return (-np.inf, np.inf)
        low, high = max(printed - step // 2, hide + 1.0), float(printed + step // 2)
        if printed == 0:
            low = high = 0.0
    return min(low - pupils, 0.0), max(high - pupils, 0.0)


def _check_other_figures(
    figures: Sequence[ShownFigure], counts: dict[Meaning, ShownFigure], counted: MeaningCounts
) -> Cases:
    """Compare means, growths and shares with sums and rounded counts; other figures cannot be audited."""
    cases: Cases = []
    for figure in figures:
        measure = figure.measure
        if measure.kind == "count" or figure.value in (None, NOBODY):
            continue
        pupils = _read_count(counts[figure.base].value) if figure.base in counts else None
        exact: float | None = None
        if pupils:
            sums = [counted.value(figure.base, f"{score}_sum") for score in measure.scores]
            if measure.kind in ("mean", "growth") and None not in sums:
                exact = (float(sums[-1] or 0) - (float(sums[0] or 0) if len(sums) == 2 else 0.0)) / HUNDREDTHS
                exact /= pupils
            elif measure.kind == "share" and figure.numerator in counts:
                exact = 100.0 * (_read_count(counts[figure.numerator].value) or 0) / pupils
        try:
            wrong = exact is None or abs(float(str(figure.value)) - exact) > 0.5 * 10.0**-measure.decimals + 1e-9
        except ValueError:
            wrong = True
        if wrong:
            cases.append(("TABLE_FIGURE", AuditCase(f"{figure.place}: not of rounded counts")))
    return cases
