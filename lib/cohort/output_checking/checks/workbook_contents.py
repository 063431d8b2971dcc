"""What stands in a workbook beside the cells that anybody sees."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping

from lxml import etree
from openpyxl.utils import get_column_letter, range_boundaries

from cohort.output_checking.checks.part_finding import PartFinding, found
from cohort.output_checking.checks.personal_numbers import find_identifiers
from cohort.output_checking.checks.program_names import is_name_of_program
from cohort.output_checking.checks.workbook_archive import has_foreign_bytes
from cohort.output_checking.checks.workbook_styles import check_styles

_PLAIN_PARTS = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|docProps/(core|app)\.xml|xl/workbook\.xml|xl/_rels/workbook\.xml\.rels"
    r"|xl/(styles|sharedStrings|metadata|calcChain)\.xml|xl/theme/theme[0-9]+\.xml|xl/worksheets/sheet[0-9]+\.xml"
    r"|xl/worksheets/_rels/sheet[0-9]+\.xml\.rels|xl/tables/table[0-9]+\.xml"
)
_PART_CODES = (
    (r"vbaProject|\.bin$.*macro|vbaData|xl/macrosheets", "WORKBOOK_MACRO"),
    (r"externalLinks?|connections\.xml|queryTables", "WORKBOOK_LINK"),
    (r"comments|threadedComments|persons/", "WORKBOOK_COMMENT"),
    (r"pivot|slicer", "WORKBOOK_PIVOT"),
    (r"embeddings|activeX|ctrlProps|media/|drawings|charts", "WORKBOOK_OBJECT"),
    (r"docProps/custom|customXml|customProperty", "WORKBOOK_PROPERTIES"),
)
_ARCHIVE_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, EOFError, OSError)
"""What a damaged archive raises."""
_MOST_UNPACKED = 200_000_000
_MOST_MERGED = 100_000
_PLAIN_PROPERTIES = (
    *("Application", "AppVersion", "created", "modified", "DocSecurity", "ScaleCrop", "LinksUpToDate", "SharedDoc"),
    *("HyperlinksChanged", "lpstr", "i4", "lastPrinted", "revision", "TotalTime", "language", "date"),
)
_PLAIN_PARTS_OF_SHEET = {
    *("sheetPr", "dimension", "sheetViews", "sheetFormatPr", "cols", "sheetData", "mergeCells", "phoneticPr"),
    *("printOptions", "pageMargins", "pageSetup", "headerFooter", "ignoredErrors", "sheetProtection", "tableParts"),
    *("sheetCalcPr", "rowBreaks", "colBreaks", "conditionalFormatting", "autoFilter"),
}
_CODES_OF_SHEET = {
    "dataValidations": "WORKBOOK_LIST",
    "hyperlinks": "WORKBOOK_LINK",
    "legacyDrawing": "WORKBOOK_COMMENT",
    "drawing": "WORKBOOK_OBJECT",
}
_NAMES_OF_PRINTING = ("_xlnm.Print_Area", "_xlnm.Print_Titles", "_xlnm._FilterDatabase")
_CODES_OF_HEADERS = re.compile(r'&"[^"]*"|&[0-9]+|&[A-Za-z]|Page|Pagina|\b(?:of|van)\b|[\s/&]')
"""What programs write above and below a printed page: names of sheets and numbers of pages."""


def check_workbook(content: bytes) -> Iterator[PartFinding]:
    """Find everything in an XLSX that is not a plain visible sheet of values.

    Args:
        content: its bytes.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        sizes = sum(entry.file_size for entry in archive.infolist())
    except _ARCHIVE_ERRORS:
        yield found("UNREADABLE")
        return
    names = archive.namelist()
    if "xl/workbook.xml" not in names or "[Content_Types].xml" not in names:
        yield found("FILE_TYPE", found="zip")
        return
    if sizes > _MOST_UNPACKED or len(set(names)) < len(names) or any(e.flag_bits & 1 for e in archive.infolist()):
        yield found("UNREADABLE")
        return
    if not content.startswith(b"PK\x03\x04") or has_foreign_bytes(archive, content):
        yield found("APPENDED_BYTES", bytes=len(archive.comment))
    try:
        parts = {name: _parse(archive.read(name)) for name in names if name.endswith((".xml", ".rels"))}
    except (etree.XMLSyntaxError, *_ARCHIVE_ERRORS):
        yield found("UNREADABLE")
        return
    for name in names:
        is_empty_list = name.startswith("xl/persons/") and name in parts and len(parts[name]) == 0
        if not _PLAIN_PARTS.fullmatch(name) and not is_empty_list:
            code = next((code for pattern, code in _PART_CODES if re.search(pattern, name)), "WORKBOOK_PART")
            yield found(code, "a part of the workbook")
    try:
        yield from list(_check_parts(parts))
    except ValueError:  # a size, colour or place that is no number
        yield found("UNREADABLE")


def _check_parts(parts: Mapping[str, etree._Element]) -> Iterator[PartFinding]:
    for name, root in parts.items():
        yield from _check_part(name, root)
    yield from _check_words(parts)
    sheets = [root for name, root in parts.items() if name.startswith("xl/worksheets/sheet")]
    if "xl/styles.xml" in parts:
        yield from check_styles(parts["xl/styles.xml"], sheets)
    if "xl/sharedStrings.xml" in parts:
        yield from _check_shared_strings(parts["xl/sharedStrings.xml"], sheets)


