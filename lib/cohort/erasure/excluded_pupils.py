"""Which rows of whom are not kept: everything of a pupil who objects to all, of another what is of a domain.

An objection to a project keeps nothing out here: other projects may use the rows, and each release leaves
out its own objectors.
"""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements.catalogue import Catalogue
from cohort.legal_basis import opt_in_lists
from cohort.legal_basis.objection_lists import SCOPE_EVERYTHING
from cohort.legal_basis.objections import Objections
from cohort.states import local_frames

OBJECTED_COLUMN = "_objected"
EXCLUDED_SCOPES = "_scopes"
"""What of a pupil is barred: `alles`, or names of domains."""
EXCLUDED_PUPILS_SCHEMA = f"pgn string not null, {EXCLUDED_SCOPES} array<string>"


def mark_rows_of_listed_pupils(rows: DataFrame, lists: Objections) -> DataFrame:
    """`marked` by whoever is listed; a join copies every row, so there is none for lists without a number."""
    if not listed_numbers(lists):
        return rows.withColumn(OBJECTED_COLUMN, F.lit(None).cast("boolean"))
    return mark_excluded_rows(rows, listed_pupils(rows.sparkSession, lists))


def listed_pupils(spark: SparkSession, lists: Objections) -> DataFrame:
    """Whose rows are not kept because they are listed, each number once: `pgn` and `_scopes`."""
    scopes = {number: [SCOPE_EVERYTHING] for number in lists.barred_from_everything}
    for domain, listed in sorted(lists.barred_by_domain.items()):
        for number in listed - lists.barred_from_everything:
            scopes.setdefault(number, []).append(domain)
    return local_frames.make_local_frame(spark, EXCLUDED_PUPILS_SCHEMA, sorted(scopes.items()))


def pupils_without_opt_in(lists: Objections, seen: DataFrame, domains: Collection[str]) -> DataFrame:
    """Whom the lists that allow leave out, of which domains: `pgn` and `_scopes`."""
    permitted = {domain: [p.numbers_for_domain(domain) for p in lists.opt_in_lists] for domain in sorted(domains)}
    everybody = opt_in_lists.pupils_by_school(seen, lists.unlisted_pupils)
    missing = opt_in_lists.find_pupils_not_opted_in(everybody, lists.opt_in_lists, permitted)
    return missing.groupBy("pgn").agg(F.collect_list("purpose").alias(EXCLUDED_SCOPES))


def find_excluded_pupils(lists: Objections, seen: DataFrame, domains: Collection[str]) -> DataFrame:
    """Whose rows are not kept for whatever reason, each number once: `pgn` and `_scopes`.

    Takes: `pgn` and `brin` of whoever was seen where; the domains of the test catalogue.
    """
    listed = listed_pupils(seen.sparkSession, lists)
    if not lists.opt_in_lists:
        return listed
    both = listed.unionByName(pupils_without_opt_in(lists, seen, domains))
    return both.groupBy("pgn").agg(F.flatten(F.collect_list(EXCLUDED_SCOPES)).alias(EXCLUDED_SCOPES))


def is_excluded(domain: Column, scopes: Column) -> Column:
    """Whether a row of that domain is barred; a row of no known domain is, whatever its pupil objects to."""
    return domain.isNull() | F.array_contains(scopes, F.lit(SCOPE_EVERYTHING)) | F.array_contains(scopes, domain)


def mark_excluded_rows(rows: DataFrame, barred: DataFrame) -> DataFrame:
    """The rows with one more column, `_objected`: true where it is barred or was marked so, else null."""
    joined = rows.join(F.broadcast(barred), "pgn", "left")
    objected = F.when(
        F.col(EXCLUDED_SCOPES).isNotNull() & is_excluded(F.col("domein"), F.col(EXCLUDED_SCOPES)), F.lit(True)
    )
    earlier = [F.col(OBJECTED_COLUMN)] if OBJECTED_COLUMN in rows.columns else []
    others = [F.col(name) for name in rows.columns if name != OBJECTED_COLUMN]
    return joined.select(*others, F.coalesce(*earlier, objected).alias(OBJECTED_COLUMN))


def domain_of_test_code(code: Column, catalogue: Catalogue) -> Column:
    """The domain of a test as a school wrote it, or null: unknown, or of several domains."""
    named: dict[str, set[str]] = {}
    for test in catalogue.tests:
        named.setdefault(test.toetscode, set()).add(test.domein)
    pairs = [(code, next(iter(domains))) for code, domains in sorted(named.items()) if len(domains) == 1]
    if not pairs:
        return F.lit(None).cast("string")
    known = F.create_map(*(F.lit(text) for pair in pairs for text in pair))
    return F.try_element_at(known, code)


def listed_numbers(lists: Objections) -> frozenset[str]:
    """Numbers of whom something is not kept, as the lists have them."""
    return lists.barred_from_everything.union(*lists.barred_by_domain.values())
