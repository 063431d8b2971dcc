"""A small release drawn by hand, for the verifier's tests: results, lists, hierarchies and a valid stage.

Six schools 10AA … 10AF have ten pupils each, five boys (1) and five girls (2), so that two classes of 30 come
out. One moved, one has two results of one moment, one has results nobody selects; one more objected, and
one more has no sex on record and was suppressed. The stage is a Delta table by hand: Parquet and one log.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from tests.unit.drawn_legal_basis import write_instructions
from tests.unit.drawn_purpose import PURPOSE, WHY

from cohort import delta
from cohort.agreements import catalogue
from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.anonymisation.pupil_records import HierarchyByColumn
from cohort.data_states import schemas
from cohort.keys import project_keys
from cohort.keys.project_keys import ProjectKey
from cohort.legal_basis.eligibility import Eligibility
from cohort.release.stage_pipeline import PipelineInput
from cohort.verification.verification_subject import VerificationSubject

TODAY = dt.date(2026, 3, 1)
SECRET = b"k" * 32
SCHOOLS = [f"10A{letter}" for letter in "ABCDEF"]
MOVER, TWO_RESULTS, VISITOR = 0, 11, 22
OBJECTOR, SUPPRESSED = 60, 61
COLUMNS = ["rekenen_M", "groei", "niveau", "geslacht", "cohort"]
HIERARCHIES = {
    "banden": "0 tot 20;0 tot 40;*\n20 tot 40;0 tot 40;*\n40 tot 60;40 tot 80;*\n60 tot 80;40 tot 80;*\n",
    "groei": "-10 tot 0;*\n0 tot 10;*\n10 tot 20;*\n",
    "niveau": "I;*\nII;*\nIII;*\nIV;*\nV;*\n",
    "geslacht": "1;*\n2;*\n0;*\n9;*\n",
    "cohort": "2013/14;*\n2014/15;*\n",
}
Row = dict[str, Any]


def bsn(n: int) -> str:
    """The n-th or a later number that passes the proof, by trying."""
    for stem in range(10_000_000 + n * 20, 99_999_999):
        digits = [int(c) for c in str(stem)]
        last = sum(w * d for w, d in zip((9, 8, 7, 6, 5, 4, 3, 2), digits, strict=True)) % 11
        if last < 10:
            return f"{stem}{last}"
    raise AssertionError("no such number")


def mac(text: str, secret: bytes = SECRET) -> bytes:
    return hmac.digest(secret, text.encode(), hashlib.sha256)


def school_of(n: int) -> str:
    return SCHOOLS[n // 10 % 6]


def sex_of(n: int) -> str | None:
    return None if n == SUPPRESSED else str(1 + n % 2)


def result(n: int, brin: str, domein: str, moment: str, score: str | None, **more: object) -> Row:
    day = dt.date(2025, 1, 20) if moment == "M" else dt.date(2025, 6, 2)
    fixed: Row = {
        "pgn": bsn(n),
        "pgn_soort": "bsn",
        "brin": brin,
        "vestiging": "00",
        "schooljaar": "2024-2025",
        "jaargroep": "7",
        "geboortedatum": dt.date(2014, 8, 1),
        "geslacht": sex_of(n),
        "toetscode": "T",
        "toetsversie": "1",
        "domein": domein,
        "schaal": "RW" if domein == "rekenen" else "SP",
        "bijzonder": False,
        "afnameperiode": moment,
        "peildag": day,
        "afnamedatum": day,
        "vaardigheidsscore": Decimal(score) if score else None,
        "levering_nr": SCHOOLS.index(brin) + 1,
        "batch": 1,
    }
    return {f.name: None for f in schemas.RESULTS_SCHEMA.fields} | fixed | more


def results() -> list[Row]:
    rows = []
    for n in range(62):
        later = SCHOOLS[1] if n == MOVER else school_of(n)
        rows.append(result(n, school_of(n), "rekenen", "M", f"{n % 4 * 10}.00"))
        rows.append(result(n, later, "rekenen", "E", f"{n % 4 * 10 + n % 3 * 9}.50"))
        rows.append(result(n, school_of(n), "spelling", "M", None, niveau_IV="I+" if n % 3 else "I"))
    earlier, other = dt.date(2025, 1, 10), SCHOOLS[5]
    rows.append(result(TWO_RESULTS, SCHOOLS[1], "rekenen", "M", "79.00", peildag=earlier))
    rows.append(result(VISITOR, other, "begrijpend_lezen", "M", "12.00"))
    rows.append(result(VISITOR, other, "rekenen", "M", "12.00", bijzonder=True))
    return [*rows, result(VISITOR, SCHOOLS[4], "rekenen", "M", "79.00", batch=2)]


def write_results(spark: SparkSession, path: Path) -> Path:
    """Write the drawn results as the restricted table, and return its folder."""
    delta.create_table(spark, path, schemas.RESULTS_SCHEMA, platform().tables, partitioned_by=schemas.RESULTS_PARTITION)
    delta.append_rows(spark.createDataFrame(results(), schemas.RESULTS_SCHEMA), path, "batch 1")  # type: ignore[type-var]
    return path


def column(name: str, hierarchy: str, **source: object) -> Row:
    return {"name": name, **WHY, "role": "quasi-identifying", "hierarchy": hierarchy, **source}


def project(**changes: Any) -> Project:
    slot: Row = {"schooljaar": "2024-2025", "several": "latest"}
    rekenen: Row = {"domein": "rekenen", "schaal": "RW", "value": "vaardigheidsscore", "several": "latest"}
    moments = {when: {"schooljaar": "2024-2025", "moment": m} for when, m in (("earlier", "M"), ("later", "E"))}
    spelling = {**slot, "domein": "spelling", "moment": "M", "schaal": "SP", "value": "niveau_IV"}
    facts: Row = {
        "name": "proef",
        "question": "Hoe groeit rekenen?",
        "release_class": "anonymous",
        **PURPOSE,
        "starts": dt.date(2026, 1, 1),
        "ends": dt.date(2027, 1, 1),
        "readers": "lezers",
        "population": {"schooljaar": ["2024-2025"], "jaargroep": ["7"]},
        "two_schools": "keep",
        "thresholds": {"k": 10, "m": 5, "max_share": Decimal("0.5"), "k_others": 5},
        "recoding": {"kind": "global", "objective": "mean", "suppression_limit": Decimal("0.1")},
        "columns": [
            column("rekenen_M", "banden", result={**slot, **rekenen, "moment": "M"}, step=20),
            column("groei", "groei", difference={**rekenen, **moments}, step=10),
            column("niveau", "niveau", result=spelling),
            column("geslacht", "geslacht", attribute="geslacht"),
            column("cohort", "cohort", attribute="geboortedatum", born="cohort"),
        ],
    }
    return Project.model_validate(facts | changes)


INTAKE: Row = {
    "max_refused_share": Decimal("0.2"),
    "whole_share": Decimal("0.5"),
    "containers": {"members": 9, "megabytes_per_member": 9, "megabytes": 9, "ratio": 9},
    "rules": {
        "two_schools": "warn",
        "two_year_groups": "warn",
        "year_groups_apart": "refuse",
        "date_outside_year": "refuse",
    },
}


RISK_LIMITS: Row = {
    **dict.fromkeys(("attributes_only", "all_but_one_known", "downcoding_gain", "sure_cells"), Decimal(1)),
    "sure_cells_right": Decimal(1),
    "attempts_for_interval": 3000,
}
"""Limits that allow everything: sixty drawn pupils are too few to measure an attack on."""


OUTPUT_LIMITS = {
    "files": 50,
    "megabytes": 64,
    "megabytes_per_file": 16,
    "pupils": 10,
    "degrees_of_freedom": 10,
    "schools": 5,
    "largest_school_share": Decimal("0.5"),
    "p_percent": Decimal("0.1"),
    "group_disclosure": Decimal("0.9"),
    "smallest_share": Decimal("0.05"),
    "small_hidden_to": 7,
    "rows": 5000,
}
PUBLICATION_LIMITS: Row = {
    "pupils": 10,
    "schools": 5,
    "max_share": Decimal("0.5"),
    "p_percent": 10,
    "largest_value_share": Decimal("0.9"),
    "degrees_of_freedom": 10,
    "max_primary_share": Decimal("0.15"),
    "hide_up_to": 7,
    "round_to": 5,
    "search_seconds": 60,
    "first_pattern_seconds": 60,
    "search_megabytes": 1500,
    "epsilon_per_pupil_year": 1,
}


def platform(**floors: Any) -> Platform:
    return Platform.model_validate(
        {
            "floors": {
                "k": 10,
                "m": 5,
                "max_share": Decimal("0.5"),
                "k_others": 5,
                "largest_value": Decimal("0.9"),
                "distinct_values": 2,
                "values_without_school": 1,
                "pupils_without_school": 1,
                "pupils_with_value": 1,
                "k_for_closeness": 2,
                "columns": {},
            }
            | floors,
            "keys": {"dir": "keys"},
            "tables": {"deleted_files_hours": 0, "log_hours": 0},
            "retention_days": dict.fromkeys(("deliveries", "quarantine", "feedback", "results", "superseded"), 0),
            "search": {"most_pupils_at_once": 1_000_000},
            "locks": {"lease_seconds": 60},
            "intake": INTAKE,
            "objections": {
                "max_age_days": 31,
                "max_erased_share": Decimal("0.02"),
                "max_erased_share_of_school": Decimal("0.25"),
                "always_erased": 5,
            },
            "publish": {"without_second_person": True},
            "access": {"way": "owner"},
            "shown": {"hide_up_to": 7, "round_to": 5},
            "risk_limits": RISK_LIMITS,
            "publications": PUBLICATION_LIMITS,
            "output_checking": OUTPUT_LIMITS,
            "approvals": {"required": True, "actions": {"publish-tables": [], "review-outputs": []}, "users": {}},
        }
    )


def released(n: int) -> Row:
    """The row of one pupil in the stage."""
    home = SCHOOLS[1] if n == MOVER else school_of(n)
    return {
        "rekenen_M": "0 tot 40",
        "groei": "*",
        "niveau": "I",
        "geslacht": sex_of(n),
        "cohort": "*",
        "_pupil": mac(f"pgn|{bsn(n)}"),
        "_school": mac(f"brin|{home}"),
        "_others": [mac(f"brin|{SCHOOLS[0]}")] if n == MOVER else None,
    }


def counts(**changes: int) -> dict[str, int]:
    return {
        "pupils_records": 62,
        "pupils_released": 60,
        "pupils_suppressed": 1,
        "pupils_objected": 1,
        "pupils_set_aside": 0,
        "pupils_withdrawn": 0,
        "rows_current": 189,
        "rows_used": 183,
        "rows_not_selected": 2,
        "rows_set_aside": 1,
        "rows_objected": 3,
        "pupils_without_instruction": 0,
        "rows_without_instruction": 0,
    } | changes


@dataclass
class Stage:
    """A stage to be written, and whatever a test changes in it; each file is sorted unless told not to."""

    rows: list[Row] = field(default_factory=lambda: [released(n) for n in range(60)])
    columns: list[str] = field(default_factory=lambda: list(COLUMNS))
    bounds: tuple[str, ...] = ()
    file_of: Callable[[int, Row], int] = lambda _, row: int(row["geslacht"] != "1")
    sort: bool = True
    log: Callable[[list[Row]], None] = lambda _: None
    footers: bool = False
    control: bool = True

    def write(self, folder: Path, note: str = "proef-1") -> Path:
        (folder / "_delta_log").mkdir(parents=True)
        text = [(name, pa.int32() if name in self.bounds else pa.string()) for name in self.columns]
        control = [("_pupil", pa.binary()), ("_school", pa.binary()), ("_others", pa.list_(pa.binary()))]
        shape = pa.schema([*text, *(control if self.control else [])])
        rows = sorted(self.rows, key=self._order) if self.sort else self.rows
        files: dict[int, list[Row]] = {}
        for place, row in enumerate(rows):
            files.setdefault(self.file_of(place, row), []).append(row)
        added = []
        for number, held in sorted(files.items()):
            name = f"part-{number:05d}.parquet"
            pq.write_table(pa.Table.from_pylist(held, shape), folder / name, write_statistics=self.footers)
            stats = json.dumps({"numRecords": len(held)})
            add = {
                "path": name,
                "partitionValues": {},
                "size": (folder / name).stat().st_size,
                "modificationTime": 0,
                "dataChange": True,
                "stats": stats,
            }
            added.append({"add": add})
        actions = [*self._head(note), *added]
        self.log(actions)
        text_of_log = "\n".join(json.dumps(action) for action in actions)
        (folder / "_delta_log" / f"{0:020d}.json").write_text(text_of_log + "\n")
        return folder

    def _order(self, row: Row) -> list[tuple[bool, Any]]:
        return [(row[name] is not None, row[name]) for name in (*self.columns, "_pupil")]

    def _head(self, note: str) -> list[Row]:
        state = schemas.make_stage_schema(self.columns, bounds=self.bounds).jsonValue()
        state["fields"] = [f | {"nullable": True} for f in state["fields"]]
        state["fields"] = [f for f in state["fields"] if self.control or not f["name"].startswith("_")]
        table = {
            "id": "t",
            "format": {"provider": "parquet", "options": {}},
            "partitionColumns": [],
            "schemaString": json.dumps(state),
            "createdTime": 0,
            "configuration": delta.make_table_properties(platform().tables),
        }
        info = {"timestamp": 0, "operation": "CREATE TABLE AS SELECT", "operationParameters": {}, "userMetadata": note}
        return [{"commitInfo": info}, {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}, {"metaData": table}]


def write_list(folder: Path, lines: Sequence[str], polarity: str = "block", **changes: object) -> None:
    """One declared list."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"lijst{len(list(folder.iterdir()))}"
    facts: Row = {
        "file": f"{name}.csv",
        "polarity": polarity,
        "date": TODAY,
        "source": "proef",
        "max_age_days": 7,
        "declared_empty": False,
    } | changes
    toml = {k: json.dumps(v) if not isinstance(v, dt.date) else v for k, v in facts.items()}
    (folder / f"{name}.toml").write_text("\n".join(f"{k} = {v}" for k, v in toml.items()))
    (folder / f"{name}.csv").write_text("\n".join(["pgn;brin;vanaf;ingetrokken_op;bereik", *lines]))


