"""Containers: the members of a zip or gzip, and every way in which a container is rejected."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cohort.agreements.container_limits import ContainerLimits
from cohort.delivery_formats import containers, file_types, format_declarations
from cohort.delivery_formats.delivered_file import DeliveredFile
from cohort.delivery_formats.file_reason_codes import DeliveryRejected
from cohort.delivery_formats.file_recognition import RecognitionContext, recognise_deliveries

CONF = Path(__file__).resolve().parents[2] / "conf"
LIMITS = ContainerLimits(members=5, bytes_per_member=4 << 20, total_bytes=6 << 20, ratio=100)
ROWS = b"brin;pgn\n99ZZ;1\n"
MIB = 1 << 20


def packed(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, body in files:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            archive.writestr(info, body)
    return made.getvalue()


def of(content: bytes, limits: ContainerLimits = LIMITS, name: str = "levering.zip") -> list[tuple[str, bytes]]:
    return list(containers.unpack_container(content, limits, name))


def noise(size: int) -> bytes:
    """Bytes that do not pack well, the same each time."""
    return random.Random(size).randbytes(size)


def test_members_are_unpacked_in_order_with_their_names() -> None:
    content = packed(("b/é.csv", ROWS), ("a.csv", b""), ("map\\c.csv", b"x"))
    assert of(content) == [("b/é.csv", ROWS), ("a.csv", b""), ("map/c.csv", b"x")]


def test_files_of_the_operating_system_are_left_out_and_not_counted() -> None:
    own = [("map/99ZZ.csv", ROWS)]
    system = [
        "__MACOSX/map/._99ZZ.csv",
        ".DS_Store",
        "map/.ds_store",
        "Thumbs.db",
        "x/THUMBS.DB",
        "map/desktop.ini",
        "map/~$99ZZ.xlsx",
        "leeg/",
    ]
    content = packed(*((name, b"x" * (name[-1] != "/")) for name in system), *own)
    assert of(content, replace(LIMITS, members=1)) == own


def test_a_gzip_has_one_member_named_after_the_file() -> None:
    assert of(gzip.compress(ROWS), name="99ZZ.csv.GZ") == [("99ZZ.csv", ROWS)]
    assert of(gzip.compress(ROWS[:5]) + gzip.compress(ROWS[5:])) == [("levering.zip", ROWS)]


def test_a_workbook_in_a_zip_is_a_member_and_a_nested_zip_is_rejected() -> None:
    sheet = packed(("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>"))
    assert file_types.detect_file_type(sheet) == file_types.XLSX_WORKBOOK
    assert of(packed(("a.xlsx", sheet))) == [("a.xlsx", sheet)]
    assert file_types.detect_file_type(packed(("map/[Content_Types].xml", b"<x/>"))) == file_types.ZIP_FILE


def test_members_and_totals_exactly_at_their_limit_are_accepted() -> None:
    half, limits = noise(MIB), ContainerLimits(2, MIB, 2 * MIB, 100)
    assert [len(body) for _, body in of(packed(("a", half), ("b", half)), limits)] == [MIB, MIB]


def test_limits_below_the_ratio_threshold_are_enforced() -> None:
    small = ContainerLimits(members=3, bytes_per_member=100, total_bytes=150, ratio=10)
    assert [len(body) for _, body in of(packed(("a", bytes(100)), ("b", bytes(50))), small)] == [100, 50]
    for too_much in ((bytes(101),), (bytes(100), bytes(51)), (b"", b"", b"", b"")):
        content = packed(*((f"{n}.csv", body) for n, body in enumerate(too_much)))
        with pytest.raises(DeliveryRejected, match="CONTAINER_BOMB"):
            of(content, small)
    with pytest.raises(DeliveryRejected, match="CONTAINER_BOMB"):
        of(gzip.compress(bytes(101)), small)


def test_the_ratio_limit_does_not_apply_to_small_contents() -> None:
    zeros = bytes(MIB)
    assert of(packed(("a.csv", zeros))) == [("a.csv", zeros)]


def lying(content: bytes, size: int) -> bytes:
    """The same zip, whose directory and headers declare another size of what is in it."""
    changed = bytearray(content)
    for magic, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", changed, content.index(magic) + place, size)
    return bytes(changed)


def flagged(content: bytes, flag: int) -> bytes:
    changed = bytearray(content)
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        changed[content.index(magic) + place] |= flag
    return bytes(changed)


def linked() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        info = zipfile.ZipInfo("a.csv")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return made.getvalue()


@dataclass(frozen=True)
class Wrong:
    says: str
    code: str
    make: Callable[[], bytes]


TAR = b"a.csv".ljust(257, b"\0") + b"ustar\0".ljust(255, b"\0")
ZIPPED = packed(("a.csv", ROWS))
WRONG = [
    Wrong("cut off in the middle", "CONTAINER_BROKEN", lambda: ZIPPED[: len(ZIPPED) // 2]),
    Wrong("its first bytes only", "CONTAINER_BROKEN", lambda: b"PK\x03\x04"),
    Wrong(
        "a byte of a member changed",
        "CONTAINER_BROKEN",
        lambda: packed(("a.csv", ROWS), method=zipfile.ZIP_STORED).replace(b"99ZZ", b"98ZZ", 1),
    ),
    Wrong("a gzip cut off", "CONTAINER_BROKEN", lambda: gzip.compress(ROWS)[:-5]),
    Wrong("a gzip with something behind it", "CONTAINER_BROKEN", lambda: gzip.compress(ROWS) + b"x;y"),
    Wrong("a gzip with another check sum", "CONTAINER_BROKEN", lambda: gzip.compress(ROWS)[:-8] + b"12345678"),
    Wrong(
        "a method that cannot be held to a size",
        "CONTAINER_BROKEN",
        lambda: packed(("a.csv", ROWS), method=zipfile.ZIP_BZIP2),
    ),
    Wrong("neither zip nor gzip", "CONTAINER_BROKEN", lambda: ROWS),
    Wrong("encrypted", "CONTAINER_ENCRYPTED", lambda: flagged(ZIPPED, 0x1)),
    Wrong("strongly encrypted", "CONTAINER_ENCRYPTED", lambda: flagged(ZIPPED, 0x40)),
    Wrong("a ratio over the limit", "CONTAINER_BOMB", lambda: packed(("a.csv", bytes(3 * MIB)))),
    Wrong("a gzip's ratio over the limit", "CONTAINER_BOMB", lambda: gzip.compress(bytes(3 * MIB))),
    Wrong("a member over the limit", "CONTAINER_BOMB", lambda: packed(("a.csv", noise(5 * MIB)))),
    Wrong("a gzip over the limit", "CONTAINER_BOMB", lambda: gzip.compress(noise(5 * MIB), 1)),
    Wrong(
        "members within, the total over",
        "CONTAINER_BOMB",
        lambda: packed(*((f"{n}.csv", noise(3 * MIB)) for n in range(3))),
    ),
    Wrong(
        "itself over the total", "CONTAINER_BOMB", lambda: packed(("a.csv", noise(7 * MIB)), method=zipfile.ZIP_STORED)
    ),
    Wrong("a member too many", "CONTAINER_BOMB", lambda: packed(*((f"{n}.csv", ROWS) for n in range(6)))),
    Wrong("folders without end", "CONTAINER_BOMB", lambda: packed(*((f"{n}/", b"") for n in range(400)))),
    Wrong("more in it than it declares", "CONTAINER_BROKEN", lambda: lying(packed(("a", bytes(3 * MIB))), 10)),
    Wrong("declares more than the limit", "CONTAINER_BOMB", lambda: lying(ZIPPED, 5 * MIB)),
    Wrong("a zip in a zip", "CONTAINER_NESTED", lambda: packed(("a.zip", ZIPPED))),
    Wrong("an empty zip in a zip", "CONTAINER_NESTED", lambda: packed(("a.csv", packed()))),
    Wrong("a gzip in a zip", "CONTAINER_NESTED", lambda: packed(("a.csv", gzip.compress(ROWS)))),
    Wrong("a zip in a gzip", "CONTAINER_NESTED", lambda: gzip.compress(ZIPPED)),
    Wrong("a tar in a gzip", "CONTAINER_NESTED", lambda: gzip.compress(TAR)),
    Wrong("a bzip2 in a zip", "CONTAINER_NESTED", lambda: packed(("a", bz2.compress(ROWS)))),
    Wrong("nothing in it", "CONTAINER_EMPTY", packed),
    Wrong("a folder in it", "CONTAINER_EMPTY", lambda: packed(("map/", b""))),
    Wrong("the system's in it", "CONTAINER_EMPTY", lambda: packed(("__MACOSX/a.csv", b"x"))),
    Wrong("a gzip of nothing", "CONTAINER_EMPTY", lambda: gzip.compress(b"")),
    Wrong("a link", "CONTAINER_PATH", linked),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.says)
def test_one_fault_rejects_the_container(wrong: Wrong) -> None:
    with pytest.raises(DeliveryRejected) as refusal:
        of(wrong.make())
    assert refusal.value.code == wrong.code


@pytest.mark.parametrize(
    "name",
    [
        "/a.csv",
        "../a.csv",
        "a/../../b.csv",
        "..\\a.csv",
        "\\\\server\\a.csv",
        "C:\\a.csv",
        "c:a.csv",
        "a\nb.csv",
        "a\x7f.csv",
        "a\u202evsc.csv",
        "__MACOSX/../../a.csv",
        "..",
        "a/..",
    ],
)
def test_an_unsafe_name_rejects_the_container_before_any_member_is_given(name: str) -> None:
    given = []
    with pytest.raises(DeliveryRejected, match="CONTAINER_PATH"):
        given += [containers.unpack_container(packed(("goed.csv", ROWS), (name, ROWS)), LIMITS).__next__()]
    assert not given


def test_a_total_over_the_limit_rejects_the_container_before_any_member_is_given() -> None:
    content = packed(*((f"{n}.csv", noise(3 * MIB)) for n in range(3)))
    with pytest.raises(DeliveryRejected, match="CONTAINER_BOMB"):
        next(containers.unpack_container(content, replace(LIMITS, total_bytes=len(content) - MIB)))


def test_a_name_with_a_nul_is_checked_whole() -> None:
    content = packed(("a.csv#x", ROWS)).replace(b"a.csv#x", b"a.csv\0x")
    with pytest.raises(DeliveryRejected, match="CONTAINER_PATH"):
        of(content)


@pytest.mark.parametrize(
    "bomb", [gzip.compress(bytes(200 * MIB)), packed(("a", bytes(200 * MIB)))], ids=["gzip", "zip"]
)
def test_reading_stops_at_the_limit_without_more_in_memory(bomb: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(DeliveryRejected, match="CONTAINER_BOMB"):
        of(bomb, replace(LIMITS, ratio=10_000))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2 * LIMITS.bytes_per_member


def test_members_that_share_their_bytes_each_count_against_the_limit() -> None:
    """A directory with one member many times: small by itself, large in all."""
    one = packed(("a.csv", noise(2 * MIB)), method=zipfile.ZIP_STORED)
    start = one.index(b"PK\x01\x02")
    end = one.index(b"PK\x05\x06")
    entry = one[start:end]
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 4, 4, 4 * len(entry), start, 0)
    with pytest.raises(DeliveryRejected, match="CONTAINER_BOMB"):
        of(one[:start] + 4 * entry + tail)


@pytest.mark.parametrize(
    "wrong", [{"members": 0}, {"bytes_per_member": 0}, {"ratio": 0}, {"total_bytes": MIB}], ids=str
)
def test_limits_below_one_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="limits"):
        replace(LIMITS, **wrong)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (ROWS, None),
        (b"", None),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1x", "ole"),
        (ZIPPED, "zip"),
        (packed(), "zip"),
        (gzip.compress(b""), "gzip"),
        (TAR, "other"),
        (bz2.compress(b"x"), "other"),
        (b"BZh;brin", None),
    ],
    ids=["text", "nothing", "ole", "zip", "empty zip", "gzip", "tar", "bzip2", "text like bzip2"],
)
def test_the_type_of_a_file_follows_from_its_bytes(content: bytes, kind: str | None) -> None:
    assert file_types.detect_file_type(content) == kind


def looked_at(folder: Path, limits: ContainerLimits) -> tuple[list[DeliveredFile], int]:
    """What is in the files of a folder, and the most bytes that were held for it."""
    desk = RecognitionContext(folder, folder.parent / "work", format_declarations.load_delivery_formats(CONF), limits)
    tracemalloc.start()
    found = [file for path in sorted(folder.iterdir()) for file in recognise_deliveries(path, desk)]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found, most


def test_only_one_member_of_a_container_is_in_memory(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    line = b"99ZZ;" + b"x" * 995 + b"\n"
    text = b"brin;schooljaar;pgn;toetscode;afnamedatum;vaardigheidsscore\n" + line * 4000
    content = packed(*((f"{n}.csv", text + bytes([65 + n])) for n in range(16)))
    (tmp_path / "in" / "a.zip").write_bytes(content)
    found, most = looked_at(tmp_path / "in", ContainerLimits(16, 4 * MIB, 80 * MIB, 10_000))
    assert [(file.name, file.rejection) for file in found] == [(f"a.zip/{n}.csv", None) for n in range(16)]
    assert len({file.path.read_bytes() for file in found}) == 16
    assert most < 8 * len(text), "half of them"


@pytest.mark.parametrize(
    ("size", "head", "becomes"),
    [
        (4 * MIB, b"", "HEADER_UNKNOWN"),
        (4 * MIB + 1, b"", "FILE_TOO_LARGE"),
        (999 * MIB, b"", "FILE_TOO_LARGE"),
        (5 * MIB, b"PK\3\4", "CONTAINER_BROKEN"),
        (999 * MIB, b"PK\3\4", "CONTAINER_BOMB"),
        (999 * MIB, b"\x1f\x8b", "CONTAINER_BOMB"),
    ],
)
def test_a_file_over_the_limits_is_not_read_into_memory(size: int, head: bytes, becomes: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with (tmp_path / "in" / "a").open("wb") as file:
        file.write((head or b"x\ny\n").ljust(4 * MIB, b"." if not head else b"\0"))
        file.truncate(size)
    (found,), most = looked_at(tmp_path / "in", LIMITS)
    assert found.rejection == becomes
    with (tmp_path / "in" / "a").open("rb") as file:
        assert found.sha256 == hashlib.file_digest(file, "sha256").hexdigest()
    assert most < 30 * MIB
