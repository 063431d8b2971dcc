"""What a module may do, read from the code. Which package may import which: the contracts in `pyproject.toml`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COHORT = ROOT / "lib" / "cohort"
MODULES = sorted(path for path in COHORT.rglob("*.py"))
JOBS = sorted((ROOT / "jobs").glob("*.py"))

STAGES = (
    "ingestion.text_scan",
    "ingestion.row_validation",
    "legal_basis.instruction_filter",
    "legal_basis.objection_filter",
    "legal_basis.consent_suppression",
    "anonymisation.pupil_records",
    "anonymisation.pseudonymisation",
    "anonymisation.generalisation",
)
"""Modules that turn one state of the data into the next; orchestrators put them in order."""
BESIDE_STAGES = (
    "leaf_encoding",
    "search_input",
    "partitioned_search",
    "sensitive_columns",
    "equivalence_class_search",
    "equivalence_class_search_task",
)
"""Modules of `anonymisation` that prepare and run the search."""
ACTIONS = {
    *("checkpoint", "collect", "count", "first", "foreach", "foreachPartition", "head", "isEmpty", "save", "show"),
    *("localCheckpoint", "saveAsTable", "tail", "take", "toArrow", "toLocalIterator", "toPandas", "write", "writeTo"),
}
MAY_ACT = {
    ("anonymisation.equivalence_class_search", "_search_population"),
    ("anonymisation.sensitive_columns", "count_values"),
    ("anonymisation.sensitive_columns", "count_values_by_class"),
    ("anonymisation.sensitive_columns", "tabulate_class_values"),
    ("anonymisation.search_input", "count_pupils"),
    ("anonymisation.search_input", "_describe_unlisted_values"),
    ("anonymisation.partitioned_search", "_search_unassigned"),
    ("anonymisation.partitioned_search", "_collect_classes"),
}
"""The exception: pupils are counted, the histogram is collected, its partitions are searched in the executors."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def module(path: Path) -> str:
    """`ingestion.pipeline` of `lib/cohort/ingestion/pipeline.py`."""
    return ".".join(path.relative_to(COHORT).with_suffix("").parts)


def package(path: Path) -> str:
    return path.relative_to(COHORT).parts[0]


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, in full: `cohort.keys`, `numpy.typing`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports by relation"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def distributions(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def attributes(path: Path) -> set[str]:
    """Every attribute that a file uses: `environ` of `os.environ`."""
    return {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}


def test_stages_never_import_each_other() -> None:
    stages = {f"cohort.{stage}" for stage in STAGES}
    for path in MODULES:
        if module(path) in STAGES:
            imports = {name for name in imported(path) if any(name.startswith(stage) for stage in stages)}
            assert not imports, module(path)


def test_only_delta_speaks_delta() -> None:
    speakers = {package(path) for path in MODULES if distributions(path) & {"delta", "deltalake"}}
    assert speakers == {"delta"}
    assert not [path.name for path in JOBS if distributions(path) & {"delta", "deltalake"}]


def test_only_keys_sees_secrets() -> None:
    assert {package(path) for path in MODULES if distributions(path) & {"hmac", "secrets"}} == {"keys"}
    assert {package(path) for path in MODULES if "_secret" in attributes(path)} == {"keys"}


def test_only_jobs_and_the_command_line_read_arguments_and_environment_or_build_a_session() -> None:
    inside = [path for path in MODULES if not module(path).startswith("sdc.cli.")]
    outer = {"argv", "environ", "getenv", "builder", "getOrCreate"}
    assert [module(path) for path in inside if "argparse" in distributions(path)] == []
    assert [module(path) for path in inside if attributes(path) & outer] == []
    assert any("argparse" in distributions(path) for path in JOBS), "jobs do, or this test sees nothing"
    assert any(attributes(path) & outer for path in JOBS)


def test_the_engine_runs_without_spark() -> None:
    engine = [path for path in MODULES if package(path) == "sdc"]
    assert [module(path) for path in engine if distributions(path) & {"pyspark", "py4j", "delta"}] == []
    assert engine


def test_small_frames_are_made_in_one_place_only() -> None:
    makers = {module(path) for path in MODULES if "createDataFrame" in attributes(path)}
    assert {name for name in makers if not name.startswith("verification.")} == {"data_states.local_frames"}


def is_action(node: ast.AST, called_with_arguments: set[ast.expr]) -> bool:
    """Whether a piece of code runs a Spark job: `frame.count()`, not `F.count(x)`, nor `text.count(x)`."""
    if not isinstance(node, ast.Attribute) or node.attr not in ACTIONS:
        return False
    of_functions = isinstance(node.value, ast.Name) and node.value.id == "F"
    return not of_functions and not (node.attr == "count" and node in called_with_arguments)


def actions(path: Path) -> set[tuple[str, str]]:
    """Where a file runs a Spark action: its module and the function."""
    nodes = list(ast.walk(tree(path)))
    called = {node.func for node in nodes if isinstance(node, ast.Call) and node.args}
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    return {(module(path), f.name) for f in functions if any(is_action(node, called) for node in ast.walk(f))}


def test_stages_run_no_spark_action_but_the_histogram() -> None:
    held = {*STAGES, *(f"anonymisation.{name}" for name in BESIDE_STAGES), "release.stage_pipeline"}
    assert held <= {module(path) for path in MODULES}
    acting = set().union(*(actions(path) for path in MODULES if module(path) in held))
    assert acting == MAY_ACT
    assert any(actions(path) for path in MODULES if package(path) == "delta"), "delta does, or this test sees nothing"


def test_no_module_is_named_after_the_trade() -> None:
    trade = {"utils", "util", "helpers", "common", "core", "manager", "misc"}
    assert [module(path) for path in MODULES if path.stem in trade] == []
