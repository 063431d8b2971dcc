"""The declaration of a publication: the shipped ones load, and each fault is told in one sentence with all others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cohort.agreements import load_platform, load_publication
from cohort.foundation import ConfigurationRefused, UsageRefused

CONF = Path(__file__).resolve().parents[2] / "conf"
SHIPPED = sorted(path.stem for path in (CONF / "publications").glob("[a-z]*.toml"))
NAME = "leerlingen"

FAULTS = [
    ("an unknown key", 'method = "suppress"', 'method = "suppress"\nmetod = 1', "metod"),
    ("another method", 'method = "suppress"', 'method = "hide"', "method"),
    ("noise without its settings", 'method = "suppress"', 'method = "noise"', r"\[noise\]"),
    ("a project beside a selection", 'rows = "selection"', 'rows = "selection"\nproject = "leergroei"', "project"),
    ("a release without its project", 'rows = "selection"', 'rows = "release"', "project"),
    ("fewer pupils than the platform allows", "pupils = 10", "pupils = 9", "pupils at least 10"),
    ("a larger share than the platform allows", "largest_value_share = 0.9", "largest_value_share = 0.95", "at most"),
    ("a school year of two years apart", '["2024-2025"]', '["2024-2026"]', "school year"),
    ("a year group that results do not have", '"7", "8"]', '"7", "groep 8"]', "year groups"),
    ("a population by an undeclared score", 'scores = ["rekenen"] ', 'scores = ["lezen"] ', "lezen"),
    ("a variable under another name", 'name = "regio"\nattribute', 'name = "gebied"\nattribute', "regio"),
    ("edges of what has none", 'attribute = "regio"', 'attribute = "regio"\nedges = [100]', "schoolgrootte"),
    ("a scale that is narrower than the spread", "highest = 200", "highest = 8", "twice the spread"),
    ("a moment twice", 'moments = ["M", "E"]', 'moments = ["M", "M"]', "every moment once"),
    ("a measure with a key too many", '{ kind = "count" }', '{ kind = "count", score = "rekenen" }', "kind count"),
    ("another name than that of the file", f'name = "{NAME}"', 'name = "anders"', f"name = '{NAME}'"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(CONF, tmp_path / "conf")
    return tmp_path / "conf"


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_publication_loads(name: str) -> None:
    assert load_publication(CONF, name, load_platform(CONF)).name == name


@pytest.mark.parametrize(("old", "new", "told"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_a_fault_is_told(folder: Path, old: str, new: str, told: str) -> None:
    path = folder / "publications" / f"{NAME}.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigurationRefused, match=told) as refused:
        load_publication(folder, NAME, load_platform(folder))
    assert all(problem.startswith("Expected") for problem in refused.value.problems)
    assert f"publications/{NAME}.toml" in str(refused.value)


def test_weaker_limits_are_told_all_at_once(folder: Path) -> None:
    path = folder / "publications" / f"{NAME}.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("pupils = 10", "pupils = 9").replace("schools = 5", "schools = 4"), encoding="utf-8")
    with pytest.raises(ConfigurationRefused) as refused:
        load_publication(folder, NAME, load_platform(folder))
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize("name", ["_template", "../platform", "Leerlingen", ""])
def test_a_name_that_no_publication_has_is_refused(name: str) -> None:
    with pytest.raises(UsageRefused):
        load_publication(CONF, name, load_platform(CONF))
