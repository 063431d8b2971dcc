"""What may be right and may be wrong of one pupil's rows taken together: schools, year groups, numbers.

A pupil moves, and a school corrects a year group: `platform.toml` says whether that is told as a warning or
refused. Schools are compared over all of a school year's results, year groups within one delivery; the
progress from year group to year group over all of a pupil's results.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.foundation.identifiers import ONDERWIJSNUMMER, brin_to_number_sql
from cohort.ingestion.row_validation import CODES
from cohort.states import local_frames
from cohort.states.schemas import DELIVERY_NUMBER

TWO_SCHOOLS, TWO_YEAR_GROUPS, YEAR_GROUPS_APART = "TWO_SCHOOLS", "TWO_YEAR_GROUPS", "YEAR_GROUPS_APART"
TWO_NUMBERS = "TWO_NUMBERS"
PUPIL_YEAR = ("pgn", "schooljaar")
PRIMARY_YEAR_GROUPS = tuple(map(str, range(1, 9)))
MOST_YEARS_APART = 3
"""School years that a pupil repeats or skips at most: group 8 and a year later group 2 are 7 apart."""
_PGN, _YEAR, _SCHOOL, _AHEAD, _GROUP = "_pgn", "_year", "_school", "_ahead", "_group"
_SCHOOLS, _GROUPS, _APART = "_two_schools", "_two_groups", "_apart"
_PUPIL = f"int(pgn) as {_PGN}"
_OF_YEAR = "int(substring(schooljaar, 1, 4))"
_KNOWN = (
    _PUPIL,
    f"{_OF_YEAR} as {_YEAR}",
    f"{brin_to_number_sql('brin')} as {_SCHOOL}",
    f"case when jaargroep in {PRIMARY_YEAR_GROUPS} then try_cast(jaargroep as int) - {_OF_YEAR} end as {_AHEAD}",
)
"""Of a result: its pupil, its school, and how far its year group is from what it was in the year 0."""
_NAMED = (f"lpad(string({_PGN}), 9, '0') as pgn", f"concat(string({_YEAR}), '-', string({_YEAR} + 1)) as schooljaar")
"""Pupil and school year as rows have them, from the numbers that they are grouped by."""
CHILD_COLUMNS = ("brin", "geboortedatum", "geslacht")
RESULT_COLUMNS = ("toetscode", "peildag", "ruwe_score", "vaardigheidsscore", "niveau_AE", "niveau_IV")
"""What two children of one school, day of birth and sex hardly ever share: a test, its day, every score."""
CONSISTENCY_COLUMNS = tuple(
    dict.fromkeys((*PUPIL_YEAR, "pgn_soort", DELIVERY_NUMBER, *CHILD_COLUMNS, "jaargroep", *RESULT_COLUMNS))
)
"""Every column of a row that is asked for here."""
RULE_FLAGS = {TWO_SCHOOLS: _SCHOOLS, TWO_YEAR_GROUPS: _GROUPS, YEAR_GROUPS_APART: _APART}
"""Every rule of this room, by its code."""


def find_inconsistent_pupils(good: DataFrame, earlier: DataFrame | None) -> DataFrame:
    """The pupils of this run about whom there is a doubt, per school year and delivery.

    Takes: this run's rows that broke no other rule; the results of earlier runs, None when there are none.
    Gives: `pgn`, `schooljaar`, `levering_nr`, and a flag per rule: two schools in a school year, two year
    groups in a delivery, a year group further from the school year than repeating and skipping explain.
    Each row is read once: what is asked of a pupil follows from what is known of the pupil's years.
    """
    group = f"case when jaargroep is not null then xxhash64(jaargroep) end as {_GROUP}"
    every = good.selectExpr(*_KNOWN, DELIVERY_NUMBER, group)
    if earlier is not None:
        pupils = F.broadcast(good.selectExpr(_PUPIL).distinct())
        theirs = earlier.selectExpr("*", _PUPIL).join(pupils, _PGN, "left_semi")
        unsaid = f"int(null) as {DELIVERY_NUMBER}", f"bigint(null) as {_GROUP}"
        every = every.union(theirs.selectExpr(*_KNOWN, *unsaid))  # worked out of few rows, not of all
    parts = every.groupBy(_PGN, _YEAR, DELIVERY_NUMBER).agg(
        *(
            F.expr(f"{end}({name}) as {way}{name}")
            for name in (_SCHOOL, _AHEAD, _GROUP)
            for way, end in (("least", "min"), ("most", "max"))
        )
    )
    asked = {
        _APART: f"{_span(_AHEAD, _PGN)} > {MOST_YEARS_APART}",
        _SCHOOLS: f"{_span(_SCHOOL, f'{_PGN}, {_YEAR}')} > 0",
        _GROUPS: f"least{_GROUP} != most{_GROUP}",
    }
    flags = [f"coalesce({answer}, false) as {name}" for name, answer in asked.items()]
    told = parts.selectExpr(*_NAMED, DELIVERY_NUMBER, *flags)
    return told.where(f"{DELIVERY_NUMBER} is not null and ({' or '.join(asked)})")


def _span(name: str, same: str) -> str:
    over = f"over (partition by {same})"
    return f"max(most{name}) {over} - min(least{name}) {over}"


def refuse_inconsistent_pupils(judged: DataFrame, doubtful: DataFrame, refusing: Iterable[str]) -> DataFrame:
    """The judged rows with the codes of those doubts that are refused."""
    codes = [F.when(F.col(RULE_FLAGS[code]), F.lit(code)) for code in refusing]
    if not codes:
        return judged
    told = F.when(F.col(CODES) == "", F.concat_ws(" ", *codes)).otherwise(F.col(CODES))
    joined = judged.join(F.broadcast(doubtful), [*PUPIL_YEAR, DELIVERY_NUMBER], "left")
    return joined.withColumn(CODES, told).select(*judged.columns)


def count_inconsistent_pupils(doubtful: DataFrame) -> dict[int, dict[str, int]]:
    """Per delivery the pupils about whom there is a doubt, by its code: an action."""
    counts = doubtful.groupBy(DELIVERY_NUMBER).agg(*(F.count_if(flag).alias(code) for code, flag in RULE_FLAGS.items()))
    return {
        line[DELIVERY_NUMBER]: {code: line[code] for code in RULE_FLAGS if line[code]}
        for line in counts.toArrow().to_pylist()
    }


def count_children_under_two_numbers(
    good: DataFrame, earlier: DataFrame | None, schools: Iterable[str]
) -> dict[int, int]:
    """Per delivery of this run how many children have one result under two numbers: an action.

    A child that is enrolled again may get a new number, and then counts twice. One of the two at least is an
    onderwijsnummer: two BSNs with one birth date and one result are twins. Only told: no row changes.

    Takes: this run's rows that broke no other rule; the results of earlier runs, None when there are none;
    the schools of this run that have earlier results.
    """
    columns = (
        f"xxhash64({', '.join(CHILD_COLUMNS)}, {', '.join(RESULT_COLUMNS)}) as _result",
        f"xxhash64({', '.join(CHILD_COLUMNS)}) as _child",
        _PUPIL,
        f"pgn_soort = '{ONDERWIJSNUMMER}' as _own",
    )
    whole = "geboortedatum is not null and geslacht is not null"
    every = good.where(whole).selectExpr(*columns, DELIVERY_NUMBER)
    if earlier is not None and schools:
        names = [(school,) for school in sorted(schools)]
        theirs = F.broadcast(local_frames.make_local_frame(good.sparkSession, "brin string not null", names))
        before = earlier.where(whole).join(theirs, "brin", "left_semi")
        every = every.union(before.selectExpr(*columns, f"int(null) as {DELIVERY_NUMBER}"))
    own = F.broadcast(every.where("_own").select("_result").distinct())
    twice = (
        every.join(own, "_result", "left_semi")
        .groupBy("_result")
        .agg(
            F.expr(f"min({_PGN}) < max({_PGN}) as _two"),
            F.collect_set(F.struct(DELIVERY_NUMBER, "_child")).alias("_of"),
        )
        .where("_two")
        .select(F.explode("_of").alias("_of"))
        .select("_of.*")
    )
    counts = (
        twice.where(f"{DELIVERY_NUMBER} is not null")
        .groupBy(DELIVERY_NUMBER)
        .agg(F.count_distinct("_child").alias("n"))
    )
    return {line[DELIVERY_NUMBER]: line["n"] for line in counts.toArrow().to_pylist()}
