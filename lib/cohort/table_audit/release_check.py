"""Tables beside an anonymous release of the same pupils: how many pupils of a cell were left out of it."""

from __future__ import annotations

from collections.abc import Sequence

from cohort.publication_documents import PublishedRules
from cohort.table_audit.attacker_intervals import IntervalProgrammes
from cohort.table_audit.audit_findings import AuditCase
from cohort.table_audit.audit_subject import ReleasedCell
from cohort.table_audit.cell_knowledge import AuditKnowledge

Cases = list[tuple[str, AuditCase]]


def audit_release(
    knowledge: AuditKnowledge, released: Sequence[ReleasedCell], rules: PublishedRules, programmes: IntervalProgrammes
) -> Cases:
    """Find cells of which the tables and the release together say that few pupils were left out.

    Of a cell of the tables the attacker knows an interval, of the release the least and the most pupils; where every
    difference of the two is at least 1 and under `pupils`, few were left out for certain.

    Args:
        knowledge: all cells.
        released: cells of the release.
        rules: the rules of the edition.
        programmes: the programmes on the printed counts.
    """
    cases: Cases = []
    for cell in released:
        try:
            meaning = knowledge.space.meaning(0, cell.nodes)
        except KeyError:
            continue
        if not knowledge.columns.holders(meaning):
            continue
        columns = knowledge.columns.columns(meaning)
        pupils = float(knowledge.count([meaning]).pupils[0])
        if not (pupils - cell.least > 0 and pupils - cell.most < rules.pupils):
            continue
        least, most = (pupils + float(programmes.push(columns, sense)[columns].sum()) for sense in (-1, 1))
        if least - cell.most > 0.5 and most - cell.least < rules.pupils - 0.5:
            interval = (least - cell.most, most - cell.least)
            cases.append(("TABLE_RELEASE", AuditCase(knowledge.space.describe(meaning), "outsider", interval)))
    return cases
