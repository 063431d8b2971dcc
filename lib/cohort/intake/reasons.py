"""Why a row or a file is refused, and what is only warned of: codes, and what a school reads with them."""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """What a school reads, in Dutch and in English: what is the matter, and what to do."""

    nl: str
    en: str
    doe: str
    do: str


AGAIN = (
    "Verbeter dit in uw administratie en lever het bestand opnieuw.",
    ("Correct this in your administration and deliver the file again."),
)
SUPPLIER = "Vraag uw leverancier om een juist bestand.", "Ask your supplier for a correct file."
PLATFORM = "Neem contact op met het platform.", "Contact the platform."
NONE = "U hoeft niets te doen.", "You need not do anything."


def _reason(nl: str, en: str, do: tuple[str, str] = AGAIN) -> Reason:
    return Reason(nl, en, *do)


REASONS = {
    "PUPIL_NOT_IN_ROSTER": _reason(
        "deze leerling staat niet in de leerlinglijst (EDEXML) van de school",
        "the school's roster (EDEXML) has no pupil with this key or ECK iD",
        (
            "Lever een actuele leerlinglijst en daarna de resultaten opnieuw.",
            "Deliver an up-to-date roster, then the results again.",
        ),
    ),
    "PUPIL_AMBIGUOUS": _reason(
        "uit de leerlinglijst blijkt niet welke van twee leerlingen dit is",
        "the roster does not tell which of two pupils this is",
    ),
    "ROW_BROKEN": _reason(
        "de regel heeft een ander aantal velden dan de kopregel",
        "the line has another number of fields than the header",
        SUPPLIER,
    ),
    "BRIN_INVALID": _reason(
        "de schoolcode is niet twee cijfers en twee hoofdletters",
        "the school code is not two digits and two capitals",
    ),
    "BRIN_UNKNOWN": _reason(
        "de school staat niet op de scholenlijst", "the school is not on the school list", PLATFORM
    ),
    "VESTIGING_INVALID": _reason("de vestiging is niet twee cijfers", "the site is not two digits"),
    "YEAR_INVALID": _reason(
        "het schooljaar is niet twee opeenvolgende jaren, zoals 2024-2025",
        "the school year is not two years in a row, such as 2024-2025",
    ),
    "PGN_MISSING": _reason("er is geen leerlingnummer", "there is no pupil number"),
    "PGN_FILLER": _reason("het leerlingnummer is een opvulnummer", "the pupil number is a filler"),
    "PGN_INVALID": _reason(
        "het leerlingnummer doorstaat de controle niet", "the pupil number does not pass its proof"
    ),
    "TEST_UNKNOWN": _reason(
        "de toetscode (met de versie) staat niet in de catalogus",
        "the test code (with its version) is not in the catalogue",
    ),
    "DATE_INVALID": _reason(
        "een datum is niet geschreven zoals het formaat voorschrijft, of bestaat niet",
        "a date is not written as its format declares, or does not exist",
    ),
    "DATE_OUTSIDE_YEAR": _reason(
        "de toetsdatum ligt buiten het schooljaar", "the test date lies outside the school year"
    ),
    "DATE_IN_FUTURE": _reason(
        "de toetsdatum of het schooljaar ligt na de dag van inname",
        "the test date, or the school year, lies after the day of intake",
    ),
    "BIRTH_DATE_IMPLAUSIBLE": _reason(
        "de leerling zou jonger dan 3 of ouder dan 21 zijn",
        "the pupil would be younger than 3 or older than 21",
    ),
    "MOMENT_MISSING": _reason(
        "er is geen toetsdatum en geen afnameperiode", "there is neither a test date nor a period"
    ),
    "MOMENT_INVALID": _reason(
        "de periode is niet B, M of E, of niet die van de toets",
        "the period is not B, M or E, or not the one of the test",
    ),
    "YEAR_GROUP_INVALID": _reason(
        "de jaargroep staat niet in de codelijst", "the year group is not in the code list"
    ),
    "SEX_INVALID": _reason(
        "het geslacht is geen code van dit formaat", "the sex is not a code of this format"
    ),
    "ATTRIBUTE_INVALID": _reason(
        "een kenmerk van de leerling staat niet in zijn codelijst",
        "an attribute of the pupil is not in its code list",
    ),
    "SCORE_MISSING": _reason("er is geen score", "there is no score"),
    "SCORE_NOT_A_NUMBER": _reason(
        "een score is geen getal van nul of meer, geheel of met het decimaalteken van dit formaat",
        "a score is not a number of zero or more, whole or with the decimal mark of this format",
    ),
    "SCORE_OUT_OF_RANGE": _reason(
        "de score ligt buiten het bereik van zijn schaal", "the score lies outside the range of its scale"
    ),
    "LEVEL_INVALID": _reason("een niveau is niet A-E of I-V", "a level is not A-E or I-V"),
    "DUPLICATE": _reason(
        "dezelfde regel staat al eerder in het bestand", "the same line stands in the file before", NONE
    ),
    "CONFLICT": _reason(
        "het bestand heeft twee verschillende regels voor één resultaat",
        "the file has two different lines for one result",
    ),
    "TWO_YEAR_GROUPS": _reason(
        "de leerling staat in één schooljaar in twee jaargroepen",
        "the pupil is in two year groups in one school year",
    ),
    "YEAR_GROUPS_APART": _reason(
        "de jaargroepen van de leerling in verschillende schooljaren kunnen niet allebei kloppen",
        "the pupil's year groups in different school years cannot both be right",
    ),
    "TWO_SCHOOLS": _reason(
        "de leerling heeft in één schooljaar resultaten van twee scholen",
        "the pupil has results of two schools in one school year",
    ),
}
"""Every reason code of a row."""

