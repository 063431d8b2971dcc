"""Lists as keepers' spreadsheets may save them: read as what was meant, and by the verifier's own code alike.

Whatever happens to the bytes of a list, what intake reads the verifier reads to the same objectors, and what
it cannot read it refuses.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from cohort.agreements.platform import ObjectionLimits
from cohort.foundation.errors import DeliveriesRefused, ObjectionsRefused
from cohort.legal_basis import number_changes, objections_in_force
from cohort.verification import number_change_reader as verifier_changes
from cohort.verification import objection_check as rights

TODAY = dt.date(2026, 3, 1)
LIMITS = ObjectionLimits(
    max_age_days=31, max_erased_share=Decimal("0.02"), max_erased_share_of_school=Decimal("0.25"), always_erased=5
)
DECLARED = """file = "a.csv"
polarity = "block"
date = 2026-02-20
source = "register"
max_age_days = 31
declared_empty = false
"""
COLUMNS = ("pgn", "brin", "vanaf", "ingetrokken_op", "bereik")
NUMBERS = ("123456782", "111222333", "101222331", "012345672", "003389261")
SCOPES = ("alles", "domein:rekenen", "project:proef", "domein:lezen")

NUMBER_SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    lambda n: n.lstrip("0"),
    lambda n: f"'{n}",
    lambda n: f"\u202d{n}\u202c",
    lambda n: f"\u200b{n}\ufeff",
    lambda n: f"{n[:4]}.{n[4:6]}.{n[6:]}",
    lambda n: f"{n[:3]}.{n[3:6]}.{n[6:]}",
    lambda n: f"{n[:3]} {n[3:6]}\u00a0{n[6:]}",
    lambda n: f"{n}.0",
    lambda n: f"{int(n):.8E}" if n[0] != "0" else n,
)
DAY_SPELLINGS: tuple[Callable[[dt.date], str], ...] = (
    str,
    lambda d: f"{d.day}-{d.month}-{d.year}",
    lambda d: f"{d:%d-%m-%Y}",
    lambda d: f"{d} 00:00",
    lambda d: f"{d.day}-{d.month}-{d.year} 0:00",
    lambda d: f"'{d}",
)
HEADER_SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    str.title,
    lambda name: f" {name.replace('_', ' ')} ",
)
SCHOOL_SPELLINGS = ("", "99ZZ", "99ZZ00", "'99ZZ")


class Objection(NamedTuple):
    """What was meant by a line."""

    number: str
    scope: str
    until: dt.date | None


@st.composite
def lines(draw: st.DrawFn) -> tuple[Objection, list[str]]:
    """An objection and a line that says it."""
    meant = Objection(
        draw(st.sampled_from(NUMBERS)),
        draw(st.sampled_from(SCOPES)),
        draw(st.none() | st.dates(dt.date(2026, 1, 1), dt.date(2026, 12, 31))),
    )
    day = draw(st.sampled_from(DAY_SPELLINGS))
    since = day(draw(st.dates(dt.date(2025, 1, 1), dt.date(2025, 12, 31))))
    number = draw(st.sampled_from(NUMBER_SPELLINGS))(meant.number)
    school = draw(st.sampled_from(SCHOOL_SPELLINGS))
    return meant, [number, school, since, day(meant.until) if meant.until else "", meant.scope]


@st.composite
def files(draw: st.DrawFn) -> tuple[list[Objection], bytes]:
    """Objections and a file that a spreadsheet may have made of them."""
    drawn = draw(st.lists(lines(), min_size=1, max_size=5))
    order = draw(st.permutations(range(len(COLUMNS))))
    spelled = draw(st.sampled_from(HEADER_SPELLINGS))
    headed = [[spelled(COLUMNS[place]) for place in order]]
    rows = headed + [[cells[place] for place in order] for _, cells in drawn]
    if draw(st.booleans()):
        rows = [cells for _, cells in drawn]
    sign = draw(st.sampled_from(";,\t|"))
    quoted = draw(st.booleans())
    trailing = draw(st.sampled_from(["", sign, sign * 3]))
    text = [sign.join(f'"{cell}"' if quoted and cell else cell for cell in row) + trailing for row in rows]
    for place in draw(st.lists(st.integers(0, len(text)), max_size=2)):
        text.insert(place, draw(st.sampled_from(["", sign * 4, " "])))
    if draw(st.booleans()):
        text.insert(0, f"sep={sign}")
    whole = draw(st.sampled_from(["\n", "\r\n", "\r"])).join([*text, ""])
    encoding, mark = draw(
        st.sampled_from([("utf-8", ""), ("utf-8", "\ufeff"), ("utf-8", "\ufeff" * 2), ("utf-16", "")])
    )
    return [meant for meant, _ in drawn], (mark + whole).encode(encoding)


def barred(meant: list[Objection]) -> set[str]:
    """Who may not be in the project, by hand: whom one line bars today, in a scope that it uses."""
    used = {"alles", "domein:rekenen", "project:proef"}
    return {one.number for one in meant if one.scope in used and (one.until is None or one.until > TODAY)}


def read_by_both(content: bytes) -> tuple[tuple[set[str], set[str]] | None, tuple[set[str], set[str]] | None]:
    """Numbers barred and schools held back, as intake and as the verifier read them; None if refused."""
    with tempfile.TemporaryDirectory() as root:
        zone = Path(root) / "objections"
        zone.mkdir()
        (zone / "a.toml").write_text(DECLARED)
        (zone / "a.csv").write_bytes(content)
        try:
            lists = objections_in_force.load_objections(zone, LIMITS, TODAY, {"rekenen", "lezen"})
            ours = (
                {*lists.barred_from_project("proef", ["rekenen"])},
                {*lists.schools_withheld_from_project("proef", ["rekenen"])},
            )
        except ObjectionsRefused:
            ours = None
        try:
            found = rights.read_excluded_pupils(zone, LIMITS.max_age_days, TODAY, "proef", ["rekenen"])
            theirs = {*found.numbers}, {*found.held_back_schools}
        except ObjectionsRefused:
            theirs = None
        return ours, theirs


@settings(max_examples=2 * settings().max_examples)  # 50, and thousands on demand
@given(files())
def test_a_list_in_any_spelling_bars_the_same_pupils_for_both_readers(drawn: tuple[list[Objection], bytes]) -> None:
    meant, content = drawn
    ours, theirs = read_by_both(content)
    assert ours == theirs == (barred(meant), set())


NASTY = "\x00 \t\r\n;,|\"'=.-+0123456789eE\u00a0\u200b\u202e\ufeff\u0661٣éZ"


@settings(max_examples=2 * settings().max_examples)  # 50, and thousands on demand
@given(files(), st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["", *NASTY])), min_size=1, max_size=3))
def test_both_readers_agree_on_a_damaged_list_or_refuse_it(
    drawn: tuple[list[Objection], bytes], damage: list[tuple[float, str]]
) -> None:
    content = drawn[1].decode("utf-16" if drawn[1][:2] == b"\xff\xfe" else "utf-8")
    for share, character in damage:
        place = int(share * len(content))
        content = content[:place] + character + content[place + 1 :]
    ours, theirs = read_by_both(content.encode())
    assert ours is None or ours == theirs


DAYS = st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 5))
PAIRS = st.tuples(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS), DAYS)


@settings(max_examples=2 * settings().max_examples)  # 50, and thousands on demand
@given(st.lists(PAIRS, max_size=7), st.lists(PAIRS, max_size=3))
def test_both_readers_resolve_number_changes_to_the_same_numbers(
    now: list[tuple[str, str, dt.date]], before: list[tuple[str, str, dt.date]]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        zone = root / number_changes.NUMBER_CHANGE_FOLDER
        zone.mkdir()
        (zone / "duo.toml").write_text("file = 'duo.csv'\ndate = 2026-02-01\nsource = 'DUO'\n")
        told, problems = list[tuple[str, ...]](), list[str]()
        for pairs in (before, now):
            rows = [";".join(map(str, pair)) for pair in pairs]
            (zone / "duo.csv").write_text("\n".join(["oud_pgn;nieuw_pgn;vanaf", *rows]))
            try:
                changes = number_changes.load_number_changes(zone, TODAY)
                number_changes.record_linked_numbers(root, changes)
            except DeliveriesRefused as refused:
                changes, problems = number_changes.NumberChanges(), list(refused.problems) if pairs is now else []
        found = verifier_changes.read_pupil_number_links(root, lambda *problem: told.append(problem))
    assert bool(told) == bool(problems)
    if not problems:
        assert found.newest == changes.newest_numbers
        for number in NUMBERS:
            assert found.numbers_tied_to({number}) == changes.linked_numbers(frozenset({number}))
            pupil = changes.newest(number)
            assert found.numbers_leading_to({pupil}) == changes.certain_numbers(frozenset({pupil}))
