"""Pupils who show a sensitive value and pupils who show none: two populations, searched apart.

Whether a pupil's value is shown is seen by everybody, so it divides classes like any released column; it is
never generalised and costs no loss. So each population keeps k, m, shares and k_others by itself, and nobody
of the one joins a class of the other. The values themselves are in no search.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import numpy.typing as npt

from cohort.foundation.errors import NotAnonymous
from cohort.sdc.model.information_loss import WeightedLoss
from cohort.sdc.model.recoding import SUPPRESSED_CLASS, Recoding
from cohort.sdc.privacy_models.class_constraints import ClassConstraint
from cohort.sdc.privacy_models.feasibility import no_recoding_refusal

RecordIndices = npt.NDArray[np.int64]
RecordClasses = npt.NDArray[np.int32]
WITH_VALUE, WITHOUT_VALUE = "with_value", "without_value"
"""What the two populations are called in the facts of a search."""


def search_populations_apart(
    has_value: npt.NDArray[np.bool_], search: Callable[[RecordIndices], tuple[Recoding, RecordClasses]]
) -> tuple[dict[str, Recoding], dict[str, tuple[RecordIndices, RecordClasses]]]:
    """Search the pupils with a value and those without, each by itself.

    Takes: per pupil whether a value is shown; a search of the pupils at some places, which gives a recoding
    and the class of each of them.
    Gives: by the name of the population its recoding, and its pupils with their classes; a population for
    which there is no recoding is not there.
    """
    recodings, members = dict[str, Recoding](), dict[str, tuple[RecordIndices, RecordClasses]]()
    for name, flags in ((WITH_VALUE, has_value), (WITHOUT_VALUE, ~has_value)):
        places = np.flatnonzero(flags)
        if not len(places):
            continue
        try:
            recodings[name], classes = search(places)
        except NotAnonymous:
            continue
        members[name] = (places, classes)
    return recodings, members


def join_population_recodings(
    recodings: dict[str, Recoding],
    pupils: int,
    limit: Fraction,
    constraints: Sequence[ClassConstraint],
    goal: WeightedLoss,
) -> tuple[Recoding, dict[str, RecordClasses]]:
    """The recodings of the populations, if any, as one recoding, and the number that each class has there.

    Refuses: more pupils suppressed than the limit allows, or no class at all (exit code 14).
    """
    released = sum(one.released_pupils for one in recodings.values())
    if not released or pupils - released > floor(limit * pupils):
        raise no_recoding_refusal(pupils, constraints, limit)
    found, numbers = Recoding.merge(
        list(recodings.values()), pupils - released, goal, describe_population_searches(recodings)
    )
    return found, dict(zip(recodings, numbers, strict=True))


def describe_population_searches(recodings: dict[str, Recoding]) -> dict[str, Any]:
    """What is told of the searches: their kind, whether both are proven, the levels of each where it has one
    level per column. Everybody may read it, so nothing in it depends on how many pupils have a value.
    """
    first = next(iter(recodings.values()))
    levels = {name: one.level_vector for name, one in recodings.items()}
    return {
        "kind": first.search_facts["kind"],
        "proven": all(one.search_facts.get("proven", False) for one in recodings.values()),
        "populations": {
            name: {"levels": list(vector)} if vector is not None else {} for name, vector in levels.items()
        },
    }


def assign_population_classes(
    members: dict[str, tuple[RecordIndices, RecordClasses]], numbers: dict[str, RecordClasses], pupils: int
) -> RecordClasses:
    """The class of every pupil in the recoding of all; −1 for who is suppressed."""
    class_of = np.full(pupils, SUPPRESSED_CLASS, dtype=np.int32)
    for name, (places, classes) in members.items():
        number = np.append(numbers[name], SUPPRESSED_CLASS)  # −1 looks up the last entry
        class_of[places] = number[classes]
    return class_of
