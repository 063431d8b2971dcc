"""The content of files on a store that Hadoop opens, read and written without a JVM: on the driver and on executors.

It is the client of deltalake, which reads the tables there anyway. Through the gateway of a session bytes would travel
as text, and an executor has no gateway. What is more than content (modes, names, locks) is asked of `hadoop_files`.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
from deltalake.exceptions import DeltaError
from deltalake.fs import DeltaStorageHandler
from pyarrow import fs

READ_BYTES = 2**16
"""What one question to the store reads of a file that is read piece by piece."""
WRITE_BYTES = 2**20
"""What is gathered before it is handed to the store."""
CLIENT_PANIC = "PanicException"
"""What the client raises where it failed itself, as for a file that became shorter: no error that `except` expects."""


@dataclass(frozen=True)
class HadoopStatus:
    """What a store says of a file or folder, under the names of `os.stat_result`.

    Args:
        name: its name, without the folders above.
        is_folder: whether it is a folder.
        st_size: its bytes.
        modified: when it was last changed by the clock of the store, in milliseconds since 1970.
    """

    name: str
    is_folder: bool
    st_size: int
    modified: int

    @property
    def st_mtime(self) -> float:
        return self.modified / 1e3

    @property
    def st_mtime_ns(self) -> int:
        return self.modified * 1_000_000


class StoreContent:
    """The content of the files below one folder; it can be sent to executors.

    Args:
        top: the address of the folder, as `hdfs://host:8020/cohort`.
        options: what deltalake has to know to open the store.
    """

    def __init__(self, top: str, options: dict[str, str] | None = None) -> None:
        self.top, self.options = f"{top.rstrip('/')}/", options
        with read_errors(top):
            self._handler: Any = DeltaStorageHandler(self.top, options)
        self._files = fs.PyFileSystem(self._handler)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.top, self.options)

    def read(self, address: str) -> bytes:
        """Read a whole file."""
        with read_errors(address), self._open(address) as file:
            return bytes(file.read())

    def open_to_read(self, address: str) -> io.BufferedReader:
        """Open a file that is read at any place."""
        return io.BufferedReader(cast(io.RawIOBase, self._open(address)), READ_BYTES)

    def open_to_write(self, address: str) -> io.BufferedWriter:
        """Open a file that is written from its beginning, in the place of an earlier one."""
        with read_errors(address):
            stream = self._handler._handler.open_output_stream(self._place(address), None)
        return io.BufferedWriter(_StoreWriter(stream, address), WRITE_BYTES)

    def status(self, address: str) -> HadoopStatus:
        """Raises: FileNotFoundError where there is no file and nothing below it."""
        with read_errors(address):
            info = self._files.get_file_info(self._place(address))
        if info.type == fs.FileType.NotFound:
            raise FileNotFoundError(errno.ENOENT, "nothing there", address)
        is_folder = info.type == fs.FileType.Directory
        modified = 0 if info.mtime_ns is None else info.mtime_ns // 1_000_000
        return HadoopStatus(info.base_name, is_folder, 0 if is_folder else info.size, modified)

    def list_tree(self, address: str) -> list[tuple[str, int]]:
        """List the address and the bytes of every file below a folder, at any depth.

        An object store marks a folder by an object without content, which is listed like an empty file.
        """
        with read_errors(address):
            listed = self._files.get_file_info(fs.FileSelector(self._place(address), recursive=True))
        return sorted((f"{self.top}{info.path}", info.size) for info in listed if info.type == fs.FileType.File)

    def _open(self, address: str) -> pa.NativeFile:
        with read_errors(address):
            file = self._files.open_input_file(self._place(address))
        return file

    def _place(self, address: str) -> str:
        return "" if f"{address}/" == self.top else address.removeprefix(self.top)


class _StoreWriter(io.RawIOBase):
    """A stream of the store as a file of Python, to be written from its beginning to its end."""

    def __init__(self, stream: Any, address: str) -> None:
        self._stream, self._address = stream, address

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        with read_errors(self._address):
            self._stream.write(bytes(content))
        return len(content)

    def close(self) -> None:
        if not self.closed:
            with read_errors(self._address):
                self._stream.close()
        super().close()


@contextmanager
def read_errors(address: str) -> Iterator[None]:
    """Raise what the client raises as an error of `os` for an address, without the message."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, "nothing there", address) from None
    except (OSError, DeltaError):
        raise OSError(errno.EIO, "the store refused it", address) from None
    except BaseException as failure:
        if type(failure).__name__ != CLIENT_PANIC:
            raise
        raise OSError(errno.EIO, "the client of the store failed", address) from None
