"""Open records as publish and destroy write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]

AGREED: Json = {
    "question": "Hoe ontwikkelen rekenen en begrijpend lezen zich binnen een schooljaar, naar thuistaal?",
    "controller": "Stichting Onderwijsdata, Postbus 1, Utrecht; functionaris@voorbeeld.nl",
    "research_group": "Universiteit Voorbeeld, leerstoel Onderwijskunde",
    "legal_basis": "AVG art. 6 lid 1 onder e: taak van algemeen belang",
    "release_class": "anonymous",
    "starts": "2026-01-01",
    "ends": "2027-12-31",
    "population": {"schooljaar": ["2023-2024", "2024-2025"], "jaargroep": None},
    "columns": [
        {
            "name": "jaargroep",
            "role": "quasi-identifying",
            "source": {"attribute": "jaargroep"},
            "why": "de groei verschilt per leerjaar",
        },
        {
            "name": "geboren",
            "role": "quasi-identifying",
            "why": "leeftijd binnen het leerjaar",
            "source": {"attribute": "geboortedatum", "born": "quarter"},
        },
        {
            "name": "rekenen_M",
            "role": "quasi-identifying",
            "why": "het beginpunt van de groei",
            "source": {
                "domein": "rekenen",
                "value": "vaardigheidsscore",
                "at": [{"schooljaar": "2024-2025", "moment": "M"}],
            },
        },
        {
            "name": "groei_begrijpend_lezen_binnen_schooljaar",
            "role": "quasi-identifying",
            "why": "de groei is waar de vraag over gaat",
            "source": {
                "domein": "begrijpend_lezen",
                "value": "vaardigheidsscore",
                "at": [{"schooljaar": "2024-2025", "moment": "M"}, {"schooljaar": "2024-2025", "moment": "E"}],
            },
        },
        {
            "name": "welbevinden",
            "role": "sensitive",
            "why": "of welbevinden met groei samenhangt",
            "legal_ground": "uitdrukkelijke toestemming (AVG art. 9 lid 2 onder a)",
            "source": {
                "domein": "sociaal_emotioneel",
                "value": "niveau_AE",
                "at": [{"schooljaar": "2024-2025", "moment": "M"}],
            },
        },
    ],
}

CODEBOOK: Json = {
    "jaargroep": {"loss": 0.12, "levels": [{"level": 1, "share": 1.0, "values": ["1-2", "3-4", "5-6", "7-8"]}]},
    "geboren": {"loss": 1.0, "levels": [{"level": 2, "share": 1.0, "values": ["*"]}]},
    "rekenen_M": {
        "loss": 0.31,
        "levels": [
            {"level": 0, "share": 0.6, "values": [f"{n} tot {n + 20}" for n in range(0, 200, 20)]},
            {"level": 1, "share": 0.3, "values": ["0 tot 40", "160 tot 200"]},
            {"level": 3, "share": 0.1, "values": ["*"]},
        ],
    },
    "groei_begrijpend_lezen_binnen_schooljaar": {
        "loss": 0.45,
        "levels": [{"level": 2, "share": 1.0, "values": ["-200 tot 0", "0 tot 200"]}],
    },
    "welbevinden": {"loss": 0.0, "levels": [{"level": 0, "share": 1.0, "values": ["A", "B", "onbekend"]}]},
}


def public_release(number: int = 1, state: str = "PUBLISHED", **changes: Any) -> Json:
    """The public record of a release."""
    return {
        "project": "leergroei",
        "release": number,
        "state": state,
        "class": "anonymous",
        "version": number,
        "published": f"2026-0{2 + number}-04 12:30:00+01:00",
        "expires": "2027-12-31",
        "thresholds": {"k": "10", "m": "5", "max_share": "0.5", "k_others": "5", "largest_value": "0.8"},
        "recoding": {"kind": "local"},
        "codebook": CODEBOOK,
        "loss": {"mean": 0.2, "geometric": 0.21},
        "counts": {
            "pupils_records": 61240,
            "pupils_released": 58110,
            "pupils_suppressed": 2640,
            "pupils_objected": 490,
            "pupils_without_instruction": None,
            "pupils_withdrawn": None,
            "pupils_set_aside": 120,
            "rows_current": 601200,
            "schools": 1130,
        },
        "hidden_up_to": 7,
        "rounded_to": 5,
        "agreed": AGREED,
        "faced": {
            "stranger": 10,
            "knows_1_other": 9,
            "knows_2_others": 8,
            "knows_3_others": 7,
            "school": 5,
            "board": 5,
        },
    } | changes


CERTIFICATE: Json = {
    "project": "rekenangst",
    "state": "DESTROYED",
    "destroyed_at": "2026-09-30T10:00:00+02:00",
    "confirmed": [{"by": "A. Beheerder", "at": "2026-09-30T10:00:00+02:00"}],
    "removed": {
        "places": {"projects/rekenangst": {"files": 12, "bytes": 40000}},
        "versions": 2,
        "key": True,
        "releases": [{"release": 1, "id": "rekenangst-1", "was": "PUBLISHED"}],
        "inventory_sha256": "ab" * 32,
    },
    "looked_for": {
        "listing": {"files_before": 12, "gone_after": 12},
        "reading": "refused, now and at version 0",
        "marks": {"file": 8},
        "found_before": {"marks": 8, "files": 40},
        "found_after": {"marks": 0, "files": 28},
        "not_searched": [],
    },
    "cannot_see": ["backups and archives of the storage"],
    "steps": [],
}


def write_records(records: Path, project: str, **files: Json) -> None:
    """Records of one project: `r1`, `r2` for its releases, `agreement`, `certificate`."""
    (records / project).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = records / project / f"{name.removeprefix('r') if name[1:].isdigit() else name}.json"
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def write_example_records(records: Path) -> Path:
    """Four projects, one in each state."""
    pseudonymous = {**AGREED, "release_class": "pseudonymous", "question": "Hoe volgen leerlingen elkaar op?"}
    write_records(records, "leergroei", r1=public_release(1, "SUPERSEDED"), r2=public_release(2))
    write_records(
        records,
        "loopbanen",
        r1=public_release(**{"project": "loopbanen", "class": "pseudonymous", "agreed": pseudonymous}),
    )
    write_records(records, "taalkaart", agreement={**AGREED, "question": "Waar wordt thuis welke taal gesproken?"})
    ended = {**AGREED, "question": "Hangt rekenangst samen met groei?", "ends": "2026-08-31"}
    write_records(
        records,
        "rekenangst",
        certificate=CERTIFICATE,
        r1=public_release(1, "DESTROYED", project="rekenangst", agreed=ended),
    )
    write_records(records, "vroeger", r1=public_release(1, "DESTROYED", project="vroeger", agreed=None))
    return records
