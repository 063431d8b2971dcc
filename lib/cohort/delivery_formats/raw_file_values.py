"""Every value of a raw file, for the search for a pupil number before the file is erased or kept.

Files are read with the readers of ingestion: containers, workbooks with all sheets, hidden or not, XML with resolved
references, text in any encoding. What no reader reads is rejected, so that nobody takes it for searched. Called by
`erasure.raw_file_erasure`. The values identify pupils and go nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

from cohort.agreements import ContainerLimits
from cohort.delivery_formats import containers, file_types, xlsx, xml_stream
from cohort.delivery_formats.file_reason_codes import FILE_TOO_LARGE, DeliveryRejected
from cohort.foundation import UTF8, UTF16, UnreadableText, decode_text
from cohort.storage import StoragePath, open_to_read

PIECE_BYTES = 1 << 20
OVERLAP_BYTES = 128
"""Bytes of a large text that are given again with the next piece, because a number may lie across the two."""
XML_PARTS = (".xml", ".rels")
WORKSHEETS_FOLDER, MEDIA_FOLDER = "xl/worksheets/", "xl/media/"
TEXT_BLOCK_ELEMENTS = frozenset({"si", "is", "comment", "p", "text"})
"""Elements of Office documents whose text is one value, however many runs it is cut into."""
MULTILINE_FIELD_PATTERN = re.compile(r'"[^"]*[\r\n][^"]*"')
"""A field of a text over several lines, or the text between two fields."""


def iterate_file_values(path: StoragePath, limits: ContainerLimits) -> Iterator[str]:
    """Give the texts of a file in the folder of deliveries, the first of them its name.

    A text over the limits is given in pieces that overlap.

    Raises:
        DeliveryRejected: the file cannot be read whole: damaged, encrypted, over the limits, of a type without reader.
    """
    yield path.name
    with open_to_read(path) as file:
        head = file.read(file_types.HEAD_BYTES)
        size = path.stat().st_size
        file.seek(0)
        file_type = file_types.detect_file_type(head)
        is_container = file_type in file_types.CONTAINER_TYPES
        if size <= (limits.max_container_bytes if is_container else limits.bytes_per_member):
            yield from iterate_content_values(file.read(), limits, path.name)
        elif file_type is not None or xml_stream.is_xml(head):
            raise DeliveryRejected(FILE_TOO_LARGE)
        else:
            yield from _overlapping_pieces(file)


def iterate_content_values(content: bytes, limits: ContainerLimits, name: str = "") -> Iterator[str]:
    """Give the texts in the content of a file: its bytes as text, then the values that its reader finds.

    Raises:
        DeliveryRejected: what `iterate_file_values` raises.
    """
    yield _bytes_as_text(content)
    file_type = file_types.detect_file_type(content)
    if file_type in file_types.UNREAD_TYPE_REASONS:
        raise DeliveryRejected(file_types.UNREAD_TYPE_REASONS[file_type])
    if file_type in file_types.CONTAINER_TYPES:
        for member, body in containers.unpack_container(content, limits, name, with_system_files=True):
            yield member
            is_system_file = containers.SYSTEM_FILE_PATTERN.fullmatch(member) is not None
            yield from [_bytes_as_text(body)] if is_system_file else iterate_content_values(body, limits, member)
    elif file_type == file_types.XLSX_WORKBOOK:
        yield from map(_on_one_line, xlsx.iterate_workbook_texts(content, limits))
        for part, body in containers.unpack_zip_entries(content, limits, with_system_files=True):
            yield part
            yield from _workbook_part_values(part, body, limits)
    elif xml_stream.is_xml(content):
        yield from map(_on_one_line, xml_stream.iterate_xml_values(content, limits.bytes_per_member))
    else:
        yield from map(_on_one_line, MULTILINE_FIELD_PATTERN.findall(_bytes_as_text(content)))


def _on_one_line(value: str) -> str:
    """Return a value as ingestion reads it: line ends as blanks."""
    return " ".join(value.splitlines())


def _workbook_part_values(name: str, body: bytes, limits: ContainerLimits) -> Iterator[str]:
    """Give the values of a part of a workbook: cells, comments, drawings, links, tables kept of other sheets.

    Raises:
        DeliveryRejected: CONTAINER_NESTED, where the part is another document.
    """
    yield _bytes_as_text(body)
    if name.endswith(XML_PARTS):
        yield from xml_stream.iterate_xml_values(body, limits.bytes_per_member)
        if not name.startswith(WORKSHEETS_FOLDER):
            collected = _BlockTextCollector()
            for _ in xml_stream.feed_xml(body, limits.bytes_per_member, collected):
                pass
            yield from collected.texts
    elif file_types.detect_file_type(body) not in (None, file_types.WEB_PAGE) and not name.startswith(MEDIA_FOLDER):
        raise DeliveryRejected(containers.CONTAINER_NESTED)


class _BlockTextCollector(xml_stream.XmlTarget):
    """Collects the text of every block of an Office document, with its runs put together."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._open_blocks: list[list[str]] = []

    def start(self, tag: str, _: dict[str, str]) -> None:
        if tag.rpartition("}")[2] in TEXT_BLOCK_ELEMENTS:
            self._open_blocks.append([])

    def data(self, text: str) -> None:
        for block in self._open_blocks:
            block.append(text)

    def end(self, tag: str) -> None:
        if tag.rpartition("}")[2] in TEXT_BLOCK_ELEMENTS:
            self.texts.append("".join(self._open_blocks.pop()))


def _bytes_as_text(content: bytes) -> str:
    """Decode bytes; where they are in no encoding that ingestion reads, decode at least their digits.

    Zero bytes are removed then: an encoding with two bytes a character leaves them around digits.
    """
    try:
        return decode_text(content, (UTF8, UTF16))[0]
    except UnreadableText:
        return content.replace(b"\0", b"").decode("utf-8", "replace")


def _overlapping_pieces(file: IO[bytes]) -> Iterator[str]:
    overlap = b""
    while piece := file.read(PIECE_BYTES):
        window = overlap + piece.replace(b"\0", b"")
        yield window.decode("utf-8", "replace")
        overlap = window[-OVERLAP_BYTES:]