def write_hierarchies(folder: Path, **more: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in HIERARCHIES.items():
        (folder / f"{name}.csv").write_text(more.get(name, "") + text)
    if not (folder.parent / "scholen.csv").exists():
        write_schools(folder.parent, {})
    return folder


def write_schools(folder: Path, boards: Mapping[str, str]) -> None:
    """The school list: a school without a board here is its own. Drawn: boards from the first to the present,
    `1` or `1 2` (2 since last summer), and `1+2` for two sites of different boards."""
    lines = []
    for brin in SCHOOLS:
        *old, now = (boards.get(brin) or "").split(" ")
        since = "2025-08-01" if old else ""
        lines += [f"{brin};00;{board};bo;RK;West;;2025-07-31" for board in old]
        lines += [f"{brin};{at:02d};{board};bo;RK;West;{since};" for at, board in enumerate(now.split("+"))]
    (folder / "scholen.csv").write_text("\n".join([";".join(catalogue.SCHOOL_LIST_HEADER), *lines, ""]))


def pipeline_input(
    project: Project, eligible: Eligibility, hierarchies: HierarchyByColumn, **changes: Any
) -> PipelineInput:
    """What a drawn release is made from, beside the results."""
    return PipelineInput(
        **{
            "project": project,
            "eligibility": eligible,
            "hierarchies": hierarchies,
            "key": ProjectKey(SECRET),
            "schools": SCHOOLS,
            "boards": {},
            "most_pupils_at_once": 10_000,
            "floors": platform().floors,
            **changes,
        }
    )


def subject(folder: Path, results_at: Path, stage: Stage | None = None, **changes: Any) -> VerificationSubject:
    """A stage written to a folder, with everything it is checked against; a valid one unless changed."""
    if not (folder / "objections").exists():
        write_list(folder / "objections", [f"{bsn(OBJECTOR)};;2026-01-01;;alles"])
    if not (folder / "instructions").exists():
        write_instructions(folder, SCHOOLS, TODAY)
    fields: dict[str, Any] = {
        "project": project(),
        "platform": platform(),
        "key": project_keys.ProjectKey(SECRET),
        "table": (stage or Stage()).write(folder / "stage"),
        "release_id": "proef-1",
        "results": results_at,
        "batches": (1,),
        "objections": folder / "objections",
        "instructions": folder / "instructions",
        "consents": folder / "consents",
        "today": TODAY,
        "counts": counts(),
        "snapshot": None,
        "predecessor": None,
        "hierarchies": write_hierarchies(folder / "hierarchies", **changes.pop("labels", {})),
    }
    return VerificationSubject(**fields | changes)
