"""XML parsed as a stream: no tree, no entities, no network, in any encoding in which programs write it.

A document with a DTD is rejected before anything in it is expanded. No error holds text of the document.
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
"""The reason of a document of the right kind without records."""
FEED_BYTES = 1 << 16
UNEXPANDED_AMPERSAND = "&#38;"
"""The text that the parser gives for every `&` in an attribute, because it expands no entities."""
XML_START_PATTERN = re.compile(
    rb"(?:\xef\xbb\xbf|\s)*(?P<single><)(?!\0)|(?:\xff\xfe|\s\0)*(?P<little><\0)|(?:\xfe\xff|\0\s)*(?P<big>\0<)"
)
XML_START_MARKS = {"single": codecs.BOM_UTF8, "little": codecs.BOM_UTF16_LE, "big": codecs.BOM_UTF16_BE}
UTF16_DECLARATION_PATTERN = re.compile(
    rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"'](?:utf-?16|ucs-?2|unicode|iso-10646)", re.I
)
"""A declaration in single bytes that names UTF-16: a program made the text for UTF-16 and wrote it as UTF-8."""


def is_xml(content: bytes) -> bool:
    """Tell whether a file begins as XML does."""
    return XML_START_PATTERN.match(content[:1000]) is not None


def iterate_xml_values(content: bytes, max_bytes: int) -> Iterator[str]:
    """Give every value in a document of any format, for the search for a pupil number.

    Args:
        content: the bytes of the document.
        max_bytes: how many bytes a document may have.

    Returns:
        The values of attributes, the text between every two tags, the whole text of an element that other elements
        interrupt, comments and processing instructions, in document order. Character references, CDATA and encodings
        are resolved.

    Raises:
        DeliveryRejected: what `feed_xml` raises. Values that were given before are correct.
    """
    collected = _ValueCollector()
    for _ in feed_xml(content, max_bytes, collected):
        yield from collected.values
        collected.values.clear()
    yield from collected.values


class XmlTarget:
    """The events of a document that is parsed; subclasses override those that they need.

    A document type declaration is rejected as it begins, so that nothing in it is expanded.
    """

    def doctype(self, *_: object) -> None:
        raise DeliveryRejected(XML_UNSAFE)

    def start(self, tag: str, attributes: dict[str, str]) -> None: ...

    def data(self, text: str) -> None: ...

    def end(self, tag: str) -> None: ...

    def close(self) -> None: ...


class _ValueCollector(XmlTarget):
    """Collects every value of a document."""

    def __init__(self) -> None:
        self.values: list[str] = []
        self._open_texts: list[list[str]] = [[]]
        """The texts between tags of each open element."""
        self._pieces: list[str] = []

    def start(self, _: str, attributes: dict[str, str]) -> None:
        self._end_text()
        self.values += (value.replace(UNEXPANDED_AMPERSAND, "&") for value in attributes.values())
        self._open_texts.append([])

    def data(self, text: str) -> None:
        self._pieces.append(text)

    def end(self, _: str) -> None:
        self._end_text()
        texts = self._open_texts.pop()
        if len(texts) > 1:
            self.values.append("".join(texts))

    def comment(self, text: str) -> None:
        self.values.append(text)

    def pi(self, _: str, text: str | None = None) -> None:
        self.values.append(text or "")

    def _end_text(self) -> None:
        text = "".join(self._pieces)
        self._pieces.clear()
        if text.strip():
            self.values.append(text)
            self._open_texts[-1].append(text)


def feed_xml(content: bytes, max_bytes: int, target: XmlTarget) -> Iterator[None]:
    """Parse a document piece by piece; between two pieces the caller may take what the target collected.

    Raises:
        DeliveryRejected: XML_TOO_LARGE, XML_UNSAFE for a DTD, XML_BROKEN for one damaged or cut off; what the target
            raises.
    """
    if len(content) > max_bytes:
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
    content = _with_one_mark(content)
    try:
        for start in range(0, len(content), FEED_BYTES):
            parser.feed(content[start : start + FEED_BYTES])
            yield
        parser.close()
    except (etree.LxmlError, ValueError, LookupError):
        raise DeliveryRejected(XML_BROKEN) from None  # the message of the parser could hold a value


def _with_one_mark(content: bytes) -> bytes:
    """Make the beginning of a document one that the parser accepts: nothing before it but one fitting byte order mark.

    Programs that put a text together before they write it leave two marks, blank lines before the declaration, UTF-16
    without a mark, or UTF-8 that is declared as UTF-16.
    """
    match = XML_START_PATTERN.match(content)
    if match is None or match.lastgroup is None:
        return content
    start, mark = match.start(match.lastgroup), XML_START_MARKS[match.lastgroup]
    needs_mark = (
        match.lastgroup != "single" or mark in content[:start] or UTF16_DECLARATION_PATTERN.match(content, start)
    )
    beginning = mark if needs_mark else b""
    return content if content[:start] == beginning else beginning + content[start:]
