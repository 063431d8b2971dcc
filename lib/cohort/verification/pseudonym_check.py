"""Whether the pseudonyms in a release are the keyed ones: HMAC-SHA-256 of labelled pupil numbers and school codes.

Checks PSEUDONYM, and for pseudonymous releases ORDER among equal records and PUPIL_TWICE. Also derives the
pseudonyms of given pupils in Spark, for the checks that compare results with a release.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import Project
from cohort.data_states import PSEUDONYM_COLUMNS, PUPIL_CONTROL, SCHOOL_CONTROL
from cohort.keys import INNER_BLOCK, OUTER_BLOCK, ProjectKey
from cohort.storage import StoragePath, parquet_source
from cohort.verification.findings import Finding, finding_if_any, finding_naming
from cohort.verification.released_checksum import hash_row, length_prefixed
from cohort.verification.result_selection import driver_frame

PSEUDONYM_TEXT = re.compile(r"[0-9a-f]{64}")
PSEUDONYMS_PER_BATCH = 1 << 16


@dataclass(frozen=True)
class PseudonymCounts:
    """What one pass over the rows of a pseudonymous table counted.

    Args:
        wrong_rows: rows with another pseudonym than they should have.
        repeated_pupils: rows of pupils who are shown more than once.
        disordered_rows: rows that stand before a smaller pseudonym among equal records.
        checksum: number of rows and checksum of all released columns, pseudonyms included.
    """

    wrong_rows: int
    repeated_pupils: int
    disordered_rows: int
    checksum: tuple[int, str]


def check_pseudonym_columns(names: Iterable[str], project: Project) -> list[Finding]:
    """Check PSEUDONYM: an anonymous release has no pseudonym column, a pseudonymous one has them all."""
    present = {name for name in names if name.lower() in PSEUDONYM_COLUMNS}
    return finding_naming("PSEUDONYM", present ^ set(project.pseudonym_columns))


def count_pseudonyms(files: Sequence[StoragePath], columns: Sequence[str], *, control: bool) -> PseudonymCounts:
    """Read every row of a pseudonymous table and compare its pseudonyms.

    Args:
        files: the table's Parquet files.
        columns: the agreed columns, in the order of sorting.
        control: whether the control columns are present; the pseudonyms must be their lower-case hexadecimal.
    """
    wrong = disordered = rows = 0
    totals, first_digits = [0, 0], [np.zeros(0, dtype=np.uint64)]
    for file in files:
        previous: tuple[object, str] = (None, "")
        for batch in _read_batches(file, [*columns, *PSEUDONYM_COLUMNS, *_control_names(control)]):
            batch_digits = np.zeros(len(batch), dtype=np.uint64)
            for position, (*values, pupil, school, pupil_control, school_control) in enumerate(batch):
                is_right = _is_pseudonym(pupil, pupil_control, control)
                is_right = is_right and _is_pseudonym(school, school_control, control)
                wrong += not is_right
                batch_digits[position] = int(pupil[:16], 16) if is_right else position
                current = (values, str(pupil))
                disordered += current[0] == previous[0] and current[1] < previous[1]
                previous = current
                first, second = hash_row("".join(map(length_prefixed, (*values, pupil, school))))
                totals[0] += first
                totals[1] += second
            first_digits.append(batch_digits)
            rows += len(batch)
    repeated = rows - len(np.unique(np.concatenate(first_digits)))
    return PseudonymCounts(wrong, repeated, disordered, (rows, f"{totals[0]:x}-{totals[1]:x}"))


def check_pseudonyms(counts: PseudonymCounts) -> list[Finding]:
    """Check PSEUDONYM and ORDER, each counted in rows, and PUPIL_TWICE where all pseudonyms are right."""
    return [
        *finding_if_any("PSEUDONYM", counts.wrong_rows),
        *finding_if_any("ORDER", counts.disordered_rows),
        *finding_if_any("PUPIL_TWICE", 0 if counts.wrong_rows else counts.repeated_pupils),
    ]


def pseudonym_sql(label: str, column: str) -> str:
    """Return the SQL of the HMAC-SHA-256 (RFC 2104) of `label|value`, beside the one row of `ProjectKey.key_frame`."""
    inner = f"concat({INNER_BLOCK}, cast(concat('{label}|', {column}) AS binary))"
    return f"unhex(sha2(concat({OUTER_BLOCK}, unhex(sha2({inner}, 256))), 256))"


def pupil_pseudonyms(spark: SparkSession, numbers: DataFrame, key: ProjectKey) -> DataFrame:
    """Derive the pseudonyms that a release shows (column `pupil`) from numbers (column `pgn`)."""
    keyed = numbers.crossJoin(F.broadcast(key.key_frame(spark)))
    pseudonym = F.expr(f"lower(hex({pseudonym_sql('pgn', 'pgn')}))")
    return keyed.select(pseudonym.alias(PSEUDONYM_COLUMNS[0])).distinct()


def listed_pupil_pseudonyms(spark: SparkSession, numbers: Iterable[str], key: ProjectKey) -> DataFrame:
    """Derive the pseudonyms that a release shows from numbers of the driver."""
    return pupil_pseudonyms(spark, driver_frame(spark, {"pgn": pa.array(sorted(numbers), pa.string())}), key)


def control_column_digests(spark: SparkSession, numbers: Iterable[str], key: ProjectKey) -> DataFrame:
    """Derive the values of the pupil control column from numbers of the driver."""
    frame = driver_frame(spark, {"pgn": pa.array(sorted(numbers), pa.string())})
    keyed = frame.crossJoin(F.broadcast(key.key_frame(spark)))
    return keyed.select(F.expr(pseudonym_sql("pgn", "pgn")).alias(PUPIL_CONTROL))


def _control_names(control: bool) -> tuple[str, ...]:
    return (PUPIL_CONTROL, SCHOOL_CONTROL) if control else ()


def _read_batches(file: StoragePath, columns: list[str]) -> Iterator[list[tuple[Any, ...]]]:
    """Yield rows in batches; each row ends with two control values, None where the columns are absent."""
    for batch in pq.ParquetFile(parquet_source(file)).iter_batches(batch_size=PSEUDONYMS_PER_BATCH, columns=columns):
        values = [batch.column(name).to_pylist() for name in columns]
        absent = [[None] * batch.num_rows] * (2 - sum(name in columns for name in (PUPIL_CONTROL, SCHOOL_CONTROL)))
        yield list(zip(*values, *absent, strict=True))


def _is_pseudonym(value: object, control_value: bytes | None, control: bool) -> bool:
    if not isinstance(value, str) or not PSEUDONYM_TEXT.fullmatch(value):
        return False
    return not control or (control_value is not None and value == control_value.hex())
