"""Whether every class is large and mixed enough: k, m, largest share, pupils without the largest school."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cohort.platform import Platform
from cohort.project import Project
from cohort.verify.findings import Finding, tell
from cohort.verify.layout import Ints, Runs


@dataclass(frozen=True)
class Limits:
    """What each class must meet: the stricter of the project's thresholds and the platform's floors."""

    k: int
    m: int
    share: Fraction
    k_others: int


def limits(project: Project, platform: Platform) -> Limits:
    """The limits of a project; a column that the platform names raises k by its name or its attribute."""
    asked, floors = project.thresholds, platform.floors
    shown = {column.name for column in project.columns} | {c.attribute for c in project.columns}
    raised = [floor for name, floor in floors.columns.items() if name in shown]
    return Limits(
        k=max(asked.k, floors.k, *raised),
        m=max(asked.m, floors.m),
        share=min(Fraction(asked.max_share), Fraction(floors.max_share)),
        k_others=max(asked.k_others, floors.k_others),
    )


def look_at_size(runs: Runs, held_to: Limits) -> tuple[list[Finding], dict[str, int | float]]:
    """K, which needs the released values only."""
    small = runs.class_rows < held_to.k
    measures: dict[str, int | float] = {
        "classes": runs.classes,
        "released": runs.released,
        "smallest_class": int(runs.class_rows.min(initial=0 if not runs.classes else runs.released)),
    }
    return tell("K", int(small.sum())), measures


def look(runs: Runs, held_to: Limits) -> tuple[list[Finding], dict[str, int | float]]:
    """K, SCHOOLS, SHARE and OTHERS, each with the number of classes that fail.

    A pupil counts for m at the home school only, for the shares at every school that delivered a value shown.
    """
    found, measures = look_at_size(runs, held_to)
    home = _per_school(runs, runs.home)
    schools = np.bincount(home[0], minlength=runs.classes)
    delivered = _per_school(runs, np.concatenate([runs.home, runs.others], axis=1))
    largest = np.zeros(runs.classes, dtype=np.int64)
    np.maximum.at(largest, delivered[0], delivered[2])
    pupils, others = runs.class_rows, runs.class_rows - largest
    over = largest * held_to.share.denominator > pupils * held_to.share.numerator
    found += tell("SCHOOLS", int((schools < held_to.m).sum()))
    found += tell("SHARE", int(over.sum()))
    found += tell("OTHERS", int((others < held_to.k_others).sum()))
    if runs.classes:
        measures |= {
            "fewest_schools": int(schools.min()),
            "largest_share": float((largest / pupils).max()),
            "smallest_others": int(others.min()),
        }
    return found, measures


def _per_school(runs: Runs, pairs: Ints) -> Ints:
    """Counts per (run, school) as counts per (class, school)."""
    run, school, pupils = pairs
    width = len(runs.schools) + 1
    pair, place = np.unique(runs.class_of[run] * width + school, return_inverse=True)
    total = np.zeros(len(pair), dtype=np.int64)
    np.add.at(total, place, pupils)
    return np.stack([pair // width, pair % width, total])
