"""The import rule, read from the code: who may know whom, and who may do what.

The lines go from the ground up; a module imports only from a line above its own here, never from its own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COHORT = ROOT / "lib" / "cohort"

LINES = (
    (
        "errors",
        "schema",
        "identifiers",
        "code_lists",
        "delimited_text",
        "frames",
        "reasons",
        "wording",
        "stopwatch",
        "due",
        "closed_files",
        "boards",
    ),
    ("rejection", "kinds"),
    (
        "recoding",
        "config",
        "locks",
        "places",
        "catalogue",
        "containers",
        "markup",
        "header_names",
        "list_text",
    ),
    ("lists", "purpose", "messages", "rosters", "declared_bands", "sheetparts"),
    ("platform", "keys", "register", "columns", "formats", "filings", "spreadsheets", "edexml"),
    ("letters", "headers"),
    ("tables", "project", "leaves", "uwlr", "arrivals", "numbers", "pupil_boards"),
    (
        "ledger",
        "mandates",
        "checks",
        "rules",
        "project_hierarchies",
        "handover",
        "spread",
        "transcripts",
        "standing",
        "permissions",
        "nesting",
        "access",
    ),
    ("reception", "ending", "memory", "shown_values", "raw_values"),
    ("recode",),
    ("columnar",),
    ("sinks",),
    ("raw_files", "leftovers"),
    (
        "deliveries",
        "quality",
        "instructions",
        "objections",
        "consents",
        "records",
        "pseudonymise",
        "generalise",
    ),
    ("barred",),
    ("removal",),
    (
        "feedback",
        "codebook",
        "accounts",
        "comparing",
        "supersession",
        "plausibility",
        "stored",
        "effects",
        "receipts",
        "completeness",
        "rights",
        "differences",
    ),
    ("respelling", "renumbering", "retention", "waves", "rekeyed", "overlaps"),
    (
        "erasure",
        "expiry",
        "pipeline",
        "verify",
        "contributors",
        "disclosed",
    ),
    ("run", "value_ranges"),
    ("succession",),
    ("sifting",),
    ("scrutiny",),
    ("judging",),
    ("settling",),
    ("ingest",),
    ("publish", "balance", "readiness"),
    ("release", "status", "remnant"),
    ("withdrawal", "reverification"),
    ("departures",),
    ("readers",),
    ("site",),
    ("uses",),
    ("needles",),
    ("inventory",),
    ("marks",),
    ("journal",),
    ("proof",),
    ("destroy",),
)
FOLDERS = ("intake", "filed", "later", "destruction")
"""Folders whose files are rooms of the house; those of the other folders are inside one room."""
STAGES = next(line for line in LINES if "records" in line)
VERIFIER_MAY = {"errors", "schema", "project", "platform", "keys", "tables"}
ACTIONS = {
    "checkpoint", "collect", "count", "first", "foreach", "foreachPartition", "head", "isEmpty", "save",
    "show",
    "localCheckpoint", "saveAsTable", "tail", "take", "toArrow", "toLocalIterator", "toPandas", "write",
    "writeTo",
}  # fmt: skip
MAY_ACT = {
    ("recode", "_searched"),
    ("shown_values", "everybody"), ("shown_values", "counted"), ("shown_values", "per_class"),
    ("handover", "count"), ("handover", "_not_listed"),
    ("spread", "search"), ("spread", "_classes"),
}  # fmt: skip
"""The one exception: pupils are counted, the histogram is asked of Spark, its parts are searched there."""

MODULES = sorted(path for path in COHORT.rglob("*.py"))
JOBS = sorted((ROOT / "jobs").glob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def room(path: Path) -> str:
    first, *rest = path.relative_to(COHORT).with_suffix("").parts
    return rest[0] if first in FOLDERS else first


def modules_of(name: str) -> list[Path]:
    return [path for path in MODULES if room(path) == name]


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, in full: `cohort.records`, `numpy.typing`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports by relation"
            whole = str(node.module)
            inside = whole in {"cohort", *(f"cohort.{folder}" for folder in FOLDERS)}
            yield from ([f"{whole}.{a.name}" for a in node.names] if inside else [whole])


def rooms_known_by(path: Path) -> set[str]:
    known = (name.split(".")[1:] for name in imported(path) if name.startswith("cohort."))
    return {rest[0] if first in FOLDERS else first for first, *rest in known} - {room(path)}


def packages_of(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def names_used(path: Path) -> set[str]:
    """Every attribute that a file speaks of: `environ` of `os.environ`."""
    return {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}


def listed_in(path: Path) -> list[str]:
    """The rooms that a package's docstring lists, in its order."""
    told = ast.get_docstring(tree(path)) or ""
    return re.findall(r"^    ([a-z_]+) {2,}\S", told, re.MULTILINE)


