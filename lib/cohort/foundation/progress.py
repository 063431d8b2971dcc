"""How long each stage of a job took, told as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

ProgressWriter = Callable[[str], None]


class StageListener(Protocol):
    """Who hears that a stage is done: its name, which a record may keep, and what came of it."""

    def __call__(self, stage: str, outcome: str = "", /) -> None: ...


def format_stage_line(stage: str, outcome: str = "") -> str:
    """A stage as a line of progress."""
    return f"{stage}: {outcome}" if outcome else stage


class Stopwatch:
    """Tells a line per stage, with its seconds."""

    def __init__(self, progress: ProgressWriter) -> None:
        self._progress, self._begun = progress, time.monotonic()
        self._last = self._begun
        self.seconds: dict[str, float] = {}

    @property
    def total_seconds(self) -> float:
        return round(time.monotonic() - self._begun, 1)

    def report_stage(self, stage: str, outcome: str = "", /) -> None:
        now = time.monotonic()
        spent, self._last = round(now - self._last, 2), now
        self.seconds[stage] = spent
        self._progress(f"{format_stage_line(stage, outcome)} ({spent:.1f} s)")
