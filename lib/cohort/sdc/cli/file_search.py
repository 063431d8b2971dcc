"""The records of a plain file searched for classes: together, or apart by who shows a sensitive value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from cohort.sdc.cli.settings import Settings
from cohort.sdc.cli.tabulation import KnownBy, Sensitive
from cohort.sdc.global_recoding import lattice_search
from cohort.sdc.local_recoding import local_search
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.histogram import Codes, Histogram
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.partitioned import populations
from cohort.sdc.privacy_models.class_counts import satisfied
from cohort.sdc.privacy_models.sensitive_suppression import require_enough
from cohort.sdc.utility.loss import Objective


@dataclass(frozen=True, eq=False)
class Searched:
    """The recoding, the class of every record (negative where it is suppressed), the histogram it is of."""

    recoding: Recoding
    class_of: populations.Classes
    histogram: Histogram


def search(
    wanted: Settings, codes: Codes, coding: Coding, known_by: KnownBy | None, sensitive: Sensitive | None
) -> Searched:
    """Search the records for classes.

    Takes: what the analyst asks; a code per record; who knows the records: schools, or boards; the sensitive
    column, of which the search sees only whether a record has a value.
    Refuses: records for which there is no recoding, a sensitive column that too few have a value of (14).
    """
    if sensitive is None:
        histogram = _counted(codes, known_by, single=wanted.single)
        recoding = _one_search(wanted, histogram, coding, wanted.limit)
        return Searched(recoding, recoding.class_of[histogram.unit_of], histogram)
    require_enough(int(sensitive.has_value.sum()), wanted.least_known, str(wanted.sensitive))
    recoding, class_of = _apart(wanted, codes, coding, known_by, sensitive)
    histogram = _counted(codes, known_by, single=True)
    by_unit = np.empty(histogram.units, dtype=np.int32)
    by_unit[histogram.unit_of] = class_of
    return Searched(replace(recoding, class_of=by_unit), class_of, histogram)


def _counted(codes: Codes, known_by: KnownBy | None, *, single: bool) -> Histogram:
    if known_by is None:
        return Histogram.of_pupils(codes, single=single)
    return known_by.histogram(codes, single=single)


def _one_search(wanted: Settings, histogram: Histogram, coding: Coding, limit: Fraction) -> Recoding:
    low, high = wanted.levels(coding)
    searched = (local_search.search if wanted.recoding == "local" else lattice_search.search)(
        histogram,
        coding,
        wanted.constraints,
        objective=wanted.objective,
        suppression_limit=limit,
        weights=wanted.weights,
        minimum=low,
        maximum=high,
    )
    classes = searched.class_of.astype(np.int64)
    # Searches promise it; what is written is looked at once more.
    if not satisfied(histogram, classes, searched.classes, wanted.constraints).all():
        raise ValueError("a class of the recoding does not satisfy every constraint")
    if not searched.released or searched.suppressed > limit * histogram.pupils:
        raise ValueError("the recoding suppresses more than the limit allows")
    return searched


def _apart(
    wanted: Settings, codes: Codes, coding: Coding, known_by: KnownBy | None, sensitive: Sensitive
) -> tuple[Recoding, populations.Classes]:
    """The records with a value and those without, each searched by itself."""
    # A local search leaves over what it cannot place; both together are held to the limit.
    limit = Fraction(1) if wanted.recoding == "local" else wanted.limit

    def of_population(places: populations.Places) -> tuple[Recoding, populations.Classes]:
        known = None if known_by is None else known_by.among(places)
        histogram = _counted(np.atleast_2d(codes)[:, places], known, single=wanted.single)
        recoding = _one_search(wanted, histogram, coding, limit)
        return recoding, recoding.class_of[histogram.unit_of]

    records = len(sensitive.places)
    recodings, members = populations.search_apart(sensitive.has_value, of_population)
    goal = Objective.of("mean", coding.columns, wanted.weights)
    joined, numbers = populations.join(recodings, records, wanted.limit, wanted.constraints, goal)
    return joined, populations.classes_of(members, numbers, records)
