"""What the difference between two releases shows, and how it is kept from showing a pupil.

In go today's encoded pupils and the snapshot of the published release; out come the classes of a release nested in it,
extended by new pupils where asked, and the comparison with other live projects. `release` calls it.
"""

from __future__ import annotations

from cohort.differencing.cohort_extension import extend_cohort, require_unlinkable_releases
from cohort.differencing.nested_release import cohort_extension_refusal, load_previous_snapshot, nest_release
from cohort.differencing.project_overlap import ComparedRelease, compare_with_live_projects
from cohort.differencing.snapshot_renumbering import renumber_snapshot

__all__ = [
    "ComparedRelease",
    "cohort_extension_refusal",
    "compare_with_live_projects",
    "extend_cohort",
    "load_previous_snapshot",
    "nest_release",
    "renumber_snapshot",
    "require_unlinkable_releases",
]
