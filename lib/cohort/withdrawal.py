"""Rows taken out of a published pseudonymous table at once: of late objectors, of schools without instruction.

Nobody reads from before the first row goes until what is left was verified and the superseded snapshot is
gone. A journal in the restricted zone says how far it came: while it stands nobody is let in, and a run that
was killed is taken up by the next one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import access, frames, keys, locks, project, publish, pseudonymise, register, remnant, tables, verify
from cohort.errors import DONE, DestructionIncomplete, NotAnonymous, Refusal, expected
from cohort.keys import Key
from cohort.places import Places
from cohort.platform import Platform
from cohort.project import Project
from cohort.register import Record
from cohort.schema import PSEUDONYMS

PUPIL, SCHOOL = PSEUDONYMS
BARRED, CLOSED = "_barred", "_closed"
Facts = dict[str, Any]


def live(places: Places) -> list[str]:
    """The projects with a published pseudonymous table."""
    names = sorted(folder.name for folder in places.exact.glob("*/"))
    shown = {name: register.published(places, name) for name in names}
    return [name for name, record in shown.items() if record and record.facts["class"] == "pseudonymous"]


def every(
    spark: SparkSession,
    places: Places,
    platform: Platform,
    folder: Path,
    key_folder: Path,
    barred: Callable[[Project], frozenset[str]],
    now: dt.datetime,
    progress: Callable[[str], None],
) -> list[Facts]:
    """`apply` to every live pseudonymous project; one that cannot be judged is closed until it can.

    Takes: the configuration folder, the key folder, and who is barred from a project.
    Gives: per project what was done, or the refusals and an exit code: a lost key is 13.
    """
    told = list[Facts]()
    for name in live(places):
        try:
            _begin(places, name)
            agreed, key = project.load(folder, name, platform), keys.load(key_folder, name)
            who, trees = barred(agreed), folder / "hierarchies"
            done = apply(spark, places, platform, agreed, key, who, now, hierarchies=trees)
        except Refusal as refusal:
            access.withdraw(places, platform, name, "objections could not be honoured", now)
            done = {"project": name, "refused": [*refusal.problems], "exit_code": refusal.exit_code}
        told.append({"exit_code": DONE, **done})
        progress(f"{name}: {done.get('pupils_barred', 0)} pupils barred, access {access.state(places, platform, name)}")
    return told


def apply(
    spark: SparkSession,
    places: Places,
    platform: Platform,
    agreed: Project,
    key: Key,
    barred: frozenset[str],
    now: dt.datetime,
    *,
    hierarchies: Path,
    schools: frozenset[str] = frozenset(),
) -> Facts:
    """Take the rows of these pupils and schools out of a project's published table.

    Takes: numbers of pupils (every number of each one's chain: the table has one of them), codes of schools;
    takes the project's lock itself.
    Gives: how many pupils went because they are barred, because their school has no instruction any more, and
    besides, because their class would have fallen under its constraints; the table's version; access.
    Refuses: a run in progress on the project (15); what is left and does not pass the verifier (14); files
    of the superseded snapshot that stay (16); readers who cannot be let in again (17). Then nobody reads.
    """
    with locks.held(places.locks, agreed.name):
        record = register.published(places, agreed.name)
        if record is None or record.facts["class"] != "pseudonymous":
            return {"project": agreed.name, "pupils_barred": 0, "pupils_of_schools": 0, "pupils_besides": 0}
        begun = _begin(places, agreed.name)
        try:
            journal = _taken_up(spark, places, record, begun)
            marked = _marked(spark, places.table(agreed.name), key, barred, schools)
            plan = _plan(marked, agreed)
            if not plan["gone"] and not journal["taken"]:
                register.withdrawal(places, agreed.name).unlink()
                return _told(agreed, record, [], access.state(places, platform, agreed.name))
            access.withdraw(places, platform, agreed.name, "rows are being withdrawn", now)
            if plan["gone"]:
                journal = _take_out(marked, places, platform, agreed, record, journal, plan)
            return _finish(spark, places, platform, agreed, key, record, journal, barred, schools, hierarchies, now)
        except BaseException:
            access.withdraw(places, platform, agreed.name, "rows are being withdrawn", now)
            raise


def _begin(places: Places, name: str) -> Facts:
    """The journal, written before anything is looked at: a run that ends here has not let anybody in."""
    file = register.withdrawal(places, name)
    if not file.exists():
        register.write(file, {"release": None, "plan": None, "taken": []})
    return register.load(file)


def _taken_up(spark: SparkSession, places: Places, record: Record, begun: Facts) -> Facts:
    """The journal of this release; a plan whose commit is there was carried out, any other was not."""
    if begun["release"] != record.release:
        return {"release": record.release, "plan": None, "taken": []}
    plan, taken = begun["plan"], begun["taken"]
    if plan is not None and _version(spark, places.table(record.project), record) > plan["version"]:
        taken = [*taken, plan]
    return {**begun, "plan": None, "taken": taken}


def _version(spark: SparkSession, table: Path, record: Record) -> int:
    """The newest version that shows this release."""
    return next(c.version for c in tables.history(spark, table) if c.note == record.id)


def _marked(
    spark: SparkSession, table: Path, key: Key, barred: frozenset[str], schools: frozenset[str]
) -> DataFrame:  # fmt: skip
    """The table's rows, with `_barred` and `_closed` where they have to go, else null."""
    numbers = frames.local(spark, "pgn string not null", [(number,) for number in sorted(barred)])
    keyed = numbers.join(F.broadcast(key.frame(spark)))
    text = F.concat(F.lit("pgn|"), F.col("pgn"))
    pupils = keyed.select(
        F.lower(F.hex(pseudonymise.hmac_sha256(text))).alias(PUPIL), F.lit(True).alias(BARRED)
    )
    digests = key.digests(f"brin|{school}" for school in sorted(schools))
    closed = frames.local(
        spark, f"{SCHOOL} string not null, {CLOSED} boolean not null", [(d.hex(), True) for d in digests]
    )
    rows = tables.read(spark, table, tables.history(spark, table)[0].version)
    rows = rows.join(F.broadcast(pupils), PUPIL, "left").join(F.broadcast(closed), SCHOOL, "left")
    return rows
