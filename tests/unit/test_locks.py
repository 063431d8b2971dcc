"""One run at a time: tried with a second process, which is what a second run is."""

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

LIB = Path(locks.__file__).parents[1]
OTHER_RUN = """
import sys
from pathlib import Path
from cohort.storage import locks
from cohort.foundation.errors import Refusal
try:
    with locks.held(Path(sys.argv[1]), sys.argv[2], shared=sys.argv[3] == "shared"):
        print("held", flush=True)
        sys.stdin.read()
except Refusal as refusal:
    print(refusal.exit_code, flush=True)
"""


@contextmanager
def other_run(folder: Path, name: str, how: str = "alone") -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A second process that holds, or is refused, a lock for as long as the block runs."""
    command = [sys.executable, "-c", OTHER_RUN, str(folder), name, how]
    environment = {**os.environ, "PYTHONPATH": str(LIB)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
        process.kill()


def test_a_second_run_is_refused_while_the_first_one_holds_the_lock(tmp_path: Path) -> None:
    with other_run(tmp_path, "proef") as (said, _):
        assert said == "held"
        with pytest.raises(StateRefused, match="no other run on proef") as refused, locks.hold_lock(tmp_path, "proef"):
            pytest.fail("two runs at once")
        assert refused.value.exit_code == 15


def test_the_first_run_refuses_the_second_in_its_turn(tmp_path: Path) -> None:
    with locks.hold_lock(tmp_path, "proef"), other_run(tmp_path, "proef") as (said, _):
        assert said == "15"


def test_a_killed_runs_lock_is_free_at_once(tmp_path: Path) -> None:
    with other_run(tmp_path, "proef") as (said, process):
        assert said == "held"
        process.send_signal(signal.SIGKILL)
        process.wait()
        with locks.hold_lock(tmp_path, "proef"):
            assert (tmp_path / "proef.lock").exists()


def test_a_run_that_fails_lets_go(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), locks.hold_lock(tmp_path, "proef"):
        raise RuntimeError
    with other_run(tmp_path, "proef") as (said, _):
        assert said == "held"


@pytest.mark.parametrize(
    ("ours", "theirs", "said"), [(True, "shared", "held"), (True, "alone", "15"), (False, "shared", "15")]
)
def test_readers_share_and_a_writer_does_not(tmp_path: Path, ours: bool, theirs: str, said: str) -> None:
    with locks.hold_lock(tmp_path, "intake", shared=ours), other_run(tmp_path, "intake", theirs) as (heard, _):
        assert heard == said


def test_projects_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with locks.hold_lock(tmp_path / "locks", "proef"), other_run(tmp_path / "locks", "anders") as (said, _):
        assert said == "held"
