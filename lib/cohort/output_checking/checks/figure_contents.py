"""What stands in a figure beside its picture: PNG, SVG and PDF."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

from lxml import etree

from cohort.output_checking.checks.part_finding import PartFinding, found
from cohort.output_checking.checks.personal_numbers import find_identifiers

_PICTURE_CHUNKS = {
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"pHYs", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD",
}  # fmt: skip
_PROGRAM_NAMES = re.compile(
    r"(matplotlib[^\n]{0,60}|R|ggplot2|gnuplot[^\n]{0,20}|openpyxl|Microsoft Excel|LibreOffice[^\n]{0,60}"
    r"|cairo [0-9.]+)",
    re.IGNORECASE,
)
_ACTIVE_PDF = (
    *("EmbeddedFile", "JavaScript", "JS", "Launch", "AcroForm", "RichMedia", "Annot", "FileAttachment", "OpenAction"),
    *("AA", "Filespec", "AF", "XFA", "OCG", "OCProperties", "Encrypt", "PieceInfo", "Collection"),
)
_MOST_MARKS = 500


def is_name_of_program(text: str) -> bool:
    """Tell whether a text of the metadata only names the program that made the file."""
    return not text.strip() or _PROGRAM_NAMES.fullmatch(text.strip()) is not None


def check_png(content: bytes) -> Iterator[PartFinding]:
    """Find everything in a PNG that is not its picture."""
    place, seen_end = 8, False
    while place + 12 <= len(content) and not seen_end:
        length, name = struct.unpack(">I4s", content[place : place + 8])
        data = content[place + 8 : place + 8 + length]
        checksum = content[place + 8 + length : place + 12 + length]
        if len(checksum) < 4 or zlib.crc32(name + data) != struct.unpack(">I", checksum)[0]:
            yield found("FIGURE_BROKEN")
            return
        is_software = (
            name == b"tEXt"
            and data.startswith(b"Software\0")
            and is_name_of_program(data[9:].decode("latin-1").partition(", http")[0])
        )
        if name not in _PICTURE_CHUNKS and not is_software:
            yield found("FIGURE_METADATA", f"PNG {name.decode('latin-1') if name.isalpha() else '?'}")
        place += 12 + length
        seen_end = name == b"IEND"
    if not seen_end:
        yield found("FIGURE_BROKEN")
    elif place < len(content):
        yield found("APPENDED_BYTES", bytes=len(content) - place)
    yield from _check_png_pixels(content)


def _check_png_pixels(content: bytes) -> Iterator[PartFinding]:
    stream, place = b"", 8
    while place + 12 <= len(content):
        length, name = struct.unpack(">I4s", content[place : place + 8])
        stream += content[place + 8 : place + 8 + length] if name == b"IDAT" else b""
        place += 12 + length
        if name == b"IEND":
            break
    decoder = zlib.decompressobj()
    try:
        decoder.decompress(stream, 400_000_000)
    except zlib.error:
        yield found("FIGURE_BROKEN")
        return
    if decoder.unused_data:
        yield found("APPENDED_BYTES", "PNG IDAT", bytes=len(decoder.unused_data))


def check_svg(content: bytes) -> Iterator[PartFinding]:
    """Find scripts, embedded data, hidden text and comments in an SVG."""
    if (b"<!DOCTYPE" in content.upper() and b"[" in content.partition(b"<svg")[0]) or b"<!ENTITY" in content.upper():
        yield found("SVG_ACTIVE", "DOCTYPE")
        return
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        yield found("FIGURE_BROKEN")
        return
    marks = 0
    for part in [*root.itersiblings(preceding=True), *root.itersiblings(), *root.iter()]:
        if not isinstance(part.tag, str):
            if not _is_drawing_comment(part):
                yield found("SVG_EMBEDDED", "comment or processing instruction")
            continue
        name = etree.QName(part.tag).localname.casefold()
        marks += name in ("use", "circle", "ellipse")
        yield from _check_svg_part(part, name)
    words = [str(text) for text in root.itertext()] + [
        str(value)
        for part in root.iter()
        for key, value in part.attrib.items()
        if str(key) in ("id", "class", "aria-label")
    ]
    for code in find_identifiers("\n".join(words)):
        yield found(code)
    if marks > _MOST_MARKS:
        yield found("FIGURE_POINTS", count=marks, most=_MOST_MARKS)


def _is_drawing_comment(part: etree._Element) -> bool:
    """matplotlib writes each text it draws as outlines in a comment too; one that is short is looked at in the text."""
    return isinstance(part, etree._Comment) and len((part.text or "").strip()) <= 80


def _check_svg_part(part: etree._Element, name: str) -> Iterator[PartFinding]:
    if name in ("script", "foreignobject", "iframe", "handler", "animate", "set"):
        yield found("SVG_ACTIVE", name)
    if name in ("image", "feimage", "audio", "video", "font", "font-face"):
        yield found("SVG_EMBEDDED", name)
    namespace = etree.QName(part.tag).namespace or "http://www.w3.org/2000/svg"
    if "svg" not in namespace and not any(k in namespace for k in ("purl.org/dc", "22-rdf-syntax", "creativecommons")):
        yield found("SVG_EMBEDDED", "an element of another kind")
    if name in ("creator", "title", "desc", "description", "publisher", "contributor") and not is_name_of_program(
        "".join(str(text) for text in part.itertext()).partition(", http")[0]
    ):
        yield found("FIGURE_METADATA", name)
    for key, value in part.attrib.items():
        attribute, text = etree.QName(str(key)).localname.casefold(), str(value).casefold()
        if attribute.startswith("on") or "javascript:" in text:
            yield found("SVG_ACTIVE", attribute)
        if attribute.startswith("data-") or "data:" in text or "@import" in text:
            yield found("SVG_EMBEDDED", attribute)
        if attribute in ("href", "src") and not text.startswith("#") and name != "type":
            yield found("SVG_EMBEDDED", attribute)
    style = "".join(str(part.attrib.get(k, "")) + ";" for k in ("style",)).replace(" ", "").casefold()
    style += "".join(
        k + ":" + str(part.attrib[k]) + ";"
        for k in ("display", "visibility", "opacity", "font-size")
        if k in part.attrib
    )
    if re.search(r"display:none|visibility:hidden|(?<!-)opacity:0(\.0*)?;|font-size:0(\.0*)?(px|pt)?;", style):
        yield found("FIGURE_HIDDEN_TEXT", name)
    if name == "style" and re.search(r"@import|url\((?!['\"]?#)|data:", part.text or ""):
        yield found("SVG_EMBEDDED", "style")
    if name == "text" and re.search(r"fill:(#fff(fff)?|white|none|transparent)\b", style + _fill(part)):
        yield found("FIGURE_HIDDEN_TEXT", name)


def _fill(part: etree._Element) -> str:
    return f"fill:{part.attrib.get('fill', '')};".casefold()


def check_pdf(content: bytes) -> Iterator[PartFinding]:
    """Find attachments, scripts, earlier versions and metadata in a PDF."""
    end = content.rfind(b"%%EOF")
    if end < 0:
        yield found("FIGURE_BROKEN")
    elif content[end + 5 :].strip():
        yield found("APPENDED_BYTES", bytes=len(content[end + 5 :]))
    if content.count(b"%%EOF") > 1:
        yield found("PDF_VERSIONS")
    everything = content + b"\n".join(_inflated_streams(content))
    everything = re.sub(rb"#([0-9A-Fa-f]{2})", lambda m: bytes([int(m.group(1), 16)]), everything)
    for name in _ACTIVE_PDF:
        if re.search(rb"/" + name.encode() + rb"(?![A-Za-z])", everything):
            yield found("PDF_EMBEDDED", name)
    for key in ("Author", "Title", "Subject", "Keywords", "Creator", "Producer"):
        for match in re.finditer(rb"/" + key.encode() + rb"\s*(?:\(([^)]*)\)|<([0-9A-Fa-f]+)>)", everything):
            text = (match.group(1) or b"hex").decode("latin-1")
            if not is_name_of_program(text.partition(", http")[0].partition(" (")[0].replace("\\", "")):
                yield found("FIGURE_METADATA", key)
    if re.search(rb"[\s]3\s+Tr\b", everything):
        yield found("FIGURE_HIDDEN_TEXT", "PDF")
    if re.search(rb"/Subtype\s*/Image", everything):
        yield found("PDF_EMBEDDED", "Image")
    drawn = b" ".join(re.findall(rb"\(((?:[^()\\]|\\.)*)\)", everything)).decode("latin-1")
    for code in find_identifiers(drawn):
        yield found(code)


def _inflated_streams(content: bytes) -> Iterator[bytes]:
    for match in re.finditer(rb"stream\r?\n", content):
        decoder = zlib.decompressobj()
        try:
            yield decoder.decompress(content[match.end() :], 50_000_000)
        except zlib.error:
            continue
