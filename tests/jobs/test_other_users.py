"""Real other users of this machine: one in the readers' group, one who is not; only root can make them."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import polars
import pytest
from deltalake import write_deltalake
from tests.unit import drawn_release as drawn
from tests.unit.drawn_records import make_release_record
from tests.unit.drawn_register import AGREED

from cohort.access import private_zones, table_access
from cohort.agreements.platform import AccessSettings
from cohort.erasure import objection_receipts
from cohort.ingestion import completeness, feedback, run_marker
from cohort.ingestion.feedback_document import FeedbackDetails
from cohort.legal_basis.number_changes import NumberChanges
from cohort.legal_basis.objection_lists import ObjectionList, ObjectionListDeclaration
from cohort.release_records import record_store
from cohort.release_records.release_states import ReleaseState
from cohort.results.ledger import DELIVERY_TAKEN, Ledger, LedgerEntry
from cohort.storage.zone_paths import StorageZones
from cohort.transparency import school_uses

MEANS = [shutil.which(program) for program in ("groupadd", "useradd", "userdel", "groupdel")]
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or None in MEANS, reason="only root can make users, with groupadd and useradd"
)
INSIDE = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
AFTER = dt.datetime(2027, 6, 1, 12, tzinfo=dt.UTC)
GROUP, MEMBER, STRANGER = (f"c{os.getpid()}{kind}" for kind in "gms")

READ = """
import os, pwd, sys
import deltalake, pyarrow.dataset, pyarrow.fs, pyarrow.parquet
from deltalake.fs import DeltaStorageHandler  # loaded late otherwise, by a user who may not read Python's files
name, table = sys.argv[1:]
# In a child, which has one thread: glibc may abort a process that changes its user beside threads of libraries
child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
who = pwd.getpwnam(name)
os.initgroups(name, who.pw_gid)
os.setgid(who.pw_gid)
os.setuid(who.pw_uid)
files = []
for at, _, names in os.walk(table):
    files += [os.path.join(at, name) for name in names]
opened = 0
for file in files:
    try:
        open(file, "rb").close()
        opened += 1
    except PermissionError:
        pass
try:
    rows = deltalake.DeltaTable(table).to_pyarrow_table().num_rows
except Exception:
    rows = "refused"
print(rows, len(files), opened, flush=True)
os._exit(0)  # the libraries' threads, which are the parent's, are not waited for
"""

STAND_INSIDE = """
import os, pwd, sys
name, table = sys.argv[1:]
who = pwd.getpwnam(name)
os.initgroups(name, who.pw_gid)
os.setgid(who.pw_gid)
os.setuid(who.pw_uid)
os.chdir(os.path.join(table, "_delta_log"))
print(len(os.listdir(".")), flush=True)
sys.stdin.readline()
try:
    print(len(os.listdir(".")), flush=True)
except PermissionError:
    print("refused", flush=True)
