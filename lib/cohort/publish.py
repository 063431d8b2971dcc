"""VERIFIED → PUBLISHED: one atomic commit into the project's table, then the earlier snapshot goes.

The commit that carries the release's id is the truth; records follow it, and whoever finds the two apart
mends the record (`mend`).
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Collection
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import differences, objections, register, tables
from cohort.errors import DestructionIncomplete, NotAnonymous, StateRefused, expected
from cohort.places import Places
from cohort.platform import Platform
from cohort.project import Project
from cohort.register import Record, Release

ROWS_PER_FILE = 250_000


def check(
    places: Places,
    platform: Platform,
    project: Project,
    record: Record,
    now: dt.datetime,
    approved_by: str | None,
    domains: Collection[str],
) -> None:
    """Whether this release may be published now.

    Takes: also the domains of the test catalogue, which lists of objections name.
    Refuses: a project not open or past its end, a release that is not VERIFIED, a change of lists since,
    an approval by nobody or by whoever made the release (exit code 15); the lists themselves (12).
    """
    register.require_open(places, project.name)
    record.moved(Release.PUBLISHED)
    if now.date() > project.ends:
        raise StateRefused(
            expected(
                "a project in its time", example=f"until {project.ends}", found=str(now.date()),
                where=f"projects/{project.name}.toml", do="Destroy the project",
            )
        )  # fmt: skip
    if approved_by is None and not platform.publish.without_second_person:
        raise _approval("nobody")
    if approved_by is not None and (
        not approved_by.strip() or approved_by.strip() == record.facts["made_by"]
    ):
        raise _approval("whoever made the release")
    lists = objections.load(places.objections, platform.objections, now.date(), domains)
    if lists.digest() != record.facts["objections_digest"]:
        register.save(
            places,
            record.moved(Release.REFUSED, reason="a list of objections changed after the verification"),
        )
        shutil.rmtree(places.stage(record.project, record.release), ignore_errors=True)
        raise StateRefused(
            expected(
                "the lists of objections that the release was verified with", example="unchanged files",
                found="a changed list", where="objections/",
                do=f"The release is refused; make a new one with release --project {project.name}",
            )
        )  # fmt: skip


def publish(
    spark: SparkSession,
    places: Places,
    platform: Platform,
    project: Project,
    record: Record,
    now: dt.datetime,
    approved_by: str | None,
    progress: Callable[[str], None],
) -> Record:
    """Copy a verified stage, without its control columns, into the project's table.

    Takes: a release for which `check` raised nothing; the caller holds the project's lock.
    Gives: its record, PUBLISHED.
    Refuses: rows whose checksum is not the verified one (exit code 14): the earlier snapshot stays.
    """
    differences.require_same(spark, places, record)
    stage = tables.read(spark, places.stage(record.project, record.release)).select(*project.column_names)
    rows, checksum = record.facts["checksum"]
    if list(tables.checksum(stage)) != [rows, checksum]:
        raise _altered("the stage")
    table = places.table(project.name)
    before = tables.history(spark, table)[0].version if tables.exists(spark, table) else None
    own = {
        tables.RELEASE: record.id, "cohort.class": project.release_class,
        "cohort.k": str(project.thresholds.k), "cohort.m": str(project.thresholds.m),
        "cohort.expires": str(project.ends),
    }  # fmt: skip
    version = tables.replace(in_order(stage, rows, project.row_order), table, own, record.id, platform.tables)
    progress(f"committed: {rows} rows, version {version}")
    if list(tables.checksum(tables.read(spark, table))) != [rows, checksum]:
        if before is None:
            shutil.rmtree(table)
        else:
            tables.restore(spark, table, before)
        raise _altered("the table")
    published = record.moved(
        Release.PUBLISHED, version=version, published=str(now), approved_by=approved_by,
        second_person=approved_by is not None,
    )  # fmt: skip
    register.save(places, published)
    _settle(spark, places, platform, published)
    progress("settled: earlier snapshot vacuumed, stage removed")
    return published


def in_order(released: DataFrame, rows: int, by: list[str]) -> DataFrame:
    """Rows in an order, and split into files, that depend on their released values alone.

    Takes: the rows and their number, and every released column, the first to order by first.
    """
    files = max(1, -(-rows // ROWS_PER_FILE))
    return released.repartition(files, *map(F.col, by)).sortWithinPartitions(*by)


def mend(spark: SparkSession, places: Places, platform: Platform, project: str) -> None:
    """Bring the records up to the table's history, after a run that was killed between the two.

    The newest commit that carries a release's id is the published release; an unfinished settling is done.
    """
    table = places.table(project)
    known = {record.id: record for record in register.releases(places, project)}
    if not tables.exists(spark, table):
        return
    commit = next((c for c in tables.history(spark, table) if c.note in known), None)
    if commit is None:
        return
    record = known[str(commit.note)]
    if record.state is Release.VERIFIED:
        record = record.moved(Release.PUBLISHED, version=commit.version, mended=True)
        register.save(places, record)
    if record.state is Release.PUBLISHED and not record.facts.get("settled"):
        _settle(spark, places, platform, record)


def _settle(spark: SparkSession, places: Places, platform: Platform, record: Record) -> None:
    for earlier in register.releases(places, record.project):
        if earlier.state is Release.PUBLISHED and earlier.release != record.release:
            register.save(places, earlier.moved(Release.SUPERSEDED))
    if tables.vacuum(spark, places.table(record.project)).left_behind:
        raise DestructionIncomplete(
            expected(
                "only the published snapshot", example="after a vacuum", found="files of an earlier one",
                where=f"projects/{record.project}", do="Look at its permissions, then run publish again",
            )
        )  # fmt: skip
    shutil.rmtree(places.staging(record.project), ignore_errors=True)
    register.write(places.records / record.project / f"{record.release}.json", shown(platform, record))
    register.save(places, record.noted(settled=True))


def shown(platform: Platform, record: Record) -> dict[str, Any]:
    """The record that everybody may read: counts hidden when small, else rounded."""
    facts = record.facts
    return {
        "project": record.project, "release": record.release, "state": record.state, "class": facts["class"],
        "version": facts.get("version"), "published": facts.get("published"), "expires": facts["expires"],
        "thresholds": facts["thresholds"], "recoding": facts["recoding"],
        "codebook": facts["codebook"],
        "loss": {name: round(value, 3) for name, value in facts["loss"].items()},
        "counts": {name: platform.shown.count(n) for name, n in facts["counts"].items()},
        "counts_note": f"null = {platform.shown.hide_up_to} or fewer; others rounded to "
        f"{platform.shown.round_to}",
        "objections": [{key: x[key] for key in ("list", "source", "date")} for x in facts["objections"]],
        "teachers": "a teacher's pupils lie within one school, so the school's limits hold for teachers too",
        "second_person": facts.get("second_person", False),
    }  # fmt: skip


def _approval(found: str) -> StateRefused:
    return StateRefused(
        expected(
            "the approval of a second person", example="--approved-by 'A. Jansen'", found=found,
            where="--approved-by", do="Name who approved, other than whoever made the release",
        )
    )  # fmt: skip


def _altered(what: str) -> NotAnonymous:
    return NotAnonymous(
        expected(
            f"{what} with the rows that were verified", example="an equal checksum", found="another checksum",
            where="publish", do="Nothing was published; make a new release",
        )
    )  # fmt: skip
