"""The rows of a published table as numbers: every value by its code in the codebook, bounds as they are.

A value without a code is a defect: the codebook was made from the same rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from cohort.research_files import Codebook, CodebookVariable, read_published_batches
from cohort.storage import StoragePath


def read_coded_rows(table: StoragePath, book: Codebook) -> pd.DataFrame:
    """Read a published table.

    Args:
        table: the folder of the table.
        book: its codebook.

    Returns:
        The rows in their order, with a column per variable: codes (int32), bounds (nullable whole numbers), class means
        (double, NaN for null), and pseudonyms as text.
    """
    names = [variable.name for variable in book.variables]
    texts = [variable.name for variable in book.variables if variable.kind == "category"]
    parts: dict[str, list[Any]] = {name: [] for name in names}
    for batch in read_published_batches(table, names, texts):
        for variable in book.variables:
            parts[variable.name].append(_code_column(batch.column(variable.name), variable))
    return pd.DataFrame({variable.name: _join(parts[variable.name], variable) for variable in book.variables})


def _code_column(column: Any, variable: CodebookVariable) -> Any:
    if variable.kind == "category":
        code_of = {category.value: category.code for category in variable.categories}
        # a dictionary may have a value that no row of the file shows any more
        codes = [code_of.get(value, 0) for value in column.dictionary.to_pylist()]
        return np.array(codes, dtype=np.int32)[column.indices.to_numpy(zero_copy_only=False)]
    if variable.kind == "bound":
        return column.to_pandas(types_mapper=lambda _: pd.Int32Dtype())
    if variable.kind == "mean":
        return column.cast(pa.float64()).to_pandas()
    return column.to_pandas()


def _join(parts: list[Any], variable: CodebookVariable) -> Any:
    if variable.kind == "category":
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)
    kinds: dict[str, Any] = {"bound": pd.Int32Dtype(), "mean": np.float64}
    kind = kinds.get(variable.kind, object)
    return pd.concat(parts, ignore_index=True) if parts else pd.Series([], dtype=kind)
