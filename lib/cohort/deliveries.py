"""Schools' files → Delivered: one native scan per format, encoding and number of fields.

Columns are found by name, values brought to the canonical way of writing where they stand as their format
declares; a value that stands otherwise is marked, so that no rule takes it for one. Values stay text here;
`quality` types them.
"""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from typing import NamedTuple
from urllib.parse import unquote

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from cohort import frames
from cohort.intake.arrivals import DeliveredFile
from cohort.intake.formats import Format, Formats
from cohort.schema import CANONICAL, CORRUPT, GIVEN, NUMBER, Delivered

NOT_AS_DECLARED = "≠"
"""Put before a value that is not written as its format declares: no rule takes it for a value then."""
OPTIONS = {
    "quote": '"', "escape": '"', "mode": "PERMISSIVE", "columnNameOfCorruptRecord": CORRUPT,
    "nullValue": "", "emptyValue": "", "columnPruning": "false",
    "inputBufferSize": f"{2**14}",  # of characters: by itself Spark takes 2 MiB for every file, however small
}  # fmt: skip
LINE = "line"
PIECE = "_piece"
"""Where the part of a file begins that a row was read with: Spark reads a long file in parts."""
SITES = ("brin", "vestiging")
DATES, DECIMALS = ("geboortedatum", "afnamedatum"), ("vaardigheidsscore",)
NOWHERE = -1
"""The place of a column that a file does not have."""
_FIELDS, _PATH = "_fields", "_path"
_PLACES = {name: f"_place_{i}" for i, name in enumerate(CANONICAL)}

Numbered = tuple[int, DeliveredFile]


class Dialect(NamedTuple):
    """What files must have in common to be read in one scan."""

    format: str
    encoding: str
    width: int
    lined: bool


def read(spark: SparkSession, numbered: list[Numbered], formats: Formats) -> Delivered:
    """Read the files that can be read.

    Takes: (delivery number, file) pairs; files with a reason code are not among them.
    Gives: every canonical column as text without blanks around it, null where nothing is left or a file lacks
    it; `levering_nr`; `_corrupt`, not null where a line has another number of fields than its header;
    `_given`, a reason code that is known already, else null.
    """
    return Delivered(_named(spark, numbered, formats))


def read_placed(spark: SparkSession, numbered: list[Numbered], formats: Formats) -> DataFrame:
    """The same rows with what `lined` tells the number of their line or element by.

    Gives: `Delivered`'s columns, `line` (of a transcript's row its own, else null), `_piece` (null in a
    transcript).
    """
    return _named(spark, numbered, formats, LINE, PIECE)


def lined(rows: DataFrame, order: str) -> DataFrame:
    """The rows of `read_placed` with the number of each one's line or element.

    Takes: all rows of their files, and the column that is one more from each row of a piece to the next. A
    file that is read as it is has its header in the first line, and no empty one before its last row.
    Gives: `line` (1 = the first line of what was sent), without `_piece`.
    """
    pieces = rows.where(F.col(PIECE).isNotNull()).groupBy(NUMBER, PIECE)
    found = pieces.agg(F.min(order).alias("_first"), F.count(F.lit(1)).alias("_rows"))
    before = F.sum("_rows").over(Window.partitionBy(NUMBER).orderBy(PIECE)) - F.col("_rows")
    starts = found.select(NUMBER, PIECE, (before + 2 - F.col("_first")).alias("_shift"))
    counted = (F.col(order) + F.col("_shift")).cast("int")
    placed = rows.join(F.broadcast(starts), [NUMBER, PIECE], "left")
    return placed.withColumn(LINE, F.coalesce(LINE, counted)).drop(PIECE, "_shift")


def _named(spark: SparkSession, numbered: list[Numbered], formats: Formats, *extra: str) -> DataFrame:
    """A scan per dialect, not per header: what follows is planned and compiled once for each."""
    dialects: dict[Dialect, list[Numbered]] = defaultdict(list)
    for number, file in numbered:
        dialects[Dialect(file.format, file.encoding, len(file.columns), file.lined)].append((number, file))
    places = ", ".join(f"{place} int not null" for place in _PLACES.values())
    state = f"{_PATH} string not null, {NUMBER} int not null, {places}"
    parts = []
    for dialect, group in dialects.items():
        declared = formats[dialect.format]
        frame = _scan(spark, dialect, declared, [str(file.path) for _, file in group])
        files = F.broadcast(frames.local(spark, state, _places(frame, group)))
        rows = frame.join(files, _PATH)
        cells = rows.select(*_cells(), CORRUPT, GIVEN, NUMBER, *extra)
        if not declared.as_canonical:
            cells = frames.apart(cells)
        parts.append(cells.select(*_written(declared), CORRUPT, GIVEN, NUMBER, *extra))
    return reduce(DataFrame.unionByName, parts)


