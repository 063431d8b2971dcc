"""What a new release may differ in from the one that is read: for now, in nothing.

Two releases of one project subtract to single pupils unless every class differs by nothing or by many.
Until that comparison exists, a release is only put in the place of another with exactly the same rows.
"""

from __future__ import annotations

from pyspark.sql import SparkSession

from cohort import register
from cohort.errors import not_yet
from cohort.places import Places
from cohort.register import Record, Release


def require_same(spark: SparkSession, places: Places, record: Record) -> None:
    """Refuse a release whose rows are not those of a release that was published before.

    Takes: the record of a verified release, with its checksum.
    Refuses: other rows than the published release's (exit code 10, not supported yet).
    """
    if record.facts["class"] == "pseudonymous":
        return  # its rows are tied by their pseudonyms anyway, and an objector's are deleted from it at once
    del spark  # the comparison to come reads both tables; this one reads what verification summed
    seen = (Release.PUBLISHED, Release.SUPERSEDED)
    for earlier in register.releases(places, record.project):
        if earlier.state in seen and earlier.facts["checksum"] != record.facts["checksum"]:
            raise not_yet(
                f"A release with other rows than release {earlier.release}, which was published",
                f"project {record.project}",
                "The difference could show single pupils. Destroy the project, or keep what is published",
            )
