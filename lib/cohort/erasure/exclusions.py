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
from cohort.legal_basis.objection_lists import ALL
from cohort.legal_basis.objections import Objections
from cohort.states import local_frames

OBJECTED = "_objected"
SCOPES = "_scopes"
"""What of a pupil is barred: `alles`, or names of domains."""
STATE = f"pgn string not null, {SCOPES} array<string>"


def marked_by_name(rows: DataFrame, lists: Objections) -> DataFrame:
    """`marked` by whoever is listed; a join copies every row, so there is none for lists without a number."""
    if not numbers(lists):
        return rows.withColumn(OBJECTED, F.lit(None).cast("boolean"))
    return marked(rows, named(rows.sparkSession, lists))


def named(spark: SparkSession, lists: Objections) -> DataFrame:
    """Whose rows are not kept because they are listed, each number once: `pgn` and `_scopes`."""
    scopes = {number: [ALL] for number in lists.blocked}
    for domain, listed in sorted(lists.in_domains.items()):
        for number in listed - lists.blocked:
            scopes.setdefault(number, []).append(domain)
    return local_frames.local(spark, STATE, sorted(scopes.items()))


def left_out(lists: Objections, seen: DataFrame, domains: Collection[str]) -> DataFrame:
    """Whom the lists that allow leave out, of which domains: `pgn` and `_scopes`."""
    permitted = {domain: [p.for_domain(domain) for p in lists.permissions] for domain in sorted(domains)}
    everybody = opt_in_lists.presence(seen, lists.unlisted)
    missing = opt_in_lists.left_out(everybody, lists.permissions, permitted)
    return missing.groupBy("pgn").agg(F.collect_list("purpose").alias(SCOPES))


def keys(lists: Objections, seen: DataFrame, domains: Collection[str]) -> DataFrame:
    """Whose rows are not kept for whatever reason, each number once: `pgn` and `_scopes`.

    Takes: `pgn` and `brin` of whoever was seen where; the domains of the test catalogue.
    """
    listed = named(seen.sparkSession, lists)
    if not lists.permissions:
        return listed
    both = listed.unionByName(left_out(lists, seen, domains))
    return both.groupBy("pgn").agg(F.flatten(F.collect_list(SCOPES)).alias(SCOPES))


def hit(domain: Column, scopes: Column) -> Column:
    """Whether a row of that domain is barred; a row of no known domain is, whatever its pupil objects to."""
    return domain.isNull() | F.array_contains(scopes, F.lit(ALL)) | F.array_contains(scopes, domain)


def marked(rows: DataFrame, barred: DataFrame) -> DataFrame:
    """The rows with one more column, `_objected`: true where it is barred or was marked so, else null."""
    joined = rows.join(F.broadcast(barred), "pgn", "left")
    objected = F.when(F.col(SCOPES).isNotNull() & hit(F.col("domein"), F.col(SCOPES)), F.lit(True))
    earlier = [F.col(OBJECTED)] if OBJECTED in rows.columns else []
    others = [F.col(name) for name in rows.columns if name != OBJECTED]
    return joined.select(*others, F.coalesce(*earlier, objected).alias(OBJECTED))


def domain_of(code: Column, catalogue: Catalogue) -> Column:
    """The domain of a test as a school wrote it, or null: unknown, or of several domains."""
    named: dict[str, set[str]] = {}
    for test in catalogue.tests:
        named.setdefault(test.toetscode, set()).add(test.domein)
    pairs = [(code, next(iter(domains))) for code, domains in sorted(named.items()) if len(domains) == 1]
    if not pairs:
        return F.lit(None).cast("string")
    known = F.create_map(*(F.lit(text) for pair in pairs for text in pair))
    return F.try_element_at(known, code)


def numbers(lists: Objections) -> frozenset[str]:
    """Numbers of whom something is not kept, as the lists have them."""
    return lists.blocked.union(*lists.in_domains.values())
