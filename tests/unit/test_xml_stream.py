"""XML as a stream: documents in every encoding, and every value in them."""

from __future__ import annotations

import codecs

import pytest

from cohort.delivery_formats import xml_stream
from cohort.delivery_formats.file_reason_codes import DeliveryRejected

ENOUGH = 1 << 20
TEXT = '<a k="\u00e9"><b>\u00eb1</b></a>'


def declared(name: str) -> str:
    return f'<?xml version="1.0" encoding="{name}"?>{TEXT}'


MARK = codecs.BOM_UTF8
WRITTEN = [
    ("UTF-8 without a word of it", TEXT.encode()),
    ("UTF-8 with a mark", MARK + TEXT.encode()),
    ("UTF-8 with a mark, and declared", MARK + declared("utf-8").encode()),
    ("two marks", MARK * 2 + declared("utf-8").encode()),
    ("blank lines before the declaration", b"\r\n\n" + declared("utf-8").encode()),
    ("a mark, a blank line, a mark", MARK + b"\n" + MARK + declared("utf-8").encode()),
    ("windows-1252", declared("windows-1252").encode("cp1252")),
    ("ISO-8859-1", declared("ISO-8859-1").encode("latin-1")),
    ("ISO-8859-15", declared("iso-8859-15").encode("iso-8859-15")),
    ("MacRoman", declared("macintosh").encode("mac-roman")),
    ("CP850", declared("ibm850").encode("cp850")),
    ("UTF-16 with a mark", declared("utf-16").encode("utf-16")),
    ("UTF-16 with a mark, not declared", TEXT.encode("utf-16")),
    ("UTF-16, the last byte first, with a mark", codecs.BOM_UTF16_BE + declared("utf-16").encode("utf-16-be")),
    ("UTF-16 without a mark", declared("UTF-16").encode("utf-16-le")),
    ("UTF-16 without a mark, the other way round", declared("UTF-16").encode("utf-16-be")),
    ("UTF-16 without a mark or a declaration", TEXT.encode("utf-16-le")),
    ("the same, the other way round", TEXT.encode("utf-16-be")),
    ("UTF-16 after a blank line", ("\n" + declared("utf-16")).encode("utf-16")),
    ("UTF-16 that is declared to be UTF-8", declared("utf-8").encode("utf-16")),
    ("UTF-8 that is declared to be UTF-16", declared("utf-16").encode()),
    ("the same with a mark", MARK + declared("utf-16").encode()),
    ("the same in the words of an old program", declared("unicode").encode()),
]


@pytest.mark.parametrize("content", [pytest.param(content, id=says) for says, content in WRITTEN])
def test_a_document_is_read_in_the_encoding_that_it_is_written_in(content: bytes) -> None:
    assert xml_stream.is_xml(content)
    assert list(xml_stream.iterate_xml_values(content, ENOUGH)) == ["\u00e9", "\u00eb1"]


@pytest.mark.parametrize(
    ("says", "inside", "found"),
    [
        ("text", "<b>123456782</b>", ["123456782"]),
        ("an attribute", '<b k="123456782"/>', ["123456782"]),
        ("an attribute with a prefix", '<b xmlns:x="urn:x" x:k="123456782"/>', ["123456782"]),
        ("character references", "<b>1&#50;3&#x34;56782</b>", ["123456782"]),
        ("references in an attribute", '<b k="1&#50;3&amp;"/>', ["123&"]),
        ("a reference of a reference", "<b>&amp;#49;</b>", ["&#49;"]),
        ("CDATA", "<b>1234<![CDATA[56782]]></b>", ["123456782"]),
        ("a comment within", "<b>1234<!--x-->56782</b>", ["x", "123456782"]),
        ("in a comment", "<!--123456782-->", ["123456782"]),
        ("in an instruction", "<?p 123456782?>", ["123456782"]),
        ("an element within", "<b>1234<i/>56782</b>", ["1234", "56782", "123456782"]),
        ("after an element", "<b><i/>123456782</b>", ["123456782"]),
        ("blanks alone", "<b> \n </b>", []),
    ],
)
def test_every_value_of_a_document_is_given(says: str, inside: str, found: list[str]) -> None:
    assert list(xml_stream.iterate_xml_values(f"<a>{inside}</a>".encode(), ENOUGH)) == found, says


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'<!DOCTYPE a [<!ENTITY e "123456782">]><a>&e;</a>', xml_stream.XML_UNSAFE),
        (b"<a>&e;</a>", xml_stream.XML_BROKEN),
        (b"<a>123456782", xml_stream.XML_BROKEN),
        (b"<a/>" + b" " * ENOUGH, xml_stream.XML_TOO_LARGE),
    ],
)
def test_a_document_that_cannot_be_read_whole_is_rejected(content: bytes, code: str) -> None:
    with pytest.raises(DeliveryRejected, match=code):
        list(xml_stream.iterate_xml_values(content, ENOUGH))
