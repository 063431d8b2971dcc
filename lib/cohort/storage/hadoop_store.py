"""The store of a root that Hadoop opens: HDFS, S3A and others, asked through `hadoop_files`."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from cohort.storage.hadoop_files import HadoopFiles
from cohort.storage.hadoop_path import HadoopPath
from cohort.storage.leases import LEASE_SECONDS, LeaseLocks
from cohort.storage.private_files import (
    GROUP_AND_OTHERS_BITS,
    PRIVATE_FILE_MODE,
    PRIVATE_FOLDER_MODE,
    READABLE_FILE_MODE,
    READABLE_FOLDER_MODE,
)
from cohort.storage.storage_path import StoragePath
from cohort.storage.store import ClosingProblem, Store, WalkedFolder
from cohort.storage.store_content import HadoopStatus, StoreContent
from cohort.storage.survivors import Survivor, SurvivorSearch, find_hdfs_survivors, remove_hdfs_survivor

PUBLIC_FILE_MODE = 0o644


class HadoopStore(Store):
    """The adapter of `store.Store` for `HadoopPath`.

    It can be sent to executors, which read and write the content of files and nothing else.

    Args:
        address: the scheme and the host of the store, as `hdfs://host:8020`.
        content: the content of files below the root.
        files: the client of the file system; None on executors.
        lease_seconds: how long a lock lasts that nobody renews.
    """

    def __init__(
        self,
        address: str,
        content: StoreContent,
        files: HadoopFiles | None = None,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self.address, self.content, self._files = address, content, files
        self.kind = address.partition(":")[0]
        self._locks = None if files is None else LeaseLocks(files, lease_seconds)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.address, self.content)

    @property
    def is_on_executor(self) -> bool:
        """Whether there is nothing but the content of files."""
        return self._files is None

    @property
    def files(self) -> HadoopFiles:
        """The client of the file system.

        Raises:
            RuntimeError: it is asked for on an executor, which is a defect.
        """
        if self._files is None:
            raise RuntimeError("an executor asked for more than the content of files")
        return self._files

    def status(self, address: str) -> HadoopStatus:
        """Raises: FileNotFoundError where there is nothing."""
        return self.content.status(address) if self._files is None else self._files.status(address)

    def path(self, place: str) -> HadoopPath:
        """The path at a place on the store, from its top on."""
        return HadoopPath(self, PurePosixPath(place))

    def lexists(self, path: StoragePath) -> bool:
        return path.exists()

    def walk(self, top: StoragePath, on_error: Callable[[OSError], None] | None = None) -> Iterator[WalkedFolder]:
        try:
            statuses = self.files.list_folder(str(top))
        except OSError as error:
            if on_error is not None:
                on_error(error)
            return
        folders = [status.name for status in statuses if status.is_folder]
        yield top, folders, [status.name for status in statuses if not status.is_folder]
        for name in folders:
            yield from self.walk(top / name, on_error)

    def remove_tree(self, path: StoragePath) -> None:
        with suppress(OSError):
            self.files.delete(str(path), recursive=True)

    def move(self, source: StoragePath, target: StoragePath) -> None:
        self.files.rename(str(source), str(target))

    def write_whole(self, path: StoragePath, content: bytes, *, public: bool = False, durable: bool = True) -> None:
        """Write a small file whole or not at all; it always lasts, because the store has it on several machines."""
        del durable
        self.require_lock_held()
        if public:
            self.files.make_folder(str(path.parent))
        else:
            self.make_private_folder(path.parent)
        mode = PUBLIC_FILE_MODE if public else PRIVATE_FILE_MODE
        if self.files.puts_whole_files:
            self.files.write(str(path), content, mode)
            return
        fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            self.files.write(str(fresh), content, mode)
            self.files.replace(str(fresh), str(path))
        finally:
            self.files.delete(str(fresh), recursive=False)

    def create_once(self, path: StoragePath, content: bytes) -> bool:
        return self.files.create_once(str(path), content)

    def write_private(self, path: StoragePath, content: bytes) -> None:
        self.make_private_folder(path.parent)
        self.files.write(str(path), content, PRIVATE_FILE_MODE)

    def make_private_folder(self, folder: StoragePath) -> None:
        """Make a private folder; on a store without permissions there is nothing to make, and nothing to close."""
        if folder.exists():
            self.close_folder(folder)
            return
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        self.files.make_folder(str(folder))
        for one in missing:
            self.close_folder(one)

    def close_folder(self, folder: StoragePath) -> None:
        if self.files.has_permissions and self.is_open_to_others(folder):
            self._close(folder, PRIVATE_FOLDER_MODE)

    def close_private_tree(self, top: StoragePath) -> list[ClosingProblem]:
        if not self.files.has_permissions or not top.exists():
            return []
        problems: list[ClosingProblem] = []

        def close(path: StoragePath, mode: int) -> None:
            try:
                if self.is_open_to_others(path):
                    self._close(path, mode)
            except FileNotFoundError:
                pass  # another run removed it
            except OSError as error:
                problems.append((str(path.relative_to(top.parent)), f"one that refuses ({error.strerror})"))

        close(top, PRIVATE_FOLDER_MODE)
        for folder, folders, names in self.walk(top):
            for name in folders:
                close(folder / name, PRIVATE_FOLDER_MODE)
            for name in names:
                close(folder / name, PRIVATE_FILE_MODE)
        return problems

    def is_open_to_others(self, path: StoragePath) -> bool:
        return bool(self.files.mode(str(path)) & GROUP_AND_OTHERS_BITS)

    def can_commit(self, folder: StoragePath) -> bool:
        """Whether a rename onto something that is there is refused: with one deltalake and Spark name a commit."""
        for name in ("one", "two"):
            self.files.write(str(folder / name), name.encode(), None)
        try:
            self.files.rename(str(folder / "one"), str(folder / "two"))
        except OSError:
            return (folder / "two").read_bytes() == b"two"
        return False

    def check_readers(self, readers: str) -> str | None:
        """Try with a file of its own: which groups there are, and who belongs to them, the name node knows alone."""
        if not self.files.has_permissions:
            return "a store whose folders cannot be closed and opened"
        probe = f"{self.content.top}restricted/readers-{uuid.uuid4().hex}"
        self.files.write(probe, b"", PRIVATE_FILE_MODE)
        try:
            self.files.set_group(probe, readers)
        except OSError:
            return "a group that the platform's user does not belong to, as the store knows it"
        finally:
            self.files.delete(probe, recursive=False)
        return None

    def open_to_readers(self, table: StoragePath, readers: str) -> None:
        for folder, folders, names in self.walk(table):
            for name in folders:
                self._open(folder / name, readers, READABLE_FOLDER_MODE)
            for name in names:
                self._open(folder / name, readers, READABLE_FILE_MODE)
        self._open(table, readers, READABLE_FOLDER_MODE)

    @contextmanager
    def hold_lock(self, folder: StoragePath, name: str, *, shared: bool, wait: bool) -> Iterator[bool]:
        """Hold a lease, which is renewed meanwhile and ends by itself when this process is killed."""
        if self._locks is None:
            raise RuntimeError("an executor asked for a lock")
        with self._locks.hold(str(folder / name), shared=shared, wait=wait) as taken_over:
            yield taken_over

    def require_lock_held(self) -> None:
        if self._locks is not None:
            self._locks.require_held()

    def open_to_read(self, path: StoragePath) -> io.BufferedReader:
        return self.content.open_to_read(str(path))

    def open_to_write(self, path: StoragePath) -> io.BufferedWriter:
        return self.content.open_to_write(str(path))

    def list_files(self, folder: StoragePath) -> Iterator[StoragePath | None]:
        """List all of them at once, or folder by folder where one of them cannot be looked into."""
        try:
            yield from (
                self.path(address.removeprefix(self.address)) for address in self.content.list_tree(str(folder))
            )
        except OSError:
            closed: list[OSError] = []
            for path, _, names in self.walk(folder, closed.append):
                yield from (path / name for name in names)
            yield from (None for _ in closed)

    def find_survivors(self, folders: Iterable[StoragePath]) -> SurvivorSearch:
        places = [str(folder).removeprefix(self.address) for folder in folders]
        return find_hdfs_survivors(self.files, self.address, places)

    def remove_survivor(self, survivor: Survivor) -> None:
        remove_hdfs_survivor(self.files, survivor)

    def parquet_source(self, path: StoragePath) -> io.BufferedReader:
        return self.open_to_read(path)

    def table_options(self) -> dict[str, str] | None:
        return self.content.options

    def path_of_url(self, url: str) -> HadoopPath:
        return self.path(unquote(urlsplit(url).path))

    def _close(self, path: StoragePath, mode: int) -> None:
        """Close a path, also what an access control list opens; without the list the group has its bits back."""
        self.files.set_mode(str(path), mode)
        self.files.remove_acl(str(path))
        self.files.set_mode(str(path), mode)

    def _open(self, path: StoragePath, readers: str, mode: int) -> None:
        self.files.set_group(str(path), readers)
        self.files.remove_acl(str(path))  # what it grants a mode of 0600 hides, and one of 0640 shows again
        self.files.set_mode(str(path), mode)
