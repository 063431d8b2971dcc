"""The wheel: installed where there is no clone, its commands do what `scripts/submit` does."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import INTERPRETED

from .conftest import PROJECT, Done, Platform, spark_options

COMMANDS = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
JOBS = {path.stem for path in (PROJECT / "jobs").glob("[!_]*.py")}


@dataclass(frozen=True)
class Installed:
    """An environment with nothing of the clone; what the wheel depends on is that of the tests."""

    home: Path

    def run(self, command: str, *arguments: str, **environment: str) -> Done:
        own = {name: os.environ[name] for name in ("PATH", "JAVA_HOME")}
        own["COHORT_LOCAL_DIR"] = str(self.home / "local")
        ran = subprocess.run(
            [self.home / "bin" / command, *arguments],
            cwd=self.home,
            env={**own, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(ran.returncode, ran.stdout, ran.stderr)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([PROJECT / "scripts" / "package", "--wheel", folder / "built"], check=True, capture_output=True)
    home = folder / "home"
    venv.create(home, symlinks=True)
    packages = next(home.glob("lib/python3*/site-packages"))
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()), encoding="utf-8")
    wheel = next((folder / "built").glob("*.whl"))
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--quiet", "--disable-pip-version-check", str(wheel)], check=True, capture_output=True)
    return Installed(home)


def test_every_job_has_a_command() -> None:
    assert set(COMMANDS) == {f"cohort-{name}" for name in JOBS} | {"cohort-recoding", "cohort-conf"}


def test_every_command_says_how_it_is_used(installed: Installed) -> None:
    for command in set(COMMANDS) - {"cohort-conf"}:
        helped = installed.run(command, "--help", JAVA_HOME="/nowhere")
        assert helped.code == 0, (command, helped.stderr)
        assert "usage:" in helped.stdout


def test_the_shipped_configuration_is_written_once(installed: Installed, tmp_path: Path) -> None:
    target = tmp_path / "conf"
    assert installed.run("cohort-conf", str(target)).code == 0
    shipped = {path.relative_to(PROJECT / "conf"): path.read_bytes() for path in files_of(PROJECT / "conf")}
    assert {path.relative_to(target): path.read_bytes() for path in files_of(target)} == shipped
    assert installed.run("cohort-conf", str(target)).code == 2


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_command_takes_deliveries_into_a_fresh_root(installed: Installed, taken_in: Platform, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "deliveries").mkdir(parents=True)
    for file in sorted(path for path in taken_in.zones.deliveries.rglob("*") if path.is_file())[:2]:
        shutil.copy(file, root / "deliveries")
    shutil.copytree(taken_in.root / "objections", root / "objections")
    own = ("--root", str(root), "--config", str(taken_in.config))
    done = installed.run("cohort-ingest", *own, "--", *spark_options(INTERPRETED))
    assert done.code == 0, done.stderr
    assert done.record["new"] == 2
    assert list((installed.home / "local").iterdir()) == []


REFUSED = {
    "no Java": ((), {"JAVA_HOME": "/nowhere"}, "Expected Java 17 or 21"),
    "no jars": ((), {"COHORT_JARS": "/nowhere"}, "Expected the jars of Delta"),
    "cluster mode": (("--", "--master", "yarn", "--deploy-mode", "cluster"), {}, "Expected client mode"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_missing_is_told_in_a_sentence(installed: Installed, case: str) -> None:
    arguments, environment, sentence = REFUSED[case]
    refused = installed.run("cohort-status", "--root", "data", *arguments, **environment)
    assert refused.code == 2
    assert refused.stderr.startswith(f"status: {sentence}")
    assert "Traceback" not in refused.stderr


def test_options_that_spark_does_not_start_with_are_refused(installed: Installed, taken_in: Platform) -> None:
    own = ("--root", str(taken_in.root), "--config", str(taken_in.config), "--project", "leergroei")
    refused = installed.run("cohort-release", *own, "--", "--no-such-option", "x")
    assert refused.code == 2, refused.stderr
    assert refused.record["refused"][0].startswith("Expected options and settings that Spark starts with")
