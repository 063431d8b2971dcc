"""A school's roster, as far as results are joined to it: EDEXML 1.0.3 to 2.1, or in UWLR 2.0 to 2.3.

UWLR has it as an answer, in its own namespace, of the whole school or of some groups. A roster holds names,
addresses, origins and free text too: those elements are not asked for, so nothing of them is ever held. What
is held identifies pupils all the same, and stays in intake.
"""

from __future__ import annotations

import re

from cohort.delivery_formats import xml_messages, xml_stream
from cohort.delivery_formats.file_reason_codes import DeliveryRejected
from cohort.delivery_formats.rosters import MAIN_SITE, DocumentSchool, Roster, RosterPupil, is_lasting_key
from cohort.delivery_formats.xml_messages import MessageShape

EDEXML_ROOT = "EDEX"
EDEXML_VERSION_PATTERN = re.compile(r"(?:1\.0|2\.0|2\.1)(?:\.?[0-9]+)*")
UWLR_NAMESPACE_PATTERN = re.compile(r"http://www\.edustandaard\.nl/leerresultaten/2(?:\.[0-9]+)*(?:/.*)?")
UWLR_VERSION_PATTERN = re.compile(r"2\.[0-3](?:\.[0-9]+)*")
WHOLE_SCHOOL_ANSWER = "leerlinggegevens"
SOME_GROUPS_ANSWER = "leerlinggegevens-leerlingen"
"""The pupils of the groups that were asked for."""
ANSWER_PATHS = frozenset(
    {
        WHOLE_SCHOOL_ANSWER,
        SOME_GROUPS_ANSWER,
        f"leerlinggegevens_antwoord/{WHOLE_SCHOOL_ANSWER}",
        f"leerlingen_antwoord/{SOME_GROUPS_ANSWER}",
    }
)
PARTIAL_ROOTS = frozenset({SOME_GROUPS_ANSWER, "leerlingen_antwoord"})

_LEERLING, _LEERKRACHT, _GROEP = ("EDEX/leerlingen/leerling", "EDEX/leerkrachten/leerkracht", "EDEX/groepen/groep")
_SCHOOL = frozenset({"schooljaar", "brincode", "dependancecode", "schoolkey", "peildatum", "aanmaakdatum", "xsdversie"})
_OF_A_PUPIL = frozenset(
    {"geboortedatum", "geslacht", "jaargroep", "groep", "bsn", "onderwijsnummer", "gewicht_nieuw", "gewicht"}
)
_TEACHES = f"{_LEERKRACHT}/groepen/groep"


def is_uwlr_namespace(namespace: str, of_root: str) -> bool:
    """Whether a namespace is none or that of the root, and that of the root none or UWLR's."""
    return namespace in (of_root, "") and (of_root == "" or UWLR_NAMESPACE_PATTERN.fullmatch(of_root) is not None)


ROSTER_SHAPE = MessageShape(
    root_name=EDEXML_ROOT,
    is_own_namespace=is_uwlr_namespace,
    equivalent_root_paths=ANSWER_PATHS,
    element_paths=frozenset(
        {
            "EDEX/school",
            *(f"EDEX/school/{name}" for name in _SCHOOL),
            _GROEP,
            f"{_GROEP}/jaargroep",
            _LEERLING,
            *(f"{_LEERLING}/{name}" for name in _OF_A_PUPIL),
            _LEERKRACHT,
            f"{_LEERKRACHT}/rol",
            _TEACHES,
            f"{_TEACHES}/rol",
        }
    ),
    record_paths=frozenset({_LEERLING, _LEERKRACHT}),
)

TEACHER_ROLES, ASSISTANT_ROLES = frozenset({"LRK"}), frozenset({"STA", "OWA", "KLA"})
"""Roles of who has a group, and of who assists in it: trainees, assistants."""


