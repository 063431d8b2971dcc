"""Raw files with the number of an excluded pupil are removed: such a row is kept nowhere, nor as it was delivered.

In: the folder of deliveries, the ledger and the numbers. Out: the number of files removed. Called by
`objection_erasure` and by ingestion. The values of a file are read by the readers of ingestion
(`delivery_formats.raw_file_values`); a file that cannot be read to its end counts as one that has a number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from cohort.agreements import ContainerLimits
from cohort.delivery_formats import iterate_file_values
from cohort.erasure.written_numbers import find_number_candidates
from cohort.results import Ledger

VALUES_PER_SEARCH = 2_000
"""Values of a file that are searched together."""


def erase_raw_files(
    deliveries: Path,
    ledger: Ledger,
    numbers: frozenset[str],
    limits: ContainerLimits,
    among: frozenset[Path] | None = None,
) -> int:
    """Remove every delivered file that ingestion examined and that has, or may have, one of the numbers.

    A file that ingestion did not examine yet is left to it. The ledger keeps the lines of removed files.

    Args:
        deliveries: the folder of deliveries.
        ledger: the ledger of deliveries.
        numbers: pupil numbers in normal form.
        limits: the limits of ingestion for containers.
        among: the files to search; None for all.

    Returns:
        The number of files removed.
    """
    if not numbers or not deliveries.is_dir():
        return 0
    files = [
        path
        for path, is_unopened in _examined_files(deliveries, ledger, among)
        if is_unopened or may_contain_numbers(path, numbers, limits)
    ]
    for path in files:
        path.unlink(missing_ok=True)
    return len(files)


def may_contain_numbers(path: Path, numbers: frozenset[str], limits: ContainerLimits) -> bool:
    """Whether a file has one of the numbers, or cannot be read to its end."""
    values = iterate_file_values(path, limits)
    try:
        while searched := list(islice(values, VALUES_PER_SEARCH)):
            if not numbers.isdisjoint(find_number_candidates("\n".join(searched))):
                return True
    except Exception:  # whatever a reader raises, the file was not searched to its end
        return True
    return False


def _examined_files(deliveries: Path, ledger: Ledger, among: frozenset[Path] | None) -> Iterator[tuple[Path, bool]]:
    """The files that ingestion examined, and whether it refused to unpack a file, so that nobody may search it."""
    examined, unopened = ledger.examined_hashes, ledger.unopened_hashes
    paths = deliveries.rglob("*") if among is None else among
    for path in sorted(path for path in paths if path.is_file()):
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            continue  # ingestion cannot read it either, and reports it
        if digest in examined:
            yield path, digest in unopened
