"""Text files as schools send them, one fault each: recognised or rejected, scanned, with the numbers of their lines."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from cohort.agreements.container_limits import ContainerLimits
from cohort.data_states.schemas import CANONICAL_COLUMNS, CORRUPT_LINE, DELIVERY_NUMBER, READER_REASON
from cohort.delivery_formats import format_declarations, transcripts
from cohort.delivery_formats.delivered_file import DeliveredFile, DeliveryKind
from cohort.delivery_formats.file_recognition import RecognitionContext, recognise_deliveries
from cohort.delivery_formats.text_recognition import MAX_FIELDS
from cohort.ingestion import text_scan

HEADER = "brin;schooljaar;pgn;toetscode;afnameperiode;ruwe_score"
FORMATS = format_declarations.load_delivery_formats(Path(__file__).resolve().parents[2] / "conf")
LINE = "10AA;2024-2025;123456782;REK-M7;M;34"
PLAIN = f"{HEADER}\n{LINE}\n"


@dataclass(frozen=True)
class DrawnFile:
    """One file, what `look` must say of it, and the scores that are read: `line:score`, `!` a broken line."""

    description: str
    content: str | bytes
    read: str = ""
    rejected: str | None = None
    rows: int | None = None
    name: str = "{n}.csv"

    @property
    def bytes(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else self.content.encode()


DRAWN_FILES = [
    DrawnFile("the plain dialect", PLAIN, "2:34"),
    DrawnFile("another order of columns is read by name", f"ruwe_score;{HEADER[:-11]}\n34;{LINE[:-3]}\n", "2:34"),
    DrawnFile(
        "a column that is not known is not read on", f"achternaam;{HEADER};opmerking\nJansen;{LINE};ziek\n", "2:34"
    ),
    DrawnFile("a column that is not known may stand there twice", f"x;x;{HEADER}\n1;2;{LINE}\n", "2:34"),
    DrawnFile("a quoted header", HEADER.replace("brin", '"brin"') + f"\n{LINE}\n", "2:34"),
    DrawnFile("blanks around a name of the header", f" {HEADER} \n{LINE}\n", "2:34"),
    DrawnFile("a byte order mark", b"\xef\xbb\xbf" + PLAIN.encode(), "2:34"),
    DrawnFile("CRLF", PLAIN.replace("\n", "\r\n"), "2:34"),
    DrawnFile("CR alone", PLAIN.replace("\n", "\r"), "2:34"),
    DrawnFile("no line end at the end", PLAIN.strip(), "2:34"),
    DrawnFile("empty lines before the header and at the end", f"\n \t\n{HEADER}\n{LINE}\n{LINE}\n\n \n", "4:34 5:34"),
    DrawnFile("empty lines between rows, also with blanks", f"\n \t\n{HEADER}\n\n{LINE}\n\t\n{LINE}\n\n", "5:34 7:34"),
    DrawnFile("a line of no-break spaces is an empty one", f"{PLAIN}\u00a0\n", "2:34"),
    DrawnFile("a quoted separator and quoted quotes", f'{HEADER};groep_key\n{LINE};"7;""A"""\n', "2:34"),
    DrawnFile("an empty quoted value", f'{HEADER};groep_key\n{LINE};""\n', "2:34"),
    DrawnFile("a line too long or too short", f"{PLAIN}{LINE};9\n10AA;2024-2025\n{LINE}\n", "2:34 3:! 4:! 5:34"),
    DrawnFile("accents and blanks in a name", PLAIN, "2:34", name="school é (1) 50+.csv"),
    DrawnFile("a folder per school", PLAIN, "2:34", name="brin=10AA/{n}.csv"),
    DrawnFile("no column that every delivery has", PLAIN.replace("pgn", "bsn"), rejected="HEADER_UNKNOWN"),
    DrawnFile("neither date nor period", PLAIN.replace("afnameperiode", "datum"), rejected="HEADER_UNKNOWN"),
    DrawnFile("no score", PLAIN.replace("ruwe_score", "score"), rejected="HEADER_UNKNOWN"),
    DrawnFile("commas between the fields", PLAIN.replace(";", ","), rejected="DELIMITER_OTHER"),
    DrawnFile("a known column twice", f"pgn;{HEADER}\n1;{LINE}\n", rejected="HEADER_TWICE"),
    DrawnFile("windows-1252", PLAIN.replace("34", "€").encode("cp1252"), rejected="NOT_UTF8"),
    DrawnFile("UTF-16", PLAIN.encode("utf-16"), rejected="ENCODING_UTF16"),
    DrawnFile("bytes that no text has", PLAIN.replace("34", "\0"), rejected="NOT_TEXT"),
    DrawnFile("nothing", "", rejected="EMPTY"),
    DrawnFile("empty lines only", "\r\n \r\n", rejected="EMPTY"),
    DrawnFile("a header only", f"{HEADER}\n", rejected="EMPTY"),
    DrawnFile("a line of very many fields", PLAIN + ";" * MAX_FIELDS, rejected="TOO_WIDE"),
    DrawnFile("a header of very many fields", f"{HEADER}{';' * MAX_FIELDS}\n{LINE}\n", rejected="TOO_WIDE"),
    DrawnFile("a hidden file", PLAIN, rejected="FILE_NAME", name="_{n}.csv"),
    DrawnFile("an unfinished file", PLAIN, rejected="FILE_NAME", name=".{n}.csv"),
    DrawnFile("a file in a hidden folder", PLAIN, rejected="FILE_NAME", name="_tmp/{n}.csv"),
    DrawnFile("a name that Spark takes for a pattern", PLAIN, rejected="FILE_NAME", name="{n}[1].csv"),
    DrawnFile("a name that Hadoop takes for a scheme", PLAIN, rejected="FILE_NAME", name="a:{n}.csv"),
    DrawnFile("a name that is no text", PLAIN, rejected="FILE_NAME", name=os.fsdecode(b"school\xe9{n}.csv")),
]


