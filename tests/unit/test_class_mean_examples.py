"""The code of docs/reference/class-means.md, run on drawn pupils in classes of the engine, against exact scores."""

from __future__ import annotations

import re
import shutil
import subprocess
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.unit.drawn_results import column, result

from cohort.agreements import DeclaredColumn, load_hierarchy
from cohort.sdc import (
    ClassMeanRule,
    ClassScores,
    Coding,
    CovarianceRule,
    GroupContributors,
    Hierarchy,
    Histogram,
    KAnonymity,
    RecodingRequest,
    SchoolDiversity,
    WithinClassSums,
    column_pairs,
    pool_covariances,
    search_local_recoding,
)

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "class-means.md"
PYTHON, R = re.findall(r"^```(?:python|r)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
RSCRIPT = shutil.which("Rscript")
PUPILS, SCHOOLS, STEP = 20_000, 100, 2
SCORES = ["rekenen_M", "rekenen_E"]


@cache
def drawn_pupils() -> Any:
    """Exact scores of 0 to 200 points that go together, by sex and school."""
    chance = np.random.default_rng(5)
    school = chance.integers(0, SCHOOLS, PUPILS)
    girl = chance.integers(0, 2, PUPILS)
    ability = chance.normal(0, 1, PUPILS) + chance.normal(0, 0.4, SCHOOLS)[school]
    middle = 85 + 22 * ability + 9 * chance.normal(0, 1, PUPILS)
    end = 20 + 0.85 * middle + 4 * girl + 11 * chance.normal(0, 1, PUPILS)
    columns = {"rekenen_M": middle.clip(0, 199.99), "rekenen_E": end.clip(0, 199.99), "meisje": girl, "school": school}
    return pd.DataFrame(columns).round(2)


def band_hierarchy(name: str) -> Hierarchy:
    declared = column(
        name, result=result("rekenen", "latest"), bands={"from": 0, "to": 200, "step": 10, "widths": [20, 40]}
    )
    return load_hierarchy(DeclaredColumn.model_validate({k: v for k, v in declared.items() if k != "hierarchy"}), PAGE)


@cache
def released() -> tuple[Any, Any]:
    """The rows of a local recoding with class means, and their covariance matrices by sex."""
    pupils = drawn_pupils()
    sex = Hierarchy("geslacht", (("1", "2", "onbekend"), ("*", "*", "*")))
    coding = Coding((sex, *map(band_hierarchy, SCORES)))
    leaves = [pupils["meisje"].to_numpy(), *((pupils[name] // 10).astype(int).to_numpy() for name in SCORES)]
    histogram = Histogram.from_pupils(coding.encode(leaves), pupils["school"].to_numpy().astype(np.int32), single=True)
    request = RecodingRequest(coding, (KAnonymity(10), SchoolDiversity(5)), objective="mean", suppression_limit=0.1)
    recoding = search_local_recoding(histogram, request)
    class_of = recoding.class_of[histogram.unit_of_pupil]
    kept = np.flatnonzero(class_of >= 0)
    class_of, own = class_of[kept], pupils.iloc[kept].reset_index(drop=True)
    table = pd.DataFrame({name: recoding.labels[place][class_of] for place, name in enumerate(["geslacht", *SCORES])})
    shows_all = np.ones(recoding.classes, dtype=bool)
    exact = (own[SCORES].to_numpy() * 100).round().astype(np.int64)
    for place, name in enumerate(SCORES):
        means, shown = show_means(exact[:, place], class_of, own["school"].to_numpy(), recoding.labels[place + 1])
        table[f"{name}_gemiddelde"] = np.where(shown, means / 100, np.nan)[class_of]
        shows_all &= shown
    return table, pooled_by_sex(exact, class_of, recoding.labels[0], shows_all)


def show_means(scores: Any, class_of: Any, school: Any, labels: Any) -> tuple[Any, Any]:
    classes = len(labels)
    ends = [(0, 200) if label == "*" else tuple(map(int, label.split(" tot "))) for label in labels]
    low, high = (np.array(end, dtype=np.int64) * 100 for end in zip(*ends, strict=True))
    cell = class_of * SCHOOLS + school
    above, below = np.zeros(classes * SCHOOLS, dtype=np.int64), np.zeros(classes * SCHOOLS, dtype=np.int64)
    np.add.at(above, cell, scores - low[class_of])
    np.add.at(below, cell, high[class_of] - 1 - scores)
    sums = np.zeros(classes, dtype=np.int64)
    np.add.at(sums, class_of, scores)
    yes = np.ones(classes, dtype=bool)
    most = [side.reshape(classes, SCHOOLS).max(axis=1) for side in (above, below)]
    own = ClassScores(np.bincount(class_of, minlength=classes), sums, low, high - 1, yes, yes, *most)
    rule = ClassMeanRule(step=STEP * 100, unit=100, scale=200, k=10)
    return rule.round_means(own), rule.find_shown(own)


def pooled_by_sex(scores: Any, class_of: Any, labels: Any, shows_all: Any) -> Any:
    pairs = column_pairs(2)
    sums = np.zeros((len(labels), 2), dtype=np.int64)
    products = np.zeros((len(labels), len(pairs)), dtype=np.int64)
    np.add.at(sums, class_of, scores)
    np.add.at(products, class_of, np.stack([scores[:, a] * scores[:, b] for a, b in pairs], axis=1))
    within = WithinClassSums(np.bincount(class_of, minlength=len(labels)), sums, products)
    groups = {
        (label,): np.flatnonzero((labels == label) & shows_all) for label in np.unique(labels[shows_all]).tolist()
    }
    boards = GroupContributors(dict.fromkeys(map(bytes, range(1, 9)), 1), {})
    pooled, left = pool_covariances(
        within, (100, 100), groups, dict.fromkeys(groups, boards), CovarianceRule(5, Fraction(1, 2))
    )
    assert left < 100
    return pd.DataFrame(
        [
            {"geslacht": one.group[0], "vrijheidsgraden": one.degrees_of_freedom, "score": name}
            | dict(zip(SCORES, row, strict=True))
            for one in pooled
            for name, row in zip(SCORES, one.matrix.tolist(), strict=True)
        ]
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("class-means")
    table, covariances = released()
    table.to_parquet(home / "leergroei-1.parquet")
    table.to_csv(home / "leergroei-1.csv", index=False)
    covariances.to_csv(home / "leergroei-1.covariances.csv", index=False)
    return home


def exact_coefficients() -> dict[str, float]:
    pupils = drawn_pupils()
    design = np.column_stack([np.ones(PUPILS), pupils["rekenen_M"], pupils["meisje"]])
    solved = np.linalg.lstsq(design, pupils["rekenen_E"], rcond=None)[0]
    return {"rekenen_M": float(solved[1]), "meisje": float(solved[2])}


def differences(found: dict[str, Any]) -> dict[str, float]:
    """How far figures are from those of the exact scores: relative, in SDs, or in standard errors."""
    pupils = drawn_pupils()
    true = exact_coefficients()
    deviations = pupils[SCORES].std()
    return {
        "mean": max(abs(found["means"][name] - pupils[name].mean()) / deviations[name] for name in SCORES),
        "sd": max(abs(found["deviations"][name] / deviations[name] - 1) for name in SCORES),
        "correlation": abs(found["correlation"] - pupils[SCORES].corr().iloc[0, 1]),
        "coefficient": max(abs(found["slopes"][name] - true[name]) / found["errors"][name] for name in true),
    }


LIMITS = {"mean": 0.01, "sd": 0.005, "correlation": 0.005, "coefficient": 1.0}


def test_most_classes_show_their_means() -> None:
    table, _ = released()
    assert table["rekenen_M_gemiddelde"].isna().mean() < 0.01
    assert len(table) > 0.98 * PUPILS


def test_the_code_in_python_finds_the_figures_of_the_exact_scores(folder: Path) -> None:
    names: dict[str, Any] = {}
    exec(PYTHON.replace("…", str(folder)), names)  # the page's own text
    coefficients = names["coefficients"]
    found = {
        "means": names["means"],
        "deviations": names["deviations"],
        "correlation": names["correlations"].loc[SCORES[0], SCORES[1]],
        "slopes": coefficients["coefficient"],
        "errors": coefficients["se"],
    }
    far = differences(found)
    assert all(far[name] <= limit for name, limit in LIMITS.items()), far


def test_without_the_matrix_the_figures_are_wrong() -> None:
    table, _ = released()
    means = table[[f"{name}_gemiddelde" for name in SCORES]].dropna()
    pupils = drawn_pupils()
    assert abs(means.std().to_numpy() / pupils[SCORES].std().to_numpy() - 1).max() > 2 * LIMITS["sd"]
    assert abs(means.corr().iloc[0, 1] - pupils[SCORES].corr().iloc[0, 1]) > 2 * LIMITS["correlation"]


@pytest.mark.skipif(RSCRIPT is None, reason="no R on this machine (Debian: r-base-core)")
def test_the_code_in_r_finds_the_figures_of_the_exact_scores(folder: Path) -> None:
    assert RSCRIPT is not None
    told = "cat(moments$means, deviations, correlations[1, 2], coefficients$coefficient, coefficients$se, sep = '\\n')"
    program = folder / "example.R"
    program.write_text(R.replace("…", str(folder)) + told + "\n", encoding="utf-8")
    run = subprocess.run([RSCRIPT, str(program)], capture_output=True, text=True, check=True)
    numbers = [float(line) for line in run.stdout.split()]
    found = {
        "means": dict(zip(SCORES, numbers[:2], strict=True)),
        "deviations": dict(zip(SCORES, numbers[2:4], strict=True)),
        "correlation": numbers[4],
        "slopes": {"rekenen_M": numbers[5], "meisje": numbers[6]},
        "errors": {"rekenen_M": numbers[7], "meisje": numbers[8]},
    }
    far = differences(found)
    assert all(far[name] <= limit for name, limit in LIMITS.items()), far
