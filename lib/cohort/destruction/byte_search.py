"""Search for given byte strings in files of any format: it proves that a value is somewhere, or no longer there.

A term is searched for as its bytes, as hexadecimal, as base64 and, when it is text, as UTF-16: in file names, in
targets of links, in the bytes of every file, and in everything that can be decoded from them (`file_decoding`).
`destruction` searches for what is left of a project; tests search for leaked values.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, cast

import numpy as np

from cohort.destruction import file_decoding
from cohort.storage import StoragePath, anything_exists, open_to_read, path_of_error, walk_folder

SHORTEST_TERM = 4
SHORTEST_BASE64 = 5
WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
BytePairs = np.ndarray[tuple[int], np.dtype[np.uint16]]
Problems = list[tuple[StoragePath, str]]
"""Files that could not be read in full, each with why."""


@dataclass(frozen=True, order=True)
class SearchHit:
    """One place where a term was found.

    Args:
        label: the label of the term, never its value.
        path: the file.
        kind: where in it: `name`, `link`, `bytes`, or the format that it was decoded from.
    """

    label: str
    path: StoragePath
    kind: str


@dataclass(frozen=True)
class ByteSearchResult:
    """What a search found and what it read.

    Args:
        hits: each term once per file and kind.
        files: number of files read.
        bytes: their size.
        kinds: number of streams read by kind.
        undecodable: files of which no more than the raw bytes could be searched, each with why.
    """

    hits: tuple[SearchHit, ...]
    files: int
    bytes: int
    kinds: Mapping[str, int]
    undecodable: tuple[tuple[StoragePath, str], ...]

    @property
    def labels(self) -> frozenset[str]:
        return frozenset(hit.label for hit in self.hits)


@dataclass(frozen=True)
class EncodedTerm:
    """One encoding of a term; a whole word is not found as part of a longer one."""

    label: str
    encoded: bytes
    is_whole_word: bool


def search_files(
    places: Iterable[StoragePath],
    terms: Mapping[str, bytes],
    *,
    whole_words: Collection[str] = (),
    skip: Collection[StoragePath] = (),
) -> ByteSearchResult:
    """Search files and folders, hidden names included, for terms; links are read and not followed.

    Args:
        places: files and folders; one that does not exist holds nothing.
        terms: the byte strings by label.
        whole_words: labels of terms that count only as a whole word, and then only as plain text.
        skip: folders not to enter.

    Raises:
        ValueError: a term is shorter than four bytes, so that it would be found by chance.
    """
    search = _Search(_encode_terms(terms, frozenset(whole_words)))
    for path in _iterate_files(places, frozenset(skip), search.undecodable):
        search.add_file(path)
    return search.result()


def find_file_copies(
    places: Iterable[StoragePath], originals: Mapping[str, int], *, skip: Collection[StoragePath] = ()
) -> list[StoragePath]:
    """Find files with the content of an original, whatever their name.

    Args:
        places: files and folders.
        originals: the size of each original by its SHA-256 (hexadecimal).
        skip: folders not to enter.
    """
    sizes = frozenset(originals.values())
    copies = []
    for path in _iterate_files(places, frozenset(skip), []):
        try:
            is_file = path.is_file() and not path.is_symlink()
            if is_file and path.lstat().st_size in sizes and file_sha256(path) in originals:
                copies.append(path)
        except OSError:
            continue  # gone meanwhile, or unreadable: `search_files` reports that
    return copies


def file_sha256(path: StoragePath) -> str:
    """Return the SHA-256 of a file's content, hexadecimal."""
    with open_to_read(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_searched_file(path: StoragePath) -> BinaryIO:
    """Open a file that is to be searched."""
    return cast(BinaryIO, open_to_read(path))


class _Search:
    """One search: the encoded terms, indexed by their first bytes, and what was found."""

    def __init__(self, terms: list[EncodedTerm]) -> None:
        self._terms_by_start: dict[bytes, list[EncodedTerm]] = {}
        self._is_first_pair = np.zeros(1 << 16, dtype=np.bool_)
        self._is_second_pair = np.zeros(1 << 16, dtype=np.bool_)
        for term in terms:
            start = term.encoded[:SHORTEST_TERM]
            self._terms_by_start.setdefault(start, []).append(term)
            self._is_first_pair[int.from_bytes(start[:2], "little")] = True
            self._is_second_pair[int.from_bytes(start[2:], "little")] = True
        self._longest = max((len(term.encoded) for term in terms), default=0)
        self.undecodable: Problems = []
        self._hits: set[SearchHit] = set()
        self._kinds: Counter[str] = Counter()
        self._files = self._bytes = 0

    def result(self) -> ByteSearchResult:
        return ByteSearchResult(
            hits=tuple(sorted(self._hits)),
            files=self._files,
            bytes=self._bytes,
            kinds=dict(self._kinds),
            undecodable=tuple(self.undecodable),
        )

    def add_file(self, path: StoragePath) -> None:
        problems: list[str] = []
        try:
            status = path.lstat()
            self._search_stream(path, "name", [os.fsencode(path.name)])
            if path.is_symlink():
                self._search_stream(path, "link", [os.fsencode(str(path.readlink()))])
            elif path.is_file():
                self._files += 1
                self._bytes += status.st_size
                for kind, stream in file_decoding.decode_streams(lambda: open_searched_file(path), problems):
                    self._search_stream(path, kind, stream)
        except OSError:
            if anything_exists(path):
                problems.append("cannot be opened")
        if anything_exists(path):  # a file that went away meanwhile holds nothing
            self.undecodable += [(path, problem) for problem in dict.fromkeys(problems)]

    def _search_stream(self, path: StoragePath, kind: str, stream: Iterable[bytes]) -> None:
        self._kinds[kind] += 1
        self._hits |= {SearchHit(label, path, kind) for label in self._labels_in(stream)}

    def _labels_in(self, stream: Iterable[bytes]) -> set[str]:
        """Return the labels found in a stream; each piece is searched with the end of the one before it."""
        labels: set[str] = set()
        overlap, tail = self._longest + 1, b""
        for piece in stream:
            window = tail + piece
            labels |= {term.label for term in self._terms_in(window, is_last=False)}
            tail = window[-overlap:]
        return labels | {term.label for term in self._terms_in(tail, is_last=True)}

    def _terms_in(self, window: bytes, *, is_last: bool) -> Iterator[EncodedTerm]:
        for start in self._candidate_starts(window):
            for term in self._terms_by_start.get(window[start : start + SHORTEST_TERM], ()):
                end = start + len(term.encoded)
                if not window.startswith(term.encoded, start):
                    continue
                is_complete = (end < len(window) or is_last) and not _is_part_of_a_word(window, start, end)
                if not term.is_whole_word or is_complete:
                    yield term

    def _candidate_starts(self, window: bytes) -> Iterator[int]:
        """Yield where a term may begin, by its first two pairs of bytes: as fast for hundreds of terms as for one."""
        for odd in (0, 1):
            count, offset = max(0, len(window) - odd) // 2, min(odd, len(window))
            pairs: BytePairs = np.frombuffer(window, "<u2", count=count, offset=offset)
            if len(pairs) > 1:
                is_start = self._is_first_pair[pairs[:-1]] & self._is_second_pair[pairs[1:]]
                yield from (int(position) * 2 + odd for position in np.flatnonzero(is_start))


def _is_part_of_a_word(window: bytes, start: int, end: int) -> bool:
    return (start > 0 and window[start - 1] in WORD_BYTES) or (end < len(window) and window[end] in WORD_BYTES)


def _encode_terms(terms: Mapping[str, bytes], whole_words: frozenset[str]) -> list[EncodedTerm]:
    too_short = [label for label, term in terms.items() if len(term) < SHORTEST_TERM]
    if too_short:
        raise ValueError(f"search terms need {SHORTEST_TERM} bytes or they are found by chance: {too_short}")
    return [
        EncodedTerm(label, encoded, label in whole_words)
        for label, term in terms.items()
        for encoded in ({term} if label in whole_words else _encodings(term))
    ]


def _encodings(term: bytes) -> set[bytes]:
    """Return a term as bytes, hexadecimal, base64 (at each alignment, within unknown bytes) and UTF-16."""
    encodings = {term, term.hex().encode(), term.hex().upper().encode()}
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + term)
        core = encoded[-(-8 * shift // 6) : 8 * (shift + len(term)) // 6]
        if len(core) >= SHORTEST_BASE64:
            encodings |= {core, core.translate(bytes.maketrans(b"+/", b"-_"))}
    if term.isascii() and term.decode("ascii").isprintable():
        encodings.add(b"\0".join(term[i : i + 1] for i in range(len(term))))
    return encodings


def _iterate_files(
    places: Iterable[StoragePath], skip: frozenset[StoragePath], problems: Problems
) -> Iterator[StoragePath]:
    """Yield every file and link once, in order of name; links to folders are not entered."""
    visited: set[StoragePath] = set()
    for place in places:
        if place.is_symlink() or not place.is_dir():
            paths = [place] if anything_exists(place) else []
        else:
            paths = list(_walk_folder(place, skip, problems))
        for path in paths:
            if path not in skip and path not in visited:
                visited.add(path)
                yield path


def _walk_folder(place: StoragePath, skip: frozenset[StoragePath], problems: Problems) -> Iterator[StoragePath]:
    def report_unlisted(failure: OSError) -> None:
        if not isinstance(failure, FileNotFoundError):
            problems.append((path_of_error(place, failure), "a folder that cannot be listed"))

    for folder, subfolders, names in walk_folder(place, on_error=report_unlisted):
        links = [name for name in subfolders if (folder / name).is_symlink()]
        subfolders[:] = sorted(name for name in subfolders if name not in links and folder / name not in skip)
        yield from (folder / name for name in sorted([*names, *links]))
