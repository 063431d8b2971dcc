"""A pseudonymous project by its jobs: on instruction only, for its readers only, late objectors gone."""

from __future__ import annotations

import datetime as dt
import grp
import hashlib
import hmac
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars
import pytest
from pyspark.sql import SparkSession

from cohort.access import table_access
from cohort.destruction import byte_search
from cohort.published_tables import eligibility_withdrawal
from cohort.release import publication, publication_checks, release_run
from cohort.release.release_task import check_release_allowed
from cohort.release_records import record_store

from .conftest import TODAY, Platform

NAME = "leergroei"
ASK = ("--project", NAME)


def key(platform: Platform) -> bytes:
    return (platform.keys / f"{NAME}.key").read_bytes()


def pseudonym(platform: Platform, text: str) -> str:
    return hmac.digest(key(platform), text.encode(), hashlib.sha256).hex()


def table(platform: Platform) -> polars.DataFrame:
    return polars.read_delta(str(platform.zones.published_table(NAME)))


def schools(platform: Platform) -> list[str]:
    return sorted(polars.read_delta(str(platform.zones.results))["brin"].unique())


def instruct(platform: Platform, ended: tuple[str, ...] = ()) -> None:
    """Every school's explicit instruction for this project, of some of them ended yesterday."""
    columns = ",".join(platform.release_task().project.column_names)
    ends = str(TODAY - dt.timedelta(days=1))
    lines = [
        f"{brin};;pseudonimiseren;{NAME};{columns};bestuur;2020-01-01;{ends if brin in ended else ''};"
        for brin in schools(platform)
    ]
    zone = platform.root / "instructions"
    header = "brin;vestiging;soort;project;kolommen;gegeven_door;gegeven_op;tot;ingetrokken_op"
    (zone / "expliciet.csv").write_text("\n".join([header, *lines, ""]))
    (zone / "expliciet.toml").write_text(
        f'file = "expliciet.csv"\ndate = {TODAY}\nsource = "proef"\nmax_age_days = 31\ndeclared_empty = false\n'
    )


def object_to_everything(platform: Platform, numbers: list[str]) -> None:
    lines = [f"{number};;2020-01-01;;alles" for number in numbers]
    zone = platform.zones.objections
    (zone / "laat.csv").write_text("\n".join(["pgn;brin;vanaf;ingetrokken_op;bereik", *lines, ""]))
    (zone / "laat.toml").write_text(
        f'file = "laat.csv"\npolarity = "block"\ndate = {TODAY}\nsource = "proef laat"\nmax_age_days = 7\n'
        "declared_empty = false\n"
    )


@pytest.fixture(scope="module")
def declared(copied: Callable[[], Platform]) -> Platform:
    """The shipped project as a pseudonymous one, whose readers are the group of whoever runs the tests."""
    platform = copied()
    ours = grp.getgrgid(os.getegid()).gr_name
    platform.change(f"conf/projects/{NAME}.toml", '"anonymous"', '"pseudonymous"')
    platform.change(f"conf/projects/{NAME}.toml", '"groep-leergroei"', f'"{ours}"')
    platform.change("conf/platform.toml", 'way = "owner"', 'way = "group"')
    return platform


