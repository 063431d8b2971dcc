"""What every job shares: its arguments, its session, its record on stdout and its exit code."""

from __future__ import annotations

import argparse
import datetime as dt
import getpass
import json
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from cohort.access import table_access
from cohort.agreements import catalogue, platform, project
from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.foundation.errors import EXIT_DEFECT, EXIT_DONE, Refusal, locate_defect
from cohort.foundation.progress import format_stage_line
from cohort.release.release_job import ReleaseTask
from cohort.storage import locks, zone_paths
from cohort.storage.zone_paths import StorageZones

Record = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One run of one job: what was asked, and what holds on this platform."""

    name: str
    asked: argparse.Namespace
    zones: StorageZones
    platform: Platform
    config: Path
    keys: Path
    now: dt.datetime

    def session(self) -> SparkSession:
        return SparkSession.builder.appName(f"cohort {self.name}").getOrCreate()

    def progress(self, line: str) -> None:
        print(f"{self.name}: {line}", file=sys.stderr, flush=True)

    def report(self, stage: str, outcome: str = "", /) -> None:
        self.progress(format_stage_line(stage, outcome))

    def project(self, name: str) -> Project:
        return project.load_project(self.config, name, self.platform)

    def work(self, name: str) -> ReleaseTask:
        return ReleaseTask(
            self.zones,
            self.platform,
            catalogue.load_catalogue(self.config),
            self.project(name),
            self.config / "hierarchies",
            self.keys,
            self.now,
            getpass.getuser(),
        )

    def lock(self, name: str, *, shared: bool = False) -> Any:
        return locks.hold_lock(self.zones.locks, name, shared=shared)


def run(name: str, work: Callable[[Job], Record], *options: tuple[tuple[str, ...], dict[str, Any]]) -> int:
    """Run one job from the command line.

    Takes: the job's name, what it does, and its options beside `--config` and `--root`.
    Gives: the exit code; the record as one JSON document on stdout, refusals as sentences on stderr.
    """
    parser = argparse.ArgumentParser(prog=name, allow_abbrev=False)
    parser.add_argument("--root", required=True, help="the storage root: a folder")
    parser.add_argument("--config", default="conf", help="the configuration folder (default: conf)")
    for names, settings in options:
        parser.add_argument(*names, **settings)
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)  # pyspark logs the text of an exception, which can hold a value
    try:
        record = work(_job(name, asked))
    except Refusal as refusal:
        for problem in refusal.problems:
            print(f"{name}: {problem}", file=sys.stderr)
        _print({"job": name, "refused": list(refusal.problems), "exit_code": refusal.exit_code})
        return refusal.exit_code
    except Exception as defect:
        print(f"{name}: a defect ({type(defect).__name__}) at {locate_defect(defect)}", file=sys.stderr)
        _print({"job": name, "defect": type(defect).__name__, "exit_code": EXIT_DEFECT})
        return EXIT_DEFECT
    _print({"job": name, **record, "exit_code": record.get("exit_code", EXIT_DONE)})
    return int(record.get("exit_code", EXIT_DONE))


def _job(name: str, asked: argparse.Namespace) -> Job:
    config = Path(asked.config).resolve()
    holds = platform.load_platform(config)
    where = zone_paths.parse_storage_root(asked.root)
    table_access.close_private_zones(where)
    now = dt.datetime.now().astimezone()
    table_access.close_unverified_tables(where, holds, now)
    keys = platform.locate_key_folder(holds, config, where.root)
    return Job(name, asked, where, holds, config, keys, now)


def _print(record: Record) -> None:
    print(json.dumps(record, ensure_ascii=False, indent=2, default=str), flush=True)
