"""Rosters of schools, as far as results are joined to them: EDEXML 1.0.3 to 2.1, and the answers of UWLR 2.0 to 2.3.

A UWLR answer has the elements of EDEXML in its own namespace, for the whole school or for some groups. The names,
addresses, origins and free text in a roster are not among the elements asked for, so they never become text here. The
result identifies pupils all the same and stays in the restricted zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from cohort.delivery_formats import xml_messages, xml_stream
from cohort.delivery_formats.file_reason_codes import DeliveryRejected
from cohort.delivery_formats.rosters import MAIN_SITE, DocumentSchool, Roster, RosterPupil, is_lasting_key
from cohort.delivery_formats.xml_messages import MessageElement, MessageShape, UniqueElements

EDEXML_ROOT = "EDEX"
EDEXML_VERSION_PATTERN = re.compile(r"(?:1\.0|2\.0|2\.1)(?:\.?[0-9]+)*")
UWLR_NAMESPACE_PATTERN = re.compile(r"http://www\.edustandaard\.nl/leerresultaten/2(?:\.[0-9]+)*(?:/.*)?")
UWLR_VERSION_PATTERN = re.compile(r"2\.[0-3](?:\.[0-9]+)*")
DEFAULT_VERSION = "2.1"
"""The version of a roster that declares none; it is one of EDEXML and of UWLR."""
WHOLE_SCHOOL_ANSWER = "leerlinggegevens"
SOME_GROUPS_ANSWER = "leerlinggegevens-leerlingen"
ANSWER_PATHS = frozenset(
    {
        WHOLE_SCHOOL_ANSWER,
        SOME_GROUPS_ANSWER,
        f"leerlinggegevens_antwoord/{WHOLE_SCHOOL_ANSWER}",
        f"leerlingen_antwoord/{SOME_GROUPS_ANSWER}",
    }
)
"""Paths in a UWLR answer that have the content of an EDEXML root."""
PARTIAL_ROOTS = frozenset({SOME_GROUPS_ANSWER, "leerlingen_antwoord"})
"""Roots of an answer with the pupils of some groups only."""

_SCHOOL, _GROUP = "EDEX/school", "EDEX/groepen/groep"
_PUPIL, _TEACHER = "EDEX/leerlingen/leerling", "EDEX/leerkrachten/leerkracht"
_TEACHER_ROLE, _TEACHER_GROUP = f"{_TEACHER}/rol", f"{_TEACHER}/groepen/groep"
_TEACHER_GROUP_ROLE = f"{_TEACHER_GROUP}/rol"
_SCHOOL_ELEMENTS = frozenset(
    {"schooljaar", "brincode", "dependancecode", "schoolkey", "peildatum", "aanmaakdatum", "xsdversie"}
)
_PUPIL_ELEMENTS = frozenset(
    {"geboortedatum", "geslacht", "jaargroep", "groep", "bsn", "onderwijsnummer", "gewicht_nieuw", "gewicht"}
)


def is_uwlr_namespace(namespace: str, root_namespace: str) -> bool:
    """Tell whether a namespace is empty or that of the root, and the root's is empty or one of UWLR."""
    is_uwlr_root = root_namespace == "" or UWLR_NAMESPACE_PATTERN.fullmatch(root_namespace) is not None
    return namespace in (root_namespace, "") and is_uwlr_root


ROSTER_SHAPE = MessageShape(
    root_name=EDEXML_ROOT,
    is_own_namespace=is_uwlr_namespace,
    equivalent_root_paths=ANSWER_PATHS,
    element_paths=frozenset(
        {
            _SCHOOL,
            *(f"{_SCHOOL}/{name}" for name in _SCHOOL_ELEMENTS),
            _GROUP,
            f"{_GROUP}/jaargroep",
            _PUPIL,
            *(f"{_PUPIL}/{name}" for name in _PUPIL_ELEMENTS),
            _TEACHER,
            _TEACHER_ROLE,
            _TEACHER_GROUP,
            _TEACHER_GROUP_ROLE,
        }
    ),
    record_paths=frozenset({_PUPIL, _TEACHER}),
)

TEACHER_ROLES, ASSISTANT_ROLES = frozenset({"LRK"}), frozenset({"STA", "OWA", "KLA"})
"""Roles of the teacher of a group, and of those who assist there: trainees, assistants."""


def read_roster(content: bytes, max_bytes: int) -> Roster:
    """Read the roster in a document.

    The number of a pupil is the BSN, else the onderwijsnummer; its weight is the new one, else the old one; its teacher
    is the first teacher of its group, else the first with another role there. Keys of groups and teachers that identify
    within this document only are used here and left out of the result.

    Args:
        content: the bytes of the document.
        max_bytes: how many bytes a document may have.

    Returns:
        The school and the pupils in document order, with values as delivered, without blanks around them.

    Raises:
        DeliveryRejected: what `xml_messages.read_message_elements` raises; XML_UNKNOWN for another version; XML_BROKEN
            for an element twice that may stand once; EMPTY or XML_NO_RECORDS without a pupil.
    """
    root = xml_messages.read_message_root(content, max_bytes)
    collected = _RosterCollector()
    for element in xml_messages.read_message_elements(content, max_bytes, ROSTER_SHAPE):
        collected.add(element)
    school = collected.school
    version = EDEXML_VERSION_PATTERN if root == EDEXML_ROOT else UWLR_VERSION_PATTERN
    if not version.fullmatch(school.get("xsdversie") or DEFAULT_VERSION):
        raise DeliveryRejected(xml_stream.XML_UNKNOWN, school.get("brincode"))
    if not collected.pupils:
        reason = xml_stream.DOCUMENT_EMPTY if school else xml_messages.XML_NO_RECORDS
        raise DeliveryRejected(reason, school.get("brincode"))
    teachers = _teacher_by_group(collected.teachers)
    pupils = tuple(_make_pupil(pupil, collected.year_group_by_group, teachers) for pupil in collected.pupils)
    return Roster(school_of_document(school), pupils, partial=root in PARTIAL_ROOTS)


