"""What a reader needs to know of a release's columns: which values of which level occur."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cohort.sdc.model.recoding import Recoding


def build_data_dictionary(
    recoding: Recoding, names: Sequence[str], as_they_are: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Per column the values that are released, by level, with the share of released pupils at that level.

    Takes: the recoding, the released name of every column, the values of those that it does not generalise.
    Gives: `{column: {"loss": …, "levels": [{"level", "share", "values"}]}}`; losses and shares in whole per
    cents. Values are those of the published table, so they tell nothing that it does not.
    """
    told: dict[str, Any] = dict.fromkeys(names)
    for name, values in as_they_are.items():
        told[name] = {"loss": 0.0, "levels": [{"level": 0, "share": 1.0, "values": sorted(values)}]}
    for column, name in enumerate(name for name in names if name not in as_they_are):
        levels = recoding.levels[:, column]
        shown = []
        for level in np.unique(levels).tolist():
            at = levels == level
            share = float(recoding.pupils[at].sum()) / recoding.released
            values = sorted(set(recoding.labels[column][at].tolist()))
            shown.append({"level": level, "share": round(share, 2), "values": values})
        told[name] = {"loss": round(recoding.column_losses[column], 2), "levels": shown}
    return told
