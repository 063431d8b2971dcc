"""The file system that Hadoop opens for an address (HDFS, S3A, ABFS, GS), asked over the gateway of the Spark session.

One client per root. It sees what Spark sees, with the same settings and credentials. Small files are written here; the
content of others is for `store_content`. Errors of the JVM become those of `os`: their class says enough, and their
message, which could hold anything, goes nowhere.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.sql import SparkSession

from cohort.storage.private_files import PRIVATE_FILE_MODE
from cohort.storage.store_content import HadoopStatus

PERMISSIONS_CAPABILITY = "fs.capability.paths.permissions"
CONDITIONAL_CREATE_OPTION = "fs.option.create.conditional.overwrite"
"""A create of S3A that fails where another one was first; its plain create looks first and writes then."""
REMOTE_ERROR = "org.apache.hadoop.ipc.RemoteException"
"""An error of the server that its client does not know better; it names its class itself."""
ERROR_NUMBERS = {
    "java.io.FileNotFoundException": errno.ENOENT,
    "org.apache.hadoop.security.AccessControlException": errno.EACCES,
    "java.nio.file.AccessDeniedException": errno.EACCES,
    "org.apache.hadoop.fs.FileAlreadyExistsException": errno.EEXIST,
    "java.nio.file.FileAlreadyExistsException": errno.EEXIST,
    "org.apache.hadoop.hdfs.protocol.AlreadyBeingCreatedException": errno.EEXIST,
    "org.apache.hadoop.fs.PathIsNotEmptyDirectoryException": errno.ENOTEMPTY,
    "org.apache.hadoop.fs.ParentNotDirectoryException": errno.ENOTDIR,
    "org.apache.hadoop.fs.PathIsNotDirectoryException": errno.ENOTDIR,
}
"""The error of `os` for each class of the JVM; every other one is an input or output error."""
S3_MODEL = "software.amazon.awssdk.services.s3.model."
"""The package of what Amazon's client raises; each of them has the status of HTTP."""
STATUS_NUMBERS = {403: errno.EACCES, 404: errno.ENOENT, 409: errno.EBUSY, 412: errno.EEXIST, 501: errno.ENOSYS}
"""The error of `os` for a status of HTTP; 409: another write is under way; 412: something is there; 501: the store has
no such thing."""
TRIES_OF_A_BUSY_CREATE = 20
SECONDS_BETWEEN_TRIES = 0.05


