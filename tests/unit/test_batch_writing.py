"""Which Parquet files of the scratch zone are copied into the results, and which rows are written anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.unit.test_ingestion import SCHOOLS, deliver, row, take_in

from cohort import delta, results
from cohort.ingestion import batch_writing, validated_rows
from cohort.storage import StorageZones

ONE, TWO = "111222333", "123456782"
GOOD = (row(ONE, SCHOOLS[1]), row(TWO, SCHOOLS[1]))


@dataclass(frozen=True)
class DrawnBatch:
    """A second file beside the good one, what is accepted of it, and how accepted rows come into the results."""

    description: str
    rows: tuple[str, ...]
    accepted: str
    copied: bool
    written_anew: bool
    refused: int = 0


BATCHES = [
    DrawnBatch("every row is accepted: nothing is written anew", (row(ONE), row(TWO)), f"{ONE} {TWO}", True, False),
    DrawnBatch(
        "a row breaks a rule of a single row: the others are copied", (row(ONE), row("0")), ONE, True, False, refused=1
    ),
    DrawnBatch(
        "a line is there twice: only that file is written anew",
        (row(ONE), row(TWO), row(ONE)),
        f"{ONE} {TWO}",
        True,
        True,
        refused=1,
    ),
    DrawnBatch(
        "two lines contradict each other, which no single one shows",
        (row(ONE), row(ONE, vaardigheidsscore="3"), row(TWO)),
        TWO,
        False,
        True,
        refused=2,
    ),
    DrawnBatch("the file is rejected as a whole", (row(ONE), row(TWO, SCHOOLS[2])), "", False, True),
]


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: batch.description)
def test_only_files_with_a_row_that_is_not_accepted_are_written_anew(
    spark: SparkSession, tmp_path: Path, batch: DrawnBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    zones = StorageZones(tmp_path)
    zones.deliveries.mkdir()
    deliver(zones, "a.csv", *GOOD)
    deliver(zones, "b.csv", *batch.rows)
    files: list[Path] = []
    append = results.append_copied_rows
    monkeypatch.setattr(validated_rows, "data_file_count", lambda *_: 1)  # the sound rows of all files in one

    def append_and_note(spark: SparkSession, zones: StorageZones, appended: Iterable[Path], number: int) -> Any:
        files.extend(appended)
        return append(spark, zones, files, number)

    monkeypatch.setattr(batch_writing, "append_copied_rows", append_and_note)
    take_in(spark, zones)
    folders = {file.relative_to(zones.scratch).parts[0] for file in files}
    expected = {"1": batch.copied, "1-accepted": batch.written_anew}
    assert folders == {name for name, is_there in expected.items() if is_there}
    stored = delta.read_table(spark, zones.results).collect()
    assert Counter(line.pgn for line in stored) == Counter([ONE, TWO, *batch.accepted.split()])
    assert delta.read_table(spark, zones.quarantine).count() == batch.refused
