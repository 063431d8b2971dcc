"""The register of processing: per project the fields that article 30 of the AVG (GDPR) asks for.

Source: Regulation (EU) 2016/679, article 30(1), points (a) to (g).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cohort.transparency import record_phrases
from cohort.transparency.data_terms import INTRUDERS, term
from cohort.transparency.register_documents import Agreement, Column, Entry, Release
from cohort.transparency.wording import LANGUAGES, date, say

Both = dict[str, str]
"""A text in each language."""

MEASURES = ("keyed", "verified", "closed_zones", "second_look")


def register(entries: Sequence[Entry]) -> dict[str, Any]:
    """The register of processing as one document: what was never recorded is null."""
    return {"register": _said("register"), "processing": [_processing(entry) for entry in entries]}


def _processing(entry: Entry) -> dict[str, Any]:
    told: dict[str, Any] = {"project": entry.name, "state": _said(entry.state), "class": entry.kind}
    told |= _agreed(entry.agreement) if entry.agreement is not None else dict.fromkeys(AGREED)
    receive = _said(f"{entry.kind}_means") if entry.kind is not None else None
    return told | {
        "processed_and_never_released": _said("inside_only"),
        "recipients_receive": receive,
        "transfers_to_third_countries": _said("transfers"),
        "time_limits_for_erasure": _limits(entry),
        "security_measures": [_said(measure) for measure in MEASURES] + _rules(entry.latest),
        **_numbers(entry.latest),
    }


def _agreed(agreed: Agreement) -> dict[str, Any]:
    years = ", ".join(agreed.population.schooljaar)
    groups = agreed.population.jaargroep
    return {
        "controller": agreed.controller,
        "purposes": agreed.question,
        "legal_basis": agreed.legal_basis,
        "categories_of_data_subjects": _each(
            lambda la: say("subjects", la, years, ", ".join(groups) if groups else say("all", la))
        ),
        "categories_of_personal_data": [_column(column) for column in agreed.columns],
        "recipients": agreed.research_group,
    }


AGREED = (
    "controller",
    "purposes",
    "legal_basis",
    "categories_of_data_subjects",
    "categories_of_personal_data",
    "recipients",
)
"""What the agreement answers for."""


def _column(column: Column) -> dict[str, Any]:
    return {
        "column": column.name,
        "what": _each(lambda la: record_phrases.source(column, la)),
        "why": column.why,
        "special_category_ground": column.legal_ground,
    }


def _limits(entry: Entry) -> dict[str, Any]:
    agreed, certificate = entry.agreement, entry.certificate
    ends, gone = agreed and agreed.ends, certificate and certificate.destroyed_at
    return {
        "project_ends": ends and ends.isoformat(),
        "destroyed": gone and gone.isoformat(),
        "text": _each(lambda la: say("to_be_destroyed", la, date(ends, la))) if ends and not gone else None,
    }


def _rules(release: Release | None) -> list[Both]:
    if release is None:
        return []

    def told(name: str, limit: str) -> Both:
        return _each(lambda la: f"{record_phrases.limit(name, release, la)}: {limit}")

    def faced(who: str, number: int) -> Both:
        return _each(lambda la: f"{say('faced', la)}; {term(INTRUDERS, who, la)}: {say('one_in', la, number)}")

    return [
        *(told(name, limit) for name, limit in release.thresholds.items()),
        *(faced(who, number) for who, number in release.faced.items()),
    ]


def _numbers(release: Release | None) -> dict[str, Any]:
    if release is None:
        return {"pupils": None, "schools": None, "numbers": None}
    return {
        "pupils": release.counts.get("pupils_released"),
        "schools": release.counts.get("schools"),
        "numbers": _each(lambda la: say("numbers", la, release.hidden_up_to, release.rounded_to)),
    }


def _said(key: str) -> Both:
    return _each(lambda language: say(key, language))


def _each(tell: Callable[[str], str]) -> Both:
    return {language: tell(language) for language in LANGUAGES}
