"""What only S3 itself can be asked, through Amazon's client that S3A uses in the JVM: the policy of a bucket, what it
keeps of removed objects, and what somebody without credentials gets."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cohort.storage.bucket_policy import PolicyDocument
from cohort.storage.hadoop_files import HadoopFiles, os_errors

MODEL = "software.amazon.awssdk.services.s3.model"
DELETED_AT_ONCE = 1000
"""Objects in one request; S3 takes no more."""
HTTP_OK, HTTP_CLOSED = 200, (401, 403, 404)
ANSWER_MILLISECONDS = 20_000
NO_POLICY, NO_REPLICATION = "NoSuchBucketPolicy", "ReplicationConfigurationNotFoundError"


@dataclass(frozen=True)
class ObjectVersion:
    """One version of an object, or a marker that it was deleted.

    Args:
        key: the key of the object.
        version: the name of the version; `null` in a bucket that has no versions.
        is_marker: whether it is a marker.
        is_latest: whether it is what the object is now.
    """

    key: str
    version: str
    is_marker: bool
    is_latest: bool


@dataclass(frozen=True)
class ReplicationRule:
    """A rule that copies the objects below a prefix to another bucket."""

    prefix: str
    bucket: str


class S3Client:
    """What one bucket can be asked.

    Args:
        files: the client of the file system, whose settings and credentials are used.
        bucket: the name of the bucket.
    """

    def __init__(self, files: HadoopFiles, bucket: str) -> None:
        self._files, self.bucket, self._address = files, bucket, f"s3a://{bucket}"

    def read_policy(self) -> PolicyDocument:
        """Read the policy of the bucket; an empty document where it has none.

        Raises:
            OSError: the store does not answer, or with something that is no policy.
        """
        try:
            with os_errors(self._address):
                text = str(self._client().getBucketPolicy(self._request("GetBucketPolicy")).policy())
        except FileNotFoundError as failure:
            if failure.strerror != NO_POLICY:
                raise
            return {}
        try:
            return dict(json.loads(text))
        except ValueError:
            raise OSError(errno.EIO, "a policy that is no JSON", self._address) from None

    def write_policy(self, policy: PolicyDocument) -> None:
        """Replace the policy of the bucket; an empty document removes it."""
        with os_errors(self._address):
            if policy:
                self._client().putBucketPolicy(self._request("PutBucketPolicy", policy=json.dumps(policy)))
            else:
                self._client().deleteBucketPolicy(self._request("DeleteBucketPolicy"))

    def can_anyone_read(self, key: str) -> bool:
        """Try to read an object without any credentials.

        Raises:
            OSError: the store answers with neither yes nor no.
        """
        with os_errors(self._address):
            return self._answers_anyone(self._client().utilities().getUrl(self._url_of(key)))

    def can_anyone_list(self, prefix: str) -> bool:
        """Try to list what is below a prefix without any credentials.

        Raises:
            OSError: the store answers with neither yes nor no.
        """
        with os_errors(self._address):
            above = str(self._client().utilities().getUrl(self._url_of("x"))).removesuffix("/x")
            url = f"{above}/?list-type=2&max-keys=1&prefix={quote(prefix, safe='')}"
            return self._answers_anyone(self._files.java_class("java.net.URL")(url))

    def are_objects_of_others(self) -> bool:
        """Whether access lists of objects and of the bucket count, and let somebody else than its owner in.

        Raises:
            OSError: the store does not say.
        """
        with os_errors(self._address):
            answer = self._client().getBucketAcl(self._request("GetBucketAcl"))
            owner = str(answer.owner().id())
            grantees = [grant.grantee() for grant in answer.grants()]
            return any(grantee.uri() is not None or str(grantee.id()) != owner for grantee in grantees)

    def list_versions(self, prefix: str) -> Iterator[ObjectVersion]:
        """List every version and every marker below a prefix."""
        with os_errors(self._address):
            pages = self._client().listObjectVersionsPaginator(self._request("ListObjectVersions", prefix=prefix))
            for page in _each(pages):
                for listed, is_marker in ((page.versions(), False), (page.deleteMarkers(), True)):
                    for one in listed:
                        yield ObjectVersion(str(one.key()), str(one.versionId()), is_marker, bool(one.isLatest()))

    def delete_versions(self, versions: Iterable[ObjectVersion]) -> None:
        """Delete versions and markers for good; what is locked stays, and the caller looks again."""
        identifier = self._files.java_class(f"{MODEL}.ObjectIdentifier")
        deletion = self._files.java_class(f"{MODEL}.Delete")
        left = list(versions)
        while left:
            some, left = left[:DELETED_AT_ONCE], left[DELETED_AT_ONCE:]
            with os_errors(self._address):
                objects = [identifier.builder().key(one.key).versionId(one.version).build() for one in some]
                asked = deletion.builder().objects(objects).quiet(True).build()
                self._client().deleteObjects(self._request("DeleteObjects", delete=asked))

    def list_uploads(self, prefix: str) -> list[tuple[str, str]]:
        """List the key and the name of every upload in parts that was begun below a prefix and not ended."""
        with os_errors(self._address):
            pages = self._client().listMultipartUploadsPaginator(self._request("ListMultipartUploads", prefix=prefix))
            return [(str(one.key()), str(one.uploadId())) for page in _each(pages) for one in page.uploads()]

    def abort_upload(self, key: str, upload: str) -> None:
        """Remove the parts of an upload that was not ended."""
        with os_errors(self._address):
            self._client().abortMultipartUpload(self._request("AbortMultipartUpload", key=key, uploadId=upload))

    def list_replication(self) -> list[ReplicationRule]:
        """List the rules that copy objects to other buckets."""
        try:
            with os_errors(self._address):
                answer = self._client().getBucketReplication(self._request("GetBucketReplication"))
                return [
                    ReplicationRule(_rule_prefix(rule), str(rule.destination().bucket()).rpartition(":::")[2])
                    for rule in answer.replicationConfiguration().rules()  # disabled ones, too: what was copied stays
                ]
        except FileNotFoundError as failure:
            if failure.strerror != NO_REPLICATION:
                raise
            return []

    def other_bucket(self, bucket: str) -> S3Client:
        """The same client for another bucket."""
        return S3Client(self._files, bucket)

    def _client(self) -> Any:
        return self._files.s3_client()

    def _builder(self, name: str) -> Any:
        return self._files.java_class(f"{MODEL}.{name}Request").builder()

    def _request(self, name: str, **values: Any) -> Any:
        builder = self._builder(name).bucket(self.bucket)
        for option, value in values.items():
            builder = getattr(builder, option)(value)
        return builder.build()

    def _url_of(self, key: str) -> Any:
        return self._builder("GetUrl").bucket(self.bucket).key(key).build()

    def _answers_anyone(self, url: Any) -> bool:
        connection = url.openConnection()
        connection.setConnectTimeout(ANSWER_MILLISECONDS)
        connection.setReadTimeout(ANSWER_MILLISECONDS)
        try:
            status = int(connection.getResponseCode())
        finally:
            connection.disconnect()
        if status not in (HTTP_OK, *HTTP_CLOSED):
            raise OSError(errno.EIO, f"the store answered {status} to a question without credentials", self._address)
        return status == HTTP_OK


def _each(pages: Any) -> Iterator[Any]:
    """Every page of an answer of the JVM, each asked for when the one before is done."""
    iterator = pages.iterator()
    while iterator.hasNext():
        yield iterator.next()


def _rule_prefix(rule: Any) -> str:
    """The prefix of a rule; the empty one where it copies everything, or chooses by tags."""
    chosen = rule.filter()
    together = None if chosen is None else getattr(chosen, "and")()
    prefixes = [part.prefix() for part in (rule, chosen, together) if part is not None]
    return str(next((prefix for prefix in prefixes if prefix), ""))
