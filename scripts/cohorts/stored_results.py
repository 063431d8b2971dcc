"""A synthetic national cohort of several school years, written straight into the results, as intake would leave it.

One batch per school year, one delivery per school, data files of the usual size, appended by the project's own writer
with ledger entries beside them. Pupils stay eight years: of a year's pupils an eighth is new in the next. Rows of
objectors are left out, as intake leaves them out. `bench release` and `bench years` measure on such a store: to write
and take in 150 million rows as files would take hours.
"""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import to_arrow_schema

from cohort.agreements import Platform
from cohort.data_states import RESULTS_PARTITION, RESULTS_SCHEMA
from cohort.results import ROWS_PER_FILE, LedgerEntry, append_copied_rows, append_to_ledger, create_results_tables
from cohort.storage import StorageZones
from cohorts import (
    catalogue,
    configured_lists,
    delivery_files,
    instruction_list,
    objection_list,
    pupil_numbers,
    pupils,
    results,
    schools,
)
from cohorts.planted_errors import NO_ERROR, DeliveredLines
from cohorts.pupils import SyntheticPupils
from cohorts.results import SyntheticResults

YEARS_AT_SCHOOL = 8
LATEST_YEAR = 2024
"""The first calendar year of the latest school year that is written, the one that `leergroei` asks for."""
DAYS_PER_YEAR = 364
"""By how much the days of an earlier school year lie before those of the next: whole weeks."""


@dataclass(frozen=True)
class StoredCohort:
    """What was written: school years, pupils a year, rows in all."""

    school_years: tuple[str, ...]
    pupils: int
    rows: int


