"""Workbooks drawn part by part, as programs write them: `.xlsx` and what else is called a spreadsheet."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = {
    MAIN: "http://purl.oclc.org/ooxml/spreadsheetml/main",
    LINKS: "http://purl.oclc.org/ooxml/officeDocument/relationships",
}
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
PACKAGE_TYPE = "application/vnd.openxmlformats-package"
SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
HEADER = ("brin", "schooljaar", "pgn", "toetscode", "toetsversie", "afnamedatum", "vaardigheidsscore")
FORMATS = ("General", "0%", '0"%"', ";;;", "yyyy-mm-dd", "0.00")
"""Of the styles of a drawn workbook, by their number."""


def text(value: str, place: str = "") -> str:
    """A cell of text as many programs write it, and one that is shared by none."""
    where = f' r="{place}"' if place else ""
    return f'<c{where} t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'


def number(value: object, style: int = 0) -> str:
    return f'<c s="{style}"><v>{value}</v></c>'


def row(*cells: str, **attributes: object) -> str:
    """A row of cells; one that is not XML yet is text. Without numbers, as some programs leave them out."""
    told = "".join(f' {name}="{value}"' for name, value in attributes.items())
    made = "".join(cell if cell.startswith("<") else text(cell) for cell in cells)
    return f"<row{told}>{made}</row>"


def result(pgn: str, score: str = "80.5", school: str = "00GG", **attributes: object) -> str:
    """A row of the canonical format: a pupil's result."""
    scored = score if score.startswith("<") else number(score)
    return row(school, "2024-2025", pgn, "REK-M7", "3.0", "2025-01-20", scored, **attributes)


@dataclass(frozen=True)
class Sheet:
    rows: str
    before: str = ""
    """Elements before its rows: `cols`, `sheetFormatPr`."""
    state: str = "visible"


def header(**attributes: object) -> str:
    return row(*HEADER, **attributes)


@dataclass(frozen=True)
class Workbook:
    """Sheets, the texts that they share, and parts that a program puts beside them."""

    sheets: tuple[Sheet, ...]
    strings: str = ""
    strict: bool = False
    first_day: int = 1900
    more: dict[str, bytes] = field(default_factory=dict)
    type_of_book: str = f"{SHEET_TYPE}.sheet.main+xml"

    def packed(self) -> bytes:
        numbers = range(1, len(self.sheets) + 1)
        parts: dict[str, str] = {
            "[Content_Types].xml": f'<Types xmlns="{TYPES}"><Default Extension="xml" ContentType="text/xml"/>'
            f'<Default Extension="rels" ContentType="{PACKAGE_TYPE}.relationships+xml"/>'
            + _type("xl/workbook.xml", self.type_of_book)
            + _type("xl/styles.xml", f"{SHEET_TYPE}.styles+xml")
            + (_type("xl/sharedStrings.xml", f"{SHEET_TYPE}.sharedStrings+xml") if self.strings else "")
            + "".join(_type(f"xl/worksheets/sheet{n}.xml", f"{SHEET_TYPE}.worksheet+xml") for n in numbers)
            + "</Types>",
            "_rels/.rels": _links(("rId1", "officeDocument", "xl/workbook.xml")),
            "xl/_rels/workbook.xml.rels": _links(
                *((f"rId{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in numbers),
                ("rId98", "styles", "styles.xml"),
                *([("rId99", "sharedStrings", "sharedStrings.xml")] if self.strings else []),
            ),
            "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}">'
            f'<workbookPr date1904="{int(self.first_day == 1904)}"/><sheets>'
            + "".join(
                f'<sheet name="Blad{n}" sheetId="{n}" state="{sheet.state}" r:id="rId{n}"/>'
                for n, sheet in zip(numbers, self.sheets, strict=True)
            )
            + "</sheets></workbook>",
            "xl/styles.xml": _styles(),
        }
        for n, sheet in zip(numbers, self.sheets, strict=True):
            parts[f"xl/worksheets/sheet{n}.xml"] = (
                f'<worksheet xmlns="{MAIN}">{sheet.before}<sheetData>{sheet.rows}</sheetData></worksheet>'
            )
        if self.strings:
            parts["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}">{self.strings}</sst>'
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, part in parts.items():
                for plain, strict in STRICT.items() if self.strict else ():
                    part = part.replace(plain, strict)
                archive.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + part)
            for name, content in self.more.items():
                archive.writestr(name, content)
        return made.getvalue()


def book(*rows: str, before: str = "", **how: object) -> bytes:
    """A workbook of one sheet."""
    return Workbook((Sheet("".join(rows), before),), **how).packed()  # type: ignore[arg-type]


def _type(part: str, kind: str) -> str:
    return f'<Override PartName="/{part}" ContentType="{kind}"/>'


def _links(*links: tuple[str, str, str]) -> str:
    inside = "".join(
        f'<Relationship Id="{name}" Type="{LINKS}/{kind}" Target="{target}"/>' for name, kind, target in links
    )
    return f'<Relationships xmlns="{PACKAGE}">{inside}</Relationships>'


def _styles() -> str:
    quoted = [form.replace('"', "&quot;") for form in FORMATS]
    forms = "".join(f'<numFmt numFmtId="{200 + n}" formatCode="{form}"/>' for n, form in enumerate(quoted))
    styles = "".join(f'<xf numFmtId="{200 + n}" quotePrefix="1"/>' for n in range(len(FORMATS)))
    return (
        f'<styleSheet xmlns="{MAIN}"><numFmts count="{len(FORMATS)}">{forms}</numFmts>'
        "<fonts><font/></fonts><fills><fill><patternFill/></fill></fills><borders><border/></borders>"
        f"<cellStyleXfs><xf/></cellStyleXfs><cellXfs>{styles}</cellXfs></styleSheet>"
    )


def zipped(*parts: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts:
            archive.writestr(name, content)
    return made.getvalue()


def open_document(kind: str = "spreadsheet") -> bytes:
    """What LibreOffice saves, as far as it is looked at."""
    mime = f"application/vnd.oasis.opendocument.{kind}"
    return zipped(
        ("mimetype", mime.encode()),
        ("content.xml", b"<office:document-content/>"),
        ("META-INF/manifest.xml", b"<manifest/>"),
        ("Thumbnails/thumbnail.png", b"\x89PNG\r\n"),
    )


def word() -> bytes:
    return zipped(("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w:document/>"))


def binary() -> bytes:
    return zipped(("[Content_Types].xml", b"<Types/>"), ("xl/workbook.bin", b"\x83\x01\x00"))


def numbers() -> bytes:
    return zipped(("Index/Document.iwa", b"\x00x"), ("Metadata/Properties.plist", b"bplist00"))
