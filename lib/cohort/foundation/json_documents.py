"""Small JSON documents on disk: records, journals, marks and receipts.

Every module that keeps such a document writes and reads it here. A document is written whole or not at all, and
is on the disk before the call returns.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cohort.foundation import private_files


def write_json_document(path: Path, content: dict[str, Any], *, public: bool = False) -> None:
    """One JSON document, whole or not at all, on the disk before the call returns.

    Takes: whether everybody may read it; else nobody but the platform's user, from its first byte on.
    """
    if public:
        path.parent.mkdir(parents=True, exist_ok=True)
    else:
        private_files.make_private_folder(path.parent)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666 if public else 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            if not public:
                os.fchmod(handle, private_files.PRIVATE_FILE_MODE)
            json.dump(content, file, ensure_ascii=False, indent=2, default=str)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        _keep_name(path.parent)
    finally:
        fresh.unlink(missing_ok=True)


def _keep_name(folder: Path) -> None:
    """Bring a new name to the disk too: a file's own content is not all that a power cut can lose."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_json_document(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def read_applied_digest(mark: Path) -> str:
    """The digest of what was applied last to what is there, by its mark; none when nothing ever was."""
    return str(read_json_document(mark)["digest"]) if mark.is_file() else ""
