"""Everything that lists say of who may be in a release, as the verifier read it."""

from __future__ import annotations

from dataclasses import dataclass, field

from cohort.verification import consents, excluded_pupils, instructions, newest_numbers
from cohort.verification.consents import Consenting
from cohort.verification.excluded_pupils import Barred
from cohort.verification.findings import Subject
from cohort.verification.instructions import Asked


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
    barred = excluded_pupils.read(subject.objections, longest, today, agreed.name, agreed.domains)
    numbers = newest_numbers.read(subject.objections.parent, _broken)
    return Lists(
        barred,
        instructions.read(subject.instructions, agreed, today),
        consents.read(subject.consents, agreed, longest, today, numbers.newest),
    )


def _broken(*_: str) -> None:
    raise AssertionError("changes of numbers that were readable a moment ago are not")
