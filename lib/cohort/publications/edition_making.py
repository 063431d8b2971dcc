"""One edition made: from results to staged files that the auditor has passed.

Nobody can read an edition yet: `edition_publication` is a step of its own. The edition's record is written last, so
that what a killed run left is written anew by the next one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from cohort.agreements import Catalogue, Environment, Publication
from cohort.approvals import name_current_user
from cohort.cell_suppression import read_search_state
from cohort.data_states import AcceptedResults
from cohort.erasure import accept_objections
from cohort.foundation import DeliveriesRefused, NotAnonymous, ProgressWriter, Stopwatch, describe_problem
from cohort.ingestion import require_canonical_codes, require_newest_numbers
from cohort.legal_basis import ListVocabulary, Objections, load_list_vocabulary, load_number_changes, load_objections
from cohort.publication_documents import (
    CONTRIBUTORS,
    DOCUMENT,
    SCORES,
    EditionEvent,
    EditionRecord,
    EditionState,
    PublicationDocument,
    SearchFigures,
    TableVariable,
    find_published_edition,
    format_tidy_cells,
    list_editions,
    save_edition_record,
)
from cohort.publications.contributor_counts import count_units
from cohort.publications.contributor_rows import SchoolFacts, make_contributor_rows
from cohort.publications.declared_tables import make_publication_document
from cohort.publications.earlier_editions import EarlierEdition, Published, load_earlier_editions
from cohort.publications.edition_audit import audit_files
from cohort.publications.edition_files import digest_files
from cohort.publications.edition_rows import Cells, EditionRows
from cohort.publications.edition_search import KeptSearch, suppress_cells
from cohort.publications.frozen_rows import find_frozen_edition, select_frozen_rows
from cohort.publications.noisy_cells import draw_cells
from cohort.publications.publication_variables import make_table_variables
from cohort.publications.release_beside import list_released_pupils
from cohort.publications.release_rows import count_release_rows, print_release_cells
from cohort.publications.rounded_cells import round_cells
from cohort.release import require_batches
from cohort.results import read_current_results
from cohort.storage import StoragePath, make_private_folder, open_to_write, remove_tree, store_of, write_json_document
from cohort.table_files import write_table_files

SEARCH_NAME = "search.npz"
"""What an interrupted search left, beside the editions of its publication."""


@dataclass(frozen=True)
class PublicationTask:
    """What an edition is made from, beside the results.

    Args:
        environment: the surroundings of the run.
        publication: the declaration.
        catalogue: the lists of tests and schools.
    """

    environment: Environment
    publication: Publication
    catalogue: Catalogue

    @property
    def vocabulary(self) -> ListVocabulary:
        """What the lines of lists may name."""
        return load_list_vocabulary(self.environment.zones, self.environment.config, self.catalogue)


def make_edition(spark: SparkSession, task: PublicationTask, progress: ProgressWriter) -> EditionRecord:
    """Make, stage and audit the next edition of a publication; the caller holds its lock.

    Args:
        spark: the session.
        task: what it is made from.
        progress: receives lines of progress.

    Returns:
        The exact record of the edition, AUDITED.

    Raises:
        ConfigurationRefused: rows of a release, of which this job makes no tables (exit code 10).
        DeliveriesRefused: there are no results of these school years (11).
        ObjectionsRefused: a problem in the lists of objections (12).
        NotAnonymous: tables that are too fine, no safe pattern in time, or findings of the auditor (14).
        StateRefused: lists that were not applied, or earlier editions that contradict these counts (15).
    """
    environment, publication = task.environment, task.publication
    zones, clock = environment.zones, Stopwatch(progress)
    edition = max(list_editions(zones, publication.name), default=0) + 1

    # 1. The counts per school: one pass over the results.
    objections = _read_objections(spark, task)
    rows, objected = _count(spark, task, edition, objections)
    document = rows.document
    clock.report_stage("counts", f"{len(rows.contributors)} combinations of values and school")

    # 2. What is printed, beside everything that was published before.
    earlier = load_earlier_editions(zones)
    rows = _freeze(rows, earlier, clock)
    released = () if publication.rows == "release" else list_released_pupils(environment, publication, document)
    cells, search, document = _protect(task, rows, Published(earlier, released), progress)
    method = f"{publication.rows}, {publication.method}"
    clock.report_stage("cells", method if search is None else f"{search.primary} primary, {search.secondary} secondary")

    # 3. The files, staged; then the auditor reads them.
    made = _MadeEdition(edition, document, rows, cells, search, objected, objections)
    record, findings = _stage_and_audit(task, made, Published(earlier, released))
    clock.report_stage(
        "audited", f"{record.audit.attackers if record.audit else 0} attackers, {len(findings)} findings"
    )
    save_edition_record(zones, record)
    (zones.exact_publications / publication.name / SEARCH_NAME).unlink(missing_ok=True)
    if findings:
        remove_tree(zones.staged_edition(publication.name, edition))
        raise NotAnonymous(
            *findings, f"Edition {edition} of {publication.name} was refused. Correct the cause, then run tables again."
        )
    return record


@dataclass(frozen=True, eq=False)
class _MadeEdition:
    """An edition before its files are written."""

    edition: int
    document: PublicationDocument
    rows: EditionRows
    cells: Cells
    search: SearchFigures | None
    objected: int
    objections: Objections


def _stage_and_audit(
    task: PublicationTask, made: _MadeEdition, published: Published
) -> tuple[EditionRecord, tuple[str, ...]]:
    """Write the files of an edition and have them audited; the record of both, and a sentence for each finding."""
    environment, name = task.environment, task.publication.name
    zones, rows = environment.zones, made.rows
    exact, staged = zones.exact_edition(name, made.edition), zones.staged_edition(name, made.edition)
    digests = _write_counts(exact, rows)
    files = _write_files(staged, made.document, made.cells)
    audit, findings = audit_files(staged, exact, rows, published, environment.platform)
    state = EditionState.REFUSED if findings else EditionState.AUDITED
    record = EditionRecord(
        publication=name,
        edition=made.edition,
        state=state,
        events=tuple(_list_events(environment.now, (EditionState.STAGED, state))),
        declaration_digest=_digest_declaration(environment, task.publication),
        files=files,
        contributors_digest=digests[CONTRIBUTORS],
        eligibility_digest=made.objections.digest_for_project(name, task.catalogue.domains()),
        pupils=int(rows.contributors["pupils"].to_numpy().sum()),
        schools=len(rows.contributors["school"].drop_null().unique()),
        objected=made.objected,
        search=made.search,
        audit=audit,
        approval=None,
    )
    return record, findings


def _read_objections(spark: SparkSession, task: PublicationTask) -> Objections:
    """Read the objections of today, and hold the results to them as a release does."""
    environment, vocabulary = task.environment, task.vocabulary
    zones = environment.zones
    objections = load_objections(
        zones.objections,
        environment.platform.objections,
        environment.today,
        vocabulary.domains,
        projects={*vocabulary.projects, task.publication.name},
    )
    require_newest_numbers(zones, load_number_changes(zones.number_changes, environment.today))
    require_canonical_codes(spark, zones)
    accept_objections(spark, environment, objections, frozenset(vocabulary.domains))
    return objections


def _make_document(task: PublicationTask, edition: int, variables: Sequence[TableVariable]) -> PublicationDocument:
    environment, publication = task.environment, task.publication
    published = find_published_edition(environment.zones, publication.name)
    return make_publication_document(
        publication,
        variables,
        environment.platform,
        edition,
        None if published is None else published.edition,
        environment.today,
    )


def _count(spark: SparkSession, task: PublicationTask, edition: int, objections: Objections) -> tuple[EditionRows, int]:
    """Count the pupils of an edition; also how many were left out because of an objection."""
    environment, publication = task.environment, task.publication
    if publication.rows == "release":
        variables, counts, release = count_release_rows(spark, environment, publication)
        document = _make_document(task, edition, variables).model_copy(update={"release": release.release})
        return EditionRows(document, counts, None), 0
    document = _make_document(task, edition, make_table_variables(publication, task.catalogue, environment.hierarchies))
    results = AcceptedResults(read_current_results(spark, environment.zones, require_batches(environment.zones)))
    counted = count_units(results, publication, objections, task.catalogue.domains())
    if not len(counted.rows):
        raise DeliveriesRefused(
            describe_problem(
                "results of the publication's population",
                example="those of a run of ingest",
                found="none",
                where="restricted/results",
                do="Run ingest first, or correct the population",
            )
        )
    schools = SchoolFacts(task.catalogue, counted.sizes, environment.today)
    contributors = make_contributor_rows(counted.rows, publication, document, schools)
    scores = None
    if counted.scores is not None:
        scores = make_contributor_rows(counted.scores, publication, document, schools)
    return EditionRows(document, contributors, scores), counted.objected


def _freeze(rows: EditionRows, earlier: tuple[EarlierEdition, ...], clock: Stopwatch) -> EditionRows:
    """Take the counts of an earlier edition, where they have every cell."""
    document = rows.document
    frozen = find_frozen_edition(document, rows.contributors.column_names, earlier)
    if frozen is None or document.method != "suppress" or document.rows == "release":
        return rows
    clock.report_stage("frozen", f"counts of edition {frozen.record.edition} of {frozen.record.publication}")
    scores = None if rows.scores is None or frozen.scores is None else select_frozen_rows(frozen.scores, document)
    return EditionRows(
        document, select_frozen_rows(frozen.contributors, document).select(rows.contributors.column_names), scores
    )


def _protect(
    task: PublicationTask, rows: EditionRows, published: Published, progress: ProgressWriter
) -> tuple[Cells, SearchFigures | None, PublicationDocument]:
    """Make what is printed, by the method of the publication."""
    publication, platform = task.publication, task.environment.platform
    if publication.rows == "release":
        return print_release_cells(rows, publication.limits.pupils), None, rows.document
    if publication.method == "noise":
        cells, noise = draw_cells(task.environment, publication, rows)
        return cells, None, rows.document.model_copy(update={"noise": noise})
    if publication.method == "round":
        return round_cells(rows, platform), None, rows.document
    kept = _find_kept_search(task.environment.zones.exact_publications / publication.name / SEARCH_NAME)
    cells, search = suppress_cells(publication, rows, platform, published, progress, kept)
    return cells, search, rows.document


def _find_kept_search(path: StoragePath) -> KeptSearch:
    """Find how far an interrupted search came; bytes that are no state are written over."""
    before = read_search_state(path.read_bytes()) if path.is_file() else None
    return KeptSearch(before, lambda state: store_of(path).write_whole(path, state.to_bytes(), public=False))


def _write_counts(folder: StoragePath, rows: EditionRows) -> dict[str, str]:
    """Write the counts that an edition is made from, for nobody but the platform; return the digest of each file."""
    make_private_folder(folder)
    tables = {CONTRIBUTORS: rows.contributors, **({} if rows.scores is None else {SCORES: rows.scores})}
    digests = {}
    for name, table in tables.items():
        content = pa.BufferOutputStream()
        pq.write_table(table, content)
        data = content.getvalue().to_pybytes()
        with open_to_write(folder / name) as file:
            file.write(data)
        digests[name] = hashlib.sha256(data).hexdigest()
    return digests


def _write_files(folder: StoragePath, document: PublicationDocument, cells: Cells) -> dict[str, str]:
    """Write the files of an edition; return the digest of each."""
    remove_tree(folder)
    make_private_folder(folder)
    write_json_document(folder / DOCUMENT, document.model_dump(mode="json"))
    for table in document.tables:
        text = format_tidy_cells(tuple(axis.variable for axis in table.axes), cells[table.name])
        with open_to_write(folder / table.cells_file) as file:
            file.write(text.encode("utf-8"))
    write_table_files(folder, document, cells)
    return digest_files(folder)


def _digest_declaration(environment: Environment, publication: Publication) -> str:
    content = (environment.config / "publications" / f"{publication.name}.toml").read_bytes()
    return hashlib.sha256(content).hexdigest()


def _list_events(now: dt.datetime, states: tuple[EditionState, ...]) -> list[EditionEvent]:
    return [EditionEvent(state=state, at=now.isoformat(), by=name_current_user()) for state in states]
