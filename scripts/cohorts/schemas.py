"""JSON schemas of the documents that the jobs write: records, receipts, journals, certificates and the like.

A document is every pydantic model of `cohort` that names itself by an `$id`, its name and version, in its
configuration. `docs/schemas` holds one file for each; a test compares the files with what is generated here.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path

from pydantic import BaseModel

import cohort

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"


def find_documents() -> dict[str, type[BaseModel]]:
    """Return every versioned document of `cohort`, by its `$id`."""
    documents: dict[str, type[BaseModel]] = {}
    for module in pkgutil.walk_packages(cohort.__path__, "cohort."):
        if module.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if not isinstance(value, type) or not issubclass(value, BaseModel):
                continue
            extra = value.__dict__.get("model_config", {}).get("json_schema_extra")
            if isinstance(extra, dict) and "$id" in extra and value.__module__.startswith("cohort."):
                name = str(extra["$id"])
                if documents.setdefault(name, value) is not value:
                    raise ValueError(f"two documents are named {name}")
    return dict(sorted(documents.items()))


def render_schemas() -> dict[str, str]:
    """Return the text of every schema, by the name of its file."""
    return {f"{name}.schema.json": _render(document) for name, document in find_documents().items()}


def _render(document: type[BaseModel]) -> str:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **document.model_json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every schema, and remove those of documents that are no more."""
    SCHEMAS.mkdir(parents=True, exist_ok=True)
    schemas = render_schemas()
    for file in SCHEMAS.glob("*.schema.json"):
        if file.name not in schemas:
            file.unlink()
    for name, text in schemas.items():
        (SCHEMAS / name).write_text(text, encoding="utf-8")
    print(f"{len(schemas)} schemas in {SCHEMAS}")


if __name__ == "__main__":
    main()
