"""The steps of a preview: the codes of the cohort made once, every setting searched, two restricted documents.

Nothing is staged, no table is written and no list is applied to the results; nothing is readable by others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import SparkSession

from cohort.agreements import Project, load_hierarchies
from cohort.comparison_page import PageHead, SettingFigures, format_json_lines, render_comparison_page
from cohort.data_states import AcceptedResults
from cohort.foundation import Stopwatch
from cohort.ingestion import require_canonical_codes
from cohort.keys import ProjectKey
from cohort.legal_basis import Eligibility
from cohort.preview.cohort_codes import collect_cohort_codes
from cohort.preview.finest_project import make_finest_project
from cohort.preview.preview_settings import PreviewSetting
from cohort.preview.setting_search import try_setting
from cohort.release import PipelineInput, ReleaseTask, make_pipeline_input, require_batches
from cohort.results import read_current_results
from cohort.storage import write_private_text

PAGE_NAME, LINES_NAME = "preview.html", "preview.jsonl"


@dataclass(frozen=True)
class PreviewResult:
    """The figures of every setting.

    Args:
        project: the project's declaration.
        pupils: the pupils who may be in a release as it is declared.
        figures: the settings, in their order.
        published: whether the project has a published release, in which the next one would be nested.
        seconds: how long each stage took.
    """

    project: Project
    pupils: int
    figures: tuple[SettingFigures, ...]
    published: bool
    seconds: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """What the job reports; the counts are exact."""
        return {
            "project": self.project.name,
            "pupils": self.pupils,
            "published_before": self.published,
            "settings": [one.as_dict() for one in self.figures],
            "stages": self.seconds,
        }


def compare_on_cohort(
    spark: SparkSession,
    task: ReleaseTask,
    eligible: Eligibility,
    key: ProjectKey,
    settings: Sequence[PreviewSetting],
    clock: Stopwatch,
) -> PreviewResult:
    """Search and measure several settings of a project; the caller holds the project's lock.

    Args:
        spark: the session.
        task: the release that would be made.
        eligible: whose results the project may use today, as `check_release_allowed` gave it.
        key: the project's key.
        settings: the settings to compare.
        clock: receives the stages and their durations.

    Raises:
        DeliveriesRefused: there are no results (exit code 11).
        NotAnonymous: values that are in no hierarchy (14).
        StateRefused: results with codes in another spelling than the canonical one (15).
    """
    zones, project = task.environment.zones, task.project

    # 1. The codes of the cohort in the finest values of all settings: the only pass over the results.
    require_canonical_codes(spark, zones)
    results = AcceptedResults(read_current_results(spark, zones, require_batches(zones)))
    declared = make_pipeline_input(task, eligible, key)
    codes = collect_cohort_codes(results, _finest_input(task, declared, settings))
    clock.report_stage("records", f"{codes.pupils} pupils")

    # 2. Each setting, on the driver.
    figures = []
    for setting in settings:
        one = try_setting(setting, codes, project, key, declared.floors)
        outcome = "no release" if one.refused else f"{one.classes} classes, {one.suppressed} pupils suppressed"
        clock.report_stage(setting.name, outcome)
        figures.append(one)
    return PreviewResult(project, codes.pupils, tuple(figures), declared.previous is not None, clock.seconds)


def write_preview_documents(task: ReleaseTask, result: PreviewResult) -> dict[str, str]:
    """Write the page and a line of JSON per setting, in the place of those of an earlier preview.

    Both are restricted: nobody but the platform's own user may read them.

    Returns:
        Where they stand, relative to the storage root.
    """
    zones = task.environment.zones
    notes = ("first_release",) if result.published else ()
    head = PageHead(result.project.name, task.environment.today, notes)
    folder = zones.preview(result.project.name)
    write_private_text(folder / PAGE_NAME, render_comparison_page(head, result.figures))
    write_private_text(folder / LINES_NAME, format_json_lines(result.figures))
    place = folder.relative_to(zones.root).as_posix()
    return {"page": f"{place}/{PAGE_NAME}", "lines": f"{place}/{LINES_NAME}"}


def _finest_input(task: ReleaseTask, declared: PipelineInput, settings: Sequence[PreviewSetting]) -> PipelineInput:
    finest = make_finest_project(task.project, settings)
    hierarchies = load_hierarchies(finest, task.environment.hierarchies)
    return replace(declared, project=finest, hierarchies=hierarchies, previous=None, wave=False)
