"""Every value of a raw file, as intake's own readers read it: for whoever looks for a number in it.

What intake reads, this reads, by the same readers: containers, workbooks with every sheet, hidden or not, XML
after its references are resolved, text in any encoding. What no reader of intake reads is refused, so that
nobody takes it for searched. Called by `filed.raw_files`. Values identify pupils: they go nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cohort.agreements.container_limits import ContainerLimits
from cohort.delivery_formats import containers, file_types, xlsx, xml_stream
from cohort.delivery_formats.file_reason_codes import FILE_TOO_LARGE, DeliveryRejected
from cohort.foundation.delimited_text import UTF8, UTF16, UnreadableText, decode_text

PIECE_BYTES = 1 << 20
OVERLAP_BYTES = 128
"""How much of a large text is seen again with its next piece: a number may lie across the two."""
XML_PARTS = (".xml", ".rels")
WORKSHEETS_FOLDER, MEDIA_FOLDER = "xl/worksheets/", "xl/media/"
TEXT_BLOCK_ELEMENTS = frozenset({"si", "is", "comment", "p", "text"})
"""Elements of Office documents whose text is one, however many runs it is cut into."""
MULTILINE_FIELD_PATTERN = re.compile(r'"[^"]*[\r\n][^"]*"')
"""A field of a text over several lines, or what stands between two fields."""


def iterate_file_values(path: Path, limits: ContainerLimits) -> Iterator[str]:
    """The texts of a file in the folder of deliveries, the first of them its name.

    Refuses: with a reason code, what cannot be read whole: damaged, encrypted, over the limits, of a kind
    that nobody reads. Of a text over the limits every piece is given.
    """
    yield path.name
    with path.open("rb") as file:
        head = file.read(file_types.HEAD_BYTES)
        size = path.stat().st_size
        file.seek(0)
        packed = file_types.detect_file_type(head) in file_types.CONTAINER_TYPES
        if size <= (limits.max_container_bytes if packed else limits.bytes_per_member):
            yield from iterate_content_values(file.read(), limits, path.name)
        elif packed or file_types.detect_file_type(head) is not None or xml_stream.is_xml(head):
            raise DeliveryRejected(FILE_TOO_LARGE)
        else:
            yield from _pieces(file)


def iterate_content_values(content: bytes, limits: ContainerLimits, name: str = "") -> Iterator[str]:
    """The texts in the content of a file: its bytes as text, then what its reader makes of them.

    Refuses: what `of_file` refuses.
    """
    yield _text(content)
    kind = file_types.detect_file_type(content)
    if kind in file_types.UNREAD_TYPE_REASONS:
        raise DeliveryRejected(file_types.UNREAD_TYPE_REASONS[kind])
    if kind in file_types.CONTAINER_TYPES:
        for member, body in containers.unpack_container(content, limits, name, systems=True):
            yield member
            system = containers.SYSTEM_FILE_PATTERN.fullmatch(member) is not None
            yield from [_text(body)] if system else iterate_content_values(body, limits, member)
    elif kind == file_types.XLSX_WORKBOOK:
        yield from map(_on_one_line, xlsx.iterate_workbook_texts(content, limits))
        for part, body in containers.unpack_zip_entries(content, limits, systems=True):
            yield part
            yield from _of_part(part, body, limits)
    elif xml_stream.is_xml(content):
        yield from map(_on_one_line, xml_stream.iterate_xml_values(content, limits.bytes_per_member))
    else:
        yield from map(_on_one_line, MULTILINE_FIELD_PATTERN.findall(_text(content)))


def _on_one_line(value: str) -> str:
    """A value as it is taken in: a line end in it is a blank."""
    return " ".join(value.splitlines())


def _of_part(name: str, body: bytes, limits: ContainerLimits) -> Iterator[str]:
    """A part of a workbook: remarks, drawings, links, tables that it keeps of other sheets, and its cells.

    Refuses: another document in it.
    """
    yield _text(body)
    if name.endswith(XML_PARTS):
        yield from xml_stream.iterate_xml_values(body, limits.bytes_per_member)
        if not name.startswith(WORKSHEETS_FOLDER):
            blocks = _Blocks()
            for _ in xml_stream.feed_xml(body, limits.bytes_per_member, blocks):
                pass
            yield from blocks.found
    elif file_types.detect_file_type(body) not in (None, file_types.WEB_PAGE) and not name.startswith(MEDIA_FOLDER):
        raise DeliveryRejected(containers.CONTAINER_NESTED)


class _Blocks(xml_stream.XmlTarget):
    """Hears the text of every block of an Office document, its runs put together."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.open: list[list[str]] = []

    def start(self, tag: str, _: dict[str, str]) -> None:
        if tag.rpartition("}")[2] in TEXT_BLOCK_ELEMENTS:
            self.open.append([])

    def data(self, text: str) -> None:
        for block in self.open:
            block.append(text)

    def end(self, tag: str) -> None:
        if tag.rpartition("}")[2] in TEXT_BLOCK_ELEMENTS:
            self.found.append("".join(self.open.pop()))


def _text(content: bytes) -> str:
    """Bytes as text; where they are none that intake knows, at least the digits in them.

    Zero bytes are what two bytes for a character leave around digits.
    """
    try:
        return decode_text(content, (UTF8, UTF16))[0]
    except UnreadableText:
        return content.replace(b"\0", b"").decode("utf-8", "replace")


def _pieces(file: IO[bytes]) -> Iterator[str]:
    tail = b""
    while piece := file.read(PIECE_BYTES):
        window = tail + piece.replace(b"\0", b"")
        yield window.decode("utf-8", "replace")
        tail = window[-OVERLAP_BYTES:]
