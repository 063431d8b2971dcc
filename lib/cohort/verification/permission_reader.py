"""Everything that lists say of who may be in a release, as the verifier read it."""

from __future__ import annotations

from dataclasses import dataclass, field

from cohort.verification import consent_check, instruction_check, number_change_reader, objection_check
from cohort.verification.consent_check import ConsentingPupils
from cohort.verification.findings import VerificationSubject
from cohort.verification.instruction_check import InstructedSites
from cohort.verification.objection_check import ExcludedPupils


@dataclass(frozen=True)
class UsagePermissions:
    """Who may not be in it, which schools instructed us, who consents to special-category values."""

    barred: ExcludedPupils
    asked: InstructedSites
    consenting: ConsentingPupils = field(repr=False)


def read_usage_permissions(subject: VerificationSubject) -> UsagePermissions:
    """All lists of one subject.

    Refuses: lists that intake would refuse (exit codes 12 and 17).
    """
    today, longest, agreed = subject.today, subject.platform.objections.max_age_days, subject.project
    barred = objection_check.read_excluded_pupils(subject.objections, longest, today, agreed.name, agreed.domains)
    numbers = number_change_reader.read_pupil_number_links(subject.objections.parent, _broken)
    return UsagePermissions(
        barred,
        instruction_check.read_instructed_sites(subject.instructions, agreed, today),
        consent_check.read_consenting_pupils(subject.consents, agreed, longest, today, numbers.newest),
    )


def _broken(*_: str) -> None:
    raise AssertionError("changes of numbers that were readable a moment ago are not")
