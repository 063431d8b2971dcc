"""EDEXML 1.0.3, 2.0 and 2.1: a school's roster, as far as results are joined to it.

A roster holds names, addresses, origins and free text too: those elements are not asked for, so nothing of
them is ever held. What is held identifies pupils all the same, and stays in intake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from cohort.intake import markup
from cohort.intake.markup import Shape
from cohort.intake.rejection import Rejected

ROOT = "EDEX"
VERSION = re.compile(r"(?:1\.0|2\.0|2\.1)(?:\.?[0-9]+)*")
MAIN_SITE = "00"

_LEERLING, _LEERKRACHT, _GROEP = (
    "EDEX/leerlingen/leerling",
    "EDEX/leerkrachten/leerkracht",
    "EDEX/groepen/groep",
)
_SCHOOL = frozenset(
    {"schooljaar", "brincode", "dependancecode", "schoolkey", "peildatum", "aanmaakdatum", "xsdversie"}
)
_OF_A_PUPIL = frozenset(
    {"geboortedatum", "geslacht", "jaargroep", "groep", "bsn", "onderwijsnummer", "gewicht_nieuw", "gewicht"}
)
_TEACHES = f"{_LEERKRACHT}/groepen/groep"
SHAPE = Shape(
    root=ROOT,
    own=lambda namespace, _: namespace == "",
    paths=frozenset(
        {
            "EDEX/school", *(f"EDEX/school/{name}" for name in _SCHOOL),
            _GROEP, f"{_GROEP}/jaargroep",
            _LEERLING, *(f"{_LEERLING}/{name}" for name in _OF_A_PUPIL),
            _LEERKRACHT, f"{_LEERKRACHT}/rol", _TEACHES, f"{_TEACHES}/rol",
        }
    ),
    records=frozenset({_LEERLING, _LEERKRACHT}),
)  # fmt: skip

TEACHES, HELPS = frozenset({"LRK"}), frozenset({"STA", "OWA", "KLA"})
"""Roles of who has a group, and of who assists in it: trainees, assistants."""


@dataclass(frozen=True)
class School:
    """The school that a document names, in one of two ways, and when it was made. Text as delivered."""

    schooljaar: str | None = None
    brin: str | None = None
    vestiging: str | None = None
    """`00`, the main site, where a BRIN came without one."""
    schoolkey: str | None = None
    peildatum: str | None = None
    aanmaakdatum: str | None = None


@dataclass(frozen=True, repr=False)
class Pupil:
    """What of a pupil is read on. Without a repr: no message may hold it."""

    key: str | None
    eckid: str | None
    number: str | None
    geboortedatum: str | None
    geslacht: str | None
    jaargroep: str | None
    groep_key: str | None
    gewicht: str | None
    leerkracht_key: str | None


@dataclass(frozen=True, repr=False)
class Roster:
    school: School
    pupils: tuple[Pupil, ...]

    @cached_property
    def by_key(self) -> dict[str, Pupil | None]:
        """Pupils by the key of the administration; None for a key that two different pupils have."""
        return _by((pupil.key, pupil) for pupil in self.pupils)

    @cached_property
    def by_eckid(self) -> dict[str, Pupil | None]:
        return _by((pupil.eckid, pupil) for pupil in self.pupils)


def read(content: bytes, most_bytes: int) -> Roster:
    """The roster in an EDEXML document.

    Takes: the bytes of the document, the most there may be.
    Gives: its school and pupils in document order; values as delivered, without the blanks around them.
    A pupil's number is the bsn, else the onderwijsnummer; the weight is the new one, else the old one; the
    teacher is the first who has the pupil's group, before one with another role in it.
    Refuses: what `markup.elements` refuses; another version; an element twice that may stand once; no pupil.
    """
    school, pupils, teachers = Once(), [], list[tuple[str, set[str], list[tuple[str, set[str]]]]]()
    levels: dict[str, str | None] = {}
    fields, roles, groups, group_roles = Once(), set[str](), list[tuple[str, set[str]]](), set[str]()
    for path, attributes, text in markup.elements(content, most_bytes, SHAPE):
        parent, _, name = path.rpartition("/")
        if parent == "EDEX/school":
            school.take(name, text)
        elif path == "EDEX/school":
            school.take("", path)
        elif parent in (_GROEP, _LEERLING):
            fields.take(name, attributes.get("key") if name == "groep" else text)
        elif path == _GROEP:
            levels[attributes.get("key", "")] = fields.get("jaargroep")
            fields = Once()
        elif path == _LEERLING:
            pupils.append((_key(attributes, "key"), _key(attributes, "eckid"), fields))
            fields = Once()
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
    if not VERSION.fullmatch(school.get("xsdversie") or "2.1"):
        raise Rejected(markup.UNKNOWN)
    if not pupils:
        raise Rejected(markup.EMPTY)
    having = _who_has(teachers)
    return Roster(school_of(school), tuple(_pupil(*one, levels, having) for one in pupils))


class Once(dict[str, str | None]):
    """The elements of one record by name, each of which may stand once."""

    def take(self, name: str, text: str | None) -> None:
        if name in self:
            raise Rejected(markup.BROKEN)
        self[name] = text


def school_of(named: Once) -> School:
    """The school of a document, from the elements that name it."""
    brin = named.get("brincode")
    site = (named.get("dependancecode") or MAIN_SITE) if brin else None
    others = ("schooljaar", "schoolkey", "peildatum", "aanmaakdatum")
    return School(**{name: named.get(name) for name in others}, brin=brin, vestiging=site)


def fits(roster: School, asked: School) -> bool:
    """Whether the roster of one document is of the school and year of another.

    A roster of the main site counts for a site without its own, and the other way round; two sites that are
    both named and differ are two administrations, in which one key may stand for two pupils.
    """
    if not roster.schooljaar or roster.schooljaar != asked.schooljaar:
        return False
    if roster.brin and asked.brin:
        sites = {roster.vestiging, asked.vestiging}
        return roster.brin == asked.brin and (len(sites) == 1 or MAIN_SITE in sites)
    return roster.schoolkey is not None and roster.schoolkey == asked.schoolkey


def choose(rosters: Iterable[School], asked: School) -> School | None:
    """Of the rosters that there are, the one to join results of a school to: of its own site, else of its
    main site; then the one made last; of equal ones the first. None when none fits.
    """

    def rank(school: School) -> tuple[bool, str, str]:
        return school.vestiging == asked.vestiging, school.aanmaakdatum or "", school.peildatum or ""

    return max((school for school in rosters if fits(school, asked)), key=rank, default=None)


def _by(named: Iterable[tuple[str | None, Pupil]]) -> dict[str, Pupil | None]:
    found: dict[str, Pupil | None] = {}
    for name, pupil in named:
        if name:
            found[name] = pupil if found.get(name, pupil) == pupil else None
    return found


def _key(attributes: dict[str, str], name: str) -> str | None:
    return attributes.get(name, "").strip() or None


def _who_has(teachers: list[tuple[str, set[str], list[tuple[str, set[str]]]]]) -> dict[str, str]:
    """The teacher of each group: who teaches it or has no role there, then any other; never an assistant."""
    found: dict[str, tuple[bool, str]] = {}
    for key, own_roles, groups in teachers:
        for group, group_roles in groups:
            roles = group_roles or own_roles
            if not key or (roles and roles <= HELPS):
                continue
            other = bool(roles) and not roles & TEACHES
            if group not in found or (found[group][0] and not other):
                found[group] = other, key
    return {group.strip(): key for group, (_, key) in found.items()}


def _pupil(
    key: str | None, eckid: str | None, given: Once, levels: dict[str, str | None], having: dict[str, str]
) -> Pupil:
    group = (given.get("groep") or "").strip() or None
    return Pupil(
        key=key,
        eckid=eckid,
        number=given.get("bsn") or given.get("onderwijsnummer"),
        geboortedatum=day(given.get("geboortedatum")),
        geslacht=given.get("geslacht"),
        jaargroep=given.get("jaargroep") or levels.get(group or ""),
        groep_key=group,
        gewicht=given.get("gewicht_nieuw") or given.get("gewicht"),
        leerkracht_key=having.get(group or ""),
    )


def day(text: str | None) -> str | None:
    """An XML date without the time zone that it may carry."""
    return re.sub(r"(?<=[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})\Z", "", text) if text else None
