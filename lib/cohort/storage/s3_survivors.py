"""What S3 keeps of removed objects: versions, markers of deletions, parts of uploads that never ended, and copies in
other buckets."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator

from cohort.storage.bucket_policy import reader_statements
from cohort.storage.s3_client import ReplicationRule, S3Client
from cohort.storage.survivors import Survivor, SurvivorSearch

VERSIONS, MARKERS, UPLOADS, REPLICA = "version", "delete marker", "upload in parts", "copy in another bucket"
STATEMENT = "statement of the bucket's policy"
ASKED = ("versions", "delete markers", "uploads in parts that never ended", "the bucket's policy")
ASKED_OF_COPIES = "buckets that the bucket is copied to"
UNSEEN = (
    "copies that were made of the bucket outside S3's own replication, or by a rule that is gone",
    "what policies of users and roles allow",
    "what the store's disks hold until it writes over them",
)


def find_s3_survivors(client: S3Client, folders: Iterable[str]) -> SurvivorSearch:
    """Look for what a bucket keeps of removed folders.

    Args:
        client: the bucket.
        folders: the folders as keys without a slash at their end; whatever is there counts.

    Raises:
        OSError: the store does not answer one of the questions, as where the platform's credentials may not ask it.
    """
    wanted = list(folders)
    found = {survivor for folder in wanted for survivor in _kept_of(client, folder)}
    try:
        rules = client.list_replication()
    except OSError as failure:
        if failure.errno != errno.ENOSYS:
            raise
        return SurvivorSearch(ASKED, tuple(sorted(found)), (*UNSEEN, f"{ASKED_OF_COPIES}: the store cannot be asked"))
    found |= {survivor for folder in wanted for survivor in _copies_of(client, rules, folder)}
    return SurvivorSearch((*ASKED, ASKED_OF_COPIES), tuple(sorted(found)), UNSEEN)


def remove_s3_survivor(client: S3Client, survivor: Survivor) -> None:
    """Remove what the bucket keeps of a folder; what is locked stays, and so does a copy in another bucket.

    Raises:
        OSError: the platform's credentials may not.
    """
    folder = survivor.place.removeprefix(f"s3a://{client.bucket}/")
    if survivor.kind == UPLOADS:
        for key, upload in client.list_uploads(f"{folder}/"):
            client.abort_upload(key, upload)
    elif survivor.kind in (VERSIONS, MARKERS):
        client.delete_versions(version for version in client.list_versions(f"{folder}/") if not version.is_marker)
        left = list(client.list_versions(f"{folder}/"))
        locked = {version.key for version in left if not version.is_marker}  # without its marker it would be back
        client.delete_versions(version for version in left if version.key not in locked)


def _kept_of(client: S3Client, folder: str) -> Iterator[Survivor]:
    place = f"s3a://{client.bucket}/{folder}"
    kinds = set[str]()
    for version in client.list_versions(f"{folder}/"):
        kinds.add(MARKERS if version.is_marker else VERSIONS)
        if len(kinds) > 1:
            break
    yield from (Survivor(kind, place) for kind in kinds)
    if client.list_uploads(f"{folder}/"):
        yield Survivor(UPLOADS, place)
    if reader_statements(client.read_policy(), folder):
        yield Survivor(STATEMENT, place)


def _copies_of(client: S3Client, rules: Iterable[ReplicationRule], folder: str) -> Iterator[Survivor]:
    for rule in rules:
        if folder.startswith(rule.prefix) or rule.prefix.startswith(f"{folder}/"):
            yield from _copies(client.other_bucket(rule.bucket), folder)


def _copies(client: S3Client, folder: str) -> Iterator[Survivor]:
    """What stands below a folder in a bucket that is copied to; one that cannot be looked into counts as a copy."""
    try:
        is_there = any(client.list_versions(f"{folder}/"))
    except OSError:
        is_there = True
    if is_there:
        yield Survivor(REPLICA, f"s3a://{client.bucket}/{folder}")
