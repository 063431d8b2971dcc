"""Stage PupilRecords → AdmittedRecords: pupils with an objection in force are marked, wherever their results come from.

In: pupil records, or rows of results, and the `Objections` of today. Out: the same records, each marked, or the barred
pupils themselves. Called by the release pipeline, and by the withdrawal of rows from published tables.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import Project
from cohort.data_states import OBJECTED, PGN, AcceptedResults, AdmittedRecords, PupilRecords, make_local_frame
from cohort.legal_basis import opt_in_lists
from cohort.legal_basis.objection_lists import SCOPE_PROJECT
from cohort.legal_basis.objections_in_force import Objections
from cohort.legal_basis.opt_in_lists import PupilNumbers

_BARRED = "_barred"


def mark_objectors(
    records: PupilRecords, results: AcceptedResults, objections: Objections, project: Project
) -> AdmittedRecords:
    """Mark every pupil who may not be used in a project.

    Args:
        records: a row per pupil, with PGN as a whole number, never null.
        results: all results, in which the pupils of withheld schools and of opt-in schools are looked up.
        objections: the objections of today.
        project: the project.

    Returns:
        The same records with OBJECTED.
    """
    domains = {result.domein for result in project.results}
    barred = find_barred_pupils(results, objections, project.name, domains)
    numbers = barred.select(F.col("pgn").try_cast("int").alias(_BARRED)).distinct()
    joined = records.join(F.broadcast(numbers), F.col(PGN) == F.col(_BARRED), "left")
    return AdmittedRecords(joined.select(*records.columns, F.col(_BARRED).isNotNull().alias(OBJECTED)))


def find_barred_pupils(results: DataFrame, objections: Objections, project: str, domains: Collection[str]) -> DataFrame:
    """Every pupil who may not be used in a project, as `pgn`, each once.

    Args:
        results: all results, with `pgn` and `brin`.
        objections: the objections of today.
        project: the name of the project.
        domains: the domains that it uses.
    """
    barred = make_number_frame(results.sparkSession, objections.barred_from_project(project, domains))
    by_school = _pupils_excluded_by_school(results, objections, project, domains)
    return reduce(DataFrame.union, by_school, barred).distinct()


def make_number_frame(spark: SparkSession, numbers: PupilNumbers) -> DataFrame:
    """Pupil numbers as a local frame `pgn`, which shows none of them in a query plan."""
    return make_local_frame(spark, "pgn string not null", [(number,) for number in sorted(numbers)])


def _pupils_excluded_by_school(
    results: DataFrame, objections: Objections, project: str, domains: Collection[str]
) -> list[DataFrame]:
    """Pupils of withheld schools, and pupils who did not opt in, each as frames of `pgn`."""
    excluded = []
    withheld = objections.schools_withheld_from_project(project, domains)
    if withheld:
        schools = make_local_frame(
            results.sparkSession, "brin string not null", [(school,) for school in sorted(withheld)]
        )
        excluded.append(results.join(F.broadcast(schools), "brin", "left_semi").select("pgn").distinct())
    if objections.opt_in_lists:
        lists = objections.opt_in_lists
        permitted = {SCOPE_PROJECT: [one.numbers_for_project(project, domains) for one in lists]}
        presence = opt_in_lists.pupils_by_school(results, objections.unlisted_pupils)
        excluded.append(opt_in_lists.find_pupils_not_opted_in(presence, lists, permitted).select("pgn"))
    return excluded
