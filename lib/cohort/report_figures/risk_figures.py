"""The risk of a release, by intruder and by attack, as its report shows it.

In: the codes of the pupils with their classes, the counts of the verifier and the recoding. Out: the figures of the
attacks. The cohort is cut in two and each half is searched by itself, so this takes about as long as the search. The
seed is fixed: the same release gives the same figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from cohort.agreements import Project
from cohort.anonymisation import ClassSearchTask, read_column_weights, search_code_populations, search_code_table
from cohort.release_records import IntruderFigures
from cohort.release_report import (
    ColumnRates,
    ComparedRates,
    DowncodingFigures,
    InferenceFigures,
    IntruderRisk,
    SensitiveFigures,
)
from cohort.report_figures.measured_release import MeasuredRelease, ReleaseCodes
from cohort.sdc import (
    AttackedCohort,
    Histogram,
    InferenceRisk,
    IntArray,
    IntruderSearch,
    RateComparison,
    Recoding,
    ReleaseRisk,
    SensitiveSuppression,
    SensitiveValueCounts,
    count_schools_by_class,
    downcoding_attack,
    measure_intruder_chances,
    measure_release_risk,
    no_recoding_refusal,
    word_columns,
)

ONE_COLUMN = "one_column"
NO_ATTRIBUTES, ONLY_ATTRIBUTES, ASSUMED_ATTRIBUTES = "no_attributes", "only_attributes", "assumed_attributes"
SAMPLED, HALVES_SEARCHED_ANEW, NOT_MEASURED = "sampled", "halves_searched_anew", "inference_not_measured"
"""Notes of a report: codes of what limits its figures."""

MOST_HALVED_PUPILS = 500_000
"""The control halves are of at most so many pupils, drawn by their keyed hash: two more searches take their time."""

_KINDS = {
    "stranger": "stranger",
    "knows_1_other": "knows_1_other",
    "knows_2_others": "knows_2_others",
    "knows_3_others": "knows_3_others",
    "school": "school",
    "board": "board",
    "teacher": "school",  # a teacher's pupils lie within one school, so the school's figures hold for teachers too
}
"""Each kind of intruder, and the kind of whose figures its own are."""


@dataclass(frozen=True, eq=False)
class AttackedRelease:
    """What the attacks on a release found.

    Args:
        attacks: the attacks; None of a release of one column, in which nothing can be inferred from other columns.
        attributes: the columns that the intruder knows in the attack from attributes only.
        notes: codes of what limits the figures.
        pupils: of how many pupils the control halves are.
        chances: by kind of intruder the measured chances, by name; kinds that were not measured are absent.
    """

    attacks: ReleaseRisk
    attributes: tuple[str, ...]
    notes: tuple[str, ...]
    pupils: int
    chances: Mapping[str, Mapping[str, Any]]

    @property
    def has_inference(self) -> bool:
        """Whether there is anything that could be inferred: two columns or more."""
        return bool(self.attributes)


def attack_release(
    release: MeasuredRelease, codes: ReleaseCodes, most_halved: int = MOST_HALVED_PUPILS
) -> AttackedRelease:
    """Measure every attack on a release.

    Args:
        release: the release.
        codes: its pupils.
        most_halved: of how many pupils at most the control halves are; those with the lowest keyed hashes.
    """
    attributes, notes = choose_known_attributes(release.project)
    recoding = codes.recoding_of(codes.histogram)
    populations = None
    if codes.has_value is not None:
        populations = np.empty(codes.pupils, dtype=np.int64)
        populations[codes.histogram.unit_of_pupil] = codes.has_value
    downcoding = downcoding_attack(
        codes.histogram, recoding, weights=read_column_weights(release.project), population_of_unit=populations
    )
    attacks = ReleaseRisk(downcoding, None)
    halved = min(codes.pupils, most_halved)
    if attributes and halved > 1:
        attacks = measure_release_risk(downcoding, _attacked_cohort(release, codes, halved), attributes)
    if attributes and attacks.inference is None:
        notes.append(NOT_MEASURED)
    if codes.sampled or halved < codes.pupils:
        notes.append(SAMPLED)
    if release.nested:
        notes.append(HALVES_SEARCHED_ANEW)
    return AttackedRelease(attacks, attributes, tuple(notes), halved, _measure_chances(release, codes, recoding))


def choose_known_attributes(project: Project) -> tuple[tuple[str, ...], list[str]]:
    """Choose the columns that an intruder knows, with the notes that say how; none of a release of one column.

    Where the project names none, all attributes are known. Where that would be no column or all of them, the intruder
    knows the first column, or all but the last.
    """
    names = [column.name for column in project.quasi_identifiers]
    if len(names) == 1:
        return (), [ONE_COLUMN]
    known = project.known_attributes
    if not known:
        return (names[0],), [NO_ATTRIBUTES]
    if set(known) == set(names):
        return tuple(names[:-1]), [ONLY_ATTRIBUTES]
    return known, ([] if project.risk.known_attributes is not None else [ASSUMED_ATTRIBUTES])


def describe_intruders(
    attacked: AttackedRelease,
    smallest: Mapping[str, IntruderFigures],
    k: int,
    linked: IntruderSearch | None,
    *,
    nested: bool,
) -> tuple[IntruderRisk, ...]:
    """Describe what each kind of intruder faces.

    Args:
        attacked: the measured means.
        smallest: by kind of intruder the verifier's figures, from the smallest counts of the release.
        k: the fewest pupils of a class.
        linked: what was found of an intruder who links this release with the one before.
        nested: whether the release is nested in a published one: then nobody, or at least k pupils, left each class.
    """
    risks = []
    for kind, source in _KINDS.items():
        if source not in smallest:
            continue
        figures, chance = smallest[source], attacked.chances.get(source)
        risks.append(
            IntruderRisk.model_validate(
                {
                    "kind": kind,
                    "left_at_least": figures.left_at_least,
                    "chance_at_most": 1 / max(figures.left_at_least, 1),
                    "mean_chance": None if chance is None else chance["mean"],
                    "over_one_in_k": None if chance is None else chance["over"],
                }
            )
        )
    candidates = linked.smallest if linked is not None and linked.smallest is not None else k if nested else None
    if candidates is not None:
        chance_at_most = 1 / max(candidates, 1)
        risks.append(IntruderRisk(kind="two_releases", left_at_least=candidates, chance_at_most=chance_at_most))
    return tuple(risks)


def describe_inference(inference: InferenceRisk | None) -> InferenceFigures | None:
    """Describe the attacks against a control half."""
    if inference is None:
        return None
    return InferenceFigures(
        attributes=inference.attributes,
        attributes_only=_rates_by_column(inference.attributes_only),
        all_but_one_known=_rates_by_column(inference.all_but_one_known),
        singling_out=_compared(inference.singling_out),
        linkability=_compared(inference.linkability),
        link_candidates=inference.link_candidates,
    )


def describe_downcoding(attacks: ReleaseRisk) -> DowncodingFigures:
    """Describe the guesses of exact values behind generalised ones."""
    found = attacks.downcoding
    return DowncodingFigures(
        cells=found.cells,
        marginal=found.marginal,
        informed=found.informed,
        gain=found.gain,
        gain_low=found.gain_interval[0],
        gain_high=found.gain_interval[1],
        ceiling=found.ceiling,
        sure=found.sure,
        newly_sure=found.newly_sure,
        newly_sure_right=None if found.newly_sure_right is None else found.newly_sure_right.share,
    )


def describe_sensitive(column: str, values: SensitiveValueCounts, blanking: SensitiveSuppression) -> SensitiveFigures:
    """Describe the sensitive column; the distance is half the sum of the absolute differences of the shares."""
    counts = blanking.counts(values.pupils)
    shown = values.pupils_by_value[~blanking.classes]
    shown = shown[shown.sum(axis=1) > 0]
    distance = None
    if len(shown):
        of_all = shown.sum(axis=0) / shown.sum()
        distances = np.abs(shown / shown.sum(axis=1, keepdims=True) - of_all).sum(axis=1) / 2
        distance = float(np.median(distances))
    return SensitiveFigures(
        column=column,
        with_value=counts["known"],
        shown=counts["shown"],
        blanked=counts["blanked"],
        covers=counts["covers"],
        median_distance=distance,
    )


def _attacked_cohort(release: MeasuredRelease, codes: ReleaseCodes, number: int) -> AttackedCohort:
    """The first pupils by their keyed hashes, and the search of some of them as the release was searched."""
    task = _task_of_half(release.task)
    words = np.stack([codes.table[name].slice(0, number).to_numpy() for name in word_columns(release.coding)])

    def recode(pupils: IntArray) -> Recoding:
        table = codes.table.take(pupils)
        if codes.has_value is None:
            _, recoding = search_code_table(table, task, task.suppression_limit)
        else:
            _, recoding = search_code_populations(table, codes.has_value[pupils], task)
        if not recoding.classes:
            raise no_recoding_refusal(len(pupils), task.request(Fraction(1)).constraints, task.suppression_limit)
        return recoding

    return AttackedCohort(release.coding, words, recode)


def _task_of_half(task: ClassSearchTask) -> ClassSearchTask:
    """The task for half of the pupils: half as many need a value.

    A local search is not refused for the pupils that it suppresses: the limit on them plays no part in which classes it
    makes.
    """
    sensitive = task.sensitive_column
    if sensitive is not None:
        sensitive = replace(sensitive, min_pupils_with_value=sensitive.min_pupils_with_value // 2)
    project = task.project
    if task.local:
        recoding = project.recoding.model_copy(update={"suppression_limit": Decimal(1)})
        project = project.model_copy(update={"recoding": recoding})
    return replace(task, project=project, sensitive_column=sensitive)


def _measure_chances(release: MeasuredRelease, codes: ReleaseCodes, recoding: Recoding) -> dict[str, dict[str, Any]]:
    k = release.project.thresholds.k
    if codes.sampled:  # how many pupils of a class a school knows is not known from some of them
        return measure_intruder_chances(recoding.pupils, k)
    schools = codes.school_histogram
    return measure_intruder_chances(
        recoding.pupils,
        k,
        school=_largest_by_class(schools, codes.recoding_of(schools)),
        board=_largest_by_class(codes.histogram, recoding),
    )


def _largest_by_class(histogram: Histogram, recoding: Recoding) -> IntArray:
    """The pupils of each class whom the school that knows most of them knows."""
    class_of = recoding.class_of.astype(np.int64)
    numbered = np.where(class_of < 0, recoding.classes, class_of)
    return count_schools_by_class(histogram, numbered, recoding.classes)[1]


def _rates_by_column(rates: Mapping[str, RateComparison]) -> tuple[ColumnRates, ...]:
    return tuple(ColumnRates(column=name, rates=_compared(one)) for name, one in rates.items())


def _compared(rates: RateComparison) -> ComparedRates:
    low, high = rates.interval
    return ComparedRates(
        inside=rates.inside.share,
        outside=rates.outside.share,
        difference=rates.difference,
        low=low,
        high=high,
        attempts=min(rates.inside.attempts, rates.outside.attempts),
    )
