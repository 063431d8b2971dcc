"""The zones under the storage root as paths; every path of the platform's data is named here and nowhere else."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic
from urllib.parse import urlsplit

from pyspark.sql import SparkSession
from typing_extensions import TypeVar

from cohort.foundation import UsageRefused, describe_problem
from cohort.storage.hadoop_files import HadoopFiles
from cohort.storage.hadoop_store import HadoopStore
from cohort.storage.leases import LEASE_SECONDS
from cohort.storage.storage_path import StoragePath
from cohort.storage.store_content import StoreContent

DECLARED_LISTS = ("objections", "consents", "instructions", "nummerwijzigingen")
"""The zones in which schools and the platform file declared lists."""


P_co = TypeVar("P_co", bound=StoragePath, covariant=True, default=StoragePath)
"""The type of the paths: of a local root, that of `pathlib`."""


@dataclass(frozen=True)
class StorageZones(Generic[P_co]):
    """The zones under one root, which is a folder on any store."""

    root: P_co

    @property
    def deliveries(self) -> P_co:
        """Files as schools send them."""
        return self.root / "deliveries"

    @property
    def objections(self) -> P_co:
        """Lists of objections."""
        return self.root / "objections"

    @property
    def instructions(self) -> P_co:
        """Lists of instructions of school boards."""
        return self.root / "instructions"

    @property
    def consents(self) -> P_co:
        """Lists of consents."""
        return self.root / "consents"

    @property
    def number_changes(self) -> P_co:
        """Lists of changed pupil numbers."""
        return self.root / "nummerwijzigingen"

    @property
    def restricted(self) -> P_co:
        """Everything that identifies pupils, or that is exact."""
        return self.root / "restricted"

    @property
    def results(self) -> P_co:
        """The table of accepted results."""
        return self.restricted / "results"

    @property
    def quarantine(self) -> P_co:
        """The table of refused rows."""
        return self.restricted / "quarantine"

    @property
    def ledger(self) -> P_co:
        """The table with a line per delivery."""
        return self.restricted / "deliveries"

    @property
    def scratch(self) -> P_co:
        """Frames that ingestion keeps between two passes; removed at the end of a run and before the next one."""
        return self.restricted / "work"

    @property
    def supersession(self) -> P_co:
        """Journal of the rows that a batch replaces; written before the ledger line, removed with the rows."""
        return self.restricted / "superseding"

    @property
    def store_document(self) -> P_co:
        """What was tried of the store at the first start."""
        return self.restricted / "store.json"

    @property
    def locks(self) -> P_co:
        """Lock files."""
        return self.restricted / "locks"

    @property
    def exact_records(self) -> P_co:
        """Exact records of releases and their states, marks, and journals of running destructions."""
        return self.restricted / "records"

    @property
    def erasures(self) -> P_co:
        """Journals of the rows that objections removed from the results, one per run."""
        return self.restricted / "erasures"

    @property
    def objection_registry(self) -> P_co:
        """Every objection that each source ever filed; a newer list withdraws none of them."""
        return self.restricted / "objections"

    @property
    def opt_in_exclusions(self) -> P_co:
        """Pupils that opt-in lists exclude, with the schools at which they were seen."""
        return self.restricted / "unlisted"

    def release_snapshots(self, project: str) -> P_co:
        """What is kept of each release of a project, to compare the next release with."""
        return self.restricted / "released" / project

    def staging(self, project: str) -> P_co:
        """The staged releases of a project."""
        return self.root / "staging" / project

    def staged_release(self, project: str, release: int) -> P_co:
        """The table of one staged release."""
        return self.staging(project) / str(release)

    def published_table(self, project: str) -> P_co:
        """The published table of a project."""
        return self.root / "projects" / project

    def research_files(self, project: str) -> P_co:
        """What stands beside the published table of a project for its readers: the codebook, and exported files."""
        return self.root / "files" / project

    @property
    def public_records(self) -> P_co:
        """Public records of releases, with rounded counts."""
        return self.root / "records"

    @property
    def public_register(self) -> P_co:
        """The public register, which is made from the public records."""
        return self.root / "register"

    def school_feedback(self, school: str) -> P_co:
        """Feedback to one school on its deliveries, with the page of uses and the receipts."""
        return self.root / "feedback" / school

    @property
    def intake_completed(self) -> P_co:
        """The marker that the previous run of ingestion completed."""
        return self.school_feedback(".ended")

    @property
    def private_zones(self) -> tuple[P_co, ...]:
        """The zones, beside `feedback`, that nobody but the platform's own user may enter."""
        return tuple(self.root / zone for zone in ("restricted", "staging", "deliveries", *DECLARED_LISTS))


