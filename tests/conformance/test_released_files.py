"""The independent checker passes what the tool releases, and fails it when one record is made exact."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance import checker
from tests.conformance.checker import CLASS, AgreedLimits

from cohort.sdc.cli.command_line import run_recoding_command

HERE = Path(__file__).parent
ADULT = HERE.parents[2] / "shared" / "data" / "adult"
KINDS = ("global", "local")


@dataclass(frozen=True)
class Cohort:
    """Records and hierarchies as files."""

    data: Path
    hierarchies: Path
    pattern: str = "{}.csv"
    delimiter: str = ";"


@dataclass(frozen=True)
class ReleasedFiles:
    """What the tool made of a cohort."""

    cohort: Cohort
    agreed: AgreedLimits
    out: Path
    trace: Path
    document: dict[str, Any]

    def findings(self, out: Path | None = None) -> list[str]:
        c = self.cohort
        trees = {name: c.hierarchies / c.pattern.replace("{}", name) for name in self.agreed.columns}
        return checker.findings(c.data, out or self.out, self.trace, trees, self.agreed, self.document, c.delimiter)


Release = Callable[..., ReleasedFiles]


@pytest.fixture
def release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Release:
    def run(cohort: Cohort, agreed: AgreedLimits, *more: str, suffix: str = ".csv") -> ReleasedFiles:
        out, trace = tmp_path / f"released{suffix}", tmp_path / "trace.csv"
        asked = [*options(agreed), "--data", cohort.data, "--hierarchies", cohort.hierarchies, *more]
        places = ["--pattern", cohort.pattern, "--out", out, "--trace", trace]
        code = run_recoding_command([str(part) for part in (*asked, *places)])
        output = capsys.readouterr()
        assert code == 0, output.err
        return ReleasedFiles(cohort, agreed, out, trace, json.loads(output.out))

    return run


def options(agreed: AgreedLimits) -> list[str]:
    """The options that ask for what was agreed."""
    start = AgreedLimits(agreed.columns, agreed.k)
    names = {
        "schools": "--schools",
        "m": "--m",
        "max_share": "--max-share",
        "k_others": "--k-others",
        "sensitive": "--sensitive",
        "distinct": "--l",
        "entropy": "--entropy-l",
        "t": "--t",
        "largest_value": "--largest-value",
        "limit": "--limit",
    }
    output = ["--columns", ",".join(agreed.columns), "--k", str(agreed.k)]
    for field, option in names.items():
        if getattr(agreed, field) != getattr(start, field):
            output += [option, str(getattr(agreed, field))]
    if agreed.weights:
        output += ["--weights", ",".join(f"{name}={number}" for name, number in agreed.weights.items())]
    return [*output, *(["--ordered"] if agreed.ordered else [])]


PUPILS = Cohort(HERE / "analysts" / "leerlingen.csv", HERE / "analysts" / "hierarchies")
SHOWN = ("geslacht", "geboortejaar", "thuistaal")
FEW_ARE_ENOUGH = ("--least-known", "1")
"""The worked example has 120 pupils."""
SCHOOLS = {"schools": "brin", "m": 3, "max_share": "0.5", "k_others": 4}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"limit": "0.1"},
        SCHOOLS,
        {**SCHOOLS, "limit": "0.2"},
        {"weights": {"geslacht": 3.0, "thuistaal": 0.5}},
        {"sensitive": "advies", "distinct": 2},
        {"sensitive": "advies", "entropy": 2.5},
        {"sensitive": "advies", "largest_value": "0.75"},
        {**SCHOOLS, "sensitive": "advies", "largest_value": "0.9"},
        {"sensitive": "advies", "distinct": 2, "k": 10},
    ],
    ids=lambda rules: ",".join(rules) or "k",
)
def test_a_release_of_the_worked_example_keeps_what_was_agreed(
    release: Release, kind: str, rules: dict[str, Any]
) -> None:
    made = release(
        PUPILS,
        AgreedLimits(SHOWN, **{"k": 5, **rules}),
        *FEW_ARE_ENOUGH[: 2 * ("sensitive" in rules)],
        "--recoding",
        kind,
    )

    assert made.findings() == []
    assert made.document["recoding"] == kind


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_values_of_an_ordered_column_stay_near_those_of_all(release: Release, suffix: str) -> None:
    agreed = AgreedLimits(("geslacht",), 25, sensitive="geboortejaar", t="0.15", ordered=True)

    assert release(PUPILS, agreed, *FEW_ARE_ENOUGH, suffix=suffix).findings() == []


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(2, 12), with_schools=st.booleans())
def test_a_release_of_any_cohort_keeps_what_was_agreed(
    tmp_path_factory: pytest.TempPathFactory, release: Release, kind: str, seed: int, k: int, with_schools: bool
) -> None:
    cohort, columns = generated(tmp_path_factory.mktemp("cohort"), seed)
    rules = {**SCHOOLS, "schools": "school"} if with_schools else {}
    agreed = AgreedLimits(columns, k, **rules)
    if kind == "global":
        agreed = replace(agreed, limit="0.3")

    made = release(cohort, agreed, "--recoding", kind)

    assert made.findings() == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_one_record_made_exact_is_found(release: Release, tmp_path: Path, kind: str, seed: int) -> None:
    cohort, columns = generated(tmp_path, seed, columns=4)
    made = release(cohort, AgreedLimits(columns, 10, limit="0.3"), "--recoding", kind)

    assert made.findings() == []
    assert made.findings(write_with_an_exact_record(made, tmp_path / "exact.csv", seed)) != []


def write_with_an_exact_record(made: ReleasedFiles, path: Path, seed: int) -> Path:
    """The release, with the values of one record of it, chosen at random, replaced by its original ones."""
    c, columns = made.cohort, list(made.agreed.columns)
    original, shown = checker.read(c.data, c.delimiter), checker.read(made.out, c.delimiter)
    classes = shown[columns].drop_duplicates().reset_index(drop=True)
    original[CLASS] = pd.to_numeric(checker.read(made.trace, c.delimiter)["class"]).to_numpy()
    kept = original.dropna(subset=[CLASS])
    label = classes.to_numpy()[kept[CLASS].astype(int).to_numpy()]
    exact = kept[columns].replace("", checker.UNKNOWN).to_numpy()
    generalised = np.flatnonzero((label != exact).any(axis=1))
    chosen = np.random.default_rng(seed).choice(generalised)
    row = int(np.flatnonzero((shown[columns].to_numpy() == label[chosen]).all(axis=1))[0])
    shown.loc[row, columns] = exact[chosen]
    # In its place by what it shows, so that its place does not give it away.
    shown.sort_values(list(shown.columns)).to_csv(path, sep=c.delimiter, index=False)
    return path


def generated(folder: Path, seed: int, columns: int | None = None) -> tuple[Cohort, tuple[str, ...]]:
    """A cohort drawn at random: hierarchies of two to four levels, `,` or `;`, here and there empty cells."""
    draw = np.random.default_rng(seed)
    delimiter = str(draw.choice([";", ","]))
    records = int(draw.integers(60, 600))
    names = [f"kolom {number}" for number in range(columns or int(draw.integers(2, 6)))]
    cells: dict[str, Any] = {"school": [f"{n:02d}SC" for n in draw.integers(0, draw.integers(5, 30), records)]}
    for name in names:
        leaves = [f"{name[-1]}-{leaf}" for leaf in range(int(draw.integers(2, 9)))]
        levels, groups = [leaves], np.arange(len(leaves))
        for level in range(int(draw.integers(0, 3))):
            groups = draw.integers(0, max(1, len(leaves) // (2 + level)), groups.max() + 1)[groups]
            groups = np.unique(groups, return_inverse=True)[1]
            levels.append([f"{name[-1]} {level + 1}:{group}" for group in groups])
        levels.append(["*"] * len(leaves))
        lines = [";".join(row) for row in zip(*levels, strict=True)]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        chances = draw.dirichlet(np.full(len(leaves), 0.8))
        cells[name] = np.array(leaves)[draw.choice(len(leaves), records, p=chances)]
        if draw.random() < 0.3:
            cells[name][draw.random(records) < 0.1] = ""
    data = folder / "data.csv"
    pd.DataFrame(cells).to_csv(data, sep=delimiter, index=False)
    return Cohort(data, folder, delimiter=delimiter), tuple(names)


ADULT8 = ("sex", "age", "race", "marital-status", "education", "native-country", "workclass", "salary-class")
PEOPLE = Cohort(ADULT / "adult.csv", ADULT, "adult_hierarchy_{}.csv")
adult_is_there = pytest.mark.skipif(
    not ADULT.is_dir(), reason="the Adult data (../shared/data/adult beside the repository) is not there"
)


@adult_is_there
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rules", [{}, {"sensitive": "occupation", "distinct": 4}], ids=["k", "k and l"])
def test_a_release_of_adult_keeps_what_was_agreed(
    release: Release, tmp_path: Path, kind: str, rules: dict[str, Any]
) -> None:
    made = release(PEOPLE, AgreedLimits(ADULT8, 5, limit="0.04", **rules), "--recoding", kind)

    assert made.findings() == []
    assert made.document["records"] == 30_162
    assert made.findings(write_with_an_exact_record(made, tmp_path / "exact.csv", 1)) != []
