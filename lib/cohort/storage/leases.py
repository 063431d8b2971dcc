"""Locks on stores without locks of an operating system: leases, written as a chain of files that each is made once.

A lock has a folder. Its newest file says who holds it and until when; whoever changes that makes the file with the
next number, which only one can. Nothing else is asked of a store than a create that one of several callers gets, so
that HDFS and S3 are locked alike. A holder renews its lease from a thread. The lease of one that was killed ends by
itself; one that stood still for longer finds its lease gone, and is stopped before it commits (`require_held`).

Times are those of the store: every machine learns the difference to its own clock from a file that it makes.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from cohort.foundation import StateRefused, describe_problem
from cohort.storage.hadoop_files import HadoopFiles

LEASE_SECONDS = 60.0
"""How long a lease lasts that nobody renews."""
RENEWALS_PER_LEASE = 4
KEPT_FILES = 100
"""Files of a chain that are kept: a process that stood still must find the number that it thought was the next one."""
SECONDS_BETWEEN_TRIES = 0.3
CLOCK_FILE = "clock-"
"""The beginning of the name of a file that is made to learn the time of the store, and removed at once."""


@dataclass(frozen=True)
class LeaseHolder:
    """One holder of a lock: a token of its own, whether others may hold it too, and until when, in the store's time."""

    token: str
    shared: bool
    until: float


@dataclass(frozen=True)
class LeaseState:
    """What the newest file of a chain says.

    Args:
        number: the number of the file; 0 where there is none.
        holders: who held the lock when it was written.
    """

    number: int
    holders: tuple[LeaseHolder, ...]


@dataclass
class _Lease:
    """The lease of this process on one lock."""

    chain: LeaseChain
    token: str
    shared: bool
    renewed: float
    ended: threading.Event = field(default_factory=threading.Event)

    def is_held(self) -> bool:
        """Whether the lease cannot have ended yet, by the clock of this machine, which runs while a process stands."""
        return not self.ended.is_set() and machine_time() < self.renewed + self.chain.seconds - self.chain.clock_error

    def renew(self) -> None:
        """Renew until the lock is released; what is lost is seen by `is_held`."""
        while not self.ended.wait(self.chain.seconds / RENEWALS_PER_LEASE):
            with suppress(OSError):  # the store cannot be reached: tried again while the lease lasts
                asked = machine_time()
                if not self.chain.replace_holder(self.token, self.shared):
                    self.ended.set()
                    return
                self.renewed = asked


