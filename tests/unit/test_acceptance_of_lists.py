"""Lists of objections accepted for the results as they are: looked for once, again when either changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit import test_objection_erasure
from tests.unit.drawn_environment import make_environment
from tests.unit.test_objection_erasure import HERE, KNOWN, PUPILS, Root, line

from cohort.erasure import listed_rows, objection_erasure
from cohort.foundation.errors import ObjectionsRefused

taken_in, root = test_objection_erasure.taken_in, test_objection_erasure.root


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for every look at the results."""
    looks: list[int] = []
    own = listed_rows.find_listed_rows

    def look(*arguments: object) -> object:
        looks.append(1)
        return own(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(listed_rows, "find_listed_rows", look)
    return looks


def accept(root: Root, *confirmed: str) -> None:
    environment = make_environment(root.zones, root.platform_declaration, root.now)
    objection_erasure.accept_objections(root.spark, environment, root.load(*confirmed), KNOWN.domains())


def test_the_same_lists_are_looked_for_once_in_the_same_results(root: Root, looked: list[int]) -> None:
    root.listed(line(0))
    for _ in range(3):
        accept(root)
    assert len(looked) == 1
    root.listed(line(1), name="later")
    accept(root)
    assert len(looked) == 2, "another list"
    root.deliver("later.csv", HERE, f"{PUPILS[5]};REK-M7;2025-01-20;81")
    root.ingest()
    looked.clear()
    accept(root)
    accept(root)
    assert len(looked) == 1, "other results"


def test_an_erasure_accepts_its_lists_for_what_it_leaves(root: Root, looked: list[int]) -> None:
    root.listed(line(0))
    root.objections()
    looked.clear()
    accept(root)
    assert looked == []
    root.of_school, root.share = "0.1", "0.1"
    accept(root)
    assert len(looked) == 1, "other limits"


def test_a_list_that_was_confirmed_and_not_applied_is_refused_without_the_confirmation(root: Root) -> None:
    root.share = root.of_school = "0.1"
    root.listed(line(0), line(1))
    accept(root, "lijst0")
    with pytest.raises(ObjectionsRefused, match="at most 10% of all pupils"):
        accept(root)


def test_lists_are_recorded_although_they_were_accepted_before(root: Root) -> None:
    root.listed(line(0))
    accept(root)
    for file in root.zones.objection_registry.iterdir():
        file.unlink()
    accept(root)
    assert len([*root.zones.objection_registry.glob("*.json")]) == 1


def test_the_mark_holds_no_number(root: Root) -> None:
    root.listed(line(0))
    accept(root)
    mark = Path(root.zones.exact_records / "bezwaren.json").read_text()
    assert json.loads(mark).keys() == {"digest"}
    assert PUPILS[0] not in mark
