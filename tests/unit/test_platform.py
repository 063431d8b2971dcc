"""The platform declaration: the shipped file, the least value of every floor, and where keys may be."""

from __future__ import annotations

import copy
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drawn_project import CONF, Break, drop_key, set_key, to_toml

from cohort.agreements import platform
from cohort.foundation import declarations
from cohort.foundation.errors import ConfigurationRefused, KeyRefused

SHIPPED = tomllib.loads((CONF / "platform.toml").read_text(encoding="utf-8"), parse_float=Decimal)


def write(folder: Path, declared: dict[str, Any]) -> None:
    text = "\n".join(f"{key} = {to_toml(value)}" for key, value in declared.items())
    (folder / "platform.toml").write_text(text, encoding="utf-8")


def broken(folder: Path, *changes: Break) -> tuple[str, ...]:
    declared = copy.deepcopy(SHIPPED)
    for change in changes:
        change(declared)
    write(folder, declared)
    with pytest.raises(ConfigurationRefused) as refused:
        platform.load_platform(folder)
    return refused.value.problems


def test_the_shipped_platform_has_the_promised_floors() -> None:
    floors = platform.load_platform(CONF).floors
    assert (floors.k, floors.m, floors.max_share, floors.k_others) == (10, 5, Decimal("0.5"), 5)
    assert (floors.largest_value, floors.distinct_values) == (Decimal("0.8"), 3)
    assert (floors.values_without_school, floors.pupils_without_school) == (2, 5)
    assert (floors.pupils_with_value, floors.k_for_closeness) == (200, 25)
    assert floors.columns["regio"] == floors.columns["denominatie_groep"] == 100


def test_a_written_declaration_is_read_back(tmp_path: Path) -> None:
    write(tmp_path, SHIPPED)
    assert platform.load_platform(tmp_path) == platform.load_platform(CONF)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("floors.k", 2),
        ("floors.m", 1),
        ("floors.max_share", Decimal("0.51")),
        ("floors.max_share", 0),
        ("floors.max_share", 1),
        ("floors.k_others", 2),
        ("floors.k", "10"),
        ("floors.columns.regio", 2),
        ("floors.largest_value", Decimal("0.91")),
        ("floors.largest_value", 0),
        ("floors.distinct_values", 1),
        ("floors.values_without_school", 0),
        ("floors.pupils_without_school", 0),
        ("floors.pupils_with_value", 0),
        ("floors.k_for_closeness", 1),
        ("retention_days.results", -1),
        ("tables.log_hours", -1),
        ("intake.max_refused_share", 0),
        ("objections.max_age_days", 0),
        ("objections.always_erased", -1),
        ("objections.max_erased_share_of_school", 0),
        ("objections.max_erased_share", Decimal("1.5")),
        ("publish.without_second_person", "ja"),
        ("shown.hide_up_to", 6),
        ("shown.round_to", 4),
        ("keys.dir", 7),
    ],
)
def test_a_floor_below_its_least_value_is_refused(tmp_path: Path, path: str, value: object) -> None:
    (problem,) = broken(tmp_path, set_key(path, value))
    assert problem.startswith(f"Expected a valid {path}, ")
    assert problem.endswith("in platform.toml. Correct the value.")


@pytest.mark.parametrize("path", [f"{table}.{key}" for table, keys in SHIPPED.items() for key in keys])
def test_a_missing_key_is_refused(tmp_path: Path, path: str) -> None:
    (problem,) = broken(tmp_path, drop_key(path))
    assert problem.startswith(f"Expected the key {path}, ")


def test_a_misspelt_key_is_reported_with_the_declared_key(tmp_path: Path) -> None:
    (problem,) = broken(tmp_path, set_key("floors.k_other", 5))
    assert "for example k_others; found the unknown key floors.k_other in platform.toml" in problem


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    assert (
        len(
            broken(
                tmp_path, set_key("floors.k", 2), drop_key("keys.dir"), set_key("x", 1), set_key("shown.round_to", 1)
            )
        )
        == 4
    )


@pytest.mark.parametrize(
    ("where", "example"),
    [
        ("projects/x.toml", "the template in conf/projects"),
        ("deliveries/x.toml", "canoniek.toml in conf/deliveries"),
        ("objections/x.toml", "the one in docs/reference/objection-lists.md"),
        ("platform.toml", "the platform.toml that comes with the project"),
    ],
)
def test_an_invalid_value_is_reported_with_an_example(tmp_path: Path, where: str, example: str) -> None:
    write(tmp_path, SHIPPED | {"keys": {"dir": 7}})
    with pytest.raises(ConfigurationRefused, match=f"for example {example}; found an invalid value") as refusal:
        declarations.read_declaration(tmp_path / "platform.toml", platform.Platform, where=where)
    assert refusal.value.problems[0].endswith(f"in {where}. Correct the value.")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationRefused, match=r"found none in platform.toml"):
        platform.load_platform(tmp_path)


def with_keys(folder: Path, keys: str) -> platform.Platform:
    write(folder, SHIPPED | {"keys": {"dir": keys}})
    return platform.load_platform(folder)


@pytest.mark.parametrize("keys", ["../keys", "/keys", "../root-keys"])
def test_keys_may_be_beside_the_root(tmp_path: Path, keys: str) -> None:
    config, root = tmp_path / "conf", tmp_path / "root"
    config.mkdir()
    key_folder = platform.locate_key_folder(with_keys(config, keys), config, root)
    assert key_folder == (config / keys).resolve()


@pytest.mark.parametrize("keys", ["../root", "../root/keys", "..", "../conf/../root/deep/keys", "../link"])
def test_keys_may_not_share_a_path_with_the_root(tmp_path: Path, keys: str) -> None:
    config, root = tmp_path / "conf", tmp_path / "root"
    config.mkdir()
    root.mkdir()
    (tmp_path / "link").symlink_to(root / "keys")
    with pytest.raises(KeyRefused, match="a key folder apart from the storage root") as refused:
        platform.locate_key_folder(with_keys(config, keys), config, root)
    assert refused.value.exit_code == 13


def test_small_counts_are_hidden_and_other_counts_rounded() -> None:
    rounding = platform.load_platform(CONF).shown
    assert [rounding.round_count(n) for n in (0, 1, 7, 8, 12, 13, 100, 102, 103)] == [
        None,
        None,
        None,
        10,
        10,
        15,
        100,
        100,
        105,
    ]
