"""Releases of two projects on the same pupils, subtracted on the columns that both show."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit import drawn_project, drawn_release, drawn_releases
from tests.unit.drawn_records import make_release_record

from cohort.agreements import project_hierarchies
from cohort.agreements.environment import Environment
from cohort.agreements.project import Project
from cohort.differencing import project_overlap
from cohort.differencing.project_overlap import ComparedRelease
from cohort.release_records import record_store
from cohort.release_records.release_record import ProjectDifference
from cohort.release_records.release_states import ReleaseState
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.information_loss import WeightedLoss
from cohort.sdc.model.recoding import GeneralisedClasses, Recoding
from cohort.storage.zone_paths import StorageZones

LOW, HIGH, TOP = "0 tot 40", "40 tot 80", "*"
TODAY = dt.date(2026, 3, 1)


def shown(folder: Path, project: Project, *classes: tuple[str, str, int]) -> ComparedRelease:
    """Classes drawn as score, sex (each at the level its label tells) and pupils."""
    trees = project_hierarchies.load_hierarchies(project, drawn_release.write_hierarchies(folder))
    coding = Coding(tuple(trees[column.name] for column in project.quasi_identifiers))
    order = [(0, 1), (1, 0)][project.quasi_identifiers[0].name == "geslacht"]
    levels, leaves = [], []
    for one in classes:
        labels = [one[place] for place in order]
        found = []
        for tree, label in zip(coding.hierarchies, labels, strict=True):
            level = next(at for at, known in enumerate(tree.labels) if label in known)
            found.append((level, tree.labels[level].index(label)))
        levels.append([level for level, _ in found])
        leaves.append([leaf for _, leaf in found])
    pupils = np.array([one[2] for one in classes], dtype=np.int64)
    goal = WeightedLoss.for_columns("mean", coding.columns)
    recoding, _ = Recoding.from_classes(
        GeneralisedClasses(coding, np.array(levels), np.array(leaves), pupils), 0, goal, {}
    )
    return ComparedRelease(project, 1, recoding)


def project(name: str, **changes: Any) -> Project:
    return drawn_releases.project().model_copy(update={"name": name, **changes})


@pytest.mark.parametrize(
    ("other", "cells", "few"),
    [
        ([(LOW, "1", 40), (LOW, "2", 50), (HIGH, "1", 30)], 3, 0),
        ([(LOW, "1", 39), (LOW, "2", 50), (HIGH, "1", 30)], 3, 1),
        ([(LOW, "1", 31), (LOW, "2", 50), (HIGH, "1", 20)], 3, 1),
        ([(LOW, "1", 30), (LOW, "2", 50), (HIGH, "1", 30)], 3, 0),
        ([(LOW, TOP, 89), (HIGH, TOP, 30)], 2, 1),
        ([(TOP, "1", 70), (LOW, "2", 50)], 2, 0),
    ],
)
def test_cells_that_differ_by_1_to_k_minus_1_are_counted_at_the_coarser_level(
    tmp_path: Path, other: list[tuple[str, str, int]], cells: int, few: int
) -> None:
    one = shown(tmp_path, project("een"), (LOW, "1", 40), (LOW, "2", 50), (HIGH, "1", 30))
    turned = project("ander", columns=drawn_releases.project().columns[::-1])
    for second in (project("ander"), turned):
        told = project_overlap.subtract_releases(one, shown(tmp_path, second, *other))
        assert (told.cells, told.differ_by_fewer_than_k) == (cells, few)


def test_columns_with_another_source_are_not_compared(tmp_path: Path) -> None:
    one = shown(tmp_path, project("een"), (LOW, "1", 40))
    score, sex = one.project.columns
    step = score.model_copy(update={"step": 10})
    born = sex.model_copy(update={"attribute": "combinatiegroep"})
    second = shown(tmp_path, project("ander", columns=[step, born]), (LOW, "1", 40))
    assert project_overlap.subtract_releases(one, second).not_compared == "no column that shows the same"


def test_only_live_projects_on_the_same_pupils_are_compared(tmp_path: Path) -> None:
    config, zones = tmp_path / "conf", StorageZones(tmp_path / "root")
    (config / "projects").mkdir(parents=True)
    one = shown(config / "hierarchies", project("een"), (LOW, "1", 40))
    declared = one.project.model_dump(mode="python", exclude_unset=True)
    ended: dict[str, Any] = {"ends": dt.date(2026, 2, 1)}
    elsewhere: dict[str, Any] = {"population": {"schooljaar": ["2024-2025"], "jaargroep": ["8"]}}
    projects: dict[str, dict[str, Any]] = {"een": {}, "ander": {}, "voorbij": ended, "elders": elsewhere}
    for name, changes in projects.items():
        drawn_project.write_project_file(config, declared | {"name": name} | changes, name)
        record_store.save_release_record(
            zones, make_release_record(name, 1, ReleaseState.PUBLISHED, release_class="anonymous")
        )
    drawn_project.write_project_file(config, declared | {"name": "nieuw"}, "nieuw")  # of which nothing is read yet
    now = dt.datetime.combine(TODAY, dt.time(12), dt.UTC)
    environment = Environment(zones, drawn_release.platform(), config, tmp_path / "keys", now, "wij")
    told = project_overlap.compare_with_live_projects(one, environment)
    why = "its declaration, its record or its snapshot cannot be read"
    assert told == [ProjectDifference(project="ander", release=1, not_compared=why)]
