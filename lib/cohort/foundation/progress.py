"""Progress of a job: one line per stage with its outcome and its seconds.

Pipelines report their stages to a `StageListener`; jobs give them a `Stopwatch`, which writes the lines and keeps
the seconds for the record of the run. Nothing here holds a value of a person.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

ProgressWriter = Callable[[str], None]
"""Writes one line of progress, to the standard error of a job."""


class StageListener(Protocol):
    """Called when a stage is done, with its name, which a record may keep, and its outcome in words."""

    def __call__(self, stage: str, outcome: str = "", /) -> None: ...


def format_stage_line(stage: str, outcome: str = "") -> str:
    """Write a stage and its outcome as one line."""
    return f"{stage}: {outcome}" if outcome else stage


class Stopwatch:
    """Writes a line per stage with the seconds since the stage before, and keeps them.

    Attributes:
        seconds: seconds of each reported stage, by its name.
    """

    def __init__(self, write_line: ProgressWriter) -> None:
        self._write_line, self._start = write_line, time.monotonic()
        self._previous = self._start
        self.seconds: dict[str, float] = {}

    @property
    def total_seconds(self) -> float:
        """Seconds since the stopwatch was made."""
        return round(time.monotonic() - self._start, 1)

    def report_stage(self, stage: str, outcome: str = "", /) -> None:
        """Report a stage as done; a `StageListener`."""
        now = time.monotonic()
        spent, self._previous = round(now - self._previous, 2), now
        self.seconds[stage] = spent
        self._write_line(f"{format_stage_line(stage, outcome)} ({spent:.1f} s)")
