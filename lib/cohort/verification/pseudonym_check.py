"""What a pseudonymous release shows of its pupils and schools: their keyed pseudonyms, as they should be."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements.project import Project
from cohort.keys.project_keys import ProjectKey
from cohort.states.schemas import PSEUDONYM_COLUMNS, PUPIL_CONTROL, SCHOOL_CONTROL
from cohort.verification.control_column_check import driver_frame, pseudonym_sql
from cohort.verification.findings import Finding, finding_if_any, finding_naming

PSEUDONYM_TEXT = re.compile(r"[0-9a-f]{64}")
PSEUDONYMS_PER_BATCH = 1 << 16


@dataclass(frozen=True)
class PseudonymCounts:
    """Rows with another pseudonym than they should have, pupils shown twice, rows that stand the wrong way
    round among equal records; and the checksum of all rows, pseudonyms included.
    """

    wrong: int
    twice: int
    disordered: int
    checksum: tuple[int, str]


def check_pseudonym_columns(names: Iterable[str], project: Project) -> list[Finding]:
    """PSEUDONYM: columns of pseudonyms in an anonymous release, or lacking in a pseudonymous one."""
    there = {name for name in names if name.lower() in PSEUDONYM_COLUMNS}
    return finding_naming("PSEUDONYM", there ^ set(project.pseudonym_columns))


def count_pseudonyms(files: Sequence[Path], columns: Sequence[str], *, control: bool) -> PseudonymCounts:
    """Every row of a table's data files.

    Takes: its Parquet files; the columns agreed, the first to order by first; whether the control columns
    are there, of which the pseudonyms must be the lower-case hexadecimal.
    """
    wrong = disordered = rows = 0
    totals, pupils = [0, 0], [np.zeros(0, dtype=np.uint64)]
    for file in files:
        before: tuple[object, str] = (None, "")
        for batch in _batches(
            file, [*columns, *PSEUDONYM_COLUMNS, *((PUPIL_CONTROL, SCHOOL_CONTROL) if control else ())]
        ):
            begins = np.zeros(len(batch), dtype=np.uint64)
            for place, (*values, pupil, school, true_pupil, true_school) in enumerate(batch):
                given = _is(pupil, true_pupil, control) and _is(school, true_school, control)
                wrong += not given
                begins[place] = int(pupil[:16], 16) if given else place
                here = (values, str(pupil))
                disordered += here[0] == before[0] and here[1] < before[1]
                before = here
                digits = hashlib.sha256("".join(map(_text, (*values, pupil, school))).encode()).hexdigest()
                totals[0] += int(digits[:15], 16)
                totals[1] += int(digits[15:30], 16)
            pupils.append(begins)
            rows += len(batch)
    twice = rows - len(np.unique(np.concatenate(pupils)))
    return PseudonymCounts(wrong, twice, disordered, (rows, f"{totals[0]:x}-{totals[1]:x}"))


def check_pseudonyms(shown: PseudonymCounts) -> list[Finding]:
    """PSEUDONYM and ORDER, each with its number of rows, and PUPIL_TWICE."""
    return [
        *finding_if_any("PSEUDONYM", shown.wrong),
        *finding_if_any("ORDER", shown.disordered),
        *finding_if_any("PUPIL_TWICE", 0 if shown.wrong else shown.twice),
    ]


def pupil_pseudonyms(spark: SparkSession, numbers: DataFrame, key: ProjectKey) -> DataFrame:
    """Numbers (`pgn`) as the pseudonyms that a release shows, as `pupil`."""
    keyed = numbers.crossJoin(F.broadcast(key.key_frame(spark)))
    return keyed.select(F.expr(f"lower(hex({pseudonym_sql('pgn', 'pgn')}))").alias(PSEUDONYM_COLUMNS[0])).distinct()


def listed_pupil_pseudonyms(spark: SparkSession, numbers: Iterable[str], key: ProjectKey) -> DataFrame:
    """The same of numbers that the driver knows."""
    return pupil_pseudonyms(spark, driver_frame(spark, {"pgn": pa.array(sorted(numbers), pa.string())}), key)


def _batches(file: Path, columns: list[str]) -> Iterator[list[tuple[Any, ...]]]:
    for batch in pq.ParquetFile(file).iter_batches(batch_size=PSEUDONYMS_PER_BATCH, columns=columns):
        held = [batch.column(name).to_pylist() for name in columns]
        none = [[None] * batch.num_rows] * (2 - sum(name in columns for name in (PUPIL_CONTROL, SCHOOL_CONTROL)))
        yield list(zip(*held, *none, strict=True))


def _is(shown: object, true: bytes | None, control: bool) -> bool:
    if not isinstance(shown, str) or not PSEUDONYM_TEXT.fullmatch(shown):
        return False
    return not control or (true is not None and shown == true.hex())


def _text(value: str | None) -> str:
    return "-" if value is None else f"{len(value)}:{value}"
