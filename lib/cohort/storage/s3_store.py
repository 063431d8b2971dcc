"""The store of a root on S3, and on servers that speak its language, through Hadoop's S3A.

There are no modes there: who may read is a matter of the bucket's policy. The platform writes a statement per project
and readers into it and takes it away again, and asks it, and somebody without credentials, whether a folder is closed.
"""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from cohort.foundation import UsageRefused, describe_problem
from cohort.storage.bucket_policy import (
    BucketFolder,
    PolicyDocument,
    grant_reading,
    opening_statements,
    reader_statements,
    withdraw_reading,
)
from cohort.storage.hadoop_files import HadoopFiles
from cohort.storage.hadoop_store import HadoopStore
from cohort.storage.leases import LEASE_SECONDS
from cohort.storage.s3_client import S3Client
from cohort.storage.s3_survivors import STATEMENT, find_s3_survivors, remove_s3_survivor
from cohort.storage.storage_path import StoragePath
from cohort.storage.store import ClosingProblem
from cohort.storage.store_content import StoreContent
from cohort.storage.survivors import Survivor, SurvivorSearch

POLICY_LOCK = "restricted/locks/_bucket_policy"
"""The lock of the bucket's policy, which is read, changed and written back."""
LOG_STORE_SETTING = "spark.delta.logStore.s3a.impl"
LOG_STORE = "cohort.delta.ConditionalPutLogStore"
OTHER_LOCKS = "AWS_S3_LOCKING_PROVIDER"
"""A variable by which deltalake would commit in another way than Spark."""
SECRETS = {
    "fs.s3a.secret.key": "AWS_SECRET_ACCESS_KEY",
    "fs.s3a.session.token": "AWS_SESSION_TOKEN",
    "fs.s3a.proxy.password": "",
}
"""The settings of S3A with a secret, and the variable of the environment from which Spark copies it."""
ENDPOINT, REGION = "fs.s3a.endpoint", "fs.s3a.endpoint.region"
GLOBAL_ENDPOINT, REGION_IN_ENDPOINT = "s3.amazonaws.com", re.compile(r"s3[.-]([a-z]+-[a-z-]+-\d)\.")
ENCRYPTION, ENCRYPTION_KEY = "fs.s3a.encryption.algorithm", "fs.s3a.encryption.key"
SERVER_ENCRYPTION = {"AES256": "AES256", "SSE-KMS": "aws:kms"}
LISTS_OF_OBJECTS, ACCESS_POINT = "fs.s3a.acl.default", "fs.s3a.accesspoint.arn"
ACCOUNT = re.compile(r"^\d{12}$|:root$")
"""A principal that is everybody of an account."""
PROBED_FOLDER = "projects/.readers"
"""A folder that is never made: with it is tried whether a policy can name somebody."""
LOOKS_AT_A_CHANGE, SECONDS_BETWEEN_LOOKS = 40, 0.5


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
    keeps_versions = True
    writes_beside = False

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
            raise PermissionError(errno.EACCES, "the bucket lets others in", str(folder))

    def close_private_tree(self, top: StoragePath) -> list[ClosingProblem]:
        """Take away what the platform granted on a folder; what others granted there stays, and is a problem."""
        folder = self._folder(top)
        try:
            self._change_policy(lambda policy: withdraw_reading(policy, folder.key))
        except PermissionError:
            raise
        except OSError:  # a store takes no policy that names a role which is gone: nobody stays in because of it
            self._change_policy(withdraw_reading)
        return [
            (top.name, f"one that statement {name} of the bucket's policy opens, which is not the platform's")
            for name in opening_statements(self.client.read_policy(), folder, self._own)
        ]

    def is_open_to_others(self, path: StoragePath) -> bool:
        """Whether the policy lets anybody in but the platform, or somebody without credentials gets anything."""
        folder = self._folder(path)
        if opening_statements(self.client.read_policy(), folder, self._own) or self.client.are_objects_of_others():
            return True
        return self.client.can_anyone_list(f"{folder.key}/") or self.client.can_anyone_read(folder.key)

    def can_commit(self, folder: StoragePath) -> bool:
        """Whether Spark's log store refuses a version that is there; deltalake commits by the same condition."""
        log_store = self.files.log_store(LOG_STORE_SETTING)
        if log_store is None:
            return False
        version = str(folder / "0.json")
        made = [self.files.commit_by(log_store, version, f"{number}") for number in range(2)]
        return made == [True, False] and (folder / "0.json").read_bytes() == b"0\n"

    def check_readers(self, readers: str) -> str | None:
        """Try with a folder that is nowhere: which principals there are, the store knows alone."""
        if "*" in readers or ACCOUNT.search(readers):
            return "a principal that is everybody, or everybody of an account"
        user = self.files.variable("AWS_ACCESS_KEY_ID")
        if not any(principal.startswith("arn:") for principal in self._own) and user not in self._own:
            return "a policy that would lock the platform out: platform_principals does not name its own user"
        try:
            self._change_policy(lambda policy: self._grant(policy, readers, self._probe))
        except PermissionError:
            return "a policy that the platform may not write"
        except OSError:
            return "a principal that the bucket's policy cannot name, or a policy that has no room for it"
        finally:
            with suppress(OSError):  # it opens nothing, and the next try takes its place
                self._change_policy(lambda policy: withdraw_reading(policy, self._probe.key))
        return None

    def open_to_readers(self, table: StoragePath, readers: str) -> None:
        self._change_policy(lambda policy: self._grant(policy, readers, self._folder(table)))

    def find_survivors(self, folders: Iterable[StoragePath]) -> SurvivorSearch:
        return find_s3_survivors(self.client, [self._folder(folder).key for folder in folders])

    def remove_survivor(self, survivor: Survivor) -> None:
        if survivor.kind == STATEMENT:
            key = survivor.place.removeprefix(f"{self.address}/")
            self._change_policy(lambda policy: withdraw_reading(policy, key))
        else:
            remove_s3_survivor(self.client, survivor)

    def _grant(self, policy: PolicyDocument, readers: str, folder: BucketFolder) -> PolicyDocument:
        return grant_reading(policy, readers, folder, self._root_key, self._own)

    def _change_policy(self, change: Callable[[PolicyDocument], PolicyDocument]) -> None:
        """Read the policy, change it and write it back, as the only run that does; then wait until the store shows it.

        Raises:
            OSError: the store refuses the policy, or does not show it.
        """
        before = self.client.read_policy()
        if change(before) == before:
            return
        with self._hold_policy():
            changed = change(self.client.read_policy())
            self.require_lock_held()
            self.client.write_policy(changed)
            for _ in range(LOOKS_AT_A_CHANGE):
                if reader_statements(self.client.read_policy()) == reader_statements(changed):
                    return
                time.sleep(SECONDS_BETWEEN_LOOKS)
        raise OSError(errno.EIO, "the bucket does not show its changed policy", self.address)

    @contextmanager
    def _hold_policy(self) -> Iterator[None]:
        lock = self.path(f"/{self._root_key}/{POLICY_LOCK}")
        with self.hold_lock(lock.parent, lock.name, shared=False, wait=True):
            yield

    @property
    def _root_key(self) -> str:
        return self.content.top.removeprefix(f"{self.address}/").rstrip("/")

    @property
    def _probe(self) -> BucketFolder:
        return BucketFolder(self.client.bucket, f"{self._root_key}/{PROBED_FOLDER}")

    def _folder(self, path: StoragePath) -> BucketFolder:
        return BucketFolder(self.client.bucket, str(path).removeprefix(f"{self.address}/"))


