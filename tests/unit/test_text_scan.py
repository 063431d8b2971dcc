"""Files as schools send them, trap by trap: what `look` says of each, and what is read of the fit ones."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements.container_limits import ContainerLimits
from cohort.delivery_formats import format_declarations, transcripts
from cohort.delivery_formats.delivered_file import DeliveredFile, DeliveryKind
from cohort.delivery_formats.file_recognition import RecognitionContext, recognise_deliveries
from cohort.delivery_formats.text_recognition import MAX_FIELDS
from cohort.ingestion import text_scan
from cohort.states.schemas import CANONICAL_COLUMNS, CORRUPT_LINE, DELIVERY_NUMBER, READER_REASON

HEADER = "brin;schooljaar;pgn;toetscode;afnameperiode;ruwe_score"
FORMATS = format_declarations.load_delivery_formats(Path(__file__).resolve().parents[2] / "conf")
LINE = "10AA;2024-2025;123456782;REK-M7;M;34"
PLAIN = f"{HEADER}\n{LINE}\n"


@dataclass(frozen=True)
class File:
    """One file, what `look` must say of it, and the scores that are read: `line:score`, `!` a broken line."""

    says: str
    content: str | bytes
    read: str = ""
    rejected: str | None = None
    rows: int | None = None
    name: str = "{n}.csv"

    @property
    def bytes(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else self.content.encode()


FILES = [
    File("the plain dialect", PLAIN, "2:34"),
    File("another order of columns is read by name", f"ruwe_score;{HEADER[:-11]}\n34;{LINE[:-3]}\n", "2:34"),
    File("a column that is not known is not read on", f"achternaam;{HEADER};opmerking\nJansen;{LINE};ziek\n", "2:34"),
    File("a column that is not known may stand there twice", f"x;x;{HEADER}\n1;2;{LINE}\n", "2:34"),
    File("a quoted header", HEADER.replace("brin", '"brin"') + f"\n{LINE}\n", "2:34"),
    File("blanks around a name of the header", f" {HEADER} \n{LINE}\n", "2:34"),
    File("a byte order mark", b"\xef\xbb\xbf" + PLAIN.encode(), "2:34"),
    File("CRLF", PLAIN.replace("\n", "\r\n"), "2:34"),
    File("CR alone", PLAIN.replace("\n", "\r"), "2:34"),
    File("no line end at the end", PLAIN.strip(), "2:34"),
    File("empty lines before the header and at the end", f"\n \t\n{HEADER}\n{LINE}\n{LINE}\n\n \n", "4:34 5:34"),
    File("empty lines between rows, also with blanks", f"\n \t\n{HEADER}\n\n{LINE}\n\t\n{LINE}\n\n", "5:34 7:34"),
    File("a line of no-break spaces is an empty one", f"{PLAIN}\u00a0\n", "2:34"),
    File("a quoted separator and quoted quotes", f'{HEADER};groep_key\n{LINE};"7;""A"""\n', "2:34"),
    File("an empty quoted value", f'{HEADER};groep_key\n{LINE};""\n', "2:34"),
    File("a line too long or too short", f"{PLAIN}{LINE};9\n10AA;2024-2025\n{LINE}\n", "2:34 3:! 4:! 5:34"),
    File("accents and blanks in a name", PLAIN, "2:34", name="school é (1) 50+.csv"),
    File("a folder per school", PLAIN, "2:34", name="brin=10AA/{n}.csv"),
    File("no column that every delivery has", PLAIN.replace("pgn", "bsn"), rejected="HEADER_UNKNOWN"),
    File("neither date nor period", PLAIN.replace("afnameperiode", "datum"), rejected="HEADER_UNKNOWN"),
    File("no score", PLAIN.replace("ruwe_score", "score"), rejected="HEADER_UNKNOWN"),
    File("commas between the fields", PLAIN.replace(";", ","), rejected="DELIMITER_OTHER"),
    File("a known column twice", f"pgn;{HEADER}\n1;{LINE}\n", rejected="HEADER_TWICE"),
    File("windows-1252", PLAIN.replace("34", "€").encode("cp1252"), rejected="NOT_UTF8"),
    File("UTF-16", PLAIN.encode("utf-16"), rejected="ENCODING_UTF16"),
    File("bytes that no text has", PLAIN.replace("34", "\0"), rejected="NOT_TEXT"),
    File("nothing", "", rejected="EMPTY"),
    File("empty lines only", "\r\n \r\n", rejected="EMPTY"),
    File("a header only", f"{HEADER}\n", rejected="EMPTY"),
    File("a line of very many fields", PLAIN + ";" * MAX_FIELDS, rejected="TOO_WIDE"),
    File("a header of very many fields", f"{HEADER}{';' * MAX_FIELDS}\n{LINE}\n", rejected="TOO_WIDE"),
    File("a hidden file", PLAIN, rejected="FILE_NAME", name="_{n}.csv"),
    File("an unfinished file", PLAIN, rejected="FILE_NAME", name=".{n}.csv"),
    File("a file in a hidden folder", PLAIN, rejected="FILE_NAME", name="_tmp/{n}.csv"),
    File("a name that Spark takes for a pattern", PLAIN, rejected="FILE_NAME", name="{n}[1].csv"),
    File("a name that Hadoop takes for a scheme", PLAIN, rejected="FILE_NAME", name="a:{n}.csv"),
    File("a name that is no text", PLAIN, rejected="FILE_NAME", name=os.fsdecode(b"school\xe9{n}.csv")),
]


@dataclass(frozen=True)
class Read:
    looked: dict[str, DeliveredFile]
    rows: dict[str, list[dict[str, object]]]
    lines: dict[str, str]


