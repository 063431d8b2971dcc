"""Numeric columns.

bands               NumericBands: declared bands as a hierarchy.
band_labels         The bounds that the label of a band states.
quantiles           QuantileBands: bands from the cohort's own values, with boundaries safe to publish.
microaggregation    Microaggregation: a measure released as the rounded mean of its class.
"""

from __future__ import annotations

from cohort.sdc.numeric.band_labels import LabelBounds, list_band_bounds, parse_band_label
from cohort.sdc.numeric.bands import EdgeNotation, NumericBands, make_band_edges
from cohort.sdc.numeric.quantiles import MAX_QUANTILE_GROUPS, QuantileBands

__all__ = [
    "MAX_QUANTILE_GROUPS",
    "EdgeNotation",
    "LabelBounds",
    "NumericBands",
    "QuantileBands",
    "list_band_bounds",
    "make_band_edges",
    "parse_band_label",
]
