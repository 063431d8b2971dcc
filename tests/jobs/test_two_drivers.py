"""Two drivers on one root, started together: one does the work, the other is refused, and no commit is lost.

The pairs take turns, each on what the tries before left, so that the last state is that of one driver's work alone.
One try per pair; `COHORT_TEST_TRIES=20 ./scripts/test tests/jobs/test_two_drivers.py` makes twenty. The seed is
printed, and `COHORT_TEST_SEED` takes it.
"""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import INTERPRETED

from cohort.delta import read_commits
from cohort.delta.read_tables import open_delta_table
from cohort.release_records import ReleaseState, load_release_records

from .conftest import Done, Platform, deliver, spark_options
from .root_kinds import KINDS, make_kind
from .root_state import list_all_files, list_beside_tables, list_outside_tables, read_rows
from .whole_way import NAME, PROJECT_NAME, RootKind, object_of

FEW = 3
TRIES = int(os.environ.get("COHORT_TEST_TRIES", FEW))
SEED = os.environ.get("COHORT_TEST_SEED") or secrets.token_hex(4)
MOST_SECONDS_APART = 2.0
"""The second driver starts at most so long after the first."""
INGEST, OBJECTIONS, RELEASE = ("ingest",), ("objections",), ("release", *NAME)
PAIRS = ((INGEST, INGEST), (INGEST, OBJECTIONS), (RELEASE, RELEASE))


@dataclass(frozen=True)
class Try:
    """One try of two drivers.

    Args:
        number: its number, from 0.
        jobs: what the two drivers run.
        seconds_apart: how much later the second one starts.
    """

    number: int
    jobs: tuple[tuple[str, ...], tuple[str, ...]]
    seconds_apart: float


@dataclass(frozen=True)
class Told:
    """What all runs so far say that they did.

    Args:
        deliveries: files that were taken in.
        rows: rows that were accepted, without those that they replaced.
        releases: releases that were made.
    """

    deliveries: int
    rows: int
    releases: int

    def plus(self, ended: list[Done]) -> Told:
        records = [done.record for done in ended if done.code == 0]
        intakes = [record for record in records if record["job"] == "ingest"]
        return Told(
            self.deliveries + sum(record["new"] for record in intakes),
            self.rows
            + sum(record["rows"]["accepted"] - record["replaced"] - record["withdrawn"] for record in intakes),
            self.releases + sum(record["job"] == "release" for record in records),
        )


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> RootKind:
    return make_kind(request.param, request)


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """What schools send over time: of as many schools as there are tries, and some from the first on."""
    made = Platform(tmp_path_factory.mktemp("delivered"))
    deliver(made, pupils=100 * (10 + TRIES), schools=10 + TRIES)
    return made


def draw_tries(draw: random.Random) -> list[Try]:
    return [
        Try(n, PAIRS[n % len(PAIRS)], draw.choice((0.0, draw.uniform(0, MOST_SECONDS_APART)))) for n in range(TRIES)
    ]


@pytest.mark.usefixtures("one_spark")
def test_of_two_drivers_one_works_and_one_is_refused(delivered: Platform, kind: RootKind, tmp_path: Path) -> None:
    print(f"\nCOHORT_TEST_SEED={SEED} COHORT_TEST_TRIES={TRIES} on {kind.name}")
    platform = kind.make(delivered, tmp_path)
    held_back = hold_deliveries_back(platform)
    told = Told(0, 0, 0)
    for one in draw_tries(random.Random(f"{SEED} {kind.name}")):
        prepare(platform, one, held_back)
        ended = run_both(platform, one)
        print(f"{one}: {[done.code for done in ended]}", flush=True)
        require_one_worked(one, ended)
        ended += [platform.run(*job) for job, done in zip(one.jobs, ended, strict=True) if done.code and mixed(one)]
        told = told.plus(ended)
        require_nothing_lost(platform, told)
        if RELEASE in one.jobs:  # objections refuse it when they erase one of its pupils
            require_verified_stage(platform)
    require_no_leftovers(platform)


