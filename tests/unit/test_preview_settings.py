"""Settings of a preview: typed, refused all at once, and the finest bands from which each setting follows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.unit.drawn_project import CONF

from cohort.agreements import catalogue, platform, project
from cohort.agreements.project_hierarchies import load_hierarchy
from cohort.foundation.errors import ConfigurationRefused
from cohort.preview import finest_project
from cohort.preview.preview_settings import AS_DECLARED, PreviewSetting, load_preview_settings

HEAD = '[[settings]]\nname = "{}"\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "conf"
    shutil.copytree(CONF, folder)
    return folder


def load(config: Path, text: str | None) -> list[PreviewSetting]:
    """The settings of a file for the shipped project `leergroei`."""
    path = None
    if text is not None:
        path = config / "settings.toml"
        path.write_text(text, encoding="utf-8")
    declared = platform.load_platform(config)
    agreed = project.load_project(config, "leergroei", declared)
    return load_preview_settings(path, agreed, declared, config / "hierarchies", catalogue.load_catalogue(config))


def problems(config: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationRefused) as refusal:
        load(config, text)
    return refusal.value.problems


def test_without_a_file_the_project_is_previewed_as_it_is_declared(config: Path) -> None:
    (only,) = load(config, None)
    assert only.name == AS_DECLARED
    assert only.agreed["k"] == 10
    assert len(only.project.columns) == 8


def test_a_setting_changes_what_it_names_and_nothing_else(config: Path) -> None:
    declared, setting = load(
        config,
        HEAD.format("one")
        + "thresholds = { k = 20 }\nrecoding = { kind = 'local', objective = 'mean' }\n"
        + "columns = { thuistaal = { left_out = true }, rekenen_M = { weight = 2, lowest_level = 1 } }\n",
    )
    assert (setting.agreed["k"], setting.agreed["m"], setting.agreed["kind"]) == (20, 5, "local")
    assert "thuistaal" not in setting.project.column_names
    changed = next(column for column in setting.project.columns if column.name == "rekenen_M")
    assert (changed.weight, changed.lowest_level, changed.highest_level) == (2, 1, None)
    untouched = next(column for column in setting.project.columns if column.name == "rekenen_E")
    assert untouched == next(column for column in declared.project.columns if column.name == "rekenen_E")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("thresholds = { k = 5 }", "k at least 10, the platform's floor"),
        ("thresholds = { q = 5 }", "the unknown key settings.0.thresholds.q"),
        ("thresholds = { k = '20' }", "settings.0.thresholds.k"),
        ("recoding = { objective = 'entropy', kind = 'local' }", "objective = 'geometric' or 'mean'"),
        ("columns = { rekenen = { left_out = true } }", "found `rekenen` in setting `one` of settings.toml"),
        ("columns = { rekenen_M = { left_out = true, weight = 2 } }", "left_out = true alone"),
        ("columns = { geslacht = { bands = { from = 0, to = 2, step = 1, widths = [] } } }", "found some for geslacht"),
        ("columns = { rekenen_M = { highest_level = 9 } }", "highest_level = 9"),
        ("columns = { rekenen_M = { quantiles = { groups = 1 } } }", "settings.0.columns.rekenen_M.quantiles.groups"),
        ("columns = { rekenen_M = { quantiles = { groups = 5 }, lowest_level = 1 } }", "found lowest_level in"),
        ("columns = { geslacht = { quantiles = { groups = 5 } } }", "quantiles only of scores with declared bands"),
        (
            "columns = { rekenen_M = { bands = { from = 0, to = 100, step = 20, widths = [] } } }",
            "bands for every score",
        ),
        (
            "columns = { rekenen_M = { bands = { from = 5, to = 100, step = 20, widths = [] } } }",
            "a multiple of the step",
        ),
    ],
)
def test_a_setting_that_no_project_could_have_is_refused(config: Path, text: str, expected: str) -> None:
    (only,) = problems(config, HEAD.format("one") + text + "\n")
    assert expected in only
    assert "settings.toml" in only


def test_the_problems_of_all_settings_are_told_at_once(config: Path) -> None:
    weak, unknown = problems(
        config,
        HEAD.format("weak")
        + "thresholds = { k = 2 }\n"
        + HEAD.format("unknown")
        + "columns = { x = { weight = 2 } }\n",
    )
    assert "setting `weak` of settings.toml" in weak
    assert "setting `unknown` of settings.toml" in unknown


@pytest.mark.parametrize("names", [("a", "a"), ("a", AS_DECLARED)])
def test_two_settings_of_one_name_are_refused(config: Path, names: tuple[str, str]) -> None:
    (only,) = problems(config, "".join(HEAD.format(name) for name in names))
    assert "by a name of its own" in only


def test_a_missing_file_is_refused(config: Path) -> None:
    declared = platform.load_platform(config)
    agreed = project.load_project(config, "leergroei", declared)
    with pytest.raises(ConfigurationRefused, match="a readable UTF-8 file"):
        load_preview_settings(
            config / "none.toml", agreed, declared, config / "hierarchies", catalogue.load_catalogue(config)
        )


def test_finest_values_lie_in_the_bands_that_a_setting_would_put_them_in(config: Path) -> None:
    """The label of every finest band, and the label of the setting's band that holds its lowest value.

    declared        from 0 to 220, step 20
    A               from 0 to 300, step 30, above
    finest          from 0 to 300, step 10, above
    """
    settings = load(
        config,
        HEAD.format("A")
        + "columns = { rekenen_M = { bands = { from = 0, to = 300, step = 30, widths = [], above = true } } }\n",
    )
    finest = finest_project.make_finest_project(settings[0].project, settings)
    column = next(one for one in finest.columns if one.name == "rekenen_M")
    tree = load_hierarchy(column, config / "hierarchies")
    assert tree.leaves[0] == "0 tot 10"
    assert tree.leaves[-2:] == ("300 en hoger", "onbekend")

    def shown(setting: PreviewSetting, finest_label: str) -> str | None:
        leaf_of = finest_project.map_leaves(column, tree, setting)
        assert leaf_of is not None
        leaf = int(leaf_of[tree.leaves.index(finest_label)])
        return None if leaf < 0 else setting.hierarchies["rekenen_M"].leaves[leaf]

    declared, wide = settings
    assert shown(declared, "10 tot 20") == "0 tot 20"
    assert shown(declared, "210 tot 220") == "200 tot 220"
    assert shown(declared, "220 tot 230") is None, "a release as declared is refused for such a score"
    assert shown(wide, "20 tot 30") == "0 tot 30"
    assert shown(wide, "30 tot 40") == "30 tot 60"
    assert shown(wide, "300 en hoger") == "300 en hoger"
    assert shown(declared, "onbekend") == shown(wide, "onbekend") == "onbekend"


def test_columns_that_no_setting_changes_keep_their_own_bands(config: Path) -> None:
    settings = load(config, HEAD.format("one") + "columns = { rekenen_M = { left_out = true } }\n")
    finest = finest_project.make_finest_project(settings[0].project, settings)
    assert finest.columns == settings[0].project.columns
    left_out = finest.columns[[column.name for column in finest.columns].index("rekenen_M")]
    tree = load_hierarchy(left_out, config / "hierarchies")
    assert finest_project.map_leaves(left_out, tree, settings[1]) is None
