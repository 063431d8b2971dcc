"""Make, stage and verify one release of a project, or of every project of which one is due."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.foundation import EXIT_DEFECT, Refusal, UsageRefused, describe_problem, locate_defect
from cohort.release import check_publishable, check_release_allowed, list_due_actions, publish_release, release_one
from cohort.release_records import DueJob, ReleaseRecord, make_public_record
from cohort.storage import INGESTION_LOCK


def run_release(job: JobRun) -> JobReport:
    project, due, wave = job.arguments.project, job.arguments.due, job.arguments.wave
    if due == (project is not None):
        raise UsageRefused(
            describe_problem(
                "either --project or --due",
                example="--project leergroei",
                found="both" if due else "neither",
                where="the command line",
                do="Give one of them",
            )
        )
    if wave and due:
        raise UsageRefused(
            describe_problem(
                "--wave with --project",
                example="--project leergroei --wave",
                found="it with --due",
                where="the command line",
                do="Let new pupils into one project at a time",
            )
        )
    return release_due_projects(job) if due else release_project(job, project)


def release_project(job: JobRun, name: str) -> JobReport:
    """Make one release of one project; with `--publish`, publish it without a second person."""
    task = job.release_task(name, wave=job.arguments.wave)
    check_release_allowed(task)  # before anything is touched, and again once nobody else can change it
    with job.lock(name), job.lock(INGESTION_LOCK, shared=True):
        eligible, key = check_release_allowed(task)
        spark = job.start_session()
        record = release_one(spark, task, eligible, key, job.progress)
        if job.arguments.publish:
            check_publishable(job.environment, task.project, record, None, task.list_vocabulary)
            record = publish_release(spark, job.environment, task.project, record, None, job.progress)
    return report_release(job, record)


def release_due_projects(job: JobRun) -> JobReport:
    """Release every project of which a release is due; a refusal or a defect of one stops no other."""
    actions, defects = list_due_actions(job.environment)
    due = [name for name, due_of in actions.items() if any(action.job is DueJob.RELEASE for action in due_of)]
    reports = [
        report_refusal(job, name, defect) if isinstance(defect, Refusal) else report_defect(job, name, defect)
        for name, defect in defects.items()
    ]
    for name in due:
        try:
            reports.append(release_project(job, name))
        except Refusal as refusal:
            reports.append(report_refusal(job, name, refusal))
        except Exception as defect:
            reports.append(report_defect(job, name, defect))
    code = max((report.get("exit_code", 0) for report in reports), default=0)
    return {"due": due, "releases": reports, "exit_code": code}


def report_refusal(job: JobRun, name: str, refusal: Refusal) -> JobReport:
    """Report why one project was refused, sentence by sentence."""
    for problem in refusal.problems:
        job.progress(problem)
    return {"project": name, "refused": list(refusal.problems), "exit_code": refusal.exit_code}


def report_defect(job: JobRun, name: str, defect: Exception) -> JobReport:
    """Report the defect that stopped one project: its type and place, because its message could hold a value."""
    kind, at = type(defect).__name__, locate_defect(defect)
    job.progress(f"{name}: a defect ({kind}) at {at}")
    return {"project": name, "defect": kind, "at": at, "exit_code": EXIT_DEFECT}


def report_release(job: JobRun, record: ReleaseRecord) -> JobReport:
    """Report the public record of a release, with durations and what its approver must weigh."""
    exact = record.document()
    restricted = {name: exact[name] for name in ("stages", "linked", "differences_with")}
    return {**make_public_record(job.environment.platform, record).document(), **restricted}


if __name__ == "__main__":
    sys.exit(
        run_job(
            "release",
            run_release,
            (("--project",), {}),
            (("--due",), {"action": "store_true", "help": "every project that is due"}),
            (("--wave",), {"action": "store_true", "help": "let pupils in who are new since the release before"}),
            (("--publish",), {"action": "store_true", "help": "publish it when it is verified"}),
        )
    )