@pytest.fixture(scope="module")
def verified(one_spark: SparkSession, declared: Platform, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Instructed by every school; its first release is made and verified."""
    platform = copy_of(declared, tmp_path_factory.mktemp("verified"))
    instruct(platform)
    task = platform.release_task()
    lists, secret = check_release_allowed(task)
    release_run.release_one(one_spark, task, lists, secret, lambda _: None)
    return platform


@pytest.fixture(scope="module")
def published_pseudonymous(
    one_spark: SparkSession, verified: Platform, tmp_path_factory: pytest.TempPathFactory
) -> Platform:
    """The same, published."""
    platform = copy_of(verified, tmp_path_factory.mktemp("published"))
    task = platform.release_task()
    record = record_store.find_release_record(platform.zones, NAME, 1)
    publication_checks.check_publishable(task.environment, task.project, record, None, task.list_vocabulary)
    publication.publish_release(one_spark, task.environment, task.project, record, None, lambda _: None)
    return platform


@pytest.fixture
def published(published_pseudonymous: Platform, tmp_path: Path) -> Platform:
    """A copy that a test may change."""
    return copy_of(published_pseudonymous, tmp_path)


def copy_of(platform: Platform, folder: Path) -> Platform:
    shutil.copytree(platform.home, folder / "platform", symlinks=True)
    return Platform(folder / "platform")


def state(platform: Platform) -> str:
    return table_access.access_state(platform.zones, platform.release_task().environment.platform, NAME)


def only(record: dict[str, Any]) -> dict[str, Any]:
    (project,) = record["projects"]
    assert project["project"] == NAME
    return dict(project)


def test_late_objectors_leave_the_table_by_the_objections_job_without_a_trace(published: Platform) -> None:
    zones, shown = published.zones, table(published)
    assert (shown.columns[-2:], state(published)) == (["pupil", "school"], "granted")
    numbers = polars.read_delta(str(zones.results))["pgn"].unique()
    of = {pseudonym(published, f"pgn|{number}"): number for number in numbers}
    assert set(shown["pupil"]) <= of.keys()
    late = sorted(set(shown["pupil"]))[:2]
    marks = {mark: bytes.fromhex(mark) for mark in late}
    assert byte_search.search_files([zones.published_table(NAME)], marks).labels == set(late)

    object_to_everything(published, [of[mark] for mark in late])
    done = published.run("objections")
    assert done.code == 0, done.stderr
    (left,) = done.record["left"]
    assert (left["pupils_barred"], left["access"]) == (2, "granted")
    assert NAME not in done.record["due"]
    assert table(published).height == shown.height - 2 - left["pupils_besides"]
    assert byte_search.search_files([zones.published_table(NAME)], marks).labels == frozenset()
    assert state(published) == "granted"
    verified = published.run("verify", *ASK)
    assert (verified.code, "OBJECTOR" in verified.record["checked"]) == (0, True), verified.stderr


def test_a_school_whose_instruction_ended_leaves_and_until_then_nobody_reads(
    spark: SparkSession, published: Platform
) -> None:
    school, *_ = schools(published)
    mark = pseudonym(published, f"brin|{school}")
    assert mark in set(table(published)["school"])
    instruct(published, ended=(school,))
    looked = published.run("access")
    assert (only(looked.record)["access"], looked.code) == ("withdrawn", 0), looked.stderr

    task = published.release_task()
    (report,) = eligibility_withdrawal.withdraw_ineligible_rows(
        spark, task.environment, lambda _: eligibility_withdrawal.BarredPupils(), lambda _: None
    )
    told = report.document()
    assert (told["access"], told["exit_code"]) == ("granted", 0), told
    assert told["pupils_of_schools"] > 0
    assert mark not in set(table(published)["school"])


def test_a_project_without_its_key_or_after_its_end_is_closed_and_can_still_be_destroyed(
    published: Platform, tmp_path: Path
) -> None:
    kept, own = tmp_path / "kept.key", published.keys / f"{NAME}.key"
    own.rename(kept)
    looked = published.run("access")
    assert (looked.code, only(looked.record)["access"]) == (13, "withdrawn")
    kept.rename(own)
    assert only(published.run("access").record)["access"] == "granted"

    ends = TODAY + dt.timedelta(days=99)
    published.change(f"conf/projects/{NAME}.toml", f"ends = {ends}", f"ends = {TODAY - dt.timedelta(days=1)}")
    looked = published.run("access")
    assert (looked.code, only(looked.record)["access"]) == (0, "withdrawn")
    assert published.run("destroy", *ASK, "--confirm", NAME).code == 0
    assert not published.zones.published_table(NAME).exists()


def test_without_the_schools_instruction_there_is_no_release(declared: Platform, tmp_path: Path) -> None:
    pseudonymous = copy_of(declared, tmp_path)
    done = pseudonymous.run("release", *ASK)
    assert done.code == 17, done.stderr
    assert "instruction" in done.stderr
    assert not pseudonymous.zones.published_table(NAME).exists()


def test_an_unknown_readers_group_is_refused_before_anything_is_published(verified: Platform, tmp_path: Path) -> None:
    pseudonymous = copy_of(verified, tmp_path)
    ours = grp.getgrgid(os.getegid()).gr_name
    pseudonymous.change(f"conf/projects/{NAME}.toml", f'readers = "{ours}"', 'readers = "niemand-zo"')
    done = pseudonymous.run("publish", *ASK, "--release", "1", "--approved-by", "A. Jansen")
    assert (done.code, "a group that this machine does not know" in done.stderr) == (17, True)
    assert not pseudonymous.zones.published_table(NAME).exists()
