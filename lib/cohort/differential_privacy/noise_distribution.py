"""The distribution of noise by theory: of one figure, or of the sum of several that have it independently.

Laplace noise and the noise of whole numbers (two-sided geometric) both follow from one characteristic function on a
grid, so that sums of any number of them need no simulation.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

STEPS_PER_SCALE = 200
"""Grid steps per scale for Laplace noise; whole-number noise of a larger scale is as good as continuous."""
Numbers = npt.NDArray[np.float64]


class NoiseDistribution:
    """The distribution of the sum of `parts` independent noises of one scale.

    Args:
        scale: of each, in the unit of the figure.
        parts: how many are added.
        whole: whether each is a whole number.
    """

    def __init__(self, scale: float, parts: int, whole: bool) -> None:
        self.whole = whole and scale <= STEPS_PER_SCALE
        self.step = 1.0 if self.whole else scale / STEPS_PER_SCALE
        ratio = math.exp(-self.step / scale)
        half = max(64, math.ceil((40 + 12 * math.sqrt(2 * parts)) * scale / self.step))
        size = 1 << math.ceil(math.log2(2 * half))
        angles = 2 * math.pi * np.arange(size // 2 + 1) / size
        transform = ((1 - ratio) ** 2 / (1 - 2 * ratio * np.cos(angles) + ratio**2)) ** parts
        self._mass = np.clip(np.fft.fftshift(np.fft.irfft(transform, size)), 0, None)
        self._points = (np.arange(size) - size // 2) * self.step
        self._cumulative = np.cumsum(self._mass)

    def cumulative(self, values: Numbers) -> Numbers:
        """The probability of noise up to each value."""
        if self.whole:
            places = np.floor(values / self.step).astype(np.int64) + len(self._points) // 2
            inside = self._cumulative[np.clip(places, 0, len(self._points) - 1)]
            return np.asarray(np.where(places < 0, 0.0, inside), dtype=np.float64)
        bounds = self._points + self.step / 2
        return np.asarray(np.interp(values, bounds, self._cumulative, left=0.0, right=1.0), dtype=np.float64)

    def strata(self, number: int) -> Numbers:
        """Values in the middle of so many strata of equal probability."""
        wanted = (np.arange(number) + 0.5) / number
        places = np.searchsorted(self._cumulative, wanted)
        if self.whole:
            return np.asarray(self._points[np.minimum(places, len(self._points) - 1)], dtype=np.float64)
        return np.asarray(np.interp(wanted, self._cumulative, self._points + self.step / 2), dtype=np.float64)

    def absolute_quantile(self, share: float) -> float:
        """The value that the absolute noise keeps to in a share of all draws."""
        middle = len(self._points) // 2
        within = self._mass[middle] + 2 * np.cumsum(self._mass[middle + 1 :])
        if self._mass[middle] >= share:
            return 0.0
        place = int(np.searchsorted(within, share))
        return float(self._points[middle + 1 + place])


@lru_cache(maxsize=32)
def find_distribution(scale: float, parts: int, whole: bool) -> NoiseDistribution:
    """The distribution of these arguments, computed once."""
    return NoiseDistribution(scale, parts, whole)
