"""What a recoding did, as one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.class_constraints import ClassConstraint, count_schools_by_class
from cohort.sdc.privacy_models.k_anonymity import KWithoutLargestSchool
from cohort.sdc.risk import motivated_intruder, reidentification_risk
from cohort.sdc.risk.reidentification_risk import ReidentificationRisk
from cohort.sdc.utility.metrics import UtilityMetrics

Document = dict[str, Any]


def build_report(
    recoding: Recoding,
    histogram: Histogram,
    by_school: Histogram | None,
    constraints: Sequence[ClassConstraint],
    names: Sequence[str],
    k: int,
) -> Document:
    """Everything but the time it took: levels or classes, losses, metrics, risk, counts.

    Takes: the recoding and the histogram that it was found on; where that one counts boards as schools, the
    same records by their schools, each a unit of its own; the rules, the names of the columns.
    """
    kind = str(recoding.search_facts["kind"])
    return {
        "recoding": kind,
        **({"levels": _level_vectors(recoding)} if kind == "global" else {}),
        "classes": {
            "number": recoding.classes,
            "columns": {name: _level_counts(recoding, column) for column, name in enumerate(names)},
        },
        "constraints": [str(rule) for rule in constraints],
        "losses": {
            "mean": recoding.loss.mean,
            "geometric": recoding.loss.geometric,
            "columns": dict(zip(names, recoding.column_losses, strict=True)),
        },
        "metrics": UtilityMetrics.from_recoding(histogram, recoding).as_dict(),
        "risk": _risk_section(recoding, histogram, by_school, constraints, k),
        "records": histogram.pupils,
        "released": recoding.released_pupils,
        "suppressed": recoding.suppressed,
        "proven": bool(recoding.search_facts.get("proven", False)),
        "search": {key: value for key, value in recoding.search_facts.items() if key not in ("kind", "proven")},
    }


def _level_vectors(recoding: Recoding) -> list[int] | dict[str, list[int]]:
    """The level of every column; where populations were searched apart, that of each."""
    apart = recoding.search_facts.get("populations", {})
    if apart:
        return {name: one["levels"] for name, one in apart.items()}
    return [int(level) for level in recoding.levels[0]]


def _risk_section(
    recoding: Recoding,
    histogram: Histogram,
    by_school: Histogram | None,
    constraints: Sequence[ClassConstraint],
    k: int,
) -> Document:
    """What each kind of intruder faces; where schools are known, also a school and a board."""
    found = ReidentificationRisk.from_recoding(histogram, recoding, k).as_dict()
    found["stranger"] = motivated_intruder.simulate_stranger(histogram, recoding, k).as_dict()
    largest = {}
    if histogram.has_schools:
        others = max((rule.k_others for rule in constraints if isinstance(rule, KWithoutLargestSchool)), default=0)
        counted = {"school": (histogram, recoding)}
        if by_school is not None:
            own = _as_single_units(recoding, histogram, by_school)
            counted = {"school": (by_school, own), "board": (histogram, recoding)}
        for who, (units, of) in counted.items():
            found[who] = motivated_intruder.simulate_school(units, of, max(others, 1), who=who).as_dict()
            largest[who] = count_schools_by_class(units, _class_of_each_unit(of), of.classes)[1]
    found["intruders"] = reidentification_risk.measure_intruder_chances(recoding.pupils, k, **largest)
    return found


def _as_single_units(recoding: Recoding, histogram: Histogram, single: Histogram) -> Recoding:
    """The same recoding for the same records as units of another histogram, in which each is one."""
    class_of = np.empty(single.units, dtype=recoding.class_of.dtype)
    class_of[single.unit_of_pupil] = recoding.class_of[histogram.unit_of_pupil]
    return replace(recoding, class_of=class_of)


def _class_of_each_unit(recoding: Recoding) -> npt.NDArray[np.int64]:
    of = recoding.class_of.astype(np.int64)
    return np.where(of < 0, recoding.classes, of)


def _level_counts(recoding: Recoding, column: int) -> list[dict[str, int]]:
    """How many classes and records show the column at each level that occurs."""
    levels = recoding.levels[:, column]
    classes, records = np.bincount(levels), np.bincount(levels, recoding.pupils)
    return [
        {"level": int(level), "classes": int(classes[level]), "records": int(records[level])}
        for level in np.unique(levels)
    ]