class LeaseChain:
    """The chain of files of one lock.

    Args:
        files: the client of the store.
        folder: the address of the folder of the lock.
        seconds: how long a lease lasts.
    """

    def __init__(self, files: HadoopFiles, folder: str, seconds: float) -> None:
        self._files, self._folder, self.seconds = files, folder, seconds
        self._files.make_folder(folder)
        self.clock_error = 1.5 if files.has_conditional_create else 0.0  # S3 tells the time in whole seconds
        self._store_ahead = self._measure_clock()

    def acquire(self, token: str, *, shared: bool, wait: bool) -> tuple[float, bool]:
        """Take the lock.

        Returns:
            When it was asked for, by the clock of this machine, and whether somebody held the lock alone who neither
            released nor renewed it: what it left must be made safe.

        Raises:
            BlockingIOError: another one holds it.
        """
        while True:
            asked, state = machine_time(), self._read()
            live, abandoned = self._live(state), self._abandoned(state)
            if any(not (shared and holder.shared) for holder in live):
                if not wait:
                    raise BlockingIOError("a lock that another run holds")
                time.sleep(SECONDS_BETWEEN_TRIES)
                continue
            kept = (*live, *abandoned) if shared else ()  # what was left is for the next who may change something
            if self._write(state, (*kept, self._holder(token, shared))):
                self._remove_clock_files()
                return asked, bool(abandoned)

    def replace_holder(self, token: str, shared: bool | None) -> bool:
        """Renew the lease of a holder, or release it where `shared` is None; False where the lease had ended."""
        while True:
            state = self._read()
            live = self._live(state)
            if token not in {holder.token for holder in live}:
                return False
            others = (*(holder for holder in live if holder.token != token), *self._abandoned(state))
            if self._write(state, others if shared is None else (*others, self._holder(token, shared))):
                return True

    def _holder(self, token: str, shared: bool) -> LeaseHolder:
        return LeaseHolder(token, shared, self._now() + self.seconds)

    def _live(self, state: LeaseState) -> tuple[LeaseHolder, ...]:
        now = self._now()
        return tuple(holder for holder in state.holders if holder.until > now)

    def _abandoned(self, state: LeaseState) -> tuple[LeaseHolder, ...]:
        """Who held the lock alone, and neither released nor renewed it."""
        return tuple({*state.holders} - {*self._live(state)} - {holder for holder in state.holders if holder.shared})

    def _read(self) -> LeaseState:
        """Read the newest file; one that went meanwhile is looked for again."""
        while True:
            numbers = self._numbers()
            if not numbers:
                return LeaseState(0, ())
            with suppress(FileNotFoundError):
                content = self._files.read_small(self._address(numbers[-1]))
                if content:  # HDFS shows a file that is being written as empty
                    holders = json.loads(content)["holders"]
                    return LeaseState(numbers[-1], tuple(LeaseHolder(**holder) for holder in holders))
                if self._is_abandoned(numbers[-1]):
                    return LeaseState(numbers[-1], ())
            time.sleep(SECONDS_BETWEEN_TRIES / 10)

    def _is_abandoned(self, number: int) -> bool:
        """Whether the writer of an empty file was killed before it wrote: it is as old as a lease is long."""
        made = self._files.status(self._address(number)).modified / 1e3
        return self._now() > made + self.seconds

    def _write(self, state: LeaseState, holders: tuple[LeaseHolder, ...]) -> bool:
        """Make the next file of the chain; False where another one was first."""
        content = json.dumps({"holders": [vars(holder) for holder in holders]}).encode()
        if not self._files.create_once(self._address(state.number + 1), content):
            return False
        numbers = self._numbers()
        if state.number and state.number not in numbers:  # the chain went on while this process stood still
            self._files.delete(self._address(state.number + 1), recursive=False)
            return False
        for old in numbers[:-KEPT_FILES]:  # the oldest first, so that a number never comes before a missing one
            self._files.delete(self._address(old), recursive=False)
        return True

    def _numbers(self) -> list[int]:
        return [int(file.name[:-5]) for file in self._files.list_folder(self._folder) if file.name[:-5].isdigit()]

    def _address(self, number: int) -> str:
        return f"{self._folder}/{number:012d}.json"

    def _measure_clock(self) -> float:
        """How many seconds the store's clock is ahead of this machine's."""
        probe = f"{self._folder}/{CLOCK_FILE}{uuid.uuid4().hex}"
        self._files.create_once(probe, b"")
        made, now = self._files.status(probe).modified / 1e3, machine_time()
        self._files.delete(probe, recursive=False)
        return made - now

    def _remove_clock_files(self) -> None:
        """Remove the files of runs that were killed while they asked for the time."""
        for file in self._files.list_folder(self._folder):
            if file.name.startswith(CLOCK_FILE) and self._now() > file.modified / 1e3 + self.seconds:
                self._files.delete(f"{self._folder}/{file.name}", recursive=False)

    def _now(self) -> float:
        return machine_time() + self._store_ahead


class LeaseLocks:
    """The locks of this process on one store."""

    def __init__(self, files: HadoopFiles, seconds: float = LEASE_SECONDS) -> None:
        self._files, self._seconds = files, seconds
        self._held: list[_Lease] = []

    @contextmanager
    def hold(self, folder: str, *, shared: bool, wait: bool) -> Iterator[bool]:
        """Hold a lock as long as the block runs; gives whether it was left by one who held it alone.

        Raises:
            BlockingIOError: another run holds it.
        """
        chain, token = LeaseChain(self._files, folder, self._seconds), uuid.uuid4().hex
        asked, taken_over = chain.acquire(token, shared=shared, wait=wait)
        lease = _Lease(chain, token, shared, asked)
        renewing = threading.Thread(target=lease.renew, name="lease", daemon=True)
        renewing.start()
        self._held.append(lease)
        try:
            yield taken_over
        finally:
            self._held.remove(lease)
            lease.ended.set()
            renewing.join()
            with suppress(OSError):  # it ends by itself
                chain.replace_holder(token, None)

    def require_held(self) -> None:
        """Check that every lock of this process is still its own.

        Raises:
            StateRefused: a lease ended, because this process stood still for longer than it lasts (exit code 15).
        """
        if not all(lease.is_held() for lease in self._held):
            raise StateRefused(
                describe_problem(
                    "a run that holds its lock until it ends",
                    example=f"one that never stands still for {self._seconds:.0f} seconds",
                    found="one whose lock ended, so that another run may have begun",
                    where="restricted/locks",
                    do="Run the same again; nothing was committed after the lock ended",
                )
            )


def machine_time() -> float:
    """Seconds on a clock that nobody sets, and that runs while a process or the machine stands still."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
