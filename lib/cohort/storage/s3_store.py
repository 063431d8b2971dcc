"""The store of a root on S3, and on servers that speak its language, through Hadoop's S3A.

There are no modes there: who may read is a matter of the bucket's policy. The platform writes a statement per project
and readers into it and takes it away again, and asks it, and somebody without credentials, whether a folder is closed.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from cohort.storage.bucket_policy import PolicyDocument, grant_reading, opening_statements, withdraw_reading
from cohort.storage.hadoop_files import HadoopFiles
from cohort.storage.hadoop_store import HadoopStore
from cohort.storage.leases import LEASE_SECONDS
from cohort.storage.s3_client import S3Client
from cohort.storage.s3_survivors import find_s3_survivors, remove_s3_survivor
from cohort.storage.storage_path import StoragePath
from cohort.storage.store import ClosingProblem
from cohort.storage.store_content import StoreContent
from cohort.storage.survivors import Survivor, SurvivorSearch

POLICY_LOCK = "restricted/locks/_bucket_policy"
"""The lock of the bucket's policy, which is read, changed and written back."""
LOG_STORE_SETTING = "spark.delta.logStore.s3a.impl"
SECRETS = {"fs.s3a.secret.key": "AWS_SECRET_ACCESS_KEY", "fs.s3a.session.token": "AWS_SESSION_TOKEN"}
"""The settings of S3A with a secret, and the variable of the environment where it may stand."""
ENDPOINT, REGION, PATH_STYLE = "fs.s3a.endpoint", "fs.s3a.endpoint.region", "fs.s3a.path.style.access"


