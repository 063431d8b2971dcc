"""The order of the stages, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame

from cohort.agreements.platform import PlatformFloors
from cohort.agreements.privacy_model import derive_value_rules
from cohort.agreements.project import Project
from cohort.agreements.school_boards import SchoolBoards
from cohort.anonymisation import (
    class_search,
    generalisation,
    pseudonymisation,
    pupil_boards,
    pupil_records,
    search_input,
)
from cohort.anonymisation.pupil_records import HierarchyByColumn
from cohort.anonymisation.search_input import PupilCounts
from cohort.anonymisation.sensitive_columns import SensitiveColumn
from cohort.differencing import cohort_extension, nested_release
from cohort.foundation.progress import StageListener
from cohort.keys.project_keys import ProjectKey
from cohort.legal_basis import consent_register, instruction_filter, objections
from cohort.legal_basis.eligibility import Eligibility
from cohort.release_records.class_snapshot import ClassSnapshot
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.sensitive_suppression import SensitiveSuppression
from cohort.sdc.risk.motivated_intruder import IntruderSearch
from cohort.states.schemas import OTHER_SCHOOLS_CONTROL, SCHOOL_CONTROL, AcceptedResults, GeneralisedRecords


@dataclass(frozen=True)
class PipelineResult:
    """The way of the data to the stage: the rows to write, how they were recoded, and what was counted.

    `values` are the sensitive values that are shown, by column; `value_counts` how many pupils have one and
    of how many it is shown; `blanking` which classes show none; `members` who stands in which class, to be
    remembered; `linked` what an intruder finds who has this release and the one before; `withdrawn` how many
    went so that others could not be told by their absence; `kept` are cached frames.
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
    kept: tuple[DataFrame, ...]

    def let_go(self) -> None:
        """Release the cached frames, once the rows are written."""
        for frame in self.kept:
            frame.unpersist()


def run_release_pipeline(
    results: AcceptedResults,
    project: Project,
    rights: Eligibility,
    hierarchies: HierarchyByColumn,
    key: ProjectKey,
    schools: Iterable[str],
    most_at_once: int,
    floors: PlatformFloors,
    report: StageListener,
    before: ClassSnapshot | None = None,
    wave: bool = False,
    *,
    boards: Mapping[str, SchoolBoards],
) -> PipelineResult:
    """From accepted results to generalised rows: two passes over the pupils, one over the results.

    Takes: results, what was agreed, what the lists allow today, the key, the school list; how many pupils one
    search may have; the platform's floors; the release that is published, which this one will be nested in;
    whether pupils who never were in one may enter; today's boards by BRIN.
    """
    coding = Coding(tuple(hierarchies[column.name] for column in project.quasi_identifiers))
    selected = pupil_records.select_project_results(results, project)
    instructed = instruction_filter.keep_instructed_rows(selected, rights.instructed_schools)
    admitted = objections.remove_objectors(instructed, results, rights.objections, project)
    consented = consent_register.suppress_unconsented_values(admitted, rights.consented, project)
    pupils = pupil_records.make_pupil_records(consented, project, hierarchies)
    pseudonymous = pseudonymisation.pseudonymise_pupils(pupils, key, schools)
    kept = search_input.encode_pupils(pseudonymous, project, coding).persist()
    counts = search_input.count_pupils(kept, pseudonymous, project)
    report("records", f"{counts.pupils} pupils")
    known = pupil_boards.add_boards(kept, pupil_boards.make_board_frame(kept.sparkSession, key, boards))
    own, withdrawn = _sensitive(project, hierarchies, floors), 0
    if before is None:
        recoded = class_search.search_classes(known, project, coding, counts, own, key, most_at_once)
    else:
        nested = nested_release.nest_release(known, project, counts, before, key, own)
        if wave:
            nested = cohort_extension.extend_cohort(nested, known, project, before, key, most_at_once)
        recoded, withdrawn = nested.recoded, nested.withdrawn
    recoding = recoded.recoding
    report("recoding", f"{recoding.classes} classes, {recoding.suppressed} pupils suppressed")
    values = {own.name: recoded.released_values} if own is not None else {}
    rows = generalisation.generalise_pupils(kept, project, recoded)
    members = class_search.assign_classes(kept, project, recoded).drop(SCHOOL_CONTROL, OTHER_SCHOOLS_CONTROL)
    linked = None
    if before is not None and wave:
        linked = cohort_extension.require_unlinkable_releases(members, recoding, before, project.thresholds.k)
        report("linked", f"with release {before.release}, {linked.sampled} pupils looked for")
    return PipelineResult(
        rows,
        recoding,
        counts,
        values,
        recoded.value_pupils,
        recoded.blanking,
        members,
        linked,
        withdrawn,
        (kept, *recoded.cached_frames),
    )


def _sensitive(project: Project, hierarchies: HierarchyByColumn, floors: PlatformFloors) -> SensitiveColumn | None:
    """The project's sensitive column with the rules on its shown values."""
    own = project.sensitive_column
    if own is None:
        return None
    rules = derive_value_rules(project, floors)
    return SensitiveColumn.from_hierarchy(own.name, hierarchies[own.name], rules, floors.pupils_with_value)
