"""What every store that Hadoop opens does alike: its paths, the content of its files, and locks as leases.

How files are written, closed, opened and looked for after their removal is for `hdfs_store` and `s3_store`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from cohort.storage.hadoop_files import HadoopFiles
from cohort.storage.hadoop_path import HadoopPath
from cohort.storage.leases import LEASE_SECONDS, LeaseLocks
from cohort.storage.storage_path import StoragePath
from cohort.storage.store import Store, WalkedFolder
from cohort.storage.store_content import HadoopStatus, StoreContent


class HadoopStore(Store):
    """What the adapters of `store.Store` for `HadoopPath` share.

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

    def create_once(self, path: StoragePath, content: bytes) -> bool:
        return self.files.create_once(str(path), content)

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
            listed = self.content.list_tree(str(folder))
        except OSError:
            closed: list[OSError] = []
            for path, _, names in self.walk(folder, closed.append):
                yield from (path / name for name in names)
            yield from (None for _ in closed)
            return
        for address, size in listed:
            if size or not self.status(address).is_folder:
                yield self.path(address.removeprefix(self.address))

    def parquet_source(self, path: StoragePath) -> io.BufferedReader:
        return self.open_to_read(path)

    def table_options(self) -> dict[str, str] | None:
        return self.content.options

    def path_of_url(self, url: str) -> HadoopPath:
        return self.path(unquote(urlsplit(url).path))
