"""The project's own attack on published tables: what anybody, or a school, computes from the files alone.

In: documents and cells as published, and for a school its own pupils. Out: the cells that no table prints and that
follow exactly. It never sees the counts per school, so it may be run on tables of others too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import highspy
import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from cohort.publication_documents import PublicationDocument, TidyCell
from cohort.table_audit.attacker_intervals import CEILING, IntervalProgrammes
from cohort.table_audit.attacker_knowledge import PartColumns, list_known_rows
from cohort.table_audit.audit_subject import BOARD, PUPILS, SCHOOL, AuditEdition
from cohort.table_audit.cell_meanings import Meaning, MeaningSpace
from cohort.table_audit.school_counts import PartSpace, SchoolCounts
from cohort.table_audit.shown_figures import ShownFigure, list_figures

Array = np.ndarray
EXACT = 0.5
"""An interval narrower than this leaves one whole number."""


@dataclass(frozen=True, eq=False)
class PublishedFiles:
    """One edition as anybody can download it.

    Args:
        document: its document.
        cells: its cells by table.
    """

    document: PublicationDocument
    cells: Mapping[str, tuple[TidyCell, ...]]


@dataclass(frozen=True)
class KnownCell:
    """A cell that no table prints and that follows exactly.

    Args:
        cell: its nodes.
        pupils: how many pupils it has.
        is_shown: whether a table shows it as hidden; otherwise it is a part that no table shows.
    """

    cell: str
    pupils: int
    is_shown: bool


def compute_hidden_cells(
    editions: Sequence[PublishedFiles], own: pa.Table | None = None, alone: Sequence[Mapping[str, str]] = ()
) -> list[KnownCell]:
    """Compute every cell that follows exactly from the printed counts of all editions.

    Args:
        editions: editions with exact counts, of the same rows.
        own: the attacker's own pupils, in the form of the counts per school; None of an outsider.
        alone: cells that the attacker knows to have no other pupils than its own, by their nodes in the first edition.

    Returns:
        The cells, without those that have the attacker's own pupils alone.

    Raises:
        ValueError: no table fits what is printed.
    """
    space = MeaningSpace([edition.document for edition in editions])
    figures: list[ShownFigure] = []
    for number, edition in enumerate(editions):
        nothing = AuditEdition(edition.document, edition.cells, pa.table({}))
        figures.extend(f for f in list_figures(nothing, number, space)[0] if f.measure.kind == "count")
    printed = {figure.base: int(figure.value) for figure in figures if figure.value is not None}
    shown = {figure.base for figure in figures}
    parts = PartSpace(space, shown)
    columns = PartColumns(parts, shown)
    known = np.zeros(columns.number) if own is None else _count_own(editions[0].document, own, parts, columns)
    fixed = np.zeros(columns.number, dtype=bool)
    for nodes in alone:
        for holder in columns.holders(space.meaning(0, nodes)):
            fixed[columns.columns(space.meaning(0, nodes), holder)] = True
    point = _find_fitting_table(columns, printed, known, fixed)
    rows, free = list_known_rows(columns, dict.fromkeys(printed, (0.0, 0.0)))
    free &= ~fixed
    ceiling = point.max(initial=0.0) * CEILING + 100
    low = np.where(free, known - point, 0.0)
    programmes = IntervalProgrammes(rows, low, np.where(free, ceiling - point, 0.0))
    found = _find_exact(programmes, columns, _list_targets(space, parts, shown, set(printed)))
    return [
        KnownCell(space.describe(cell), round(point[columns.columns(cell)].sum()), cell in shown)
        for cell in found
        if point[columns.columns(cell)].sum() - known[columns.columns(cell)].sum() > EXACT
    ]


def _list_targets(space: MeaningSpace, parts: PartSpace, shown: set[Meaning], printed: set[Meaning]) -> list[Meaning]:
    targets = dict.fromkeys(sorted(shown - printed))
    for divided in {space.divided(meaning) for meaning in shown}:
        for part in range(parts.size(divided)):
            meaning = parts.meaning_of_part(divided, part)
            if meaning not in printed:
                targets.setdefault(meaning)
    return list(targets)


def _find_exact(programmes: IntervalProgrammes, columns: PartColumns, targets: Sequence[Meaning]) -> list[Meaning]:
    own = [columns.columns(target) for target in targets]
    starts = np.concatenate([[0], np.cumsum([len(one) for one in own])])
    flat = np.concatenate(own) if own else np.zeros(0, dtype=np.int64)
    members = sp.csr_matrix((np.ones(len(flat)), flat, starts), shape=(len(own), columns.number))
    least, most = np.zeros(len(own)), np.zeros(len(own))
    found = []
    for place, target in enumerate(targets):
        for sense in (1, -1):
            if most[place] - least[place] < EXACT:
                reach = members @ programmes.push(own[place], sense)
                least, most = np.minimum(least, reach), np.maximum(most, reach)
        if most[place] - least[place] < EXACT:
            found.append(target)
    return found


def _count_own(document: PublicationDocument, own: pa.Table, parts: PartSpace, columns: PartColumns) -> Array:
    wanted = [variable.name for variable in document.variables]
    rows = own.select([*wanted, SCHOOL, BOARD, PUPILS])
    counts = SchoolCounts(parts, [AuditEdition(document, {}, rows)])
    return np.concatenate([counts.combined(divided).pupils for divided in columns.largest])


def _find_fitting_table(columns: PartColumns, printed: Mapping[Meaning, int], known: Array, fixed: Array) -> Array:
    """Find any table of parts that fits what is printed and has at least the known pupils, or just those."""
    rows, values = [], []
    for meaning, value in printed.items():
        for holder in columns.holders(meaning):
            own = columns.columns(meaning, holder)
            rows.append((own, len(own)))
            values.append(float(value))
    for number, first in enumerate(columns.largest):
        for second in columns.largest[number + 1 :]:
            shared = first & second
            for part in range(columns.parts.size(shared)):
                meaning = columns.parts.meaning_of_part(shared, part)
                pair = np.concatenate([columns.columns(meaning, first), columns.columns(meaning, second)])
                rows.append((pair, len(columns.columns(meaning, first))))
                values.append(0.0)
    signs = [np.where(np.arange(len(own)) < added, 1.0, -1.0) for own, added in rows]
    starts = np.concatenate([[0], np.cumsum([len(own) for own, _ in rows])])
    entries = np.concatenate([own for own, _ in rows])
    matrix = sp.csr_matrix((np.concatenate(signs), entries, starts), shape=(len(rows), columns.number)).tocsc()
    ceiling = max(values, default=0.0) * CEILING + 100
    return _solve(matrix, np.array(values), known, np.where(fixed, known, ceiling))


def _solve(matrix: sp.csc_matrix, values: Array, low: Array, high: Array) -> Array:
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (("output_flag", False), ("threads", 1)):
        solver.setOptionValue(option, value)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = matrix.shape[1], matrix.shape[0]
    model.col_cost_ = np.zeros(matrix.shape[1])
    model.col_lower_, model.col_upper_ = low, high
    model.row_lower_ = model.row_upper_ = values
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
    model.a_matrix_.value_ = matrix.data
    solver.passModel(model)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise ValueError("no table fits what is printed")
    return np.array(solver.getSolution().col_value)
