"""Noise by OpenDP, which proves of each mechanism how much of the privacy it spends.

The library comes with the extra `noise`, and is imported only when something is drawn. It takes its randomness from the
operating system; there is no seed to give.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cohort.foundation import ConfigurationRefused, describe_problem

if TYPE_CHECKING:
    from types import ModuleType


def load_library() -> ModuleType:
    """Import OpenDP.

    Raises:
        ConfigurationRefused: it is not installed (exit code 10).
    """
    try:
        import opendp.prelude as library
    except ImportError:
        raise ConfigurationRefused(
            describe_problem(
                "the library OpenDP for a publication with method = 'noise'",
                example="opendp 0.16 of requirements.lock",
                found="none",
                where="the environment of Python",
                do="Install the extra `noise`: pip install 'cohort[noise]'",
            )
        ) from None
    library.enable_features("contrib")
    return library


def add_whole_noise(values: npt.NDArray[np.int64], sensitivity: int, epsilon: Decimal) -> npt.NDArray[np.int64]:
    """Add whole-number noise (two-sided geometric, also called discrete Laplace).

    Args:
        values: the exact figures.
        sensitivity: the largest sum of changes of all figures by one unit.
        epsilon: how much of the privacy of that unit is spent.
    """
    return np.array(_draw("i64", values.tolist(), sensitivity, epsilon), dtype=np.int64)


def add_laplace_noise(values: npt.NDArray[np.int64], sensitivity: int, epsilon: Decimal) -> npt.NDArray[np.float64]:
    """Add Laplace noise; arguments as of `add_whole_noise`."""
    drawn = _draw("f64", [float(value) for value in values], float(sensitivity), epsilon)
    return np.array(drawn, dtype=np.float64)


def _draw(kind: str, values: list[Any], sensitivity: float, epsilon: Decimal) -> list[Any]:
    library = load_library()
    atom = library.atom_domain(T=kind, nan=False) if kind == "f64" else library.atom_domain(T=kind)
    domain, metric = library.vector_domain(atom, size=len(values)), library.l1_distance(T=kind)
    limit = _round_down(epsilon)
    scale = float(sensitivity) / limit
    measurement = library.m.make_laplace(domain, metric, scale)
    for _ in range(64):
        if measurement.map(sensitivity) <= limit:
            return list(measurement(values))
        scale *= 1 + 1e-12
        measurement = library.m.make_laplace(domain, metric, scale)
    raise ArithmeticError("no scale keeps to epsilon")


def _round_down(epsilon: Decimal) -> float:
    near = float(epsilon)
    return near if Decimal(near) <= epsilon else math.nextafter(near, 0.0)
