"""Objections over time: lists are cumulative, and only the source of an objection lifts it."""

from __future__ import annotations

import datetime as dt
import os
import stat
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.drawn_release import write_list

from cohort.agreements.platform import ObjectionLimits
from cohort.foundation.errors import ObjectionsRefused, StateRefused
from cohort.legal_basis import number_changes, objection_registry, objections_in_force
from cohort.legal_basis.objections_in_force import Objections
from cohort.verification import objection_check as rights

TODAY = dt.date(2026, 3, 1)
LIMITS = ObjectionLimits(
    max_age_days=31, max_erased_share=Decimal("0.02"), max_erased_share_of_school=Decimal("0.25"), always_erased=5
)
ANNA, BEN, NEW = "123456782", "111222333", "063138219"


@dataclass
class Root:
    """A storage root whose lists are renewed from day to day; each day's are written down."""

    folder: Path
    today: dt.date = TODAY

    def lists(self, **lines_by_source: tuple[str, ...]) -> None:
        """The lists of today, by source; they take the place of those before."""
        zone = self.folder / "objections"
        for file in zone.glob("*"):
            file.unlink()
        for source, lines in lines_by_source.items():
            write_list(zone, lines, source=source, date=self.today, declared_empty=True)

    def allow(self, *schools: str, source: str = "school") -> None:
        write_list(
            self.folder / "objections",
            [f"{ANNA};;2025-09-01;;alles"],
            "allow",
            source=source,
            schools=list(schools),
            date=self.today,
        )

    def read(self, *confirmed: str) -> Objections:
        return objections_in_force.load_objections(
            self.folder / "objections", LIMITS, self.today, {"rekenen"}, confirmed
        )

    def day(self, **lines_by_source: tuple[str, ...]) -> Objections:
        self.lists(**lines_by_source)
        loaded = self.read()
        objections_in_force.record_objections(self.folder / "restricted", loaded)
        self.today += dt.timedelta(days=1)
        return loaded


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def line(pgn: str = ANNA, since: str = "2025-09-01", until: str = "", scope: str = "alles") -> str:
    return f"{pgn};;{since};{until};{scope}"


def opt_in_schools(loaded: Objections) -> set[str]:
    return {school for one in loaded.opt_in_lists for school in one.schools}


FILED = line()
WITHDRAWN = line(until="2026-02-01")
Days = list[dict[str, tuple[str, ...]]]
HISTORIES: list[tuple[str, Days, set[str]]] = [
    ("absent from a newer list", [{"a": (FILED,)}, {"a": (line(BEN),)}], {ANNA, BEN}),
    ("its list is gone", [{"a": (FILED,)}, {"b": ()}], {ANNA}),
    ("withdrawn", [{"a": (FILED,)}, {"a": (WITHDRAWN,)}], set()),
    ("withdrawn, then absent", [{"a": (FILED,)}, {"a": (WITHDRAWN,)}, {"a": ()}], set()),
    ("withdrawn by another source", [{"a": (FILED,)}, {"a": (), "b": (WITHDRAWN,)}], {ANNA}),
    ("filed by two, withdrawn by one", [{"a": (FILED,), "b": (FILED,)}, {"a": (WITHDRAWN,)}], {ANNA}),
    ("filed by two, withdrawn by two", [{"a": (FILED,), "b": (FILED,)}, {"a": (WITHDRAWN,), "b": (WITHDRAWN,)}], set()),
    ("withdrawn by one parent", [{"a": (FILED,)}, {"a": (WITHDRAWN, FILED)}], {ANNA}),
    ("withdrawn by one parent, then absent", [{"a": (FILED,)}, {"a": (WITHDRAWN, FILED)}, {"a": ()}], {ANNA}),
    ("withdrawn from the day after tomorrow", [{"a": (FILED,)}, {"a": (line(until="2026-03-03"),)}], {ANNA}),
    ("that day has come, without a list", [{"a": (FILED,)}, {"a": (line(until="2026-03-03"),)}, {"a": ()}], set()),
    (
        "filed again after it was withdrawn",
        [{"a": (FILED,)}, {"a": (WITHDRAWN,)}, {"a": (line(since="2026-02-15"),)}],
        {ANNA},
    ),
    ("filed again; an old list comes back", [{"a": (line(since="2026-02-15"),)}, {"a": (WITHDRAWN,)}], {ANNA}),
    (
        "withdrawn for another scope",
        [{"a": (FILED,)}, {"a": (line(until="2026-02-01", scope="domein:rekenen"),)}],
        {ANNA},
    ),
    ("for a domain, all withdrawn", [{"a": (line(scope="domein:rekenen"),)}, {"a": (WITHDRAWN,)}], {ANNA}),
    ("never filed, only withdrawn", [{"a": (WITHDRAWN,)}], set()),
]


@pytest.mark.parametrize(("case", "days", "barred"), HISTORIES, ids=[history[0] for history in HISTORIES])
def test_which_objections_are_in_force_after_several_days(case: str, days: Days, barred: set[str], root: Root) -> None:
    for lines_by_source in days:
        loaded = root.day(**lines_by_source)
    assert loaded.barred_from_project("proef", ["rekenen"]) == barred, case
    root.today -= dt.timedelta(days=1)
    assert root.read().barred_from_project("proef", ["rekenen"]) == barred, "reading it again changes nothing"