class HadoopFiles:
    """The file system of one address.

    Args:
        spark: the session whose settings and credentials are used.
        address: the address of the folder that everything lies in, as `hdfs://host:8020/cohort`.

    Raises:
        OSError: no file system can be opened for the address.
    """

    def __init__(self, spark: SparkSession, address: str) -> None:
        context = cast(Any, spark.sparkContext)
        self._gateway: Any = context._gateway
        self._jvm: Any = context._jvm
        self._conf: Any = context._jsc.hadoopConfiguration()
        self._conf_of_spark: Any = context.getConf()
        self._hadoop: Any = self._jvm.org.apache.hadoop.fs
        with os_errors(address):
            self._system: Any = self._path(address).getFileSystem(self._conf)
            self.has_permissions = bool(self._system.hasPathCapability(self._path(address), PERMISSIONS_CAPABILITY))
            self.has_conditional_create = bool(
                self._system.hasPathCapability(self._path(address), CONDITIONAL_CREATE_OPTION)
            )

    def setting(self, name: str) -> str:
        """A setting as the file system has it; empty where there is none."""
        return str(self._system.getConf().get(name, ""))

    def forget_settings(self, names: Iterable[str]) -> None:
        """Take settings out of what the session hands to executors and tables; this file system keeps its own."""
        for name in names:
            self._conf.unset(name)

    def variable(self, name: str) -> str:
        """A variable of the environment as the JVM has it; empty where there is none."""
        return str(self._jvm.java.lang.System.getenv(name) or "")

    def java_class(self, name: str) -> Any:
        """A class of the JVM by its name with points."""
        found: Any = self._jvm
        for part in name.split("."):
            found = getattr(found, part)
        return found

    def spark_setting(self, name: str) -> str:
        """A setting of the session; empty where there is none."""
        return str(self._conf_of_spark.get(name, ""))

    def log_store(self, setting: str) -> Any:
        """The log store of Delta that a setting names; None where it names none, or one that is not there."""
        name = self.spark_setting(setting)
        try:
            return self.java_class(name)(self._conf) if name else None
        except (Py4JError, TypeError):  # a package of that name, and no class
            return None

    def commit_by(self, log_store: Any, address: str, line: str) -> bool:
        """Write a file of a log by a log store of Delta; False where it says that another one made it."""
        lines = self._jvm.java.util.ArrayList()
        lines.add(line)
        try:
            with os_errors(address):
                log_store.write(self._path(address), lines.iterator(), False, self._conf)
        except FileExistsError:
            return False
        return True

    def s3_client(self) -> Any:
        """The client of Amazon's own library that S3A uses, with its settings and credentials."""
        return self._system.getS3AInternals().getAmazonS3Client("cohort")

    def status(self, address: str) -> HadoopStatus:
        """Raises: FileNotFoundError where there is nothing."""
        with os_errors(address):
            return _read_status(self._system.getFileStatus(self._path(address)))

    def list_folder(self, address: str) -> list[HadoopStatus]:
        """List a folder in order of name."""
        path = self._path(address)
        with os_errors(address):
            statuses = list(self._system.listStatus(path))
            if len(statuses) == 1 and statuses[0].getPath().equals(path):  # what Hadoop lists of a file
                raise NotADirectoryError(errno.ENOTDIR, "no folder", address)
            return sorted(map(_read_status, statuses), key=lambda status: status.name)

    def read_small(self, address: str) -> bytes:
        """Read a small file as far as it is written now; others are read by `store_content`."""
        with os_errors(address):
            stream = self._system.open(self._path(address))
            try:
                return bytes(self._jvm.org.apache.commons.io.IOUtils.toByteArray(stream))
            finally:
                stream.close()

    def create_once(self, address: str, content: bytes) -> bool:
        """Make a private file that is not there; of any number of callers at once one gets True.

        Args:
            address: the file.
            content: its content, which no other caller has: by it a caller knows what it sent twice.
        """
        for _ in range(TRIES_OF_A_BUSY_CREATE):
            try:
                with os_errors(address):
                    self._write(address, self._open_new(address), content, PRIVATE_FILE_MODE)
            except FileExistsError:
                return self.has_conditional_create and bool(content) and self._is_content(address, content)
            except OSError as failure:
                if failure.errno != errno.EBUSY:
                    raise
                time.sleep(SECONDS_BETWEEN_TRIES)  # another one is making it at this moment
            else:
                return True
        raise OSError(errno.EBUSY, "others make it all the time", address)

    def _open_new(self, address: str) -> Any:
        path = self._path(address)
        if self.has_conditional_create:
            return self._system.createFile(path).must(CONDITIONAL_CREATE_OPTION, True).build()
        return self._system.create(path, False)

    def _is_content(self, address: str, content: bytes) -> bool:
        """Whether a file is the one that this process sent: the answer was lost, and its client sent it again."""
        try:
            return self.read_small(address) == content
        except FileNotFoundError:
            return False

    def write(self, address: str, content: bytes, mode: int | None) -> None:
        """Write a file in the place of an earlier one; with a mode it has that one before its first byte."""
        with os_errors(address):
            self._write(address, self._system.create(self._path(address), True), content, mode)

    def _write(self, address: str, stream: Any, content: bytes, mode: int | None) -> None:
        if mode is not None and self.has_permissions:
            self.set_mode(address, mode)
        stream.write(content)
        if self.has_permissions:  # a file system that can wait until its disks have it
            stream.hsync()
        stream.close()

    def replace(self, source: str, target: str) -> None:
        """Give a file the path of another one, which goes: HDFS does it in one step."""
        with os_errors(target):
            context = self._hadoop.FileContext.getFileContext(self._path(target).toUri(), self._conf)
            kinds = self._hadoop.Options.Rename
            options = self._gateway.new_array(kinds, 1)
            options[0] = kinds.OVERWRITE
            context.rename(self._path(source), self._path(target), options)

    def rename(self, source: str, target: str) -> None:
        """Give a file or folder another path, where nothing is yet."""
        with os_errors(source):
            if self._system.exists(self._path(target)):
                raise FileExistsError(errno.EEXIST, "something is there", target)
            if not self._system.rename(self._path(source), self._path(target)):
                raise OSError(errno.EIO, "the store did not rename it", source)

    def delete(self, address: str, *, recursive: bool) -> bool:
        """Delete a file or a folder; a folder with something in it only when asked to. Returns whether it was there."""
        with os_errors(address):
            return bool(self._system.delete(self._path(address), recursive))

    def delete_snapshot(self, folder: str, name: str) -> None:
        """Delete a snapshot of a folder with everything in it."""
        with os_errors(folder):
            self._system.deleteSnapshot(self._path(folder), name)

    def make_folder(self, address: str) -> None:
        """Make a folder and those above it."""
        with os_errors(address):
            self._system.mkdirs(self._path(address))

    def mode(self, address: str) -> int:
        """The permission bits of a file or folder, with those that an ACL adds for others."""
        with os_errors(address):
            status = self._system.getFileStatus(self._path(address))
            return int(status.getPermission().toShort())

    def set_mode(self, address: str, mode: int) -> None:
        with os_errors(address):
            self._system.setPermission(self._path(address), self._hadoop.permission.FsPermission(f"{mode:o}"))

    def set_group(self, address: str, group: str) -> None:
        with os_errors(address):
            self._system.setOwner(self._path(address), None, group)

    def remove_acl(self, address: str) -> None:
        """Remove what an access control list grants beside the permission bits."""
        with os_errors(address):
            self._system.removeAcl(self._path(address))

    def _path(self, address: str) -> Any:
        return self._hadoop.Path(address)


@contextmanager
def os_errors(address: str) -> Iterator[None]:
    """Raise what the JVM raises as an error of `os` for an address, without the message."""
    try:
        yield
    except Py4JJavaError as failure:
        kind = _class_of_error(failure.java_exception)
        status, code = _http_answer(failure.java_exception)
        number = ERROR_NUMBERS.get(kind) or STATUS_NUMBERS.get(status, errno.EIO)
        raise OSError(number, code or kind.rpartition(".")[2], address) from None


def _class_of_error(error: Any) -> str:
    """The class of an error that came through the gateway; of one that the file system wrapped, that of its cause."""
    kind = str(error.getClass().getName())
    if kind == REMOTE_ERROR:
        kind = str(error.getClassName())
    cause = error.getCause()
    return kind if kind in ERROR_NUMBERS or cause is None else _class_of_error(cause)


def _http_answer(error: Any) -> tuple[int, str]:
    """The status of HTTP and the code of the error that an object store answered with; 0 where it did not answer."""
    while error is not None:
        if str(error.getClass().getName()).startswith(S3_MODEL):
            details = error.awsErrorDetails()
            return int(error.statusCode()), "" if details is None else str(details.errorCode() or "")
        error = error.getCause()
    return 0, ""


def _read_status(status: Any) -> HadoopStatus:
    return HadoopStatus(
        str(status.getPath().getName()),
        bool(status.isDirectory()),
        int(status.getLen()),
        int(status.getModificationTime()),
    )
