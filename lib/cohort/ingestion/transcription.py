"""Transcription of new files that Spark cannot scan as they are: spreadsheets, XML, text with uneven lines.

In go recognised files, out come the same files with a canonical text in the restricted scratch zone in their place;
called by `discovery`. Few files are transcribed by the driver, many by the executors. Results in UWLR messages are
joined to the rosters of their school. The driver never holds a pupil of a roster.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from cohort.delivery_formats import (
    ROSTER_MISSING,
    TRANSCRIBERS,
    UNREADABLE,
    DeliveredFile,
    DeliveryKind,
    DeliveryRejected,
    DocumentSchool,
    RecognitionContext,
    count_roster_warnings,
    read_roster,
    read_uwlr_results,
    roster_fits_school,
    transcribe_uwlr_results,
)
from cohort.storage import StoragePath

EXECUTOR_FILES = 64
"""From this many files on they are transcribed by the executors."""
LOST_WORKER = "a worker that ended at once"
"""The defect of a file at which a Python worker died."""
ReadRoster = tuple[DeliveredFile, DocumentSchool | None]
"""A roster, and the school it is of; None where it could not be read."""
RosterIndex = dict[str, list[tuple[DocumentSchool, StoragePath]]]
"""Rosters by the BRIN and by the school key that they name their school with."""
ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def transcribe_new_files(
    spark: SparkSession, context: RecognitionContext, files: list[DeliveredFile], new: list[DeliveredFile]
) -> tuple[list[DeliveredFile], list[str]]:
    """Transcribe the new files that cannot be scanned as they are.

    Args:
        files: every file of this run, and rosters of earlier runs.
        new: the new ones among them.

    Returns:
        The new files, and the defect of every file that could not be read, earlier rosters among them.
    """
    as_new = replace(context, known_digests=frozenset())
    pending = [file for file in new if not file.rejection and file.delivery_kind != DeliveryKind.TEXT]
    transcribed: dict[str, DeliveredFile] = {}
    if any(file.delivery_kind in (DeliveryKind.ROSTER, DeliveryKind.RESULTS) for file in pending):
        read_rosters = _read_rosters(spark, as_new, files)
        results = [file for file in pending if file.delivery_kind == DeliveryKind.RESULTS]
        transcribed.update((file.sha256, file) for file, _ in read_rosters)
        joined = _join_results(spark, as_new, results, read_rosters)
        transcribed.update((file.sha256, file) for file in joined)
    others = [file for file in pending if file.delivery_kind in TRANSCRIBERS]
    done = map_files(spark, partial(_transcribe_file, as_new), others, mark_as_lost)
    transcribed.update((file.sha256, file) for file in done)
    ready = [transcribed.get(file.sha256, file) for file in new]
    handled = {file.sha256: file for file in [*transcribed.values(), *ready]}
    return ready, [file.defect for file in handled.values() if file.defect]


def _read_rosters(spark: SparkSession, context: RecognitionContext, files: list[DeliveredFile]) -> list[ReadRoster]:
    by_hash = {file.sha256: file for file in files if file.delivery_kind == DeliveryKind.ROSTER and not file.rejection}
    ordered = [by_hash[sha256] for sha256 in sorted(by_hash)]
    return map_files(spark, partial(_read_roster_school, context), ordered, lambda file: (mark_as_lost(file), None))


def _join_results(
    spark: SparkSession, context: RecognitionContext, results: list[DeliveredFile], read_rosters: list[ReadRoster]
) -> list[DeliveredFile]:
    """Transcribe UWLR results joined to the rosters; those without a roster wait while one could not be read."""
    join = partial(_transcribe_results, context, _index_rosters(read_rosters))
    joined = map_files(spark, join, results, mark_as_lost)
    if not any(file.defect for file, _ in read_rosters):
        return joined
    return [replace(file, rejection=UNREADABLE) if file.rejection == ROSTER_MISSING else file for file in joined]


def _index_rosters(read_rosters: Iterable[ReadRoster]) -> RosterIndex:
    index: RosterIndex = defaultdict(list)
    for file, school in read_rosters:
        if school is not None:
            for name in {school.brin, school.schoolkey} - {None}:
                index[str(name)].append((school, file.path))
    return dict(index)


def _read_roster_school(context: RecognitionContext, file: DeliveredFile) -> ReadRoster:
    """Read a roster for the sake of its school and its warnings alone."""
    schools: list[DocumentSchool] = []

    def read_school() -> DeliveredFile:
        roster = read_roster(file.path.read_bytes(), context.limits.bytes_per_member)
        schools.append(roster.school)
        warnings = count_roster_warnings(roster)
        return replace(file, school=roster.school.brin, supplier="edexml", warnings=warnings)

    return reject_on_failure(file, read_school), next(iter(schools), None)


def _transcribe_results(context: RecognitionContext, index: RosterIndex, file: DeliveredFile) -> DeliveredFile:
    def transcribe() -> DeliveredFile:
        limit = context.limits.bytes_per_member
        message = read_uwlr_results(file.path.read_bytes(), limit)
        school = message.school
        names = sorted(str(name) for name in {school.brin, school.schoolkey} - {None})
        candidates = {path: roster_school for name in names for roster_school, path in index.get(name, [])}
        fitting = [path for path, other in candidates.items() if roster_fits_school(other, school)]
        fitting_rosters = [read_roster(path.read_bytes(), limit) for path in fitting]
        return transcribe_uwlr_results(file, message, fitting_rosters, context)

    return reject_on_failure(file, transcribe)


def _transcribe_file(context: RecognitionContext, file: DeliveredFile) -> DeliveredFile:
    return reject_on_failure(file, lambda: TRANSCRIBERS[file.delivery_kind](file, context))


def reject_on_failure(file: DeliveredFile, work: Callable[[], DeliveredFile]) -> DeliveredFile:
    """The result of the work, or the file rejected with a code: one bad file never stops the others."""
    try:
        return work()
    except DeliveryRejected as rejected:
        return replace(file, rejection=rejected.code, school=rejected.school or file.school)
    except Exception as defect:
        return file.as_unreadable(defect)


def mark_as_lost(file: DeliveredFile) -> DeliveredFile:
    return file.as_unreadable(LOST_WORKER)


def map_files(
    spark: SparkSession,
    work: Callable[[DeliveredFile], ResultT],
    files: list[DeliveredFile],
    as_lost: Callable[[DeliveredFile], ResultT],
) -> list[ResultT]:
    """Do the work for every file: in the driver for few files, in the executors for many.

    Args:
        as_lost: the result for a file at which a worker died, of memory or by a fault in a library.
    """
    if len(files) < EXECUTOR_FILES:
        return [work(file) for file in files]
    return map_in_executors(spark, work, files, as_lost)


def map_in_executors(
    spark: SparkSession, work: Callable[[ItemT], ResultT], files: list[ItemT], as_lost: Callable[[ItemT], ResultT]
) -> list[ResultT]:
    """Do the work for every file in the executors; where a worker dies, the file is found by halving the list."""
    context = spark.sparkContext
    try:
        return context.parallelize(files, min(len(files), 4 * context.defaultParallelism)).map(work).collect()
    except Py4JJavaError:
        half = len(files) // 2
        if not half:
            return [as_lost(files[0])]
    halves = (files[:half], files[half:])
    return [result for part in halves for result in map_in_executors(spark, work, part, as_lost)]
