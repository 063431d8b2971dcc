"""The elements asked for of a school's message: EDEXML or UWLR, by itself or in a SOAP envelope.

Only elements on the paths asked for become text here; the names and addresses around them pass by, and so
does the header of an envelope, which holds keys of a service.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from cohort.delivery_formats import xml_stream
from cohort.delivery_formats.file_reason_codes import DeliveryRejected
from cohort.delivery_formats.xml_stream import UNEXPANDED_AMPERSAND, XML_BROKEN, XML_UNKNOWN, XmlTarget

XML_NO_RECORDS = "XML_NO_RECORDS"
"""A message of the right kind that has none by its nature: a question, a confirmation, an error."""
XML_SEVERAL = "XML_SEVERAL"
"""An envelope with more than one message."""
SOAP_NAMESPACE_PATTERN = re.compile(
    r"\{(?:http://schemas\.xmlsoap\.org/soap/envelope|http://www\.w3\.org/20[0-9]{2}/[0-9]{2}/soap-envelope)/?\}"
)
"""SOAP 1.1; 1.2 and its drafts."""


class MessageElement(NamedTuple):
    """An element that was asked for, when it closes: after everything in it."""

    path: str
    """Local names from the root, `EDEX/school/brincode`."""
    attributes: dict[str, str]
    """By local name, where they have no namespace or the format's."""
    text: str | None
    """Its own text without the blanks around it, None when there is none."""


@dataclass(frozen=True)
class MessageShape:
    """What is asked of a document.

    Takes: the root's local name; whether a namespace ("" for none) is one of the format's, given the root's
    own; the paths asked for; those of them that are records, which stand nowhere else but within their like;
    other paths that count as the root, because the same content stands there.
    """

    root_name: str
    is_own_namespace: Callable[[str, str], bool]
    element_paths: frozenset[str]
    record_paths: frozenset[str]
    equivalent_root_paths: frozenset[str] = frozenset()

    @property
    def ancestor_paths(self) -> frozenset[str]:
        """Every path on the way to one that is asked for."""
        return frozenset(path[:end] for path in self.element_paths | self.equivalent_root_paths for end in _ends(path))

    @property
    def root_names(self) -> frozenset[str]:
        """Names that a document's root may have."""
        return frozenset({self.root_name, *(path.partition("/")[0] for path in self.equivalent_root_paths)})


def _ends(path: str) -> Iterator[int]:
    yield from (place for place, character in enumerate(path) if character == "/")
    yield len(path)


def read_message_root(content: bytes, most_bytes: int) -> str:
    """The local name of a message's root, read no further than that: what stands in an envelope, if in one.

    Refuses: what `elements` refuses, as far as it shows before the root.
    """
    found = _Root()
    opened = _Opened(found)
    for _ in xml_stream.feed_xml(content, most_bytes, opened):
        if found.name:
            break
    if not found.name:  # of a small document the parser tells when it has all of it
        raise DeliveryRejected(XML_NO_RECORDS)
    return found.name


def read_message_elements(content: bytes, most_bytes: int, shape: MessageShape) -> Iterator[MessageElement]:
    """The elements of a message that were asked for, in the order in which they close.

    Takes: the bytes of the document, the most there may be, what is asked for.
    Refuses: with a reason code, a document over the limit, one with a DTD or entities of its own, one that
    is damaged or cut off, one of another kind, an envelope with several messages, and a message with a record
    where none may stand. Elements given before count for nothing then.
    """
    target = _Asked(shape)
    for _ in xml_stream.feed_xml(content, most_bytes, _Opened(target)):
        yield from target.found
        target.found.clear()
    yield from target.found


