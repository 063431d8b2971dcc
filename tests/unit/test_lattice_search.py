"""Global recoding: the level vector of least cost whose classes satisfy the constraints, or a refusal."""

from math import log2
from typing import Any

import numpy as np
import pytest

from cohort.foundation.errors import ConfigurationRefused, NotAnonymous
from cohort.sdc.global_recoding.lattice_search import search_global_recoding
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.class_constraints import ClassConstraint
from cohort.sdc.privacy_models.dominance import SchoolDominance
from cohort.sdc.privacy_models.k_anonymity import KAnonymity, KWithoutLargestSchool
from cohort.sdc.privacy_models.school_diversity import SchoolDiversity

NIVEAU = Hierarchy("niveau", (("I", "II", "III", "IV"), ("I-II", "I-II", "III-IV", "III-IV"), ("*",) * 4))
GESLACHT = Hierarchy("geslacht", (("j", "m"), ("*", "*")))
CODING = Coding((NIVEAU, GESLACHT))


def cohort(drawn: str) -> Histogram:
    """Pupils as drawn, a line per kind: how many, niveau, geslacht, home school, further school."""
    leaves: list[tuple[int, int]] = []
    schools: list[int] = []
    moved: list[tuple[int, int]] = []
    for line in drawn.strip().splitlines():
        number, niveau, geslacht, home, *further = line.split()
        for _ in range(int(number)):
            moved += [(len(leaves), ord(school)) for school in further]
            leaves.append((NIVEAU.leaves.index(niveau), GESLACHT.leaves.index(geslacht)))
            schools.append(ord(home))
    of_column = np.array(leaves, dtype=np.int64).reshape(-1, 2).T
    others = np.array(moved, dtype=np.int64).reshape(-1, 2)
    return Histogram.from_pupils(
        CODING.encode(of_column),
        np.array(schools, dtype=np.int32),
        others=(others[:, 0], others[:, 1].astype(np.int32)),
    )


def best(histogram: Histogram, *rules: ClassConstraint, limit: Any = 0, **rest: Any) -> Recoding:
    return search_global_recoding(
        histogram,
        RecodingRequest(CODING, rules, objective=rest.pop("objective", "mean"), suppression_limit=limit, **rest),
    )


def released(recoding: Recoding) -> list[tuple[Any, ...]]:
    table = recoding.class_table(["niveau", "geslacht"])
    columns = [table[name].to_pylist() for name in ("class_nr", "niveau", "geslacht", "pupils")]
    return list(zip(*columns, strict=True))


COHORT = cohort(
    """
    2 I   j A
    1 II  j B
    3 III j C
    3 III m D
    1 IV  m E
    """
)


def test_generalises_no_more_than_needed() -> None:
    recoding = best(COHORT, KAnonymity(3))

    assert recoding.level_vector == (1, 0)
    assert released(recoding) == [(0, "I-II", "j", 3), (1, "III-IV", "j", 3), (2, "III-IV", "m", 4)]
    assert (recoding.released_pupils, recoding.suppressed, recoding.classes) == (10, 0, 3)
    assert recoding.loss.mean == pytest.approx((1 / 3 + 0) / 2)
    assert recoding.loss.geometric == pytest.approx((4 / 3) ** 0.5 - 1)


def test_suppresses_where_that_costs_less_and_is_allowed() -> None:
    recoding = best(COHORT, KAnonymity(3), limit=0.4, weights=[3, 1], highest=(0, 1))

    assert recoding.level_vector == (0, 0)
    assert released(recoding) == [(0, "III", "j", 3), (1, "III", "m", 3)]
    assert recoding.suppressed == 4


def test_the_suppression_limit_is_exact() -> None:
    assert best(COHORT, KAnonymity(3), limit="0.4", highest=(0, 0)).suppressed == 4
    with pytest.raises(NotAnonymous):
        best(COHORT, KAnonymity(3), limit="0.399999", highest=(0, 0))


def test_a_column_of_higher_weight_loses_less() -> None:
    data = cohort("1 I j A\n1 I m A\n1 II j A\n1 II m A")

    assert best(data, KAnonymity(2)).level_vector == (1, 0)
    assert best(data, KAnonymity(2), weights=[9, 1]).level_vector == (0, 1)


