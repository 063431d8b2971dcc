"""A path on a store that Hadoop opens, with the methods of `pathlib.Path` that `StoragePath` names."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any, Self

from cohort.storage.store_content import HadoopStatus

if TYPE_CHECKING:
    from cohort.storage.hadoop_store import HadoopStore


class HadoopPath:
    """The path of a file or folder on a store that Hadoop opens.

    Args:
        store: the store; the path asks its client.
        place: the path on the store, from its top on.
    """

    def __init__(self, store: HadoopStore, place: PurePosixPath) -> None:
        self.store = store
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.store, self.place)

    def __str__(self) -> str:
        return f"{self.store.address}{self.place}"

    def __repr__(self) -> str:
        return f"HadoopPath({str(self)!r})"

    def __hash__(self) -> int:
        return hash((self.store.address, self.place))

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, HadoopPath) and self.store.address == other.store.address
        return same and isinstance(other, HadoopPath) and self.place == other.place

    def __lt__(self, other: HadoopPath) -> bool:
        return self.place < other.place

    def __truediv__(self, name: object) -> Self:
        return self._at(self.place / str(name))

    @property
    def name(self) -> str:
        return self.place.name

    @property
    def stem(self) -> str:
        return self.place.stem

    @property
    def suffix(self) -> str:
        return self.place.suffix

    @property
    def parts(self) -> tuple[str, ...]:
        return self.place.parts

    @property
    def parent(self) -> Self:
        return self._at(self.place.parent)

    @property
    def parents(self) -> Sequence[Self]:
        return [self._at(place) for place in self.place.parents]

    def with_name(self, name: str) -> Self:
        return self._at(self.place.with_name(name))

    def with_suffix(self, suffix: str) -> Self:
        return self._at(self.place.with_suffix(suffix))

    def relative_to(self, other: Any, /) -> PurePosixPath:
        """Raises: ValueError where the other path is not above this one on the same store."""
        if not isinstance(other, HadoopPath) or other.store.address != self.store.address:
            raise ValueError("a path of another store")
        return self.place.relative_to(other.place)

    def is_relative_to(self, other: Any, /) -> bool:
        try:
            self.relative_to(other)
        except ValueError:
            return False
        return True

    def resolve(self) -> Self:
        """Return the path itself: it has no links and stands from the top on."""
        return self

    def exists(self) -> bool:
        return self._status() is not None

    def is_file(self) -> bool:
        status = self._status()
        return status is not None and not status.is_folder

    def is_dir(self) -> bool:
        status = self._status()
        return status is not None and status.is_folder

    def is_symlink(self) -> bool:
        return False

    def readlink(self) -> PurePath:
        """Raises: OSError, because nothing is a link there."""
        raise OSError(errno.EINVAL, "not a link", str(self))

    def stat(self) -> HadoopStatus:
        return self.store.status(str(self))

    def lstat(self) -> HadoopStatus:
        return self.stat()

    def iterdir(self) -> Iterator[Self]:
        return iter([self / status.name for status in self.store.files.list_folder(str(self))])

    def glob(self, pattern: str) -> Iterator[Self]:
        """Find paths by a pattern for each folder below this one; with a `/` at its end only folders."""
        first, slash, rest = pattern.partition("/")
        for status in self._list():
            if fnmatchcase(status.name, first) and (status.is_folder or not slash):
                path = self / status.name
                yield from path.glob(rest) if rest else [path]

    def rglob(self, pattern: str) -> Iterator[Self]:
        """Find files and folders at any depth below this one by their names."""
        for status in self._list():
            path = self / status.name
            if fnmatchcase(status.name, pattern):
                yield path
            if status.is_folder:
                yield from path.rglob(pattern)

    def read_bytes(self) -> bytes:
        return self.store.content.read(str(self))

    def read_text(self, encoding: str | None = None) -> str:
        return io.TextIOWrapper(io.BytesIO(self.read_bytes()), encoding=encoding).read()

    def write_bytes(self, data: bytes) -> int:
        with self.store.content.open_to_write(str(self)) as file:
            return file.write(data)

    def mkdir(self, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Make a folder; stores make those above it, too, and an executor leaves all of them to the first file."""
        if self.store.is_on_executor:
            return
        status = self._status()
        if status is None:
            if not parents and not self.parent.exists():
                raise FileNotFoundError(errno.ENOENT, "no folder above it", str(self))
            self.store.files.make_folder(str(self))
        elif not exist_ok or not status.is_folder:
            raise FileExistsError(errno.EEXIST, "something is there", str(self))

    def unlink(self, missing_ok: bool = False) -> None:
        if self.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a folder", str(self))
        if not self.store.files.delete(str(self), recursive=False) and not missing_ok:
            raise FileNotFoundError(errno.ENOENT, "nothing there", str(self))

    def rmdir(self) -> None:
        """Remove a folder with nothing in it."""
        if not self.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "no folder", str(self))
        if self.store.files.list_folder(str(self)):
            raise OSError(errno.ENOTEMPTY, "a folder that is not empty", str(self))
        self.store.files.delete(str(self), recursive=False)

    def _at(self, place: PurePosixPath) -> Self:
        return type(self)(self.store, place)

    def _status(self) -> HadoopStatus | None:
        try:
            return self.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError:  # what HDFS says of a path below a file, too
            if self.parent != self and self.parent.is_file():
                return None
            raise

    def _list(self) -> list[HadoopStatus]:
        """The entries of this folder; none where it is no folder, as `pathlib` has it."""
        try:
            return self.store.files.list_folder(str(self)) if self.is_dir() else []
        except FileNotFoundError:
            return []
