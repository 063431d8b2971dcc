"""What a table's Delta log and the footers of its files hold beside the data, read as text and not through Spark.

Checks PROTOCOL, PROPERTIES, COMMIT and LOG: statistics, partition values, comments or notes could disclose what
the released columns do not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq

from cohort.delta import TABLE_PROTOCOL
from cohort.foundation import StateRefused, describe_problem
from cohort.storage import StoragePath, parquet_source
from cohort.verification.findings import Finding, finding_if_any, finding_naming

SPARK_SCHEMA_KEY = b"org.apache.spark.sql.parquet.row.metadata"
PROTOCOL_VERSIONS = ("minReaderVersion", "minWriterVersion")
HARMLESS_COMMIT_PARAMETERS = frozenset(
    {
        "isManaged",
        "mode",
        "properties",
        "retentionCheckEnabled",
        "defaultRetentionMillis",
        "specifiedRetentionMillis",
        "status",
        "version",
        "timestamp",
    }
)
"""Commit parameters that say how a table was made, vacuumed or restored; others, as predicates, can hold values."""
LogAction = dict[str, Any]


@dataclass(frozen=True)
class CommitLog:
    """A table's log.

    Args:
        commits: by version the actions of the commit.
        checksum_files: the documents beside the commits (`.crc`), which can repeat actions.
        has_checkpoint: whether a checkpoint stands beside them.
    """

    commits: dict[int, list[LogAction]]
    checksum_files: tuple[LogAction, ...]
    has_checkpoint: bool

    def last_action(self, kind: str) -> LogAction:
        """Return the newest action of a kind; empty when no commit that is still there has one."""
        for version in sorted(self.commits, reverse=True):
            for entry in self.commits[version]:
                if kind in entry:
                    action: LogAction = entry[kind]
                    return action
        return {}

    def all_actions(self, kind: str) -> Iterator[LogAction]:
        for entries in self.commits.values():
            yield from (entry[kind] for entry in entries if kind in entry)

    @property
    def added_files(self) -> list[str]:
        return [unquote(add["path"]) for add in self.all_actions("add")]

    @property
    def logged_columns(self) -> list[tuple[str, object]]:
        """Name and type of each column, as the newest metadata have them."""
        fields = _schema_fields(self.last_action("metaData"))
        return [(field["name"], field["type"]) for field in fields]


def read_commit_log(table: StoragePath) -> CommitLog:
    """Read a table's log; without a readable log there are no commits."""
    folder = table / "_delta_log"
    commits: dict[int, list[LogAction]] = {}
    for file in sorted(folder.glob("*.json")):
        if file.stem.isdigit():
            lines = file.read_text(encoding="utf-8").splitlines()
            commits[int(file.stem)] = [json.loads(line) for line in lines if line.strip()]
    checksum_files = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("[0-9]*.crc"))]
    return CommitLog(commits, tuple(checksum_files), any(folder.rglob("*.checkpoint*.parquet")))


def read_required_log(table: StoragePath) -> CommitLog:
    """Read the log of a table that must exist.

    Raises:
        StateRefused: there is no table (exit code 15).
    """
    log = read_commit_log(table)
    if not log.commits:
        raise StateRefused(
            describe_problem(
                "a table to verify",
                example="the stage that release printed",
                found="no log of one",
                where=f"{table.parent.name}/{table.name}",
                do="Make the release again",
            )
        )
    return log


def check_protocol(protocol: LogAction, properties: Mapping[str, str], required: Mapping[str, str]) -> list[Finding]:
    """Check PROTOCOL and PROPERTIES.

    Args:
        protocol: the protocol action.
        properties: the table's properties.
        required: the properties that it must have, and no others.
    """
    versions = tuple(protocol.get(name) for name in PROTOCOL_VERSIONS)
    features = {**protocol}.keys() - {*PROTOCOL_VERSIONS}
    wrong = [name for name in required if properties.get(name) != required[name]]
    return [
        *finding_if_any("PROTOCOL", int(versions != TABLE_PROTOCOL or bool(features))),
        *finding_naming("PROPERTIES", [*wrong, *(properties.keys() - required.keys())]),
    ]


def check_single_commit(log: CommitLog, release_id: str) -> list[Finding]:
    """Check COMMIT: a stage is one commit that only adds files, with the release's id as its note."""
    info = log.last_action("commitInfo")
    is_single = list(log.commits) == [0] and not log.has_checkpoint and not any(log.all_actions("remove"))
    kinds = {kind for entries in log.commits.values() for entry in entries for kind in entry}
    has_usual_actions = kinds <= {"commitInfo", "metaData", "protocol", "add"}
    is_right = is_single and has_usual_actions and info.get("userMetadata") == release_id
    return finding_if_any("COMMIT", int(not is_right))


def check_log_traces(log: CommitLog, files: Sequence[StoragePath]) -> list[Finding]:
    """Check LOG: whatever log and footers hold of the data beside the number of rows of a file."""
    traces: list[str] = []
    actions = [entry for version in log.commits for entry in log.commits[version]]
    actions += [{"add": add} for document in log.checksum_files for add in document.get("allFiles") or []]
    actions += [{"metaData": document["metadata"]} for document in log.checksum_files if document.get("metadata")]
    for action in actions:
        traces += _file_traces(action.get("add") or action.get("remove") or {})
        traces += _table_traces(action.get("metaData") or {})
        traces += _commit_traces(action.get("commitInfo") or {})
    for file in files:
        traces += _footer_traces(file)
    return finding_naming("LOG", traces)


def _file_traces(add: LogAction) -> list[str]:
    statistics = add.get("stats") or {}
    statistics = json.loads(statistics) if isinstance(statistics, str) else statistics
    filled = {name for name, value in statistics.items() if value not in (None, {})}
    traces = [f"file statistics {name}" for name in filled - {"numRecords"}]
    traces += ["partition values"] if add.get("partitionValues") else []
    traces += ["files in another folder"] if "/" in add.get("path", "") else []
    return traces + (["tags of files"] if add.get("tags") else [])


def _table_traces(metadata: LogAction) -> list[str]:
    traces = ["partition columns"] if metadata.get("partitionColumns") else []
    traces += ["a name or description"] if metadata.get("name") or metadata.get("description") else []
    return traces + [
        f"metadata of column {field['name']}" for field in _schema_fields(metadata) if field.get("metadata")
    ]


def _commit_traces(info: LogAction) -> list[str]:
    parameters: LogAction = info.get("operationParameters") or {}
    filled = {name for name, value in parameters.items() if value not in (None, "", "[]", "{}")}
    return [f"commit parameter {name}" for name in filled - HARMLESS_COMMIT_PARAMETERS]


def _footer_traces(file: StoragePath) -> list[str]:
    footer = pq.read_metadata(parquet_source(file))
    metadata = footer.metadata or {}
    fields = json.loads(metadata[SPARK_SCHEMA_KEY]).get("fields", []) if SPARK_SCHEMA_KEY in metadata else []
    traces = [f"metadata of column {field['name']} in footers" for field in fields if field.get("metadata")]
    for group in range(footer.num_row_groups):
        for column in range(footer.num_columns):
            chunk = footer.row_group(group).column(column)
            if chunk.statistics is not None and chunk.statistics.has_min_max:
                traces.append(f"extremes of column {chunk.path_in_schema} in footers")
    return traces


def _schema_fields(metadata: LogAction) -> list[LogAction]:
    fields: list[LogAction] = json.loads(metadata.get("schemaString") or "{}").get("fields", [])
    return fields
