"""Numeric columns.

bands               NumericBands: declared bands as a hierarchy.
band_labels         The bounds that the label of a band states.
quantiles           QuantileBands: bands from the cohort's own values, with boundaries safe to publish.
microaggregation    Microaggregation: a measure released as the rounded mean of its class.
class_means         ClassMeanRule: the rounded mean of a class, where it gives nobody away.
pooled_covariance   The covariance matrix within classes, pooled over all classes of a group.
"""

from __future__ import annotations

from cohort.sdc.numeric.band_labels import LabelBounds, list_band_bounds, parse_band_label
from cohort.sdc.numeric.bands import EdgeNotation, NumericBands, make_band_edges
from cohort.sdc.numeric.class_means import ClassMeanRule, ClassScores, find_comparable
from cohort.sdc.numeric.pooled_covariance import (
    EVERYBODY_ELSE,
    CovarianceRule,
    GroupContributors,
    PooledCovariance,
    WithinClassSums,
    column_pairs,
    pool_covariances,
)
from cohort.sdc.numeric.quantiles import MAX_QUANTILE_GROUPS, QuantileBands

__all__ = [
    "EVERYBODY_ELSE",
    "MAX_QUANTILE_GROUPS",
    "ClassMeanRule",
    "ClassScores",
    "CovarianceRule",
    "EdgeNotation",
    "GroupContributors",
    "LabelBounds",
    "NumericBands",
    "PooledCovariance",
    "QuantileBands",
    "WithinClassSums",
    "column_pairs",
    "find_comparable",
    "list_band_bounds",
    "make_band_edges",
    "parse_band_label",
    "pool_covariances",
]
