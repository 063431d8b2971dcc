"""A school's rosters: whose they are, which of them results are joined to, and when two name one child.

What is held identifies pupils, and stays in intake.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from cohort.foundation.identifiers import is_onderwijsnummer, normalise_pgn

MAIN_SITE = "00"
SINGLE_EXPORT_PREFIX = "#"
"""What a key begins with that an administration made up for one export: the next may give it to another."""
UNSEEN_CATEGORIES = ("Z", "C")
"""Kinds of characters that nobody sees: blanks, controls, marks of order and width."""
ROSTER_MISSING, PUPIL_NOT_IN_ROSTER, PUPIL_AMBIGUOUS = "ROSTER_MISSING", "PUPIL_NOT_IN_ROSTER", "PUPIL_AMBIGUOUS"
KEY_OF_ONE_EXPORT, ROSTER_WITHOUT_NUMBER = "KEY_OF_ONE_EXPORT", "ROSTER_WITHOUT_NUMBER"
MATCHED_ON_ECKID, MATCHED_ON_KEY = "eckid", "key"
"""What a result may be joined on."""


@dataclass(frozen=True)
class DocumentSchool:
    """The school that a document names, in one of two ways, and when it was made. Text as delivered."""

    schooljaar: str | None = None
    brin: str | None = None
    vestiging: str | None = None
    """`00`, the main site, where a BRIN came without one."""
    schoolkey: str | None = None
    peildatum: str | None = None
    aanmaakdatum: str | None = None


@dataclass(frozen=True, repr=False)
class RosterPupil:
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


PupilMatch = tuple[RosterPupil | None, str | None, str | None]
"""The pupil of a result, what it was joined on (ECKID, KEY), the code that says why nobody can tell."""


@dataclass(frozen=True, repr=False)
class Roster:
    """`part`: of some groups only; the pupils that it lacks may stand in the one before."""

    school: DocumentSchool
    pupils: tuple[RosterPupil, ...]
    partial: bool = False

    @cached_property
    def has_numbers(self) -> bool:
        """Whether a pupil has a number in it."""
        return any(pupil.number for pupil in self.pupils)

    @cached_property
    def by_key(self) -> dict[str, tuple[RosterPupil, ...]]:
        """Pupils by the key of the administration, without keys of one export: these stand for nobody."""
        return _by((pupil.key, pupil) for pupil in self.pupils if is_lasting_key(pupil.key))

    @cached_property
    def by_eckid(self) -> dict[str, tuple[RosterPupil, ...]]:
        return _by((pupil.eckid, pupil) for pupil in self.pupils)


def _by(named: Iterable[tuple[str | None, RosterPupil]]) -> dict[str, tuple[RosterPupil, ...]]:
    """Pupils by a name, each once: a name stands for one pupil, or for nobody."""
    by_name: dict[str, tuple[RosterPupil, ...]] = {}
    for name, pupil in named:
        if name and pupil not in by_name.get(name, ()):
            by_name[name] = (*by_name.get(name, ()), pupil)
    return by_name


def count_roster_warnings(roster: Roster) -> dict[str, int]:
    """What is told of a roster: to how many pupils no result can be joined, and how many lack a number."""
    passing = sum(not pupil.eckid and not is_lasting_key(pupil.key) for pupil in roster.pupils)
    numberless = sum(not pupil.number for pupil in roster.pupils)
    counts = {KEY_OF_ONE_EXPORT: passing, ROSTER_WITHOUT_NUMBER: numberless}
    return {code: number for code, number in counts.items() if number}


def is_lasting_key(key: str | None) -> bool:
    """Whether a key holds beyond one export: it is there, and does not begin with `#`, in whatever width."""
    text = unicodedata.normalize("NFKC", key or "")
    seen = "".join(one for one in text if not unicodedata.category(one).startswith(UNSEEN_CATEGORIES))
    return bool(seen) and not seen.startswith(SINGLE_EXPORT_PREFIX)


def roster_fits_school(roster: DocumentSchool, asked: DocumentSchool) -> bool:
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


def select_rosters(rosters: Iterable[Roster], asked: DocumentSchool) -> tuple[Roster, ...]:
    """Of the rosters that there are, those that results of a school may be keyed to.

    Gives: those of its own site where one of them has pupil numbers, else those of its main or its other
    sites too; the one made last first, of equal ones in the order in which they came.
    """
    fitting = [roster for roster in rosters if roster_fits_school(roster.school, asked)]
    own = [roster for roster in fitting if roster.school.vestiging == asked.vestiging]
    those = own if any(roster.has_numbers for roster in own) else fitting
    return tuple(sorted(those, key=lambda roster: _made(roster.school), reverse=True))


def _made(school: DocumentSchool) -> tuple[str, str]:
    return school.aanmaakdatum or "", school.peildatum or ""


def merge_rosters(rosters: Iterable[Roster]) -> Roster | None:
    """The roster that results are joined to: the first with numbers, and before a part of one the next ones.

    Takes: rosters as `meant` orders them. One without a pupil number (a narrow set of UWLR) has none to give.
    """
    numbered = [roster for roster in rosters if roster.has_numbers]
    pupils: list[RosterPupil] = []
    for roster in numbered:
        keys = {pupil.key for pupil in pupils if is_lasting_key(pupil.key)}
        eckids = {pupil.eckid for pupil in pupils if pupil.eckid}
        pupils += [one for one in roster.pupils if one.key not in keys and one.eckid not in eckids]
        if not roster.partial:
            break
    return replace(numbered[0], pupils=tuple(pupils)) if numbered else None


@dataclass(frozen=True, repr=False)
class PupilIndex:
    """The pupils of whom a school's results may be.

    Takes: the rosters that the results may be keyed to, as `meant` orders them; every pupil number that was
    replaced, with the newest of its pupil.
    """

    rosters: tuple[Roster, ...]
    newest_numbers: Mapping[str, str]

    @cached_property
    def roster(self) -> Roster | None:
        return merge_rosters(self.rosters)

    def find_pupil(self, key: str | None, eckid: str | None) -> PupilMatch:
        """The pupil of a result, by its ECK iD, else by its key; or why nobody can tell whose it is."""
        if self.roster is None:
            return None, None, ROSTER_MISSING
        names = {
            MATCHED_ON_ECKID: self.roster.by_eckid.get(eckid or ""),
            MATCHED_ON_KEY: self.roster.by_key.get(key or ""),
        }
        named = {on: pupils for on, pupils in names.items() if pupils}
        if not named:
            return None, None, PUPIL_AMBIGUOUS if key and not eckid and not is_lasting_key(key) else PUPIL_NOT_IN_ROSTER
        (pupil, *others), on = next((pupils, on) for on, pupils in named.items())
        if others or any(pupils != (pupil,) for pupils in named.values()):
            return None, None, PUPIL_AMBIGUOUS
        if eckid and pupil.eckid and eckid != pupil.eckid:
            return None, None, PUPIL_AMBIGUOUS
        if on == MATCHED_ON_KEY and any(self._contradicts(roster, pupil, key, eckid) for roster in self.rosters):
            return None, None, PUPIL_AMBIGUOUS
        return pupil, on, None

    def _contradicts(self, roster: Roster, pupil: RosterPupil, key: str | None, eckid: str | None) -> bool:
        """Whether a roster has another child than this one under the key, or the ECK iD, of its result."""
        named = (*roster.by_key.get(key or "", ()), *roster.by_eckid.get(eckid or "", ()))
        return not all(may_be_one_child(pupil, other, self.newest_numbers) for other in named)


def may_be_one_child(one: RosterPupil, other: RosterPupil, newest_of: Mapping[str, str]) -> bool:
    """Whether two pupils of two rosters, both named by one key, can be one child.

    Takes: the pupils; every number that was replaced, with the newest of its pupil.
    Gives: False where they contradict each other: by two numbers (other than an onderwijsnummer that gave way
    to a BSN), where one has no number by two ECK iDs, without those by two birth dates.
    """
    if one.eckid and one.eckid == other.eckid:
        return True
    first, second = (_number(pupil, newest_of) for pupil in (one, other))
    if first and second:
        return first == second or (_born_alike(one, other) and _has_onderwijsnummer(first, second))
    if one.eckid and other.eckid:
        return False
    return not (one.geboortedatum and other.geboortedatum) or one.geboortedatum == other.geboortedatum


def _number(pupil: RosterPupil, newest_of: Mapping[str, str]) -> str | None:
    number = normalise_pgn(pupil.number or "")
    return newest_of.get(number, number) if number else None


def _born_alike(one: RosterPupil, other: RosterPupil) -> bool:
    """Whether the day of birth, and the sex, of two pupils are given and the same."""
    facts = (one.geboortedatum, one.geslacht)
    return all(facts) and facts == (other.geboortedatum, other.geslacht)


def _has_onderwijsnummer(*numbers: str) -> bool:
    """Whether one of two numbers, and not the other, was given in place of a BSN."""
    return [is_onderwijsnummer(number) for number in numbers].count(True) == 1
