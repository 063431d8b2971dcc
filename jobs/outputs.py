"""Take in, check, review and release what researchers of a project want to take out."""

import sys
from pathlib import Path

from _entry import JobReport, JobRun, run_job

from cohort.agreements import Project
from cohort.foundation import UsageRefused, describe_problem
from cohort.output_checking import (
    REVIEW_PAGES,
    ContentCheck,
    OutputRequest,
    RequestState,
    audit_released,
    check_contents,
    check_request,
    decide_request,
    load_request,
    load_requests,
    read_decisions,
    refresh_review_pages,
    release_request,
    return_request,
    settle_requests,
    submit_request,
    withdraw_request,
    write_review_approval,
)

CHECKS: dict[str, ContentCheck] = {"contents": check_contents}
"""The automatic checks by name."""
LONGEST_REASON = 500
ACTIONS = ("submit", "check", "list", "decide", "release", "withdraw", "return")


def run_outputs(job: JobRun) -> JobReport:
    arguments, environment = job.arguments, job.environment
    action = _choose_action(job)
    project = job.load_project(arguments.project)
    with job.lock(project.name):
        settle_requests(environment, project.name, arguments.withdraw)
        refresh_review_pages(environment, project.name)
        if action == "list":
            return {"requests": [describe_request(one) for one in load_requests(environment.zones, project.name)]}
        if action == "submit":
            request = submit_request(environment, project, Path(arguments.submit))
            report = _check(job, request)
        else:
            request = load_request(environment.zones, project.name, getattr(arguments, action))
            report = _change_request(job, project, request, action)
        refresh_review_pages(environment, project.name)
        return report


def _change_request(job: JobRun, project: Project, request: OutputRequest, action: str) -> JobReport:
    arguments, environment = job.arguments, job.environment
    if action == "decide":
        return _decide(job, request)
    if action == "release":
        return describe_request(release_request(environment, project, request, CHECKS))
    if action == "withdraw":
        return describe_request(withdraw_request(environment, request, arguments.reason))
    if action == "return":
        return describe_request(return_request(environment, request, arguments.reason))
    if request.state is RequestState.RELEASED:
        audit_released(environment, request)
        return describe_request(request)
    return _check(job, request)


def _check(job: JobRun, request: OutputRequest) -> JobReport:
    """Run the checks, and say where the page and the form of the reviewers are."""
    zones = job.environment.zones
    request = check_request(job.environment, request, CHECKS)
    folder = zones.output_request(request.project, request.number).relative_to(zones.root).as_posix()
    return {**describe_request(request), "pages": [f"{folder}/{page}" for page in REVIEW_PAGES.values()]}


def _decide(job: JobRun, request: OutputRequest) -> JobReport:
    """Take a review; without a signature yet, write the document that the reviewer signs."""
    arguments, environment = job.arguments, job.environment
    signature = None if arguments.signature is None else Path(arguments.signature)
    review = read_decisions(Path(arguments.decisions), signature)
    if environment.platform.approvals.required and not review.signature_path.is_file():
        document = write_review_approval(request, review)
        return {**describe_request(request), "approval_document": document.name}
    return describe_request(decide_request(environment, request, review))


def describe_request(request: OutputRequest) -> JobReport:
    """What the job prints of a request: of reviews only how many there are, until both are there."""
    refusing = sum(finding.severity == "refuse" for finding in request.findings)
    return {
        "project": request.project,
        "request": request.number,
        "state": str(request.state),
        "submitted_at": request.events[0].at,
        "files": len(request.files),
        "findings": {"refuse": refusing, "look": len(request.findings) - refusing},
        "reviews": len(request.reviews),
        "reason": request.events[-1].reason,
    }


def _choose_action(job: JobRun) -> str:
    arguments = job.arguments
    reason = (arguments.reason or "").strip()
    chosen = [action for action in ACTIONS if getattr(arguments, action) not in (None, False)]
    needs_reason = chosen in (["withdraw"], ["return"])
    needs_decisions = chosen == ["decide"]
    if (
        len(chosen) != 1
        or needs_reason != bool(reason)
        or not reason.isprintable()
        or len(reason) > LONGEST_REASON
        or needs_decisions != (arguments.decisions is not None)
        or (arguments.signature is not None and not needs_decisions)
    ):
        raise UsageRefused(
            describe_problem(
                f"one of {', '.join('--' + action for action in ACTIONS)}; --decisions with --decide alone, and "
                "--reason, one line, with --withdraw or --return alone",
                example="--project leergroei --withdraw 3 --reason 'a wrong table'",
                found="another choice",
                where="the command line",
                do="Correct it",
            )
        )
    return chosen[0]


if __name__ == "__main__":
    sys.exit(
        run_job(
            "outputs",
            run_outputs,
            (("--project",), {"required": True, "metavar": "NAME"}),
            (("--submit",), {"metavar": "FOLDER", "help": "a folder with request.toml and the files to take out"}),
            (("--check",), {"type": int, "metavar": "NUMBER", "help": "run the checks of a request again"}),
            (("--list",), {"action": "store_true", "help": "the requests of the project"}),
            (("--decide",), {"type": int, "metavar": "NUMBER", "help": "take the decisions of a reviewer"}),
            (("--decisions",), {"metavar": "FILE", "help": "the reviewer's decisions, filled in"}),
            (("--signature",), {"metavar": "FILE", "help": "the reviewer's signature (default: beside the decisions)"}),
            (("--release",), {"type": int, "metavar": "NUMBER", "help": "release the files of an approved request"}),
            (("--withdraw",), {"type": int, "metavar": "NUMBER", "help": "take a request back"}),
            (("--return",), {"type": int, "metavar": "NUMBER", "help": "return a request before it is released"}),
            (("--reason",), {"metavar": "TEXT", "help": "why it is withdrawn or returned"}),
        )
    )
