"""How large a request of researchers to take results out may be: the table `[output_checking]` of the platform."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cohort.foundation import Declaration


class OutputRequestLimits(Declaration):
    """Limits on one request; a megabyte is 2²⁰ bytes. The number of reviewers is two and no setting.

    Args:
        files: the largest number of files.
        megabytes_per_file: the largest file.
        megabytes: all files together.
    """

    files: Annotated[int, Field(ge=1, le=500)]
    megabytes_per_file: Annotated[int, Field(ge=1, le=64)]
    megabytes: Annotated[int, Field(ge=1, le=1024)]
