"""Objections and opt-in lists applied to the rows of a run: limits first, then the registry, then exclusion.

In go the validated rows of a run, out come the same rows with `_objected` also true for pupils whom an opt-in list
excludes. Pupils named in an objection were marked when their rows were validated. What is written down here
(matched objections, pupils excluded by opt-in lists) is written before any row goes.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.data_states import make_local_frame, materialise_to_parquet
from cohort.delivery_formats import ROW_BROKEN
from cohort.erasure import check_impact_limits, find_listed_numbers, mark_excluded_rows, pupils_without_opt_in
from cohort.ingestion.row_validation import CODES
from cohort.ingestion.run_context import IngestionContext
from cohort.ingestion.validation_rules import HEADER_REPEATED
from cohort.legal_basis import PRESENCE_COLUMNS, record_objections, record_unlisted_pupils
from cohort.results import Ledger, read_current_results


def exclude_pupils(spark: SparkSession, context: IngestionContext, ledger: Ledger, rows: DataFrame) -> DataFrame:
    """Enforce the impact limits, record the matched objections, mark the pupils excluded by opt-in lists.

    Args:
        ledger: the ledger of earlier runs.
        rows: the validated rows of the run, materialised.

    Raises:
        ObjectionsRefused: a list would take away more than the platform allows (exit code 12).
    """
    lists, domains = context.objections, context.catalogue.domains()
    matched = find_listed_numbers(rows.select("pgn"), lists)
    presence = _pupils_at_schools(spark, context, rows)
    check_impact_limits(presence, lists, context.platform.objections, domains, only_new=True)
    record_objections(context.zones.restricted, lists, matched)
    if not lists.opt_in_lists:
        return rows
    excluded = _exclude_by_opt_in_lists(spark, context, ledger, presence)
    return mark_excluded_rows(rows, excluded)


def _pupils_at_schools(spark: SparkSession, context: IngestionContext, rows: DataFrame) -> DataFrame:
    """`pgn`, `brin` and `domein` of the rows that say reliably which pupil is at which school.

    Schools that wait for a newer list are left out: their deliveries are not taken in by this run.
    """
    is_reliable = ~F.contains(CODES, F.lit("BRIN_")) & ~F.col(CODES).isin(ROW_BROKEN, HEADER_REPEATED)
    presence = rows.where(is_reliable & F.col("pgn").isNotNull()).select("pgn", "brin", "domein")
    if not context.schools_awaiting_list:
        return presence
    waiting = [(school,) for school in sorted(context.schools_awaiting_list)]
    schools = make_local_frame(spark, "brin string not null", waiting)
    return presence.join(F.broadcast(schools), "brin", "left_anti")


def _exclude_by_opt_in_lists(
    spark: SparkSession, context: IngestionContext, ledger: Ledger, presence: DataFrame
) -> DataFrame:
    """The pupils whom the opt-in lists exclude (`pgn`, `_scopes`), recorded before their rows go."""
    zones, lists = context.zones, context.objections
    everywhere = presence.select(*PRESENCE_COLUMNS)
    if ledger.batches:
        earlier = read_current_results(spark, zones, ledger.batches)
        everywhere = everywhere.union(earlier.select(*PRESENCE_COLUMNS))
    excluded = pupils_without_opt_in(lists, everywhere, context.catalogue.domains())
    excluded = materialise_to_parquet(excluded, zones.scratch / "excluded-by-opt-in")
    record_unlisted_pupils(presence, excluded, lists.opt_in_lists, zones.opt_in_exclusions, context.platform.tables)
    return excluded
