"""Which pupils consent to special-category values, and whether a release shows those of anybody else.

The verifier's own reading of the consent lists, for the finding CONSENT. Shares no code with `legal_basis`.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import Project
from cohort.foundation import RightsRefused, describe_problem
from cohort.storage import StoragePath
from cohort.verification import rights_list_reader
from cohort.verification.findings import Finding, finding_if_any
from cohort.verification.hierarchy_reader import UNKNOWN_LEAF
from cohort.verification.pseudonym_check import control_column_digests
from cohort.verification.pupil_number_reader import parse_pupil_number
from cohort.verification.result_selection import driver_frame
from cohort.verification.verification_subject import VerificationSubject

CONSENT_COLUMNS = ("pgn", "categorie", "project", "vanaf", "tot", "ingetrokken_op")
CONSENT_DATES = ("vanaf", "tot", "ingetrokken_op")
ConsentingPupils = frozenset[tuple[str, str]]
"""Pupil numbers, each with a domain that its pupil consents to."""
ConsentDates = Mapping[str, dt.date | None]


def read_consenting_pupils(
    folder: StoragePath, project: Project, max_age_days: int, today: dt.date, newest: Mapping[str, str]
) -> ConsentingPupils:
    """Read who consents today to a domain that the project shows on a legal ground.

    Args:
        folder: the consents zone.
        project: the project's declaration.
        max_age_days: the platform's greatest age of a list.
        today: the day of the verification.
        newest: by replaced pupil number the newest one, which the results carry.

    Raises:
        RightsRefused: a list is refused by `read_rights_lists`, or a line lacks a valid number or its dates
            (exit code 17).
    """
    domains = {result.domein for result in project.special_results}
    if not domains:
        return frozenset()
    lines = rights_list_reader.read_rights_lists(folder, CONSENT_COLUMNS, max_age_days, today)
    dates = rights_list_reader.parse_line_dates(lines, CONSENT_DATES)
    problems, consents = list[str](), defaultdict[tuple[str, str], list[ConsentDates]](list)
    for (where, line), date in zip(lines, dates, strict=True):
        number = parse_pupil_number(line["pgn"])
        if number is None or date["vanaf"] is None or date["tot"] is None:
            problems.append(
                describe_problem(
                    "a number, a first and a last day",
                    example="123456782;…;2026-01-01;2027-07-31",
                    found="something else",
                    where=where,
                    do="Restore or renew the list",
                )
            )
        elif line["project"] == project.name and line["categorie"] in domains:
            consents[newest.get(number, number), line["categorie"]].append(date)
    if problems:
        raise RightsRefused(*problems)
    return frozenset(pupil for pupil, own_dates in consents.items() if _is_consent_in_force(own_dates, today))


def blank_without_consent(
    spark: SparkSession, results: DataFrame, project: Project, consenting: ConsentingPupils
) -> DataFrame:
    """Set every special-category value to null for pupils who do not consent to its domain."""
    domains = sorted({result.domein for result in project.special_results})
    if not domains:
        return results
    pairs = sorted(consenting)
    consents = driver_frame(
        spark,
        {
            "pgn": pa.array([number for number, _ in pairs], pa.string()),
            "domein": pa.array([domain for _, domain in pairs], pa.string()),
        },
    ).withColumn("_consents", F.lit(True))
    value_columns = {result.value for result in project.special_results}
    joined = results.join(F.broadcast(consents), ["pgn", "domein"], "left")
    lacks_consent = F.col("domein").isin(*domains) & F.col("_consents").isNull()
    blanked: dict[str, Column] = {name: F.when(~lacks_consent, F.col(name)) for name in sorted(value_columns)}
    return joined.withColumns(blanked).drop("_consents")


def check_consents(
    spark: SparkSession, subject: VerificationSubject, rows: DataFrame, consenting: ConsentingPupils
) -> list[Finding]:
    """Check CONSENT: every pupil who shows a special-category value consents to all its domains.

    Args:
        spark: the session.
        subject: the release.
        rows: its rows, with the pupil control column.
        consenting: who consents to what.
    """
    without_consent = 0
    for column in (column for column in subject.project.columns if column.legal_ground is not None):
        domains = {result.domein for result in column.results}
        numbers = {number for number, _ in consenting if all((number, domain) in consenting for domain in domains)}
        allowed = control_column_digests(spark, numbers, subject.key)
        shows_value = F.col(column.name) != UNKNOWN_LEAF
        without_consent += rows.where(shows_value).join(F.broadcast(allowed), allowed.columns, "left_anti").count()
    return finding_if_any("CONSENT", without_consent)


def _is_consent_in_force(lines: list[ConsentDates], today: dt.date) -> bool:
    """Whether the lines of one pupil and domain give consent today: none counts from before a withdrawal."""
    never, always = dt.date.min, dt.date.max
    withdrawn = [line for line in lines if (line["ingetrokken_op"] or always) <= today]
    newest_withdrawal = max((line["ingetrokken_op"] or never for line in withdrawn), default=never)
    withdrawn_starts = {line["vanaf"] for line in withdrawn}
    return any(
        line not in withdrawn
        and (line["vanaf"] or always) <= today <= (line["tot"] or never)
        and (line["vanaf"] or never) >= newest_withdrawal
        and line["vanaf"] not in withdrawn_starts
        for line in lines
    )
