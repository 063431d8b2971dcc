"""Results of UWLR 2.0 to 2.3, joined to a roster of their school as rows with the canonical columns.

Results have no pupil number. They are joined on the ECK iD or on the key of the school's administration, within one
school and school year; a key that identifies within one export only (`#`) joins nobody. A result that cannot be joined
beyond doubt gets a reason code instead of a number.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cohort.delivery_formats import edexml, rosters, xml_messages, xml_stream
from cohort.delivery_formats.file_reason_codes import DeliveryRejected
from cohort.delivery_formats.rosters import DocumentSchool, PupilIndex, PupilMatch, Roster, RosterPupil
from cohort.delivery_formats.xml_messages import MessageElement, MessageShape, UniqueElements
from cohort.foundation.code_lists import CODE_LISTS
from cohort.states.schemas import CANONICAL_COLUMNS

UWLR_RESULTS_ROOT = "leerresultaten_verzoek"
OSO_NAMESPACE_PATTERN = re.compile(r"http://www\.edustandaard\.nl/oso_gegevensset/.*")
DEFAULT_VERSION = "2.3"
"""The version of a message that declares none."""

UWLR_TEST_UNDECLARED = "UWLR_TEST_UNDECLARED"
SCORE_NOT_A_NUMBER = "SCORE_NOT_A_NUMBER"
LEVEL_INVALID = "LEVEL_INVALID"

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

LEVEL_REFERENCE_CODES = {"niveau_AE": ("AE", "CAE"), "niveau_IV": ("IV", "CIV")}
"""Codes of reference scores that are a level. A value under the code with a C may also be a number on a finer scale,
which is not a level and is left out."""
NATIONAL_GROUPS = (None, "Landelijk")
"""Groups of comparison of a level. A level against another group than the nation is another measure."""
XML_DECIMAL_PATTERN = re.compile(r"\+?([0-9]*)(?:\.([0-9]*))?")


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


@dataclass(frozen=True, repr=False)
class CanonicalRow:
    """One result as a row. Without a repr: no message may hold it.

    Attributes:
        element_number: the number of its element in the message.
        code: the reason code of a row that is refused, else None.
        cells: its values in the order of `CANONICAL_COLUMNS`; None where there is none.
        matched_on: `rosters.MATCHED_ON_ECKID` or `rosters.MATCHED_ON_KEY`; None where it has no pupil.
    """

    element_number: int
    code: str | None
    cells: tuple[str | None, ...]
    matched_on: str | None = None


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


def join_results_to_rosters(
    message: UwlrMessage, school_rosters: Iterable[Roster], newest_numbers: Mapping[str, str] | None = None
) -> list[CanonicalRow]:
    """Make the results of a message rows, each with its pupil from a roster.

    Args:
        message: the message.
        school_rosters: the rosters of its school.
        newest_numbers: every pupil number that was replaced, with the newest number of its pupil.

    Returns:
        A row per result in document order. Its code is None, or a reason: ROSTER_MISSING; PUPIL_NOT_IN_ROSTER;
        PUPIL_AMBIGUOUS (key and ECK iD name two pupils, one of them names two, here or in another of the rosters, or
        there is nothing but a key of one export); SCORE_NOT_A_NUMBER; LEVEL_INVALID (two different levels). Everything
        else is left to the validation rules.
    """
    index = PupilIndex(rosters.select_rosters(school_rosters, message.school), newest_numbers or {})
    school = message.school
    if index.roster is not None and not school.brin:
        school = index.roster.school
    return [
        _make_row(result, message, school, index.find_pupil(result.leerlingid, result.eckid))
        for result in message.results
    ]


def _make_row(result: UwlrResult, message: UwlrMessage, school: DocumentSchool, match: PupilMatch) -> CanonicalRow:
    elements = result.elements
    score, is_invalid_score = _decimal_with_comma(elements.get("vaardigheidsscore"))
    levels, are_contradictory = _find_levels(result.references)
    part, test = elements.get("toetsonderdeelcode"), elements.get("toetscode")
    values = {
        "brin": school.brin,
        "vestiging": school.vestiging,
        "schooljaar": message.school.schooljaar,
        # the score of a part is not that of the test: the catalogue may know the part by this name
        "toetscode": f"{test}/{part}" if part else test,
        "toetsversie": elements.get("versie") or _only_version(message.versions.get(test or "")),
        "afnamedatum": edexml.date_without_zone(elements.get("afnamedatum")),
        "ruwe_score": elements.get("score") or elements.get("aantalgoed"),
        "vaardigheidsscore": score,
        "bron_result_key": result.key,
        **levels,
        **_pupil_values(match.pupil),
    }
    code = match.code or (SCORE_NOT_A_NUMBER if is_invalid_score else LEVEL_INVALID if are_contradictory else None)
    cells = tuple(values.get(name) for name in CANONICAL_COLUMNS)
    return CanonicalRow(result.element_number, code, cells, match.matched_on)


def _pupil_values(pupil: RosterPupil | None) -> dict[str, str | None]:
    if pupil is None:
        return {}
    same_names = ("geboortedatum", "geslacht", "jaargroep", "groep_key", "leerkracht_key", "gewicht")
    return {"pgn": pupil.number, **{name: getattr(pupil, name) for name in same_names}}


def _decimal_with_comma(text: str | None) -> tuple[str | None, bool]:
    """Write an XML decimal with a decimal comma, as the canonical format does.

    Returns:
        The text, and whether it is invalid: a comma as delivered would pass as a decimal comma, though it may have
        meant thousands. Other texts (sentinels, words) stay as they are and are left to the validation rules.
    """
    if text is None:
        return None, False
    match = XML_DECIMAL_PATTERN.fullmatch(text)
    if not match or not (match[1] or match[2]):
        return text, "," in text
    fraction = (match[2] or "").rstrip("0")
    return (match[1] or "0") + (f",{fraction}" if fraction else ""), False


def _find_levels(references: tuple[UniqueElements, ...]) -> tuple[dict[str, str | None], bool]:
    """Find the levels among reference scores, and tell whether two of them contradict each other."""
    national = [
        (reference.get("codereferentiescore"), reference.get("waarde"))
        for reference in references
        if reference.get("codevergelijkingsgroep") in NATIONAL_GROUPS
    ]
    levels: dict[str, str | None] = {}
    are_contradictory = False
    for column, (plain_code, fine_code) in LEVEL_REFERENCE_CODES.items():
        spellings = CODE_LISTS[column].spellings
        values = [value for code, value in national if code == plain_code and value]
        values = values or [value for code, value in national if code == fine_code and value and value in spellings]
        are_contradictory |= len({spellings.get(value, value) for value in values}) > 1
        levels[column] = values[0] if values else None
    return levels, are_contradictory


def _only_version(versions: frozenset[str | None] | None) -> str | None:
    """Return the version with which a test is declared, None where there are several or none."""
    return next(iter(versions)) if versions and len(versions) == 1 else None
