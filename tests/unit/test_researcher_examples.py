"""The examples of docs/researcher.md, run as they stand on a table and its exported files."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.unit.drawn_codebook import drawn_rows
from tests.unit.test_table_exports import export

PAGE = Path(__file__).parents[2] / "docs" / "researcher.md"
EXAMPLES = re.findall(r"^```(\w+)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
RSCRIPT = shutil.which("Rscript")


def examples(language: str) -> list[Any]:
    found = [text for name, text in EXAMPLES if name == language]
    return [pytest.param(text, id=f"{language} {place}") for place, text in enumerate(found, start=1)]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the table and the files that the examples name."""
    home = tmp_path_factory.mktemp("examples")
    folder, _ = export(home)
    own = home / "root"
    shutil.copytree(own / "projects" / "proef", own / "projects" / "leergroei")
    for file in folder.glob("proef-1.*"):
        (own / "files" / "leergroei").mkdir(exist_ok=True)
        shutil.copy(file, own / "files" / "leergroei" / file.name.replace("proef", "leergroei"))
    return own


def rows_of(table: Any) -> list[tuple[Any, ...]]:
    """The rows of a frame of Spark, polars or pandas, with None for null."""
    if hasattr(table, "toPandas"):
        table = table.toPandas()
    rows = table.rows() if hasattr(table, "rows") else table.astype(object).where(table.notna(), None).to_numpy()
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("text", examples("python"))
def test_an_example_in_python_reads_every_row(text: str, root: Path, spark: SparkSession) -> None:
    names: dict[str, Any] = {"spark": spark}
    exec(text.replace("…", str(root)), names)  # the page's own text
    rows = rows_of(names["table"])
    drawn = [tuple(row.values()) for row in drawn_rows().to_pylist()]
    if "read_sav" in text:  # labels in place of values
        assert [row[0] for row in rows[:1] + rows[-40:-39]] == ["boy", "girl"]
        assert len(rows) == len(drawn)
    else:
        assert rows == drawn


@pytest.mark.skipif(RSCRIPT is None, reason="no R on this machine (Debian: r-base-core, r-cran-haven)")
@pytest.mark.parametrize("text", examples("r"))
def test_an_example_in_r_has_labels_and_missing_values(text: str, root: Path) -> None:
    assert RSCRIPT is not None
    has_haven = subprocess.run([RSCRIPT, "-e", "library(haven)"], capture_output=True, check=False).returncode == 0
    if not has_haven:
        pytest.skip("no haven in this R (Debian: r-cran-haven)")
    program = text.replace("…", str(root)) + "\ncat(nrow(table), attr(table$rekenen_M, 'label'), '\\n')\n"
    told = subprocess.run([RSCRIPT, "-e", program], capture_output=True, text=True, check=True).stdout
    assert "346 mathematics (ability score), middle of 2024-2025" in told
    if "read_sav" in text:
        counts = dict(zip(*(re.split(r"\s{2,}", line.strip()) for line in told.splitlines()[1:3]), strict=False))
        assert counts.get("year group 7") == "190", told
    else:
        assert re.search(r"a\s+b\s*\n\s*30\s+6", told), told


def test_the_page_has_an_example_for_every_program() -> None:
    assert {name for name, _ in EXAMPLES} == {"python", "r", "spss", "stata"}
    text = " ".join(example for name, example in EXAMPLES if name == "python")
    for program in ("deltalake", "polars", "duckdb", "spark", "pyreadstat"):
        assert program in text
