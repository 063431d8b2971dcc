"""Benchmark of ingestion against a plain copy of the same files, in one session.

The copy is `spark.read.csv` with an explicit schema, written as Delta. Ingestion is complete: every file validated, two
tables, feedback for every school, the ledger. Warm-ups run both on a few of the files, often enough for the JVM to have
compiled them; then pairs in turn, each on a storage root of its own; medians. Then runs with new files among those
already ingested, and their median.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import statistics
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.types import StringType, StructField, StructType

from cohort.agreements import load_catalogue, load_platform
from cohort.delivery_formats import load_delivery_formats
from cohort.ingestion import IngestionContext, ingest_deliveries
from cohort.legal_basis import NumberChanges, Objections
from cohort.storage import StorageZones
from cohorts import delivery_files as written
from cohorts import synthesise

WARM_UP_FILES, WARM_UP_TURNS = 200, 3
INGESTED_PER_NEW_FILE, LATER_RUNS = 100, 3
"""Later runs have one new file per this many ingested ones."""
ROWS_PER_PUPIL = 10
"""Rows that the synthetic cohort has per pupil, about."""
ROWS_PER_FILE = 455
NOW = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)


def time_plain_copy(spark: SparkSession, folder: Path, out: Path) -> float:
    """Seconds of the plain copy. It ignores the order of columns in a file, at no cost."""
    shutil.rmtree(out, ignore_errors=True)
    start = time.perf_counter()
    state = StructType([StructField(name, StringType()) for name in written.DELIVERY_COLUMNS])
    frame = spark.read.schema(state).option("sep", ";").option("header", "true").csv(str(folder))
    frame.write.format("delta").save(str(out))
    return time.perf_counter() - start


def time_ingestion(spark: SparkSession, root: Path, config: Path, *, verbose: bool) -> tuple[float, dict[str, object]]:
    """Seconds of an ingestion run, and its record."""
    start = time.perf_counter()
    where = StorageZones(root)
    intake = IngestionContext(
        where,
        load_platform(config),
        load_catalogue(config),
        load_delivery_formats(config),
        Objections(()),
        NumberChanges(),
        NOW,
    )

    def progress(line: str) -> None:
        if verbose:
            print_progress(f"{time.perf_counter() - start:6.1f} s {line}")

    record = ingest_deliveries(spark, intake, progress)
    return time.perf_counter() - start, record


def make_storage_root(paths: list[Path], root: Path) -> Path:
    """Make a storage root with these deliveries as hard links: the same bytes for every turn."""
    shutil.rmtree(root, ignore_errors=True)
    (root / "deliveries").mkdir(parents=True)
    link_deliveries(paths, root)
    return root


def link_deliveries(paths: list[Path], root: Path) -> None:
    """Link deliveries into a storage root."""
    for path in paths:
        (root / "deliveries" / path.name).hardlink_to(path)


def print_progress(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


def main() -> None:
    options = _parse_options()
    spark = SparkSession.builder.appName("cohort bench").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    scratch, config = options.scratch, options.scratch / "conf"
    shutil.copytree("conf", config)
    files = _make_files(options, config)
    new = max(1, options.files // INGESTED_PER_NEW_FILE)
    first_files, later_files = files[: options.files], files[options.files :]
    plain = make_storage_root(first_files, scratch / "plain") / "deliveries"
    _warm_up(spark, first_files, scratch, config)
    copy_seconds, ingest_seconds = [], []
    for turn in range(options.pairs):
        copy_seconds.append(time_plain_copy(spark, plain, scratch / "copied"))
        root = make_storage_root(first_files, scratch / "root")
        seconds, record = time_ingestion(spark, root, config, verbose=turn == 0)
        ingest_seconds.append(seconds)
        print_progress(f"pair {turn + 1}: copy {copy_seconds[-1]:.1f} s, ingest {seconds:.1f} s")
    later_seconds = []
    for turn in range(LATER_RUNS):
        link_deliveries(later_files[turn * new : (turn + 1) * new], root)
        seconds, later_record = time_ingestion(spark, root, config, verbose=turn == 0)
        later_seconds.append(seconds)
    print_progress(f"{later_record['new']} new files: {', '.join(f'{seconds:.1f}' for seconds in later_seconds)} s")
    pairs = zip(ingest_seconds, copy_seconds, strict=True)
    document = {
        "files": len(first_files),
        "rows": record["rows"],
        "copy_s": round(statistics.median(copy_seconds), 1),
        "ingest_s": round(statistics.median(ingest_seconds), 1),
        "ratio": round(statistics.median(ingest / copy for ingest, copy in pairs), 2),
        "new_files": later_record["new"],
        "second_s": round(statistics.median(later_seconds), 1),
        "second_share": round(statistics.median(later_seconds) / statistics.median(ingest_seconds), 3),
    }
    print(json.dumps(document))


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench ingest")
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--files", type=int, default=6600)
    parser.add_argument("--rows", type=int, help=f"default: {ROWS_PER_FILE} a file")
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--dirty", action="store_true", help="with faults in most files, one row in 330")
    return parser.parse_args()


def _make_files(options: argparse.Namespace, config: Path) -> list[Path]:
    """Write a synthetic cohort with files for the first ingestion and for all later runs."""
    later_files = LATER_RUNS * max(1, options.files // INGESTED_PER_NEW_FILE)
    rows = (options.rows or ROWS_PER_FILE * options.files) * (1 + LATER_RUNS / INGESTED_PER_NEW_FILE)
    pupils = round(rows / ROWS_PER_PUPIL)
    made = options.scratch / "made"
    print_progress(f"making {options.files + later_files} files of {pupils} pupils")
    synthesise.write_synthetic_cohort(
        made,
        config,
        count=pupils,
        school_count=options.files + later_files,
        seed=1,
        today=NOW.date(),
        clean=not options.dirty,
    )
    return sorted((made / "deliveries").iterdir())


def _warm_up(spark: SparkSession, files: list[Path], scratch: Path, config: Path) -> None:
    """Run everything that is measured on a few of the files."""
    for _ in range(WARM_UP_TURNS):
        root = make_storage_root(files[:WARM_UP_FILES], scratch / "warm")
        time_plain_copy(spark, root / "deliveries", scratch / "copied")
        time_ingestion(spark, root, config, verbose=False)
        link_deliveries(files[WARM_UP_FILES : WARM_UP_FILES + 2], root)
        time_ingestion(spark, root, config, verbose=False)


if __name__ == "__main__":
    main()
