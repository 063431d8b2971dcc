"""The search for classes of the records of a plain file: all together, or by whether they have a sensitive value.

In go encoded records and settings; out come the recoding and the class of every record. What a search promises is
counted once more here, since what is written cannot be taken back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from cohort.sdc.cli.contributors import RecordContributors
from cohort.sdc.cli.encoded_records import EncodedRecords
from cohort.sdc.cli.sensitive_column import SensitiveCells
from cohort.sdc.cli.settings import RecodingSettings
from cohort.sdc.global_recoding import RecodingRequest, search_global_recoding
from cohort.sdc.local_recoding import search_local_recoding
from cohort.sdc.model import Coding, Histogram, Int32Array, IntArray, Recoding, WeightedLoss
from cohort.sdc.partitioned import classes_of_all_records, merge_population_recodings, search_populations_separately
from cohort.sdc.privacy_models import classes_satisfying_constraints, require_enough_values


@dataclass(frozen=True, eq=False)
class FileSearchResult:
    """The outcome of a search of a file.

    Args:
        recoding: the recoding.
        class_of_record: the class of every record, negative where it is suppressed.
        histogram: the histogram whose units the recoding is of.
    """

    recoding: Recoding
    class_of_record: Int32Array
    histogram: Histogram


def search_records(records: EncodedRecords, settings: RecodingSettings) -> FileSearchResult:
    """Search the records for classes; of a sensitive column the search uses only whether a record has a value.

    Raises:
        NotAnonymous: no recoding satisfies the settings, or too few records have a sensitive value (exit code 14).
    """
    request = _make_request(records.coding, settings)
    if records.sensitive is None:
        histogram = _build_histogram(records.codes, records.contributors, settings)
        recoding = _search_histogram(histogram, request, settings)
        return FileSearchResult(recoding, recoding.class_of[histogram.unit_of_pupil], histogram)
    with_value = int(records.sensitive.has_value.sum())
    require_enough_values(with_value, settings.min_pupils_with_value, str(settings.sensitive))
    recoding, class_of_record = _search_populations(records, records.sensitive, request, settings)
    histogram = _build_histogram(records.codes, records.contributors, settings, single=True)
    class_of_unit = np.empty(histogram.units, dtype=np.int32)
    class_of_unit[histogram.unit_of_pupil] = class_of_record
    return FileSearchResult(replace(recoding, class_of=class_of_unit), class_of_record, histogram)


def recode_subset(records: EncodedRecords, settings: RecodingSettings, members: IntArray) -> Recoding:
    """Search some of the records by themselves, as `search_records` searches all.

    Too few sensitive values are no reason to refuse, since nothing is released.

    Raises:
        NotAnonymous: no recoding satisfies the settings (exit code 14).
    """
    some, request = records.subset(members), _make_request(records.coding, settings)
    if some.sensitive is None:
        return _search_histogram(_build_histogram(some.codes, some.contributors, settings), request, settings)
    return _search_populations(some, some.sensitive, request, settings)[0]


def _make_request(coding: Coding, settings: RecodingSettings) -> RecodingRequest:
    lowest, highest = settings.level_bounds(coding)
    return RecodingRequest(
        coding,
        settings.constraints,
        objective=settings.objective,
        suppression_limit=settings.suppression_limit,
        weights=settings.weights,
        lowest=lowest,
        highest=highest,
    )


def _build_histogram(
    codes: IntArray, contributors: RecordContributors | None, settings: RecodingSettings, *, single: bool = False
) -> Histogram:
    """The histogram of records; each a unit of its own where a local recoding, or the caller, needs it."""
    single = single or settings.recoding == "local"
    if contributors is None:
        return Histogram.from_pupils(codes, single=single)
    return contributors.build_histogram(codes, single=single)


def _search_histogram(histogram: Histogram, request: RecodingRequest, settings: RecodingSettings) -> Recoding:
    """Search one population, and check what the search promises.

    Raises:
        ValueError: a class that does not satisfy every constraint, or more suppressed than allowed (a defect).
    """
    search = search_local_recoding if settings.recoding == "local" else search_global_recoding
    recoding = search(histogram, request)
    class_of = recoding.class_of.astype(np.int64)
    if not classes_satisfying_constraints(histogram, class_of, recoding.classes, settings.constraints).all():
        raise ValueError("a class of the recoding does not satisfy every constraint")
    if not recoding.released_pupils or recoding.suppressed > request.max_suppressed_share * histogram.pupils:
        raise ValueError("the recoding suppresses more than the limit allows")
    return recoding


def _search_populations(
    records: EncodedRecords, sensitive: SensitiveCells, request: RecodingRequest, settings: RecodingSettings
) -> tuple[Recoding, Int32Array]:
    """Search the records with a sensitive value and those without separately, and merge their recodings.

    Returns:
        The merged recoding, and the class of every record in it.
    """
    # A local search suppresses what it cannot place; the limit is applied to both populations together.
    limit = Fraction(1) if settings.recoding == "local" else settings.suppression_limit
    population_request = replace(request, suppression_limit=limit)

    def search_population(members: IntArray) -> tuple[Recoding, Int32Array]:
        contributors = None if records.contributors is None else records.contributors.subset(members)
        histogram = _build_histogram(np.atleast_2d(records.codes)[:, members], contributors, settings)
        recoding = _search_histogram(histogram, population_request, settings)
        return recoding, recoding.class_of[histogram.unit_of_pupil]

    populations = search_populations_separately(sensitive.has_value, search_population)
    loss = WeightedLoss.for_columns("mean", request.coding.columns, settings.weights)
    pupils = len(sensitive.places)
    recodings = {name: population.recoding for name, population in populations.items()}
    merged, numbers = merge_population_recodings(
        recodings, pupils, settings.suppression_limit, settings.constraints, loss
    )
    return merged, classes_of_all_records(populations, numbers, pupils)