def content_options(files: HadoopFiles) -> dict[str, str]:
    """What deltalake has to know of the settings of S3A; credentials it finds by itself, in the environment or a role.

    Args:
        files: the client of the file system.
    """
    endpoint, region = files.setting(ENDPOINT), files.setting(REGION)
    named = REGION_IN_ENDPOINT.search(endpoint)
    options = {"aws_conditional_put": "etag"}
    if region or named:
        options["AWS_REGION"] = region or str(named and named.group(1))
    if endpoint and endpoint.rpartition("/")[2] != GLOBAL_ENDPOINT:
        with_scheme = endpoint if "://" in endpoint else f"https://{endpoint}"
        options["AWS_ENDPOINT_URL"] = with_scheme
        options["AWS_ALLOW_HTTP"] = str(with_scheme.startswith("http://")).lower()
    if (algorithm := files.setting(ENCRYPTION)) in SERVER_ENCRYPTION:
        options["aws_server_side_encryption"] = SERVER_ENCRYPTION[algorithm]
        if key := files.setting(ENCRYPTION_KEY):
            options["aws_sse_kms_key_id"] = key
    return options


def require_safe_settings(files: HadoopFiles) -> None:
    """Check the settings of S3A that could open, lose or hide something, and take out secrets that Spark copied there.

    Raises:
        UsageRefused: each of them, with what to do (exit code 2).
    """
    problems = [
        describe_problem(expected, example=example, found=found, where=name, do="Correct the setting")
        for name, expected, example, found in _unsafe_settings(files)
    ]
    if problems:
        raise UsageRefused(*problems)
    files.forget_settings(("fs.s3a.access.key", *SECRETS))


def _unsafe_settings(files: HadoopFiles) -> Iterator[tuple[str, str, str, str]]:
    """Each unsafe setting with what is expected, an example, and what was found."""
    for name, variable in SECRETS.items():
        if files.setting(name) not in ("", files.variable(variable) if variable else ""):
            example = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or a role"
            yield name, "credentials that every process finds by itself", example, "a secret among the settings"
    if files.setting(LISTS_OF_OBJECTS) not in ("", "BucketOwnerFullControl"):
        yield LISTS_OF_OBJECTS, "objects that the bucket's policy alone opens", "no such setting", "another one"
    if files.setting(ACCESS_POINT):
        yield ACCESS_POINT, "a bucket whose own policy decides", "no access point", "an access point"
    if (algorithm := files.setting(ENCRYPTION)) and algorithm not in SERVER_ENCRYPTION:
        yield (
            ENCRYPTION,
            f"an encryption that every reader can undo: {', '.join(SERVER_ENCRYPTION)}",
            "AES256",
            algorithm,
        )
    if (log_store := files.spark_setting(LOG_STORE_SETTING)) != LOG_STORE:
        yield LOG_STORE_SETTING, "the log store of the project", LOG_STORE, log_store or "none"
    if files.variable(OTHER_LOCKS):
        yield OTHER_LOCKS, "commits by conditional writes alone", "no such variable", "another way to lock"
