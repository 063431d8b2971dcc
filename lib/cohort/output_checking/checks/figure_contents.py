"""What stands in a figure beside its picture: PNG and SVG."""

from __future__ import annotations

import re
import struct
import zlib
from collections import Counter
from collections.abc import Iterator

from lxml import etree

from cohort.agreements import OutputThresholds
from cohort.output_checking.checks.part_finding import PartFinding, found
from cohort.output_checking.checks.pdf_contents import MOST_MARKS
from cohort.output_checking.checks.personal_numbers import find_identifiers
from cohort.output_checking.checks.program_names import is_name_of_program
from cohort.output_checking.checks.text_rules import names_few_pupils

_PICTURE_CHUNKS = {
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"pHYs", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD",
}  # fmt: skip
_MOST_LETTERS = 400
_MOST_PATHS = 400
_DEFINITIONS = ("defs", "symbol", "clipPath", "mask", "pattern")
_FAR_AWAY = 3
_IDS_OF_LETTERS = re.compile(
    r"#(?:glyph|font|[A-Za-z]+(?:Sans|Serif|Mono|Roman|Math|Display)[A-Za-z]*-|(?:STIX|Cmr|Cmmi|Cmsy)[A-Za-z0-9]*-)",
    re.IGNORECASE,
)
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Values of a point by the kind of colour of a PNG."""


def check_png(content: bytes, thresholds: OutputThresholds) -> Iterator[PartFinding]:
    """Find everything in a PNG that is not its picture."""
    del thresholds
    place, seen_end = 8, False
    while place + 12 <= len(content) and not seen_end:
        length, name = struct.unpack(">I4s", content[place : place + 8])
        data = content[place + 8 : place + 8 + length]
        checksum = content[place + 8 + length : place + 12 + length]
        if len(checksum) < 4 or zlib.crc32(name + data) != struct.unpack(">I", checksum)[0]:
            yield found("FIGURE_BROKEN")
            return
        is_software = (
            name == b"tEXt" and data.startswith(b"Software\0") and is_name_of_program(data[9:].decode("latin-1"))
        )
        is_time = name == b"tIME" and length == 7
        if name not in _PICTURE_CHUNKS and not is_software and not is_time:
            yield found("FIGURE_METADATA", f"PNG {name.decode('latin-1') if name.isalpha() else '?'}")
        place += 12 + length
        seen_end = name == b"IEND"
    if not seen_end:
        yield found("FIGURE_BROKEN")
    elif place < len(content):
        yield found("APPENDED_BYTES", bytes=len(content) - place)
    yield from _check_png_pixels(content)


def _check_png_pixels(content: bytes) -> Iterator[PartFinding]:
    stream, place, header = b"", 8, b""
    while place + 12 <= len(content):
        length, name = struct.unpack(">I4s", content[place : place + 8])
        stream += content[place + 8 : place + 8 + length] if name == b"IDAT" else b""
        header = content[place + 8 : place + 21] if name == b"IHDR" else header
        place += 12 + length
        if name == b"IEND":
            break
    decoder = zlib.decompressobj()
    try:
        points = decoder.decompress(stream, 400_000_000)
    except zlib.error:
        yield found("FIGURE_BROKEN")
        return
    width, height, depth, colour, *_, is_interlaced = struct.unpack(">2I5B", header) if len(header) == 13 else (0,) * 7
    expected = height * (1 + (width * _CHANNELS.get(colour, 0) * depth + 7) // 8)
    more = len(decoder.unused_data) + (0 if is_interlaced else len(points) - expected)
    if more > 0 or decoder.unconsumed_tail:
        yield found("APPENDED_BYTES", "PNG IDAT", bytes=more)


def check_svg(content: bytes, thresholds: OutputThresholds) -> Iterator[PartFinding]:
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
    for part in [*root.itersiblings(preceding=True), *root.itersiblings(), *root.iter()]:
        if not isinstance(part.tag, str):
            if not _is_drawing_comment(part):
                yield found("SVG_EMBEDDED", "comment or processing instruction")
            continue
        yield from _check_svg_part(part, etree.QName(part.tag).localname.casefold())
    yield from _check_svg_words(root)
    yield from _check_svg_marks(root)
    yield from _check_svg_places(root)
    texts = ["".join(str(letter) for letter in part.itertext()) for part in root.iter("{*}text")]
    comments = [str(part.text or "") for part in root.iter() if isinstance(part, etree._Comment)]
    if any(names_few_pupils(text, thresholds) for text in [*texts, *comments]):
        yield found("SMALL_COUNT", "text in the figure", pupils=thresholds.pupils)


def _check_svg_words(root: etree._Element) -> Iterator[PartFinding]:
    """Find numbers of persons in texts, also in one that is drawn letter by letter, comments and names."""
    words = [str(text) for part in root.iter() for text in (part.text, part.tail) if text]
    words += ["".join(str(letter) for letter in part.itertext()) for part in root.iter("{*}text", "{*}g")]
    words += [
        str(value)
        for part in root.iter("{*}*")
        for key, value in part.attrib.items()
        if str(key) in ("class", "aria-label", "name") or (str(key) == "id" and not _is_hash(str(value)))
    ]
    for code in find_identifiers("\n".join(words)):
        yield found(code)


def _is_hash(name: str) -> bool:
    """Tell whether a name is one that matplotlib makes of what it draws."""
    return re.fullmatch(r"[A-Za-z]{1,3}[0-9a-f]{10}|[A-Z][0-9]+_[0-9]+_[0-9a-f]{10}", name) is not None


def _check_svg_marks(root: etree._Element) -> Iterator[PartFinding]:
    """Find figures that draw about as many points as there are pupils; letters that are drawn are no points."""
    letters: Counter[str] = Counter()
    marks = paths = 0
    for part in root.iter("{*}*"):
        name = etree.QName(part.tag).localname.casefold()
        link = next((str(v) for k, v in part.attrib.items() if etree.QName(str(k)).localname == "href"), "")
        if name == "use" and _IDS_OF_LETTERS.match(link):
            letters[link] += 1
        elif name in ("use", "circle", "ellipse"):
            marks += 1
        elif name == "path" and not any(
            etree.QName(above.tag).localname in _DEFINITIONS for above in part.iterancestors()
        ):
            paths += 1
    marks += sum(count for count in letters.values() if count > _MOST_LETTERS)
    if marks > MOST_MARKS:
        yield found("FIGURE_POINTS", count=marks, most=MOST_MARKS)
    elif paths > _MOST_PATHS:
        yield found("FIGURE_POINTS", count=paths, most=_MOST_PATHS)


def _check_svg_places(root: etree._Element) -> Iterator[PartFinding]:
    """Find text that stands far outside the picture."""
    box = [float(number) for number in re.findall(r"-?[0-9]+(?:\.[0-9]+)?", str(root.attrib.get("viewBox", "")))[:4]]
    if len(box) < 4:
        return
    far = _FAR_AWAY * max(box[2], box[3])
    for part in root.iter("{*}text", "{*}tspan"):
        places = [str(part.attrib.get(key, "")) for key in ("x", "y", "transform")]
        if any(abs(float(number)) > far for number in re.findall(r"-?[0-9]+(?:\.[0-9]+)?", " ".join(places))):
            yield found("FIGURE_HIDDEN_TEXT", "outside the picture")


def _check_svg_text(part: etree._Element, style: str) -> Iterator[PartFinding]:
    """Find a text that nobody sees: white, transparent, tiny, or of a definition."""
    is_unseen = re.search(r"fill:(#fff(fff)?|white|none|transparent)\b|fill-opacity:0(\.0*)?;", style + _fill(part))
    size = re.search(r"font-size:([0-9]*\.?[0-9]+)", style)
    is_defined = any(etree.QName(above.tag).localname in _DEFINITIONS for above in part.iterancestors())
    if is_unseen or is_defined or (size is not None and float(size.group(1)) < 1):
        yield found("FIGURE_HIDDEN_TEXT", "text")


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
        "".join(str(text) for text in part.itertext())
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
        for k in ("display", "visibility", "opacity", "font-size", "fill-opacity")
        if k in part.attrib
    )
    if re.search(r"display:none|visibility:hidden|(?<!-)opacity:0(\.0*)?;|font-size:0(\.0*)?(px|pt)?;", style):
        yield found("FIGURE_HIDDEN_TEXT", name)
    if name == "style" and re.search(r"@import|url\((?!['\"]?#)|data:", part.text or ""):
        yield found("SVG_EMBEDDED", "style")
    if name == "style" and re.search(r"display:none|visibility:hidden|opacity:0|font-size:0", _packed(part.text)):
        yield found("FIGURE_HIDDEN_TEXT", name)
    if name in ("text", "tspan"):
        yield from _check_svg_text(part, style)


def _packed(text: str | None) -> str:
    return (text or "").replace(" ", "").casefold()


def _fill(part: etree._Element) -> str:
    return f"fill:{part.attrib.get('fill', '')};".casefold()