class S3Store(HadoopStore):
    """The adapter of `store.Store` for S3A.

    Args:
        address: the scheme and the bucket, as `s3a://bucket`.
        content: the content of files below the root.
        files: the client of the file system; None on executors.
        lease_seconds: how long a lock lasts that nobody renews.
        own_principals: the principals of the platform itself, as the bucket's policy names them.
    """

    access_way = "policy"

    def __init__(
        self,
        address: str,
        content: StoreContent,
        files: HadoopFiles | None = None,
        lease_seconds: float = LEASE_SECONDS,
        own_principals: tuple[str, ...] = (),
    ) -> None:
        super().__init__(address, content, files, lease_seconds)
        self._own = own_principals
        self._client = None if files is None else S3Client(files, address.partition("://")[2])

    @property
    def client(self) -> S3Client:
        """What S3 itself can be asked.

        Raises:
            RuntimeError: it is asked for on an executor, which is a defect.
        """
        if self._client is None:
            raise RuntimeError("an executor asked for more than the content of files")
        return self._client

    def write_whole(self, path: StoragePath, content: bytes, *, public: bool = False, durable: bool = True) -> None:
        """Write a small file whole: an object is there when it is whole. Nobody reads one because it is public."""
        del public, durable
        self.require_lock_held()
        self.files.write(str(path), content, None)

    def write_private(self, path: StoragePath, content: bytes) -> None:
        self.files.write(str(path), content, None)

    def make_private_folder(self, folder: StoragePath) -> None:
        """Make a folder; that it is private is checked once per job, by `close_folder` of its zone."""
        self.files.make_folder(str(folder))

    def close_folder(self, folder: StoragePath) -> None:
        if not folder.exists():
            raise FileNotFoundError(errno.ENOENT, "nothing there", str(folder))
        if self.is_open_to_others(folder):
            raise PermissionError(errno.EACCES, "the bucket's policy lets others in", str(folder))

    def close_private_tree(self, top: StoragePath) -> list[ClosingProblem]:
        """Take away what the platform granted on a folder; what others granted there stays, and is a problem."""
        if not top.exists():
            return []
        self._change_policy(lambda policy: withdraw_reading(policy, self._key(top)))
        statements = opening_statements(self.client.read_policy(), self.client.bucket, self._key(top), self._own)
        return [
            (top.name, f"one that statement {name} of the bucket's policy opens, which is not the platform's")
            for name in statements
        ]

    def is_open_to_others(self, path: StoragePath) -> bool:
        """Whether the policy lets anybody in but the platform, or somebody without credentials gets anything."""
        key = self._key(path)
        if opening_statements(self.client.read_policy(), self.client.bucket, key, self._own):
            return True
        return self.client.can_anyone_list(f"{key}/") or self.client.can_anyone_read(key)

    def can_commit(self, folder: StoragePath) -> bool:
        """Whether Spark's log store refuses a version that is there; deltalake commits by the same condition."""
        log_store = self.files.log_store(LOG_STORE_SETTING)
        if log_store is None:
            return False
        version = str(folder / "0.json")
        made = [self.files.commit_by(log_store, version, f"{number}") for number in range(2)]
        return made == [True, False] and (folder / "0.json").read_bytes() == b"0\n"

    def check_readers(self, readers: str) -> str | None:
        """Try with a folder of its own: which principals there are, the store knows alone."""
        if "*" in readers:
            return "a principal that is everybody"
        probe = f"{self._key(self.path('/' + self._root_key()))}/restricted/readers-{uuid.uuid4().hex}"
        try:
            self._change_policy(lambda policy: grant_reading(policy, readers, self.client.bucket, probe, self._own))
            self._change_policy(lambda policy: withdraw_reading(policy, probe))
        except OSError:
            return "a principal that the bucket's policy cannot name, or a policy that the platform may not write"
        return None

    def open_to_readers(self, table: StoragePath, readers: str) -> None:
        key = self._key(table)
        self._change_policy(lambda policy: grant_reading(policy, readers, self.client.bucket, key, self._own))

    def find_survivors(self, folders: Iterable[StoragePath]) -> SurvivorSearch:
        return find_s3_survivors(self.client, map(self._key, folders))

    def remove_survivor(self, survivor: Survivor) -> None:
        remove_s3_survivor(self.client, survivor)

    def _change_policy(self, change: Callable[[PolicyDocument], PolicyDocument]) -> None:
        """Read the policy, change it and write it back, as the only one who does; an equal one is not written."""
        before = self.client.read_policy()
        if change(before) == before:
            return
        with self._hold_policy():
            before = self.client.read_policy()
            self.client.write_policy(change(before))

    @contextmanager
    def _hold_policy(self) -> Iterator[None]:
        lock = self.path(f"/{self._root_key()}/{POLICY_LOCK}")
        with self.hold_lock(lock.parent, lock.name, shared=False, wait=True):
            yield

    def _root_key(self) -> str:
        return self.content.top.removeprefix(f"{self.address}/").rstrip("/")

    def _key(self, path: StoragePath) -> str:
        return str(path).removeprefix(f"{self.address}/")


def content_options(files: HadoopFiles) -> dict[str, str]:
    """What deltalake has to know of the settings of S3A; credentials it finds by itself, in the environment or a role.

    Args:
        files: the client of the file system.
    """
    endpoint, region = files.setting(ENDPOINT), files.setting(REGION)
    options = {"AWS_REGION": region} if region else {}
    if endpoint and not endpoint.endswith(".amazonaws.com"):
        with_scheme = endpoint if "://" in endpoint else f"https://{endpoint}"
        options["AWS_ENDPOINT_URL"] = with_scheme
        options["AWS_ALLOW_HTTP"] = str(with_scheme.startswith("http://")).lower()
    virtual = files.setting(PATH_STYLE) != "true"
    return {**options, "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": str(virtual and "AWS_ENDPOINT_URL" not in options).lower()}


def secrets_in_settings(files: HadoopFiles) -> list[str]:
    """Name the settings that hold a secret which somebody wrote down, and every page of Spark could show.

    Spark copies what it finds in the environment to its own settings; that is no secret of a file.
    """
    return [name for name, variable in SECRETS.items() if files.setting(name) not in ("", os.environ.get(variable))]
