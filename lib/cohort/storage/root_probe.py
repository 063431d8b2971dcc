"""What a store can do, tried on the root itself at its first start: nothing is taken from its name or its manual.

In: the zones of a root. Out: `restricted/store.json`, which says what was tried and when. A store that cannot keep one
of the promises is refused by its name, before anything is written to it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import MappingProxyType

from pydantic import ConfigDict

from cohort.foundation import RightsRefused, UsageRefused, describe_problem
from cohort.storage.json_documents import DocumentPart, write_json_document
from cohort.storage.storage_path import StoragePath
from cohort.storage.store import Store
from cohort.storage.stores import store_of
from cohort.storage.zone_paths import StorageZones

RACES, RACERS = 3, 8
"""How often a creation is raced for, and by how many threads."""


class StoreDocument(DocumentPart):
    """What was tried at the first start on a root."""

    model_config = ConfigDict(json_schema_extra={"$id": "store-1"})

    kind: str
    """The kind of the store, as the scheme of its addresses."""
    tried: tuple[str, ...]
    """The promises that it kept."""
    at: str


def probe_root(zones: StorageZones, now: dt.datetime) -> None:
    """Try what the platform promises on a root that was never tried, and write it down.

    Args:
        zones: the zones of the root; `restricted` exists.
        now: the present moment.

    Raises:
        UsageRefused: a promise that the store cannot keep, each with its name (exit code 2).
        RightsRefused: a root of another user (exit code 17).
    """
    if _was_tried(zones):
        return
    store, folder = store_of(zones.root), zones.restricted / f"probe-{uuid.uuid4().hex}"
    store.make_private_folder(folder)
    try:
        broken = [name for name, keeps in PROMISES.items() if not _is_kept(keeps, store, folder)]
    finally:
        store.remove_tree(folder)
    if broken:
        raise UsageRefused(*map(_refuse_promise, broken))
    document = StoreDocument(kind=store.kind, tried=tuple(PROMISES), at=now.isoformat())
    write_json_document(zones.store_document, document.model_dump(mode="json"))


def _was_tried(zones: StorageZones) -> bool:
    try:
        return zones.store_document.is_file()
    except OSError as failure:
        raise RightsRefused(
            describe_problem(
                "a root of the platform's own user",
                example="one that this user made",
                found=f"one that refuses ({failure.strerror})",
                where="restricted/",
                do="Run the job as the user that the root belongs to",
            )
        ) from None


def _is_kept(keeps: Callable[[Store, StoragePath], bool], store: Store, folder: StoragePath) -> bool:
    with suppress(OSError):
        return keeps(store, folder)
    return False


def _one_creator_wins(store: Store, folder: StoragePath) -> bool:
    """Whether of several creators of one file exactly one is told that it made it, and its content stands there."""

    def race(number: int) -> bool:
        path = folder / f"race-{number}"
        with ThreadPoolExecutor(RACERS) as threads:
            won = list(threads.map(lambda racer: store.create_once(path, f"{racer}".encode()), range(RACERS)))
        return won.count(True) == 1 and path.read_bytes() == f"{won.index(True)}".encode()

    return all(race(number) for number in range(RACES))


def _replaces_whole(store: Store, folder: StoragePath) -> bool:
    """Whether a small file takes the place of an earlier one."""
    path = folder / "replaced"
    for content in (b"earlier", b"later"):
        store.write_whole(path, content)
    return path.read_bytes() == b"later" and [one.name for one in folder.glob("*replaced*")] == ["replaced"]


def _closes_to_others(store: Store, folder: StoragePath) -> bool:
    """Whether a closed folder and a private file say that nobody else may enter or read them."""
    store.write_private(folder / "private", b"")
    store.close_folder(folder)
    return not store.is_open_to_others(folder) and not store.is_open_to_others(folder / "private")


def _commits_once(store: Store, folder: StoragePath) -> bool:
    """Whether deltalake can commit: it makes the file of a version with a name that must be new."""
    return store.can_commit(folder)


PROMISES: Mapping[str, Callable[[Store, StoragePath], bool]] = MappingProxyType(
    {
        "only one of several runs makes a file": _one_creator_wins,
        "a document is replaced whole": _replaces_whole,
        "what is closed stays closed to others": _closes_to_others,
        "a version of a table is committed once": _commits_once,
    }
)
"""What every root must keep, by the sentence that a refusal and the document name it with."""

REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "only one of several runs makes a file": "Use a store with conditional creates",
        "a document is replaced whole": "Use a store that replaces files",
        "what is closed stays closed to others": "Use a store with permissions, or a bucket that lets nobody in",
        "a version of a table is committed once": "Use a file system with hard links, as ext4, xfs or NFS; on S3 the "
        "log store of conf/spark-defaults.conf, whose jars scripts/submit gives",
    }
)
"""What to do where a promise is broken."""


def _refuse_promise(promise: str) -> str:
    return describe_problem(
        f"a root on which {promise}",
        example="ext4, xfs, NFS, HDFS or a bucket with conditional writes",
        found="one on which it does not hold",
        where="--root",
        do=REMEDIES[promise],
    )
