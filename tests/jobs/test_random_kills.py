"""kill -9 of every process of a job at moments drawn at random over the whole way, on every kind of store.

Each killed job is run again; after every step the root must be as after the same step of a way that nobody hurt. Three
kills per store, at the same draws in every run; `COHORT_TEST_KILLS=10 ./scripts/test tests/jobs/test_random_kills.py`
draws ten others over durations that it measures first. The seed is printed, and `COHORT_TEST_SEED` takes it.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import Platform, deliver
from .root_kinds import KINDS, make_kind
from .root_state import State, differences, read_rows, read_state
from .whole_way import WAY, RootKind, Step, is_complete, run_and_kill

FEW = 3
KILLS = int(os.environ.get("COHORT_TEST_KILLS", FEW))
SEED = os.environ.get("COHORT_TEST_SEED") or ("few" if KILLS == FEW else secrets.token_hex(4))
START_SECONDS = 4.0
"""What a submitted job takes longer than one in this process, about."""


@dataclass(frozen=True)
class UnhurtWay:
    """A way that nobody hurt.

    Args:
        states: the state of the root after each step.
        seconds: how long each step takes when it is submitted.
    """

    states: tuple[State, ...]
    seconds: tuple[float, ...]


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> RootKind:
    return make_kind(request.param, request)


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """What few schools sent: a killed job takes as long as its plans, not its rows."""
    made = Platform(tmp_path_factory.mktemp("delivered"))
    deliver(made, pupils=1200, schools=12)
    return made


@pytest.fixture(scope="module")
def unhurt_ways(delivered: Platform, tmp_path_factory: pytest.TempPathFactory) -> Callable[[RootKind], UnhurtWay]:
    """Goes the way on a root of a kind, once."""
    gone: dict[str, UnhurtWay] = {}

    def go(kind: RootKind) -> UnhurtWay:
        if kind.name not in gone:
            gone[kind.name] = go_unhurt(kind.make(delivered, tmp_path_factory.mktemp(f"unhurt-{kind.name}")))
        return gone[kind.name]

    return go


@pytest.fixture
def unhurt(request: pytest.FixtureRequest, kind: RootKind, unhurt_ways: Callable[[RootKind], UnhurtWay]) -> UnhurtWay:
    """The way on a local root, with which every kind must agree; of many kills on a root of its own kind."""
    return unhurt_ways(kind if KILLS > FEW else make_kind("local", request))


def go_unhurt(platform: Platform) -> UnhurtWay:
    states, seconds = [], []
    for step in WAY:
        step.prepare(platform)
        began = time.monotonic()
        done = step.run(platform) if KILLS <= FEW else step.submit(platform)
        seconds.append(time.monotonic() - began + (START_SECONDS if KILLS <= FEW else 0))
        assert done.code == 0, (step.name, done.stderr)
        states.append(read_state(platform))
    return UnhurtWay(tuple(states), tuple(seconds))


def draw_moments(seconds: tuple[float, ...], draw: random.Random) -> list[list[float]]:
    """Draw moments over the whole way: for each step, the seconds after which its runs are killed, in order."""
    moments: list[list[float]] = [[] for _ in seconds]
    for moment in sorted(draw.uniform(0, sum(seconds)) for _ in range(KILLS)):
        step = next(place for place in range(len(seconds)) if moment < sum(seconds[: place + 1]))
        moments[step].append(moment - sum(seconds[:step]))
    return moments


@pytest.mark.usefixtures("one_spark")
def test_a_way_killed_at_random_moments_ends_like_one_that_nobody_hurt(
    delivered: Platform, kind: RootKind, unhurt: UnhurtWay, tmp_path: Path
) -> None:
    print(f"\nCOHORT_TEST_SEED={SEED} COHORT_TEST_KILLS={KILLS} on {kind.name}")
    moments = draw_moments(unhurt.seconds, random.Random(f"{SEED} {kind.name}"))
    platform = kind.make(delivered, tmp_path)
    before: State = {"published": None}
    for step, after, seconds in zip(WAY, unhurt.states, moments, strict=True):
        step.prepare(platform)
        code = None
        for moment in seconds:
            code = run_and_kill(platform, step, moment)
            print(f"{step.name}: {'killed' if code is None else 'had ended'} after {moment:.1f} s", flush=True)
            rows = read_rows(platform.stored.published_table("leergroei"))
            assert rows in (before["published"], after["published"]), f"{step.name}: a reader sees half of it"
            time.sleep(kind.lock_seconds)
            if code == 0:
                break
        if code != 0 or step is WAY[-1]:
            finish(platform, step)
        assert differences(after, read_state(platform)) == [], step.name
        before = after


def finish(platform: Platform, step: Step) -> None:
    """Run the job of a step to its end; the last one is submitted, so that it sweeps what killed ones left locally."""
    done = step.submit(platform) if step is WAY[-1] else step.run(platform)
    assert is_complete(step, done), (step.name, done.code, done.stderr)
    if step is WAY[-1]:
        assert not [path for path in platform.local.rglob("*") if path.is_file() and path.name != ".lock"]
