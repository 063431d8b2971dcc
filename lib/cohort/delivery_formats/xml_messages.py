"""Elements of a message of a school, EDEXML or UWLR, by itself or in a SOAP envelope.

A parser (`edexml`, `uwlr`) declares in a `MessageShape` which elements it asks for, and gets them in document order.
Only those become text here: names and addresses around them are skipped, and so is the header of an envelope, which
holds keys of a service.
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
"""The reason of a message that by its nature has no records: a question, a confirmation, an error."""
XML_SEVERAL = "XML_SEVERAL"
"""The reason of an envelope with several messages."""
SOAP_NAMESPACE_PATTERN = re.compile(
    r"\{(?:http://schemas\.xmlsoap\.org/soap/envelope|http://www\.w3\.org/20[0-9]{2}/[0-9]{2}/soap-envelope)/?\}"
)
"""Namespaces of SOAP 1.1, 1.2 and the drafts of 1.2, in the braces of the parser."""


class MessageElement(NamedTuple):
    """An element that was asked for. It is given when it closes, so after every element in it.

    Attributes:
        path: local names from the root, such as `EDEX/school/brincode`.
        attributes: attributes without a namespace or in the root's, by their local names.
        text: its own text without blanks around it; None where there is none.
    """

    path: str
    attributes: dict[str, str]
    text: str | None


class UniqueElements(dict[str, str | None]):
    """The texts of the elements of one record by name; each may occur once."""

    def add(self, name: str, text: str | None) -> None:
        """Add an element.

        Raises:
            DeliveryRejected: XML_BROKEN, where the record has an element of this name.
        """
        if name in self:
            raise DeliveryRejected(XML_BROKEN)
        self[name] = text


@dataclass(frozen=True)
class MessageShape:
    """Which elements of a document a parser asks for.

    Attributes:
        root_name: the local name of the root.
        is_own_namespace: tells whether a namespace (empty for none) belongs to the format, given the root's namespace.
        element_paths: the paths asked for.
        record_paths: those of them that are records. Elsewhere their names may only occur within a record of the name.
        equivalent_root_paths: other paths that count as the root, because the same content stands there.
    """

    root_name: str
    is_own_namespace: Callable[[str, str], bool]
    element_paths: frozenset[str]
    record_paths: frozenset[str]
    equivalent_root_paths: frozenset[str] = frozenset()

    @property
    def ancestor_paths(self) -> frozenset[str]:
        """Every path that is asked for or leads to one that is."""
        paths = self.element_paths | self.equivalent_root_paths
        return frozenset(path[:end] for path in paths for end in _path_ends(path))

    @property
    def root_names(self) -> frozenset[str]:
        """Names that the root of a document may have."""
        return frozenset({self.root_name, *(path.partition("/")[0] for path in self.equivalent_root_paths)})


def _path_ends(path: str) -> Iterator[int]:
    yield from (index for index, character in enumerate(path) if character == "/")
    yield len(path)


def read_message_root(content: bytes, max_bytes: int) -> str:
    """Read the local name of the root of a message, and nothing after it; in an envelope, that of its content.

    Raises:
        DeliveryRejected: XML_NO_RECORDS where there is no element; what `read_message_elements` raises, as far as it
            shows before the root.
    """
    root = _RootName()
    for _ in xml_stream.feed_xml(content, max_bytes, _EnvelopeContent(root)):
        if root.name:
            break
    if not root.name:  # the parser reports the elements of a small document only when it has all of it
        raise DeliveryRejected(XML_NO_RECORDS)
    return root.name


def read_message_elements(content: bytes, max_bytes: int, shape: MessageShape) -> Iterator[MessageElement]:
    """Read the elements of a message that a shape asks for, in the order in which they close.

    Args:
        content: the bytes of the document.
        max_bytes: how many bytes a document may have.
        shape: the elements asked for.

    Raises:
        DeliveryRejected: the document is too large, has a DTD or own entities, is damaged or cut off, is of another
            kind, is an envelope with several messages, or has a record where none may stand. Elements that were given
            before are not to be trusted then.
    """
    collected = _ElementCollector(shape)
    for _ in xml_stream.feed_xml(content, max_bytes, _EnvelopeContent(collected)):
        yield from collected.elements
        collected.elements.clear()
    yield from collected.elements


class _EnvelopeContent(XmlTarget):
    """Passes on to another target what stands in the body of a SOAP envelope, or the whole document without one.

    Attributes:
        content: the target.
        soap_namespace: the namespace of the envelope, in braces; empty without an envelope.
        open_envelope: the open elements of the envelope, from the root.
        header_depth: how many elements are open in the header of the envelope.
        content_depth: how many elements are open in the content.
    """

    def __init__(self, content: XmlTarget) -> None:
        self.content = content
        self.soap_namespace = ""
        self.open_envelope: list[str] = []
        self.header_depth = self.content_depth = 0
        self.body_count = self.message_count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self.content_depth or not self._opens_envelope_element(tag):
            self.message_count += not self.content_depth
            if self.message_count > 1:
                raise DeliveryRejected(XML_SEVERAL)
            self.content_depth += 1
            self.content.start(tag, attributes)

    def data(self, text: str) -> None:
        if self.content_depth:
            self.content.data(text)

    def end(self, tag: str) -> None:
        if self.content_depth:
            self.content_depth -= 1
            self.content.end(tag)
        elif self.header_depth:
            self.header_depth -= 1
        else:
            self.open_envelope.pop()

    def _opens_envelope_element(self, tag: str) -> bool:
        """Tell whether an element that begins belongs to the envelope, and count it as open if so."""
        if self.header_depth or (len(self.open_envelope) == 1 and tag == f"{self.soap_namespace}Header"):
            self.header_depth += 1
            return True
        if not self.open_envelope:
            namespace = SOAP_NAMESPACE_PATTERN.match(tag)
            self.soap_namespace = namespace[0] if namespace else ""
            if not self.soap_namespace or tag != f"{self.soap_namespace}Envelope":
                return False
        elif len(self.open_envelope) == 1:
            self.body_count += 1
            if tag != f"{self.soap_namespace}Body" or self.body_count > 1:
                raise DeliveryRejected(XML_BROKEN)
        else:
            return False
        self.open_envelope.append(tag)
        return True


class _RootName(XmlTarget):
    """Keeps the local name of the first element."""

    name = ""

    def start(self, tag: str, _: dict[str, str]) -> None:
        self.name = self.name or tag.rpartition("}")[2]


class _OpenElement(NamedTuple):
    """An open element: its path, None where nothing below it is asked for; its text, None where it is not asked for."""

    path: str | None
    attributes: dict[str, str]
    text_pieces: list[str] | None


class _ElementCollector(XmlTarget):
    """Collects the elements of a message that a shape asks for."""

    def __init__(self, shape: MessageShape) -> None:
        self.elements: list[MessageElement] = []
        self._shape, self._ancestor_paths = shape, shape.ancestor_paths
        self._record_names = {path.rpartition("/")[2] for path in shape.record_paths}
        self._root_namespace = ""
        self._root_count = 0
        self._open: list[_OpenElement] = []
        self._open_records: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        namespace, _, name = tag.removeprefix("{").rpartition("}")
        path = self._find_path(namespace, name)
        if path not in self._ancestor_paths:
            self._open.append(_OpenElement(None, {}, None))
            return
        if path in self._shape.record_paths:
            self._open_records.append(name)
        is_asked_for = path in self._shape.element_paths
        self._open.append(_OpenElement(path, self._read_attributes(attributes), [] if is_asked_for else None))

    def data(self, text: str) -> None:
        pieces = self._open[-1].text_pieces
        if pieces is not None:
            pieces.append(text)

    def end(self, _: str) -> None:
        path, attributes, pieces = self._open.pop()
        if path is not None and pieces is not None:
            if path in self._shape.record_paths:
                self._open_records.pop()
            self.elements.append(MessageElement(path, attributes, "".join(pieces).strip() or None))

    def _find_path(self, namespace: str, name: str) -> str | None:
        """Find the path of an element that begins, as the shape has it; None below elements not asked for."""
        if not self._open:
            self._root_namespace = namespace
            if name not in self._shape.root_names or not self._shape.is_own_namespace(namespace, namespace):
                raise DeliveryRejected(XML_UNKNOWN)
            path: str | None = name
        else:
            parent = self._open[-1].path
            is_own = self._shape.is_own_namespace(namespace, self._root_namespace)
            path = f"{parent}/{name}" if parent is not None and is_own else None
            is_stray_record = name in self._record_names and path not in self._shape.record_paths
            if is_own and is_stray_record and name not in self._open_records:
                raise DeliveryRejected(XML_BROKEN)
        if path != self._shape.root_name and path not in self._shape.equivalent_root_paths:
            return path
        self._root_count += 1
        if self._root_count > 1:
            raise DeliveryRejected(XML_BROKEN)
        return self._shape.root_name

    def _read_attributes(self, attributes: dict[str, str]) -> dict[str, str]:
        """Take the attributes without a namespace or in the root's; the former win where both have a name."""
        prefix = f"{{{self._root_namespace}}}"
        by_name = {name.removeprefix(prefix): value for name, value in attributes.items() if name[0] == "{"}
        by_name |= {name: value for name, value in attributes.items() if name[0] != "{"}
        return {name: value.replace(UNEXPANDED_AMPERSAND, "&") for name, value in by_name.items()}
