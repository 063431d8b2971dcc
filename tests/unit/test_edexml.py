"""EDEXML rosters: what is read of a school and a pupil, what never is, and every way a document is rejected."""

from __future__ import annotations

import gc
import pickle
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from cohort.delivery_formats import edexml, xml_messages, xml_stream
from cohort.delivery_formats.file_reason_codes import DeliveryRejected
from cohort.delivery_formats.rosters import DocumentSchool, Roster

SAMPLE = Path(__file__).resolve().parents[3] / "shared/data/edexml/EDEXML.Voorbeeld.2.1.xml"
ENOUGH = 1 << 20
SCHOOL = (
    "<school><schooljaar>2024-2025</schooljaar><peildatum>2024-10-01</peildatum><brincode>99ZZ</brincode>"
    "<dependancecode>01</dependancecode><schoolkey>41323</schoolkey>"
    "<aanmaakdatum>2024-11-25T14:33:33</aanmaakdatum><auteur>Geheim</auteur><xsdversie>{version}</xsdversie>"
    "<commentaar>Geheim</commentaar></school>"
)
GROUPS = (
    '<groepen><groep key="g5"><naam>Geheim</naam><jaargroep>5</jaargroep></groep>'
    '<samengestelde_groep key="sg"><naam>Geheim</naam></samengestelde_groep></groepen>'
)
ANNA = (
    '<leerling key="L1" eckid="https://ketenid.nl/1"><achternaam>Geheim</achternaam><roepnaam>Geheim</roepnaam>'
    "<geboortedatum>2015-03-09</geboortedatum><geslacht>2</geslacht><jaargroep>5</jaargroep>"
    '<groep key="g5"/><etniciteit>1</etniciteit><land>ZZ</land><land_vader>ZZ</land_vader>'
    "<bsn>123456782</bsn><gewicht_nieuw>0,3</gewicht_nieuw><gewicht>0.25</gewicht>"
    "<emailadres>Geheim</emailadres><postcodenl>9999ZZ</postcodenl>"
    "<toevoegingen><blok><opmerking>Geheim</opmerking></blok></toevoegingen></leerling>"
)
LK = '<leerkracht key="{key}"><achternaam>Geheim</achternaam>{roles}<groepen>{groups}</groepen></leerkracht>'


def document(pupils: str = ANNA, teachers: str = "", *, version: str = "2.1", school: str = SCHOOL) -> bytes:
    blocks = f"<leerlingen>{pupils}</leerlingen><leerkrachten>{teachers}</leerkrachten>"
    return f"<EDEX>{school.format(version=version)}{GROUPS}{blocks}</EDEX>".encode()


def read(content: bytes) -> Roster:
    return edexml.read_roster(content, ENOUGH)


def teacher(key: str, *groups: str, roles: str = "") -> str:
    return LK.format(key=key, roles=roles, groups="".join(groups))


def test_school_and_pupils_are_read() -> None:
    roster = read(document(teachers=teacher("LK1", '<groep key="g5"/>')))
    assert roster.school == DocumentSchool(
        schooljaar="2024-2025",
        brin="99ZZ",
        vestiging="01",
        schoolkey="41323",
        peildatum="2024-10-01",
        aanmaakdatum="2024-11-25T14:33:33",
    )
    assert [asdict(pupil) for pupil in roster.pupils] == [
        {
            "key": "L1",
            "eckid": "https://ketenid.nl/1",
            "number": "123456782",
            "gewicht": "0,3",
            "geboortedatum": "2015-03-09",
            "geslacht": "2",
            "jaargroep": "5",
            "groep_key": "g5",
            "leerkracht_key": "LK1",
        }
    ]


def test_names_addresses_origins_and_free_text_are_never_read() -> None:
    secrets = ("Geheim", "9999ZZ", "ZZ")
    roster = read(document(teachers=teacher("LK1", '<groep key="g5"/>', roles="<rol>Geheim</rol>")))
    held = pickle.dumps(roster).decode("latin-1")
    assert "L1" in held
    assert not [secret for secret in secrets if secret in held.replace("99ZZ", "")]
    gc.collect()
    alive = {text for kept in gc.get_objects() if isinstance(kept, list) for text in kept if type(text) is str}
    assert "Geheim" not in alive
    assert "123456782" not in repr(roster) + repr(roster.pupils[0])


