"""Output requests: clean ones give no finding, and each planted fault is found by its code."""

# ruff: noqa: E501 - one line for each drawn request

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.workbook.defined_name import DefinedName
from tests.unit import drawn_output_requests as drawn
from tests.unit.drawn_output_requests import (
    MEAN,
    SD,
    N,
    as_csv,
    as_xlsx,
    cells_of,
    declared_table,
    dimension,
    run_checks,
)

from cohort.output_checking.checks import FINDING_TEXTS, ReleasedCell, describe_finding

BY_PROVINCE = cells_of("provincie")
TABLE_1 = declared_table("t.csv", dimension("provincie"), N)
WORKBOOK = declared_table("t.xlsx", dimension("provincie"), N, sheet="Tabel")
FIGURE_TABLE = {"t.csv": as_csv(BY_PROVINCE)}


def table(rows: list[list[str]], *columns: Any, **more: Any) -> dict[str, Any]:
    return {"files": {"t.csv": as_csv(rows)}, "declared": [declared_table("t.csv", *columns, **more)]}


def csv_text(text: str | bytes) -> dict[str, Any]:
    return {"files": {"t.csv": text if isinstance(text, bytes) else text.encode()}, "declared": [TABLE_1]}


def book(change: Callable[[Any], None] | None = None, parts: tuple[str, ...] = ()) -> dict[str, Any]:
    content = as_xlsx(BY_PROVINCE, change)
    for part in parts:
        content = drawn.with_part(content, part)
    return {"files": {"t.xlsx": content}, "declared": [WORKBOOK]}


def figure(name: str, content: bytes) -> dict[str, Any]:
    return {
        "files": FIGURE_TABLE | {name: content},
        "declared": [TABLE_1, {"name": name, "kind": "figure", "data": "t.csv"}],
    }


def other_file(name: str, content: bytes, kind: str = "text") -> dict[str, Any]:
    return {"files": {name: content}, "declared": [{"name": name, "kind": kind}]}


def model(content: bytes = drawn.COEFFICIENTS, **more: Any) -> dict[str, Any]:
    return {"files": {"model.csv": content}, "declared": [drawn.REGRESSION | more]}


def acro(**more: Any) -> dict[str, Any]:
    record = {"uid": "output_0", "status": "pass", "type": "regression", "properties": {"method": "ols", "dof": 795.0}}
    record |= {"files": [], "outcome": {}, "command": "ols", "summary": "pass", "comments": [], "exception": ""} | more
    text = json.dumps({"version": "1.0.2", "results": {"output_0": record}})
    return {"files": {"results.json": text.encode()}, "declared": [drawn.REGRESSION | {"name": "results.json"}]}


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def changed(rows: list[list[str]], row: int, column: int, text: str) -> list[list[str]]:
    return [[text if (i, j) == (row, column) else cell for j, cell in enumerate(line)] for i, line in enumerate(rows)]


def shares(decimals: int = 0, level: str = "I", **filters: str) -> dict[str, Any]:
    rows = [["provincie", "n", "deel"]]
    for name in drawn.PROVINCES:
        n = drawn.count(provincie=name, **filters)
        rows.append([name, str(n), f"{100 * drawn.count(provincie=name, niveau=level, **filters) / n:.{decimals}f}"])
    share = {"name": "deel", "role": "share", "of": "niveau", "level": [level], "base": "n"}
    return table(rows, dimension("provincie"), N, share, filters={key: [label] for key, label in filters.items()})


def percentile(percent: int) -> dict[str, Any]:
    scores = {name: drawn.scores(provincie=name) for name in drawn.PROVINCES}
    rows = [["provincie", "n", "p"]]
    rows += [[name, str(len(of)), f"{np.percentile(of, percent):.1f}"] for name, of in scores.items()]
    return table(
        rows,
        dimension("provincie"),
        N,
        {"name": "p", "role": "percentile", "of": "score", "base": "n", "percentile": percent},
    )


def extra_column(role: str, text: str, **more: Any) -> dict[str, Any]:
    rows = [[*row, role if number == 0 else text] for number, row in enumerate(BY_PROVINCE)]
    return table(rows, dimension("provincie"), N, {"name": role, "role": role} | more)


def rounded(rows: list[list[str]]) -> list[list[str]]:
    return [rows[0], *[[*row[:-1], str(5 * round(int(row[-1]) / 5))] for row in rows[1:]]]


