"""How long a protected release takes, against the unprotected job on the same rows, in one session.

The unprotected job reads the same rows, brings them to one row per pupil in the fastest form we know
(numeric aggregates only, a whole-number key) and writes them as Delta. The protected one is `release` to a
verified stage. Two warm-ups, then pairs in turn; medians.
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

from cohort import delta
from cohort.agreements import catalogue, platform, project
from cohort.agreements.environment import Environment
from cohort.anonymisation import pupil_records
from cohort.delivery_formats import format_declarations
from cohort.ingestion import pipeline
from cohort.keys import project_keys
from cohort.legal_basis import number_changes, objections
from cohort.release import release_job as releases
from cohort.release.release_task import ReleaseTask, check_release_allowed
from cohort.results import ledger
from cohort.states.schemas import AcceptedResults
from cohort.storage import zone_paths
from cohorts import schools, synthesise

NAME = "leergroei"


def unprotected_pivot(results: DataFrame, agreed: project.Project) -> DataFrame:
    """The same selection and pivot without any protection."""
    selected = pupil_records.select_project_results(AcceptedResults(results), agreed)
    shown = [
        F.max(F.when(pupil_records.is_usable_result(r), F.col(r.value))).alias(f"value_{i}")
        for i, r in enumerate(agreed.results)
    ]
    attributes = [F.max(F.col(str(c.attribute)).try_cast("int")).alias(c.name) for c in agreed.columns if c.attribute]
    return selected.groupBy(F.col("pgn").cast("int").alias("pgn")).agg(*shown, *attributes)


def prepare_release(spark: SparkSession, scratch: Path, pupils: int, kind: str) -> ReleaseTask:
    """A synthetic cohort, taken in."""
    root, config = scratch / "root", scratch / "conf"
    shutil.copytree("conf", config)
    root.mkdir()
    now = dt.datetime.now().astimezone()
    synthesise.write_synthetic_cohort(
        root, config, count=pupils, school_count=schools.default_school_count(pupils), seed=1, today=now.date()
    )
    where, holds, known = (
        zone_paths.StorageZones(root),
        platform.load_platform(config),
        catalogue.load_catalogue(config),
    )
    lists = objections.load_objections(where.objections, holds.objections, now.date(), known.domains())
    tell(f"ingest of {pupils} pupils")
    pipeline.ingest_deliveries(
        spark,
        pipeline.IngestionContext(
            where,
            holds,
            known,
            format_declarations.load_delivery_formats(config),
            lists,
            number_changes.NumberChanges(),
            now,
        ),
        tell,
    )
    project_keys.create_key(scratch / "keys", NAME)
    agreed = project.load_project(config, NAME, holds)
    recoding = agreed.recoding.model_copy(update={"kind": kind})
    agreed = agreed.model_copy(
        update={"starts": now.date(), "ends": now.date() + dt.timedelta(days=9), "recoding": recoding}
    )
    return ReleaseTask(Environment(where, holds, config, scratch / "keys", now, "bench"), known, agreed)


def tell(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


def silent(_: str) -> None:
    """Say nothing."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench release")
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--pupils", type=int, default=300_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--recoding", choices=["global", "local"], default="global")
    asked = parser.parse_args()
    spark = SparkSession.builder.appName("cohort bench").getOrCreate()
    work = prepare_release(spark, asked.scratch, asked.pupils, asked.recoding)
    naive: list[float] = []
    protected: list[float] = []
    stages: list[dict[str, float]] = []
    for turn in range(asked.pairs + 2):
        start = time.perf_counter()
        batches = list(ledger.read_counted_batches(work.environment.zones.ledger))
        results = delta.read_table(spark, work.environment.zones.results).where(F.col("batch").isin(batches))
        plain = asked.scratch / "unprotected"
        shutil.rmtree(plain, ignore_errors=True)
        unprotected_pivot(results, work.project).write.format("delta").save(str(plain))
        middle = time.perf_counter()
        lists, key = check_release_allowed(work)
        record = releases.release_one(spark, work, lists, key, tell if turn == 0 else silent)
        end = time.perf_counter()
        if turn >= 2:
            naive.append(middle - start)
            protected.append(end - middle)
            stages.append(record.stages or {})
        tell(f"turn {turn}: unprotected {middle - start:.2f} s, release {end - middle:.2f} s")
    spent = {name: statistics.median(s.get(name, 0.0) for s in stages) for name in stages[0]}
    ratio = statistics.median(p / n for p, n in zip(protected, naive, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    told = {
        "pupils": asked.pupils,
        "recoding": asked.recoding,
        "naive_s": round(statistics.median(naive), 2),
        "release_s": round(statistics.median(protected), 2),
        "ratio": round(ratio, 2),
        "stages": spent,
        "loss": round(record.loss.mean, 5),
        "driver_python_mb": peak,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
