"""Headers garbled by an encoding, concatenated files, and columns that disappear: reported, and never half read."""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.test_feedback import entry, written

from cohort.delivery_formats import format_declarations
from cohort.delivery_formats.delivered_file import DeliveredFile, DeliveryKind
from cohort.delivery_formats.file_reason_codes import FILE_REASONS, DeliveryRejected
from cohort.delivery_formats.format_declarations import RecognisedHeader, UnrecognisedHeader
from cohort.delivery_formats.header_names import SHOWABLE_NAME_PATTERN
from cohort.delivery_formats.text_recognition import recognise_text
from cohort.ingestion import feedback, volume_anomalies
from cohort.ingestion.feedback_document import FeedbackDetails
from cohort.results.ledger import Ledger
from cohort.storage.zone_paths import StorageZones

SHIPPED = format_declarations.load_delivery_formats(Path(__file__).resolve().parents[2] / "conf")
NAMES = "BRIN-nummer;Schooljaar;Leerlingnummer (PGN);Toets;Datum afname;Vaardigheidsscore"
HEADER = f"{NAMES};Financiële weging;Niveau A–E"
ROW = "99ZZ;2024/2025;111222333;REK-M7;20-01-2025;80;0,3;A"
QUOTED = '"' + HEADER.upper().replace(";", '";"') + '"'
BOM = b"\xef\xbb\xbf"


def read(content: str | bytes) -> DeliveredFile:
    raw = content if isinstance(content, bytes) else content.encode()
    try:
        return recognise_text(DeliveredFile(Path("x"), "ab", "x.csv"), raw, SHIPPED)
    except DeliveryRejected as rejected:
        return DeliveredFile(Path("x"), "ab", "x.csv", rejection=rejected.code)


def saved(encoding: str, header: str = HEADER, end: str = "\r\n") -> bytes:
    return f"{header}{end}{ROW}{end}".encode(encoding, "replace")


def twice(text: str, wrong: str) -> bytes:
    """A text in UTF-8 that was read in another encoding, and saved in UTF-8 again."""
    return text.encode().decode(wrong, "replace").encode()


WHOLE = f"{HEADER}\n{ROW}\n"


@pytest.mark.parametrize(
    ("description", "content", "reason"),
    [
        ("UTF-8", WHOLE, None),
        ("windows-1252", saved("cp1252"), None),
        ("decomposed, as macOS does", unicodedata.normalize("NFD", WHOLE), None),
        ("a no-break hyphen", WHOLE.replace("–", "\u2011"), None),
        ("a soft hyphen", WHOLE.replace("–", "\u00ad"), None),
        ("a minus", WHOLE.replace("–", "\u2212"), None),
        ("blanks nobody sees", WHOLE.replace("Niveau ", "\u200bNiveau\u00a0"), None),
        ("marks before the header and a row", BOM * 2 + f"{HEADER}\n".encode() + BOM + ROW.encode(), None),
        ("MacRoman", saved("mac_roman"), "ENCODING_MACROMAN"),
        ("MacRoman, old line ends", saved("mac_roman", end="\r"), "ENCODING_MACROMAN"),
        ("MacRoman, capitals", saved("mac_roman", HEADER.upper()), "ENCODING_MACROMAN"),
        ("MacRoman, bytes not of windows-1252", saved("mac_roman", f"{HEADER};Relève"), "ENCODING_MACROMAN"),
        ("CP850", saved("cp850", HEADER.replace("–", "-")), "ENCODING_CP850"),
        ("CP850, dashes lost", saved("cp850"), "ENCODING_CP850"),
        ("CP850, bytes that windows-1252 lacks", saved("cp850", f"{HEADER};für"), "ENCODING_CP850"),
        ("CP437", saved("cp437", HEADER.replace("–", "-")), "ENCODING_CP850"),
        ("Latin-1, dashes lost", saved("latin-1"), "HEADER_GARBLED"),
        ("ISO-8859-15, dashes lost", saved("iso8859-15"), "HEADER_GARBLED"),
        ("ASCII, all of it lost", saved("ascii"), "HEADER_GARBLED"),
        ("UTF-8 taken for windows-1252", twice(WHOLE, "cp1252"), "HEADER_GARBLED"),
        ("the same, twice", twice(twice(WHOLE, "cp1252").decode(), "cp1252"), "HEADER_GARBLED"),
        ("UTF-8 taken for Latin-1", twice(WHOLE, "latin-1"), "HEADER_GARBLED"),
        ("UTF-8 taken for MacRoman", twice(WHOLE, "mac_roman"), "HEADER_GARBLED"),
        ("UTF-8 taken for CP850", twice(WHOLE, "cp850"), "HEADER_GARBLED"),
        ("windows-1252 taken for UTF-8", WHOLE.encode("cp1252").decode("utf-8", "replace"), "HEADER_GARBLED"),
        ("the letter left out", WHOLE.replace("ë", ""), "HEADER_GARBLED"),
        ("UTF-16", saved("utf-16"), "ENCODING_UTF16"),
        ("UTF-16 without a mark", saved("utf-16-le"), "NOT_TEXT"),
    ],
)
def test_a_column_is_read_under_its_name_or_the_file_is_rejected(
    description: str, content: str | bytes, reason: str | None
) -> None:
    file = read(content)
    assert file.rejection == reason, description
    if reason is None:
        assert file.columns[-2:] == ("gewicht", "niveau_AE")
        assert (file.unread_columns, file.school) == ((), "99ZZ")
    else:
        assert reason in FILE_REASONS


