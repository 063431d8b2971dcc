"""Custody of the project keys: made, loaded, destroyed, handed to Spark. No other package sees a secret."""

from __future__ import annotations

from cohort.keys.project_keys import (
    INNER_BLOCK,
    OUTER_BLOCK,
    ProjectKey,
    create_key,
    destroy_key,
    key_exists,
    key_path,
    load_key,
)

__all__ = [
    "INNER_BLOCK",
    "OUTER_BLOCK",
    "ProjectKey",
    "create_key",
    "destroy_key",
    "key_exists",
    "key_path",
    "load_key",
]
