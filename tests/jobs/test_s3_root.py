"""The whole way on a real S3 server: the same rows as on a local root, readers who are let in and out, survivors."""

from __future__ import annotations

import datetime as dt
import json
import time

import polars
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from tests.services.s3 import PLATFORM_USER, READER, STRANGER, S3Service, begin_upload, keep_versions

from cohort.storage import walk_folder

from .conftest import Done, Platform
from .stored_platforms import S3Platform, put_on_s3, set_period
from .test_killed_jobs import kill_job

NAME = ("--project", "leergroei")


@pytest.fixture(scope="module")
def platform(
    one_spark: SparkSession, s3: S3Service, taken_in: Platform, tmp_path_factory: pytest.TempPathFactory
) -> S3Platform:
    """What schools sent, in a bucket; nothing was taken in."""
    return put_on_s3(taken_in, tmp_path_factory.mktemp("s3-platform"), s3, one_spark)


@pytest.fixture(scope="module")
def done(platform: S3Platform) -> dict[str, Done]:
    """Every job in order; the release by real spark-submit, the others in this process."""
    done = {"ingest": platform.run("ingest"), "ingest again": platform.run("ingest")}
    done["objections"] = platform.run("objections")
    done["release"] = platform.submit("release", *NAME)
    done["publish"] = platform.run("publish", *NAME, "--release", "1", "--approved-by", "A. Jansen")
    done["twin"] = platform.run("twin", *NAME)
    done["verify deep"] = platform.run("verify", *NAME, "--deep")
    done["status"] = platform.run("status")
    done["register"] = platform.run("register")
    return done


def rows(path: object, platform: S3Platform | None = None) -> polars.DataFrame:
    options = None if platform is None else platform.store.table_options()
    frame = polars.from_arrow(DeltaTable(str(path), storage_options=options).to_pyarrow_table())
    assert isinstance(frame, polars.DataFrame)
    return frame.sort(frame.columns)


def test_the_twin_has_the_columns_of_the_table(platform: S3Platform, done: dict[str, Done]) -> None:
    twin = rows(platform.stored.twin_table("leergroei"), platform)
    assert twin.schema == rows(platform.stored.published_table("leergroei"), platform).schema
    assert twin.height == done["twin"].record["rows"]


def test_every_job_ends_in_0(done: dict[str, Done]) -> None:
    for label, one in done.items():
        assert one.code == 0, (label, one.stderr)
    assert (done["ingest"].record["new"], done["ingest again"].record["new"]) == (40, 0)


def test_the_published_rows_are_those_of_a_local_root(
    platform: S3Platform, done: dict[str, Done], published_once: Platform
) -> None:
    assert done
    published = rows(platform.stored.published_table("leergroei"), platform)
    assert published.height
    assert published.equals(rows(published_once.zones.published_table("leergroei")))


def test_the_first_start_wrote_down_what_the_store_can_do(platform: S3Platform, done: dict[str, Done]) -> None:
    assert done
    document = json.loads(platform.stored.store_document.read_bytes())
    assert (document["kind"], len(document["tried"])) == ("s3a", 4)


def test_nobody_else_reaches_what_is_private(platform: S3Platform, done: dict[str, Done]) -> None:
    assert done
    private = ("restricted", "deliveries", "objections", "feedback", "staging", "restricted/store.json", "")
    for user in (READER, STRANGER):
        assert platform.reach_as(user, *private) == [], user
    assert platform.reach_as(PLATFORM_USER, "restricted", "restricted/store.json")


def test_readers_are_in_during_the_period_and_out_before_and_after(platform: S3Platform, done: dict[str, Done]) -> None:
    assert done
    height = str(rows(platform.stored.published_table("leergroei"), platform).height)
    for starts, ends, reader in ((3, 9, "refused"), (-3, 9, height), (-9, -3, "refused"), (-3, 9, height)):
        set_period(platform, starts, ends)
        checked = platform.run("access")
        assert checked.code == 0, checked.stderr
        assert (platform.read_as(READER), platform.read_as(STRANGER)) == (reader, "refused")


