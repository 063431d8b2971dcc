"""Whether a verified release may be published now: project, approval, readers, unchanged lists.

`publish` and `release --publish` check before `publication` puts the release in place. Nothing here reads a table.
"""

from __future__ import annotations

from cohort.access import require_access_possible
from cohort.agreements import Environment, Project
from cohort.foundation import StateRefused, describe_problem
from cohort.legal_basis import ListVocabulary, load_eligibility
from cohort.release_records import ReleaseRecord, ReleaseState, refuse_release, require_open_project


def check_publishable(
    environment: Environment,
    project: Project,
    record: ReleaseRecord,
    approved_by: str | None,
    vocabulary: ListVocabulary,
) -> None:
    """Check whether a release may be published now. A changed list refuses the release for good.

    Args:
        environment: the surroundings of the run.
        project: the project's declaration.
        record: the exact record of the release.
        approved_by: who approved the publication; None where nobody did.
        vocabulary: what a line of a list may name.
    Raises:
        StateRefused: the project is not open or has ended, the release is not VERIFIED, nobody or whoever made the
            release approved it, a list changed since the verification (exit code 15).
        Refusal: the lists themselves (12, 17); readers who cannot be given access (17).
    """
    require_open_project(environment.zones, project.name)
    record.moved(ReleaseState.PUBLISHED)
    if environment.today > project.ends:
        raise StateRefused(
            describe_problem(
                "a project in its time",
                example=f"until {project.ends}",
                found=str(environment.today),
                where=f"projects/{project.name}.toml",
                do="Destroy the project",
            )
        )
    _require_approval_refused(environment, record, approved_by)
    require_access_possible(environment.zones, environment.platform, project)
    _require_unchanged_lists(environment, project, record, vocabulary)


def _require_approval_refused(environment: Environment, record: ReleaseRecord, approved_by: str | None) -> None:
    if approved_by is None:
        if not environment.platform.publish.without_second_person:
            raise _approval_refused("nobody")
    elif not approved_by.strip() or approved_by.strip() == record.made_by:
        raise _approval_refused("whoever made the release")


def _require_unchanged_lists(
    environment: Environment, project: Project, record: ReleaseRecord, vocabulary: ListVocabulary
) -> None:
    """Refuse a release whose lists are not those that it was verified with."""
    eligible = load_eligibility(environment.zones, environment.platform, project, environment.today, vocabulary)
    verified_with = {
        "objections_digest": record.objections_digest,
        "instructions_digest": record.instructions_digest,
        "consents_digest": record.consents_digest,
    }
    changed = [name.partition("_")[0] for name, digest in eligible.digests().items() if verified_with[name] != digest]
    if changed:
        kinds = " and ".join(changed)
        refuse_release(environment.zones, record, reason=f"a list of {kinds} changed after the verification")
        raise StateRefused(
            describe_problem(
                f"the lists of {kinds} that the release was verified with",
                example="unchanged files",
                found="a changed list",
                where=", ".join(f"{name}/" for name in changed),
                do=f"The release is refused; make a new one with release --project {project.name}",
            )
        )


def _approval_refused(approver: str) -> StateRefused:
    return StateRefused(
        describe_problem(
            "the approval of a second person",
            example="--approved-by 'A. Jansen'",
            found=approver,
            where="--approved-by",
            do="Name who approved, other than whoever made the release",
        )
    )
