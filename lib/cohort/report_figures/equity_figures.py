"""Who is suppressed or generalised more than others: by attribute, and by the size of the school.

In: the codes of the pupils with their classes. Out: shares of rounded counts, which may be shown to everybody.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cohort.agreements import CountRounding
from cohort.release_report import SubgroupTreatment
from cohort.report_figures.measured_release import ReleaseCodes
from cohort.report_figures.score_moments import Grouping
from cohort.sdc import EquityReport, Subgroups

SCHOOL_SIZE = "school_size"


def measure_equity(
    codes: ReleaseCodes, groupings: Mapping[str, Grouping], shown: CountRounding
) -> tuple[SubgroupTreatment, ...]:
    """Measure how the pupils of each subgroup were treated.

    Args:
        codes: the pupils; of drawn ones no counts are given, since they are not those of the cohort.
        groupings: the attributes that pupils are divided by.
        shown: the platform's rules on shown counts.
    """
    histogram = codes.histogram
    recoding = codes.recoding_of(histogram)
    treatments = []
    for name, grouping in groupings.items():
        groups = grouping.hierarchy.groups(grouping.level)[codes.leaves[grouping.column]].astype(np.int64)
        subgroups = Subgroups(grouping.labels, np.arange(histogram.units), groups, histogram.counts)
        report = EquityReport.from_recoding(histogram, recoding, subgroups)
        treatments += _treatments(name, report, shown, sampled=codes.sampled)
    schools = codes.school_histogram
    by_size = EquityReport.from_recoding(schools, codes.recoding_of(schools), Subgroups.by_school_size(schools))
    treatments += _treatments(SCHOOL_SIZE, by_size, shown, sampled=codes.sampled)
    return tuple(treatments)


def round_share(shown: CountRounding, part: int, whole: int) -> int | None:
    """A share in whole per cents, of counts rounded as they are shown; None where either is too small."""
    above, below = shown.round_count(part), shown.round_count(whole)
    return None if above is None or not below else (200 * above + below) // (2 * below)


def _treatments(column: str, report: EquityReport, shown: CountRounding, *, sampled: bool) -> list[SubgroupTreatment]:
    treatments = []
    for row in report.subgroups:
        if not row.pupils:
            continue
        pupils = shown.round_count(row.pupils)
        treatments.append(
            SubgroupTreatment(
                column=column,
                value=row.name,
                pupils=None if sampled else pupils,
                suppressed_percent=round_share(shown, row.suppressed, row.pupils),
                mean_loss=None if pupils is None else round(row.mean_loss, 2),
            )
        )
    return treatments
