"""What stands in a workbook beside the cells that anybody sees."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

from lxml import etree

from cohort.output_checking.checks.figure_contents import is_name_of_program
from cohort.output_checking.checks.part_finding import PartFinding, found

_PLAIN_PARTS = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|docProps/(core|app)\.xml|xl/workbook\.xml|xl/_rels/workbook\.xml\.rels"
    r"|xl/(styles|sharedStrings|metadata|calcChain)\.xml|xl/theme/theme[0-9]+\.xml|xl/worksheets/sheet[0-9]+\.xml"
    r"|xl/worksheets/_rels/sheet[0-9]+\.xml\.rels"
)
_PART_CODES = (
    (r"vbaProject|\.bin$.*macro|vbaData|xl/macrosheets", "WORKBOOK_MACRO"),
    (r"externalLinks?|connections\.xml|queryTables", "WORKBOOK_LINK"),
    (r"comments|threadedComments|persons/", "WORKBOOK_COMMENT"),
    (r"pivot|slicer", "WORKBOOK_PIVOT"),
    (r"embeddings|activeX|ctrlProps|media/|drawings|charts", "WORKBOOK_OBJECT"),
    (r"docProps/custom|customXml|customProperty", "WORKBOOK_PROPERTIES"),
)
_MOST_UNPACKED = 200_000_000


def check_workbook(content: bytes) -> Iterator[PartFinding]:
    """Find everything in an XLSX that is not a plain visible sheet of values.

    Args:
        content: its bytes.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        sizes = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError):
        yield found("UNREADABLE")
        return
    names = archive.namelist()
    if "xl/workbook.xml" not in names or "[Content_Types].xml" not in names:
        yield found("FILE_TYPE", found="zip")
        return
    if sizes > _MOST_UNPACKED or len(set(names)) < len(names) or any(e.flag_bits & 1 for e in archive.infolist()):
        yield found("UNREADABLE")
        return
    if archive.comment or not content.startswith(b"PK\x03\x04") or _bytes_between_parts(archive, content):
        yield found("APPENDED_BYTES", bytes=len(archive.comment))
    for name in names:
        if not _PLAIN_PARTS.fullmatch(name):
            code = next((code for pattern, code in _PART_CODES if re.search(pattern, name)), "WORKBOOK_PART")
            yield found(code, "a part of the workbook")
    for name in names:
        if name.endswith((".xml", ".rels")):
            yield from _check_part(name, archive.read(name))


def _bytes_between_parts(archive: zipfile.ZipFile, content: bytes) -> bool:
    end = content.rfind(b"PK\x05\x06")
    if len(content) != end + 22 + len(archive.comment):
        return True
    first = min((entry.header_offset for entry in archive.infolist()), default=0)
    packed = sum(entry.compress_size + 30 + len(entry.filename.encode()) for entry in archive.infolist())
    slack = archive.start_dir - packed
    allowed = sum(len(entry.extra) + 64 for entry in archive.infolist())
    return first > 0 or slack > allowed or len(content) < archive.start_dir


def _check_part(name: str, content: bytes) -> Iterator[PartFinding]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        yield found("UNREADABLE")
        return
    if name == "xl/workbook.xml":
        yield from _check_book(root)
    elif name.startswith("xl/worksheets/sheet"):
        yield from _check_sheet(root)
    elif name.startswith("docProps/"):
        yield from _check_properties(root)
    elif name.endswith(".rels"):
        for relation in root.iter():
            if relation.attrib.get("TargetMode") == "External":
                yield found("WORKBOOK_LINK")
    elif name == "xl/styles.xml":
        yield from _check_styles(root)


def _check_book(root: etree._Element) -> Iterator[PartFinding]:
    for number, sheet in enumerate(root.iterfind("{*}sheets/{*}sheet"), start=1):
        if sheet.attrib.get("state", "visible") != "visible":
            yield found("WORKBOOK_HIDDEN", f"sheet {number}")
    if root.find("{*}definedNames/{*}definedName") is not None:
        yield found("WORKBOOK_NAME")
    if root.find("{*}externalReferences") is not None:
        yield found("WORKBOOK_LINK")
    if root.find("{*}pivotCaches") is not None:
        yield found("WORKBOOK_PIVOT")


