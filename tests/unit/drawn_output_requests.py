"""A drawn published table, and output requests about it: clean ones, and the same with one planted fault."""

from __future__ import annotations

import csv
import io
import random
import zipfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import openpyxl
import pyarrow as pa
from matplotlib.figure import Figure

from cohort.output_checking.checks import CheckContext, OutputFinding, OutputThresholds, ReleasedCell, check_request
from cohort.output_checking.request_declaration import RequestDeclaration

PROVINCES = ("Drenthe", "Fryslân", "Utrecht", "Zeeland")
LEVELS = ("I", "II", "III", "IV")
THRESHOLDS = OutputThresholds(
    pupils=10, degrees_of_freedom=10, schools=5, largest_school_share=Decimal("0.5"), p_percent=Decimal("0.1"),
    group_disclosure=Decimal("0.9"), smallest_share=Decimal("0.05"), small_hidden_to=7, rows=5000,
    megabytes_per_file=16,
)  # fmt: skip


def drawn_published_table(seed: int = 1, pupils: int = 800) -> pa.Table:
    """A published table of pupils with a province, sex, level, weight, score and a rare label."""
    chance = random.Random(seed)
    rows = [
        {
            "provincie": chance.choice(PROVINCES),
            "geslacht": chance.choice(("J", "M")),
            "niveau": chance.choice(LEVELS),
            "school": "ja" if number < 4 else "nee",
            "gewicht": chance.choices(("0", "0.3", "1.2"), (0.97, 0.02, 0.01))[0],
            "score": round(chance.gauss(100, 15), 1),
        }
        for number in range(pupils)
    ]
    return pa.Table.from_pylist(rows)


TABLE = drawn_published_table()


def count(**labels: str) -> int:
    """The pupils with these labels."""
    return len(scores(**labels))


def scores(**labels: str) -> list[float]:
    """Their scores."""
    return [r["score"] for r in TABLE.to_pylist() if all(r[key] == label for key, label in labels.items())]


def cells_of(*columns: str, totals: bool = True) -> list[list[str]]:
    """A table of counts by columns, with `Totaal` of the first."""
    values = {"provincie": PROVINCES, "geslacht": ("J", "M"), "niveau": LEVELS, "gewicht": ("0", "0.3", "1.2")}
    keys: list[tuple[str, ...]] = [()]
    for column in columns:
        words = (*values[column], "Totaal") if totals else values[column]
        keys = [(*key, word) for key in keys for word in words]
    rows = []
    for key in keys:
        labels = {column: word for column, word in zip(columns, key, strict=True) if word != "Totaal"}
        rows.append([*key, str(count(**labels))])
    return [[*columns, "n"], *rows]


def as_csv(rows: list[list[str]]) -> bytes:
    """The rows as CSV with semicolons."""
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def as_xlsx(rows: list[list[Any]], change: Callable[[Any], None] | None = None) -> bytes:
    """The rows as a workbook, changed."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Tabel"
    for row in rows:
        sheet.append([int(text) if str(text).isdigit() else text for text in row])
    if change is not None:
        change(book)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def with_part(workbook: bytes, name: str, content: bytes = b"<a/>") -> bytes:
    """A workbook with one part more."""
    packed = io.BytesIO(workbook)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def drawn_figure(ending: str) -> bytes:
    """A bar chart without metadata."""
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    axes.bar(list(PROVINCES), [count(provincie=name) for name in PROVINCES])
    content = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "x"}):
        metadata = (
            {"Software": None} if ending == "png" else {"Date": None} if ending == "svg" else {"CreationDate": None}
        )
        figure.savefig(content, format=ending, metadata=metadata)
    return content.getvalue()


def dimension(name: str, **more: Any) -> dict[str, Any]:
    """The declaration of a dimension."""
    return {"name": name, "role": "dimension", "column": name, "total": "Totaal"} | more


N = {"name": "n", "role": "count"}


def declared_table(name: str, *columns: Any, **more: Any) -> dict[str, Any]:
    """The declaration of a table."""
    return {"name": name, "kind": "table", "columns": list(columns)} | more


def run_checks(
    folder: Path,
    files: Mapping[str, bytes],
    declared: list[dict[str, Any]],
    *,
    released: tuple[ReleasedCell, ...] = (),
    sensitive: frozenset[str] = frozenset({"niveau"}),
    published: pa.Table = TABLE,
) -> tuple[OutputFinding, ...]:
    """Write a request and check it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    declaration = RequestDeclaration.model_validate(
        {"researcher": "A. Jansen", "project": "rekenen", "purpose": "Tabellen voor een artikel", "files": declared}
    )
    return check_request(folder, declaration, CheckContext(THRESHOLDS, published, sensitive, released))


def mean_rows() -> list[list[str]]:
    """Counts, means and standard deviations by province."""
    rows = [["provincie", "n", "gemiddelde", "sd"]]
    for name in PROVINCES:
        values = np.array(scores(provincie=name))
        rows.append([name, str(len(values)), f"{values.mean():.2f}", f"{values.std(ddof=1):.2f}"])
    return rows


MEAN = {"name": "gemiddelde", "role": "mean", "of": "score", "base": "n"}
SD = {"name": "sd", "role": "sd", "of": "score", "base": "n"}
REGRESSION = {
    "name": "model.csv", "kind": "regression", "observations": TABLE.num_rows, "parameters": 5, "outcome": "score",
    "regressors": ["provincie", "geslacht"], "categorical": ["provincie", "geslacht"],
}  # fmt: skip
COEFFICIENTS = as_csv([["term", "b", "se"], *[[f"term {word}", "1.25", "0.31"] for word in "abcde"]])
