"""Pupils with a sensitive value and pupils without one: two populations, searched separately and merged.

Everybody can see whether a pupil's value is shown, so it separates classes like any released column; it is never
generalised and costs no loss. So each population satisfies k, m, shares and k_others by itself, and no pupil of the one
joins a class of the other. The values themselves are in no search.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np

from cohort.foundation import NotAnonymous
from cohort.sdc.model import SUPPRESSED_CLASS, BoolArray, Int32Array, IntArray, Recoding, WeightedLoss
from cohort.sdc.privacy_models import ClassConstraint, no_recoding_refusal

WITH_VALUE, WITHOUT_VALUE = "with_value", "without_value"
"""The names of the two populations in the facts of a search."""


@dataclass(frozen=True, eq=False)
class PopulationSearch:
    """The outcome for one population.

    Args:
        recoding: its recoding.
        members: the records of the population.
        class_of_member: the class of each of them in the recoding, negative where it is suppressed.
    """

    recoding: Recoding
    members: IntArray
    class_of_member: Int32Array


def search_populations_separately(
    has_value: BoolArray, search: Callable[[IntArray], tuple[Recoding, Int32Array]]
) -> dict[str, PopulationSearch]:
    """Search the pupils with a value and those without, each population by itself.

    Args:
        has_value: per pupil whether a value is shown.
        search: a search of some of the pupils, which returns a recoding and the class of each of them.

    Returns:
        The outcome by name of the population; a population without members or without a recoding is left out.
    """
    populations = dict[str, PopulationSearch]()
    for name, flags in ((WITH_VALUE, has_value), (WITHOUT_VALUE, ~has_value)):
        members = np.flatnonzero(flags)
        if not len(members):
            continue
        try:
            recoding, class_of_member = search(members)
        except NotAnonymous:
            continue
        populations[name] = PopulationSearch(recoding, members, class_of_member)
    return populations


def merge_population_recodings(
    recodings: Mapping[str, Recoding],
    pupils: int,
    suppression_limit: Fraction,
    constraints: Sequence[ClassConstraint],
    loss: WeightedLoss,
) -> tuple[Recoding, dict[str, Int32Array]]:
    """Merge the recodings of the populations, if any, into one.

    Args:
        recodings: the recoding by name of the population.
        pupils: how many pupils both populations have.
        suppression_limit: the share of them that may be suppressed.
        constraints: the constraints, for the refusal.
        loss: the loss of the merged recoding.

    Returns:
        The recoding, and by population the number that each of its classes has there.

    Raises:
        NotAnonymous: more pupils suppressed than the limit allows, or no class at all (exit code 14).
    """
    released = sum(recoding.released_pupils for recoding in recodings.values())
    if not released or pupils - released > floor(suppression_limit * pupils):
        raise no_recoding_refusal(pupils, constraints, suppression_limit)
    merged, numbers = Recoding.merge(list(recodings.values()), pupils - released, loss, _search_facts(recodings))
    return merged, dict(zip(recodings, numbers, strict=True))


def classes_of_all_records(
    populations: Mapping[str, PopulationSearch], numbers: Mapping[str, Int32Array], records: int
) -> Int32Array:
    """The class of every record in the merged recoding; SUPPRESSED_CLASS for a suppressed one.

    Args:
        populations: the outcome of each population.
        numbers: by population the number that each of its classes has in the merged recoding.
        records: how many records there are.
    """
    class_of = np.full(records, SUPPRESSED_CLASS, dtype=np.int32)
    for name, population in populations.items():
        number = np.append(numbers[name], SUPPRESSED_CLASS)  # −1 looks up the last entry
        class_of[population.members] = number[population.class_of_member]
    return class_of


def _search_facts(recodings: Mapping[str, Recoding]) -> dict[str, Any]:
    """The facts of the searches: their kind, whether both are proven, the levels of each where it has one per column.

    Everybody may read them in the public record, so nothing in them depends on how many pupils have a value.
    """
    first = next(iter(recodings.values()))
    levels = {name: recoding.level_vector for name, recoding in recodings.items()}
    return {
        "kind": first.search_facts["kind"],
        "proven": all(recoding.search_facts.get("proven", False) for recoding in recodings.values()),
        "populations": {
            name: {"levels": list(vector)} if vector is not None else {} for name, vector in levels.items()
        },
    }
