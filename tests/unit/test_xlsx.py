"""Workbooks: cells as a school sees them, and every way in which a workbook is rejected."""

from __future__ import annotations

import datetime as dt
import io
import re
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import openpyxl
import pytest
from tests.unit.drawn_workbooks import FORMATS, SHEET_TYPE, Workbook, book, header, number, result, row, text
from tests.unit.drawn_workbooks import HEADER as DRAWN_HEADER
from tests.unit.drawn_workbooks import Sheet as Sheet_

from cohort.agreements.container_limits import ContainerLimits
from cohort.delivery_formats import xlsx
from cohort.delivery_formats.file_reason_codes import DeliveryRejected
from cohort.delivery_formats.xlsx import WorkbookTable, format_cell

LIMITS = ContainerLimits(members=50, bytes_per_member=2 << 20, total_bytes=4 << 20, ratio=200)
HEADER = ("brin", "pgn", "afnamedatum", "vaardigheidsscore")
ROW = ("99ZZ", 123456782, dt.date(2025, 1, 20), 87.5)
SHARED = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
STRINGS = (
    b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    b"<si><t>brin</t></si><si><r><t>99</t></r><r><t>ZZ</t></r></si></sst>"
)
SHARING = '<row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="2"><c r="A2" t="s"><v>1</v></c></row>'
FIRST = "xl/worksheets/sheet1.xml"


