"""Raw files with the number of an excluded pupil are removed: such a row is kept nowhere, nor as it was delivered.

In: the folder of deliveries, the ledger and the numbers. Out: the number of files removed. Called by
`objection_erasure` and by ingestion. The values of a file are read by the readers of ingestion
(`delivery_formats.raw_file_values`); a file that cannot be read to its end counts as one that has a number.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import islice

from pyspark.sql import SparkSession

from cohort.agreements import ContainerLimits
from cohort.delivery_formats import iterate_file_values
from cohort.erasure.written_numbers import find_number_candidates
from cohort.results import Ledger
from cohort.storage import StoragePath, open_to_read

EXECUTOR_FILES = 300
"""From this many files on, some two seconds of work, the executors search them."""
VALUES_PER_SEARCH = 2_000
"""Values of a file that are searched together."""


def erase_raw_files(
    deliveries: StoragePath,
    ledger: Ledger,
    numbers: frozenset[str],
    limits: ContainerLimits,
    among: frozenset[StoragePath] | None = None,
    spark: SparkSession | None = None,
) -> int:
    """Remove every delivered file that ingestion examined and that has, or may have, one of the numbers.

    A file that ingestion did not examine yet is left to it. The ledger keeps the lines of removed files.

    Args:
        deliveries: the folder of deliveries.
        ledger: the ledger of deliveries.
        numbers: pupil numbers in normal form.
        limits: the limits of ingestion for containers.
        among: the files to search; None for all.
        spark: the session whose executors search where there are many files; without one the driver searches all.

    Returns:
        The number of files removed.
    """
    if not numbers or not deliveries.is_dir():
        return 0
    paths = sorted(path for path in (deliveries.rglob("*") if among is None else among) if path.is_file())
    search = _RawFileSearch(ledger.examined_hashes, ledger.unopened_hashes, numbers, limits)
    if spark is None or len(paths) < EXECUTOR_FILES:
        files = [path for path in paths if search.must_go(path)]
    else:
        context = spark.sparkContext
        files = context.parallelize(paths, 4 * context.defaultParallelism).filter(search.must_go).collect()
    for path in files:
        path.unlink(missing_ok=True)
    return len(files)


def may_contain_numbers(path: StoragePath, numbers: frozenset[str], limits: ContainerLimits) -> bool:
    """Whether a file has one of the numbers, or cannot be read to its end."""
    values = iterate_file_values(path, limits)
    try:
        while searched := list(islice(values, VALUES_PER_SEARCH)):
            if not numbers.isdisjoint(find_number_candidates("\n".join(searched))):
                return True
    except Exception:  # whatever a reader raises, the file was not searched to its end
        return True
    return False


@dataclass(frozen=True, repr=False)
class _RawFileSearch:
    """What is looked for in delivered files, as the executors need it.

    Args:
        examined: contents that ingestion examined.
        unopened: contents that it refused to unpack, so that nobody may search them.
        numbers: pupil numbers in normal form.
        limits: the limits of ingestion for containers.
    """

    examined: frozenset[str]
    unopened: frozenset[str]
    numbers: frozenset[str]
    limits: ContainerLimits

    def must_go(self, path: StoragePath) -> bool:
        """Whether ingestion examined a file that has, or may have, one of the numbers."""
        try:
            with open_to_read(path) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return False  # ingestion cannot read it either, and reports it
        if digest not in self.examined:
            return False
        return digest in self.unopened or may_contain_numbers(path, self.numbers, self.limits)
