"""The type checker refuses a pipeline that forgets a stage: the real one, with one line of it changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = (ROOT / "lib" / "cohort" / "release" / "stage_pipeline.py").read_text(encoding="utf-8")
FORGOTTEN = {
    "nothing": ("selected = ", "selected = "),
    "instructions": ("instructed = .*", "instructed = selected"),
    "consents": ("consented = .*", "consented = instructed"),
    "records": (" records = .*", " records = consented"),
    "objections": ("admitted = .*", "admitted = records"),
    "pseudonyms": ("pseudonymous = .*", "pseudonymous = admitted"),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What mypy says of each variant: one run over all of them."""
    folder = tmp_path_factory.mktemp("pipelines")
    for name, (line, without) in FORGOTTEN.items():
        text, changes = re.subn(line, without, PIPELINE, count=1)
        assert changes == 1
        (folder / f"without_{name}.py").write_text(text, encoding="utf-8")
    (folder / "mypy.ini").write_text(
        f"[mypy]\nstrict = True\npython_version = 3.11\nmypy_path = {ROOT / 'lib'}\n"
        f"explicit_package_bases = True\ncache_dir = {folder / 'cache'}\nplugins = pydantic.mypy\n"
        "[mypy-delta.*,py4j.*]\nignore_missing_imports = True\n"
        "[mypy-cohort.*]\nfollow_imports = silent\n",
        encoding="utf-8",
    )
    files = [str(file) for file in sorted(folder.glob("without_*.py"))]
    said, failed, _ = api.run(["--config-file", str(folder / "mypy.ini"), *files])
    assert not failed
    return {name: "\n".join(line for line in said.splitlines() if f"without_{name}.py" in line) for name in FORGOTTEN}


@pytest.mark.parametrize("stage", [name for name in FORGOTTEN if name != "nothing"])
def test_the_type_checker_refuses_a_pipeline_without_a_stage(told: dict[str, str], stage: str) -> None:
    assert "[arg-type]" in told[stage]


def test_the_type_checker_accepts_the_pipeline(told: dict[str, str]) -> None:
    assert told["nothing"] == ""