class _Opened(XmlTarget):
    """Hears a document; hands on what stands in the body of a SOAP envelope, or all of it without one."""

    def __init__(self, content: XmlTarget) -> None:
        self.content = content
        self.soap = ""
        """The namespace of the envelope, in the braces that names come with."""
        self.around: list[str] = []
        """The open elements around the content."""
        self.passed_by = self.inside = 0
        """How many elements are open in a header, and in the content."""
        self.bodies = self.messages = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self.inside or not self._of_envelope(tag):
            self.messages += not self.inside
            if self.messages > 1:
                raise DeliveryRejected(XML_SEVERAL)
            self.inside += 1
            self.content.start(tag, attributes)

    def data(self, text: str) -> None:
        if self.inside:
            self.content.data(text)

    def end(self, tag: str) -> None:
        if self.inside:
            self.inside -= 1
            self.content.end(tag)
        elif self.passed_by:
            self.passed_by -= 1
        else:
            self.around.pop()

    def _of_envelope(self, tag: str) -> bool:
        """Whether an element that begins is one of the envelope's, not of what it holds."""
        if self.passed_by or (len(self.around) == 1 and tag == f"{self.soap}Header"):
            self.passed_by += 1
            return True
        if not self.around:
            namespace = SOAP_NAMESPACE_PATTERN.match(tag)
            self.soap = namespace[0] if namespace else ""
            if not self.soap or tag != f"{self.soap}Envelope":
                return False
        elif len(self.around) == 1:
            self.bodies += 1
            if tag != f"{self.soap}Body" or self.bodies > 1:
                raise DeliveryRejected(XML_BROKEN)
        else:
            return False
        self.around.append(tag)
        return True


class _Root(XmlTarget):
    """Hears the first element only."""

    name = ""

    def start(self, tag: str, _: dict[str, str]) -> None:
        self.name = self.name or tag.rpartition("}")[2]


class _Asked(XmlTarget):
    """Hears a message, keeps what was asked for."""

    def __init__(self, shape: MessageShape) -> None:
        self.shape, self.ways = shape, shape.ancestor_paths
        self.record_names = {path.rpartition("/")[2] for path in shape.record_paths}
        self.found: list[MessageElement] = []
        self.namespace = ""
        self.open: list[tuple[str | None, dict[str, str], list[str] | None]] = []
        self.records: list[str] = []
        self.roots = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        namespace, _, name = tag.removeprefix("{").rpartition("}")
        path = self._path(namespace, name)
        if path not in self.ways:
            self.open.append((None, {}, None))
            return
        if path in self.shape.record_paths:
            self.records.append(name)
        self.open.append((path, self._attributes(attributes), [] if path in self.shape.element_paths else None))

    def data(self, text: str) -> None:
        pieces = self.open[-1][2]
        if pieces is not None:
            pieces.append(text)

    def end(self, _: str) -> None:
        path, attributes, pieces = self.open.pop()
        if path is not None and pieces is not None:
            if path in self.shape.record_paths:
                self.records.pop()
            self.found.append(MessageElement(path, attributes, "".join(pieces).strip() or None))

    def _path(self, namespace: str, name: str) -> str | None:
        """The path of an element that begins, as the shape has it; None below what is not asked for."""
        if not self.open:
            self.namespace = namespace
            if name not in self.shape.root_names or not self.shape.is_own_namespace(namespace, namespace):
                raise DeliveryRejected(XML_UNKNOWN)
            path: str | None = name
        else:
            above = self.open[-1][0]
            own = self.shape.is_own_namespace(namespace, self.namespace)
            path = f"{above}/{name}" if above is not None and own else None
            stray = name in self.record_names and path not in self.shape.record_paths
            if own and stray and name not in self.records:
                raise DeliveryRejected(XML_BROKEN)
        if path != self.shape.root_name and path not in self.shape.equivalent_root_paths:
            return path
        self.roots += 1
        if self.roots > 1:
            raise DeliveryRejected(XML_BROKEN)
        return self.shape.root_name

    def _attributes(self, attributes: dict[str, str]) -> dict[str, str]:
        prefix = f"{{{self.namespace}}}"
        by_name = {name.removeprefix(prefix): value for name, value in attributes.items() if name[0] == "{"}
        by_name |= {name: value for name, value in attributes.items() if name[0] != "{"}
        return {name: value.replace(UNEXPANDED_AMPERSAND, "&") for name, value in by_name.items()}
