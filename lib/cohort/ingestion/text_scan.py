"""Scan of text files: delivered rows with canonical columns, by native Spark scans of many files at once.

In go recognised files with their delivery numbers, out come rows whose values are still text; `row_validation` types
them. Columns are found by name. A value that is written as its format declares is brought to the canonical notation;
any other one is marked, so that no rule takes it for a value of its kind. Lines without quotes, as nearly all files
have them, are cut at the delimiter: Spark's reader of CSV would take as long for them as all rules together.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import reduce
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from cohort.data_states import (
    CANONICAL_COLUMNS,
    CORRUPT_LINE,
    DELIVERY_NUMBER,
    FILE_LINE,
    FILE_PIECE,
    READER_REASON,
    SCORE_COLUMNS,
    DeliveredRows,
    break_codegen,
    make_local_frame,
)
from cohort.delivery_formats import DeliveredFile, DeliveryFormat, DeliveryFormats
from cohort.foundation import PLAIN_BLANKS
from cohort.ingestion.validation_rules import SENTINELS, TIME_OF_DAY
from cohort.storage import StoragePath

NOT_AS_DECLARED = "≠"
"""Stands before a value that is not written as its format declares: no rule accepts it then."""
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
DAY_FIRST_FORMS = {"dd-mm-yyyy": "[0-9]{2}", "d-m-yyyy": "[0-9]{1,2}"}
"""How many digits a day and a month may have, by the notation of dates that a format declares."""
DATE_COLUMNS, DECIMAL_COLUMNS = ("geboortedatum", "afnamedatum"), ("vaardigheidsscore",)
ABSENT_COLUMN = -1
"""The place of a column that a file does not have."""
_FIELDS, _PATH, _LINE, _HEADER, _WIDTH = "_fields", "_path", "_text", "_header", "_width"
_IS_FILLED = r"value >= '!' or value rlike '[^\\x00-\\x20]'"
"""SQL: whether a line has anything but blanks, as Spark's reader of CSV and `text_recognition` see it."""
_PLACES = {name: f"_place_{i}" for i, name in enumerate(CANONICAL_COLUMNS)}
_SPACES, _BLANKS = "", f"both '{''.join(PLAIN_BLANKS)}' from "
"""What is trimmed from a value: Spark trims spaces alone in a third of the time."""
_BOTH = r"length(brin) = 6 and brin rlike r'^[0-9]{2}[A-Z]{2}[0-9]{2}\z'"
"""SQL: whether a school wrote BRIN4 and site in one (BRIN6, such as 99ZZ00)."""
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
    """What files must have in common to be read in one scan.

    Args:
        is_plain: whether the lines are cut at the delimiter, because no file has a quote.
        width: how many fields a line has, where Spark's reader of CSV must know it; else 0.
        has_line_numbers: whether the file is a transcript that names the line of each row.
        wide_blanks: whether other blanks than spaces stand around values.
    """

    format: str
    encoding: str
    is_plain: bool
    width: int
    has_line_numbers: bool
    wide_blanks: bool


def scan_text_files(spark: SparkSession, numbered: list[NumberedFile], formats: DeliveryFormats) -> DeliveredRows:
    """Read the files that can be read, one native scan for all files with the same dialect.

    Args:
        numbered: (delivery number, file) pairs, without files that were rejected.
        formats: the declared formats.

    Returns:
        Every canonical column as text without blanks around it, null where nothing is left or a file lacks it;
        `levering_nr`; `_corrupt`, not null where a line has another number of fields than its header; `_given`, a
        reason code that the reader of the file gave, else null; `line`, the line number that a transcript names,
        else null; `_piece`, where the part of the file begins that the row was read with, null in a transcript.
    """
    dialects: dict[TextDialect, list[NumberedFile]] = defaultdict(list)
    for number, file in numbered:
        dialects[_dialect(file)].append((number, file))
    parts = [_scan_dialect(spark, dialect, formats[dialect.format], group) for dialect, group in dialects.items()]
    return DeliveredRows(reduce(DataFrame.unionByName, parts))


