"""From accepted results to generalised records: the stages of a release, in order, once.

`release_run` calls it and writes the rows. Nothing here writes a table or a record.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from pyspark.sql import DataFrame

from cohort.agreements import PlatformFloors, Project, SchoolBoards, derive_value_rules
from cohort.anonymisation import (
    ClassSearchResult,
    ClassSearchTask,
    HierarchyByColumn,
    PupilCounts,
    ScoreRange,
    SensitiveColumn,
    add_boards,
    assign_classes,
    count_pupils,
    encode_pupils,
    generalise_pupils,
    make_board_frame,
    make_pupil_records,
    pseudonymise_pupils,
    search_classes,
    select_project_results,
    select_usable_pupils,
)
from cohort.data_states import EXACT_SCORES, OTHER_SCHOOLS_CONTROL, SCHOOL_CONTROL, AcceptedResults, GeneralisedRecords
from cohort.differencing import extend_cohort, nest_release, require_unlinkable_releases
from cohort.foundation import StageListener
from cohort.keys import ProjectKey
from cohort.legal_basis import Eligibility, mark_instructed_rows, mark_objectors, suppress_unconsented_values
from cohort.release.class_mean_stage import MeanInput, ReleasedMeans, make_class_means, read_shown_means
from cohort.release_records import ClassSnapshot
from cohort.report_figures import MeasuredRelease
from cohort.sdc import Coding, IntruderSearch, Recoding, SensitiveSuppression


@dataclass(frozen=True, eq=False)
class PipelineInput:
    """What a release is made from, beside the results.

    Args:
        project: the project's declaration.
        eligibility: whose results the project may use today.
        hierarchies: the hierarchy of each column.
        key: the project's key.
        schools: the school list.
        boards: the boards of each school today, by BRIN.
        most_pupils_at_once: how many pupils one search may have; a larger cohort is searched in parts.
        floors: the limits of the platform that no project may go under.
        accepted: the scores that intake accepts, by column that shows a mean; a column without is not bounded by them.
        previous: the snapshot of the published release, in which this one is nested; None for a first release.
        wave: whether pupils who never were in a release may enter.
    """

    project: Project
    eligibility: Eligibility
    hierarchies: HierarchyByColumn
    key: ProjectKey
    schools: Collection[str]
    boards: Mapping[str, SchoolBoards]
    most_pupils_at_once: int
    floors: PlatformFloors
    accepted: Mapping[str, ScoreRange] = field(default_factory=dict)
    previous: ClassSnapshot | None = None
    wave: bool = False


@dataclass(frozen=True, eq=False)
class PipelineResult:
    """The rows to write, how they were recoded, and what was counted.

    Args:
        rows: the generalised records, with their control columns.
        recoding: the classes.
        counts: pupils and rows that came in.
        values: the sensitive values that are shown, by column.
        value_counts: how many pupils have a sensitive value, and of how many it is shown; None without such a column.
        blanking: which classes show none of their sensitive values; None without a sensitive column.
        members: who stands in which class, for the snapshot.
        linked: what an intruder finds who links this release with the one before; None unless it is a wave.
        withdrawn: pupils left out so that others who are gone cannot be found by subtraction.
        measured: what its report is measured from, while the frames are cached.
        cached_frames: frames to release once the rows are written.
        class_means: the means of the classes; None where no column shows one.
    """

    rows: GeneralisedRecords
    recoding: Recoding
    counts: PupilCounts
    values: dict[str, list[str]]
    value_counts: dict[str, int] | None
    blanking: SensitiveSuppression | None
    members: DataFrame
    linked: IntruderSearch | None
    withdrawn: int
    measured: MeasuredRelease
    cached_frames: tuple[DataFrame, ...]
    class_means: ReleasedMeans | None = None

    def unpersist(self) -> None:
        """Release the cached frames, once the rows are written."""
        for frame in self.cached_frames:
            frame.unpersist()


def run_release_pipeline(
    results: AcceptedResults,
    inputs: PipelineInput,
    report: StageListener,
    before_search: Callable[[], None] = lambda: None,
) -> PipelineResult:
    """Turn accepted results into generalised records: two passes over the pupils, one over the results.

    Args:
        results: the accepted results of all batches that count.
        inputs: what the release is made from, beside the results.
        report: receives the name and the outcome of each stage.
        before_search: called once the records exist; what it starts runs beside the search, which uses one core.
    Raises:
        NotAnonymous: no recoding under the project's constraints, or linked releases that would show pupils (exit
            code 14).
    """
    # 1. One coded record per pupil who may be in the release.
    project = inputs.project
    all_pupils, counts = encode_cohort(results, inputs)
    encoded = select_usable_pupils(all_pupils)
    report("records", f"{counts.pupils} pupils")
    before_search()

    # 2. Classes under every constraint: searched anew, or those of the published release.
    boards = make_board_frame(encoded.sparkSession, inputs.key, inputs.boards)
    with_boards = add_boards(encoded, boards)
    classes, withdrawn = _form_classes(with_boards, counts, inputs)
    recoding = classes.recoding
    report("recoding", f"{recoding.classes} classes, {recoding.suppressed} pupils suppressed")

    # 3. The rows to write, and who is in which class.
    assigned = assign_classes(encoded, project, classes).persist()
    class_means = _make_class_means(assigned, boards, recoding, inputs, report)
    rows = generalise_pupils(assigned, project, classes, None if class_means is None else class_means.means)
    members = assigned.drop(SCHOOL_CONTROL, OTHER_SCHOOLS_CONTROL, EXACT_SCORES)

    # 4. Of a wave: an intruder who links it with the release before.
    linked = _link_with_previous(members, recoding, inputs, report)

    sensitive = project.sensitive_column
    return PipelineResult(
        rows=rows,
        recoding=recoding,
        counts=counts,
        values={} if sensitive is None else {sensitive.name: classes.released_values},
        value_counts=classes.value_pupils,
        blanking=classes.blanking,
        members=members,
        linked=linked,
        withdrawn=withdrawn,
        measured=MeasuredRelease(
            task=_search_task(inputs),
            hierarchies=inputs.hierarchies,
            pupils=with_boards,
            searched=counts.searched,
            assigned=assigned,
            recoding=recoding,
            values_by_class=classes.values_by_class,
            blanking=classes.blanking,
            linked=linked,
            nested=inputs.previous is not None,
            shown_means=None if class_means is None else read_shown_means(class_means, project, recoding),
        ),
        cached_frames=(all_pupils, assigned, *classes.cached_frames),
        class_means=class_means,
    )


def encode_cohort(results: AcceptedResults, inputs: PipelineInput) -> tuple[DataFrame, PupilCounts]:
    """Select, mark, pseudonymise and encode the pupils of a project: one pass over the results.

    The encoded pupils are cached, and counted in one action; the caller unpersists them.

    Args:
        results: the accepted results of all batches that count.
        inputs: what a release is made from, beside the results.

    Raises:
        NotAnonymous: values that are not in a hierarchy (exit code 14).
    """
    project, eligible = inputs.project, inputs.eligibility
    coding = Coding(tuple(inputs.hierarchies[column.name] for column in project.quasi_identifiers))
    selected = select_project_results(results, project)
    instructed = mark_instructed_rows(selected, eligible.instructed_schools)
    consented = suppress_unconsented_values(instructed, eligible.consented, project)
    records = make_pupil_records(consented, project, inputs.hierarchies)
    admitted = mark_objectors(records, results, eligible.objections, project)
    pseudonymous = pseudonymise_pupils(admitted, inputs.key, inputs.schools)
    encoded = encode_pupils(pseudonymous, project, coding).persist()
    return encoded, count_pupils(encoded, pseudonymous, project)


def _form_classes(with_boards: DataFrame, counts: PupilCounts, inputs: PipelineInput) -> tuple[ClassSearchResult, int]:
    """Return the classes, and how many pupils were withdrawn so that others cannot be found by subtraction."""
    project, key, most = inputs.project, inputs.key, inputs.most_pupils_at_once
    task = _search_task(inputs)
    if inputs.previous is None:
        return search_classes(with_boards, counts.searched, task), 0
    nested = nest_release(with_boards, project, counts, inputs.previous, key, task.sensitive_column)
    if inputs.wave:
        nested = extend_cohort(nested, with_boards, project, inputs.previous, key, most)
    return nested.classes, nested.withdrawn


def _make_class_means(
    assigned: DataFrame, boards: DataFrame, recoding: Recoding, inputs: PipelineInput, report: StageListener
) -> ReleasedMeans | None:
    """Return the class means of the release; None where no column shows one."""
    if not inputs.project.mean_columns:
        return None
    made = make_class_means(assigned, MeanInput(inputs.project, recoding, boards, inputs.accepted, inputs.previous))
    without = ", ".join(f"{name} {own.classes_without_mean}" for name, own in made.figures.columns.items())
    report("class means", f"classes without: {without}; {len(made.figures.covariances)} covariance matrices")
    return made


def _search_task(inputs: PipelineInput) -> ClassSearchTask:
    project = inputs.project
    coding = Coding(tuple(inputs.hierarchies[column.name] for column in project.quasi_identifiers))
    sensitive = find_sensitive_column(project, inputs.hierarchies, inputs.floors)
    return ClassSearchTask(project, coding, inputs.key, inputs.most_pupils_at_once, sensitive)


def find_sensitive_column(
    project: Project, hierarchies: HierarchyByColumn, floors: PlatformFloors
) -> SensitiveColumn | None:
    """Find the project's sensitive column with the rules on its shown values; None where it has none."""
    column = project.sensitive_column
    if column is None:
        return None
    rules = derive_value_rules(project, floors)
    return SensitiveColumn.from_hierarchy(column.name, hierarchies[column.name], rules, floors.pupils_with_value)


def _link_with_previous(
    members: DataFrame, recoding: Recoding, inputs: PipelineInput, report: StageListener
) -> IntruderSearch | None:
    previous, k = inputs.previous, inputs.project.thresholds.k
    if previous is None or not inputs.wave:
        return None
    linked = require_unlinkable_releases(members, recoding, previous, k)
    report("linked", f"with release {previous.release}, {linked.sampled} pupils looked for")
    return linked
