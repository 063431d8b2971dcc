"""The twin of a drawn table: its schema, labels and figures are those of the table; its rows are nobody's."""

from __future__ import annotations

import dataclasses
import json
import stat
from pathlib import Path
from typing import Any

import deltalake
import duckdb
import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest
from lxml import etree
from tests.unit.drawn_codebook import make_project, make_published
from tests.unit.drawn_twin import CONF, NAME, SCORES, later, leergroei, publish_rows, release_rows

from cohort.agreements.catalogue import load_catalogue
from cohort.agreements.environment import Environment
from cohort.agreements.platform import CountRounding
from cohort.agreements.project import Project
from cohort.agreements.project_hierarchies import load_hierarchies
from cohort.delta import TABLE_PROTOCOL, read_protocol_and_properties
from cohort.foundation.errors import ConfigurationRefused, DestructionIncomplete, StateRefused
from cohort.release_records import record_store, release_states
from cohort.research_files import remove_twin, twin_folder
from cohort.research_files.codebook_document import Codebook
from cohort.sdc import parse_band_label
from cohort.storage.json_documents import read_model_document
from cohort.twin import TwinRecord, TwinRequest, make_twin, twin_making
from cohort.twin.table_figures import take_figures
from cohort.twin.twin_columns import TwinColumn, make_twin_columns

ALL = TwinRequest(("sav", "dta", "parquet", "csv"), "en")
CSV = TwinRequest(("csv",), "nl")
SHOWN = CountRounding(hide_up_to=7, round_to=5)


@dataclasses.dataclass(frozen=True)
class Made:
    """A root with a table and its twin."""

    environment: Environment
    project: Project
    record: TwinRecord
    table: Any
    twin: Any

    @property
    def folder(self) -> Path:
        return Path(str(self.environment.zones.root)) / "twins" / NAME

    @property
    def codebook(self) -> Codebook:
        return read_model_document(self.folder / f"{self.record.twin}.codebook.json", Codebook)


def read_twin(environment: Environment, name: str = NAME) -> pa.Table:
    return deltalake.DeltaTable(environment.zones.twin_table(name)).to_pyarrow_table()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    environment, project = publish_rows(tmp_path_factory.mktemp("twin"), release_rows())
    record = make_twin(environment, project, ALL)
    return Made(environment, project, record, release_rows().to_pandas(), read_twin(environment).to_pandas())


def middles(table: Any) -> Any:
    return pd.DataFrame({name: (table[f"{name}_van"] + table[f"{name}_tot"]) / 2 for name in SCORES})


def test_a_twin_has_the_schema_of_the_table(made: Made) -> None:
    table = deltalake.DeltaTable(made.environment.zones.published_table(NAME)).schema()
    twin = deltalake.DeltaTable(made.environment.zones.twin_table(NAME)).schema()
    assert [(f.name, f.type) for f in twin.fields] == [(f.name, f.type) for f in table.fields]
    protocol, properties = read_protocol_and_properties(made.environment.zones.twin_table(NAME))
    assert protocol == TABLE_PROTOCOL
    assert properties["delta.dataSkippingNumIndexedCols"] == "0"


def test_bounds_say_what_the_label_beside_them_says(made: Made) -> None:
    for name in SCORES:
        for label, lower, upper in made.twin[[name, f"{name}_van", f"{name}_tot"]].drop_duplicates().to_numpy():
            bounds = parse_band_label(label)
            assert bounds is not None
            told = [None if one != one else int(one) for one in (lower, upper)]
            assert told == [bounds.lower, bounds.upper], label


def test_every_label_has_its_share_of_the_table(made: Made) -> None:
    for name in made.project.column_names:
        of_table, of_twin = (one[name].value_counts(normalize=True) for one in (made.table, made.twin))
        assert set(of_twin.index) == set(of_table.index), name
        assert (of_table - of_twin).abs().max() < 0.002, name


