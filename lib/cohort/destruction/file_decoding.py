"""How any file is read as the bytes it holds: unpacked, decoded, in pieces, never whole.

A search that only reads raw bytes finds nothing in Parquet, gzip or zstd. What a file is follows from
its first bytes, not from its name. What cannot be decoded is told, because it was not looked at.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO, Literal, cast

import pyarrow as pa

from cohort.destruction import columnar_values

OpenFile = Callable[[], AbstractContextManager[BinaryIO]]
DecodedStream = tuple[str, Iterable[bytes]]

PIECE_BYTES = 1 << 20
DEEPEST_NESTING = 8
MOST_BYTES_IN_MEMORY = 256 << 20
"""What lies in an archive and needs random access is held in memory up to this size."""

LZ4_BLOCK = struct.Struct("<8sBiii")

DECODED_FORMATS: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"LZ4Block", "lz4 blocks"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"PK\x03\x04", "zip"),
    (b"PAR1", "parquet"),
    (b"ORC", "orc"),
    (b"ARROW1", "arrow"),
)
UNDECODED_FORMATS: tuple[tuple[bytes, str], ...] = (
    (b"PARE", "encrypted parquet"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Obj\x01", "avro"),
    (b"\x82SNAPPY\x00", "snappy blocks"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy frames"),
    (b"Rar!", "rar"),
)
"""What is recognised and not decoded: told as such."""

DECODER_ERRORS = Exception
"""What decoders raise at a file that is damaged, cut off or encrypted differs by decoder and version.
Any of it means that the file was not looked at in full, which is told and stops nothing."""


def decode_streams(
    opened: OpenFile, problems: list[str], kind: str = "bytes", depth: int = 0
) -> Iterator[DecodedStream]:
    """Everything a file shows: its bytes as they are, then what they hold when decoded.

    Takes: what opens the file anew each time; a list that receives why something was not decoded.
    Gives: streams of bytes with the kind of sink each is (`bytes`, `gzip`, `zip`, `parquet`, …); a
    stream must be read before the next is asked for.
    """
    yield kind, _told(read_pieces(opened), kind, problems)
    try:
        with opened() as file:
            head = file.read(16)
    except DECODER_ERRORS:
        return  # told when its bytes were read
    problems.extend(f"{name} is not decoded" for magic, name in UNDECODED_FORMATS if head.startswith(magic))
    held = next((name for magic, name in DECODED_FORMATS if head.startswith(magic)), None)
    if held is None:
        return
    if depth == DEEPEST_NESTING:
        problems.append(f"packed more than {DEEPEST_NESTING} times")
    elif held in DECOMPRESSORS:
        yield from decode_streams(_through(opened, DECOMPRESSORS[held]), problems, held, depth + 1)
    elif held == "zip":
        yield from _members(_seekable(opened, depth), problems, depth)
    else:
        yield held, _told(_values(held, _seekable(opened, depth)), held, problems)


def read_pieces(opened: OpenFile) -> Iterator[bytes]:
    """The bytes of a stream; of one that was cut off, all that can be read before it fails."""
    done = 0
    try:
        with opened() as file:
            while piece := file.read(PIECE_BYTES):
                done += len(piece)
                yield piece
    except DECODER_ERRORS:
        yield from _last_bytes(opened, done)
        raise


def _last_bytes(opened: OpenFile, done: int) -> Iterator[bytes]:
    """What a large read lost when it failed: read again from there, byte by byte."""
    rest = bytearray()
    try:
        with opened() as file:
            while done > 0 and (skipped := file.read(min(done, PIECE_BYTES))):
                done -= len(skipped)
            while byte := file.read(1):
                rest += byte
    except DECODER_ERRORS:
        pass
    yield bytes(rest)


def _told(stream: Iterator[bytes], kind: str, problems: list[str]) -> Iterator[bytes]:
    try:
        yield from stream
    except DECODER_ERRORS:
        problems.append(f"{kind} that cannot be read to its end")


def _through(opened: OpenFile, unpack: Callable[[BinaryIO], BinaryIO]) -> OpenFile:
    @contextmanager
    def unpacked() -> Iterator[BinaryIO]:
        with opened() as packed, unpack(packed) as plain:
            yield plain

    return unpacked


def _seekable(opened: OpenFile, depth: int) -> OpenFile:
    """The file itself; what lies in an archive is read into memory first."""
    if depth == 0:
        return opened

    @contextmanager
    def held() -> Iterator[BinaryIO]:
        with opened() as file:
            content = io.BytesIO(file.read(MOST_BYTES_IN_MEMORY + 1))
        if len(content.getbuffer()) > MOST_BYTES_IN_MEMORY:
            raise ValueError("too large to decode inside an archive")
        yield content

    return held


def _members(opened: OpenFile, problems: list[str], depth: int) -> Iterator[DecodedStream]:
    try:
        with opened() as file, zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                inside = _member(archive, member)
                yield from decode_streams(inside, problems, "zip", depth + 1)
    except DECODER_ERRORS:
        problems.append("zip that cannot be read to its end")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> OpenFile:
    return lambda: cast("AbstractContextManager[BinaryIO]", archive.open(member))


class _Lz4Blocks(io.RawIOBase):
    """What Spark spills without encryption: lz4 blocks, each behind a header of 21 bytes."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and (header := self._packed.read(LZ4_BLOCK.size)):
            magic, token, packed, size, _ = LZ4_BLOCK.unpack(header)
            if magic != b"LZ4Block" or not 0 <= min(size, packed) <= max(size, packed) <= MOST_BYTES_IN_MEMORY:
                raise ValueError("not an lz4 block")
            block = self._packed.read(packed)
            raw = token & 0xF0 == 0x10
            self._ready = block if raw or not size else _lz4(block, size)
        given = self._ready[: len(buffer)]
        self._ready = self._ready[len(given) :]
        buffer[: len(given)] = given
        return len(given)


def _lz4(block: bytes, size: int) -> bytes:
    return pa.Codec("lz4_raw").decompress(block, size, asbytes=True)


def _arrow(packed: BinaryIO, codec: Literal["zstd", "lz4"]) -> BinaryIO:
    return cast(BinaryIO, pa.CompressedInputStream(cast(io.IOBase, packed), codec))


DECOMPRESSORS: dict[str, Callable[[BinaryIO], BinaryIO]] = {
    "gzip": lambda packed: cast(BinaryIO, gzip.GzipFile(fileobj=packed, mode="rb")),
    "bzip2": lambda packed: cast(BinaryIO, bz2.BZ2File(packed)),
    "xz": lambda packed: cast(BinaryIO, lzma.LZMAFile(packed)),  # noqa: SIM115 - the caller closes it
    "zstd": lambda packed: _arrow(packed, "zstd"),
    "lz4": lambda packed: _arrow(packed, "lz4"),
    "lz4 blocks": lambda packed: cast(BinaryIO, io.BufferedReader(_Lz4Blocks(packed))),
}


def _values(held: str, opened: OpenFile) -> Iterator[bytes]:
    with opened() as file:
        yield from columnar_values.read_columnar_values(held, file)
