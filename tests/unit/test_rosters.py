"""Rosters: which of them serve the results of a school, and when a key does not identify a pupil."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cohort.delivery_formats import rosters
from cohort.delivery_formats.rosters import DocumentSchool, PupilIndex, Roster, RosterPupil

ASKED = DocumentSchool(schooljaar="2024-2025", brin="99ZZ", vestiging="01", schoolkey="k")
BSN, OTHER, THIRD = "123456782", "111222333", "999900109"
ONDERWIJSNUMMER = "101222331"
ECK = "https://ketenid.nl/1"


def pupil(
    key: str | None = "L1",
    number: str | None = BSN,
    eckid: str | None = None,
    born: str | None = None,
    sex: str | None = None,
) -> RosterPupil:
    return RosterPupil(key, eckid, number, born, sex, None, None, None, None)


BEN = pupil("L2", OTHER)


def roster(*pupils: RosterPupil, made: str = "", part: bool = False) -> Roster:
    return Roster(replace(ASKED, aanmaakdatum=made), pupils, part)


@pytest.mark.parametrize(
    ("says", "changed", "fit"),
    [
        ("the same", {}, True),
        ("the main site's", {"vestiging": "00"}, True),
        ("another site's", {"vestiging": "02"}, False),
        ("another school's", {"brin": "98ZZ"}, False),
        ("another year's", {"schooljaar": "2023-2024"}, False),
        ("no year", {"schooljaar": None}, False),
        ("known by its key", {"brin": None, "vestiging": None}, True),
        ("another key", {"brin": None, "vestiging": None, "schoolkey": "x"}, False),
        ("neither", {"brin": None, "vestiging": None, "schoolkey": None}, False),
    ],
)
def test_a_roster_fits_results_of_its_school_and_year(says: str, changed: dict[str, str | None], fit: bool) -> None:
    school = replace(ASKED, **changed)
    assert rosters.roster_fits_school(school, ASKED) is fit, says
    one = Roster(school, (pupil(),))
    assert rosters.select_rosters([one], ASKED) == ((one,) if fit else ()), says


def test_rosters_of_the_own_site_and_later_ones_come_first() -> None:
    main = Roster(replace(ASKED, vestiging="00", aanmaakdatum="2025-02-01T00:00:00"), (pupil(),))
    first, last = (roster(pupil(), made=f"2025-01-0{day}T00:00:00") for day in (1, 2))
    narrow = roster(pupil(number=None), made="2025-03-01T00:00:00")
    assert rosters.select_rosters([main, first, last], ASKED) == (last, first)
    assert rosters.select_rosters([main, narrow, last], ASKED) == (narrow, last)
    assert rosters.select_rosters([main, narrow], ASKED) == (narrow, main)
    assert rosters.select_rosters([main], ASKED) == (main,)
    assert rosters.select_rosters([], ASKED) == ()


@pytest.mark.parametrize(
    ("key", "lasts"),
    [
        ("L1", True),
        ("A#1", True),
        ("1#", True),
        ("0001", True),
        ("#001", False),
        ("#", False),
        (" #001", False),
        ("\t#001", False),
        ("\u00a0#001", False),
        ("\u200b#001", False),
        ("\ufeff#001", False),
        ("\u00ad#001", False),
        ("\u202e#001", False),
        ("\uff03001", False),
        ("\ufe5f001", False),
        (" \uff03 001", False),
        ("", False),
        ("  ", False),
        ("\u200b", False),
        (None, False),
    ],
)
def test_a_key_with_a_number_sign_is_not_lasting(key: str | None, lasts: bool) -> None:
    assert rosters.is_lasting_key(key) is lasts
    found, on, code = PupilIndex((roster(pupil(key)),), {}).find_pupil(key, None)
    refused = "PUPIL_AMBIGUOUS" if key else "PUPIL_NOT_IN_ROSTER"
    assert (found is not None, on, code) == ((True, "key", None) if lasts else (False, None, refused))


@pytest.mark.parametrize(
    ("says", "one", "other", "can_be"),
    [
        ("the same number", pupil(), pupil(), True),
        ("the same number without its leading zero", pupil(number="012345672"), pupil(number="12345672"), True),
        ("the same number with a blank in it", pupil(), pupil(number="123 456 782"), True),
        ("two numbers", pupil(), pupil(number=OTHER), False),
        (
            "two numbers, born on one day",
            pupil(born="2015-03-09", sex="1"),
            pupil(number=OTHER, born="2015-03-09", sex="1"),
            False,
        ),
        ("two numbers, one replaced by the other as a list says", pupil(), pupil(number=THIRD), True),
        (
            "an onderwijsnummer that gave way to a BSN",
            pupil(born="2015-03-09", sex="1"),
            pupil(number=ONDERWIJSNUMMER, born="2015-03-09", sex="1"),
            True,
        ),
        (
            "the same, of another day",
            pupil(born="2015-03-10", sex="1"),
            pupil(number=ONDERWIJSNUMMER, born="2015-03-09", sex="1"),
            False,
        ),
        (
            "the same, of another sex",
            pupil(born="2015-03-09", sex="2"),
            pupil(number=ONDERWIJSNUMMER, born="2015-03-09", sex="1"),
            False,
        ),
        ("the same, of no day that is said", pupil(), pupil(number=ONDERWIJSNUMMER), False),
        ("two numbers, one ECK iD", pupil(eckid=ECK), pupil(number=OTHER, eckid=ECK), True),
        ("one number, two ECK iDs", pupil(eckid=ECK), pupil(eckid=ECK + "2"), True),
        ("no number on one side", pupil(), pupil(number=None), True),
        ("a number that is none on one side", pupil(), pupil(number="123456789"), True),
        ("no numbers, two ECK iDs", pupil(number=None, eckid=ECK), pupil(number=None, eckid=ECK + "2"), False),
        (
            "a number on one side, two ECK iDs",
            pupil(eckid=ECK),
            pupil(number=None, eckid=ECK + "2", born="2015-03-09"),
            False,
        ),
        ("neither, two days of birth", pupil(born="2015-03-09"), pupil(number=None, born="2015-03-10"), False),
        ("neither, one day of birth", pupil(born="2015-03-09"), pupil(number=None, born="2015-03-09"), True),
        ("nothing at all", pupil(number=None), pupil(number=None), True),
    ],
)
def test_two_pupils_under_one_key_may_be_one_child_unless_contradicted(
    says: str, one: RosterPupil, other: RosterPupil, can_be: bool
) -> None:
    replaced = {THIRD: BSN}
    assert rosters.may_be_one_child(one, other, replaced) is can_be, says
    assert rosters.may_be_one_child(other, one, replaced) is can_be, says
    new, old = roster(one, BEN, made="2025-01-10"), roster(other, BEN, made="2024-09-10")
    found, on, code = PupilIndex((new, old), replaced).find_pupil("L1", None)
    assert (found, on, code) == ((one, "key", None) if can_be else (None, None, "PUPIL_AMBIGUOUS")), says


@pytest.mark.parametrize(
    ("says", "held", "asked", "found"),
    [
        ("the same child twice", [roster(pupil()), roster(pupil())], ("L1", None), "key"),
        ("only the new roster has the key", [roster(pupil()), roster(BEN)], ("L1", None), "key"),
        ("only the old one has it", [roster(BEN), roster(pupil())], ("L1", None), "PUPIL_NOT_IN_ROSTER"),
        (
            "the old one has it twice",
            [roster(pupil()), roster(pupil(), pupil(number=OTHER))],
            ("L1", None),
            "PUPIL_AMBIGUOUS",
        ),
        (
            "the old one has the child twice, in two groups",
            [roster(pupil()), roster(pupil(), replace(pupil(), groep_key="g"))],
            ("L1", None),
            "key",
        ),
        (
            "the new one has it twice",
            [roster(pupil(), pupil(number=OTHER)), roster(pupil())],
            ("L1", None),
            "PUPIL_AMBIGUOUS",
        ),
        (
            "a third one is against it",
            [roster(pupil()), roster(pupil()), roster(pupil(number=OTHER))],
            ("L1", None),
            "PUPIL_AMBIGUOUS",
        ),
        ("the ECK iD settles it", [roster(pupil(eckid=ECK)), roster(pupil(number=OTHER))], ("L1", ECK), "eckid"),
        (
            "the ECK iD settles it where keys are of one export",
            [roster(pupil("#1", eckid=ECK)), roster(pupil("#1", OTHER))],
            ("#1", ECK),
            "eckid",
        ),
        (
            "an ECK iD that nobody has, a key of one export",
            [roster(pupil("#1", eckid=ECK))],
            ("#1", ECK + "2"),
            "PUPIL_NOT_IN_ROSTER",
        ),
        (
            "an ECK iD of another key of one export",
            [roster(pupil("#1", eckid=ECK), pupil("#2", OTHER))],
            ("#2", ECK),
            "eckid",
        ),
        (
            "the old roster has the ECK iD of another child",
            [roster(pupil()), roster(pupil("L2", OTHER, ECK))],
            ("L1", ECK),
            "PUPIL_AMBIGUOUS",
        ),
        (
            "the old roster has the ECK iD of the same child",
            [roster(pupil()), roster(pupil("L9", BSN, ECK))],
            ("L1", ECK),
            "key",
        ),
        (
            "a key of one export says nothing against another",
            [roster(pupil("#1", eckid=ECK)), roster(pupil("#1", OTHER, ECK + "2"))],
            ("x", ECK),
            "eckid",
        ),
        ("a part, and the roster before it", [roster(BEN, part=True), roster(pupil())], ("L1", None), "key"),
        ("two parts", [roster(BEN, part=True), roster(pupil(), part=True)], ("L1", None), "key"),
        (
            "a part, and not the roster before the last",
            [roster(BEN, part=True), roster(pupil("L3", THIRD)), roster(pupil())],
            ("L1", None),
            "PUPIL_NOT_IN_ROSTER",
        ),
        (
            "two parts that contradict each other",
            [roster(pupil(), part=True), roster(pupil(number=OTHER), part=True)],
            ("L1", None),
            "PUPIL_AMBIGUOUS",
        ),
        ("a roster without any number", [roster(pupil(number=None))], ("L1", None), "ROSTER_MISSING"),
        (
            "a narrow set after a roster with numbers",
            [roster(pupil(number=None, eckid=ECK)), roster(pupil())],
            ("L1", None),
            "key",
        ),
        (
            "a narrow set that contradicts the roster with numbers",
            [roster(pupil(number=None, eckid=ECK)), roster(pupil(eckid=ECK + "2"))],
            ("L1", None),
            "PUPIL_AMBIGUOUS",
        ),
        ("no roster", [], ("L1", None), "ROSTER_MISSING"),
    ],
)
def test_a_match_that_another_roster_contradicts_is_ambiguous(
    says: str, held: list[Roster], asked: tuple[str, str | None], found: str
) -> None:
    who, on, code = PupilIndex(tuple(held), {}).find_pupil(*asked)
    assert (code or on) == found, says
    assert who is None or who.number == BSN, says
    assert (who is None) is (code is not None), says


@pytest.mark.parametrize(
    ("says", "pupils", "told"),
    [
        ("nothing", [pupil()], {}),
        ("a key of one export, and an ECK iD", [pupil("#1", eckid=ECK)], {}),
        ("a key of one export alone", [pupil("#1"), pupil()], {"KEY_OF_ONE_EXPORT": 1}),
        ("neither a key nor an ECK iD", [pupil(None)], {"KEY_OF_ONE_EXPORT": 1}),
        ("pupils without a number", [pupil(number=None), pupil("x", None)], {"ROSTER_WITHOUT_NUMBER": 2}),
    ],
)
def test_roster_warnings_count_pupils(says: str, pupils: list[RosterPupil], told: dict[str, int]) -> None:
    assert rosters.count_roster_warnings(roster(*pupils)) == told, says
