"""What one release is made from beside the results, and every reason to refuse it before Spark starts.

The job builds the task; `release_run` makes the release; `readiness` asks the same questions and tells the answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cohort.agreements import (
    Catalogue,
    DeclaredColumn,
    Environment,
    Project,
    find_accepted_range,
    find_uncovered_scores,
    load_hierarchies,
)
from cohort.differencing import cohort_extension_refusal, load_previous_snapshot
from cohort.foundation import ConfigurationRefused, DeliveriesRefused, StateRefused, describe_problem
from cohort.ingestion import require_newest_numbers
from cohort.keys import ProjectKey, load_key
from cohort.legal_basis import (
    Eligibility,
    ListVocabulary,
    check_special_category_columns,
    load_eligibility,
    load_list_vocabulary,
    load_number_changes,
)
from cohort.release.stage_pipeline import PipelineInput
from cohort.release_records import require_open_project
from cohort.results import read_counted_batches
from cohort.sdc import Hierarchy
from cohort.storage import StorageZones


@dataclass(frozen=True)
class ReleaseTask:
    """One release to be made or verified.

    Args:
        environment: the surroundings of the run.
        catalogue: the catalogue of tests and schools.
        project: the project's declaration.
        wave: whether pupils who never were in a release of the project may enter.
    """

    environment: Environment
    catalogue: Catalogue
    project: Project
    wave: bool = False

    @property
    def list_vocabulary(self) -> ListVocabulary:
        """The schools, projects and domains that a line of a list may name, as they are now."""
        return load_list_vocabulary(self.environment.zones, self.environment.config, self.catalogue)


def check_release_allowed(task: ReleaseTask) -> tuple[Eligibility, ProjectKey]:
    """Check everything that can be refused before Spark starts, in the order in which an operator would ask.

    Returns:
        Whose results the project may use today, and the project's key.
    Raises:
        StateRefused: the project is not open, or today is outside its period; number changes that were not applied
            to the results; a wave without a published release (exit code 15).
        ConfigurationRefused: special-category results without a legal ground, hierarchies or columns that do not
            fit (10).
        Refusal: lists of objections (12), of instructions and consents (17); the key (13).
    """
    environment, project = task.environment, task.project
    zones, today = environment.zones, environment.today
    require_open_project(zones, project.name)
    if not project.covers(today):
        ended = today > project.ends
        raise StateRefused(
            describe_problem(
                "a project in its time",
                example=f"a day from {project.starts} to {project.ends}",
                found=str(today),
                where=f"projects/{project.name}.toml",
                do="Past its end nothing is released any more: destroy the project" if ended else "Wait for its start",
            )
        )
    hierarchies = load_fitting_hierarchies(project, environment.hierarchies, task.catalogue)
    previous = load_previous_snapshot(zones, project, hierarchies)
    if task.wave and previous is None:
        raise cohort_extension_refusal(project)
    changes = load_number_changes(zones.number_changes, today)
    require_newest_numbers(zones, changes)
    eligible = load_eligibility(zones, environment.platform, project, today, task.list_vocabulary)
    return eligible, load_key(environment.keys, project.name)


def load_fitting_hierarchies(project: Project, hierarchies: Path, catalogue: Catalogue) -> dict[str, Hierarchy]:
    """Load the hierarchies of a project, after its declaration was checked against the catalogue of tests.

    Args:
        project: the project's declaration.
        hierarchies: the folder of the hierarchy files.
        catalogue: the catalogue of tests and schools.
    Returns:
        The hierarchy of each column, by the column's name.
    Raises:
        ConfigurationRefused: a special-category result without its legal ground, a domain or scale that no test
            has, a hierarchy without a code that intake accepts, bands without a score that intake accepts (exit
            code 10).
    """
    check_special_category_columns(project, catalogue.special_domains())
    unknown_results = [r for r in project.results if not catalogue.has_test(r.domein, r.schaal)]
    if unknown_results:
        raise ConfigurationRefused(
            *(
                describe_problem(
                    "domains and scales of the catalogue",
                    example="rekenen on LVS-REK",
                    found=f"{r.domein} on {r.schaal}",
                    where=f"projects/{project.name}.toml",
                    do="Correct its spelling, or add the test to toetsen.csv",
                )
                for r in unknown_results
            )
        )
    loaded = load_hierarchies(project, hierarchies)
    if uncovered := find_uncovered_scores(project, loaded, catalogue):
        raise ConfigurationRefused(*uncovered)
    return loaded


def make_pipeline_input(task: ReleaseTask, eligible: Eligibility, key: ProjectKey) -> PipelineInput:
    """Gather what the pipeline makes a release from, beside the results.

    Args:
        task: the release to be made.
        eligible: whose results the project may use today.
        key: the project's key.
    """
    environment, project = task.environment, task.project
    hierarchies = load_hierarchies(project, environment.hierarchies)
    return PipelineInput(
        project=project,
        eligibility=eligible,
        hierarchies=hierarchies,
        key=key,
        schools=task.catalogue.schools,
        boards=task.catalogue.boards_on(environment.today),
        most_pupils_at_once=environment.platform.search.most_pupils_at_once,
        floors=environment.platform.floors,
        accepted={c.name: found for c in project.mean_columns if (found := _accepted_scores(c, task.catalogue))},
        previous=load_previous_snapshot(environment.zones, project, hierarchies),
        wave=task.wave,
    )


def _accepted_scores(column: DeclaredColumn, catalogue: Catalogue) -> tuple[float, float] | None:
    found = find_accepted_range(column, catalogue)
    return None if found is None else (float(found[0]), float(found[1]))


def require_batches(zones: StorageZones) -> tuple[int, ...]:
    """Return the batches of results that count.

    Raises:
        DeliveriesRefused: there are none (exit code 11).
    """
    batches = read_counted_batches(zones.ledger)
    if not batches:
        raise DeliveriesRefused(
            describe_problem(
                "results that were taken in",
                example="those of a run of ingest",
                found="none",
                where="restricted/results",
                do="Run ingest first",
            )
        )
    return tuple(batches)
