"""The outcome of a search: one level per column, and the classes that are released."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cohort.recoding.coding import Coding, Levels
from cohort.recoding.loss import Loss

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class GlobalRecoding:
    """One level for every column; pupils in no released class are suppressed.

    Takes: the coding, the levels, the loss; how many pupils are suppressed; the masked code and the number
    of pupils of every released class; how many of the lattice's vectors the search tried.
    """

    coding: Coding
    levels: Levels
    loss: Loss
    suppressed: int
    class_codes: Numbers = field(repr=False)
    class_pupils: Numbers = field(repr=False)
    tried: int
    nodes: int

    @property
    def released(self) -> int:
        """The number of pupils released."""
        return int(self.class_pupils.sum())

    @property
    def classes(self) -> int:
        """The number of classes released."""
        return len(self.class_codes)

    @property
    def mask(self) -> int:
        """A pupil is released when `code & mask` is one of the class codes."""
        return self.coding.mask(self.levels)

    def class_table(self, names: Sequence[str]) -> pa.Table:
        """The classes, to be joined to the pupils.

        Takes: the released name of every column.
        Gives: `class_code` (int64, masked), `class_nr` (int32, counted from 0 in the order of the
        released labels, so that it says nothing that they do not), a string per column, `pupils` (int64);
        in the order of `class_nr`.
        """
        labels = self.coding.labels(self.class_codes, self.levels)
        order = np.lexsort(labels[::-1])
        columns: dict[str, pa.Array[Any]] = {
            "class_code": pa.array(self.class_codes[order], pa.int64()),
            "class_nr": pa.array(np.arange(self.classes, dtype=np.int32), pa.int32()),
        }
        for name, released in zip(names, labels, strict=True):
            if name in columns or name == "pupils":
                raise ValueError(f"the column name {name} occurs twice in the class table")
            columns[name] = pa.array(released[order].tolist(), pa.string())
        columns["pupils"] = pa.array(self.class_pupils[order], pa.int64())
        return pa.table(columns)
