"""Journal of a row withdrawal: how far the withdrawal of rows from a published table has come.

The document stands in the restricted records from before the first look at the table until the withdrawal is
complete. While it stands nobody is given access, and the next run completes what a killed run began.
"""

from __future__ import annotations

from pydantic import ConfigDict

from cohort.release_records import withdrawal_journal_path
from cohort.storage import DocumentPart, StorageZones, read_model_document, write_json_document


class WithdrawalStep(DocumentPart):
    """One commit that removes rows: the table version before it, the pupils removed by reason, the rows that stay."""

    version: int
    pupils_barred: int
    pupils_of_schools: int
    left: int
    pupils_besides: int


class WithdrawalJournal(DocumentPart):
    """The steps done for a release (`taken`), and the one that is planned or under way."""

    model_config = ConfigDict(json_schema_extra={"$id": "withdrawal-journal-1"})

    release: int | None = None
    plan: WithdrawalStep | None = None
    taken: tuple[WithdrawalStep, ...] = ()


def begin_withdrawal(zones: StorageZones, project: str) -> WithdrawalJournal:
    """Read the journal of a project, or write an empty one: from now on nobody is given access."""
    path = withdrawal_journal_path(zones, project)
    if not path.exists():
        write_withdrawal_journal(zones, project, WithdrawalJournal())
    return read_model_document(path, WithdrawalJournal)


def write_withdrawal_journal(zones: StorageZones, project: str, journal: WithdrawalJournal) -> None:
    """Write the journal of a project, whole or not at all."""
    path = withdrawal_journal_path(zones, project)
    write_json_document(path, journal.model_dump(mode="json"))


def end_withdrawal(zones: StorageZones, project: str) -> None:
    """Remove the journal: the withdrawal is complete."""
    withdrawal_journal_path(zones, project).unlink()
