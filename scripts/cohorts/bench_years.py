"""Benchmark of an archive: what each job takes with one school year in the store, and with many, in one session.

Both stores are written by `stored_results`. In every turn each job runs on the one and then on the other: a release of
the latest year, `status`, `objections` with new objectors, `ingest` of new files. Warm-ups, then turns; the ratios are
medians of the turns. Objectors are drawn twice: among pupils who are new in the latest year, whose rows are as many
in both stores, and among all pupils of the latest year, whose rows of earlier years go too.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import Environment
from cohort.delivery_formats import load_delivery_formats
from cohort.erasure import apply_objections
from cohort.ingestion import IngestionContext, ingest_deliveries
from cohort.legal_basis import NumberChanges, Objections, load_objections
from cohort.release import ReleaseTask, check_release_allowed, release_one, report_status
from cohort.results import read_counted_batches, read_current_results
from cohorts import bench_release, synthesise
from cohorts.bench_ingest import link_deliveries
from cohorts.bench_release import print_progress
from cohorts.pupil_numbers import NumberRange

WARM_UPS = 1
SCHOOLS_PER_NEW_FILE = 100
"""A run of `ingest` brings one new file per this many schools."""
ROWS_PER_NEW_FILE = 455
NEW_OBJECTORS = 100
TEN_YEARS_AND_MORE = 36_500
"""Days of retention, so that no year of the store is past it."""
LATEST_YEAR = "2024-2025"
JOBS = ("release", "status", "objections", "objections_with_history", "ingest")


@dataclass(frozen=True)
class Store:
    """One storage root with its task, and what new comes to it in each turn.

    Args:
        years: the school years in it.
        task: the release of the latest year.
        objectors: by kind the numbers of pupils who object in the turns to come.
        files: new deliveries.
    """

    years: int
    task: ReleaseTask
    objectors: dict[str, list[str]]
    files: list[Path]

    def environment_of(self, job: str, turn: int) -> Environment:
        """The surroundings of one run: no two runs begin at the same moment, by which their journals are named."""
        own = self.task.environment
        return replace(own, now=own.now + dt.timedelta(seconds=turn * len(JOBS) + JOBS.index(job)))

    def load_objections(self) -> Objections:
        own, domains = self.task.environment, self.task.catalogue.domains()
        return load_objections(own.zones.objections, own.platform.objections, own.today, domains)


def prepare_store(spark: SparkSession, scratch: Path, options: argparse.Namespace, years: int) -> Store:
    """Write a store of some school years, and draw what will be new in each turn."""
    folder = scratch / f"{years}"
    folder.mkdir()
    turns = WARM_UPS + options.turns
    task = bench_release.prepare_release(spark, folder, options.pupils, options.recoding, years)
    days = task.environment.platform.retention_days.model_copy(update={"results": TEN_YEARS_AND_MORE})
    platform = task.environment.platform.model_copy(update={"retention_days": days})
    task = replace(task, environment=replace(task.environment, platform=platform))
    zones = task.environment.zones
    zones.deliveries.mkdir()
    results = read_current_results(spark, zones, read_counted_batches(zones.ledger)).select("pgn", "schooljaar")
    latest = results.where(F.col("schooljaar") == LATEST_YEAR).select("pgn").distinct()
    earlier = results.where(F.col("schooljaar") != LATEST_YEAR)
    drawn = {"objections": latest.join(earlier, "pgn", "left_anti"), "objections_with_history": latest}
    objectors = {kind: _draw_numbers(pupils, kind, turns * NEW_OBJECTORS) for kind, pupils in drawn.items()}
    files = _write_new_files(folder, turns * _files_per_turn(task), task.environment.today)
    return Store(years, task, objectors, files)


def _draw_numbers(pupils: DataFrame, kind: str, count: int) -> list[str]:
    """Draw pupils, others for each kind, in an order that has nothing to do with their schools."""
    drawn = pupils.orderBy(F.xxhash64(F.concat("pgn", F.lit(kind)))).limit(count)
    return [line.pgn for line in drawn.collect()]


def _write_new_files(folder: Path, count: int, today: dt.date) -> list[Path]:
    made, config = folder / "made", folder / "made-conf"
    shutil.copytree("conf", config)
    pupils = count * ROWS_PER_NEW_FILE // 10
    # Pupils of whom no store has results: a number that an earlier year gave to another child would be refused.
    synthesise.write_synthetic_cohort(
        made,
        config,
        count=pupils,
        school_count=count,
        seed=2,
        today=today,
        clean=True,
        number_range=NumberRange.NLSCHOOLS,
    )
    return sorted((made / "deliveries").iterdir())


def run_release(spark: SparkSession, store: Store, _: int) -> None:
    lists, key = check_release_allowed(store.task)
    release_one(spark, store.task, lists, key, bench_release.discard_progress)


def run_status(_: SparkSession, store: Store, __: int) -> None:
    report_status(store.task.environment)


def run_objections(spark: SparkSession, store: Store, turn: int, *, kind: str) -> None:
    """Write a list with the new objectors of this turn, and apply all lists."""
    numbers = store.objectors[kind][turn * NEW_OBJECTORS : (turn + 1) * NEW_OBJECTORS]
    own = store.environment_of(kind, turn)
    folder, today = Path(str(own.zones.objections)), own.today
    name = f"{kind.replace('_', '-')}-{turn}"
    lines = "".join(f"{number};;{today};;alles\n" for number in numbers)
    (folder / f"{name}.csv").write_text(lines)
    (folder / f"{name}.toml").write_text(
        f'file = "{name}.csv"\npolarity = "block"\ndate = {today}\nsource = "{name}"\n'
        "max_age_days = 31\ndeclared_empty = false\n"
    )
    report = apply_objections(spark, own, store.task.catalogue, store.load_objections())
    print_progress(f"{kind}: {report.erased.results} rows erased")


def run_ingest(spark: SparkSession, store: Store, turn: int) -> None:
    """Take in the new files of this turn."""
    new = _files_per_turn(store.task)
    own = store.environment_of("ingest", turn)
    link_deliveries(store.files[turn * new : (turn + 1) * new], Path(str(own.zones.root)))
    context = IngestionContext(
        own.zones,
        own.platform,
        store.task.catalogue,
        load_delivery_formats(own.config),
        store.load_objections(),
        NumberChanges(),
        own.now,
    )
    record = ingest_deliveries(spark, context, bench_release.discard_progress)
    if record["new"] != new:
        raise AssertionError("the new files were not taken in")


def _files_per_turn(task: ReleaseTask) -> int:
    return max(1, len(task.catalogue.schools) // SCHOOLS_PER_NEW_FILE)


def time_jobs(spark: SparkSession, store: Store, turn: int) -> dict[str, float]:
    """Run every job once and return its seconds."""
    jobs: dict[str, Callable[[SparkSession, Store, int], None]] = {
        "release": run_release,
        "status": run_status,
        "objections": partial(run_objections, kind="objections"),
        "objections_with_history": partial(run_objections, kind="objections_with_history"),
        "ingest": run_ingest,
    }
    seconds = {}
    for name, job in jobs.items():
        start = time.perf_counter()
        job(spark, store, turn)
        seconds[name] = time.perf_counter() - start
    return seconds


def main() -> None:
    options = _parse_options()
    spark = SparkSession.builder.appName("cohort bench").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    stores = [prepare_store(spark, options.scratch, options, years) for years in (1, options.years)]
    measured: dict[int, list[dict[str, float]]] = {store.years: [] for store in stores}
    for turn in range(WARM_UPS + options.turns):
        for store in stores:
            seconds = time_jobs(spark, store, turn)
            shown = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
            print_progress(f"turn {turn}, {store.years} years: {shown} s")
            if turn >= WARM_UPS:
                measured[store.years].append(seconds)
    print(json.dumps(summarise(options, measured) | bench_release.peak_memory_megabytes(spark)))


def summarise(options: argparse.Namespace, measured: dict[int, list[dict[str, float]]]) -> dict[str, Any]:
    """The medians of the turns: seconds in either store, and their ratios."""
    few, many = measured.values()
    document: dict[str, Any] = {"pupils": options.pupils, "years": options.years}
    for name in JOBS:
        ratios = [after[name] / before[name] for before, after in zip(few, many, strict=True)]
        document[name] = {
            "one_year_s": round(statistics.median(one[name] for one in few), 2),
            "all_years_s": round(statistics.median(one[name] for one in many), 2),
            "ratio": round(statistics.median(ratios), 2),
        }
    return document


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench years")
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--pupils", type=int, default=300_000, help="in each school year")
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--recoding", choices=["global", "local"], default="global")
    return parser.parse_args()


if __name__ == "__main__":
    main()
