"""Schools' files → Delivered: one native scan per format, encoding and number of fields.

Columns are found by name, values brought to the canonical way of writing where they stand as their format
declares; a value that stands otherwise is marked, so that no rule takes it for one. Values stay text here;
`quality` types them.
"""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from cohort.delivery_formats.delivered_file import DeliveredFile
from cohort.delivery_formats.format_declarations import DeliveryFormat, DeliveryFormats
from cohort.foundation.identifiers import PLAIN_BLANKS
from cohort.ingestion.validation_rules import SENTINELS, TIME_OF_DAY
from cohort.states import local_frames, materialised_frames
from cohort.states.schemas import (
    CANONICAL_COLUMNS,
    CORRUPT_LINE,
    DELIVERY_NUMBER,
    READER_REASON,
    SCORE_COLUMNS,
    DeliveredRows,
)

NOT_AS_DECLARED = "≠"
"""Put before a value that is not written as its format declares: no rule takes it for a value then."""
CSV_OPTIONS = {
    "quote": '"',
    "escape": '"',
    "mode": "PERMISSIVE",
    "columnNameOfCorruptRecord": CORRUPT_LINE,
    "nullValue": "",
    "emptyValue": "",
    "columnPruning": "false",
    "inputBufferSize": f"{2**14}",  # of characters: by itself Spark takes 2 MiB for every file, however small
}
LINE = "line"
PIECE = "_piece"
"""Where the part of a file begins that a row was read with: Spark reads a long file in parts."""
DAY_FIRST_FORMS = {"dd-mm-yyyy": "[0-9]{2}", "d-m-yyyy": "[0-9]{1,2}"}
"""How many digits a day and a month may have, by the way of writing dates that a format declares."""
DATE_COLUMNS, DECIMAL_COLUMNS = ("geboortedatum", "afnamedatum"), ("vaardigheidsscore",)
ABSENT_COLUMN = -1
"""The place of a column that a file does not have."""
_FIELDS, _PATH = "_fields", "_path"
_PLACES = {name: f"_place_{i}" for i, name in enumerate(CANONICAL_COLUMNS)}
_SPACES, _BLANKS = "", f"both '{''.join(PLAIN_BLANKS)}' from "
"""What is taken from around a value: Spark takes spaces alone away in a third of the time."""
_BOTH = r"length(brin) = 6 and brin rlike r'^[0-9]{2}[A-Z]{2}[0-9]{2}\z'"
"""Where a school wrote BRIN4 and site in one (BRIN6, such as 99ZZ00)."""
_OWN, _SITE = "substring(brin, 5, 2)", "coalesce(vestiging, '')"
_OF_BOTH = {
    "brin": f"case when {_BOTH} then substring(brin, 1, 4) else brin end",
    "vestiging": f"""
        case when {_BOTH} then
            case when {_SITE} in ('', {_OWN}) then {_OWN} else concat('{NOT_AS_DECLARED}', {_SITE}) end
        else vestiging end""",
}

NumberedFile = tuple[int, DeliveredFile]


class TextDialect(NamedTuple):
    """What files must have in common to be read in one scan."""

    format: str
    encoding: str
    width: int
    lined: bool
    wide_blanks: bool


def scan_text_files(spark: SparkSession, numbered: list[NumberedFile], formats: DeliveryFormats) -> DeliveredRows:
    """Read the files that can be read.

    Takes: (delivery number, file) pairs; files with a reason code are not among them.
    Gives: every canonical column as text without blanks around it, null where nothing is left or a file lacks
    it; `levering_nr`; `_corrupt`, not null where a line has another number of fields than its header;
    `_given`, a reason code that is known already, else null.
    """
    return DeliveredRows(_named(spark, numbered, formats))


def scan_with_places(spark: SparkSession, numbered: list[NumberedFile], formats: DeliveryFormats) -> DataFrame:
    """The same rows with what `lined` tells the number of their line or element by.

    Gives: `Delivered`'s columns, `line` (of a transcript's row its own, else null), `_piece` (null in a
    transcript).
    """
    return _named(spark, numbered, formats, LINE, PIECE)