PNG, SVG, PDF = (drawn.drawn_figure(ending) for ending in ("png", "svg", "pdf"))
SMALL = cells_of("gewicht", "geslacht")
GROUPED = [["gewicht", "n"], ["0", str(drawn.count(gewicht="0"))], ["meer", str(800 - drawn.count(gewicht="0"))]]

CLEAN: dict[str, dict[str, Any]] = {
    "counts": table(BY_PROVINCE, dimension("provincie"), N),
    "counts of two": table(cells_of("provincie", "geslacht"), dimension("provincie"), dimension("geslacht"), N),
    "counts of levels": table(cells_of("provincie", "niveau"), dimension("provincie"), dimension("niveau"), N),
    "without totals": table(cells_of("geslacht", totals=False), dimension("geslacht"), N),
    "means": table(drawn.mean_rows(), dimension("provincie"), N, MEAN, SD),
    "shares": shares(),
    "shares with a decimal": shares(1),
    "shares of girls": shares(geslacht="M"),
    "median": percentile(50),
    "quartile": percentile(25),
    "schools": extra_column("schools", "12"),
    "largest school": extra_column("largest", "40"),
    "rounded": table(rounded(cells_of("provincie", "niveau")), dimension("provincie"), dimension("niveau"), N | {"rounded_to": 5}),
    "merged labels": table(GROUPED, dimension("gewicht", values={"meer": ["0.3", "1.2"]}), N),
    "a label column": table(
        [[*row, "w" if i == 0 else "woord"] for i, row in enumerate(BY_PROVINCE)], dimension("provincie"), N,
        {"name": "w", "role": "label"},
    ),
    "a workbook": book(),
    "png": figure("f.png", PNG),
    "svg": figure("f.svg", SVG),
    "pdf": figure("f.pdf", PDF),
    "text": other_file("lees.md", b"# Toelichting\n\nDe tabel telt leerlingen van groep 8.\n"),
    "regression": model(),
    "acro": acro(),
    "several tables": {
        "files": {"t.csv": as_csv(BY_PROVINCE), "u.csv": as_csv(cells_of("niveau"))},
        "declared": [TABLE_1, declared_table("u.csv", dimension("niveau"), N)],
    },
    "released before": table(BY_PROVINCE, dimension("provincie"), N)
    | {"released": (ReleasedCell({"geslacht": frozenset({"M"})}),)},
}  # fmt: skip

FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "small count": ("SMALL_COUNT", table(SMALL, dimension("gewicht"), dimension("geslacht"), N)),
    "count made larger": ("COUNT_DIFFERS", table(changed(BY_PROVINCE, 1, 1, "190"), dimension("provincie"), N)),
    "filter not declared": ("COUNT_DIFFERS", table(cells_of("geslacht"), dimension("geslacht"), N, filters={"niveau": ["I"]})),
    "hidden, follows from the total": (
        "HIDDEN_CELL_FOLLOWS",
        table([["school", "n"], ["ja", "x"], ["nee", "796"], ["Totaal", "800"]], dimension("school"), N, hidden=["x"]),
    ),
    "left out, follows from the total": ("DIFFERENCE", table([["school", "n"], ["nee", "796"], ["Totaal", "800"]], dimension("school"), N)),
    "difference with released": (
        "DIFFERENCE_WITH_RELEASED",
        table([["school", "n"], ["nee", "796"]], dimension("school"), N) | {"released": (ReleasedCell({}),)},
    ),
    "rounded margins": (
        "HIDDEN_CELL_FOLLOWS",
        table([["school", "n"], ["ja", "x"], ["nee", "795"], ["Totaal", "800"]], dimension("school"), N | {"rounded_to": 2}, hidden=["x"]),
    ),
    "few schools": ("FEW_SCHOOLS", extra_column("schools", "3")),
    "dominance": ("DOMINANCE", extra_column("largest", "190")),
    "minimum": ("MINIMUM_OR_MAXIMUM", extra_column("min", "61", of="score", base="n")),
    "maximum": ("MINIMUM_OR_MAXIMUM", extra_column("max", "140", of="score", base="n")),
    "percentile 100": ("MINIMUM_OR_MAXIMUM", percentile(100)),
    "percentile 1": ("PERCENTILE_OF_FEW", percentile(1)),
    "percentile 99": ("PERCENTILE_OF_FEW", percentile(99)),
    "wrong mean": ("FIGURE_DIFFERS", table(changed(drawn.mean_rows(), 1, 2, "12.00"), dimension("provincie"), N, MEAN, SD)),
    "mean without its count": (
        "FIGURE_WITHOUT_BASE",
        table(changed(drawn.mean_rows(), 1, 1, "x"), dimension("provincie"), N, MEAN, SD, hidden=["x"]),
    ),
    "mean of four": (
        "MEAN_OF_FEW",
        table([["school", "n", "gemiddelde"], ["ja", "4", "100"]], dimension("school"), N, MEAN),
    ),
    "share of few": ("SHARE_GIVES_FEW", table(
        [["geslacht", "n", "deel"], *[[g, str(drawn.count(geslacht=g)), f"{100 * drawn.count(geslacht=g, gewicht='1.2') / drawn.count(geslacht=g):.0f}"] for g in "JM"]],
        dimension("geslacht"), N, {"name": "deel", "role": "share", "of": "gewicht", "level": ["1.2"], "base": "n"})),
    "share at the edge": ("SHARE_AT_THE_EDGE", table(
        [["geslacht", "n", "deel"], *[[g, str(drawn.count(geslacht=g)), f"{100 * drawn.count(geslacht=g, gewicht='0') / drawn.count(geslacht=g):.0f}"] for g in "JM"]],
        dimension("geslacht"), N, {"name": "deel", "role": "share", "of": "gewicht", "level": ["0"], "base": "n"})),
    "group disclosure": ("GROUP_DISCLOSURE", table(GROUPED, dimension("gewicht", values={"meer": ["0.3", "1.2"]}), N) | {"sensitive": frozenset({"gewicht"})}),
    "cell twice": ("CELL_TWICE", table([*BY_PROVINCE, BY_PROVINCE[1]], dimension("provincie"), N)),
    "unknown label": ("UNKNOWN_LABEL", table(changed(BY_PROVINCE, 1, 0, "Atlantis"), dimension("provincie"), N)),
    "unknown column": ("UNKNOWN_COLUMN", table(BY_PROVINCE, dimension("provincie", column="anders"), N)),
    "no counts": ("NO_COUNTS", table([["provincie"], ["Utrecht"]], dimension("provincie"))),
    "undeclared column": ("COLUMNS", csv_text("provincie;n;score\nUtrecht;190;3\n")),
    "text below": ("BESIDE_THE_TABLE", csv_text(as_csv(BY_PROVINCE) + b"bron: eigen berekening\n")),
    "words for a figure": ("NOT_A_FIGURE", table(changed(BY_PROVINCE, 1, 1, "veel"), dimension("provincie"), N)),
    "digits in a label": ("LABEL_WITH_DIGITS", extra_column("label", "score 104")),
    "line per pupil": (
        "LINE_PER_PUPIL",
        table([["score", "n"], *[[str(row["score"]), "1"] for row in drawn.TABLE.to_pylist()]], dimension("score"), N),
    ),
    "pupil number": ("PUPIL_NUMBER", csv_text(as_csv(changed(BY_PROVINCE, 1, 0, "123456782")))),
    "pupil number with dots": ("PUPIL_NUMBER", csv_text(as_csv(changed(BY_PROVINCE, 1, 0, "1234.56.782")))),
    "pupil number with blanks": ("PUPIL_NUMBER", csv_text(as_csv(changed(BY_PROVINCE, 1, 0, "123 456 782")))),
    "BRIN": ("SCHOOL_NUMBER", csv_text(as_csv(changed(BY_PROVINCE, 1, 0, "00AB")))),
    "pseudonym": ("PSEUDONYM", csv_text(as_csv(changed(BY_PROVINCE, 1, 0, "a1" * 32)))),
    "pupil number in a workbook": ("PUPIL_NUMBER", book(lambda b: b.active.cell(2, 1, "123456782"))),
    "number in the name": ("NAME_IDENTIFIES", other_file("uitleg_123456782.txt", b"uitleg")),
    "hidden sheet": ("WORKBOOK_HIDDEN", book(lambda b: setattr(b.create_sheet("x"), "sheet_state", "hidden"))),
    "very hidden sheet": ("WORKBOOK_HIDDEN", book(lambda b: setattr(b.create_sheet("x"), "sheet_state", "veryHidden"))),
    "second sheet": ("WORKBOOK_SHEETS", book(lambda b: b.create_sheet("x"))),
    "hidden row": ("WORKBOOK_HIDDEN", book(lambda b: setattr(b.active.row_dimensions[2], "hidden", True))),
    "hidden column": ("WORKBOOK_HIDDEN", book(lambda b: setattr(b.active.column_dimensions["B"], "hidden", True))),
    "formula": ("WORKBOOK_FORMULA", book(lambda b: b.active.cell(2, 2, "=1+1"))),
    "comment": ("WORKBOOK_COMMENT", book(lambda b: setattr(b.active["A2"], "comment", Comment("x", "y")))),
    "defined name": ("WORKBOOK_NAME", book(lambda b: b.defined_names.add(DefinedName("x", attr_text="Tabel!$A$1")))),
    "author": ("WORKBOOK_PROPERTIES", book(lambda b: setattr(b.properties, "creator", "J. de Vries"))),
    "white text": ("WORKBOOK_HIDDEN", book(lambda b: setattr(b.active["A2"], "font", Font(color="FFFFFF")))),
    "number format": ("WORKBOOK_HIDDEN", book(lambda b: setattr(b.active["B2"], "number_format", ";;;"))),
    "cell far away": ("COLUMNS", book(lambda b: b.active.cell(900, 40, 3))),
    "macro": ("WORKBOOK_MACRO", book(parts=("xl/vbaProject.bin",))),
    "external link": ("WORKBOOK_LINK", book(parts=("xl/externalLinks/externalLink1.xml",))),
    "pivot cache": ("WORKBOOK_PIVOT", book(parts=("xl/pivotCache/pivotCacheRecords1.xml",))),
    "embedded object": ("WORKBOOK_OBJECT", book(parts=("xl/embeddings/object1.bin",))),
    "custom properties": ("WORKBOOK_PROPERTIES", book(parts=("docProps/custom.xml",))),
    "another part": ("WORKBOOK_PART", book(parts=("geheim.txt",))),
    "parquet named csv": ("CONTENT_NOT_ENDING", csv_text(b"PAR1" + b"x" * 40)),
    "pickle named csv": ("CONTENT_NOT_ENDING", csv_text(b"\x80\x04\x95abc")),
    "zip named csv": ("CONTENT_NOT_ENDING", csv_text(b"PK\x03\x04abc")),
    "rds": ("FILE_TYPE", other_file("m.rds", b"\x1f\x8babc")),
    "gph": ("FILE_TYPE", other_file("g.gph", b"<stata_gph>")),
    "sav": ("FILE_TYPE", other_file("d.sav", b"$FL2")),
    "program": ("CONTENT_NOT_ENDING", other_file("lees.txt", b"\x7fELF")),
    "script": ("CONTENT_NOT_ENDING", other_file("lees.txt", b"#!/bin/sh\n")),
    "plotly": ("FILE_TYPE", figure("f.json", b"{}")),
    "empty": ("EMPTY_FILE", csv_text(b"")),
    "too many rows": ("TOO_MANY_ROWS", csv_text("provincie;n\n" + "Utrecht;190\n" * 5001)),
    "too large": ("TOO_LARGE", csv_text(b"a" * (16 * 1024 * 1024 + 1))),
    "undeclared file": ("NOT_DECLARED", table(BY_PROVINCE, dimension("provincie"), N) | {"more": {"los.csv": b"x"}}),
    "missing file": ("MISSING_FILE", {"files": {}, "declared": [TABLE_1]}),
    "png text": ("FIGURE_METADATA", figure("f.png", PNG[:-12] + png_chunk(b"tEXt", b"Comment\0x") + PNG[-12:])),
    "png exif": ("FIGURE_METADATA", figure("f.png", PNG[:-12] + png_chunk(b"eXIf", b"x") + PNG[-12:])),
    "png appended": ("APPENDED_BYTES", figure("f.png", PNG + b"PK\x03\x04")),
    "svg script": ("SVG_ACTIVE", figure("f.svg", SVG.replace(b"</svg>", b"<script>1</script></svg>"))),
    "svg handler": ("SVG_ACTIVE", figure("f.svg", SVG.replace(b"</svg>", b'<g onclick="x"/></svg>'))),
    "svg raster": ("SVG_EMBEDDED", figure("f.svg", SVG.replace(b"</svg>", b'<image href="data:image/png;base64,AA"/></svg>'))),
    "svg points": ("FIGURE_POINTS", figure("f.svg", SVG.replace(b"</svg>", b'<circle r="1"/>' * 800 + b"</svg>"))),
    "svg hidden": ("FIGURE_HIDDEN_TEXT", figure("f.svg", SVG.replace(b"</svg>", b'<text style="display:none">1</text></svg>'))),
    "pdf attachment": ("PDF_EMBEDDED", figure("f.pdf", PDF.replace(b"/Type /Catalog", b"/EmbeddedFiles /EmbeddedFile /Type /Catalog"))),
    "pdf script": ("PDF_EMBEDDED", figure("f.pdf", PDF.replace(b"/Type /Catalog", b"/JavaScript 3 /Type /Catalog"))),
    "pdf appended": ("APPENDED_BYTES", figure("f.pdf", PDF + b"data")),
    "pdf versions": ("PDF_VERSIONS", figure("f.pdf", PDF + b"1 0 obj\n%%EOF\n")),
    "pdf author": ("FIGURE_METADATA", figure("f.pdf", PDF.replace(b"/Producer (", b"/Author (J. de Vries) /Producer ("))),
    "few in a text": ("SMALL_COUNT", other_file("lees.txt", b"Dit geldt voor 3 leerlingen.")),
    "table in a text": ("TABLE_IN_TEXT", other_file("lees.txt", b"Utrecht 12 13 14\n" * 9)),
    "embedded in a text": ("EMBEDDED_IN_TEXT", other_file("lees.md", b"![x](data:image/png;base64,AA)")),
    "few degrees of freedom": ("FEW_DEGREES_OF_FREEDOM", model(parameters=795)),
    "wrong observations": ("OBSERVATIONS_DIFFER", model(observations=799)),
    "dummy of four": ("DUMMY_OF_FEW", model(regressors=["school"], categorical=["school"])),
    "number as a dummy": ("DUMMY_OF_FEW", model(regressors=["provincie", "school"], categorical=[])),
    "saturated": ("SATURATED_MODEL", model(regressors=["provincie", "school"], categorical=["school"], parameters=8)),
    "residuals": ("LINE_PER_PUPIL", model(as_csv([["rij", "residu"], *[[str(i), "0.5"] for i in range(800)]]))),
    "acro failed": ("ACRO_FAILED", acro(status="fail")),
    "acro review": ("ACRO_REVIEW", acro(status="review")),
    "acro degrees": ("FEW_DEGREES_OF_FREEDOM", acro(properties={"method": "ols", "dof": 4})),
    "acro other file": ("NOT_DECLARED", acro(files=[{"name": "los.csv"}])),
}  # fmt: skip


