"""The data dictionary of a release: which values each released column shows, at which level of its hierarchy.

It tells nothing that the published table does not show, so the public record carries it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cohort.release_records import DataDictionary, DataDictionaryColumn, DataDictionaryLevel
from cohort.sdc import Recoding


def build_data_dictionary(
    recoding: Recoding, names: Sequence[str], values_by_column: Mapping[str, Sequence[str]]
) -> DataDictionary:
    """Describe every released column.

    Args:
        recoding: the classes with their labels.
        names: the names of all released columns, in order.
        values_by_column: the values of the columns that are not generalised.
    Returns:
        Per column its loss and its levels, in order of `names`; losses and shares of pupils in whole per cents.
    """
    described: DataDictionary = dict.fromkeys(names)
    for name, values in values_by_column.items():
        level = DataDictionaryLevel(level=0, share=1.0, values=tuple(sorted(values)))
        described[name] = DataDictionaryColumn(loss=0.0, levels=(level,))
    for column, name in enumerate(name for name in names if name not in values_by_column):
        described[name] = DataDictionaryColumn(
            loss=round(recoding.column_losses[column], 2), levels=_levels_of(recoding, column)
        )
    return described


def _levels_of(recoding: Recoding, column: int) -> tuple[DataDictionaryLevel, ...]:
    levels = recoding.levels[:, column]
    described = []
    for level in np.unique(levels).tolist():
        at_level = levels == level
        share = float(recoding.pupils[at_level].sum()) / recoding.released_pupils
        values = tuple(sorted(set(recoding.labels[column][at_level].tolist())))
        described.append(DataDictionaryLevel(level=level, share=round(share, 2), values=values))
    return tuple(described)
