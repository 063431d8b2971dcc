"""Clean output requests as programs write them: Excel, pandas, LibreOffice, R, Stata, acro, matplotlib, ggplot2.

Each kind is made from a drawn published table, so that it can be made again from another one.
"""

# ruff: noqa: E501 - lines as programs write them

from __future__ import annotations

import csv
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
from matplotlib.figure import Figure
from openpyxl.formatting.rule import ColorScaleRule
from openpyxl.styles import Border, Font, PatternFill, Side
from openpyxl.worksheet.table import Table, TableStyleInfo
from tests.unit.drawn_output_requests import LEVELS, PROVINCES, N, declared_table, dimension

from cohort.output_checking.checks import ReleasedCell

Case = dict[str, Any]
YEARS = ("2023-2024", "2024-2025")
VALUES = {
    "provincie": PROVINCES,
    "geslacht": ("J", "M"),
    "niveau": LEVELS,
    "schooljaar": YEARS,
    "jaargroep": ("7", "8"),
}
PROVINCE, SEX, LEVEL = dimension("provincie"), dimension("geslacht"), dimension("niveau")


class Cohort:
    """A drawn published table, and what is counted in it."""

    def __init__(self, seed: int, pupils: int = 6000) -> None:
        chance = random.Random(seed)
        self.rows = [
            {name: chance.choice(values) for name, values in VALUES.items()}
            | {
                "score": round(chance.gauss(100, 15), 1),
                "lezen": chance.randint(200, 300) if chance.random() < 0.8 else None,
            }
            for _ in range(pupils)
        ]
        self.table = pa.Table.from_pylist(self.rows)

    def select(self, **labels: str) -> list[dict[str, Any]]:
        """The pupils with these labels, of which `Totaal` is any."""
        return [row for row in self.rows if all(label in ("Totaal", row[key]) for key, label in labels.items())]

    def count(self, **labels: str) -> int:
        """How many they are."""
        return len(self.select(**labels))

    def scores(self, column: str = "score", **labels: str) -> np.ndarray:
        """Their scores that are known."""
        return np.array([row[column] for row in self.select(**labels) if row[column] is not None], dtype=float)

    def counts(self, *columns: str, total: bool = False, **filters: str) -> list[list[str]]:
        """Counts by columns."""
        keys: list[tuple[str, ...]] = [()]
        for column in columns:
            keys = [(*key, word) for key in keys for word in (*VALUES[column], *(["Totaal"] if total else []))]
        found = [[*key, str(self.count(**dict(zip(columns, key, strict=True)), **filters))] for key in keys]
        return [[*columns, "n"], *found]

    def figures(self, *figures: Callable[[np.ndarray], str], column: str = "score") -> list[list[str]]:
        """By province the number of pupils and figures of a score."""
        rows = []
        for name in PROVINCES:
            scores = self.scores(column, provincie=name)
            rows.append([name, str(len(scores)), *(figure(scores) for figure in figures)])
        return rows


def written(
    rows: Sequence[Sequence[Any]], delimiter: str = ";", end: str = "\n", quoting: Any = csv.QUOTE_MINIMAL
) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    return text.getvalue().encode()


def one(name: str, content: bytes, *columns: Any, **more: Any) -> Case:
    return {"files": {name: content}, "declared": [declared_table(name, *columns, **more)]}


def score(role: str, name: str = "", **more: Any) -> dict[str, Any]:
    return {"name": name or role, "role": role, "of": "score", "base": "n"} | more


def share(**more: Any) -> dict[str, Any]:
    return {"name": "deel", "role": "share", "of": "niveau", "level": ["I", "II"], "base": "n"} | more


def together(*cases: Case) -> Case:
    files: dict[str, bytes] = {}
    for case in cases:
        files |= case["files"]
    return {"files": files, "declared": [declared for case in cases for declared in case["declared"]]}


