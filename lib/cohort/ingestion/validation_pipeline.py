"""Every new file with what becomes of its rows: two passes, then the lists, then a pupil's rows together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.delivery_formats.row_reason_codes import ROW_BROKEN
from cohort.erasure import excluded_pupils, impact_limits
from cohort.ingestion import fast_pass, file_accounting, line_pass, pupil_consistency, validation_rules
from cohort.ingestion.discovery import NumberedFile
from cohort.ingestion.file_accounting import FileCounts
from cohort.ingestion.line_pass import Lines
from cohort.ingestion.row_validation import CODES
from cohort.ingestion.run_context import IngestionContext
from cohort.legal_basis import objections, opt_in_lists
from cohort.results import results_store
from cohort.results.ledger import Ledger
from cohort.states import local_frames, materialised_frames


@dataclass(frozen=True)
class Judged:
    """Per delivery its counts, what stands of it in the results, what is told of it, where its faults are.

    `rows` are those of deliveries that were looked at line by line, None when there are none.
    """

    counts: dict[int, FileCounts]
    sifted: dict[int, FileCounts]
    warnings: dict[int, dict[str, int]]
    lines: Lines
    rows: DataFrame | None


def judge(
    spark: SparkSession, intake: IngestionContext, readable: list[NumberedFile], known: Ledger, batch: int
) -> Judged:
    """Read the new files and hold every row against every rule, and the pupils' rows against each other.

    Takes: the files that can be read; what was taken in before; this run's batch. Its good rows stand in the
    results afterwards, and so may rows that do not count: `settling` takes those out.
    """
    rules = intake.platform.intake.rules
    sifted = fast_pass.sift(spark, intake, readable, batch)
    every = sifted.rows
    suspects = sifted.suspects.union(_mixed(sifted.counts))
    clean = results_store.rows_of_other_deliveries(every, suspects)
    looked = _look(spark, intake, readable, suspects, f"{batch}")
    left = _left_out(spark, intake, known, clean, looked)
    if left is not None:
        held = fast_pass.holding(clean, left)
        looked = _both(looked, _look(spark, intake, readable, held, f"{batch}-left-out"))
        looked = None if looked is None else excluded_pupils.mark_excluded_rows(looked, left)
        suspects |= held
        clean = results_store.rows_of_other_deliveries(every, suspects)
    earlier = (
        results_store.read_current_results(spark, intake.zones, known.batches) if known.current_row_count() else None
    )
    good = _good(clean, looked)
    doubtful = pupil_consistency.find_inconsistent_pupils(good, earlier)
    told = pupil_consistency.count_inconsistent_pupils(doubtful)
    before = {e.brin for e in known.entries if e.is_taken and e.accepted and e.brin}
    again = before & {school for count in sifted.counts.values() for school in count.schools}
    twice = pupil_consistency.count_children_under_two_numbers(good, earlier, again)
    refusing = {code for code, rule in rules.pupil_rules.items() if rule == "refuse"}
    met = sorted(refusing & {code for of in told.values() for code in of})
    late = frozenset(number for number, of in told.items() if refusing & of.keys()) - suspects
    looked = _both(looked, _look(spark, intake, readable, late, f"{batch}-late"))
    counts, where, rows = sifted.counts, Lines(), None
    if looked is not None:
        rows = looked
        if met:
            doubtful = materialised_frames.materialise_to_parquet(doubtful, intake.zones.scratch / f"{batch}-doubtful")
            rows = pupil_consistency.refuse_inconsistent_pupils(looked, doubtful, met)
        exactly = file_accounting.count_rows_by_file(rows, rules.row_warnings)
        counts = sifted.counts | dict.fromkeys(suspects | late, FileCounts()) | exactly
        where = line_pass.lines(rows, _mixed(counts))
    warnings = {
        number: {code: n for code, n in told.get(number, {}).items() if code not in refusing}
        | ({validation_rules.DATE_OUTSIDE_YEAR: count.outside_year} if count.outside_year else {})
        | ({validation_rules.BIRTH_DATE_PARTIAL: count.partial_birth_dates} if count.partial_birth_dates else {})
        | ({pupil_consistency.TWO_NUMBERS: twice[number]} if number in twice else {})
        for number, count in counts.items()
    }
    return Judged(counts, sifted.counts, warnings, where, rows)


def _mixed(counts: dict[int, FileCounts]) -> list[int]:
    """Deliveries with rows of several schools."""
    return [number for number, count in counts.items() if len(count.schools) > 1]


def _look(
    spark: SparkSession, intake: IngestionContext, readable: list[NumberedFile], numbers: Collection[int], name: str
) -> DataFrame | None:
    files = [(n, file) for n, file in readable if n in numbers]
    return line_pass.look(spark, intake, files, intake.zones.scratch / name) if files else None


def _both(some: DataFrame | None, more: DataFrame | None) -> DataFrame | None:
    if some is None or more is None:
        return more if some is None else some
    return some.unionByName(more)


def _good(clean: DataFrame, looked: DataFrame | None) -> DataFrame:
    """The rows that broke no rule so far, as far as the rules on pupils need them."""
    good = clean.select(*pupil_consistency.CONSISTENCY_COLUMNS)
    if looked is None:
        return good
    return good.union(looked.where(F.col(CODES) == "").select(*pupil_consistency.CONSISTENCY_COLUMNS))


def _left_out(
    spark: SparkSession, intake: IngestionContext, known: Ledger, clean: DataFrame, looked: DataFrame | None
) -> DataFrame | None:
    """Hold the lists to what they take away; then whom those that allow leave out, None where none allows.

    Takes: rows of deliveries in which no listed pupil objects; all rows of the others.
    Gives: `pgn` and what of the pupil is barred. What stands of the lists is written down here, and so is who
    is left out.
    Refuses: a list that takes away too much (exit code 12).
    """
    zones, lists, domains = intake.zones, intake.objections, intake.catalogue.domains()
    columns = ("pgn", "brin", "domein")
    seen, met = clean.select(*columns), frozenset[str]()
    if looked is not None:
        sure = ~F.contains(CODES, F.lit("BRIN_")) & ~F.col(CODES).isin(ROW_BROKEN, validation_rules.HEADER_REPEATED)
        seen = seen.unionByName(looked.where(sure & F.col("pgn").isNotNull()).select(*columns))
        met = impact_limits.find_listed_numbers(looked.select("pgn"), lists)
    if intake.schools_awaiting_list:
        waiting = local_frames.make_local_frame(
            spark, "brin string not null", [(school,) for school in sorted(intake.schools_awaiting_list)]
        )
        seen = seen.join(F.broadcast(waiting), "brin", "left_anti")
    impact_limits.check_impact_limits(seen, lists, intake.platform.objections, domains, only_new=True)
    objections.record_objections(zones.restricted, lists, met)
    if not lists.opt_in_lists:
        return None
    everywhere = seen.select(*opt_in_lists.PRESENCE_COLUMNS)
    if known.batches:
        everywhere = everywhere.union(
            results_store.read_current_results(spark, zones, known.batches).select(*opt_in_lists.PRESENCE_COLUMNS)
        )
    left = materialised_frames.materialise_to_parquet(
        excluded_pupils.pupils_without_opt_in(lists, everywhere, domains), zones.scratch / "left-out"
    )
    opt_in_lists.record_unlisted_pupils(seen, left, lists.opt_in_lists, zones.opt_in_exclusions, intake.platform.tables)
    return left
