"""Make, stage and verify one release of a project (or of every project that is due)."""

import sys
from dataclasses import replace

import _entry as entry

from cohort.foundation.errors import EXIT_DEFECT, Refusal, UsageRefused, describe_problem, locate_defect
from cohort.release import publication, release_job, status
from cohort.release_records import public_record, release_record
from cohort.release_records.due_actions import DueJob
from cohort.storage import locks


def work(job: entry.Job) -> entry.Record:
    if job.asked.due == (job.asked.project is not None):
        raise UsageRefused(
            describe_problem(
                "either --project or --due",
                example="--project leergroei",
                found="both" if job.asked.due else "neither",
                where="the command line",
                do="Give one of them",
            )
        )
    if job.asked.wave and job.asked.due:
        raise UsageRefused(
            describe_problem(
                "--wave with --project",
                example="--project leergroei --wave",
                found="it with --due",
                where="the command line",
                do="Let new pupils into one project at a time",
            )
        )
    return one(job, job.asked.project) if job.asked.project else due(job)


def one(job: entry.Job, name: str) -> entry.Record:
    task = replace(job.work(name), wave=job.asked.wave)
    release_job.check_release_allowed(task)  # before anything is touched, and again once nobody else can change it
    with job.lock(name), job.lock(locks.INGESTION_LOCK, shared=True):
        lists, key = release_job.check_release_allowed(task)
        spark = job.session()
        record = release_job.release_one(spark, task, lists, key, job.progress)
        if job.asked.publish:
            publication.check_publishable(job.zones, job.platform, task.project, record, job.now, None, task.known)
            record = publication.publish_release(
                spark, job.zones, job.platform, task.project, record, job.now, None, job.progress
            )
    return told(job, record)


def due(job: entry.Job) -> entry.Record:
    what, unread = status.list_due_actions(job.zones, job.platform, job.config, job.keys, job.now)
    names = [name for name, every in what.items() if any(one.action is DueJob.RELEASE for one in every)]
    done = [failed(job, name, defect) for name, defect in unread.items()]
    for name in names:
        try:
            done.append(one(job, name))
        except Refusal as refusal:
            for problem in refusal.problems:
                job.progress(problem)
            done.append({"project": name, "refused": list(refusal.problems), "exit_code": refusal.exit_code})
        except Exception as defect:  # one project's defect is told, and stops no other
            done.append(failed(job, name, defect))
    return {"due": names, "releases": done, "exit_code": max((d.get("exit_code", 0) for d in done), default=0)}


def failed(job: entry.Job, name: str, defect: Exception) -> entry.Record:
    """What is told of a project that a defect stopped: type and place, as a message could hold a value."""
    kind, at = type(defect).__name__, locate_defect(defect)
    job.progress(f"{name}: a defect ({kind}) at {at}")
    return {"project": name, "defect": kind, "at": at, "exit_code": EXIT_DEFECT}


def told(job: entry.Job, record: release_record.ReleaseRecord) -> entry.Record:
    exact = record.document()
    beside = {name: exact[name] for name in ("stages", "linked", "differences_with")}
    return {**public_record.make_public_record(job.platform, record).document(), **beside}


if __name__ == "__main__":
    sys.exit(
        entry.run(
            "release",
            work,
            (("--project",), {}),
            (("--due",), {"action": "store_true", "help": "every project that is due"}),
            (("--wave",), {"action": "store_true", "help": "let pupils in who are new since the release before"}),
            (("--publish",), {"action": "store_true", "help": "publish it when it is verified"}),
        )
    )