def test_correlations_of_middles_are_within_a_twentieth(made: Made) -> None:
    assert (middles(made.table).corr() - middles(made.twin).corr()).abs().max().max() < 0.05


@pytest.mark.parametrize("rows", [500, 3_000])
def test_a_small_twin_has_the_correlations_of_a_large_one(made: Made, tmp_path: Path, rows: int) -> None:
    environment, project = publish_rows(tmp_path, release_rows())
    make_twin(environment, project, dataclasses.replace(CSV, rows=rows))
    twin = read_twin(environment).to_pandas()
    assert len(twin) == rows
    assert (middles(made.table).corr() - middles(twin).corr()).abs().max().max() < 0.05


def test_groups_differ_as_they_do_in_the_table(made: Made) -> None:
    for group in ("geslacht", "thuistaal", "jaargroep"):
        sizes = made.table[group].value_counts()
        for name in SCORES:
            one, other = (middles(t)[name].groupby(t[group]).mean() for t in (made.table, made.twin))
            large = sizes.index[sizes > 300]
            assert (one - other)[large].abs().max() < 0.1 * middles(made.table)[name].std(), (group, name)


def test_missing_values_go_together_as_they_do_in_the_table(made: Made) -> None:
    of_table, of_twin = (t[["rekenen_M", "rekenen_E"]].eq("*") for t in (made.table, made.twin))
    assert of_table.corr().iloc[0, 1] - of_twin.corr().iloc[0, 1] == pytest.approx(0, abs=0.15)
    assert of_twin.corr().iloc[0, 1] > 0.1


def test_unordered_columns_depend_on_each_other_as_they_do_in_the_table(made: Made) -> None:
    one, other = (pd.crosstab(t["jaargroep"], t["thuistaal"], normalize=True) for t in (made.table, made.twin))
    assert one.sub(other, fill_value=0).abs().max().max() < 0.005


def test_rows_are_in_the_order_of_their_values(made: Made) -> None:
    rows = made.twin[made.project.row_order]
    assert rows.equals(rows.sort_values(made.project.row_order, kind="stable").reset_index(drop=True))


def test_combinations_are_not_copied_from_the_table(made: Made) -> None:
    """The table has about a thousand classes; of a copy every row would be in one."""
    classes = made.table.drop_duplicates()
    in_a_class = made.twin.merge(classes, how="left", indicator=True)["_merge"].eq("both").mean()
    assert len(classes) < 1_500
    assert in_a_class < 0.1


def test_the_same_release_gives_the_same_twin_and_another_one_another(made: Made, tmp_path: Path) -> None:
    environment, project = publish_rows(tmp_path, release_rows())
    again = make_twin(later(environment, days=3), project, ALL)
    digests = {file.name: file.sha256 for file in again.files if file.name.endswith(("parquet", "csv"))}
    assert digests == {file.name: file.sha256 for file in made.record.files if file.name in digests}
    second, _ = publish_rows(tmp_path, release_rows(), release=2)
    record_store.save_release_record(
        second.zones,
        record_store.load_release_records(second.zones, NAME)[0].moved(release_states.ReleaseState.SUPERSEDED),
    )
    other = make_twin(second, project, CSV)
    assert (other.twin, other.release) == ("leergroei-2-twin", "leergroei-2")
    assert not read_twin(second).equals(pa.Table.from_pandas(made.twin, read_twin(second).schema))
    assert not [path for path in (tmp_path / "root" / "twins" / NAME).iterdir() if "leergroei-1" in path.name]


