"""Messages of schools: EDEXML or UWLR, alone or in a SOAP envelope, and messages without records."""

from __future__ import annotations

import re

import pytest
from tests.unit import test_edexml as edex
from tests.unit import test_uwlr as results

from cohort.delivery_formats import edexml, file_recognition, uwlr, uwlr_rows, xml_messages
from cohort.delivery_formats.delivered_file import DeliveryKind
from cohort.delivery_formats.file_reason_codes import DeliveryRejected
from cohort.delivery_formats.rosters import DocumentSchool

ENOUGH = 1 << 20
OF_ROSTERS = "http://www.edustandaard.nl/leerresultaten/2/leerlinggegevens"
SOAP_11, SOAP_12 = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
KEYS = '<a:autorisatie xmlns:a="urn:a"><a:autorisatiesleutel>Geheim</a:autorisatiesleutel></a:autorisatie>'


def answer(
    name: str = "leerlinggegevens_antwoord",
    within: str = "leerlinggegevens",
    namespace: str | None = OF_ROSTERS,
    version: str = "2.2",
) -> str:
    """An EDEXML roster as UWLR answers with it."""
    content = edex.document(version=version).decode().removeprefix("<EDEX>").removesuffix("</EDEX>")
    about = f' xmlns="{namespace}"' if namespace else ""
    inner = f"<{within}>{content}</{within}>" if within else content
    return f"<{name}{about}>{inner}</{name}>"


def prefixed(content: str, prefix: str = "le") -> str:
    """The same document with a prefix before every name."""
    named = re.sub(r"<(/?)(?=[a-z])(?!\w+:)", rf"<\1{prefix}:", content)
    return named.replace("xmlns=", f"xmlns:{prefix}=")


def envelope(*contents: str, soap: str = SOAP_11, header: str = KEYS, prefix: str = "s") -> str:
    p, about = (f"{prefix}:", f"xmlns:{prefix}") if prefix else ("", "xmlns")
    head = f"<{p}Header>{header}</{p}Header>" if header is not None else ""
    body = "".join(contents)
    return f'<{p}Envelope {about}="{soap}">{head}<{p}Body>{body}</{p}Body></{p}Envelope>'


