"""The risk of a release by attack, and the limits that it must keep.

In go the results of the attacks; out come the limits that they break, each with a code and a sentence. Who makes a
release decides what follows from a broken limit; nothing here lets one pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any

from cohort.foundation import ConfigurationRefused, NotAnonymous, describe_problem
from cohort.sdc.risk.attacked_cohort import AttackedCohort
from cohort.sdc.risk.downcoding_risk import DowncodingRisk
from cohort.sdc.risk.inference_risk import InferenceRisk, inference_attack
from cohort.sdc.risk.rate_comparison import ATTACK_SEED, RateComparison

INFERENCE_NOT_MEASURED = "INFERENCE_NOT_MEASURED"
INFERENCE_ATTRIBUTES_ONLY = "INFERENCE_ATTRIBUTES_ONLY"
INFERENCE_ALL_BUT_ONE = "INFERENCE_ALL_BUT_ONE"
DOWNCODING_GAIN = "DOWNCODING_GAIN"
SURE_CELLS = "SURE_CELLS"
SURE_CELLS_RIGHT = "SURE_CELLS_RIGHT"

_LESS_INFERENCE = "Raise k or the finest level of the column (`lowest`), leave the column out, or recode globally"
_LESS_DOWNCODING = "Raise the finest level of the columns (`lowest`) or k, or recode globally; never coarsen classes"


@dataclass(frozen=True)
class RiskLimits:
    """What a release may add to the success of an attack, as shares; 1 allows everything.

    A limit on a difference holds for the upper end of its 95 % interval, so a cohort too small to measure breaks it.
    The limit on right guesses of sure cells holds for the lower end, since sure cells are few.

    Args:
        attributes_only: inference of a column from attributes only, inside less outside the release.
        all_but_one_known: inference of a column from all others, inside less outside the release.
        downcoding_gain: generalised values guessed right because the algorithm is known.
        sure_cells: generalised values of which only knowledge of the algorithm makes the intruder sure.
        sure_cells_right: the share of those that is right.

    Raises:
        ConfigurationRefused: a limit that is no number from 0 to 1; all at once.
    """

    attributes_only: float = 0.05
    all_but_one_known: float = 0.12
    downcoding_gain: float = 0.05
    sure_cells: float = 0.08
    sure_cells_right: float = 0.75

    def __post_init__(self) -> None:
        problems = [
            describe_problem(
                "a limit from 0 to 1, as a share",
                example="`0.05` for five percentage points",
                found="another value",
                where=f"the risk limit `{field.name}`",
                do="Correct the limit; a limit cannot be left out, and 1 allows everything",
            )
            for field in fields(self)
            if not _is_share(getattr(self, field.name))
        ]
        if problems:
            raise ConfigurationRefused(*problems)


@dataclass(frozen=True)
class BrokenLimit:
    """A limit that a release breaks.

    Args:
        code: which limit, for example `DOWNCODING_GAIN`.
        sentence: what was expected and found, and what to do.
        column: the column that breaks it, where it is one of a column.
        found: the figure that is over the limit; None where it could not be measured.
        limit: the limit; None where the figure could not be measured.
    """

    code: str
    sentence: str
    column: str | None
    found: float | None
    limit: float | None


@dataclass(frozen=True)
class ReleaseRisk:
    """The risk of a release by attack.

    Args:
        downcoding: guesses of exact values behind generalised ones.
        inference: the attacks against a control half; None where a half of the cohort has no recoding, so that they
            cannot be measured, which breaks a limit.
    """

    downcoding: DowncodingRisk
    inference: InferenceRisk | None

    def broken_limits(self, limits: RiskLimits) -> tuple[BrokenLimit, ...]:
        """The limits that the release breaks, in a fixed order; none where it keeps them all."""
        return (*self._broken_by_inference(limits), *self._broken_by_downcoding(limits))

    def as_dict(self, limits: RiskLimits) -> dict[str, Any]:
        """The figures, the limits and which of them are broken, for JSON."""
        return {
            "inference": None if self.inference is None else self.inference.as_dict(),
            "downcoding": self.downcoding.as_dict(),
            "limits": asdict(limits),
            "broken_limits": [asdict(broken) for broken in self.broken_limits(limits)],
        }

    def _broken_by_inference(self, limits: RiskLimits) -> Iterator[BrokenLimit]:
        if self.inference is None:
            yield _not_measured()
            return
        attributes_only = "inference from attributes only", INFERENCE_ATTRIBUTES_ONLY, limits.attributes_only
        all_but_one = "inference from all other columns", INFERENCE_ALL_BUT_ONE, limits.all_but_one_known
        yield from _broken_differences(self.inference.attributes_only, *attributes_only)
        yield from _broken_differences(self.inference.all_but_one_known, *all_but_one)

    def _broken_by_downcoding(self, limits: RiskLimits) -> Iterator[BrokenLimit]:
        downcoding = self.downcoding
        right = downcoding.newly_sure_right
        surely_right = 0.0 if right is None else right.interval[0]
        figures = [
            (DOWNCODING_GAIN, "a gain by knowing the algorithm", downcoding.gain_interval[1], limits.downcoding_gain),
            (SURE_CELLS, "a share of newly sure cells", downcoding.newly_sure, limits.sure_cells),
            (SURE_CELLS_RIGHT, "right guesses of them", surely_right, limits.sure_cells_right),
        ]
        for code, what, found, limit in figures:
            if found > limit:
                sentence = _describe_excess(what, (found, limit), "the downcoding attack", _LESS_DOWNCODING)
                yield BrokenLimit(code, sentence, None, found, limit)


def measure_release_risk(
    downcoding: DowncodingRisk, cohort: AttackedCohort, attributes: tuple[str, ...], *, seed: int = ATTACK_SEED
) -> ReleaseRisk:
    """Attack the halves of a cohort, and put the result beside that of downcoding.

    Args:
        downcoding: the result of the downcoding attack on the release itself.
        cohort: the cohort, and how some of its pupils are recoded.
        attributes: the columns that an intruder may know of many pupils.
        seed: draws halves, targets and guesses.

    Returns:
        The risk; without inference where a half has no recoding under its constraints.

    Raises:
        ConfigurationRefused: attributes that are no columns, none, or all of them.
    """
    try:
        return ReleaseRisk(downcoding, inference_attack(cohort, attributes, seed=seed))
    except NotAnonymous:
        return ReleaseRisk(downcoding, None)


def _broken_differences(
    rates_by_column: Mapping[str, RateComparison], what: str, code: str, limit: float
) -> Iterator[BrokenLimit]:
    for column, rates in rates_by_column.items():
        upper = rates.interval[1]
        if upper > limit:
            sentence = _describe_excess(what, (upper, limit), f"column {column}", _LESS_INFERENCE)
            yield BrokenLimit(code, sentence, column, upper, limit)


def _describe_excess(what: str, found_and_limit: tuple[float, float], where: str, do: str) -> str:
    found, limit = (f"{100 * share:.2f}" for share in found_and_limit)
    return describe_problem(f"{what} of at most {limit} per cent", example="1.00", found=found, where=where, do=do)


def _not_measured() -> BrokenLimit:
    sentence = describe_problem(
        "halves of the cohort that can be recoded by themselves, so that inference can be measured",
        example="a cohort of some thousand pupils",
        found="a half without a recoding",
        where="the attack against a control half",
        do="Select more pupils, allow more suppression, or ask less of a class",
    )
    return BrokenLimit(INFERENCE_NOT_MEASURED, sentence, None, None, None)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and 0 <= value <= 1
