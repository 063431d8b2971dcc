"""Benchmark of a preview: six settings of one cohort against one release without verification, in one session."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from pyspark.sql import SparkSession

from cohort.foundation import Stopwatch
from cohort.preview import compare_on_cohort, load_preview_settings
from cohort.release import ReleaseTask, check_release_allowed, release_one
from cohorts.bench_release import discard_progress, peak_memory_megabytes, prepare_release, print_progress

SETTINGS = "".join(
    f'[[settings]]\nname = "{name}"\n{text}\n'
    for name, text in (
        ("k20", "thresholds = { k = 20 }"),
        ("k40", "thresholds = { k = 40 }"),
        ("m10", "thresholds = { m = 10 }"),
        ("global", 'recoding = { kind = "global", objective = "geometric" }'),
        ("without language", "columns = { thuistaal = { left_out = true } }"),
    )
)
"""Beside the project as it is declared, which makes six."""
VERIFICATION = ("checked", "verified", "measured")
"""How the names of stages begin that a preview does not have."""


def time_preview(spark: SparkSession, task: ReleaseTask, vary: Path) -> float:
    """Time a preview of all settings, in seconds."""
    environment = task.environment
    start = time.perf_counter()
    settings = load_preview_settings(vary, task.project, environment.platform, environment.hierarchies, task.catalogue)
    eligible, key = check_release_allowed(task)
    result = compare_on_cohort(spark, task, eligible, key, settings, Stopwatch(print_progress))
    if any(one.refused for one in result.figures):
        raise RuntimeError("a setting without a recoding")
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench preview")
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--pupils", type=int, default=300_000)
    parser.add_argument("--pairs", type=int, default=2, help="the last one counts")
    options = parser.parse_args()
    spark = SparkSession.builder.appName("cohort bench").getOrCreate()
    task = prepare_release(spark, options.scratch, options.pupils, "local")
    vary = options.scratch / "settings.toml"
    vary.write_text(SETTINGS, encoding="utf-8")
    for _ in range(options.pairs):
        lists, key = check_release_allowed(task)
        record = release_one(spark, task, lists, key, discard_progress)
        stages = record.stages or {}
        release = sum(seconds for name, seconds in stages.items() if not name.startswith(VERIFICATION))
        preview = time_preview(spark, task, vary)
        print_progress(f"release without verification {release:.2f} s, preview {preview:.2f} s")
    document = {
        "pupils": options.pupils,
        "settings": 6,
        "release_s": round(release, 2),
        "measured_s": stages.get("measured"),
        "preview_s": round(preview, 2),
        "ratio": round(preview / release, 2),
    }
    print(json.dumps(document | peak_memory_megabytes(spark)))


if __name__ == "__main__":
    main()
