"""Rules and intervals of counts that are printed exactly or hidden."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cohort.publication_documents import TOTAL_NODE, PublishedRules
from cohort.table_audit.attacker_intervals import CEILING, IntervalProgrammes
from cohort.table_audit.attacker_knowledge import list_known_rows
from cohort.table_audit.audit_findings import AuditCase
from cohort.table_audit.cell_knowledge import AuditKnowledge, Bounds, CellCounts
from cohort.table_audit.cell_meanings import Meaning
from cohort.table_audit.figure_check import NOBODY
from cohort.table_audit.interval_search import OUTSIDER, InformedAttackers, IntervalSearch, Narrow, find_attackers
from cohort.table_audit.protection_rules import CellNeeds, protect_cells
from cohort.table_audit.shown_figures import ShownFigure, list_nodes

Array = np.ndarray
Cases = list[tuple[str, AuditCase]]
EXACT = (0.0, 0.0)


@dataclass(frozen=True, eq=False)
class CountAudit:
    """What the audit of counts found, for the audits after it.

    Args:
        cases: cells that are printed against a rule or computed too nearly.
        protected: the cells that a rule hides.
        programmes: the programmes on the printed counts.
        attackers: how many attackers were considered, the outsider included.
    """

    cases: Cases
    protected: dict[Meaning, tuple[float, float]]
    programmes: IntervalProgrammes
    attackers: int


def audit_counts(knowledge: AuditKnowledge, rules: PublishedRules, rounded: Bounds) -> CountAudit:
    """Audit the counts of all editions together.

    Args:
        knowledge: all cells.
        rules: the rules of the edition to be published.
        rounded: what rounded counts tell beside the exact ones.
    """
    bounds = {**rounded, **knowledge.printed_counts()}
    shown = _list_exact_cells(knowledge)
    cells = [*shown, *knowledge.unshown(shown)]
    counts = knowledge.count(cells)
    needs = protect_cells(counts.pupils, counts.schools, counts.boards, rules)
    guarded = needs.protected
    needs = needs.and_also(_protect_distributions(knowledge, rules, cells, counts))
    printed = np.array([bounds.get(cell) == EXACT for cell in cells], dtype=bool)
    protected = {
        cell: (float(needs.below[at]), float(needs.above[at])) for at, cell in enumerate(cells) if needs.protected[at]
    }
    cases = [*_find_printed(knowledge, set(protected)), *_find_few_degrees(knowledge, rules)]
    parts = knowledge.of_parts()
    rows, free = list_known_rows(knowledge.columns, bounds)
    ceiling = parts.pupils.max(initial=0.0) * CEILING + 100
    programmes = IntervalProgrammes(
        rows, np.where(free, -parts.pupils, 0.0), np.where(free, ceiling - parts.pupils, 0.0)
    )
    at = np.flatnonzero(needs.protected & ~printed)
    hidden = [cells[place] for place in at]
    own = CellCounts(counts.pupils[at], counts.schools[at], counts.boards[at])
    attackers = _find_attackers(knowledge, rules, parts, (own, guarded[at]), (cells, counts, printed))
    wanted = _raise_for_outsiders(CellNeeds(needs.below[at], needs.above[at]), own, attackers)
    search = IntervalSearch(
        programmes, [knowledge.columns.columns(cell) for cell in hidden], wanted, parts.pupils, own.pupils, attackers
    )
    for narrow in search.find_narrow():
        cases.append(_describe(knowledge, hidden[narrow.cell], narrow, own.pupils[narrow.cell], attackers))
    number = 1 + (0 if attackers is None else attackers.own.shape[1])
    return CountAudit(cases, protected, programmes, number)


def _list_exact_cells(knowledge: AuditKnowledge) -> list[Meaning]:
    """List the cells that rules on exact counts hold for: of a rounded edition those of exact ones before it."""
    methods = [edition.document.method for edition in knowledge.editions]
    if methods[0] == "suppress":
        return knowledge.shown()
    exact = [number for number, method in enumerate(methods) if method == "suppress"]
    return list(dict.fromkeys(cell for number in exact for cell in knowledge.shown(number)))


def _find_printed(knowledge: AuditKnowledge, protected: set[Meaning]) -> Cases:
    """Find figures of the edition that show a cell that a rule hides."""
    exact = {cell for cell, own in knowledge.printed_counts().items() if own == EXACT}
    cases: Cases = []
    for figure in knowledge.figures:
        if figure.edition or figure.value is None or knowledge.method(figure) != "suppress":
            continue
        cells = [figure.base] if figure.numerator is None else [figure.base, figure.numerator]
        if any(cell in protected and cell in exact for cell in cells):
            cases.append(("TABLE_RULE", AuditCase(figure.place)))
    return cases


def _find_few_degrees(knowledge: AuditKnowledge, rules: PublishedRules) -> Cases:
    """Find means and the like of too few pupils, and percentiles of too few for their rank."""
    figures = [
        figure
        for figure in knowledge.figures
        if figure.edition == 0 and figure.value not in (None, NOBODY) and figure.measure.kind not in ("count", "share")
    ]
    pupils = knowledge.count([figure.base for figure in figures]).pupils
    return [
        ("TABLE_RULE", AuditCase(figure.place))
        for figure, own in zip(figures, pupils.tolist(), strict=True)
        if own < least_pupils(figure, rules)
    ]


def least_pupils(figure: ShownFigure, rules: PublishedRules) -> float:
    """How many pupils a mean, a standard deviation, a growth or a percentile needs at least."""
    quantile = figure.measure.quantile
    if figure.measure.kind != "percentile" or quantile is None:
        return rules.degrees_of_freedom + 1
    rarer = min(quantile, 1 - quantile)
    return math.inf if rarer <= 0 else rules.pupils / rarer - 1e-6


def _protect_distributions(
    knowledge: AuditKnowledge, rules: PublishedRules, cells: Sequence[Meaning], counts: CellCounts
) -> CellNeeds:
    """Protect the values of a sensitive variable in every row of which one value has nearly all pupils."""
    below, above = np.zeros(len(cells)), np.zeros(len(cells))
    places = {cell: place for place, cell in enumerate(cells)}
    for row, values in _list_distributions(knowledge):
        whole = places.get(row)
        own = np.array([places[value] for value in values if value in places], dtype=np.int64)
        if whole is None or counts.pupils[whole] == 0 or len(own) == 0:
            continue
        pupils, total = counts.pupils[own], counts.pupils[whole]
        excess = pupils.max() - rules.largest_value_share * total
        if excess > 1e-9:
            largest = own[int(np.argmax(pupils))]
            below[largest] = max(below[largest], math.ceil(excess - 1e-9))
            above[own] = np.maximum(above[own], np.where(pupils < pupils.max(), 1.0, 0.0))
    return CellNeeds(np.minimum(below, counts.pupils), above)


def _list_distributions(knowledge: AuditKnowledge) -> list[tuple[Meaning, tuple[Meaning, ...]]]:
    """List the rows of tables that are divided by a sensitive variable, with the cells of its values."""
    found: dict[tuple[Meaning, tuple[Meaning, ...]], None] = {}
    document, space = knowledge.editions[0].document, knowledge.space
    sensitive = {variable.name for variable in document.variables if variable.sensitive}
    for table in document.tables:
        for place, axis in enumerate(table.axes):
            if axis.variable not in sensitive:
                continue
            for nodes in list_nodes(document, table):
                if nodes[place] == TOTAL_NODE:
                    codes = {one.variable: node for one, node in zip(table.axes, nodes, strict=True)}
                    whole = space.meaning(0, codes)
                    at = space.place(axis.variable)
                    for masks in space.divisions[at].get(whole[at], ()):
                        values = tuple((*whole[:at], mask, *whole[at + 1 :]) for mask in masks)
                        found.setdefault((whole, values))
    return list(found)


def _find_attackers(
    knowledge: AuditKnowledge,
    rules: PublishedRules,
    parts: CellCounts,
    protected: tuple[CellCounts, Array],
    every: tuple[Sequence[Meaning], CellCounts, Array],
) -> InformedAttackers | None:
    if not knowledge.counts.has_schools:
        return None
    (own, guarded), (cells, counts, printed) = protected, every
    schools = counts.schools.shape[1]
    alone = []
    for place in np.flatnonzero(~printed & (counts.pupils > 0)).tolist():
        who = [
            matrix.indices[matrix.indptr[place] : matrix.indptr[place + 1]] + start
            for matrix, start in ((counts.schools, 0), (counts.boards, schools))
            if matrix.indptr[place + 1] - matrix.indptr[place] == 1
        ]
        if who:
            alone.append((knowledge.columns.columns(cells[place]), np.concatenate(who)))
    return find_attackers(
        (parts.schools, parts.boards),
        (own.schools, own.boards),
        knowledge.counts.board_of_school,
        alone,
        guarded,
        rules.p_percent / 100,
    )


def _raise_for_outsiders(needs: CellNeeds, own: CellCounts, attackers: InformedAttackers | None) -> CellNeeds:
    """Ask against an outsider what is asked against a school without pupils in the cell: it sees the same."""
    if attackers is None:
        return needs
    nobody = np.array([attackers.own.shape[1]])
    below, above = needs.below.copy(), needs.above.copy()
    for cell in range(len(below)):
        other_below, other_above = attackers.needs(cell, nobody, float(own.pupils[cell]))
        below[cell], above[cell] = max(below[cell], other_below[0]), max(above[cell], other_above[0])
    return CellNeeds(below, above)


def _describe(
    knowledge: AuditKnowledge, cell: Meaning, narrow: Narrow, pupils: float, attackers: InformedAttackers | None
) -> tuple[str, AuditCase]:
    interval = (float(pupils + narrow.low), float(pupils + narrow.high))
    name = knowledge.space.describe(cell)
    if narrow.attacker == OUTSIDER or attackers is None:
        return "TABLE_OUTSIDER", AuditCase(name, "outsider", interval)
    if narrow.attacker < attackers.schools:
        return "TABLE_SCHOOL", AuditCase(name, f"school {narrow.attacker + 1}", interval)
    return "TABLE_BOARD", AuditCase(name, f"board {narrow.attacker - attackers.schools + 1}", interval)