def test_the_feedback_names_the_column_that_was_meant() -> None:
    file = read(saved("mac_roman"))
    assert file.header_difference is not None
    assert file.header_difference.unknown == ("7 (Financiële weging)", "8 (Niveau A–E)")
    assert file.school == "99ZZ"


def test_a_spelling_that_is_declared_is_not_garbled() -> None:
    document = SHIPPED["puntkomma"].columns | {"Niveau A?E": "niveau_AE"}
    declared = format_declarations.DeliveryFormat.model_validate(
        SHIPPED["puntkomma"].model_dump() | {"columns": document}
    )
    own = format_declarations.DeliveryFormats({"puntkomma": declared})
    assert isinstance(own.recognise_line(HEADER.replace("–", "?")), RecognisedHeader)
    assert isinstance(SHIPPED.recognise_line(HEADER.replace("–", "?")), UnrecognisedHeader)


@pytest.mark.parametrize(
    ("header", "unread"),
    [
        (NAMES, ()),
        (f"{NAMES};Roepnaam;e-mail ouder;M7", ("7 (Roepnaam)", "8 (e-mail ouder)", "9")),
        (f"{NAMES};Niveau 1F;Groep 7/8", ("7 (Niveau 1F)", "8 (Groep 7/8)")),
        (f"Opmerking;{NAMES};;", ("1 (Opmerking)",)),
        (f"{NAMES};;Opmerking", ("7", "8 (Opmerking)")),
        (f"{NAMES};123456782;12-05-2014;1234AB;x@y.nl;=A1", ("7", "8", "9", "10", "11")),
        (f"{NAMES};{'lang ' * 20}", ("7",)),
        (NAMES + ";Extra" * 120, (*(f"{n} (Extra)" for n in range(7, 107)), "…")),
    ],
)
def test_unread_columns_are_named_unless_the_name_may_be_a_value(header: str, unread: tuple[str, ...]) -> None:
    recognised = SHIPPED.recognise_line(header)
    assert isinstance(recognised, RecognisedHeader)
    assert recognised.unread_columns == unread


@pytest.mark.parametrize("value", ["123456782", "12345678", "2014-05-12", "12-5-14", "1234 AB", "9", "5,5", ""])
def test_a_value_of_a_person_is_never_shown_as_a_column_name(value: str) -> None:
    assert not SHOWABLE_NAME_PATTERN.fullmatch(value)


@pytest.mark.parametrize(
    ("description", "text", "kind", "reason"),
    [
        ("one file", f"{HEADER}\n{ROW}\n", DeliveryKind.TEXT, None),
        ("its header again", f"{HEADER}\n{ROW}\n{HEADER}\n{ROW}\n", DeliveryKind.UNEVEN_TEXT, None),
        ("in capitals and quotes", f"{HEADER}\n{ROW}\n{QUOTED}\n{ROW}\n", DeliveryKind.UNEVEN_TEXT, None),
        ("after a mark", f"{HEADER}\n{ROW}\n\ufeff{HEADER}\n{ROW}\n", DeliveryKind.UNEVEN_TEXT, None),
        ("a mark alone", f"{HEADER}\n{ROW}\n\ufeff{ROW}\n", DeliveryKind.UNEVEN_TEXT, None),
        (
            "in another order",
            f"{HEADER}\n{ROW}\n{';'.join(reversed(HEADER.split(';')))}\n{ROW}\n",
            None,
            "HEADER_SECOND",
        ),
        ("with a column less", f"{HEADER}\n{ROW}\n{NAMES}\n{ROW}\n", None, "HEADER_SECOND"),
        ("of another format", f"{HEADER}\n{ROW}\nbrin;schooljaar;pgn\n{ROW}\n", None, "HEADER_SECOND"),
        ("a row of words is none", f"{HEADER}\n{ROW}\nTotaal;;;;;;;\n", DeliveryKind.TEXT, None),
        ("nor is one word of a header", f"{HEADER}\n{ROW}\nToets;;;;;;;\n", DeliveryKind.TEXT, None),
    ],
)
def test_concatenated_files_are_recognised(description: str, text: str, kind: str | None, reason: str | None) -> None:
    file = read(text)
    assert file.rejection == reason, description
    assert reason or (file.delivery_kind, file.rows) == (kind, text.count("\n") - 1)


