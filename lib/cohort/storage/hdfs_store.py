"""The store of a root on HDFS, and on every other file system of Hadoop that has permissions."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable

from cohort.storage.hadoop_store import HadoopStore
from cohort.storage.hdfs_survivors import find_hdfs_survivors, remove_hdfs_survivor
from cohort.storage.private_files import (
    GROUP_AND_OTHERS_BITS,
    PRIVATE_FILE_MODE,
    PRIVATE_FOLDER_MODE,
    READABLE_FILE_MODE,
    READABLE_FOLDER_MODE,
)
from cohort.storage.storage_path import StoragePath
from cohort.storage.store import ClosingProblem
from cohort.storage.survivors import Survivor, SurvivorSearch

PUBLIC_FILE_MODE = 0o644


class HdfsStore(HadoopStore):
    """The adapter of `store.Store` for file systems of Hadoop with users, groups and modes."""

    access_way = "group"
    keeps_versions = False
    writes_beside = True

    def write_whole(self, path: StoragePath, content: bytes, *, public: bool = False, durable: bool = True) -> None:
        """Write a small file whole or not at all; it always lasts, because the store has it on several machines."""
        del durable
        self.require_lock_held()
        if public:
            self.files.make_folder(str(path.parent))
        else:
            self.make_private_folder(path.parent)
        mode = PUBLIC_FILE_MODE if public else PRIVATE_FILE_MODE
        fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            self.files.write(str(fresh), content, mode)
            self.files.replace(str(fresh), str(path))
        finally:
            self.files.delete(str(fresh), recursive=False)

    def write_private(self, path: StoragePath, content: bytes) -> None:
        self.make_private_folder(path.parent)
        self.files.write(str(path), content, PRIVATE_FILE_MODE)

    def make_private_folder(self, folder: StoragePath) -> None:
        if folder.exists():
            self.close_folder(folder)
            return
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        self.files.make_folder(str(folder))
        for one in missing:
            self.close_folder(one)

    def close_folder(self, folder: StoragePath) -> None:
        if self.is_open_to_others(folder):
            self._close(folder, PRIVATE_FOLDER_MODE)

    def close_private_tree(self, top: StoragePath) -> list[ClosingProblem]:
        if not top.exists():
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
        """Whether others may enter or read it; a file system without permissions closes nothing, whatever it says."""
        return not self.files.has_permissions or bool(self.files.mode(str(path)) & GROUP_AND_OTHERS_BITS)

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

    def find_survivors(self, folders: Iterable[StoragePath]) -> SurvivorSearch:
        places = [str(folder).removeprefix(self.address) for folder in folders]
        return find_hdfs_survivors(self.files, self.address, places)

    def remove_survivor(self, survivor: Survivor) -> None:
        remove_hdfs_survivor(self.files, survivor)

    def _close(self, path: StoragePath, mode: int) -> None:
        """Close a path, also what an access control list opens; without the list the group has its bits back."""
        self.files.set_mode(str(path), mode)
        self.files.remove_acl(str(path))
        self.files.set_mode(str(path), mode)

    def _open(self, path: StoragePath, readers: str, mode: int) -> None:
        self.files.set_group(str(path), readers)
        self.files.remove_acl(str(path))  # what it grants a mode of 0600 hides, and one of 0640 shows again
        self.files.set_mode(str(path), mode)