@pytest.mark.parametrize("version", ["1.0", "1.0.3", "2.0", "2.1", "2.1.1"])
def test_supported_versions_are_read(version: str) -> None:
    assert len(read(document(version=version)).pupils) == 1


@pytest.mark.parametrize(
    ("numbers", "number"),
    [
        ("<bsn>123456782</bsn>", "123456782"),
        ("<onderwijsnummer>101222331</onderwijsnummer>", "101222331"),
        ("<onderwijsnummer>101222331</onderwijsnummer><bsn> 123456782 </bsn>", "123456782"),
        ("<bsn/><onderwijsnummer>101222331</onderwijsnummer>", "101222331"),
        ("<sofinummer>123456782</sofinummer>", None),
        ("<bsn_ondwnr-4>6782</bsn_ondwnr-4>", None),
        ("<rijksregisternummer>12345678901</rijksregisternummer>", None),
        ("", None),
    ],
)
def test_the_bsn_goes_before_the_onderwijsnummer(numbers: str, number: str | None) -> None:
    (pupil,) = read(document(ANNA.replace("<bsn>123456782</bsn>", numbers))).pupils
    assert pupil.number == number


@pytest.mark.parametrize(
    ("says", "left_out", "name", "value"),
    [
        ("the old weight, without a new one", r"<gewicht_nieuw>.*</gewicht_nieuw>", "gewicht", "0.25"),
        ("no weight", r"<gewicht.*</gewicht>", "gewicht", None),
        ("the group's year group", r"<jaargroep>5</jaargroep>(?=<groep)", "jaargroep", "5"),
        ("no group", r'<groep key="g5"/>', "groep_key", None),
        ("no ECK iD", r' eckid="[^"]*"', "eckid", None),
    ],
)
def test_missing_elements_of_a_pupil_are_none(says: str, left_out: str, name: str, value: str | None) -> None:
    (pupil,) = read(document(re.sub(left_out, "", ANNA))).pupils
    assert getattr(pupil, name) == value, says


@pytest.mark.parametrize(
    ("says", "teachers", "who"),
    [
        ("nobody", "", None),
        ("another group's", teacher("A", '<groep key="g6"/>'), None),
        ("a composed group's", teacher("A", '<samengestelde_groep key="g5"/>'), None),
        ("the first of two", teacher("A", '<groep key="g5"/>') + teacher("B", '<groep key="g5"/>'), "A"),
        (
            "a teacher before a coordinator",
            teacher("A", '<groep key="g5"/>', roles="<rol>TAL</rol>")
            + teacher("B", '<groep key="g5"/>', roles="<rol>LRK</rol>"),
            "B",
        ),
        ("a coordinator alone", teacher("A", '<groep key="g5"/>', roles="<rol>TAL</rol>"), "A"),
        ("a trainee", teacher("A", '<groep key="g5"><rol>STA</rol><rol>OWA</rol></groep>'), None),
        (
            "the role in the group before the own one",
            teacher("A", '<groep key="g5"><rol>LRK</rol></groep>', roles="<rol>STA</rol>"),
            "A",
        ),
    ],
)
def test_the_teacher_of_a_group_is_chosen_by_role(says: str, teachers: str, who: str | None) -> None:
    (pupil,) = read(document(teachers=teachers)).pupils
    assert pupil.leerkracht_key == who, says


def test_a_key_of_two_pupils_identifies_neither() -> None:
    other = ANNA.replace("123456782", "111222333")
    roster = read(document(ANNA + other))
    assert roster.by_key == {"L1": roster.pupils}
    assert roster.by_eckid == {"https://ketenid.nl/1": roster.pupils}
    assert read(document(ANNA + ANNA)).by_key == {"L1": roster.pupils[:1]}


def test_single_export_keys_of_groups_and_teachers_are_used_and_left_out() -> None:
    content = document(ANNA.replace('"g5"', '"#5"'), teacher("#1", '<groep key="#5"/>'))
    (pupil,) = read(content.replace(b'<groep key="g5"><naam>', b'<groep key="#5"><naam>')).pupils
    assert (pupil.groep_key, pupil.leerkracht_key) == (None, None)
    lasting = read(document(ANNA.replace('"g5"', '"#5"'), teacher("LK1", '<groep key="#5"/>'))).pupils[0]
    assert (lasting.groep_key, lasting.leerkracht_key) == (None, "LK1")


