"""The port to a store: what a job does there beyond what a path itself offers.

Two adapters keep it: `posix_store` for local and mounted folders, `hadoop_store` for what Hadoop opens. Everything
else in the library asks `store_of(path)`, or the functions of `file_operations`, and never the machine of the driver.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from cohort.storage.storage_path import StoragePath
from cohort.storage.survivors import Survivor, SurvivorSearch

ClosingProblem = tuple[str, str]
"""What could not be closed: its path from the folder above, and why."""
WalkedFolder = tuple[StoragePath, list[str], list[str]]
"""A folder, the names of its folders (to be thinned by the caller) and those of its files, as `os.walk` gives them."""


class Store(Protocol):
    """One store.

    Attributes:
        kind: its kind, as the scheme of its addresses: `file`, `hdfs`, `s3a`.
        access_way: how it lets a project's readers in by itself, as platform.toml names it: `group` or `policy`.
        keeps_versions: whether it may keep what a file was before it was replaced, as `find_survivors` shows.
        writes_beside: whether a document is first written under a hidden name beside it, which a kill leaves.
    """

    kind: str
    access_way: str
    keeps_versions: bool
    writes_beside: bool

    def lexists(self, path: StoragePath) -> bool:
        """Whether there is anything at a path, be it a link to nowhere."""

    def walk(self, top: StoragePath, on_error: Callable[[OSError], None] | None = None) -> Iterator[WalkedFolder]:
        """Walk through a folder from the top, without following links.

        Args:
            top: the folder.
            on_error: what is called for a folder that cannot be listed; its `filename` is the path.
        """

    def remove_tree(self, path: StoragePath) -> None:
        """Remove a file, a link or a folder with everything in it, as far as rights allow; look what stays yourself."""

    def move(self, source: StoragePath, target: StoragePath) -> None:
        """Give a file or a folder another path on the same store, where nothing is yet.

        Raises:
            FileExistsError: something is there.
        """

    def write_whole(self, path: StoragePath, content: bytes, *, public: bool = False, durable: bool = True) -> None:
        """Write a small file whole or not at all, in the place of an earlier one.

        Args:
            path: the file; missing folders above it are made.
            content: its content.
            public: whether everybody may read it; otherwise nobody but the platform's user, from its first byte on.
            durable: whether it lasts when the call returns, whatever happens to the machine.
        """

    def create_once(self, path: StoragePath, content: bytes) -> bool:
        """Make a private file that nobody made before.

        Args:
            path: the file.
            content: its content, which no other caller has: by it a caller on an object store knows its own.

        Returns:
            Whether this call made it. Of any number of callers at once one gets True.
        """

    def write_private(self, path: StoragePath, content: bytes) -> None:
        """Write a file that is private from its first byte on, in a private folder; a kill may leave half of it.

        Raises:
            OSError: the file is a symbolic link, or cannot be written.
        """

    def make_private_folder(self, folder: StoragePath) -> None:
        """Make a private folder and every missing folder above it; close the folder if it exists and is open."""

    def close_folder(self, folder: StoragePath) -> None:
        """Let nobody but the platform's user enter a folder.

        Raises:
            OSError: it is not there, or stays open.
        """

    def close_private_tree(self, top: StoragePath) -> list[ClosingProblem]:
        """Close a folder and everything below it, the folder itself first: then nobody reaches the rest.

        Returns:
            What could not be closed. A link is not followed and counts as a problem.
        """

    def is_open_to_others(self, path: StoragePath) -> bool:
        """Whether others than the platform's user may enter a folder or read a file."""

    def can_commit(self, folder: StoragePath) -> bool:
        """Whether deltalake can commit on this store, tried in a folder of its own."""

    def check_readers(self, readers: str) -> str | None:
        """Why the readers of a project cannot be given access on this store; None where it can."""

    def open_to_readers(self, table: StoragePath, readers: str) -> None:
        """Let the readers of a project read a folder and everything in it, the folder last.

        Args:
            table: the folder.
            readers: a group, or on S3 a principal as the bucket's policy names it.


        Raises:
            OSError: the store refuses.
        """

    def hold_lock(self, folder: StoragePath, name: str, *, shared: bool, wait: bool) -> AbstractContextManager[bool]:
        """Hold a lock as long as the block runs.

        Returns:
            A context that gives whether the lock was taken over from a run that may still be there: what it does now
            must not count.

        Raises:
            BlockingIOError: another run holds it.
        """

    def require_lock_held(self) -> None:
        """Check, before what cannot be taken back, that every lock of this process is still its own.

        Raises:
            StateRefused: one was taken over, because this process stood still for longer than a lock lasts (15).
        """

    def open_to_read(self, path: StoragePath) -> io.BufferedReader:
        """Open a file to be read at any place."""

    def open_to_write(self, path: StoragePath) -> io.BufferedWriter:
        """Open a file to be written from its beginning, in the place of an earlier one."""

    def list_files(self, folder: StoragePath) -> Iterator[StoragePath | None]:
        """List every file below a folder; None for what is no file, or cannot be looked into."""

    def find_survivors(self, folders: Iterable[StoragePath]) -> SurvivorSearch:
        """Look for what the store still has of removed folders."""

    def remove_survivor(self, survivor: Survivor) -> None:
        """Remove what the store still has.

        Raises:
            OSError: the platform's user may not.
        """

    def parquet_source(self, path: StoragePath) -> str | io.BufferedReader:
        """What pyarrow reads a Parquet file from."""

    def table_options(self) -> dict[str, str] | None:
        """What deltalake has to know to open tables on this store."""

    def path_of_url(self, url: str) -> StoragePath:
        """The path of a file, from its address as Spark or deltalake writes it."""
