"""Discovery: every file of the deliveries folder recognised, the new ones transcribed where needed and numbered.

In go the deliveries folder and the ledger, out comes one small object per file, without a row of it; called by
`pipeline`. Deliveries are numbered in the order in which their files were received, and by name where that is equal.
A file that cannot be read stops no other one, and is never lost: it stays where it is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from pyspark.sql import SparkSession

from cohort.delivery_formats import (
    DeliveredFile,
    DeliveryKind,
    RecognitionContext,
    describe_defect,
    recognise_deliveries,
)
from cohort.ingestion.transcription import LOST_WORKER, map_in_executors, transcribe_new_files
from cohort.results import Ledger
from cohort.storage import StoragePath, store_of

READER_THREADS = 2
"""How many threads recognise files; more of them would wait for each other at the interpreter's lock."""
EXECUTOR_BYTES = 2**30
"""From this many bytes on the executors recognise the files; the driver takes a second for 160 MB."""
STORAGE_FAULT = "storage"
"""Why a file could not be recognised: the storage did not let us read it."""
NumberedFile = tuple[int, DeliveredFile]
"""A delivery number, and its file."""


@dataclass(frozen=True)
class DiscoveredFiles:
    """What a run of ingestion found in the deliveries folder.

    Args:
        files: every delivery of every file that could be read.
        new_files: the deliveries that are new, with their numbers.
        unreadable: how many files and folders the storage did not let us read.
        defects: how many files a defect of the platform left unread, by type and place in the code.
    """

    files: tuple[DeliveredFile, ...]
    new_files: tuple[NumberedFile, ...]
    unreadable: int
    defects: dict[str, int] = field(default_factory=dict)


def discover_deliveries(spark: SparkSession, context: RecognitionContext, ledger: Ledger) -> DiscoveredFiles:
    """Recognise every file, transcribe the new ones that need it, and number the new ones."""
    # 1. Recognise every file.
    listed = list(store_of(context.deliveries_folder).list_files(context.deliveries_folder))
    paths = sorted((path for path in listed if path is not None), key=str)
    recognised = _recognise_files(spark, context, paths)
    files = [file for deliveries in recognised if not isinstance(deliveries, str) for file in deliveries]
    # 2. Transcribe what is new and cannot be scanned as it is.
    needs_rosters = any(file.delivery_kind == DeliveryKind.RESULTS for file in files)
    earlier_rosters = _earlier_rosters(context, files, ledger) if needs_rosters else []
    ready, defects = transcribe_new_files(spark, context, [*files, *earlier_rosters], _new_contents(files, ledger))
    # 3. Number what is new, or was rejected before for another reason.
    reasons = ledger.retryable_reasons
    new = [file for file in ready if not file.rejection or file.rejection != reasons.get(file.sha256)]
    new += _repeating_containers(files, new, ledger)
    faults = [fault for fault in recognised if isinstance(fault, str)]
    return DiscoveredFiles(
        tuple(files),
        tuple(enumerate(new, ledger.last_number + 1)),
        listed.count(None) + faults.count(STORAGE_FAULT),
        dict(Counter([*defects, *(fault for fault in faults if fault != STORAGE_FAULT)])),
    )


def _recognise_files(
    spark: SparkSession, context: RecognitionContext, paths: list[StoragePath]
) -> list[list[DeliveredFile] | str]:
    """The deliveries of each file, in the order of the paths; of one that cannot be recognised, the fault.

    Of the driver's threads one computes while another one reads or hashes.
    """
    if sum(map(_size, paths)) >= EXECUTOR_BYTES:
        recognise = partial(_recognise_file, context)
        return map_in_executors(spark, recognise, paths, lambda _: LOST_WORKER)
    share = -(-len(paths) // READER_THREADS) or 1
    parts = [paths[first : first + share] for first in range(0, len(paths), share)]
    with ThreadPoolExecutor(READER_THREADS) as threads:
        done = threads.map(lambda part: [_recognise_file(context, path) for path in part], parts)
        return [deliveries for part in done for deliveries in part]


def _size(path: StoragePath) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


def _recognise_file(context: RecognitionContext, path: StoragePath) -> list[DeliveredFile] | str:
    try:
        return recognise_deliveries(path, context)
    except OSError:
        return STORAGE_FAULT
    except Exception as defect:
        return describe_defect(defect)


def _earlier_rosters(context: RecognitionContext, files: list[DeliveredFile], ledger: Ledger) -> list[DeliveredFile]:
    """Rosters of earlier runs that are still there: results may come after their roster."""
    paths = {
        file.path for file in files if file.delivery_kind == DeliveryKind.KNOWN and file.sha256 in ledger.roster_hashes
    }
    as_new = replace(context, known_digests=frozenset())
    recognised = (_recognise_file(as_new, path) for path in sorted(paths))
    deliveries = [file for files in recognised if not isinstance(files, str) for file in files]
    return [file for file in deliveries if file.delivery_kind == DeliveryKind.ROSTER]


def _new_contents(files: list[DeliveredFile], ledger: Ledger) -> list[DeliveredFile]:
    """What was not taken in before, each content once, in the order of receipt.

    A content that was rejected for a reason outside it may come again, for one under another name.
    """
    unsettled = [
        file for file in files if file.delivery_kind != DeliveryKind.KNOWN and file.sha256 not in ledger.settled_hashes
    ]
    new: dict[str, DeliveredFile] = {}
    for file in sorted(unsettled, key=lambda file: (file.misnamed, file.received, file.path, file.name)):
        new.setdefault(file.sha256, file)
    return sorted(new.values(), key=lambda file: (file.received, file.path, file.name))


def _repeating_containers(files: list[DeliveredFile], new: list[DeliveredFile], ledger: Ledger) -> list[DeliveredFile]:
    """Containers with nothing new in them: without a ledger entry of their own they would be opened at every run."""
    settled = ledger.settled_hashes | {file.sha256 for file in new}
    with_new_members = {file.container for file in new}
    members: dict[str, list[DeliveredFile]] = defaultdict(list)
    for file in files:
        if file.container and file.container not in with_new_members:
            members[file.container].append(file)
    return [
        DeliveredFile(
            files[0].path,
            sha256,
            files[0].name.partition("/")[0],
            files[0].received,
            DeliveryKind.REPEATED,
            origin=files[0].origin,
        )
        for sha256, files in members.items()
        if all(file.sha256 in settled for file in files)
    ]
