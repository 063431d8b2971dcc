"""The search of one setting on the codes of the cohort, as a release with that setting would do it.

In: the codes in the finest values, and a setting. Out: its figures, or the sentences why there is no release under it.
The sensitive values are counted by class after the search, and are in no search.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

import numpy as np
import pyarrow as pa

from cohort.agreements import PlatformFloors, Project
from cohort.anonymisation import (
    ClassSearchTask,
    SensitiveColumn,
    choose_blanked_classes,
    search_code_populations,
    search_code_table,
)
from cohort.comparison_page import SettingFigures
from cohort.foundation import ConfigurationRefused, NotAnonymous, describe_problem
from cohort.keys import ProjectKey
from cohort.preview.cohort_codes import CohortCodes
from cohort.preview.finest_project import map_leaves
from cohort.preview.preview_settings import PreviewSetting
from cohort.preview.quantile_bands import propose_quantile_bands
from cohort.release import find_sensitive_column
from cohort.sdc import (
    OTHER_SCHOOLS_COLUMN,
    SCHOOL_COLUMN,
    UNKNOWN_VALUE,
    BoolArray,
    Coding,
    ComparedColumn,
    Int32Array,
    IntArray,
    SchoolValueCounts,
    SensitiveValueCounts,
    SettingOutcome,
    measure_setting,
    word_columns,
)

PUPILS_AS_DECLARED = "pupils_as_declared"
"""The note of a setting that leaves results out: which school counts for a pupil is as the whole project has it."""


@dataclass(frozen=True, eq=False)
class _SearchedPupils:
    """The pupils of one setting: their table for a search, and apart from it their sensitive leaves."""

    table: pa.Table
    sensitive_leaf: IntArray | None


def try_setting(
    setting: PreviewSetting, codes: CohortCodes, declared: Project, key: ProjectKey, floors: PlatformFloors
) -> SettingFigures:
    """Search and measure one setting.

    Args:
        setting: the setting.
        codes: the codes of the cohort.
        declared: the project's own declaration.
        key: the project's key, which draws the covers of a sensitive column.
        floors: the floors of the platform.

    Returns:
        Its figures; of a setting under which there is no release, the sentences of the refusal.
    """
    begin = time.perf_counter()
    try:
        setting = propose_quantile_bands(setting, codes)
        figures = measure_setting(_search_setting(setting, codes, declared, key, floors))
    except (NotAnonymous, ConfigurationRefused) as refusal:
        figures = SettingFigures(setting.name, setting.agreed, 0.0, refused=refusal.problems)
    return replace(figures, proposed=setting.proposed, seconds=round(time.perf_counter() - begin, 3))


def _search_setting(
    setting: PreviewSetting, codes: CohortCodes, declared: Project, key: ProjectKey, floors: PlatformFloors
) -> SettingOutcome:
    project = setting.project
    columns = {column.name: map_leaves(column, codes.hierarchies[column.name], setting) for column in codes.columns}
    coding = Coding(tuple(setting.hierarchies[column.name] for column in project.quasi_identifiers))
    sensitive = find_sensitive_column(project, setting.hierarchies, floors)
    pupils = _select_pupils(setting, codes, columns, coding, declared)
    task = ClassSearchTask(project, coding, key, max(codes.pupils, 1), sensitive)
    shown = None
    if sensitive is None or pupils.sensitive_leaf is None:
        histogram, recoding = search_code_table(pupils.table, task, task.suppression_limit)
    else:
        histogram, recoding = search_code_populations(
            pupils.table, pupils.sensitive_leaf != sensitive.unknown_leaf, task
        )
        counts = _count_values(pupils, recoding.class_of[histogram.unit_of_pupil], recoding.classes, sensitive)
        shown = choose_blanked_classes(counts, sensitive, recoding, key).counts(counts.pupils)
    return SettingOutcome(
        name=setting.name,
        agreed=setting.agreed,
        histogram=histogram,
        recoding=recoding,
        columns=[ComparedColumn(name, leaf_of) for name, leaf_of in columns.items()],
        sensitive=shown,
        notes=(PUPILS_AS_DECLARED,) if _leaves_results_out(project, declared) else (),
    )


def _select_pupils(
    setting: PreviewSetting,
    codes: CohortCodes,
    columns: Mapping[str, IntArray | None],
    coding: Coding,
    declared: Project,
) -> _SearchedPupils:
    """Encode the pupils as the setting shows them.

    Raises:
        NotAnonymous: pupils with a value that the setting's bands do not cover (exit code 14).
    """
    leaves, problems = dict[str, Int32Array](), list[str]()
    for column, finest in zip(codes.columns, codes.leaves, strict=True):
        leaf_of = columns[column.name]
        if leaf_of is not None:
            leaves[column.name] = leaf_of[finest].astype(np.int32)
            if uncovered := int((leaves[column.name] < 0).sum()):
                problems.append(_describe_uncovered(column.name, uncovered, setting.name))
    if problems:
        raise NotAnonymous(*problems)
    words = coding.encode([leaves[hierarchy.name] for hierarchy in coding.hierarchies])
    table = codes.contributors
    for name, word in zip(word_columns(coding), words, strict=True):
        table = table.append_column(name, pa.array(word))
    values = codes.sensitive_leaf if setting.project.sensitive_column is not None else None
    if _leaves_results_out(setting.project, declared):
        has_result = _have_result(setting, leaves, values)
        return _SearchedPupils(table.filter(pa.array(has_result)), None if values is None else values[has_result])
    return _SearchedPupils(table, values)


def _leaves_results_out(project: Project, declared: Project) -> bool:
    return set(project.results) != set(declared.results)


def _have_result(setting: PreviewSetting, leaves: Mapping[str, Int32Array], values: IntArray | None) -> BoolArray:
    """Which pupils have a value of a result that the setting shows: the others would not be in its release."""
    known = []
    for column in setting.project.columns:
        if column.results:
            unknown = setting.hierarchies[column.name].leaves.index(UNKNOWN_VALUE)
            leaf = leaves[column.name] if column.role == "quasi-identifying" else values
            if leaf is not None:
                known.append(leaf != unknown)
    return reduce(or_, known)


def _count_values(
    pupils: _SearchedPupils, class_of_pupil: Int32Array, classes: int, sensitive: SensitiveColumn
) -> SensitiveValueCounts:
    """Count the sensitive values by class, and by class and board."""
    if pupils.sensitive_leaf is None:
        raise TypeError("values of no sensitive column")
    value = sensitive.value_index[pupils.sensitive_leaf]
    values = len(sensitive.leaves) - 1
    shown = np.flatnonzero((value >= 0) & (class_of_pupil >= 0))
    cell = class_of_pupil[shown].astype(np.int64) * values + value[shown]
    by_class = np.bincount(cell, minlength=classes * values).reshape(classes, values).astype(np.int64)
    cohort = np.bincount(value[value >= 0], minlength=values).astype(np.int64)
    home = pupils.table[SCHOOL_COLUMN].to_numpy()[shown]
    lists = pupils.table[OTHER_SCHOOLS_COLUMN].take(shown).to_pylist()
    others = np.array([board for boards in lists for board in boards or ()], dtype=np.int64)
    owners = np.repeat(np.arange(len(shown)), [len(boards or ()) for boards in lists])
    _, board = np.unique(np.concatenate([home, others]), return_inverse=True)
    width = int(board.max(initial=0)) + 1
    cells, number = np.unique(np.concatenate([cell, cell[owners]]) * width + board, return_counts=True)
    cell_of = cells // width
    by_school = SchoolValueCounts(cell_of // values, cells % width, cell_of % values, number.astype(np.int64))
    return SensitiveValueCounts(by_class, cohort, by_school)


def _describe_uncovered(column: str, pupils: int, setting: str) -> str:
    return describe_problem(
        "only values of the hierarchy",
        example="a leaf for every value that occurs",
        found=f"others in {pupils} records",
        where=f"column {column} of setting `{setting}`",
        do="Declare more bands or open ends",
    )
