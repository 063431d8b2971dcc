"""What one run of intake needs beside the files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from cohort.catalogue import Catalogue
from cohort.consents import NOBODY, Given
from cohort.filed.numbers import Changes
from cohort.intake.formats import Formats
from cohort.objections import Objections
from cohort.places import Places
from cohort.platform import Platform

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Intake:
    """Where, by what, with whose lists, and when."""

    places: Places
    platform: Platform
    catalogue: Catalogue
    formats: Formats
    lists: Objections
    changes: Changes
    now: dt.datetime
    consented: Given = NOBODY
    """Whose special-category values may be kept, of which category: nobody's unless it is said."""

    @property
    def waiting(self) -> frozenset[str]:
        """Schools of which a list says who may be used, and that list is older than this run."""
        older = (one.schools for one in self.lists.permissions if one.date < self.now.date())
        return frozenset[str]().union(*older)
