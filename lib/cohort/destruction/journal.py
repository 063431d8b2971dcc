"""The journal of a destruction: what was there, by what it is recognised, and what was done when.

It stands in the restricted zone, is written whole at each step, and makes a project DESTROYING. A run
that was killed is taken up from it.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from cohort.destruction.inventory import InventoryItem, ProjectInventory
from cohort.destruction.search_terms import SearchTerm
from cohort.foundation import json_documents
from cohort.release_records import release_states
from cohort.storage.zone_paths import StorageZones


class DestructionJournal:
    """What was done, in the restricted zone, written whole at each step."""

    def __init__(self, zones: StorageZones, project: str, now: dt.datetime) -> None:
        self._path = release_states.destruction_journal_path(zones, project)
        self._now, self._began = now, time.monotonic()
        self.content: dict[str, Any] = {"project": project, "confirmed": [], "events": []}
        if self._path.exists():
            self.content = json_documents.read_json_document(self._path)
        self._places, self._project = zones, project

    def at(self) -> str:
        """The moment: the caller's clock, and what has passed since."""
        passed = dt.timedelta(seconds=round(time.monotonic() - self._began))
        return (self._now + passed).isoformat(timespec="seconds")

    def confirm(self, who: str) -> None:
        self.content["confirmed"].append({"by": who, "at": self.at()})

    def note(self, step: str, what: str, **facts: Any) -> None:
        self.content |= facts
        self.content["events"].append({"at": self.at(), "step": step, "what": what})
        json_documents.write_json_document(self._path, self.content)

    @property
    def inventory(self) -> ProjectInventory:
        listed = self.content["inventory"]
        return ProjectInventory(
            self._project,
            release_states.project_state(self._places, self._project),
            tuple(InventoryItem(*item) for item in listed["items"]),
            listed["key"],
            tuple((number, state) for number, state in listed["releases"]),
        )

    @property
    def marks(self) -> list[SearchTerm]:
        return [SearchTerm.of(mark) for mark in self.content["marks"]]


@dataclass(frozen=True)
class DestructionRun:
    """One run of a destruction."""

    spark: SparkSession
    zones: StorageZones
    keys: Path
    project: str
    journal: DestructionJournal
    progress: Callable[[str], None]
