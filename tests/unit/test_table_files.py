"""Files of public tables: every figure stands in each of them once, hidden ones nowhere; equal input, equal bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from lxml import html
from tests.unit.drawn_editions import (
    COUNT,
    LARGE,
    MEAN,
    REGION,
    SEX,
    TOTAL,
    YEAR,
    draw_cells,
    draw_edition,
    make_document,
    make_table,
)

from cohort.publication_documents import (
    DOCUMENT,
    HIDDEN,
    HierarchyNode,
    LabelledText,
    NoiseFigures,
    PublicationDocument,
    TableVariable,
    TidyCell,
    VariableHierarchy,
    format_tidy_cells,
    parse_tidy_cells,
)
from cohort.storage import write_json_document
from cohort.table_files import CHECKSUMS, write_table_files

Cells = dict[str, list[TidyCell]]


def write_edition(folder: Path, document: PublicationDocument, cells: Cells) -> dict[str, bytes]:
    folder.mkdir(parents=True)
    write_json_document(folder / DOCUMENT, document.model_dump(mode="json"))
    for table in document.tables:
        text = format_tidy_cells(tuple(axis.variable for axis in table.axes), cells[table.name])
        (folder / table.cells_file).write_text(text, encoding="utf-8")
    names = write_table_files(folder, document, cells)
    assert set(names) | {DOCUMENT} | {t.cells_file for t in document.tables} == {p.name for p in folder.iterdir()}
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> tuple[PublicationDocument, Cells, dict[str, bytes]]:
    document, cells = draw_edition()
    return document, cells, write_edition(tmp_path_factory.mktemp("editions") / "1", document, cells)


def count_signs(cells: list[TidyCell]) -> int:
    return sum(cell.value is None for cell in cells)


def test_the_same_edition_gives_the_same_bytes(
    edition: tuple[PublicationDocument, Cells, dict[str, bytes]], tmp_path: Path
) -> None:
    document, cells, files = edition
    shuffled = {name: list(reversed(own)) for name, own in reversed(cells.items())}
    again = write_edition(tmp_path / "again", document, shuffled)
    made = {name for name in files if not name.endswith(".cells.csv") and name != CHECKSUMS}
    assert {name: again[name] for name in made} == {name: files[name] for name in made}


def test_checksums_are_those_of_every_other_file(edition: tuple[PublicationDocument, Cells, dict[str, bytes]]) -> None:
    files = edition[2]
    lines = [line.split("  ") for line in files[CHECKSUMS].decode().splitlines()]
    expected = {name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != CHECKSUMS}
    assert {name: digest for digest, name in lines} == expected


@pytest.mark.parametrize(("language", "delimiter", "comma"), [("nl", ";", ","), ("en", ",", ".")])
def test_a_file_for_spreadsheets_has_every_figure_once(
    edition: tuple[PublicationDocument, Cells, dict[str, bytes]], language: str, delimiter: str, comma: str
) -> None:
    document, cells, files = edition
    for table in document.tables:
        text = files[f"{table.name}.{language}.csv"].decode("utf-8-sig")
        head, *lines = csv.reader(io.StringIO(text), delimiter=delimiter)
        labels = max(len(table.axes) - 1, 1)
        figures = [figure for line in lines for figure in line[labels:]]
        assert {len(line) for line in lines} == {len(head)}
        assert len(set(head)) == len(head)
        expected = [(cell.value or ".") for cell in cells[table.name]]
        restored = [figure.replace(comma, ".") for figure in figures]
        assert sorted(restored) == sorted(expected)


def test_a_figure_stands_in_the_row_and_column_of_its_nodes(tmp_path: Path) -> None:
    document = make_document([REGION, SEX], [make_table("t", [REGION, SEX])])
    values = iter(range(1, 100))
    nodes = [(r.code, s.code) for r in REGION.hierarchies[0].nodes for s in SEX.hierarchies[0].nodes]
    cells = [TidyCell(own, "leerlingen", str(next(values))) for own in nodes]
    cells[nodes.index(("Drenthe", "meisje"))] = TidyCell(("Drenthe", "meisje"), "leerlingen", None)
    text = write_edition(tmp_path / "1", document, {"t": cells})["t.nl.csv"].decode("utf-8-sig")
    assert text.splitlines() == [
        "regio;totaal;jongen;meisje",
        "totaal;1;2;3",
        "Noord;4;5;6",
        "Groningen;10;11;12",
        "Drenthe;13;14;.",
        "West;7;8;9",
        "Holland;16;17;18",
    ]


def test_the_workbook_has_numbers_as_numbers_and_nothing_else_in_it(
    edition: tuple[PublicationDocument, Cells, dict[str, bytes]],
) -> None:
    document, cells, files = edition
    content = files["leerlingen.nl.xlsx"]
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert [sheet.sheet_state for sheet in book.worksheets] == ["visible"] * 5
    assert len({name.casefold() for name in book.sheetnames}) == 5
    assert max(map(len, book.sheetnames)) <= 31
    for table, sheet in zip(document.tables, book.worksheets[1:], strict=True):
        assert sheet.freeze_panes is not None
        data = [cell for row in sheet.iter_rows(min_row=4) for cell in row]
        assert all(cell.data_type in ("n", "s") for cell in data)
        numbers = sorted(float(cell.value) for cell in data if cell.data_type == "n")
        printed = [cell.value for cell in cells[table.name] if cell.value and re.fullmatch(r"[\d.]+", cell.value)]
        assert numbers == sorted(map(float, printed))
        assert sum(cell.value == "." for cell in data) == count_signs(cells[table.name])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"creator" not in archive.read("docProps/core.xml")
        assert not [name for name in archive.namelist() if "external" in name.lower() or "vba" in name.lower()]


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_name_that_looks_like_a_formula_is_text(tmp_path: Path, start: str) -> None:
    nodes = (TOTAL, HierarchyNode(code="a", parent="*", label=LabelledText(nl=f"{start}1+1", en="@SUM(A1)")))
    variable = TableVariable(
        name="v",
        label=LabelledText(nl=f"{start}cmd", en="v"),
        leaves=("a",),
        hierarchies=(VariableHierarchy(name="v", nodes=nodes),),
    )
    document = make_document([variable], [make_table("t", [variable])])
    files = write_edition(tmp_path / "1", document, {"t": draw_cells(document, document.tables[0])})
    book = openpyxl.load_workbook(io.BytesIO(files["leerlingen.nl.xlsx"]))
    assert [book.worksheets[1][place].data_type for place in ("A3", "A5")] == ["s", "s"]
    assert files["t.nl.csv"].decode("utf-8-sig").splitlines()[0].startswith(f" {start}cmd")


def test_two_nodes_of_one_name_stay_apart(tmp_path: Path) -> None:
    same = LabelledText(nl="Utrecht", en="Utrecht")
    nodes = (TOTAL, HierarchyNode(code="P", parent="*", label=same), HierarchyNode(code="G", parent="P", label=same))
    variable = TableVariable(
        name="v", label=same, leaves=("G",), hierarchies=(VariableHierarchy(name="v", nodes=nodes),)
    )
    document = make_document([variable], [make_table("t", [variable])])
    files = write_edition(tmp_path / "1", document, {"t": draw_cells(document, document.tables[0])})
    names = [line.split(";")[0] for line in files["t.nl.csv"].decode("utf-8-sig").splitlines()]
    assert names == ["Utrecht", "totaal", "Utrecht (P)", "Utrecht (G)"]


@pytest.mark.parametrize(
    "break_cells",
    [lambda own: own[1:], lambda own: [*own, own[0]], lambda own: [*own[1:], TidyCell(("*", "x"), "leerlingen", "12")]],
    ids=["one missing", "one twice", "another node"],
)
def test_cells_that_are_not_those_of_the_table_are_a_defect(tmp_path: Path, break_cells: object) -> None:
    document = make_document([REGION, SEX], [make_table("t", [REGION, SEX])])
    cells = break_cells(draw_cells(document, document.tables[0]))  # type: ignore[operator]
    with pytest.raises(ValueError, match="not one figure for each"):
        write_table_files(tmp_path, document, {"t": cells})


def test_the_metadata_is_enough_to_read_all_figures_back(
    edition: tuple[PublicationDocument, Cells, dict[str, bytes]],
) -> None:
    document, cells, files = edition
    for table in document.tables:
        metadata = json.loads(files[f"{table.cells_file}-metadata.json"])
        described, *code_lists = metadata["tables"]
        schema = described["tableSchema"]
        delimiter = metadata["dialect"]["delimiter"]
        rows = list(csv.DictReader(io.StringIO(files[described["url"]].decode()), delimiter=delimiter))
        assert list(rows[0]) == [column["titles"][0] for column in schema["columns"]]
        keys = [tuple(row[name] for name in schema["primaryKey"]) for row in rows]
        assert len(set(keys)) == len(keys)
        for column in schema["columns"]:
            values = [row[column["name"]] for row in rows]
            check_column(column, values)
        for key, codes in zip(schema["foreignKeys"], code_lists, strict=True):
            assert key["reference"]["resource"] == codes["url"]
            listed = {r["code"] for r in csv.DictReader(io.StringIO(files[codes["url"]].decode()), delimiter=delimiter)}
            assert {row[key["columnReference"]] for row in rows} == listed
        axes = tuple(axis.variable for axis in table.axes)
        read = [
            TidyCell(tuple(r[a] for a in axes), r["maat"], None if r["status"] == HIDDEN else r["waarde"]) for r in rows
        ]
        assert read == cells[table.name] == list(parse_tidy_cells(files[table.cells_file].decode(), axes))


def check_column(column: dict[str, object], values: list[str]) -> None:
    datatype = column["datatype"]
    present = [value for value in values if value != column.get("null")]
    assert column["required"] is False or len(present) == len(values)
    if isinstance(datatype, dict):
        assert all(re.fullmatch(datatype["format"], value) for value in present)
    elif datatype == "decimal":
        assert all(re.fullmatch(r"[+-]?\d+(\.\d+)?", value) for value in present)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_page_has_every_figure_and_refers_to_its_own_files(
    edition: tuple[PublicationDocument, Cells, dict[str, bytes]], language: str
) -> None:
    document, cells, files = edition
    page: Any = html.fromstring(files[f"leerlingen.{language}.html"])
    assert page.get("lang") == language
    assert not page.xpath("//script|//@src|//link[not(@rel='icon')]")
    links = [link for link in page.xpath("//a/@href") if not link.startswith("#")]
    assert links
    assert set(links) <= set(files)
    ids = page.xpath("//@id")
    assert len(set(ids)) == len(ids)
    assert {link[1:] for link in page.xpath("//a/@href") if link.startswith("#")} <= set(ids)
    for table in document.tables:
        (section,) = page.xpath(f"//section[@id='{table.name}']")
        assert len(section.xpath(".//td")) == len(cells[table.name])
        assert len(section.xpath(".//td[contains(@class,'secret')]")) == count_signs(cells[table.name])
        assert all(head.get("scope") for head in section.xpath(".//th"))
    assert page.xpath("//section[@id='regio']//svg/desc")


def test_a_table_without_a_figure_is_shown_without_a_picture(tmp_path: Path) -> None:
    document = make_document([LARGE, YEAR], [make_table("t", [LARGE, YEAR], (COUNT, MEAN))])
    cells = {"t": draw_cells(document, document.tables[0], hidden=1.1)}
    page: Any = html.fromstring(write_edition(tmp_path / "1", document, cells)["leerlingen.nl.html"])
    assert not page.xpath("//svg")
    assert len(page.xpath("//td[contains(@class,'secret')]")) == len(cells["t"])


def test_noise_and_rounding_are_told(tmp_path: Path) -> None:
    tables = [make_table("t", [REGION])]
    noise = NoiseFigures(unit="school", epsilon=1.0, mechanism="laplace", errors={"t/leerlingen": (64.0, 191.0)})
    for method, own, told in (
        ("noise", noise, "of the finest cells half of the figures are at most 64 wrong, 19 of 20 at most 191"),
        ("round", None, "rounded to multiples of 5"),
    ):
        document = make_document([REGION], tables, method, own)  # type: ignore[arg-type]
        files = write_edition(tmp_path / method, document, {"t": draw_cells(document, tables[0])})
        assert told in files["leerlingen.en.html"].decode()
