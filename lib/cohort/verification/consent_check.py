"""Whose special-category values a project may show: the lists of consents, read again and by own code."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements.project import Project
from cohort.foundation.errors import RightsRefused, describe_problem
from cohort.states.schemas import PUPIL_CONTROL
from cohort.verification import rights_list_reader
from cohort.verification.control_column_check import driver_frame, pseudonym_sql
from cohort.verification.findings import Finding, VerificationSubject, finding_if_any
from cohort.verification.hierarchy_reader import UNKNOWN_LEAF
from cohort.verification.pupil_number_reader import parse_pupil_number

CONSENT_COLUMNS = ("pgn", "categorie", "project", "vanaf", "tot", "ingetrokken_op")
CONSENT_DATES = ("vanaf", "tot", "ingetrokken_op")
ConsentingPupils = frozenset[tuple[str, str]]
"""Numbers of pupils, each with a domain."""


def read_consenting_pupils(
    folder: Path, project: Project, longest: int, today: dt.date, newest: Mapping[str, str]
) -> ConsentingPupils:
    """Who consents today to a domain that the project shows on a legal ground.

    Takes: the zone, the project, the platform's greatest age of a list in days, the day it is, the newest
    number for each that was replaced.
    Gives: under the newest number of each pupil, which is the one that results have.
    Refuses: what `declared` refuses, a number that is none, a line without its days (exit code 17).
    """
    domains = {result.domein for result in project.special_results}
    if not domains:
        return frozenset()
    lines = rights_list_reader.read_rights_lists(folder, CONSENT_COLUMNS, longest, today)
    days = rights_list_reader.parse_line_dates(lines, CONSENT_DATES)
    wrong, held = list[str](), defaultdict[tuple[str, str], list[Mapping[str, dt.date | None]]](list)
    for (where, line), day in zip(lines, days, strict=True):
        number = parse_pupil_number(line["pgn"])
        if number is None or day["vanaf"] is None or day["tot"] is None:
            wrong.append(
                describe_problem(
                    "a number, a first and a last day",
                    example="123456782;…;2026-01-01;2027-07-31",
                    found="something else",
                    where=where,
                    do="Restore or renew the list",
                )
            )
        elif line["project"] == project.name and line["categorie"] in domains:
            held[newest.get(number, number), line["categorie"]].append(day)
    if wrong:
        raise RightsRefused(*wrong)
    return frozenset(who for who, of in held.items() if _holds(of, today))


def _holds(lines: list[Mapping[str, dt.date | None]], today: dt.date) -> bool:
    never, always = dt.date.min, dt.date.max
    ended = [line for line in lines if (line["ingetrokken_op"] or always) <= today]
    last = max((line["ingetrokken_op"] or never for line in ended), default=never)
    taken = {line["vanaf"] for line in ended}
    return any(
        line not in ended
        and (line["vanaf"] or always) <= today <= (line["tot"] or never)
        and (line["vanaf"] or never) >= last
        and line["vanaf"] not in taken
        for line in lines
    )


def blank_without_consent(
    spark: SparkSession, rows: DataFrame, project: Project, consenting: ConsentingPupils
) -> DataFrame:
    """The results with null for every special-category value of who does not consent."""
    domains = sorted({result.domein for result in project.special_results})
    if not domains:
        return rows
    pairs = sorted(consenting)
    known = driver_frame(
        spark,
        {"pgn": pa.array([n for n, _ in pairs], pa.string()), "domein": pa.array([d for _, d in pairs], pa.string())},
    ).withColumn("_consents", F.lit(True))
    shown = {result.value for result in project.special_results}
    joined = rows.join(F.broadcast(known), ["pgn", "domein"], "left")
    secret = F.col("domein").isin(*domains) & F.col("_consents").isNull()
    emptied: dict[str, Column] = {name: F.when(~secret, F.col(name)) for name in sorted(shown)}
    return joined.withColumns(emptied).drop("_consents")


def check_consents(
    spark: SparkSession, subject: VerificationSubject, stage: DataFrame, consenting: ConsentingPupils
) -> list[Finding]:
    """CONSENT: pupils of the stage who show a special-category value and do not consent to it."""
    found = 0
    for column in (c for c in subject.project.columns if c.legal_ground is not None):
        domains = {result.domein for result in column.results}
        willing = sorted({n for n, _ in consenting if all((n, d) in consenting for d in domains)})
        numbers = driver_frame(spark, {"pgn": pa.array(willing, pa.string())})
        keyed = numbers.crossJoin(F.broadcast(subject.key.key_frame(spark)))
        may = keyed.select(F.expr(pseudonym_sql("pgn", "pgn")).alias(PUPIL_CONTROL))
        found += (
            stage.where(F.col(column.name) != UNKNOWN_LEAF).join(F.broadcast(may), PUPIL_CONTROL, "left_anti").count()
        )
    return finding_if_any("CONSENT", found)
