"""How long each stage of a job took, told as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable

Progress = Callable[[str], None]


class Stopwatch:
    """Tells a line per stage, with its seconds."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._begun = progress, time.monotonic()
        self._last = self._begun
        self.seconds: dict[str, float] = {}

    @property
    def total(self) -> float:
        return round(time.monotonic() - self._begun, 1)

    def tell(self, line: str) -> None:
        now = time.monotonic()
        spent, self._last = round(now - self._last, 2), now
        self.seconds[line.partition(":")[0]] = spent
        self._progress(f"{line} ({spent:.1f} s)")
