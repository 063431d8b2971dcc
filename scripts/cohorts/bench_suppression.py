"""Benchmark of the search for hidden cells: seconds, memory and gap for tables of a made-up cohort.

Each set of tables is searched in a process of its own: without attackers who know their own pupils, as published
comparisons do, or with every school and board.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from cohort.cell_suppression import (
    Contributions,
    SearchBudget,
    SuppressionRules,
    SuppressionTask,
    TableShape,
    find_hidden_cells,
)
from cohort.foundation import NotAnonymous
from cohorts.suppression_cohort import generate_contributions, make_variables

RULES = SuppressionRules(pupils=10, schools=5, largest_share=0.5, p=0.1)
THIRD, FULL = 1_600, 6_057
"""Schools of a third of a cohort of the size of the NCO's, and of all of it."""


@dataclass(frozen=True)
class Case:
    """A set of tables, each a list of variables, and the schools of its cohort."""

    schools: int
    tables: tuple[str, ...]
    informed: bool = False


FOUR_TABLES = (
    "region group denomination",
    "region denomination sex",
    "region denomination weight",
    "region group weight",
)
CASES = {
    "1428": Case(THIRD, ("region group denomination",)),
    "1428-schools": Case(THIRD, ("region group denomination",), informed=True),
    "four-tables": Case(THIRD, FOUR_TABLES),
    "four-tables-schools": Case(THIRD, FOUR_TABLES, informed=True),
    "4284": Case(THIRD, ("region group denomination sex",)),
    "4284-schools": Case(THIRD, ("region group denomination sex",), informed=True),
    "12852": Case(FULL, ("region group denomination sex language",)),
    "12852-schools": Case(FULL, ("region group denomination sex language",), informed=True),
    "51408-schools": Case(FULL, ("region group denomination sex language weight",), informed=True),
}


def measure_case(name: str, seconds: float, first_seconds: float) -> dict[str, Any]:
    """Measure one search in this process.

    Args:
        name: of the case.
        seconds: how long the search may take.
        first_seconds: until when there must be a safe pattern.
    """
    case, variables = CASES[name], make_variables()
    trees = {variable.name: next(iter(variable.all_trees)) for variable in variables}
    task = SuppressionTask(
        variables=variables,
        tables=[TableShape(table, {axis: trees[axis] for axis in table.split()}) for table in case.tables],
        contributions=[Contributions(generate_contributions(case.schools))],
        rules=RULES,
        budget=SearchBudget(seconds, first_seconds),
        max_primary_share=1.0,
        informed=case.informed,
    )
    start = time.perf_counter()
    try:
        result = find_hidden_cells(task, _print_progress)
    except NotAnonymous as refusal:
        return {"refused": str(refusal), "peak_mb": _peak_megabytes()}
    return {
        "cells": int(result.cells.shown.sum()),
        "primary": int(result.primary.sum()),
        "attackers": result.attackers,
        "secondary": result.secondary,
        "first_s": round(result.first_pattern_seconds, 1),
        "search_s": round(result.seconds, 1),
        "total_s": round(time.perf_counter() - start, 1),
        "processor_s": round(time.process_time(), 1),
        "gap_percent": round(100 * (result.cost - result.lower_bound) / result.cost, 3),
        "proven": result.proven,
        "peak_mb": _peak_megabytes(),
    }


def _peak_megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _print_progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench suppression")
    parser.add_argument("--seconds", type=float, default=60, help="of each search")
    parser.add_argument("--first-seconds", type=float, default=60, help="until there must be a safe pattern")
    parser.add_argument("--cases", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--only", choices=list(CASES))
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure_case(options.only, options.seconds, options.first_seconds)))
        return
    document: dict[str, Any] = {"load_at_start": os.getloadavg()[0]}
    for name in options.cases:
        command = [sys.executable, "-m", "cohorts.bench_suppression", "--only", name]
        command += ["--seconds", str(options.seconds), "--first-seconds", str(options.first_seconds)]
        document[name] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    print(json.dumps(document))


if __name__ == "__main__":
    main()
