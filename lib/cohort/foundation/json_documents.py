"""Small JSON documents on disk: records, journals, marks and receipts, and the base of their types.

Every module that keeps such a document writes and reads it here. A document is written whole or not at all, and is on
the disk before the call returns. A type of document carries its name and version as `$id` of its JSON schema; the
schemas in `docs/schemas` are generated from these types.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from cohort.foundation import private_files
from cohort.foundation.atomic_files import atomic_replacement


class DocumentPart(BaseModel):
    """Base of documents and of their parts: unchangeable, and no key that is not declared."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, use_attribute_docstrings=True
    )


M = TypeVar("M", bound=BaseModel)


def write_json_document(path: Path, content: dict[str, Any], *, public: bool = False) -> None:
    """Write one JSON document, whole or not at all; it is on the disk before the call returns.

    Args:
        path: the document; missing folders above it are made.
        content: what it holds. Dates and other values that JSON does not know are written as text.
        public: whether everybody may read it. Otherwise nobody but the platform's user may, from its first byte on.
    """
    if public:
        path.parent.mkdir(parents=True, exist_ok=True)
    else:
        private_files.make_private_folder(path.parent)
    with atomic_replacement(path) as fresh:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666 if public else 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            if not public:
                os.fchmod(handle, private_files.PRIVATE_FILE_MODE)
            json.dump(content, file, ensure_ascii=False, indent=2, default=str)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())


def read_json_document(path: Path) -> dict[str, Any]:
    """Read one JSON document.

    Raises:
        OSError: there is none, or it cannot be opened.
        ValueError: its text is not JSON in UTF-8.
    """
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def read_model_document(path: Path, model: type[M]) -> M:
    """Read one JSON document into a pydantic model.

    Raises:
        OSError: there is none, or it cannot be opened.
        ValueError: its text is not JSON in UTF-8, or not a document of this model (pydantic's `ValidationError`).
    """
    return model.model_validate(read_json_document(path))


def read_applied_digest(mark: Path) -> str:
    """Read from a mark the digest of the declaration that was applied last; empty when none ever was.

    Args:
        mark: a JSON document with the key `digest`, or the path of one that does not exist yet.
    """
    return str(read_json_document(mark)["digest"]) if mark.is_file() else ""
