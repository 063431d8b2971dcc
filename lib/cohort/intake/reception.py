"""Everything in the folder of deliveries, found, numbered and made readable: one small line per file.

What is not text line by line is transcribed: by the driver while it is little, in the executors where it is
much. Deliveries count in the order in which their files were received, of equal times in that of their names.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from pyspark.sql import SparkSession

from cohort.intake import arrivals, edexml, rosters, transcripts, uwlr
from cohort.intake.arrivals import DeliveredFile, Desk
from cohort.intake.ledger import Ledger
from cohort.intake.rejection import Rejected
from cohort.intake.rosters import School

MANY = 64
"""From this many files on the executors read them."""
THREADS = 2
"""So many threads look at the files; of more, each file on its own, they would wait for each other."""
UNREADABLE = "UNREADABLE"
"""What no reader foresaw: the file is rejected, the others are not stopped."""
Numbered = tuple[int, DeliveredFile]
Rosters = dict[str, list[tuple[School, Path]]]
"""Rosters by the BRIN and by the key that they name their school with."""
A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Received:
    """What a run of intake found: every file, and the deliveries that are new, with their numbers."""

    files: tuple[DeliveredFile, ...]
    new: tuple[Numbered, ...]
    unreadable: int
    """Files that the storage did not let us read: they are left where they are."""


def receive(spark: SparkSession, desk: Desk, known: Ledger) -> Received:
    """Look at every file, transcribe what is new and needs it, and number what is new."""
    seen = list(_files(desk.folder))
    paths = sorted((path for path in seen if path is not None), key=str)
    found = _looked_at(desk, paths)
    every = [file for files in found if files is not None for file in files]
    asking = any(file.kind == arrivals.RESULTS for file in every)
    earlier = _known_rosters(desk, every, known) if asking else []
    fresh = _fresh(every, known)
    ready = _transcribed(spark, desk, [*every, *earlier], fresh)
    again = [file for file in ready if not (file.rejected and file.sha256 in known.retried)]
    again += _repeated(every, again, known)
    unreadable = seen.count(None) + found.count(None)
    return Received(tuple(every), tuple(enumerate(again, known.last_number + 1)), unreadable)


def _files(folder: Path) -> Iterator[Path | None]:
    """Every file below a folder, None for what we may not look at; of thousands much faster than a glob."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        yield None
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            elif entry.is_file():
                yield Path(entry.path)
        except OSError:
            yield None