def test_every_place_that_is_no_row_says_that_it_is_synthetic(made: Made) -> None:
    _, properties = read_protocol_and_properties(made.environment.zones.twin_table(NAME))
    own = {name: value for name, value in properties.items() if name.startswith("cohort.")}
    assert own == {"cohort.release": "leergroei-1-twin", "cohort.synthetic": "true", "cohort.class": "synthetic"}
    names = {path.name for path in made.folder.iterdir()} - {"table"}
    assert len(names) == 10
    assert all(name.startswith("leergroei-1-twin.") for name in names)
    for read, end in ((pyreadstat.read_sav, "sav"), (pyreadstat.read_dta, "dta")):
        _, told = read(made.folder / f"leergroei-1-twin.{end}", metadataonly=True)
        assert told.file_label == "synthetic leergroei-1-twin"
    footer = pq.read_metadata(made.folder / "leergroei-1-twin.parquet").metadata or {}
    assert (footer[b"cohort.release"], footer[b"cohort.synthetic"]) == (b"leergroei-1-twin", b"true")
    schema = json.loads((made.folder / "leergroei-1-twin.csv-schema.json").read_text(encoding="utf-8"))
    assert schema["description"] == "Synthetic rows: no row is a pupil"
    assert made.codebook.synthetic == "table"
    for code, sentence in (("nl", "geen rij is een leerling"), ("en", "no row is a pupil")):
        assert sentence in (made.folder / f"leergroei-1-twin.codebook.{code}.html").read_text(encoding="utf-8")
    ddi = etree.parse(made.folder / "leergroei-1-twin.codebook.xml")
    assert [one.text for one in ddi.iterfind(".//{ddi:codebook:2_5}dataKind")] == ["synthetic"]
    assert [one.text for one in ddi.iterfind(".//{ddi:codebook:2_5}fileName")] == ["twins/leergroei/table"]


def test_a_value_has_the_code_of_the_table_in_the_files_of_the_twin(made: Made) -> None:
    told: Any
    rows, told = pyreadstat.read_sav(made.folder / "leergroei-1-twin.sav", user_missing=True)
    code_of = {v.name: {c.code: c.value for c in v.categories} for v in made.codebook.variables if v.categories}
    values = {name: [codes[int(cell)] for cell in rows[name]] for name, codes in code_of.items()}
    assert pd.DataFrame(values).equals(made.twin[list(values)])
    assert {one["lo"] for one in told.missing_ranges["rekenen_M"]} == {-1.0, -2.0}
    assert code_of["jaargroep"][7] == "7"


def test_programs_that_read_the_table_read_the_twin(made: Made) -> None:
    place = str(made.environment.zones.twin_table(NAME))
    expected = [tuple(row) for row in made.twin.astype(object).where(made.twin.notna(), None).to_numpy()]
    assert polars.read_delta(place).rows() == expected
    rows = deltalake.DeltaTable(place).to_pyarrow_dataset()
    read: Any = duckdb.sql("SELECT * FROM rows")
    assert read.fetchall() == expected
    assert rows is not None