class TestEachConstraint:
    #   class   pupils by home school     schools   largest
    #   I j     5 A 4 B 1 C               3         5 of 10
    #   IV m    4 A 2 B 1 C 1 D           4         4 of 8, with the mover 5 of 8
    DATA = cohort(
        """
        5 I  j A
        4 I  j B
        1 I  j C
        4 IV m A
        2 IV m B
        1 IV m C
        1 IV m D A
        """
    )

    @pytest.mark.parametrize(
        ("rule", "classes"),
        [
            (KAnonymity(8), ["I j", "IV m"]),
            (KAnonymity(9), ["I j"]),
            (SchoolDiversity(3), ["I j", "IV m"]),
            (SchoolDiversity(4), ["IV m"]),
            (SchoolDominance("1/2"), ["I j"]),
            (SchoolDominance("5/8"), ["I j", "IV m"]),
            (KWithoutLargestSchool(3), ["I j", "IV m"]),
            (KWithoutLargestSchool(4), ["I j"]),
        ],
        ids=str,
    )
    def test_releases_the_classes_that_satisfy_it(self, rule: ClassConstraint, classes: list[str]) -> None:
        recoding = best(self.DATA, rule, limit=1, highest=(0, 0))

        assert [f"{niveau} {geslacht}" for _, niveau, geslacht, _ in released(recoding)] == classes

    def test_school_diversity_counts_home_schools_only(self) -> None:
        with pytest.raises(NotAnonymous):
            best(cohort("2 I j A B\n1 I j A C"), SchoolDiversity(2))


def test_of_equal_losses_the_fewest_classes_win_then_the_lowest_levels() -> None:
    #        x  y              x  y  z
    #     a  1  1           a  1  1  .
    #     b  1  1           b  1  .  1
    #     c  1  1           c  .  1  1
    one = Hierarchy("een", (("a", "b", "c"), ("*",) * 3))
    two = Hierarchy("twee", (("x", "y", "z"), ("*",) * 3))
    coding = Coding((one, two))

    def levels(*missing: tuple[int, int]) -> tuple[int, ...] | None:
        cells = np.array([at for at in np.ndindex(3, 3) if at not in missing]).T
        pupils = Histogram.from_pupils(coding.encode(cells))
        return search_global_recoding(
            pupils, RecodingRequest(coding, [KAnonymity(2)], objective="mean", suppression_limit=0)
        ).level_vector

    assert levels((0, 2), (1, 2), (2, 2)) == (1, 0)  # x and y, not a, b and c
    assert levels((0, 2), (1, 1), (2, 0)) == (0, 1)  # three classes either way


def test_classes_are_numbered_in_the_order_of_their_labels() -> None:
    recoding = best(cohort("2 IV m A\n2 I m A\n2 II j B\n2 I j C"), KAnonymity(2))

    assert released(recoding) == [(0, "I", "j", 2), (1, "I", "m", 2), (2, "II", "j", 2), (3, "IV", "m", 2)]


def test_the_class_table_has_the_pupils_of_each_class() -> None:
    recoding = best(COHORT, KAnonymity(3), limit="0.1")
    table = recoding.class_table(["niveau", "geslacht"])

    assert [str(field.type) for field in table.schema] == ["int32", "string", "string", "int64"]
    pupils = np.bincount(recoding.class_of, COHORT.counts, minlength=recoding.classes)
    assert pupils.tolist() == table["pupils"].to_pylist()
    leaves = COHORT.leaves(CODING)
    for unit, number in enumerate(recoding.class_of.tolist()):
        at = recoding.level_vector or ()
        assert table["niveau"][number].as_py() == NIVEAU.labels[at[0]][leaves[0, unit]]
        assert table["geslacht"][number].as_py() == GESLACHT.labels[at[1]][leaves[1, unit]]


def test_the_class_table_refuses_a_column_name_of_its_own() -> None:
    with pytest.raises(ValueError, match="pupils occurs twice"):
        best(COHORT, KAnonymity(3)).class_table(["niveau", "pupils"])


def test_level_bounds_limit_the_search() -> None:
    assert best(COHORT, KAnonymity(3), lowest=(2, 0)).level_vector == (2, 0)
    assert best(COHORT, KAnonymity(3), lowest=(0, 1)).level_vector == (1, 1)