"""


@dataclass(frozen=True)
class Shown:
    home: Path

    @property
    def zones(self) -> StorageZones[Path]:
        return StorageZones(self.home / "root")

    def settle(self, now: dt.datetime, way: str = "group") -> list[str]:
        platform = drawn.platform().model_copy(update={"access": AccessSettings.model_validate({"way": way})})
        return table_access.settle_access(self.zones, platform, drawn.project(readers=GROUP), now)

    def read_by(self, name: str, folder: Path | None = None) -> list[str]:
        """Rows or `refused`, files seen, files opened; of the published table unless another folder is given."""
        read = [sys.executable, "-c", READ, name, str(folder or self.zones.published_table("proef"))]
        done = subprocess.run(read, capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, done.stderr
        return done.stdout.split()


@pytest.fixture(scope="module")
def users() -> Iterator[None]:
    commands = [
        ["groupadd", GROUP],
        ["useradd", "--no-create-home", "--groups", GROUP, MEMBER],
        ["useradd", "--no-create-home", STRANGER],
    ]
    try:
        for command in commands:
            subprocess.run(command, check=True, capture_output=True)
        yield
    finally:
        for command in (["userdel", MEMBER], ["userdel", STRANGER], ["groupdel", GROUP]):
            subprocess.run(command, check=False, capture_output=True)


@pytest.fixture
def shown(users: None) -> Iterator[Shown]:
    """A published table, under a root that others can pass through."""
    del users
    home = Path(tempfile.mkdtemp())
    try:
        home.chmod(0o711)
        made = Shown(home)
        rows = polars.DataFrame({"geslacht": ["1"] * 30 + ["2"] * 30}).to_arrow()
        table = made.zones.published_table("proef")
        table.mkdir(parents=True)
        write_deltalake(str(table), rows)
        record_store.save_release_record(
            made.zones, make_release_record("proef", 1, ReleaseState.PUBLISHED, settled=True)
        )
        private_zones.close_private_zones(made.zones)
        yield made
    finally:
        shutil.rmtree(home)


def test_only_the_readers_group_can_read_and_only_while_the_project_runs(shown: Shown) -> None:
    assert shown.settle(INSIDE) == []
    rows, seen, opened = shown.read_by(MEMBER)
    assert rows == "60"
    assert int(seen) == int(opened) >= 2
    assert shown.read_by(STRANGER) == ["refused", "0", "0"]
    assert shown.settle(AFTER) != []
    assert shown.read_by(MEMBER) == ["refused", "0", "0"]
    assert shown.read_by(STRANGER) == ["refused", "0", "0"]


def test_with_owner_access_the_group_cannot_read(shown: Shown) -> None:
    shown.settle(INSIDE)
    shown.settle(INSIDE, way="owner")
    assert shown.read_by(MEMBER) == ["refused", "0", "0"]


def test_a_process_already_in_the_folder_sees_nothing_once_it_is_closed(shown: Shown) -> None:
    shown.settle(INSIDE)
    command = [sys.executable, "-c", STAND_INSIDE, MEMBER, str(shown.zones.published_table("proef"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/") as inside:
        assert inside.stdout is not None
        assert int(inside.stdout.readline()) >= 1
        shown.settle(AFTER)
        told, _ = inside.communicate("\n")
    assert told.strip() == "refused"


def test_no_other_user_can_enter_the_restricted_zones(shown: Shown) -> None:
    for zone in ("restricted", "staging"):
        assert shown.read_by(STRANGER, shown.zones.root / zone) == ["refused", "0", "0"]


ENTRY = LedgerEntry(
    "0" * 64,
    "10AA.csv",
    1,
    1,
    "10AA",
    "2026-06-01T12:00:00+00:00",
    DELIVERY_TAKEN,
    None,
    3,
    2,
    1,
    0,
    0,
    {"PGN_MISSING": 1},
)
FILED = ObjectionList(
    "school",
    ObjectionListDeclaration.model_validate(
        {
            "file": "school.csv",
            "date": dt.date(2026, 5, 31),
            "source": "de school",
            "polarity": "allow",
            "max_age_days": 31,
            "declared_empty": False,
            "schools": ["10AA"],
        }
    ),
    "0" * 64,
    1,
    invalid_lines={("10AA", "alles"): (1,)},
)
USED = {
    "settled": True,
    "class": "anonymous",
    "expires": "2027-12-31",
    "schools": ["10AA"],
    "version": 1,
    "agreed": AGREED,
}
ENTER = """
import os, pwd, sys
name, top, *paths = sys.argv[1:]
who = pwd.getpwnam(name)
os.initgroups(name, who.pw_gid)
os.setgid(who.pw_gid)
os.setuid(who.pw_uid)
done = []
for path in [top, *paths]:
    for what in (os.listdir, lambda path: open(path, "rb").close()):
        try:
            what(path)
            done.append(path)
        except NotADirectoryError:
            continue
        except IsADirectoryError:
            continue
        except PermissionError:
            continue
print(len(paths), len(done))
"""


def entered_by(name: str, top: Path, paths: list[Path]) -> list[str]:
    """How many paths were named to a user, and how many of them, the top among them, the user could open."""
    given = [sys.executable, "-c", ENTER, name, str(top), *map(str, paths)]
    return subprocess.run(given, capture_output=True, text=True, check=True, cwd="/").stdout.split()


def everything_told_to_schools(zones: StorageZones[Path]) -> None:
    """Every writer into `feedback/`, and one of what is exact."""
    feedback.write_feedback(zones, ENTRY, FeedbackDetails({"PGN_MISSING": [3]}), Decimal("0.2"))
    feedback.write_feedback(zones, replace(ENTRY, levering_nr=2, brin=None), FeedbackDetails(), Decimal("0.2"))
    objection_receipts.write_objection_receipts(zones, FILED, frozenset(), NumberChanges(), INSIDE)
    record_store.save_release_record(zones, make_release_record("proef", 1, ReleaseState.PUBLISHED, **USED))
    school_uses.write_school_uses(zones)
    run_marker.complete_run(zones, Ledger((ENTRY,)))
    completeness.write_missing_schools(zones, {"2025-2026 M rekenen": ["10AA"]})


@pytest.mark.parametrize("umask", [0o000, 0o022])
@pytest.mark.parametrize("who", [MEMBER, STRANGER], ids=["member", "stranger"])
@pytest.mark.parametrize("top_is_open", [False, True])
def test_no_other_user_can_read_the_feedback_of_a_school(shown: Shown, umask: int, who: str, top_is_open: bool) -> None:
    """Not even where the top was opened by hand: every folder and file is closed by itself."""
    before = os.umask(umask)
    try:
        everything_told_to_schools(shown.zones)
    finally:
        os.umask(before)
    for top in (shown.zones.school_feedback(""), shown.zones.exact_records):
        if top_is_open:
            for folder in (top, top.parent):
                folder.chmod(0o755)
        paths = sorted(top.rglob("*"))
        assert len(paths) >= 2
        opened = [str(len(paths)), "1" if top_is_open else "0"]  # of an open top the names, and no more
        assert entered_by(who, top, paths) == opened
    assert len(list(shown.zones.school_feedback("10AA").iterdir())) == 6


def test_any_job_closes_what_was_left_open(shown: Shown) -> None:
    everything_told_to_schools(shown.zones)
    top = shown.zones.school_feedback("")
    paths = sorted(top.rglob("*"))
    for path in (top, *paths):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert entered_by(STRANGER, top, paths)[1] != "0", "or this test sees nothing"
    private_zones.close_private_zones(shown.zones)
    top.chmod(0o755)
    assert entered_by(STRANGER, top, paths) == [str(len(paths)), "1"]
