"""The store of a local or mounted folder: files, modes and locks of the operating system."""

from __future__ import annotations

import fcntl
import grp
import io
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cohort.foundation import atomic_replacement, sync_folder
from cohort.storage import private_files
from cohort.storage.private_files import (
    GROUP_AND_OTHERS_BITS,
    PRIVATE_FILE_MODE,
    PRIVATE_FOLDER_MODE,
    READABLE_FILE_MODE,
    READABLE_FOLDER_MODE,
)
from cohort.storage.storage_path import StoragePath
from cohort.storage.store import ClosingProblem, Store, WalkedFolder
from cohort.storage.survivors import Survivor, SurvivorSearch


class PosixStore(Store):
    """The adapter of `store.Store` for paths of `pathlib`."""

    kind = "file"
    access_way = "group"
    keeps_versions = False
    writes_beside = True

    def lexists(self, path: StoragePath) -> bool:
        return os.path.lexists(_local(path))

    def walk(self, top: StoragePath, on_error: Callable[[OSError], None] | None = None) -> Iterator[WalkedFolder]:
        for folder, folders, files in os.walk(_local(top), onerror=on_error):
            yield Path(folder), folders, files

    def remove_tree(self, path: StoragePath) -> None:
        local = _local(path)
        if local.is_symlink() or local.is_file():
            with suppress(OSError):
                local.unlink()
        else:
            shutil.rmtree(local, ignore_errors=True)
        with suppress(OSError):
            sync_folder(local.parent)  # or a power cut could bring the folder back

    def move(self, source: StoragePath, target: StoragePath) -> None:
        _local(source).rename(_local(target))

    def write_whole(self, path: StoragePath, content: bytes, *, public: bool = False, durable: bool = True) -> None:
        local = _local(path)
        if public:
            local.parent.mkdir(parents=True, exist_ok=True)
        else:
            private_files.make_private_folder(local.parent)
        with atomic_replacement(local, durable=durable) as fresh:
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666 if public else PRIVATE_FILE_MODE)
            with os.fdopen(handle, "wb") as file:
                if not public:
                    os.fchmod(handle, PRIVATE_FILE_MODE)
                file.write(content)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())

    def create_once(self, path: StoragePath, content: bytes) -> bool:
        try:
            handle = os.open(_local(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE_MODE)
        except FileExistsError:
            return False
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        return True

    def write_private(self, path: StoragePath, content: bytes) -> None:
        private_files.write_private_bytes(_local(path), content)

    def make_private_folder(self, folder: StoragePath) -> None:
        private_files.make_private_folder(_local(folder))

    def close_folder(self, folder: StoragePath) -> None:
        local = _local(folder)
        if stat.S_IMODE(local.stat().st_mode) & GROUP_AND_OTHERS_BITS:
            local.chmod(PRIVATE_FOLDER_MODE)

    def close_private_tree(self, top: StoragePath) -> list[ClosingProblem]:
        return private_files.close_private_tree(_local(top))

    def is_open_to_others(self, path: StoragePath) -> bool:
        return bool(stat.S_IMODE(_local(path).stat().st_mode) & GROUP_AND_OTHERS_BITS)

    def can_commit(self, folder: StoragePath) -> bool:
        """Whether the file system has hard links: with one deltalake gives a commit its name."""
        one = _local(folder) / "one"
        one.touch()
        try:
            (_local(folder) / "two").hardlink_to(one)
        except OSError:
            return False
        return True

    def check_readers(self, readers: str) -> str | None:
        try:
            group = grp.getgrnam(readers).gr_gid
        except KeyError:
            return "a group that this machine does not know"
        if os.geteuid() != 0 and group not in {os.getegid(), *os.getgroups()}:
            return "a group that the platform's user does not belong to"
        return None

    def open_to_readers(self, table: StoragePath, readers: str) -> None:
        local, group = _local(table), grp.getgrnam(readers).gr_gid
        for path, mode in _paths_with_modes(local):
            os.chown(path, -1, group)
            path.chmod(mode)
        os.chown(local, -1, group)
        local.chmod(READABLE_FOLDER_MODE)

    @contextmanager
    def hold_lock(self, folder: StoragePath, name: str, *, shared: bool, wait: bool) -> Iterator[bool]:
        """Hold a lock of the operating system (`flock`): it ends with the process that holds it, however that ends."""
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(_local(folder) / f"{name}.lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE_MODE)
        try:
            mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(handle, mode if wait else mode | fcntl.LOCK_NB)
            yield False
        finally:
            os.close(handle)

    def require_lock_held(self) -> None:
        """Nothing to check: the operating system keeps a lock for a process that stands still."""

    def open_to_read(self, path: StoragePath) -> io.BufferedReader:
        return _local(path).open("rb")

    def open_to_write(self, path: StoragePath) -> io.BufferedWriter:
        return _local(path).open("wb")

    def list_files(self, folder: StoragePath) -> Iterator[Path | None]:
        """List them by `os.scandir`: for thousands of files much faster than a glob."""
        try:
            entries = list(os.scandir(_local(folder)))
        except OSError:
            yield None
            return
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    yield from self.list_files(Path(entry.path))
                elif entry.is_file():
                    yield Path(entry.path)
                else:  # a link to a folder or to nowhere, a pipe
                    yield None
            except OSError:
                yield None

    def find_survivors(self, folders: Iterable[StoragePath]) -> SurvivorSearch:
        """Nothing can be asked: what a file system keeps of removed files, its clients do not see."""
        del folders
        return SurvivorSearch((), (), ("snapshots and earlier versions that the storage itself keeps",))

    def remove_survivor(self, survivor: Survivor) -> None:
        del survivor
        raise RuntimeError("a survivor on a store that shows none")

    def parquet_source(self, path: StoragePath) -> str:
        return str(path)

    def table_options(self) -> None:
        return None

    def path_of_url(self, url: str) -> Path:
        return Path(unquote(urlsplit(url).path))


POSIX_STORE = PosixStore()


def _local(path: StoragePath) -> Path:
    if not isinstance(path, Path):
        raise TypeError("a path of another store was given to the one of local folders")
    return path


def _paths_with_modes(table: Path) -> Iterator[tuple[Path, int]]:
    """Everything in a folder but links, with the mode that lets a group read it."""
    for parent, folders, files in os.walk(table):
        for names, mode in ((folders, READABLE_FOLDER_MODE), (files, READABLE_FILE_MODE)):
            yield from ((path, mode) for path in (Path(parent) / name for name in names) if not path.is_symlink())
