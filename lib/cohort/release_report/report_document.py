"""The report of one release as a document: the page is made from it, and nothing else is.

It has two forms. The exact one is restricted. The rounded one is open to everybody: its counts are rounded or hidden as
published counts are, and a figure that would give away an exact count is absent. A field that is None was not measured,
does not apply, or is hidden; the section's notes say which.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict

from cohort.storage import DocumentPart

ReportForm = Literal["exact", "rounded"]
IntruderKind = Literal[
    "stranger", "knows_1_other", "knows_2_others", "knows_3_others", "school", "board", "teacher", "two_releases"
]
Estimator = Literal["middles", "means", "means_and_covariance"]
"""How a researcher computes from released rows: with the middles of bands, with the means of classes, or with means and
the pooled covariance matrix within classes.
"""


class CohortCounts(DocumentPart):
    """Pupils of the release, each counted once."""

    records: int | None
    """All pupils with a selected result: the sum of the counts of pupils below."""
    released: int | None
    suppressed: int | None
    objected: int | None
    without_instruction: int | None
    set_aside: int | None
    withdrawn: int | None
    schools: int | None


class DetailLevel(DocumentPart):
    """A level of a hierarchy, with a label that it has and the share of released pupils shown at it."""

    level: int
    example: str
    share: float


class ColumnDetail(DocumentPart):
    """What is left of the detail of a column: its information loss from 0 to 1, and the levels that are shown."""

    column: str
    label_nl: str
    label_en: str
    loss: float
    levels: tuple[DetailLevel, ...]


class MeasuredClassSizes(DocumentPart):
    """The equivalence classes whose size is in a range; `largest` is None where the range has no upper end."""

    smallest: int
    largest: int | None
    classes: int | None
    pupils: int | None


class IntruderRisk(DocumentPart):
    """What one kind of intruder faces: candidates left at least, and the chance at most to pick the right one."""

    kind: IntruderKind
    left_at_least: int
    chance_at_most: float
    mean_chance: float | None = None
    """The mean of the chance over released pupils."""
    over_one_in_k: float | None = None
    """The share of released pupils whose chance is above 1 in k."""


class ComparedRates(DocumentPart):
    """Success of an attack on pupils of the release and on a control half, and what the release adds, as shares."""

    inside: float
    outside: float
    difference: float
    low: float
    high: float
    """Both ends of the 95 % interval of the difference."""
    attempts: int


class ColumnRates(DocumentPart):
    """An attack on one column."""

    column: str
    rates: ComparedRates


class InferenceFigures(DocumentPart):
    """Attacks against a control half."""

    attributes: tuple[str, ...]
    """The columns that the intruder knows in the attack from attributes only."""
    attributes_only: tuple[ColumnRates, ...]
    all_but_one_known: tuple[ColumnRates, ...]
    singling_out: ComparedRates
    linkability: ComparedRates
    link_candidates: int


class DowncodingFigures(DocumentPart):
    """How often the exact value behind a generalised one is guessed right, as shares of cells."""

    cells: int
    marginal: float
    informed: float
    gain: float
    gain_low: float
    gain_high: float
    ceiling: float
    sure: float
    newly_sure: float
    newly_sure_right: float | None


class SensitiveFigures(DocumentPart):
    """The sensitive column: pupils with a value, with it shown, hidden, and hidden as a cover for others."""

    column: str
    with_value: int | None
    shown: int | None
    blanked: int | None
    covers: int | None
    median_distance: float | None
    """The median, over the shown classes, of the distance to the distribution among all shown (t of t-closeness)."""


class LimitException(DocumentPart):
    """An exception to a limit that the project file declares."""

    figure_at_most: float
    reason: str
    signed_by: str | None
    """None in the rounded form."""
    date: str


class HeldLimit(DocumentPart):
    """A limit of `platform.toml` beside the figure that it holds; figures and limits are shares."""

    code: str
    column: str | None
    figure: float | None
    """None where it could not be measured, which breaks the limit."""
    limit: float
    kept: bool
    """Whether the figure keeps to the limit itself, whatever exception there is."""
    point_estimate: bool = False
    """Whether the limit held the estimate, and not the end of its interval, because few pupils were attacked."""
    exception: LimitException | None = None
    """The exception under which the release goes on although the limit is broken."""


class RiskSection(DocumentPart):
    """Which risk is left, by intruder and by attack."""

    intruders: tuple[IntruderRisk, ...]
    inference: InferenceFigures | None
    downcoding: DowncodingFigures | None
    sensitive: SensitiveFigures | None
    fewer_than_k: int
    """A self-check of the release: classes with fewer than k pupils. Another number than 0 is a defect."""
    limits: tuple[HeldLimit, ...]
    attacked_pupils: int | None
    """Of how many pupils the attacks were measured; fewer than released where the cohort was sampled."""


class Estimate(DocumentPart):
    """A figure computed from the released rows in one way, with its error in standard errors of the exact figure."""

    estimator: Estimator
    value: float
    error_in_standard_errors: float | None


class DistributionBar(DocumentPart):
    """The share of the pupils with a score in a band, exact and as the released labels say (spread evenly)."""

    lower: float
    upper: float
    before: float | None
    after: float


class ScoreUtility(DocumentPart):
    """What a column of scores, or of growth, is still good for."""

    column: str
    growth: bool
    """Whether it is a difference of two scores."""
    pupils: int | None
    """Pupils with a score before anything was suppressed."""
    mean: float
    standard_deviation: float
    mean_after: tuple[Estimate, ...]
    standard_deviation_after: tuple[Estimate, ...]
    intraclass_correlation: float | None
    """The share of the variance that lies between schools (one-way analysis of variance)."""
    design_factor: float | None
    """By what a standard error that ignores schools must be multiplied: √(1 + (n₀ − 1)·ρ)."""
    distribution: tuple[DistributionBar, ...]


class ScorePairUtility(DocumentPart):
    """The correlation of two columns of scores."""

    columns: tuple[str, str]
    correlation: float
    after: tuple[Estimate, ...]


class SubgroupDifference(DocumentPart):
    """The difference in the mean of a score between one subgroup and the pupils of all others, as an effect size.

    The effect size is the difference divided by the standard deviation of all pupils (Glass).
    """

    score: str
    column: str
    value: str
    effect: float
    after: tuple[Estimate, ...]


class RegressionCoefficient(DocumentPart):
    """A coefficient of a regression, with its standard error on the exact scores."""

    term: str
    coefficient: float
    standard_error: float
    after: tuple[Estimate, ...]


class RegressionUtility(DocumentPart):
    """A regression by least squares that the project declares."""

    outcome: str
    predictors: tuple[str, ...]
    coefficients: tuple[RegressionCoefficient, ...]


class UtilitySection(DocumentPart):
    """What the released rows are still good for, beside the exact ones."""

    scores: tuple[ScoreUtility, ...]
    pairs: tuple[ScorePairUtility, ...]
    differences: tuple[SubgroupDifference, ...]
    regressions: tuple[RegressionUtility, ...]
    advised_estimator: Estimator


class SubgroupTreatment(DocumentPart):
    """How pupils of a subgroup were treated: shares of them, in whole per cents; None where a count is too small."""

    column: str
    """An attribute, or `school_size`."""
    value: str
    pupils: int | None
    suppressed_percent: int | None
    mean_loss: float | None


class ReleaseReport(DocumentPart):
    """The report of one release, in one of its two forms."""

    model_config = ConfigDict(json_schema_extra={"$id": "release-report-1"})

    project: str
    release: int
    form: ReportForm
    question: str
    made: str
    release_class: Literal["anonymous", "pseudonymous"]
    nested_in: int | None
    k: int
    m: int
    limits: dict[str, str]
    """Every limit that a class satisfies, by name."""
    recoding: Literal["global", "local"]
    counts: CohortCounts
    columns: tuple[ColumnDetail, ...]
    mean_loss: float
    class_sizes: tuple[MeasuredClassSizes, ...]
    risk: RiskSection
    utility: UtilitySection
    equity: tuple[SubgroupTreatment, ...]
    notes: tuple[str, ...] = ()
    """Codes of what limits the figures; the page has their sentences."""