def hold_deliveries_back(platform: Platform) -> list[tuple[str, bytes]]:
    """Take a delivery for each try out of the root; gives their names and contents."""
    files = sorted(platform.stored.deliveries.glob("*.csv"), key=str)[:TRIES]
    held_back = [(file.name, file.read_bytes()) for file in files]
    for file in files:
        file.unlink()
    return held_back


def prepare(platform: Platform, one: Try, held_back: list[tuple[str, bytes]]) -> None:
    """Give both drivers something to do, on a root whose store they both have to try first."""
    if INGEST in one.jobs:
        name, content = held_back.pop()
        (platform.stored.deliveries / name).write_bytes(content)
    if OBJECTIONS in one.jobs:
        object_of(f"lijst{one.number}", (one.number + 1,))(platform)
    if platform.stored.store_document.exists():
        platform.stored.store_document.unlink()


def run_both(platform: Platform, one: Try) -> list[Done]:
    """Submit both jobs, and wait for both."""

    def start(job: tuple[str, ...], seconds: float) -> Done:
        time.sleep(seconds)
        return platform.submit(*job, "--", *spark_options(INTERPRETED))

    with ThreadPoolExecutor(len(one.jobs)) as threads:
        return list(threads.map(start, one.jobs, (0.0, one.seconds_apart)))


def mixed(one: Try) -> bool:
    """Whether the two drivers have different things to do, so that the refused one has to run again."""
    return one.jobs[0] != one.jobs[1]


def require_one_worked(one: Try, ended: list[Done]) -> None:
    """One was refused because the other one ran; or the second began after the first had ended, and did its own."""
    codes = sorted(done.code for done in ended)
    assert codes in ([0, 15], [0, 0]), [done.stderr for done in ended]
    if codes == [0, 0] and one.jobs == (INGEST, INGEST):
        assert sorted(done.record["new"] for done in ended)[0] == 0
    for done in ended:
        assert "Traceback" not in done.stderr
        if done.code == 15:
            assert "Expected no other run on" in done.stderr
            assert done.record["refused"]


def require_nothing_lost(platform: Platform, told: Told) -> None:
    """The root has what the runs that ended well say that they did, once."""
    zones = platform.stored
    ledger = open_delta_table(zones.ledger).to_pyarrow_table()
    assert len(read_rows(zones.results) or ()) + erased_rows(platform) == told.rows
    assert len({*ledger["sha256"].to_pylist()}) == ledger.num_rows == told.deliveries
    batches = [str(commit.note) for commit in read_commits(zones.results) if str(commit.note).startswith("batch ")]
    assert len({*batches}) == len(batches)
    records = load_release_records(zones, PROJECT_NAME)
    assert [record.release for record in records] == list(range(1, told.releases + 1))
    assert all(record.state is ReleaseState.REFUSED for record in records[:-1])


def require_verified_stage(platform: Platform) -> None:
    """The newest release is whole: its record is VERIFIED, and its stage has the pupils that the record counts."""
    newest = load_release_records(platform.stored, PROJECT_NAME)[-1]
    assert newest.state is ReleaseState.VERIFIED
    stage = read_rows(platform.stored.staged_release(PROJECT_NAME, newest.release))
    assert stage is not None
    assert len(stage) == newest.counts.pupils_released


def erased_rows(platform: Platform) -> int:
    journals = [json.loads(file.read_bytes()) for file in platform.stored.erasures.glob("*.json")]
    return sum(journal["rows"] for journal in journals if journal["done"])


def require_no_leftovers(platform: Platform) -> None:
    """Neither a driver that worked nor one that was refused leaves anything beside what a root has."""
    root = platform.stored.root
    scratch = re.compile(r"(.*/)?(probe-|clock-|readers-|work/|\.[^/]*\.new).*")
    assert not [name for name in list_outside_tables(list_all_files(root)) if scratch.fullmatch(name)]
    beside = list_beside_tables(platform)
    beside.pop("beside the table in restricted/deliveries")  # the empty file that Spark makes the table with
    assert {place: names for place, names in beside.items() if names} == {}
