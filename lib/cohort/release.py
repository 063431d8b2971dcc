"""One release: made, staged, verified. Nobody reads it yet; `publish` is a step of its own."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort import (
    balance,
    codebook,
    differences,
    erasure,
    generalise,
    keys,
    ledger,
    numbers,
    pipeline,
    publish,
    register,
    renumbering,
    rights,
    tables,
)
from cohort.catalogue import Catalogue
from cohort.errors import ConfigurationRefused, DeliveriesRefused, NotAnonymous, StateRefused, expected
from cohort.keys import Key
from cohort.places import Places
from cohort.platform import Platform
from cohort.project import Project
from cohort.register import Record, Release
from cohort.rights import Known, Rights
from cohort.schema import Accepted
from cohort.verify import Findings, Subject, check_stage

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Work:
    """What a release is made from, beside the session: where, what was agreed, what is declared."""

    places: Places
    platform: Platform
    catalogue: Catalogue
    project: Project
    hierarchies: Path
    keys: Path
    now: dt.datetime
    by: str

    @property
    def today(self) -> dt.date:
        return self.now.date()

    @property
    def known(self) -> Known:
        """What a line of a list may name."""
        return rights.known(self.places, self.hierarchies.parent, self.catalogue)


def check(work: Work) -> tuple[Rights, Key]:
    """Everything that can be refused before a session is started, in the order a reader would ask.

    Refuses: a project being destroyed or destroyed, before its start or past its end (exit code 15); a
    special-category result without its ground (10); hierarchies (10); lists of objections (12), of
    instructions and consents (17); the key (13).
    """
    project = work.project
    register.require_open(work.places, project.name)
    if not project.lasts(work.today):
        raise StateRefused(
            expected(
                "a project in its time",
                example=f"a day from {project.starts} to {project.ends}",
                found=str(work.today),
                where=f"projects/{project.name}.toml",
                do="Past its end nothing is released any more: destroy the project"
                if work.today > project.ends
                else "Wait for its start",
            )
        )
    rights.special(project, work.catalogue.special_domains())
    unknown = [r for r in project.results if not work.catalogue.measures(r.domein, r.schaal)]
    if unknown:
        raise ConfigurationRefused(
            *(
                expected(
                    "domains and scales of the catalogue", example="rekenen on LVS-REK",
                    found=f"{r.domein} on {r.schaal}", where=f"projects/{project.name}.toml",
                    do="Correct its spelling, or add the test to toetsen.csv",
                )
                for r in unknown
            )
        )  # fmt: skip
    generalise.hierarchies(project, work.hierarchies)
    renumbering.require_applied(work.places, numbers.load(work.places.numbers, work.today))
    lists = rights.load(work.places, work.platform, project, work.today, work.known)
    return lists, keys.load(work.keys, project.name)


def release(spark: SparkSession, work: Work, lists: Rights, key: Key, progress: Progress) -> Record:
    """Make, stage and verify the project's next release; the caller holds the project's lock.

    Gives: its record, VERIFIED.
    Refuses: no results (11); no recoding under the constraints, or findings of the verifier (14); another
    content than the published release (10, not supported yet).
    """
    places, project = work.places, work.project
    publish.mend(spark, places, work.platform, project.name)
    number = _make_room(places, project.name)
    started = time.monotonic()
    clock = _Clock(progress)
    record = _stage(spark, work, lists, key, number, clock)
    findings = verify(spark, work, key, record, deep=False, progress=clock.tell)
    clock.tell(f"verified: {len(findings.found)} findings")
    decide(places, record, findings, work.now)
    if findings.found:
        raise NotAnonymous(
            *(f"{f.code}: {f.sentence}" for f in findings.found),
            f"Release {number} of {project.name} was refused and its stage removed. Correct the cause, then "
            "run release again.",
        )
    verified = record.moved(
        Release.VERIFIED, checksum=list(findings.checksum), measures=findings.measures,
        checked=list(findings.checked),
        verified=str(work.now), seconds=round(time.monotonic() - started, 1), stages=clock.seconds,
    )  # fmt: skip
    try:
        differences.require_same(spark, places, verified)
    except ConfigurationRefused as refusal:
        register.save(places, record.moved(Release.REFUSED, reason=str(refusal)))
        _remove_stage(places, record)
        raise
    register.save(places, verified)
    return verified


def verify(
    spark: SparkSession, work: Work, key: Key, record: Record, *, deep: bool, progress: Progress | None
) -> Findings:
    """Check a stage in full, against the lists as they are now."""
    subject = Subject(
        project=work.project, platform=work.platform, key=key,
        stage=work.places.stage(record.project, record.release), release_id=record.id,
        results=work.places.results, batches=tuple(record.facts["batches"]),
        objections=work.places.objections, instructions=work.places.instructions,
        consents=work.places.consents, hierarchies=work.hierarchies,
        today=work.today, counts=record.facts["counts"],
    )  # fmt: skip
    return check_stage(spark, subject, deep=deep, progress=progress)


def decide(places: Places, record: Record, findings: Findings, now: dt.datetime) -> None:
    """Any finding refuses a release: its record says which, its stage is removed."""
    if findings.found:
        found = [{"code": f.code, "sentence": f.sentence, "count": f.count} for f in findings.found]
        register.save(places, record.moved(Release.REFUSED, findings=found, refused=str(now)))
        _remove_stage(places, record)


def _make_room(places: Places, project: str) -> int:
    """Refuse what an earlier run left unfinished, remove every stage, and count on."""
    known = register.releases(places, project)
    for record in known:
        if record.state in (Release.STAGED, Release.VERIFIED):
            reason = "a later run made a new release before this one was published"
            register.save(places, record.moved(Release.REFUSED, reason=reason))
    shutil.rmtree(places.staging(project), ignore_errors=True)
    return max((record.release for record in known), default=0) + 1


def _stage(spark: SparkSession, work: Work, lists: Rights, key: Key, number: int, clock: _Clock) -> Record:
    places, project = work.places, work.project
    batches = ledger.batches(spark, places.ledger)
    if not batches:
        raise DeliveriesRefused(
            expected(
                "results that were taken in", example="those of a run of ingest", found="none",
                where="restricted/results", do="Run ingest first",
            )
        )  # fmt: skip
    erasure.accept(spark, places, work.platform, lists.objections, work.catalogue.domains())
    results = Accepted(tables.read(spark, places.results).where(F.col("batch").isin(list(batches))))
    way = pipeline.run(
        results, project, lists, generalise.hierarchies(project, work.hierarchies), key,
        work.catalogue.schools, work.platform.search.most_pupils_at_once, clock.tell,
    )  # fmt: skip
    domains = sorted({result.domein for result in project.results})
    stage = places.stage(project.name, number)
    note = register.release_id(project.name, number)
    try:
        tables.write_new(way.rows, stage, note, work.platform.tables)
        clock.tell("staged")
        counts = balance.counts(results, project, lists, way)
        clock.tell("counted")
    finally:
        way.let_go()
    record = Record(
        project.name, number, Release.STAGED,
        {
            "made": str(work.now), "made_by": work.by, "class": project.release_class,
            "batches": list(batches),
            **lists.facts(), "counts": counts, "domains": domains,
            "barred_digest": lists.objections.digest_for(project.name, domains),
            "recoding": way.recoding.search,
            "codebook": codebook.codebook(way.recoding, project.column_names, way.values),
            "loss": {"mean": way.recoding.loss.mean, "geometric": way.recoding.loss.geometric},
            "classes": way.recoding.classes, "thresholds": project.limits,
            "expires": str(project.ends),
        },
    )  # fmt: skip
    register.save(places, record)
    return record


def _remove_stage(places: Places, record: Record) -> None:
    shutil.rmtree(places.stage(record.project, record.release), ignore_errors=True)


class _Clock:
    """Tells a line per stage, with its seconds."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._last = progress, time.monotonic()
        self.seconds: dict[str, float] = {}

    def tell(self, line: str) -> None:
        now = time.monotonic()
        spent, self._last = round(now - self._last, 2), now
        self.seconds[line.partition(":")[0]] = spent
        self._progress(f"{line} ({spent:.1f} s)")
