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
    """But for the content of files on HDFS, which deltalake's client reads where the tables are."""
    speakers = [path for path in MODULES if distributions(path) & {"delta", "deltalake"} and package(path) != "delta"]
    assert [module(path) for path in speakers] == ["storage.store_content"]
    used = {name for name in imported(speakers[0]) if name.startswith("delta")}
    assert used == {"deltalake.exceptions.DeltaError", "deltalake.fs.DeltaStorageHandler"}
    assert not [path.name for path in JOBS if distributions(path) & {"delta", "deltalake"}]


def test_only_keys_sees_secrets() -> None:
    assert {package(path) for path in MODULES if distributions(path) & {"hmac", "secrets"}} == {"keys"}
    assert {package(path) for path in MODULES if "_secret" in attributes(path)} == {"keys"}


OF_THE_JVM = {"storage.s3_client": {"builder"}, "storage.hadoop_files": {"getenv"}}
"""Names alike that belong to Amazon's client, and to the environment that the JVM has."""


def test_only_jobs_and_the_command_line_read_arguments_and_environment_or_build_a_session() -> None:
    inside = [path for path in MODULES if not module(path).startswith("sdc.cli.")]
    outer = {"argv", "environ", "getenv", "builder", "getOrCreate"}
    assert [module(path) for path in inside if "argparse" in distributions(path)] == []
    found = {module(path): attributes(path) & outer for path in inside}
    assert {name: names for name, names in found.items() if names} == OF_THE_JVM
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


LOCAL_PACKAGES = {"storage", "foundation", "keys", "agreements", "sdc"}
"""Packages that may ask the operating system: the port itself, and those that read configuration and keys alone."""
LOCAL_NAMES = {
    "access.table_access": {"os.X_OK", "os.access", "pathlib.Path"},
    "approvals.approval_check": {"os.getuid", "pathlib.Path", "tempfile.TemporaryDirectory"},
    "approvals.ssh_keygen": {"pathlib.Path", "shutil.which"},
    "delivery_formats.containers": {"stat"},
    "delivery_formats.format_declarations": {"pathlib.Path"},
    "destruction.byte_search": {"os.fsencode"},
    "destruction.project_inventory": {"pathlib.Path"},
    "destruction.search_terms": {"pathlib.Path"},
    "legal_basis.eligibility": {"pathlib.Path"},
    "legal_basis.list_vocabulary": {"pathlib.Path"},
    "legal_basis.objections_in_force": {"pathlib.Path"},
    "output_checking.request_submission": {
        "os.O_NOFOLLOW",
        "os.O_NONBLOCK",
        "os.O_RDONLY",
        "os.fdopen",
        "os.fstat",
        "os.open",
        "pathlib.Path",
        "stat",
    },
    "output_checking.reviews": {"pathlib.Path"},
    "preview.preview_settings": {"pathlib.Path"},
    "publications.publication_variables": {"pathlib.Path"},
    "release.release_task": {"pathlib.Path"},
    "table_exports.plain_files": {"pathlib.Path"},
    "table_exports.statistical_files": {"pathlib.Path"},
    "table_exports.table_export": {"pathlib.Path", "shutil.copyfileobj", "tempfile.TemporaryDirectory"},
    "twin.twin_making": {"pathlib.Path", "tempfile.TemporaryDirectory"},
    "verification.list_file_reader": {"pathlib.Path"},
    "verification.rights_list_reader": {"pathlib.Path"},
    "verification.verification_subject": {"pathlib.Path"},
}
"""Modules elsewhere that name something local, which is no data of the root: the program of the hook, the folders of
configuration and keys, scratch folders of the machine (exported files are made in one), the bytes of a name, the name
of a file that a list declares, the folder of a researcher and the form of a reviewer,
the user and the program that verifies signatures."""
OPERATING_SYSTEM = {"os", "shutil", "tempfile", "fcntl", "grp", "stat"}


def local_names(path: Path) -> set[str]:
    """What a module takes from the operating system: `os.access`, `shutil.rmtree`, `pathlib.Path`."""
    names = {"pathlib.Path"} & set(imported(path))
    used = OPERATING_SYSTEM & distributions(path)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in used:
            names.add("stat" if node.value.id == "stat" else f"{node.value.id}.{node.attr}")
    return names


def test_data_of_the_root_is_asked_for_through_the_port_of_the_store_alone() -> None:
    found = {module(path): local_names(path) for path in MODULES if package(path) not in LOCAL_PACKAGES}
    assert {name: names for name, names in found.items() if names} == LOCAL_NAMES


def test_no_reader_of_parquet_is_given_the_text_of_a_path() -> None:
    """On another store than the driver's own it would look on the wrong machine."""
    given = [
        (module(path), node.lineno)
        for path in MODULES
        if package(path) not in LOCAL_PACKAGES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"pq", "ds"}
        and node.args
        and isinstance(node.args[0], ast.Call)
        and isinstance(node.args[0].func, ast.Name)
        and node.args[0].func.id == "str"
    ]
    assert given == []
