"""Types of files by their bytes, reason codes of those without a reader, and files beside data in a container."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from tests.unit.drawn_workbooks import (
    HEADER,
    Sheet,
    Workbook,
    binary,
    book,
    header,
    number,
    numbers,
    open_document,
    result,
    row,
    word,
    zipped,
)

from cohort.agreements.container_limits import ContainerLimits
from cohort.delivery_formats import file_types, format_declarations, transcripts
from cohort.delivery_formats.delivered_file import DeliveredFile, DeliveryKind
from cohort.delivery_formats.file_reason_codes import FILE_REASONS, DeliveryRejected
from cohort.delivery_formats.file_recognition import RecognitionContext, recognise_deliveries

CONF = Path(__file__).resolve().parents[2] / "conf"
LIMITS = ContainerLimits(members=50, bytes_per_member=2 << 20, total_bytes=4 << 20, ratio=200)
LINE = "00GG;2024-2025;999900109;REK-M7;3.0;2025-01-20;80,5\n"
CSV = (";".join(HEADER) + "\n" + LINE * 3).encode()
XLSX = book(header(), result("999900109"))
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
XML2003 = b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>\n<Workbook xmlns="urn:x"></Workbook>'
FLAT = '<?xml version="1.0"?>\n<office:document xmlns:office="urn:x" office:mimetype="{}.opendocument.{}"/>'
MAIL = b"MIME-Version: 1.0\r\nX-Document-Type: Workbook\r\nContent-Type: multipart/related; boundary=x\r\n\r\n"
PAGE = "<html><table><tr><td>brin</td></tr></table></html>"


def delivered(name: str, content: bytes, folder: Path) -> list[DeliveredFile]:
    """The deliveries in a file, as far as the driver looks: sheets are read, too."""
    (folder / "in").mkdir(exist_ok=True)
    (folder / "in" / name).write_bytes(content)
    desk = RecognitionContext(folder / "in", folder / "work", format_declarations.load_delivery_formats(CONF), LIMITS)
    found = []
    for file in recognise_deliveries(folder / "in" / name, desk):
        try:
            read = file.delivery_kind == DeliveryKind.WORKBOOK and not file.rejection
            found.append(transcripts.transcribe_workbook(file, desk) if read else file)
        except DeliveryRejected as rejected:
            found.append(DeliveredFile(file.path, file.sha256, file.name, rejection=rejected.code))
    return found


KINDS = [
    ("an .xlsx", XLSX, None),
    (
        "its names with backslashes",
        zipped(("[Content_Types].xml", b""), ("xl\\workbook.bin", b"")),
        "SPREADSHEET_OTHER",
    ),
    ("an .ods", open_document(), "SPREADSHEET_OTHER"),
    (
        "an .ods without a word of its kind",
        zipped(("content.xml", b"<x/>"), ("META-INF/manifest.xml", b"<x/>")),
        "SPREADSHEET_OTHER",
    ),
    ("an .ots", open_document("spreadsheet-template"), "SPREADSHEET_OTHER"),
    ("an .fods", FLAT.format("application/vnd.oasis", "spreadsheet").encode(), "SPREADSHEET_OTHER"),
    ("a .numbers", numbers(), "SPREADSHEET_OTHER"),
    ("an older .numbers", zipped(("Index.zip", zipped()), ("preview.jpg", b"x")), "SPREADSHEET_OTHER"),
    ("an .xlsb", binary(), "SPREADSHEET_OTHER"),
    ("a SYLK file", b"ID;PWXL;N;E\r\nP;PGeneral\r\n", "SPREADSHEET_OTHER"),
    ("an .xls of 1997", OLE + b"Workbook", "OLD_SPREADSHEET"),
    ("an .xls as scripts write it", b"\x09\x08\x08\x00\x00\x00\x10\x00" + b"x" * 20, "OLD_SPREADSHEET"),
    ("a .doc", OLE + "WordDocument".encode("utf-16-le"), "DOCUMENT"),
    ("a .docx", word(), "DOCUMENT"),
    ("a .pptx", zipped(("[Content_Types].xml", b""), ("ppt/presentation.xml", b"")), "DOCUMENT"),
    ("an .odt", open_document("text"), "DOCUMENT"),
    ("an .fodt", FLAT.format("application/vnd.oasis", "text").encode(), "DOCUMENT"),
    ("a PDF", b"%PDF-1.7\n%\xe2\xe3", "DOCUMENT"),
    ("an .rtf", b"{\\rtf1\\ansi", "DOCUMENT"),
    ("a picture", b"\x89PNG\r\n\x1a\n", "DOCUMENT"),
    ("a photograph", b"\xff\xd8\xff\xe0\x00\x10JFIF", "DOCUMENT"),
    ("HTML", b"<!DOCTYPE html>" + PAGE.encode(), "WEB_PAGE"),
    ("HTML of a mark", b"\xef\xbb\xbf\r\n" + PAGE.encode(), "WEB_PAGE"),
    ("HTML in capitals", PAGE.upper().encode(), "WEB_PAGE"),
    ("HTML of two bytes", PAGE.encode("utf-16"), "WEB_PAGE"),
    ("HTML of Excel", b'<html xmlns:x="urn:schemas-microsoft-com:office:excel">\n<head></head></html>', "WEB_PAGE"),
    ("XHTML", b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0//EN">' + PAGE.encode(), "WEB_PAGE"),
    ("a table alone", b"\n\n<table border=1><tr><td>brin</table>", "WEB_PAGE"),
    ("a remark before it", b"<!-- export -->\n<meta charset=utf-8><table></table>", "WEB_PAGE"),
    ("a style before it", b"<style>td{x}</style><table></table>", "WEB_PAGE"),
    ("a spreadsheet of 2003", XML2003, "WEB_PAGE"),
    ("the same with a prefix", b'<ss:Workbook xmlns:ss="urn:x"/>', "WEB_PAGE"),
    ("a page as mail", MAIL + b"---\r\n", "WEB_PAGE"),
    (
        "a page as mail, by Word",
        b"From: <Saved by Blink>\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n",
        "WEB_PAGE",
    ),
    ("another document", b"<x><y/></x>", "XML_UNKNOWN"),
    ("a document with a DTD", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "XML_UNSAFE"),
    ("tabs", CSV.replace(b";", b"\t"), "DELIMITER_OTHER"),
    ("bars", CSV.replace(b";", b"|"), "DELIMITER_OTHER"),
    ("commas", CSV.replace(b",", b".").replace(b";", b","), "DELIMITER_OTHER"),
    ("a title above", b"Toetsoverzicht groep 7\n\n" + CSV, "HEADER_LOWER"),
    ("two lines above, in fields", b"School;De Boom;;;;;\nPeriode;M;;;;;\n" + CSV, "HEADER_LOWER"),
    ("a title above, with tabs", b"Toetsoverzicht\n" + CSV.replace(b";", b"\t"), "HEADER_LOWER"),
    ("a title above a sheet", book(row("Toetsoverzicht"), row(), header(), result("999900109")), "HEADER_LOWER"),
    ("no header at all", LINE.encode() * 3, "HEADER_UNKNOWN"),
    ("a hidden row", book(header(), result("999900109", hidden=1)), "HIDDEN_CELLS"),
    ("no header, and a hidden row", book(row("x"), row("y"), row("z", hidden=1)), "HIDDEN_CELLS"),
    (
        "a hidden sheet",
        Workbook((Sheet(header() + result("1")), Sheet(header(), state="hidden"))).packed(),
        "HIDDEN_CELLS",
    ),
    ("only a hidden sheet", Workbook((Sheet(header() + result("1"), state="hidden"),)).packed(), "HIDDEN_CELLS"),
    ("two sheets", Workbook((Sheet(header() + result("1")), Sheet(header()))).packed(), "SPREADSHEET_SHEETS"),
]


@pytest.mark.parametrize(("content", "reason"), [pytest.param(c, r, id=says) for says, c, r in KINDS])
def test_a_file_without_reader_has_one_reason_whatever_its_name(
    content: bytes, reason: str | None, tmp_path: Path
) -> None:
    for name in ("a.xls", "a.csv", "a"):
        (found,) = delivered(name, content, tmp_path)
        assert found.rejection == reason
        assert reason is None or FILE_REASONS[reason].do_en
    (packed,) = delivered("a.zip", zipped(("a.xls", content)), tmp_path)
    assert packed.rejection == reason


def test_a_rejected_workbook_names_its_lines_and_its_school(tmp_path: Path) -> None:
    hidden = book(header(), result("999900109"), result("999900110", hidden=1), result("1", number(1, 3)))
    (found,) = delivered("a.xlsx", hidden, tmp_path)
    assert (found.rejection, found.rejected_lines, found.school, found.rows) == ("HIDDEN_CELLS", (3, 4), "00GG", 3)
    (found,) = delivered("b.xlsx", book(row("x"), row(), header(), result("1")), tmp_path)
    assert (found.rejection, found.rejected_lines, found.school) == ("HEADER_LOWER", (3,), "00GG")
    (found,) = delivered("c.csv", b"titel\n\n" + CSV, tmp_path)
    assert (found.rejection, found.rejected_lines, found.school) == ("HEADER_LOWER", (3,), "00GG")
    (found,) = delivered("d.csv", b"\n" + CSV.replace(b";", b"\t"), tmp_path)
    assert (found.rejection, found.rejected_lines, found.school) == ("DELIMITER_OTHER", (2,), "00GG")


LETTERS = {
    "LEESMIJ.txt": b"Beste platform, hierbij de toetsen.\nGroet",
    "a/brief.TXT": b"x",
    "README": b"Hello",
    "toetsen.xml.sha256": b"ab  toetsen.csv",
    "a.csv.md5": b"ab",
    "MD5SUMS": b"ab  a.csv\ncd  b.csv",
    "brief.pdf": b"%PDF-1.4",
    "brief.docx": word(),
    "brief.odt": open_document("text"),
    "b.rtf": b"{\\rtf1}",
    "brief.doc": OLE + "WordDocument".encode("utf-16-le"),
    "foto.jpg": b"\xff\xd8\xff\xe0",
    "logo.png": b"\x89PNG\r\n",
    "uitleg.html": PAGE.encode(),
    "uwlr.xsd": b"<xs:schema xmlns:xs='urn:x'/>",
    "leeg.txt": b"",
    "brief in Windows.txt": "Groet, Zoë".encode("cp1252"),
    "brief.md": b"# Toetsen\n\n- M7\n- E7\n",
}
DATA = {
    "geen kop.txt": (LINE * 3).encode(),
    "andere.csv": b"a;b\n1;2\n",
    "leeg.csv": b"",
    "tabs.txt": CSV.replace(b";", b"\t"),
    "kop alleen.txt": CSV.split(b"\n")[0],
    "toetsen.ods": open_document(),
    "toetsen.xls": OLE + b"Workbook",
    "toetsen.numbers": numbers(),
    "los.xml": b"<x><y/></x>",
    "web.xls": PAGE.encode(),
    "raar": b"Beste platform",
}


@pytest.mark.parametrize("name", LETTERS)
def test_a_letter_beside_data_is_a_warning_and_no_delivery(name: str, tmp_path: Path) -> None:
    system = (".DS_Store", b"x"), ("__MACOSX/._a.csv", b"x"), ("Thumbs.db", OLE), (".~lock.a.ods#", b"x")
    (found,) = delivered("a.zip", zipped((name, LETTERS[name]), ("a.csv", CSV), *system), tmp_path)
    assert (found.name, found.rejection, found.warnings) == ("a.zip/a.csv", None, {"BESIDE_DATA": 1})


@pytest.mark.parametrize("name", DATA)
def test_possible_data_without_a_reader_is_a_rejected_delivery(name: str, tmp_path: Path) -> None:
    found = delivered("a.zip", zipped(("a.csv", CSV), (name, DATA[name])), tmp_path)
    assert [(one.name, one.rejection is None, len(one.warnings)) for one in found] == [
        ("a.zip/a.csv", True, 0),
        (f"a.zip/{name}", False, 0),
    ]


def test_a_container_with_letters_only_is_rejected(tmp_path: Path) -> None:
    found = delivered("a.zip", zipped(("brief.txt", b"Beste"), ("brief.pdf", b"%PDF-1.4")), tmp_path)
    assert [one.rejection for one in found] == ["EMPTY", "DOCUMENT"]


def test_two_letters_are_counted_in_one_warning(tmp_path: Path) -> None:
    content = zipped(("a.txt", b"x"), ("a.xlsx", XLSX), ("b.txt", b"y"), ("a.csv", CSV))
    found = delivered("a.zip", content, tmp_path)
    assert [(one.name, one.warnings) for one in found] == [("a.zip/a.xlsx", {"BESIDE_DATA": 2}), ("a.zip/a.csv", {})]


def test_text_before_the_first_tag_is_matched_in_linear_time() -> None:
    for content in (b"<!---->" * 2000 + b"x", b"<!--" * 2000, b" " * 5000 + b"<", b"<?x" * 2000, b"a:\n" * 2000):
        assert file_types.detect_file_type(content) is None


def test_a_gzip_of_a_document_is_rejected_as_a_document(tmp_path: Path) -> None:
    assert [one.rejection for one in delivered("a.gz", gzip.compress(b"%PDF-1.4"), tmp_path)] == ["DOCUMENT"]