def _parse(content: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    return etree.fromstring(content, parser)


def _check_words(parts: Mapping[str, etree._Element]) -> Iterator[PartFinding]:
    """Find numbers of persons in names of sheets, properties and whatever else is no cell."""
    words = []
    for name, root in parts.items():
        if name.startswith(("docProps/", "xl/workbook.xml", "xl/tables/", "xl/styles.xml")):
            words += [str(text) for part in root.iter() for text in (part.text, part.tail) if text]
            words += [
                str(part.attrib[key])
                for part in root.iter("{*}*")
                for key in ("name", "codeName")
                if key in part.attrib
            ]
    for code in find_identifiers("\n".join(words)):
        yield found(code, "properties")


def _check_shared_strings(strings: etree._Element, sheets: list[etree._Element]) -> Iterator[PartFinding]:
    """Find texts that no cell shows."""
    shown = {
        cell.findtext("{*}v", "")
        for sheet in sheets
        for cell in sheet.iterfind("{*}sheetData/{*}row/{*}c")
        if cell.attrib.get("t") == "s"
    }
    if any(str(number) not in shown for number in range(len(strings.findall("{*}si")))):
        yield found("WORKBOOK_HIDDEN", "texts of no cell")


def _check_part(name: str, root: etree._Element) -> Iterator[PartFinding]:
    around = [*root.itersiblings(preceding=True), *root.itersiblings(), *root.iter()]
    if any(not isinstance(part.tag, str) for part in around):
        yield found("WORKBOOK_COMMENT", "comment in a part")
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
    elif name.startswith("xl/tables/"):
        if root.find(".//{*}filterColumn") is not None or "comment" in root.attrib:
            yield found("WORKBOOK_HIDDEN", "table")
        if any("ormula" in str(part.tag) for part in root.iter()):
            yield found("WORKBOOK_FORMULA", "table")


def _check_book(root: etree._Element) -> Iterator[PartFinding]:
    for number, sheet in enumerate(root.iterfind("{*}sheets/{*}sheet"), start=1):
        if sheet.attrib.get("state", "visible") != "visible":
            yield found("WORKBOOK_HIDDEN", f"sheet {number}")
    for name in root.iterfind("{*}definedNames/{*}definedName"):
        if name.attrib.get("name") not in _NAMES_OF_PRINTING or "[" in (name.text or ""):
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
    formula = root.find("{*}sheetData/{*}row/{*}c/{*}f")
    if formula is not None:
        cell = formula.getparent()
        yield found("WORKBOOK_FORMULA", "?" if cell is None else str(cell.attrib.get("r", "?")))
    for part in root:
        tag = etree.QName(part.tag).localname if isinstance(part.tag, str) else "comment"
        if tag not in _PLAIN_PARTS_OF_SHEET:
            yield found(_CODES_OF_SHEET.get(tag, "WORKBOOK_PART"), tag)
    yield from _check_hidden_ranges(root)
    texts = [
        _CODES_OF_HEADERS.sub("", text) for part in root.iterfind("{*}headerFooter/*") for text in [part.text or ""]
    ]
    if any(texts):
        yield found("WORKBOOK_PROPERTIES", "header or footer")


def _check_hidden_ranges(root: etree._Element) -> Iterator[PartFinding]:
    """Find what hides cells without a hidden row or column."""
    sizes = root.find("{*}sheetFormatPr")
    if sizes is not None and (
        _is_true(sizes.attrib.get("zeroHeight"))
        or any(sizes.attrib.get(key) in ("0", "0.0") for key in ("defaultRowHeight", "defaultColWidth"))
    ):
        yield found("WORKBOOK_HIDDEN", "rows of no height")
    if any(view.attrib.get("showZeros") in ("0", "false") for view in root.iterfind("{*}sheetViews/{*}sheetView")):
        yield found("WORKBOOK_HIDDEN", "zeros")
    if root.find("{*}autoFilter/{*}filterColumn") is not None:
        yield found("WORKBOOK_HIDDEN", "autoFilter")
    if any(rule.attrib.get("type") != "colorScale" for rule in root.iterfind("{*}conditionalFormatting/{*}cfRule")):
        yield found("WORKBOOK_HIDDEN", "conditionalFormatting")
    covered = {
        cell
        for merged in root.iterfind("{*}mergeCells/{*}mergeCell")
        for cell in _cells_below(str(merged.attrib.get("ref", "")))
    }
    for cell in root.iterfind("{*}sheetData/{*}row/{*}c"):
        if cell.attrib.get("r") in covered and (cell.find("{*}v") is not None or cell.find("{*}is") is not None):
            yield found("WORKBOOK_HIDDEN", f"merged cell {cell.attrib.get('r')}")


def _cells_below(reference: str) -> list[str]:
    """The cells of a merged range apart from its first, of which only the first is shown."""
    try:
        left, top, right, bottom = (int(bound or 0) for bound in range_boundaries(reference))
    except (ValueError, TypeError):
        return []
    if (right - left + 1) * (bottom - top + 1) > _MOST_MERGED:
        return []
    cells = [f"{get_column_letter(x)}{y}" for y in range(top, bottom + 1) for x in range(left, right + 1)]
    return cells[1:]


def _check_properties(root: etree._Element) -> Iterator[PartFinding]:
    for part in root.iter():
        if not isinstance(part.tag, str):
            continue
        name = etree.QName(part.tag).localname
        is_plain = name in _PLAIN_PROPERTIES
        if not is_plain and not is_name_of_program(part.text or ""):
            yield found("WORKBOOK_PROPERTIES", name)


def _is_true(text: object) -> bool:
    return text in ("1", "true")