def test_a_later_change_of_number_is_followed(root: Root) -> None:
    root.day(a=(FILED,))
    zone = root.folder / "nummerwijzigingen"
    zone.mkdir()
    (zone / "duo.toml").write_text("file = 'duo.csv'\ndate = 2026-03-01\nsource = 'DUO'\n")
    (zone / "duo.csv").write_text(f"{ANNA};{NEW};2026-02-01\n")
    assert root.day(a=()).barred_from_everything == {ANNA, NEW}
    assert root.day(a=(line(NEW, until="2026-03-01"),)).barred_from_everything == set()


@pytest.mark.parametrize(
    ("case", "before", "now", "barred"),
    [
        ("undone on a later day", "{a};{b};2026-01-01", "{a};{b};2026-01-01\n{b};{a};2026-02-01", "ab"),
        ("another number on a later day", "{a};{b};2026-01-01", "{a};{b};2026-01-01\n{a};{c};2026-02-01", "abc"),
        ("the line was taken out", "{a};{b};2026-01-01", "", "ab"),
        ("another line in its place", "{a};{b};2026-01-01", "{a};{c};2026-01-01", "abc"),
        ("nothing changed", "", "{a};{a};2026-01-01", "a"),
    ],
)
def test_an_objection_bars_every_number_linked_by_a_change(
    case: str, before: str, now: str, barred: str, root: Root
) -> None:
    people = {"a": ANNA, "b": NEW, "c": BEN}
    zone = root.folder / "nummerwijzigingen"
    zone.mkdir()
    (zone / "duo.toml").write_text("file = 'duo.csv'\ndate = 2026-03-01\nsource = 'DUO'\n")
    for lines in (before, now):  # as intake applies them, one after the other
        (zone / "duo.csv").write_text(f"oud_pgn;nieuw_pgn;vanaf\n{lines.format(**people)}\n")
        number_changes.record_linked_numbers(root.folder, number_changes.load_number_changes(zone, root.today))
    expected = {people[who] for who in barred}
    for filed in (ANNA, *({NEW} if "b" in barred else ())):
        root.lists(a=(line(filed),))
        assert root.read().barred_from_everything == expected, case
        by_verifier = rights.read_excluded_pupils(root.folder / "objections", 31, root.today, "proef", ["rekenen"])
        assert by_verifier.numbers == expected, "and so by the verifier's own code"


def test_the_digest_includes_objections_that_are_in_no_list_any_more(root: Root) -> None:
    root.lists(a=())
    before = root.read().digest()
    root.day(a=(FILED,))
    root.today -= dt.timedelta(days=1)
    root.lists(a=())
    assert root.read().digest() != before, "a release verified before is not published any more"


def test_only_the_platforms_user_can_read_the_registry(root: Root) -> None:
    before = os.umask(0)
    try:
        root.day(a=(FILED,), b=(line(BEN),))
    finally:
        os.umask(before)
    files = list((root.folder / "restricted" / "objections").iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert len(files) == 2
    assert not any(number in file.name for file in files for number in (ANNA, BEN))


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"source": "a", "polarity": "block"}'])
def test_a_broken_registry_is_refused(content: str, root: Root) -> None:
    root.day(a=(FILED,))
    next((root.folder / "restricted" / "objections").iterdir()).write_text(content)
    with pytest.raises(StateRefused, match="what a source of objections filed before"):
        root.read()


def test_a_list_of_the_other_polarity_is_refused_until_it_is_confirmed(root: Root) -> None:
    root.day(a=(FILED,))
    root.lists()
    root.allow("10AA", source="a")
    with pytest.raises(ObjectionsRefused, match="polarity = 'block', as its source had it before") as refusal:
        root.read()
    assert "--confirm lijst0" in str(refusal.value)
    loaded = root.read("lijst0")
    assert loaded.barred_from_everything == {ANNA}, "and it lifts nothing"
    objections_in_force.record_objections(root.folder / "restricted", loaded)
    assert opt_in_schools(root.read()) == {"10AA"}


@pytest.mark.parametrize("remaining_schools", [(), ("10AA",)])
def test_an_opt_in_list_that_shrinks_or_disappears_is_refused_until_it_is_confirmed(
    remaining_schools: tuple[str, ...], root: Root
) -> None:
    root.lists(a=())
    root.allow("10AA", "10AB")
    objections_in_force.record_objections(root.folder / "restricted", root.read())
    root.lists(a=())
    if remaining_schools:
        root.allow(*remaining_schools)
    with pytest.raises(ObjectionsRefused, match="the schools that its source covered before"):
        root.read()
    objections_in_force.record_objections(root.folder / "restricted", root.read("lijst2"))
    assert opt_in_schools(root.read()) == set(remaining_schools)


def test_a_run_killed_while_it_saves_leaves_the_earlier_or_the_new_registry(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.day(a=(FILED,))

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    root.lists(a=(line(BEN),))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            objections_in_force.record_objections(root.folder / "restricted", root.read())
    folder = root.folder / "restricted" / "objections"
    assert {
        key[0] for source in objection_registry.load_objection_registry(folder).values() for key in source.entries
    } == {ANNA}
    assert root.read().barred_from_everything == {ANNA, BEN}
