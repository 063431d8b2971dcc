"""The records of a plain file searched for classes: together, or apart by who shows a sensitive value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from cohort.sdc.cli.settings import RecodingSettings
from cohort.sdc.cli.tabulation import RecordContributors, SensitiveColumn
from cohort.sdc.global_recoding import lattice_search
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.local_recoding import local_search
from cohort.sdc.model.arrays import IntArray
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.information_loss import WeightedLoss
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.partitioned import populations
from cohort.sdc.privacy_models.class_constraints import classes_satisfying_constraints
from cohort.sdc.privacy_models.sensitive_suppression import require_enough_values


@dataclass(frozen=True, eq=False)
class FileSearchResult:
    """The recoding, the class of every record (negative where it is suppressed), the histogram it is of."""

    recoding: Recoding
    class_of: populations.RecordClasses
    histogram: Histogram


def search_plain_file(
    wanted: RecodingSettings,
    codes: IntArray,
    coding: Coding,
    known_by: RecordContributors | None,
    sensitive: SensitiveColumn | None,
) -> FileSearchResult:
    """Search the records for classes.

    Takes: what the analyst asks; a code per record; who knows the records: schools, or boards; the sensitive
    column, of which the search sees only whether a record has a value.
    Refuses: records for which there is no recoding, a sensitive column that too few have a value of (14).
    """
    if sensitive is None:
        histogram = _build_histogram(codes, known_by, single=wanted.single)
        recoding = _search_histogram(wanted, histogram, coding, wanted.limit)
        return FileSearchResult(recoding, recoding.class_of[histogram.unit_of_pupil], histogram)
    require_enough_values(int(sensitive.has_value.sum()), wanted.least_known, str(wanted.sensitive))
    recoding, class_of = _search_apart(wanted, codes, coding, known_by, sensitive)
    histogram = _build_histogram(codes, known_by, single=True)
    by_unit = np.empty(histogram.units, dtype=np.int32)
    by_unit[histogram.unit_of_pupil] = class_of
    return FileSearchResult(replace(recoding, class_of=by_unit), class_of, histogram)


def _build_histogram(codes: IntArray, known_by: RecordContributors | None, *, single: bool) -> Histogram:
    if known_by is None:
        return Histogram.from_pupils(codes, single=single)
    return known_by.histogram(codes, single=single)


def _search_histogram(wanted: RecodingSettings, histogram: Histogram, coding: Coding, limit: Fraction) -> Recoding:
    low, high = wanted.levels(coding)
    searched = (
        local_search.search_local_recoding if wanted.recoding == "local" else lattice_search.search_global_recoding
    )(
        histogram,
        RecodingRequest(
            coding,
            wanted.constraints,
            objective=wanted.objective,
            suppression_limit=limit,
            weights=wanted.weights,
            lowest=low,
            highest=high,
        ),
    )
    classes = searched.class_of.astype(np.int64)
    # Searches promise it; what is written is looked at once more.
    if not classes_satisfying_constraints(histogram, classes, searched.classes, wanted.constraints).all():
        raise ValueError("a class of the recoding does not satisfy every constraint")
    if not searched.released_pupils or searched.suppressed > limit * histogram.pupils:
        raise ValueError("the recoding suppresses more than the limit allows")
    return searched


def _search_apart(
    wanted: RecodingSettings,
    codes: IntArray,
    coding: Coding,
    known_by: RecordContributors | None,
    sensitive: SensitiveColumn,
) -> tuple[Recoding, populations.RecordClasses]:
    """The records with a value and those without, each searched by itself."""
    # A local search leaves over what it cannot place; both together are held to the limit.
    limit = Fraction(1) if wanted.recoding == "local" else wanted.limit

    def of_population(places: populations.RecordIndices) -> tuple[Recoding, populations.RecordClasses]:
        known = None if known_by is None else known_by.among(places)
        histogram = _build_histogram(np.atleast_2d(codes)[:, places], known, single=wanted.single)
        recoding = _search_histogram(wanted, histogram, coding, limit)
        return recoding, recoding.class_of[histogram.unit_of_pupil]

    records = len(sensitive.places)
    recodings, members = populations.search_populations_apart(sensitive.has_value, of_population)
    goal = WeightedLoss.for_columns("mean", coding.columns, wanted.weights)
    joined, numbers = populations.join_population_recodings(recodings, records, wanted.limit, wanted.constraints, goal)
    return joined, populations.assign_population_classes(members, numbers, records)
