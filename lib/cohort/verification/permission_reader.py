"""Everything that lists say of who may be in a release, as the verifier read it."""

from __future__ import annotations

from dataclasses import dataclass, field

from cohort.verification import consent_check, instruction_check, number_change_reader, objection_check
from cohort.verification.consent_check import Consenting
from cohort.verification.findings import Subject
from cohort.verification.instruction_check import Asked
from cohort.verification.objection_check import Barred


@dataclass(frozen=True)
class Lists:
    """Who may not be in it, which schools instructed us, who consents to special-category values."""

    barred: Barred
    asked: Asked
    consenting: Consenting = field(repr=False)


def read(subject: Subject) -> Lists:
    """All lists of one subject.

    Refuses: lists that intake would refuse (exit codes 12 and 17).
    """
    today, longest, agreed = subject.today, subject.platform.objections.max_age_days, subject.project
    barred = objection_check.read(subject.objections, longest, today, agreed.name, agreed.domains)
    numbers = number_change_reader.read(subject.objections.parent, _broken)
    return Lists(
        barred,
        instruction_check.read(subject.instructions, agreed, today),
        consent_check.read(subject.consents, agreed, longest, today, numbers.newest),
    )


def _broken(*_: str) -> None:
    raise AssertionError("changes of numbers that were readable a moment ago are not")
