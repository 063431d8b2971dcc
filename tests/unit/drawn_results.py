"""Results drawn as tables, and a project that shows one column of every kind, for tests of the stages.

    brin  peildag     levering  domein   moment  waarde  geslacht
    10AA  2025-01-20  1         rekenen  M       35      1

A column left out has the value of `SAME`; `-` is null. The domain decides which value a row has.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from tests.unit.drawn_purpose import PURPOSE, WHY

from cohort.agreements.project import Project
from cohort.data_states import local_frames, schemas
from cohort.sdc.model.hierarchy import Hierarchy

Row = dict[str, Any]

VALUE_OF = {
    "rekenen": "vaardigheidsscore",
    "lezen": "vaardigheidsscore",
    "spelling": "vaardigheidsscore",
    "tempo": "ruwe_score",
    "woordenschat": "niveau_IV",
    "studie": "niveau_AE",
}
SAME: Row = {
    "brin": "10AA",
    "peildag": "2025-01-20",
    "levering": "1",
    "domein": "rekenen",
    "moment": "M",
    "waarde": "35",
    "schooljaar": "2024-2025",
    "jaargroep": "7",
    "schaal": "S",
    "bijzonder": "nee",
    "batch": "1",
    "geslacht": "1",
    "geboortedatum": "2014-03-09",
    "postcode4": "1017",
}


def pgn(n: int) -> str:
    return f"{n:09d}"


def drawn(n: int, table: str) -> list[Row]:
    """The rows of one pupil."""
    header, *lines = [line.split() for line in table.strip().splitlines()]
    return [row(n, **dict(zip(header, line, strict=True))) for line in lines]


def row(n: int, **told: str) -> Row:
    """One accepted result of a pupil."""
    given = {name: None if cell == "-" else cell for name, cell in {**SAME, **told}.items()}
    value = VALUE_OF[str(given["domein"])]
    fixed: Row = {
        "pgn": pgn(n),
        "pgn_soort": "bsn",
        "vestiging": "00",
        "toetscode": "T",
        "toetsversie": "1",
        "afnameperiode": given["moment"],
        "peildag": dt.date.fromisoformat(str(given["peildag"])),
        "levering_nr": int(str(given["levering"])),
        "batch": int(str(given["batch"])),
        "bijzonder": given["bijzonder"] == "ja",
        value: typed(value, given["waarde"]),
    }
    born = given["geboortedatum"]
    fixed["geboortedatum"] = dt.date.fromisoformat(born) if born else None
    same = {name: given[name] for name in schemas.RESULTS_SCHEMA.names if name in given}
    return dict.fromkeys(schemas.RESULTS_SCHEMA.names) | same | fixed


def typed(value: str, cell: str | None) -> object:
    if cell is None or value.startswith("niveau"):
        return cell
    return int(cell) if value == "ruwe_score" else Decimal(cell)


def frame(spark: SparkSession, rows: Sequence[Mapping[str, Any]]) -> schemas.AcceptedResults:
    names = schemas.RESULTS_SCHEMA.names
    made: DataFrame = local_frames.make_local_frame(
        spark, schemas.RESULTS_SCHEMA, [[row[name] for name in names] for row in rows]
    )
    return schemas.AcceptedResults(made)


def column(name: str, *, step: int | None = None, **source: object) -> Row:
    stepped = {} if step is None else {"step": step}
    return {"name": name, **WHY, "role": "quasi-identifying", "hierarchy": name, **stepped, **source}


def result(domein: str, several: str, moment: str = "M") -> Row:
    slot = {"domein": domein, "schooljaar": "2024-2025", "moment": moment}
    return {**slot, "schaal": "S", "value": VALUE_OF[domein], "several": several}


DIFFERENCE: Row = {
    "domein": "rekenen",
    "schaal": "S",
    "value": "vaardigheidsscore",
    "several": "latest",
    "earlier": {"schooljaar": "2024-2025", "moment": "M"},
    "later": {"schooljaar": "2024-2025", "moment": "E"},
}

COLUMNS = [
    column("laatste", step=10, result=result("rekenen", "latest")),
    column("eerste", step=10, result=result("lezen", "first")),
    column("hoogste", step=10, result=result("spelling", "highest")),
    column("groei", step=10, difference=DIFFERENCE),
    column("tempo", step=1, result=result("tempo", "latest")),
    column("niveau", result=result("woordenschat", "latest")),
    column("beste", result=result("studie", "highest")),
    column("geslacht", attribute="geslacht"),
    column("cohort", attribute="geboortedatum", born="cohort"),
    column("kwartaal", attribute="geboortedatum", born="quarter"),
    column("jaar", attribute="geboortedatum", born="year"),
    column("postcode", attribute="postcode4"),
]

TENS = [f"{n} tot {n + 10}" for n in range(0, 100, 10)]
LEAVES: dict[str, list[str]] = {
    "laatste": TENS,
    "eerste": TENS,
    "hoogste": TENS,
    "groei": ["-20 tot -10", "-10 tot 0", "0 tot 10", "20 tot 30"],
    "tempo": [str(n) for n in range(5)],
    "niveau": ["I", "II", "III", "IV", "V"],
    "beste": ["A", "B", "C", "D", "E"],
    "geslacht": ["1", "onbekend", "2"],
    "cohort": ["2012/13", "2013/14", "2014/15"],
    "kwartaal": [f"{year}-K{quarter}" for year in (2013, 2014) for quarter in (1, 2, 3, 4)],
    "jaar": ["2013", "2014"],
    "postcode": [str(1000 + n) for n in range(120)],
}


def hierarchy(name: str) -> Hierarchy:
    """Leaves and `*`; null has a leaf of its own."""
    leaves = LEAVES[name] if "onbekend" in LEAVES[name] else [*LEAVES[name], "onbekend"]
    return Hierarchy(name, (tuple(leaves), ("*",) * len(leaves)))


def project(columns: Sequence[Row] = COLUMNS, **changes: Any) -> Project:
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
        "thresholds": {"k": 3, "m": 2, "max_share": Decimal("0.7"), "k_others": 1},
        "recoding": {"kind": "global", "objective": "mean", "suppression_limit": Decimal("0.5")},
        "columns": list(columns),
    }
    return Project.model_validate(facts | changes)