class TestNotAnonymous:
    def test_the_refusal_names_the_constraints_and_a_rounded_number_of_pupils(self) -> None:
        with pytest.raises(NotAnonymous) as refusal:
            best(COHORT, KAnonymity(4), SchoolDiversity(7), limit="0.05")

        assert "at least 4 pupils, at least 7 schools" in str(refusal.value)
        assert "at most 0.05 of the pupils" in str(refusal.value)
        assert "about 10 pupils" in str(refusal.value)

    @pytest.mark.parametrize("drawn", ["", "2 I j A"], ids=["nobody", "fewer than k"])
    def test_small_numbers_of_pupils_are_not_disclosed(self, drawn: str) -> None:
        with pytest.raises(NotAnonymous, match="at most 7 pupils"):
            best(cohort(drawn), KAnonymity(3), SchoolDiversity(2), limit=1)

    def test_suppressing_everybody_is_no_release(self) -> None:
        with pytest.raises(NotAnonymous):
            best(COHORT, SchoolDiversity(6), limit=1)


class TestConfigurationRefused:
    def test_constraints_on_schools_need_schools(self) -> None:
        plain = Histogram.from_pupils(COHORT.codes)

        assert best(plain, KAnonymity(1), SchoolDiversity(1)).suppressed == 0
        with pytest.raises(ConfigurationRefused, match="schools in the data"):
            best(plain, KAnonymity(1), SchoolDiversity(2))

    @pytest.mark.parametrize(
        "levels", [{"lowest": (0,)}, {"highest": (3, 0)}, {"lowest": (-1, 0)}, {"lowest": (1, 0), "highest": (0, 0)}]
    )
    def test_levels_outside_the_hierarchies(self, levels: dict[str, tuple[int, ...]]) -> None:
        with pytest.raises(ConfigurationRefused, match="levels"):
            best(COHORT, KAnonymity(3), **levels)

    @pytest.mark.parametrize("limit", [-0.1, 1.1, "most"])
    def test_a_suppression_limit_that_is_no_share(self, limit: float | str) -> None:
        with pytest.raises(ConfigurationRefused, match="part of the pupils that may be suppressed"):
            best(COHORT, KAnonymity(3), limit=limit)

    def test_an_unknown_objective(self) -> None:
        with pytest.raises(ConfigurationRefused):
            best(COHORT, KAnonymity(3), objective="beauty")


OBJECTIVES = ["geometric", "mean", "class-size", "discernibility", "entropy"]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_respects_level_bounds_and_weights(objective: str) -> None:
    recoding = best(COHORT, KAnonymity(3), limit="0.4", objective=objective, lowest=(0, 1), weights=[1, 2])
    assert recoding.level_vector is not None
    assert recoding.level_vector[1] == 1
    assert recoding.search_facts["proven"]


@pytest.mark.parametrize(
    ("objective", "limit", "levels", "value"),
    [
        #  I-II j 3, III-IV j 3, III-IV m 4
        ("class-size", 0, (1, 0), 10 / 3),
        ("discernibility", 0, (1, 0), 9 + 9 + 16),
        ("entropy", 0, (1, 0), 2 * log2(3 / 2) + log2(3) + 6 * log2(7 / 6) + log2(7)),
        #  III j 3, III m 3; suppressed are I j 2, II j 1 and IV m 1
        ("class-size", "0.4", (0, 0), 10 / 3),
        ("discernibility", "0.4", (0, 0), 9 + 9 + 4 * 10),
        ("entropy", "0.4", (0, 0), 2 * log2(4 / 2) + 2 * log2(4) + 3 * log2(4 / 3) + log2(4)),
    ],
)
def test_objectives_equal_the_formulas_of_the_literature(
    objective: str, limit: float, levels: tuple[int, int], value: float
) -> None:
    recoding = best(COHORT, KAnonymity(3), limit=limit, objective=objective, lowest=levels, highest=levels)

    assert recoding.search_facts["objective"] == pytest.approx(value)
    assert recoding.loss == best(COHORT, KAnonymity(3), limit=limit, lowest=levels, highest=levels).loss
