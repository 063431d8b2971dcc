"""The model of a twin from a published anonymous table: counts of labels, of pairs of labels, means and correlations.

Counts are rounded and hidden as all shown ones are, other figures are in hundredths; so the twin tells no more than
these. Of a column of special-category results nothing is taken: how many pupils show a value would tell how many
consented. Its labels are those of the agreement, and depend on nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cohort.agreements import CountRounding
from cohort.research_files import read_published_batches
from cohort.storage import StoragePath
from cohort.twin.twin_columns import FloatArray, IntArray, TwinColumn
from cohort.twin.twin_model import FigureCounts, PairOfColumns, TwinModel, make_features

Codes = Mapping[str, IntArray]


@dataclass(frozen=True)
class LabelCounts:
    """How many rows of a table show each label, and each pair of labels of two unordered columns."""

    labels: dict[str, IntArray]
    pairs: dict[tuple[str, str], npt.NDArray[Any]]


def take_figures(
    table: StoragePath, columns: tuple[TwinColumn, ...], agreed_weights: Mapping[str, FloatArray], shown: CountRounding
) -> TwinModel:
    """Take the model of a twin from a published table.

    Args:
        table: the folder of the table.
        columns: its columns.
        agreed_weights: the weights of the labels of those columns of which nothing may be taken from the table.
        shown: the platform's rules on counts that are shown.
    """
    taken = tuple(column for column in columns if column.name not in agreed_weights)
    counts = _count_labels(table, taken)
    weights = {name: _show_counts(own, shown) for name, own in counts.labels.items()}
    features = make_features(taken, weights)
    unordered = tuple(column for column in taken if not column.ordered)
    sums = FigureCounts(features, unordered)
    for codes in _read_codes(table, taken):
        sums.add(codes)
    free = {column.name: agreed_weights[column.name] for column in columns if column.name in agreed_weights}
    figures = sums.figures(fewest_in_group=shown.hide_up_to + 1).rounded()
    pairs = _choose_pairs(unordered, counts, shown)
    return TwinModel(columns, {**weights, **free}, pairs, features, figures)


def _read_codes(table: StoragePath, columns: tuple[TwinColumn, ...]) -> Iterator[Codes]:
    """Yield the rows of a table in parts, as codes of labels."""
    names = [column.name for column in columns]
    for batch in read_published_batches(table, names, names):
        codes = {}
        for column in columns:
            values: Any = batch.column(column.name)
            # a dictionary may have a value that no row of the file shows any more
            code_of = [column.label_codes.get(value, 0) for value in values.dictionary.to_pylist()]
            codes[column.name] = np.array(code_of, dtype=np.int64)[values.indices.to_numpy(zero_copy_only=False)]
        yield codes


def _count_labels(table: StoragePath, columns: tuple[TwinColumn, ...]) -> LabelCounts:
    unordered = [column for column in columns if not column.ordered]
    labels = {column.name: np.zeros(len(column.labels), dtype=np.int64) for column in columns}
    pairs: dict[tuple[str, str], npt.NDArray[Any]] = {
        (one.name, other.name): np.zeros((len(one.labels), len(other.labels)), dtype=np.int64)
        for place, one in enumerate(unordered)
        for other in unordered[place + 1 :]
    }
    for codes in _read_codes(table, columns):
        for name, own in labels.items():
            own += np.bincount(codes[name], minlength=len(own))
        for (one, other), joint in pairs.items():
            both = codes[one] * joint.shape[1] + codes[other]
            joint += np.bincount(both, minlength=joint.size).reshape(joint.shape)
    return LabelCounts(labels, pairs)


def _show_counts(counts: IntArray, shown: CountRounding) -> FloatArray:
    """Counts as they may be shown; of one that is hidden no more than that there are some."""
    some = (shown.hide_up_to + 1) / 2
    weights = [0.0 if count == 0 else float(shown.round_count(count) or some) for count in counts.tolist()]
    return np.array(weights)


def _choose_pairs(
    unordered: tuple[TwinColumn, ...], counts: LabelCounts, shown: CountRounding
) -> dict[str, PairOfColumns]:
    """Choose for each unordered column the one that tells most of it (the tree of Chow and Liu, 1968)."""
    tables = {
        names: np.array([[float(shown.round_count(cell) or 0) for cell in row] for row in table.tolist()])
        for names, table in counts.pairs.items()
    }
    tables.update({(other, one): table.T for (one, other), table in list(tables.items())})
    if not unordered:
        return {}
    reached, pairs = [unordered[0].name], dict[str, PairOfColumns]()
    left = [column.name for column in unordered[1:]]
    while left:
        parent, name = max(
            ((parent, name) for parent in reached for name in left), key=lambda pair: _mutual_information(tables[pair])
        )
        pairs[name] = PairOfColumns(parent, tables[parent, name])
        reached.append(name)
        left.remove(name)
    return pairs


def _mutual_information(table: FloatArray) -> float:
    """What one of two columns tells of the other, in nats."""
    total = table.sum()
    if total == 0:
        return 0.0
    shares = table / total
    alone = np.outer(shares.sum(axis=1), shares.sum(axis=0))
    occurs = shares > 0
    return float((shares[occurs] * np.log(shares[occurs] / alone[occurs])).sum())
