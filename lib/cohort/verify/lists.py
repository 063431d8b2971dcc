"""Everything that lists say of who may be in a release, as the verifier read it."""

from __future__ import annotations

from dataclasses import dataclass, field

from cohort.verify import consent, instruction, renumbered, rights
from cohort.verify.consent import Consenting
from cohort.verify.findings import Subject
from cohort.verify.instruction import Asked
from cohort.verify.rights import Barred


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
    barred = rights.read(subject.objections, longest, today, agreed.name, agreed.domains)
    numbers = renumbered.read(subject.objections.parent, _broken)
    return Lists(
        barred,
        instruction.read(subject.instructions, agreed, today),
        consent.read(subject.consents, agreed, longest, today, numbers.newest),
    )


def _broken(*_: str) -> None:
    raise AssertionError("changes of numbers that were readable a moment ago are not")
