"""PupilRecords → Pseudonymised: keyed pseudonyms in place of the numbers.

HMAC-SHA-256 of a labelled text (`pgn|` + nine digits, `brin|` + BRIN4), natively: the padded key blocks
come from a broadcast frame of one row, never from a literal, a setting or an argument. Schools are hashed
once each.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import Column
from pyspark.sql import functions as F

from cohort.foundation.identifiers import brin_to_number
from cohort.keys.project_keys import INNER_BLOCK, OUTER_BLOCK, ProjectKey
from cohort.states import local_frames
from cohort.states.schemas import (
    HOME_SCHOOL,
    IDENTIFYING_COLUMNS,
    OTHER_SCHOOLS,
    OTHER_SCHOOLS_CONTROL,
    PGN,
    PUPIL_CONTROL,
    ROW_COUNT,
    SCHOOL_CONTROL,
    SHOWN_ROW_COUNT,
    PseudonymisedRecords,
    PupilRecords,
    forbid_columns,
)


def hmac_sha256(message: Column) -> Column:
    """HMAC-SHA-256 (RFC 2104) of a text, as 32 bytes; null of null.

    Takes: a column of a frame joined with `Key.frame`.
    """
    inner = F.unhex(F.sha2(F.concat(INNER_BLOCK, message.cast("binary")), 256))
    return F.unhex(F.sha2(F.concat(OUTER_BLOCK, inner), 256))


def pseudonymise_pupils(pupils: PupilRecords, key: ProjectKey, schools: Iterable[str]) -> PseudonymisedRecords:
    """Replace pupil numbers and school codes.

    Takes: pupil records, the project's key, the schools of the school list.
    Gives: `_pupil`, `_school` (32 bytes each), `_others` (array of them, or null), `_rows`, `_used`, and the
    columns' leaf numbers; as many rows as came in (whoever counts them asserts it).
    """
    spark = pupils.sparkSession
    named = sorted(set(schools))
    digests = key.digest_texts(f"brin|{school}" for school in named)
    coded = [(brin_to_number(school), digest) for school, digest in zip(named, digests, strict=True)]
    lookup = local_frames.make_local_frame(spark, f"{HOME_SCHOOL} int not null, _listed binary not null", coded)
    columns = [c for c in pupils.columns if c not in (PGN, HOME_SCHOOL, OTHER_SCHOOLS, ROW_COUNT, SHOWN_ROW_COUNT)]
    keyed = (
        pupils.join(F.broadcast(lookup), HOME_SCHOOL, "left")
        .join(F.broadcast(key.key_frame(spark)))
        .select(
            hmac_sha256(F.concat(F.lit("pgn|"), F.lpad(F.col(PGN).cast("string"), 9, "0"))).alias(PUPIL_CONTROL),
            F.coalesce("_listed", hmac_sha256(_brin(F.col(HOME_SCHOOL)))).alias(SCHOOL_CONTROL),
            F.transform(OTHER_SCHOOLS, lambda school: hmac_sha256(_brin(school))).alias(OTHER_SCHOOLS_CONTROL),
            ROW_COUNT,
            SHOWN_ROW_COUNT,
            *columns,
        )
    )
    forbid_columns(keyed, IDENTIFYING_COLUMNS)
    return PseudonymisedRecords(keyed)


def _brin(code: Column) -> Column:
    """The labelled text of a school, back from its code: ((digits)·26 + letter)·26 + letter."""
    letters = [F.char((F.floor(code / divisor) % 26 + 65).cast("int")) for divisor in (26, 1)]
    digits = F.lpad(F.floor(code / 676).cast("string"), 2, "0")
    return F.concat(F.lit("brin|"), digits, *letters)