def _looked_at(desk: Desk, paths: list[Path]) -> list[list[DeliveredFile] | None]:
    """Every file's deliveries, in the order of the paths: one thread works while another reads or hashes."""
    share = -(-len(paths) // THREADS) or 1
    parts = [paths[first : first + share] for first in range(0, len(paths), share)]
    with ThreadPoolExecutor(THREADS) as threads:
        done = threads.map(lambda part: [_arrivals(desk, path) for path in part], parts)
        return [found for part in done for found in part]


def _arrivals(desk: Desk, path: Path) -> list[DeliveredFile] | None:
    try:
        return desk.arrivals(path)
    except OSError:
        return None


def _known_rosters(desk: Desk, every: list[DeliveredFile], known: Ledger) -> list[DeliveredFile]:
    """Rosters of earlier runs that are still there: results may come after them."""
    there = {file.path for file in every if file.kind == arrivals.KNOWN and file.sha256 in known.with_rosters}
    again = replace(desk, known=frozenset())
    found = [file for path in sorted(there) for file in _arrivals(again, path) or []]
    return [file for file in found if file.kind == arrivals.ROSTER]


def _fresh(files: list[DeliveredFile], known: Ledger) -> list[DeliveredFile]:
    """What was not taken in before, each content once, in the order in which it was received.

    A content that was rejected for a reason outside it may come again, for one under another name.
    """
    fresh: dict[str, DeliveredFile] = {}
    there = [f for f in files if f.kind != arrivals.KNOWN and f.sha256 not in known.hashes]
    for file in sorted(there, key=lambda file: (file.misnamed, file.received, file.path, file.name)):
        fresh.setdefault(file.sha256, file)
    return sorted(fresh.values(), key=lambda file: (file.received, file.path, file.name))


def _repeated(every: list[DeliveredFile], new: list[DeliveredFile], known: Ledger) -> list[DeliveredFile]:
    """Containers that bring nothing of their own: without a line in the ledger they would never be known."""
    settled = known.hashes | {file.sha256 for file in new}
    counted = {file.container for file in new}
    members: dict[str, list[DeliveredFile]] = defaultdict(list)
    for file in every:
        if file.container and file.container not in counted:
            members[file.container].append(file)
    return [
        DeliveredFile(
            files[0].path, sha, files[0].name.partition("/")[0], files[0].received, arrivals.REPEATED,
            origin=files[0].origin,
        )
        for sha, files in members.items()
        if all(file.sha256 in settled for file in files)
    ]  # fmt: skip


def _transcribed(
    spark: SparkSession, desk: Desk, every: list[DeliveredFile], fresh: list[DeliveredFile]
) -> list[DeliveredFile]:
    """The same files; those that no scan reads as they are with a transcript in their place."""
    plain = replace(desk, known=frozenset())
    asked = {file.sha256: file for file in fresh if not file.rejected and file.kind != arrivals.TEXT}
    made: dict[str, DeliveredFile] = {}
    if any(file.kind in (arrivals.ROSTER, arrivals.RESULTS) for file in asked.values()):
        seen = {file.sha256: file for file in every if file.kind == arrivals.ROSTER and not file.rejected}
        read = _each(spark, partial(_school, plain), [seen[sha] for sha in sorted(seen)])
        made.update({file.sha256: file for file, _ in read})
        there = _by_school(read)
        results = [file for file in asked.values() if file.kind == arrivals.RESULTS]
        made.update((f.sha256, f) for f in _each(spark, partial(_joined, plain, there), results))
    others = [file for file in asked.values() if file.kind in (arrivals.SHEET, arrivals.UNEVEN)]
    made.update((file.sha256, file) for file in _each(spark, partial(_one, plain), others))
    return [made.get(file.sha256, file) for file in fresh]


def _each(spark: SparkSession, work: Callable[[A], B], files: list[A]) -> list[B]:
    if len(files) < MANY:
        return [work(file) for file in files]
    context = spark.sparkContext
    return context.parallelize(files, min(len(files), 4 * context.defaultParallelism)).map(work).collect()


def _told(file: DeliveredFile, work: Callable[[], DeliveredFile]) -> DeliveredFile:
    """One bad file never stops the others, nor says more of itself than a code."""
    try:
        return work()
    except Rejected as rejected:
        return replace(file, rejected=rejected.code, school=rejected.school or file.school)
    except Exception:
        return replace(file, rejected=UNREADABLE)


def _one(desk: Desk, file: DeliveredFile) -> DeliveredFile:
    of = transcripts.of_sheet if file.kind == arrivals.SHEET else transcripts.of_lines
    return _told(file, lambda: of(file, desk))


def _school(desk: Desk, file: DeliveredFile) -> tuple[DeliveredFile, School | None]:
    """Of a roster only whose it is: the driver holds no pupil."""
    schools: list[School] = []

    def work() -> DeliveredFile:
        roster = edexml.read(file.path.read_bytes(), desk.limits.bytes_per_member)
        schools.append(roster.school)
        school, warnings = roster.school.brin, rosters.warnings(roster)
        return replace(file, school=school, supplier="edexml", warnings=warnings)

    return _told(file, work), next(iter(schools), None)


def _by_school(read: Iterable[tuple[DeliveredFile, School | None]]) -> Rosters:
    found: Rosters = defaultdict(list)
    for file, school in read:
        if school is not None:
            for name in {school.brin, school.schoolkey} - {None}:
                found[str(name)].append((school, file.path))
    return dict(found)


def _joined(desk: Desk, there: Rosters, file: DeliveredFile) -> DeliveredFile:
    def work() -> DeliveredFile:
        most = desk.limits.bytes_per_member
        message = uwlr.read(file.path.read_bytes(), most)
        asked = message.school
        named = {asked.brin, asked.schoolkey} - {None}
        paths = {path: school for name in sorted(map(str, named)) for school, path in there.get(name, [])}
        fitting = [path for path, school in paths.items() if rosters.fits(school, asked)]
        those = [edexml.read(path.read_bytes(), most) for path in fitting]
        return transcripts.of_results(file, message, those, desk)

    return _told(file, work)
