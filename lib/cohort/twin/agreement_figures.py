"""The model of a twin from the agreement alone, where there is no published anonymous table to take it from.

In: the project's columns, their hierarchies, and the ranges of scales in the list of tests. The rest is convention,
and the same for every project: no figure here was taken from a pupil.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cohort.agreements import Catalogue, DeclaredColumn, Project
from cohort.data_states import PSEUDONYM_COLUMNS
from cohort.sdc import UNKNOWN_VALUE, Hierarchy
from cohort.twin.twin_columns import EVERYTHING_VALUE, FloatArray, TwinColumn
from cohort.twin.twin_model import Feature, TwinFigures, TwinModel, make_features

UNKNOWN_SHARE = 0.05
"""The share of the rows whose value is not known."""
WIDER_SHARE = 0.3
"""Of the rows that show a level or a wider one, the share that show a wider one; of a local recoding."""
DEVIATIONS_IN_SCALE = 6
"""So many standard deviations fit in the range of a scale."""
CORRELATION_OF_SCORES = 0.6
"""The correlation of two results of one pupil."""
SCHOOL_DEVIATION = 0.4
"""The standard deviation of the means of schools, in those of pupils: an intraclass correlation of 0.14."""
PUPILS_PER_SCHOOL = 20


@dataclass(frozen=True)
class AgreedColumns:
    """What is agreed on the columns of a project."""

    project: Project
    hierarchies: Mapping[str, Hierarchy]
    catalogue: Catalogue
    columns: tuple[TwinColumn, ...]


def agree_weights(agreed: AgreedColumns, names: frozenset[str]) -> dict[str, FloatArray]:
    """Make up the weights of the labels of some columns."""
    by_name = {column.name: column for column in agreed.columns}
    return {
        column.name: _weigh_labels(column, by_name[column.name], agreed)
        for column in agreed.project.columns
        if column.name in names
    }


def agree_figures(agreed: AgreedColumns, rows: int, random: np.random.Generator) -> TwinModel:
    """Make up the model of a twin.

    Args:
        agreed: what is agreed.
        rows: how many rows the twin shall have, which says how many schools a pseudonymous one names.
        random: the source of chance, for the names and means of schools.
    """
    weights = agree_weights(agreed, frozenset(column.name for column in agreed.columns))
    features = make_features(agreed.columns, weights)
    means = {
        column.name: np.zeros((len(column.labels), len(features))) for column in agreed.columns if not column.ordered
    }
    columns = agreed.columns
    if agreed.project.is_pseudonymous:
        school = _make_schools(max(2, rows // PUPILS_PER_SCHOOL), random)
        columns = (*columns, school)
        weights[school.name] = np.ones(len(school.labels))
        shifts = SCHOOL_DEVIATION * random.standard_normal((len(school.labels), len(features)))
        is_value = np.array([feature.kind == "value" for feature in features], dtype=np.float64)
        means[school.name] = (shifts * is_value).round(2)
    figures = TwinFigures(means, _correlate(features, agreed.project))
    return TwinModel(columns, weights, {}, features, figures)


def make_pseudonyms(number: int, random: np.random.Generator) -> list[str]:
    """Make random texts of the form of pseudonyms: 64 hexadecimal digits."""
    digits = random.bytes(32 * number).hex()
    return [digits[64 * place : 64 * (place + 1)] for place in range(number)]


def _make_schools(number: int, random: np.random.Generator) -> TwinColumn:
    names = tuple(sorted(make_pseudonyms(number, random)))
    return TwinColumn(PSEUDONYM_COLUMNS[1], names, np.arange(number, dtype=np.float64), ordered=False)


def _weigh_labels(column: DeclaredColumn, own: TwinColumn, agreed: AgreedColumns) -> FloatArray:
    hierarchy = agreed.hierarchies[column.name]
    weights = np.zeros(len(own.labels))
    leaf_shares = _share_leaves(column, own, agreed)
    for level, share in _share_levels(column, hierarchy, agreed.project).items():
        for label, leaf_share in zip(hierarchy.labels[level], leaf_shares.tolist(), strict=True):
            weights[own.label_codes[label]] += share * leaf_share
    return weights


def _share_levels(column: DeclaredColumn, hierarchy: Hierarchy, project: Project) -> dict[int, float]:
    """The share of the rows that show each level: one level, or of a local recoding ever fewer for wider ones."""
    top = hierarchy.height - 1
    lowest = column.lowest_level
    highest = top if column.highest_level is None else column.highest_level
    if column.role == "sensitive":
        return {0: 1.0}
    if project.recoding.kind == "global":
        return {lowest: 1.0}
    raw = {level: WIDER_SHARE ** (level - lowest) for level in range(lowest, highest + 1)}
    return {level: share / sum(raw.values()) for level, share in raw.items()}


def _share_leaves(column: DeclaredColumn, own: TwinColumn, agreed: AgreedColumns) -> FloatArray:
    """The share of the rows whose true value would be each leaf: a bell over the range of a scale, otherwise equal."""
    leaves = agreed.hierarchies[column.name].leaves
    known = np.array([leaf not in (UNKNOWN_VALUE, EVERYTHING_VALUE) for leaf in leaves])
    places = np.array([own.positions[own.label_codes[leaf]] for leaf in leaves])
    shares = known.astype(np.float64)
    if column.attribute == "jaargroep" and agreed.project.population.jaargroep is not None:
        shares = np.array([float(leaf in agreed.project.population.jaargroep) for leaf in leaves])
    if column.numeric:
        low, high = _find_range(column, agreed.catalogue, places[known])
        deviation = max(high - low, 1e-9) / DEVIATIONS_IN_SCALE
        shares = np.where(known, np.exp(-0.5 * ((places - (low + high) / 2) / deviation) ** 2), 0.0)
        shares[known & ((places < low) | (places > high))] = 0.0
    if not shares.sum():
        shares = known.astype(np.float64)
    unknown = UNKNOWN_SHARE if UNKNOWN_VALUE in leaves else 0.0
    shares *= (1 - unknown) / shares.sum()
    return np.where(np.array(leaves) == UNKNOWN_VALUE, unknown, shares)


def _find_range(column: DeclaredColumn, catalogue: Catalogue, places: FloatArray) -> tuple[float, float]:
    """The range of the scale of a score as the list of tests has it, otherwise that of the bands."""
    own = column.results[0]
    tests = [test for test in catalogue.tests if (test.domein, test.schaal) == (own.domein, own.schaal)]
    tests = [test for test in tests if test.moment in (None, own.moment)]
    if column.difference is not None or own.value != "vaardigheidsscore" or not tests:
        return float(places.min()), float(places.max())
    return float(min(test.lowest for test in tests)), float(max(test.highest for test in tests))


def _correlate(features: tuple[Feature, ...], project: Project) -> FloatArray:
    results = {column.name for column in project.columns if column.results}
    special = {column.name for column in project.columns if column.legal_ground is not None}
    correlations = np.eye(len(features))
    for first, one in enumerate(features):
        for second, other in enumerate(features):
            both = {one.column, other.column}
            if one.column != other.column and one.kind == other.kind == "value" and both <= results - special:
                correlations[first, second] = CORRELATION_OF_SCORES
            elif one.column == other.column and first != second:
                correlations[first, second] = np.nan
    return correlations
