"""How long Delta keeps removed files and log entries of a table (`[tables]` of `platform.toml`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cohort.foundation.declarations import Declaration


class TableRetention(Declaration):
    """Delta's two retentions, always set together."""

    deleted_files_hours: Annotated[int, Field(ge=0)]
    log_hours: Annotated[int, Field(ge=0)]
