"""Everything in the folder of deliveries, found, numbered and made readable: one small line per file.

What is not text line by line is transcribed: by the driver while it is little, in the executors where it is
much. Deliveries count in the order in which their files were received, of equal times in that of their names.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from cohort.delivery_formats import edexml, rosters, transcripts, uwlr
from cohort.delivery_formats.delivered_file import DeliveredFile, DeliveryKind, describe_defect
from cohort.delivery_formats.file_reason_codes import UNREADABLE, DeliveryRejected
from cohort.delivery_formats.file_recognition import RecognitionContext, recognise_deliveries
from cohort.delivery_formats.rosters import DocumentSchool
from cohort.results.ledger import Ledger

EXECUTOR_FILES = 64
"""From this many files on the executors read them."""
READER_THREADS = 2
"""So many threads look at the files; of more, each file on its own, they would wait for each other."""
STORAGE_FAULT = "storage"
"""Why a file was left that the storage did not let us read."""
LOST_WORKER = "a worker that ended at once"
NumberedFile = tuple[int, DeliveredFile]
RosterIndex = dict[str, list[tuple[DocumentSchool, Path]]]
"""Rosters by the BRIN and by the key that they name their school with."""
B = TypeVar("B")


@dataclass(frozen=True)
class DiscoveredFiles:
    """What a run of intake found: every file, and the deliveries that are new, with their numbers."""

    files: tuple[DeliveredFile, ...]
    new_files: tuple[NumberedFile, ...]
    unreadable: int
    """Files that the storage did not let us read: they are left where they are."""
    defects: dict[str, int] = field(default_factory=dict)
    """Why files were left that no reader could look at, by type and place in the code, each with how many."""


def discover_deliveries(spark: SparkSession, desk: RecognitionContext, known: Ledger) -> DiscoveredFiles:
    """Look at every file, transcribe what is new and needs it, and number what is new."""
    seen = list(_files(desk.deliveries_folder))
    paths = sorted((path for path in seen if path is not None), key=str)
    found = _looked_at(desk, paths)
    every = [file for files in found if not isinstance(files, str) for file in files]
    asking = any(file.delivery_kind == DeliveryKind.RESULTS for file in every)
    earlier = _known_rosters(desk, every, known) if asking else []
    fresh = _fresh(every, known)
    ready, left = _transcribed(spark, desk, [*every, *earlier], fresh)
    again = [file for file in ready if not file.rejection or file.rejection != known.retryable_reasons.get(file.sha256)]
    again += _repeated(every, again, known)
    unreadable = seen.count(None) + found.count(STORAGE_FAULT)
    defects = Counter([*left, *(one for one in found if isinstance(one, str) and one != STORAGE_FAULT)])
    return DiscoveredFiles(tuple(every), tuple(enumerate(again, known.last_number + 1)), unreadable, dict(defects))


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
            else:  # a link to a folder or to nowhere, a pipe
                yield None
        except OSError:
            yield None


def _looked_at(desk: RecognitionContext, paths: list[Path]) -> list[list[DeliveredFile] | str]:
    """Every file's deliveries, in the order of the paths: one thread works while another reads or hashes.

    Of a file of which not even the content is known: why, `STORAGE` or a defect.
    """
    share = -(-len(paths) // READER_THREADS) or 1
    parts = [paths[first : first + share] for first in range(0, len(paths), share)]
    with ThreadPoolExecutor(READER_THREADS) as threads:
        done = threads.map(lambda part: [_arrivals(desk, path) for path in part], parts)
        return [found for part in done for found in part]


def _arrivals(desk: RecognitionContext, path: Path) -> list[DeliveredFile] | str:
    try:
        return recognise_deliveries(path, desk)
    except OSError:
        return STORAGE_FAULT
    except Exception as defect:
        return describe_defect(defect)


def _known_rosters(desk: RecognitionContext, every: list[DeliveredFile], known: Ledger) -> list[DeliveredFile]:
    """Rosters of earlier runs that are still there: results may come after them."""
    there = {
        file.path for file in every if file.delivery_kind == DeliveryKind.KNOWN and file.sha256 in known.roster_hashes
    }
    again = replace(desk, known_digests=frozenset())
    found = [files for path in sorted(there) if not isinstance(files := _arrivals(again, path), str)]
    return [file for files in found for file in files if file.delivery_kind == DeliveryKind.ROSTER]


def _fresh(files: list[DeliveredFile], known: Ledger) -> list[DeliveredFile]:
    """What was not taken in before, each content once, in the order in which it was received.

    A content that was rejected for a reason outside it may come again, for one under another name.
    """
    fresh: dict[str, DeliveredFile] = {}
    there = [f for f in files if f.delivery_kind != DeliveryKind.KNOWN and f.sha256 not in known.settled_hashes]
    for file in sorted(there, key=lambda file: (file.misnamed, file.received, file.path, file.name)):
        fresh.setdefault(file.sha256, file)
    return sorted(fresh.values(), key=lambda file: (file.received, file.path, file.name))


def _repeated(every: list[DeliveredFile], new: list[DeliveredFile], known: Ledger) -> list[DeliveredFile]:
    """Containers that bring nothing of their own: without a line in the ledger they would never be known."""
    settled = known.settled_hashes | {file.sha256 for file in new}
    counted = {file.container for file in new}
    members: dict[str, list[DeliveredFile]] = defaultdict(list)
    for file in every:
        if file.container and file.container not in counted:
            members[file.container].append(file)
    return [
        DeliveredFile(
            files[0].path,
            sha,
            files[0].name.partition("/")[0],
            files[0].received,
            DeliveryKind.REPEATED,
            origin=files[0].origin,
        )
        for sha, files in members.items()
        if all(file.sha256 in settled for file in files)
    ]


def _transcribed(
    spark: SparkSession, desk: RecognitionContext, every: list[DeliveredFile], fresh: list[DeliveredFile]
) -> tuple[list[DeliveredFile], list[str]]:
    """The same files; those that no scan reads as they are with a transcript in their place.

    Gives: the files, and of every one that could not be looked at, rosters of before among them, why.
    """
    plain = replace(desk, known_digests=frozenset())
    asked = {file.sha256: file for file in fresh if not file.rejection and file.delivery_kind != DeliveryKind.TEXT}
    made: dict[str, DeliveredFile] = {}
    if any(file.delivery_kind in (DeliveryKind.ROSTER, DeliveryKind.RESULTS) for file in asked.values()):
        seen = {file.sha256: file for file in every if file.delivery_kind == DeliveryKind.ROSTER and not file.rejection}
        known = [seen[sha] for sha in sorted(seen)]
        read = _each(spark, partial(_school, plain), known, lambda file: (file.as_unreadable(LOST_WORKER), None))
        made.update({file.sha256: file for file, _ in read})
        there = _by_school(read)
        results = [file for file in asked.values() if file.delivery_kind == DeliveryKind.RESULTS]
        joined = _each(spark, partial(_joined, plain, there), results, _lost)
        if any(file.defect for file, _ in read):  # nobody knows whose roster that is
            joined = [replace(f, rejection=UNREADABLE) if f.rejection == rosters.ROSTER_MISSING else f for f in joined]
        made.update((file.sha256, file) for file in joined)
    others = [file for file in asked.values() if file.delivery_kind in transcripts.TRANSCRIBERS]
    made.update((file.sha256, file) for file in _each(spark, partial(_one, plain), others, _lost))
    ready = [made.get(file.sha256, file) for file in fresh]
    looked_at = {file.sha256: file for file in [*made.values(), *ready]}
    return ready, [file.defect for file in looked_at.values() if file.defect]


def _each(
    spark: SparkSession,
    work: Callable[[DeliveredFile], B],
    files: list[DeliveredFile],
    lost: Callable[[DeliveredFile], B],
) -> list[B]:
    """What is made of every file: by the driver while they are few, in the executors where they are many.

    Takes: what stands for a file at which a worker ended, of no memory or by a fault in a library: which one
    it is, is found by halves.
    """
    if len(files) < EXECUTOR_FILES:
        return [work(file) for file in files]
    return _in_executors(spark, work, files, lost)


def _in_executors(
    spark: SparkSession,
    work: Callable[[DeliveredFile], B],
    files: list[DeliveredFile],
    lost: Callable[[DeliveredFile], B],
) -> list[B]:
    context = spark.sparkContext
    try:
        return context.parallelize(files, min(len(files), 4 * context.defaultParallelism)).map(work).collect()
    except Py4JJavaError:
        half = len(files) // 2
        if not half:
            return [lost(files[0])]
    parts = (files[:half], files[half:])
    return [one for part in parts for one in _in_executors(spark, work, part, lost)]


def _lost(file: DeliveredFile) -> DeliveredFile:
    return file.as_unreadable(LOST_WORKER)


def _told(file: DeliveredFile, work: Callable[[], DeliveredFile]) -> DeliveredFile:
    """One bad file never stops the others, nor says more of itself than a code."""
    try:
        return work()
    except DeliveryRejected as rejected:
        return replace(file, rejection=rejected.code, school=rejected.school or file.school)
    except Exception as defect:
        return file.as_unreadable(defect)


def _one(desk: RecognitionContext, file: DeliveredFile) -> DeliveredFile:
    return _told(file, lambda: transcripts.TRANSCRIBERS[file.delivery_kind](file, desk))


def _school(desk: RecognitionContext, file: DeliveredFile) -> tuple[DeliveredFile, DocumentSchool | None]:
    """Of a roster only whose it is: the driver holds no pupil."""
    schools: list[DocumentSchool] = []

    def work() -> DeliveredFile:
        roster = edexml.read_roster(file.path.read_bytes(), desk.limits.bytes_per_member)
        schools.append(roster.school)
        school, warnings = roster.school.brin, rosters.count_roster_warnings(roster)
        return replace(file, school=school, supplier="edexml", warnings=warnings)

    return _told(file, work), next(iter(schools), None)


def _by_school(read: Iterable[tuple[DeliveredFile, DocumentSchool | None]]) -> RosterIndex:
    found: RosterIndex = defaultdict(list)
    for file, school in read:
        if school is not None:
            for name in {school.brin, school.schoolkey} - {None}:
                found[str(name)].append((school, file.path))
    return dict(found)


def _joined(desk: RecognitionContext, there: RosterIndex, file: DeliveredFile) -> DeliveredFile:
    def work() -> DeliveredFile:
        most = desk.limits.bytes_per_member
        message = uwlr.read_uwlr_results(file.path.read_bytes(), most)
        asked = message.school
        named = {asked.brin, asked.schoolkey} - {None}
        paths = {path: school for name in sorted(map(str, named)) for school, path in there.get(name, [])}
        fitting = [path for path, school in paths.items() if rosters.roster_fits_school(school, asked)]
        those = [edexml.read_roster(path.read_bytes(), most) for path in fitting]
        return transcripts.transcribe_uwlr_results(file, message, those, desk)

    return _told(file, work)