def school_of_document(elements: UniqueElements) -> DocumentSchool:
    """Make the school of a document from the elements that name it."""
    brin = elements.get("brincode")
    site = (elements.get("dependancecode") or MAIN_SITE) if brin else None
    others = ("schooljaar", "schoolkey", "peildatum", "aanmaakdatum")
    return DocumentSchool(**{name: elements.get(name) for name in others}, brin=brin, vestiging=site)


def date_without_zone(text: str | None) -> str | None:
    """Remove the time zone that an XML date may have; None where there is no text."""
    return re.sub(r"(?<=[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})\Z", "", text) if text else None


class _PupilElements(NamedTuple):
    key: str | None
    eckid: str | None
    elements: UniqueElements


class _TeacherElements(NamedTuple):
    key: str
    roles: set[str]
    groups: list[tuple[str, set[str]]]
    """The key of each group, with the roles that the teacher has there."""


class _RosterCollector:
    """Collects the elements of a roster in the order in which they close: each after everything in it.

    Attributes:
        school: the elements that name the school.
        pupils: the pupils in document order.
        teachers: the teachers in document order.
        year_group_by_group: the year group of each group, by the key of the group.
    """

    def __init__(self) -> None:
        self.school = UniqueElements()
        self.pupils: list[_PupilElements] = []
        self.teachers: list[_TeacherElements] = []
        self.year_group_by_group: dict[str, str | None] = {}
        self._open_elements = UniqueElements()  # of the group or pupil that is open
        self._open_roles: set[str] = set()  # of the teacher that is open
        self._open_groups: list[tuple[str, set[str]]] = []
        self._open_group_roles: set[str] = set()

    def add(self, element: MessageElement) -> None:
        path, attributes, text = element
        parent, _, name = path.rpartition("/")
        if parent == _SCHOOL:
            self.school.add(name, text)
        elif path == _SCHOOL:
            self.school.add("", path)
        elif parent in (_GROUP, _PUPIL):
            self._open_elements.add(name, attributes.get("key") if name == "groep" else text)
        elif path == _GROUP:
            self.year_group_by_group[attributes.get("key", "")] = self._close_elements().get("jaargroep")
        elif path == _PUPIL:
            key, eckid = _attribute(attributes, "key"), _attribute(attributes, "eckid")
            self.pupils.append(_PupilElements(key, eckid, self._close_elements()))
        else:
            self._add_to_teacher(path, attributes, text or "")

    def _add_to_teacher(self, path: str, attributes: dict[str, str], text: str) -> None:
        key = attributes.get("key", "")
        if path == _TEACHER_GROUP_ROLE:
            self._open_group_roles.add(text)
        elif path == _TEACHER_ROLE:
            self._open_roles.add(text)
        elif path == _TEACHER_GROUP:
            self._open_groups.append((key, self._open_group_roles))
            self._open_group_roles = set()
        elif path == _TEACHER:
            self.teachers.append(_TeacherElements(key.strip(), self._open_roles, self._open_groups))
            self._open_roles, self._open_groups = set(), []

    def _close_elements(self) -> UniqueElements:
        closed, self._open_elements = self._open_elements, UniqueElements()
        return closed


def _attribute(attributes: dict[str, str], name: str) -> str | None:
    return attributes.get(name, "").strip() or None


def _teacher_by_group(teachers: Iterable[_TeacherElements]) -> dict[str, str]:
    """Find the teacher of each group: the first with the role of a teacher or without a role, else with another role.

    Assistants are left out.
    """
    by_group: dict[str, tuple[bool, str]] = {}
    for teacher in teachers:
        for group, group_roles in teacher.groups:
            roles = group_roles or teacher.roles
            if not teacher.key or (roles and roles <= ASSISTANT_ROLES):
                continue
            has_other_role = bool(roles) and not roles & TEACHER_ROLES
            if group not in by_group or (by_group[group][0] and not has_other_role):
                by_group[group] = has_other_role, teacher.key
    return {group.strip(): key for group, (_, key) in by_group.items()}


def _make_pupil(
    pupil: _PupilElements, year_group_by_group: dict[str, str | None], teacher_by_group: dict[str, str]
) -> RosterPupil:
    elements = pupil.elements
    group = (elements.get("groep") or "").strip() or None
    return RosterPupil(
        key=pupil.key,
        eckid=pupil.eckid,
        number=elements.get("bsn") or elements.get("onderwijsnummer"),
        geboortedatum=date_without_zone(elements.get("geboortedatum")),
        geslacht=elements.get("geslacht"),
        jaargroep=elements.get("jaargroep") or year_group_by_group.get(group or ""),
        groep_key=_lasting_key(group),
        gewicht=elements.get("gewicht_nieuw") or elements.get("gewicht"),
        leerkracht_key=_lasting_key(teacher_by_group.get(group or "")),
    )


def _lasting_key(key: str | None) -> str | None:
    return key if is_lasting_key(key) else None
