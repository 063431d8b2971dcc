"""Raw files that still hold a number: an objector's row is nowhere, also not in what a school sent.

A number is looked for as it may be written: nine digits, eight where the zero was lost, with blanks in it,
as text of one byte or of two, in whatever a container holds. A file that cannot be looked into is taken to
hold it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from cohort.destruction import sinks
from cohort.intake.ledger import Ledger

RUN = re.compile(rb"[0-9]{8,}")
SPACED = re.compile(rb"(?<![0-9])[0-9]++(?:(?:[ \t]|\xc2?\xa0)++[0-9]++)++")
"""Possessive, so that a long run of digits is read once and not once for each of its digits."""
BLANKS = b" \t\xa0\xc2"
LONGEST = 64
"""How far a number's digits and blanks may reach from one piece of a file into the next."""


def remove(
    deliveries: Path, known: Ledger, numbers: frozenset[str], among: frozenset[Path] | None = None
) -> int:
    """Remove every delivered file that was looked at before and holds one of the numbers, or may hold it.

    Takes: the folder of deliveries; the ledger, in which the lines of those files stay; numbers in normal
    form; the files to look into (None: all). A file that nobody looked at yet is left to intake.
    Gives: how many went.
    """
    if not numbers or not deliveries.is_dir():
        return 0
    held = [path for path, shut in _looked_at(deliveries, known, among) if shut or holds(path, numbers)]
    for path in held:
        path.unlink(missing_ok=True)
    return len(held)


def holds(path: Path, numbers: frozenset[str]) -> bool:
    """Whether a file holds one of the numbers, or what it holds cannot be told."""
    problems: list[str] = []
    found = any(
        not numbers.isdisjoint(_numbers(window))
        for _, stream in sinks.streams(_opener(path), problems)
        for window in _windows(stream)
    )
    return found or bool(problems)


def _looked_at(deliveries: Path, known: Ledger, among: frozenset[Path] | None) -> Iterator[tuple[Path, bool]]:
    """The files that intake has looked at, and whether it refused to unpack one: nobody unpacks that then."""
    contents, shut = known.contents, known.not_unpacked
    every = deliveries.rglob("*") if among is None else among
    for path in sorted(path for path in every if path.is_file()):
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest in contents:
                yield path, digest in shut
        except OSError:
            continue  # one that intake cannot read either, and tells of


def _opener(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")


def _windows(stream: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces of a stream, each with the end of the one before it, and without zero bytes."""
    tail = b""
    for piece in stream:
        window = tail + piece.replace(b"\0", b"")
        yield window
        tail = window[-LONGEST:]


def _numbers(window: bytes) -> Iterator[str]:
    """Everything in a text that may be a number, in normal form."""
    for found in RUN.finditer(window):
        if len(found[0]) <= 9:
            yield found[0].decode().zfill(9)
    for found in SPACED.finditer(window):
        for part in (found[0], *found[0].split(b"\t")):  # a tab may stand in a number or between two cells
            bare = part.translate(None, BLANKS)
            if 8 <= len(bare) <= 9:
                yield bare.decode().zfill(9)