def workbook(*rows: tuple[Any, ...], **others: list[tuple[Any, ...]]) -> bytes:
    """A workbook whose first sheet has these rows; further sheets by name."""
    book = openpyxl.Workbook()
    for place, (title, lines) in enumerate({"Blad1": list(rows), **others}.items()):
        sheet = book.worksheets[0] if place == 0 else book.create_sheet(title)
        for line in lines:
            sheet.append(line)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def changed(content: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The same workbook with one part of it changed."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return made.getvalue()


def with_rows(xml: str) -> bytes:
    """A workbook whose sheet holds these row elements and nothing else."""
    inside = f"<sheetData>{xml}</sheetData>".encode()
    return changed(workbook(HEADER, ROW), FIRST, lambda part: re.sub(rb"<sheetData>.*</sheetData>", inside, part))


def with_texts(xml: str, strings: bytes) -> bytes:
    """The same with the texts that its cells share, as Excel itself writes them."""
    named = b'<Override PartName="/xl/sharedStrings.xml" ContentType="%s"/></Types>' % SHARED
    typed = changed(with_rows(xml), "[Content_Types].xml", lambda part: part.replace(b"</Types>", named))
    made = io.BytesIO(typed)
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr("xl/sharedStrings.xml", strings)
    return made.getvalue()


def texts(content: bytes, **how: str) -> tuple[tuple[str, ...], list[tuple[int, tuple[str, ...]]]]:
    sheet = xlsx.read_workbook(content, LIMITS)
    return sheet.header, list(sheet.text_rows(**how))


def test_the_first_row_with_content_is_the_header_and_rows_keep_their_numbers() -> None:
    content = workbook((), (None, "  "), HEADER, ROW, (), (None, None, "", None), ROW)
    sheet = xlsx.read_workbook(content, LIMITS)
    expected = ("99ZZ", "123456782", "2025-01-20", "87.5")
    assert (sheet.header, sheet.header_row) == (HEADER, 3)
    assert list(sheet.text_rows()) == [(4, expected), (7, expected)]


def test_decimals_and_dates_are_written_as_the_format_declares() -> None:
    _, rows = texts(workbook(HEADER, ROW), decimal=",", date="%d-%m-%Y")
    assert rows == [(2, ("99ZZ", "123456782", "20-01-2025", "87,5"))]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (7, "7"),
        (7.0, "7"),
        (-7.0, "-7"),
        (7.4, "7.4"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (1e21, "1000000000000000000000"),
        (12345672, "12345672"),
        (True, "TRUE"),
        (False, "FALSE"),
        (64.39999999999999, "64.4"),
        (79.99999999999999, "80"),
        (87.4999999, "87.4999999"),
        (-0.0, "0"),
        (" a ", " a "),
        ("012345672", "012345672"),
        ("7,5", "7,5"),
        (dt.date(2025, 1, 9), "2025-01-09"),
        (dt.datetime(2025, 1, 9), "2025-01-09"),
        (dt.datetime(2025, 1, 9, 8, 5), "2025-01-09"),
        (dt.time(8, 5), "08:05:00"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_a_cell_is_written_as_a_school_sees_it(value: object, text: str) -> None:
    assert format_cell(value) == text


def test_a_number_stored_with_seventeen_digits_is_the_number_that_was_typed() -> None:
    header = '<row r="1"><c r="A1" t="inlineStr"><is><t>score</t></is></c></row>'
    assert texts(with_rows(header + '<row r="2"><c r="A2"><v>7.4000000000000004</v></c></row>'))[1] == [(2, ("7.4",))]


def test_a_formula_counts_as_its_stored_value_or_as_empty() -> None:
    header = '<row r="1"><c r="A1" t="str"><v>a</v></c><c r="B1" t="str"><v>b</v></c></row>'
    cells = '<row r="2"><c r="A2"><f>1+1</f><v>2</v></c><c r="B2"><f>1+1</f></c></row>'
    assert texts(with_rows(header + cells))[1] == [(2, ("2", ""))]


def test_shared_texts_are_read() -> None:
    assert texts(with_texts(SHARING, STRINGS)) == (("brin",), [(2, ("99ZZ",))])


def test_a_row_is_as_wide_as_the_header_or_wider_with_its_own_content() -> None:
    header, rows = texts(workbook(("a", "b", None), ("1",), ("1", "2", None, "4")))
    assert (header, rows) == (("a", "b"), [(2, ("1", "")), (3, ("1", "2", "", "4"))])


def test_the_declared_size_of_a_sheet_is_ignored() -> None:
    content = workbook(HEADER, ROW, ROW)
    smaller = changed(content, FIRST, lambda xml: re.sub(rb'ref="[A-Z0-9:]*"', b'ref="A1:B2"', xml))
    assert smaller != content
    assert texts(smaller) == texts(content)


def test_sheets_without_content_do_not_count() -> None:
    assert texts(workbook(HEADER, ROW, Leeg=[], Ook_leeg=[(None, " ")]))[0] == HEADER
    assert texts(workbook(Leeg=[HEADER, ROW]))[0] == HEADER


def test_no_repr_holds_a_cell() -> None:
    sheet = xlsx.read_workbook(workbook(HEADER, ROW), LIMITS)
    assert isinstance(sheet, WorkbookTable)
    assert "123456782" not in repr(sheet)


def test_an_impossible_date_is_an_error_text_in_its_cell_only() -> None:
    """The library would warn, with the number, that no date is so late."""
    content = workbook(HEADER, ROW)
    late = changed(content, FIRST, lambda part: re.sub(rb"<v>45677</v>", b"<v>123456782</v>", part))
    assert late != content
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        _, rows = texts(late)
    assert rows[0][1][2] == "#VALUE!"
    assert told == []


def test_a_delivery_of_ten_thousand_rows_is_read_whole() -> None:
    _, rows = texts(workbook(HEADER, *(ROW for _ in range(10_000))))
    assert [number for number, _ in rows] == list(range(2, 10_002))
    assert {cells for _, cells in rows} == {("99ZZ", "123456782", "2025-01-20", "87.5")}


@dataclass(frozen=True)
class Wrong:
    says: str
    code: str
    make: Callable[[], bytes]


GOOD = workbook(HEADER, ROW)
CELL = '<c r="A1"><v>1</v></c>'
DTD = b'<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c SYSTEM "file:///etc/passwd">]>'


def put_in_front(part: bytes) -> bytes:
    start = part.index(b"?>") + 2 if part.startswith(b"<?xml") else 0
    return part[:start] + DTD + part[start:]


def part(name: str, change: Callable[[bytes], bytes]) -> Callable[[], bytes]:
    return lambda: changed(GOOD, name, change)


def rows(xml: str) -> Callable[[], bytes]:
    return lambda: with_rows(xml)


def encrypted() -> bytes:
    content = bytearray(GOOD)
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + place] |= 1
    return bytes(content)


def twice() -> bytes:
    made = io.BytesIO(GOOD)
    with warnings.catch_warnings(), zipfile.ZipFile(made, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(FIRST, zipfile.ZipFile(io.BytesIO(GOOD)).read(FIRST))
    return made.getvalue()


MORE = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>1</v></c></row>' for n in range(3, 200))
WRONG = [
    Wrong("no bytes", "SPREADSHEET_BROKEN", lambda: b""),
    Wrong("cut off", "SPREADSHEET_BROKEN", lambda: GOOD[:-100]),
    Wrong("a sheet cut off", "SPREADSHEET_BROKEN", part(FIRST, lambda xml: xml[:-20])),
    Wrong("a workbook that names no sheet", "SPREADSHEET_SHEETS", part("xl/workbook.xml", lambda _: b"<x/>")),
    Wrong(
        "a shared text that is not there",
        "SPREADSHEET_BROKEN",
        lambda: with_texts(SHARING.replace("<v>1<", "<v>2<"), STRINGS),
    ),
    Wrong("two sheets with content", "SPREADSHEET_SHEETS", lambda: workbook(HEADER, ROW, Extra=[("x",)])),
    Wrong("a header alone", "EMPTY", lambda: workbook(HEADER)),
    Wrong("no sheet with content", "SPREADSHEET_SHEETS", workbook),
    Wrong(
        "an OLE file: encrypted, or of before 2007",
        "SPREADSHEET_ENCRYPTED",
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    ),
    Wrong("its zip encrypted", "SPREADSHEET_ENCRYPTED", encrypted),
    Wrong("a sheet with a DTD", "XML_UNSAFE", part(FIRST, put_in_front)),
    Wrong("shared texts with a DTD", "XML_UNSAFE", lambda: with_texts(SHARING, put_in_front(STRINGS))),
    Wrong("content types with a DTD", "XML_UNSAFE", part("[Content_Types].xml", put_in_front)),
    Wrong(
        "a part that unpacks to more than the limit",
        "CONTAINER_BOMB",
        part("docProps/core.xml", lambda xml: xml + b" " * (3 << 20)),
    ),
    Wrong("a row far down, in twice", "SPREADSHEET_BROKEN", rows(f'<row r="1">{CELL}</row><row r="1048577"/>')),
    Wrong("a row number without end", "SPREADSHEET_BROKEN", rows(f'<row r="{10**12}"/>')),
    Wrong("rows out of order", "SPREADSHEET_BROKEN", rows('<row r="2"/><row r="1"/>')),
    Wrong("a row twice", "SPREADSHEET_BROKEN", rows(f'<row r="1">{CELL}</row><row r="1">{CELL}</row>')),
    Wrong("a cell twice", "SPREADSHEET_BROKEN", rows(f'<row r="1">{CELL}{CELL}</row>')),
    Wrong("a cell of another row", "SPREADSHEET_BROKEN", rows(f'<row r="2">{CELL}</row>')),
    Wrong("a cell that is nowhere", "SPREADSHEET_BROKEN", rows('<row r="1"><c r="1A"/></row>')),
    Wrong("a column too far to the right", "TOO_WIDE", rows('<row r="1"><c r="SG1"/></row>')),
    Wrong(
        "rows that are wide with one cell",
        "CONTAINER_BOMB",
        rows("".join(f'<row r="{n}"><c r="SF{n}"/></row>' for n in range(1, 2000))),
    ),
    Wrong(
        "a text that stands in very many cells",
        "CONTAINER_BOMB",
        lambda: with_texts(SHARING + MORE, STRINGS.replace(b"99", b"x" * 30_000)),
    ),
    Wrong("a part twice", "SPREADSHEET_BROKEN", twice),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.says)
def test_one_fault_rejects_the_workbook(wrong: Wrong) -> None:
    assert xlsx.read_workbook(GOOD, LIMITS).header == HEADER
    with pytest.raises(DeliveryRejected) as refusal:
        xlsx.read_workbook(wrong.make(), LIMITS)
    assert refusal.value.code == wrong.code


def test_the_limits_of_containers_apply_to_the_parts() -> None:
    with pytest.raises(DeliveryRejected, match="CONTAINER_BOMB"):
        xlsx.read_workbook(GOOD, replace(LIMITS, members=3))


PUPIL, OTHER_PUPIL = "999900109", "999900110"
PAST = '<cols><col min="9" max="16384" width="0" customWidth="1" hidden="1"/></cols>'
LAYOUTS = [
    ("nothing hidden", "", result(PUPIL), None),
    ("a row, by hand or by a filter", "", result(PUPIL, hidden=1), (2,)),
    ("a row, in words", "", result(PUPIL, hidden="true"), (2,)),
    ("a row of a group that is closed", "", result(PUPIL, outlineLevel=1, hidden=1), (2,)),
    ("a row of a group that is open", "", result(PUPIL, outlineLevel=1, hidden=0), None),
    ("a row without height", "", result(PUPIL, ht="0", customHeight=1), (2,)),
    ("a row of half a point", "", result(PUPIL, ht="0.5", customHeight=1), (2,)),
    ("a low row", "", result(PUPIL, ht="4.5", customHeight=1), None),
    ("empty rows", "", result(PUPIL) + row(hidden=1) + row("  ", hidden=1), None),
    ("all rows below, by default", '<sheetFormatPr zeroHeight="1"/>', result(PUPIL), None),
    ("a column", '<cols><col min="3" max="4" width="9" hidden="1"/></cols>', result(PUPIL), ()),
    ("a column without width", '<cols><col min="3" max="3" width="0"/></cols>', result(PUPIL), ()),
    ("a column of a closed group", '<cols><col min="7" max="7" hidden="true"/></cols>', result(PUPIL), ()),
    ("all columns past the table", PAST, result(PUPIL), None),
    (
        "columns by default, those of the table shown",
        '<sheetFormatPr defaultColWidth="0"/><cols><col min="1" max="8" width="9"/></cols>',
        result(PUPIL),
        None,
    ),
    ("columns by default", '<sheetFormatPr defaultColWidth="0"/>', result(PUPIL), ()),
    ("a number by its form", "", result(PUPIL, number("80.5", FORMATS.index(";;;"))), (2,)),
]


@pytest.mark.parametrize(("before", "below", "hidden"), [pytest.param(*r, id=says) for says, *r in LAYOUTS])
def test_hidden_rows_and_columns_with_content_are_found(
    before: str, below: str, hidden: tuple[int, ...] | None
) -> None:
    sheet = xlsx.read_workbook(book(header(), below, before=before), LIMITS)
    assert (sheet.has_hidden_content, sheet.hidden_rows) == (hidden is not None, hidden or ())


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_a_hidden_sheet_with_content_is_found_and_an_empty_one_ignored(state: str) -> None:
    shown = Sheet_(header() + result(PUPIL))
    for rows, hides in ((header(), True), ("", False), (row("  "), False)):
        sheet = xlsx.read_workbook(Workbook((shown, Sheet_(rows, state=state))).packed(), LIMITS)
        assert (sheet.has_hidden_content, len(sheet.numbered_rows)) == (hides, 1)


ESCAPES = [
    ("a line end in the middle", "REK_x000D_\nM7", "REK\r\nM7"),
    ("a line end", "REK-M7_x000D_", "REK-M7\r"),
    ("in small letters", "REK-M7_x000d__x000a_", "REK-M7\r\n"),
    ("a tab", "a_x0009_b", "a\tb"),
    ("an underscore", "a_x005F_b", "a_b"),
    ("an escape that is meant", "a_x005F_x000D_", "a_x000D_"),
    ("a letter", "Zo_x00EB_", "Zoë"),
    ("two halves of a sign", "_xD83D__xDE00_", "\U0001f600"),
    ("half of a sign", "a_xD83D_", "a\ufffd"),
    ("what nobody sees", "a_x0000__x0007_b", "a  b"),
    ("no escape", "a_x00_ _xyz0_ b_x000D", "a_x00_ _xyz0_ b_x000D"),
]


@pytest.mark.parametrize(("raw", "shown"), [pytest.param(*r, id=says) for says, *r in ESCAPES])
def test_escapes_are_replaced_by_their_characters(raw: str, shown: str) -> None:
    cells = (text(raw), f'<c t="str"><f>x</f><v>{raw}</v></c>', '<c t="s"><v>0</v></c>')
    for cell in cells:
        content = book(row("a"), row(cell), strings=f'<si><t xml:space="preserve">{raw}</t></si>')
        ((_, (read,)),) = xlsx.read_workbook(content, LIMITS).text_rows()
        assert read == shown
    assert xlsx.read_workbook(book(row(text(raw)), row("x")), LIMITS).header == (shown,)


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (number("0.85", 1), "85%"),
        (number("0.855", 1), "85,5%"),
        (number("85", 2), "85%"),
        (number("1", 1), "100%"),
        (number("0.85"), "0,85"),
        (number("0.85", 5), "0,85"),
        (text("85%"), "85%"),
        ('<c t="e"><v>#N/A</v></c>', "#N/A"),
        ('<c t="e"><f>x</f><v>#DIV/0!</v></c>', "#DIV/0!"),
    ],
)
def test_percentages_and_errors_are_written_as_a_school_sees_them(cell: str, shown: str) -> None:
    ((_, (read,)),) = xlsx.read_workbook(book(row("a"), row(cell)), LIMITS).text_rows(decimal=",")
    assert read == shown


WRITERS = {
    "without places": book(header(), result(PUPIL)),
    "strict": book(header(), result(PUPIL), strict=True),
    "with macros": book(header(), result(PUPIL), type_of_book="application/vnd.ms-excel.sheet.macroEnabled.main+xml"),
    "a template": book(header(), result(PUPIL), type_of_book=f"{SHEET_TYPE}.template.main+xml"),
    "days from 1904": book(header(), result(PUPIL).replace(text("2025-01-20"), number(44215, 4)), first_day=1904),
    "a day as text of its kind": book(
        header(), result(PUPIL).replace(text("2025-01-20"), '<c t="d"><v>2025-01-20T00:00:00</v></c>')
    ),
    "a number as text": book(header(), result(PUPIL).replace(text(PUPIL), '<c s="0" t="str"><v>999900109</v></c>')),
    "a number of Java": book(header(), result(PUPIL).replace(text(PUPIL), number("9.99900109E8"))),
    "runs and how they sound": book(
        header(),
        result(PUPIL).replace(text(PUPIL), '<c t="s"><v>0</v></c>'),
        strings='<si><r><t>99990</t></r><r><t>0109</t></r><rPh sb="0" eb="1"><t>7</t></rPh></si>',
    ),
}


@pytest.mark.parametrize("says", WRITERS)
def test_workbooks_of_every_program_are_read_alike(says: str) -> None:
    sheet = xlsx.read_workbook(WRITERS[says], LIMITS)
    expected = ("00GG", "2024-2025", PUPIL, "REK-M7", "3.0", "2025-01-20", "80.5")
    assert (sheet.header, list(sheet.text_rows())) == (DRAWN_HEADER, [(2, expected)])


def test_every_text_of_a_workbook_is_given_even_where_it_is_rejected() -> None:
    sheets = Sheet_(row("a", number(1, 1), hidden=1)), Sheet_(row(text("b_x000D_")), state="veryHidden")
    assert list(xlsx.iterate_workbook_texts(Workbook(sheets).packed(), LIMITS)) == ["a", "100%", "b\r"]
