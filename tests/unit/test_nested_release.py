"""Releases of one project, subtracted: late objectors cannot be found by their absence; waves let new pupils in."""

from __future__ import annotations

import dataclasses
import shutil
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from tests.unit import drawn_release as drawn
from tests.unit.drawn_release import SECRET
from tests.unit.drawn_releases import MORE, NUMBERS, PUPILS, Root, project, rows_of, school_of, score_of, sex_of

from cohort.agreements.school_boards import SchoolBoards
from cohort.differencing import departure_rule, nested_release, snapshot_renumbering
from cohort.foundation.errors import ConfigurationRefused, NotAnonymous, StateRefused
from cohort.keys.project_keys import ProjectKey
from cohort.legal_basis.number_changes import NumberChanges
from cohort.release_records import equivalence_class_snapshot, record_store
from cohort.storage import json_documents

K = 10
FIRST = [n for n in range(PUPILS) if (sex_of(n), score_of(n)) == ("1", 50)]
"""The pupils of one class."""


def subtracted(root: Root, one: int, other: int) -> list[int]:
    """The attacker: both releases counted by every set of columns, and the differences under k that show.

    Gives: per cell of such a table the number of pupils who must be gone from it, or new in it.
    """
    tables = root.read(one), root.read(other)
    columns = range(len(root.project.column_names))
    found = []
    for chosen in (c for n in range(len(columns) + 1) for c in combinations(columns, n)):
        counts = [Counter[tuple[str, ...]]() for _ in tables]
        for table, count in zip(tables, counts, strict=True):
            for row, times in table.items():
                count[tuple(row[column] for column in chosen)] += times
        apart = [abs(counts[0][cell] - counts[1][cell]) for cell in {*counts[0], *counts[1]}]
        found += [n for n in apart if 0 < n < K]
    return found


def gone_too(root: Root, late: set[int], **how: Any) -> None:
    root.gone |= late
    root.results(**how)
    root.release()


