"""The storage root as it is named on the command line, opened on its store."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from pyspark.sql import SparkSession

from cohort.foundation import UsageRefused, describe_problem
from cohort.storage.hadoop_files import HadoopFiles
from cohort.storage.hadoop_store import HadoopStore
from cohort.storage.hdfs_store import HdfsStore
from cohort.storage.leases import LEASE_SECONDS
from cohort.storage.s3_store import S3Store, content_options, require_safe_settings
from cohort.storage.storage_path import StoragePath
from cohort.storage.store_content import StoreContent
from cohort.storage.zone_paths import StorageZones

EXAMPLE_ADDRESS = "--root hdfs://namenode:8020/cohort"
MISREAD_PATH_CHARACTERS = frozenset("%*?[]{}\\#|^`")
"""Characters that Spark takes for a pattern, or deltalake for an escape, in the path of a table."""

PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9+.-]+://[A-Za-z0-9._:@-]+[A-Za-z0-9._/-]*")
"""The address of a root on a store that Hadoop opens: readers of tables disagree about any other character."""


def names_local_folder(root: str) -> bool:
    """Whether a root of the command line is a local or mounted folder, as a path or a `file:` URI."""
    scheme, colon, _ = root.partition(":")
    return not colon or len(scheme) <= 1 or scheme == "file"


def open_storage_root(
    root: str,
    start_session: Callable[[], SparkSession],
    lease_seconds: float = LEASE_SECONDS,
    own_principals: tuple[str, ...] = (),
) -> StorageZones:
    """Open the storage root given on the command line.

    Args:
        root: a path or a `file:` URI of a local or mounted folder, or the address of a folder on a store that the
            session's Hadoop opens, as `hdfs://namenode:8020/cohort`.
        start_session: starts the session; it is asked for where the root is on such a store.
        lease_seconds: how long a lock lasts on such a store that nobody renews.
        own_principals: the principals of the platform itself, as the policy of a bucket names them.

    Raises:
        UsageRefused: the root is not a folder, cannot be opened, or its path has characters that readers of tables
            take for a pattern or an escape (exit code 2).
    """
    if not names_local_folder(root):
        return StorageZones(_open_on_hadoop(root, start_session, lease_seconds, own_principals))
    path = Path("/" + root.removeprefix("file:").lstrip("/") if root.startswith("file:") else root).resolve()
    if not path.is_dir():
        raise _root_refusal("a folder", "--root /data/cohort", "none", "Make the folder, or correct the path")
    misread = sorted({char for char in str(path) if char in MISREAD_PATH_CHARACTERS or not char.isprintable()})
    if misread:
        raise _root_refusal(
            "a folder with printable characters alone in its path, without "
            + " ".join(sorted(MISREAD_PATH_CHARACTERS)),
            "--root /data/cohort",
            " ".join(ascii(char)[1:-1] if not char.isprintable() else char for char in misread),
            "Rename the folder",
        )
    return StorageZones(path)


def _open_on_hadoop(
    root: str, start_session: Callable[[], SparkSession], lease_seconds: float, own_principals: tuple[str, ...]
) -> StoragePath:
    """Open a root on a store that Hadoop opens.

    Raises:
        UsageRefused: no host or no folder is named, no file system is there for the scheme, or it cannot be reached.
    """
    parts = urlsplit(root)
    _check_address(root, parts)
    address, place = f"{parts.scheme}://{parts.netloc}", os.path.normpath(f"/{parts.path.strip('/')}")
    try:
        files = HadoopFiles(start_session(), f"{address}{place}")
        if parts.scheme == "s3a":
            require_safe_settings(files)
            content = StoreContent(f"{address}{place}", content_options(files))
            store: HadoopStore = S3Store(address, content, files, lease_seconds, own_principals)
        else:
            store = HdfsStore(address, StoreContent(f"{address}{place}"), files, lease_seconds)
        path = store.path(place)
        is_folder = path.is_dir()
        with suppress(FileNotFoundError):  # as executors see it: of HDFS an empty folder not at all
            store.content.status(str(path))
    except OSError as failure:
        raise _root_refusal(
            "a store that the session's Hadoop and the client of deltalake can open",
            EXAMPLE_ADDRESS,
            f"one that {_describe_failure(failure)} ({failure.strerror})",
            "Correct the address, or give Spark the store's jars, settings and credentials; on S3 every process "
            "finds credentials by itself: in variables of the environment (AWS_…), or by its role",
        ) from None
    if not is_folder:
        raise _root_refusal("a folder", EXAMPLE_ADDRESS, "none", "Make the folder")
    return path


def _describe_failure(failure: OSError) -> str:
    """What a store did instead of opening a root."""
    kinds = {
        ("ClassNotFoundException", "UnsupportedFileSystemException"): "Spark has no jar or setting for",
        ("UnknownHostException", "ConnectException", "NoRouteToHostException", "SocketTimeoutException"): (
            "does not answer"
        ),
    }
    return next((text for names, text in kinds.items() if failure.strerror in names), "refuses")


def _check_address(root: str, parts: SplitResult) -> None:
    if not parts.netloc or not parts.path.strip("/") or {".", ".."} & {*parts.path.split("/")}:
        raise _root_refusal("an address with a host and a folder", EXAMPLE_ADDRESS, "one without", "Name both")
    if not PLAIN_ADDRESS.fullmatch(root):
        raise _root_refusal(
            "an address of letters without accents, digits, and the characters . _ - / : @",
            EXAMPLE_ADDRESS,
            "one with others, which readers of tables take for an escape",
            "Rename the folder",
        )


def _root_refusal(expected: str, example: str, found: str, do: str) -> UsageRefused:
    return UsageRefused(describe_problem(expected, example=example, found=found, where="--root", do=do))
