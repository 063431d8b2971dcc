"""Declared export formats, and headers as suppliers write them: which format each is recognised as."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from cohort.data_states.schemas import CANONICAL_COLUMNS
from cohort.delivery_formats import format_declarations
from cohort.delivery_formats.format_declarations import RecognisedHeader, UnrecognisedHeader
from cohort.foundation.code_lists import CODE_LISTS
from cohort.foundation.errors import ConfigurationRefused

CONF = Path(__file__).resolve().parents[2] / "conf"
SHIPPED = format_declarations.load_delivery_formats(CONF)
CANONIEK = "brin;schooljaar;pgn;toetscode;afnameperiode;ruwe_score"
PUNTKOMMA = "BRIN-nummer;Schooljaar;Leerlingnummer (PGN);Toets;Datum afname;Vaardigheidsscore"
KOMMA = "school_brin,schooljaar,leerling_pgn,toets_code,afname_datum,score_vaardigheid"


@dataclass(frozen=True)
class Header:
    """A header, and what it is taken for: a format, or a reason with what the feedback tells of it."""

    says: str
    line: str
    format: str = ""
    reason: str = ""
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


HEADERS = [
    Header("canonical", CANONIEK, "canoniek"),
    Header("an administration's", PUNTKOMMA, "puntkomma"),
    Header("a portal's", KOMMA, "komma"),
    Header("capitals make no difference", CANONIEK.upper(), "canoniek"),
    Header("another order", "ruwe_score;afnameperiode;toetscode;pgn;schooljaar;brin", "canoniek"),
    Header("diacritics make no difference", PUNTKOMMA.replace("Toets", "Tóéts"), "puntkomma"),
    Header("a decomposed diacritic", PUNTKOMMA.replace("Toets", "Toe\u0308ts"), "puntkomma"),
    Header("an en dash in a name", f"{PUNTKOMMA};Niveau I–V", "puntkomma"),
    Header("no-break and double blanks", PUNTKOMMA.replace("Datum afname", " Datum\u00a0 afname "), "puntkomma"),
    Header("quoted names", '"' + CANONIEK.replace(";", '";"') + '"', "canoniek"),
    Header("a separator in a quoted name", f'{KOMMA},"naam, voornaam"', "komma"),
    Header("columns that are not read on", f"{CANONIEK};naam;naam;opmerking", "canoniek"),
    Header("a known column twice", f"{CANONIEK};PGN", reason="HEADER_TWICE"),
    Header(
        "a column missing",
        CANONIEK.replace("pgn", "burgerservice nummer"),
        reason="HEADER_UNKNOWN",
        missing=("pgn",),
        unknown=("3 (burgerservice nummer)",),
    ),
    Header("the separator of another format", CANONIEK.replace(";", ","), reason="HEADER_UNKNOWN"),
    Header(
        "no header but a pupil's row",
        "10AA;2024-2025;123456782;Jansen;M;34",
        reason="HEADER_UNKNOWN",
        unknown=("1", "2", "3", "4", "5", "6"),
    ),
    Header(
        "a name with digits is not told",
        CANONIEK.replace("pgn", "123456782"),
        reason="HEADER_UNKNOWN",
        missing=("pgn",),
        unknown=("3",),
    ),
    Header("nothing like a header", "x", reason="HEADER_UNKNOWN"),
    Header("an unclosed quote", '"brin;pgn', reason="HEADER_UNKNOWN"),
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header.says)
def test_a_header_is_recognised_or_its_difference_is_described(header: Header) -> None:
    found = SHIPPED.recognise_line(header.line)
    if header.format:
        assert isinstance(found, RecognisedHeader)
        assert found.format_name == header.format
    else:
        assert isinstance(found, UnrecognisedHeader)
        assert found.reason == header.reason
        assert not header.missing or found.missing == header.missing
        assert not header.unknown or found.unknown == header.unknown


@pytest.mark.parametrize("dash", "-\u2010\u2011\u2012\u2013\u2014", ids=ascii)
def test_dashes_of_any_length_name_the_same_column(dash: str) -> None:
    found = SHIPPED.recognise_line(f"{PUNTKOMMA};Niveau I{dash}V")
    assert isinstance(found, RecognisedHeader)
    assert found.columns[-1] == "niveau_IV"


def test_columns_are_found_by_name_in_any_order() -> None:
    found = SHIPPED.recognise_line(f"Score (ruw);naam;{PUNTKOMMA}")
    assert isinstance(found, RecognisedHeader)
    places = ("ruwe_score", None, "brin", "schooljaar", "pgn", "toetscode", "afnamedatum", "vaardigheidsscore")
    assert found.columns == places


def test_a_workbook_header_is_recognised_without_a_delimiter() -> None:
    for line, mark in ((CANONIEK, ";"), (PUNTKOMMA, ";"), (KOMMA, ",")):
        found = SHIPPED.recognise_names(line.split(mark))
        assert found == SHIPPED.recognise_line(line)


def test_two_formats_that_fit_equally_are_ambiguous(tmp_path: Path) -> None:
    (tmp_path / "deliveries").mkdir()
    for name in ("a", "b"):
        shutil.copy(CONF / "deliveries" / "canoniek.toml", tmp_path / "deliveries" / f"{name}.toml")
    found = format_declarations.load_delivery_formats(tmp_path).recognise_line(CANONIEK)
    assert isinstance(found, UnrecognisedHeader)
    assert found.reason == "HEADER_AMBIGUOUS"


def test_every_code_of_a_shipped_format_is_a_canonical_code() -> None:
    for declared in SHIPPED.declared.values():
        for column, codes in declared.codes.items():
            assert set(codes.values()) <= set(CODE_LISTS[column].codes), column
    assert sorted(SHIPPED.declared) == ["canoniek", "komma", "puntkomma"]
    assert tuple(SHIPPED["canoniek"].columns) == CANONICAL_COLUMNS


BROKEN = {
    "an unknown canonical column": ('"brin" = "brin"', '"brin" = "school"'),
    "no name for a column that must be there": ('pgn = "pgn"', ""),
    "one name twice": ('pgn = "pgn"', 'pgn = "pgn"\n"PGN" = "brin"'),
    "another encoding": ('"UTF-8"', '"latin-1"'),
    "an unknown key": ("line_breaks", "linebreaks"),
    "codes of a column, and none of them": ("[codes]", "[codes]\ngeslacht = {}"),
}


@pytest.mark.parametrize("says", BROKEN)
def test_one_fault_in_a_declaration_is_refused(says: str, tmp_path: Path) -> None:
    text = (CONF / "deliveries" / "canoniek.toml").read_text()
    old, new = BROKEN[says]
    old = old if old in text else old.replace('"', "", 2)
    assert old in text
    (tmp_path / "deliveries").mkdir()
    (tmp_path / "deliveries" / "x.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigurationRefused, match=r"deliveries/x\.toml"):
        format_declarations.load_delivery_formats(tmp_path)


def test_a_folder_without_declarations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationRefused, match="declared format"):
        format_declarations.load_delivery_formats(tmp_path)
