"""A small platform with everything taken in, copied for each test; and jobs through real spark-submit."""

from __future__ import annotations

import datetime as dt
import fcntl
import io
import json
import logging
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.patches import PatchesAcrossModules

from cohort.agreements import catalogue, platform
from cohort.agreements.environment import Environment
from cohort.agreements.project import load_project
from cohort.delivery_formats import format_declarations
from cohort.ingestion import pipeline
from cohort.keys import project_keys
from cohort.legal_basis import number_changes, objections_in_force
from cohort.release.release_task import ReleaseTask
from cohort.storage import root_probe
from cohort.storage.zone_paths import StorageZones
from cohorts import synthesise

PROJECT = Path(__file__).resolve().parents[2]
TODAY = dt.date.today()


@dataclass(frozen=True)
class Platform:
    """A storage root with its configuration, its keys and a scratch folder of its own."""

    home: Path

    @property
    def root(self) -> Path:
        return self.home / "root"

    @property
    def root_argument(self) -> str:
        """The root as the jobs are given it."""
        return str(self.root)

    @property
    def config(self) -> Path:
        return self.home / "conf"

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @property
    def local(self) -> Path:
        return self.home / "local"

    @property
    def zones(self) -> StorageZones[Path]:
        return StorageZones(self.root)

    @property
    def stored(self) -> StorageZones:
        """The zones, whatever store they are on."""
        return self.zones

    def release_task(self, name: str = "leergroei") -> ReleaseTask:
        """What a release in this process is made from."""
        holds = platform.load_platform(self.config)
        now = dt.datetime.now().astimezone()
        environment = Environment(self.zones, holds, self.config, self.keys, now, "tester")
        return ReleaseTask(environment, catalogue.load_catalogue(self.config), load_project(self.config, name, holds))

    def change(self, file: str, old: str, new: str) -> None:
        """Change one thing in a file of the configuration or the root."""
        path = self.home / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def command(self, job: str, *arguments: str) -> list[str]:
        own = ["--root", self.root_argument, "--config", str(self.config)]
        return [str(PROJECT / "scripts" / "submit"), job, *own, *arguments]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "COHORT_LOCAL_DIR": str(self.local)}

    def submit(self, job: str, *arguments: str) -> Done:
        """One job through real spark-submit."""
        ran = subprocess.run(
            self.command(job, *arguments), env=self.environment(), capture_output=True, text=True, check=False
        )
        return Done(ran.returncode, ran.stdout, ran.stderr)

    def run(self, job: str, *arguments: str, without_spark: bool = False) -> Done:
        """One job in this process: its own entry point, on the session that all tests share.

        What only a process of its own shows (pipes, scratch, kill -9, settings of spark-submit) is tested by `submit`.

        Args:
            without_spark: whether asking for a session is a defect (exit code 70).
        """
        own = [job, "--root", self.root_argument, "--config", str(self.config), *arguments]
        out, err = io.StringIO(), io.StringIO()
        with PatchesAcrossModules.context() as patched, redirect_stdout(out), redirect_stderr(err):
            patched.setattr(sys, "argv", own)
            patched.syspath_prepend(str(PROJECT / "jobs"))
            if without_spark:
                patched.setattr(SparkSession.Builder, "getOrCreate", _no_session)
            try:
                runpy.run_path(str(PROJECT / "jobs" / f"{job}.py"), run_name="__main__")
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
            finally:
                logging.disable(logging.NOTSET)
        return Done(code, out.getvalue(), err.getvalue())

    def ask(self, job: str, *arguments: str) -> Done:
        """One job as a process that finds no Spark: for a refusal that comes before anything is begun."""
        own = ["--root", self.root_argument, "--config", str(self.config)]
        without = {"PYTHONPATH": str(PROJECT / "lib"), "SPARK_HOME": str(self.home / "no-spark")}
        ran = subprocess.run(
            [sys.executable, str(PROJECT / "jobs" / f"{job}.py"), *own, *arguments],
            env={**self.environment(), **without},
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(ran.returncode, ran.stdout, ran.stderr)

    def listing(self) -> dict[str, tuple[int, int]]:
        """Every file under the root and the keys, with its size and time of change."""
        return {
            str(path.relative_to(self.home)): (path.stat().st_size, path.stat().st_mtime_ns)
            for folder in (self.root, self.keys)
            for path in folder.rglob("*")
            if path.is_file()
        }


def spark_options(settings: dict[str, str]) -> list[str]:
    """Settings as options of spark-submit, which stand behind `--` of scripts/submit."""
    return [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]


def _no_session(builder: object) -> None:
    raise AssertionError(f"a job that must not need Spark asked for a session: {builder!r}")


@dataclass(frozen=True)
class Done:
    code: int
    stdout: str
    stderr: str

    @property
    def record(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.stdout)
        return told


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Platform], None]) -> Platform:
    """A platform that one of the processes that run tests makes; the others wait for it and take a copy."""
    made = Platform(factory.mktemp(name))
    if "PYTEST_XDIST_WORKER" not in os.environ:
        make(made)
        return made
    shared = factory.getbasetemp().parent / name
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            make(made)
            shutil.copytree(made.home, shared.with_suffix(".copy"), symlinks=True)
            shared.with_suffix(".copy").rename(shared)
            return made
    shutil.copytree(shared, made.home, symlinks=True, dirs_exist_ok=True)
    return made