def of_columns(*columns: str | None, **changed: Any) -> list[tuple[str, ...]]:
    rows = [entry(levering_nr=n, columns=one, **changed) for n, one in enumerate(columns)]
    document = volume_anomalies.find_missing_columns(rows[1:], Ledger(tuple(rows[:1])))
    warned = volume_anomalies.add_volume_warnings(rows[1:], Ledger(tuple(rows[:1])))
    counts = {one.levering_nr: one.warnings.get("COLUMN_GONE", 0) for one in warned}
    assert counts == {one.levering_nr: len(document.get(one.levering_nr, ())) for one in rows[1:]}
    return [document.get(one.levering_nr, ()) for one in rows[1:]]


@pytest.mark.parametrize(
    ("columns", "missing_columns"),
    [
        (("brin pgn gewicht", "brin pgn gewicht"), [()]),
        (("brin pgn gewicht", "pgn gewicht brin ses"), [()]),
        (("brin pgn gewicht ses", "brin pgn"), [("gewicht", "ses")]),
        (("brin pgn gewicht", "brin pgn", "brin pgn"), [("gewicht",), ()]),
        (("brin pgn gewicht", "brin pgn gewicht ses", "brin pgn gewicht"), [(), ("ses",)]),
        ((None, "brin pgn", "brin"), [(), ("pgn",)]),  # a line of an earlier version
    ],
)
def test_a_column_missing_since_the_previous_delivery_is_a_warning(
    columns: tuple[str | None, ...], missing_columns: list[tuple[str, ...]]
) -> None:
    assert of_columns(*columns) == missing_columns


def test_only_accepted_deliveries_of_the_same_school_and_supplier_are_compared() -> None:
    before = entry(levering_nr=1, columns="brin pgn ses", supplier="a")
    for other in ({"supplier": "b"}, {"brin": "10AB"}):
        after = entry(levering_nr=2, columns="brin pgn", **({"supplier": "a"} | other))
        assert volume_anomalies.find_missing_columns([after], Ledger((before,))) == {}


def test_the_feedback_names_missing_and_unread_columns(tmp_path: Path) -> None:
    written(tmp_path, entry(), {})
    one = entry(warnings={"COLUMN_GONE": 2})
    zones = StorageZones(tmp_path)
    details = FeedbackDetails(unread_columns=("3 (Naam)", "5"), missing_columns=("gewicht", "ses"))
    feedback.write_feedback(zones, one, details, Decimal("0.1"))
    text = (zones.school_feedback("10AA") / "7.txt").read_text()
    sentences = (
        "Niet overgenomen kolommen: 3 (Naam), 5.",
        "Columns not read on: 3 (Naam), 5.",
        "COLUMN_GONE: 2 kolommen van de vorige levering",
        "Dat zijn: gewicht, ses.",
        "COLUMN_GONE: 2 columns of this supplier",
        "These are: gewicht, ses.",
    )
    assert [sentence for sentence in sentences if sentence not in text] == []
    document = json.loads((zones.school_feedback("10AA") / "7.json").read_text())
    assert document["columns_not_read"] == ["3 (Naam)", "5"]
    assert document["warnings"]["COLUMN_GONE"]["columns"] == ["gewicht", "ses"]


def test_a_delivered_file_keeps_its_unread_columns() -> None:
    assert read(f"{NAMES};Naam\n{ROW.rpartition(';')[0]}\n").unread_columns == ("7 (Naam)",)
    assert "unread_columns" in {field.name for field in dataclasses.fields(DeliveredFile)}