WRONG = [
    ("cut off", document()[:-30], "XML_BROKEN"),
    ("nothing", b"", "XML_BROKEN"),
    ("no XML", b"brin;pgn\n", "XML_BROKEN"),
    ("a tag that is not closed", document().replace(b"</geslacht>", b""), "XML_BROKEN"),
    ("not in its encoding", document().replace(b"Geheim", b"\xe9\xff"), "XML_BROKEN"),
    ("an entity that nobody declared", document().replace(b"Geheim", b"&eacute;"), "XML_BROKEN"),
    ("a number twice", document(ANNA.replace("<bsn>", "<bsn>1</bsn><bsn>")), "XML_BROKEN"),
    ("a school twice", document(school=SCHOOL + SCHOOL), "XML_BROKEN"),
    ("pupils where none may stand", document().replace(b"leerlingen>", b"kinderen>"), "XML_BROKEN"),
    ("a DTD", b"<!DOCTYPE EDEX>" + document(), "XML_UNSAFE"),
    ("an entity of its own", b'<!DOCTYPE EDEX [<!ENTITY a "b">]>' + document(), "XML_UNSAFE"),
    ("a file brought in", b'<!DOCTYPE EDEX [<!ENTITY a SYSTEM "file:///etc/passwd">]><EDEX>&a;</EDEX>', "XML_UNSAFE"),
    ("no pupil", document(""), "EMPTY"),
    ("another root", b"<school/>", "XML_UNKNOWN"),
    ("a namespace", document().replace(b"<EDEX>", b'<EDEX xmlns="urn:x">'), "XML_UNKNOWN"),
    ("another version", document(version="3.0"), "XML_UNKNOWN"),
    ("too large", document() + b" " * ENOUGH, "XML_TOO_LARGE"),
]


@pytest.mark.parametrize(("says", "content", "code"), WRONG, ids=[says for says, *_ in WRONG])
def test_one_fault_rejects_the_document(says: str, content: bytes, code: str) -> None:
    with pytest.raises(DeliveryRejected) as refusal:
        read(content)
    assert refusal.value.code == code, says


def test_nested_entities_are_not_expanded() -> None:
    grown = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE EDEX [<!ENTITY e0 "xxxxxxxxxx">{grown}]><EDEX a="&e11;">&e11;</EDEX>'.encode()
    with pytest.raises(DeliveryRejected, match="XML_UNSAFE"):
        read(bomb)
    with pytest.raises(DeliveryRejected, match="XML_UNSAFE"):
        xml_messages.read_message_root(bomb, ENOUGH)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_a_document_is_read_in_its_declared_encoding(encoding: str) -> None:
    name = encoding.removesuffix("-sig")
    head = f'<?xml version="1.0" encoding="{name}"?>'
    content = (head + document().decode().replace("L1", "Ĳ1" if "utf" in encoding else "é1")).encode(encoding)
    assert xml_stream.is_xml(content)
    assert xml_messages.read_message_root(content, ENOUGH) == edexml.EDEXML_ROOT
    assert read(content).pupils[0].key in ("Ĳ1", "é1")


def test_delimited_text_is_not_xml() -> None:
    assert not xml_stream.is_xml(b"brin;pgn\n99ZZ;<\n")


@pytest.mark.skipif(not SAMPLE.exists(), reason="the official sample is not there (../shared/data/edexml)")
def test_the_official_sample_is_read() -> None:
    roster = read(SAMPLE.read_bytes())
    assert (roster.school.schooljaar, roster.school.brin, roster.school.vestiging) == ("2014-2015", "99ZZ", "00")
    fields = ("key", "number", "geboortedatum", "geslacht", "jaargroep", "groep_key", "gewicht")
    assert [tuple(getattr(pupil, name) for name in fields) for pupil in roster.pupils] == [
        ("00001", None, "2006-06-21", "1", "4", "GRP4B", None),
        ("00002", "133456785", None, "0", "4", None, "0,3"),
        ("12345", None, "2006-06-21", "1", "H", None, None),
    ]
    assert [pupil.eckid is not None for pupil in roster.pupils] == [True, False, False]
    held = pickle.dumps(roster).decode("latin-1")
    assert not [name for name in ("Wimpie", "Assati", "Gradje", "Julia", "6971VB", "2731") if name in held]
