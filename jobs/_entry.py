"""What every job shares: command line, environment, session, the report on stdout and the exit code.

`run_job` is the only place that reads arguments, the clock and who runs the job. A job's own file says what it does
with them. Messages go to stderr; nothing here prints a value of a person.
"""

from __future__ import annotations

import argparse
import datetime as dt
import getpass
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from cohort.access import close_private_zones, close_unverified_tables
from cohort.agreements import Environment, Project, load_catalogue, load_platform, load_project, locate_key_folder
from cohort.foundation import EXIT_DEFECT, EXIT_DONE, Refusal, format_stage_line, locate_defect
from cohort.release import ReleaseTask
from cohort.results import fence_results
from cohort.storage import INGESTION_LOCK, hold_lock, open_storage_root, probe_root, remove_unfinished_documents

JobReport = dict[str, Any]
"""What a job prints as one JSON document; its exit code is 0 unless `exit_code` says otherwise."""


@dataclass(frozen=True)
class JobRun:
    """One run of one job: its name, the parsed arguments of the command line, and its surroundings."""

    name: str
    arguments: argparse.Namespace
    environment: Environment

    def start_session(self) -> SparkSession:
        return _start_session(self.name)

    def progress(self, line: str) -> None:
        """Print a line of progress on stderr."""
        print(f"{self.name}: {line}", file=sys.stderr, flush=True)

    def report_stage(self, stage: str, outcome: str = "", /) -> None:
        """Print the outcome of a stage on stderr."""
        self.progress(format_stage_line(stage, outcome))

    def load_project(self, name: str) -> Project:
        return load_project(self.environment.config, name, self.environment.platform)

    def release_task(self, name: str, *, wave: bool = False) -> ReleaseTask:
        """Return what a release of a project is made from, beside the results."""
        listed = load_catalogue(self.environment.config)
        return ReleaseTask(self.environment, listed, self.load_project(name), wave)

    @contextmanager
    def lock(self, name: str, *, shared: bool = False) -> Iterator[None]:
        """Hold the lock of a project, or of ingestion or the register, while the block runs.

        Of a run that stood still for so long that its lock ended, no commit to the results counts any more. Documents
        that a killed run was writing are removed by the next one that holds its lock alone.
        """
        zones = self.environment.zones
        with hold_lock(zones.locks, name, shared=shared) as taken_over:
            if taken_over and name == INGESTION_LOCK:
                fence_results(zones, f"lock taken over at {self.environment.now.isoformat()}")
            if not shared:
                remove_unfinished_documents(zones, name)
            yield


def run_job(name: str, action: Callable[[JobRun], JobReport], *options: tuple[tuple[str, ...], dict[str, Any]]) -> int:
    """Run one job from the command line.

    Args:
        name: the job's name.
        action: what the job does.
        options: its options beside `--config` and `--root`, as `ArgumentParser.add_argument` takes them.
    Returns:
        The exit code. The report is printed on stdout, refusals as sentences on stderr; of a defect only its type and
        its place in the code, because a message could hold a value.
    """
    parser = argparse.ArgumentParser(prog=name, allow_abbrev=False)
    parser.add_argument(
        "--root", required=True, help="the storage root: a folder, or an address as hdfs://namenode:8020/cohort"
    )
    parser.add_argument("--config", default="conf", help="the configuration folder (default: conf)")
    for names, settings in options:
        parser.add_argument(*names, **settings)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)  # pyspark logs the text of an exception, which can hold a value
    try:
        report = action(JobRun(name, arguments, _open_environment(name, arguments)))
    except Refusal as refusal:
        for problem in refusal.problems:
            print(f"{name}: {problem}", file=sys.stderr)
        _print_report({"job": name, "refused": list(refusal.problems), "exit_code": refusal.exit_code})
        return refusal.exit_code
    except Exception as defect:
        print(f"{name}: a defect ({type(defect).__name__}) at {locate_defect(defect)}", file=sys.stderr)
        _print_report({"job": name, "defect": type(defect).__name__, "exit_code": EXIT_DEFECT})
        return EXIT_DEFECT
    _print_report({"job": name, **report, "exit_code": report.get("exit_code", EXIT_DONE)})
    return int(report.get("exit_code", EXIT_DONE))


def _open_environment(name: str, arguments: argparse.Namespace) -> Environment:
    """Read the platform's declaration, and close what must be closed before any job does anything."""
    config = Path(arguments.config).resolve()
    declaration = load_platform(config)
    zones = open_storage_root(
        arguments.root,
        lambda: _start_session(name),
        declaration.locks.lease_seconds,
        tuple(declaration.access.platform_principals),
    )
    close_private_zones(zones)
    now = dt.datetime.now().astimezone()
    probe_root(zones, now)
    close_unverified_tables(zones, declaration, now)
    keys = locate_key_folder(declaration, config, zones.root)
    return Environment(zones, declaration, config, keys, now, operator=_name_operator())


def _start_session(name: str) -> SparkSession:
    return SparkSession.builder.appName(f"cohort {name}").getOrCreate()


def _name_operator() -> str:
    """Who runs the job, as the operating system names them; a user without a name by number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _print_report(report: JobReport) -> None:
    print(json.dumps(report, ensure_ascii=False, indent=2, default=str), flush=True)
