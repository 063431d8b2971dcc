"""The analyses of docs/researcher.md run unchanged on the twin and on the table, with figures within stated bounds."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.unit.drawn_twin import publish_rows, release_rows

from cohort.table_exports import export_table
from cohort.twin import TwinRequest, make_twin

PAGE = Path(__file__).parents[2] / "docs" / "researcher.md"
ANALYSES = dict(
    re.findall(r"^```(\w+) analysis\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
)
RSCRIPT = shutil.which("Rscript")
SLOPE, GROUP, DEVIATIONS, POINTS, INTRACLASS = 0.05, 2.0, 0.1, 1.0, 0.05
"""The bounds that the page states: of the slope, of coefficients of groups, of a difference, of a gain, of a share."""


@dataclass(frozen=True)
class Figures:
    """What the analyses find: coefficients, a difference in standard deviations, a mean gain, an intraclass share."""

    growth: list[float]
    difference: float
    gain: float
    intraclass: float

    def assert_near(self, other: Figures) -> None:
        assert self.growth[1] == pytest.approx(other.growth[1], abs=SLOPE)
        assert self.growth[2:] == pytest.approx(other.growth[2:], abs=GROUP)
        assert self.difference == pytest.approx(other.difference, abs=DEVIATIONS)
        assert self.gain == pytest.approx(other.gain, abs=POINTS)
        assert self.intraclass == pytest.approx(other.intraclass, abs=INTRACLASS)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a published table, its exported files and its twin."""
    home = tmp_path_factory.mktemp("analyses")
    environment, project = publish_rows(home, release_rows())
    export_table(environment, project, ("dta",), "nl")
    make_twin(environment, project, TwinRequest(("dta",), "nl"))
    return home / "root"


@pytest.fixture(scope="module")
def agreed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a twin of the agreement alone, where the analyses look for the other one."""
    home = tmp_path_factory.mktemp("agreed")
    environment, project = publish_rows(home)
    make_twin(environment, project, TwinRequest(("dta",), "nl"))
    folder = home / "root" / "twins" / "leergroei"
    (folder / "leergroei-twin.dta").rename(folder / "leergroei-1-twin.dta")
    return home / "root"


def moved(text: str) -> str:
    """The analysis at the place that its comment names: that of the table."""
    replaced, count = re.subn(r'"…/twins[^"]*"(\s*# with access: )("[^"]*")', r"\2\1", text)
    assert count == 1
    return replaced


def in_python(text: str, root: Path) -> Figures:
    names: dict[str, object] = {}
    exec(text.replace("…", str(root)), names)  # the page's own text
    growth, gain = names["growth"], names["gain"]
    assert isinstance(growth, np.ndarray)
    numbers = [float(str(names[name])) for name in ("difference", "intraclass")]
    return Figures(growth.tolist(), numbers[0], float(gain.mean()), numbers[1])  # type: ignore[attr-defined]


def in_r(text: str, root: Path) -> Figures:
    if RSCRIPT is None:
        pytest.skip("no R on this machine (Debian: r-base-core, r-cran-haven)")
    if subprocess.run([RSCRIPT, "-e", "library(haven)"], capture_output=True, check=False).returncode:
        pytest.skip("no haven in this R (Debian: r-cran-haven)")
    program = text.replace("…", str(root))
    told = subprocess.run([RSCRIPT, "-e", program], capture_output=True, text=True, check=True).stdout
    *growth, difference, gain, intraclass = map(float, told.split())
    return Figures(growth, difference, gain, intraclass)


def test_the_page_has_an_analysis_in_python_and_in_r() -> None:
    assert set(ANALYSES) == {"python", "r"}


def test_analyses_in_python_find_in_the_twin_what_they_find_in_the_table(root: Path) -> None:
    twin, table = in_python(ANALYSES["python"], root), in_python(moved(ANALYSES["python"]), root)
    twin.assert_near(table)
    assert twin != table
    assert table.growth[1] > 0.5
    assert table.difference > 0.1


def test_analyses_in_r_find_in_stata_files_what_those_in_python_find_in_tables(root: Path) -> None:
    twin, table = in_r(ANALYSES["r"], root), in_r(moved(ANALYSES["r"]), root)
    twin.assert_near(table)
    python = in_python(moved(ANALYSES["python"]), root)
    assert table.growth == pytest.approx(python.growth, abs=0.001)
    assert (table.difference, table.gain) == pytest.approx((python.difference, python.gain), abs=0.001)
    assert table.intraclass == pytest.approx(python.intraclass, abs=0.001)


@pytest.mark.parametrize("language", ["python", "r"])
def test_analyses_run_on_a_twin_of_the_agreement(agreed: Path, language: str) -> None:
    figures = (in_python if language == "python" else in_r)(ANALYSES[language], agreed)
    assert np.isfinite([*figures.growth, figures.difference, figures.gain, figures.intraclass]).all()