def _check_sheet(root: etree._Element) -> Iterator[PartFinding]:
    for row in root.iterfind("{*}sheetData/{*}row"):
        if _is_true(row.attrib.get("hidden")) or row.attrib.get("ht") in ("0", "0.0"):
            yield found("WORKBOOK_HIDDEN", f"row {row.attrib.get('r', '?')}")
    for column in root.iterfind("{*}cols/{*}col"):
        if _is_true(column.attrib.get("hidden")) or float(column.attrib.get("width", 9)) < 0.5:
            yield found("WORKBOOK_HIDDEN", f"column {column.attrib.get('min', '?')}")
    if root.find(".//{*}sheetData/{*}row/{*}c/{*}f") is not None:
        formula = root.find(".//{*}sheetData/{*}row/{*}c/{*}f")
        cell = None if formula is None else formula.getparent()
        yield found("WORKBOOK_FORMULA", "?" if cell is None else str(cell.attrib.get("r", "?")))
    for tag, code in (
        ("dataValidations", "WORKBOOK_LIST"), ("conditionalFormatting", "WORKBOOK_HIDDEN"),
        ("hyperlinks", "WORKBOOK_LINK"), ("autoFilter", "WORKBOOK_HIDDEN"), ("legacyDrawing", "WORKBOOK_COMMENT"),
        ("drawing", "WORKBOOK_OBJECT"), ("scenarios", "WORKBOOK_PART"), ("extLst", "WORKBOOK_PART"),
    ):  # fmt: skip
        if root.find("{*}" + tag) is not None:
            yield found(code, tag)
    texts = [t for t in root.itertext("{*}oddHeader", "{*}oddFooter", "{*}evenHeader", "{*}firstHeader") if t.strip()]
    if texts:
        yield found("WORKBOOK_PROPERTIES", "header or footer")


def _check_properties(root: etree._Element) -> Iterator[PartFinding]:
    for part in root.iter():
        if not isinstance(part.tag, str):
            continue
        name = etree.QName(part.tag).localname
        is_plain = name in (
            "Application",
            "AppVersion",
            "created",
            "modified",
            "DocSecurity",
            "ScaleCrop",
            "LinksUpToDate",
        )
        is_plain = is_plain or name in ("SharedDoc", "HyperlinksChanged", "lpstr", "i4", "lastPrinted", "revision")
        if not is_plain and not is_name_of_program(part.text or ""):
            yield found("WORKBOOK_PROPERTIES", name)


def _check_styles(root: etree._Element) -> Iterator[PartFinding]:
    """Number formats that show nothing, or something else than the value; and text in the colour of the sheet."""
    for style in root.iterfind("{*}numFmts/{*}numFmt"):
        code = re.sub(r"\[[^\]]*\]|\\.|_.|\s", "", str(style.attrib.get("formatCode", "")))
        shows_nothing = not re.search(r"[0#?@ymdhsGeneral]", re.sub(r'"[^"]*"', "", code)) or '"' in code
        if shows_nothing or any(not section for section in code.split(";")[:-1]):
            yield found("WORKBOOK_HIDDEN", "number format")
    for font in root.iterfind("{*}fonts/{*}font"):
        colour, size = font.find("{*}color"), font.find("{*}sz")
        if colour is not None and (
            str(colour.attrib.get("rgb", ""))[-6:].upper() == "FFFFFF" or colour.attrib.get("indexed") in ("1", "9")
            or (colour.attrib.get("theme") == "0" and not colour.attrib.get("tint"))
        ):  # fmt: skip
            yield found("WORKBOOK_HIDDEN", "white text")
        if size is not None and float(size.attrib.get("val", 11)) < 3:
            yield found("WORKBOOK_HIDDEN", "tiny text")


def _is_true(text: object) -> bool:
    return text in ("1", "true")
