"""The whole way, once: the longest jobs through real spark-submit; then what is on the disk is looked at."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars
import pyreadstat
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from cohort.destruction import byte_search

from .conftest import Done, Platform

NAME = "leergroei"


@dataclass(frozen=True)
class Way:
    """A platform after every job, and what each job said."""

    platform: Platform
    done: dict[str, Done]


SUBMITTED = {"objections", "release", "verify deep"}
"""The jobs that do most with rows: by real spark-submit with the shipped settings. The others run in this process.

`test_killed_jobs` publishes through spark-submit.
"""


@pytest.fixture(scope="module")
def way(one_spark: SparkSession, copied: Callable[[], Platform]) -> Way:
    """key, objections, early twin, release, verify --deep, publish, export, twin, verify, status, register."""
    platform = copied()
    name = ("--project", NAME)
    steps = {
        "key": ("key", *name),
        "ingest again": ("ingest",),
        "objections": ("objections",),
        "early twin": ("twin", *name, "--rows", "200", "--format", "csv"),
        "release": ("release", *name),
        "verify deep": ("verify", *name, "--deep"),
        "publish": ("publish", *name, "--release", "1", "--approved-by", "A. Jansen"),
        "export": ("export", *name, "--format", "sav,dta,parquet,csv", "--language", "en"),
        "agreed twin": ("twin", *name, "--from-agreement", "--rows", "200", "--format", "csv"),
        "twin": ("twin", *name, "--language", "en"),
        "verify published": ("verify", *name),
        "publish again": ("publish", *name, "--release", "1", "--approved-by", "A. Jansen"),
        "status": ("status",),
        "register": ("register",),
    }
    assert one_spark
    done = {
        label: platform.submit(*step) if label in SUBMITTED else platform.run(*step) for label, step in steps.items()
    }
    return Way(platform, done)


def test_every_job_ends_in_0_and_prints_one_json_document(way: Way) -> None:
    for label, done in way.done.items():
        assert done.record["exit_code"] == done.code, label
        assert done.code == (15 if label == "publish again" else 0), (label, done.stderr)


def test_a_second_intake_of_the_same_files_changes_nothing(way: Way) -> None:
    record = way.done["ingest again"].record
    assert (record["files"], record["new"]) == (40, 0)


def test_published_classes_have_k_pupils_as_read_by_polars_and_arrow(way: Way) -> None:
    path = str(way.platform.zones.published_table("leergroei"))
    frame = polars.read_delta(path)
    other = polars.from_arrow(DeltaTable(path).to_pyarrow_table())
    assert isinstance(other, polars.DataFrame)
    assert frame.sort(frame.columns).equals(other.sort(frame.columns))
    assert frame.columns == way.platform.release_task().project.released_names
    sizes = frame.group_by(frame.columns).len()["len"].to_list()
    assert min(sizes) >= 10
    assert sum(sizes) == frame.height


def test_exported_files_have_the_rows_of_the_table_and_leave_nothing_in_scratch(way: Way) -> None:
    zones, files = way.platform.zones, way.platform.zones.research_files("leergroei")
    frame = polars.read_delta(str(zones.published_table("leergroei")))
    assert polars.read_parquet(files / "leergroei-1.parquet").sort(frame.columns).equals(frame.sort(frame.columns))
    for read, suffix in ((pyreadstat.read_sav, "sav"), (pyreadstat.read_dta, "dta")):
        _, told = read(files / f"leergroei-1.{suffix}", metadataonly=True)
        assert (told.number_rows, told.column_names) == (frame.height, frame.columns)
        assert told.variable_value_labels["jaargroep"][7] == "year group 7"
    named = {file["name"] for file in way.done["export"].record["files"]}
    assert named == {path.name for path in files.iterdir() if "codebook" not in path.name}
    assert not list(Path(tempfile.gettempdir()).glob("export-*"))


def test_a_twin_is_made_of_the_agreement_before_the_first_release_and_of_the_table_after_it(
    way: Way, one_spark: SparkSession
) -> None:
    early, agreed, twin = (way.done[label].record for label in ("early twin", "agreed twin", "twin"))
    assert agreed["files"][0]["sha256"] == early["files"][0]["sha256"], "nothing of the table is in it"
    assert [(one["made_from"], one["twin"]) for one in (early, twin)] == [
        ("agreement", "leergroei-twin"),
        ("table", "leergroei-1-twin"),
    ]
    assert "the twin of what was published before was removed" in way.done["publish"].stderr
    zones = way.platform.zones
    table, own = (polars.read_delta(str(path)) for path in (zones.published_table(NAME), zones.twin_table(NAME)))
    assert own.schema == table.schema
    in_spark = one_spark.read.format("delta").load(str(zones.twin_table(NAME)))
    assert sorted(map(str, in_spark.toPandas().astype(str).to_numpy().tolist())) == sorted(
        map(str, own.to_pandas().astype(str).to_numpy().tolist())
    )
    assert (early["rows"], twin["rows"]) == (200, own.height)
    assert abs(own.height - table.height) <= 2
    assert {path.name.partition(".")[0] for path in zones.twin(NAME).iterdir()} == {"leergroei-1-twin", "table"}
    assert not list(Path(tempfile.gettempdir()).glob("twin-*"))


def test_the_order_of_rows_depends_on_released_values_alone(way: Way) -> None:
    table = DeltaTable(str(way.platform.zones.published_table("leergroei")))
    for file in table.file_uris():
        rows = polars.read_parquet(file)
        assert rows.equals(rows.sort(rows.columns))


def test_the_table_says_which_release_it_is(way: Way) -> None:
    table = DeltaTable(str(way.platform.zones.published_table("leergroei")))
    own = table.metadata().configuration
    assert {name: value for name, value in own.items() if name.startswith("cohort.") and name != "cohort.expires"} == {
        "cohort.release": "leergroei-1",
        "cohort.class": "anonymous",
        "cohort.k": "10",
        "cohort.m": "5",
        "cohort.codebook": "files/leergroei/leergroei-1.codebook.json",
        "cohort.report": "reports/leergroei",
        "cohort.twin": "twins/leergroei/table",
    }
    assert (way.platform.zones.root / own["cohort.report"] / "report-1.json").is_file()
    assert (way.platform.zones.root / own["cohort.codebook"]).is_file()
    assert DeltaTable(str(way.platform.zones.root / own["cohort.twin"])).version() == 1
    assert (table.protocol().min_reader_version, table.protocol().min_writer_version) == (1, 2)


def test_exact_records_have_closing_sums_and_public_ones_rounded_counts(way: Way) -> None:
    exact = json.loads((way.platform.zones.exact_records / "leergroei" / "1.json").read_text())["counts"]
    rows = ("used", "not_selected", "set_aside", "objected", "without_instruction")
    pupils = ("released", "suppressed", "objected", "without_instruction", "withdrawn")
    assert exact["rows_current"] == sum(exact[f"rows_{name}"] for name in rows)
    assert exact["pupils_records"] == sum(exact[f"pupils_{name}"] for name in pupils)
    shown = json.loads((way.platform.zones.public_records / "leergroei" / "1.json").read_text())["counts"]
    assert all(n is None or n % 5 == 0 for n in shown.values())


def test_a_published_release_cannot_be_published_again(way: Way) -> None:
    assert "Expected a release that may become PUBLISHED" in way.done["publish again"].stderr
    assert "Traceback" not in way.done["publish again"].stderr


def test_the_stage_and_all_scratch_are_gone(way: Way) -> None:
    assert not way.platform.zones.staging("leergroei").exists()
    assert not [path for path in way.platform.local.rglob("*") if path.is_file() and path.name != ".lock"]


def test_the_register_shows_the_release_and_each_school_its_own_use(way: Way) -> None:
    zones = way.platform.zones
    assert way.done["register"].record["index"] == str(zones.public_register / "index.html")
    page = (zones.public_register / "project" / "leergroei.html").read_text(encoding="utf-8")
    assert way.platform.release_task().project.question in page
    schools = json.loads((zones.exact_records / "leergroei" / "1.json").read_text())["schools"]
    assert len(schools) > 5
    assert all("leergroei" in (zones.school_feedback(x) / "gebruik.json").read_text() for x in schools)
    told = "".join(p.read_text(encoding="utf-8") for p in zones.public_register.rglob("*") if p.is_file())
    assert not [school for school in schools if school in told]


def planted(way: Way) -> dict[str, bytes]:
    """The key, and a pupil number and a BRIN that were delivered."""
    lines = next(way.platform.zones.deliveries.glob("*.csv")).read_text(encoding="utf-8").splitlines()
    header = lines[0].split(";")
    row = dict(zip(header, lines[5].split(";"), strict=True))
    key = (way.platform.keys / "leergroei.key").read_bytes()
    return {"key": key, "pupil number": row["pgn"].encode(), "brin": row["brin"].encode()}


def test_no_key_number_or_school_is_in_anything_a_release_writes(way: Way) -> None:
    secret = planted(way)
    out = way.platform.home / "out"
    out.mkdir()
    for label, done in way.done.items():
        (out / f"{label}.stdout").write_text(done.stdout)
        (out / f"{label}.stderr").write_text(done.stderr)
    zones = way.platform.zones
    zone_names = ("projects", "files", "records", "staging", "register")
    sinks = [*(zones.root / zone for zone in zone_names), way.platform.local]
    found = byte_search.search_files([out, *(sink for sink in sinks if sink.exists())], secret)
    assert found.hits == ()
    assert found.undecodable == ()
    assert found.files > 10


def test_the_search_finds_what_is_planted_in_each_sink(way: Way) -> None:
    secret = planted(way)
    zones = way.platform.zones
    for sink in (
        zones.published_table("leergroei"),
        zones.published_table("leergroei") / "_delta_log",
        zones.public_records,
        way.platform.local,
    ):
        for label, value in secret.items():
            leak = sink / f".planted-{label.replace(' ', '-')}"
            leak.write_bytes(b"before " + value + b" after")
            assert label in {hit.label for hit in byte_search.search_files([sink], secret).hits}
            leak.unlink()
    decoded = polars.DataFrame({"taal": [secret["brin"].decode(), secret["pupil number"].decode()]})
    leak = zones.published_table("leergroei") / "part-planted.parquet"
    decoded.write_parquet(leak, compression="zstd")
    assert {"brin", "pupil number"} <= {hit.label for hit in byte_search.search_files([leak], secret).hits}
    leak.unlink()
