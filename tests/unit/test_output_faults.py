"""Further planted faults of output requests: what hides in cells, styles, streams, words and counts."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.figure import Figure
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import Font, PatternFill
from tests.unit import drawn_output_requests as drawn
from tests.unit.drawn_clean_requests import Cohort, as_pdf_of_r, model
from tests.unit.drawn_output_requests import (
    MEAN,
    SD,
    TABLE,
    N,
    as_csv,
    as_xlsx,
    cells_of,
    declared_table,
    dimension,
    drawn_figure,
    run_checks,
)

from cohort.output_checking.checks import ReleasedCell
from cohort.output_checking.checks.linked_bounds import released_count
from cohort.output_checking.checks.pupil_sets import PublishedRows

COUNTS = cells_of("provincie")
DECLARED = declared_table("t.csv", dimension("provincie"), N)
PNG, SVG = drawn_figure("png"), drawn_figure("svg")
SHEET = "xl/worksheets/sheet1.xml"
COHORT = Cohort(5, 800)
Case = dict[str, Any]


def first_word(text: str, delimiter: str = ";") -> Case:
    """Counts by province, with another word in place of the first province."""
    rows = [[text if (i, j) == (1, 0) else cell for j, cell in enumerate(row)] for i, row in enumerate(COUNTS)]
    content = as_csv(rows).replace(b";", delimiter.encode())
    return {"files": {"t.csv": content}, "declared": [DECLARED | {"delimiter": delimiter}]}


def column(name: str, text: str, **declared: Any) -> Case:
    """Counts by province with one column more."""
    rows = [[*row, name if number == 0 else text] for number, row in enumerate(COUNTS)]
    more = {"name": name} | declared
    return {"files": {"t.csv": as_csv(rows)}, "declared": [declared_table("t.csv", dimension("provincie"), N, more)]}


def book(change: Callable[[Any], None] | None = None, *, put: bytes = b"", before: bytes = b"") -> Case:
    """A workbook, changed by a function, and with bytes put before others in its sheet."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(as_xlsx(COUNTS, change))) as old, zipfile.ZipFile(content, "w") as new:
        for entry in old.infolist():
            data = old.read(entry)
            if entry.filename == SHEET:
                assert before in data, "the workbook is written otherwise"
                data = data.replace(before, put + before, 1)
            new.writestr(entry, data)
    declared = declared_table("t.xlsx", dimension("provincie"), N)
    return {"files": {"t.xlsx": content.getvalue()}, "declared": [declared]}


def book_with_texts() -> Case:
    texts = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>verborgen</t></si></sst>'
    content = drawn.with_part(as_xlsx(COUNTS), "xl/sharedStrings.xml", texts)
    return {"files": {"t.xlsx": content}, "declared": [declared_table("t.xlsx", dimension("provincie"), N)]}


def figure(name: str, content: bytes) -> Case:
    files = {"t.csv": as_csv(COUNTS), name: content}
    return {"files": files, "declared": [DECLARED, {"name": name, "kind": "figure", "data": "t.csv"}]}


def svg(more: bytes) -> Case:
    return figure("f.svg", SVG.replace(b"</svg>", more + b"</svg>"))


def pdf(text_of: Callable[[str], str] = lambda text: f"({text})", old: bytes = b"", new: bytes = b"") -> Case:
    return figure("f.pdf", as_pdf_of_r(COHORT, text_of).replace(old, new))


def scatter(ending: str) -> Case:
    plot, content = Figure(), io.BytesIO()
    plot.subplots().scatter(range(400), range(400))
    plot.savefig(content, format=ending)
    return figure(f"f.{ending}", content.getvalue())


def png_with_more_pixels() -> Case:
    """A PNG whose picture is followed by other bytes in the same stream."""
    header = PNG[8:33]
    width, height = struct.unpack(">2I", header[8:16])
    points = zlib.compress(bytes(height * (1 + width * 4)) + b"verborgen")
    chunks = b""
    for name, data in ((b"IDAT", points), (b"IEND", b"")):
        chunks += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return figure("f.png", PNG[:8] + header + chunks)


def text(words: str) -> Case:
    return {"files": {"lees.txt": words.encode()}, "declared": [{"name": "lees.txt", "kind": "text"}]}


def line_of_model(line: str, **declared: Any) -> Case:
    return model("model.csv", drawn.COEFFICIENTS + line.encode(), observations=TABLE.num_rows, **declared)


def colour(text_colour: str, cell_colour: str | None = None) -> Callable[[Any], None]:
    def change(workbook: Any) -> None:
        workbook.active["A2"].font = Font(color=text_colour)
        if cell_colour is not None:
            workbook.active["A2"].fill = PatternFill("solid", fgColor=cell_colour)

    return change


