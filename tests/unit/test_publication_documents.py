"""Documents of public tables: the moves of an edition, the file of cells, and what stays for later audits."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort.foundation import StateRefused
from cohort.publication_documents import (
    EDITION_MOVES,
    EVER_PUBLIC,
    EditionEvent,
    EditionRecord,
    EditionState,
    TidyCell,
    find_published_edition,
    format_tidy_cells,
    list_editions,
    load_public_records,
    parse_tidy_cells,
    save_edition_record,
)
from cohort.storage import StorageZones

ALL_MOVES = [(here, there) for here in EditionState for there in EditionState]
CODES = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1)


def make_record(edition: int, state: EditionState, publication: str = "leerlingen") -> EditionRecord:
    return EditionRecord(
        publication=publication,
        edition=edition,
        state=state,
        events=(),
        declaration_digest="0",
        files={},
        contributors_digest="0",
        eligibility_digest="0",
        pupils=100,
        schools=10,
        objected=1,
        search=None,
        audit=None,
        approval=None,
    )


def test_every_state_has_its_moves_and_is_reached_from_staged() -> None:
    assert set(EDITION_MOVES) == set(EditionState)
    reached, new = {EditionState.STAGED}, {EditionState.STAGED}
    while new:
        new = {there for here in new for there in EDITION_MOVES[here]} - reached
        reached |= new
    assert reached == set(EditionState)


def test_what_was_public_never_becomes_unpublic() -> None:
    assert all(EDITION_MOVES[state] <= EVER_PUBLIC for state in EVER_PUBLIC)
    assert [state for state in EditionState if EditionState.PUBLISHED in EDITION_MOVES[state]] == [EditionState.AUDITED]


@pytest.mark.parametrize(("here", "there"), ALL_MOVES)
def test_a_record_moves_only_as_allowed(here: EditionState, there: EditionState) -> None:
    record = make_record(1, here)
    event = EditionEvent(state=there, at="2026-12-01T09:00:00+01:00", by="operator")
    if there in EDITION_MOVES[here]:
        moved = record.moved(event, pupils=90)
        assert (moved.state, moved.events, moved.pupils) == (there, (event,), 90)
    else:
        with pytest.raises(StateRefused, match=f"found one that is {here}"):
            record.moved(event)


@given(st.lists(st.tuples(CODES, CODES, CODES, st.none() | CODES)))
def test_cells_are_read_back_as_they_were_written(lines: list[tuple[str, str, str, str | None]]) -> None:
    cells = [TidyCell((first, second), measure, value) for first, second, measure, value in lines]
    axes = ("regio", "jaargroep")
    assert list(parse_tidy_cells(format_tidy_cells(axes, cells), axes)) == cells


@pytest.mark.parametrize(
    "text",
    [
        "",
        "regio;maat;waarde\n",
        "regio;maat;waarde;status\nWest;leerlingen;12;geheim\n",
        "regio;maat;waarde;status\nWest;leerlingen;;vrij\n",
        "regio;maat;waarde;status\nWest;leerlingen;12;primair\n",
        "regio;maat;waarde;status\nWest;7;leerlingen;12;vrij\n",
    ],
    ids=["empty", "header", "hidden with a value", "printed without one", "another status", "too long"],
)
def test_a_file_that_contradicts_itself_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"header|no cell"):
        list(parse_tidy_cells(text, ("regio",)))


def test_superseded_and_withdrawn_editions_stay_public_records(tmp_path: Path) -> None:
    zones = StorageZones(tmp_path)
    states = [EditionState.WITHDRAWN, EditionState.SUPERSEDED, EditionState.REFUSED, EditionState.PUBLISHED]
    for edition, state in enumerate(states, start=1):
        save_edition_record(zones, make_record(edition, state))
    save_edition_record(zones, make_record(1, EditionState.STAGED, "scholen"))
    (zones.exact_publications / "leerlingen" / "10").mkdir()
    assert list_editions(zones, "leerlingen") == (1, 2, 3, 4)
    assert [record.edition for record in load_public_records(zones)] == [1, 2, 4]
    published = find_published_edition(zones, "leerlingen")
    assert published is not None
    assert published.edition == 4
    assert find_published_edition(zones, "scholen") is None