def _cells() -> list[Column]:
    """Every canonical column without blanks around it; null where nothing is left."""
    return [F.expr(f"nullif(trim(get({_FIELDS}, {place})), '') as {name}") for name, place in _PLACES.items()]


def _places(frame: DataFrame, group: list[Numbered]) -> list[tuple[str | int, ...]]:
    """By the name that Spark gives a file: its number, and where each canonical column stands in it."""
    found: list[tuple[str | int, ...]] = []
    by_path = {str(file.path): (number, file) for number, file in group}
    for name in frame.inputFiles():
        number, file = by_path[unquote(name.removeprefix("file://"))]
        place = {column: i for i, column in enumerate(file.columns) if column}
        found.append((name, number, *(place.get(column, NOWHERE) for column in CANONICAL)))
    return found


def _scan(spark: SparkSession, dialect: Dialect, declared: Format, paths: list[str]) -> DataFrame:
    options = {**OPTIONS, "sep": declared.delimiter, "encoding": dialect.encoding}
    frame = spark.read.options(header="true", **options).schema(_positions(dialect)).csv(paths)
    # Not `_metadata`, for which Spark copies every row once more.
    fields = F.array(*(f"c{i}" for i in range(dialect.width))).alias(_FIELDS)
    own: list[Column] = [fields, F.col(CORRUPT), F.input_file_name().alias(_PATH)]
    if not dialect.lined:
        none = F.lit(None).cast("string").alias(GIVEN), F.lit(None).cast("int").alias(LINE)
        return frame.select(*own, *none, F.input_file_block_start().alias(PIECE))
    given = F.nullif(GIVEN, F.lit("")).alias(GIVEN)
    line = F.col(LINE).try_cast("int").alias(LINE)
    return frame.select(*own, given, line, F.lit(None).cast("bigint").alias(PIECE))


def _positions(dialect: Dialect) -> StructType:
    """Columns by position (`c0`, `c1`, …): a delivered name is never trusted as a column's name."""
    first = [LINE, GIVEN] if dialect.lined else []
    names = [*first, *(f"c{i}" for i in range(dialect.width)), CORRUPT]
    return StructType([StructField(name, StringType()) for name in names])


def _written(declared: Format) -> list[Column]:
    """Every canonical column in the canonical way of writing."""
    return [_canonical(name, declared).alias(name) for name in CANONICAL]


def _canonical(name: str, declared: Format) -> Column:
    if name in SITES:
        return _site(name)
    sent = value = F.col(name)
    known = None
    if name in declared.codes:
        known = _translated(value, declared.codes[name])
    elif name in DATES and declared.dates == "dd-mm-yyyy":
        turned = F.concat_ws("-", *(F.substring(value, *part) for part in ((7, 4), (4, 2), (1, 2))))
        known = F.when(value.rlike(r"^[0-9]{2}-[0-9]{2}-[0-9]{4}\z"), turned)
    elif name in DECIMALS and declared.decimal == ".":
        known = F.when(value.rlike(r"^[0-9]+(\.[0-9]+)?\z"), F.translate(value, ".", ","))
    elif name == "schooljaar" and declared.school_years == "2024/2025":
        known = F.when(value.rlike(r"^[0-9]{4}/[0-9]{4}\z"), F.translate(value, "/", "-"))
    if known is not None:
        sent = F.coalesce(known, F.concat(F.lit(NOT_AS_DECLARED), value))
    if declared.sentinels.get(name):
        sent = F.when(~value.isin(*declared.sentinels[name]), sent)
    return sent


def _site(name: str) -> Column:
    """BRIN4 and site, also where a school wrote both in one (BRIN6, such as 99ZZ00)."""
    whole, site = F.col("brin"), F.col("vestiging")
    both = (F.length(whole) == 6) & whole.rlike(r"^[0-9]{2}[A-Z]{2}[0-9]{2}\z")
    if name == "brin":
        return F.when(both, F.substring(whole, 1, 4)).otherwise(whole)
    own, given = F.substring(whole, 5, 2), F.coalesce(site, F.lit(""))
    agreed = F.when((given == "") | (given == own), own).otherwise(F.concat(F.lit(NOT_AS_DECLARED), given))
    return F.when(both, agreed).otherwise(site)


def _translated(value: Column, codes: dict[str, str]) -> Column:
    told = F.lit(None).cast("string")
    for written, code in codes.items():
        told = F.when(value == written, F.lit(code)).otherwise(told)
    return told
