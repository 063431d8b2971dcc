"""The independent verifier: a stage or a published table, held against what was agreed and delivered.

It shares no function with the code that makes releases; both meet in the project's declaration. Its rooms:

    findings    what is verified, the codes of what can be found
    log         the table's log and the files' footers, as text
    layout      the files as runs of equal rows; their order and split
    contents    columns and values              numbers     what is the number of a pupil
    anonymity   k, m, largest share, others     sensitive   what classes give away
    filed       lists, read again               rights      who is barred by them
    declared    lists of one kind               instruction which schools instructed us
    consent     who consents to special values  lists       all of these together
    control     whose rows these are
    sums        whether all is accounted for    rebuild     every record made again (`--deep`)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from cohort import schema, tables
from cohort.errors import StateRefused, expected
from cohort.platform import Platform
from cohort.project import Project
from cohort.verify import anonymity, consent, contents, control, layout, lists, log, rebuild, sensitive, sums
from cohort.verify.findings import Finding, Findings, Subject, tell, tell_names
from cohort.verify.lists import Lists

__all__ = ["Finding", "Findings", "Subject", "check_published", "check_stage"]

OF_THE_BYTES = (
    "SCHEMA", "PROTOCOL", "PROPERTIES", "COMMIT", "LOG", "IDENTIFYING_COLUMN", "VALUE_NULL",
    "VALUE_NOT_IN_HIERARCHY", "LOOKS_LIKE_PUPIL", "LOOKS_LIKE_SCHOOL", "ORDER", "SPLIT", "K", "SENSITIVE",
    "SUMS",
)  # fmt: skip
OF_A_STAGE = (
    *OF_THE_BYTES, "SCHOOLS", "SHARE", "OTHERS", "OBJECTOR", "INSTRUCTION", "CONSENT", "PUPIL_UNKNOWN",
    "PUPIL_TWICE", "SCHOOL_UNTRUE",
)  # fmt: skip
GONE = (
    "Schools per class, the largest share and the pupils without the largest school are not repeated: "
    "a published table says nothing of schools.",
    "Objections, pseudonyms and the pupils' true values are not repeated: "
    "a published table says nothing of pupils.",
)
NO_COHORT = (
    "The distance of a class's sensitive values to those of all pupils is not repeated: "
    "a published table says nothing of the pupils who were left out.",
)


def check_stage(
    spark: SparkSession,
    subject: Subject,
    *,
    deep: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Findings:
    """Everything that can be looked for in a stage.

    Takes: the stage and what it is held against; `deep` to make every record again; who is told of progress.
    Gives: the findings; any one refuses the release. A stage of another schema is looked at no further.
    Refuses: a stage that is not there (exit code 15), lists that intake would refuse (exit codes 12
    and 17).
    """
    say = progress or (lambda _: None)
    known = lists.read(subject)
    ladders = contents.ladders(subject.project, subject.hierarchies)
    written = _log(subject.stage)
    files = [subject.stage / name for name in written.added]
    found = log.look_at_protocol(
        written.last("protocol"),
        written.last("metaData").get("configuration", {}),
        tables.properties(subject.platform.tables),
    )
    found += log.look_at_commit(written, subject.release_id) + log.look_at_traces(written, files)
    stage = tables.read(spark, subject.stage)
    told = _columns(stage.schema, subject.project, written, control_too=True)
    if any(finding.code == "SCHEMA" for finding in told):
        return _unfit(found + told)
    say("checked log and schema")
    runs = _runs(files, subject.project, control=True)
    found += told + layout.look(runs) + _values(spark, subject, runs, ladders)
    classes, measures = anonymity.look(runs, anonymity.limits(subject.project, subject.platform))
    given_away, shares = _sensitive(spark, subject, runs, ladders, known)
    classes, measures = classes + given_away, measures | shares
    say(f"checked classes: {runs.classes}, {runs.released} rows")
    counted = control.count(spark, subject, stage, known.barred, known.asked, runs.schools)
    found += classes + control.look(counted) + sums.look(subject.counts, counted, runs.released)
    found += consent.look(spark, subject, stage, known.consenting)
    say("checked control columns against results and lists")
    if deep:
        found += rebuild.look(spark, subject, stage, ladders, known)
        say("checked records, each made again")
    checked = (*OF_A_STAGE, "REBUILT") if deep else OF_A_STAGE
    return Findings(tuple(found), checked, (), measures, layout.checksum(runs))


def check_published(
    spark: SparkSession,
    project: Project,
    platform: Platform,
    table: Path,
    release_id: str,
    released: int,
    hierarchies: Path,
) -> Findings:
    """What a published table's own bytes can still tell.

    Takes: the table, the release it should show and its exact number of rows, the hierarchies.
    Refuses: a table that is not there (exit code 15).
    """
    written = _log(table)
    protocol, properties = tables.detail(spark, table)
    wanted = tables.properties(platform.tables) | own_properties(project, release_id)
    found = log.look_at_protocol(
        dict(zip(("minReaderVersion", "minWriterVersion"), protocol, strict=True)), properties, wanted
    )
    notes = [c.note for c in tables.history(spark, table) if not c.operation.startswith("VACUUM")]
    found += tell("COMMIT", int(notes[:1] != [release_id]))
    files = sorted(table / name for name in tables.current_files(spark, table))
    found += log.look_at_traces(written, files)
    told = _columns(tables.read(spark, table).schema, project, written, control_too=False)
    if any(finding.code == "SCHEMA" for finding in told):
        return _unfit(found + told)
    runs = _runs(files, project, control=False)
    shown = dict(zip(runs.columns, runs.labels, strict=True))
    found += told + layout.look(runs)
    ladders = contents.ladders(project, hierarchies)
    found += contents.look_at_values(shown, ladders)
    classes, measures = anonymity.look_at_size(runs, anonymity.limits(project, platform))
    held_to = sensitive.limits(project, platform)
    given_away, shares = sensitive.look(runs, _leaves(project, ladders), held_to, None)
    wrong = ["the table has another number of rows"] if runs.released != released else []
    found += classes + given_away + tell_names("SUMS", wrong)
    gone = (*GONE, *(NO_COHORT if held_to is not None and held_to.of_the_cohort else ()))
    gone += ("The log's checkpoints are not decoded.",) if written.checkpointed else ()
    return Findings(tuple(found), OF_THE_BYTES, gone, measures | shares, layout.checksum(runs))


def own_properties(project: Project, release_id: str) -> dict[str, str]:
    """What a published table declares of its release."""
    limits = project.thresholds
    return {
        "cohort.release": release_id,
        "cohort.class": project.release_class,
        "cohort.k": str(limits.k),
        "cohort.m": str(limits.m),
        "cohort.expires": project.ends.isoformat(),
    }


def _runs(files: list[Path], project: Project, *, control: bool) -> layout.Runs:
    own = project.sensitive
    name = None if own is None else own.name
    return layout.read(files, project.column_names, control=control, sensitive=name)


def _leaves(project: Project, ladders: dict[str, contents.Ladder]) -> tuple[str, ...]:
    return () if project.sensitive is None else ladders[project.sensitive.name].leaves


def _sensitive(
    spark: SparkSession, subject: Subject, runs: layout.Runs, ladders: dict[str, contents.Ladder],
    known: Lists,
) -> tuple[list[Finding], dict[str, int | float]]:  # fmt: skip
    """SENSITIVE; where a distance was agreed, the cohort's values are counted from the results."""
    own, held_to = subject.project.sensitive, sensitive.limits(subject.project, subject.platform)
    if own is None or held_to is None:
        return [], {}
    cohort = None
    if held_to.of_the_cohort:
        cohort = rebuild.values_of_all(spark, subject, ladders, own.name, known)
    return sensitive.look(runs, ladders[own.name].leaves, held_to, cohort)


