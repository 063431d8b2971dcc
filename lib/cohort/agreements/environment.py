"""The environment of a job: storage zones, platform declaration, configuration folder, keys, clock and operator."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from cohort.agreements.platform import Platform
from cohort.storage import StorageZones


@dataclass(frozen=True)
class Environment:
    """What every job needs and no job changes.

    Args:
        zones: the zones under the storage root.
        platform: the declaration of `platform.toml`.
        config: the configuration folder.
        keys: the folder of the project keys, outside the storage root.
        now: when the run began, with its time zone.
        operator: who runs the job, as the operating system names them.
    """

    zones: StorageZones
    platform: Platform
    config: Path
    keys: Path
    now: dt.datetime
    operator: str

    @property
    def today(self) -> dt.date:
        """The day on which the run began."""
        return self.now.date()

    @property
    def hierarchies(self) -> Path:
        """The folder of the hierarchy files."""
        return self.config / "hierarchies"
