"""The sensitive values of a plain file's records, held to their rules after the search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cohort.sdc.cli.tabulation import RecordContributors, SensitiveColumn
from cohort.sdc.privacy_models.sensitive_constraints import (
    SchoolValueCounts,
    SensitiveValueConstraint,
    SensitiveValueCounts,
)
from cohort.sdc.privacy_models.sensitive_suppression import (
    SensitiveSuppression,
    decide_sensitive_suppression,
    strictest_value_share,
)

Classes = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class SensitiveDisclosure:
    """Which classes show their sensitive values, and the pupils with a value by class and value."""

    blanking: SensitiveSuppression
    counts: SensitiveValueCounts

    def as_dict(self, rules: Sequence[SensitiveValueConstraint]) -> dict[str, Any]:
        """What the document says: the rules, exact counts, the smallest class of those with a value."""
        pupils = self.counts.pupils
        return {
            "rules": [str(rule) for rule in rules],
            **self.blanking.counts(pupils),
            "smallest_class": int(pupils[pupils > 0].min(initial=int(pupils.max(initial=0)))),
        }


def decide_sensitive_disclosure(
    sensitive: SensitiveColumn,
    class_of: Classes,
    classes: int,
    known_by: RecordContributors | None,
    rules: Sequence[SensitiveValueConstraint],
) -> SensitiveDisclosure:
    """Decide which classes of a recoding show their values.

    Takes: the column; the class of every record, negative where it is suppressed; how many classes there are;
    the schools or boards that know every record, where they are known; the rules.
    Gives: covers in an order drawn anew in every run, so that nobody else can draw it.
    Refuses: rules under which no class could show its values (exit code 14).
    """
    known = len(sensitive.values)
    overall = np.bincount(sensitive.places[sensitive.has_value], minlength=known).astype(np.int64)
    there = np.flatnonzero(sensitive.has_value & (class_of >= 0))
    cell = class_of[there].astype(np.int64) * known + sensitive.places[there]
    values = np.bincount(cell, minlength=classes * known).reshape(classes, known).astype(np.int64)
    counts = SensitiveValueCounts(
        values, overall, None if known_by is None else _contributor_values(cell, known, known_by.among(there))
    )
    order = np.random.default_rng().permutation(classes)
    return SensitiveDisclosure(decide_sensitive_suppression(counts, rules, strictest_value_share(rules), order), counts)


def _contributor_values(cell: npt.NDArray[np.int64], known: int, known_by: RecordContributors) -> SchoolValueCounts:
    """The values of every school or board, from the class and value of each pupil and who knows it."""
    groups = np.concatenate([known_by.home, known_by.further])
    width = int(groups.max(initial=0)) + 1
    cells = np.concatenate([cell, cell[known_by.records]])
    found, pupils = np.unique(cells * width + groups, return_counts=True)
    of_cell = found // width
    return SchoolValueCounts(of_cell // known, found % width, of_cell % known, pupils.astype(np.int64))
