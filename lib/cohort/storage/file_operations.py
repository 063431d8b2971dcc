"""What `os` and `shutil` do on local paths, for a path on any store."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import IO

from cohort.storage.storage_path import StoragePath
from cohort.storage.store import WalkedFolder
from cohort.storage.stores import store_of


def anything_exists(path: StoragePath) -> bool:
    """Whether there is anything at a path, be it a link to nowhere."""
    return store_of(path).lexists(path)


def walk_folder(top: StoragePath, on_error: Callable[[OSError], None] | None = None) -> Iterator[WalkedFolder]:
    """Walk through a folder from the top, as `os.walk` does, without following links."""
    return store_of(top).walk(top, on_error)


def path_of_error(near: StoragePath, error: OSError) -> StoragePath:
    """The path that an error names, on the store of another path."""
    return store_of(near).path_of_url(str(error.filename))


def lies_in(path: StoragePath, folder: StoragePath) -> bool:
    """Whether a path is a folder or lies anywhere below it, on the same store."""
    return store_of(path) is store_of(folder) and path.is_relative_to(folder)


def remove_tree(path: StoragePath) -> None:
    """Remove a file, a link or a folder with everything in it, as far as rights allow; the caller looks what stays."""
    store_of(path).remove_tree(path)


def move_file(source: StoragePath, target: StoragePath) -> None:
    """Give a file or a folder another path on its store, where nothing is yet."""
    store_of(source).move(source, target)


def write_private_text(path: StoragePath, text: str) -> None:
    """Write a text that is private from its first byte on, in a private folder; a kill may leave half of it.

    What another run relies on is written with `write_json_document`.

    Raises:
        OSError: the file is a symbolic link, or cannot be written.
    """
    store_of(path).write_private(path, text.encode("utf-8"))


def make_private_folder(folder: StoragePath) -> None:
    """Make a private folder and every missing folder above it; close the folder if it exists and is open."""
    store_of(folder).make_private_folder(folder)


def open_to_read(path: StoragePath) -> io.BufferedReader:
    """Open a file to be read at any place."""
    return store_of(path).open_to_read(path)


def open_text_to_read(path: StoragePath) -> IO[str]:
    """Open a text in UTF-8 to be read, with the ends of its lines as they are."""
    return io.TextIOWrapper(open_to_read(path), encoding="utf-8", newline="")


def open_to_write(path: StoragePath) -> io.BufferedWriter:
    """Open a file to be written from its beginning, in the place of an earlier one."""
    return store_of(path).open_to_write(path)


def open_text_to_write(path: StoragePath) -> IO[str]:
    """Open a text in UTF-8 to be written from its beginning, with the ends of its lines as they are given."""
    return io.TextIOWrapper(open_to_write(path), encoding="utf-8", newline="")


def parquet_source(path: StoragePath) -> str | io.BufferedReader:
    """What pyarrow reads a Parquet file from."""
    return store_of(path).parquet_source(path)
