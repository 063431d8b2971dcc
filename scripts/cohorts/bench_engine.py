"""How long the anonymity engine takes, and how much memory, on generated pupils: each measurement a process.

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

from cohort.sdc.global_recoding import lattice_search
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.local_recoding import local_search
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.privacy_models.class_constraints import ClassConstraint
from cohort.sdc.privacy_models.dominance import SchoolDominance
from cohort.sdc.privacy_models.k_anonymity import KAnonymity
from cohort.sdc.privacy_models.school_diversity import SchoolDiversity
from cohorts.engine_cohort import generate_engine_cohort


def measure_search(what: str, pupils: int) -> dict[str, Any]:
    """One search in this process."""
    coding, codes, schools = generate_engine_cohort(pupils)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    if what == "global":
        histogram = Histogram.from_pupils(codes)
        counted = time.perf_counter()
        found = lattice_search.search_global_recoding(
            histogram, RecodingRequest(coding, [KAnonymity(5)], objective="geometric", suppression_limit="0.04")
        )
    else:
        histogram = Histogram.from_pupils(codes, schools, single=True)
        counted = time.perf_counter()
        rules: list[ClassConstraint] = [KAnonymity(10), SchoolDiversity(5), SchoolDominance("1/2")]
        found = local_search.search_local_recoding(
            histogram, RecodingRequest(coding, rules, objective="mean", suppression_limit=1)
        )
    end = time.perf_counter()
    return {
        "histogram_s": round(counted - start, 2),
        "search_s": round(end - counted, 2),
        "total_s": round(end - start, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "generator_mb": before // 1024,
        "geometric_loss": round(found.loss.geometric, 5),
        "mean_loss": round(found.loss.mean, 5),
        "suppressed": found.suppressed,
        "classes": found.classes,
        "nodes": found.search_facts["nodes"],
        "proven": found.search_facts["proven"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench engine")
    parser.add_argument("--pupils", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["global", "local"])
    asked = parser.parse_args()
    if asked.only:
        print(json.dumps(measure_search(asked.only, asked.pupils)))
        return
    told: dict[str, Any] = {"pupils": asked.pupils}
    for what in ("global", "local"):
        command = [sys.executable, "-m", "cohorts.bench_engine", "--pupils", str(asked.pupils), "--only", what]
        told[what] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
