"""Small JSON documents on the store: records, journals, marks and receipts, and the base of their types.

Every module that keeps such a document writes and reads it here. A document is written whole or not at all, and lasts
before the call returns. A type of document carries its name and version as `$id` of its JSON schema; the
schemas in `docs/schemas` are generated from these types.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from cohort.storage.storage_path import StoragePath
from cohort.storage.stores import store_of


class DocumentPart(BaseModel):
    """Base of documents and of their parts: unchangeable, and no key that is not declared."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, use_attribute_docstrings=True
    )


M = TypeVar("M", bound=BaseModel)


def write_json_document(path: StoragePath, content: dict[str, Any], *, public: bool = False) -> None:
    """Write one JSON document, whole or not at all; it lasts when the call returns.

    Args:
        path: the document; missing folders above it are made.
        content: what it holds. Dates and other values that JSON does not know are written as text.
        public: whether everybody may read it. Otherwise nobody but the platform's user may, from its first byte on.
    """
    text = json.dumps(content, ensure_ascii=False, indent=2, default=str) + "\n"
    store_of(path).write_whole(path, text.encode("utf-8"), public=public)


def read_json_document(path: StoragePath) -> dict[str, Any]:
    """Read one JSON document.

    Raises:
        OSError: there is none, or it cannot be opened.
        ValueError: its text is not JSON in UTF-8.
    """
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def read_model_document(path: StoragePath, model: type[M]) -> M:
    """Read one JSON document into a pydantic model.

    Raises:
        OSError: there is none, or it cannot be opened.
        ValueError: its text is not JSON in UTF-8, or not a document of this model (pydantic's `ValidationError`).
    """
    return model.model_validate(read_json_document(path))


def read_applied_digest(mark: StoragePath) -> str:
    """Read from a mark the digest of the declaration that was applied last; empty when none ever was.

    Args:
        mark: a JSON document with the key `digest`, or the path of one that does not exist yet.
    """
    return str(read_json_document(mark)["digest"]) if mark.is_file() else ""
