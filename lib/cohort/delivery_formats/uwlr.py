"""Results in a UWLR 2.0 to 2.3 message of a school.

The results have no pupil number; `uwlr_rows` joins them to a roster. They identify pupils all the same and stay in the
restricted zone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from cohort.delivery_formats import edexml, xml_messages, xml_stream
from cohort.delivery_formats.file_reason_codes import DeliveryRejected
from cohort.delivery_formats.rosters import DocumentSchool
from cohort.delivery_formats.xml_messages import MessageElement, MessageShape, UniqueElements

UWLR_RESULTS_ROOT = "leerresultaten_verzoek"
OSO_NAMESPACE_PATTERN = re.compile(r"http://www\.edustandaard\.nl/oso_gegevensset/.*")
DEFAULT_VERSION = "2.3"
"""The version of a message that declares none."""

UWLR_TEST_UNDECLARED = "UWLR_TEST_UNDECLARED"

_SCHOOL = f"{UWLR_RESULTS_ROOT}/school"
_SESSION = f"{UWLR_RESULTS_ROOT}/toetsafnames/toetsafname"
_RESULT = f"{_SESSION}/resultaten/resultaat"
_TEST = f"{UWLR_RESULTS_ROOT}/toetsen/toets"
_OSO_RESULT = f"{_RESULT}/osoresultaat"
_REFERENCE_SCORE = f"{_OSO_RESULT}/referentiescore"
_RESULT_KINDS = ("score", "osoresultaat", "anderresultaat")
"""The elements of which a result has one at most."""
_SCHOOL_ELEMENTS = ("schooljaar", "brincode", "dependancecode", "schoolkey", "aanmaakdatum", "xsdversie")


def _is_own_namespace(namespace: str, root_namespace: str) -> bool:
    is_own = edexml.is_uwlr_namespace(namespace, root_namespace) or OSO_NAMESPACE_PATTERN.fullmatch(namespace)
    return bool(is_own) and edexml.is_uwlr_namespace(root_namespace, root_namespace)


RESULTS_SHAPE = MessageShape(
    root_name=UWLR_RESULTS_ROOT,
    is_own_namespace=_is_own_namespace,
    element_paths=frozenset(
        {
            _SCHOOL,
            *(f"{_SCHOOL}/{name}" for name in _SCHOOL_ELEMENTS),
            _SESSION,
            f"{_SESSION}/leerlingid",
            f"{_SESSION}/eckid",
            _RESULT,
            *(f"{_RESULT}/{name}" for name in _RESULT_KINDS),
            f"{_OSO_RESULT}/toetsscore/aantalgoed",
            f"{_OSO_RESULT}/toetsscore/vaardigheidsscore",
            f"{_RESULT}/afnamedatum",
            f"{_RESULT}/toetscode",
            f"{_RESULT}/versie",
            f"{_RESULT}/toetsonderdeelcode",
            _REFERENCE_SCORE,
            f"{_REFERENCE_SCORE}/codereferentiescore",
            f"{_REFERENCE_SCORE}/codevergelijkingsgroep",
            f"{_REFERENCE_SCORE}/waarde",
            _TEST,
            f"{_TEST}/toetscode",
            f"{_TEST}/versie",
        }
    ),
    record_paths=frozenset({_SESSION, _RESULT}),
)


@dataclass(frozen=True, repr=False)
class UwlrResult:
    """One result as delivered. Without a repr: no message may hold it.

    Attributes:
        element_number: 1 for the first `resultaat` of the message.
        key: the key of the result.
        leerlingid: the key of the pupil in the school's administration.
        eckid: the ECK iD of the pupil.
        elements: the elements of the result.
        references: the elements of each reference score.
    """

    element_number: int
    key: str | None
    leerlingid: str | None
    eckid: str | None
    elements: UniqueElements
    references: tuple[UniqueElements, ...]


@dataclass(frozen=True, repr=False)
class UwlrMessage:
    """The results of a message. Without a repr: no message to anyone may hold them.

    Attributes:
        school: the school of the message.
        results: the results in document order.
        versions: the versions with which each declared test is declared, by the code of the test.
    """

    school: DocumentSchool
    results: tuple[UwlrResult, ...]
    versions: dict[str, frozenset[str | None]] = field(default_factory=dict)


def read_uwlr_results(content: bytes, max_bytes: int) -> UwlrMessage:
    """Read the results in a UWLR message.

    Args:
        content: the bytes of the document.
        max_bytes: how many bytes a document may have.

    Raises:
        DeliveryRejected: what `xml_messages.read_message_elements` raises; XML_UNKNOWN for another version; EMPTY;
            XML_BROKEN for an element twice that may stand once, or a result of two kinds; UWLR_TEST_UNDECLARED.
    """
    collected = _ResultsCollector()
    for element in xml_messages.read_message_elements(content, max_bytes, RESULTS_SHAPE):
        collected.add(element)
    school, results = collected.school, collected.results
    brin = school.get("brincode")
    if not edexml.UWLR_VERSION_PATTERN.fullmatch(school.get("xsdversie") or DEFAULT_VERSION):
        raise DeliveryRejected(xml_stream.XML_UNKNOWN, brin)
    if not results:
        raise DeliveryRejected(xml_stream.DOCUMENT_EMPTY, brin)
    if any(sum(kind in result.elements for kind in _RESULT_KINDS) > 1 for result in results):
        raise DeliveryRejected(xml_stream.XML_BROKEN, brin)
    if any((result.elements.get("toetscode") or "") not in collected.versions for result in results):
        raise DeliveryRejected(UWLR_TEST_UNDECLARED, brin)
    versions = {code: frozenset(declared) for code, declared in collected.versions.items()}
    return UwlrMessage(edexml.school_of_document(school), tuple(results), versions)


class _ResultsCollector:
    """Collects the elements of a message in the order in which they close: each after everything in it.

    Attributes:
        school: the elements that name the school.
        results: the results in document order.
        versions: the versions of each declared test.
    """

    def __init__(self) -> None:
        self.school = UniqueElements()
        self.results: list[UwlrResult] = []
        self.versions: dict[str, set[str | None]] = defaultdict(set)
        self._pupil = UniqueElements()  # of the session that is open
        self._session_results: list[tuple[str | None, UniqueElements, tuple[UniqueElements, ...]]] = []
        self._result = UniqueElements()  # of the result that is open
        self._references: list[UniqueElements] = []
        self._open_elements = UniqueElements()  # of the test or reference score that is open

    def add(self, element: MessageElement) -> None:
        path, attributes, text = element
        parent, _, name = path.rpartition("/")
        if parent == _SCHOOL:
            self.school.add(name, text)
        elif path == _SCHOOL:
            self.school.add("", path)
        elif parent == _SESSION:
            self._pupil.add(name, text)
        elif parent in (_TEST, _REFERENCE_SCORE):
            self._open_elements.add(name, text)
        elif path in (_TEST, _REFERENCE_SCORE, _RESULT, _SESSION):
            self._close(path, attributes)
        else:
            self._result.add(name, text)

    def _close(self, path: str, attributes: dict[str, str]) -> None:
        if path == _TEST:
            self.versions[self._open_elements.get("toetscode") or ""].add(self._open_elements.get("versie"))
            self._open_elements = UniqueElements()
        elif path == _REFERENCE_SCORE:
            self._references.append(self._open_elements)
            self._open_elements = UniqueElements()
        elif path == _RESULT:
            key = attributes.get("key", "").strip() or None
            self._session_results.append((key, self._result, tuple(self._references)))
            self._result, self._references = UniqueElements(), []
        else:
            pupil = self._pupil.get("leerlingid"), self._pupil.get("eckid")
            for number, (key, elements, references) in enumerate(self._session_results, len(self.results) + 1):
                self.results.append(UwlrResult(number, key, *pupil, elements, references))
            self._pupil, self._session_results = UniqueElements(), []