def number_lines(rows: DataFrame, every: DataFrame, order: str) -> DataFrame:
    """Give rows the numbers of their lines or elements.

    Args:
        rows: rows of `scan_text_files`.
        every: all rows of their files. A file that is read as it is has its header in the first line, and no
            empty line before its last row.
        order: a column that grows by one from each row of a piece to the next.

    Returns:
        The rows with `line` (1 is the first line of what was sent) and without `_piece`.
    """
    pieces = every.where(F.col(FILE_PIECE).isNotNull()).groupBy(DELIVERY_NUMBER, FILE_PIECE)
    counted = pieces.agg(F.min(order).alias("_first"), F.count(F.lit(1)).alias("_rows"))
    before = F.sum("_rows").over(Window.partitionBy(DELIVERY_NUMBER).orderBy(FILE_PIECE)) - F.col("_rows")
    starts = counted.select(DELIVERY_NUMBER, FILE_PIECE, (before + 2 - F.col("_first")).alias("_shift"))
    line = (F.col(order) + F.col("_shift")).cast("int")
    placed = rows.join(F.broadcast(starts), [DELIVERY_NUMBER, FILE_PIECE], "left")
    return placed.withColumn(FILE_LINE, F.coalesce(FILE_LINE, line)).drop(FILE_PIECE, "_shift")


def _scan_dialect(
    spark: SparkSession, dialect: TextDialect, declared: DeliveryFormat, group: list[NumberedFile]
) -> DataFrame:
    """One scan for all headers of a dialect: what follows is planned and compiled once for each scan."""
    others = (CORRUPT_LINE, READER_REASON, DELIVERY_NUMBER, FILE_LINE, FILE_PIECE)
    places = ", ".join(f"{place} int not null" for place in _PLACES.values())
    state = (
        f"{_PATH} string not null, {_HEADER} string, {_WIDTH} int not null, {DELIVERY_NUMBER} int not null, {places}"
    )
    paths = _whole_folders([file.path for _, file in group])
    if dialect.is_plain:
        frame = _scan_lines(spark, declared.delimiter, paths)
    else:
        frame = _scan_csv(spark, dialect, declared.delimiter, paths)
    files = F.broadcast(make_local_frame(spark, state, _places(frame, group)))
    rows = frame.join(files, _PATH)
    if dialect.is_plain:
        is_corrupt = F.size(_FIELDS) != F.col(_WIDTH)
        rows = rows.where(F.col(_LINE) != F.col(_HEADER)).withColumn(CORRUPT_LINE, F.when(is_corrupt, F.col(_LINE)))
    values = rows.selectExpr(*_cells(dialect), *others)
    if not declared.has_canonical_notation:
        values = break_codegen(values)
    return values.selectExpr(*_written(declared), *others)


def _cells(dialect: TextDialect) -> list[str]:
    """SQL: each canonical column without blanks around it; null where nothing is left."""
    blanks = _BLANKS if dialect.wide_blanks else _SPACES
    return [f"nullif(trim({blanks}get({_FIELDS}, {place})), '') as {name}" for name, place in _PLACES.items()]


def _places(frame: DataFrame, group: list[NumberedFile]) -> list[tuple[str | int | None, ...]]:
    """Per file, by the name that Spark gives it: header, width, delivery number, the position of each column."""
    places: list[tuple[str | int | None, ...]] = []
    by_path = {str(file.path): (number, file) for number, file in group}
    spark, jvm_frame = cast(Any, frame.sparkSession), cast(Any, frame)._jdf
    names = spark._jvm.org.apache.hadoop.util.StringUtils.join("\n", jvm_frame.inputFiles())
    for name in names.split("\n"):  # as one text: `inputFiles` of Python would ask the JVM for each of thousands
        path = unquote(name.removeprefix("file://"))
        if path not in by_path:  # it came after the folder was looked through: the next run takes it in
            continue
        number, file = by_path[path]
        position = {column: i for i, column in enumerate(file.columns) if column}
        positions = (position.get(column, ABSENT_COLUMN) for column in CANONICAL_COLUMNS)
        places.append((name, file.plain_header, len(file.columns), number, *positions))
    return places


def _whole_folders(paths: list[StoragePath]) -> list[str]:
    """The paths, but a folder instead of its files where it holds nothing else.

    Spark looks for every path that it is given by itself, which takes two seconds for 6,600 of them.
    """
    files_by_folder: dict[StoragePath, set[StoragePath]] = defaultdict(set)
    for path in paths:
        files_by_folder[path.parent].add(path)
    whole = {folder for folder, files in files_by_folder.items() if files == set(folder.iterdir())}
    return [str(path) for path in (*sorted(whole), *(path for path in paths if path.parent not in whole))]


