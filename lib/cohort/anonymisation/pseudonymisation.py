"""Stage AdmittedRecords → PseudonymisedRecords: keyed pseudonyms in place of pupil numbers and school codes.

A pseudonym is the HMAC-SHA-256 of a labelled text (`pgn|` and nine digits, `brin|` and the BRIN), computed by Spark
itself. The padded key blocks come from a broadcast frame of one row, never from a literal, a setting or an argument,
which Spark would write in its plans and logs. Each school is hashed once. Of a pupil who may not be used nothing is
hashed, and nothing but counts goes on.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import Column
from pyspark.sql import functions as F

from cohort.data_states import (
    HOME_SCHOOL,
    IDENTIFYING_COLUMNS,
    OBJECTED,
    OTHER_SCHOOLS,
    OTHER_SCHOOLS_CONTROL,
    PGN,
    PUPIL_CONTROL,
    ROW_COUNT,
    SCHOOL_CONTROL,
    SELECTED_ROW_COUNT,
    SHOWN_ROW_COUNT,
    AdmittedRecords,
    PseudonymisedRecords,
    forbid_columns,
    make_local_frame,
)
from cohort.foundation import brin_to_number
from cohort.keys import INNER_BLOCK, OUTER_BLOCK, ProjectKey

_COUNTS = (SELECTED_ROW_COUNT, ROW_COUNT, SHOWN_ROW_COUNT, OBJECTED)


def hmac_sha256(message: Column) -> Column:
    """HMAC-SHA-256 (RFC 2104) of a text, as 32 bytes; null for null.

    Args:
        message: a text column of a frame that is joined with `ProjectKey.frame`, which has the key blocks.
    """
    inner = F.unhex(F.sha2(F.concat(INNER_BLOCK, message.cast("binary")), 256))
    return F.unhex(F.sha2(F.concat(OUTER_BLOCK, inner), 256))


def pseudonymise_pupils(pupils: AdmittedRecords, key: ProjectKey, schools: Iterable[str]) -> PseudonymisedRecords:
    """Replace pupil numbers and school codes by pseudonyms.

    Args:
        pupils: the pupil records, each with whether its pupil objects.
        key: the key of the project.
        schools: the BRINs of the school list.

    Returns:
        As many rows as came in, with `_pupil` and `_school` (32 bytes each), `_others` (an array of them, or null),
        `_selected`, `_rows`, `_used`, `_objected`, and the leaf numbers of the columns. Of a pupil with an objection,
        or without a row with an instruction, everything but the counts and `_objected` is null.
    """
    spark = pupils.sparkSession
    brins = sorted(set(schools))
    digests = key.digest_texts(f"brin|{brin}" for brin in brins)
    rows = [(brin_to_number(brin), digest) for brin, digest in zip(brins, digests, strict=True)]
    lookup = make_local_frame(spark, f"{HOME_SCHOOL} int not null, _listed binary not null", rows)
    columns = [name for name in pupils.columns if name not in (PGN, HOME_SCHOOL, OTHER_SCHOOLS, *_COUNTS)]
    protected = {
        PUPIL_CONTROL: hmac_sha256(F.concat(F.lit("pgn|"), F.lpad(F.col(PGN).cast("string"), 9, "0"))),
        SCHOOL_CONTROL: F.coalesce("_listed", hmac_sha256(_labelled_brin(F.col(HOME_SCHOOL)))),
        OTHER_SCHOOLS_CONTROL: F.transform(OTHER_SCHOOLS, lambda school: hmac_sha256(_labelled_brin(school))),
        **{name: F.col(name) for name in columns},
    }
    may_be_used = (F.col(ROW_COUNT) > 0) & ~F.col(OBJECTED)
    keyed = (
        pupils.join(F.broadcast(lookup), HOME_SCHOOL, "left")
        .join(F.broadcast(key.key_frame(spark)))
        .select(*_COUNTS, *(F.when(may_be_used, value).alias(name) for name, value in protected.items()))
    )
    forbid_columns(keyed, IDENTIFYING_COLUMNS)
    return PseudonymisedRecords(keyed)


def _labelled_brin(number: Column) -> Column:
    """The labelled text of a school, from the number of its BRIN: (digits·26 + letter)·26 + letter."""
    letters = [F.char((F.floor(number / divisor) % 26 + 65).cast("int")) for divisor in (26, 1)]
    digits = F.lpad(F.floor(number / 676).cast("string"), 2, "0")
    return F.concat(F.lit("brin|"), digits, *letters)
