"""Everything that the declared lists say about who may be in a release, read once per verification."""

from __future__ import annotations

from dataclasses import dataclass, field

from cohort.verification import consent_check, instruction_check, number_change_reader, objection_check
from cohort.verification.consent_check import ConsentingPupils
from cohort.verification.instruction_check import InstructedSites
from cohort.verification.objection_check import ExcludedPupils
from cohort.verification.verification_subject import ReleaseSources


@dataclass(frozen=True)
class UsagePermissions:
    """Who may not be in a release, which sites instructed us, and who consents to special-category values."""

    excluded: ExcludedPupils
    instructed: InstructedSites
    consenting: ConsentingPupils = field(repr=False)


def read_usage_permissions(sources: ReleaseSources) -> UsagePermissions:
    """Read all lists that concern one release.

    Raises:
        ObjectionsRefused: objection lists or number changes that ingestion refuses too (exit code 12).
        RightsRefused: instructions or consents that a release refuses too (exit code 17).
    """
    today, max_age_days, project = sources.today, sources.platform.objections.max_age_days, sources.project
    excluded = objection_check.read_excluded_pupils(
        sources.objections, max_age_days, today, project.name, project.domains
    )
    numbers = number_change_reader.read_pupil_number_links(sources.objections.parent, _fail_on_problem)
    return UsagePermissions(
        excluded,
        instruction_check.read_instructed_sites(sources.instructions, project, today),
        consent_check.read_consenting_pupils(sources.consents, project, max_age_days, today, numbers.newest),
    )


def _fail_on_problem(*_: str) -> None:
    """Number changes were readable a moment ago, when the objections were read."""
    raise AssertionError("changes of pupil numbers became unreadable during the verification")