def _dialect(file: DeliveredFile) -> TextDialect:
    is_plain = file.plain_header is not None
    width = 0 if is_plain else len(file.columns)
    return TextDialect(file.format, file.encoding, is_plain, width, file.has_line_numbers, file.wide_blanks)


def _scan_lines(spark: SparkSession, delimiter: str, paths: list[str]) -> DataFrame:
    """Every line that is not blank, and its fields; the header is among them."""
    lines = spark.read.text(paths).where(_IS_FILLED)
    return lines.select(
        F.col("value").alias(_LINE),
        F.split("value", re.escape(delimiter), -1).alias(_FIELDS),
        F.input_file_name().alias(_PATH),
        F.input_file_block_start().alias(FILE_PIECE),
        F.lit(None).cast("string").alias(READER_REASON),
        F.lit(None).cast("int").alias(FILE_LINE),
    )


def _scan_csv(spark: SparkSession, dialect: TextDialect, delimiter: str, paths: list[str]) -> DataFrame:
    options = {**CSV_OPTIONS, "sep": delimiter, "encoding": dialect.encoding}
    frame = spark.read.options(header="true", **options).schema(_positions(dialect)).csv(paths)
    fields = ", ".join(f"c{i}" for i in range(dialect.width))
    # Not `_metadata`, because Spark would copy every row once more for it.
    own = f"array({fields}) as {_FIELDS}", CORRUPT_LINE, f"input_file_name() as {_PATH}"
    if dialect.has_line_numbers:
        of_transcript = (
            f"nullif({READER_REASON}, '') as {READER_REASON}",
            f"try_cast({FILE_LINE} as int) as {FILE_LINE}",
        )
        return frame.selectExpr(*own, *of_transcript, f"bigint(null) as {FILE_PIECE}")
    absent = f"string(null) as {READER_REASON}", f"int(null) as {FILE_LINE}"
    return frame.selectExpr(*own, *absent, f"input_file_block_start() as {FILE_PIECE}")


def _positions(dialect: TextDialect) -> StructType:
    """The columns by position (`c0`, `c1`, …): a delivered name never becomes the name of a column."""
    first = [FILE_LINE, READER_REASON] if dialect.has_line_numbers else []
    names = [*first, *(f"c{i}" for i in range(dialect.width)), CORRUPT_LINE]
    return StructType([StructField(name, StringType()) for name in names])


def _written(declared: DeliveryFormat) -> list[str]:
    """SQL: each canonical column in the canonical notation."""
    return [f"{_canonical(name, declared)} as {name}" for name in CANONICAL_COLUMNS]


def _canonical(name: str, declared: DeliveryFormat) -> str:
    """SQL: a value in the canonical notation; marked where it is not written as declared."""
    if name in _OF_BOTH:
        return _OF_BOTH[name]
    converted = None
    if name in declared.codes:
        converted = _translated(name, declared.codes[name])
    elif name in DATE_COLUMNS and declared.dates in DAY_FIRST_FORMS:
        converted = _turned(name, DAY_FIRST_FORMS[declared.dates])
    elif name in DECIMAL_COLUMNS and declared.decimal == ".":
        converted = _where(name, r"[0-9]+(\.[0-9]+)?", f"translate({name}, '.', ',')")
    elif name == "schooljaar" and declared.school_years == "2024/2025":
        converted = _where(name, "[0-9]{4}/[0-9]{4}", f"translate({name}, '/', '-')")
    sent = name if converted is None else f"coalesce({converted}, concat('{NOT_AS_DECLARED}', {name}))"
    if converted is not None and name in SCORE_COLUMNS:  # a sentinel for no score is no wrong score
        sent = f"case when {name} rlike r'{SENTINELS}' then {name} else {sent} end"
    if declared.sentinels.get(name):
        sentinels = ", ".join(map(_text, declared.sentinels[name]))
        return f"case when {name} not in ({sentinels}) then {sent} end"
    return sent


def _turned(name: str, digits: str) -> str:
    """SQL: a date with the day first, with the year first instead, without a time."""
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
    cases = " ".join(f"when {_text(written)} then {_text(code)}" for written, code in codes.items())
    return f"case {name} {cases} end"


def _text(value: str) -> str:
    """A text of a declaration as an SQL literal; Spark would take `${…}` for a variable."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("$", "\\u0024")
    return f"'{escaped}'"