@pytest.fixture(scope="session")
def taken_in(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """6,000 pupils of 40 schools, taken in while nobody had objected; the objections came after."""
    return make_once(tmp_path_factory, "taken_in", lambda made: take_in(request.getfixturevalue("one_spark"), made))


@pytest.fixture(scope="session")
def published_once(
    request: pytest.FixtureRequest, taken_in: Platform, tmp_path_factory: pytest.TempPathFactory
) -> Platform:
    """The same with a first release of the shipped project, published by its job."""

    def publish(made: Platform) -> None:
        assert request.getfixturevalue("one_spark")
        shutil.copytree(taken_in.home, made.home, symlinks=True, dirs_exist_ok=True)
        done = made.run("release", "--project", "leergroei", "--publish")
        assert done.code == 0, done.stderr

    return make_once(tmp_path_factory, "published_once", publish)


def take_in(spark: SparkSession, made: Platform) -> None:
    deliver(made, pupils=6000, schools=40)
    pipeline.ingest_deliveries(
        spark,
        pipeline.IngestionContext(
            made.zones,
            platform.load_platform(made.config),
            catalogue.load_catalogue(made.config),
            format_declarations.load_delivery_formats(PROJECT / "conf"),
            objections_in_force.Objections(()),
            number_changes.NumberChanges(),
            dt.datetime.now().astimezone(),
        ),
        lambda _: None,
    )
    root_probe.probe_root(made.zones, dt.datetime.now().astimezone())


def deliver(made: Platform, pupils: int, schools: int) -> None:
    """Make a platform with what schools send, lists, a running project and its key; nothing is taken in."""
    shutil.copytree(PROJECT / "conf", made.config)
    made.root.mkdir()
    synthesise.write_synthetic_cohort(made.root, made.config, count=pupils, school_count=schools, seed=7, today=TODAY)
    made.change("conf/platform.toml", 'dir = "../.keys"', 'dir = "../keys"')
    made.change("conf/platform.toml", "max_erased_share = 0.02", "max_erased_share = 0.5")
    for limit in (
        "attributes_only = 0.05",
        "all_but_one_known = 0.12",
        "downcoding_gain = 0.05",
        "sure_cells = 0.08",
        "sure_cells_right = 0.75",
    ):
        made.change("conf/platform.toml", limit, f"{limit.split()[0]} = 1")  # too few pupils to measure an attack on
    agreed = made.config / "projects" / "leergroei.toml"
    lines = agreed.read_text(encoding="utf-8").splitlines()
    dates = {"starts": TODAY - dt.timedelta(days=9), "ends": TODAY + dt.timedelta(days=99)}
    dated = [next((f"{k} = {d}" for k, d in dates.items() if x.startswith(f"{k} =")), x) for x in lines]
    agreed.write_text("\n".join(dated), encoding="utf-8")
    project_keys.create_key(made.keys, "leergroei")


@pytest.fixture
def fresh(taken_in: Platform, tmp_path: Path) -> Platform:
    """A copy that a test may change."""
    shutil.copytree(taken_in.home, tmp_path / "platform", symlinks=True)
    return Platform(tmp_path / "platform")


@pytest.fixture(scope="session")
def copied(taken_in: Platform, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Platform]:
    """Makes copies for fixtures that live longer than a test."""

    def copy() -> Platform:
        home = tmp_path_factory.mktemp("copy") / "platform"
        shutil.copytree(taken_in.home, home, symlinks=True)
        return Platform(home)

    return copy
