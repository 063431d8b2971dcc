"""Releases with a sensitive column, one after the other: classes that were blanked stay so, a consent that
ends blanks its class, and what subtracting shows keeps the column's rules.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from tests.patches import PatchesAcrossModules
from tests.unit import drawn_releases
from tests.unit.drawn_releases import PUPILS, Root, project, score_of, sex_of

from cohort.anonymisation import generalisation, sensitive_columns
from cohort.keys.project_keys import ProjectKey
from cohort.sdc.privacy_models.sensitive_constraints import classes_satisfying_value_constraints
from cohort.sdc.privacy_models.sensitive_suppression import SensitiveSuppression

RULES: dict[str, Any] = {"largest_value": Decimal("0.8"), "distinct": 3}
LEVELS = ("I", "II", "III", "IV", "V")
Values = Callable[[int], str | None]
Class = tuple[str, str]


def class_of(n: int) -> tuple[str, int]:
    return sex_of(n), score_of(n)


ALIKE = [n for n in range(PUPILS) if class_of(n) == ("1", 50)]
"""All of them have one level."""
MIXED = [n for n in range(PUPILS) if class_of(n) == ("2", 50)]


def one_class_alike(n: int) -> str | None:
    return "I" if class_of(n) == ("1", 50) else LEVELS[n // 24 % 5]


def with_levels(root: Root, monkeypatch: pytest.MonkeyPatch, level: Values) -> None:
    """Write the results with these levels."""
    monkeypatch.setattr(drawn_releases, "level_of", level)
    root.results()


def shown(root: Root, release: int) -> dict[Class, Counter[str]]:
    classes: dict[Class, Counter[str]] = {}
    for (score, sex, level), times in root.read(release).items():
        classes.setdefault((score, sex), Counter())[level] += times
    return classes


def blanked(root: Root, release: int) -> set[Class]:
    return {labels for labels, values in shown(root, release).items() if set(values) == {"onbekend"}}


@pytest.fixture(scope="module")
def published(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Root:
    """One release, of which a class is blanked because it has one level, and others as covers."""
    made = Root(one_spark, tmp_path_factory.mktemp("published"), project(**RULES))
    with PatchesAcrossModules.context() as patch:
        with_levels(made, patch, one_class_alike)
        made.release()
    return made


@pytest.fixture
def root(published: Root, tmp_path: Path) -> Root:
    shutil.copytree(published.home, tmp_path / "root")
    return Root(published.spark, tmp_path / "root", published.project, made=[*published.made])


def test_the_verifier_accepts_the_blanked_classes(published: Root) -> None:
    assert published.made[0].findings == ()
    hidden = blanked(published, 1)
    assert 2 <= len(hidden) < 4
    for labels, values in shown(published, 1).items():
        assert values.total() == 120
        assert labels in hidden or (len(values) == 5 and "onbekend" not in values)


def test_a_blanked_class_stays_blanked_even_when_its_values_would_pass_now(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most of those who had the one level are gone."""
    before = blanked(root, 1)
    root.gone = set(ALIKE[:40])
    with_levels(root, monkeypatch, one_class_alike)
    root.release()
    assert root.made[-1].findings == ()
    assert before <= blanked(root, 2)


def test_a_consent_that_ends_blanks_its_class_and_never_one_record(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = blanked(root, 1)
    lost = next(n for n in range(PUPILS) if len(shown(root, 1)[labels_of(n)]) == 5)
    with_levels(root, monkeypatch, lambda n: None if n == lost else one_class_alike(n))
    way = root.release()
    assert root.made[-1].findings == ()
    assert way.withdrawn == 0
    assert blanked(root, 2) >= hidden | {labels_of(lost)}
    assert root.pupils(2) == root.pupils(1)
    # … and the next release still knows of which population the pupil was
    root.release()
    assert root.made[-1].findings == ()
    assert blanked(root, 3) == blanked(root, 2)


def labels_of(n: int) -> Class:
    return f"{score_of(n) // 20 * 20} tot {score_of(n) // 20 * 20 + 20}", sex_of(n)


def test_values_of_departed_pupils_that_subtraction_would_show_blank_their_class(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifteen of one level leave a class that shows its values."""
    open_class = next(c for c, values in shown(root, 1).items() if len(values) == 5)
    of_it = [n for n in range(PUPILS) if labels_of(n) == open_class]
    root.gone = {n for n in of_it if one_class_alike(n) == "II"}
    assert len(root.gone) >= 10
    with_levels(root, monkeypatch, one_class_alike)
    root.release()
    assert root.made[-1].findings == ()
    assert open_class in blanked(root, 2)


def no_covers(counts: Any, column: Any, *_: Any, **__: Any) -> SensitiveSuppression:
    failed = ~classes_satisfying_value_constraints(column.rules, counts)
    none = np.zeros(len(failed), dtype=np.bool_)
    return SensitiveSuppression(failed, none, none)


def another_order(recoding: Any, key: ProjectKey) -> Any:
    return -shown_values_drawn(recoding, key)


shown_values_drawn = sensitive_columns.draw_cover_order


@pytest.mark.parametrize(
    ("name", "broken", "told"),
    [
        ("choose_blanked_classes", no_covers, "too few cover classes are hidden"),
        ("draw_cover_order", another_order, "cover classes are not those that the key draws"),
    ],
)
def test_a_release_with_other_blanked_classes_is_refused(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, broken: Any, told: str
) -> None:
    root = Root(spark, tmp_path, project(**RULES))
    monkeypatch.setattr(sensitive_columns, name, broken)
    with_levels(root, monkeypatch, one_class_alike)
    root.release()
    (finding,) = root.made[-1].findings
    assert finding.code == "BLANKED"
    assert told in finding.sentence


def test_values_hidden_for_only_some_pupils_of_a_class_are_refused_by_the_verifier(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is hidden could depend on the value: a class shows all of its values or none."""

    real = generalisation.generalise_pupils

    def some_hidden(members: DataFrame, *others: Any) -> DataFrame:
        shown = F.col("_with_value") & (F.xxhash64("_pupil") % 4 != 0)
        return real(members.withColumn("_with_value", shown), *others)

    root = Root(spark, tmp_path, project(**RULES))
    with_levels(root, monkeypatch, lambda n: LEVELS[n // 24 % 5])
    monkeypatch.setattr(generalisation, "generalise_pupils", some_hidden)
    root.release()
    assert "BLANKED" in root.made[-1].codes
    (sentence,) = (one.sentence for one in root.made[-1].findings if one.code == "BLANKED")
    assert "for only part of a class" in sentence
