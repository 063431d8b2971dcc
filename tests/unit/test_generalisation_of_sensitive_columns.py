"""A sensitive value is released as it is, or as unknown for a whole class that would disclose it."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession
from tests.unit.drawn_pupils import (
    ADVIES,
    HIERARCHIES,
    RELEASED,
    Leaf,
    generalise_cohort,
    make_cohort,
    make_sensitive_project,
    stand_in_pseudonym,
)

from cohort.anonymisation import search_input
from cohort.data_states.schemas import PUPIL_CONTROL, UNLISTED_LEAF
from cohort.foundation.errors import NotAnonymous
from cohort.sdc.model.coding import Coding

BANDS = ("0 tot 10", "10 tot 20", "20 tot 30", "30 tot 40", "onbekend")
WIDER = ("0 tot 20", "0 tot 20", "20 tot 40", "20 tot 40", "onbekend")


def by_turns(n: int, _score: int, _sex: int) -> int:
    """Three values in turn; the one pupil without a score, who is alone in a class, has the fourth."""
    return 3 if n == 27 else n % 3


def test_a_sensitive_value_is_released_ungeneralised_and_makes_no_class(spark: SparkSession) -> None:
    _, recoded, rows = generalise_cohort(spark, make_sensitive_project(), files=3, advies=by_turns)
    assert Counter((row["score"], row["sekse"]) for row in rows) == RELEASED
    true = {stand_in_pseudonym(f"pupil {n}"): ADVIES.leaves[by_turns(n, 0, 0)] for n in range(28)}
    assert all(row["advies"] == true[row[PUPIL_CONTROL]] for row in rows)
    places = [(row["file"], row["score"], row["sekse"], row["advies"]) for row in rows]
    assert places == sorted(places)  # "havo" < "vwo" < "é", which is not the order of the leaves
    assert len({place[:3] for place in places}) == len(RELEASED)
    assert recoded.released_values == ["vwo", "havo", "é"]


@pytest.mark.parametrize("kind", ["global", "local"])
def test_a_disclosing_class_and_its_covers_show_no_sensitive_value(spark: SparkSession, kind: str) -> None:
    """Boys with a low score all have one value."""
    declared = make_sensitive_project(kind, distinct=3, largest_value=Decimal("0.9"))
    _, recoded, rows = generalise_cohort(
        spark, declared, files=1, advies=lambda n, score, sex: 0 if score + 2 * sex < 2 else n % 3
    )
    classes: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        classes.setdefault((row["score"], row["sekse"]), Counter())[row["advies"]] += 1
    blanked = {labels for labels, values in classes.items() if set(values) == {"onbekend"}}
    assert ("0 tot 20", "1") in blanked
    assert 2 <= len(blanked) < len(classes)
    assert all(len(values) == 3 for labels, values in classes.items() if labels not in blanked)
    assert recoded.value_pupils == {
        "known": len(rows),
        "shown": sum(classes[c].total() for c in classes.keys() - blanked),
        "blanked": sum(classes[c].total() for c in blanked),
        "covers": sum(classes[c].total() for c in blanked - {("0 tot 20", "1")}),
    }


def test_the_search_does_not_depend_on_the_sensitive_values(spark: SparkSession) -> None:
    def classes(advies: Leaf) -> list[tuple[bytes, str, str]]:
        _, _, rows = generalise_cohort(spark, make_sensitive_project("local"), files=1, advies=advies)
        return sorted((row[PUPIL_CONTROL], row["score"], row["sekse"]) for row in rows)

    assert classes(by_turns) == classes(lambda n, score, sex: by_turns(26 - n if n < 27 else n, score, sex))


def test_a_sensitive_value_outside_its_hierarchy_is_reported(spark: SparkSession) -> None:
    pupils = make_cohort(spark, ("score", "sekse"), advies=lambda n, *_: UNLISTED_LEAF if n < 2 else 0)
    coded = search_input.encode_pupils(pupils, make_sensitive_project(), Coding(HIERARCHIES))
    with pytest.raises(NotAnonymous, match="found others in 2 records in column advies"):
        search_input.count_pupils(coded, pupils, make_sensitive_project())
