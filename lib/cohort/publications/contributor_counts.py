"""Stage AcceptedResults → counts per school: how many pupils of each combination of values every school has.

The unit is a pupil in a school year, with the attributes and the school of its latest result of that year. One pass
over the results; the driver receives counts and sums of scores, never a pupil. Results of tests that are marked
`bijzonder` are not read.

    pgn        schooljaar  brin  geslacht  rekenen_E          schooljaar  brin  geslacht  pupils  rekenen_E_sum
    123456782  2024-2025   99ZZ  1         140           →    2024-2025   99ZZ  1         2       28400
    111222333  2024-2025   99ZZ  1         144
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cohort.agreements import DeclaredScore, Publication
from cohort.data_states import RESULTS_SCHEMA, AcceptedResults, require_columns
from cohort.legal_basis import Objections, find_barred_pupils
from cohort.publications.publication_variables import ABSENT, PRESENT, name_presence, name_score
from cohort.sdc import UNKNOWN_VALUE

OBJECTED = "_objected"
SCORE_VALUE, SCORE_NAME = "value", "score"
PUPIL_ATTRIBUTES = (
    "geslacht",
    "jaargroep",
    "gewicht",
    "thuistaal",
    "opleiding_ouders",
    "combinatiegroep",
    "schooltype",
)
"""Attributes that a row of the results has; those of schools are added on the driver."""


@dataclass(frozen=True, eq=False)
class CountedUnits:
    """What Spark counted.

    Args:
        rows: a column per attribute of pupils, `schooljaar` and the presence variables; `brin`, `pupils`, and per score
            `<score>_sum` and `<score>_sum_squares` in hundredths of a point. Without pupils who may not be used.
        objected: pupils in a school year who may not be used because of an objection.
        sizes: pupils of each school in each school year, of all year groups, by BRIN and school year; empty where no
            variable shows the size of schools.
        scores: the attributes, `score`, `value` in hundredths and `pupils`; None without percentiles.
    """

    rows: pa.Table
    objected: int
    scores: pa.Table | None
    sizes: Mapping[tuple[str, str], int]


def count_units(
    results: AcceptedResults, publication: Publication, objections: Objections, domains: Collection[str]
) -> CountedUnits:
    """Count the pupils of a publication.

    Args:
        results: the accepted results of all batches that count, of all school years.
        publication: the declaration.
        objections: the objections of today; whoever is barred from everything, from any of the domains or from a
            project of its name is left out.
        domains: the domains of all tests: a pupil is counted because of a result of any of them.
    """
    require_columns(results, RESULTS_SCHEMA)
    attributes = list_pupil_attributes(publication)
    everybody = _mark_objected(
        _make_units(results, publication, attributes),
        find_barred_pupils(results, objections, publication.name, domains),
    )
    has_percentiles = any(m.kind == "percentile" for table in publication.tables for m in table.measures)
    has_sizes = any(variable.edges is not None for variable in publication.variables)
    if has_percentiles or has_sizes:
        everybody = everybody.persist()
    units = _select_population(everybody, publication)
    try:
        keys = ["schooljaar", "brin", *attributes, *(name_presence(s, m) for s, m in _score_moments(publication))]
        counted = units.groupBy(OBJECTED, *keys).agg(
            F.count(F.lit(1)).alias("pupils"),
            *(total for score in _list_score_names(publication) for total in _sum_score(score)),
        )
        table: pa.Table = counted.toArrow()
        scores = _count_scores(units, publication, keys) if has_percentiles else None
        sizes = _count_school_sizes(everybody) if has_sizes else {}
    finally:
        if has_percentiles or has_sizes:
            everybody.unpersist()
    objected = table[OBJECTED].to_numpy(zero_copy_only=False).astype(bool)
    return CountedUnits(
        rows=table.filter(pa.array(~objected)).drop_columns([OBJECTED]),
        objected=int(table["pupils"].to_numpy()[objected].sum()),
        scores=scores,
        sizes=sizes,
    )


def list_pupil_attributes(publication: Publication) -> list[str]:
    """List the attributes of pupils that the tables show, or that restrict the pupils."""
    used = {variable.attribute for variable in publication.variables}
    if publication.population.jaargroep is not None:
        used.add("jaargroep")
    return [name for name in PUPIL_ATTRIBUTES if name in used]


def _make_units(results: AcceptedResults, publication: Publication, attributes: Sequence[str]) -> DataFrame:
    """Make one row per pupil and school year, of all year groups."""
    rows = results.where(F.col("schooljaar").isin(publication.population.schooljaar) & ~F.col("bijzonder"))
    order = F.struct("peildag", "levering_nr", "brin", *attributes)
    scores = {name_score(s, m): _choose_score(s, m) for s, m in _score_moments(publication)}
    units = rows.groupBy("pgn", "schooljaar").agg(
        F.max_by("brin", order).alias("brin"),
        *(F.coalesce(F.max_by(name, order), F.lit(UNKNOWN_VALUE)).alias(name) for name in attributes),
        *(chosen.alias(name) for name, chosen in scores.items()),
    )
    presences = {
        name_presence(s, m): F.when(F.col(name_score(s, m)).isNotNull(), PRESENT).otherwise(ABSENT)
        for s, m in _score_moments(publication)
    }
    return units.withColumns(presences)


def _select_population(units: DataFrame, publication: Publication) -> DataFrame:
    """Select the population by what pupils are counted as, so that it is the same in every publication."""
    population = publication.population
    required = [name_presence(s, m) for s, m in _score_moments(publication) if s.name in population.scores]
    conditions = [F.col(name) == PRESENT for name in required]
    if population.jaargroep is not None:
        conditions.append(F.col("jaargroep").isin(population.jaargroep))
    return units.where(reduce(Column.__and__, conditions, F.lit(True)))


def _choose_score(score: DeclaredScore, moment: str) -> Column:
    """The score of a pupil at a moment, in hundredths of a point: of several the one that the declaration says.

    Of several on one day in one delivery it is the highest one, or of the first the lowest.
    """
    is_score = (
        (F.col("domein") == score.domein)
        & (F.col("schaal") == score.schaal)
        & (F.col("afnameperiode") == moment)
        & F.col(score.value).isNotNull()
    )
    value = F.when(is_score, (F.col(score.value) * 100).cast("bigint"))
    if score.several == "highest":
        return F.max(value)
    chosen = F.when(is_score, F.struct(F.col("peildag"), F.col("levering_nr"), value))
    return F.min_by(value, chosen) if score.several == "first" else F.max_by(value, chosen)


def _mark_objected(units: DataFrame, barred: DataFrame) -> DataFrame:
    marked = barred.select("pgn", F.lit(True).alias(OBJECTED))
    joined = units.join(F.broadcast(marked), "pgn", "left")
    return joined.withColumn(OBJECTED, F.coalesce(F.col(OBJECTED), F.lit(False))).drop("pgn")


def _count_school_sizes(units: DataFrame) -> dict[tuple[str, str], int]:
    """Count the pupils of every school in every school year, whatever the population of the publication is."""
    counted = units.where(~F.col(OBJECTED)).groupBy("brin", "schooljaar").agg(F.count(F.lit(1)).alias("pupils"))
    return {(row["brin"], row["schooljaar"]): row["pupils"] for row in counted.toArrow().to_pylist()}


def _sum_score(name: str) -> tuple[Column, Column]:
    value = F.col(name)
    squares = (value.cast("decimal(18,0)") * value.cast("decimal(18,0)")).cast("decimal(28,0)")
    return (
        F.coalesce(F.sum(value), F.lit(0)).cast("bigint").alias(f"{name}_sum"),
        F.coalesce(F.sum(squares), F.lit(0)).cast("decimal(38,0)").alias(f"{name}_sum_squares"),
    )


def _count_scores(units: DataFrame, publication: Publication, keys: Sequence[str]) -> pa.Table:
    """Count the pupils with each value of each score."""
    names = _list_score_names(publication)
    values = F.explode(F.array(*(F.struct(F.lit(n).alias(SCORE_NAME), F.col(n).alias(SCORE_VALUE)) for n in names)))
    long = units.where(~F.col(OBJECTED)).select(*keys, values.alias("_one")).select(*keys, "_one.*")
    counted = long.where(F.col(SCORE_VALUE).isNotNull()).groupBy(*keys, SCORE_NAME, SCORE_VALUE)
    table: pa.Table = counted.agg(F.count(F.lit(1)).alias("pupils")).toArrow()
    return table


def _score_moments(publication: Publication) -> list[tuple[DeclaredScore, str]]:
    return [(score, moment) for score in publication.scores for moment in score.ordered_moments]


def _list_score_names(publication: Publication) -> list[str]:
    return [name_score(score, moment) for score, moment in _score_moments(publication)]
