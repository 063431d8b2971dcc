"""Rosters of a school: which of them results are joined to, and which pupil a result belongs to.

The parsers (`edexml`, `uwlr`) make the types here. They identify pupils and stay in the restricted zone; none of them
has a repr, so that no message can hold one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from cohort.foundation import is_onderwijsnummer, normalise_pgn

MAIN_SITE = "00"
SINGLE_EXPORT_PREFIX = "#"
"""The first character of a key that an administration made up for one export: the next may give it to another pupil."""
UNSEEN_CATEGORIES = ("Z", "C")
"""Unicode categories of characters that are not seen: blanks, controls, marks of order and width."""
ROSTER_MISSING, PUPIL_NOT_IN_ROSTER, PUPIL_AMBIGUOUS = "ROSTER_MISSING", "PUPIL_NOT_IN_ROSTER", "PUPIL_AMBIGUOUS"
KEY_OF_ONE_EXPORT, ROSTER_WITHOUT_NUMBER = "KEY_OF_ONE_EXPORT", "ROSTER_WITHOUT_NUMBER"
MATCHED_ON_ECKID, MATCHED_ON_KEY = "eckid", "key"
"""What a result may be joined on."""


@dataclass(frozen=True)
class DocumentSchool:
    """The school that a document names, by BRIN or by key, and when the document was made; texts as delivered.

    Attributes:
        vestiging: the site; `MAIN_SITE` where a BRIN has none.
        schoolkey: the key of a school without a BRIN.
    """

    schooljaar: str | None = None
    brin: str | None = None
    vestiging: str | None = None
    schoolkey: str | None = None
    peildatum: str | None = None
    aanmaakdatum: str | None = None


@dataclass(frozen=True, repr=False)
class RosterPupil:
    """What is read of a pupil."""

    key: str | None
    eckid: str | None
    number: str | None
    geboortedatum: str | None
    geslacht: str | None
    jaargroep: str | None
    groep_key: str | None
    gewicht: str | None
    leerkracht_key: str | None


class PupilMatch(NamedTuple):
    """The pupil of a result.

    Attributes:
        pupil: the pupil, None where it cannot be told.
        matched_on: `MATCHED_ON_ECKID` or `MATCHED_ON_KEY`.
        code: the reason code where there is no pupil.
    """

    pupil: RosterPupil | None
    matched_on: str | None = None
    code: str | None = None

    def __repr__(self) -> str:
        return "PupilMatch()"


@dataclass(frozen=True, repr=False)
class Roster:
    """A list of pupils of a school.

    Attributes:
        partial: whether it has the pupils of some groups only; the others may be in an earlier roster.
    """

    school: DocumentSchool
    pupils: tuple[RosterPupil, ...]
    partial: bool = False

    @cached_property
    def has_numbers(self) -> bool:
        """Whether one of its pupils has a number."""
        return any(pupil.number for pupil in self.pupils)

    @cached_property
    def by_key(self) -> dict[str, tuple[RosterPupil, ...]]:
        """Pupils by the key of the administration; keys of one export identify nobody and are left out."""
        return _group_by_name((pupil.key, pupil) for pupil in self.pupils if is_lasting_key(pupil.key))

    @cached_property
    def by_eckid(self) -> dict[str, tuple[RosterPupil, ...]]:
        """Pupils by ECK iD."""
        return _group_by_name((pupil.eckid, pupil) for pupil in self.pupils)


def _group_by_name(named_pupils: Iterable[tuple[str | None, RosterPupil]]) -> dict[str, tuple[RosterPupil, ...]]:
    """Group different pupils by a name; a name with several pupils identifies nobody."""
    by_name: dict[str, tuple[RosterPupil, ...]] = {}
    for name, pupil in named_pupils:
        if name and pupil not in by_name.get(name, ()):
            by_name[name] = (*by_name.get(name, ()), pupil)
    return by_name


def count_roster_warnings(roster: Roster) -> dict[str, int]:
    """Count the pupils to whom no result can be joined, and those without a number, by warning code."""
    unjoinable = sum(not pupil.eckid and not is_lasting_key(pupil.key) for pupil in roster.pupils)
    numberless = sum(not pupil.number for pupil in roster.pupils)
    counts = {KEY_OF_ONE_EXPORT: unjoinable, ROSTER_WITHOUT_NUMBER: numberless}
    return {code: count for code, count in counts.items() if count}


def is_lasting_key(key: str | None) -> bool:
    """Tell whether a key holds beyond one export: it is not empty, and does not begin with `#` of any width."""
    text = unicodedata.normalize("NFKC", key or "")
    visible = "".join(char for char in text if not unicodedata.category(char).startswith(UNSEEN_CATEGORIES))
    return bool(visible) and not visible.startswith(SINGLE_EXPORT_PREFIX)


def roster_fits_school(roster: DocumentSchool, results: DocumentSchool) -> bool:
    """Tell whether the roster of one document is of the school and school year of another document.

    A roster of the main site also serves a site without its own, and the other way round. Two sites that are both named
    and differ are two administrations, in which one key may identify two pupils.
    """
    if not roster.schooljaar or roster.schooljaar != results.schooljaar:
        return False
    if roster.brin and results.brin:
        sites = {roster.vestiging, results.vestiging}
        return roster.brin == results.brin and (len(sites) == 1 or MAIN_SITE in sites)
    return roster.schoolkey is not None and roster.schoolkey == results.schoolkey


def select_rosters(rosters: Iterable[Roster], school: DocumentSchool) -> tuple[Roster, ...]:
    """Select the rosters whose keys the results of a school may use.

    Returns:
        The rosters of its own site where one of them has pupil numbers, else also those of its main or other sites. The
        one made last comes first; equal ones keep their order.
    """
    fitting = [roster for roster in rosters if roster_fits_school(roster.school, school)]
    own_site = [roster for roster in fitting if roster.school.vestiging == school.vestiging]
    selected = own_site if any(roster.has_numbers for roster in own_site) else fitting
    return tuple(sorted(selected, key=lambda roster: _made_on(roster.school), reverse=True))


def _made_on(school: DocumentSchool) -> tuple[str, str]:
    return school.aanmaakdatum or "", school.peildatum or ""


def merge_rosters(rosters: Iterable[Roster]) -> Roster | None:
    """Merge rosters into the one that results are joined to.

    Args:
        rosters: rosters as `select_rosters` orders them.

    Returns:
        The first roster with numbers; where it is partial, with the pupils that only the next ones have. None where no
        roster has a number: such a roster (a narrow UWLR answer) has none to give.
    """
    with_numbers = [roster for roster in rosters if roster.has_numbers]
    pupils: list[RosterPupil] = []
    for roster in with_numbers:
        keys = {pupil.key for pupil in pupils if is_lasting_key(pupil.key)}
        eckids = {pupil.eckid for pupil in pupils if pupil.eckid}
        pupils += [pupil for pupil in roster.pupils if pupil.key not in keys and pupil.eckid not in eckids]
        if not roster.partial:
            break
    return replace(with_numbers[0], pupils=tuple(pupils)) if with_numbers else None


@dataclass(frozen=True, repr=False)
class PupilIndex:
    """The pupils to whom the results of a school may belong.

    Attributes:
        rosters: rosters as `select_rosters` orders them.
        newest_numbers: every pupil number that was replaced, with the newest number of its pupil.
    """

    rosters: tuple[Roster, ...]
    newest_numbers: Mapping[str, str]

    @cached_property
    def roster(self) -> Roster | None:
        """The merged roster."""
        return merge_rosters(self.rosters)

    def find_pupil(self, key: str | None, eckid: str | None) -> PupilMatch:
        """Find the pupil of a result by its ECK iD, else by its key.

        Returns:
            The pupil, or a reason code: ROSTER_MISSING, PUPIL_NOT_IN_ROSTER, or PUPIL_AMBIGUOUS where the two name
            different pupils, one names several, or another roster has another child under it.
        """
        if self.roster is None:
            return PupilMatch(None, code=ROSTER_MISSING)
        candidates = {
            MATCHED_ON_ECKID: self.roster.by_eckid.get(eckid or ""),
            MATCHED_ON_KEY: self.roster.by_key.get(key or ""),
        }
        matches = {matched_on: pupils for matched_on, pupils in candidates.items() if pupils}
        if not matches:
            only_single_export_key = key and not eckid and not is_lasting_key(key)
            return PupilMatch(None, code=PUPIL_AMBIGUOUS if only_single_export_key else PUPIL_NOT_IN_ROSTER)
        matched_on, (pupil, *others) = next(iter(matches.items()))
        is_ambiguous = (
            others
            or any(pupils != (pupil,) for pupils in matches.values())
            or (eckid and pupil.eckid and eckid != pupil.eckid)
            or (matched_on == MATCHED_ON_KEY and self._is_contradicted(pupil, key, eckid))
        )
        return PupilMatch(None, code=PUPIL_AMBIGUOUS) if is_ambiguous else PupilMatch(pupil, matched_on)

    def _is_contradicted(self, pupil: RosterPupil, key: str | None, eckid: str | None) -> bool:
        """Tell whether a roster has another child than this one under the key or the ECK iD of its result."""
        same_name = [
            other
            for roster in self.rosters
            for other in (*roster.by_key.get(key or "", ()), *roster.by_eckid.get(eckid or "", ()))
        ]
        return not all(may_be_one_child(pupil, other, self.newest_numbers) for other in same_name)


def may_be_one_child(one: RosterPupil, other: RosterPupil, newest_numbers: Mapping[str, str]) -> bool:
    """Tell whether two pupils of two rosters, both named by one key, can be the same child.

    Args:
        one: a pupil.
        other: a pupil.
        newest_numbers: every pupil number that was replaced, with the newest number of its pupil.

    Returns:
        False where they contradict each other: by two numbers, unless an onderwijsnummer may have been replaced by a
        BSN; where one has no number, by two ECK iDs; without those, by two dates of birth.
    """
    if one.eckid and one.eckid == other.eckid:
        return True
    number, other_number = (_newest_number(pupil, newest_numbers) for pupil in (one, other))
    if number and other_number:
        may_be_replaced = _share_birth_and_sex(one, other) and _is_one_onderwijsnummer(number, other_number)
        return number == other_number or may_be_replaced
    if one.eckid and other.eckid:
        return False
    return not (one.geboortedatum and other.geboortedatum) or one.geboortedatum == other.geboortedatum


def _newest_number(pupil: RosterPupil, newest_numbers: Mapping[str, str]) -> str | None:
    number = normalise_pgn(pupil.number or "")
    return newest_numbers.get(number, number) if number else None


def _share_birth_and_sex(one: RosterPupil, other: RosterPupil) -> bool:
    """Tell whether date of birth and sex of two pupils are known and equal."""
    values = (one.geboortedatum, one.geslacht)
    return all(values) and values == (other.geboortedatum, other.geslacht)


def _is_one_onderwijsnummer(*numbers: str) -> bool:
    """Tell whether exactly one of two numbers is an onderwijsnummer."""
    return [is_onderwijsnummer(number) for number in numbers].count(True) == 1
