"""The report of a recoding of a plain file: levels or classes, losses, metrics, risk and counts, as one document.

In go the outcome of the search; out comes what `command_line` prints as JSON. The figures are exact, for the analyst.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cohort.sdc.cli.file_search import FileSearchResult
from cohort.sdc.cli.settings import RecodingSettings
from cohort.sdc.model import Histogram, IntArray, Recoding
from cohort.sdc.privacy_models import KWithoutLargestSchool, count_schools_by_class
from cohort.sdc.risk import ReidentificationRisk, measure_intruder_chances, simulate_school, simulate_stranger
from cohort.sdc.utility import UtilityMetrics

ReportDocument = dict[str, Any]


def build_report(result: FileSearchResult, by_school: Histogram | None, settings: RecodingSettings) -> ReportDocument:
    """Build the report, without the seconds it took and the sensitive values.

    Args:
        result: the outcome of the search.
        by_school: where the search counted boards, the same records by school, each a unit of its own.
        settings: the constraints and the names of the columns.
    """
    recoding, names = result.recoding, settings.columns
    kind = str(recoding.search_facts["kind"])
    return {
        "recoding": kind,
        **({"levels": _level_vectors(recoding)} if kind == "global" else {}),
        "classes": {
            "number": recoding.classes,
            "columns": {name: _level_counts(recoding, column) for column, name in enumerate(names)},
        },
        "constraints": [str(constraint) for constraint in settings.constraints],
        "losses": {
            "mean": recoding.loss.mean,
            "geometric": recoding.loss.geometric,
            "columns": dict(zip(names, recoding.column_losses, strict=True)),
        },
        "metrics": UtilityMetrics.from_recoding(result.histogram, recoding).as_dict(),
        "risk": _risk_section(result, by_school, settings),
        "records": result.histogram.pupils,
        "released": recoding.released_pupils,
        "suppressed": recoding.suppressed,
        "proven": bool(recoding.search_facts.get("proven", False)),
        "search": {key: value for key, value in recoding.search_facts.items() if key not in ("kind", "proven")},
    }


def _level_vectors(recoding: Recoding) -> list[int] | dict[str, list[int]]:
    """The level of every column; by population where populations were searched separately."""
    populations = recoding.search_facts.get("populations", {})
    if populations:
        return {name: facts["levels"] for name, facts in populations.items()}
    return [int(level) for level in recoding.levels[0]]


def _level_counts(recoding: Recoding, column: int) -> list[dict[str, int]]:
    """How many classes and records show the column at each level that occurs."""
    levels = recoding.levels[:, column]
    classes, records = np.bincount(levels), np.bincount(levels, recoding.pupils)
    return [
        {"level": int(level), "classes": int(classes[level]), "records": int(records[level])}
        for level in np.unique(levels)
    ]


def _risk_section(result: FileSearchResult, by_school: Histogram | None, settings: RecodingSettings) -> ReportDocument:
    """What each kind of intruder faces; where schools are known, also a school and a board."""
    recoding, histogram, k = result.recoding, result.histogram, settings.k
    section = ReidentificationRisk.from_recoding(histogram, recoding, k).as_dict()
    section["stranger"] = simulate_stranger(histogram, recoding, k).as_dict()
    largest = {}
    if histogram.has_schools:
        contributors = {"school": (histogram, recoding)}
        if by_school is not None:
            by_record = _recoding_of_single_units(recoding, histogram, by_school)
            contributors = {"school": (by_school, by_record), "board": (histogram, recoding)}
        k_others = _max_k_others(settings)
        for who, (units, of_units) in contributors.items():
            section[who] = simulate_school(units, of_units, max(k_others, 1), intruder_kind=who).as_dict()
            largest[who] = count_schools_by_class(units, _class_of_unit(of_units), of_units.classes)[1]
    section["intruders"] = measure_intruder_chances(recoding.pupils, k, **largest)
    return section


def _max_k_others(settings: RecodingSettings) -> int:
    return max((rule.k_others for rule in settings.constraints if isinstance(rule, KWithoutLargestSchool)), default=0)


def _recoding_of_single_units(recoding: Recoding, histogram: Histogram, single: Histogram) -> Recoding:
    """The same recoding of the same records, as units of another histogram in which each record is one unit."""
    class_of = np.empty(single.units, dtype=recoding.class_of.dtype)
    class_of[single.unit_of_pupil] = recoding.class_of[histogram.unit_of_pupil]
    return replace(recoding, class_of=class_of)


def _class_of_unit(recoding: Recoding) -> IntArray:
    """The class of each unit; the number of classes for a suppressed one."""
    class_of = recoding.class_of.astype(np.int64)
    return np.where(class_of < 0, recoding.classes, class_of)
