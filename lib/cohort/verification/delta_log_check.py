"""What a table's log and its files' footers say beside the data: read as text, not through Spark."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq

from cohort import delta
from cohort.verification.findings import Finding, finding_if_any, finding_naming

SPARK_SCHEMA_KEY = b"org.apache.spark.sql.parquet.row.metadata"
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
"""What a commit may say of how a table was made, emptied or restored; a predicate would hold values."""
LogAction = dict[str, Any]


@dataclass(frozen=True)
class CommitLog:
    """The commits of a table by version, each as its actions; `beside` are further notes on files."""

    commits: dict[int, list[LogAction]]
    beside: tuple[LogAction, ...]
    checkpointed: bool

    def last(self, kind: str) -> LogAction:
        """The newest action of a kind; empty when no commit that is still there holds one."""
        for version in sorted(self.commits, reverse=True):
            for action in self.commits[version]:
                if kind in action:
                    found: LogAction = action[kind]
                    return found
        return {}

    def all(self, kind: str) -> Iterator[LogAction]:
        for actions in self.commits.values():
            yield from (action[kind] for action in actions if kind in action)

    @property
    def added(self) -> list[str]:
        return [unquote(add["path"]) for add in self.all("add")]

    @property
    def columns(self) -> list[tuple[str, object]]:
        """Name and type of each column, as the log has them."""
        fields = _fields(self.last("metaData"))
        return [(field["name"], field["type"]) for field in fields]


def read_commit_log(table: Path) -> CommitLog:
    """A table's log.

    Takes: the table's folder. Gives: no commits when there is no readable log there.
    """
    folder = table / "_delta_log"
    commits: dict[int, list[LogAction]] = {}
    beside: list[LogAction] = []
    for file in sorted(folder.glob("*.json")):
        if file.stem.isdigit():
            lines = file.read_text(encoding="utf-8").splitlines()
            commits[int(file.stem)] = [json.loads(line) for line in lines if line.strip()]
    for file in sorted(folder.glob("[0-9]*.crc")):
        beside.append(json.loads(file.read_text(encoding="utf-8")))
    return CommitLog(commits, tuple(beside), any(folder.rglob("*.checkpoint*.parquet")))


def check_protocol(protocol: LogAction, configuration: Mapping[str, str], wanted: Mapping[str, str]) -> list[Finding]:
    """PROTOCOL and PROPERTIES.

    Takes: the protocol action, the table's properties, and the properties it must have, no more and no less.
    """
    version = protocol.get("minReaderVersion"), protocol.get("minWriterVersion")
    features = {**protocol}.keys() - {"minReaderVersion", "minWriterVersion"}
    wrong = [name for name in wanted if configuration.get(name) != wanted[name]]
    return [
        *finding_if_any("PROTOCOL", int(version != delta.TABLE_PROTOCOL or bool(features))),
        *finding_naming("PROPERTIES", [*wrong, *(configuration.keys() - wanted.keys())]),
    ]


def check_single_commit(log: CommitLog, release_id: str) -> list[Finding]:
    """COMMIT: a stage is one commit, noted with the release, and nothing beside its files."""
    info = log.last("commitInfo")
    alone = list(log.commits) == [0] and not log.checkpointed and not any(log.all("remove"))
    kinds = {kind for actions in log.commits.values() for action in actions for kind in action}
    usual = kinds <= {"commitInfo", "metaData", "protocol", "add"}
    return finding_if_any("COMMIT", int(not (alone and usual and info.get("userMetadata") == release_id)))


def check_log_traces(log: CommitLog, files: Sequence[Path]) -> list[Finding]:
    """LOG: whatever log and footers tell of the data beyond the number of rows of a file."""
    told: list[str] = []
    notes = [log.commits[version] for version in log.commits]
    actions = [action for actions in notes for action in actions]
    actions += [{"add": add} for note in log.beside for add in note.get("allFiles") or []]
    actions += [{"metaData": note["metadata"]} for note in log.beside if note.get("metadata")]
    for action in actions:
        told += _of_file(action.get("add") or action.get("remove") or {})
        told += _of_table(action.get("metaData") or {})
        told += _of_commit(action.get("commitInfo") or {})
    for file in files:
        told += _of_footer(file)
    return finding_naming("LOG", told)


def _of_file(add: LogAction) -> list[str]:
    stats = add.get("stats") or {}
    stats = json.loads(stats) if isinstance(stats, str) else stats
    held = {name for name, value in stats.items() if value not in (None, {})}
    told = [f"file statistics {name}" for name in held - {"numRecords"}]
    told += ["partition values"] if add.get("partitionValues") else []
    told += ["files in another folder"] if "/" in add.get("path", "") else []
    return told + (["tags of files"] if add.get("tags") else [])


def _of_table(table: LogAction) -> list[str]:
    told = ["partition columns"] if table.get("partitionColumns") else []
    told += ["a name or description"] if table.get("name") or table.get("description") else []
    return told + [f"metadata of column {f['name']}" for f in _fields(table) if f.get("metadata")]


def _of_commit(info: LogAction) -> list[str]:
    given: LogAction = info.get("operationParameters") or {}
    shown = {name for name, value in given.items() if value not in (None, "", "[]", "{}")}
    return [f"commit parameter {name}" for name in shown - HARMLESS_COMMIT_PARAMETERS]


def _of_footer(file: Path) -> list[str]:
    footer = pq.read_metadata(file)
    kept = footer.metadata or {}
    fields = json.loads(kept[SPARK_SCHEMA_KEY]).get("fields", []) if SPARK_SCHEMA_KEY in kept else []
    told = [f"metadata of column {f['name']} in footers" for f in fields if f.get("metadata")]
    for group in range(footer.num_row_groups):
        for column in range(footer.num_columns):
            chunk = footer.row_group(group).column(column)
            if chunk.statistics is not None and chunk.statistics.has_min_max:
                told.append(f"extremes of column {chunk.path_in_schema} in footers")
    return told


def _fields(table: LogAction) -> list[LogAction]:
    fields: list[LogAction] = json.loads(table.get("schemaString") or "{}").get("fields", [])
    return fields
