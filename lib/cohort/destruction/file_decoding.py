"""Files of any format decoded into streams of bytes, in pieces and never whole, for the byte search.

Raw bytes alone would hide everything in Parquet, gzip or zstd. The format follows from a file's first bytes, not
from its name. What cannot be decoded is reported, because it was not searched.
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
"""Opens a file anew each time."""
DecodedStream = tuple[str, Iterable[bytes]]
"""The kind of a stream (`bytes`, or a format) and its pieces."""

SEARCH_PIECE_BYTES = 1 << 20
DEEPEST_NESTING = 8
MOST_BYTES_IN_MEMORY = 256 << 20
"""The size up to which a file within an archive is read into memory, where its format needs random access."""
LONGEST_MAGIC = 16

LZ4_BLOCK_HEADER = struct.Struct("<8sBiii")

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
"""The first bytes of each format that is decoded."""
UNDECODED_FORMATS: tuple[tuple[bytes, str], ...] = (
    (b"PARE", "encrypted parquet"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Obj\x01", "avro"),
    (b"\x82SNAPPY\x00", "snappy blocks"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy frames"),
    (b"Rar!", "rar"),
)
"""The first bytes of each format that is recognised and not decoded: it is reported."""

DECODER_ERRORS = Exception
"""What decoders raise at a damaged, truncated or encrypted file differs by decoder and version. Any of it means
that the file was not searched in full, which is reported and does not stop the search."""


def decode_streams(
    open_file: OpenFile, problems: list[str], kind: str = "bytes", depth: int = 0
) -> Iterator[DecodedStream]:
    """Yield everything that a file holds: its bytes as they are, then what is decoded from them.

    Args:
        open_file: opens the file anew each time.
        problems: receives why something was not decoded.
        kind: the kind of the raw bytes.
        depth: how many archives or compressions the file lies in.

    Yields:
        Streams with their kind; each must be read before the next is taken.
    """
    yield kind, _report_failure(read_pieces(open_file), kind, problems)
    try:
        with open_file() as file:
            head = file.read(LONGEST_MAGIC)
    except DECODER_ERRORS:
        return  # reported when the bytes were read
    problems.extend(f"{name} is not decoded" for magic, name in UNDECODED_FORMATS if head.startswith(magic))
    file_format = next((name for magic, name in DECODED_FORMATS if head.startswith(magic)), None)
    if file_format is None:
        return
    if depth == DEEPEST_NESTING:
        problems.append(f"packed more than {DEEPEST_NESTING} times")
    elif file_format in DECOMPRESSORS:
        decompressed = _decompress_with(open_file, DECOMPRESSORS[file_format])
        yield from decode_streams(decompressed, problems, file_format, depth + 1)
    elif file_format == "zip":
        yield from _decode_zip_members(_make_seekable(open_file, depth), problems, depth)
    else:
        values = _read_values(file_format, _make_seekable(open_file, depth))
        yield file_format, _report_failure(values, file_format, problems)


def read_pieces(open_file: OpenFile) -> Iterator[bytes]:
    """Yield the bytes of a stream in pieces; of a truncated one everything that can be read before it fails."""
    bytes_read = 0
    try:
        with open_file() as file:
            while piece := file.read(SEARCH_PIECE_BYTES):
                bytes_read += len(piece)
                yield piece
    except DECODER_ERRORS:
        yield from _read_last_bytes(open_file, bytes_read)
        raise


def _read_last_bytes(open_file: OpenFile, bytes_read: int) -> Iterator[bytes]:
    """Read what a failing read of a whole piece lost, byte by byte."""
    rest = bytearray()
    try:
        with open_file() as file:
            while bytes_read > 0 and (skipped := file.read(min(bytes_read, SEARCH_PIECE_BYTES))):
                bytes_read -= len(skipped)
            while byte := file.read(1):
                rest += byte
    except DECODER_ERRORS:
        pass
    yield bytes(rest)


def _report_failure(stream: Iterator[bytes], kind: str, problems: list[str]) -> Iterator[bytes]:
    try:
        yield from stream
    except DECODER_ERRORS:
        problems.append(f"{kind} that cannot be read to its end")


def _decompress_with(open_file: OpenFile, decompress: Callable[[BinaryIO], BinaryIO]) -> OpenFile:
    @contextmanager
    def open_decompressed() -> Iterator[BinaryIO]:
        with open_file() as packed, decompress(packed) as plain:
            yield plain

    return open_decompressed


def _make_seekable(open_file: OpenFile, depth: int) -> OpenFile:
    """Return the file itself; one that lies in an archive is read into memory first."""
    if depth == 0:
        return open_file

    @contextmanager
    def open_in_memory() -> Iterator[BinaryIO]:
        with open_file() as file:
            content = io.BytesIO(file.read(MOST_BYTES_IN_MEMORY + 1))
        if len(content.getbuffer()) > MOST_BYTES_IN_MEMORY:
            raise ValueError("too large to decode inside an archive")
        yield content

    return open_in_memory


def _decode_zip_members(open_file: OpenFile, problems: list[str], depth: int) -> Iterator[DecodedStream]:
    try:
        with open_file() as file, zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                yield from decode_streams(_open_member(archive, member), problems, "zip", depth + 1)
    except DECODER_ERRORS:
        problems.append("zip that cannot be read to its end")


def _open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> OpenFile:
    return lambda: cast("AbstractContextManager[BinaryIO]", archive.open(member))


class _Lz4BlockReader(io.RawIOBase):
    """Decompresses what Spark spills without encryption: lz4 blocks, each behind a header of 21 bytes."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and (header := self._packed.read(LZ4_BLOCK_HEADER.size)):
            magic, token, packed, size, _ = LZ4_BLOCK_HEADER.unpack(header)
            if magic != b"LZ4Block" or not 0 <= min(size, packed) <= max(size, packed) <= MOST_BYTES_IN_MEMORY:
                raise ValueError("not an lz4 block")
            block = self._packed.read(packed)
            is_raw = token & 0xF0 == 0x10
            self._ready = block if is_raw or not size else _decompress_lz4(block, size)
        piece = self._ready[: len(buffer)]
        self._ready = self._ready[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)


def _decompress_lz4(block: bytes, size: int) -> bytes:
    return pa.Codec("lz4_raw").decompress(block, size, asbytes=True)


def _open_arrow_codec(packed: BinaryIO, codec: Literal["zstd", "lz4"]) -> BinaryIO:
    return cast(BinaryIO, pa.CompressedInputStream(cast(io.IOBase, packed), codec))


DECOMPRESSORS: dict[str, Callable[[BinaryIO], BinaryIO]] = {
    "gzip": lambda packed: cast(BinaryIO, gzip.GzipFile(fileobj=packed, mode="rb")),
    "bzip2": lambda packed: cast(BinaryIO, bz2.BZ2File(packed)),
    "xz": lambda packed: cast(BinaryIO, lzma.LZMAFile(packed)),  # noqa: SIM115 - the caller closes it
    "zstd": lambda packed: _open_arrow_codec(packed, "zstd"),
    "lz4": lambda packed: _open_arrow_codec(packed, "lz4"),
    "lz4 blocks": lambda packed: cast(BinaryIO, io.BufferedReader(_Lz4BlockReader(packed))),
}


def _read_values(file_format: str, open_file: OpenFile) -> Iterator[bytes]:
    with open_file() as file:
        yield from columnar_values.read_columnar_values(file_format, file)
