"""Two live projects on the same pupils: what subtracting one release from the other shows.

Columns that show the same (one source, one hierarchy) are compared at the finest levels that every class of
both releases can be counted at. What differs by fewer than k is told to whoever approves, in the restricted
record: pupils whom one recoding suppressed and the other did not make such differences too, so they are no
finding by themselves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cohort.agreements import project, project_hierarchies
from cohort.agreements.declared_columns import DeclaredColumn
from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.foundation.errors import Refusal
from cohort.release_records import class_snapshot, record_store
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.recoding import Recoding
from cohort.storage.zone_paths import StorageZones

COMPARED_FIELDS = ("hierarchy", "bands", "result", "difference", "attribute", "born", "step")
Groups = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ComparedRelease:
    """What a release shows: its project and its classes."""

    project: Project
    recoding: Recoding


def compare_with_live_projects(
    here: ComparedRelease, zones: StorageZones, platform: Platform, config: Path, today: dt.date
) -> list[dict[str, Any]]:
    """This release beside that of every other live anonymous project on the same pupils.

    Takes: the release; the configuration folder.
    Gives: nothing of a pseudonymous release; else per project which columns were compared at which level, in
    how many cells, and how many of these differ by 1 to k − 1; or why it was not compared.
    """
    told: list[dict[str, Any]] = []
    if here.project.is_pseudonymous:
        return told
    for file in sorted((config / "projects").glob("[!_]*.toml")):
        read = record_store.find_published_record(zones, file.stem)
        if file.stem == here.project.name or read is None:
            continue
        facts: dict[str, Any] = {"project": file.stem, "release": read.release}
        try:
            other = project.load_project(config, file.stem, platform)
            if other.is_pseudonymous or today > other.ends or not selects_same_pupils(here.project, other):
                continue
            trees = project_hierarchies.load_hierarchies(other, config / "hierarchies")
            coding = Coding(tuple(trees[column.name] for column in other.quasi_identifiers))
            there = class_snapshot.load_snapshot(
                zones, other, read, coding, class_snapshot.comparability_digest(other, trees)
            )
        except Refusal:
            told.append({**facts, "not_compared": "its declaration or its memory cannot be read"})
            continue
        told.append({**facts, **subtract_releases(here, ComparedRelease(other, there.recoding))})
    return told


def selects_same_pupils(one: Project, other: Project) -> bool:
    """Whether two projects select the same pupils."""
    return one.population == other.population and one.two_schools == other.two_schools


def subtract_releases(one: ComparedRelease, other: ComparedRelease) -> dict[str, Any]:
    """Both releases counted by the columns they share."""
    shared = _shared(one.project, other.project)
    if not shared:
        return {"not_compared": "no column that shows the same"}
    levels = [max(int(one.recoding.levels[:, a].max()), int(other.recoding.levels[:, b].max())) for a, b in shared]
    trees = [one.recoding.coding.hierarchies[a] for a, _ in shared]
    mine = _counted(one.recoding, [a for a, _ in shared], trees, levels)
    theirs = _counted(other.recoding, [b for _, b in shared], trees, levels)
    k = max(one.project.thresholds.k, other.project.thresholds.k)
    apart = [abs(mine.get(cell, 0) - theirs.get(cell, 0)) for cell in {*mine, *theirs}]
    names = [one.project.quasi_identifiers[a].name for a, _ in shared]
    return {
        "columns": dict(zip(names, levels, strict=True)),
        "cells": len(apart),
        "differ_by_fewer_than_k": sum(0 < n < k for n in apart),
    }


def _shared(one: Project, other: Project) -> list[tuple[int, int]]:
    """Places of the columns that show the same, in both projects."""
    there = {_source(column): place for place, column in enumerate(other.quasi_identifiers)}
    return [
        (place, there[_source(column)])
        for place, column in enumerate(one.quasi_identifiers)
        if _source(column) in there
    ]


def _source(column: DeclaredColumn) -> str:
    return column.model_dump_json(include=set(COMPARED_FIELDS))


def _counted(
    recoding: Recoding, columns: Sequence[int], trees: Sequence[Hierarchy], levels: Sequence[int]
) -> Mapping[tuple[int, ...], int]:
    """Pupils per cell: a released value under its ancestor at the level compared."""
    cells: list[Groups] = [
        tree.groups(level)[recoding.leaves[:, column]]
        for column, tree, level in zip(columns, trees, levels, strict=True)
    ]
    found: dict[tuple[int, ...], int] = {}
    for cell, pupils in zip(np.stack(cells, axis=1).tolist(), recoding.pupils.tolist(), strict=True):
        found[tuple(cell)] = found.get(tuple(cell), 0) + pupils
    return found
