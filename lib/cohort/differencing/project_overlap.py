"""Two live projects on the same pupils: what subtracting the release of one from that of the other shows.

Columns that show the same (one source, one hierarchy) are compared at the finest levels at which every class of both
releases can be counted. Cells that differ by fewer than k pupils are reported to whoever approves, in the restricted
record. They are no finding by themselves: pupils whom one recoding suppressed and the other did not make such
differences too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cohort.agreements import DeclaredColumn, Environment, Project, load_hierarchies, load_project
from cohort.foundation import Refusal
from cohort.release_records import (
    ProjectDifference,
    ReleaseRecord,
    comparability_digest,
    find_published_record,
    load_snapshot,
)
from cohort.sdc import Coding, Hierarchy, Recoding

COMPARED_FIELDS = ("hierarchy", "bands", "result", "difference", "attribute", "born", "step")
"""The fields of a column's declaration that decide what it shows."""

CellCounts = dict[tuple[int, ...], int]
"""Pupils per combination of compared values."""


@dataclass(frozen=True, eq=False)
class ComparedRelease:
    """A release of a project, with its classes."""

    project: Project
    release: int
    recoding: Recoding


def compare_with_live_projects(own: ComparedRelease, environment: Environment) -> list[ProjectDifference]:
    """Compare a release with that of every other live anonymous project on the same pupils.

    Args:
        own: the release.
        environment: the surroundings of the run.
    Returns:
        One difference per project, or why it was not compared; none for a pseudonymous release.
    """
    if own.project.is_pseudonymous:
        return []
    differences = []
    for file in sorted((environment.config / "projects").glob("[!_]*.toml")):
        if file.stem == own.project.name:
            continue
        release = 0
        try:
            published = find_published_record(environment.zones, file.stem)
            if published is None:
                continue
            release = published.release
            other = _load_comparable(own.project, published, environment)
        except Refusal:
            unreadable = "its declaration, its record or its snapshot cannot be read"
            difference = ProjectDifference(project=file.stem, release=release, not_compared=unreadable)
        else:
            if other is None:
                continue
            difference = subtract_releases(own, other)
        differences.append(difference)
    return differences


def _load_comparable(own: Project, published: ReleaseRecord, environment: Environment) -> ComparedRelease | None:
    """Load the release of another project; None where it has ended, is pseudonymous or has other pupils."""
    other = load_project(environment.config, published.project, environment.platform)
    if other.is_pseudonymous or environment.today > other.ends or not selects_same_pupils(own, other):
        return None
    hierarchies = load_hierarchies(other, environment.hierarchies)
    coding = Coding(tuple(hierarchies[column.name] for column in other.quasi_identifiers))
    digest = comparability_digest(other, hierarchies)
    snapshot = load_snapshot(environment.zones, other, published, coding, digest)
    return ComparedRelease(other, published.release, snapshot.recoding)


def selects_same_pupils(one: Project, other: Project) -> bool:
    """Return whether two projects select the same pupils."""
    return one.population == other.population and one.two_schools == other.two_schools


def subtract_releases(own: ComparedRelease, other: ComparedRelease) -> ProjectDifference:
    """Count both releases by the columns they share, and the cells that differ by 1 to k - 1 pupils.

    k is the larger of the two projects'. Columns are given with the level at which they were compared.
    """
    shared = _shared_columns(own.project, other.project)
    if not shared:
        return ProjectDifference(
            project=other.project.name, release=other.release, not_compared="no column that shows the same"
        )
    own_columns, other_columns = [a for a, _ in shared], [b for _, b in shared]
    levels = [max(int(own.recoding.levels[:, a].max()), int(other.recoding.levels[:, b].max())) for a, b in shared]
    hierarchies = [own.recoding.coding.hierarchies[a] for a in own_columns]
    own_cells = _count_cells(own.recoding, own_columns, hierarchies, levels)
    other_cells = _count_cells(other.recoding, other_columns, hierarchies, levels)
    k = max(own.project.thresholds.k, other.project.thresholds.k)
    differences = [abs(own_cells.get(cell, 0) - other_cells.get(cell, 0)) for cell in {*own_cells, *other_cells}]
    names = [own.project.quasi_identifiers[a].name for a in own_columns]
    return ProjectDifference(
        project=other.project.name,
        release=other.release,
        columns=dict(zip(names, levels, strict=True)),
        cells=len(differences),
        differ_by_fewer_than_k=sum(0 < number < k for number in differences),
    )


def _shared_columns(own: Project, other: Project) -> list[tuple[int, int]]:
    """Return the places, in both projects, of the columns that show the same."""
    other_places = {_shown_source(column): place for place, column in enumerate(other.quasi_identifiers)}
    return [
        (place, other_places[_shown_source(column)])
        for place, column in enumerate(own.quasi_identifiers)
        if _shown_source(column) in other_places
    ]


def _shown_source(column: DeclaredColumn) -> str:
    return column.model_dump_json(include=set(COMPARED_FIELDS))


def _count_cells(
    recoding: Recoding, columns: Sequence[int], hierarchies: Sequence[Hierarchy], levels: Sequence[int]
) -> CellCounts:
    """Count pupils per combination of the released values' ancestors at the levels compared."""
    groups = [
        hierarchy.groups(level)[recoding.leaves[:, column]]
        for column, hierarchy, level in zip(columns, hierarchies, levels, strict=True)
    ]
    counts: CellCounts = {}
    for cell, pupils in zip(np.stack(groups, axis=1).tolist(), recoding.pupils.tolist(), strict=True):
        counts[tuple(cell)] = counts.get(tuple(cell), 0) + pupils
    return counts
