"""PupilRecords → Pseudonymised: keyed pseudonyms in place of the numbers.

HMAC-SHA-256 of a labelled text (`pgn|` + nine digits, `brin|` + BRIN4), natively: the padded key blocks
come from a broadcast frame of one row, never from a literal, a setting or an argument. Schools are hashed
once each.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import Column
from pyspark.sql import functions as F

from cohort.foundation.identifiers import school_number
from cohort.keys.project_keys import INNER, OUTER, Key
from cohort.states import local_frames
from cohort.states.schemas import (
    ELSEWHERE,
    HOME,
    IDENTIFYING,
    OTHERS,
    PGN,
    PUPIL,
    ROWS,
    SCHOOL,
    USED,
    Pseudonymised,
    PupilRecords,
    forbid,
)


def hmac_sha256(message: Column) -> Column:
    """HMAC-SHA-256 (RFC 2104) of a text, as 32 bytes; null of null.

    Takes: a column of a frame joined with `Key.frame`.
    """
    inner = F.unhex(F.sha2(F.concat(INNER, message.cast("binary")), 256))
    return F.unhex(F.sha2(F.concat(OUTER, inner), 256))


def pseudonymise(pupils: PupilRecords, key: Key, schools: Iterable[str]) -> Pseudonymised:
    """Replace pupil numbers and school codes.

    Takes: pupil records, the project's key, the schools of the school list.
    Gives: `_pupil`, `_school` (32 bytes each), `_others` (array of them, or null), `_rows`, `_used`, and the
    columns' leaf numbers; as many rows as came in (whoever counts them asserts it).
    """
    spark = pupils.sparkSession
    named = sorted(set(schools))
    digests = key.digests(f"brin|{school}" for school in named)
    coded = [(school_number(school), digest) for school, digest in zip(named, digests, strict=True)]
    lookup = local_frames.local(spark, f"{HOME} int not null, _listed binary not null", coded)
    columns = [c for c in pupils.columns if c not in (PGN, HOME, ELSEWHERE, ROWS, USED)]
    keyed = (
        pupils.join(F.broadcast(lookup), HOME, "left")
        .join(F.broadcast(key.frame(spark)))
        .select(
            hmac_sha256(F.concat(F.lit("pgn|"), F.lpad(F.col(PGN).cast("string"), 9, "0"))).alias(PUPIL),
            F.coalesce("_listed", hmac_sha256(_brin(F.col(HOME)))).alias(SCHOOL),
            F.transform(ELSEWHERE, lambda school: hmac_sha256(_brin(school))).alias(OTHERS),
            ROWS,
            USED,
            *columns,
        )
    )
    forbid(keyed, IDENTIFYING)
    return Pseudonymised(keyed)


def _brin(code: Column) -> Column:
    """The labelled text of a school, back from its code: ((digits)·26 + letter)·26 + letter."""
    letters = [F.char((F.floor(code / divisor) % 26 + 65).cast("int")) for divisor in (26, 1)]
    digits = F.lpad(F.floor(code / 676).cast("string"), 2, "0")
    return F.concat(F.lit("brin|"), digits, *letters)
