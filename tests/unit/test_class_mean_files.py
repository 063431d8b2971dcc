"""Class means in the codebook, its page and DDI, and in exported files; covariance matrices as a table beside them."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest
from lxml import etree
from tests.unit import drawn_codebook
from tests.unit.drawn_codebook import COLUMNS, make_project
from tests.unit.drawn_records import make_release_record
from tests.unit.test_codebook import PROFILE, find
from tests.unit.test_table_exports import publish

from cohort.agreements.project import Project
from cohort.data_states import MEAN_TYPE
from cohort.release_records import record_store
from cohort.research_files import Codebook, make_codebook, read_codebook, renew_codebook
from cohort.research_files.ddi_document import serialise_ddi
from cohort.table_exports import EXPORT_FORMATS, export_table

MEANS: dict[Any, Decimal | None] = {
    "20 tot 40": Decimal("31.00"),
    "0 tot 40": Decimal("-0.50"),
    "200 en hoger": None,
    "onbekend": None,
    "*": None,
}
COUNTS = {"step": "5.00", "classes_with_mean": 2, "classes_without_mean": 3, "pupils_without_mean": 76}
COVARIANCES = {
    "columns": {"rekenen_M": COUNTS},
    "covariances": [
        {"group": {"geslacht": "1"}, "degrees_of_freedom": 212, "columns": ["rekenen_M"], "rows": [[31.5]]},
        {"group": {"geslacht": "*"}, "degrees_of_freedom": 240, "columns": ["rekenen_M"], "rows": [[28.0]]},
    ],
}


def project_with_means() -> Project:
    more = {"show": "mean", "mean_step": 5}
    columns = [{**one, **more} if one["name"] == "rekenen_M" else one for one in COLUMNS]
    return make_project(columns=columns, covariance={"by": ["geslacht"]})


def rows_with_means(pseudonymous: bool = False) -> pa.Table:
    assert not pseudonymous
    rows = PLAIN_ROWS()
    means = [MEANS[label] for label in rows["rekenen_M"].to_pylist()]
    kind = pa.decimal128(MEAN_TYPE.precision, MEAN_TYPE.scale)
    return rows.add_column(5, "rekenen_M_gemiddelde", pa.array(means, kind))


PLAIN_ROWS = drawn_codebook.drawn_rows
Exported = tuple[Path, Codebook]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    root = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawn_codebook, "drawn_rows", rows_with_means)
        environment, declared, record = publish(root, project_with_means())
    record = record.noted(class_means=COVARIANCES)
    record_store.save_release_record(environment.zones, record)
    renew_codebook(
        environment.zones, make_codebook(environment, declared, record, environment.zones.published_table("proef"))
    )
    export_table(environment, declared, EXPORT_FORMATS, "en")
    book = read_codebook(environment.zones, record)
    assert book is not None
    return root / "root" / "files" / "proef", book


def expected_means() -> list[float | None]:
    return [None if mean is None else float(mean) for mean in rows_with_means()["rekenen_M_gemiddelde"].to_pylist()]


def test_the_codebook_describes_a_mean_behind_the_bounds_of_its_column(exported: Exported) -> None:
    _, book = exported
    names = [one.name for one in book.variables]
    assert names[2:6] == ["rekenen_M", "rekenen_M_van", "rekenen_M_tot", "rekenen_M_gemiddelde"]
    mean = book.variables[5]
    assert (mean.kind, mean.mean_of, mean.step, mean.bound_of) == ("mean", "rekenen_M", "5", None)
    assert mean.label.en.endswith("mean of the rows with the same labels")
    assert mean.label.nl.endswith("gemiddelde van de rijen met dezelfde labels")
    assert [one.bound_of for one in book.variables[3:5]] == ["rekenen_M", "rekenen_M"]


def test_degrees_of_freedom_are_rounded_as_counts_are(exported: Exported) -> None:
    assert [one.degrees_of_freedom for one in exported[1].covariances] == [210, 240]


def test_the_matrices_stand_beside_the_codebook_as_a_table(exported: Exported) -> None:
    folder, _ = exported
    rows = list(csv.reader((folder / "proef-1.covariances.csv").read_text(encoding="utf-8").splitlines()))
    assert rows == [
        ["geslacht", "vrijheidsgraden", "score", "rekenen_M"],
        ["1", "210", "rekenen_M", "31.5"],
        ["*", "240", "rekenen_M", "28.0"],
    ]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_page_shows_the_matrices(exported: Exported, language: str) -> None:
    folder, _ = exported
    text = " ".join((folder / f"proef-1.codebook.{language}.html").read_text(encoding="utf-8").split())
    heading = {"nl": "Covarianties binnen klassen", "en": "Covariances within classes"}[language]
    assert heading in text
    assert "31.5" in text
    assert {"nl": "alle andere klassen", "en": "all other classes"}[language] in text


def test_the_ddi_document_of_means_is_valid(exported: Exported) -> None:
    _, book = exported
    document = etree.fromstring(serialise_ddi(book))
    etree.RelaxNG(etree.parse(PROFILE)).assertValid(document)
    (mean,) = find(document, "//d:var[@name='rekenen_M_gemiddelde']")
    assert mean.get("intrvl") == "contin"
    assert [note.text for note in find(mean, "d:notes[@type='mean']")] == [
        "mean of rekenen_M over the rows with the same labels, rounded to 5"
    ]


def test_exported_means_are_double_numbers(exported: Exported) -> None:
    folder, _ = exported
    table = pq.read_table(folder / "proef-1.parquet")
    assert table.schema.field("rekenen_M_gemiddelde").type == pa.float64()
    assert table["rekenen_M_gemiddelde"].to_pylist() == expected_means()
    text: Any = pd.read_csv(folder / "proef-1.csv")["rekenen_M_gemiddelde"]
    assert text.astype(object).where(text.notna(), None).tolist() == expected_means()
    schema = json.loads((folder / "proef-1.csv-schema.json").read_text(encoding="utf-8"))
    assert [field["type"] for field in schema["fields"]][4:6] == ["integer", "number"]


@pytest.mark.parametrize("reader", [pyreadstat.read_sav, pyreadstat.read_dta], ids=["sav", "dta"])
def test_statistical_programs_read_means_as_numbers(exported: Exported, reader: Any) -> None:
    folder, _ = exported
    name = "proef-1.sav" if reader is pyreadstat.read_sav else "proef-1.dta"
    rows, facts = reader(folder / name)
    means = rows["rekenen_M_gemiddelde"]
    assert sorted(means.dropna()) == sorted(mean for mean in expected_means() if mean is not None)
    assert int(means.isna().sum()) == expected_means().count(None)
    assert facts.column_names_to_labels["rekenen_M_gemiddelde"].startswith("mathematics")


def test_a_record_without_means_says_nothing_of_them() -> None:
    assert "class_means" not in make_release_record().document()


def test_a_project_without_means_has_no_table_of_matrices(tmp_path: Path) -> None:
    environment, declared, record = publish(tmp_path)
    book = make_codebook(environment, declared, record, environment.zones.published_table("proef"))
    renew_codebook(environment.zones, book)
    assert book.covariances == ()
    assert not list((tmp_path / "root" / "files" / "proef").glob("*.covariances.csv"))
