"""How long intake takes, against a plain copy of the same files, in one session.

The copy is `spark.read.csv` with an explicit schema, written as Delta. Intake is everything: each file looked
at, every rule, two tables, feedback for every school, the ledger. All that is measured is done before on a
few of the files, often enough for the JVM to have compiled it; then pairs in turn, each on a root of its own;
medians. Then runs with new files among those already known, their median.
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

from cohort.agreements import catalogue, platform
from cohort.delivery_formats import format_declarations
from cohort.ingestion import pipeline
from cohort.legal_basis import number_changes, objections
from cohort.storage import zone_paths as zones
from cohorts import delivery_files as written
from cohorts import synthesise

WARM_UP, TURNS = 200, 3
NEW_SHARE, AGAIN = 100, 3
"""One new file for every this many known ones, in so many runs one after the other."""
NOW = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)


def time_plain_copy(spark: SparkSession, folder: Path, out: Path) -> float:
    """Seconds of the plain copy; that it takes no notice of headers costs it nothing."""
    shutil.rmtree(out, ignore_errors=True)
    start = time.perf_counter()
    state = StructType([StructField(name, StringType()) for name in written.DELIVERY_COLUMNS])
    frame = spark.read.schema(state).option("sep", ";").option("header", "true").csv(str(folder))
    frame.write.format("delta").save(str(out))
    return time.perf_counter() - start


def time_ingestion(spark: SparkSession, root: Path, config: Path, *, tell: bool) -> tuple[float, dict[str, object]]:
    """Seconds of intake, and its record."""
    start = time.perf_counter()
    where = zones.StorageZones(root)
    intake = pipeline.IngestionContext(
        where,
        platform.load_platform(config),
        catalogue.load_catalogue(config),
        format_declarations.load_delivery_formats(config),
        objections.Objections(()),
        number_changes.NumberChanges(),
        NOW,
    )

    def progress(line: str) -> None:
        if tell:
            say(f"{time.perf_counter() - start:6.1f} s {line}")

    record = pipeline.ingest_deliveries(spark, intake, progress)
    return time.perf_counter() - start, record


def make_storage_root(paths: list[Path], root: Path) -> Path:
    """A storage root with these deliveries, as links: the same bytes for every turn."""
    shutil.rmtree(root, ignore_errors=True)
    (root / "deliveries").mkdir(parents=True)
    link_deliveries(paths, root)
    return root


def link_deliveries(paths: list[Path], root: Path) -> None:
    """Put deliveries into a storage root."""
    for path in paths:
        (root / "deliveries" / path.name).hardlink_to(path)


def say(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench ingest")
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--files", type=int, default=6600)
    parser.add_argument("--rows", type=int, help="default: 455 a file")
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--dirty", action="store_true", help="with faults in most files, one row in 330")
    asked = parser.parse_args()
    spark = SparkSession.builder.appName("cohort bench").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    made, config = asked.scratch / "made", asked.scratch / "conf"
    shutil.copytree("conf", config)
    new = max(1, asked.files // NEW_SHARE)
    pupils = round((asked.rows or 455 * asked.files) * (1 + AGAIN / NEW_SHARE) / ROWS_PER_PUPIL)
    say(f"making {asked.files + AGAIN * new} files of {pupils} pupils")
    synthesise.write_synthetic_cohort(
        made,
        config,
        count=pupils,
        school_count=asked.files + AGAIN * new,
        seed=1,
        today=NOW.date(),
        clean=not asked.dirty,
    )
    every = sorted((made / "deliveries").iterdir())
    known, fresh = every[: asked.files], every[asked.files :]
    plain = make_storage_root(known, asked.scratch / "plain") / "deliveries"
    for _ in range(TURNS):
        warm = make_storage_root(known[:WARM_UP], asked.scratch / "warm")
        time_plain_copy(spark, warm / "deliveries", asked.scratch / "copied")
        time_ingestion(spark, warm, config, tell=False)
        link_deliveries(known[WARM_UP : WARM_UP + 2], warm)
        time_ingestion(spark, warm, config, tell=False)
    copies, intakes = [], []
    for turn in range(asked.pairs):
        copies.append(time_plain_copy(spark, plain, asked.scratch / "copied"))
        root = make_storage_root(known, asked.scratch / "root")
        seconds, record = time_ingestion(spark, root, config, tell=turn == 0)
        intakes.append(seconds)
        say(f"pair {turn + 1}: copy {copies[-1]:.1f} s, ingest {seconds:.1f} s")
    later = []
    for turn in range(AGAIN):
        link_deliveries(fresh[turn * new : (turn + 1) * new], root)
        seconds, second = time_ingestion(spark, root, config, tell=turn == 0)
        later.append(seconds)
    again = statistics.median(later)
    say(f"{second['new']} new files: {', '.join(f'{seconds:.1f}' for seconds in later)} s")
    told = {
        "files": len(known),
        "rows": record["rows"],
        "copy_s": round(statistics.median(copies), 1),
        "ingest_s": round(statistics.median(intakes), 1),
        "ratio": round(statistics.median(i / c for i, c in zip(intakes, copies, strict=True)), 2),
        "new_files": second["new"],
        "second_s": round(again, 1),
        "second_share": round(again / statistics.median(intakes), 3),
    }
    print(json.dumps(told))


ROWS_PER_PUPIL = 10
"""What the synthetic cohort has of a pupil, about."""

if __name__ == "__main__":
    main()
