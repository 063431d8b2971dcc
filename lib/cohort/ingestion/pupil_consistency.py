"""Rules over all rows of one pupil: schools and year groups that contradict each other, and two pupil numbers.

In go the rows of a run that broke no other rule, with the results of earlier runs; out come pupils and counts. A pupil
may move and a school may correct a year group, so `platform.toml` says for each rule whether it warns or refuses.
Schools are compared within a school year, year groups within one delivery, and the progress from year group to year
group between the school years of the run and the one before and after them: the rest of the archive is not read.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.data_states import DELIVERY_NUMBER, make_local_frame
from cohort.foundation import ONDERWIJSNUMMER, brin_to_number_sql
from cohort.ingestion.row_validation import CODES

TWO_SCHOOLS, TWO_YEAR_GROUPS, YEAR_GROUPS_APART = "TWO_SCHOOLS", "TWO_YEAR_GROUPS", "YEAR_GROUPS_APART"
"""Codes of rules that warn or refuse: two schools in a school year, two year groups in a delivery, a year group
further from the school year than repeating and skipping explain."""
TWO_NUMBERS = "TWO_NUMBERS"
"""Warning: children with one result under two pupil numbers."""
PUPIL_YEAR = ("pgn", "schooljaar")
PRIMARY_YEAR_GROUPS = tuple(map(str, range(1, 9)))
MOST_YEARS_APART = 3
"""School years that a pupil repeats or skips at most: group 8 and a year later group 2 are 7 apart."""
CHILD_COLUMNS = ("brin", "geboortedatum", "geslacht")
RESULT_COLUMNS = ("toetscode", "peildag", "ruwe_score", "vaardigheidsscore", "niveau_AE", "niveau_IV")
"""What two children of one school, day of birth and sex hardly ever share: a test, its day, every score."""
CONSISTENCY_COLUMNS = tuple(
    dict.fromkeys((*PUPIL_YEAR, "pgn_soort", DELIVERY_NUMBER, *CHILD_COLUMNS, "jaargroep", *RESULT_COLUMNS))
)
"""Every column of a row that these rules need."""
_SCHOOLS, _GROUPS, _APART = "_two_schools", "_two_groups", "_apart"
RULE_FLAGS = {TWO_SCHOOLS: _SCHOOLS, TWO_YEAR_GROUPS: _GROUPS, YEAR_GROUPS_APART: _APART}
"""The column with the outcome of each rule, by its code."""
_PGN, _YEAR, _SCHOOL, _AHEAD, _GROUP = "_pgn", "_year", "_school", "_ahead", "_group"
_PUPIL = f"int(pgn) as {_PGN}"
_FIRST_YEAR = "int(substring(schooljaar, 1, 4))"
_COMPARED = (
    _PUPIL,
    f"{_FIRST_YEAR} as {_YEAR}",
    f"{brin_to_number_sql('brin')} as {_SCHOOL}",
    f"case when jaargroep in {PRIMARY_YEAR_GROUPS} then try_cast(jaargroep as int) - {_FIRST_YEAR} end as {_AHEAD}",
)
"""SQL: pupil, school year and school as numbers, and the year group less the school year, which stays the same while
a pupil neither repeats nor skips."""
_AS_TEXT = (f"lpad(string({_PGN}), 9, '0') as pgn", f"concat(string({_YEAR}), '-', string({_YEAR} + 1)) as schooljaar")
"""SQL: pupil and school year as rows have them, from the numbers that they are grouped by."""


def find_compared_years(good: DataFrame) -> frozenset[str]:
    """Find the school years whose earlier results the rows of a run are compared with: an action.

    Args:
        good: this run's rows that broke no other rule, with `schooljaar`.

    Returns:
        The school years of the rows, and the one before and after each.
    """
    first_years = [int(line.schooljaar[:4]) for line in good.select("schooljaar").distinct().collect()]
    return frozenset(f"{year}-{year + 1}" for first in first_years for year in (first - 1, first, first + 1))


def find_inconsistent_pupils(good: DataFrame, earlier: DataFrame | None) -> DataFrame:
    """Find the pupils of this run whose rows contradict each other. Each row is read once.

    Args:
        good: the columns `CONSISTENCY_COLUMNS` of this run's rows that broke no other rule.
        earlier: the results of earlier runs in the years of `find_compared_years`, None when there are none.

    Returns:
        `pgn`, `schooljaar`, `levering_nr` and a flag per rule (`RULE_FLAGS`), of which at least one is true.
    """
    group = f"case when jaargroep is not null then xxhash64(jaargroep) end as {_GROUP}"
    compared = good.selectExpr(*_COMPARED, DELIVERY_NUMBER, group)
    if earlier is not None:
        pupils = F.broadcast(good.selectExpr(_PUPIL).distinct())
        theirs = earlier.selectExpr("*", _PUPIL).join(pupils, _PGN, "left_semi")  # select few rows before computing
        no_delivery = f"int(null) as {DELIVERY_NUMBER}", f"bigint(null) as {_GROUP}"
        compared = compared.union(theirs.selectExpr(*_COMPARED, *no_delivery))
    extremes = [
        F.expr(f"{aggregate}({name}) as {prefix}{name}")
        for name in (_SCHOOL, _AHEAD, _GROUP)
        for prefix, aggregate in (("least", "min"), ("most", "max"))
    ]
    parts = compared.groupBy(_PGN, _YEAR, DELIVERY_NUMBER).agg(*extremes)
    rules = {
        _APART: f"{_span_sql(_AHEAD, _PGN)} > {MOST_YEARS_APART}",
        _SCHOOLS: f"{_span_sql(_SCHOOL, f'{_PGN}, {_YEAR}')} > 0",
        _GROUPS: f"least{_GROUP} != most{_GROUP}",
    }
    flags = [f"coalesce({rule}, false) as {name}" for name, rule in rules.items()]
    flagged = parts.selectExpr(*_AS_TEXT, DELIVERY_NUMBER, *flags)
    return flagged.where(f"{DELIVERY_NUMBER} is not null and ({' or '.join(rules)})")


def refuse_inconsistent_pupils(rows: DataFrame, inconsistent: DataFrame, refusing: Iterable[str]) -> DataFrame:
    """Add the codes of refusing rules to the rows that broke no other rule.

    Args:
        rows: validated rows.
        inconsistent: the pupils of `find_inconsistent_pupils`.
        refusing: codes of the rules that refuse.
    """
    codes = [F.when(F.col(RULE_FLAGS[code]), F.lit(code)) for code in refusing]
    if not codes:
        return rows
    with_codes = F.when(F.col(CODES) == "", F.concat_ws(" ", *codes)).otherwise(F.col(CODES))
    joined = rows.join(F.broadcast(inconsistent), [*PUPIL_YEAR, DELIVERY_NUMBER], "left")
    return joined.withColumn(CODES, with_codes).select(*rows.columns)


def count_inconsistent_pupils(inconsistent: DataFrame) -> dict[int, dict[str, int]]:
    """Count the pupils of `find_inconsistent_pupils` per delivery and code: an action."""
    counts = inconsistent.groupBy(DELIVERY_NUMBER).agg(
        *(F.count_if(flag).alias(code) for code, flag in RULE_FLAGS.items())
    )
    return {
        line[DELIVERY_NUMBER]: {code: line[code] for code in RULE_FLAGS if line[code]}
        for line in counts.toArrow().to_pylist()
    }


def count_children_under_two_numbers(
    good: DataFrame, earlier: DataFrame | None, schools: Iterable[str]
) -> dict[int, int]:
    """Count per delivery of this run the children who have one result under two pupil numbers: an action.

    A child that is enrolled again may get a new number, and then counts as two pupils. At least one of the two numbers
    is an onderwijsnummer: two BSNs with one date of birth and one result are twins. This only warns.

    Args:
        good: the columns `CONSISTENCY_COLUMNS` of this run's rows that broke no other rule.
        earlier: the results of earlier runs, None when there are none.
        schools: the schools of this run that have earlier results.
    """
    columns = (
        f"xxhash64({', '.join(CHILD_COLUMNS)}, {', '.join(RESULT_COLUMNS)}) as _result",
        f"xxhash64({', '.join(CHILD_COLUMNS)}) as _child",
        _PUPIL,
        f"pgn_soort = '{ONDERWIJSNUMMER}' as _has_onderwijsnummer",
    )
    is_known_child = "geboortedatum is not null and geslacht is not null"
    results = good.where(is_known_child).selectExpr(*columns, DELIVERY_NUMBER)
    if earlier is not None and schools:
        names = [(school,) for school in sorted(schools)]
        listed = F.broadcast(make_local_frame(good.sparkSession, "brin string not null", names))
        theirs = earlier.where(is_known_child).join(listed, "brin", "left_semi")
        results = results.union(theirs.selectExpr(*columns, f"int(null) as {DELIVERY_NUMBER}"))
    suspect = F.broadcast(results.where("_has_onderwijsnummer").select("_result").distinct())
    shared = (
        results.join(suspect, "_result", "left_semi")
        .groupBy("_result")
        .agg(
            F.expr(f"min({_PGN}) < max({_PGN}) as _two_pupils"),
            F.collect_set(F.struct(DELIVERY_NUMBER, "_child")).alias("_deliveries"),
        )
        .where("_two_pupils")
    )
    children = shared.select(F.explode("_deliveries").alias("_delivery")).select("_delivery.*")
    counts = children.where(f"{DELIVERY_NUMBER} is not null").groupBy(DELIVERY_NUMBER)
    lines = counts.agg(F.count_distinct("_child").alias("n")).toArrow().to_pylist()
    return {line[DELIVERY_NUMBER]: line["n"] for line in lines}


def _span_sql(name: str, partition: str) -> str:
    window = f"over (partition by {partition})"
    return f"max(most{name}) {window} - min(least{name}) {window}"
