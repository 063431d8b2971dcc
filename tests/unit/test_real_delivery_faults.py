"""Every known fault of a delivery, each in files of a school of its own, taken in by one run."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.unit import drawn_workbooks
from tests.unit.drawn_deliveries import (
    CANONIEK,
    LATER,
    OF_UWLR,
    ONE,
    PUNTKOMMA,
    ROSTER,
    TWO,
    ZERO,
    Content,
    S,
    canoniek,
    changed,
    encrypted,
    komma,
    puntkomma,
    raw,
    sheet,
    soap,
    uwlr,
    zipped,
)

from cohort import delta
from cohort.agreements import catalogue, platform
from cohort.delivery_formats import format_declarations
from cohort.delivery_formats.file_reason_codes import FILE_REASONS
from cohort.delivery_formats.row_reason_codes import ROW_REASONS
from cohort.ingestion import pipeline
from cohort.legal_basis import number_changes, objections_in_force
from cohort.storage.zone_paths import StorageZones

CONF = Path(__file__).resolve().parents[2] / "conf"
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
SCHOOLS = sorted(catalogue.load_catalogue(CONF).schools)


@dataclass(frozen=True)
class Trap:
    """A file (or several) of one school, and what must become of it.

    `took` has the accepted rows: number, score and group; `codes` the lines of every code; `reason` why a
    file as a whole is rejected; `status` what becomes of each file, in the order of their names.
    """

    description: str
    files: dict[str, Content] = field(default_factory=dict)
    took: tuple[str, ...] = ()
    codes: dict[str, list[int]] = field(default_factory=dict)
    reason: str | None = None


def trap(description: str, content: Content, name: str = "x.csv", **documents: Any) -> Trap:
    return Trap(description, {name: content}, **documents)


FAILED = (
    "#N/A",
    "#N/B",
    "#DIV/0!",
    "#DEEL/0!",
    "#REF!",
    "#VERW!",
    "#VALUE!",
    "#WAARDE!",
    "#NAME?",
    "#NAAM?",
    "#NUM!",
    "#GETAL!",
    "#NULL!",
    "#LEEG!",
    "#SPILL!",
    "#OVERLOOP!",
    "#GETTING_DATA",
    "#########",
    "Err:502",
    "#n/a",
)


def _cells(school: str, pgn: str, score: str, **attributes: object) -> str:
    """A row of a workbook in the words of the canonical format."""
    test = drawn_workbooks.text("REK-M7_x000D_")
    cells = (school, "2024-2025", drawn_workbooks.number(pgn), test, "2025-01-20", score, "7A")
    return drawn_workbooks.row(*cells, **attributes)


TRAPS = [
    trap(
        "another order of columns: values do not swap",
        raw(
            "groep_key;vaardigheidsscore;afnamedatum;toetscode;pgn;schooljaar;brin\n"
            f"7A;80;2025-01-20;REK-M7;{ONE};2024-2025;BRIN\n"
        ),
        took=(f"{ONE} 80.00 7A",),
    ),
    trap(
        "BRIN and site in one column: told apart, and a site beside it must agree",
        raw(
            "brin;vestiging;schooljaar;pgn;toetscode;afnamedatum;groep_key;vaardigheidsscore\n"
            f"BRIN01;;2024-2025;{ONE};REK-M7;2025-01-20;7A;80\n"
            f"BRIN01;01;2024-2025;{ONE};REK-M6;2025-01-20;7A;81\n"
            f"BRIN01;02;2024-2025;{TWO};REK-M7;2025-01-20;7A;82\n"
            f"BRIN;02;2024-2025;{TWO};REK-M6;2025-01-20;7A;83\n"
        ),
        took=(f"{ONE} 80.00 7A", f"{ONE} 81.00 7A", f"{TWO} 83.00 7A"),
        codes={"VESTIGING_INVALID": [4]},
    ),
    trap(
        "a column that is missing: values do not shift",
        raw(
            f"brin;schooljaar;pgn;toetscode;afnamedatum;groep_key;niveau_IV\n"
            f"BRIN;2024-2025;{ONE};REK-M7;2025-01-20;7A;II\n"
        ),
        took=(f"{ONE} None 7A",),
    ),
    trap(
        "an extra column is never read on",
        raw(f"naam;{CANONIEK}\nJansen;BRIN;2024-2025;{ONE};REK-M7;2025-01-20;80;7A\n"),
        took=(f"{ONE} 80.00 7A",),
    ),
    trap("a decimal comma in the format with commas", canoniek(f"{ONE};7,5;"), took=(f"{ONE} 7.50 None",)),
    trap(
        "a decimal comma where a point is declared",
        komma(f'{ONE},"7,5",', f"{TWO},7.5,"),
        took=(f"{TWO} 7.50 None",),
        codes={"SCORE_NOT_A_NUMBER": [2]},
    ),
    trap(
        "a decimal point where a comma is declared",
        puntkomma(f"{ONE};20-01-2025;7.5;;", f"{TWO};20-01-2025;7,5;;"),
        took=(f"{TWO} 7.50 None",),
        codes={"SCORE_NOT_A_NUMBER": [2]},
    ),
    trap("a point for thousands", canoniek(f"{ONE};1.234,5;"), codes={"SCORE_NOT_A_NUMBER": [2]}),
    trap("a comma for thousands", komma(f'{ONE},"1,234.5",'), codes={"SCORE_NOT_A_NUMBER": [2]}),
    trap(
        "windows-1252: diacritics and the euro sign",
        puntkomma(f"{ONE};20-01-2025;80;Zoë €;J"),
        took=(f"{ONE} 80.00 Zoë €",),
    ),
    trap(
        "the same export in UTF-8",
        puntkomma(f"{ONE};20-01-2025;80;Zoë €;J", encoding="utf-8"),
        took=(f"{ONE} 80.00 Zoë €",),
    ),
    trap(
        "windows-1252 where UTF-8 is declared",
        lambda school: canoniek(f"{ONE};80;Zoe")(school).replace(b"Zoe", b"Zo\xeb"),
        reason="NOT_UTF8",
    ),
    trap(
        "bytes that are in no encoding",
        lambda s: puntkomma(f"{ONE};20-01-2025;80;x;J")(s).replace(b";x;", b";\x81;"),
        reason="NOT_UTF8",
    ),
    trap("UTF-16", lambda school: canoniek(f"{ONE};80;")(school).decode().encode("utf-16"), reason="ENCODING_UTF16"),
    trap(
        "two byte order marks",
        lambda school: b"\xef\xbb\xbf" * 2 + canoniek(f"{ONE};80;")(school),
        took=(f"{ONE} 80.00 None",),
    ),
    trap(
        "two files one after another, each with a mark and a header",
        lambda s: b"".join(b"\xef\xbb\xbf" + canoniek(row)(s) for row in (f"{ONE};80;", f"{TWO};81;", f"{ZERO};82;")),
        took=(f"{ONE} 80.00 None", f"{TWO} 81.00 None", f"{ZERO} 82.00 None"),
        codes={"HEADER_REPEATED": [3, 5]},
    ),
    trap(
        "a mark in the middle, without a header",
        lambda s: canoniek(f"{ONE};80;")(s) + b"\xef\xbb\xbf" + canoniek(f"{TWO};81;")(s).split(b"\n", 1)[1],
        took=(f"{ONE} 80.00 None", f"{TWO} 81.00 None"),
    ),
    trap(
        "a header again, over rows with line breaks",
        lambda s: komma(f'{ONE},80,"7\nA"')(s) + komma(f"{TWO},81,7B")(s),
        took=(f"{ONE} 80.00 7 A", f"{TWO} 81.00 7B"),
        codes={"HEADER_REPEATED": [4]},
    ),
    trap(
        "a header again, of other columns",
        lambda s: canoniek(f"{ONE};80;")(s) + canoniek(f"{TWO};;81", header=CANONIEK.replace("groep_key", "ses"))(s),
        reason="HEADER_SECOND",
    ),
    trap(
        "MacRoman, with the Mac's line ends",
        lambda s: (
            puntkomma(f"{ONE};20-01-2025;80;;J", encoding="mac_roman")(s)
            .replace(b"Groep;", "Financiële weging;".encode("mac_roman"))
            .replace(b"\r\n", b"\r")
        ),
        reason="ENCODING_MACROMAN",
    ),
    trap("a byte order mark", komma(f"{ONE},80,"), took=(f"{ONE} 80.00 None",)),
    trap("no byte order mark where one is usual", komma(f"{ONE},80,", bom=b""), took=(f"{ONE} 80.00 None",)),
    trap("a zip named .csv is no garbage", zipped(canoniek(f"{ONE};80;")), took=(f"{ONE} 80.00 None",)),
    trap(
        "a header twice", raw(f"pgn;{CANONIEK}\n1;BRIN;2024-2025;{ONE};REK-M7;2025-01-20;80;\n"), reason="HEADER_TWICE"
    ),
    trap("001 stays 001", canoniek(f"{ONE};80;001"), took=(f"{ONE} 80.00 001",)),
    trap(
        "a newline in quotes where none is declared breaks its own row only",
        canoniek(f'{ONE};80;"7\nA"', f"{TWO};81;"),
        took=(f"{TWO} 81.00 None",),
        codes={"ROW_BROKEN": [2, 3]},
    ),
    trap(
        "a newline in quotes where it is declared, and the lines after it",
        komma(f'{ONE},80,"7\nA"', f"{TWO},ziek,7B"),
        took=(f"{ONE} 80.00 7 A",),
        codes={"SCORE_NOT_A_NUMBER": [4]},
    ),
    trap(
        "a quote that is never closed takes no rest with it unseen",
        komma(f'{ONE},80,"7', f"{TWO},81,7B"),
        reason="QUOTE_OPEN",
    ),
    trap(
        "a quote that swallows a row up to the next quote mixes no two pupils",
        komma(f'{ONE},80,"7', f'{TWO},81,7"', f"{ZERO},82,7C"),
        took=(f"{ZERO} 82.00 7C",),
        codes={"ROW_BROKEN": [2, 3]},
    ),
    trap("doubled quotes", komma(f'{ONE},80,"7 ""A"", b"'), took=(f'{ONE} 80.00 7 "A", b',)),
    trap(
        "lines too long and too short",
        canoniek(f"{ONE};80;;9", f"{ONE};80", f"{TWO};81;"),
        took=(f"{TWO} 81.00 None",),
        codes={"ROW_BROKEN": [2, 3]},
    ),
    trap(
        "the first line is a pupil's", raw(f"BRIN;2024-2025;{ONE};REK-M7;2025-01-20;80;\n" * 2), reason="HEADER_UNKNOWN"
    ),
    trap("a day and a month the wrong way round", puntkomma(f"{ONE};01-02-2025;80;;"), took=(f"{ONE} 80.00 None",)),
    trap(
        "days as Dutch Excel writes them",
        puntkomma(f"{ONE};3-2-2025;80;;", f"{TWO};03-02-2025 0:00;81;;", f"{ZERO};3-2-2025 00:00:00;82;;"),
        took=(f"{ONE} 80.00 None", f"{TWO} 81.00 None", f"{ZERO} 82.00 None"),
    ),
    trap(
        "a year of two digits, the order of the United States, the end of another day",
        puntkomma(f"{ONE};3-2-25;80;;", f"{TWO};2/13/2025;81;;", f"{ZERO};2-2-2025 23:00;82;;"),
        codes={"DATE_INVALID": [2, 3, 4]},
    ),
    trap(
        "no year, no month, a year of five digits",
        puntkomma(f"{ONE};13-2;83;;", f"{TWO};1-13-2025;84;;", f"{ZERO};3-2-20255;85;;"),
        codes={"DATE_INVALID": [2, 3, 4]},
    ),
    trap(
        "an ISO date where the day is declared first", puntkomma(f"{ONE};2025-01-20;80;;"), codes={"DATE_INVALID": [2]}
    ),
    trap(
        "the day first where ISO is declared",
        raw(f"{CANONIEK}\nBRIN;2024-2025;{ONE};REK-M7;20-01-2025;80;\n"),
        codes={"DATE_INVALID": [2]},
    ),
    trap("a day that does not exist", puntkomma(f"{ONE};30-02-2025;80;;"), codes={"DATE_INVALID": [2]}),
    trap(
        "a code of another format",
        puntkomma(f"{ONE};20-01-2025;80;;1", f"{TWO};20-01-2025;80;;M"),
        took=(f"{TWO} 80.00 None",),
        codes={"SEX_INVALID": [2]},
    ),
    trap("an eight-digit number lost its zero", canoniek("12345672;80;"), took=(f"{ZERO} 80.00 None",)),
    trap(
        "a first line of Excel that names the delimiter",
        lambda school: b"sep=;\r\n" + canoniek(f"{ONE};80;", f"{TWO};ziek;")(school),
        took=(f"{ONE} 80.00 None",),
        codes={"SCORE_NOT_A_NUMBER": [4]},
    ),
    trap(
        "the same before quoted line breaks",
        lambda s: b"\xef\xbb\xbfsep=,\n" + komma(f'{ONE},80,"7\nA"', f"{TWO},ziek,", bom=b"")(s),
        took=(f"{ONE} 80.00 7 A",),
        codes={"SCORE_NOT_A_NUMBER": [5]},
    ),
    trap(
        "empty rows of a spreadsheet saved as text",
        raw(
            f"{CANONIEK};\nBRIN;2024-2025;{ONE};REK-M7;2025-01-20;80;;\n;;;;;;;\n"
            f'BRIN;2024-2025;{TWO};REK-M7;2025-01-20;ziek;;\n"";"";;;;;;\n ;;;;;;;\n'
        ),
        took=(f"{ONE} 80.00 None",),
        codes={"SCORE_NOT_A_NUMBER": [4]},
    ),
    trap(
        "empty rows of a spreadsheet before its header",
        lambda school: b";;;;;;\n;;;;;;\n" + canoniek(f"{ONE};80;", f"{TWO};ziek;")(school),
        took=(f"{ONE} 80.00 None",),
        codes={"SCORE_NOT_A_NUMBER": [5]},
    ),
    trap(
        "sentinels of every administration, whatever the format's decimal mark and codes",
        komma(f"{ONE},----,", f"{TWO},n.v.t.,", f"{ZERO},9999,"),
        codes={"SCORE_MISSING": [2, 3, 4]},
    ),
    trap(
        "sentinels of every administration in a column with codes",
        lambda school: f"{PUNTKOMMA};Niveau I-V\n{school};2024/2025;{ONE};REK-M7;20-01-2025;80;;J;N.v.t.\n".encode(),
        took=(f"{ONE} 80.00 None",),
    ),
    trap(
        "tabs and no-break spaces around values",
        lambda s: canoniek(f"\t{ONE};\u00a080\t;\u00a07A ")(s).replace(s.encode(), f"\u00a0{s}\t".encode()),
        took=(f"{ONE} 80.00 7A",),
    ),
    trap(
        "no-break spaces in windows-1252",
        puntkomma(f"{ONE};\u00a020-01-2025;80\u00a0;7A\u00a0;J"),
        took=(f"{ONE} 80.00 7A",),
    ),
    trap(
        "no-break spaces in the cells of a spreadsheet",
        sheet(CANONIEK, ["2024-2025\u00a0", ONE, "\u00a0REK-M7", "2025-01-20\t", "80\u00a0", "\u00a07A"]),
        name="x.xlsx",
        took=(f"{ONE} 80.00 7A",),
    ),
    trap(
        "a remark over lines with as many delimiters as a row",
        raw(
            "school_brin,schooljaar,leerling_pgn,toets_code,afname_datum,score_vaardigheid,Opmerking\n"
            f'BRIN,2024-2025,{ONE},REK-M7,2025-01-20,80,"Ziek, moe,\nop dinsdag, woensdag,\nnu, ja, weer"\n'
            f"BRIN,2024-2025,{TWO},REK-M7,2025-01-20,ziek,\n"
        ),
        took=(f"{ONE} 80.00 None",),
        codes={"SCORE_NOT_A_NUMBER": [5]},
    ),
    trap("nothing but empty rows", raw(f"{CANONIEK}\n;;;;;;\n;;;;;;\n"), reason="EMPTY"),
    trap(
        "a quote opened on an empty row is no empty row",
        raw(f'{CANONIEK}\nBRIN;2024-2025;{ONE};REK-M7;2025-01-20;80;\n";;;;;;\n'),
        took=(f"{ONE} 80.00 None",),
        codes={"ROW_BROKEN": [3]},
    ),
    trap(
        "a date that Excel wrote as the number of a day",
        raw(f"{CANONIEK}\nBRIN;2024-2025;{ONE};REK-M7;45672;80;\n"),
        codes={"DATE_INVALID": [2]},
    ),
    trap("blanks in front of a value", canoniek(f" {ONE}; 80;  7"), took=(f"{ONE} 80.00 7",)),
    trap(
        "sentinels are no scores",
        canoniek(f"{ONE};9999;", f"{TWO};----;", f"{ZERO};0000;"),
        codes={"SCORE_MISSING": [2, 3, 4]},
    ),
    trap("sentinels of one supplier", puntkomma(f"{ONE};20-01-2025;999,0;;"), codes={"SCORE_MISSING": [2]}),
    trap(
        "a number without its proof, a filler, none",
        canoniek("123456789;80;", "000000000;80;", ";80;"),
        codes={"PGN_INVALID": [2], "PGN_FILLER": [3], "PGN_MISSING": [4]},
    ),
    trap(
        "one pupil's result twice in a file",
        canoniek(f"{ONE};80;", f"{ONE};80;"),
        took=(f"{ONE} 80.00 None",),
        codes={"DUPLICATE": [3]},
    ),
    trap("a hidden file", canoniek(f"{ONE};80;"), name="_x.csv", reason="FILE_NAME"),
    trap(
        "a gzip",
        lambda school: gzip.compress(canoniek(f"{ONE};80;")(school)),
        name="x.csv.gz",
        took=(f"{ONE} 80.00 None",),
    ),
    trap("a zip bomb", zipped(lambda _: b"0" * (40 << 20)), name="x.zip", reason="CONTAINER_BOMB"),
    trap("an encrypted zip", encrypted(canoniek(f"{ONE};80;")), name="x.zip", reason="CONTAINER_ENCRYPTED"),
    trap(
        "a path that climbs out", zipped(canoniek(f"{ONE};80;"), name="../a.csv"), name="x.zip", reason="CONTAINER_PATH"
    ),
    trap("a zip in a zip", zipped(zipped(canoniek(f"{ONE};80;"))), name="x.zip", reason="CONTAINER_NESTED"),
    trap(
        "a spreadsheet: numbers, dates and a lost zero",
        sheet(
            CANONIEK,
            ["2024-2025", 12345672, "REK-M7", dt.date(2025, 1, 20), 87.5, "7A"],
            ["2024-2025", TWO, "REK-M7", "2025-01-20", "ziek", "7A"],
        ),
        name="x.xlsx",
        took=(f"{ZERO} 87.50 7A",),
        codes={"SCORE_NOT_A_NUMBER": [3]},
    ),
    trap(
        "a letter beside the data is no delivery",
        lambda school: drawn_workbooks.zipped(
            ("a.csv", canoniek(f"{ONE};80;")(school)), ("brief.txt", b"Beste platform"), ("b.pdf", b"%PDF-1.4")
        ),
        name="x.zip",
        took=(f"{ONE} 80.00 None",),
    ),
    trap("a letter alone", lambda _: b"%PDF-1.4 brief", name="x.pdf", reason="DOCUMENT"),
    trap(
        "a line of averages below the table",
        raw(f"{CANONIEK}\nBRIN;2024-2025;{ONE};REK-M7;2025-01-20;80;7A\nGemiddelde;;;;;80;\n;;n=1;;;80;\n"),
        took=(f"{ONE} 80.00 7A",),
        codes={"NO_RESULT": [3, 4]},
    ),
    trap(
        "a formula that failed, in each of the words for it",
        raw(
            f"{CANONIEK}\n"
            + "".join(f"BRIN;2024-2025;{ONE};REK-M7;2025-01-{n};{word};\n" for n, word in enumerate(FAILED, 10))
        ),
        codes={"SCORE_MISSING": [*range(2, 2 + len(FAILED))]},
    ),
    trap(
        "a percentage, an escaped line end and Java's numbers in a workbook",
        lambda school: drawn_workbooks.book(
            drawn_workbooks.row(*CANONIEK.split(";")),
            _cells(school, "1.11222333E8", drawn_workbooks.number("8.5E1")),
            _cells(school, "1.23456782E8", drawn_workbooks.number("0.85", 1)),
        ),
        name="x.xlsx",
        took=(f"{ONE} 85.00 7A",),
        codes={"SCORE_NOT_A_NUMBER": [3]},
    ),
    trap(
        "a hidden row",
        lambda school: drawn_workbooks.book(
            drawn_workbooks.row(*CANONIEK.split(";")),
            _cells(school, ONE, drawn_workbooks.number(80)),
            _cells(school, TWO, drawn_workbooks.number(80), hidden=1),
        ),
        name="x.xlsx",
        reason="HIDDEN_CELLS",
    ),
    trap(
        "a title above the header",
        lambda school: b"Toetsoverzicht\n\n" + canoniek(f"{ONE};80;")(school),
        reason="HEADER_LOWER",
    ),
    trap(
        "tabs where another delimiter is declared",
        lambda school: canoniek(f"{ONE};80;")(school).replace(b";", b"\t"),
        name="x.xls",
        reason="DELIMITER_OTHER",
    ),
    trap(
        "a spreadsheet's number as Excel shows it, not as it is stored",
        sheet(CANONIEK, ["2024-2025", ONE, "REK-M7", "2025-01-20", 64.39999999999999, "7A"]),
        name="x.xlsx",
        took=(f"{ONE} 64.40 7A",),
    ),
    trap(
        "a spreadsheet in the words of another format",
        sheet(PUNTKOMMA, ["2024/2025", ONE, "REK-M7", dt.date(2025, 1, 20), 87.5, "7A", "J"]),
        name="x.xlsx",
        took=(f"{ONE} 87.50 7A",),
    ),
    trap(
        "a spreadsheet with two filled sheets",
        sheet(CANONIEK, ["2024-2025", ONE, "REK-M7", "2025-01-20", "80", ""], sheets=2),
        name="x.xlsx",
        reason="SPREADSHEET_SHEETS",
    ),
    trap("a spreadsheet without a declared header", sheet("a;b", ["1"]), name="x.xlsx", reason="HEADER_UNKNOWN"),
    trap("a document of another kind", raw("<x/>"), name="x.xml", reason="XML_UNKNOWN"),
    trap("a page", raw("<html/>"), name="x.xml", reason="WEB_PAGE"),
    trap("a document that is cut off", lambda school: ROSTER(school)[:-20], name="x.xml", reason="XML_BROKEN"),
    trap(
        "an external entity",
        raw('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><EDEX>&e;</EDEX>'),
        name="x.xml",
        reason="XML_UNSAFE",
    ),
    trap("results without a roster", uwlr(f"a;{S}"), name="x.xml", reason="ROSTER_MISSING"),
    Trap(
        "results joined to their roster",
        {"b.xml": uwlr(f"a;{S}", f"b;{S}", f"z;{S}", f"c;{S}"), "a.xml": ROSTER},
        took=(f"{ONE} None None", f"{TWO} None None"),
        codes={"PUPIL_NOT_IN_ROSTER": [3], "PGN_INVALID": [4]},
    ),
    Trap(
        "a roster and results as UWLR has them, in envelopes",
        {"b.xml": soap(uwlr(f"a;{S}", f"b;{S}", f"z;{S}")), "a.xml": soap(OF_UWLR, "utf-16")},
        took=(f"{ONE} None None", f"{TWO} None None"),
        codes={"PUPIL_NOT_IN_ROSTER": [3]},
    ),
    Trap(
        "keys that hold within one export",
        {
            "b.xml": changed(
                uwlr(f"#1;{S}", f"b;{S}", f"#3;{S}"), ("#3</leerlingid>", "#3</leerlingid><eckid>x</eckid>")
            ),
            "a.xml": changed(ROSTER, ("'a'", "'#1'"), ("'c'><bsn>133456785", f"'#9' eckid='x'><bsn>{ZERO}")),
        },
        took=(f"{TWO} None None", f"{ZERO} None None"),
        codes={"PUPIL_AMBIGUOUS": [1]},
    ),
    Trap(
        "a key that two rosters of the year have for two children",
        {
            "c.xml": uwlr(f"a;{S}", f"b;{S}", f"c;{S}"),
            "a.xml": changed(ROSTER, ("133456785", ZERO)),
            "b.xml": changed(LATER, ("133456785", ZERO)),
        },
        took=(f"{ZERO} None None",),
        codes={"PUPIL_AMBIGUOUS": [1, 2]},
    ),
    trap(
        "an error that a service sent",
        soap(raw("<s:Fault><faultcode>x</faultcode></s:Fault>")),
        name="x.xml",
        reason="XML_NO_RECORDS",
    ),
    trap("two messages in an envelope", soap(lambda school: ROSTER(school) * 2), name="x.xml", reason="XML_SEVERAL"),
    Trap(
        "results of a school named by its key",
        {"b.xml": uwlr(f"a;{S}", school="<schoolkey>s-BRIN</schoolkey>"), "a.xml": ROSTER},
        took=(f"{ONE} None None",),
    ),
    Trap(
        "a test that the message does not declare",
        {"b.xml": uwlr(f"a;{S}", tests="SP-M7"), "a.xml": ROSTER},
        reason="UWLR_TEST_UNDECLARED",
    ),
    Trap(
        "results and roster in one zip",
        {"x.zip": zipped(ROSTER, uwlr(f"b;{S}"), name="{n}.xml")},
        took=(f"{TWO} None None",),
    ),
]


@dataclass(frozen=True)
class Taken:
    record: dict[str, Any]
    rows: dict[str, list[str]]
    ledger: dict[str, list[Any]]
    feedback: dict[int, dict[str, Any]]
    zones: StorageZones


@pytest.fixture(scope="module")
def taken(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Taken:
    zones = StorageZones(tmp_path_factory.mktemp("traps"))
    for number, one in enumerate(TRAPS):
        folder = zones.deliveries / f"{number:03d}"
        folder.mkdir(parents=True)
        for name, content in one.files.items():
            (folder / name).write_bytes(content(SCHOOLS[number]))
    declared = platform.load_platform(CONF)
    generous = declared.intake.model_copy(update={"max_refused_share": 1})
    intake = pipeline.IngestionContext(
        zones,
        declared.model_copy(update={"intake": generous}),
        catalogue.load_catalogue(CONF),
        format_declarations.load_delivery_formats(CONF),
        objections_in_force.Objections(()),
        number_changes.NumberChanges(),
        NOW,
    )
    record = pipeline.ingest_deliveries(one_spark, intake, lambda _: None)
    rows: dict[str, list[str]] = {}
    for row in delta.read_table(one_spark, zones.results).collect():
        rows.setdefault(row.brin, []).append(f"{row.pgn} {row.vaardigheidsscore} {row.groep_key}")
    feedback = {int(f.stem): json.loads(f.read_text()) for f in zones.school_feedback("").glob("*/*.json")}
    ledger = {line.sha256: line for line in delta.read_table(one_spark, zones.ledger).collect()}
    by_trap: dict[str, list[Any]] = {}
    for number, one in enumerate(TRAPS):
        folder = zones.deliveries / f"{number:03d}"
        hashes = {hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
        by_trap[one.description] = [e for e in ledger.values() if e.sha256 in hashes or e.container in hashes]
    return Taken(record, rows, by_trap, feedback, zones)


@pytest.mark.parametrize("one", TRAPS, ids=lambda one: one.description)
def test_no_wrong_value_is_accepted_and_no_right_one_is_lost(one: Trap, taken: Taken) -> None:
    assert tuple(sorted(taken.rows.get(SCHOOLS[TRAPS.index(one)], []))) == tuple(sorted(one.took))


@pytest.mark.parametrize("one", TRAPS, ids=lambda one: one.description)
def test_every_fault_is_reported_by_code_and_line(one: Trap, taken: Taken) -> None:
    lines = taken.ledger[one.description]
    assert lines, "every file has its line in the ledger"
    outcome: dict[str, list[int]] = {}
    for line in lines:
        documents = taken.feedback[line.levering_nr]
        outcome.update({code: fault["lines"] for code, fault in documents["codes"].items()})
        assert (documents["accepted"], documents["refused"]) == (line.accepted, line.quarantined)
    assert outcome == one.codes
    assert {line.reason for line in lines} - {None} == ({one.reason} if one.reason else set())


NAMING = (
    "a hidden row",
    "a title above the header",
    "tabs where another delimiter is declared",
    "MacRoman, with the Mac's line ends",
    "a header again, of other columns",
    "windows-1252 where UTF-8 is declared",
    "a quote that is never closed takes no rest with it unseen",
    "results without a roster",
    "a test that the message does not declare",
)
"""Files that are rejected and yet name their school."""


@pytest.mark.parametrize("description", NAMING)
def test_a_rejected_file_that_names_its_school_is_reported_to_it(description: str, taken: Taken) -> None:
    school = SCHOOLS[[one.description for one in TRAPS].index(description)]
    (line,) = (line for line in taken.ledger[description] if line.reason)
    assert (line.status, line.brin) == ("REJECTED", school)
    assert {f.suffix for f in taken.zones.school_feedback(school).glob(f"{line.levering_nr}.*")} == {".json", ".txt"}


def test_sums_close_and_no_feedback_holds_a_value(taken: Taken) -> None:
    rows = taken.record["rows"]
    assert rows["delivered"] == rows["accepted"] + rows["quarantined"] + rows["objected"]
    assert rows["accepted"] == sum(len(one.took) for one in TRAPS)
    values = (ONE, TWO, ZERO, "12345672", "123456789", "133456785", "Jansen", "Zoë", "ziek", "1.234", "7.5")
    for file in taken.zones.school_feedback("").glob("*/*"):
        documents = re.sub(r"[0-9a-f]{64}", "", file.read_text())
        assert [value for value in values if value in documents] == []


def test_a_run_leaves_nothing_beside_its_tables(taken: Taken) -> None:
    assert not taken.zones.scratch.exists()


def test_every_reason_is_described_in_both_languages() -> None:
    for reason in (*ROW_REASONS.values(), *FILE_REASONS.values()):
        assert all(reason)
