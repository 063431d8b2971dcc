"""The journal of a destruction, from which a run that was killed is resumed.

It stands in the restricted zone and is written whole at each step; while it stands, the project is DESTROYING. It
holds the search terms, and is removed last.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from cohort.agreements import Environment
from cohort.destruction.destruction_documents import (
    Confirmation,
    DestructionJournalDocument,
    DestructionStep,
    JournalledInventory,
)
from cohort.destruction.project_inventory import InventoryItem, ProjectInventory
from cohort.destruction.search_terms import SearchTerm
from cohort.release_records import destruction_journal_path, project_state
from cohort.storage import StorageZones, read_json_document, write_json_document


class DestructionJournal:
    """The journal of one project, opened where an earlier run left it."""

    def __init__(self, zones: StorageZones, project: str, now: dt.datetime) -> None:
        self._path = destruction_journal_path(zones, project)
        self._zones, self._project = zones, project
        self._now, self._began = now, time.monotonic()
        self.document = DestructionJournalDocument(project=project)
        if self._path.exists():
            content = read_json_document(self._path)
            self.document = DestructionJournalDocument.model_validate(content)

    def timestamp(self) -> str:
        """Return the present moment: the clock of the job, and the time that has passed since."""
        passed = dt.timedelta(seconds=round(time.monotonic() - self._began))
        return (self._now + passed).isoformat(timespec="seconds")

    def add_confirmation(self, operator: str) -> None:
        """Add who confirmed the destruction; written with the next step."""
        confirmation = Confirmation(by=operator, at=self.timestamp())
        self.document = self.document.model_copy(update={"confirmed": (*self.document.confirmed, confirmation)})

    def record_step(self, step: str, outcome: str, changes: dict[str, Any]) -> None:
        """Write that a step is completed, with the keys of the document that it sets."""
        event = DestructionStep(at=self.timestamp(), step=step, what=outcome)
        self.document = self.document.model_copy(update={**changes, "events": (*self.document.events, event)})
        content = self.document.model_dump(mode="json", exclude_none=True)
        write_json_document(self._path, content)

    @property
    def listed(self) -> JournalledInventory:
        """The inventory as it was journalled by the first step."""
        if self.document.inventory is None:
            raise RuntimeError("a destruction whose inventory was not taken")
        return self.document.inventory

    @property
    def inventory(self) -> ProjectInventory:
        return ProjectInventory(
            self._project,
            project_state(self._zones, self._project),
            tuple(InventoryItem(*row) for row in self.listed.items),
            self.listed.key,
            self.listed.releases,
        )

    @property
    def terms(self) -> list[SearchTerm]:
        return [SearchTerm.from_journal(term) for term in self.document.marks or ()]


@dataclass(frozen=True)
class DestructionRun:
    """One run of a destruction.

    Args:
        spark: the session.
        environment: the zones, keys and clock of the job.
        project: the project to be destroyed.
        journal: its journal.
        progress: receives one line per step.
    """

    spark: SparkSession
    environment: Environment
    project: str
    journal: DestructionJournal
    progress: Callable[[str], None]

    @property
    def zones(self) -> StorageZones:
        return self.environment.zones
