"""Global recoding of many columns: the search ends and reports whether its result is proven."""

from collections.abc import Sequence

import numpy as np
import pytest

from cohort.foundation.errors import NotAnonymous
from cohort.sdc.global_recoding.lattice_search import search_global_recoding
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.privacy_models.dominance import SchoolDominance
from cohort.sdc.privacy_models.k_anonymity import KAnonymity

NIVEAU = Hierarchy("niveau", (("I", "II", "III", "IV"), ("I-II", "I-II", "III-IV", "III-IV"), ("*",) * 4))
OBJECTIVES = ["geometric", "mean", "class-size", "discernibility", "entropy"]


def correlated_cohort(pupils: int, coding: Coding, columns: Sequence[int], seed: int = 4) -> Histogram:
    """Pupils whose values all go with one ability, more so in the columns named."""
    rng = np.random.default_rng(seed)
    ability = rng.normal(size=pupils)
    leaves = []
    for column, tree in enumerate(coding.hierarchies):
        seen = ability + rng.normal(size=pupils) * (0.2 if column in columns else 1)
        places = np.argsort(np.argsort(seen, kind="stable"), kind="stable")
        leaves.append(places * len(tree.leaves) // pupils)
    return Histogram.from_pupils(coding.encode(leaves))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_codes_of_several_words_are_searched(objective: str) -> None:
    rng = np.random.default_rng(4)
    trees = tuple(Hierarchy(f"k{c}", (tuple(map(str, range(40))), ("*",) * 40)) for c in range(12))
    coding = Coding(trees)
    leaves = [rng.integers(0, 3 if c < 3 else 40, 300) for c in range(12)]

    recoding = search_global_recoding(
        Histogram.from_pupils(coding.encode(leaves)),
        RecodingRequest(coding, [KAnonymity(4)], objective=objective, suppression_limit="0.1"),
    )

    assert coding.words == 2
    assert recoding.pupils.min() >= 4
    assert recoding.suppressed <= 30
    assert recoding.released_pupils + recoding.suppressed == 300


def test_with_a_spent_budget_the_recoding_is_valid_but_not_proven() -> None:
    rng = np.random.default_rng(4)
    coding = Coding((NIVEAU,) * 6)
    histogram = Histogram.from_pupils(coding.encode([rng.integers(0, 4, 400) for _ in range(6)]))
    ask = {"objective": "mean", "suppression_limit": "0.2"}

    some = search_global_recoding(histogram, RecodingRequest(coding, [KAnonymity(3)], **ask), max_nodes=8)
    whole = search_global_recoding(histogram, RecodingRequest(coding, [KAnonymity(3)], **ask))

    assert (some.search_facts["proven"], whole.search_facts["proven"]) == (False, True)
    assert some.loss.mean >= whole.loss.mean
    assert some.pupils.min() >= 3
    assert some.search_facts["bound"] <= whole.loss.mean + 1e-9


def test_a_lattice_too_large_to_enumerate_is_searched_without_a_proof() -> None:
    coding = Coding((NIVEAU,) * 24)
    histogram = correlated_cohort(500, coding, range(4))

    recoding = search_global_recoding(
        histogram, RecodingRequest(coding, [KAnonymity(5)], objective="mean", suppression_limit="0.2")
    )

    assert recoding.search_facts["nodes"] == 3**24
    assert not recoding.search_facts["proven"]
    assert recoding.pupils.min() >= 5
    assert recoding.loss.mean < 1
    assert recoding.search_facts["bound"] < recoding.loss.mean


@pytest.mark.parametrize(("objective", "columns"), [("geometric", 15), *((o, 12) for o in OBJECTIVES[1:])])
def test_of_millions_of_vectors_the_best_is_found(objective: str, columns: int) -> None:
    coding = Coding((NIVEAU,) * columns)
    histogram = correlated_cohort(40, coding, range(3))

    recoding = search_global_recoding(
        histogram, RecodingRequest(coding, [KAnonymity(3)], objective=objective, suppression_limit=0)
    )

    assert recoding.search_facts["nodes"] == 3**columns
    assert recoding.search_facts["proven"]
    assert recoding.search_facts["tried"] < 15_000
    assert recoding.suppressed == 0


def test_a_large_lattice_without_a_valid_node_is_refused() -> None:
    coding = Coding((NIVEAU,) * 24)
    plain = correlated_cohort(40, coding, range(24))
    #  One school has everybody but one: no class is without its dominance, whatever the levels.
    schools = np.zeros(40, dtype=np.int32)
    schools[0] = 1
    one = Histogram.from_pupils(plain.codes[:, plain.unit_of_pupil], schools)

    for limit in (0, 1):
        with pytest.raises(NotAnonymous, match="none for about 40 pupils"):
            search_global_recoding(
                one,
                RecodingRequest(
                    coding, [KAnonymity(3), SchoolDominance("1/2")], objective="mean", suppression_limit=limit
                ),
                max_nodes=3_000,
            )


def test_levels_that_are_too_fine_or_too_costly_are_excluded_beforehand() -> None:
    #  Every pupil has a number of its own: only its top will do, and one column is left to choose in.
    number = Hierarchy("nummer", (tuple(map(str, range(64))), tuple(str(n // 2) + "p" for n in range(64))))
    wide = tuple(Hierarchy(f"k{c}", (("a", "b"), ("*", "*"))) for c in range(20))
    coding = Coding((number, *wide))
    leaves = [np.arange(64), *[np.zeros(64, dtype=np.int64)] * 20]

    recoding = search_global_recoding(
        Histogram.from_pupils(coding.encode(leaves)),
        RecodingRequest(coding, [KAnonymity(2)], objective="mean", suppression_limit=0),
    )

    assert recoding.level_vector == (1,) + (0,) * 20
    assert recoding.search_facts["proven"]
    assert recoding.search_facts["tried"] < 1_000
