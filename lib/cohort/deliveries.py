"""Schools' files → Delivered: every file looked at on its own, readable ones read in one scan per width.

Canonical dialect: UTF-8, `;`, decimal comma, a header with the names of DOMAIN's staging record in any
order. Other columns are never read on. Values stay text here; `quality` types them.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from urllib.parse import unquote

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from cohort import frames
from cohort.schema import CANONICAL, CORRUPT, NUMBER, REQUIRED, SCORES, Delivered

BLANKS = "".join(map(chr, range(33)))
"""What Spark takes for an empty line holds nothing else."""
MOST_FIELDS = 500
"""Spark's parser gives up, and the whole run with it, at a line of very many fields."""
NAME = re.compile(r"[^\W_][\w .,()+=@-]*")
"""Names that no file system and no pattern takes for something else: Spark reads `[1]` as a pattern."""
OPTIONS = {
    "sep": ";", "quote": '"', "escape": '"', "encoding": "UTF-8", "mode": "PERMISSIVE",
    "columnNameOfCorruptRecord": CORRUPT, "nullValue": "", "emptyValue": "", "columnPruning": "false",
}  # fmt: skip
LATER = {b"PK\x03\x04": "a container or spreadsheet", b"\x1f\x8b": "a container", b"<": "XML"}
"""Formats that a later version reads; their files are left where they are."""
_FIELDS, _HEADER, _ORDER, _PATH = "_fields", "_header", "_order", "_path"


@dataclass(frozen=True)
class DeliveredFile:
    """One file as it was found: what it is, and why it cannot be read if so."""

    path: Path
    sha256: str
    header: tuple[str, ...] = ()
    header_line: int = 0
    rows: int = 0
    rejected: str | None = None
    later: str | None = None

    @property
    def name(self) -> str:
        return self.path.name.encode(errors="replace").decode()

    @property
    def misnamed(self) -> bool:
        return self.rejected == "FILE_NAME"


Numbered = tuple[int, DeliveredFile]


def look(path: Path, folder: Path) -> DeliveredFile:
    """What one file in the folder of deliveries is, from its own bytes.

    Gives: its hash, header and number of rows; `rejected` with a reason code when no row of it can be
    trusted; `later` when its format is one that is not supported yet.
    """
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if not all(NAME.fullmatch(part) for part in path.relative_to(folder).parts):
        return DeliveredFile(path, digest, rejected="FILE_NAME")
    bare = content.removeprefix(b"\xef\xbb\xbf")
    for magic, kind in LATER.items():
        if bare[:1000].lstrip().startswith(magic):
            return DeliveredFile(path, digest, later=kind)
    try:
        text = bare.decode("utf-8")
    except UnicodeDecodeError:
        return DeliveredFile(path, digest, rejected="NOT_UTF8")
    every = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = [line for line in every if line.strip(BLANKS)]
    if "\0" in text:
        return DeliveredFile(path, digest, rejected="NOT_TEXT")
    if len(lines) < 2:
        return DeliveredFile(path, digest, rejected="EMPTY")
    header = tuple(name.strip().strip('"') for name in lines[0].split(";"))
    fault = _header_fault(header)
    if any(line.count(";") >= MOST_FIELDS for line in lines if len(line) >= MOST_FIELDS):
        fault = "TOO_WIDE"
    return DeliveredFile(path, digest, header, every.index(lines[0]) + 1, len(lines) - 1, rejected=fault)


def _header_fault(header: tuple[str, ...]) -> str | None:
    known = [name for name in header if name in CANONICAL]
    if len(set(known)) != len(known):
        return "HEADER_TWICE"
    moment, score = {"afnamedatum", "afnameperiode"} & set(known), set(SCORES) & set(known)
    return None if set(REQUIRED) <= set(known) and moment and score else "HEADER_UNKNOWN"


def read(spark: SparkSession, numbered: list[Numbered]) -> Delivered:
    """Read the files that can be read.

    Takes: (delivery number, file) pairs; files with a reason code are not among them.
    Gives: every canonical column as text, null where a file lacks it; `levering_nr`; `_corrupt`,
    not null where a line has another number of fields than its header.
    """
    return Delivered(_named(spark, numbered, _scan))


def read_lines(spark: SparkSession, numbered: list[Numbered]) -> DataFrame:
    """The same rows with the number of their line: for the few files that have refusals.

    Gives: `Delivered`'s columns and `line` (1 = the first line of the file).
    """
    return _named(spark, numbered, _scan_lines, "line", _HEADER).where(f"line > {_HEADER}").drop(_HEADER)


def _named(
    spark: SparkSession,
    numbered: list[Numbered],
    scan: Callable[[SparkSession, int, list[str]], DataFrame],
    *extra: str,
) -> DataFrame:
    """A scan per number of fields, not per header: what follows is planned and compiled once for each."""
    widths: dict[int, list[Numbered]] = defaultdict(list)
    for number, file in numbered:
        widths[len(file.header)].append((number, file))
    scans, known = [], []
    for width, group in widths.items():
        frame = scan(spark, width, [str(file.path) for _, file in group])
        known += _places(frame, group)
        scans.append(frame)
    state = f"{_PATH} string, {NUMBER} int, {_HEADER} int, {_ORDER} array<int>"
    files = F.broadcast(frames.local(spark, state, known))
    rows = reduce(DataFrame.unionByName, scans).join(files, _PATH, "left")
    named = [F.get(_FIELDS, F.get(_ORDER, F.lit(i))).alias(name) for i, name in enumerate(CANONICAL)]
    return rows.select(*named, CORRUPT, NUMBER, *extra)


def _places(frame: DataFrame, group: list[Numbered]) -> list[tuple[str, int, int, list[int | None]]]:
    """By the name that Spark gives a file: its number, and where each canonical column stands in it."""
    by_path = {str(file.path): (number, file) for number, file in group}
    found = []
    for name in frame.inputFiles():
        uri = re.sub("^file:/+", "file:/", name)
        number, file = by_path[unquote(uri.removeprefix("file:"))]
        place = {column: i for i, column in enumerate(file.header)}
        found.append((uri, number, file.header_line, [place.get(column) for column in CANONICAL]))
    return found


def _scan(spark: SparkSession, width: int, paths: list[str]) -> DataFrame:
    frame = spark.read.options(header="true", **OPTIONS).schema(_positions(width)).csv(paths)
    path = F.col("_metadata.file_path").alias(_PATH)
    return frame.select(_fields(width), CORRUPT, path)


def _scan_lines(spark: SparkSession, width: int, paths: list[str]) -> DataFrame:
    """Line by line; of the lines that are not empty the first is the header."""
    path = F.col("_metadata.file_path").alias(_PATH)
    split = F.split("value", "\r\n|\n|\r")
    texts = spark.read.text(paths, wholetext=True).select(path, F.posexplode(split).alias("place", "text"))
    lines = texts.where(F.col("text").rlike(r"[^\x00-\x20]"))
    row = F.from_csv("text", _positions(width).toDDL(), OPTIONS).alias("row")
    rows = lines.select(_PATH, (F.col("place") + 1).alias("line"), row)
    return rows.select("row.*", _PATH, "line").select(_fields(width), CORRUPT, _PATH, "line")


def _fields(width: int) -> Column:
    return F.array(*(f"c{i}" for i in range(width))).alias(_FIELDS)


def _positions(width: int) -> StructType:
    """Columns by position (`c0`, `c1`, …): a delivered name is never trusted as a column's name."""
    names = [*(f"c{i}" for i in range(width)), CORRUPT]
    return StructType([StructField(name, StringType()) for name in names])
