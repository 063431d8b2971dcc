"""The whole way of the data on a root of any kind, step by step, with kills in between, and what it leaves there.

`test_random_kills` runs it unhurt and killed on every kind of store and compares the two. A kind of store is one
`RootKind`; everything else here asks the root through `cohort.storage`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import INTERPRETED

from cohort.release_records import load_release_records

from .conftest import TODAY, Done, Platform, spark_options

PROJECT_NAME = "leergroei"
NAME = ("--project", PROJECT_NAME)
ALREADY_COMPLETE = {
    "publish": "Expected a release that may become PUBLISHED",
    "destroy": "Expected a project that is still there",
}
"""What a job says that is run again although the killed run had done everything, by the name of the job."""


@dataclass(frozen=True)
class RootKind:
    """One kind of store that the whole way is run on.

    Args:
        name: its name in reports.
        make: makes a platform in a folder, with a root of this kind that has what schools sent to another platform.
        lock_seconds: how long the lock of a killed run lasts.
    """

    name: str
    make: Callable[[Platform, Path], Platform]
    lock_seconds: float = 0.0


@dataclass(frozen=True)
class Step:
    """One step of the way.

    Args:
        name: its name in reports.
        job: its job.
        arguments: the arguments of the job, for a platform as it is before the step.
        prepare: what happens on the root before the job.
    """

    name: str
    job: str
    arguments: Callable[[Platform], tuple[str, ...]] = lambda _: NAME
    prepare: Callable[[Platform], None] = lambda _: None

    def submit(self, platform: Platform) -> Done:
        """Run the job through spark-submit."""
        return platform.submit(self.job, *self.arguments(platform), "--", *spark_options(INTERPRETED))

    def run(self, platform: Platform) -> Done:
        """Run the job in this process."""
        return platform.run(self.job, *self.arguments(platform))


def object_of(name: str, lines: tuple[int, ...]) -> Callable[[Platform], None]:
    """Make a step's preparation: a list with the pupils of some lines of the first delivery that has a number."""

    def file_list(platform: Platform) -> None:
        zones = platform.stored
        delivery = min(zones.deliveries.rglob("*.csv"), key=str)
        rows = [line.split(";") for line in delivery.read_bytes().decode().splitlines()]
        column = [title.strip('"').lower() for title in rows[0]].index("pgn")
        numbers = [f"{rows[line][column]};;2020-01-01;;alles" for line in lines]
        content = "\n".join(["pgn;brin;vanaf;ingetrokken_op;bereik", *numbers, ""])
        (zones.objections / f"{name}.csv").write_bytes(content.encode())
        (zones.objections / f"{name}.toml").write_bytes(
            f'file = "{name}.csv"\npolarity = "block"\ndate = {TODAY}\nsource = "proef {name}"\n'
            "max_age_days = 7\ndeclared_empty = false\n".encode()
        )

    return file_list


def approve_newest(platform: Platform) -> tuple[str, ...]:
    """The arguments that publish the newest release."""
    newest = load_release_records(platform.stored, PROJECT_NAME)[-1].release
    return (*NAME, "--release", str(newest), "--approved-by", "A. Jansen")


WAY = (
    Step("ingest", "ingest", lambda _: ()),
    Step("objections", "objections", lambda _: (), object_of("eerste", (20, 40))),
    Step("release", "release"),
    Step("publish", "publish", approve_newest),
    Step("late objections", "objections", lambda _: (), object_of("late", (1, 9))),
    Step("re-release", "release", lambda _: (*NAME, "--publish")),
    Step("destroy", "destroy", lambda _: (*NAME, "--confirm", PROJECT_NAME)),
)
"""Every job that changes something, in order."""


def is_complete(step: Step, done: Done) -> bool:
    """Whether a job ended well, or found that the run that was killed had done everything."""
    told = ALREADY_COMPLETE.get(step.job)
    return done.code == 0 or (done.code == 15 and told is not None and told in done.stderr)


def run_and_kill(platform: Platform, step: Step, seconds: float) -> int | None:
    """Submit the job of a step, and kill every process of it after some seconds.

    Returns:
        Its exit code where it ended before; None where it was killed.
    """
    command = platform.command(step.job, *step.arguments(platform), "--", *spark_options(INTERPRETED))
    with subprocess.Popen(
        command,
        env=platform.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as running:
        try:
            return running.wait(seconds)
        except subprocess.TimeoutExpired:
            kill_jobs(platform)
            return None


def kill_jobs(platform: Platform) -> None:
    """Kill every process that was submitted on a platform with signal 9, until none is left that could hold a lock."""
    while processes := _find_processes(f"COHORT_LOCAL_DIR={platform.local}"):
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.05)


def _find_processes(variable: str) -> list[int]:
    """The living processes that were started with a variable in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if variable.encode() in (path / "environ").read_bytes().split(b"\0"):
                found.append(int(path.name))
    return found
