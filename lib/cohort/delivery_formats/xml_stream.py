"""XML as a stream: no tree, no entities, no network, whatever encoding a program wrote it in.

A document with a DTD is refused before anything in it is expanded.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any, cast

from lxml import etree

from cohort.delivery_formats.file_reason_codes import DeliveryRejected

XML_BROKEN, XML_UNSAFE, XML_UNKNOWN, XML_TOO_LARGE = "XML_BROKEN", "XML_UNSAFE", "XML_UNKNOWN", "XML_TOO_LARGE"
DOCUMENT_EMPTY = "EMPTY"
"""A document of the right kind without a record: nothing was delivered, or nothing where it belongs."""
FEED_BYTES = 1 << 16
UNEXPANDED_AMPERSAND = "&#38;"
"""What the parser gives for every `&` in an attribute where it expands no entities, however written."""
XML_START_PATTERN = re.compile(
    rb"(?:\xef\xbb\xbf|\s)*(?P<single><)(?!\0)|(?:\xff\xfe|\s\0)*(?P<little><\0)|(?:\xfe\xff|\0\s)*(?P<big>\0<)"
)
XML_START_MARKS = {"single": codecs.BOM_UTF8, "little": codecs.BOM_UTF16_LE, "big": codecs.BOM_UTF16_BE}
UTF16_DECLARATION_PATTERN = re.compile(
    rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"'](?:utf-?16|ucs-?2|unicode|iso-10646)", re.I
)
"""A declaration in single bytes that names an encoding of two: a text written as UTF-8 after it was made."""


def is_xml(content: bytes) -> bool:
    """Whether a file begins as XML does."""
    return XML_START_PATTERN.match(content[:1000]) is not None


def iterate_xml_values(content: bytes, most_bytes: int) -> Iterator[str]:
    """Every value in a document, whatever its format: for who looks for a number in it.

    Takes: the bytes of the document, the most there may be.
    Gives: the values of attributes, the text between every two tags, the whole text of an element that
    others interrupt, comments and processing instructions, as they are met. Character references, CDATA and
    encodings are resolved.
    Refuses: what `fed` refuses; values given before that are good.
    """
    target = _Values()
    for _ in feed_xml(content, most_bytes, target):
        yield from target.found
        target.found.clear()
    yield from target.found


class XmlTarget:
    """What hears a document as it is parsed. A DTD is refused as it begins: nothing in it is expanded."""

    def doctype(self, *_: object) -> None:
        raise DeliveryRejected(XML_UNSAFE)

    def start(self, tag: str, attributes: dict[str, str]) -> None: ...

    def data(self, text: str) -> None: ...

    def end(self, tag: str) -> None: ...

    def close(self) -> None: ...


class _Values(XmlTarget):
    """Hears every value of a document."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.open: list[list[str]] = [[]]
        self.pieces: list[str] = []

    def start(self, _: str, attributes: dict[str, str]) -> None:
        self._between_tags()
        self.found += (value.replace(UNEXPANDED_AMPERSAND, "&") for value in attributes.values())
        self.open.append([])

    def data(self, text: str) -> None:
        self.pieces.append(text)

    def end(self, _: str) -> None:
        self._between_tags()
        texts = self.open.pop()
        if len(texts) > 1:
            self.found.append("".join(texts))

    def comment(self, text: str) -> None:
        self.found.append(text)

    def pi(self, _: str, text: str | None = None) -> None:
        self.found.append(text or "")

    def _between_tags(self) -> None:
        text = "".join(self.pieces)
        self.pieces.clear()
        if text.strip():
            self.found.append(text)
            self.open[-1].append(text)


def feed_xml(content: bytes, most_bytes: int, target: XmlTarget) -> Iterator[None]:
    """Hand a document to a target piece by piece.

    Refuses: with a reason code, a document over the limit, one with a DTD, one damaged or cut off; and what
    the target refuses.
    """
    if len(content) > most_bytes:
        raise DeliveryRejected(XML_TOO_LARGE)
    parser = etree.XMLParser(
        target=cast(Any, target),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        recover=False,
    )
    content = _as_read(content)
    try:
        for start in range(0, len(content), FEED_BYTES):
            parser.feed(content[start : start + FEED_BYTES])
            yield
        parser.close()
    except (etree.LxmlError, ValueError, LookupError):
        raise DeliveryRejected(XML_BROKEN) from None  # the parser's message could hold a value


def _as_read(content: bytes) -> bytes:
    """The bytes of a document as the parser knows them: nothing before its beginning but one fitting mark.

    Two marks, blank lines before the declaration, UTF-16 without a mark and UTF-8 that is labelled UTF-16
    come of programs that put a text together before they write it.
    """
    found = XML_START_PATTERN.match(content)
    if found is None or found.lastgroup is None:
        return content
    start, mark = found.start(found.lastgroup), XML_START_MARKS[found.lastgroup]
    marked = found.lastgroup != "single" or mark in content[:start] or UTF16_DECLARATION_PATTERN.match(content, start)
    wanted = mark if marked else b""
    return content if content[:start] == wanted else wanted + content[start:]
