"""Public tables of the rows of a published anonymous release, through the job."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path

import deltalake
import pytest
from tests.jobs.conftest import Platform

from cohort.publication_documents import load_publication_document

NAME = ("--publication", "uitgifte")
DECLARATION = """
name = "uitgifte"
title = { nl = "Leerlingen van leergroei", en = "Pupils of leergroei" }
purpose = "Beschrijven welke leerlingen in de uitgifte staan"
requested_by = "Stichting Voorbeeldcohort (synthetisch)"
rows = "release"
project = "leergroei"
method = "suppress"

[population]
schooljaar = ["2024-2025"]

[limits]
pupils = 10
schools = 5
max_share = 0.5
p_percent = 10
largest_value_share = 0.9
degrees_of_freedom = 10

[[variables]]
name = "geslacht"
column = "geslacht"
label = { nl = "geslacht", en = "sex" }

[[variables]]
name = "gewicht"
column = "gewicht"
label = { nl = "gewicht", en = "weight" }

[[variables]]
name = "thuistaal"
column = "thuistaal"
label = { nl = "thuistaal", en = "home language" }

[[tables]]
name = "geslacht_gewicht"
title = { nl = "Naar geslacht en gewicht", en = "By sex and weight" }
by = ["geslacht", "gewicht"]
measures = [{ kind = "count" }, { kind = "share", variable = "thuistaal", value = "nl" }]
"""


@pytest.fixture
def platform(published_once: Platform, tmp_path: Path) -> Platform:
    made = Platform(tmp_path / "platform")
    shutil.copytree(published_once.home, made.home, symlinks=True, dirs_exist_ok=True)
    (made.config / "publications" / "uitgifte.toml").write_text(DECLARATION, encoding="utf-8")
    made.change("conf/platform.toml", "required = true", "required = false")
    return made


def read_counts(folder: Path) -> dict[tuple[str, str], str]:
    with (folder / "geslacht_gewicht.cells.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file, delimiter=";"))
    return {(line["geslacht"], line["gewicht"]): line["waarde"] for line in lines if line["maat"] == "count"}


def test_every_row_of_the_release_is_counted_at_its_label(platform: Platform) -> None:
    made = platform.run("tables", *NAME)
    assert made.code == 0, made.stderr
    assert made.record["search"] is None
    assert made.record["audit"]["findings"] == {}
    counts = read_counts(platform.zones.staged_edition("uitgifte", 1))
    table = deltalake.DeltaTable(str(platform.zones.published_table("leergroei"))).to_pyarrow_table()
    rows = list(zip(table["geslacht"].to_pylist(), table["gewicht"].to_pylist(), strict=True))
    assert counts["*", "*"] == str(len(rows))
    by_weight = Counter(weight for _, weight in rows)
    rest = " (niet verder ingedeeld)"
    for label, pupils in by_weight.items():
        shown = {counts.get(("*", label)), counts.get(("*", f"{label}{rest}"))}
        assert str(pupils) in shown, label
    assert all(value == "0" or int(value) >= 10 for value in counts.values())


def test_the_edition_is_published_and_says_of_which_release_it_is(platform: Platform) -> None:
    assert platform.run("tables", *NAME).code == 0
    done = platform.run("tables", *NAME, "--edition", "1", "--publish")
    assert done.code == 0, done.stderr
    document = load_publication_document(platform.zones.published_edition("uitgifte", 1))
    assert (document.rows, document.project, document.release) == ("release", "leergroei", 1)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('column = "gewicht"', 'column = "postcode4"', "Expected the name of a variable"),
        ('["2024-2025"]', '["2023-2024"]', "Expected the population of the project"),
        ('variable = "thuistaal"', 'variable = "gewicht"', "Expected a share of a variable that the table"),
        ('method = "suppress"', 'method = "round"', "Expected method = 'suppress' with rows = 'release'"),
    ],
)
def test_another_declaration_is_refused(platform: Platform, old: str, new: str, sentence: str) -> None:
    platform.change("conf/publications/uitgifte.toml", old, new)
    refused = platform.run("tables", *NAME)
    assert refused.code == 10
    assert sentence in refused.stderr
