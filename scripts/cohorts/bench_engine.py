"""Benchmark of the anonymisation engine: seconds and memory of a search on generated pupils, each in its own process.

Global: k = 5, 4 % suppression, geometric loss, no schools. Local: k = 10, 5 schools, at most half from one.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

from cohort.sdc import (
    ClassConstraint,
    Histogram,
    KAnonymity,
    RecodingRequest,
    SchoolDiversity,
    SchoolDominance,
    search_global_recoding,
    search_local_recoding,
)
from cohorts.engine_cohort import generate_engine_cohort


def measure_search(kind: str, pupils: int) -> dict[str, Any]:
    """Measure one search in this process.

    Args:
        kind: `global` or `local`.
        pupils: how many pupils to generate.
    """
    coding, codes, schools = generate_engine_cohort(pupils)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    if kind == "global":
        histogram = Histogram.from_pupils(codes)
        histogram_built = time.perf_counter()
        recoding = search_global_recoding(
            histogram, RecodingRequest(coding, [KAnonymity(5)], objective="geometric", suppression_limit="0.04")
        )
    else:
        histogram = Histogram.from_pupils(codes, schools, single=True)
        histogram_built = time.perf_counter()
        rules: list[ClassConstraint] = [KAnonymity(10), SchoolDiversity(5), SchoolDominance("1/2")]
        recoding = search_local_recoding(
            histogram, RecodingRequest(coding, rules, objective="mean", suppression_limit=1)
        )
    end = time.perf_counter()
    return {
        "histogram_s": round(histogram_built - start, 2),
        "search_s": round(end - histogram_built, 2),
        "total_s": round(end - start, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "generator_mb": before // 1024,
        "geometric_loss": round(recoding.loss.geometric, 5),
        "mean_loss": round(recoding.loss.mean, 5),
        "suppressed": recoding.suppressed,
        "classes": recoding.classes,
        "nodes": recoding.search_facts["nodes"],
        "proven": recoding.search_facts["proven"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench engine")
    parser.add_argument("--pupils", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["global", "local"])
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure_search(options.only, options.pupils)))
        return
    document: dict[str, Any] = {"pupils": options.pupils}
    for kind in ("global", "local"):
        command = [sys.executable, "-m", "cohorts.bench_engine", "--pupils", str(options.pupils), "--only", kind]
        document[kind] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(json.dumps(document))


if __name__ == "__main__":
    main()
