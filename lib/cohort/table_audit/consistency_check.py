"""Whether a cell with one meaning has one status and one figure, in every table and every edition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cohort.agreements import PublicationLimits
from cohort.publication_documents import PublicationDocument, PublishedRules
from cohort.table_audit.audit_findings import AuditCase
from cohort.table_audit.audit_subject import AuditEdition
from cohort.table_audit.cell_meanings import Meaning
from cohort.table_audit.figure_check import CLIPPED
from cohort.table_audit.shown_figures import ShownFigure

Cases = list[tuple[str, AuditCase]]


def check_limits(document: PublicationDocument, limits: PublicationLimits) -> Cases:
    """Compare the rules of an edition with the platform's limits."""
    rules: PublishedRules = document.rules
    weaker = {
        "pupils": rules.pupils < limits.pupils,
        "schools": rules.schools < limits.schools,
        "max_share": rules.max_share > float(limits.max_share) + 1e-9,
        "p_percent": rules.p_percent < float(limits.p_percent) - 1e-9,
        "largest_value_share": rules.largest_value_share > float(limits.largest_value_share) + 1e-9,
        "degrees_of_freedom": rules.degrees_of_freedom < limits.degrees_of_freedom,
    }
    if document.method == "round":
        weaker["hide_up_to"] = (rules.hide_up_to or 0) < limits.hide_up_to
        weaker["round_to"] = (rules.round_to or 0) < limits.round_to
    where = f"{document.publication} {document.edition}"
    return [("TABLE_LIMITS", AuditCase(f"{where}: {name}")) for name, is_weaker in weaker.items() if is_weaker]


def check_noise(document: PublicationDocument) -> Cases:
    """Check that an edition with noise says how much."""
    where = f"{document.publication} {document.edition}"
    if document.noise is None or document.noise.epsilon <= 0:
        return [("TABLE_NOISE", AuditCase(where))]
    measures = [f"{table.name}/{measure.name}" for table in document.tables for measure in table.measures]
    return [("TABLE_NOISE", AuditCase(f"{where}: {name}")) for name in measures if name not in document.noise.errors]


def is_clipped(figure: ShownFigure) -> bool:
    """Whether a share is printed as less or more than a limit."""
    return figure.measure.kind == "share" and (figure.value or "").replace(" ", "").rstrip("%") in CLIPPED


def check_statuses(figures: Sequence[ShownFigure], editions: Sequence[AuditEdition]) -> Cases:
    """Compare all figures of one meaning.

    Args:
        figures: the figures of all editions with suppression or rounding.
        editions: the editions.

    Returns:
        A case for every figure that contradicts another, of the edition to be published.
    """
    cases: Cases = []
    groups: dict[tuple[object, ...], list[ShownFigure]] = {}
    counts: dict[tuple[int, Meaning], list[ShownFigure]] = {}
    for figure in figures:
        method = editions[figure.edition].document.method
        groups.setdefault((method, figure.base, figure.sort, figure.measure.decimals), []).append(figure)
        if figure.measure.kind == "count":
            counts.setdefault((figure.edition, figure.base), []).append(figure)
    for group in groups.values():
        cases.extend(_compare(group))
    cases.extend(_find_without_cell(figures, counts))
    return cases


def _compare(group: Sequence[ShownFigure]) -> Cases:
    cases: Cases = []
    mine = [figure for figure in group if figure.edition == 0]
    values = {figure.value for figure in group if figure.edition == 0}
    if len(values) > 1:
        cases.extend(("TABLE_STATUS", AuditCase(figure.place)) for figure in mine)
    before = {figure.value for figure in group if figure.edition > 0}
    if mine and before and values - before:
        cases.extend(("TABLE_EARLIER", AuditCase(figure.place)) for figure in mine if figure.value not in before)
    return cases


def _find_without_cell(
    figures: Sequence[ShownFigure], counts: Mapping[tuple[int, Meaning], list[ShownFigure]]
) -> Cases:
    """Find printed figures whose base, or whose numerator, is hidden as a count."""
    cases: Cases = []
    for figure in figures:
        if figure.edition != 0 or figure.value is None or figure.measure.kind == "count":
            continue
        needed = [figure.base]
        if figure.numerator is not None and not is_clipped(figure):
            needed.append(figure.numerator)
        hidden = any(count.value is None for base in needed for count in counts.get((0, base), ()))
        if hidden:
            cases.append(("TABLE_STATUS", AuditCase(figure.place)))
    return cases
