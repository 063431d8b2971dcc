"""Exported files: read back, they are the table; their labels, codes and missing values are the codebook's."""

from __future__ import annotations

import csv
import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest
from tests.unit.drawn_codebook import COLUMNS, drawn_rows, make_project, make_published
from tests.unit.drawn_project import RESULT

from cohort.access import table_access
from cohort.agreements.environment import Environment
from cohort.agreements.project import Project
from cohort.delta import RELEASE_PROPERTY
from cohort.foundation.errors import ConfigurationRefused, StateRefused
from cohort.release_records import record_store, release_states
from cohort.release_records.release_record import ReleaseRecord
from cohort.research_files import Codebook, read_codebook
from cohort.storage import json_documents
from cohort.table_exports import EXPORT_FORMATS, export_table, table_export
from cohort.table_exports.statistical_files import STATA_MISSING

Exported = tuple[Path, Codebook]


def publish(root: Path, project: Project | None = None) -> tuple[Environment, Project, ReleaseRecord]:
    """The drawn release, whose table says which release it is."""
    environment, declared, record = make_published(root, project)
    deltalake.DeltaTable(environment.zones.published_table("proef")).alter.set_table_properties(
        {RELEASE_PROPERTY: record.id}, raise_if_not_exists=False
    )
    return environment, declared, record


def export(root: Path, language: str = "en", project: Project | None = None) -> Exported:
    environment, declared, record = publish(root, project)
    export_table(environment, declared, EXPORT_FORMATS, language)
    book = read_codebook(environment.zones, record)
    assert book is not None
    return root / "root" / "files" / "proef", book


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """All formats, with English labels."""
    return export(tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="module")
