"""Benchmark of a protected release against an unprotected job on the same rows, in one session.

The unprotected job reads the same rows, pivots them to one row per pupil as anybody would who knows Spark (scores as
whole numbers, attributes as small codes, one shuffle on a whole number, no text in an aggregate) and writes them as
Delta. The protected one is `release` up to a verified stage. Two warm-ups, then pairs in turn; medians.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import resource
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any, cast

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import Environment, Project, SelectedResult, load_catalogue, load_platform, load_project
from cohort.delta import read_table
from cohort.keys import create_key
from cohort.release import ReleaseTask, check_release_allowed, release_one
from cohort.results import read_counted_batches
from cohort.storage import StorageZones
from cohorts import stored_results

PROJECT_NAME = "leergroei"
WARM_UPS = 2


def unprotected_pivot(results: DataFrame, agreed: Project) -> DataFrame:
    """Select and pivot the results of a project without any protection.

    A text is never cast to a number: Spark throws and catches an exception for every one that is none. The first letter
    of an attribute tells its codes apart.
    """
    selected = results.where(
        F.col("schooljaar").isin(agreed.population.schooljaar) & F.col("domein").isin(_domains(agreed))
    )
    shown = [
        F.max(F.when(_is_slot(result), F.col(result.value))).alias(f"value_{place}")
        for place, result in enumerate(agreed.results)
    ]
    attributes = [
        F.max(F.ascii(str(column.attribute))).alias(column.name) for column in agreed.columns if column.attribute
    ]
    return selected.groupBy(F.col("pgn").cast("int").alias("pgn")).agg(*shown, *attributes)


def _domains(agreed: Project) -> list[str]:
    return sorted({result.domein for result in agreed.results})


def _is_slot(result: SelectedResult) -> Column:
    return (
        (F.col("domein") == result.domein)
        & (F.col("schooljaar") == result.schooljaar)
        & (F.col("afnameperiode") == result.moment)
    )


def prepare_release(spark: SparkSession, scratch: Path, pupils: int, kind: str, years: int = 1) -> ReleaseTask:
    """Write a synthetic cohort straight into the results, and make the task of its release."""
    root, config = scratch / "root", scratch / "conf"
    shutil.copytree("conf", config)
    root.mkdir()
    now = dt.datetime.now().astimezone()
    zones, platform = StorageZones(root), load_platform(config)
    print_progress(f"writing {years} years of {pupils} pupils")
    cohort = stored_results.write_stored_results(
        spark, zones, config, platform, pupils_per_year=pupils, years=years, today=now.date()
    )
    print_progress(f"{cohort.rows} rows of results")
    create_key(scratch / "keys", PROJECT_NAME)
    agreed = load_project(config, PROJECT_NAME, platform)
    recoding = agreed.recoding.model_copy(update={"kind": kind, "objective": "geometric"})
    agreed = agreed.model_copy(
        update={"starts": now.date(), "ends": now.date() + dt.timedelta(days=9), "recoding": recoding}
    )
    environment = Environment(zones, platform, config, scratch / "keys", now, "bench")
    return ReleaseTask(environment, load_catalogue(config), agreed)


def print_progress(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


def discard_progress(_: str) -> None:
    """Print nothing."""


def main() -> None:
    options = _parse_options()
    spark = SparkSession.builder.appName("cohort bench").getOrCreate()
    task = prepare_release(spark, options.scratch, options.pupils, options.recoding)
    unprotected: list[float] = []
    protected: list[float] = []
    stages: list[dict[str, float]] = []
    for turn in range(options.pairs + options.warm_ups):
        unprotected_seconds = time_unprotected_job(spark, task, options.scratch / "unprotected")
        start = time.perf_counter()
        lists, key = check_release_allowed(task)
        record = release_one(spark, task, lists, key, print_progress if turn == 0 else discard_progress)
        release_seconds = time.perf_counter() - start
        if turn >= options.warm_ups:
            unprotected.append(unprotected_seconds)
            protected.append(release_seconds)
            stages.append(record.stages or {})
        print_progress(f"turn {turn}: unprotected {unprotected_seconds:.2f} s, release {release_seconds:.2f} s")
    document = {
        "pupils": options.pupils,
        "recoding": options.recoding,
        "naive_s": round(statistics.median(unprotected), 2),
        "release_s": round(statistics.median(protected), 2),
        "ratio": round(statistics.median(p / u for p, u in zip(protected, unprotected, strict=True)), 2),
        "stages": {name: statistics.median(one.get(name, 0.0) for one in stages) for name in stages[0]},
        "loss": round(record.loss.mean, 5),
    }
    print(json.dumps(document | peak_memory_megabytes(spark)))


def peak_memory_megabytes(spark: SparkSession) -> dict[str, int]:
    """The most memory that the driver's Python and its JVM ever had."""
    process = cast(Any, spark)._jvm.java.lang.ProcessHandle.current().pid()
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    jvm = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return {"python_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "jvm_mb": jvm // 1024}


def time_unprotected_job(spark: SparkSession, task: ReleaseTask, out: Path) -> float:
    """Seconds of the unprotected job, which writes its table to `out`."""
    start = time.perf_counter()
    batches = list(read_counted_batches(task.environment.zones.ledger))
    results = read_table(spark, task.environment.zones.results).where(F.col("batch").isin(batches))
    shutil.rmtree(out, ignore_errors=True)
    unprotected_pivot(results, task.project).write.format("delta").save(str(out))
    return time.perf_counter() - start


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench release")
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--pupils", type=int, default=300_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--warm-ups", type=int, default=WARM_UPS)
    parser.add_argument("--recoding", choices=["global", "local"], default="global")
    return parser.parse_args()


if __name__ == "__main__":
    main()