MISREAD_PATH_CHARACTERS = frozenset("%*?[]{}\\#|^`")
"""Characters that Spark takes for a pattern, or deltalake for an escape, in the path of a table."""

PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9+.-]+://[A-Za-z0-9._:@-]+[A-Za-z0-9._/-]*")
"""The address of a root on a store that Hadoop opens: readers of tables disagree about any other character."""


def open_storage_root(
    root: str, start_session: Callable[[], SparkSession], lease_seconds: float = LEASE_SECONDS
) -> StorageZones:
    """Open the storage root given on the command line.

    Args:
        root: a path or a `file:` URI of a local or mounted folder, or the address of a folder on a store that the
            session's Hadoop opens, as `hdfs://namenode:8020/cohort`.
        start_session: starts the session; it is asked for where the root is on such a store.
        lease_seconds: how long a lock lasts on such a store that nobody renews.

    Raises:
        UsageRefused: the root is not a folder, cannot be opened, or its path has characters that readers of tables
            take for a pattern or an escape (exit code 2).
    """
    scheme, colon, rest = root.partition(":")
    is_uri = bool(colon) and len(scheme) > 1
    if is_uri and scheme != "file":
        return StorageZones(_open_on_hadoop(root, start_session, lease_seconds))
    path = (Path("/" + rest.lstrip("/")) if is_uri else Path(root)).resolve()
    if not path.is_dir():
        raise _root_refusal("a folder", "--root /data/cohort", "none", "Make the folder, or correct the path")
    misread = sorted({char for char in str(path) if char in MISREAD_PATH_CHARACTERS or not char.isprintable()})
    if misread:
        raise _root_refusal(
            "a folder with printable characters alone in its path, without "
            + " ".join(sorted(MISREAD_PATH_CHARACTERS)),
            "--root /data/cohort",
            " ".join(ascii(char)[1:-1] if not char.isprintable() else char for char in misread),
            "Rename the folder",
        )
    return StorageZones(path)


def _open_on_hadoop(root: str, start_session: Callable[[], SparkSession], lease_seconds: float) -> StoragePath:
    """Open a root on a store that Hadoop opens.

    Raises:
        UsageRefused: no host or no folder is named, no file system is there for the scheme, or it cannot be reached.
    """
    parts = urlsplit(root)
    if not parts.netloc or not parts.path.strip("/"):
        raise _root_refusal(
            "an address with a host and a folder", "--root hdfs://namenode:8020/cohort", "one without", "Name both"
        )
    if not PLAIN_ADDRESS.fullmatch(root):
        raise _root_refusal(
            "an address of letters without accents, digits, and the characters . _ - / : @",
            "--root hdfs://namenode:8020/cohort",
            "one with others, which readers of tables take for an escape",
            "Rename the folder",
        )
    try:
        address, place = f"{parts.scheme}://{parts.netloc}", os.path.normpath(f"/{parts.path.strip('/')}")
        files = HadoopFiles(start_session(), f"{address}{place}")
        path = HadoopStore(address, StoreContent(f"{address}{place}"), files, lease_seconds).path(place)
        is_folder = path.is_dir()
    except OSError as failure:
        raise _root_refusal(
            "a store that the session's Hadoop can open",
            "--root hdfs://namenode:8020/cohort",
            f"one that refuses ({failure.strerror})",
            "Correct the address, or give Spark the store's jars, settings and credentials",
        ) from None
    if not is_folder:
        raise _root_refusal("a folder", "--root hdfs://namenode:8020/cohort", "none", "Make the folder")
    return path


def _root_refusal(expected: str, example: str, found: str, do: str) -> UsageRefused:
    return UsageRefused(describe_problem(expected, example=example, found=found, where="--root", do=do))
