"""The policy of a bucket as a document: whom it lets in to what, and how readers get their statements in it.

Nothing here speaks to a store. A statement is judged with suspicion: what cannot be read counts as open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

PolicyDocument = dict[str, Any]
"""A policy as its JSON has it."""

POLICY_VERSION = "2012-10-17"
STATEMENT_NAME = "CohortReaders"
"""How the names of statements begin that the platform writes for readers."""
OWN_STATEMENT = "CohortPlatform"
"""The name of the statement that lets the platform itself in: some stores ask a policy alone once there is one."""


def grant_reading(
    policy: PolicyDocument, principal: str, bucket: str, folder: str, own: Sequence[str]
) -> PolicyDocument:
    """Add what lets a principal list and read a folder, in the place of what another one was granted there.

    Args:
        policy: the policy as it is; an empty document where there is none.
        principal: the ARN of a role or user, or the name of a user on a store that has no ARNs.
        bucket: the name of the bucket.
        folder: the folder as a key without a slash at its end.
        own: the principals of the platform itself, which may do everything.
    """
    arn, name = f"arn:aws:s3:::{bucket}", statement_name(folder)
    statements = [
        {
            "Sid": OWN_STATEMENT,
            "Effect": "Allow",
            "Principal": {"AWS": [*own]},
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
        },
        {
            "Sid": f"{name}Read",
            "Effect": "Allow",
            "Principal": {"AWS": [principal]},
            "Action": ["s3:GetObject"],
            "Resource": [f"{arn}/{folder}/*"],
        },
        {
            "Sid": f"{name}List",
            "Effect": "Allow",
            "Principal": {"AWS": [principal]},
            "Action": ["s3:ListBucket"],
            "Resource": [arn],
            "Condition": {"StringLike": {"s3:prefix": [folder, f"{folder}/*"]}},
        },
    ]
    kept = [one for one in _statements_beside(policy, name) if not _is_named(one, OWN_STATEMENT)]
    return {"Version": POLICY_VERSION, **policy, "Statement": [*kept, *statements]}


def withdraw_reading(policy: PolicyDocument, folder: str) -> PolicyDocument:
    """Remove what the platform granted on a folder; an empty document where nothing is left."""
    kept = _statements_beside(policy, statement_name(folder))
    return {**policy, "Statement": kept} if kept else {}


def statement_name(folder: str) -> str:
    """How the names of the statements on a folder begin: a name has letters and digits alone."""
    return f"{STATEMENT_NAME}{hashlib.sha256(folder.encode()).hexdigest()[:20]}"


def opening_statements(policy: PolicyDocument, bucket: str, folder: str, own: Iterable[str] = ()) -> list[str]:
    """Name the statements that let somebody else than the platform do anything in a folder.

    Args:
        policy: the policy; an empty document where there is none.
        bucket: the name of the bucket.
        folder: the folder, or the file, as a key without a slash at its end.
        own: the principals of the platform itself.

    Returns:
        The name of each statement, or its place where it has none; empty where the folder is closed.
    """
    own = set(own)
    return [
        str(statement.get("Sid") or f"number {place}") if isinstance(statement, dict) else f"number {place}"
        for place, statement in enumerate(_as_list(policy.get("Statement")), start=1)
        if not isinstance(statement, dict) or _opens(statement, bucket, folder, own)
    ]


def _statements_beside(policy: PolicyDocument, name: str) -> list[Any]:
    return [statement for statement in _as_list(policy.get("Statement")) if not _is_named(statement, name)]


def _is_named(statement: Any, name: str) -> bool:
    return isinstance(statement, dict) and str(statement.get("Sid", "")).startswith(name)


def _opens(statement: dict[str, Any], bucket: str, folder: str, own: set[str]) -> bool:
    if statement.get("Effect") == "Deny":
        return False
    principals = statement.get("Principal")
    if own and isinstance(principals, dict) and set(principals) == {"AWS"} and {*_as_list(principals["AWS"])} <= own:
        return False
    if "Resource" not in statement:  # all but what it names
        return True
    return any(_reaches(str(resource), bucket, folder) for resource in _as_list(statement["Resource"])) or (
        _lists(statement, bucket, folder)
    )


def _reaches(resource: str, bucket: str, folder: str) -> bool:
    """Whether a resource can be an object of a folder: the folder itself, or anything below it."""
    pattern = resource.rpartition(":::")[2]
    return any(patterns_meet(pattern, f"{bucket}/{key}") for key in (folder, f"{folder}/*"))


def _lists(statement: dict[str, Any], bucket: str, folder: str) -> bool:
    """Whether a statement on the bucket lets somebody list the folder: names of files say something, too."""
    patterns = [str(resource).rpartition(":::")[2] for resource in _as_list(statement["Resource"])]
    if not any(patterns_meet(pattern, bucket) for pattern in patterns):
        return False
    conditions = statement.get("Condition")
    if not isinstance(conditions, dict):
        return True
    prefixes = [
        str(prefix)
        for operator in ("StringLike", "StringEquals")
        for prefix in _as_list(dict(conditions.get(operator) or {}).get("s3:prefix"))
    ]
    return not prefixes or any(_lists_below(prefix, folder) for prefix in prefixes)


def _lists_below(prefix: str, folder: str) -> bool:
    """Whether a listing by a prefix that a condition allows can show something of a folder."""
    listed = f"{prefix.rstrip('*')}*"
    return patterns_meet(listed, f"{folder}/*") or patterns_meet(listed, folder)


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
