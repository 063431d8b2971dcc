"""UWLR 2.0 to 2.3: a school's results, joined to its roster as rows of the canonical dialect.

Results hold no pupil number. They are joined on the ECK iD or the administration's key, within one school
and year; a key that holds within one export only (`#`) joins nobody. What cannot be joined beyond doubt gets
a code instead of a number.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cohort.delivery_formats import edexml, rosters, xml_messages, xml_stream
from cohort.delivery_formats.edexml import UniqueElements
from cohort.delivery_formats.file_reason_codes import DeliveryRejected
from cohort.delivery_formats.rosters import DocumentSchool, PupilIndex, PupilMatch, Roster, RosterPupil
from cohort.delivery_formats.xml_messages import MessageShape
from cohort.foundation.code_lists import CODE_LISTS
from cohort.states.schemas import CANONICAL_COLUMNS

UWLR_RESULTS_ROOT = "leerresultaten_verzoek"
OSO_NAMESPACE_PATTERN = re.compile(r"http://www\.edustandaard\.nl/oso_gegevensset/.*")

UWLR_TEST_UNDECLARED = "UWLR_TEST_UNDECLARED"
SCORE_NOT_A_NUMBER = "SCORE_NOT_A_NUMBER"
LEVEL_INVALID = "LEVEL_INVALID"

_AFNAME = f"{UWLR_RESULTS_ROOT}/toetsafnames/toetsafname"
_RESULTAAT = f"{_AFNAME}/resultaten/resultaat"
_TOETS = f"{UWLR_RESULTS_ROOT}/toetsen/toets"
_OSO = f"{_RESULTAAT}/osoresultaat"
_REFERENCE = f"{_OSO}/referentiescore"
_KINDS = ("score", "osoresultaat", "anderresultaat")
_SCHOOL = ("schooljaar", "brincode", "dependancecode", "schoolkey", "aanmaakdatum", "xsdversie")


def _own(namespace: str, of_root: str) -> bool:
    its_own = edexml.is_uwlr_namespace(namespace, of_root) or OSO_NAMESPACE_PATTERN.fullmatch(namespace) is not None
    return its_own and edexml.is_uwlr_namespace(of_root, of_root)


RESULTS_SHAPE = MessageShape(
    root_name=UWLR_RESULTS_ROOT,
    is_own_namespace=_own,
    element_paths=frozenset(
        {
            f"{UWLR_RESULTS_ROOT}/school",
            *(f"{UWLR_RESULTS_ROOT}/school/{name}" for name in _SCHOOL),
            _AFNAME,
            f"{_AFNAME}/leerlingid",
            f"{_AFNAME}/eckid",
            _RESULTAAT,
            *(f"{_RESULTAAT}/{name}" for name in _KINDS),
            f"{_OSO}/toetsscore/aantalgoed",
            f"{_OSO}/toetsscore/vaardigheidsscore",
            f"{_RESULTAAT}/afnamedatum",
            f"{_RESULTAAT}/toetscode",
            f"{_RESULTAAT}/versie",
            f"{_RESULTAAT}/toetsonderdeelcode",
            _REFERENCE,
            f"{_REFERENCE}/codereferentiescore",
            f"{_REFERENCE}/codevergelijkingsgroep",
            f"{_REFERENCE}/waarde",
            _TOETS,
            f"{_TOETS}/toetscode",
            f"{_TOETS}/versie",
        }
    ),
    record_paths=frozenset({_AFNAME, _RESULTAAT}),
)

LEVEL_REFERENCE_CODES = {"niveau_AE": ("AE", "CAE"), "niveau_IV": ("IV", "CIV")}
"""Reference scores that are a level: the plain code; the one with a C, whose value may also be a number on
a finer scale, which is no level and is left out."""
NATIONAL_GROUPS = (None, "Landelijk")
"""A level against another group than the nation is another measure."""
XML_DECIMAL_PATTERN = re.compile(r"\+?([0-9]*)(?:\.([0-9]*))?")


@dataclass(frozen=True, repr=False)
class UwlrResult:
    """One result as delivered. Without a repr: no message may hold it."""

    element_number: int
    """1 for the first `resultaat` of the message."""
    key: str | None
    leerlingid: str | None
    eckid: str | None
    elements: UniqueElements
    references: tuple[UniqueElements, ...]


@dataclass(frozen=True, repr=False)
class UwlrMessage:
    school: DocumentSchool
    results: tuple[UwlrResult, ...]
    versions: dict[str, frozenset[str | None]] = field(default_factory=dict)
    """The versions that each declared test was declared with."""


@dataclass(frozen=True, repr=False)
class CanonicalRow:
    """A row of the canonical dialect: the number of its element, a code where it cannot be taken, its cells
    in the order of `CANONICAL`, None where there is nothing.
    """

    element_number: int
    code: str | None
    cells: tuple[str | None, ...]
    matched_on: str | None = None
    """`rosters.ECKID` or `rosters.KEY`, None where it has no pupil."""


def read_uwlr_results(content: bytes, most_bytes: int) -> UwlrMessage:
    """The results in a UWLR message.

    Takes: the bytes of the document, the most there may be.
    Refuses: what `messages.elements` refuses; another version; a test that was not declared; an element twice
    that may stand once, or a result of two kinds; no result.
    """
    school, results, versions = UniqueElements(), list[UwlrResult](), defaultdict[str, set[str | None]](set)
    pupil, given, references, fields = UniqueElements(), UniqueElements(), list[UniqueElements](), UniqueElements()
    waiting: list[tuple[str | None, UniqueElements, tuple[UniqueElements, ...]]] = []
    for path, attributes, text in xml_messages.read_message_elements(content, most_bytes, RESULTS_SHAPE):
        parent, _, name = path.rpartition("/")
        if parent == f"{UWLR_RESULTS_ROOT}/school":
            school.add(name, text)
        elif path == f"{UWLR_RESULTS_ROOT}/school":
            school.add("", path)
        elif parent == _AFNAME:
            pupil.add(name, text)
        elif parent in (_TOETS, _REFERENCE):
            fields.add(name, text)
        elif path == _TOETS:
            versions[fields.get("toetscode") or ""].add(fields.get("versie"))
            fields = UniqueElements()
        elif path == _REFERENCE:
            references.append(fields)
            fields = UniqueElements()
        elif path == _RESULTAAT:
            waiting.append((attributes.get("key", "").strip() or None, given, tuple(references)))
            given, references = UniqueElements(), []
        elif path == _AFNAME:
            who = pupil.get("leerlingid"), pupil.get("eckid")
            results += [UwlrResult(n, k, *who, g, r) for n, (k, g, r) in enumerate(waiting, len(results) + 1)]
            pupil, waiting = UniqueElements(), []
        else:
            given.add(name, text)
    brin = school.get("brincode")
    if not edexml.UWLR_VERSION_PATTERN.fullmatch(school.get("xsdversie") or "2.3"):
        raise DeliveryRejected(xml_stream.XML_UNKNOWN, brin)
    if not results:
        raise DeliveryRejected(xml_stream.DOCUMENT_EMPTY, brin)
    if any(sum(kind in result.elements for kind in _KINDS) > 1 for result in results):
        raise DeliveryRejected(xml_stream.XML_BROKEN, brin)
    if any((result.elements.get("toetscode") or "") not in versions for result in results):
        raise DeliveryRejected(UWLR_TEST_UNDECLARED, brin)
    declared = {code: frozenset(found) for code, found in versions.items()}
    return UwlrMessage(edexml.school_of_document(school), tuple(results), declared)


def join_results_to_rosters(
    message: UwlrMessage, those: Iterable[Roster], newest_of: Mapping[str, str] | None = None
) -> list[CanonicalRow]:
    """The results of a message as rows, each with its pupil from the roster.

    Takes: a message; the rosters that there are; every pupil number that was replaced, with the newest of its
    pupil.
    Gives: a row per result in document order. Its code is null, ROSTER_MISSING, PUPIL_NOT_IN_ROSTER,
    PUPIL_AMBIGUOUS (key and ECK iD name two pupils, one of them stands for two, here or in another of the
    rosters, or there is nothing but a key of one export), SCORE_NOT_A_NUMBER or LEVEL_INVALID (two different
    levels). What the quality rules see is left to them.
    """
    index, school = PupilIndex(rosters.select_rosters(those, message.school), newest_of or {}), message.school
    if index.roster is not None and not school.brin:
        school = index.roster.school
    return [
        _row(result, message, school, index.find_pupil(result.leerlingid, result.eckid)) for result in message.results
    ]


def _row(result: UwlrResult, message: UwlrMessage, school: DocumentSchool, join: PupilMatch) -> CanonicalRow:
    pupil, joined_on, code = join
    given = result.elements
    scored, wrong_score = _decimal(given.get("vaardigheidsscore"))
    levels, wrong_level = _levels(result.references)
    part, test = given.get("toetsonderdeelcode"), given.get("toetscode")
    cells = {
        "brin": school.brin,
        "vestiging": school.vestiging,
        "schooljaar": message.school.schooljaar,
        # the score of a part is not that of the test: the catalogue may know the part by this name
        "toetscode": f"{test}/{part}" if part else test,
        "toetsversie": given.get("versie") or _only(message.versions.get(test or "")),
        "afnamedatum": edexml.date_without_zone(given.get("afnamedatum")),
        "ruwe_score": given.get("score") or given.get("aantalgoed"),
        "vaardigheidsscore": scored,
        "bron_result_key": result.key,
        **levels,
        **_of_pupil(pupil),
    }
    code = code or (SCORE_NOT_A_NUMBER if wrong_score else LEVEL_INVALID if wrong_level else None)
    return CanonicalRow(result.element_number, code, tuple(cells.get(name) for name in CANONICAL_COLUMNS), joined_on)


def _of_pupil(pupil: RosterPupil | None) -> dict[str, str | None]:
    if pupil is None:
        return {}
    same = ("geboortedatum", "geslacht", "jaargroep", "groep_key", "leerkracht_key", "gewicht")
    return {"pgn": pupil.number, **{name: getattr(pupil, name) for name in same}}


def _decimal(text: str | None) -> tuple[str | None, bool]:
    """An XML decimal with the decimal comma of the canonical dialect, and whether it was none.

    A comma as delivered would pass as a decimal there, though it may have meant thousands.
    """
    if text is None:
        return None, False
    found = XML_DECIMAL_PATTERN.fullmatch(text)
    if not found or not (found[1] or found[2]):
        return text, "," in text  # anything else the quality rules judge: sentinels, words
    fraction = (found[2] or "").rstrip("0")
    return (found[1] or "0") + (f",{fraction}" if fraction else ""), False


def _levels(references: tuple[UniqueElements, ...]) -> tuple[dict[str, str | None], bool]:
    """The levels among reference scores, and whether two of them contradict each other."""
    levels: dict[str, str | None] = {}
    contradicted = False
    for name, (plain, fine) in LEVEL_REFERENCE_CODES.items():
        codes = CODE_LISTS[name].spellings
        told = [
            (one.get("codereferentiescore"), one.get("waarde"))
            for one in references
            if one.get("codevergelijkingsgroep") in NATIONAL_GROUPS
        ]
        found = [value for code, value in told if code == plain and value]
        found = found or [value for code, value in told if code == fine and value and value in codes]
        contradicted |= len({codes.get(value, value) for value in found}) > 1
        levels[name] = found[0] if found else None
    return levels, contradicted


def _only(versions: frozenset[str | None] | None) -> str | None:
    """The version that a test was declared with, when there is no other."""
    return next(iter(versions)) if versions and len(versions) == 1 else None
