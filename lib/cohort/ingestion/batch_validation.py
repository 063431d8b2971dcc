"""The new files of a run validated: one pass over their rows, then set operations on the batch.

In go the readable files, out come their rows with final verdicts, counts, warnings and line numbers per delivery.
Called by `batch_intake`; nothing is written into the results or the quarantine here.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.data_states import materialise_to_parquet
from cohort.ingestion import (
    batch_exclusions,
    file_accounting,
    line_numbers,
    pupil_consistency,
    repeated_results,
    validated_rows,
)
from cohort.ingestion.discovery import NumberedFile
from cohort.ingestion.file_accounting import FileCounts
from cohort.ingestion.line_numbers import LineNumbers
from cohort.ingestion.pupil_consistency import CONSISTENCY_COLUMNS, TWO_NUMBERS
from cohort.ingestion.row_validation import CODES
from cohort.ingestion.run_context import IngestionContext
from cohort.ingestion.validation_rules import BIRTH_DATE_PARTIAL, DATE_OUTSIDE_YEAR
from cohort.results import Ledger, read_current_results
from cohort.storage import StoragePath

DeliveryWarnings = dict[int, dict[str, int]]
"""Per delivery the warnings with their numbers."""


@dataclass(frozen=True)
class ValidatedBatch:
    """The rows of all new files with their final verdicts, and what follows from them per delivery.

    Args:
        rows: every row, as `validated_rows.write_validated_rows` gives them, with final `_codes` and `_objected`.
        folder: where the rows were materialised before set operations added codes to some.
        counts: the counts of each delivery.
        warnings: what is wrong with a delivery and refuses none of its rows.
        lines: the numbers of refused lines.
    """

    rows: DataFrame
    folder: StoragePath
    counts: dict[int, FileCounts]
    warnings: DeliveryWarnings
    lines: LineNumbers


def validate_batch(
    spark: SparkSession, context: IngestionContext, ledger: Ledger, readable: list[NumberedFile], batch: int
) -> ValidatedBatch:
    """Read the new files once and decide about every row.

    Args:
        ledger: the ledger of earlier runs.
        readable: the files that can be read, with their delivery numbers.
        batch: the number of this run's batch.

    Raises:
        ObjectionsRefused: a list would take away more than the platform allows (exit code 12).
    """
    folder = context.zones.scratch / f"{batch}"
    # 1. Validate every row by itself, in one pass over the files.
    rows = validated_rows.write_validated_rows(spark, context, readable, folder)
    # 2. Refuse results that a file gives more than once.
    rows = repeated_results.refuse_repeated_results(rows)
    # 3. Exclude pupils by objections and opt-in lists.
    rows = batch_exclusions.exclude_pupils(spark, context, ledger, rows)
    # 4. Compare the rows of each pupil with each other and with earlier results.
    earlier = None
    good = rows.where(F.col(CODES) == "").select(*CONSISTENCY_COLUMNS)
    if ledger.current_row_count():
        years = pupil_consistency.find_compared_years(good)
        earlier = read_current_results(spark, context.zones, ledger.batches, years)
    rows, pupil_warnings = _apply_pupil_rules(context, rows, good, earlier, folder.with_name(f"{batch}-inconsistent"))
    # 5. Count the rows of each file.
    counts = file_accounting.count_rows_by_file(rows, context.platform.intake.rules.row_warnings)
    # 6. Number the refused lines; count children who have one result under two pupil numbers.
    with ThreadPoolExecutor() as threads:  # two small questions: while Spark plans one, it answers the other
        mixed = [number for number, count in counts.items() if len(count.schools) > 1]
        faulty = [number for number, count in counts.items() if count.codes]
        numbering = threads.submit(line_numbers.find_line_numbers, rows, faulty, mixed)
        schools = _schools_delivered_before(ledger, counts)
        two_numbers = pupil_consistency.count_children_under_two_numbers(good, earlier, schools)
        lines = numbering.result()
    warnings = {
        number: pupil_warnings.get(number, {}) | _warnings_of_counts(count, two_numbers.get(number, 0))
        for number, count in counts.items()
    }
    return ValidatedBatch(rows, folder, counts, warnings, lines)


def _apply_pupil_rules(
    context: IngestionContext, rows: DataFrame, good: DataFrame, earlier: DataFrame | None, folder: StoragePath
) -> tuple[DataFrame, DeliveryWarnings]:
    """Refuse rows, or warn of them, whose pupil's schools or year groups contradict each other.

    Args:
        good: the columns `CONSISTENCY_COLUMNS` of the rows that broke no other rule.
        earlier: the results of earlier runs, None when there are none.
        folder: a new folder of the scratch zone.
    """
    pupil_rules = context.platform.intake.rules.pupil_rules
    refusing = {code for code, rule in pupil_rules.items() if rule == "refuse"}
    inconsistent = pupil_consistency.find_inconsistent_pupils(good, earlier)
    findings = pupil_consistency.count_inconsistent_pupils(inconsistent)
    codes = sorted(refusing.intersection(code for of_delivery in findings.values() for code in of_delivery))
    if codes:
        inconsistent = materialise_to_parquet(inconsistent, folder)
        rows = pupil_consistency.refuse_inconsistent_pupils(rows, inconsistent, codes)
    warnings = {
        number: {code: pupils for code, pupils in of_delivery.items() if code not in refusing}
        for number, of_delivery in findings.items()
    }
    return rows, warnings


def _schools_delivered_before(ledger: Ledger, counts: dict[int, FileCounts]) -> set[str]:
    """Schools of this run with accepted rows in earlier runs."""
    before = {entry.brin for entry in ledger.entries if entry.is_taken and entry.accepted and entry.brin}
    return before & {school for count in counts.values() for school in count.schools}


def _warnings_of_counts(count: FileCounts, two_numbers: int) -> dict[str, int]:
    numbers = {
        DATE_OUTSIDE_YEAR: count.outside_year,
        BIRTH_DATE_PARTIAL: count.partial_birth_dates,
        TWO_NUMBERS: two_numbers,
    }
    return {code: number for code, number in numbers.items() if number}
