"""The class means of a twin: within their labels, equal for equal labels, and usable by the code for class means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pandas as pd
import pytest
from tests.unit.drawn_twin import NAME, leergroei, publish_rows
from tests.unit.test_class_mean_examples import PYTHON

from cohort.agreements.project import Project
from cohort.twin import TwinRequest, make_twin

WITH_MEAN = ("rekenen_M", "rekenen_E")


def leergroei_with_means() -> Project:
    declared = leergroei()
    columns = [one.model_copy(update={"show": "mean"}) if one.name in WITH_MEAN else one for one in declared.columns]
    return declared.model_copy(update={"columns": columns})


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Path]:
    """The rows of a twin from the agreement, the matrices that stand beside it, and where both are."""
    environment, _ = publish_rows(tmp_path_factory.mktemp("twin"))
    record = make_twin(environment, leergroei_with_means(), TwinRequest(("parquet",), "nl", rows=4000))
    rows = deltalake.DeltaTable(environment.zones.twin_table(NAME)).to_pyarrow_table().to_pandas()
    files = Path(str(environment.zones.twin(NAME))) / record.twin
    return rows, pd.read_csv(f"{files}.covariances.csv"), files


def test_a_mean_lies_within_its_label_and_there_is_none_without_bounds(twin: tuple[Any, Any, Path]) -> None:
    rows = twin[0]
    for name in WITH_MEAN:
        has_bounds = rows[f"{name}_van"].notna() & rows[f"{name}_tot"].notna()
        means = rows[f"{name}_gemiddelde"]
        assert (means.notna() == has_bounds).all()
        assert has_bounds.any()
        shown = means[has_bounds].astype(float)
        assert (shown >= rows[f"{name}_van"][has_bounds]).all()
        assert (shown <= rows[f"{name}_tot"][has_bounds]).all()


def test_rows_with_the_same_labels_have_the_same_means(twin: tuple[Any, Any, Path]) -> None:
    rows = twin[0]
    labels = [column.name for column in leergroei_with_means().quasi_identifiers]
    by_labels = rows.groupby(labels)[[f"{name}_gemiddelde" for name in WITH_MEAN]]
    assert (by_labels.nunique(dropna=False) == 1).all().all()


def test_columns_without_a_mean_have_none(twin: tuple[Any, Any, Path]) -> None:
    assert [name for name in twin[0].columns if name.endswith("_gemiddelde")] == [
        f"{name}_gemiddelde" for name in WITH_MEAN
    ]


def test_the_matrix_beside_it_is_one_of_covariances(twin: tuple[Any, Any, Path]) -> None:
    matrix = twin[1][list(WITH_MEAN)].to_numpy()
    assert (matrix == matrix.T).all()
    assert (np.linalg.eigvalsh(matrix) > 0).all()


def test_the_code_for_class_means_runs_on_the_twin(twin: tuple[Any, Any, Path]) -> None:
    names: dict[str, Any] = {}
    folder, name = twin[2].parent, twin[2].name
    exec(PYTHON.replace("…", str(folder)).replace("leergroei-1", name), names)  # the page's own text
    assert np.isfinite(names["covariance"].to_numpy()).all()
