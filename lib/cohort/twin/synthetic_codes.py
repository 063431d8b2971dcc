"""Rows of a twin as codes of labels, drawn from its model alone.

Unordered columns are drawn one after the other, each given at most one other. The ordered ones come from one normal
vector per row, shifted by the labels of the unordered ones (a Gaussian copula): by its rank among all rows a number
becomes the label that has that place in the column. The shifts and correlations of the normal vector are searched for,
until the figures of the rows are those of the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cohort.sdc import UNKNOWN_VALUE
from cohort.twin.twin_columns import EVERYTHING_VALUE, FloatArray, IntArray, TwinColumn
from cohort.twin.twin_model import FEWEST_ROWS, FigureCounts, TwinFigures, TwinModel

ROUNDS = 30
"""Rounds of the search for shifts and correlations."""
ROWS_OF_SEARCH = 20_000
"""The search is made on so many of the rows."""
SMALLEST_EIGENVALUE = 1e-6
Codes = dict[str, IntArray]


def draw_codes(model: TwinModel, rows: int, random: np.random.Generator) -> Codes:
    """Draw rows.

    Args:
        model: what they are drawn from.
        rows: how many.
        random: the source of chance; the same one gives the same rows.

    Returns:
        The code of each row's label, by column, in no order.
    """
    codes = _draw_unordered(model, rows, random)
    noise = _make_white(random.standard_normal((rows, len(model.features))))
    ties = random.standard_normal((rows, sum(column.ordered for column in model.columns)))
    searched = slice(0, ROWS_OF_SEARCH)
    few = {name: own[searched] for name, own in codes.items()}
    drawn = _Drawn(model, few, _make_white(noise[searched]), ties[searched])
    return _Drawn(model, codes, noise, ties).realise(*drawn.search())


@dataclass(frozen=True)
class _Drawn:
    """Rows whose unordered columns and normal numbers are drawn: one for each feature, and one for each ordered column.

    The latter decides where nothing is told of a column, as where all its labels have one place on the scale.
    """

    model: TwinModel
    unordered: Codes
    noise: FloatArray
    ties: FloatArray

    def search(self) -> tuple[dict[str, FloatArray], FloatArray]:
        """Search for the shifts and the correlations with which the rows have the figures of the model."""
        wanted = self.model.figures
        shifts = {name: np.nan_to_num(means) for name, means in wanted.means.items()}
        correlations = _nearest_correlations(np.nan_to_num(wanted.correlations))
        best, least = (shifts, correlations), np.inf
        for _ in range(ROUNDS):
            found = self._measure(self.realise(shifts, correlations))
            distance = _distance(found, wanted)
            if distance < least:
                best, least = (shifts, correlations), distance
            shifts = {
                name: shifts[name] + _missing_part(means, found.means[name]) for name, means in wanted.means.items()
            }
            change = _missing_part(wanted.correlations, found.correlations)
            correlations = _nearest_correlations(correlations + change)
        return best

    def realise(self, shifts: dict[str, FloatArray], correlations: FloatArray) -> Codes:
        """Make the rows from shifts and correlations."""
        numbers = self.noise @ np.linalg.cholesky(correlations).T
        for name, shift in shifts.items():
            numbers += shift[self.unordered[name]]
        codes = dict(self.unordered)
        by_column: dict[str, dict[str, FloatArray]] = {}
        for place, feature in enumerate(self.model.features):
            by_column.setdefault(feature.column, {})[feature.kind] = numbers[:, place]
        ordered = [column for column in self.model.columns if column.ordered]
        for place, column in enumerate(ordered):
            own = {"value": self.ties[:, place], **by_column.get(column.name, {})}
            codes[column.name] = _label_by_rank(column, self.model.weights[column.name], own)
        return codes

    def _measure(self, codes: Codes) -> TwinFigures:
        unordered = tuple(column for column in self.model.columns if not column.ordered)
        counts = FigureCounts(self.model.features, unordered)
        counts.add(codes)
        return counts.figures(FEWEST_ROWS)  # the mean of few rows is chance, and no shift shall make up for it


def _draw_unordered(model: TwinModel, rows: int, random: np.random.Generator) -> Codes:
    """Draw the unordered columns: those that depend on none first, the others in the order of the model's pairs."""
    unordered = [column.name for column in model.columns if not column.ordered]
    codes: Codes = {}
    for name in unordered:
        if name not in model.pairs:
            codes[name] = random.permutation(_spread(model.weights[name], rows))
    for name, pair in model.pairs.items():
        own = np.zeros(rows, dtype=np.int64)
        for parent, weights in enumerate(pair.weights):
            here = np.flatnonzero(codes[pair.parent] == parent)
            if len(here):
                shares = weights if weights.sum() > 0 else model.weights[name]
                own[here] = random.permutation(_spread(shares, len(here)))
        codes[name] = own
    return codes


