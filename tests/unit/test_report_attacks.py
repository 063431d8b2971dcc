"""The attacks of a report on codes alone: populations of a sensitive column, drawn pupils, what an intruder knows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.drawn_results import column, project, result

from cohort.agreements.project import Project
from cohort.anonymisation import ClassSearchTask, SensitiveColumn, search_code_populations, search_code_table
from cohort.keys.project_keys import ProjectKey
from cohort.report_figures import risk_figures
from cohort.report_figures.measured_release import MeasuredRelease, ReleaseCodes
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.privacy_models.sensitive_constraints import SensitiveValueCounts
from cohort.sdc.privacy_models.sensitive_suppression import SensitiveSuppression

PUPILS, SCHOOLS = 600, 8
TENS = tuple(f"{n} tot {n + 10}" for n in range(0, 80, 10))
SCORE = (TENS, tuple(f"{n - n % 20} tot {n - n % 20 + 20}" for n in range(0, 80, 10)), ("*",) * 8)
SENSITIVE = {"role": "sensitive", "constraint": {"largest_value": Decimal("0.8")}}


def declared(columns: list[dict[str, Any]], **changes: Any) -> Project:
    return project(
        columns,
        thresholds={"k": 10, "m": 2, "max_share": Decimal("0.5"), "k_others": 5},
        recoding={"kind": "local", "objective": "mean", "suppression_limit": Decimal("0.2")},
        **changes,
    )


def two_scores(**changes: Any) -> Project:
    return declared(
        [
            column("rekenen", step=10, result=result("rekenen", "latest")),
            column("geslacht", attribute="geslacht"),
            *changes.pop("more", ()),
        ],
        **changes,
    )


def made(agreed: Project, *, with_value: bool = False) -> tuple[MeasuredRelease, ReleaseCodes]:
    """A release of drawn pupils; every second one has a sensitive value."""
    rng = np.random.default_rng(3)
    trees = {"rekenen": Hierarchy("rekenen", SCORE), "geslacht": Hierarchy("geslacht", (("1", "2"), ("*", "*")))}
    coding = Coding(tuple(trees[one.name] for one in agreed.quasi_identifiers))
    leaves = {"rekenen": rng.binomial(7, 0.5, PUPILS), "geslacht": rng.integers(0, 2, PUPILS)}
    words = coding.encode([leaves[one.name] for one in agreed.quasi_identifiers])
    table = pa.table(
        {
            "key": pa.array(np.arange(PUPILS)),
            "word0": pa.array(words[0]),
            "school": pa.array(np.arange(PUPILS) % SCHOOLS),
            "others": pa.array([None] * PUPILS, pa.list_(pa.int64())),
        }
    )
    sensitive = SensitiveColumn("niveau", ("A", "B", "onbekend"), (), 250) if with_value else None
    task = ClassSearchTask(agreed, coding, ProjectKey(b"k" * 32), PUPILS, sensitive)
    has_value = np.arange(PUPILS) % 2 == 0 if with_value else None
    if has_value is None:
        histogram, recoding = search_code_table(table, task, task.suppression_limit)
    else:
        histogram, recoding = search_code_populations(table, has_value, task)
    class_of_pupil = recoding.class_of[histogram.unit_of_pupil]
    release = MeasuredRelease(task, trees, None, PUPILS, None, recoding, None, None, None, False)
    return release, ReleaseCodes(table, table, class_of_pupil, has_value, False, recoding)


def test_halves_of_a_sensitive_release_need_half_as_many_values() -> None:
    agreed = two_scores(more=[column("niveau", result=result("studie", "highest"), **SENSITIVE)])
    release, codes = made(agreed, with_value=True)
    attacked = risk_figures.attack_release(release, codes)
    assert attacked.attacks.inference is not None  # a half has about 150 values, and the whole needs 250
    assert attacked.pupils == PUPILS
    assert set(attacked.attacks.inference.all_but_one_known) == {"rekenen", "geslacht"}


def test_a_large_cohort_is_halved_from_its_first_pupils() -> None:
    release, codes = made(two_scores())
    attacked = risk_figures.attack_release(release, codes, most_halved=400)
    assert (attacked.pupils, risk_figures.SAMPLED in attacked.notes) == (400, True)
    assert attacked.attacks.inference is not None
    assert attacked.attacks.inference.all_but_one_known["rekenen"].inside.attempts == 400
    whole = risk_figures.attack_release(release, codes)
    assert (whole.pupils, risk_figures.SAMPLED in whole.notes) == (PUPILS, False)
    assert whole.attacks.downcoding == attacked.attacks.downcoding


def test_halves_that_cannot_be_recoded_are_not_measured() -> None:
    release, codes = made(two_scores())
    attacked = risk_figures.attack_release(release, codes, most_halved=12)
    assert attacked.attacks.inference is None
    assert risk_figures.NOT_MEASURED in attacked.notes
    assert attacked.has_inference


@pytest.mark.parametrize(
    ("agreed", "known", "note"),
    [
        (two_scores(), ("geslacht",), risk_figures.ASSUMED_ATTRIBUTES),
        (two_scores(risk={"known_attributes": ["rekenen"]}), ("rekenen",), None),
        (declared([column("rekenen", step=10, result=result("rekenen", "latest"))]), (), risk_figures.ONE_COLUMN),
        (
            declared(
                [
                    column("rekenen", step=10, result=result("rekenen", "latest")),
                    column("lezen", step=10, result=result("lezen", "latest")),
                ]
            ),
            ("rekenen",),
            risk_figures.NO_ATTRIBUTES,
        ),
        (
            declared(
                [
                    column("geslacht", attribute="geslacht"),
                    column("postcode", attribute="postcode4"),
                    column("niveau", result=result("studie", "highest"), **SENSITIVE),
                ]
            ),
            ("geslacht",),
            risk_figures.ONLY_ATTRIBUTES,
        ),
    ],
)
def test_what_an_intruder_knows_is_said(agreed: Project, known: tuple[str, ...], note: str | None) -> None:
    assert risk_figures.choose_known_attributes(agreed) == (known, [] if note is None else [note])


def test_nothing_is_inferred_in_a_release_of_one_column() -> None:
    agreed = declared([column("rekenen", step=10, result=result("rekenen", "latest"))])
    release, codes = made(agreed)
    attacked = risk_figures.attack_release(release, codes)
    assert (attacked.has_inference, attacked.attacks.inference) == (False, None)
    assert risk_figures.NOT_MEASURED not in attacked.notes


def test_the_sensitive_column_is_counted_and_its_classes_are_compared() -> None:
    by_class = np.array([[8, 2], [5, 5], [10, 0]])
    none, third = np.zeros(3, dtype=np.bool_), np.array([False, False, True])
    found = risk_figures.describe_sensitive(
        "niveau", SensitiveValueCounts(by_class, by_class.sum(axis=0)), SensitiveSuppression(third, none, none)
    )
    assert (found.with_value, found.shown, found.blanked, found.covers) == (30, 20, 10, 0)
    assert found.median_distance == pytest.approx(0.15)  # of the shown: .8 and .5 against .65