def number_lines(rows: DataFrame, order: str) -> DataFrame:
    """The rows of `read_placed` with the number of each one's line or element.

    Takes: all rows of their files, and the column that is one more from each row of a piece to the next. A
    file that is read as it is has its header in the first line, and no empty one before its last row.
    Gives: `line` (1 = the first line of what was sent), without `_piece`.
    """
    pieces = rows.where(F.col(PIECE).isNotNull()).groupBy(DELIVERY_NUMBER, PIECE)
    found = pieces.agg(F.min(order).alias("_first"), F.count(F.lit(1)).alias("_rows"))
    before = F.sum("_rows").over(Window.partitionBy(DELIVERY_NUMBER).orderBy(PIECE)) - F.col("_rows")
    starts = found.select(DELIVERY_NUMBER, PIECE, (before + 2 - F.col("_first")).alias("_shift"))
    counted = (F.col(order) + F.col("_shift")).cast("int")
    placed = rows.join(F.broadcast(starts), [DELIVERY_NUMBER, PIECE], "left")
    return placed.withColumn(LINE, F.coalesce(LINE, counted)).drop(PIECE, "_shift")


def _named(spark: SparkSession, numbered: list[NumberedFile], formats: DeliveryFormats, *extra: str) -> DataFrame:
    """A scan per dialect, not per header: what follows is planned and compiled once for each."""
    dialects: dict[TextDialect, list[NumberedFile]] = defaultdict(list)
    for number, file in numbered:
        dialect = TextDialect(file.format, file.encoding, len(file.columns), file.has_line_numbers, file.wide_blanks)
        dialects[dialect].append((number, file))
    places = ", ".join(f"{place} int not null" for place in _PLACES.values())
    state = f"{_PATH} string not null, {DELIVERY_NUMBER} int not null, {places}"
    parts = []
    for dialect, group in dialects.items():
        declared = formats[dialect.format]
        frame = _scan(spark, dialect, declared, [str(file.path) for _, file in group])
        files = F.broadcast(local_frames.make_local_frame(spark, state, _places(frame, group)))
        rows = frame.join(files, _PATH)
        cells = rows.selectExpr(*_cells(dialect), CORRUPT_LINE, READER_REASON, DELIVERY_NUMBER, *extra)
        if not declared.has_canonical_notation:
            cells = materialised_frames.break_codegen(cells)
        parts.append(cells.selectExpr(*_written(declared), CORRUPT_LINE, READER_REASON, DELIVERY_NUMBER, *extra))
    return reduce(DataFrame.unionByName, parts)


def _cells(dialect: TextDialect) -> list[str]:
    """Every canonical column without blanks around it; null where nothing is left."""
    blanks = _BLANKS if dialect.wide_blanks else _SPACES
    return [f"nullif(trim({blanks}get({_FIELDS}, {place})), '') as {name}" for name, place in _PLACES.items()]


def _places(frame: DataFrame, group: list[NumberedFile]) -> list[tuple[str | int, ...]]:
    """By the name that Spark gives a file: its number, and where each canonical column stands in it."""
    found: list[tuple[str | int, ...]] = []
    by_path = {str(file.path): (number, file) for number, file in group}
    spark, jvm_frame = cast(Any, frame.sparkSession), cast(Any, frame)._jdf
    names = spark._jvm.org.apache.hadoop.util.StringUtils.join("\n", jvm_frame.inputFiles())
    for name in names.split("\n"):  # in one text: `inputFiles` asks the JVM for each of thousands
        number, file = by_path[unquote(name.removeprefix("file://"))]
        place = {column: i for i, column in enumerate(file.columns) if column}
        found.append((name, number, *(place.get(column, ABSENT_COLUMN) for column in CANONICAL_COLUMNS)))
    return found


