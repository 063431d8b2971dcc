"""Benchmark of the attacks of a release report: seconds and memory on generated pupils, without Spark, on one core.

The release is a local recoding: k = 10, 5 schools, at most half from one. Who attacks knows all but the last column.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from typing import Any

from cohort.sdc import (
    AttackedCohort,
    ClassConstraint,
    Histogram,
    KAnonymity,
    Recoding,
    RecodingRequest,
    SchoolDiversity,
    SchoolDominance,
    downcoding_attack,
    measure_release_risk,
    search_local_recoding,
)
from cohorts.engine_cohort import generate_engine_cohort


def measure_attacks(pupils: int) -> dict[str, Any]:
    """Measure the attacks on one release, in this process."""
    coding, codes, schools = generate_engine_cohort(pupils)
    rules: list[ClassConstraint] = [KAnonymity(10), SchoolDiversity(5), SchoolDominance("1/2")]
    request = RecodingRequest(coding, rules, objective="mean", suppression_limit=1)
    histogram = Histogram.from_pupils(codes, schools, single=True)

    def search(part: Histogram) -> Recoding:
        return search_local_recoding(part, request)

    recoding = search(histogram)
    attributes = tuple(hierarchy.name for hierarchy in coding.hierarchies[:-1])
    start = time.perf_counter()
    downcoding = downcoding_attack(histogram, recoding)
    guessed = time.perf_counter()
    risk = measure_release_risk(downcoding, AttackedCohort.from_histogram(histogram, coding, search), attributes)
    end = time.perf_counter()
    if risk.inference is None:
        raise RuntimeError("a half without a recoding")
    return {
        "pupils": pupils,
        "classes": recoding.classes,
        "downcoding_s": round(guessed - start, 2),
        "control_half_s": round(end - guessed, 2),
        "total_s": round(end - start, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "downcoding_gain": round(downcoding.gain, 4),
        "all_but_one_known": {name: round(one.difference, 4) for name, one in risk.inference.all_but_one_known.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench report")
    parser.add_argument("--pupils", type=int, default=100_000)
    print(json.dumps(measure_attacks(parser.parse_args().pupils)))


if __name__ == "__main__":
    main()