def made_tables(c: Cohort) -> dict[str, Case]:
    """Tables of counts in CSV, as several programs write them."""
    counts = c.counts("provincie")
    two = c.counts("provincie", "niveau", total=True)
    quoted = written(counts[:1], ",", "\r\n", csv.QUOTE_ALL) + written(
        [[row[0], int(row[1])] for row in counts[1:]], ",", "\r\n", csv.QUOTE_NONNUMERIC
    )
    dutch = [[*row[:-1], f"{int(row[-1]):,}".replace(",", ".")] for row in counts[1:]]
    spaced = [[*row[:-1], f"{int(row[-1]):,}".replace(",", " ")] for row in counts[1:]]
    rounded = [[*row[:-1], str(5 * round(int(row[-1]) / 5))] for row in two[1:]]
    hidden = [[*row[:-1], "x" if row[0] in PROVINCES[:2] and row[1] in LEVELS[:2] else row[-1]] for row in two[1:]]
    first = c.counts("geslacht", schooljaar=YEARS[0])
    second = c.counts("geslacht", schooljaar=YEARS[1])
    words = [[*row, word] for row, word in zip(counts, ("province", *PROVINCES), strict=True)]
    return {
        "counts": one("t.csv", written(counts), PROVINCE, N),
        "R write.csv": one("t.csv", quoted, PROVINCE, N, delimiter=","),
        "Stata export delimited": one("t.csv", written(counts, ",", "\r\n"), PROVINCE, N, delimiter=","),
        "tabs": one("t.csv", written(counts, "\t"), PROVINCE, N, delimiter="\t"),
        "Excel CSV": one("t.csv", b"\xef\xbb\xbf" + written(counts, ";", "\r\n"), PROVINCE, N, decimal_mark=","),
        "thousands with points": one("t.csv", written([counts[0], *dutch]), PROVINCE, N, decimal_mark=","),
        "thousands with spaces": one("t.csv", written([counts[0], *spaced]), PROVINCE, N, decimal_mark=","),
        "two dimensions with totals": one("t.csv", written(two), PROVINCE, LEVEL, N),
        "three dimensions": one("t.csv", written(c.counts("provincie", "geslacht", "niveau")), PROVINCE, SEX, LEVEL, N),
        "a filter": one("t.csv", written(first), SEX, N, filters={"schooljaar": [YEARS[0]]}),
        "two filters": together(
            one("t.csv", written(first), SEX, N, filters={"schooljaar": [YEARS[0]]}),
            one("u.csv", written(second), SEX, N, filters={"schooljaar": [YEARS[1]]}),
        ),
        "school years": one("t.csv", written(c.counts("schooljaar", "jaargroep")), dimension("schooljaar"), dimension("jaargroep"), N),
        "rounded": one("t.csv", written([two[0], *rounded]), PROVINCE, LEVEL, N | {"rounded_to": 5}),
        "cells left out": one("t.csv", written([two[0], *hidden]), PROVINCE, LEVEL, N, hidden=["x"]),
        "labels together": one(
            "t.csv", written([["niveau", "n"], ["hoog", str(c.count(niveau="I") + c.count(niveau="II"))]]),
            dimension("niveau", values={"hoog": ["I", "II"]}), N,
        ),
        "words beside": one("t.csv", written(words), PROVINCE, N, {"name": "province", "role": "label"}),
        "words with the digits of a dimension": one(
            "t.csv", written([["jaargroep", "n", "woord"], *[[g, str(c.count(jaargroep=g)), f"groep {g}"] for g in "78"]]),
            dimension("jaargroep"), N, {"name": "woord", "role": "label"},
        ),
        "released before": one("t.csv", written(counts), PROVINCE, N) | {"released": (ReleasedCell({"geslacht": frozenset("M")}),)},
        "rounded before": one("t.csv", written(rounded and [two[0], *rounded]), PROVINCE, LEVEL, N | {"rounded_to": 5})
        | {"released": (ReleasedCell({}, 5, None, 6000),)},
    }  # fmt: skip