def _scan(spark: SparkSession, dialect: TextDialect, declared: DeliveryFormat, paths: list[str]) -> DataFrame:
    options = {**CSV_OPTIONS, "sep": declared.delimiter, "encoding": dialect.encoding}
    frame = spark.read.options(header="true", **options).schema(_positions(dialect)).csv(paths)
    fields = ", ".join(f"c{i}" for i in range(dialect.width))
    # Not `_metadata`, for which Spark copies every row once more.
    own = f"array({fields}) as {_FIELDS}", CORRUPT_LINE, f"input_file_name() as {_PATH}"
    if dialect.lined:
        told = f"nullif({READER_REASON}, '') as {READER_REASON}", f"try_cast({LINE} as int) as {LINE}"
        return frame.selectExpr(*own, *told, f"bigint(null) as {PIECE}")
    none = f"string(null) as {READER_REASON}", f"int(null) as {LINE}"
    return frame.selectExpr(*own, *none, f"input_file_block_start() as {PIECE}")


def _positions(dialect: TextDialect) -> StructType:
    """Columns by position (`c0`, `c1`, …): a delivered name is never trusted as a column's name."""
    first = [LINE, READER_REASON] if dialect.lined else []
    names = [*first, *(f"c{i}" for i in range(dialect.width)), CORRUPT_LINE]
    return StructType([StructField(name, StringType()) for name in names])


def _written(declared: DeliveryFormat) -> list[str]:
    """Every canonical column in the canonical way of writing."""
    return [f"{_canonical(name, declared)} as {name}" for name in CANONICAL_COLUMNS]


def _canonical(name: str, declared: DeliveryFormat) -> str:
    if name in _OF_BOTH:
        return _OF_BOTH[name]
    known = None
    if name in declared.codes:
        known = _translated(name, declared.codes[name])
    elif name in DATE_COLUMNS and declared.dates in DAY_FIRST_FORMS:
        known = _turned(name, DAY_FIRST_FORMS[declared.dates])
    elif name in DECIMAL_COLUMNS and declared.decimal == ".":
        known = _where(name, r"[0-9]+(\.[0-9]+)?", f"translate({name}, '.', ',')")
    elif name == "schooljaar" and declared.school_years == "2024/2025":
        known = _where(name, "[0-9]{4}/[0-9]{4}", f"translate({name}, '/', '-')")
    sent = name if known is None else f"coalesce({known}, concat('{NOT_AS_DECLARED}', {name}))"
    if known is not None and name in SCORE_COLUMNS:  # what stands for no score everywhere is no wrong score
        sent = f"case when {name} rlike r'{SENTINELS}' then {name} else {sent} end"
    if declared.sentinels.get(name):
        sentinels = ", ".join(map(_text, declared.sentinels[name]))
        return f"case when {name} not in ({sentinels}) then {sent} end"
    return sent


def _turned(name: str, digits: str) -> str:
    """A day that stands before its month and year, the year first; a time behind it goes."""
    turned = ", ".join(f"substring({name}, {first}, {length})" for first, length in ((7, 4), (4, 2), (1, 2)))
    day, month, year = (f"split_part({name}, '-', {place})" for place in (1, 2, 3))
    padded = f"substring({year}, 1, 4), lpad({month}, 2, '0'), lpad({day}, 2, '0')"
    form = rf"^{digits}-{digits}-[0-9]{{4}}(?:{TIME_OF_DAY})?\z"
    return rf"""
        case when {name} rlike r'^[0-9]{{2}}-[0-9]{{2}}-[0-9]{{4}}\z' then concat_ws('-', {turned})
             when {name} rlike r'{form}' then concat_ws('-', {padded}) end"""


def _where(name: str, form: str, value: str) -> str:
    return rf"case when {name} rlike r'^{form}\z' then {value} end"


def _translated(name: str, codes: dict[str, str]) -> str:
    told = " ".join(f"when {_text(written)} then {_text(code)}" for written, code in codes.items())
    return f"case {name} {told} end"


def _text(value: str) -> str:
    """What a declaration says, as SQL has a text; Spark would put a variable in the place of `${…}`."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("$", "\\u0024")
    return f"'{escaped}'"
