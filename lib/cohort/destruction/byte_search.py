"""The search for given values in whatever files hold them: it proves that something is there, or gone.

A needle is looked for as its bytes, as hexadecimal, as base64 and, when it is text, as UTF-16: in
file names, in links, in the bytes of every file and in all that can be decoded from them (`sinks`).
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cohort.destruction import file_decoding

SHORTEST_TERM = 4
SHORTEST_BASE64 = 5
WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
BytePairs = np.ndarray[tuple[int], np.dtype[np.uint16]]


@dataclass(frozen=True, order=True)
class SearchHit:
    """Where a needle was found: its label (never its value), the file, and the kind of sink."""

    label: str
    path: Path
    kind: str


@dataclass(frozen=True)
class ByteSearchResult:
    """What a search found, and what it looked at; of `undecodable`, raw bytes at most."""

    found: tuple[SearchHit, ...]
    files: int
    bytes: int
    kinds: Mapping[str, int]
    undecodable: tuple[tuple[Path, str], ...]

    @property
    def labels(self) -> frozenset[str]:
        return frozenset(hit.label for hit in self.found)


@dataclass(frozen=True)
class EncodedTerm:
    """One way in which a needle may be written; a whole one is no part of a longer word."""

    label: str
    written: bytes
    whole: bool


def search_files(
    places: Iterable[Path], needles: Mapping[str, bytes], *, whole: Collection[str] = (), skip: Collection[Path] = ()
) -> ByteSearchResult:
    """Look for needles in files and folders, hidden names included; links are read, not followed.

    Takes: files and folders (what does not exist holds nothing); needles by label; the labels of
    those that count only as a whole word, and then only as plain text; folders not to enter.
    Gives: each label once per file and kind of sink, and what was looked at.
    Refuses: a needle under four bytes, which would be found by chance.
    """
    haystack = _Search(_forms(needles, frozenset(whole)))
    for path in _files(places, frozenset(skip), haystack.undecodable):
        haystack.look_at(path)
    return haystack.hits()


def find_file_copies(
    places: Iterable[Path], originals: Mapping[str, int], *, skip: Collection[Path] = ()
) -> list[Path]:
    """Files with the content of an original, whatever their name.

    Takes: the SHA-256 (hexadecimal) and the size of each original.
    """
    sizes = frozenset(originals.values())
    found = []
    for path in _files(places, frozenset(skip), []):
        try:
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_size in sizes:
                found += [path] * (file_sha256(path) in originals)
        except OSError:
            continue  # gone meanwhile, or unreadable: the search for needles tells
    return found


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Search:
    """One search: the forms to look for, indexed by how they begin, and what came of it."""

    def __init__(self, forms: list[EncodedTerm]) -> None:
        self._starts: dict[bytes, list[EncodedTerm]] = {}
        self._first = np.zeros(1 << 16, dtype=np.bool_)
        self._second = np.zeros(1 << 16, dtype=np.bool_)
        for form in forms:
            start = form.written[:SHORTEST_TERM]
            self._starts.setdefault(start, []).append(form)
            self._first[int.from_bytes(start[:2], "little")] = True
            self._second[int.from_bytes(start[2:], "little")] = True
        self._longest = max((len(form.written) for form in forms), default=0)
        self.undecodable: list[tuple[Path, str]] = []
        self._found: set[SearchHit] = set()
        self._kinds: Counter[str] = Counter()
        self._files = self._bytes = 0

    def hits(self) -> ByteSearchResult:
        return ByteSearchResult(
            found=tuple(sorted(self._found)),
            files=self._files,
            bytes=self._bytes,
            kinds=dict(self._kinds),
            undecodable=tuple(self.undecodable),
        )

    def look_at(self, path: Path) -> None:
        problems: list[str] = []
        try:
            status = path.lstat()
            self._note(path, "name", [os.fsencode(path.name)])
            if stat.S_ISLNK(status.st_mode):
                self._note(path, "link", [os.fsencode(path.readlink())])
            elif stat.S_ISREG(status.st_mode):
                self._files += 1
                self._bytes += status.st_size
                for kind, stream in file_decoding.decode_streams(lambda: _opened(path), problems):
                    self._note(path, kind, stream)
        except OSError:
            if os.path.lexists(path):
                problems.append("cannot be opened")
        if os.path.lexists(path):  # a file that went away meanwhile holds nothing
            self.undecodable += [(path, problem) for problem in dict.fromkeys(problems)]

    def _note(self, path: Path, kind: str, stream: Iterable[bytes]) -> None:
        self._kinds[kind] += 1
        self._found |= {SearchHit(label, path, kind) for label in self._labels(stream)}

    def _labels(self, stream: Iterable[bytes]) -> set[str]:
        """The labels found in a stream: each piece is read with the end of the one before it."""
        found: set[str] = set()
        keep, tail = self._longest + 1, b""
        for piece in stream:
            window = tail + piece
            found |= {form.label for form in self._in(window, last=False)}
            tail = window[-keep:]
        return found | {form.label for form in self._in(tail, last=True)}

    def _in(self, window: bytes, *, last: bool) -> Iterator[EncodedTerm]:
        for at in self._candidates(window):
            for form in self._starts.get(window[at : at + SHORTEST_TERM], ()):
                end = at + len(form.written)
                if window.startswith(form.written, at) and (
                    not form.whole or ((end < len(window) or last) and not _joined_to_a_word(window, at, end))
                ):
                    yield form

    def _candidates(self, window: bytes) -> Iterator[int]:
        """Where a form may begin, by its first two pairs of bytes: as fast for hundreds as for one."""
        for odd in (0, 1):
            pairs: BytePairs = np.frombuffer(
                window, "<u2", count=max(0, len(window) - odd) // 2, offset=min(odd, len(window))
            )
            if len(pairs) > 1:
                begins = self._first[pairs[:-1]] & self._second[pairs[1:]]
                yield from (int(at) * 2 + odd for at in np.flatnonzero(begins))


def _joined_to_a_word(window: bytes, start: int, end: int) -> bool:
    return (start > 0 and window[start - 1] in WORD_BYTES) or (end < len(window) and window[end] in WORD_BYTES)


def _forms(needles: Mapping[str, bytes], whole: frozenset[str]) -> list[EncodedTerm]:
    short = [label for label, needle in needles.items() if len(needle) < SHORTEST_TERM]
    if short:
        raise ValueError(f"needles need {SHORTEST_TERM} bytes or they are found by chance: {short}")
    return [
        EncodedTerm(label, written, label in whole)
        for label, needle in needles.items()
        for written in ({needle} if label in whole else _written(needle))
    ]


def _written(needle: bytes) -> set[bytes]:
    """The needle as bytes, hexadecimal, base64 (at each alignment, within unknown bytes), UTF-16."""
    forms = {needle, needle.hex().encode(), needle.hex().upper().encode()}
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + needle)
        core = encoded[-(-8 * shift // 6) : 8 * (shift + len(needle)) // 6]
        if len(core) >= SHORTEST_BASE64:
            forms |= {core, core.translate(bytes.maketrans(b"+/", b"-_"))}
    if needle.isascii() and needle.decode("ascii").isprintable():
        forms.add(b"\0".join(needle[i : i + 1] for i in range(len(needle))))
    return forms


def _files(places: Iterable[Path], skip: frozenset[Path], problems: list[tuple[Path, str]]) -> Iterator[Path]:
    """Every file and link once, in order of name; links to folders are not entered."""
    seen: set[Path] = set()
    for place in places:
        if place.is_symlink() or not place.is_dir():
            under = [place] if os.path.lexists(place) else []
        else:
            under = list(_walk(place, skip, problems))
        for path in under:
            if path not in skip and path not in seen:
                seen.add(path)
                yield path


def _walk(place: Path, skip: frozenset[Path], problems: list[tuple[Path, str]]) -> Iterator[Path]:
    def unlisted(failed: OSError) -> None:
        if not isinstance(failed, FileNotFoundError):
            problems.append((Path(failed.filename), "a folder that cannot be listed"))

    for at, folders, names in os.walk(place, onerror=unlisted):
        folder = Path(at)
        links = [name for name in folders if (folder / name).is_symlink()]
        folders[:] = sorted(f for f in folders if f not in links and folder / f not in skip)
        yield from (folder / name for name in sorted([*names, *links]))


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")
