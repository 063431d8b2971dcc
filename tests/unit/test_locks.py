"""Locks between runs; the other run is a second process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cohort.foundation.errors import StateRefused
from cohort.storage import locks

LIB = Path(locks.__file__).parents[2]
OTHER_RUN = """
import sys
from pathlib import Path
from cohort.storage import locks
from cohort.foundation.errors import Refusal
try:
    with locks.hold_lock(Path(sys.argv[1]), sys.argv[2], shared=sys.argv[3] == "shared"):
        print("held", flush=True)
        sys.stdin.read()
except Refusal as refusal:
    print(refusal.exit_code, flush=True)
"""


@contextmanager
def other_run(folder: Path, name: str, mode: str = "alone") -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start a second process that holds a lock, or is refused it, while the block runs; give its first line."""
    command = [sys.executable, "-c", OTHER_RUN, str(folder), name, mode]
    environment = {**os.environ, "PYTHONPATH": str(LIB)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
        process.kill()


def test_a_second_run_is_refused_while_the_first_one_holds_the_lock(tmp_path: Path) -> None:
    with other_run(tmp_path, "proef") as (output, _):
        assert output == "held"
        with pytest.raises(StateRefused, match="no other run on proef") as refused, locks.hold_lock(tmp_path, "proef"):
            pytest.fail("two runs at once")
        assert refused.value.exit_code == 15


def test_the_second_run_is_refused_while_this_one_holds_the_lock(tmp_path: Path) -> None:
    with locks.hold_lock(tmp_path, "proef"), other_run(tmp_path, "proef") as (output, _):
        assert output == "15"


def test_the_lock_of_a_killed_run_is_free_at_once(tmp_path: Path) -> None:
    with other_run(tmp_path, "proef") as (output, process):
        assert output == "held"
        process.send_signal(signal.SIGKILL)
        process.wait()
        with locks.hold_lock(tmp_path, "proef"):
            assert (tmp_path / "proef.lock").exists()


def test_a_run_that_fails_releases_its_lock(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), locks.hold_lock(tmp_path, "proef"):
        raise RuntimeError
    with other_run(tmp_path, "proef") as (output, _):
        assert output == "held"


@pytest.mark.parametrize(
    ("shared", "other_mode", "expected"), [(True, "shared", "held"), (True, "alone", "15"), (False, "shared", "15")]
)
def test_shared_locks_exclude_exclusive_ones_only(tmp_path: Path, shared: bool, other_mode: str, expected: str) -> None:
    with locks.hold_lock(tmp_path, "intake", shared=shared), other_run(tmp_path, "intake", other_mode) as (output, _):
        assert output == expected


def test_locks_of_two_projects_are_independent(tmp_path: Path) -> None:
    with locks.hold_lock(tmp_path / "locks", "proef"), other_run(tmp_path / "locks", "anders") as (output, _):
        assert output == "held"
