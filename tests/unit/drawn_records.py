"""Exact records of releases, complete and valid, in which a test changes what it is about."""

from __future__ import annotations

from typing import Any

from cohort.release_records.release_record import ReleaseRecord
from cohort.release_records.release_states import ReleaseState

BASELINE: dict[str, Any] = {
    "made": "2026-11-20 12:00:00+00:00",
    "made_by": "maker",
    "class": "anonymous",
    "batches": [1],
    "objections": [],
    "objections_digest": "",
    "counts": {},
    "recoding": {},
    "codebook": {},
    "loss": {"mean": 0.0},
    "thresholds": {},
    "expires": "2027-01-01",
}
"""What every record has had since the first version, by its keys on disk."""


def make_release_record(
    project: str = "proef", release: int = 1, state: ReleaseState = ReleaseState.STAGED, **changes: Any
) -> ReleaseRecord:
    """A record with the baseline, changed by keys on disk or by fields."""
    document = {**BASELINE, **changes}
    for key, field in (("class", "release_class"), ("codebook", "data_dictionary")):
        if field in changes:
            del document[key]
    return ReleaseRecord.model_validate({"project": project, "release": release, "state": state, **document})