def run(folder: Path, case: dict[str, Any]) -> Any:
    for name, content in case.get("more", {}).items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    options = {key: case[key] for key in ("released", "sensitive") if key in case}
    return run_checks(folder, case["files"], case["declared"], **options)


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_request_gives_no_finding(name: str, tmp_path: Path) -> None:
    assert run(tmp_path / "request", CLEAN[name]) == ()


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name: str, tmp_path: Path) -> None:
    code, case = FAULTS[name]
    findings = run(tmp_path / "request", case)
    assert code in {finding.code for finding in findings}, findings
    for finding in findings:
        assert all(describe_finding(finding, language) for language in ("nl", "en"))
        assert "123456782" not in finding.model_dump_json()


def test_a_link_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "request"
    folder.mkdir()
    (tmp_path / "elders.csv").write_bytes(as_csv(BY_PROVINCE))
    (folder / "t.csv").symlink_to(tmp_path / "elders.csv")
    assert {finding.code for finding in run_checks(folder, {}, [TABLE_1])} == {"LINK"}


def test_a_workbook_with_bytes_behind_it_is_found(tmp_path: Path) -> None:
    content = as_xlsx(BY_PROVINCE)
    findings = run_checks(tmp_path / "r", {"t.xlsx": content + b"data behind the archive"}, [WORKBOOK])
    assert {finding.code for finding in findings} & {"APPENDED_BYTES", "UNREADABLE"}


def test_there_are_more_kinds_of_faults_than_promised() -> None:
    assert len(FAULTS) >= 55
    assert {code for code, _ in FAULTS.values()} <= set(FINDING_TEXTS)
