"""Lowest and highest values in the results per school and test, and whether the bands of a project cover them.

In go the data files of the results, read by Arrow without a Spark session; out come a table with a row per school and
test, and sentences about values outside the bands; never a value. Called by `readiness`, for the job `status`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cohort.agreements import DeclaredColumn, Project, SelectedResult, find_band_bounds
from cohort.delta import TABLE_ERRORS
from cohort.foundation import Refusal, describe_problem
from cohort.results import ledger, results_store
from cohort.sdc import Hierarchy
from cohort.storage import StoragePath, StorageZones, parquet_source

RANGE_KEYS = ("brin", "vestiging", "schooljaar", "jaargroep", "domein", "schaal", "afnameperiode")
RANGE_VALUES = ("vaardigheidsscore", "ruwe_score", "geboortedatum")
"""The columns by which values are grouped, and those of which the lowest and highest value is read."""
ValueRanges = pa.Table | str | None
"""The ranges; None where there are no results yet, a sentence where they cannot be read now."""


def read_value_ranges(zones: StorageZones, school_years: Collection[str]) -> ValueRanges:
    """Read the lowest and highest score and date of birth per school, year, year group, test and moment.

    Files are read one at a time: what that takes grows with the rows of these school years, not with the archive.

    Args:
        zones: the zones of the storage root.
        school_years: the school years that are looked at.
    """
    try:
        return _read_ranges(zones, school_years)
    except Refusal as refusal:
        return str(refusal)
    except (*TABLE_ERRORS, pa.ArrowException):  # a run of intake removed a file meanwhile
        return describe_problem(
            "results that stay as they are while they are looked at",
            example="between two runs of ingest",
            found="some that changed",
            where="restricted/results",
            do="Run status again",
        )


def _read_ranges(zones: StorageZones, school_years: Collection[str]) -> pa.Table | None:
    batches = ledger.read_counted_batches(zones.ledger)
    files = results_store.list_result_files(zones, batches, school_years)
    ranges = [_ranges_of_file(file) for file in files]
    return _merge_ranges(pa.concat_tables(ranges)) if ranges else None


def _ranges_of_file(file: StoragePath) -> pa.Table:
    """The ranges of a data file; its school year stands in the name of its folder."""
    keys = [name for name in RANGE_KEYS if name != "schooljaar"]
    with pq.ParquetFile(parquet_source(file), read_dictionary=keys) as opened:
        rows: pa.Table = opened.read([*keys, *RANGE_VALUES])
    aggregates: Any = [(name, end) for name in RANGE_VALUES for end in ("min", "max")]
    ranges = rows.unify_dictionaries().group_by(keys).aggregate(aggregates)
    texts = [pa.field(name, pa.string()) for name in keys]
    ranges = ranges.cast(pa.schema([*texts, *(ranges.schema.field(f"{name}_{end}") for name, end in aggregates)]))
    school_year = pa.repeat(pa.scalar(file.parent.name.rpartition("=")[2]), ranges.num_rows)
    return ranges.append_column("schooljaar", school_year)


def _merge_ranges(ranges: pa.Table) -> pa.Table:
    """The ranges of several files as one row per group."""
    aggregates: Any = [(f"{name}_{end}", end) for name in RANGE_VALUES for end in ("min", "max")]
    merged = ranges.group_by(list(RANGE_KEYS)).aggregate(aggregates)
    return merged.rename_columns([*RANGE_KEYS, *(name for name, _ in aggregates)])


def select_value_ranges(ranges: pa.Table, project: Project) -> pa.Table:
    """The groups of the project's population that have one of its results."""
    in_population = pc.field("schooljaar").isin(project.population.schooljaar)
    if project.population.jaargroep is not None:
        in_population = in_population & pc.field("jaargroep").isin(project.population.jaargroep)
    has_result = _is_result(project.results[0])
    for result in project.results[1:]:
        has_result = has_result | _is_result(result)
    return ranges.filter(in_population & has_result)


def values_outside_bands(
    project: Project, hierarchies: Mapping[str, Hierarchy], ranges: pa.Table, *, differences: bool
) -> Iterator[str]:
    """Describe the columns with values below their lowest band or above their highest.

    Args:
        hierarchies: the hierarchies of the project by column name.
        ranges: the groups that `select_value_ranges` selected.
        differences: look at columns that are a difference of two results, whose values may lie outside (the range
            is that of any two pupils); otherwise at all other columns, whose values do.
    """
    for column in (one for one in project.columns if (one.difference is not None) is differences):
        span = _span_of_column(column, ranges)
        if column.name not in hierarchies or span is None:
            continue
        low, high = find_band_bounds(column, hierarchies[column.name])
        ends = []
        if low is not None and span[0] < low:
            ends.append("under its lowest band")
        if high is not None and span[1] >= high:
            ends.append("above its highest band")
        if ends:
            values = "differences that may lie" if differences else "values"
            yield describe_problem(
                "only values that have a band",
                example="bands with above = true",
                found=f"{values} {' and '.join(ends)}",
                where=f"the results, for column {column.name} of {project.name}",
                do="Declare more bands or open ends (below = true, above = true)",
            )


def _is_result(result: SelectedResult) -> pc.Expression:
    return (
        (pc.field("domein") == result.domein)
        & (pc.field("schooljaar") == result.schooljaar)
        & (pc.field("afnameperiode") == result.moment)
        & (pc.field("schaal") == result.schaal)
    )


def _span_of_column(column: DeclaredColumn, ranges: pa.Table) -> tuple[Decimal | int, Decimal | int] | None:
    """The lowest and highest value of a column of numbers or years; of a difference, the widest it can be."""
    if column.born is not None:
        low, high = _lowest_and_highest(ranges, "geboortedatum")
        return None if low is None else (_year_of_birth(low, column.born), _year_of_birth(high, column.born))
    results = column.results if column.numeric else ()
    spans = [_lowest_and_highest(ranges.filter(_is_result(result)), result.value) for result in results]
    if not spans or any(low is None for low, _ in spans):
        return None
    if column.difference is None:
        return spans[0]
    (first_low, first_high), (last_low, last_high) = spans
    return last_low - first_high, last_high - first_low


def _lowest_and_highest(ranges: pa.Table, name: str) -> tuple[Any, Any]:
    return pc.min(ranges[f"{name}_min"]).as_py(), pc.max(ranges[f"{name}_max"]).as_py()


def _year_of_birth(day: dt.date, born: str) -> int:
    """The calendar year, or with `cohort` the calendar year in which the school-year cohort begins."""
    return day.year - (born == "cohort" and day.month < 8)
