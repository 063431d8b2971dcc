"""What everybody may read of a release: its public record, made from the exact one by name.

A fact that is not named here stays restricted, whoever adds it to the exact record.
"""

from __future__ import annotations

from typing import Any

from cohort.agreements.declared_columns import DeclaredColumn
from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.foundation import json_documents
from cohort.release_records.release_record import ReleaseRecord
from cohort.release_records.release_states import ReleaseState
from cohort.sdc.risk import reidentification_risk
from cohort.storage.zone_paths import StorageZones

PUBLIC_COUNTS = (
    "pupils_records",
    "pupils_released",
    "pupils_suppressed",
    "pupils_objected",
    "pupils_set_aside",
    "pupils_without_instruction",
    "pupils_withdrawn",
    "rows_current",
    "rows_used",
    "rows_not_selected",
    "rows_objected",
    "rows_set_aside",
    "rows_without_instruction",
)
"""The counts that are shown, hidden when small and else rounded. Counts of consents are never among them."""


def public_agreement(project: Project) -> dict[str, Any]:
    """What everybody may read of the agreement: what for, of whom, which columns, why.

    Not the group of readers, nor what the platform needs to make the release.
    """
    return {
        "question": project.question,
        "controller": project.controller,
        "research_group": project.research_group,
        "legal_basis": project.legal_basis,
        "release_class": project.release_class,
        "starts": str(project.starts),
        "ends": str(project.ends),
        "population": {
            "schooljaar": list(project.population.schooljaar),
            "jaargroep": None if project.population.jaargroep is None else list(project.population.jaargroep),
        },
        "columns": [
            {
                "name": column.name,
                "role": column.role,
                "source": _source(column),
                "why": column.why,
                "legal_ground": column.legal_ground,
            }
            for column in project.columns
        ],
    }


def _source(column: DeclaredColumn) -> dict[str, Any]:
    if not column.results:
        return {"attribute": column.attribute, "born": column.born}
    last = column.results[-1]
    moments = [{"schooljaar": r.schooljaar, "moment": r.moment} for r in column.results]
    return {"domein": last.domein, "value": last.value, "at": moments}


def write_public_agreement(zones: StorageZones, record: ReleaseRecord) -> None:
    """Tell what was agreed as soon as a release is made, whether or not it is ever published."""
    json_documents.write_json_document(
        zones.records / record.project / "agreement.json", record.facts["agreed"], public=True
    )


def make_public_record(platform: Platform, record: ReleaseRecord) -> dict[str, Any]:
    """The record that everybody may read: counts hidden when small, else rounded.

    Of the lists of objections their dates alone: a list's name or source can be a school's.
    """
    facts = record.facts
    exact = {name: facts["counts"][name] for name in PUBLIC_COUNTS if name in facts["counts"]}
    if "schools" in facts:  # of a record made before it was noted, nothing is said
        exact["schools"] = len(facts["schools"])
    dates = sorted(str(applied["date"]) for applied in facts["objections"])
    return {
        "project": record.project,
        "release": record.release,
        "state": record.state,
        "class": facts["class"],
        "version": facts.get("version"),
        "published": facts.get("published"),
        "expires": facts["expires"],
        "agreed": facts.get("agreed"),
        "thresholds": facts["thresholds"],
        "recoding": facts["recoding"],
        "codebook": facts["codebook"],
        "loss": {name: round(value, 3) for name, value in facts["loss"].items()},
        "counts": {name: platform.shown.round_count(n) for name, n in exact.items()},
        "hidden_up_to": platform.shown.hide_up_to,
        "rounded_to": platform.shown.round_to,
        "counts_note": f"null = {platform.shown.hide_up_to} or fewer; others rounded to {platform.shown.round_to}",
        "objections": {"oldest_list": dates[0], "newest_list": dates[-1]} if dates else {},
        "teachers": "a teacher's pupils lie within one school, so the school's limits hold for teachers too",
        "faced": _faced(facts),
        "second_person": facts.get("second_person", False),
        "personal_data": facts["class"] == "pseudonymous",
        "withdrawals": [_withdrawn(platform, one) for one in facts.get("withdrawals", [])],
    }


def _faced(facts: dict[str, Any]) -> dict[str, int]:
    """By kind of intruder, the 1 in how many that is the chance at most to find a pupil's record.

    As agreed, never as it came out. Nothing of a release made before boards were looked at, nor of a
    pseudonymous one, where rows of one school can be put together.
    """
    if "intruders" not in facts or facts["class"] != "anonymous":
        return {}
    k, others = (int(facts["thresholds"][name]) for name in ("k", "k_others"))
    told = reidentification_risk.intruder_chances_of_smallest_counts(k, others, others)
    return {who: max(int(one["left_at_least"]), 1) for who, one in told.items()}


def _withdrawn(platform: Platform, one: dict[str, Any]) -> dict[str, Any]:
    """Of rows taken out of a published table: when, into which version, about how many pupils in all."""
    pupils = sum(number for name, number in one.items() if name.startswith("pupils_"))
    return {"at": one["at"][:10], "version": one["version"], "pupils": platform.shown.round_count(pupils)}


def write_public_record(zones: StorageZones, platform: Platform, record: ReleaseRecord) -> None:
    """Put the public record of a published release in its place, whole or not at all."""
    json_documents.write_json_document(
        zones.records / record.project / f"{record.release}.json", make_public_record(platform, record), public=True
    )


def mark_public_record_superseded(zones: StorageZones, record: ReleaseRecord) -> None:
    """Have the public record of a release that was published before say that it is no longer the one."""
    path = zones.records / record.project / f"{record.release}.json"
    if path.exists():
        told = json_documents.read_json_document(path)
        if told["state"] != ReleaseState.SUPERSEDED:
            json_documents.write_json_document(path, {**told, "state": ReleaseState.SUPERSEDED}, public=True)
