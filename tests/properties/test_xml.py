"""Bytes changed at random, in XML, zips and spreadsheets: rows or a reason code come of it, nothing else."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sized
from itertools import islice
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit import test_containers as containers_drawn
from tests.unit import test_edexml as rosters
from tests.unit import test_uwlr as results
from tests.unit import test_xlsx as workbooks
from tests.unit import test_xml_messages as envelopes

from cohort.agreements.container_limits import ContainerLimits
from cohort.data_states.schemas import CANONICAL_COLUMNS
from cohort.delivery_formats import containers, edexml, file_types, uwlr, uwlr_rows, xlsx, xml_messages, xml_stream
from cohort.delivery_formats.file_reason_codes import DeliveryRejected

CODES = {
    "CONTAINER_BROKEN",
    "CONTAINER_ENCRYPTED",
    "CONTAINER_BOMB",
    "CONTAINER_PATH",
    "CONTAINER_NESTED",
    "CONTAINER_EMPTY",
    "SPREADSHEET_BROKEN",
    "SPREADSHEET_SHEETS",
    "SPREADSHEET_ENCRYPTED",
    "TOO_WIDE",
    "XML_BROKEN",
    "XML_UNSAFE",
    "XML_UNKNOWN",
    "XML_TOO_LARGE",
    "XML_SEVERAL",
    "XML_NO_RECORDS",
    "UWLR_TEST_UNDECLARED",
    "EMPTY",
}
ROW_CODES = {None, "ROSTER_MISSING", "PUPIL_NOT_IN_ROSTER", "PUPIL_AMBIGUOUS", "SCORE_NOT_A_NUMBER", "LEVEL_INVALID"}
LIMITS = ContainerLimits(members=30, bytes_per_member=1 << 20, total_bytes=2 << 20, ratio=200)
MOST = 1 << 16

TEACHER = rosters.teacher("LK1", '<groep key="g5"/>')
ROSTER = rosters.document(rosters.ANNA + results.BEN, TEACHER)
LEVEL = results.result(results.oso("<o:aantalgoed>7</o:aantalgoed>", ("IV", "Landelijk", "I")), key="R2")
MESSAGE = results.document(results.afname(results.result(), LEVEL))
ENVELOPE = envelopes.envelope(envelopes.answer()).encode()
ZIP = containers_drawn.packed(("a/99ZZ.csv", containers_drawn.ROWS * 50), ("uwlr.xml", MESSAGE))
SHEET = workbooks.workbook(workbooks.HEADER, *[workbooks.ROW] * 5)
SHARED = workbooks.with_texts(workbooks.SHARING, workbooks.STRINGS)
PIECES = [
    b"",
    b"\0",
    b"<",
    b">",
    b"&x;",
    b"]]>",
    b"<![CDATA[",
    b"<!--",
    b"<!DOCTYPE EDEX [",
    b"<?xml version='1.0'?>",
    b"<leerling>",
    b"</leerling>",
    b"<resultaat>",
    b"<row r='9'/>",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"\xff\xff\xff\xff",
    b"\xff\xfe",
    b'xmlns="urn:x"',
]


@st.composite
def damaged(draw: st.DrawFn, *contents: bytes) -> bytes:
    """A content with bytes changed, pieces put in, taken out or doubled, or its end cut off."""
    content = bytearray(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(content) - 1, 0)))
        end = place + draw(st.integers(0, 60))
        what = draw(st.sampled_from(("change", "put in", "take out", "double", "cut off")))
        if what == "change" and content:
            content[place] = draw(st.integers(0, 255))
        elif what == "put in":
            content[place:place] = draw(st.sampled_from(PIECES) | st.binary(max_size=8))
        elif what == "take out":
            del content[place:end]
        elif what == "double":
            content[place:place] = content[place:end]
        elif what == "cut off" and draw(st.booleans()):
            del content[place:]
    return bytes(content)


def outcome(read: Callable[[], Sized]) -> Sized | str:
    """What comes of a reading: something, or a reason code; any other exception fails the test."""
    try:
        return read()
    except DeliveryRejected as rejected:
        code = str(rejected)
    assert code in CODES
    return code


@given(st.lists(st.sampled_from([*"&<>'\"#38;x\u00e9\u20ac", "&amp;", "&#38;", "&lt;"]), min_size=1), st.booleans())
def test_a_key_is_the_same_text_in_an_attribute_and_in_an_element(parts: list[str], numbered: bool) -> None:
    key = "".join(parts)
    written = "".join(f"&#{ord(c)};" for c in key) if numbered else escape(key, {'"': "&quot;"})
    content = f'<a><b key="{written}">{written}</b></a>'.encode()
    shape = xml_messages.MessageShape("a", lambda *_: True, frozenset({"a/b"}), frozenset())
    (found,) = xml_messages.read_message_elements(content, MOST, shape)
    assert (found.attributes["key"], found.text) == (key, key)


@given(damaged(ROSTER, ENVELOPE, ENVELOPE.decode().encode("utf-16")) | st.binary(max_size=200))
def test_a_damaged_roster_gives_pupils_or_a_reason(content: bytes) -> None:
    found = outcome(lambda: edexml.read_roster(content, MOST).pupils)
    assert isinstance(found, str | tuple)
    root = outcome(lambda: xml_messages.read_message_root(content, MOST))
    assert isinstance(root, str)
    xml_stream.is_xml(content)


@given(damaged(ROSTER, MESSAGE, ENVELOPE))
def test_every_value_that_a_reader_takes_is_among_the_values_of_the_document(content: bytes) -> None:
    pupils = outcome(lambda: edexml.read_roster(content, MOST).pupils)
    if isinstance(pupils, tuple):
        every = {value.strip() for value in xml_stream.iterate_xml_values(content, MOST)}
        taken = {text for pupil in pupils for text in (pupil.key, pupil.eckid, pupil.number) if text}
        assert taken <= every
    else:
        outcome(lambda: list(xml_stream.iterate_xml_values(content, MOST)))


@given(damaged(MESSAGE), damaged(ROSTER), st.booleans())
def test_a_damaged_message_gives_rows_or_a_reason(content: bytes, other: bytes, damaged_too: bool) -> None:
    def rows() -> list[uwlr_rows.CanonicalRow]:
        roster = edexml.read_roster(other if damaged_too else ROSTER, MOST)
        return uwlr_rows.join_results_to_rosters(uwlr.read_uwlr_results(content, MOST), [roster])

    found = outcome(rows)
    if isinstance(found, list):
        assert {row.code for row in found} <= ROW_CODES
        assert [row.element_number for row in found] == list(range(1, len(found) + 1))
        assert {len(row.cells) for row in found} <= {len(CANONICAL_COLUMNS)}


@given(damaged(MESSAGE))
def test_a_row_with_a_number_is_of_a_pupil_of_the_roster(content: bytes) -> None:
    roster = edexml.read_roster(ROSTER, MOST)
    found = outcome(lambda: uwlr_rows.join_results_to_rosters(uwlr.read_uwlr_results(content, MOST), [roster]))
    if isinstance(found, list):
        place = CANONICAL_COLUMNS.index("pgn")
        assert {row.cells[place] for row in found} <= {None, *(pupil.number for pupil in roster.pupils)}


@given(damaged(ZIP, gzip.compress(MESSAGE), SHEET) | st.binary(max_size=200))
def test_a_damaged_container_gives_members_or_a_reason(content: bytes) -> None:
    file_types.detect_file_type(content)
    found = outcome(lambda: list(islice(containers.unpack_container(content, LIMITS, "a.zip"), 100)))
    if isinstance(found, list):
        assert 0 < len(found) <= LIMITS.members
        assert sum(len(body) for _, body in found) <= LIMITS.total_bytes
        assert not [name for name, _ in found if name.startswith("/") or ".." in name.split("/")]


@given(damaged(SHEET, SHARED))
def test_a_damaged_spreadsheet_gives_rows_or_a_reason(content: bytes) -> None:
    def rows() -> list[tuple[int, tuple[str, ...]]]:
        return list(xlsx.read_workbook(content, LIMITS).text_rows())

    found = outcome(rows)
    if isinstance(found, list):
        numbers = [number for number, _ in found]
        assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    "part",
    ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml", "[Content_Types].xml"],
)
@given(data=st.data())
def test_a_damaged_part_of_a_sound_spreadsheet_gives_rows_or_a_reason(part: str, data: st.DataObject) -> None:
    content = workbooks.changed(SHARED, part, lambda body: data.draw(damaged(body)))
    found = outcome(lambda: list(xlsx.read_workbook(content, LIMITS).text_rows()))
    assert isinstance(found, str | list)


def test_the_contents_that_are_damaged_here_are_sound() -> None:
    roster = edexml.read_roster(ROSTER, MOST)
    assert [row.code for row in uwlr_rows.join_results_to_rosters(uwlr.read_uwlr_results(MESSAGE, MOST), [roster])] == [
        None,
        None,
    ]
    assert len(list(containers.unpack_container(ZIP, LIMITS))) == 2
    assert [len(xlsx.read_workbook(content, LIMITS).numbered_rows) for content in (SHEET, SHARED)] == [5, 1]
