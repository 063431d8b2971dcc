"""The twin of a project: synthetic rows with the schema, labels, codes and formats of its table, for writing analyses.

In: the agreement and, where one is published, the anonymous table. Out: `twins/<project>`, a table with its files and
codebook, which everybody may read. No row is a pupil, and nothing is taken from the table but rounded figures about one
or two columns. Called by the job `twin`.

    twin_columns        every label that a column can show, with its place on the scale
    twin_model          what a twin is drawn from: figures about columns and pairs of columns
    table_figures       the model from a published table
    agreement_figures   the model from the agreement alone
    synthetic_codes     rows drawn from a model, as codes
    synthetic_means     class means of drawn rows, and their covariance matrices
    synthetic_rows      the same with labels, bounds and pseudonyms
    twin_source         what a twin may be made from
    twin_making         the verb: drawn, and written in the place of an earlier one
"""

from __future__ import annotations

from cohort.twin.twin_making import LARGEST_TWIN, SMALLEST_TWIN, TwinRecord, TwinRequest, make_twin
from cohort.twin.twin_source import find_twin_source

__all__ = ["LARGEST_TWIN", "SMALLEST_TWIN", "TwinRecord", "TwinRequest", "find_twin_source", "make_twin"]
