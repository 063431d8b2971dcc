"""School diversity: k-anonymity counted in schools instead of pupils."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cohort.sdc.model import BoolArray
from cohort.sdc.privacy_models.class_constraints import ClassCounts
from cohort.sdc.privacy_models.thresholds import refuse_wrong_whole_numbers


@dataclass(frozen=True)
class SchoolDiversity:
    """The pupils of a class have at least m distinct home schools.

    A school is a respondent too: with m schools in every class a released record does not say which school it is
    from. It is distinct l-diversity (see `l_diversity`) with the school as the sensitive value, although the school
    itself is never released.

        class  home schools    m 3
        p      A A B C         3 schools: satisfied
        q      A A B B         2 schools: fails

    A pupil with results of several schools counts at one home school, so a class is never diverse by one pupil alone.

    Args:
        m: the fewest distinct home schools of a class, at least 1.

    Raises:
        ConfigurationRefused: m is no whole number of at least 1.
    """

    m: int
    is_monotonic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        refuse_wrong_whole_numbers([(1, self.m, "number of schools per class (m)", "5")])

    @property
    def needs_schools(self) -> bool:
        return self.m > 1

    @property
    def minimum_class_size(self) -> int:
        return self.m

    def satisfied_by(self, counts: ClassCounts) -> BoolArray:
        if not self.needs_schools:
            return np.ones(len(counts.pupils), dtype=np.bool_)
        return counts.schools >= self.m

    def __str__(self) -> str:
        return f"at least {self.m} schools"
