"""Lowest and highest values in the results, per school and test, read without a session.

In go the files of the results, out come a table as short as there are schools times tests, and sentences on
what lies outside the bands of a project; never a value. Called by `readiness`, for `status`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from cohort import delta
from cohort.agreements import project_hierarchies
from cohort.agreements.declared_columns import DeclaredColumn
from cohort.agreements.project import Project
from cohort.agreements.selected_results import SelectedResult
from cohort.foundation.errors import Refusal, describe_problem
from cohort.results import ledger
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.storage.zone_paths import StorageZones

RANGE_KEYS = ("brin", "vestiging", "schooljaar", "jaargroep", "domein", "schaal", "afnameperiode")
RANGE_VALUES = ("vaardigheidsscore", "ruwe_score", "geboortedatum")
ValueRanges = pa.Table | str | None


def read_value_ranges(zones: StorageZones) -> ValueRanges:
    """Per school, year, year group, test and moment: lowest and highest score and date of birth.

    Returns:
        None where nothing was taken in yet; a sentence where it cannot be looked at now. Files are read one
        at a time.
    """
    try:
        return _spread(zones)
    except Refusal as refusal:
        return str(refusal)
    except (*delta.TABLE_ERRORS, pa.ArrowException):  # a file went, in a run of intake that changed the results
        return describe_problem(
            "results that stay as they are while they are looked at",
            example="between two runs of ingest",
            found="some that changed",
            where="restricted/results",
            do="Run status again",
        )


def _spread(zones: StorageZones) -> pa.Table | None:
    batches = ledger.read_counted_batches(zones.ledger)
    files = delta.list_batch_files(zones.results, batches) if batches else []
    kept = ds.ParquetFileFormat(read_options=ds.ParquetReadOptions(dictionary_columns=list(RANGE_KEYS)))
    names = [*RANGE_KEYS, *RANGE_VALUES]
    sums = [_grouped(ds.dataset(file, format=kept).to_table(columns=names)) for file in files]
    return _regrouped(pa.concat_tables(sums)) if sums else None


def _grouped(rows: pa.Table) -> pa.Table:
    plain = rows.unify_dictionaries()
    asked: Any = [(name, how) for name in RANGE_VALUES for how in ("min", "max")]
    found = plain.group_by(list(RANGE_KEYS)).aggregate(asked)
    text = [pa.field(name, pa.string()) for name in RANGE_KEYS]
    return found.cast(pa.schema([*text, *(found.schema.field(f"{n}_{how}") for n, how in asked)]))


def _regrouped(sums: pa.Table) -> pa.Table:
    asked: Any = [(f"{name}_{how}", how) for name in RANGE_VALUES for how in ("min", "max")]
    found = sums.group_by(list(RANGE_KEYS)).aggregate(asked)
    return found.rename_columns([*RANGE_KEYS, *(name for name, _ in asked)])


def select_value_ranges(spread: pa.Table, project: Project) -> pa.Table:
    """The groups of the project's population that have a result it shows."""
    wanted = pc.field("schooljaar").isin(project.population.schooljaar)
    if project.population.jaargroep is not None:
        wanted = wanted & pc.field("jaargroep").isin(project.population.jaargroep)
    shown = _is_of(project.results[0])
    for result in project.results[1:]:
        shown = shown | _is_of(result)
    return spread.filter(wanted & shown)


def _is_of(result: SelectedResult) -> pc.Expression:
    wanted = {
        "domein": result.domein,
        "schooljaar": result.schooljaar,
        "afnameperiode": result.moment,
        "schaal": result.schaal,
    }
    found = pc.scalar(True)
    for name, value in wanted.items():
        found = found & (pc.field(name) == value)
    return found


def values_outside_bands(
    project: Project, trees: Mapping[str, Hierarchy], chosen: pa.Table, *, differences: bool
) -> Iterator[str]:
    """Columns with values under their lowest band or from the end of the highest on.

    Args:
        differences: those of the differences alone, which may lie outside (the furthest that two pupils'
            results are apart), or those of all others, which do.
    """
    for column in (one for one in project.columns if (one.difference is not None) is differences):
        span = _span(column, chosen)
        if column.name not in trees or span is None:
            continue
        low, high = project_hierarchies.find_band_bounds(column, trees[column.name])
        ends = [
            *(["under its lowest band"] if low is not None and span[0] < low else []),
            *(["above its highest band"] if high is not None and span[1] >= high else []),
        ]
        if ends:
            may_be = "differences that may lie" if differences else "values"
            yield describe_problem(
                "only values that have a band",
                example="bands with above = true",
                found=f"{may_be} {' and '.join(ends)}",
                where=f"the results, for column {column.name} of {project.name}",
                do="Declare more bands or open ends (below = true, above = true)",
            )


def _span(column: DeclaredColumn, chosen: pa.Table) -> tuple[Decimal | int, Decimal | int] | None:
    """The lowest and the highest value of a column of numbers or years; of a difference, the furthest."""
    if column.born is not None:
        low, high = _extremes(chosen, "geboortedatum")
        return None if low is None else (_begun(low, column.born), _begun(high, column.born))
    spans = [_extremes(chosen.filter(_is_of(r)), r.value) for r in column.results if column.numeric]
    if not spans or any(low is None for low, _ in spans):
        return None
    if column.difference is None:
        return spans[0]
    (first_low, first_high), (last_low, last_high) = spans
    return last_low - first_high, last_high - first_low


def _extremes(rows: pa.Table, name: str) -> tuple[Any, Any]:
    return pc.min(rows[f"{name}_min"]).as_py(), pc.max(rows[f"{name}_max"]).as_py()


def _begun(day: dt.date, born: str) -> int:
    return day.year - (born == "cohort" and day.month < 8)
