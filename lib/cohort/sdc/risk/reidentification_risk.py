"""Risk of re-identification of a recoding, under the attacker models prosecutor, journalist and marketer.

In go the histogram that was searched and the recoding; out come exact figures for restricted records.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from cohort.foundation import ConfigurationRefused
from cohort.sdc.model import Histogram, IntArray, Recoding
from cohort.sdc.privacy_models import whole_number_problems
from cohort.sdc.risk.compatible_pupils import count_compatible_pupils

POPULATION_ASSUMPTION = (
    "the whole cohort that was looked at, suppressed pupils included: a class stands for every pupil of it "
    "whose exact values lie under the released ones"
)


@dataclass(frozen=True)
class AttackerRisk:
    """The risk of the records under one attacker model; all 0 where nothing is released.

    Args:
        highest: the risk of the record at highest risk.
        mean: the mean over the records.
        at_risk: the share of the records at a higher risk than the threshold.
    """

    highest: float
    mean: float
    at_risk: float


@dataclass(frozen=True)
class ReidentificationRisk:
    """The risk of re-identification of a release under the three attacker models of the literature.

    Source: El Emam (2013), Guide to the De-Identification of Personal Health Information; counted as ARX counts it
    (Prasser and Kohlmayer, 2015).

    A released class j has f_j records, and F_j pupils of the population are compatible with it; n records
    are released in J classes; the threshold is 1/k.

    - prosecutor: knows that the target is in the release. Per record 1/f_j; mean J/n.
    - journalist: wants to recognise anybody, and knows the population only. Per record 1/F_j; mean the larger
      of J/ΣF_j (starting from a pupil) and Σ(f_j/F_j)/n (starting from a record).
    - marketer: wants to recognise as many as possible; the expected share of successes, Σ(f_j/F_j)/n.

    F_j depends on the assumed population, which is part of the result (`population`). In a global recoding that
    suppresses whole classes F_j = f_j; in a local one pupils of other classes can be compatible too.
    """

    k: int
    prosecutor: AttackerRisk
    journalist: AttackerRisk
    marketer: float
    population_pupils: int
    population: str = POPULATION_ASSUMPTION

    @classmethod
    def from_recoding(cls, histogram: Histogram, recoding: Recoding, k: int) -> ReidentificationRisk:
        """Measure the risk.

        Args:
            histogram: the histogram that was searched.
            recoding: the result of the search.
            k: a risk over 1/k is too high.

        Raises:
            ConfigurationRefused: k is no whole number of at least 1.
        """
        if problems := risk_threshold_problems(k):
            raise ConfigurationRefused(*problems)
        records, population = recoding.pupils, count_compatible_pupils(histogram, recoding)
        released = max(recoding.released_pupils, 1)
        expectation = float((records / population).sum()) / released
        by_pupil = recoding.classes / max(int(population.sum()), 1)
        return cls(
            k=k,
            prosecutor=_attacker_risk(records, records, recoding.classes / released, k),
            journalist=_attacker_risk(population, records, max(by_pupil, expectation), k),
            marketer=expectation,
            population_pupils=histogram.pupils,
        )

    def as_dict(self) -> dict[str, Any]:
        """The figures by name, for JSON."""
        return asdict(self)


def risk_threshold_problems(k: int, minimum: int = 1) -> list[str]:
    """Check the threshold k of a measure of risk; no message where it is right."""
    name = "number of pupils to measure risk by (k)"
    return whole_number_problems(minimum, k, name, example="10", where="the threshold of risk")


def _attacker_risk(crowds: IntArray, records: IntArray, mean: float, k: int) -> AttackerRisk:
    """The risk where each of a class's records has a risk of 1/crowd, and the mean is known."""
    if not len(crowds):
        return AttackerRisk(0.0, 0.0, 0.0)
    in_small_crowds = int(records[crowds < k].sum())
    return AttackerRisk(1 / int(crowds.min()), mean, in_small_crowds / int(records.sum()))
