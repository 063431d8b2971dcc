"""UWLR results joined to a roster, what cannot be joined, and every way a message is rejected."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit import test_edexml as rosters

from cohort.data_states.schemas import CANONICAL_COLUMNS
from cohort.delivery_formats import edexml, uwlr, uwlr_rows
from cohort.delivery_formats.file_reason_codes import DeliveryRejected
from cohort.delivery_formats.rosters import Roster
from cohort.delivery_formats.uwlr_rows import CanonicalRow

SAMPLE = Path(__file__).resolve().parents[3] / "shared/data/uwlr/illustrative_leerresultaten_verzoek_2.2.xml"
ENOUGH = 1 << 20
NAMESPACE = "http://www.edustandaard.nl/leerresultaten/2/leerresultaten"
OSO = "http://www.edustandaard.nl/oso_gegevensset/1.2/dossier"
SCHOOL = "<brincode>99ZZ</brincode><dependancecode>01</dependancecode>"
DECLARED = "<toets><toetscode>REK-M5</toetscode><toetsnaam>Rekenen</toetsnaam></toets>"
ECK = "https://ketenid.nl/1"


def result(inside: str = "<score>44</score>", *, key: str = "R1", test: str = "REK-M5", more: str = "") -> str:
    return (
        f'<resultaat key="{key}"><afnamedatum>2025-01-20</afnamedatum><toetscode>{test}</toetscode>{more}'
        f"{inside}<infourl>https://geheim</infourl></resultaat>"
    )


def oso(toetsscore: str = "", *references: tuple[str, str, str]) -> str:
    score = f"<o:toetsscore>{toetsscore}</o:toetsscore>" if toetsscore else ""
    told = "".join(
        f"<o:referentiescore><o:codereferentiescore>{code}</o:codereferentiescore>"
        f"<o:codevergelijkingsgroep>{group}</o:codevergelijkingsgroep><o:waarde>{value}</o:waarde>"
        "</o:referentiescore>"
        for code, group, value in references
    )
    return f"<osoresultaat>{score}{told}</osoresultaat>"


def afname(*results: str, who: str = "<leerlingid>L1</leerlingid>") -> str:
    return f"<toetsafname>{who}<resultaten>{''.join(results)}</resultaten></toetsafname>"


def document(
    *afnames: str,
    school: str = SCHOOL,
    declared: str = DECLARED,
    version: str = "2.2",
    namespace: str = NAMESPACE,
    oso_namespace: str = OSO,
) -> bytes:
    named = (
        f"<school><schooljaar>2024-2025</schooljaar>{school}<aanmaakdatum>2025-02-12T09:30:00</aanmaakdatum>"
        f"<auteur>Geheim</auteur><xsdversie>{version}</xsdversie></school>"
    )
    blocks = f"<toetsafnames>{''.join(afnames)}</toetsafnames><toetsen>{declared}</toetsen>"
    root = f'leerresultaten_verzoek xmlns="{namespace}" xmlns:o="{oso_namespace}"'
    return f"<{root}>{named}{blocks}</leerresultaten_verzoek>".encode()


def roster(content: bytes | None = None) -> Roster:
    return edexml.read_roster(content or rosters.document(), ENOUGH)


def rows(content: bytes, joined: Roster | None = None) -> list[CanonicalRow]:
    return uwlr_rows.join_results_to_rosters(uwlr.read_uwlr_results(content, ENOUGH), [joined or roster()])


def cells(row: CanonicalRow) -> dict[str, str]:
    """The cells of a row that hold something."""
    return {name: cell for name, cell in zip(CANONICAL_COLUMNS, row.cells, strict=True) if cell is not None}


OF_ANNA = {
    "brin": "99ZZ",
    "vestiging": "01",
    "schooljaar": "2024-2025",
    "pgn": "123456782",
    "geboortedatum": "2015-03-09",
    "geslacht": "2",
    "jaargroep": "5",
    "groep_key": "g5",
    "gewicht": "0,3",
    "toetscode": "REK-M5",
    "afnamedatum": "2025-01-20",
    "bron_result_key": "R1",
}


def test_a_joined_result_is_a_row_with_the_canonical_columns() -> None:
    (row,) = rows(document(afname(result())))
    assert (row.element_number, row.code) == (1, None)
    assert cells(row) == {**OF_ANNA, "ruwe_score": "44"}


def test_elements_are_numbered_through_the_message() -> None:
    first = afname(result(key="a"), result(key="b"))
    found = rows(document(first, afname(result(key="c"))))
    assert [(row.element_number, cells(row)["bron_result_key"]) for row in found] == [(1, "a"), (2, "b"), (3, "c")]


def test_an_oso_result_gives_its_scores_and_its_national_level() -> None:
    score = (
        "<o:aantalopgaven>96</o:aantalopgaven><o:aantalgoed>71</o:aantalgoed>"
        "<o:vaardigheidsscore>214.50</o:vaardigheidsscore>"
        "<o:codevaardigheidsschaal>110</o:codevaardigheidsschaal>"
    )
    levels = (("IV", "Landelijk", "III"), ("FN", "Landelijk", "M5"), ("AE", "Landelijk", "B"))
    (row,) = rows(document(afname(result(oso(score, *levels)))))
    told = {"ruwe_score": "71", "vaardigheidsscore": "214,5", "niveau_IV": "III", "niveau_AE": "B"}
    assert (row.code, cells(row)) == (None, {**OF_ANNA, **told})


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2", "2.2.1", "2.3"])
def test_namespaces_may_differ_by_version(version: str) -> None:
    namespace = NAMESPACE.replace("/2/", f"/{version}/")
    oso_namespace = OSO.replace("1.2", "2019.1")
    content = document(
        afname(result(oso("<o:aantalgoed>71</o:aantalgoed>"))),
        version=version,
        namespace=namespace,
        oso_namespace=oso_namespace,
    )
    assert cells(rows(content)[0])["ruwe_score"] == "71"


def test_elements_without_a_namespace_belong_to_the_root() -> None:
    content = document(afname(result())).replace(b"leerresultaten_verzoek", b"u:leerresultaten_verzoek")
    assert cells(rows(content.replace(b"xmlns=", b"xmlns:u="))[0]) == {**OF_ANNA, "ruwe_score": "44"}


def test_elements_of_another_namespace_are_not_read() -> None:
    content = document(afname(result(oso("<o:aantalgoed>71</o:aantalgoed>"))), oso_namespace="urn:x")
    assert "ruwe_score" not in cells(rows(content)[0])


@pytest.mark.parametrize(
    ("references", "level", "code"),
    [
        ((("IV", "Landelijk", "I+"),), "I+", None),
        ((("CIV", "Landelijk", "II"),), "II", None),
        ((("CIV", "Landelijk", "2.3"),), None, None),
        ((("CIV", "Landelijk", "II"), ("IV", "Landelijk", "III")), "III", None),
        ((("IV", "HAVO", "V"),), None, None),
        ((("IV", "HAVO", "V"), ("IV", "Landelijk", "II")), "II", None),
        ((("IV", "Landelijk", "II"), ("IV", "Landelijk", "II")), "II", None),
        ((("IV", "Landelijk", "II"), ("IV", "Landelijk", "III")), "II", "LEVEL_INVALID"),
        ((("IV", "Landelijk", "7"),), "7", None),
        ((("DLE", "Landelijk", "II"),), None, None),
    ],
)
def test_the_level_is_chosen_among_reference_scores(
    references: tuple[tuple[str, str, str], ...], level: str | None, code: str | None
) -> None:
    (row,) = rows(document(afname(result(oso("", *references)))))
    assert (cells(row).get("niveau_IV"), row.code) == (level, code)


@pytest.mark.parametrize(
    ("sent", "row_has", "code"),
    [
        ("214", "214", None),
        ("214.0", "214", None),
        ("0.50", "0,5", None),
        (".5", "0,5", None),
        ("+7.25", "7,25", None),
        ("9999.0", "9999", None),
        ("-3", "-3", None),
        ("nvt", "nvt", None),
        ("214,5", "214,5", "SCORE_NOT_A_NUMBER"),
        ("1.234,5", "1.234,5", "SCORE_NOT_A_NUMBER"),
    ],
)
def test_an_xml_decimal_gets_a_decimal_comma_and_a_comma_as_sent_is_refused(
    sent: str, row_has: str, code: str | None
) -> None:
    score = f"<o:vaardigheidsscore>{sent}</o:vaardigheidsscore>"
    (row,) = rows(document(afname(result(oso(score)))))
    assert (cells(row)["vaardigheidsscore"], row.code) == (row_has, code)


def test_a_result_of_another_kind_is_a_row_without_a_score() -> None:
    (row,) = rows(document(afname(result("<anderresultaat><andere_score>7</andere_score></anderresultaat>"))))
    assert cells(row) == OF_ANNA


def test_the_score_of_a_part_is_not_that_of_the_test() -> None:
    part = "<toetsonderdeelcode>meten</toetsonderdeelcode>"
    (row,) = rows(document(afname(result(more=part))))
    assert cells(row)["toetscode"] == "REK-M5/meten"


@pytest.mark.parametrize(
    ("sent", "declared", "version"),
    [
        ("<versie>3.0</versie>", ("",), "3.0"),
        ("", ("<versie>3.0</versie>",), "3.0"),
        ("", ("<versie>3.0</versie>", "<versie>2.0</versie>"), None),
        ("", ("",), None),
    ],
)
def test_the_test_version_is_the_results_own_or_the_only_declared_one(
    sent: str, declared: tuple[str, ...], version: str | None
) -> None:
    tests = "".join(f"<toets><toetscode>REK-M5</toetscode>{one}</toets>" for one in declared)
    (row,) = rows(document(afname(result(more=sent)), declared=tests))
    assert cells(row).get("toetsversie") == version


def test_the_time_zone_of_a_date_is_removed() -> None:
    content = document(afname(result())).replace(b"2025-01-20<", b"2025-01-20+01:00<")
    assert cells(rows(content)[0])["afnamedatum"] == "2025-01-20"


BEN = rosters.ANNA.replace("L1", "L2").replace(ECK, f"{ECK}2").replace("123456782", "111222333")
NO_ECK = rosters.ANNA.replace(f' eckid="{ECK}"', "")


@pytest.mark.parametrize(
    ("says", "who", "pupils", "found"),
    [
        ("by key", "<leerlingid>L1</leerlingid>", rosters.ANNA, "123456782"),
        ("by ECK iD", f"<eckid>{ECK}</eckid>", rosters.ANNA, "123456782"),
        ("by ECK iD, the key unknown", f"<leerlingid>x</leerlingid><eckid>{ECK}</eckid>", rosters.ANNA, "123456782"),
        ("both", f"<leerlingid>L1</leerlingid><eckid>{ECK}</eckid>", rosters.ANNA, "123456782"),
        ("by key, the roster without ECK iDs", f"<leerlingid>L1</leerlingid><eckid>{ECK}</eckid>", NO_ECK, "123456782"),
        ("unknown", "<leerlingid>x</leerlingid>", rosters.ANNA, "PUPIL_NOT_IN_ROSTER"),
        ("nobody", "", rosters.ANNA, "PUPIL_NOT_IN_ROSTER"),
        (
            "key and ECK iD of two pupils",
            f"<leerlingid>L1</leerlingid><eckid>{ECK}2</eckid>",
            rosters.ANNA + BEN,
            "PUPIL_AMBIGUOUS",
        ),
        (
            "the same, the first without an ECK iD of its own",
            f"<leerlingid>L1</leerlingid><eckid>{ECK}2</eckid>",
            NO_ECK + BEN,
            "PUPIL_AMBIGUOUS",
        ),
        (
            "another ECK iD than the roster's",
            f"<leerlingid>L1</leerlingid><eckid>{ECK}3</eckid>",
            rosters.ANNA,
            "PUPIL_AMBIGUOUS",
        ),
        (
            "a key of two pupils",
            "<leerlingid>L1</leerlingid>",
            rosters.ANNA + BEN.replace("L2", "L1"),
            "PUPIL_AMBIGUOUS",
        ),
    ],
)
def test_the_pupil_of_a_result_is_found_or_a_reason_is_given(says: str, who: str, pupils: str, found: str) -> None:
    (row,) = rows(document(afname(result(), who=who)), roster(rosters.document(pupils)))
    assert (row.code or cells(row)["pgn"]) == found, says
    assert row.code is None or not {"pgn", "geboortedatum", "groep_key"} & set(cells(row)), says


def test_without_a_roster_of_the_school_no_result_has_a_pupil() -> None:
    message = uwlr.read_uwlr_results(document(afname(result())), ENOUGH)
    others = roster(rosters.document(school=rosters.SCHOOL.replace("99ZZ", "98ZZ")))
    last_years = roster(rosters.document(school=rosters.SCHOOL.replace("2024-2025", "2023-2024")))
    for joined in ([], [others], [last_years]):
        (row,) = uwlr_rows.join_results_to_rosters(message, joined)
        assert row.code == "ROSTER_MISSING"
        assert "pgn" not in cells(row)


def test_a_school_named_by_its_key_gets_its_code_from_the_roster() -> None:
    content = document(afname(result()), school="<schoolkey>41323</schoolkey>")
    (row,) = rows(content)
    assert (cells(row)["brin"], cells(row)["vestiging"], row.code) == ("99ZZ", "01", None)
    (alone,) = uwlr_rows.join_results_to_rosters(uwlr.read_uwlr_results(content, ENOUGH), [])
    assert (alone.code, "brin" in cells(alone)) == ("ROSTER_MISSING", False)


def test_a_school_without_a_site_is_its_main_site() -> None:
    content = document(afname(result()), school="<brincode>99ZZ</brincode><dependancecode/>")
    assert cells(rows(content)[0])["vestiging"] == "00"


def test_no_repr_holds_delivered_values() -> None:
    message = uwlr.read_uwlr_results(document(afname(result())), ENOUGH)
    (row,) = uwlr_rows.join_results_to_rosters(message, [roster()])
    assert not [text for text in ("123456782", "L1", "R1") if text in repr((message, message.results, row))]


GOOD = document(afname(result()))
WRONG = [
    ("cut off", GOOD[:-40], "XML_BROKEN"),
    ("a test that was not declared", document(afname(result(), result(test="SP-M5"))), "UWLR_TEST_UNDECLARED"),
    ("no test", GOOD.replace(b"<toetscode>REK-M5</toetscode><score>", b"<score>"), "UWLR_TEST_UNDECLARED"),
    ("no declarations", document(afname(result()), declared=""), "UWLR_TEST_UNDECLARED"),
    ("a result of two kinds", document(afname(result("<score>1</score>" + oso()))), "XML_BROKEN"),
    ("a score twice", document(afname(result("<score>1</score><score>2</score>"))), "XML_BROKEN"),
    ("two pupils for one result", document(afname(result(), who="<leerlingid>a</leerlingid>" * 2)), "XML_BROKEN"),
    ("a result outside its list", GOOD.replace(b"<resultaten>", b"").replace(b"</resultaten>", b""), "XML_BROKEN"),
    ("results outside their block", GOOD.replace(b"toetsafnames>", b"afnames>"), "XML_BROKEN"),
    ("no result", document(), "EMPTY"),
    (
        "everything in a namespace of its own",
        GOOD.replace(b"<school>", b'<school xmlns="urn:x">').replace(
            b"<toetsafnames>", b'<toetsafnames xmlns="urn:x">'
        ),
        "EMPTY",
    ),
    ("a DTD", b'<!DOCTYPE x [<!ENTITY a SYSTEM "http://127.0.0.1/">]>' + GOOD, "XML_UNSAFE"),
    (
        "no namespace, and version 1",
        document(afname(result()), version="1.0").replace(f' xmlns="{NAMESPACE}"'.encode(), b""),
        "XML_UNKNOWN",
    ),
    (
        "the namespace of version 1",
        document(afname(result()), namespace=NAMESPACE.replace("/2/", "/1/")),
        "XML_UNKNOWN",
    ),
    ("a version to come", document(afname(result()), version="3.0"), "XML_UNKNOWN"),
    ("a roster", rosters.document(), "XML_UNKNOWN"),
    ("too large", GOOD + b" " * ENOUGH, "XML_TOO_LARGE"),
]


NAMING = (
    "a test that was not declared",
    "no test",
    "no declarations",
    "a result of two kinds",
    "no result",
    "a version to come",
    "no namespace, and version 1",
)
"""Messages that are refused for what stands after their school was read."""


@pytest.mark.parametrize(("says", "content", "code"), WRONG, ids=[says for says, *_ in WRONG])
def test_one_fault_rejects_the_message(says: str, content: bytes, code: str) -> None:
    with pytest.raises(DeliveryRejected) as refusal:
        uwlr.read_uwlr_results(content, ENOUGH)
    assert refusal.value.code == code, says
    assert refusal.value.school == ("99ZZ" if says in NAMING else None)


@pytest.mark.skipif(not SAMPLE.exists(), reason="the sample is not there (../shared/data/uwlr)")
def test_the_sample_is_read() -> None:
    message = uwlr.read_uwlr_results(SAMPLE.read_bytes(), ENOUGH)
    found = uwlr_rows.join_results_to_rosters(message, [])
    assert [row.code for row in found] == ["ROSTER_MISSING", "ROSTER_MISSING"]
    school = {"brin": "99ZZ", "vestiging": "00", "schooljaar": "2023-2024"}
    assert [cells(row) for row in found] == [
        {
            **school,
            "toetscode": "RW-M5",
            "afnamedatum": "2024-01-23",
            "ruwe_score": "71",
            "vaardigheidsscore": "214",
            "niveau_IV": "III",
            "bron_result_key": "R-0001",
        },
        {**school, "toetscode": "SP-M5", "afnamedatum": "2024-01-25", "ruwe_score": "44", "bron_result_key": "R-0002"},
    ]
