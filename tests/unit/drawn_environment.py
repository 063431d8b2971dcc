"""The surroundings of a run, for tests that call what a job calls."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from cohort.agreements.environment import Environment
from cohort.agreements.platform import Platform
from cohort.storage.zone_paths import StorageZones

CONF = Path(__file__).resolve().parents[2] / "conf"


def make_environment(
    zones: StorageZones, platform: Platform, now: dt.datetime, config: Path = CONF, keys: Path | None = None
) -> Environment:
    """An environment; without a folder of keys there is none beside the zones."""
    return Environment(zones, platform, config, keys or zones.root / "keys", now, "tester")