def test_a_table_that_another_statement_opens_is_not_taken_for_closed(
    platform: S3Platform, done: dict[str, Done]
) -> None:
    assert done
    client, policy = platform.store.client, platform.store.client.read_policy()
    opened = {
        "Sid": "Vreemd",
        "Effect": "Allow",
        "Principal": {"AWS": [STRANGER]},
        "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{client.bucket}/cohort/proj*"],
    }
    client.write_policy({**policy, "Statement": [*policy["Statement"], opened]})
    set_period(platform, 3, 9)
    refused = platform.run("access")
    assert refused.code == 17
    assert "statement Vreemd of the bucket's policy" in refused.stderr
    assert platform.read_as(READER) == "refused"
    everything = {**opened, "Resource": [f"arn:aws:s3:::{client.bucket}/*"]}
    client.write_policy({**policy, "Statement": [*policy["Statement"], everything]})
    status = platform.run("status")
    assert status.code == 17
    assert "Expected what only the platform's user enters and reads" in status.stderr
    client.write_policy(policy)
    set_period(platform, -3, 9)
    assert platform.run("access").code == 0
    assert platform.read_as(READER) != "refused"


def test_a_late_objection_takes_its_pupil_out_and_a_new_release_shows_it(
    platform: S3Platform, done: dict[str, Done]
) -> None:
    assert done
    today, zones = dt.date.today(), platform.stored
    number = rows(zones.results, platform)["pgn"][0]
    (zones.objections / "laat.csv").write_bytes(
        f"pgn;brin;vanaf;ingetrokken_op;bereik\n{number};;{today};;alles\n".encode()
    )
    (zones.objections / "laat.toml").write_bytes(
        f'file = "laat.csv"\npolarity = "block"\ndate = {today}\nsource = "laat"\n'
        "max_age_days = 31\ndeclared_empty = false\n".encode()
    )
    applied = platform.run("objections")
    assert applied.code == 0, applied.stderr
    assert number not in rows(zones.results, platform)["pgn"].to_list()
    again = platform.run("release", *NAME, "--publish")
    assert again.code == 0, again.stderr
    assert platform.read_as(READER) != "refused"


def test_survivors_are_found_named_and_removed_and_the_certificate_says_what_was_asked(
    platform: S3Platform, done: dict[str, Done]
) -> None:
    """Versions, markers and an upload in parts; what is locked or copied elsewhere is tried with the client alone."""
    assert done
    client = platform.store.client
    keep_versions(platform.session, client.bucket)
    table = platform.stored.published_table("leergroei")
    (table / "part-eerder.parquet").write_bytes(b"een rij")
    (table / "part-eerder.parquet").unlink()
    begin_upload(platform.session, client.bucket, "cohort/staging/leergroei/deel.parquet")
    refused = platform.run("destroy", *NAME, "--confirm", "leergroei")
    assert refused.code == 16, refused.stderr
    place = f"{platform.address}/projects/leergroei"
    for kind in ("version", "delete marker"):
        assert f"found it in a {kind} in {place}" in refused.stderr
    assert "found it in a upload in parts" in refused.stderr
    assert platform.read_as(READER) == "refused"
    destroyed = platform.run("destroy", *NAME, "--confirm", "leergroei", "--survivors", "remove")
    assert destroyed.code == 0, destroyed.stderr
    assert "versions" in destroyed.record["survivors"]
    for folder in ("projects/leergroei", "staging/leergroei", "restricted/records/leergroei"):
        assert list(client.list_versions(f"cohort/{folder}/")) == []
    assert client.list_uploads("cohort/staging/leergroei/") == []
    walked = walk_folder(platform.stored.root)
    assert "certificate.json" in [name for _, _, names in walked for name in names]


def test_a_killed_intake_keeps_its_lock_for_a_while_and_leaves_nothing_half(
    one_spark: SparkSession,
    s3: S3Service,
    taken_in: Platform,
    done: dict[str, Done],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    killed = put_on_s3(taken_in, tmp_path_factory.mktemp("s3-killed"), s3, one_spark)
    killed.change("conf/platform.toml", "lease_seconds = 60", "lease_seconds = 4")
    kill_job(killed, "quality:", "ingest")
    assert killed.run("ingest").code == 15, "its lock is still there"
    time.sleep(5)
    again = killed.run("ingest")
    assert again.code == 0, again.stderr
    assert again.record["rows"] == done["ingest"].record["rows"]
    assert not killed.stored.scratch.exists()
