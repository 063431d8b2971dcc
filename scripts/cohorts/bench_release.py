"""Benchmark of a protected release against an unprotected job on the same rows, in one session.

The unprotected job reads the same rows, pivots them to one row per pupil in the fastest form we know (numeric
aggregates only, a whole-number key) and writes them as Delta. The protected one is `release` up to a verified stage.
Two warm-ups, then pairs in turn; medians.
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

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import Environment, Project, load_catalogue, load_platform, load_project
from cohort.anonymisation import is_usable_result, select_project_results
from cohort.data_states import AcceptedResults
from cohort.delivery_formats import load_delivery_formats
from cohort.delta import read_table
from cohort.ingestion import IngestionContext, ingest_deliveries
from cohort.keys import create_key
from cohort.legal_basis import NumberChanges, load_objections
from cohort.release import ReleaseTask, check_release_allowed, release_one
from cohort.results import read_counted_batches
from cohort.storage import StorageZones
from cohorts import schools, synthesise

PROJECT_NAME = "leergroei"
WARM_UPS = 2


def unprotected_pivot(results: DataFrame, agreed: Project) -> DataFrame:
    """Select and pivot the results of a project without any protection."""
    selected = select_project_results(AcceptedResults(results), agreed)
    shown = [
        F.max(F.when(is_usable_result(r), F.col(r.value))).alias(f"value_{i}") for i, r in enumerate(agreed.results)
    ]
    attributes = [F.max(F.col(str(c.attribute)).try_cast("int")).alias(c.name) for c in agreed.columns if c.attribute]
    return selected.groupBy(F.col("pgn").cast("int").alias("pgn")).agg(*shown, *attributes)


def prepare_release(spark: SparkSession, scratch: Path, pupils: int, kind: str) -> ReleaseTask:
    """Generate and ingest a synthetic cohort, and make the task of its release."""
    root, config = scratch / "root", scratch / "conf"
    shutil.copytree("conf", config)
    root.mkdir()
    now = dt.datetime.now().astimezone()
    synthesise.write_synthetic_cohort(
        root, config, count=pupils, school_count=schools.default_school_count(pupils), seed=1, today=now.date()
    )
    where, holds, known = (StorageZones(root), load_platform(config), load_catalogue(config))
    lists = load_objections(where.objections, holds.objections, now.date(), known.domains())
    print_progress(f"ingest of {pupils} pupils")
    ingest_deliveries(
        spark,
        IngestionContext(where, holds, known, load_delivery_formats(config), lists, NumberChanges(), now),
        print_progress,
    )
    create_key(scratch / "keys", PROJECT_NAME)
    agreed = load_project(config, PROJECT_NAME, holds)
    recoding = agreed.recoding.model_copy(update={"kind": kind})
    agreed = agreed.model_copy(
        update={"starts": now.date(), "ends": now.date() + dt.timedelta(days=9), "recoding": recoding}
    )
    return ReleaseTask(Environment(where, holds, config, scratch / "keys", now, "bench"), known, agreed)


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
    for turn in range(options.pairs + WARM_UPS):
        unprotected_seconds = time_unprotected_job(spark, task, options.scratch / "unprotected")
        start = time.perf_counter()
        lists, key = check_release_allowed(task)
        record = release_one(spark, task, lists, key, print_progress if turn == 0 else discard_progress)
        release_seconds = time.perf_counter() - start
        if turn >= WARM_UPS:
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
        "driver_python_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(document))


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
    parser.add_argument("--recoding", choices=["global", "local"], default="global")
    return parser.parse_args()


if __name__ == "__main__":
    main()
