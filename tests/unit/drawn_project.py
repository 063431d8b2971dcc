"""A valid project declaration, and ways to break one thing in it."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drawn_purpose import PURPOSE, WHY

from cohort.agreements import project
from cohort.agreements.platform import Platform
from cohort.foundation import declarations
from cohort.foundation.errors import ConfigurationRefused

CONF = Path(__file__).resolve().parents[2] / "conf"
Toml = dict[str, Any]
Break = Callable[[Toml], object]

RESULT: Toml = {
    "domein": "rekenen",
    "schooljaar": "2024-2025",
    "moment": "M",
    "schaal": "LVS-REK",
    "value": "vaardigheidsscore",
    "several": "latest",
}
DIFFERENCE: Toml = {
    "domein": "rekenen",
    "schaal": "LVS-REK",
    "value": "vaardigheidsscore",
    "several": "latest",
    "earlier": {"schooljaar": "2024-2025", "moment": "M"},
    "later": {"schooljaar": "2024-2025", "moment": "E"},
}
QUASI: Toml = {**WHY, "role": "quasi-identifying"}
LEVEL: Toml = {**RESULT, "domein": "spelling", "value": "niveau_IV"}
BASELINE: Toml = {
    "name": "proef",
    "question": "Hoe groeit rekenen?",
    "release_class": "anonymous",
    **PURPOSE,
    "starts": dt.date(2026, 1, 1),
    "ends": dt.date(2027, 1, 1),
    "readers": "lezers",
    "two_schools": "keep",
    "population": {"schooljaar": ["2024-2025"], "jaargroep": ["7", "8"]},
    "thresholds": {"k": 10, "m": 5, "max_share": Decimal("0.5"), "k_others": 5},
    "recoding": {"kind": "global", "objective": "geometric", "suppression_limit": Decimal("0.1")},
    "columns": [
        {"name": "geslacht", **QUASI, "hierarchy": "geslacht", "attribute": "geslacht"},
        {"name": "rekenen_M", **QUASI, "hierarchy": "rekenen", "result": RESULT, "step": 20},
        {"name": "groei", **QUASI, "hierarchy": "groei", "difference": DIFFERENCE, "step": 10},
        {"name": "geboren", **QUASI, "hierarchy": "jaar", "attribute": "geboortedatum", "born": "year"},
        {"name": "niveau", **QUASI, "hierarchy": "niveau", "result": LEVEL, "weight": 2},
    ],
}
GESLACHT, REKENEN, GROEI, GEBOREN, NIVEAU = range(5)
SENSITIVE: Toml = {
    "name": "spelling",
    **WHY,
    "role": "sensitive",
    "hierarchy": "niveau",
    "result": LEVEL,
    "constraint": {"largest_value": Decimal("0.8")},
}


def to_toml(value: object) -> str:
    """Write a value as TOML, with inline tables."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {to_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(to_toml, value)) + "]"
    return json.dumps(value) if isinstance(value, str | bool) else str(value)


def write_project_file(folder: Path, declared: Toml, name: str = "proef") -> None:
    (folder / "projects").mkdir(exist_ok=True)
    text = "\n".join(f"{key} = {to_toml(value)}" for key, value in declared.items())
    (folder / "projects" / f"{name}.toml").write_text(text, encoding="utf-8")


def make_platform(**columns: int) -> Platform:
    """The shipped platform with these floors on k by column."""
    shipped = declarations.read_declaration(CONF / "platform.toml", Platform, where="platform.toml")
    return shipped.model_copy(update={"floors": shipped.floors.model_copy(update={"columns": columns})})


def load_problems(folder: Path, change: Break, **floors: int) -> tuple[str, ...]:
    declared = copy.deepcopy(BASELINE)
    change(declared)
    write_project_file(folder, declared)
    with pytest.raises(ConfigurationRefused) as refused:
        project.load_project(folder, "proef", make_platform(**floors))
    return refused.value.problems


def set_key(path: str, value: object) -> Break:
    """Set one key, such as `columns.1.step`."""
    *parents, key = path.split(".")

    def change(declared: Toml) -> None:
        table: Any = declared
        for part in parents:
            table = table[int(part) if part.isdigit() else part]
        table[key] = value

    return change


def drop_key(path: str) -> Break:
    *parents, key = path.split(".")

    def change(declared: Toml) -> None:
        table: Any = declared
        for part in parents:
            table = table[int(part) if part.isdigit() else part]
        del table[key]

    return change


def keep_columns(*places: int) -> Break:
    return lambda declared: declared.update(columns=[declared["columns"][table] for table in places])


def repeat_column(table: int, **changes: object) -> Break:
    """Add a copy of a column with changes."""
    return lambda declared: declared["columns"].append(declared["columns"][table] | changes)
