"""The order of the stages, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame

from cohort.agreements.platform import Floors
from cohort.agreements.privacy_model import value_rules
from cohort.agreements.project import Project
from cohort.agreements.school_boards import Boards
from cohort.anonymisation import class_search, generalise, pseudonymise, pupil_boards, pupil_records, search_input
from cohort.anonymisation.pupil_records import Hierarchies
from cohort.anonymisation.search_input import Counts
from cohort.anonymisation.sensitive_columns import SensitiveColumn
from cohort.differencing import cohort_extension, nested_release
from cohort.foundation.progress import StageReport
from cohort.keys.project_keys import Key
from cohort.legal_basis import consents, instructions, objections
from cohort.legal_basis.eligibility import Rights
from cohort.release_records.class_snapshot import Remembered
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.sensitive_suppression import Blanking
from cohort.sdc.risk.motivated_intruder import Intrusion
from cohort.states.schemas import OTHERS, SCHOOL, Accepted, Generalised


@dataclass(frozen=True)
class Way:
    """The way of the data to the stage: the rows to write, how they were recoded, and what was counted.

    `values` are the sensitive values that are shown, by column; `value_counts` how many pupils have one and
    of how many it is shown; `blanking` which classes show none; `members` who stands in which class, to be
    remembered; `linked` what an intruder finds who has this release and the one before; `withdrawn` how many
    went so that others could not be told by their absence; `kept` are cached frames.
    """

    rows: Generalised
    recoding: Recoding
    counts: Counts
    values: dict[str, list[str]]
    value_counts: dict[str, int] | None
    blanking: Blanking | None
    members: DataFrame
    linked: Intrusion | None
    withdrawn: int
    kept: tuple[DataFrame, ...]

    def let_go(self) -> None:
        """Release the cached frames, once the rows are written."""
        for frame in self.kept:
            frame.unpersist()


def run(
    results: Accepted,
    project: Project,
    rights: Rights,
    hierarchies: Hierarchies,
    key: Key,
    schools: Iterable[str],
    most_at_once: int,
    floors: Floors,
    report: StageReport,
    before: Remembered | None = None,
    wave: bool = False,
    *,
    boards: Mapping[str, Boards],
) -> Way:
    """From accepted results to generalised rows: two passes over the pupils, one over the results.

    Takes: results, what was agreed, what the lists allow today, the key, the school list; how many pupils one
    search may have; the platform's floors; the release that is published, which this one will be nested in;
    whether pupils who never were in one may enter; today's boards by BRIN.
    """
    coding = Coding(tuple(hierarchies[column.name] for column in project.quasi_identifying))
    selected = pupil_records.select(results, project)
    instructed = instructions.keep_instructed(selected, rights.schools)
    admitted = objections.remove_objectors(instructed, results, rights.objections, project)
    consented = consents.blank(admitted, rights.given, project)
    pupils = pupil_records.one_per_pupil(consented, project, hierarchies)
    pseudonymous = pseudonymise.pseudonymise(pupils, key, schools)
    kept = search_input.coded(pseudonymous, project, coding).persist()
    counts = search_input.count(kept, pseudonymous, project)
    report("records", f"{counts.pupils} pupils")
    known = pupil_boards.with_boards(kept, pupil_boards.keyed(kept.sparkSession, key, boards))
    own, withdrawn = _sensitive(project, hierarchies, floors), 0
    if before is None:
        recoded = class_search.recode(known, project, coding, counts, own, key, most_at_once)
    else:
        nested = nested_release.nested(known, project, counts, before, key, own)
        if wave:
            nested = cohort_extension.widened(nested, known, project, before, key, most_at_once)
        recoded, withdrawn = nested.recoded, nested.withdrawn
    recoding = recoded.recoding
    report("recoding", f"{recoding.classes} classes, {recoding.suppressed} pupils suppressed")
    values = {own.name: recoded.values} if own is not None else {}
    rows = generalise.generalise(kept, project, recoded)
    members = class_search.members(kept, project, recoded).drop(SCHOOL, OTHERS)
    linked = None
    if before is not None and wave:
        linked = cohort_extension.require_unlinkable(members, recoding, before, project.thresholds.k)
        report("linked", f"with release {before.release}, {linked.sampled} pupils looked for")
    return Way(
        rows,
        recoding,
        counts,
        values,
        recoded.value_counts,
        recoded.blanking,
        members,
        linked,
        withdrawn,
        (kept, *recoded.kept),
    )


def _sensitive(project: Project, hierarchies: Hierarchies, floors: Floors) -> SensitiveColumn | None:
    """The project's sensitive column with the rules on its shown values."""
    own = project.sensitive
    if own is None:
        return None
    rules = value_rules(project, floors)
    return SensitiveColumn.of(own.name, hierarchies[own.name], rules, floors.pupils_with_value)