def test_everybody_may_read_a_twin_whatever_the_access_to_the_table(made: Made) -> None:
    files = [path for path in made.folder.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) & 0o044 for path in files} == {0o044}
    assert not [path.name for path in files if path.name.endswith((".part", ".new"))]


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, project = publish_rows(tmp_path, release_rows())
    monkeypatch.setattr("shutil.copyfileobj", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        make_twin(environment, project, CSV)
    folder = tmp_path / "root" / "twins" / NAME
    assert not (folder / "leergroei-1-twin.record.json").exists()
    monkeypatch.undo()
    (folder / "leergroei-0-twin.sav").write_bytes(b"of an earlier release")
    (folder / ".leergroei-1-twin.csv.part").write_bytes(b"half a file")
    make_twin(environment, project, CSV)
    assert {path.name for path in folder.iterdir() if path.name.endswith((".sav", ".part"))} == set()
    assert (folder / "leergroei-1-twin.record.json").exists()


def test_before_the_first_release_a_twin_is_made_from_the_agreement_alone(tmp_path: Path) -> None:
    environment, project = publish_rows(tmp_path)
    record = make_twin(environment, project, ALL)
    assert (record.made_from, record.release, record.twin, record.rows) == ("agreement", None, "leergroei-twin", 1000)
    book = read_model_document(environment.zones.twin(NAME) / "leergroei-twin.codebook.json", Codebook)
    assert (book.synthetic, book.suppressed_percent) == ("agreement", None)
    twin = read_twin(environment)
    known = load_hierarchies(project, CONF / "hierarchies")
    for name in project.column_names:
        assert set(twin[name].to_pylist()) <= {label for level in known[name].labels for label in level}
    assert middles(twin.to_pandas()).corr().to_numpy()[np.triu_indices(4, 1)] == pytest.approx(0.6, abs=0.1)
    page = (environment.zones.twin(NAME) / "leergroei-twin.codebook.nl.html").read_text(encoding="utf-8")
    assert "alleen uit de afspraken getrokken" in page


def test_a_twin_from_the_agreement_keeps_to_the_declared_levels_and_year_groups(tmp_path: Path) -> None:
    environment, project = publish_rows(tmp_path)
    recoding = project.recoding.model_copy(update={"kind": "global"})
    population = project.population.model_copy(update={"jaargroep": ["7", "8"]})
    changed = project.model_copy(update={"recoding": recoding, "population": population})
    make_twin(environment, changed, CSV)
    twin = read_twin(environment)
    assert set(twin["jaargroep"].to_pylist()) == {"7", "8", "onbekend"}
    assert set(map(str, twin["rekenen_M"].to_pylist())) <= {
        "onbekend",
        *(f"{low} tot {low + 20}" for low in range(0, 220, 20)),
    }


def test_a_pseudonymous_table_gives_nothing_to_its_twin(tmp_path: Path) -> None:
    declared = make_project(release_class="pseudonymous")
    twins = []
    for place, published in (("with", True), ("without", False)):
        environment, _, record = make_published(tmp_path / place, declared)
        environment = dataclasses.replace(environment, config=CONF)
        if not published:
            for path in environment.zones.exact_records.rglob("*.json"):
                path.unlink()
        made = make_twin(environment, declared, dataclasses.replace(CSV, rows=400))
        assert (made.made_from, made.twin) == ("agreement", "proef-twin")
        twins.append(read_twin(environment, "proef"))
        assert record.pseudonymous
    assert twins[0].equals(twins[1])
    pupils, schools = (twins[0][name].to_pylist() for name in ("pupil", "school"))
    assert len(set(pupils)) == 400
    assert 2 <= len(set(schools)) <= 20
    assert {len(one) for one in (*pupils, *schools)} == {64}
    table = deltalake.DeltaTable(tmp_path / "with" / "root" / "projects" / "proef").to_pyarrow_table()
    assert not set(pupils) & set(table["pupil"].to_pylist())


@pytest.mark.parametrize("rows", [2_000, 30_000])
def test_schools_of_a_pseudonymous_twin_differ_as_much_whatever_its_size(tmp_path: Path, rows: int) -> None:
    """The intraclass correlation of the convention is 0.14; of few pupils per school the mean is chance."""
    environment, project = publish_rows(tmp_path)
    declared = project.model_copy(update={"release_class": "pseudonymous"})
    make_twin(environment, declared, dataclasses.replace(CSV, rows=rows))
    twin = read_twin(environment).to_pandas()
    score = middles(twin)["rekenen_M"].dropna()
    schools = score.groupby(twin["school"][score.index])
    sizes = schools.size()
    within = (schools.var() * (sizes - 1)).sum() / (len(score) - len(sizes))
    between = (sizes * (schools.mean() - score.mean()) ** 2).sum() / (len(sizes) - 1)
    assert (between - within) / (between + (sizes.mean() - 1) * within) == pytest.approx(0.14, abs=0.05)


def twin_columns(project: Project) -> tuple[TwinColumn, ...]:
    return make_twin_columns(project, load_hierarchies(project, CONF / "hierarchies"))


def test_a_label_of_few_rows_weighs_the_same_whatever_their_number(tmp_path: Path) -> None:
    columns = twin_columns(leergroei())
    weights = []
    for few in (1, 6):
        rows = release_rows().slice(0, 3_000)
        marked = pa.array(["9"] * few + ["1"] * (3_000 - few), pa.string())
        rows = rows.set_column(rows.column_names.index("geslacht"), "geslacht", marked)
        deltalake.write_deltalake(tmp_path / str(few), rows)
        model = take_figures(tmp_path / str(few), columns, {}, SHOWN)
        own = next(column for column in columns if column.name == "geslacht")
        weights.append(model.weights["geslacht"][own.label_codes["9"]])
        assert np.isnan(model.figures.means["geslacht"][own.label_codes["9"]]).all()
    assert weights == [4.0, 4.0]


def test_figures_are_rounded(made: Made) -> None:
    model = take_figures(made.environment.zones.published_table(NAME), twin_columns(made.project), {}, SHOWN)
    counts = np.concatenate(list(model.weights.values()))
    assert set(np.unique(counts % 5)) <= {0.0, 4.0}
    for pair in model.pairs.values():
        assert set(np.unique(pair.weights % 5)) == {0.0}
    told = model.figures.correlations[~np.isnan(model.figures.correlations)]
    assert np.allclose(told * 100, np.round(told * 100))


def test_nothing_is_taken_of_a_column_of_special_category_results(tmp_path: Path) -> None:
    project = make_project()
    columns = make_twin_columns(project, load_hierarchies(project, CONF / "hierarchies"))
    environment, _, _ = make_published(tmp_path)
    table = environment.zones.published_table("proef")
    rows = deltalake.DeltaTable(table).to_pyarrow_table()
    agreed = {"spelling": np.ones(len(next(c for c in columns if c.name == "spelling").labels))}
    models = [take_figures(table, columns, agreed, SHOWN)]
    place = rows.column_names.index("spelling")
    other = rows.set_column(place, "spelling", pa.array(["onbekend"] * rows.num_rows, pa.string()))
    deltalake.write_deltalake(tmp_path / "other", other)
    models.append(take_figures(tmp_path / "other", columns, agreed, SHOWN))
    for name, weights in models[0].weights.items():
        assert weights.tolist() == models[1].weights[name].tolist()
    assert np.array_equal(models[0].figures.correlations, models[1].figures.correlations, equal_nan=True)
    assert "spelling" not in {feature.column for feature in models[0].features}


def test_special_category_columns_are_those_with_a_legal_ground(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, project = publish_rows(tmp_path, release_rows())
    special = [
        column.model_copy(update={"legal_ground": "toestemming"}) if column.name == "lezen_E" else column
        for column in project.columns
    ]
    given = list[set[str]]()
    monkeypatch.setattr(
        twin_making, "take_figures", lambda *arguments: given.append(set(arguments[2])) or take_figures(*arguments)
    )
    make_twin(environment, project.model_copy(update={"columns": special}), CSV)
    assert given == [{"lezen_E"}]


def unsettled(environment: Environment, project: Project) -> Project:
    record = record_store.load_release_records(environment.zones, NAME)[0]
    record_store.save_release_record(environment.zones, record.noted(settled=False))
    return project


def failed(environment: Environment, project: Project) -> Project:
    release_states.failed_verification_path(environment.zones, NAME).write_bytes(b"{}")
    return project


def of_another_release(environment: Environment, project: Project) -> Project:
    table = deltalake.DeltaTable(environment.zones.published_table(NAME))
    table.alter.set_table_properties({"cohort.release": "leergroei-7"}, raise_if_not_exists=False)
    return project


def damaged(environment: Environment, project: Project) -> Project:
    next(iter(environment.zones.published_table(NAME).glob("*.parquet"))).write_bytes(b"PAR1")
    return project


def without_a_file(environment: Environment, project: Project) -> Project:
    next(iter(environment.zones.published_table(NAME).glob("*.parquet"))).unlink()
    return project


def ended(environment: Environment, project: Project) -> Project:
    return project.model_copy(update={"ends": environment.today.replace(year=2025)})


def with_other_columns(environment: Environment, project: Project) -> Project:
    del environment
    return project.model_copy(update={"columns": project.columns[:-1]})


def with_a_name_that_stata_does_not_take(environment: Environment, project: Project) -> Project:
    table = environment.zones.published_table(NAME)
    rows = deltalake.DeltaTable(table).to_pyarrow_table()
    renamed = rows.rename_columns({"geslacht": "float"})
    deltalake.write_deltalake(str(table), renamed, mode="overwrite", schema_mode="overwrite")
    columns = [one.model_copy(update={"name": "float"}) if one.name == "geslacht" else one for one in project.columns]
    return project.model_copy(update={"columns": columns})


@pytest.mark.parametrize(
    ("spoil", "refusal", "found"),
    [
        (unsettled, StateRefused, "its publishing was not finished"),
        (failed, StateRefused, "its verification failed"),
        (of_another_release, StateRefused, "the table of the published release"),
        (damaged, StateRefused, "a published table that can be read"),
        (without_a_file, StateRefused, "a published table that can be read"),
        (ended, StateRefused, "a project that has not ended"),
        (with_other_columns, ConfigurationRefused, r"others \(lezen_E, lezen_E_tot, lezen_E_van\)"),
        (with_a_name_that_stata_does_not_take, ConfigurationRefused, "found float in the columns of leergroei"),
    ],
)
def test_a_refused_twin_leaves_the_earlier_one_as_it_was(
    tmp_path: Path, spoil: Any, refusal: type[Exception], found: str
) -> None:
    environment, project = publish_rows(tmp_path, release_rows())
    make_twin(environment, project, CSV)
    earlier = {path: path.stat().st_mtime_ns for path in (tmp_path / "root" / "twins").rglob("*")}
    with pytest.raises(refusal, match=found):
        make_twin(environment, spoil(environment, project), ALL)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "root" / "twins").rglob("*")} == earlier


