"""What every job shares: command line, environment, session, the record on stdout and the exit code.

`run_job` is the only place that reads arguments, the clock and who runs the job. A job's own file says what it does
with them. Messages go to stderr; nothing here prints a value of a person. In cluster mode (`_cluster_mode`) both go
into a report under the root as well, because nobody who submitted the job sees the output of its node.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _cluster_mode import check_driver_node, prepare_cluster_run
from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession

from cohort.access import close_private_zones, close_unverified_tables
from cohort.agreements import Environment, Project, load_catalogue, load_platform, load_project, locate_key_folder
from cohort.approvals import name_current_user
from cohort.foundation import (
    EXIT_DEFECT,
    EXIT_DONE,
    Refusal,
    UsageRefused,
    describe_problem,
    format_stage_line,
    locate_defect,
)
from cohort.release import ReleaseTask
from cohort.results import fence_results
from cohort.storage import (
    INGESTION_LOCK,
    RunReport,
    hold_lock,
    open_storage_root,
    probe_root,
    remove_unfinished_documents,
    write_run_report,
)

JobReport = dict[str, Any]
"""What a job prints as one JSON document; its exit code is 0 unless `exit_code` says otherwise."""


@dataclass(frozen=True)
class JobOutput:
    """What a job says on stderr, kept for the report of a run in cluster mode."""

    name: str
    lines: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Print a line on stderr."""
        self.lines.append(f"{self.name}: {line}")
        print(self.lines[-1], file=sys.stderr, flush=True)


@dataclass(frozen=True)
class JobRun:
    """One run of one job: its name, the parsed arguments of the command line, its surroundings and its output."""

    name: str
    arguments: argparse.Namespace
    environment: Environment
    output: JobOutput

    def start_session(self) -> SparkSession:
        return _start_session(self.name)

    def progress(self, line: str) -> None:
        """Print a line of progress on stderr."""
        self.output.say(line)

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
        The exit code. The record is printed on stdout, refusals as sentences on stderr; of a defect only its type and
        its place in the code, because a message could hold a value.
    """
    arguments, output = _parse_arguments(name, options), JobOutput(name)
    logging.disable(logging.CRITICAL)  # pyspark logs the text of an exception, which can hold a value
    if arguments.prepare_cluster is not None:
        record = _make_record(output, lambda: prepare_cluster_run(name, arguments))
        if record["exit_code"] != EXIT_DONE:
            _print_record(record)
        return int(record["exit_code"])
    record = _make_record(output, lambda: action(JobRun(name, arguments, _open_environment(name, arguments), output)))
    if arguments.cluster_run is None:
        _print_record(record)
    else:
        _leave_report(arguments, output, record)
    return int(record["exit_code"])


def _parse_arguments(name: str, options: Iterable[tuple[tuple[str, ...], dict[str, Any]]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=name, allow_abbrev=False)
    parser.add_argument(
        "--root", required=True, help="the storage root: a folder, or an address as hdfs://namenode:8020/cohort"
    )
    parser.add_argument("--config", default="conf", help="the configuration folder (default: conf)")
    for option in ("--prepare-cluster", "--cluster-run"):  # for scripts/submit alone
        parser.add_argument(option, help=argparse.SUPPRESS)
    for names, settings in options:
        parser.add_argument(*names, **settings)
    return parser.parse_args()


def _make_record(output: JobOutput, action: Callable[[], JobReport | None]) -> JobReport:
    """Do what a job does and make its record; refusals and defects are told on stderr."""
    job = {"job": output.name}
    try:
        report = action() or {}
    except Refusal as refusal:
        for problem in refusal.problems:
            output.say(problem)
        return {**job, "refused": list(refusal.problems), "exit_code": refusal.exit_code}
    except Exception as defect:
        output.say(f"a defect ({type(defect).__name__}) at {locate_defect(defect)}")
        return {**job, "defect": type(defect).__name__, "exit_code": EXIT_DEFECT}
    return {**job, **report, "exit_code": report.get("exit_code", EXIT_DONE)}


def _open_environment(name: str, arguments: argparse.Namespace) -> Environment:
    """Read the platform's declaration, and close what must be closed before any job does anything."""
    config = Path(arguments.config).resolve()
    declaration = load_platform(config)
    if arguments.cluster_run is not None:
        check_driver_node(arguments, declaration)
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
    return Environment(zones, declaration, config, keys, now, operator=name_current_user())


def _start_session(name: str) -> SparkSession:
    """Start the session, or return the one that was started.

    Raises:
        UsageRefused: Spark does not start with its settings, which the command of a wheel meets here (exit code 2).
    """
    try:
        return SparkSession.builder.appName(f"cohort {name}").getOrCreate()
    except PySparkRuntimeError as failure:
        if failure.getCondition() != "JAVA_GATEWAY_EXITED":
            raise
        raise UsageRefused(
            describe_problem(
                "options and settings that Spark starts with",
                example="-- --master local[4]",
                found="some that it ended at once with, as it says above",
                where="the options behind -- or spark-defaults.conf",
                do="Correct what it names",
            )
        ) from None


def _print_record(record: JobReport) -> None:
    print(_write_json(record), flush=True)


def _write_json(record: JobReport) -> str:
    return json.dumps(record, ensure_ascii=False, indent=2, default=str)


def _leave_report(arguments: argparse.Namespace, output: JobOutput, record: JobReport) -> None:
    """Leave what a job printed for the one who submitted it; without a report `scripts/submit` says so."""
    now = dt.datetime.now().astimezone()
    try:
        report = RunReport(
            job=output.name,
            run=arguments.cluster_run,
            progress=tuple(output.lines),
            record=json.loads(_write_json(record)),
            exit_code=record["exit_code"],
            at=now.isoformat(),
        )
        write_run_report(open_storage_root(arguments.root, lambda: _start_session(output.name)), report, now)
    except Exception as failure:
        output.say(f"the report could not be written ({type(failure).__name__})")
