"""Class means in releases of drawn pupils: what they show, what a re-release shows, and what the verifier finds."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from tests.unit import drawn_releases
from tests.unit.drawn_release import Row
from tests.unit.drawn_releases import PUPILS, Root, sex_of

from cohort.agreements.project import Project
from cohort.release import class_mean_stage
from cohort.release_records import equivalence_class_snapshot
from cohort.sdc import ClassMeanRule, PooledCovariance, pool_covariances
from cohort.sdc.model.hierarchy import Hierarchy

STEP = Decimal(1)
"""A scale of 80 points and k = 10 allow 0.8."""


def score_of(n: int) -> Decimal:
    """Scores over the whole scale, in hundredths, whatever the school."""
    return Decimal(n * 37 % 80) + Decimal(n * 53 % 100) / 100


def exact(n: int) -> Row:
    return {"vaardigheidsscore": score_of(n)}


def project(**changes: Any) -> Project:
    plain = drawn_releases.project().model_dump(by_alias=True, exclude_unset=True)
    score, sex = plain["columns"]
    own = {key: value for key, value in score.items() if key not in ("hierarchy", "step")}
    bands = {"from": 0, "to": 80, "step": 20, "widths": [40]}
    columns = [own | {"bands": bands, "show": "mean"}, sex]
    return Project.model_validate({**plain, "columns": columns, "covariance": {"by": ["geslacht"]}} | changes)


def make_root(spark: SparkSession, folder: Path, **changes: Any) -> Root:
    folder.mkdir(exist_ok=True)
    (folder / "toetsen.csv").write_text("toetscode;versie;domein;moment;jaargroep;schaal;min;max;bijzonder\n")
    return Root(spark, folder, project(**changes))


def shown_means(root: Root, release: int) -> dict[tuple[str, str], Decimal | None]:
    """The mean of each class as a reader of the published table has it."""
    folder = root.zones.published_table("proef")
    if release < len(root.made):
        folder = root.home / f"read-{release}"
    rows = [row for file in folder.glob("*.parquet") for row in pq.read_table(file).to_pylist()]
    means = {(row["rekenen_M"], row["geslacht"]): row["rekenen_M_gemiddelde"] for row in rows}
    assert len({tuple(row.values()) for row in rows}) == len(means)
    return means


def true_means(pupils: set[int]) -> dict[tuple[str, str], Decimal]:
    scores = defaultdict(list)
    for n in pupils:
        low = int(score_of(n)) // 20 * 20
        scores[f"{low} tot {low + 20}", sex_of(n)].append(score_of(n))
    return {key: Decimal(round(Fraction(sum(own)) / len(own))) for key, own in scores.items()}


def test_every_class_shows_the_rounded_mean_of_its_exact_scores(spark: SparkSession, tmp_path: Path) -> None:
    root = make_root(spark, tmp_path)
    root.results(exact)
    way = root.release()
    assert root.made[0].findings == ()
    assert "MEANS" in root.made[0].checked
    assert shown_means(root, 1) == true_means({*range(PUPILS)})
    assert way.class_means is not None
    figures = way.class_means.figures
    counted = figures.columns["rekenen_M"]
    assert (counted.step, counted.classes_with_mean, counted.classes_without_mean) == ("1.00", 8, 0)
    assert [one.group for one in figures.covariances] == [{"geslacht": "1"}, {"geslacht": "2"}]
    for one in figures.covariances:
        own = [n for n in range(PUPILS) if sex_of(n) == one.group["geslacht"]]
        bands = np.array([int(score_of(n)) // 20 for n in own])
        scores = np.array([float(score_of(n)) for n in own])
        within = sum(((scores[bands == b] - scores[bands == b].mean()) ** 2).sum() for b in range(4))
        assert one.degrees_of_freedom == len(own) - 4
        assert one.rows[0][0] == pytest.approx(within / (len(own) - 4), abs=0.51)


def test_a_re_release_shows_the_same_mean_or_none_where_somebody_left(spark: SparkSession, tmp_path: Path) -> None:
    root = make_root(spark, tmp_path)
    root.results(exact)
    root.release()
    first = shown_means(root, 1)
    root.gone = {7}
    root.results(exact)
    way = root.release()
    assert root.made[1].findings == ()
    left = (f"{int(score_of(7)) // 20 * 20} tot {int(score_of(7)) // 20 * 20 + 20}", sex_of(7))
    assert shown_means(root, 2) == {**first, left: None}
    assert way.class_means is not None
    counted = way.class_means.figures.columns["rekenen_M"]
    assert (counted.classes_without_mean, counted.classes_changed) == (1, 1)
    # A third release: nobody left since, and the class that lost its mean shows none again.
    root.results(exact)
    root.release()
    assert root.made[2].findings == ()
    assert shown_means(root, 3) == {**first, left: None}


def test_a_corrected_score_inside_its_band_shows_no_second_mean(spark: SparkSession, tmp_path: Path) -> None:
    root = make_root(spark, tmp_path)
    root.results(exact)
    root.release()
    lower = {n for n in range(PUPILS) if int(score_of(n)) // 20 == 1 and sex_of(n) == "1"}
    root.results(lambda n: {"vaardigheidsscore": Decimal(20)} if n in lower else exact(n))
    root.release()
    assert root.made[1].findings == ()
    assert shown_means(root, 2) == {**shown_means(root, 1), ("20 tot 40", "1"): None}


def test_a_board_that_could_take_a_mean_apart_leaves_the_class_without(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody of other schools in one class has the lowest score of the label, and the mean is rounded down."""
    in_class = {n for n in range(PUPILS) if int(score_of(n)) // 20 == 1 and sex_of(n) == "1"}
    own = {n for n in in_class if n % 6 == 0}
    above = (Decimal("0.45") * len(in_class) / len(own)).quantize(Decimal("0.01"))

    def scores(n: int) -> Row:
        low = Decimal("20.00") + (above if n in own else 0)
        return {"vaardigheidsscore": low if n in in_class else score_of(n)}

    root = make_root(spark, tmp_path / "held")
    root.results(scores)
    root.release()
    assert root.made[0].findings == ()
    assert shown_means(root, 1)["20 tot 40", "1"] is None
    monkeypatch.setattr(ClassMeanRule, "required", lambda _, own: np.zeros_like(own.pupils))
    bare = make_root(spark, tmp_path / "bare")
    bare.results(scores)
    bare.release()
    assert shown_means(bare, 1)["20 tot 40", "1"] is not None
    (finding,) = bare.made[0].findings
    assert finding.code == "MEANS"
    assert "a school board could take means apart" in finding.sentence


def shifted(self: ClassMeanRule, scores: Any) -> Any:
    return scores.sums // np.maximum(scores.pupils, 1) // self.step * self.step + self.step * 2


@pytest.mark.parametrize(
    ("owner", "name", "instead", "wording"),
    [
        (ClassMeanRule, "round_means", shifted, "means are not those of their pupils"),
        (class_mean_stage, "pool_covariances", None, "covariances are not those of the scores"),
        (
            class_mean_stage,
            "find_comparable",
            lambda _, __, means, ___: means > 0,
            "compared with the published release",
        ),
    ],
    ids=["other means", "another matrix", "two means of a class"],
)
def test_what_the_release_must_not_show_is_found(
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    instead: Any,
    wording: str,
) -> None:
    def doubled(*arguments: Any) -> tuple[list[PooledCovariance], int]:
        pooled, left = pool_covariances(*arguments)
        return [PooledCovariance(one.group, one.degrees_of_freedom, one.matrix * 2) for one in pooled], left

    root = make_root(spark, tmp_path)
    root.results(exact)
    if name == "find_comparable":
        root.release()
        root.gone = {7}
        root.results(exact)
    monkeypatch.setattr(owner, name, instead or doubled)
    root.release()
    (finding,) = root.made[-1].findings
    assert finding.code == "MEANS"
    assert wording in finding.sentence


def test_two_releases_with_other_means_cannot_be_compared() -> None:
    trees: dict[str, Any] = {}
    for column in project().columns:
        trees[column.name] = drawn_hierarchy(column.name)

    def digest(declared: Project) -> str:
        return equivalence_class_snapshot.comparability_digest(declared, trees)

    plain = project()
    without = [plain.columns[0].model_copy(update={"show": None}), plain.columns[1]]
    other = [plain.columns[0].model_copy(update={"mean_step": Decimal(5)}), plain.columns[1]]
    same = [plain.columns[0].model_copy(update={"mean_step": STEP}), plain.columns[1]]
    assert digest(plain) == digest(plain.model_copy(update={"columns": same}))
    assert digest(plain) != digest(plain.model_copy(update={"columns": without, "covariance": None}))
    assert digest(plain) != digest(plain.model_copy(update={"columns": other}))
    assert digest(plain) != digest(plain.model_copy(update={"covariance": None}))


def drawn_hierarchy(name: str) -> Hierarchy:
    return Hierarchy(name, (("a", "onbekend"), ("*", "*")))


def test_a_class_that_new_pupils_enter_loses_its_mean(spark: SparkSession, tmp_path: Path) -> None:
    root = make_root(spark, tmp_path)
    root.results(exact)
    root.release()
    first = shown_means(root, 1)
    root.new = {*range(PUPILS, PUPILS + drawn_releases.MORE)}
    root.results(exact)
    root.release(wave=True)
    assert root.made[1].findings == ()
    assert shown_means(root, 2) == dict.fromkeys(first)
