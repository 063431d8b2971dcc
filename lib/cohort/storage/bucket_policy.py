"""The policy of a bucket as a document: whom it lets in to what, and how readers get their statements in it.

Nothing here speaks to a store. A statement is judged with suspicion: what cannot be read counts as open.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

PolicyDocument = dict[str, Any]
"""A policy as its JSON has it."""

POLICY_VERSION = "2012-10-17"
STATEMENT_NAME = "CohortReaders"
"""How the names of statements begin that the platform writes for readers."""
ARN_PARTS = ("arn", "partition", "service", "region", "account", "resource")
OWN_STATEMENT = "CohortPlatform"
"""The name of the statement that lets the platform itself in: some stores ask a policy alone once there is one."""


@dataclass(frozen=True)
class BucketFolder:
    """A folder in a bucket.

    Args:
        bucket: the name of the bucket.
        key: the folder, or a file, as a key without a slash at its end.
    """

    bucket: str
    key: str

    @property
    def arn(self) -> str:
        """The name of the bucket as a policy has it."""
        return f"arn:aws:s3:::{self.bucket}"


def grant_reading(
    policy: PolicyDocument, principal: str, folder: BucketFolder, root: str, own: Sequence[str]
) -> PolicyDocument:
    """Add what lets a principal list and read a folder, in the place of what another one was granted there.

    Args:
        policy: the policy as it is; an empty document where there is none.
        principal: the ARN of a role or user, or the name of a user on a store that has no ARNs.
        folder: the folder.
        root: the key of the platform's root.
        own: the principals of the platform itself, which may do everything in the root.
    """
    arn, name = folder.arn, statement_name(folder.key)
    statements = [
        {
            "Sid": OWN_STATEMENT,
            "Effect": "Allow",
            "Principal": {"AWS": [*own]},
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/{root}", f"{arn}/{root}/*"],
        },
        {
            "Sid": f"{name}Read",
            "Effect": "Allow",
            "Principal": {"AWS": [principal]},
            "Action": ["s3:GetObject"],
            "Resource": [f"{arn}/{folder.key}/*"],
        },
        {
            "Sid": f"{name}List",
            "Effect": "Allow",
            "Principal": {"AWS": [principal]},
            "Action": ["s3:ListBucket"],
            "Resource": [arn],
            "Condition": {"StringLike": {"s3:prefix": [f"{folder.key}/", f"{folder.key}/*"]}},
        },
    ]
    kept = [one for one in _statements_beside(policy, name) if _name_of(one) != OWN_STATEMENT]
    return {"Version": POLICY_VERSION, **policy, "Statement": [*kept, *statements]}


def withdraw_reading(policy: PolicyDocument, folder: str = "") -> PolicyDocument:
    """Remove what the platform granted on a folder, or on all of them; the same document where that is nothing."""
    name = statement_name(folder) if folder else STATEMENT_NAME
    kept = _statements_beside(policy, name)
    if len(kept) == len(_as_list(policy.get("Statement"))):
        return policy
    return {**policy, "Statement": kept} if kept else {}


def reader_statements(policy: PolicyDocument, folder: str = "") -> list[str]:
    """Name the statements that the platform wrote for the readers of a folder, or of all folders."""
    name = statement_name(folder) if folder else STATEMENT_NAME
    names = map(_name_of, _as_list(policy.get("Statement")))
    return sorted(one for one in names if one.startswith(name))


def statement_name(folder: str) -> str:
    """How the names of the statements on a folder begin: a name has letters and digits alone."""
    return f"{STATEMENT_NAME}{hashlib.sha256(folder.encode()).hexdigest()[:20]}"


def opening_statements(policy: PolicyDocument, folder: BucketFolder, own: Iterable[str] = ()) -> list[str]:
    """Name the statements that let somebody else than the platform do anything in a folder.

    Args:
        policy: the policy; an empty document where there is none.
        folder: the folder, or the file.
        own: the principals of the platform itself.

    Returns:
        The name of each statement, or its place where it has none; empty where the folder is closed.
    """
    own = set(own)
    return [
        _name_of(statement) or f"number {place}"
        for place, statement in enumerate(_as_list(policy.get("Statement")), start=1)
        if not isinstance(statement, dict) or _opens(statement, folder, own)
    ]


def _statements_beside(policy: PolicyDocument, name: str) -> list[Any]:
    return [statement for statement in _as_list(policy.get("Statement")) if not _name_of(statement).startswith(name)]


def _name_of(statement: Any) -> str:
    return str(statement.get("Sid") or "") if isinstance(statement, dict) else ""


def _opens(statement: dict[str, Any], folder: BucketFolder, own: set[str]) -> bool:
    if statement.get("Effect") == "Deny":
        return False
    principals = statement.get("Principal")
    if own and isinstance(principals, dict) and set(principals) == {"AWS"} and {*_as_list(principals["AWS"])} <= own:
        return False
    if "Resource" not in statement:  # all but what it names
        return True
    resources = [_resource_pattern(str(resource)) for resource in _as_list(statement["Resource"])]
    return any(_reaches(resource, folder) for resource in resources) or _lists(statement, resources, folder)


def _resource_pattern(resource: str) -> str:
    """The bucket and the key that a resource names, as a pattern; that of everything where it names something else."""
    parts = resource.split(":", 5)
    is_plain = len(parts) == len(ARN_PARTS) and parts[0] == "arn" and parts[2:5] == ["s3", "", ""]
    return _without_variables(parts[5]) if is_plain else "*"


def _without_variables(pattern: str) -> str:
    """A pattern in which a variable of the policy, as `${aws:username}`, can be anything."""
    return re.sub(r"\$\{[^}]*\}?", "*", pattern)


def _reaches(resource: str, folder: BucketFolder) -> bool:
    """Whether a resource can be an object of a folder: the folder itself, or anything below it."""
    return any(patterns_meet(resource, f"{folder.bucket}/{key}") for key in (folder.key, f"{folder.key}/*"))


def _lists(statement: dict[str, Any], resources: Iterable[str], folder: BucketFolder) -> bool:
    """Whether a statement on the bucket lets somebody list the folder: names of files say something, too."""
    if not any(patterns_meet(resource, folder.bucket) for resource in resources):
        return False
    conditions = statement.get("Condition")
    if not isinstance(conditions, dict):
        return True
    prefixes = [
        _without_variables(str(prefix))
        for operator in ("StringLike", "StringEquals")
        for prefix in _as_list(dict(conditions.get(operator) or {}).get("s3:prefix"))
    ]
    return not prefixes or any(_lists_below(prefix, folder.key) for prefix in prefixes)


def _lists_below(prefix: str, key: str) -> bool:
    """Whether a listing by a prefix that a condition allows can show something of a folder."""
    listed = f"{prefix.rstrip('*')}*"
    return patterns_meet(listed, f"{key}/*") or patterns_meet(listed, key)


def patterns_meet(one: str, other: str) -> bool:
    """Whether a text fits two patterns at once, in which `*` stands for any characters and `?` for one."""

    width = len(other)
    following = [set(other[j:]) <= {"*"} for j in range(width + 1)]  # of what is left of the other, where one has ended
    for i in range(len(one) - 1, -1, -1):
        row = [False] * width + [set(one[i:]) <= {"*"}]
        for j in range(width - 1, -1, -1):
            if one[i] == "*" or other[j] == "*":
                row[j] = following[j] or row[j + 1]
            else:
                row[j] = following[j + 1] and (one[i] == other[j] or "?" in (one[i], other[j]))
        following = row
    return following[0]


def _as_list(value: Any) -> list[Any]:
    """A value of a policy that may stand alone or in a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
