"""Deliveries drawn in a line or two: each a function from the school's BRIN to the bytes of a file."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl

ONE, TWO, ZERO = "111222333", "123456782", "012345672"
CANONIEK = "brin;schooljaar;pgn;toetscode;afnamedatum;vaardigheidsscore;groep_key"
PUNTKOMMA = "BRIN-nummer;Schooljaar;Leerlingnummer (PGN);Toets;Datum afname;Vaardigheidsscore;Groep;Geslacht"
KOMMA = "school_brin,schooljaar,leerling_pgn,toets_code,afname_datum,score_vaardigheid,groep_id"

Content = Callable[[str], bytes]


def canoniek(*rows: str, header: str = CANONIEK) -> Content:
    """`<pgn>` and what else differs: `pgn;score;group`, the other columns are right."""

    def content(school: str) -> bytes:
        lines = [f"{school};2024-2025;{p};REK-M7;2025-01-20;{rest}" for p, _, rest in map(_first, rows)]
        return "\n".join([header, *lines, ""]).encode()

    return content


def _first(row: str) -> tuple[str, str, str]:
    return row.partition(";")


def puntkomma(*rows: str, encoding: str = "cp1252") -> Content:
    def content(school: str) -> bytes:
        lines = [f"{school};2024/2025;{p};REK-M7;{rest}" for p, _, rest in map(_first, rows)]
        return "\r\n".join([PUNTKOMMA, *lines, ""]).encode(encoding)

    return content


def komma(*rows: str, bom: bytes = b"\xef\xbb\xbf") -> Content:
    def content(school: str) -> bytes:
        lines = [f"{school},2024-2025,{p},REK-M7,2025-01-20,{rest}" for p, _, rest in (r.partition(",") for r in rows)]
        return bom + "\n".join([KOMMA, *lines, ""]).encode()

    return content


def raw(text: str) -> Content:
    return lambda school: text.replace("BRIN", school).encode()


def zipped(*made: Content, name: str = "a{n}.csv") -> Content:
    def content(school: str) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for n, one in enumerate(made):
                archive.writestr(name.replace("{n}", str(n)), one(school))
        return packed.getvalue()

    return content


def encrypted(made: Content) -> Content:
    def content(school: str) -> bytes:
        body = bytearray(zipped(made)(school))
        body[6] |= 1
        body[body.index(b"PK\x01\x02") + 8] |= 1
        return bytes(body)

    return content


def sheet(header: str, *rows: list[Any], sheets: int = 1) -> Content:
    def content(school: str) -> bytes:
        book = openpyxl.Workbook()
        for n in range(sheets):
            one = book.worksheets[0] if n == 0 else book.create_sheet()
            one.append(re.split("[;,]", header))
            for row in rows:
                one.append([school, *row])
        packed = io.BytesIO()
        book.save(packed)
        return packed.getvalue()

    return content


def uwlr(*results: str, tests: str = "REK-M7", school: str = "<brincode>BRIN</brincode>") -> Content:
    afnames = "".join(
        f"<toetsafname><leerlingid>{p}</leerlingid><resultaten><resultaat key='{n}'>"
        f"<afnamedatum>2025-01-20</afnamedatum><toetscode>REK-M7</toetscode>{rest}</resultaat></resultaten>"
        "</toetsafname>"
        for n, (p, _, rest) in enumerate(map(_first, results))
    )
    return raw(
        "<leerresultaten_verzoek xmlns='http://www.edustandaard.nl/leerresultaten/2/leerresultaten'><school>"
        f"<schooljaar>2024-2025</schooljaar>{school}<aanmaakdatum>2025-02-01T00:00:00</aanmaakdatum>"
        f"<xsdversie>2.2</xsdversie></school><toetsafnames>{afnames}</toetsafnames><toetsen><toets>"
        f"<toetscode>{tests}</toetscode></toets></toetsen></leerresultaten_verzoek>"
    )


ROSTER = raw(
    "<EDEX><school><schooljaar>2024-2025</schooljaar><brincode>BRIN</brincode><schoolkey>s-BRIN</schoolkey>"
    "<aanmaakdatum>2025-01-01T00:00:00</aanmaakdatum><xsdversie>2.1</xsdversie></school><leerlingen>"
    f"<leerling key='a'><achternaam>Jansen</achternaam><bsn>{ONE}</bsn><jaargroep>7</jaargroep></leerling>"
    f"<leerling key='b'><bsn>{TWO}</bsn></leerling><leerling key='c'><bsn>133456785</bsn></leerling>"
    "</leerlingen></EDEX>"
)


def changed(content: Content, *pairs: tuple[str, str]) -> Content:
    """The same with other words in it."""

    def other(school: str) -> bytes:
        text = content(school).decode()
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        return text.encode()

    return other


def soap(content: Content, encoding: str = "utf-8") -> Content:
    """A message as a service sends it, with keys in its header."""
    about = "xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'"
    head = "<s:Header><sleutel xmlns='urn:x'>geheim</sleutel></s:Header>"
    return lambda school: (
        f"<s:Envelope {about}>{head}<s:Body>{content(school).decode()}</s:Body></s:Envelope>"
    ).encode(encoding)


OF_UWLR = changed(
    ROSTER,
    (
        "<EDEX>",
        "<leerlinggegevens_antwoord xmlns='http://www.edustandaard.nl/leerresultaten/2/leerlinggegevens'>"
        "<leerlinggegevens>",
    ),
    ("</EDEX>", "</leerlinggegevens></leerlinggegevens_antwoord>"),
)
"""The same roster as UWLR has it."""
LATER = changed(ROSTER, ("2025-01-01", "2025-01-15"), ("'a'", "'x'"), ("'b'", "'a'"), ("'x'", "'b'"))
"""A later roster, in which the first two pupils have each other's key."""
S = "<score>34</score>"
"""A UWLR result's score."""
