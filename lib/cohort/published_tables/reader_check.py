"""Daily reader check: every published table is opened to its readers or closed to them, as today requires.

In: the records, lists, keys and declarations of today. Out: a report per project. Called by the job `access`, to be
run daily. A table whose state cannot be judged is closed, and keeps no other table waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ConfigDict

from cohort.access import VERIFICATION_FAILED, access_state, reasons_against_access, settle_access, withdraw_access
from cohort.agreements import Environment, Project, load_catalogue, load_project
from cohort.erasure import is_release_due
from cohort.foundation import EXIT_DEFECT, EXIT_DONE, KeyRefused, NotAnonymous, Refusal, StateRefused, locate_defect
from cohort.keys import key_exists
from cohort.legal_basis import load_consents, load_list_vocabulary, load_objections
from cohort.published_tables import eligibility_withdrawal
from cohort.release_records import find_published_record
from cohort.storage import DocumentPart, hold_lock

KEY_LOST = "its key is lost, so that no objection can be honoured: destroy the project"
OBJECTIONS_DUE = "a list of objections changed: run objections, which takes rows out"
INSTRUCTION_LAPSED = "a school's instruction ended: run objections, which takes its rows out"
CONSENTS_DIFFER = "consents changed: make a new release, which shows the values of today's only"
PROJECT_BUSY = "another run on the project is not done; nobody was let in meanwhile"


class CheckedTable(DocumentPart):
    """One project: the access to its table now, every reason against access, and the exit code."""

    project: str
    access: str
    why_not: tuple[str, ...]
    exit_code: int


class ReaderCheckReport(DocumentPart):
    """All projects, and the greatest exit code among them."""

    model_config = ConfigDict(json_schema_extra={"$id": "reader-check-1"})

    projects: tuple[CheckedTable, ...]
    exit_code: int

    def document(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return self.model_dump(mode="json")


def check_readers(environment: Environment, progress: Callable[[str], None]) -> ReaderCheckReport:
    """Open every table whose readers may read today, and close every other one.

    Args:
        environment: the surroundings of the run.
        progress: receives a line per project.

    Returns:
        Per project the access and the reasons against it. Exit codes: 70 where a defect kept a table from being
        judged, 17 where one could not be opened or closed, 14 where a verification failed, 13 where a key is
        lost, 12 where lists of objections are refused, 10 where a declaration cannot be read.
    """
    names = sorted(path.name for path in (environment.zones.root / "projects").glob("*"))
    tables = tuple(_check_table(environment, name) for name in names)
    for table in tables:
        progress(f"{table.project}: {table.access}" + "".join(f"; {reason}" for reason in table.why_not))
    return ReaderCheckReport(projects=tables, exit_code=max((one.exit_code for one in tables), default=EXIT_DONE))


def describe_failure(failure: Exception) -> tuple[list[str], int]:
    """The sentences of a refusal, or the type and place of a defect; and the exit code."""
    if isinstance(failure, Refusal):
        return [*failure.problems], failure.exit_code
    return [f"a defect ({type(failure).__name__}) at {locate_defect(failure)}"], EXIT_DEFECT


def _check_table(environment: Environment, name: str) -> CheckedTable:
    zones, platform = environment.zones, environment.platform
    try:
        declared = load_project(environment.config, name, platform)
        reasons = _check_personal_data(environment, declared) if declared.is_pseudonymous else []
        code = KeyRefused.exit_code if KEY_LOST in reasons else EXIT_DONE
        reasons = _settle_access(environment, declared, reasons)
        if VERIFICATION_FAILED in reasons:
            code = max(code, NotAnonymous.exit_code)
    except Exception as failure:  # one project's defect keeps no other table open, nor its own
        reasons, code = describe_failure(failure)
        try:
            withdraw_access(zones, platform, name, "its state could not be judged", environment.now)
        except Exception as stays_open:
            more, code = describe_failure(stays_open)
            reasons = [*reasons, *more]
    access = access_state(zones, platform, name)
    return CheckedTable(project=name, access=access, why_not=tuple(reasons), exit_code=code)


def _check_personal_data(environment: Environment, declared: Project) -> list[str]:
    """Reasons against access to a pseudonymous table that are not in its own records: its key, and the lists.

    Raises:
        ObjectionsRefused, RightsRefused: lists that cannot be read, or no instruction or consent at all (exit
            codes 12 and 17).
    """
    zones, platform, today = environment.zones, environment.platform, environment.today
    reasons = [] if key_exists(environment.keys, declared.name) else [KEY_LOST]
    record = find_published_record(zones, declared.name)
    if record is None:
        return reasons
    listed = load_catalogue(environment.config)
    lists = load_objections(zones.objections, platform.objections, today, listed.domains())
    vocabulary = load_list_vocabulary(zones, environment.config, listed)
    consented = load_consents(zones, platform, today, vocabulary).consented_pupils(declared)
    if consented.digest != record.consents_digest:
        reasons.append(CONSENTS_DIFFER)
    if is_release_due(zones, lists, declared.name):
        reasons.append(OBJECTIONS_DUE)
    if eligibility_withdrawal.find_lapsed_schools(environment, record, declared):
        reasons.append(INSTRUCTION_LAPSED)
    return reasons


def _settle_access(environment: Environment, declared: Project, reasons: list[str]) -> list[str]:
    """Open or close a table under the project's lock; while another run holds it, the table is closed if need be."""
    zones, platform, now = environment.zones, environment.platform, environment.now
    try:
        with hold_lock(zones.locks, declared.name):
            return settle_access(zones, platform, declared, now, *reasons)
    except StateRefused:
        against = [*reasons_against_access(zones, declared, environment.today), *reasons]
        if against:
            withdraw_access(zones, platform, declared.name, "; ".join(against), now)
        return [*against, PROJECT_BUSY]