@pytest.fixture(scope="module")
def published(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Root:
    """With one release that is read."""
    made = Root(one_spark, tmp_path_factory.mktemp("published"))
    made.results()
    made.release()
    assert made.made[0].findings == ()
    assert sorted(made.read(1).values()) == [120] * 4
    return made


@pytest.fixture
def root(published: Root, tmp_path: Path) -> Root:
    """A copy that a test may change."""
    shutil.copytree(published.home, tmp_path / "root")
    return Root(published.spark, tmp_path / "root", made=[*published.made])


@pytest.mark.parametrize(
    ("kind", "steps"),
    [
        ("global", [{FIRST[0]}, {FIRST[1], FIRST[0] + 6}, {*FIRST[2:17]}, set[int]()]),
        ("local", [{FIRST[0], FIRST[0] + 6}]),
    ],
)
def test_late_objectors_cannot_be_found_by_subtracting_releases(
    root: Root, tmp_path: Path, kind: str, steps: list[set[int]]
) -> None:
    if kind == "local":
        root = Root(root.spark, tmp_path / "local", project(kind))
        root.results()
        root.release()
    before = root.pupils(1)
    for late in steps:
        gone_too(root, late)
        last = len(root.made)
        assert root.made[-1].findings == ()
        assert subtracted(root, last - 1, last) == subtracted(root, 1, last) == []
        now = root.pupils(last)
        assert now <= before
        assert now.isdisjoint(drawn.mac(f"pgn|{NUMBERS[n]}") for n in root.gone)
        withdrawn = root.counts["pupils_withdrawn"]
        assert withdrawn >= len(before) - len(now) - len(late)
        assert (withdrawn > 0) == (0 < len(late) < K)
        before = now


def test_without_the_departure_rule_subtraction_finds_the_objector_and_the_verifier_refuses(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departure_rule, "count_withdrawals", lambda then, *_: np.zeros_like(then))
    monkeypatch.setattr(departure_rule, "require_hidden_departures", lambda *_: None)
    gone_too(root, {FIRST[0]})
    assert 1 in subtracted(root, 1, 2)
    (finding,) = root.made[-1].findings
    assert finding.code == "DIFFERENCE"
    assert "fewer than 10 pupils have left" in finding.sentence


def test_a_release_with_a_new_recoding_is_refused_by_the_verifier(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate taken out: as if nothing had been published before."""
    monkeypatch.setattr(nested_release, "load_previous_snapshot", lambda *_: None)
    root.project = root.project.model_copy(
        update={
            "columns": [
                column.model_copy(update={"lowest_level": 1}) if column.name == "rekenen_M" else column
                for column in root.project.columns
            ]
        }
    )
    root.results(more=[])
    root.gone = {FIRST[0]}
    root.results()
    root.release()
    assert {finding.code for finding in root.made[-1].findings} == {"DIFFERENCE"}


def test_pupils_with_corrected_results_count_as_gone_and_no_new_pupils_enter(root: Root) -> None:
    root.gone = set()
    corrected = {
        "vaardigheidsscore": rows_of(FIRST[0] - 12 if FIRST[0] > 12 else FIRST[0] + 12)[0]["vaardigheidsscore"]
    }
    new = [row | {"pgn": drawn.bsn(900)} for row in rows_of(0)]
    root.results(lambda n: corrected if n == FIRST[0] else {}, more=new)
    way = root.release()
    assert way.withdrawn == K - 1
    assert way.recoding.suppressed == 2  # who was corrected, and who is new
    assert subtracted(root, 1, 2) == []
    assert not {drawn.mac(f"pgn|{x}") for x in (NUMBERS[FIRST[0]], drawn.bsn(900))} & root.pupils(2)


def test_a_class_that_would_break_a_constraint_goes_as_a_whole(root: Root) -> None:
    """Half of one class is of one school when many of the other schools are gone."""
    late = {n for n in FIRST if n % 6 in (1, 2, 3)} | {n for n in FIRST if n % 6 == 4}
    gone_too(root, late)
    assert root.made[-1].findings == ()
    assert sorted(root.read(2).values()) == [120] * 3
    assert root.counts["pupils_withdrawn"] == len(FIRST) - len(late)


def test_new_pupils_enter_only_with_a_wave_and_former_pupils_never_come_back(root: Root) -> None:
    late = FIRST[0]
    root.gone, root.new = {late}, {*range(PUPILS, PUPILS + MORE)}
    root.results()
    way = root.release()
    assert (way.withdrawn, way.recoding.suppressed) == (K - 1, MORE)
    left = root.pupils(1) - root.pupils(2)
    root.gone = set()  # the objection is withdrawn
    root.results()
    way = root.release(wave=True)
    assert [findings.findings for findings in root.made] == [(), (), ()]
    assert root.pupils(3) == root.pupils(2) | {drawn.mac(f"pgn|{NUMBERS[n]}") for n in root.new}
    assert not root.pupils(3) & left
    assert way.linked is not None
    assert (way.linked.smallest or 0) >= K
    assert way.recoding.suppressed == K
    gone_too(root, {PUPILS, late})
    assert root.made[-1].findings == ()
    assert subtracted(root, 3, 4) == []


def test_a_wave_with_too_few_new_pupils_is_refused(root: Root) -> None:
    root.new = {PUPILS, PUPILS + 1, PUPILS + 2}
    root.results()
    with pytest.raises(NotAnonymous, match="none for at most 7 pupils"):
        root.release(wave=True)


def test_a_release_without_remaining_pupils_is_refused(root: Root) -> None:
    root.gone = set(range(PUPILS - 20))
    root.results()
    with pytest.raises(NotAnonymous, match="classes of release 1"):
        root.release()


def test_a_pupil_with_a_new_number_stays_and_takes_nobody_along(root: Root) -> None:
    old, new = NUMBERS[FIRST[0]], drawn.bsn(900)
    other = NUMBERS[FIRST[1]]  # whose new number somebody in the release has already
    changes = NumberChanges(newest_numbers={old: new, other: NUMBERS[FIRST[2]]})
    root.results(lambda n: {"pgn": new} if n == FIRST[0] else {})
    assert (
        snapshot_renumbering.renumber_snapshot(root.spark, root.zones, root.project, ProjectKey(SECRET), changes) == 1
    )
    assert (
        snapshot_renumbering.renumber_snapshot(root.spark, root.zones, root.project, ProjectKey(SECRET), changes) == 0
    )
    way = root.release()
    assert (way.withdrawn, root.made[-1].findings) == (0, ())
    assert root.pupils(2) == root.pupils(1) - {drawn.mac(f"pgn|{old}")} | {drawn.mac(f"pgn|{new}")}


def test_a_snapshot_that_differs_from_the_published_table_is_refused_by_the_verifier(root: Root) -> None:
    """One pupil is taken out of it, so that his row could go from the next release alone."""
    folder = root.zones.release_snapshots("proef") / "1"
    part = max((folder / "pupils").glob("*.parquet"), key=lambda file: pq.read_metadata(file).num_rows)
    pupils, classes = pq.read_table(part), pq.read_table(folder / "classes.parquet")
    of = pupils["class_nr"][0].as_py()
    pq.write_table(pupils.slice(1), part)
    counts = [n - (place == of) for place, n in enumerate(classes["pupils"].to_pylist())]
    place = classes.column_names.index("pupils")
    pq.write_table(classes.set_column(place, "pupils", pa.array(counts)), folder / "classes.parquet")
    for crc in folder.rglob(".*.crc"):
        crc.unlink()
    json_documents.write_json_document(
        folder / "memory.json", json_documents.read_json_document(folder / "memory.json") | {"pupils": sum(counts)}
    )
    root.release()
    (finding,) = root.made[-1].findings
    assert finding.code == "DIFFERENCE"
    assert "differs from the published table" in finding.sentence
    assert set(root.read(2).values()) == {119, 120}  # what the attacker would have seen


def test_a_snapshot_that_differs_from_the_stage_is_refused_by_the_verifier(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = equivalence_class_snapshot.write_snapshot
    monkeypatch.setattr(
        equivalence_class_snapshot,
        "write_snapshot",
        lambda zones, contents: write(zones, dataclasses.replace(contents, pupils=contents.pupils.limit(400))),
    )
    root.results()
    root.release()
    (finding,) = root.made[-1].findings
    assert finding.code == "DIFFERENCE"
    assert "its own class snapshot differs from the stage" in finding.sentence


def test_changed_columns_and_a_missing_snapshot_are_refused(root: Root) -> None:
    whole = root.project
    root.project = whole.model_copy(update={"columns": whole.columns[:1]})
    with pytest.raises(ConfigurationRefused, match="release 1 was made with"):
        root.release()
    root.project = whole
    equivalence_class_snapshot.remove_snapshot(root.zones, record_store.load_release_records(root.zones, "proef")[0])
    with pytest.raises(StateRefused, match="the snapshot of release 1"):
        root.release()


def test_a_nested_release_must_satisfy_the_boards_of_today(root: Root) -> None:
    """Board 1 has 10AA and 10AB and had 10AC: half of every class, until others leave one of them."""
    root.boards = {
        "10AA": SchoolBoards("1", frozenset("1")),
        "10AB": SchoolBoards("1", frozenset("1")),
        "10AC": SchoolBoards("2", frozenset("12")),
    }
    drawn.write_schools(root.home, {"10AA": "1", "10AB": "1", "10AC": "1 2"})
    gone_too(root, {*[n for n in FIRST if school_of(n) not in root.boards][:12]})
    assert root.made[-1].findings == ()
    assert root.made[-1].measures["smallest_board_others"] == 60
    assert sorted(root.read(2).values()) == [120] * 3
    assert root.counts["pupils_withdrawn"] == len(FIRST) - 12


def test_a_nested_release_without_a_class_that_satisfies_the_boards_of_today_is_refused(root: Root) -> None:
    root.boards = dict.fromkeys(("10AA", "10AB", "10AC"), SchoolBoards("1", frozenset("1")))
    with pytest.raises(NotAnonymous, match="can still be released"):
        root.release()
