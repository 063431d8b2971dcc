"""pyCANON, written by others, measures the same k, l and t as our privacy models, on drawn tables and on a release.

pyCANON (Sáinz-Pardo Díaz and López García, 2022) takes the records themselves, groups them with pandas and returns the
largest k and l, and the smallest t, that a table satisfies. Our models take counts per class and a limit. So a limit at
pyCANON's figure must be satisfied by every class, and a stricter one must not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycanon import anonymity

from cohort.sdc.global_recoding.lattice_search import search_global_recoding
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.local_recoding.local_search import search_local_recoding
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.class_constraints import classes_satisfying_all, count_classes
from cohort.sdc.privacy_models.dominance import ValueDominance
from cohort.sdc.privacy_models.k_anonymity import KAnonymity
from cohort.sdc.privacy_models.l_diversity import DistinctLDiversity, EntropyLDiversity
from cohort.sdc.privacy_models.sensitive_constraints import SensitiveValueConstraint, SensitiveValueCounts
from cohort.sdc.privacy_models.sensitive_suppression import decide_sensitive_suppression
from cohort.sdc.privacy_models.t_closeness import EqualDistanceTCloseness, OrderedDistanceTCloseness

QUASI_IDENTIFIERS = ["geslacht", "leerjaar"]
SENSITIVE = "niveau"
SMALLEST_STEP = Fraction(1, 10**6)
"""Limits have at most six decimals."""

Row = tuple[str, str, int]
ROWS = st.lists(
    st.tuples(st.sampled_from("jmx"), st.sampled_from("567"), st.integers(1, 5)), min_size=2, max_size=40
).filter(lambda rows: len({value for *_, value in rows}) > 1)


@dataclass(frozen=True)
class PycanonFigures:
    """What pyCANON measures of a table: the smallest of all classes, and for t the largest."""

    k: int
    distinct_l: int
    entropy_l: int
    equal_t: float
    ordered_t: float

    @classmethod
    def of(cls, table: pd.DataFrame, columns: Sequence[str]) -> PycanonFigures:
        """Measure a table whose sensitive column has whole numbers; as texts they are compared as equally far apart."""
        as_text = table.assign(**{SENSITIVE: table[SENSITIVE].astype(str)})
        qi, sensitive = list(columns), [SENSITIVE]
        return cls(
            k=anonymity.k_anonymity(table, qi),
            distinct_l=anonymity.l_diversity(table, qi, sensitive),
            entropy_l=anonymity.entropy_l_diversity(table, qi, sensitive),
            equal_t=float(anonymity.t_closeness(as_text, qi, sensitive)),
            ordered_t=float(anonymity.t_closeness(table, qi, sensitive)),
        )


def count_values(class_of: np.ndarray, values: np.ndarray) -> SensitiveValueCounts:
    """Our counts of a table: pupils per class and sensitive value, among the values that occur."""
    distinct, value = np.unique(values, return_inverse=True)
    counts = np.zeros((int(class_of.max()) + 1, len(distinct)), dtype=np.int64)
    np.add.at(counts, (class_of, value), 1)
    return SensitiveValueCounts(counts, counts.sum(axis=0))


def satisfied_by_all(constraint: SensitiveValueConstraint, counts: SensitiveValueCounts) -> bool:
    return bool(constraint.satisfied_by(counts).all())


def assert_values_agree(counts: SensitiveValueCounts, figures: PycanonFigures) -> None:
    """Every class satisfies our models at pyCANON's l and t, and not all of them satisfy stricter ones."""
    assert satisfied_by_all(DistinctLDiversity(figures.distinct_l), counts)
    assert not satisfied_by_all(DistinctLDiversity(figures.distinct_l + 1), counts)
    # pyCANON rounds exp(entropy) down to a whole number, and an exact 2 now and then to 1.
    assert satisfied_by_all(EntropyLDiversity(figures.entropy_l), counts)
    assert not satisfied_by_all(EntropyLDiversity(figures.entropy_l + 1 + SMALLEST_STEP), counts)
    assert_distance_agrees(EqualDistanceTCloseness, figures.equal_t, counts)
    assert_distance_agrees(OrderedDistanceTCloseness, figures.ordered_t, counts)