def write_stored_results(
    spark: SparkSession,
    zones: StorageZones[Path],
    config: Path,
    platform: Platform,
    *,
    pupils_per_year: int,
    years: int,
    today: dt.date,
    seed: int = 1,
) -> StoredCohort:
    """Write `years` school years of a cohort, the latest of which is 2024-2025, and the lists beside them.

    Args:
        spark: the session.
        zones: the zones of an empty storage root.
        config: the configuration folder; its school list and catalogue are replaced.
        platform: the platform's declaration.
        pupils_per_year: pupils in each school year.
        years: the number of school years.
        today: the date of the lists.
        seed: the seed of everything that is drawn.
    """
    rng = np.random.default_rng(seed)
    sizes = schools.draw_school_sizes(rng, pupils_per_year, schools.default_school_count(pupils_per_year))
    brins = schools.synthetic_brins(sizes.size)
    entering = -(-pupils_per_year // YEARS_AT_SCHOOL)
    unmatched = objection_list.count_unmatched_objections(pupils_per_year)
    everybody = pupil_numbers.draw_pupil_numbers(
        rng, pupils_per_year + (years - 1) * entering + unmatched, pupil_numbers.NumberRange.SYNTHETIC
    )
    numbers, absent = everybody[: everybody.size - unmatched], everybody[everybody.size - unmatched :]
    _write_lists(zones, config, brins, today, seed)
    create_results_tables(spark, zones, platform.tables)
    objecting: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
    rows = 0
    for place in range(years):  # the latest year first: who objects is drawn among its pupils
        age = years - 1 - place
        present = numbers[age * entering : age * entering + pupils_per_year]
        people = pupils.draw_pupils(rng, present, sizes)
        if place == 0:
            lines = objection_list.draw_objections(rng, people, absent)
            objection_list.write_objection_list(zones.objections, rng, lines, people, brins, today)
            objecting = lines.number[~lines.withdrawn]
        made = results.draw_results(rng, people)
        rows += _write_year(spark, zones, platform, _YearOfResults(people, made, brins, LATEST_YEAR - place, objecting))
    return StoredCohort(tuple(_school_year(LATEST_YEAR - place) for place in range(years)), pupils_per_year, rows)


@dataclass(frozen=True, eq=False)
class _YearOfResults:
    """One batch: the pupils of a year, their results, and whose rows are left out."""

    people: SyntheticPupils
    made: SyntheticResults
    brins: list[str]
    year: int
    objecting: npt.NDArray[np.int64]

    @property
    def batch(self) -> int:
        return LATEST_YEAR - self.year + 1

    @property
    def first_delivery(self) -> int:
        return (LATEST_YEAR - self.year) * len(self.brins) + 1


def _write_lists(zones: StorageZones[Path], config: Path, brins: list[str], today: dt.date, seed: int) -> None:
    configured_lists.replace_synthetic_lists(config, seed, brins)
    instruction_list.write_synthetic_instructions(zones.instructions, brins, today)


def _write_year(spark: SparkSession, zones: StorageZones[Path], platform: Platform, year: _YearOfResults) -> int:
    """Write one batch and its ledger entries; return its rows."""
    kept = np.flatnonzero(~np.isin(year.people.number, year.objecting)[year.made.pupil])
    folder = zones.scratch / f"year{year.batch}"
    metadata = {b"org.apache.spark.version": spark.version.encode()}
    for before in range(len(results.SCHOOL_YEARS)):
        of_year = kept[year.made.year[kept] == before]
        place = folder / f"schooljaar={_school_year(year.year - before)}"
        place.mkdir(parents=True)
        for number, start in enumerate(range(0, of_year.size, ROWS_PER_FILE)):
            pq.write_table(
                _make_rows(year, of_year[start : start + ROWS_PER_FILE]).replace_schema_metadata(metadata),
                place / f"part-{number:05d}-{year.batch}-{before}.snappy.parquet",
                write_statistics=False,
                store_decimal_as_integer=True,
                row_group_size=ROWS_PER_FILE,
            )
    append_copied_rows(spark, zones, sorted(folder.glob("*/*.parquet")), year.batch)
    shutil.rmtree(folder)
    per_school = np.bincount(year.made.school[kept], minlength=len(year.brins))
    entries = [_ledger_entry(year, school, int(rows)) for school, rows in enumerate(per_school.tolist())]
    append_to_ledger(spark, zones.ledger, entries, platform.tables)
    return int(kept.size)


def _make_rows(year: _YearOfResults, places: npt.NDArray[np.int64]) -> pa.Table:
    """The rows at these places of a year's results, in the schema of results without its partition columns."""
    lines = DeliveredLines(places.astype(np.int32), np.full(places.size, NO_ERROR, dtype=np.int8))
    sent = delivery_files.make_delivery_table(year.brins, year.people, year.made, lines)
    rows, back = len(places), LATEST_YEAR - year.year
    domain = pa.array(year.made.domain[places], pa.int64())
    day = pc.subtract(_days(sent["afnamedatum"]), pa.scalar(back * DAYS_PER_YEAR, pa.int32())).cast(pa.date32())
    values: dict[str, Any] = {name: sent[name] for name in sent.column_names}
    values |= {
        "pgn_soort": pa.array(["bsn"]).take(_zeros(rows)),
        "geboortedatum": pc.subtract(_days(sent["geboortedatum"]), pa.scalar(back * DAYS_PER_YEAR, pa.int32())),
        "domein": pa.array([one.name for one in catalogue.DOMAINS]).take(domain),
        "schaal": pa.array([one.scale for one in catalogue.DOMAINS]).take(domain),
        "bijzonder": pa.array(np.zeros(rows, np.bool_)),
        "afnamedatum": day,
        "peildag": day,
        "vaardigheidsscore": pc.replace_substring(sent["vaardigheidsscore"], ",", "."),
        "levering_nr": pa.array(year.made.school[places].astype(np.int32) + year.first_delivery),
    }
    fields = [field for field in to_arrow_schema(RESULTS_SCHEMA) if field.name not in RESULTS_PARTITION]
    columns = [_as_column(values.get(field.name), field, rows) for field in fields]
    return pa.table(columns, schema=pa.schema(fields))


def _as_column(values: Any, field: pa.Field[Any], rows: int) -> Any:
    """Values in the type of a column, empty text as null; a column without values is null."""
    if values is None:
        return pa.nulls(rows, field.type)
    if pa.types.is_string(values.type):
        values = pc.if_else(pc.equal(values, pa.scalar("")), pa.scalar(None, pa.string()), values)
    return values.cast(field.type)


def _days(dates: Any) -> Any:
    """Dates as text, as days since 1970."""
    return dates.cast(pa.date32()).cast(pa.int32())


def _zeros(count: int) -> Any:
    return pa.array(np.zeros(count, dtype=np.int64))


def _school_year(first: int) -> str:
    return f"{first}-{first + 1}"


def _ledger_entry(year: _YearOfResults, school: int, rows: int) -> LedgerEntry:
    delivery = year.first_delivery + school
    return LedgerEntry(
        sha256=f"{delivery:064x}",
        name=f"school_{delivery}.csv",
        levering_nr=delivery,
        batch=year.batch,
        brin=year.brins[school],
        received=f"{year.year + 1}-09-01T12:00:00+00:00",
        status="TAKEN",
        reason=None,
        delivered=rows,
        accepted=rows,
        quarantined=0,
        objected=0,
        mended=0,
        codes={},
        supplier="LVS",
        slices={
            f"{_school_year(year.year)} {m} {d.name}": rows // 10 for m in catalogue.MOMENTS for d in catalogue.DOMAINS
        },
    )