def test_docstring_file_list_and_lines_agree() -> None:
    files = {room(path) for path in MODULES} - {"__init__"}
    declared = [name for line in LINES for name in line]
    assert sorted(declared) == sorted(files)
    inside = {folder: {path.stem for path in (COHORT / folder).glob("*.py")} for folder in FOLDERS}
    for folder, rooms in inside.items():
        own = [name for name in declared if name in rooms]
        assert listed_in(COHORT / folder / "__init__.py") == own
    top = [name for name in declared if not any(name in rooms for rooms in inside.values())]
    assert listed_in(COHORT / "__init__.py") == [*FOLDERS, *top]


def test_the_engines_docstring_lists_its_rooms_so_that_each_knows_only_those_above() -> None:
    engine = COHORT / "recoding"
    rooms = listed_in(engine / "__init__.py")
    doors = {"__init__", "__main__"}  # the second reads arguments and is nobody's room
    assert sorted(rooms) == sorted(path.stem for path in engine.glob("*.py") if path.stem not in doors)
    for place, name in enumerate(rooms):
        known = {i.split(".")[2] for i in imported(engine / f"{name}.py") if i.startswith("cohort.recoding.")}
        assert known <= set(rooms[:place]), name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(COHORT).as_posix())
def test_a_module_imports_only_from_the_lines_above_its_own(path: Path) -> None:
    above: set[str] = set()
    for line in LINES:
        if room(path) in line:
            assert rooms_known_by(path) <= above
            return
        above |= set(line)
    assert room(path) == "__init__", "a module without a line"
    assert not rooms_known_by(path)


def test_stages_never_import_each_other() -> None:
    known = {stage: rooms_known_by(path) & set(STAGES) for stage in STAGES for path in modules_of(stage)}
    assert known == {stage: set() for stage in STAGES}


def test_only_tables_speaks_delta() -> None:
    assert {room(path) for path in MODULES + JOBS if packages_of(path) & {"delta", "deltalake"}} == {"tables"}


def test_only_keys_sees_secrets() -> None:
    makers = {room(path) for path in MODULES if packages_of(path) & {"hmac", "secrets"}}
    readers = {room(path) for path in MODULES if "_secret" in names_used(path)}
    assert (makers, readers) == ({"keys"}, {"keys"})


def test_only_jobs_read_arguments_and_environment_or_build_a_session() -> None:
    entries = [path for path in MODULES if path.name != "__main__.py"]
    told = {"argv", "environ", "getenv", "builder", "getOrCreate"}
    assert [path.name for path in entries if "argparse" in packages_of(path)] == []
    assert [path.name for path in entries if names_used(path) & told] == []
    assert any("argparse" in packages_of(path) for path in JOBS), "jobs do, or this test sees nothing"
    assert any(names_used(path) & told for path in JOBS)


def test_the_engine_knows_no_spark() -> None:
    known = {path.name: packages_of(path) & {"pyspark", "py4j", "delta"} for path in modules_of("recoding")}
    assert known == {name: set() for name in known}
    assert {name for path in modules_of("recoding") for name in rooms_known_by(path)} == {
        "errors",
        "code_lists",
        "delimited_text",
    }


def test_the_verifier_shares_only_the_agreement_and_the_ground() -> None:
    known = {name for path in modules_of("verify") for name in rooms_known_by(path)}
    assert known <= VERIFIER_MAY


def test_small_frames_are_made_in_one_place_only() -> None:
    makers = {room(path) for path in MODULES if "createDataFrame" in names_used(path)}
    assert makers <= {"frames", "verify"}  # the verifier has its own


def is_action(node: ast.AST, called_with_something: set[ast.expr]) -> bool:
    """Whether a piece of code runs a Spark job: `frame.count()`, not `F.count(x)`, nor `text.count(x)`."""
    if not isinstance(node, ast.Attribute) or node.attr not in ACTIONS:
        return False
    of_functions = isinstance(node.value, ast.Name) and node.value.id == "F"
    return not of_functions and not (node.attr == "count" and node in called_with_something)


def actions_in(path: Path) -> set[tuple[str, str]]:
    """Where a file runs a Spark action: its room and the function it stands in."""
    nodes = list(ast.walk(tree(path)))
    called = {node.func for node in nodes if isinstance(node, ast.Call) and node.args}
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    return {(room(path), f.name) for f in functions if any(is_action(node, called) for node in ast.walk(f))}


def test_stages_run_no_spark_action_but_the_histogram() -> None:
    acting = {
        act
        for stage in (*STAGES, "leaves", "handover", "spread", "shown_values", "recode", "pipeline")
        for path in modules_of(stage)
        for act in actions_in(path)
    }
    assert acting == MAY_ACT
    assert any(map(actions_in, modules_of("tables"))), "tables does, or this test sees nothing"


def test_names_of_the_field_not_of_the_trade() -> None:
    trade = {"utils", "util", "helpers", "common", "core", "manager", "misc"}
    assert [path.name for path in MODULES if path.stem in trade] == []