FILE_REASONS = {
    "PERMISSION_OLDER": _reason(
        "de lijst die zegt wier resultaten van deze school gebruikt mogen worden, is ouder dan deze levering",
        "the list that says which pupils of this school may be used is older than this delivery",
        (
            "Lever een nieuwe lijst; daarna wordt dit bestand ingenomen.",
            "Send a new list; this file is taken in after it.",
        ),
    ),
    "FILE_NAME": _reason(
        "het bestand of zijn map heeft een naam met ongewone tekens, of met _ of . aan het begin",
        "the file or its folder has a name with unusual characters, or with _ or . at its beginning",
        ("Geef het een andere naam.", "Give it another name."),
    ),
    "FILE_TOO_LARGE": _reason(
        "het bestand is groter dan het platform van één levering toestaat",
        "the file is larger than the platform allows of one delivery",
        ("Lever het in delen.", "Send it in parts."),
    ),
    "NOT_UTF8": _reason(
        "het bestand is niet in een tekencodering die bij zijn formaat hoort (meestal UTF-8)",
        "the file is not in an encoding that its format declares (UTF-8, most often)",
        SUPPLIER,
    ),
    "ENCODING_OTHER": _reason(
        "het bestand is in een andere tekencodering dan bij zijn formaat hoort",
        "the file is in another encoding than its format declares",
        SUPPLIER,
    ),
    "NOT_TEXT": _reason(
        "het bestand bevat bytes die geen tekst heeft", "the file holds bytes that no text has", SUPPLIER
    ),
    "EMPTY": _reason("het bestand heeft geen rijen", "the file has no rows"),
    "QUOTE_OPEN": _reason(
        "een aanhalingsteken wordt geopend en niet gesloten", "a quote is opened and never closed", SUPPLIER
    ),
    "HEADER_TWICE": _reason(
        "een kolom staat twee keer in de kopregel", "a column stands in the header twice", SUPPLIER
    ),
    "HEADER_UNKNOWN": _reason(
        "de kopregel mist een kolom die elke levering heeft",
        "the header lacks a column that every delivery has",
        SUPPLIER,
    ),
    "HEADER_AMBIGUOUS": _reason(
        "twee formaten passen even goed bij de kopregel",
        "two declared formats fit the header equally well",
        PLATFORM,
    ),
    "SEVERAL_SCHOOLS": _reason(
        "het bestand heeft rijen van meer dan één school", "the file has rows of more than one school"
    ),
    "SCHOOL_UNKNOWN": _reason(
        "geen enkele rij is van een school op de scholenlijst",
        "no row is of a school on the school list",
        PLATFORM,
    ),
    "TOO_WIDE": _reason(
        "een regel heeft meer velden dan enige levering heeft",
        "a line has more fields than any delivery has",
        SUPPLIER,
    ),
    "ROW_COUNT": _reason(
        "uit het bestand konden niet evenveel regels worden gelezen als erin staan",
        "the file has another number of lines than could be read from it",
        SUPPLIER,
    ),
    "TOO_MANY_REFUSED": _reason(
        "er is meer dan {limit} van de rijen geweigerd, en dan wordt geen enkele rij ingenomen",
        "more than {limit} of the rows were refused, and then no row at all is taken in",
    ),
    "UNREADABLE": _reason("het bestand kon niet worden gelezen", "the file could not be read", PLATFORM),
    "OLD_SPREADSHEET": _reason(
        "het bestand is een oud of beveiligd Office-bestand",
        "the file is an old or a protected Office document",
        ("Sla het op als .xlsx of CSV.", "Save it as .xlsx or CSV."),
    ),
    "SPREADSHEET_BROKEN": _reason("het rekenblad is beschadigd", "the spreadsheet is damaged"),
    "SPREADSHEET_SHEETS": _reason(
        "het rekenblad heeft geen of meer dan één blad met inhoud",
        "the spreadsheet has no sheet with content, or several",
    ),
    "SPREADSHEET_ENCRYPTED": _reason("het rekenblad is versleuteld", "the spreadsheet is encrypted"),
    "CONTAINER_UNKNOWN": _reason(
        "het bestand is een archief van een soort die niet wordt gelezen",
        "the file is an archive of a kind that is not read",
        ("Gebruik .zip of .gz.", "Use .zip or .gz."),
    ),
    "CONTAINER_BROKEN": _reason(
        "het archief is beschadigd, of ingepakt op een manier die niet wordt gelezen",
        "the container is damaged, or packed in a way that is not read",
    ),
    "CONTAINER_ENCRYPTED": _reason("het archief is versleuteld", "the container is encrypted"),
    "CONTAINER_BOMB": _reason(
        "uit het archief zou meer komen dan het platform toestaat",
        "more would come out of the container than the platform allows",
    ),
    "CONTAINER_PATH": _reason(
        "een naam in het archief leidt naar buiten", "a name in the container leads out of it", SUPPLIER
    ),
    "CONTAINER_NESTED": _reason(
        "het archief bevat een ander archief", "the container holds another container"
    ),
    "CONTAINER_EMPTY": _reason("het archief is leeg", "the container holds nothing"),
    "XML_BROKEN": _reason(
        "het document is beschadigd of afgebroken, of heeft iets dubbel dat één keer mag",
        "the document is damaged, cut off, or has something twice that may stand once",
        SUPPLIER,
    ),
    "XML_UNSAFE": _reason(
        "het document heeft een DTD of eigen entiteiten",
        "the document has a DTD or entities of its own",
        SUPPLIER,
    ),
    "XML_UNKNOWN": _reason(
        "het document is geen UWLR 2.0-2.3 of EDEXML 1.0.3-2.1",
        "the document is neither UWLR 2.0-2.3 nor EDEXML 1.0.3-2.1",
        SUPPLIER,
    ),
    "XML_TOO_LARGE": _reason(
        "het document is groter dan het platform toestaat",
        "the document is larger than the platform allows",
        SUPPLIER,
    ),
    "UWLR_TEST_UNDECLARED": _reason(
        "een resultaat heeft een toets die het bericht niet opgeeft",
        "a result has a test that the message does not declare",
        SUPPLIER,
    ),
    "ROSTER_MISSING": _reason(
        "er is geen leerlinglijst (EDEXML) van deze school en dit schooljaar",
        "there is no roster (EDEXML) of this school and year to join the results to",
        (
            "Lever de leerlinglijst; het bestand wordt dan alsnog ingenomen.",
            "Deliver the roster; the file is then taken in after all.",
        ),
    ),
}
"""Every reason code of a file."""

WARNINGS = {
    "HALVED": _reason(
        "in de vorige levering; dit bestand heeft er hoogstens half zoveel",
        "in the delivery before; this file has at most half as many",
        ("Ga na of het bestand volledig is.", "Check that the file is complete."),
    ),
    "DOUBLED": _reason(
        "in de vorige levering; dit bestand heeft er minstens dubbel zoveel",
        "in the delivery before; this file has at least twice as many",
        ("Ga na of het bestand klopt.", "Check that the file is right."),
    ),
    "DATE_OUTSIDE_YEAR": REASONS["DATE_OUTSIDE_YEAR"],
    "TWO_YEAR_GROUPS": REASONS["TWO_YEAR_GROUPS"],
    "YEAR_GROUPS_APART": REASONS["YEAR_GROUPS_APART"],
    "TWO_SCHOOLS": REASONS["TWO_SCHOOLS"],
}
"""What is told and not refused, each with a number: of pupils where it is about pupils, else of rows."""

OF_PUPILS = frozenset({"TWO_YEAR_GROUPS", "YEAR_GROUPS_APART", "TWO_SCHOOLS"})
