"""What stands on a root, by place, without what differs between two runs of the same: times, numbers, random names.

Two roots that went the same way, one of them killed in between, must have the same state.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import polars
from deltalake.exceptions import TableNotFoundError

from cohort.delta.read_tables import open_delta_table
from cohort.storage import StoragePath, walk_folder

from .conftest import Platform

State = dict[str, object]

RUN_KEYS = frozenset({"seconds", "stages", "version", "release", "mended", "settled"})
"""Keys of documents whose values depend on how often a job was run, or for how long."""
CERTIFICATE_KEYS = frozenset({"project", "state"})
"""Keys of a certificate whose values depend neither on what a killed run had removed nor on the store."""
TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?([+-]\d\d:\d\d|Z)?")
RELEASE_ID = re.compile(r"\b(leergroei)-\d+\b")
RANDOM_NAMES = (
    (re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"part-\d+(-\d+)?"), "part"),
    (re.compile(r"\d{8}T\d{12}"), "<time>"),
)
OF_RELEASE = re.compile(r"(records|released)/leergroei/(\d+)(\.json)?")
REPORT = re.compile(r"(restricted/release-reports|reports)/leergroei/report-(\d+)\.")
"""A report of a release. The exact one of a release that was given up stays; only that of the newest is compared."""
LOG_FILE = re.compile(
    r"\d{20}\.(json|crc)|\d{20}\.checkpoint(\.\d+\.\d+|\.[0-9a-f-]{36})?\.parquet|_last_checkpoint"
    r"|\d{20}\.\d{20}\.compacted\.json"
)
TRIAL_FILE = re.compile(r"restricted/((probe|readers)-[0-9a-f]+(/.+)?|\.store\.json\.\d+\.new)")
"""What a first start makes to try the store; left by a kill it goes by its age (`test_unfinished_documents.py`)."""
LOCK_FILE = re.compile(r"restricted/locks/\w+(\.lock|/\d+\.json)")
STAGED_RELEASE = re.compile(r"(?<=staging/leergroei/)\d+")
OVER = {"REFUSED", "SUPERSEDED", "DESTROYED"}
"""States of a release before the newest one."""


def read_state(platform: Platform) -> State:
    """Everything that stands on a root: rows of tables, documents, and the names of files that belong to neither."""
    zones = platform.stored
    tables = {
        "published": zones.published_table("leergroei"),
        "results": zones.results,
        "quarantine": zones.quarantine,
        "ledger": zones.ledger,
    }
    files = list_all_files(zones.root)
    beside = list_outside_tables(files)
    return {
        **{name: read_rows(table) for name, table in tables.items()},
        **list_beside_tables(platform),
        **_read_documents(zones.root, beside),
        "keys": sorted(path.name for path in platform.keys.glob("*")),
    }


def differences(expected: State, state: State) -> list[str]:
    """The places at which two states differ, with what is there where it is short."""
    places = sorted(place for place in {*expected, *state} if expected.get(place) != state.get(place))
    return [f"{place}: {_short(expected.get(place))} became {_short(state.get(place))}" for place in places]


def _short(content: object) -> str:
    return str(content)[:300] if not isinstance(content, tuple) else f"{len(content)} rows"


def read_rows(table: StoragePath) -> tuple[int, ...] | None:
    """The rows of a table as sorted digests; None where there is no table."""
    try:
        rows = open_delta_table(table).to_pyarrow_table()
    except TableNotFoundError:
        return None
    if "received" in rows.column_names:
        rows = rows.drop_columns(["received"])
    frame = polars.from_arrow(rows.select(sorted(rows.column_names)))
    assert isinstance(frame, polars.DataFrame)
    return tuple(frame.hash_rows(seed=0).sort().to_list())


def list_beside_tables(platform: Platform) -> State:
    """For the folder of each table, the files that belong neither to its current version nor to its log."""
    root = platform.stored.root
    files = list_all_files(root)
    return {
        f"beside the table in {STAGED_RELEASE.sub('<n>', name)}": list_strays(root / name, files, name)
        for name in sorted(_table_folders(files))
    }


def list_outside_tables(files: list[str]) -> list[str]:
    """Those of the files below a root that are in the folder of no table."""
    folders = _table_folders(files)
    return [name for name in files if not any(name.startswith(f"{folder}/") for folder in folders)]


def _table_folders(files: list[str]) -> set[str]:
    return {name.partition("/_delta_log/")[0] for name in files if "/_delta_log/" in name}


def list_strays(table: StoragePath, files: list[str], name: str) -> list[str]:
    """The files in the folder of a table that belong neither to its current version nor to its log."""
    return sorted(map(_without_random_parts, _find_strays(table, files, name)))


def _find_strays(table: StoragePath, files: list[str], name: str) -> Iterator[str]:
    current = {uri.partition(f"/{name}/")[2] for uri in open_delta_table(table).file_uris()}
    own = {file.removeprefix(f"{name}/") for file in files if file.startswith(f"{name}/")}
    for file in sorted(own):
        folder, _, last = file.rpartition("/")
        is_checksum = last.startswith(".") and last.endswith(".crc")
        beside = f"{folder}/{last[1:-4]}".lstrip("/") if is_checksum else file
        if is_checksum and beside in own:  # local folders alone have them, and they go with their file
            continue
        is_log = folder == "_delta_log" and LOG_FILE.fullmatch(beside.rpartition("/")[2])
        if not (beside in own and (is_log or beside in current)):
            yield file


def list_all_files(root: StoragePath) -> list[str]:
    """The names of all files below a folder, but for those of a trial of the store."""
    walked = ((folder / file for file in sorted(files)) for folder, _, files in walk_folder(root))
    names = [path.relative_to(root).as_posix() for paths in walked for path in paths]
    return [name for name in names if not TRIAL_FILE.fullmatch(name)]


def _read_documents(root: StoragePath, names: list[str]) -> State:
    newest = max((int(found[2]) for name in names if (found := OF_RELEASE.search(name))), default=0)
    documents: State = {"erased rows": 0}
    for name in names:
        report = REPORT.match(name)
        if report is not None and report[1] != "reports" and int(report[2]) != newest:
            continue
        place, content = _plain_name(name, newest), _read_document(root / name)
        if place.startswith("restricted/erasures/"):
            assert content["done"], f"an erasure is still open: {name}"
            documents["erased rows"] = int(str(documents["erased rows"])) + content["rows"]
        elif "<earlier>" in place and isinstance(content, dict) and content.get("state") in OVER:
            if content["state"] != "REFUSED":
                documents[place] = content["state"]
        elif not name.endswith(".crc") and not LOCK_FILE.fullmatch(name):
            documents[place] = content
    return documents


def _plain_name(name: str, newest: int) -> str:
    """The name of a file without random parts; of a release it says whether it is the newest."""
    name = REPORT.sub(r"\1/leergroei/report-<n>.", _without_random_parts(name))
    return OF_RELEASE.sub(
        lambda found: f"{found[1]}/leergroei/{'<newest>' if int(found[2]) == newest else '<earlier>'}{found[3] or ''}",
        name,
    )


def _without_random_parts(name: str) -> str:
    for pattern, word in RANDOM_NAMES:
        name = pattern.sub(word, name)
    return name


def _read_document(path: StoragePath) -> Any:
    """The content of a document without times and counts of runs; of other files that they are there."""
    if path.name.endswith(".json") and path.name != "store.json" and "/locks/" not in str(path):
        content = json.loads(path.read_bytes())
        if path.name == "certificate.json":
            content = {name: content[name] for name in CERTIFICATE_KEYS}
        if path.name == "bezwaren.json":  # a digest over the versions of tables too, which count commits
            return "there"
        if path.name == "completeness.json":  # of the latest year alone where a run had nothing left to take in
            content = _of_latest_year(content["missing"])
        return _without_run(content)
    if path.name.endswith(".txt"):
        return _without_run(path.read_bytes().decode())
    return "there"


def _of_latest_year(missing: dict[str, Any]) -> dict[str, Any]:
    latest = max((name.partition(" ")[0] for name in missing), default="")
    return {name: schools for name, schools in missing.items() if name.startswith(latest)}


def _without_run(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _without_run(value) for key, value in content.items() if key not in RUN_KEYS}
    if isinstance(content, list):
        return [_without_run(value) for value in content]
    if isinstance(content, str):
        return RELEASE_ID.sub(r"\1-<n>", TIME.sub("<time>", content))
    return content