def number_format(code: str) -> Case:
    return book(lambda workbook: setattr(workbook.active["B2"], "number_format", code))


def title(words: str) -> Callable[[Any], None]:
    return lambda workbook: setattr(workbook.active, "title", words)


def hide_by_condition(workbook: Any) -> None:
    rule = CellIsRule("greaterThan", ["1"], font=Font(color="FFFFFF"))  # type: ignore[no-untyped-call]
    workbook.active.conditional_formatting.add("B2:B5", rule)


WIDE = "\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff12"
LETTERS = b"".join(b"<tspan>%c</tspan>" % digit for digit in b"123456782")
MERGED = b'<mergeCells count="1"><mergeCell ref="A2:A3"/></mergeCells>'
P5 = {"role": "percentile", "of": "score", "base": "n", "percentile": 5}
FAULTS: dict[str, tuple[str, Case]] = {
    "pupil number between commas": ("PUPIL_NUMBER", first_word("123456782", ",")),
    "pupil number between tabs": ("PUPIL_NUMBER", first_word("123456782", "\t")),
    "BRIN in small letters": ("SCHOOL_NUMBER", first_word("00ab")),
    "pupil number behind letters": ("PUPIL_NUMBER", text("leerling LL123456782")),
    "pupil number of wide digits": ("PUPIL_NUMBER", text("leerling " + WIDE)),
    "pupil number among coefficients": ("PUPIL_NUMBER", line_of_model("f;123456782;1\n")),
    "pupil number split over cells": ("LABEL_WITH_DIGITS", column("woord", "1234", role="label")),
    "few in a label": ("SMALL_COUNT", column("woord", "drie leerlingen", role="label")),
    "whiskers": ("MINIMUM_OR_MAXIMUM", column("whisker", "75", **P5)),
    "a minimum named a percentile": ("FIGURE_DIFFERS", column("p5", f"{min(drawn.scores()):.1f}", **P5)),
    "a wrong median": ("FIGURE_DIFFERS", column("p50", "104.0", **P5 | {"percentile": 50})),
    "text as dark as its cell": ("WORKBOOK_HIDDEN", book(colour("1F4E78", "1F4E78"))),
    "nearly white text": ("WORKBOOK_HIDDEN", book(colour("FEFEFE"))),
    "format that shows another number": ("WORKBOOK_HIDDEN", number_format('"190"')),
    "format that shows thousands": ("WORKBOOK_HIDDEN", number_format("0,")),
    "format of words": ("WORKBOOK_HIDDEN", number_format('"veel"')),
    "rows of no height": ("WORKBOOK_HIDDEN", book(before=b' baseColWidth="8"', put=b' zeroHeight="1"')),
    "a value below a merged cell": ("WORKBOOK_HIDDEN", book(before=b"<pageMargins", put=MERGED)),
    "text of no cell": ("WORKBOOK_HIDDEN", book_with_texts()),
    "hidden by a condition": ("WORKBOOK_HIDDEN", book(hide_by_condition)),
    "comment in a part": ("WORKBOOK_COMMENT", book(before=b"<sheetData>", put=b"<!-- verborgen -->")),
    "number in the name of a sheet": ("PUPIL_NUMBER", book(title("123456782"))),
    "number in a property": ("PUPIL_NUMBER", book(lambda b: setattr(b.properties, "title", "123456782"))),
    "words in a header": ("WORKBOOK_PROPERTIES", book(lambda b: setattr(b.active.oddHeader.left, "text", "Jan"))),
    "pixels behind the picture": ("APPENDED_BYTES", png_with_more_pixels()),
    "svg number letter by letter": ("PUPIL_NUMBER", svg(b"<text>" + LETTERS + b"</text>")),
    "svg number in a comment": ("PUPIL_NUMBER", svg(b"<!-- 123456782 -->")),
    "svg far outside": ("FIGURE_HIDDEN_TEXT", svg(b'<text x="-9999" y="1">uitleg</text>')),
    "svg hidden by a style": ("FIGURE_HIDDEN_TEXT", svg(b"<style>.h { display: none }</style>")),
    "svg transparent": ("FIGURE_HIDDEN_TEXT", svg(b'<text style="fill-opacity:0">uitleg</text>')),
    "svg tiny": ("FIGURE_HIDDEN_TEXT", svg(b'<text style="font-size:0.1px">uitleg</text>')),
    "svg text of a definition": ("FIGURE_HIDDEN_TEXT", svg(b"<defs><text>uitleg</text></defs>")),
    "svg author": (
        "FIGURE_METADATA",
        svg(b'<metadata><creator xmlns="http://purl.org/dc/elements/1.1/">J. de Vries</creator></metadata>'),
    ),
    "svg few": ("SMALL_COUNT", svg(b"<text>n = 3</text>")),
    "svg points as paths": ("FIGURE_POINTS", svg(b'<path d="M1 1"/>' * 600)),
    "svg scatter": ("FIGURE_POINTS", scatter("svg")),
    "pdf scatter": ("FIGURE_POINTS", scatter("pdf")),
    "pdf number in hexadecimal digits": ("PUPIL_NUMBER", pdf(lambda _: f"<{b'123456782'.hex()}>")),
    "pdf number in parts": ("PUPIL_NUMBER", pdf(lambda _: "[(1234) 5 (56782)] TJ ()")),
    "pdf number with escapes": ("PUPIL_NUMBER", pdf(lambda _: "(\\06123456782)")),
    "pdf few": ("SMALL_COUNT", pdf(lambda _: "(n = 3)")),
    "pdf white text": ("FIGURE_HIDDEN_TEXT", pdf(lambda _: "1 1 1 rg (uitleg)")),
    "pdf unseen text": ("FIGURE_HIDDEN_TEXT", pdf(lambda _: "3 Tr (uitleg)")),
    "pdf author in hexadecimal digits": (
        "FIGURE_METADATA", pdf(old=b"/Title (R Graphics Output)", new=b"/Author <4A2E2064652056>"),
    ),
    "pdf note": ("PDF_EMBEDDED", pdf(old=b"/Parent 3 0 R", new=b"/Annots [<< /Subtype /Text /Contents (x) >>]")),
    "pdf stream of another kind": ("PDF_EMBEDDED", pdf(old=b"/FlateDecode", new=b"/LZWDecode")),
    "few in words": ("SMALL_COUNT", text("Dit geldt voor drie leerlingen.")),
    "few of more": ("SMALL_COUNT", text("In Zeeland haalden 3 van de 12 leerlingen niveau I.")),
    "extreme in words": ("MINIMUM_OR_MAXIMUM", text("De hoogste score was 149,5.")),
    "short table in a text": ("TABLE_IN_TEXT", text("Utrecht;12;13\nZeeland;14;15\nDrenthe;16;17\n")),
    "table of LaTeX": ("TABLE_IN_TEXT", text("Utrecht & 12 & 13 \\\\\n" * 3)),
    "signs at the ends of lines": ("INVISIBLE_CHARACTERS", text("uitleg \t \t\t \n" * 20)),
    "other number in the model": ("OBSERVATIONS_DIFFER", line_of_model("N;799;\n")),
    "a model that explains everything": ("PERFECT_FIT", line_of_model("R2;1.000;\n")),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_a_planted_fault_is_found(kind: str, tmp_path: Path) -> None:
    code, case = FAULTS[kind]
    findings = run_checks(tmp_path / "request", case["files"], case["declared"])
    assert code in {finding.code for finding in findings}, findings
    assert not any(part in finding.model_dump_json() for finding in findings for part in ("123456782", "Vries"))


def contributors(schools: int, largest: int, second: int) -> Case:
    rows = [["geslacht", "n", "scholen", "grootste", "tweede"]]
    rows += [[sex, str(drawn.count(geslacht=sex)), str(schools), str(largest), str(second)] for sex in "JM"]
    more = [{"name": n, "role": r} for n, r in (("scholen", "schools"), ("grootste", "largest"), ("tweede", "second"))]
    declared = declared_table("t.csv", dimension("geslacht"), N, *more)
    return {"files": {"t.csv": as_csv(rows)}, "declared": [declared]}


@pytest.mark.parametrize(
    ("code", "schools", "largest", "second"),
    [
        ("P_PERCENT", 6, 195, 195),
        ("COUNT_DIFFERS", 5, 20, 10),
        ("COUNT_DIFFERS", 40, 60, 70),
        ("FEW_SCHOOLS", 4, 150, 100),
    ],
)
def test_contributors_are_held_to_the_limits_and_to_each_other(
    code: str, schools: int, largest: int, second: int, tmp_path: Path
) -> None:
    case = contributors(schools, largest, second)
    assert code in {finding.code for finding in run_checks(tmp_path / "r", case["files"], case["declared"])}


def check_published(
    folder: Path, published: pa.Table, rows: list[list[str]], *columns: Any, **more: Any
) -> set[tuple[str, str]]:
    declared = declared_table("t.csv", *columns, **more)
    findings = run_checks(folder, {"t.csv": as_csv(rows)}, [declared], published=published, sensitive=frozenset())
    return {(finding.code, finding.severity) for finding in findings}


def test_a_cell_of_one_value_is_found(tmp_path: Path) -> None:
    published = pa.table({"groep": ["a"] * 40 + ["b"] * 40, "score": [7.0] * 40 + [float(n) for n in range(40)]})
    rows = [["groep", "n", "gemiddelde", "sd"], ["a", "40", "7.00", "0.00"]]
    found = check_published(tmp_path / "r", published, rows, dimension("groep"), N, MEAN, SD)
    assert found == {("ALL_EQUAL", "refuse")}


def test_a_base_with_few_pupils_without_a_value_is_found(tmp_path: Path) -> None:
    scores = [float(n) for n in range(95)]
    published = pa.table({"groep": ["a"] * 100, "score": [*scores, *[None] * 5]})
    rows = [["groep", "n", "gemiddelde"], ["a", "100", f"{np.mean(scores):.2f}"]]
    assert check_published(tmp_path / "r", published, rows, dimension("groep"), N, MEAN) == {
        ("BASE_OF_OTHERS", "refuse")
    }


@pytest.mark.parametrize("few", [5, 8])
def test_a_small_group_that_follows_from_overlapping_cells_is_found(few: int, tmp_path: Path) -> None:
    """Of a, b and c no two cells differ by few pupils, and the three together give b."""
    published = pa.table({"groep": ["a"] * 100 + ["b"] * few + ["c"] * 100})
    rows = [["groep", "n"], ["ab", str(100 + few)], ["bc", str(100 + few)], ["Totaal", str(200 + few)]]
    words = dimension("groep", values={"ab": ["a", "b"], "bc": ["b", "c"]})
    assert check_published(tmp_path / "r", published, rows, words, N) == {("GROUP_FOLLOWS", "refuse")}


def test_a_released_count_is_taken_as_printed_while_the_table_is_the_same() -> None:
    rows = PublishedRows(pa.table({"groep": ["a"] * 103}))
    printed = {n: released_count(ReleasedCell({}, 5, None, n), rows).printed for n in (100, 105, 200)}
    assert printed == {100: 100, 105: 105, 200: 105}, "200 was counted in another table"


@pytest.mark.parametrize(
    "words",
    [
        "De tabel gaat over groep 7 en 8 leerlingen in 2023-2024.",
        "Cellen met minder dan 5 leerlingen zijn weggelaten.",
        "Each cell has at least 10 pupils; the minimum is 10 pupils.",
        "Bestand van 20261130, versie 1.2.3 van 2026-11-30 10:11.",
        "Utrecht (n = 1.234), Zeeland (n = 2 105), Drenthe (n=1,008); samen 4 008 leerlingen.",
        "De som is 12.3456782 en het aandeel 0.123456782.",
    ],
)
def test_plain_words_give_no_finding(words: str, tmp_path: Path) -> None:
    case = text(words)
    assert run_checks(tmp_path / "r", case["files"], case["declared"]) == ()


@pytest.mark.parametrize(
    ("before", "put"),
    [
        (b"<sheetData>", b'<cols><col min="1" max="1" width="geen"/></cols>'),
        (b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
        (b"</sheetData>", b'<row r="7"><c r="A7"><v>1e999</v></c></row>'),
    ],
)
def test_a_damaged_workbook_is_a_finding_and_no_defect(before: bytes, put: bytes, tmp_path: Path) -> None:
    case = book(before=before, put=put)
    findings = run_checks(tmp_path / "r", case["files"], case["declared"])
    assert any(finding.severity == "refuse" for finding in findings), findings


@pytest.mark.parametrize("figure_text", ["1e999", "9" * 400, "NaN", "1_0", "--1"])
def test_a_figure_that_is_none_is_a_finding(figure_text: str, tmp_path: Path) -> None:
    rows = [[*row[:-1], figure_text] if number == 1 else row for number, row in enumerate(COUNTS)]
    findings = run_checks(tmp_path / "r", {"t.csv": as_csv(rows)}, [DECLARED])
    assert ("NOT_A_FIGURE", "row 2, column 2") in {(finding.code, finding.place) for finding in findings}


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("kind", ["png", "svg", "pdf", "xlsx"])
def test_a_file_that_is_cut_off_is_refused(kind: str, cut: float, tmp_path: Path) -> None:
    case = book() if kind == "xlsx" else figure(f"f.{kind}", drawn_figure(kind))
    files = {
        name: data[: int(cut * len(data))] if name.endswith(kind) else data for name, data in case["files"].items()
    }
    findings = run_checks(tmp_path / "r", files, case["declared"])
    assert {finding.severity for finding in findings} == {"refuse"}
