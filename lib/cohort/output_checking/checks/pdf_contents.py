"""What stands in a PDF beside its picture: attachments, scripts, earlier versions, metadata and text not seen."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from cohort.agreements import OutputThresholds
from cohort.output_checking.checks.part_finding import PartFinding, found
from cohort.output_checking.checks.personal_numbers import find_identifiers
from cohort.output_checking.checks.program_names import is_name_of_program
from cohort.output_checking.checks.text_rules import names_few_pupils

_ACTIVE_NAMES = (
    *("EmbeddedFile", "EmbeddedFiles", "JavaScript", "JS", "Launch", "AcroForm", "RichMedia", "Annot"),
    *("FileAttachment", "OpenAction", "AA", "Filespec", "AF", "XFA", "OCG", "OCProperties", "Encrypt", "PieceInfo"),
    *("Collection", "URI", "Alternates", "Thumb"),
)
_READABLE_FILTERS = {b"FlateDecode", b"Fl", b"DCTDecode", b"DCT", b"ASCIIHexDecode", b"AHx", b"ASCII85Decode", b"A85"}
_NAMES_OF_FILTERS = re.compile(rb"/(?:Filter|F)\s*(\[[^\]]*\]|/[A-Za-z0-9]+)")
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_BINARY_KINDS = re.compile(
    rb"/Subtype\s*/(?:Image|Type1C|CIDFontType0C|OpenType)|/Length1\b|/Type\s*/XRef|/ShadingType|/FunctionType"
)
_MOST_BYTES = 50_000_000
MOST_MARKS = 150
_STRING = rb"\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\)|<[0-9A-Fa-f\s]*>"
_SHOWN = re.compile(rb"\[((?:" + _STRING + rb"|[^\]()<>])*)\]\s*TJ|(" + _STRING + rb")\s*(?:Tj|'|\")", re.DOTALL)
_OPERATORS = re.compile(
    rb"(?:([0-9]*\.?[0-9]+)\s+([0-9]*\.?[0-9]+)\s+([0-9]*\.?[0-9]+)\s+(?:rg|sc|scn)(?=\s)"
    rb"|([0-9]*\.?[0-9]+)\s+(?:g|sc|scn)(?=\s))|(?<!\S)([qQ])(?!\S)|(T[jJ])"
)
_MARKS = re.compile(rb"/[MP][A-Za-z0-9]*\s+Do\b|\(l\)\s*Tj\s+0\s+Tr")
_METADATA_OF_JPEG = re.compile(rb"\xff[\xe1\xed]..(?:Exif|http|Photoshop)|\xff\xfe..", re.DOTALL)
_ANNOTATIONS = re.compile(
    rb"/Subtype\s*/(?:Link|Text|FreeText|Popup|Widget|Stamp|Highlight|Underline|Ink|Square|Redact|Sound|Movie|Screen)\b"
)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"", b"f": b""}


class _Stream(NamedTuple):
    """A stream of a PDF: its dictionary, its bytes as stored, and unpacked."""

    dictionary: bytes
    stored: bytes
    unpacked: bytes
    is_readable: bool


def check_pdf(content: bytes, thresholds: OutputThresholds) -> Iterator[PartFinding]:
    """Find attachments, scripts, earlier versions, metadata and hidden text in a PDF; images are as those of a PNG."""
    end = content.rfind(b"%%EOF")
    if end < 0:
        yield found("FIGURE_BROKEN")
    elif content[end + 5 :].strip():
        yield found("APPENDED_BYTES", bytes=len(content[end + 5 :]))
    if content.count(b"%%EOF") > 1:
        yield found("PDF_VERSIONS")
    objects, streams = _split_streams(content)
    if not all(stream.is_readable for stream in streams):
        yield found("PDF_EMBEDDED", "a stream that cannot be read")
    texts = [stream.unpacked for stream in streams if not _BINARY_KINDS.search(stream.dictionary)]
    everything = re.sub(rb"#([0-9A-Fa-f]{2})", lambda m: bytes([int(m.group(1), 16)]), b"\n".join([objects, *texts]))
    for name in _ACTIVE_NAMES:
        if re.search(rb"/" + name.encode() + rb"(?![A-Za-z])(?!\s*\[\s*\])", everything):
            yield found("PDF_EMBEDDED", name)
    if _ANNOTATIONS.search(everything):
        yield found("PDF_EMBEDDED", "Annot")
    yield from _check_metadata(everything)
    yield from _check_comments(objects)
    yield from _check_images(streams)
    drawings = [text for text in texts if re.search(rb"\b(?:BT|re|l|Do)\b", text)]
    yield from _check_drawings(drawings, texts)
    shown = [*_strings_shown(drawings, texts)]
    for code in find_identifiers("\n".join([*_strings_of(objects), *shown])):
        yield found(code)
    if any(names_few_pupils(text, thresholds) for text in shown):
        yield found("SMALL_COUNT", "text in the figure", pupils=thresholds.pupils)


def _split_streams(content: bytes) -> tuple[bytes, list[_Stream]]:
    """Everything outside streams, and the streams."""
    objects, streams, place = b"", [], 0
    for match in _STREAM.finditer(content):
        if match.start() < place:
            continue
        end = content.find(b"endstream", match.end())
        end = len(content) if end < 0 else end
        before = content[place : match.start()]
        dictionary = before[max(0, before.rfind(b" obj")) :]
        objects += before
        streams.append(_unpack(dictionary, content[match.end() : end]))
        place = end
    return objects + content[place:], streams


def _unpack(dictionary: bytes, stored: bytes) -> _Stream:
    match = _NAMES_OF_FILTERS.search(dictionary)
    filters = re.findall(rb"/([A-Za-z0-9]+)", match.group(1)) if match is not None else []
    data, is_readable = stored, set(filters) <= _READABLE_FILTERS
    try:
        for name in filters if is_readable else []:
            if name in (b"FlateDecode", b"Fl"):
                decoder = zlib.decompressobj()
                data = decoder.decompress(data, _MOST_BYTES)
                is_readable = is_readable and not decoder.unused_data.strip(b"\r\n")
            elif name in (b"ASCIIHexDecode", b"AHx"):
                digits = re.sub(rb"[^0-9A-Fa-f]", b"", data)
                data = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
            elif name in (b"ASCII85Decode", b"A85"):
                data = base64.a85decode(data.strip().removesuffix(b"~>"))
    except (zlib.error, ValueError):
        is_readable = False
    return _Stream(dictionary, stored, data, is_readable)


def _check_metadata(everything: bytes) -> Iterator[PartFinding]:
    for key in ("Author", "Title", "Subject", "Keywords", "Creator", "Producer"):
        for match in re.finditer(rb"/" + key.encode() + rb"\s*(" + _STRING + rb")", everything):
            if not is_name_of_program(_as_text(_bytes_of(match.group(1)))):
                yield found("FIGURE_METADATA", key)
    for match in re.finditer(rb"<dc:(creator|title|description|subject)[^>]*>(.*?)</dc:\1>", everything, re.DOTALL):
        if not is_name_of_program(re.sub(r"<[^>]*>", "", match.group(2).decode("utf-8", "replace"))):
            yield found("FIGURE_METADATA", "XMP")


def _check_comments(objects: bytes) -> Iterator[PartFinding]:
    """Find comments with words; a PDF begins with one of its version and one of signs, and ends with one."""
    for match in re.finditer(rb"(?m)^%([^\r\n]*)", objects):
        text = match.group(1)
        if not re.match(rb"PDF-|%EOF|[^\x00-\x7f]|R\b", text) and text.strip():
            yield found("FIGURE_METADATA", "comment")


def _check_images(streams: list[_Stream]) -> Iterator[PartFinding]:
    for stream in streams:
        is_jpeg = re.search(rb"/Subtype\s*/Image", stream.dictionary) is not None and b"DCT" in stream.dictionary
        if is_jpeg and _METADATA_OF_JPEG.search(stream.stored[:4000]):
            yield found("FIGURE_METADATA", "image")


def _check_drawings(drawings: list[bytes], texts: list[bytes]) -> Iterator[PartFinding]:
    if any(re.search(rb"[\s]3\s+Tr\b", text) for text in texts):
        yield found("FIGURE_HIDDEN_TEXT", "PDF")
    if any(_has_white_text(drawing) for drawing in drawings):
        yield found("FIGURE_HIDDEN_TEXT", "white text")
    marks = sum(len(_MARKS.findall(drawing)) for drawing in drawings)
    if marks > MOST_MARKS:
        yield found("FIGURE_POINTS", count=marks, most=MOST_MARKS)


def _has_white_text(drawing: bytes) -> bool:
    """Tell whether text is drawn while the colour of fillings is white."""
    is_white, saved = False, []
    for match in _OPERATORS.finditer(re.sub(_STRING, b"()", drawing)):
        red, green, blue, grey, state, _ = match.groups()
        if red is not None or grey is not None:
            is_white = all(float(part or 0) > 0.97 for part in ((grey,) if grey is not None else (red, green, blue)))
        elif state == b"q":
            saved.append(is_white)
        elif state == b"Q":
            is_white = saved.pop() if saved else False
        elif is_white:
            return True
    return False


def _strings_of(objects: bytes) -> Iterator[str]:
    for match in re.finditer(_STRING, objects):
        yield _as_text(_bytes_of(match.group()))


def _strings_shown(drawings: list[bytes], texts: list[bytes]) -> Iterator[str]:
    """Each text that is drawn, as it is and by each table of signs that the file has."""
    tables = [table for text in texts if b"beginbf" in text for table in [_signs_of(text)] if table]
    for drawing in drawings:
        for match in _SHOWN.finditer(drawing):
            whole = match.group(1) if match.group(1) is not None else match.group(2)
            text = b"".join(_bytes_of(part) for part in re.findall(_STRING, whole))
            yield _as_text(text)
            for table in tables:
                for width in (1, 2):
                    codes = [text[place : place + width] for place in range(0, len(text), width)]
                    if codes and all(code in table for code in codes):
                        yield "".join(table[code] for code in codes)


def _signs_of(table: bytes) -> dict[bytes, str]:
    """The sign of each code of a font, read from its table /ToUnicode."""
    signs: dict[bytes, str] = {}
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", table, re.DOTALL):
        for code, sign in re.findall(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            signs[_bytes_of(b"<" + code + b">")] = _bytes_of(b"<" + sign + b">").decode("utf-16-be", "replace")
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", table, re.DOTALL):
        for first, last, sign in re.findall(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]{1,6})>", block):
            for step in range(min(int(last, 16) - int(first, 16), 255) + 1):
                code = _code_of(first, step)
                signs[code] = chr(min(int(sign, 16) + step, 0x10FFFF))
        for first, listed in re.findall(rb"<([0-9A-Fa-f]+)>\s*<[0-9A-Fa-f]+>\s*\[([^\]]*)\]", block):
            for step, sign in enumerate(re.findall(rb"<([0-9A-Fa-f]+)>", listed)):
                code = _code_of(first, step)
                signs[code] = _bytes_of(b"<" + sign + b">").decode("utf-16-be", "replace")
    return signs


def _code_of(first: bytes, step: int) -> bytes:
    """The code that stands so many places behind the first of a range."""
    width = (len(first) + 1) // 2
    return (int(first, 16) + step).to_bytes(width + 1, "big")[-width:]


def _bytes_of(string: bytes) -> bytes:
    """The bytes of a string of a PDF, written in brackets or in hexadecimal digits."""
    if string.startswith(b"<"):
        digits = re.sub(rb"[^0-9A-Fa-f]", b"", string)
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
    return re.sub(rb"\\([0-7]{1,3}|.)", _unescape, string[1:-1], flags=re.DOTALL)


def _unescape(match: re.Match[bytes]) -> bytes:
    sign = match.group(1)
    if sign[:1].isdigit():
        return bytes([int(sign, 8) & 255])
    return _ESCAPES.get(sign, sign)


def _as_text(content: bytes) -> str:
    if content.startswith(b"\xfe\xff"):
        return content[2:].decode("utf-16-be", "replace")
    return content.decode("latin-1")