def _spread(weights: FloatArray, rows: int) -> IntArray:
    """Codes in ascending order, each as often as its weight says, to within one row."""
    ends = np.cumsum(weights) / weights.sum()
    codes: IntArray = np.searchsorted(ends, (np.arange(rows) + 0.5) / rows).astype(np.int64)
    return np.minimum(codes, int(np.flatnonzero(weights)[-1]))


def _label_by_rank(column: TwinColumn, weights: FloatArray, numbers: dict[str, FloatArray]) -> IntArray:
    """Give the highest numbers of `unknown` no value, then of `generalised`; the others their place on the scale."""
    rows = len(numbers["value"])
    codes = np.full(rows, -1, dtype=np.int64)
    for kind, label in (("unknown", UNKNOWN_VALUE), ("generalised", EVERYTHING_VALUE)):
        code = column.code_of(label)
        share = 0.0 if code is None else float(weights[code] / weights.sum())
        free = np.flatnonzero(codes < 0)
        missing = min(len(free), round(share * rows))
        if code is not None and missing:
            order = free[np.argsort(numbers.get(kind, numbers["value"])[free], kind="stable")]
            codes[order[len(order) - missing :]] = code
    free = np.flatnonzero(codes < 0)
    if len(free):
        shown = np.where(np.isnan(column.positions), 0.0, weights)
        shown = shown if shown.any() else weights  # what rounding left of a column that shows no value
        order = free[np.argsort(numbers["value"][free], kind="stable")]
        codes[order] = _spread(shown, len(free))
    return codes


def _make_white(noise: FloatArray) -> FloatArray:
    """Make normal numbers uncorrelated in these very rows: a small twin is as near to its model as a large one."""
    centred: FloatArray = noise - noise.mean(axis=0)
    if len(noise) <= 2 * noise.shape[1]:
        return centred
    root = np.linalg.cholesky(centred.T @ centred / len(noise))
    return np.linalg.solve(root, centred.T).T


def _nearest_correlations(wanted: FloatArray) -> FloatArray:
    """The nearest matrix that is one of correlations: symmetric, positive, with ones on its diagonal."""
    symmetric = np.clip((wanted + wanted.T) / 2, -0.995, 0.995)
    np.fill_diagonal(symmetric, 1.0)
    values, vectors = np.linalg.eigh(symmetric)
    positive = (vectors * np.maximum(values, SMALLEST_EIGENVALUE)) @ vectors.T
    scale = np.sqrt(np.diag(positive))
    correlations: FloatArray = positive / np.outer(scale, scale) + np.eye(len(positive)) * SMALLEST_EIGENVALUE
    return correlations


def _missing_part(wanted: FloatArray, found: FloatArray) -> FloatArray:
    """What is missing of the wanted figures; nothing where one of both is not told."""
    return np.nan_to_num(wanted - found)


def _distance(found: TwinFigures, wanted: TwinFigures) -> float:
    parts = [_missing_part(means, found.means[name]) for name, means in wanted.means.items()]
    return float(sum((part**2).sum() for part in (*parts, _missing_part(wanted.correlations, found.correlations))))
