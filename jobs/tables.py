"""Make the public tables of a publication; publish, audit or withdraw one of its editions."""

import sys
from pathlib import Path

from _entry import JobReport, JobRun, run_job

from cohort.agreements import load_catalogue, load_publication
from cohort.foundation import NotAnonymous, UsageRefused, describe_problem
from cohort.publication_documents import EditionRecord
from cohort.publications import (
    PublicationTask,
    audit_published,
    make_edition,
    publish_edition,
    require_edition,
    settle_interrupted,
    withdraw_edition,
    write_edition_approval,
)
from cohort.storage import INGESTION_LOCK, PUBLICATIONS_LOCK


def run_tables(job: JobRun) -> JobReport:
    arguments, environment = job.arguments, job.environment
    publication = load_publication(environment.config, arguments.publication, environment.platform)
    with job.lock(PUBLICATIONS_LOCK):
        settle_interrupted(environment, publication.name)
        if arguments.edition is not None:
            return _change_edition(job, publication.name)
        if arguments.publish or arguments.audit or (arguments.withdraw, arguments.signature) != (None, None):
            raise _refuse_options()
        task = PublicationTask(environment, publication, load_catalogue(environment.config))
        with job.lock(INGESTION_LOCK, shared=True):
            record = make_edition(job.start_session(), task, job.progress)
        document = write_edition_approval(environment, record)
        place = document.relative_to(environment.zones.root).as_posix()
        return {**describe_edition(record), "approval_document": place}


def _change_edition(job: JobRun, publication: str) -> JobReport:
    arguments, environment = job.arguments, job.environment
    record = require_edition(environment.zones, publication, arguments.edition)
    chosen = [bool(arguments.publish), bool(arguments.audit), arguments.withdraw is not None]
    if sum(chosen) != 1 or (arguments.signature is not None and not arguments.publish):
        raise _refuse_options()
    if arguments.publish:
        signature = None if arguments.signature is None else Path(arguments.signature)
        return describe_edition(publish_edition(environment, record, signature))
    if arguments.withdraw is not None:
        return describe_edition(withdraw_edition(environment, record, arguments.withdraw))
    figures, findings = audit_published(environment, record)
    if findings:
        raise NotAnonymous(*findings)
    return {**describe_edition(record), "audit": figures.model_dump(mode="json")}


def describe_edition(record: EditionRecord) -> JobReport:
    """What the job prints of an edition."""
    content = record.model_dump(mode="json", include={"publication", "edition", "state", "files", "search", "audit"})
    return {**content, "pupils": record.pupils, "schools": record.schools}


def _refuse_options() -> UsageRefused:
    return UsageRefused(
        describe_problem(
            "one of --publish, --audit and --withdraw with --edition, and none without it",
            example="--publication leerlingen --edition 1 --publish",
            found="another choice",
            where="the command line",
            do="Correct it",
        )
    )


if __name__ == "__main__":
    sys.exit(
        run_job(
            "tables",
            run_tables,
            (("--publication",), {"required": True, "metavar": "NAME"}),
            (("--edition",), {"type": int, "metavar": "N", "help": "an edition that was made"}),
            (("--publish",), {"action": "store_true", "help": "publish the edition"}),
            (("--signature",), {"metavar": "FILE", "help": "of a second person (default: beside the document)"}),
            (("--audit",), {"action": "store_true", "help": "audit the edition again, beside all others"}),
            (("--withdraw",), {"metavar": "REASON", "help": "take the files of the edition away from readers"}),
        )
    )
