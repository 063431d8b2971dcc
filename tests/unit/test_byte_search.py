"""The byte search finds what is planted in every kind of file, and nothing once it is gone."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import socket
import struct
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.patches import PatchesAcrossModules

from cohort.destruction import byte_search, file_decoding

NUMBER = "123456782"
TOKEN = bytes(range(200, 232))
TERMS = {"number": NUMBER.encode(), "token": TOKEN}
LINE = f"intake: school delivered {NUMBER};7,5\n".encode()
OTHER = LINE.replace(NUMBER.encode(), b"000000000")


def parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)  # type: ignore[arg-type]
    return sink.getvalue()


def zipped(name: str, content: bytes, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", how) as archive:
        archive.writestr(name, content)
    return sink.getvalue()


def packed(content: bytes, codec: Literal["zstd", "lz4", "lz4_raw"]) -> bytes:
    return pa.Codec(codec).compress(content, asbytes=True)


def lz4_blocks(content: bytes) -> bytes:
    block = packed(content, "lz4_raw")
    end = struct.pack("<8sBiii", b"LZ4Block", 0x10, 0, 0, 0)
    return struct.pack("<8sBiii", b"LZ4Block", 0x26, len(block), len(content), 0) + block + end


def orc_file(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    orc.write_table(table, sink)
    return sink.getvalue()


def arrow_file(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def unused_in_dictionary(value: str) -> pa.Table:
    """Rows that all show `seen`, over a dictionary that still has the other value."""
    return pa.table({"a": pa.DictionaryArray.from_arrays(pa.array([0, 0]), pa.array(["seen", value]))})


def column(*values: Any, kind: Any = None) -> pa.Table:
    return pa.table({"a": pa.array(list(values), kind)})


MAP = pa.map_(pa.string(), pa.string())
FILES: dict[str, Callable[[str], bytes]] = {
    "log line": lambda v: LINE.replace(NUMBER.encode(), v.encode()),
    "json": lambda v: json.dumps({"add": {"path": f"part-{v}.parquet"}}).encode(),
    "hexadecimal": lambda v: v.encode().hex().encode(),
    "HEXADECIMAL": lambda v: b"\xff" + v.encode().hex().upper().encode(),
    "base64 alone": lambda v: base64.b64encode(v.encode()),
    "base64 within, shifted one": lambda v: base64.b64encode(b"x" + v.encode() + b"yz"),
    "base64 within, shifted two": lambda v: base64.b64encode(b"xy" + v.encode() + b"z"),
    "utf-16 le": lambda v: f"pgn {v}!".encode("utf-16-le"),
    "utf-16 be": lambda v: f"pgn {v}!".encode("utf-16-be"),
    "gzip": lambda v: gzip.compress(OTHER + v.encode()),
    "gzip of two members": lambda v: gzip.compress(OTHER) + gzip.compress(v.encode()),
    "bzip2": lambda v: bz2.compress(v.encode()),
    "xz": lambda v: lzma.compress(v.encode()),
    "zstd": lambda v: packed(OTHER * 9 + v.encode(), "zstd"),
    "zstd of two frames": lambda v: packed(OTHER, "zstd") + packed(v.encode(), "zstd"),
    "zstd cut off": lambda v: packed(os.urandom(9000) + v.encode() + os.urandom(400_000), "zstd")[:-99],
    "lz4 frame": lambda v: packed(OTHER * 9 + v.encode(), "lz4"),
    "lz4 blocks of Spark": lambda v: lz4_blocks(OTHER * 9 + v.encode()) + lz4_blocks(OTHER),
    "zip": lambda v: zipped("part.csv", OTHER * 9 + v.encode()),
    "zip member's name": lambda v: zipped(f"{v}.csv", OTHER),
    "zip in zip": lambda v: zipped("a.zip", zipped("b.csv", OTHER * 9 + v.encode())),
    "parquet in zip": lambda v: zipped("a.parquet", parquet(column(v))),
    "gzip in zstd": lambda v: packed(gzip.compress(OTHER * 9 + v.encode()), "zstd"),
    "parquet, snappy": lambda v: parquet(column("a", v), compression="snappy", write_statistics=False),
    "parquet, zstd": lambda v: parquet(column("a", v), compression="zstd", write_statistics=False),
    "parquet, plain pages": lambda v: parquet(column(v), use_dictionary=False, compression="gzip"),
    "parquet, whole number": lambda v: parquet(column(int(v)), write_statistics=False),
    "parquet, decimal": lambda v: parquet(column(Decimal(v)), write_statistics=False),
    "parquet, list": lambda v: parquet(column([v.encode()], None), write_statistics=False),
    "parquet, struct": lambda v: parquet(column({"b": [{"c": v}]}), write_statistics=False),
    "parquet, map": lambda v: parquet(column([("k", v)], kind=MAP), write_statistics=False),
    "parquet, map key": lambda v: parquet(column([(v, "k")], kind=MAP), write_statistics=False),
    "parquet, unused in a dictionary": lambda v: parquet(unused_in_dictionary(v), write_statistics=False),
    "parquet, footer": lambda v: parquet(column("a").replace_schema_metadata({"note": v})),
    "parquet, statistics": lambda v: parquet(column(v), use_dictionary=False),
    "parquet, column name": lambda v: parquet(pa.table({v: ["a"]})),
    "parquet, second row group": lambda v: parquet(column("a", "b", v), row_group_size=1),
    "parquet, duration beside": lambda v: parquet(
        pa.table({"d": pa.array([1], pa.duration("s")), "v": [v]}), write_statistics=False
    ),
    "orc": lambda v: orc_file(column("a", v)),
    "arrow": lambda v: arrow_file(column("a", v)),
}


@pytest.mark.parametrize("file_kind", FILES)
def test_a_planted_value_is_found_in_every_kind_of_file_and_not_once_it_is_gone(file_kind: str, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "er" / "some.file"
    file.parent.mkdir(parents=True)
    file.write_bytes(FILES[file_kind](NUMBER))

    assert byte_search.search_files([tmp_path], TERMS).labels == {"number"}

    file.write_bytes(FILES[file_kind]("100000009"))
    assert byte_search.search_files([tmp_path], TERMS).hits == ()


@pytest.mark.parametrize(
    "content",
    [
        b"ab" + TOKEN + b"cd",
        TOKEN.hex().encode(),
        parquet(column(TOKEN), write_statistics=False),
        parquet(column(TOKEN, kind=pa.binary(32)), write_statistics=False),
    ],
    ids=["raw", "hexadecimal", "parquet binary", "parquet of fixed width"],
)
def test_binary_terms_are_found(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(content)
    assert byte_search.search_files([tmp_path], TERMS).labels == {"token"}


@pytest.mark.parametrize("name", [".hidden.json.crc", "_SUCCESS", ".00001.json.7.tmp"])
def test_hidden_files_are_searched(name: str, tmp_path: Path) -> None:
    (tmp_path / "_delta_log").mkdir()
    (tmp_path / "_delta_log" / name).write_bytes(LINE)
    assert [h.path.name for h in byte_search.search_files([tmp_path], TERMS).hits] == [name]


def test_names_of_files_and_targets_of_links_are_searched_and_links_are_not_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "log").write_bytes(LINE)
    (inside / "folder").symlink_to(outside)
    (inside / "file").symlink_to(outside / "log")
    assert byte_search.search_files([inside], TERMS).hits == ()

    (inside / f"{NUMBER}.csv").touch()
    (inside / "to").symlink_to(outside / f"{NUMBER}.gone")
    hits = byte_search.search_files([inside], TERMS).hits
    assert {(hit.path.name, hit.kind) for hit in hits} == {(f"{NUMBER}.csv", "name"), ("to", "link")}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"PAR1" + b"\0" * 50, "parquet that cannot be read"),
        (gzip.compress(os.urandom(5000))[:3000], "gzip that cannot be read"),
        (zipped("a", b"b" * 50)[:40], "zip that cannot be read"),
        (b"PARE" + b"\0" * 50, "encrypted parquet"),
        (b"7z\xbc\xaf\x27\x1c" + b"\0" * 50, "7z"),
        (b"LZ4Block" + b"\xff" * 30, "lz4 blocks that cannot be read"),
    ],
    ids=["parquet", "gzip", "zip", "encrypted parquet", "7z", "lz4"],
)
def test_what_cannot_be_decoded_is_reported(content: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(content)
    (tmp_path / "log").write_bytes(LINE)
    hits = byte_search.search_files([tmp_path], TERMS)
    assert hits.labels == {"number"}
    assert [(path.name, why in problem) for path, problem in hits.undecodable] == [("odd", True)]


def test_what_is_packed_too_deep_is_reported(tmp_path: Path) -> None:
    content = LINE * 9
    for _ in range(file_decoding.DEEPEST_NESTING + 1):
        content = gzip.compress(content)
    (tmp_path / "deep").write_bytes(content)
    hits = byte_search.search_files([tmp_path], TERMS)
    assert [problem for _, problem in hits.undecodable] == [f"packed more than {file_decoding.DEEPEST_NESTING} times"]


def test_a_file_cut_off_is_searched_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "events.zstd.inprogress").write_bytes(packed(LINE + os.urandom(300_000), "zstd")[:200_000])
    hits = byte_search.search_files([tmp_path], TERMS)
    assert hits.labels == {"number"}
    assert len(hits.undecodable) == 1


def test_a_socket_or_pipe_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        hits = byte_search.search_files([tmp_path], TERMS)
    assert (hits.files, hits.hits, hits.undecodable) == (0, (), ())


def test_a_file_that_cannot_be_opened_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").write_bytes(LINE)

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(byte_search, "open_searched_file", refuse)
    hits = byte_search.search_files([tmp_path], TERMS)
    assert [path.name for path, _ in hits.undecodable] == ["closed"]


def test_a_whole_word_is_not_found_in_a_longer_one(tmp_path: Path) -> None:
    """
    | text            | groei-1 found |
    | --------------- | ------------- |
    | "groei-1"       | yes           |
    | groei-1         | yes (alone)   |
    | leergroei-1     | no            |
    | groei-10        | no            |
    | _groei-1        | no            |
    """
    is_found_in = {'"groei-1"': True, "groei-1": True, "leergroei-1": False, "groei-10": False, "_groei-1": False}
    file = tmp_path / "note"
    for text, is_found in is_found_in.items():
        file.write_text(text, encoding="utf-8")
        hits = byte_search.search_files([file], {"release": b"groei-1"}, whole_words={"release"})
        assert (hits.labels == {"release"}) is is_found, text


def test_a_folder_to_skip_is_not_entered_and_a_missing_place_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "marks").write_bytes(LINE)
    hits = byte_search.search_files([tmp_path, tmp_path / "none"], TERMS, skip={tmp_path / "journal"})
    assert (hits.files, hits.hits) == (0, ())


def test_a_term_that_would_be_found_by_chance_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="found by chance") as refused:
        byte_search.search_files([tmp_path], {"short": b"12A"})
    assert "12A" not in str(refused.value)


def test_two_values_next_to_each_other_are_not_one(tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(parquet(column("12345", "6782"), compression="snappy"))
    assert byte_search.search_files([tmp_path], TERMS).hits == ()


@settings(max_examples=40, deadline=None)
@given(
    before=st.binary(max_size=40),
    after=st.binary(max_size=40),
    term=st.binary(min_size=4, max_size=40),
    piece=st.integers(min_value=1, max_value=60),
)
def test_a_term_is_found_wherever_it_stands_and_however_the_file_is_cut(
    tmp_path_factory: pytest.TempPathFactory, before: bytes, after: bytes, term: bytes, piece: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "cut"
    file.write_bytes(b"x" + before + term + after)
    with PatchesAcrossModules.context() as patched:
        patched.setattr(file_decoding, "SEARCH_PIECE_BYTES", piece)
        assert byte_search.search_files([file], {"n": term}).labels == {"n"}


def test_copies_are_recognised_by_content_under_any_name(tmp_path: Path) -> None:
    original = tmp_path / "part-0.parquet"
    original.write_bytes(parquet(column("a")))
    originals = {byte_search.file_sha256(original): original.stat().st_size}
    (tmp_path / ".backup").write_bytes(original.read_bytes())
    (tmp_path / "same size").write_bytes(bytes(original.stat().st_size))
    original.unlink()
    assert [path.name for path in byte_search.find_file_copies([tmp_path], originals)] == [".backup"]