@dataclass(frozen=True)
class ScannedFiles:
    recognised: dict[str, DeliveredFile]
    rows: dict[str, list[dict[str, object]]]
    lines: dict[str, str]


@pytest.fixture(scope="module")
def scanned(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> ScannedFiles:
    """All files in one folder, looked at one by one, those that are fit read in one pass."""
    folder = tmp_path_factory.mktemp("deliveries")
    desk = RecognitionContext(
        folder, tmp_path_factory.mktemp("work"), FORMATS, ContainerLimits(9, 1 << 20, 1 << 20, 100)
    )
    recognised = {}
    for number, file in enumerate(DRAWN_FILES):
        path: Path = folder / file.name.replace("{n}", str(number))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(file.bytes)
        (recognised[file.description],) = recognise_deliveries(path, desk)
        if (
            recognised[file.description].delivery_kind == DeliveryKind.UNEVEN_TEXT
            and not recognised[file.description].rejection
        ):
            recognised[file.description] = transcripts.transcribe_text(recognised[file.description], desk)
    fit = [(n, f) for n, f in enumerate(recognised.values()) if not f.rejection]
    rows: dict[str, list[dict[str, object]]] = {file.description: [] for file in DRAWN_FILES}
    for row in text_scan.scan_text_files(one_spark, fit, FORMATS).collect():
        rows[DRAWN_FILES[row[DELIVERY_NUMBER]].description].append(row.asDict())
    lines: dict[str, list[tuple[int, str]]] = {file.description: [] for file in DRAWN_FILES}
    for row in _lined(one_spark, fit).collect():
        score = "!" if row[CORRUPT_LINE] is not None else row.ruwe_score
        lines[DRAWN_FILES[row[DELIVERY_NUMBER]].description].append((row.line, score))
    return ScannedFiles(recognised, rows, {k: " ".join(f"{n}:{s}" for n, s in sorted(v)) for k, v in lines.items()})


def _lined(spark: SparkSession, files: list[text_scan.NumberedFile]) -> DataFrame:
    ordered = text_scan.scan_text_files(spark, files, FORMATS).withColumn("_order", F.monotonically_increasing_id())
    return text_scan.number_lines(ordered, ordered, "_order")


def _without_order(spark: SparkSession, files: list[text_scan.NumberedFile]) -> list[Row]:
    return _lined(spark, files).drop("_order").collect()


@pytest.mark.parametrize("file", DRAWN_FILES, ids=lambda file: file.description)
def test_a_file_is_recognised_or_rejected_with_a_reason(file: DrawnFile, scanned: ScannedFiles) -> None:
    delivered = scanned.recognised[file.description]
    assert delivered.rejection == file.rejected
    assert delivered.rows == len(file.read.split()) or file.rejected


@pytest.mark.parametrize("file", DRAWN_FILES, ids=lambda file: file.description)
def test_every_line_is_read_and_numbered(file: DrawnFile, scanned: ScannedFiles) -> None:
    assert scanned.lines[file.description] == file.read
    scores = ["!" if row[CORRUPT_LINE] is not None else row["ruwe_score"] for row in scanned.rows[file.description]]
    assert sorted(map(str, scores)) == sorted(score.split(":")[1] for score in file.read.split())


def test_lines_of_a_file_that_spark_reads_in_parts_are_numbered_through(spark: SparkSession, tmp_path: Path) -> None:
    rows = 200_000
    path = tmp_path / "long.csv"
    lines = (f"{LINE[:-2]}{number}\n" for number in range(2, rows + 2))
    path.write_text(HEADER + "\n" + "".join(lines) + "\n \n", encoding="utf-8")
    limits = ContainerLimits(9, 1 << 24, 1 << 24, 100)
    (file,) = recognise_deliveries(path, RecognitionContext(tmp_path, tmp_path / "work", FORMATS, limits))
    assert (file.delivery_kind, file.rows) == (DeliveryKind.TEXT, rows)
    scanned = _lined(spark, [(7, file)])
    assert text_scan.scan_text_files(spark, [(7, file)], FORMATS).rdd.getNumPartitions() > 1
    wrong = scanned.where(F.col("line") != F.col("ruwe_score").cast("int")).count()
    assert (scanned.count(), wrong) == (rows, 0)


def test_values_are_in_the_columns_of_their_names(scanned: ScannedFiles) -> None:
    for rows in scanned.rows.values():
        for row in rows:
            assert set(row) == {*CANONICAL_COLUMNS, CORRUPT_LINE, READER_REASON, DELIVERY_NUMBER, "line", "_piece"}
            if row[CORRUPT_LINE] is None:
                score = (row["brin"], row["schooljaar"], row["pgn"], row["toetscode"], row["afnameperiode"])
                assert score == ("10AA", "2024-2025", "123456782", "REK-M7", "M")
                assert row["vaardigheidsscore"] is None  # no file has that column


def test_quotes_are_removed_once(scanned: ScannedFiles) -> None:
    (row,) = scanned.rows["a quoted separator and quoted quotes"]
    assert row["groep_key"] == '7;"A"'
    (row,) = scanned.rows["an empty quoted value"]
    assert row["groep_key"] is None


def test_the_hash_of_a_file_depends_on_its_content_alone(scanned: ScannedFiles) -> None:
    plain = scanned.recognised["the plain dialect"].sha256
    assert scanned.recognised["accents and blanks in a name"].sha256 == plain
    assert scanned.recognised["CRLF"].sha256 != plain
    assert scanned.recognised["a name that is no text"].name.encode()  # can be written down


ODD = (
    "plain",
    '"quoted" ',
    ' "blank before"',
    '"ab"c',
    '"two ""quotes"""',
    '"a{d}b"',
    '""',
    "too{d}many",
    "x" * 140_000,
)
"""Values as no two readers of CSV take them."""


WITHOUT_QUOTES = (
    "plain",
    " blank before",
    "blank after ",
    "\u00a0wide blank",
    "\u2028é€",
    "tab\there" if False else "it's",
    "\\",
    "a\\{d}b",
    "too{d}many{d}fields",
    "#",
    "",
    "\x0b",
    "x" * 140_000,
)
"""Values of lines that are cut at the delimiter and not read as CSV."""
TEXT_FORMS = {
    "LF": "{}\n",
    "CRLF": "{}\r\n",
    "CR": "{}\r",
    "a byte order mark": "\ufeff{}\n",
    "no line end at the end": "{}",
    "empty lines at the end": "{}\n\n \n\t",
}
"""A text as it is written, by what is special about it."""


AWKWARD = (
    "${spark.app.name}",
    "${env:HOME}",
    "${nothing}",
    "it's",
    "o\\'k",
    'two "marks"',
    "$brin",
    "\\",
    "a' or 'a' = 'a",
)
"""Codes and sentinels that a declaration may have: text, whatever it means in SQL."""


def test_declared_values_are_literal_text(spark: SparkSession, tmp_path: Path) -> None:
    codes = {written: f"{n}'" for n, written in enumerate(AWKWARD)}
    sentinels = [f"{written}!" for written in AWKWARD]
    odd = FORMATS["canoniek"].model_copy(update={"codes": {"geslacht": codes}, "sentinels": {"ruwe_score": sentinels}})
    declared = format_declarations.DeliveryFormats({"canoniek": odd})
    columns = list(odd.columns)
    sent = [(w, f"{w}!") for w in AWKWARD] + [("it", "it's")]
    rows = [[{"geslacht": one, "ruwe_score": other}.get(c, "1") for c in columns] for one, other in sent]
    lines = [";".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    (tmp_path / "a.csv").write_text("\n".join([";".join(columns), *lines, ""]))
    desk = RecognitionContext(tmp_path, tmp_path / "work", declared, ContainerLimits(9, 1 << 20, 1 << 24, 100))
    (file,) = recognise_deliveries(tmp_path / "a.csv", desk)
    read = text_scan.scan_text_files(spark, [(1, file)], declared).select("geslacht", "ruwe_score").collect()
    assert [tuple(row) for row in read] == [
        *((code, None) for code in codes.values()),
        (f"{text_scan.NOT_AS_DECLARED}it", "it's"),
    ]


@pytest.mark.parametrize("name", sorted(FORMATS.declared))
def test_lines_that_are_cut_give_the_rows_that_a_reader_of_csv_gives(
    spark: SparkSession, tmp_path: Path, name: str
) -> None:
    delimiter, columns = FORMATS[name].delimiter, list(FORMATS[name].columns)
    filled = [[written if at == n else "1" for at in range(len(columns))] for n, written in enumerate(WITHOUT_QUOTES)]
    lines = [delimiter.join(cells).replace("{d}", delimiter) for cells in [columns, *filled, ["1"]]]
    desk = RecognitionContext(tmp_path, tmp_path / "work", FORMATS, ContainerLimits(9, 1 << 20, 1 << 24, 100))
    cut: list[text_scan.NumberedFile] = []
    for number, form in enumerate(TEXT_FORMS.values()):
        line_end = "\r\n" if "\r\n" in form else "\r" if "\r" in form else "\n"
        path = tmp_path / f"{number}.csv"
        path.write_bytes(form.format(line_end.join(lines)).encode())
        (file,) = recognise_deliveries(path, desk)
        assert (file.delivery_kind, file.rejection, file.plain_header) == (DeliveryKind.TEXT, None, lines[0])
        cut.append((number, file))
    as_csv = [(number, replace(file, plain_header=None)) for number, file in cut]
    read = [
        sorted(repr(row.asDict() | {CORRUPT_LINE: row[CORRUPT_LINE] is None}) for row in _without_order(spark, files))
        for files in (cut, as_csv)
    ]
    assert read[0] == read[1]
    assert len(read[0]) == len(TEXT_FORMS) * (len(lines) - 1)


@pytest.mark.parametrize("name", sorted(FORMATS.declared))
def test_an_empty_line_changes_no_row(spark: SparkSession, tmp_path: Path, name: str) -> None:
    declared = FORMATS[name]
    columns = list(declared.columns)
    filled = [[written if at == n else "1" for at in range(len(columns))] for n, written in enumerate(ODD)]
    lines = [declared.delimiter.join(cells).replace("{d}", declared.delimiter) for cells in [columns, *filled]]
    desk = RecognitionContext(tmp_path, tmp_path / "work", FORMATS, ContainerLimits(9, 1 << 20, 1 << 24, 100))
    read = []
    for form, between in (("even", "\n"), ("uneven", "\n \n")):
        path = tmp_path / f"{form}.csv"
        path.write_text(between.join(lines) + "\n", encoding="utf-8")
        (file,) = recognise_deliveries(path, desk)
        assert (file.delivery_kind, file.rejection) == (
            DeliveryKind.TEXT if form == "even" else DeliveryKind.UNEVEN_TEXT,
            None,
        )
        if form == "uneven":
            file = transcripts.transcribe_text(file, desk)
        rows = [row.asDict() for row in _lined(spark, [(1, file)]).orderBy("line").collect()]
        assert [row.pop("line") for row in rows] == [n * len(between.split("\n")[1:]) + 1 for n in range(1, len(lines))]
        read.append(
            [
                {k: v for k, v in row.items() if k not in ("_order", CORRUPT_LINE)} | {"!": row[CORRUPT_LINE] is None}
                for row in rows
            ]
        )
    assert read[0] == read[1]
    assert len(read[0]) == len(ODD)
