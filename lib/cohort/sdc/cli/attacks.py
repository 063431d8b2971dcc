"""Attacks on the release of a plain file: against a control half, and downcoding.

In go the records, the outcome of the search and the settings; out comes the risk, with the limits that it breaks. The
cohort is cut in two and each half is searched by itself, so this takes about as long as the search of the file.
"""

from __future__ import annotations

import numpy as np

from cohort.sdc.cli.encoded_records import EncodedRecords
from cohort.sdc.cli.file_search import FileSearchResult, recode_subset
from cohort.sdc.cli.settings import RecodingSettings
from cohort.sdc.model import IntArray, Recoding
from cohort.sdc.risk import AttackedCohort, ReleaseRisk, downcoding_attack, measure_release_risk


def attack_release(records: EncodedRecords, result: FileSearchResult, settings: RecodingSettings) -> ReleaseRisk:
    """Measure the attacks on a release; neither the order of the records nor chance changes the figures."""
    downcoding = downcoding_attack(
        result.histogram,
        result.recoding,
        weights=settings.weights,
        population_of_unit=_population_of_unit(records, result),
    )
    order = records.sorted_positions()

    def recode(positions: IntArray) -> Recoding:
        return recode_subset(records, settings, order[positions])

    cohort = AttackedCohort(records.coding, np.atleast_2d(records.codes)[:, order], recode)
    return measure_release_risk(downcoding, cohort, settings.risk_attributes)


def _population_of_unit(records: EncodedRecords, result: FileSearchResult) -> IntArray | None:
    """Whether each unit has a sensitive value, which a reader sees; None where no column is sensitive."""
    if records.sensitive is None:
        return None
    population = np.zeros(result.histogram.units, dtype=np.int64)
    population[result.histogram.unit_of_pupil] = records.sensitive.has_value
    return population
