"""A release read as a density of exact values, which an attacker evaluates to guess, to link and to single out.

f(x) = Σ over the classes n/N · Π over the columns q(x_c | label_c), where q is the marginal of the column, restricted
to the leaves under the label. The attacker knows the release and the marginals of the cohort.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cohort.sdc.model import BoolArray, FloatArray, Int32Array, IntArray, Recoding

CELLS_PER_BATCH = 1 << 20
"""Pairs of a target and a class that are compared at once."""

_SMOOTHING = 1e-3
"""Added to the count of every leaf, so that a value that does not occur in the release's half is not impossible."""

Pairs = tuple[IntArray, IntArray]
"""Pairs of a target of the batch and a class, by target."""


class ReleaseDensity:
    """The density of a release.

    q depends on a class only by its label. So it is kept by label, and classes are added up by label before values are
    weighed; a class whose label excludes a known value of the target has density 0 and is left out.

    Args:
        recoding: the release.
        marginals: per column the pupils with each leaf, as the attacker knows them.
    """

    def __init__(self, recoding: Recoding, marginals: Sequence[IntArray]) -> None:
        self._class_sizes = recoding.pupils.astype(np.float64)
        # Half a pupil more for every leaf: the ratio to a value that does not occur stays bounded.
        self._marginals = [(marginal + 0.5) / (marginal + 0.5).sum() for marginal in marginals]
        self._label_of_class, self._values, self._excludes = [], [], []
        for column, marginal in enumerate(marginals):
            first_class, label_of_class = _number_labels(recoding, column)
            under = leaves_under_labels(recoding, column, first_class)
            weights = np.where(under, marginal + _SMOOTHING, 0.0)
            self._label_of_class.append(label_of_class)
            self._values.append(weights / weights.sum(axis=1, keepdims=True))  # q, [label, leaf]
            self._excludes.append(np.ascontiguousarray(~under[label_of_class].T))  # [leaf, class]

    @property
    def columns(self) -> int:
        """The number of columns."""
        return len(self._values)

    def guess_each_column(self, targets: Int32Array) -> IntArray:
        """The best guess of each column of the targets from all other columns.

        Args:
            targets: the exact values, `[column, target]`; a column's own values play no part in its guess.

        Returns:
            The guessed leaves, `[column, target]`.
        """
        guesses = np.empty(targets.shape, dtype=np.int64)
        for batch in self._batches(targets.shape[1]):
            pairs = self._find_pairs(targets[:, batch], range(self.columns), most_excluded=1)
            factors = [self._factors(targets[column, batch], pairs, column) for column in range(self.columns)]
            # The product of the columns after each one; that of the columns before it grows in the loop.
            after = [np.ones(len(pairs[0]))]
            for factor in reversed(factors[1:]):
                after.append(after[-1] * factor)
            before = self._class_sizes[pairs[1]]
            for column, factor in enumerate(factors):
                guesses[column, batch] = self._best_leaves(pairs, before * after.pop(), column, batch)
                before = before * factor
        return guesses

    def guess_from_known(self, targets: Int32Array, known: Sequence[int], secrets: Sequence[int]) -> IntArray:
        """The best guess of some columns of the targets from the columns that are known, `[secret, target]`."""
        guesses = np.empty((len(secrets), targets.shape[1]), dtype=np.int64)
        for batch in self._batches(targets.shape[1]):
            pairs = self._find_pairs(targets[:, batch], known, most_excluded=0)
            weights = self._class_sizes[pairs[1]]
            for column in known:
                weights = weights * self._factors(targets[column, batch], pairs, column)
            for place, secret in enumerate(secrets):
                guesses[place, batch] = self._best_leaves(pairs, weights, secret, batch)
        return guesses

    def score_links(self, targets: Int32Array, known: Sequence[int], linked: Sequence[int]) -> FloatArray:
        """How likely the linked columns of one target belong to the known columns of another.

        Returns:
            f(known columns of i, linked columns of j) / Π marginal(linked columns of j), `[i, j]`: relative to the
            marginal, a frequent value is no better a link than a rare one.
        """
        number = targets.shape[1]
        scores = np.zeros((number, number))
        step = max(CELLS_PER_BATCH // max(number, 1), 1)
        for begin in range(0, len(self._class_sizes), step):
            classes = slice(begin, begin + step)
            weights = np.tile(self._class_sizes[classes], (number, 1))
            for column in known:
                weights *= self._values[column].T[targets[column]][:, self._label_of_class[column][classes]]
            likelihood = np.ones_like(weights)
            for column in linked:
                relative = (self._values[column] / self._marginals[column]).T[targets[column]]
                likelihood *= relative[:, self._label_of_class[column][classes]]
            scores += weights @ likelihood.T
        return scores

    def draw_records(self, number: int, rng: np.random.Generator) -> IntArray:
        """Exact records drawn from the density, `[column, record]`."""
        classes = rng.choice(len(self._class_sizes), number, p=self._class_sizes / self._class_sizes.sum())
        records = np.empty((self.columns, number), dtype=np.int64)
        for column, values in enumerate(self._values):
            cumulative = np.cumsum(values, axis=1)[self._label_of_class[column][classes]]
            drawn = rng.random(number)[:, np.newaxis] * cumulative[:, -1:]
            records[column] = np.minimum((cumulative <= drawn).sum(axis=1), values.shape[1] - 1)
        return records

    def _batches(self, targets: int) -> Iterator[slice]:
        size = max(CELLS_PER_BATCH // max(len(self._class_sizes), 1), 1)
        for begin in range(0, targets, size):
            yield slice(begin, min(begin + size, targets))

    def _find_pairs(self, targets: Int32Array, columns: Sequence[int], *, most_excluded: int) -> Pairs:
        """Targets and classes whose labels exclude the target in at most so many of the columns."""
        excluded = np.zeros((targets.shape[1], len(self._class_sizes)), dtype=np.uint8)
        for column in columns:
            excluded += self._excludes[column][targets[column]]
        rows, classes = np.nonzero(excluded <= most_excluded)
        return rows, classes

    def _factors(self, leaves: Int32Array, pairs: Pairs, column: int) -> FloatArray:
        """q of the target's leaf in each pair."""
        rows, classes = pairs
        factors: FloatArray = self._values[column][self._label_of_class[column][classes], leaves[rows]]
        return factors

    def _best_leaves(self, pairs: Pairs, weights: FloatArray, column: int, batch: slice) -> IntArray:
        """The most likely leaf of a column for each target; that of the marginal where no class fits the target."""
        rows, classes = pairs
        targets, labels = batch.stop - batch.start, len(self._values[column])
        cell = rows * labels + self._label_of_class[column][classes]
        by_label = np.bincount(cell, weights, minlength=targets * labels).reshape(targets, labels)
        likelihood = by_label @ self._values[column]
        best: IntArray = likelihood.argmax(axis=1)
        best[likelihood.max(axis=1) <= 0] = int(self._marginals[column].argmax())
        return best


def leaves_under_labels(recoding: Recoding, column: int, classes: IntArray | None = None) -> BoolArray:
    """Whether each leaf of a column lies under the label of each class, `[class, leaf]`; of all classes by default."""
    hierarchy = recoding.coding.hierarchies[column]
    group = np.stack([hierarchy.groups(level) for level in range(hierarchy.height)])
    chosen = slice(None) if classes is None else classes
    level, leaf = recoding.levels[chosen, column], recoding.leaves[chosen, column]
    under: BoolArray = group[level] == group[level, leaf][:, np.newaxis]
    return under


def _number_labels(recoding: Recoding, column: int) -> tuple[IntArray, IntArray]:
    """For each label of a column one class that has it, and for each class the number of its label."""
    hierarchy = recoding.coding.hierarchies[column]
    group = np.stack([hierarchy.groups(level) for level in range(hierarchy.height)])
    level, leaf = recoding.levels[:, column].astype(np.int64), recoding.leaves[:, column]
    _, first_class, number = np.unique(
        level * group.shape[1] + group[level, leaf], return_index=True, return_inverse=True
    )
    return first_class, number
