"""What is checked and packed for a driver on a node of a cluster, and what that driver refuses on its node."""

from __future__ import annotations

import argparse
import importlib
import os
import pwd
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from cohort.agreements.platform import Platform, load_platform
from cohort.foundation import ConfigurationRefused, KeyRefused, UsageRefused

PROJECT = Path(__file__).resolve().parents[2]
ROOT = "hdfs://namenode:8020/cohort"
USER = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def cluster_mode(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(PROJECT / "jobs"))
    return importlib.import_module("_cluster_mode")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The shipped configuration with an absolute key folder, and with what must not travel."""
    folder = tmp_path / "conf"
    shutil.copytree(PROJECT / "conf", folder)
    text = (folder / "platform.toml").read_text(encoding="utf-8")
    (folder / "platform.toml").write_text(text.replace('"../.keys"', f'"{tmp_path}/keys"'), encoding="utf-8")
    (folder / "keys").mkdir()
    (folder / "keys" / "leergroei.key").write_bytes(b"k" * 32)
    return folder


def arguments(config: Path, **others: object) -> argparse.Namespace:
    own = {"root": ROOT, "config": str(config), "prepare_cluster": str(config.parent / "packed.zip")}
    return argparse.Namespace(**{**own, "cluster_run": "a" * 32, **others})


def read_platform(config: Path) -> Platform:
    return load_platform(config)


def test_declarations_and_lists_are_packed_and_neither_keys_nor_settings(cluster_mode: Any, config: Path) -> None:
    cluster_mode.prepare_cluster_run("status", arguments(config))
    packed = set(zipfile.ZipFile(config.parent / "packed.zip").namelist())
    shipped = {path.relative_to(config).as_posix() for path in config.rglob("*") if path.suffix in {".toml", ".csv"}}
    assert packed == shipped | {"approvers"}
    assert {"platform.toml", "projects/leergroei.toml", "hierarchies/geslacht.csv"} <= packed


def test_revoked_keys_of_approvers_travel_or_the_run_is_refused(cluster_mode: Any, config: Path) -> None:
    revoked = config / "approvers.revoked"
    revoked.write_text("# none yet\n", encoding="utf-8")
    cluster_mode.prepare_cluster_run("status", arguments(config))
    assert "approvers.revoked" in zipfile.ZipFile(config.parent / "packed.zip").namelist()
    revoked.unlink()
    revoked.symlink_to("nowhere")
    with pytest.raises(ConfigurationRefused, match=r"a file approvers\.revoked that can be read"):
        cluster_mode.prepare_cluster_run("status", arguments(config))


@pytest.mark.parametrize(
    ("job", "others", "problems"),
    [
        ("status", {"root": "data"}, ["Expected a root that every node"]),
        ("status", {"root": "file:///data"}, ["Expected a root that every node"]),
        ("key", {"create": True}, ["Expected a key that is made where you see"]),
        ("register", {"out": "site", "root": "/data"}, ["Expected a root that every", "Expected a register under"]),
    ],
)
def test_what_means_a_place_on_a_node_is_refused(
    cluster_mode: Any, config: Path, job: str, others: dict[str, object], problems: list[str]
) -> None:
    with pytest.raises(UsageRefused) as refused:
        cluster_mode.prepare_cluster_run(job, arguments(config, **others))
    assert len(refused.value.problems) == len(problems)
    assert all(told.startswith(begin) for told, begin in zip(refused.value.problems, problems, strict=True))
    assert not (config.parent / "packed.zip").exists()


def test_a_key_is_looked_for_in_cluster_mode(cluster_mode: Any, config: Path) -> None:
    cluster_mode.prepare_cluster_run("key", arguments(config, create=False))
    assert (config.parent / "packed.zip").exists()


def test_a_relative_key_folder_is_refused(cluster_mode: Any, config: Path) -> None:
    shutil.copy(PROJECT / "conf" / "platform.toml", config)
    with pytest.raises(ConfigurationRefused, match="Expected the absolute path of a key folder"):
        cluster_mode.prepare_cluster_run("status", arguments(config))


def test_a_node_without_keys_is_refused(cluster_mode: Any, config: Path) -> None:
    with pytest.raises(KeyRefused, match="Expected the key folder on every node"):
        cluster_mode.check_driver_node(arguments(config), read_platform(config))
    (config.parent / "keys").mkdir()
    cluster_mode.check_driver_node(arguments(config), read_platform(config))


@pytest.mark.parametrize(("submitted_as", "refused"), [(USER, False), ("another", True), ("", True)])
def test_a_container_that_runs_as_a_user_of_many_is_refused(
    cluster_mode: Any, config: Path, monkeypatch: pytest.MonkeyPatch, submitted_as: str, refused: bool
) -> None:
    (config.parent / "keys").mkdir()
    monkeypatch.setenv("CONTAINER_ID", "container_1_0001_01_000001")
    monkeypatch.setenv("SPARK_USER", submitted_as)
    if not refused:
        cluster_mode.check_driver_node(arguments(config), read_platform(config))
        return
    with pytest.raises(KeyRefused, match="Expected a driver that runs as the user who submits"):
        cluster_mode.check_driver_node(arguments(config), read_platform(config))


def run_bash(tmp_path: Path, command: str, *words: str, told: str = "") -> str:
    """What a function of `scripts/cluster-mode` says, with the names that `scripts/submit` gives it."""
    names = (
        f'say() {{ printf "%s\\n" "$*"; }}; scratch={tmp_path}; properties={tmp_path}/settings; spark_options=("$@")'
    )
    script = f"set -euo pipefail; {names}; source {PROJECT}/scripts/cluster-mode; {command}"
    ran = subprocess.run(["bash", "-c", script, "-", *words], input=told, capture_output=True, text=True, check=True)
    return ran.stdout


SAID_BY_SPARK_SUBMIT = """\
WARNING: Using incubator modules: jdk.incubator.vector
Submitting application application_1_0002 to ResourceManager
Application report for application_1_0002 (state: ACCEPTED)
\t diagnostics: AM container is launched, 123456782
Application report for application_1_0002 (state: ACCEPTED)
Application report for application_1_0002 (state: RUNNING)
Application report for application_1_0002 (state: FINISHED)
\t diagnostics: User application failed: cannot cast 123456782
10:00:00 ERROR in Client (text withheld, see COHORT_SPARK_LOG)
Exception in thread "main" org.apache.spark.SparkException: application failed with 123456782
\tat org.apache.spark.deploy.yarn.Client.run(Client.scala:1)
Caused by: java.io.IOException: 123456782
"""


def test_of_what_spark_submit_says_states_and_names_of_errors_are_shown_alone(tmp_path: Path) -> None:
    told = run_bash(tmp_path, "follow_application; client_errors", told=SAID_BY_SPARK_SUBMIT)
    assert told.splitlines() == [
        "submit: application_1_0002 is ACCEPTED",
        "submit: application_1_0002 is RUNNING",
        "submit: application_1_0002 is FINISHED",
        "10:00:00 ERROR in Client (text withheld, see COHORT_SPARK_LOG)",
        "org.apache.spark.SparkException, caused by java.io.IOException",
    ]
    assert (tmp_path / "application").read_text(encoding="utf-8") == "application_1_0002 is FINISHED\n"


@pytest.mark.parametrize(
    ("words", "settings", "mode"),
    [
        (["--deploy-mode", "cluster"], "", "cluster"),
        (["--deploy-mode=cluster"], "", "cluster"),
        (["--conf", "spark.submit.deployMode=cluster"], "", "cluster"),
        (["--conf=spark.submit.deployMode=cluster"], "", "cluster"),
        (["-c", "spark.submit.deployMode=cluster"], "", "cluster"),
        (["--name", "x"], "spark.submit.deployMode   cluster  \n", "cluster"),
        ([], " spark.submit.deployMode = cluster\n", "cluster"),
        ([], "# spark.submit.deployMode cluster\n", ""),
        (["--deploy-mode", "client"], "spark.submit.deployMode cluster\n", "client"),
        ([], "spark.submitXdeployMode cluster\n", ""),
    ],
)
def test_a_setting_is_found_wherever_spark_submit_finds_it(
    tmp_path: Path, words: list[str], settings: str, mode: str
) -> None:
    (tmp_path / "settings").write_text(settings, encoding="utf-8")
    assert run_bash(tmp_path, "spark_setting --deploy-mode spark.submit.deployMode", *words).strip() == mode


def test_archives_of_the_caller_travel_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "settings").write_text("spark.archives a.zip#a\n", encoding="utf-8")
    assert run_bash(tmp_path, "other_archives") == ",a.zip#a"
    assert run_bash(tmp_path, "other_archives", "--archives", "b.zip,c.zip") == ",b.zip,c.zip"
