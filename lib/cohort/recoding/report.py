"""What a recoding did, as one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cohort.recoding import intruder
from cohort.recoding.constraints import Constraint, Others
from cohort.recoding.histogram import Histogram
from cohort.recoding.metrics import Metrics
from cohort.recoding.outcome import Recoding
from cohort.recoding.risk import Risk

Document = dict[str, Any]


def document(
    recoding: Recoding,
    histogram: Histogram,
    constraints: Sequence[Constraint],
    names: Sequence[str],
    k: int,
) -> Document:
    """Everything but the time it took: levels or classes, losses, metrics, risk, counts.

    Takes: the recoding and the histogram that it was found on, the rules, the names of the columns.
    """
    kind = str(recoding.search["kind"])
    return {
        "recoding": kind,
        **({"levels": _level_vectors(recoding)} if kind == "global" else {}),
        "classes": {
            "number": recoding.classes,
            "columns": {name: _levels_of(recoding, column) for column, name in enumerate(names)},
        },
        "constraints": [str(rule) for rule in constraints],
        "losses": {
            "mean": recoding.loss.mean,
            "geometric": recoding.loss.geometric,
            "columns": dict(zip(names, recoding.column_losses, strict=True)),
        },
        "metrics": Metrics.of(histogram, recoding).as_dict(),
        "risk": _risk(recoding, histogram, constraints, k),
        "records": histogram.pupils,
        "released": recoding.released,
        "suppressed": recoding.suppressed,
        "proven": bool(recoding.search.get("proven", False)),
        "search": {key: value for key, value in recoding.search.items() if key not in ("kind", "proven")},
    }


def _level_vectors(recoding: Recoding) -> list[int] | dict[str, list[int]]:
    """The level of every column; where populations were searched apart, that of each."""
    apart = recoding.search.get("populations", {})
    if apart:
        return {name: list(one["levels"]) for name, one in apart.items()}
    return [int(level) for level in recoding.levels[0]]


def _risk(recoding: Recoding, histogram: Histogram, constraints: Sequence[Constraint], k: int) -> Document:
    """What an intruder finds; where schools are known, also one of them that knows its own pupils."""
    found = Risk.of(histogram, recoding, k).as_dict()
    found["stranger"] = intruder.stranger(histogram, recoding, k).as_dict()
    if histogram.has_schools:
        others = max((rule.k_others for rule in constraints if isinstance(rule, Others)), default=0)
        found["school"] = intruder.school(histogram, recoding, max(others, 1)).as_dict()
    return found


def _levels_of(recoding: Recoding, column: int) -> list[dict[str, int]]:
    """How many classes and records show the column at each level that occurs."""
    levels = recoding.levels[:, column]
    classes, records = np.bincount(levels), np.bincount(levels, recoding.pupils)
    return [
        {"level": int(level), "classes": int(classes[level]), "records": int(records[level])}
        for level in np.unique(levels)
    ]
