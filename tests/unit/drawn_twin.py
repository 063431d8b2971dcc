"""A published table of the shipped project `leergroei`, made by the engine from drawn pupils, to make twins of."""

from __future__ import annotations

import datetime as dt
import functools
import shutil
from dataclasses import replace
from pathlib import Path

import deltalake
import numpy as np
import pyarrow as pa
from tests.unit.drawn_records import make_release_record

from cohort.agreements.environment import Environment
from cohort.agreements.platform import load_platform
from cohort.agreements.project import Project, load_project
from cohort.agreements.project_hierarchies import load_hierarchies
from cohort.release_records import record_store
from cohort.release_records.release_states import ReleaseState
from cohort.sdc import UNKNOWN_VALUE, list_band_bounds
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.local_recoding.local_search import search_local_recoding
from cohort.sdc.model.arrays import IntArray
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.privacy_models.k_anonymity import KAnonymity
from cohort.storage.zone_paths import StorageZones

CONF = Path(__file__).resolve().parents[2] / "conf"
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
NAME = "leergroei"
MEANS_BY_LANGUAGE = {"nl": 0.0, "fy": -0.1, "dialect": -0.2, "overig": -0.6, UNKNOWN_VALUE: 0.0}
SCORES = ("rekenen_M", "rekenen_E", "lezen_M", "lezen_E")
CORRELATIONS = np.array([[1, 0.8, 0.6, 0.5], [0.8, 1, 0.55, 0.6], [0.6, 0.55, 1, 0.75], [0.5, 0.6, 0.75, 1]])


def leergroei() -> Project:
    """The project, without the column `gewicht`."""
    declared = load_project(CONF, NAME, load_platform(CONF))
    return declared.model_copy(update={"columns": [one for one in declared.columns if one.name != "gewicht"]})


@functools.cache
def draw_leaves(pupils: int, seed: int) -> dict[str, list[str]]:
    """The true values of drawn pupils, by column: scores depend on the pupil, the year group and the home language."""
    random = np.random.default_rng(seed)
    languages = random.choice([*MEANS_BY_LANGUAGE], pupils, p=[0.78, 0.05, 0.05, 0.1, 0.02])
    groups = random.choice(["5", "6", "7", "8"], pupils)
    sexes = random.choice(["1", "2", "9"], pupils, p=[0.49, 0.49, 0.02])
    numbers = random.standard_normal((pupils, 4)) @ np.linalg.cholesky(CORRELATIONS).T
    shift = np.array([MEANS_BY_LANGUAGE[one] for one in languages]) + 0.4 * (groups.astype(int) - 6.5)
    growth, girls = np.array([0.0, 0.3, 0.0, 0.3]), np.where(sexes == "2", 0.2, 0.0)
    reads = np.array([0.0, 0.0, 1.0, 1.0])
    scores = 100 + 25 * (numbers + shift[:, None] + growth + girls[:, None] * reads)
    absent = random.random((pupils, 4)) < 0.04
    bands = np.clip(scores, 0, 199.9) // 20 * 20
    leaves = {"jaargroep": groups.tolist(), "geslacht": sexes.tolist(), "thuistaal": languages.tolist()}
    for place, name in enumerate(SCORES):
        of_pupil = [f"{low} tot {low + 20}" for low in bands[:, place].astype(int).tolist()]
        leaves[name] = [
            UNKNOWN_VALUE if gone else band for band, gone in zip(of_pupil, absent[:, place].tolist(), strict=True)
        ]
    return leaves


@functools.cache
def release_rows(pupils: int = 12_000, seed: int = 5, first: int = 0, last: int | None = None) -> pa.Table:
    """The table of a release of some of the drawn pupils, by local recoding with k = 10."""
    project = leergroei()
    hierarchies = load_hierarchies(project, CONF / "hierarchies")
    drawn = draw_leaves(pupils, seed)
    coding = Coding(tuple(hierarchies[column.name] for column in project.columns))
    leaves: IntArray = np.array(
        [
            [hierarchies[column.name].leaf_numbers[leaf] for leaf in drawn[column.name][first:last]]
            for column in project.columns
        ]
    )
    request = RecodingRequest(coding, [KAnonymity(10)], objective="mean", suppression_limit="0.1")
    recoding = search_local_recoding(Histogram.from_pupils(coding.encode(leaves), single=True), request)
    columns: dict[str, pa.Array[pa.Scalar[pa.DataType]]] = {}
    for column, labels in zip(project.columns, recoding.labels, strict=True):
        texts = np.repeat(labels, recoding.pupils).tolist()
        columns[column.name] = pa.array(texts, pa.string())
        if column.typed:
            for name, bounds in zip(column.bound_names, list_band_bounds(texts), strict=True):
                columns[name] = pa.array(bounds, pa.int32())
    return pa.table(columns)


def publish_rows(
    root: Path, rows: pa.Table | None = None, release: int = 1, now: dt.datetime = NOW
) -> tuple[Environment, Project]:
    """A root with a published table; without rows nothing is published."""
    config = root / "conf"
    if not config.exists():
        shutil.copytree(CONF, config)
    zones = StorageZones(root / "root")
    environment = Environment(zones, load_platform(CONF), config, root / "keys", now, "wij")
    if rows is not None:
        record = make_release_record(
            NAME,
            release,
            ReleaseState.PUBLISHED,
            counts={"pupils_released": rows.num_rows, "pupils_suppressed": 41},
            published=str(now),
            settled=True,
            checksum=[rows.num_rows, "0-0"],
        )
        record_store.save_release_record(zones, record)
        deltalake.write_deltalake(zones.published_table(NAME), rows, mode="overwrite")
        table = deltalake.DeltaTable(zones.published_table(NAME))
        table.alter.set_table_properties({"cohort.release": record.id}, raise_if_not_exists=False)
    return environment, leergroei()


def later(environment: Environment, **changes: int) -> Environment:
    """The same surroundings some time later."""
    return replace(environment, now=environment.now + dt.timedelta(**changes))
