"""A small published release with its codebook: exact and wide values, bounds, a sensitive column, missing values."""

from __future__ import annotations

import datetime as dt
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
from tests.unit.drawn_project import BASELINE, CONF, LEVEL, QUASI, RESULT
from tests.unit.drawn_purpose import WHY
from tests.unit.drawn_records import make_release_record

from cohort.agreements.environment import Environment
from cohort.agreements.platform import load_platform
from cohort.agreements.project import Project
from cohort.release_records import record_store
from cohort.release_records.release_record import ReleaseRecord
from cohort.release_records.release_states import ReleaseState
from cohort.research_files import make_codebook
from cohort.research_files.codebook_document import Codebook
from cohort.storage.zone_paths import StorageZones

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
BANDS: dict[str, Any] = {"from": 0, "to": 200, "step": 20, "widths": [40], "above": True}
COLUMNS: list[dict[str, Any]] = [
    {"name": "geslacht", **QUASI, "hierarchy": "geslacht", "attribute": "geslacht"},
    {"name": "jaargroep", **QUASI, "hierarchy": "jaargroep", "attribute": "jaargroep"},
    {"name": "rekenen_M", **QUASI, "bands": BANDS, "typed": True, "result": RESULT},
    {
        "name": "spelling",
        **WHY,
        "role": "sensitive",
        "hierarchy": "niveau_IV",
        "result": LEVEL,
        "constraint": {"largest_value": Decimal("0.8")},
    },
]
#   rows  geslacht        jaargroep   rekenen_M        van   tot   spelling
DRAWN = """
    100   1               7           20 tot 40        20    40    I
    90    1               7           20 tot 40        20    40    III
    80    2               5-6         0 tot 40         0     40    II
    40    2               8           200 en hoger     200   -     onbekend
    30    niet_opgegeven  *           onbekend         -     -     IV
    6     *               8           *                -     -     V
"""


def make_project(**changes: Any) -> Project:
    population = {"schooljaar": ["2024-2025"]}
    return Project.model_validate({**BASELINE, "columns": COLUMNS, "population": population, **changes})


def drawn_rows(pseudonymous: bool = False) -> pa.Table:
    """The rows of the table, in the order in which they are drawn."""
    names = ["geslacht", "jaargroep", "rekenen_M", "rekenen_M_van", "rekenen_M_tot", "spelling"]
    rows: list[dict[str, Any]] = []
    for line in DRAWN.strip().splitlines():
        number, *cells = [cell.replace("_", " ") for cell in line.split("  ") if cell.strip()]
        values: dict[str, Any] = {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
        for bound in names[3:5]:
            values[bound] = None if values[bound] == "-" else int(values[bound])
        rows += [values] * int(number)
    if pseudonymous:
        rows = [{**row, "pupil": f"{place:064x}", "school": f"{place % 7:064x}"} for place, row in enumerate(rows)]
        names += ["pupil", "school"]
    kinds = [(name, pa.int32() if name.endswith(("_van", "_tot")) else pa.string()) for name in names]
    return pa.Table.from_pylist(rows, pa.schema(kinds))


def make_published(root: Path, project: Project | None = None) -> tuple[Environment, Project, ReleaseRecord]:
    """A root with the table and the record of the release; its codebook is not written yet."""
    declared = project or make_project()
    (root / "conf").mkdir(parents=True)
    shutil.copytree(CONF / "hierarchies", root / "conf" / "hierarchies")
    zones = StorageZones(root / "root")
    rows = drawn_rows(declared.is_pseudonymous)
    deltalake.write_deltalake(
        zones.published_table("proef"), rows, commit_properties=deltalake.CommitProperties({"userMetadata": "proef-1"})
    )
    record = make_release_record(
        "proef",
        1,
        ReleaseState.PUBLISHED,
        **{
            "class": declared.release_class,
            "counts": {"pupils_released": rows.num_rows, "pupils_suppressed": 41},
            "published": str(NOW),
            "settled": True,
            "checksum": [rows.num_rows, "0-0"],
        },
    )
    record_store.save_release_record(zones, record)
    environment = Environment(zones, load_platform(CONF), root / "conf", root / "keys", NOW, "wij")
    return environment, declared, record


def drawn_codebook(root: Path, project: Project | None = None) -> Codebook:
    environment, declared, record = make_published(root, project)
    return make_codebook(environment, declared, record, environment.zones.published_table("proef"))