def pseudonymous(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(tmp_path_factory.mktemp("exported"), "nl", make_project(release_class="pseudonymous"))


def values_of(book: Codebook, name: str, missing: dict[Any, Any]) -> dict[Any, str]:
    """The values of a variable by their codes in a file."""
    variable = next(one for one in book.variables if one.name == name)
    return {missing[c.missing] if c.missing else c.code: c.value for c in variable.categories}


def as_table(rows: Any, book: Codebook, missing: dict[Any, Any]) -> list[dict[str, Any]]:
    """The rows of a coded file, with values in place of codes and None for null."""
    columns: dict[str, list[Any]] = {}
    for variable in book.variables:
        cells = [cell.item() if hasattr(cell, "item") else cell for cell in rows[variable.name]]
        if variable.kind == "category":
            value_of = values_of(book, variable.name, missing)
            columns[variable.name] = [value_of[cell] for cell in cells]
        elif variable.kind == "bound":
            columns[variable.name] = [None if cell is None or cell != cell else int(cell) for cell in cells]
        else:
            columns[variable.name] = cells
    return pa.table(columns).to_pylist()


CODES = {"unknown": -1, "generalised": -2}


@pytest.mark.parametrize("which", ["exported", "pseudonymous"])
def test_every_file_read_back_is_the_table(which: str, request: pytest.FixtureRequest) -> None:
    folder, book = request.getfixturevalue(which)
    drawn = drawn_rows(which == "pseudonymous").to_pylist()
    rows, _ = pyreadstat.read_sav(folder / "proef-1.sav", user_missing=True)
    assert as_table(rows, book, CODES) == drawn
    rows, _ = pyreadstat.read_dta(folder / "proef-1.dta", user_missing=True)
    by_text = sorted(map(str, drawn))  # its rows may be in another order
    assert sorted(map(str, as_table(rows, book, STATA_MISSING))) == by_text
    assert pq.read_table(folder / "proef-1.parquet").to_pylist() == drawn
    with (folder / "proef-1.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    texts = [{name: "" if cell is None else str(cell) for name, cell in row.items()} for row in drawn]
    assert lines == texts


@pytest.mark.parametrize(("file_format", "missing"), [("sav", CODES), ("dta", STATA_MISSING)])
def test_labels_and_codes_of_coded_files_are_those_of_the_codebook(
    exported: Exported, file_format: str, missing: dict[Any, Any]
) -> None:
    folder, book = exported
    read: Any = pyreadstat.read_sav if file_format == "sav" else pyreadstat.read_dta
    _, told = read(folder / f"proef-1.{file_format}", user_missing=True)
    assert told.file_label == "cohort proef-1"
    assert told.column_names_to_labels == {variable.name: variable.label.en for variable in book.variables}
    assert told.variable_value_labels == {
        variable.name: {missing[c.missing] if c.missing else c.code: c.label.en for c in variable.categories}
        for variable in book.variables
        if variable.kind == "category"
    }


def test_a_column_that_begins_with_many_missing_values_is_still_numeric_in_stata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_missing = [row for row in drawn_rows().to_pylist()[::-1] for _ in range(4)]
    table = pa.Table.from_pylist(first_missing, drawn_rows().schema)
    monkeypatch.setattr("tests.unit.drawn_codebook.drawn_rows", lambda *_: table)
    folder, book = export(tmp_path)
    rows, _ = pyreadstat.read_dta(folder / "proef-1.dta", user_missing=True)
    shown = [row["jaargroep"] for row in as_table(rows, book, STATA_MISSING)]
    assert (shown.count("*"), shown.count("8"), len(shown)) == (120, 184, 346 * 4)


def test_missing_values_are_declared(exported: Exported) -> None:
    folder, _ = exported
    told: Any
    _, told = pyreadstat.read_sav(folder / "proef-1.sav", user_missing=True)
    declared = {name: {one["lo"] for one in ranges} for name, ranges in told.missing_ranges.items()}
    expected = {"geslacht": {-2}, "jaargroep": {-2}, "rekenen_M": {-1, -2}, "spelling": {-1}}
    assert declared == expected
    _, told = pyreadstat.read_dta(folder / "proef-1.dta", user_missing=True)
    assert {name: set(kinds) for name, kinds in told.missing_user_values.items()} == {
        name: {{-1: "a", -2: "b"}[code] for code in codes} for name, codes in expected.items()
    }
    rows, _ = pyreadstat.read_sav(folder / "proef-1.sav")
    assert int(rows["rekenen_M"].isna().sum()) == 36


def test_spss_knows_which_variables_are_ordered(exported: Exported) -> None:
    folder, _ = exported
    _, told = pyreadstat.read_sav(folder / "proef-1.sav", metadataonly=True)
    assert told.variable_measure == {
        "geslacht": "nominal",
        "jaargroep": "nominal",
        "rekenen_M": "ordinal",
        "rekenen_M_van": "scale",
        "rekenen_M_tot": "scale",
        "spelling": "ordinal",
    }


def test_the_schema_of_the_csv_file_has_types_and_labels(exported: Exported) -> None:
    folder, book = exported
    schema = json.loads((folder / "proef-1.csv-schema.json").read_text(encoding="utf-8"))
    assert (schema["path"], schema["encoding"], schema["missingValues"]) == ("proef-1.csv", "utf-8", [""])
    assert [(f["name"], f["type"], f["title"]) for f in schema["fields"]] == [
        (v.name, "integer" if v.kind == "bound" else "string", v.label.en) for v in book.variables
    ]
    assert [[(c["value"], c["label"]) for c in f["categories"]] for f in schema["fields"]] == [
        [(c.value, c.label.en) for c in v.categories] for v in book.variables
    ]


def test_a_parquet_file_says_its_release_and_no_extremes(exported: Exported) -> None:
    footer: Any = pq.read_metadata(exported[0] / "proef-1.parquet")
    assert footer.metadata[b"cohort.release"] == b"proef-1"
    columns = [footer.row_group(0).column(place) for place in range(footer.num_columns)]
    assert [column.statistics for column in columns if column.statistics is not None] == []
    assert pq.read_schema(exported[0] / "proef-1.parquet").types[2:4] == [pa.string(), pa.int32()]


def test_the_report_names_the_files_and_they_are_closed_where_nobody_has_access(tmp_path: Path) -> None:
    environment, declared, _ = publish(tmp_path)
    report = export_table(environment, declared, ("csv", "sav"), "nl").document()
    folder = tmp_path / "root" / "files" / "proef"
    assert [file["name"] for file in report["files"]] == ["proef-1.sav", "proef-1.csv", "proef-1.csv-schema.json"]
    for file in report["files"]:
        content = (folder / file["name"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert report["why_not"] == ["the platform gives access to nobody ([access] way = 'owner')"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    names = {path.name for path in folder.iterdir()}
    assert "proef-1.codebook.json" in names  # of a release of an earlier version it is made first
    assert not [name for name in names if name.endswith(".part")]


def test_an_export_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    environment, declared, _ = publish(tmp_path)
    folder = tmp_path / "root" / "files" / "proef"
    export_table(environment, declared, ("csv",), "nl")
    (folder / ".proef-1.sav.part").write_bytes(b"half a file of a killed run")
    (folder / "proef-1.csv").write_bytes(b"altered")
    export_table(environment, declared, ("csv",), "nl")
    assert (folder / "proef-1.csv").read_bytes().startswith(b'"geslacht","jaargroep",')
    assert not (folder / ".proef-1.sav.part").exists()


def test_a_file_that_cannot_be_written_leaves_no_half_and_closes_nothing_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, declared, _ = publish(tmp_path)
    real, settled = table_access.settle_access, list[str]()
    monkeypatch.setattr("shutil.copyfileobj", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    monkeypatch.setattr(table_export, "settle_access", lambda *given: settled.append("settled") or real(*given))
    with pytest.raises(OSError, match="disk full"):
        export_table(environment, declared, ("csv",), "nl")
    folder = tmp_path / "root" / "files" / "proef"
    assert [path.name for path in folder.iterdir() if "codebook" not in path.name] == []
    assert settled == ["settled"]


def ended(environment: Environment, declared: Project) -> Project:
    assert environment
    return declared.model_copy(update={"ends": environment.today.replace(year=2025)})


def being_withdrawn(environment: Environment, declared: Project) -> Project:
    json_documents.write_json_document(release_states.withdrawal_journal_path(environment.zones, "proef"), {})
    return declared


def unsettled(environment: Environment, declared: Project) -> Project:
    record = record_store.find_release_record(environment.zones, "proef", 1)
    record_store.save_release_record(environment.zones, record.noted(settled=False))
    return declared


def of_another_release(environment: Environment, declared: Project) -> Project:
    table = deltalake.DeltaTable(environment.zones.published_table("proef"))
    table.alter.set_table_properties({RELEASE_PROPERTY: "proef-2"}, raise_if_not_exists=False)
    return declared


@pytest.mark.parametrize(
    ("change", "wording"),
    [
        (ended, "found today is not between"),
        (being_withdrawn, "found rows are being withdrawn"),
        (unsettled, "publishing was not finished"),
        (of_another_release, "the table of the published release"),
    ],
)
def test_a_table_that_nobody_may_read_is_not_exported(tmp_path: Path, change: Any, wording: str) -> None:
    environment, declared, _ = publish(tmp_path)
    with pytest.raises(StateRefused, match=wording):
        export_table(environment, change(environment, declared), ("csv",), "nl")
    assert not (tmp_path / "root" / "files").exists()


@pytest.mark.parametrize(("name", "formats"), [("x" * 33, ("dta",)), ("int", ("csv", "dta")), ("with", ("sav",))])
def test_a_name_that_a_program_does_not_take_is_refused(tmp_path: Path, name: str, formats: tuple[str, ...]) -> None:
    project = make_project(columns=[COLUMNS[0] | {"name": name}, *COLUMNS[1:]])
    environment, declared, record = make_published(tmp_path, make_project())
    table = str(environment.zones.published_table("proef"))
    rows = drawn_rows().rename_columns([name, *drawn_rows().column_names[1:]])
    deltalake.write_deltalake(table, rows, mode="overwrite", schema_mode="overwrite")
    deltalake.DeltaTable(table).alter.set_table_properties({RELEASE_PROPERTY: record.id}, raise_if_not_exists=False)
    assert declared
    with pytest.raises(ConfigurationRefused, match=f"that are no words of the program.*found {name}"):
        export_table(environment, project, formats, "nl")
    export_table(environment, project, ("csv",), "nl")


def test_a_long_label_is_cut_for_stata_alone(tmp_path: Path) -> None:
    long = "rekenen-" * 20
    columns = [*COLUMNS[:2], COLUMNS[2] | {"label": {"nl": long, "en": long}, "result": RESULT}, COLUMNS[3]]
    folder, book = export(tmp_path, "nl", make_project(columns=columns))
    _, told = pyreadstat.read_dta(folder / "proef-1.dta", metadataonly=True)
    assert told.column_names_to_labels["rekenen_M"] == long[:79] + "…"
    _, told = pyreadstat.read_sav(folder / "proef-1.sav", metadataonly=True)
    assert told.column_names_to_labels["rekenen_M"] == book.variables[2].label.nl == long