@pytest.fixture(scope="module")
def found(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Read:
    """All files in one folder, looked at one by one, those that are fit read in one pass."""
    folder = tmp_path_factory.mktemp("deliveries")
    desk = RecognitionContext(
        folder, tmp_path_factory.mktemp("work"), FORMATS, ContainerLimits(9, 1 << 20, 1 << 20, 100)
    )
    looked = {}
    for number, file in enumerate(FILES):
        path: Path = folder / file.name.replace("{n}", str(number))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(file.bytes)
        (looked[file.says],) = recognise_deliveries(path, desk)
        if looked[file.says].delivery_kind == DeliveryKind.UNEVEN_TEXT and not looked[file.says].rejection:
            looked[file.says] = transcripts.transcribe_text(looked[file.says], desk)
    fit = [(n, f) for n, f in enumerate(looked.values()) if not f.rejection]
    rows: dict[str, list[dict[str, object]]] = {file.says: [] for file in FILES}
    for row in text_scan.scan_text_files(one_spark, fit, FORMATS).collect():
        rows[FILES[row[DELIVERY_NUMBER]].says].append(row.asDict())
    lines: dict[str, list[tuple[int, str]]] = {file.says: [] for file in FILES}
    for row in _lined(one_spark, fit).collect():
        told = "!" if row[CORRUPT_LINE] is not None else row.ruwe_score
        lines[FILES[row[DELIVERY_NUMBER]].says].append((row.line, told))
    return Read(looked, rows, {k: " ".join(f"{n}:{s}" for n, s in sorted(v)) for k, v in lines.items()})


def _lined(spark: SparkSession, files: list[text_scan.NumberedFile]) -> DataFrame:
    ordered = text_scan.scan_text_files(spark, files, FORMATS).withColumn("_order", F.monotonically_increasing_id())
    return text_scan.number_lines(ordered, ordered, "_order")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.says)
def test_a_file_is_read_rejected_or_left_for_later(file: File, found: Read) -> None:
    seen = found.looked[file.says]
    assert seen.rejection == file.rejected
    assert seen.rows == len(file.read.split()) or file.rejected


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.says)
def test_both_ways_of_reading_give_the_same_lines(file: File, found: Read) -> None:
    assert found.lines[file.says] == file.read
    scores = ["!" if row[CORRUPT_LINE] is not None else row["ruwe_score"] for row in found.rows[file.says]]
    assert sorted(map(str, scores)) == sorted(told.split(":")[1] for told in file.read.split())


def test_lines_are_counted_through_a_file_that_spark_reads_in_pieces(spark: SparkSession, tmp_path: Path) -> None:
    rows = 200_000
    path = tmp_path / "long.csv"
    lines = (f"{LINE[:-2]}{number}\n" for number in range(2, rows + 2))
    path.write_text(HEADER + "\n" + "".join(lines) + "\n \n", encoding="utf-8")
    limits = ContainerLimits(9, 1 << 24, 1 << 24, 100)
    (file,) = recognise_deliveries(path, RecognitionContext(tmp_path, tmp_path / "work", FORMATS, limits))
    assert (file.delivery_kind, file.rows) == (DeliveryKind.TEXT, rows)
    found = _lined(spark, [(7, file)])
    assert text_scan.scan_text_files(spark, [(7, file)], FORMATS).rdd.getNumPartitions() > 1
    wrong = found.where(F.col("line") != F.col("ruwe_score").cast("int")).count()
    assert (found.count(), wrong) == (rows, 0)


def test_values_stand_under_their_own_names(found: Read) -> None:
    for rows in found.rows.values():
        for row in rows:
            assert set(row) == {*CANONICAL_COLUMNS, CORRUPT_LINE, READER_REASON, DELIVERY_NUMBER, "line", "_piece"}
            if row[CORRUPT_LINE] is None:
                told = (row["brin"], row["schooljaar"], row["pgn"], row["toetscode"], row["afnameperiode"])
                assert told == ("10AA", "2024-2025", "123456782", "REK-M7", "M")
                assert row["vaardigheidsscore"] is None  # no file has that column


def test_quotes_are_taken_away_once(found: Read) -> None:
    (row,) = found.rows["a quoted separator and quoted quotes"]
    assert row["groep_key"] == '7;"A"'
    (row,) = found.rows["an empty quoted value"]
    assert row["groep_key"] is None


def test_a_fingerprint_is_of_the_content_alone(found: Read) -> None:
    plain = found.looked["the plain dialect"].sha256
    assert found.looked["accents and blanks in a name"].sha256 == plain
    assert found.looked["CRLF"].sha256 != plain
    assert found.looked["a name that is no text"].name.encode()  # can be written down


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


def test_what_is_declared_of_values_is_text(spark: SparkSession, tmp_path: Path) -> None:
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
def test_an_empty_line_changes_no_row(spark: SparkSession, tmp_path: Path, name: str) -> None:
    declared = FORMATS[name]
    columns = list(declared.columns)
    filled = [[written if at == n else "1" for at in range(len(columns))] for n, written in enumerate(ODD)]
    lines = [declared.delimiter.join(cells).replace("{d}", declared.delimiter) for cells in [columns, *filled]]
    desk = RecognitionContext(tmp_path, tmp_path / "work", FORMATS, ContainerLimits(9, 1 << 20, 1 << 24, 100))
    read = []
    for way, between in (("even", "\n"), ("uneven", "\n \n")):
        path = tmp_path / f"{way}.csv"
        path.write_text(between.join(lines) + "\n", encoding="utf-8")
        (file,) = recognise_deliveries(path, desk)
        assert (file.delivery_kind, file.rejection) == (
            DeliveryKind.TEXT if way == "even" else DeliveryKind.UNEVEN_TEXT,
            None,
        )
        if way == "uneven":
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
