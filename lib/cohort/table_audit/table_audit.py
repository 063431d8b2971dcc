"""The audit of tables in memory: an edition, and everything published before."""

from __future__ import annotations

import time
from collections.abc import Sequence

from cohort.foundation import ProgressWriter
from cohort.publication_documents import AuditFigures
from cohort.table_audit.attacker_knowledge import PartColumns
from cohort.table_audit.audit_findings import AuditCase, AuditResult, group_cases
from cohort.table_audit.audit_subject import BOARD, PUPILS, SCHOOL, AuditEdition, AuditInput
from cohort.table_audit.cell_knowledge import AuditKnowledge
from cohort.table_audit.cell_meanings import MeaningSpace
from cohort.table_audit.consistency_check import check_limits, check_noise, check_statuses
from cohort.table_audit.count_check import audit_counts
from cohort.table_audit.figure_check import check_figures
from cohort.table_audit.mean_check import audit_means
from cohort.table_audit.release_check import audit_release
from cohort.table_audit.rounding_check import audit_rounded, read_rounded
from cohort.table_audit.school_counts import PartSpace, SchoolCounts
from cohort.table_audit.shown_figures import ShownFigure, list_figures

Cases = list[tuple[str, AuditCase]]


def audit_tables(given: AuditInput, progress: ProgressWriter = lambda _: None) -> AuditResult:
    """Audit an edition beside everything published before.

    Args:
        given: the edition, the earlier ones, the limits.
        progress: receives lines of progress.

    Returns:
        The findings, none of an edition that may be published, and what was done.
    """
    started = time.monotonic()
    document = given.edition.document
    cases: Cases = check_limits(document, given.limits)
    unusable = [e for e in (given.edition, *given.earlier) if not _is_usable(e)]
    cases.extend(("TABLE_SOURCE", AuditCase(f"{edition.name}: the counts per school")) for edition in unusable)
    solved = protected = attackers = 0
    alike = [e for e in given.earlier if e.counted_rows == given.edition.counted_rows and e.document.method != "noise"]
    if document.method == "noise":
        cases.extend(check_noise(document))
        cases.extend(list_figures(given.edition, 0, MeaningSpace([document]))[1])
    elif not unusable:
        found, protected, attackers, solved = _audit_alike(given, [given.edition, *alike], progress)
        cases.extend(found)
    findings = group_cases(cases)
    figures = AuditFigures(
        protected_cells=protected,
        attackers=attackers,
        programmes=solved,
        seconds=round(time.monotonic() - started, 2),
        earlier_editions=tuple(edition.name for edition in alike),
        findings={finding.code: len(finding.cases) for finding in findings},
    )
    return AuditResult(findings, figures)


def _audit_alike(
    given: AuditInput, editions: Sequence[AuditEdition], progress: ProgressWriter
) -> tuple[Cases, int, int, int]:
    """Audit editions that count the same rows."""
    space = MeaningSpace([edition.document for edition in editions])
    figures: list[ShownFigure] = []
    cases: Cases = []
    for number, edition in enumerate(editions):
        own, wrong = list_figures(edition, number, space)
        figures.extend(own)
        cases.extend(wrong)
    if not figures:
        return cases, 0, 0, 0
    shown = [figure.base for figure in figures]
    shown.extend(figure.numerator for figure in figures if figure.numerator is not None)
    parts = PartSpace(space, [*shown, *(space.pupils_of(number) for number in range(len(editions)))])
    counts = SchoolCounts(parts, editions)
    knowledge = AuditKnowledge(editions, space, figures, counts, PartColumns(parts, shown, counts.find_counted))
    progress(f"{len(set(shown))} cells of {len(editions)} editions, {knowledge.columns.number} parts")
    wrong, counted = check_figures(editions, figures, counts)
    cases.extend([*wrong, *check_statuses(figures, editions)])
    if not any(code == "TABLE_SOURCE" for code, _ in wrong):
        wrong = knowledge.find_contradictions()
        cases.extend(wrong)
    if any(code == "TABLE_SOURCE" for code, _ in wrong):
        return cases, 0, 0, 0
    rounded, wrong = read_rounded(knowledge, counted)
    cases.extend(wrong)
    rules = editions[0].document.rules
    audit = audit_counts(knowledge, rules, rounded)
    cases.extend(audit.cases)
    protected, solved = len(audit.protected), audit.programmes.solved
    if editions[0].document.method == "round":
        found, protected, programmes = audit_rounded(knowledge, {**rounded, **knowledge.printed_counts()})
        cases.extend(found)
        solved += programmes
    else:
        found, programmes = audit_means(knowledge, rules, audit.protected)
        cases.extend(found)
        solved += programmes
    cases.extend(audit_release(knowledge, given.released, rules, audit.programmes))
    progress(f"{protected} protected cells, {audit.attackers} attackers, {solved} programmes")
    return cases, protected, audit.attackers, solved


def _is_usable(edition: AuditEdition) -> bool:
    """Whether the counts per school have every column, with known leaves and pupils in every row.

    Schools may be unknown only of all rows of a release.
    """
    document, table = edition.document, edition.contributors
    needed = {PUPILS, SCHOOL, BOARD} | {variable.name for variable in document.variables}
    if not needed <= set(table.column_names):
        return False
    leaves = {variable.name: set(variable.leaves) for variable in document.variables}
    if any(not set(table[name].unique().to_pylist()) <= own for name, own in leaves.items()):
        return False
    if any(pupils is None or pupils < 0 for pupils in table[PUPILS].unique().to_pylist()):
        return False
    if document.rows == "release" and table[SCHOOL].null_count == table.num_rows:
        return True
    return bool(table[SCHOOL].null_count == 0 and table[BOARD].null_count == 0)
