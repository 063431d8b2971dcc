"""Excluded pupils: whose rows ingestion must not keep, and of which domains.

In: the objections of today, and rows that say which pupil is at which school. Out: frames of `pgn` and `_scopes`
(`alles`, or names of domains), and rows marked with them. Called by ingestion and by the erasure of rows.

An objection to one project excludes no row here: other projects may use it, and each release leaves out its own
objectors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import Catalogue
from cohort.data_states import make_local_frame
from cohort.legal_basis import SCOPE_EVERYTHING, Objections, find_pupils_not_opted_in, pupils_by_school

OBJECTED_COLUMN = "_objected"
EXCLUDED_SCOPES = "_scopes"
"""What of a pupil is excluded: `alles`, or names of domains."""
EXCLUDED_PUPILS_SCHEMA = f"pgn string not null, {EXCLUDED_SCOPES} array<string>"


def listed_numbers(objections: Objections) -> frozenset[str]:
    """The numbers of pupils who object to everything or to a domain, as the lists and the registry have them."""
    return objections.barred_from_everything.union(*objections.barred_by_domain.values())


def listed_pupils(spark: SparkSession, objections: Objections) -> DataFrame:
    """The pupils who object to everything or to a domain, each number once: `pgn` and `_scopes`."""
    scopes = defaultdict[str, list[str]](list)
    for number in objections.barred_from_everything:
        scopes[number].append(SCOPE_EVERYTHING)
    for domain, numbers in sorted(objections.barred_by_domain.items()):
        for number in numbers - objections.barred_from_everything:
            scopes[number].append(domain)
    return make_local_frame(spark, EXCLUDED_PUPILS_SCHEMA, sorted(scopes.items()))


def pupils_without_opt_in(objections: Objections, presence: DataFrame, domains: Collection[str]) -> DataFrame:
    """The pupils of opt-in schools who did not opt in to a domain: `pgn` and `_scopes`.

    Args:
        objections: the objections of today, with the opt-in lists.
        presence: `pgn` and `brin`, which pupil is at which school.
        domains: the domains of the test catalogue.
    """
    lists = objections.opt_in_lists
    permitted = {domain: [one.numbers_for_domain(domain) for one in lists] for domain in sorted(domains)}
    everybody = pupils_by_school(presence, objections.unlisted_pupils)
    missing = find_pupils_not_opted_in(everybody, lists, permitted)
    return missing.groupBy("pgn").agg(F.collect_list("purpose").alias(EXCLUDED_SCOPES))


def find_excluded_pupils(objections: Objections, presence: DataFrame, domains: Collection[str]) -> DataFrame:
    """The pupils whose rows are not kept, for either reason, each number once: `pgn` and `_scopes`.

    Args:
        objections: the objections of today.
        presence: `pgn` and `brin`, which pupil is at which school.
        domains: the domains of the test catalogue.
    """
    listed = listed_pupils(presence.sparkSession, objections)
    if not objections.opt_in_lists:
        return listed
    excluded = listed.unionByName(pupils_without_opt_in(objections, presence, domains))
    return excluded.groupBy("pgn").agg(F.flatten(F.collect_list(EXCLUDED_SCOPES)).alias(EXCLUDED_SCOPES))


def is_excluded(domain: Column, scopes: Column) -> Column:
    """Whether a row of an excluded pupil must go: its domain is among the scopes, or is not known at all."""
    return domain.isNull() | F.array_contains(scopes, F.lit(SCOPE_EVERYTHING)) | F.array_contains(scopes, domain)


def mark_rows_of_listed_pupils(rows: DataFrame, objections: Objections) -> DataFrame:
    """`mark_excluded_rows` with the listed pupils; without any it saves the join, which copies every row."""
    if not listed_numbers(objections):
        return rows.withColumn(OBJECTED_COLUMN, F.lit(None).cast("boolean"))
    return mark_excluded_rows(rows, listed_pupils(rows.sparkSession, objections))


def mark_excluded_rows(rows: DataFrame, excluded: DataFrame) -> DataFrame:
    """Add the column `_objected`: true where a row must go or was marked so before, else null.

    Args:
        rows: rows with `pgn` and `domein`, and perhaps `_objected`.
        excluded: the excluded pupils, `pgn` and `_scopes`.
    """
    joined = rows.join(F.broadcast(excluded), "pgn", "left")
    scopes = F.col(EXCLUDED_SCOPES)
    objected = F.when(scopes.isNotNull() & is_excluded(F.col("domein"), scopes), F.lit(True))
    earlier = [F.col(OBJECTED_COLUMN)] if OBJECTED_COLUMN in rows.columns else []
    others = [F.col(name) for name in rows.columns if name != OBJECTED_COLUMN]
    return joined.select(*others, F.coalesce(*earlier, objected).alias(OBJECTED_COLUMN))


def domain_of_test_code(code: Column, catalogue: Catalogue) -> Column:
    """The domain of a test code as a school wrote it; null for one that is unknown or of several domains."""
    domains_by_code = defaultdict[str, set[str]](set)
    for test in catalogue.tests:
        domains_by_code[test.toetscode].add(test.domein)
    pairs = [(code, next(iter(domains))) for code, domains in sorted(domains_by_code.items()) if len(domains) == 1]
    if not pairs:
        return F.lit(None).cast("string")
    domain_by_code = F.create_map(*(F.lit(text) for pair in pairs for text in pair))
    return F.try_element_at(domain_by_code, code)
