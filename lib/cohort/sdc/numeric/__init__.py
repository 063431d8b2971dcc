"""Numeric columns.

bands               NumericBands: declared bands as a hierarchy.
quantiles           QuantileBands: bands from the cohort's own values, with boundaries safe to publish.
microaggregation    Microaggregation: a measure released as the rounded mean of its class.
"""

from __future__ import annotations

from cohort.sdc.numeric.bands import EdgeNotation, NumericBands, make_band_edges

__all__ = ["EdgeNotation", "NumericBands", "make_band_edges"]
