"""What one run of ingestion works with beside the delivered files: zones, declarations, lists and clock.

The job `ingest` and tests make it; every step of `pipeline` reads it. It never changes during a run.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from cohort.agreements import Catalogue, Platform
from cohort.delivery_formats import DeliveryFormats
from cohort.legal_basis import NO_CONSENTED_PUPILS, ConsentedPupils, NumberChanges, Objections
from cohort.storage import StorageZones


@dataclass(frozen=True)
class IngestionContext:
    """The surroundings of one run of ingestion.

    Args:
        zones: the zones under the storage root.
        platform: the declaration of `platform.toml`.
        catalogue: the known tests and schools.
        formats: the declared delivery formats.
        objections: every list of objections and opt-ins.
        changes: every list of changed pupil numbers.
        now: when the run began, with its time zone.
        consents: the pupils whose special-category values may be kept, per category; none by default.
    """

    zones: StorageZones
    platform: Platform
    catalogue: Catalogue
    formats: DeliveryFormats
    objections: Objections
    changes: NumberChanges
    now: dt.datetime
    consents: ConsentedPupils = NO_CONSENTED_PUPILS

    @property
    def schools_awaiting_list(self) -> frozenset[str]:
        """Schools with an opt-in list that is older than this run; their deliveries wait for a newer one."""
        older = (one.schools for one in self.objections.opt_in_lists if one.date < self.now.date())
        return frozenset[str]().union(*older)