def made_figures_of_scores(c: Cohort) -> dict[str, Case]:
    """Means, spreads, percentiles, shares and contributors in CSV."""
    mean_sd = c.figures(lambda s: f"{s.mean():.2f}", lambda s: f"{s.std(ddof=1):.2f}")
    exact = c.figures(lambda s: repr(float(s.mean())), lambda s: repr(float(s.std(ddof=1))))
    dutch = [[cell.replace(".", ",") for cell in row] for row in mean_sd]
    heads = ["provincie", "n", "mean", "sd"]
    quartiles = c.figures(*[lambda s, q=q: f"{np.percentile(s, q):.1f}" for q in (25, 50, 75)])
    stata = c.figures(*[lambda s, q=q: f"{np.percentile(s, q, method='averaged_inverted_cdf'):.2f}" for q in (10, 90)])
    shares = [
        (name, c.count(provincie=name), c.count(provincie=name, niveau="I") + c.count(provincie=name, niveau="II"))
        for name in PROVINCES
    ]
    percents = [share("percentile", f"p{q}", percentile=q) for share, q in [(score, q) for q in (25, 50, 75)]]
    known = {"name": "n", "role": "count", "of": "lezen"}
    table = ["provincie", "n", "deel"]
    return {
        "means": one("t.csv", written([heads, *mean_sd]), PROVINCE, N, score("mean"), score("sd")),
        "means with commas": one("t.csv", written([heads, *dutch]), PROVINCE, N, score("mean"), score("sd"), decimal_mark=","),
        "means of pandas": one("t.csv", written([heads, *exact], ","), PROVINCE, N, score("mean"), score("sd"), delimiter=","),
        "sums": one("t.csv", written([["provincie", "n", "sum"], *c.figures(lambda s: f"{s.sum():.1f}")]), PROVINCE, N, score("sum")),
        "means of those with a value": one(
            "t.csv", written([["provincie", "n", "mean"], *c.figures(lambda s: f"{s.mean():.3f}", column="lezen")]),
            PROVINCE, known, score("mean", of="lezen"),
        ),
        "quartiles": one("t.csv", written([["provincie", "n", "p25", "p50", "p75"], *quartiles]), PROVINCE, N, *percents),
        "percentiles of Stata": one(
            "t.csv", written([["provincie", "n", "p10", "p90"], *stata], ","), PROVINCE, N,
            score("percentile", "p10", percentile=10), score("percentile", "p90", percentile=90), delimiter=",",
        ),
        "whole percentages": one("t.csv", written([table, *[[p, n, f"{100 * k / n:.0f}"] for p, n, k in shares]]), PROVINCE, N, share()),
        "percentages with a sign": one(
            "t.csv", written([table, *[[p, n, f"{100 * k / n:.1f} %".replace(".", ",")] for p, n, k in shares]]),
            PROVINCE, N, share(), decimal_mark=",",
        ),
        "fractions": one("t.csv", written([table, *[[p, n, f"{k / n:.4f}"] for p, n, k in shares]]), PROVINCE, N, share(percent=False)),
        "fractions of pandas": one("t.csv", written([table, *[[p, n, k / n] for p, n, k in shares]]), PROVINCE, N, share(percent=False)),
        "contributors": one(
            "t.csv", written([["provincie", "n", "scholen", "grootste", "tweede"], *[[p, n, "40", str(n // 10), str(n // 12)] for p, n, _ in shares]]),
            PROVINCE, N, {"name": "scholen", "role": "schools"}, {"name": "grootste", "role": "largest"}, {"name": "tweede", "role": "second"},
        ),
    }  # fmt: skip


def as_book(rows: Sequence[Sequence[Any]], change: Callable[[Any], None] | None = None) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Tabel 1"
    for row in rows:
        sheet.append([int(cell) if str(cell).isdigit() else cell for cell in row])
    if change is not None:
        change(sheet)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def style_as_excel(sheet: Any) -> None:
    """White headings on dark blue, thousands, an accounting format, frozen panes, and a filter that hides nothing."""
    for cell in sheet[1]:
        cell.font = Font(name="Calibri", bold=True, color="FFFFFFFF")
        cell.fill = PatternFill("solid", fgColor="FF1F4E78")
    for number, (cell,) in enumerate(sheet.iter_rows(min_row=2, min_col=2, max_col=2)):
        cell.number_format = "#,##0" if number % 2 else '_-* #,##0_-;\\-* #,##0_-;_-* "-"??_-;_-@_-'
    sheet.column_dimensions["A"].width = 22
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = sheet.dimensions


def style_as_theme(sheet: Any) -> None:
    """Headings in the first colour of the theme on its fifth, as the buttons of Excel give them."""
    for cell in sheet[1]:
        cell.font = Font(color=openpyxl.styles.Color(theme=0), bold=True)
        cell.fill = PatternFill("solid", fgColor=openpyxl.styles.Color(theme=4))
    sheet["B2"].number_format = '0 "leerlingen"'


def style_as_libreoffice(sheet: Any) -> None:
    sheet.oddHeader.center.text = '&"Times New Roman,Regular"&12&A'
    sheet.oddFooter.center.text = '&"Times New Roman,Regular"&12Pagina &P'
    sheet.print_area = sheet.dimensions
    sheet.print_title_rows = "1:1"


def style_as_table(sheet: Any) -> None:
    table = Table(displayName="Tabel1", ref=sheet.dimensions)
    table.tableStyleInfo = TableStyleInfo(name="TableStyleMedium2", showRowStripes=True)
    sheet.add_table(table)


def style_with_colours(sheet: Any) -> None:
    rule = ColorScaleRule(start_type="min", start_color="FFFFFF", end_type="max", end_color="63BE7B")  # type: ignore[no-untyped-call]
    sheet.conditional_formatting.add("B2:B5", rule)
    side = Side(style="thin", color="FFBFBFBF")
    for row in sheet.iter_rows():
        for cell in row:
            cell.border = Border(top=side, bottom=side)


def packed_by_excel(book: bytes) -> bytes:
    """The parts as Excel packs them: room of zeros in two headers, an empty list of persons."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for number, entry in enumerate(old.infolist()):
            information = zipfile.ZipInfo(entry.filename, (1980, 1, 1, 0, 0, 0))
            information.compress_type = zipfile.ZIP_DEFLATED
            if number < 2:
                information.extra = struct.pack("<2H", 0xA220, 516) + b"\x28\xa0\x00\x02" + bytes(512)
            new.writestr(information, old.read(entry))
        persons = b'<personList xmlns="http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"/>'
        new.writestr("xl/persons/person.xml", persons)
    return packed.getvalue()


def named_by_libreoffice(book: bytes) -> bytes:
    """A workbook with the properties that LibreOffice writes."""
    app = b"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"><Template></Template><TotalTime>3</TotalTime><Application>LibreOffice/7.4.7.2$Linux_X86_64 LibreOffice_project/40$Build-2</Application><AppVersion>15.0000</AppVersion></Properties>"""
    core = b"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dcterms:created xsi:type="dcterms:W3CDTF">2026-11-30T10:00:00Z</dcterms:created><dc:creator></dc:creator><dc:description></dc:description><dc:language>nl-NL</dc:language><cp:lastModifiedBy></cp:lastModifiedBy><cp:revision>2</cp:revision><dc:subject></dc:subject><dc:title></dc:title></cp:coreProperties>"""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(
                entry, {"docProps/app.xml": app, "docProps/core.xml": core}.get(entry.filename, old.read(entry))
            )
    return packed.getvalue()


def made_workbooks(c: Cohort) -> dict[str, Case]:
    """Workbooks as openpyxl, pandas, Excel and LibreOffice make them."""
    counts, columns = c.counts("provincie"), (PROVINCE, N)
    means = [
        ["provincie", "n", "mean"],
        *[[name, int(n), float(mean)] for name, n, mean in c.figures(lambda s: repr(float(s.mean())))],
    ]
    parts = [
        (name, c.count(provincie=name), c.count(provincie=name, niveau="I") + c.count(provincie=name, niveau="II"))
        for name in PROVINCES
    ]

    def show_percentages(sheet: Any) -> None:
        for (cell,) in sheet.iter_rows(min_row=2, min_col=3):
            cell.number_format = "0.0%"

    frame = io.BytesIO()
    pd.DataFrame([[name, int(n)] for name, n in counts[1:]], columns=counts[0]).to_excel(
        frame, index=False, sheet_name="Tabel 1"
    )
    return {
        "openpyxl": one("t.xlsx", as_book(counts), *columns),
        "pandas": one("t.xlsx", frame.getvalue(), *columns, sheet="Tabel 1"),
        "Excel": one("t.xlsx", packed_by_excel(as_book(counts, style_as_excel)), *columns),
        "Excel's theme": one("t.xlsx", as_book(counts, style_as_theme), *columns),
        "Excel's table": one("t.xlsx", as_book(counts, style_as_table), *columns),
        "LibreOffice": one("t.xlsx", named_by_libreoffice(as_book(counts, style_as_libreoffice)), *columns),
        "a scale of colours": one("t.xlsx", as_book(counts, style_with_colours), *columns),
        "means in a workbook": one("t.xlsx", as_book(means), *columns, score("mean"), decimal_mark=","),
        "percentages in a workbook": one(
            "t.xlsx", as_book([["provincie", "n", "deel"], *[[p, n, k / n] for p, n, k in parts]], show_percentages),
            *columns, share(), decimal_mark=",",
        ),
    }  # fmt: skip


def drawn(ending: str, draw: Callable[[Any], None], **settings: Any) -> bytes:
    figure = Figure(figsize=(5, 4))
    draw(figure.subplots())
    content = io.BytesIO()
    with mpl.rc_context(settings):
        figure.savefig(content, format=ending)
    return content.getvalue()


SVGLITE = """<?xml version='1.0' encoding='UTF-8' ?>
<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' class='svglite' width='504.00pt' height='360.00pt' viewBox='0 0 504.00 360.00'>
<defs><style type='text/css'><![CDATA[
    .svglite line, .svglite polyline, .svglite path, .svglite rect, .svglite circle { fill: none; stroke: #000000; stroke-linecap: round; }
    .svglite text { white-space: pre; }
  ]]></style></defs>
<rect width='100%' height='100%' style='stroke: none; fill: #FFFFFF;'/>
<defs><clipPath id='cpMC4wMHw1MDQuMDB8MC4wMHwzNjAuMDA='><rect x='0.00' y='0.00' width='504.00' height='360.00' /></clipPath></defs>
<g clip-path='url(#cpMC4wMHw1MDQuMDB8MC4wMHwzNjAuMDA=)'>
BARS
<text x='252.00' y='350.00' text-anchor='middle' style='font-size: 11.00px; font-family: "Arial";' textLength='41.58px' lengthAdjust='spacingAndGlyphs'>provincie</text>
<text transform='translate(13.05,180.00) rotate(-90)' text-anchor='middle' style='font-size: 11.00px; font-family: "Arial";'>leerlingen</text>
</g></svg>
"""


def as_ggplot(c: Cohort) -> bytes:
    bars = [
        f"<rect x='{40 + 110 * place}.00' y='20.00' width='90.00' height='{c.count(provincie=name) / 10:.2f}' style='stroke: none; fill: #595959;' />"
        f"<text x='{85 + 110 * place}.00' y='340.00' style='font-size: 8.80px; fill: #4D4D4D; font-family: \"Arial\";'>{name}</text>"
        for place, name in enumerate(PROVINCES)
    ]
    return SVGLITE.replace("BARS", "\n".join(bars)).encode()


def as_cairo() -> bytes:
    """An SVG of R's svg(): each letter of each label is a use of a drawn sign."""
    signs = "".join(
        f'<symbol overflow="visible" id="glyph0-{n}"><path style="stroke:none;" d="M 1 0 L 1 {n}"/></symbol>'
        for n in range(30)
    )
    letters = "".join(f'<use xlink:href="#glyph0-{n % 30}" x="{n % 400}.5" y="{n % 300}.25"/>' for n in range(640))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="504pt" height="504pt" viewBox="0 0 504 504" version="1.1">\n<defs><g>{signs}</g></defs>\n<g id="surface1">'
        f'<rect x="0" y="0" width="504" height="504" style="fill:rgb(100%,100%,100%);fill-opacity:1;stroke:none;"/>{letters}</g></svg>\n'
    ).encode()


def as_pdf_of_r(c: Cohort, text_of: Callable[[str], str] = lambda text: f"({text})") -> bytes:
    """A PDF as the device of R writes it."""
    lines = ["1 J 1 j q", "1.000 1.000 1.000 rg", "0 0 504 504 re f", "0.349 0.349 0.349 rg"]
    for place, name in enumerate(PROVINCES):
        lines += [f"{60 + 90 * place} 73.44 70 {c.count(provincie=name) / 10:.2f} re f", "BT", "0.000 0.000 0.000 rg"]
        lines += [
            f"/F2 1 Tf 12.00 0.00 -0.00 12.00 {60 + 90 * place} 40.00 Tm {text_of(name.replace('â', 'a'))} Tj",
            "ET",
            "0.349 0.349 0.349 rg",
        ]
    stream = zlib.compress("\n".join([*lines, "Q"]).encode("latin-1"))
    parts = [
        b"1 0 obj\n<<\n/CreationDate (D:20261130101112)\n/ModDate (D:20261130101112)\n/Title (R Graphics Output)\n/Producer (R 4.3.1)\n>>\nendobj\n",
        b"2 0 obj\n<< /Type /Catalog /Pages 3 0 R >>\nendobj\n",
        b"3 0 obj\n<< /Type /Pages /Kids [ 4 0 R ] /Count 1 /MediaBox [0 0 504 504] >>\nendobj\n",
        b"4 0 obj\n<< /Type /Page /Parent 3 0 R /Contents 5 0 R >>\nendobj\n",
        b"5 0 obj\n<<\n/Length %d /Filter /FlateDecode\n>>\nstream\n" % len(stream) + stream + b"\nendstream\nendobj\n",
    ]
    return (
        b"%PDF-1.4\n%\x81\xe2\x81\xe3\x81\xcf\x81\xd3\\r\n"
        + b"".join(parts)
        + b"xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 6 /Info 1 0 R /Root 2 0 R >>\nstartxref\n9\n%%EOF\n"
    )


def made_figures(c: Cohort) -> dict[str, Case]:
    """Figures of matplotlib and R with the metadata that they write of themselves."""
    totals = [c.count(provincie=name) for name in PROVINCES]

    def bars(axes: Any) -> None:
        axes.bar(list(PROVINCES), totals, yerr=[20] * 4)
        axes.set_title("Leerlingen per provincie, schooljaren 2023-2024 en 2024-2025")

    def lines(axes: Any) -> None:
        for name in LEVELS:
            axes.plot(range(10), np.linspace(100, 110 + len(name), 10), marker="o", label=f"niveau {name}")
        axes.legend()

    def heat(axes: Any) -> None:
        axes.imshow([[c.count(provincie=p, niveau=n) for n in LEVELS] for p in PROVINCES])

    contents = {
        "png of matplotlib": ("f.png", drawn("png", bars)),
        "png of a heat map": ("f.png", drawn("png", heat)),
        "svg of matplotlib": ("f.svg", drawn("svg", bars)),
        "svg with texts": ("f.svg", drawn("svg", bars, **{"svg.fonttype": "none"})),
        "svg of lines": ("f.svg", drawn("svg", lines)),
        "pdf of matplotlib": ("f.pdf", drawn("pdf", bars)),
        "pdf with TrueType": ("f.pdf", drawn("pdf", lines, **{"pdf.fonttype": 42})),
        "pdf of a heat map": ("f.pdf", drawn("pdf", heat)),
        "svg of ggplot2": ("f.svg", as_ggplot(c)),
        "svg of cairo": ("f.svg", as_cairo()),
        "pdf of R": ("f.pdf", as_pdf_of_r(c)),
        "pdf with hexadecimal texts": ("f.pdf", as_pdf_of_r(c, lambda text: f"<{text.encode('latin-1').hex()}>")),
    }
    table = one("t.csv", written(c.counts("provincie")), PROVINCE, N)
    return {
        kind: together(
            table, {"files": {name: content}, "declared": [{"name": name, "kind": "figure", "data": "t.csv"}]}
        )
        for kind, (name, content) in contents.items()
    }


def model(name: str, content: bytes, **more: Any) -> Case:
    declared = {
        "name": name, "kind": "regression", "observations": 6000, "parameters": 5, "outcome": "score",
        "regressors": ["provincie", "geslacht"], "categorical": ["provincie", "geslacht"],
    }  # fmt: skip
    return {"files": {name: content}, "declared": [declared | more]}


def results_of_acro() -> tuple[bytes, bytes]:
    """The results.json of one model, and of two."""
    record = {
        "uid": "output_0", "status": "pass", "type": "regression", "properties": {"method": "ols", "dof": 5995.0},
        "files": [{"name": "output_0_0.csv", "sdc": {}}], "outcome": {}, "command": "acro.ols(y, x)",
        "summary": "pass; dof=5995.0 >= 10", "comments": [], "timestamp": "2026-11-30T10:11:12.123456", "exception": "",
    }  # fmt: skip
    results = json.dumps({"version": "0.4.9", "results": {"output_0": record}}, indent=4).encode()
    other = record | {
        "uid": "output_1",
        "properties": {"method": "ols", "dof": 5998.0},
        "files": [{"name": "output_1_0.csv", "sdc": {}}],
    }
    two = json.dumps({"version": "0.4.9", "results": {"output_0": record, "output_1": other}}).encode()
    return results, two


def made_models(seed: int) -> dict[str, Case]:
    """Coefficients of R, Stata, statsmodels and acro."""
    chance = np.random.default_rng(seed)
    terms = ["(Intercept)", "provincieFryslân", "provincieUtrecht", "provincieZeeland", "geslachtM"]
    numbers = chance.normal(size=(5, 4)).round(7)
    tidy = [
        ["term", "estimate", "std.error", "statistic", "p.value"],
        *[[t, *map(repr, row.tolist())] for t, row in zip(terms, numbers, strict=True)],
    ]
    exact = [
        ["", "coef", "std err", "P>|t|"],
        *[[t, *map(repr, row.tolist())] for t, row in zip(terms, chance.normal(size=(5, 3)), strict=True)],
    ]
    stata = [["", "(1)"], ["", "score"]]
    for term, (b, se, *_) in zip(terms[1:], numbers[1:], strict=True):
        stata += [[term, f"{b:.2f}***"], ["", f"({abs(se):.2f})"]]
    stata += [["1.provincie", "(ref.)"], ["N", "6000"], ["R-squared", "0.12"]]
    results, two = results_of_acro()
    quoted = written(tidy, ",", "\n", csv.QUOTE_NONNUMERIC)
    comma = [[cell.replace(".", ",") for cell in row] for row in tidy]
    return {
        "coefficients of R": model("model.csv", quoted, delimiter=","),
        "coefficients with commas": model("model.csv", written(comma), decimal_mark=","),
        "coefficients of statsmodels": model("model.csv", written(exact, ","), delimiter=","),
        "coefficients of Stata": model(
            "model.csv", written([row for row in stata if row != ["", "score"]], ","), delimiter=","
        ),
        "one regressor": model(
            "model.csv",
            written([tidy[0], tidy[1], tidy[5]]),
            parameters=2,
            regressors=["geslacht"],
            categorical=["geslacht"],
        ),
        "acro with two models": together(
            model("results.json", two),
            model("output_0_0.csv", written(exact, ","), delimiter=","),
            model("output_1_0.csv", written(tidy[:3]), parameters=2, regressors=["geslacht"], categorical=["geslacht"]),
        ),
        "acro": together(model("results.json", results), model("output_0_0.csv", written(exact, ","), delimiter=",")),
    }


README = """# Toelichting bij tabel 1

Versie 1.2 van 2026-11-30, gemaakt met R 4.3.1 (dplyr 1.1.4, ggplot2 3.4.4).
De tabel telt leerlingen van groep 7 en 8 in de schooljaren 2023-2024 en 2024-2025.
Cellen met minder dan 10 leerlingen zijn weggelaten; aandelen onder 5 % ook.
Vragen: onderzoeker@example.org, telefoon 030-2531234.
"""
SESSION = """R version 4.3.1 (2023-06-16)
attached base packages: stats graphics grDevices utils datasets methods base
other attached packages:
dplyr_1.1.4 ggplot2_3.4.4 readr_2.1.4
tidyr_1.3.0 purrr_1.0.2 tibble_3.2.1
2026-11-30 10:11:12 start
2026-11-30 10:11:14 tabel 1
2026-11-30 10:11:19 tabel 2
2026-11-30 10:12:01 figuur 1
2026-11-30 10:12:09 model
2026-11-30 10:12:31 klaar
"""
METHOD = "Linear model of the score on province and sex (6,000 pupils of grade 8). Cells of fewer than 10 pupils were merged. The minimum is 10 pupils.\n"


def made_texts() -> dict[str, Case]:
    """Texts beside tables."""
    texts = {"lees.md": README, "sessie.txt": SESSION, "method.txt": METHOD}
    return {
        f"text {name}": {"files": {name: text.encode()}, "declared": [{"name": name, "kind": "text"}]}
        for name, text in texts.items()
    }


def clean_requests(seed: int) -> tuple[pa.Table, dict[str, Case]]:
    """A drawn published table and a clean request of each kind about it."""
    cohort = Cohort(seed)
    cases = made_tables(cohort) | made_figures_of_scores(cohort) | made_workbooks(cohort) | made_figures(cohort)
    cases |= made_models(seed) | made_texts()
    article = together(*[cases[kind] for kind in ("png of matplotlib", "Excel", "coefficients of R", "text lees.md")])
    return cohort.table, cases | {"an article": article}
