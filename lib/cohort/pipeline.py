"""The order of the stages, once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pyspark.sql import DataFrame

from cohort import generalise, objections, pseudonymise, records
from cohort.generalise import Counts
from cohort.keys import Key
from cohort.project import Project
from cohort.recoding.coding import Coding
from cohort.recoding.global_recoding import GlobalRecoding
from cohort.records import Hierarchies
from cohort.schema import Accepted, Generalised


@dataclass(frozen=True)
class Way:
    """The way of the data to the stage: the rows to write, how they were recoded, and what was counted.

    `kept` is the cached frame of coded pupils, to be released (`unpersist`) when the rows are written.
    """

    rows: Generalised
    recoding: GlobalRecoding
    counts: Counts
    kept: DataFrame


def run(
    results: Accepted,
    project: Project,
    lists: objections.Objections,
    hierarchies: Hierarchies,
    key: Key,
    schools: Iterable[str],
    progress: Callable[[str], None],
) -> Way:
    """From accepted results to generalised rows: two passes over the pupils, one over the results."""
    coding = Coding(tuple(hierarchies[name] for name in project.column_names))
    selected = records.select(results, project)
    admitted = objections.remove_objectors(selected, results, lists)
    pupils = records.one_per_pupil(admitted, project, hierarchies)
    pseudonymous = pseudonymise.pseudonymise(pupils, key, schools)
    kept = generalise.coded(pseudonymous, project, coding).persist()
    histogram, counts = generalise.histogram_of(kept, project)
    progress(f"records: {counts.pupils} pupils, {len(histogram.codes)} different")
    recoding = generalise.recode(histogram, project, coding)
    progress(f"recoding: {recoding.classes} classes, {recoding.suppressed} pupils suppressed")
    return Way(generalise.generalise(kept, project, recoding), recoding, counts, kept)