def test_a_twin_that_cannot_be_removed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, project = publish_rows(tmp_path, release_rows())
    assert not remove_twin(environment.zones, NAME)
    make_twin(environment, project, CSV)
    monkeypatch.setattr(twin_folder, "remove_tree", lambda _: None)
    with pytest.raises(DestructionIncomplete, match="twins/leergroei"):
        remove_twin(environment.zones, NAME)


def test_a_table_of_one_column_that_varies_has_a_twin(tmp_path: Path) -> None:
    rows = release_rows().slice(0, 100)
    for name in rows.column_names:
        if name != "geslacht":
            kind = rows.schema.field(name).type
            value: Any = "*" if pa.types.is_string(kind) else None
            place = rows.column_names.index(name)
            rows = rows.set_column(place, name, pa.array([value] * 100, kind))
    environment, project = publish_rows(tmp_path, rows)
    make_twin(environment, project, ALL)
    twin = read_twin(environment)
    assert set(twin["rekenen_M"].to_pylist()) == {"*"}
    assert twin["geslacht"].to_pylist() == sorted(map(str, rows["geslacht"].to_pylist()))


def test_the_list_of_tests_gives_a_twin_its_range(tmp_path: Path) -> None:
    """Bands go on to 220, the scale to 200."""
    assert {t.highest for t in load_catalogue(CONF).tests if t.schaal == "LVS-REK"} == {200}
    environment, project = publish_rows(tmp_path)
    make_twin(environment, project, dataclasses.replace(CSV, rows=20_000))
    shown = set(read_twin(environment)["rekenen_M"].to_pylist())
    assert "200 tot 220" not in shown
    assert "180 tot 200" in shown
