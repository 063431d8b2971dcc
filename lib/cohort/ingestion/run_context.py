"""What one run of intake needs beside the files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from cohort.agreements.catalogue import Catalogue
from cohort.agreements.platform import Platform
from cohort.delivery_formats.format_declarations import DeliveryFormats
from cohort.legal_basis.consent_register import NO_CONSENTED_PUPILS, ConsentedPupils
from cohort.legal_basis.number_changes import NumberChanges
from cohort.legal_basis.objections import Objections
from cohort.storage.zone_paths import StorageZones

Progress = Callable[[str], None]


@dataclass(frozen=True)
class IngestionContext:
    """Where, by what, with whose lists, and when."""

    zones: StorageZones
    platform: Platform
    catalogue: Catalogue
    formats: DeliveryFormats
    objections: Objections
    changes: NumberChanges
    now: dt.datetime
    consents: ConsentedPupils = NO_CONSENTED_PUPILS
    """Whose special-category values may be kept, of which category: nobody's unless it is said."""

    @property
    def schools_awaiting_list(self) -> frozenset[str]:
        """Schools of which a list says who may be used, and that list is older than this run."""
        older = (one.schools for one in self.objections.opt_in_lists if one.date < self.now.date())
        return frozenset[str]().union(*older)