def assert_distance_agrees(
    model: Callable[[Fraction], SensitiveValueConstraint], t: float, counts: SensitiveValueCounts
) -> None:
    above, below = (Fraction(ceil(t * 10**6) + 1, 10**6), Fraction(floor(t * 10**6) - 1, 10**6))
    assert satisfied_by_all(model(min(above, Fraction(1))), counts)
    assert below < 0 or not satisfied_by_all(model(below), counts)


def table_of(rows: list[Row]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[*QUASI_IDENTIFIERS, SENSITIVE])


@given(rows=ROWS)
def test_k_is_what_pycanon_measures(rows: list[Row]) -> None:
    table = table_of(rows)
    class_of = table.groupby(QUASI_IDENTIFIERS).ngroup().to_numpy()
    classes = int(class_of.max()) + 1
    k = anonymity.k_anonymity(table, QUASI_IDENTIFIERS)

    histogram = Histogram.from_pupils(class_of)
    counts = count_classes(histogram, histogram.codes[0], classes, [KAnonymity(k)])

    assert int(counts.pupils.min()) == k
    assert classes_satisfying_all([KAnonymity(k)], counts).all()
    assert not classes_satisfying_all([KAnonymity(k + 1)], counts).all()


@given(rows=ROWS)
def test_l_and_t_are_what_pycanon_measures(rows: list[Row]) -> None:
    table = table_of(rows)
    class_of = table.groupby(QUASI_IDENTIFIERS).ngroup().to_numpy()

    assert_values_agree(
        count_values(class_of, table[SENSITIVE].to_numpy()), PycanonFigures.of(table, QUASI_IDENTIFIERS)
    )


SEARCHES: dict[str, Callable[[Histogram, RecodingRequest], Recoding]] = {
    "global": search_global_recoding,
    "local": search_local_recoding,
}
YEARS = tuple(str(year) for year in range(2009, 2017))
CODING = Coding(
    (
        Hierarchy("geslacht", (("j", "m"), ("*", "*"))),
        Hierarchy("jaar", (YEARS, tuple(f"{int(y) // 2 * 2}-" for y in YEARS), ("*",) * len(YEARS))),
        Hierarchy("leerjaar", (tuple("45678"), ("4-5", "4-5", "6-8", "6-8", "6-8"), ("*",) * 5)),
    )
)


@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize("k", [3, 10])
def test_a_release_satisfies_by_pycanon_what_it_was_searched_for(kind: str, k: int) -> None:
    draw = np.random.default_rng(16)
    pupils = 400
    leaves = np.array([draw.integers(0, len(tree.leaves), pupils) for tree in CODING.hierarchies])
    niveau = 1 + (draw.integers(0, 4, pupils) + leaves[1] // 4) % 5
    histogram = Histogram.from_pupils(CODING.encode(leaves), single=True)
    request = RecodingRequest(CODING, [KAnonymity(k)], objective="mean", suppression_limit="0.1")

    recoding = SEARCHES[kind](histogram, request)

    class_of = recoding.class_of[histogram.unit_of_pupil]
    released, names = class_of >= 0, [tree.name for tree in CODING.hierarchies]
    table = pd.DataFrame(
        {name: labels[class_of[released]] for name, labels in zip(names, recoding.labels, strict=True)}
    )
    table[SENSITIVE] = niveau[released]
    assert anonymity.k_anonymity(table, names) == int(recoding.pupils.min()) >= k

    constraints = [ValueDominance("0.8"), DistinctLDiversity(2), EntropyLDiversity("1.5")]
    counts = count_values(class_of[released], table[SENSITIVE].to_numpy())
    suppression = decide_sensitive_suppression(counts, constraints, Fraction(4, 5), np.arange(recoding.classes))
    shows_value = ~suppression.classes[class_of[released]]
    shown = table[shows_value].reset_index(drop=True)
    assert anonymity.l_diversity(shown, names, [SENSITIVE]) >= 2
    renumbered = np.unique(class_of[released][shows_value], return_inverse=True)[1]
    assert_values_agree(count_values(renumbered, shown[SENSITIVE].to_numpy()), PycanonFigures.of(shown, names))