def _log(table: Path) -> log.Log:
    written = log.read(table)
    if not written.commits:
        raise StateRefused(
            expected(
                "a table to verify", example="the stage that release printed", found="no log of one",
                where=f"{table.parent.name}/{table.name}", do="Make the release again",
            )
        )  # fmt: skip
    return written


def _columns(read: StructType, project: Project, written: log.Log, *, control_too: bool) -> list[Finding]:
    state = schema.generalised(project.column_names)
    if not control_too:
        state = StructType([field for field in state.fields if field.name not in schema.CONTROL])
    shown = [name for name in read.fieldNames() if name not in schema.CONTROL]
    logged = written.columns or [(field.name, field.dataType.jsonValue()) for field in read.fields]
    return [*contents.look_at_schema(logged, read, state), *contents.look_at_names(shown, project)]


def _values(
    spark: SparkSession, subject: Subject, runs: layout.Runs, ladders: dict[str, contents.Ladder]
) -> list[Finding]:
    """What the values say; a code in small letters is looked up among the schools of the results."""
    shown = dict(zip(runs.columns, runs.labels, strict=True))
    found = contents.look_at_values(shown, ladders)
    already = any(finding.code == "LOOKS_LIKE_SCHOOL" for finding in found)
    possible = {} if already else contents.possible_schools(shown)
    if possible:
        asked = control.local(spark, {"brin": pa.array(sorted(possible), pa.string())})
        schools = control.results(spark, subject).select("brin").distinct()
        hits = asked.join(F.broadcast(schools), "brin", "left_semi").collect()
        found += tell_names("LOOKS_LIKE_SCHOOL", {name for hit in hits for name in possible[hit.brin]})
    return found


def _unfit(found: list[Finding]) -> Findings:
    looked_at = ("SCHEMA", "PROTOCOL", "PROPERTIES", "COMMIT", "LOG", "IDENTIFYING_COLUMN")
    rest = ("Nothing else was looked at: the table has another schema than was agreed.",)
    return Findings(tuple(found), looked_at, rest, {}, (0, "0-0"))
