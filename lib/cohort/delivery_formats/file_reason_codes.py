"""Reason codes for which a whole file is rejected, with what a school reads in Dutch and in English.

Readers raise `DeliveryRejected` with a code; feedback writes the sentences. Codes are kept in the ledger, so one that
was used is not renamed. Reasons to refuse a single row are in `row_reason_codes`.
"""

from __future__ import annotations

from cohort.delivery_formats.row_reason_codes import ASK_PLATFORM, ASK_SUPPLIER, make_reason

FILE_NAME, FILE_TOO_LARGE = "FILE_NAME", "FILE_TOO_LARGE"
UNREADABLE = "UNREADABLE"
"""The reason of a defect of this software. It says nothing of the content, which the next run tries again."""
SAVE_AS_UTF8 = (
    'Sla het op als "CSV UTF-8", of vraag uw leverancier erom.',
    'Save it as "CSV UTF-8", or ask your supplier to.',
)


class DeliveryRejected(Exception):
    """Raised by a reader when no row of a file can be trusted. Its text is the reason code.

    Args:
        code: a reason code of `FILE_REASONS`.
        school: the BRIN of the school that gets the feedback, where it is known.
    """

    def __init__(self, code: str, school: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.school = school


FILE_REASONS = {
    "PERMISSION_OLDER": make_reason(
        "de lijst die zegt wier resultaten van deze school gebruikt mogen worden, is ouder dan deze levering",
        "the list that says which pupils of this school may be used is older than this delivery",
        (
            "Lever een nieuwe lijst; daarna wordt dit bestand ingenomen.",
            "Send a new list; this file is taken in after it.",
        ),
    ),
    FILE_NAME: make_reason(
        "het bestand of zijn map heeft een naam met ongewone tekens, of met _ of . aan het begin",
        "the file or its folder has a name with unusual characters, or with _ or . at its beginning",
        ("Geef het een andere naam.", "Give it another name."),
    ),
    FILE_TOO_LARGE: make_reason(
        "het bestand is groter dan het platform van één levering toestaat",
        "the file is larger than the platform allows of one delivery",
        ("Lever het in delen.", "Send it in parts."),
    ),
    "NOT_UTF8": make_reason(
        "het bestand is niet in een tekencodering die bij zijn formaat hoort (meestal UTF-8)",
        "the file is not in an encoding that its format declares (UTF-8, most often)",
        SAVE_AS_UTF8,
    ),
    "ENCODING_OTHER": make_reason(
        "het bestand is in een andere tekencodering dan bij zijn formaat hoort",
        "the file is in another encoding than its format declares",
        SAVE_AS_UTF8,
    ),
    "ENCODING_UTF16": make_reason(
        'het bestand is in UTF-16 ("Unicode-tekst")', 'the file is in UTF-16 ("Unicode text")', SAVE_AS_UTF8
    ),
    "ENCODING_MACROMAN": make_reason(
        "het bestand is in MacRoman, de oude tekencodering van de Mac; zo gaan namen van kolommen verloren",
        "the file is in MacRoman, the old encoding of the Mac; names of columns are lost that way",
        SAVE_AS_UTF8,
    ),
    "ENCODING_CP850": make_reason(
        "het bestand is in CP850 of CP437, een tekencodering van DOS; zo gaan namen van kolommen verloren",
        "the file is in CP850 or CP437, an encoding of DOS; names of columns are lost that way",
        SAVE_AS_UTF8,
    ),
    "HEADER_GARBLED": make_reason(
        "de kopregel heeft tekens verloren (accenten, streepjes), dus het bestand is in een verkeerde "
        "tekencodering opgeslagen of gelezen",
        "the header has lost characters (accents, dashes), so the file was saved or read in a wrong encoding",
        SAVE_AS_UTF8,
    ),
    "HEADER_SECOND": make_reason(
        "verderop staat een kopregel met andere kolommen, dus dit zijn verschillende bestanden achter elkaar",
        "further down stands a header with other columns, so these are different files one after another",
        ("Lever ze als losse bestanden.", "Deliver them as files of their own."),
    ),
    "NOT_TEXT": make_reason(
        "het bestand bevat bytes die geen tekst heeft", "the file holds bytes that no text has", ASK_SUPPLIER
    ),
    "EMPTY": make_reason("het bestand heeft geen rijen", "the file has no rows"),
    "QUOTE_OPEN": make_reason(
        "een aanhalingsteken wordt geopend en niet gesloten", "a quote is opened and never closed", ASK_SUPPLIER
    ),
    "HEADER_TWICE": make_reason(
        "een kolom staat twee keer in de kopregel", "a column stands in the header twice", ASK_SUPPLIER
    ),
    "HEADER_UNKNOWN": make_reason(
        "de kopregel mist een kolom die elke levering heeft",
        "the header lacks a column that every delivery has",
        ASK_SUPPLIER,
    ),
    "HEADER_AMBIGUOUS": make_reason(
        "twee formaten passen even goed bij de kopregel",
        "two declared formats fit the header equally well",
        ASK_PLATFORM,
    ),
    "SEVERAL_SCHOOLS": make_reason(
        "het bestand heeft rijen van meer dan één school", "the file has rows of more than one school"
    ),
    "SCHOOL_UNKNOWN": make_reason(
        "geen enkele rij is van een school op de scholenlijst", "no row is of a school on the school list", ASK_PLATFORM
    ),
    "TOO_WIDE": make_reason(
        "een regel heeft meer velden dan enige levering heeft",
        "a line has more fields than any delivery has",
        ASK_SUPPLIER,
    ),
    "ROW_COUNT": make_reason(
        "uit het bestand konden niet evenveel regels worden gelezen als erin staan",
        "the file has another number of lines than could be read from it",
        ASK_SUPPLIER,
    ),
    "TOO_MANY_REFUSED": make_reason(
        "er is meer dan {limit} van de rijen geweigerd, en dan wordt geen enkele rij ingenomen",
        "more than {limit} of the rows were refused, and then no row at all is taken in",
    ),
    UNREADABLE: make_reason(
        "het platform kon het bestand niet lezen, door een fout van het platform en niet van uw school",
        "the platform could not read the file, by a fault of the platform and not of your school",
        (
            "U hoeft niets te doen: het bestand wordt opnieuw geprobeerd.",
            "You need not do anything: the file is tried again.",
        ),
    ),
    "OLD_SPREADSHEET": make_reason(
        "het bestand is een oud of beveiligd Office-bestand",
        "the file is an old or a protected Office document",
        ("Sla het op als .xlsx of CSV.", "Save it as .xlsx or CSV."),
    ),
    "SPREADSHEET_OTHER": make_reason(
        "het bestand is een rekenblad in een vorm die niet wordt gelezen (OpenDocument, Numbers, .xlsb)",
        "the file is a spreadsheet in a form that is not read (OpenDocument, Numbers, .xlsb)",
        ("Sla het op als .xlsx of CSV.", "Save it as .xlsx or CSV."),
    ),
    "DOCUMENT": make_reason(
        "het bestand is een brief, een afbeelding of een ander document en geen tabel",
        "the file is a letter, a picture or another document, not a table",
        ("Lever de resultaten als .xlsx of CSV.", "Deliver the results as .xlsx or CSV."),
    ),
    "WEB_PAGE": make_reason(
        "het bestand is een webpagina of een rekenblad in XML, ook als het .xls heet",
        "the file is a web page or a spreadsheet in XML, even if it is called .xls",
        (
            "Open het in uw rekenprogramma en sla het op als .xlsx of CSV.",
            "Open it in your spreadsheet program and save it as .xlsx or CSV.",
        ),
    ),
    "HIDDEN_CELLS": make_reason(
        "het rekenblad heeft verborgen rijen, kolommen of bladen met inhoud, ook door een filter; wat "
        "verborgen is, is misschien niet bedoeld om te leveren",
        "the workbook has hidden rows, columns or sheets with content, by a filter too; what is hidden may "
        "not be meant to be delivered",
        (
            "Verwijder wat u niet wilt leveren, maak de rest zichtbaar en sla het bestand opnieuw op; of "
            "kopieer wat zichtbaar is naar een nieuw werkboek.",
            "Delete what you do not want to deliver, show the rest and save the file again; or copy what is "
            "visible to a new workbook.",
        ),
    ),
    "HEADER_LOWER": make_reason(
        "boven de kopregel staan andere regels, zoals een titel",
        "other lines stand above the header, such as a title",
        (
            "Verwijder de regels boven de kopregel en lever het bestand opnieuw.",
            "Delete the lines above the header and deliver the file again.",
        ),
    ),
    "DELIMITER_OTHER": make_reason(
        "de kolommen zijn gescheiden door een ander teken dan bij het formaat hoort, zoals een tab",
        "the columns are separated by another character than the format declares, such as a tab",
        (
            "Sla het op als .xlsx, of als CSV met het scheidingsteken van het formaat.",
            "Save it as .xlsx, or as CSV with the delimiter of the format.",
        ),
    ),
    "SPREADSHEET_BROKEN": make_reason("het rekenblad is beschadigd", "the spreadsheet is damaged"),
    "SPREADSHEET_SHEETS": make_reason(
        "het rekenblad heeft geen of meer dan één blad met inhoud",
        "the spreadsheet has no sheet with content, or several",
    ),
    "SPREADSHEET_ENCRYPTED": make_reason("het rekenblad is versleuteld", "the spreadsheet is encrypted"),
    "CONTAINER_UNKNOWN": make_reason(
        "het bestand is een archief van een soort die niet wordt gelezen",
        "the file is an archive of a kind that is not read",
        ("Gebruik .zip of .gz.", "Use .zip or .gz."),
    ),
    "CONTAINER_BROKEN": make_reason(
        "het archief is beschadigd, of ingepakt op een manier die niet wordt gelezen",
        "the container is damaged, or packed in a way that is not read",
    ),
    "CONTAINER_ENCRYPTED": make_reason("het archief is versleuteld", "the container is encrypted"),
    "CONTAINER_BOMB": make_reason(
        "uit het archief zou meer komen dan het platform toestaat",
        "more would come out of the container than the platform allows",
    ),
    "CONTAINER_PATH": make_reason(
        "een naam in het archief leidt naar buiten", "a name in the container leads out of it", ASK_SUPPLIER
    ),
    "CONTAINER_NESTED": make_reason("het archief bevat een ander archief", "the container holds another container"),
    "CONTAINER_EMPTY": make_reason("het archief is leeg", "the container holds nothing"),
    "XML_BROKEN": make_reason(
        "het document is beschadigd of afgebroken, staat in een andere tekencodering dan het zegt, of heeft "
        "iets dubbel dat één keer mag",
        "the document is damaged, cut off, in another encoding than it says, or has something twice that may "
        "stand once",
        ASK_SUPPLIER,
    ),
    "XML_UNSAFE": make_reason(
        "het document heeft een DTD of eigen entiteiten", "the document has a DTD or entities of its own", ASK_SUPPLIER
    ),
    "XML_UNKNOWN": make_reason(
        "het document is geen leerlinglijst (EDEXML 1.0.3-2.1: EDEX; UWLR 2.0-2.3: "
        "leerlinggegevens_antwoord) en geen resultaten (UWLR 2.0-2.3: "
        "leerresultaten_verzoek), op zichzelf of in een SOAP-envelop",
        "the document is neither a roster (EDEXML 1.0.3-2.1: EDEX; UWLR 2.0-2.3: leerlinggegevens_antwoord) "
        "nor results (UWLR 2.0-2.3: leerresultaten_verzoek), by itself or in a SOAP envelope",
        ASK_SUPPLIER,
    ),
    "XML_NO_RECORDS": make_reason(
        "het bericht heeft geen leerlingen en geen resultaten: het is een vraag, een bevestiging, een "
        "foutmelding, een leeg antwoord, of het heeft alleen groepen of leerkrachten",
        "the message has neither pupils nor results: it is a question, a confirmation, an error, an empty "
        "answer, or has groups or teachers only",
        (
            "Lever het antwoord met de leerlingen (leerlinggegevens_antwoord) of het bericht met de "
            "resultaten (leerresultaten_verzoek).",
            "Deliver the answer with the pupils (leerlinggegevens_antwoord) or the message with the results "
            "(leerresultaten_verzoek).",
        ),
    ),
    "XML_SEVERAL": make_reason(
        "de SOAP-envelop bevat meer dan één bericht",
        "the SOAP envelope holds more than one message",
        ("Lever elk bericht in een eigen bestand.", "Deliver each message in a file of its own."),
    ),
    "XML_TOO_LARGE": make_reason(
        "het document is groter dan het platform toestaat",
        "the document is larger than the platform allows",
        ASK_SUPPLIER,
    ),
    "UWLR_TEST_UNDECLARED": make_reason(
        "een resultaat heeft een toets die het bericht niet opgeeft",
        "a result has a test that the message does not declare",
        ASK_SUPPLIER,
    ),
    "ROSTER_MISSING": make_reason(
        "er is geen leerlinglijst (EDEXML, UWLR) met leerlingnummers van deze school en dit schooljaar",
        "there is no roster (EDEXML, UWLR) with pupil numbers of this school and year to join the results to",
        (
            "Lever de leerlinglijst; het bestand wordt dan alsnog ingenomen.",
            "Deliver the roster; the file is then taken in after all.",
        ),
    ),
}
"""The text of every reason code of a file."""