RESULTS = results.document(results.afname(results.result())).decode()
COMMENTED = "<?xml version='1.0'?><?xml-stylesheet href='x'?><!--Geheim-->"
ROSTERS = [
    ("EDEXML", edex.document().decode()),
    ("UWLR", answer()),
    ("UWLR as a service writes it, with prefixes", prefixed(answer())),
    ("UWLR without the answer around it", answer("leerlinggegevens", "")),
    ("UWLR without a namespace", answer(namespace=None)),
    ("UWLR, its content without the namespace", answer().replace("<school>", '<school xmlns="">')),
    ("UWLR by groups", answer("leerlingen_antwoord", "leerlinggegevens-leerlingen")),
    ("UWLR by groups without the answer", answer("leerlinggegevens-leerlingen", "")),
    ("UWLR of a version's namespace", answer(namespace=OF_ROSTERS.replace("/2/", "/2.3/"), version="2.3")),
    ("UWLR that names EDEXML's version", answer(version="2.1")),
    ("comments and instructions", COMMENTED + answer().replace("<bsn>", "<!--x--><bsn><?p x?>")),
    ("keys with the format's prefix", prefixed(answer()).replace(" key=", " le:key=")),
    ("SOAP 1.1", envelope(answer())),
    ("SOAP 1.2", envelope(answer(), soap=SOAP_12)),
    ("a draft of SOAP 1.2", envelope(answer(), soap="http://www.w3.org/2001/12/soap-envelope")),
    ("SOAP without a header", envelope(answer()).replace(f"<s:Header>{KEYS}</s:Header>", "")),
    ("SOAP with an empty header", envelope(answer(), header="")),
    ("SOAP as the default namespace", envelope(answer(), prefix="")),
    ("SOAP, prefixes everywhere", envelope(prefixed(answer()), prefix="SOAP-ENV")),
    ("SOAP around EDEXML", envelope(edex.document().decode())),
    (
        "SOAP with a comment and blanks",
        "\n" + COMMENTED.removeprefix("<?xml version='1.0'?>") + envelope("\n <!--x--> " + answer() + " \n"),
    ),
    ("a header that holds a roster", envelope(answer(), header=answer().replace("123456782", "111222333"))),
    ("a header that holds an envelope", envelope(answer(), header=envelope(RESULTS))),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("text", [pytest.param(text, id=says) for says, text in ROSTERS])
def test_a_roster_is_read_in_every_wrapping(text: str, encoding: str) -> None:
    content = text.encode(encoding)
    assert file_recognition.XML_ROOT_KINDS[xml_messages.read_message_root(content, ENOUGH)] == DeliveryKind.ROSTER
    roster = edexml.read_roster(content, ENOUGH)
    assert [(one.key, one.number, one.jaargroep) for one in roster.pupils] == [("L1", "123456782", "5")]
    named = DocumentSchool(schooljaar="2024-2025", brin="99ZZ", vestiging="01")
    assert (roster.school.schooljaar, roster.school.brin, roster.school.vestiging) == (
        named.schooljaar,
        named.brin,
        named.vestiging,
    )
    assert roster.partial is ("leerlinggegevens-leerlingen" in text)


WRAPPED = [
    ("UWLR", RESULTS),
    ("without a namespace", RESULTS.replace(f' xmlns="{results.NAMESPACE}"', "")),
    ("with prefixes", prefixed(RESULTS, "u")),
    ("SOAP 1.1", envelope(RESULTS)),
    ("SOAP 1.2", envelope(RESULTS, soap=SOAP_12)),
    ("SOAP, prefixes everywhere", envelope(prefixed(RESULTS, "leer"), prefix="soapenv")),
    ("SOAP as the default namespace", envelope(RESULTS, prefix="")),
    ("comments and instructions", COMMENTED + RESULTS.replace("<score>", "<!--x--><score><?p x?>")),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("text", [pytest.param(text, id=says) for says, text in WRAPPED])
def test_results_are_read_in_every_wrapping(text: str, encoding: str) -> None:
    content = text.encode(encoding)
    assert file_recognition.XML_ROOT_KINDS[xml_messages.read_message_root(content, ENOUGH)] == DeliveryKind.RESULTS
    (row,) = uwlr_rows.join_results_to_rosters(uwlr.read_uwlr_results(content, ENOUGH), [results.roster()])
    assert (results.cells(row)["pgn"], results.cells(row)["ruwe_score"], row.code) == ("123456782", "44", None)


FAULT = "<s:Fault><faultcode>s:Server</faultcode><faultstring>Geheim</faultstring></s:Fault>"
EMPTY = f'<leerlinggegevens_antwoord xmlns="{OF_ROSTERS}"><{{}}/></leerlinggegevens_antwoord>'
WITHOUT = [
    ("a SOAP fault", envelope(FAULT), "XML_NO_RECORDS"),
    ("a SOAP 1.2 fault", envelope(FAULT, soap=SOAP_12), "XML_NO_RECORDS"),
    ("an empty body", envelope(), "XML_NO_RECORDS"),
    ("a question", envelope(answer("leerlinggegevens_verzoek", "")), "XML_NO_RECORDS"),
    ("groups alone", answer("structuur_antwoord", "leerlinggegevens-structuur"), "XML_NO_RECORDS"),
    ("teachers alone", answer("leerkrachten_antwoord", "leerlinggegevens-leerkrachten"), "XML_NO_RECORDS"),
    ("a confirmation", f'<leerresultaten_bevestiging xmlns="{results.NAMESPACE}"/>', "XML_NO_RECORDS"),
    ("no changes", EMPTY.format("geenwijzigingen"), "XML_NO_RECORDS"),
    ("no data", envelope(EMPTY.format("geengegevens")), "XML_NO_RECORDS"),
    ("two messages", envelope(answer(), RESULTS), "XML_SEVERAL"),
    ("two rosters", envelope(answer(), answer()), "XML_SEVERAL"),
    ("a roster and something else", envelope(answer(), "<x/>"), "XML_SEVERAL"),
    (
        "two rosters in one answer",
        answer().replace("</leerlinggegevens>", "</leerlinggegevens><leerlinggegevens/>"),
        "XML_BROKEN",
    ),
    ("two bodies", envelope(answer()).replace("</s:Body>", "</s:Body><s:Body/>"), "XML_BROKEN"),
    ("something after the body", envelope(answer()).replace("</s:Body>", "</s:Body><x/>"), "XML_BROKEN"),
    ("an envelope in an envelope", envelope(envelope(answer())), "XML_UNKNOWN"),
    ("an envelope of something else", envelope(answer(), soap="urn:x"), "XML_UNKNOWN"),
    ("something else in an envelope", envelope("<x/>"), "XML_UNKNOWN"),
    ("UWLR 1", answer(namespace=OF_ROSTERS.replace("/2/", "/1/")), "XML_UNKNOWN"),
    ("a version to come", answer(version="3.0"), "XML_UNKNOWN"),
    ("another namespace", answer(namespace="urn:x"), "XML_UNKNOWN"),
    ("pupils outside their block", answer().replace("leerlingen>", "kinderen>"), "XML_BROKEN"),
    ("a pupil twice in one", answer().replace("<bsn>", "<bsn>1</bsn><bsn>"), "XML_BROKEN"),
    ("cut off", envelope(answer())[:-20], "XML_BROKEN"),
    ("a DTD", "<!DOCTYPE x>" + envelope(answer()), "XML_UNSAFE"),
    ("an entity", '<!DOCTYPE x [<!ENTITY a "b">]>' + envelope(answer()), "XML_UNSAFE"),
]


@pytest.mark.parametrize(("text", "code"), [pytest.param(text, code, id=says) for says, text, code in WITHOUT])
def test_a_message_without_records_is_rejected_with_its_reason(text: str, code: str) -> None:
    with pytest.raises(DeliveryRejected) as refusal:
        of_kind(text.encode())
    assert refusal.value.code == code


def of_kind(content: bytes) -> object:
    """What intake does: look at the root, then read what it is."""
    root = xml_messages.read_message_root(content, ENOUGH)
    if file_recognition.RECORDLESS_ROOT_PATTERN.fullmatch(root):
        raise DeliveryRejected(xml_messages.XML_NO_RECORDS)
    if root not in file_recognition.XML_ROOT_KINDS:
        raise DeliveryRejected("XML_UNKNOWN")
    is_roster = file_recognition.XML_ROOT_KINDS[root] == DeliveryKind.ROSTER
    return edexml.read_roster(content, ENOUGH) if is_roster else uwlr.read_uwlr_results(content, ENOUGH)


def test_every_xml_root_has_the_kind_of_its_parser() -> None:
    read = dict.fromkeys(edexml.ROSTER_SHAPE.root_names, DeliveryKind.ROSTER)
    assert {**read, uwlr.UWLR_RESULTS_ROOT: DeliveryKind.RESULTS} == file_recognition.XML_ROOT_KINDS