def read_roster(content: bytes, most_bytes: int) -> Roster:
    """The roster in a document.

    Takes: the bytes of the document, the most there may be.
    Gives: its school and pupils in document order; values as delivered, without the blanks around them.
    A pupil's number is the bsn, else the onderwijsnummer; the weight is the new one, else the old one; the
    teacher is the first who has the pupil's group, before one with another role in it. Keys of groups and
    teachers that hold within this document only serve within it, and are not given.
    Refuses: what `messages.elements` refuses; another version; an element twice that may stand once; no
    pupil.
    """
    school, pupils, teachers = UniqueElements(), [], list[tuple[str, set[str], list[tuple[str, set[str]]]]]()
    levels: dict[str, str | None] = {}
    fields, roles, groups, group_roles = UniqueElements(), set[str](), list[tuple[str, set[str]]](), set[str]()
    root = xml_messages.read_message_root(content, most_bytes)
    for path, attributes, text in xml_messages.read_message_elements(content, most_bytes, ROSTER_SHAPE):
        parent, _, name = path.rpartition("/")
        if parent == "EDEX/school":
            school.add(name, text)
        elif path == "EDEX/school":
            school.add("", path)
        elif parent in (_GROEP, _LEERLING):
            fields.add(name, attributes.get("key") if name == "groep" else text)
        elif path == _GROEP:
            levels[attributes.get("key", "")] = fields.get("jaargroep")
            fields = UniqueElements()
        elif path == _LEERLING:
            pupils.append((_key(attributes, "key"), _key(attributes, "eckid"), fields))
            fields = UniqueElements()
        elif path == f"{_TEACHES}/rol":
            group_roles.add(text or "")
        elif path == f"{_LEERKRACHT}/rol":
            roles.add(text or "")
        elif path == _TEACHES:
            groups.append((attributes.get("key", ""), group_roles))
            group_roles = set()
        elif path == _LEERKRACHT:
            teachers.append((attributes.get("key", "").strip(), roles, groups))
            roles, groups = set(), []
    brin, version = school.get("brincode"), EDEXML_VERSION_PATTERN if root == EDEXML_ROOT else UWLR_VERSION_PATTERN
    if not version.fullmatch(school.get("xsdversie") or "2.1"):
        raise DeliveryRejected(xml_stream.XML_UNKNOWN, brin)
    if not pupils:
        raise DeliveryRejected(xml_stream.DOCUMENT_EMPTY if school else xml_messages.XML_NO_RECORDS, brin)
    having = _who_has(teachers)
    return Roster(
        school_of_document(school), tuple(_pupil(*one, levels, having) for one in pupils), root in PARTIAL_ROOTS
    )


class UniqueElements(dict[str, str | None]):
    """The elements of one record by name, each of which may stand once."""

    def add(self, name: str, text: str | None) -> None:
        if name in self:
            raise DeliveryRejected(xml_stream.XML_BROKEN)
        self[name] = text


def school_of_document(named: UniqueElements) -> DocumentSchool:
    """The school of a document, from the elements that name it."""
    brin = named.get("brincode")
    site = (named.get("dependancecode") or MAIN_SITE) if brin else None
    others = ("schooljaar", "schoolkey", "peildatum", "aanmaakdatum")
    return DocumentSchool(**{name: named.get(name) for name in others}, brin=brin, vestiging=site)


def _key(attributes: dict[str, str], name: str) -> str | None:
    return attributes.get(name, "").strip() or None


def _who_has(teachers: list[tuple[str, set[str], list[tuple[str, set[str]]]]]) -> dict[str, str]:
    """The teacher of each group: who teaches it or has no role there, then any other; never an assistant."""
    found: dict[str, tuple[bool, str]] = {}
    for key, own_roles, groups in teachers:
        for group, group_roles in groups:
            roles = group_roles or own_roles
            if not key or (roles and roles <= ASSISTANT_ROLES):
                continue
            other = bool(roles) and not roles & TEACHER_ROLES
            if group not in found or (found[group][0] and not other):
                found[group] = other, key
    return {group.strip(): key for group, (_, key) in found.items()}


def _pupil(
    key: str | None, eckid: str | None, given: UniqueElements, levels: dict[str, str | None], having: dict[str, str]
) -> RosterPupil:
    group = (given.get("groep") or "").strip() or None
    return RosterPupil(
        key=key,
        eckid=eckid,
        number=given.get("bsn") or given.get("onderwijsnummer"),
        geboortedatum=date_without_zone(given.get("geboortedatum")),
        geslacht=given.get("geslacht"),
        jaargroep=given.get("jaargroep") or levels.get(group or ""),
        groep_key=_lasting(group),
        gewicht=given.get("gewicht_nieuw") or given.get("gewicht"),
        leerkracht_key=_lasting(having.get(group or "")),
    )


def _lasting(key: str | None) -> str | None:
    return key if is_lasting_key(key) else None


def date_without_zone(text: str | None) -> str | None:
    """An XML date without the time zone that it may carry."""
    return re.sub(r"(?<=[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})\Z", "", text) if text else None
