"""Reason codes of refused rows, and of warnings, with what a school reads in Dutch and in English.

Validation and the readers refuse rows with these codes; feedback writes the sentences. Codes are kept in the quarantine
and the ledger, so one that was used is not renamed. Reasons to reject a whole file are in `file_reason_codes`.
"""

from __future__ import annotations

from typing import NamedTuple

ROW_BROKEN, HEADER_REPEATED = "ROW_BROKEN", "HEADER_REPEATED"
"""The codes of a line whose values stand in no known column, and of a header that occurs again."""


class ReasonText(NamedTuple):
    """What a school reads in Dutch (`nl`) and in English (`en`): what is the matter, and what to do."""

    nl: str
    en: str
    do_nl: str
    do_en: str


DELIVER_AGAIN = (
    "Verbeter dit in uw administratie en lever het bestand opnieuw.",
    ("Correct this in your administration and deliver the file again."),
)
ASK_SUPPLIER = "Vraag uw leverancier om een juist bestand.", "Ask your supplier for a correct file."
ASK_PLATFORM = "Neem contact op met het platform.", "Contact the platform."
NOTHING_TO_DO = "U hoeft niets te doen.", "You need not do anything."


def make_reason(nl: str, en: str, do: tuple[str, str] = DELIVER_AGAIN) -> ReasonText:
    """Make the text of a reason.

    Args:
        nl: what is the matter, in Dutch.
        en: the same in English.
        do: what to do, in Dutch and in English; to correct the data and deliver the file again unless given.
    """
    return ReasonText(nl, en, *do)


ROW_REASONS = {
    "PUPIL_NOT_IN_ROSTER": make_reason(
        "de leerlinglijst (EDEXML, UWLR) van de school heeft geen leerling met deze sleutel of dit ECK iD",
        "the school's roster (EDEXML, UWLR) has no pupil with this key or ECK iD",
        (
            "Lever een actuele leerlinglijst en daarna de resultaten in een nieuw gemaakt bestand.",
            "Deliver an up-to-date roster, then the results in a newly made file.",
        ),
    ),
    "PUPIL_AMBIGUOUS": make_reason(
        "niet zeker is welke leerling dit is: er is geen ECK iD en de sleutel geldt voor één export (#), of "
        "twee leerlingen hebben dezelfde sleutel, in één leerlinglijst of in twee van dit schooljaar, of "
        "sleutel en ECK iD wijzen twee leerlingen aan",
        "it is not certain which pupil this is: there is no ECK iD and the key holds within one export only "
        "(#), or two pupils have one key, in one roster or in two of this school year, or key and ECK iD "
        "name two pupils",
        (
            "Lever de resultaten met het ECK iD van de leerling, in een nieuw gemaakt bestand.",
            "Deliver the results with the ECK iD of the pupil, in a newly made file.",
        ),
    ),
    ROW_BROKEN: make_reason(
        "de regel heeft een ander aantal velden dan de kopregel",
        "the line has another number of fields than the header",
        ASK_SUPPLIER,
    ),
    "NO_RESULT": make_reason(
        "de regel is geen resultaat: er staat geen leerlingnummer, geen schoolcode en geen toets in (een "
        "totaal, een gemiddelde, een opmerking)",
        "the line is no result: it has no pupil number, no school code and no test (a total, an average, a remark)",
        (
            "Verwijder zulke regels uit het bestand; met de andere regels gebeurt niets.",
            "Delete such lines from the file; the other lines are not affected.",
        ),
    ),
    HEADER_REPEATED: make_reason(
        "de kopregel staat hier nog eens: er zijn bestanden achter elkaar geplakt",
        "the header stands here once more: files were put one after another",
        ("Lever de bestanden apart, of haal deze regel weg.", "Deliver the files apart, or take this line away."),
    ),
    "BRIN_INVALID": make_reason(
        "de schoolcode is niet twee cijfers en twee hoofdletters", "the school code is not two digits and two capitals"
    ),
    "BRIN_UNKNOWN": make_reason(
        "de school staat niet op de scholenlijst", "the school is not on the school list", ASK_PLATFORM
    ),
    "VESTIGING_INVALID": make_reason("de vestiging is niet twee cijfers", "the site is not two digits"),
    "YEAR_INVALID": make_reason(
        "het schooljaar is niet twee opeenvolgende jaren, zoals 2024-2025",
        "the school year is not two years in a row, such as 2024-2025",
    ),
    "PGN_MISSING": make_reason("er is geen leerlingnummer", "there is no pupil number"),
    "PGN_FILLER": make_reason("het leerlingnummer is een opvulnummer", "the pupil number is a filler"),
    "PGN_ROUNDED": make_reason(
        "het leerlingnummer is afgerond, zoals 1,23E+08; de laatste cijfers zijn weg",
        "the pupil number is rounded, such as 1.23E+08; its last digits are gone",
        (
            "Zet de kolom op tekst (of getal zonder decimalen) en lever het bestand opnieuw.",
            "Make the column text (or a number without decimals) and deliver the file again.",
        ),
    ),
    "PGN_INVALID": make_reason(
        "het leerlingnummer doorstaat de controle niet: er klopt een cijfer niet, het heeft minder dan zeven "
        "of meer dan negen cijfers, of er staat een ander teken in, misschien een dat u niet ziet",
        "the pupil number does not pass its proof: a digit is wrong, it has fewer than seven digits or more "
        "than nine, or another character stands in it, perhaps one that is not seen",
    ),
    "TEST_UNKNOWN": make_reason(
        "de toetscode (met de versie) staat niet in de catalogus",
        "the test code (with its version) is not in the catalogue",
    ),
    "DATE_INVALID": make_reason(
        "een datum is niet geschreven zoals het formaat voorschrijft (dag en maand in een andere volgorde of "
        "zonder voorloopnul, een jaar van twee cijfers, een tijd van 22 uur of later), of bestaat niet",
        "a date is not written as its format declares (day and month in another order or without a leading "
        "zero, a year of two digits, a time of 22 hours or later), or does not exist",
    ),
    "DATE_OUTSIDE_YEAR": make_reason(
        "de toetsdatum ligt buiten het schooljaar", "the test date lies outside the school year"
    ),
    "DATE_IN_FUTURE": make_reason(
        "de toetsdatum of het schooljaar ligt na de dag van inname",
        "the test date, or the school year, lies after the day of intake",
    ),
    "BIRTH_DATE_IMPLAUSIBLE": make_reason(
        "de leerling zou, naar het geboortejaar, bij het begin van het schooljaar jonger dan 3 of ouder dan 21 zijn",
        "by the year of birth the pupil would be younger than 3 or older than 21 as the school year begins",
    ),
    "MOMENT_MISSING": make_reason(
        "er is geen toetsdatum en geen afnameperiode", "there is neither a test date nor a period"
    ),
    "MOMENT_INVALID": make_reason(
        "de periode is niet B, M of E, of niet die van de toets",
        "the period is not B, M or E, or not the one of the test",
    ),
    "YEAR_GROUP_INVALID": make_reason(
        "de jaargroep staat niet in de codelijst", "the year group is not in the code list"
    ),
    "SEX_INVALID": make_reason("het geslacht is geen code van dit formaat", "the sex is not a code of this format"),
    "ATTRIBUTE_INVALID": make_reason(
        "een kenmerk van de leerling staat niet in zijn codelijst", "an attribute of the pupil is not in its code list"
    ),
    "SCORE_MISSING": make_reason("er is geen score", "there is no score"),
    "SCORE_NOT_A_NUMBER": make_reason(
        "een score is geen getal van nul of meer: een ruwe score zonder decimalen, een vaardigheidsscore met "
        "hoogstens twee, na het decimaalteken van dit formaat; een percentage is geen score",
        "a score is not a number of zero or more: a raw score without decimals, a skill score with two at "
        "most, after the decimal mark of this format; a percentage is no score",
    ),
    "SCORE_OUT_OF_RANGE": make_reason(
        "de score ligt buiten het bereik van zijn schaal", "the score lies outside the range of its scale"
    ),
    "LEVEL_INVALID": make_reason("een niveau is niet A-E of I-V", "a level is not A-E or I-V"),
    "DUPLICATE": make_reason(
        "dezelfde regel staat al eerder in het bestand", "the same line stands in the file before", NOTHING_TO_DO
    ),
    "CONFLICT": make_reason(
        "het bestand heeft twee verschillende regels voor één resultaat: dezelfde resultaatsleutel, of "
        "zonder sleutel dezelfde toets van de leerling op dezelfde dag",
        "the file has two different lines for one result: the same result key, or without one the same "
        "test of the pupil on the same day",
    ),
    "TWO_YEAR_GROUPS": make_reason(
        "de leerling staat in één schooljaar in twee jaargroepen", "the pupil is in two year groups in one school year"
    ),
    "YEAR_GROUPS_APART": make_reason(
        "de jaargroepen van de leerling in verschillende schooljaren kunnen niet allebei kloppen",
        "the pupil's year groups in different school years cannot both be right",
    ),
    "TWO_SCHOOLS": make_reason(
        "de leerling heeft in één schooljaar resultaten van twee scholen",
        "the pupil has results of two schools in one school year",
    ),
}
"""The text of every reason code of a row."""

WARNING_REASONS = {
    "HALVED": make_reason(
        "in de vorige levering; dit bestand heeft er hoogstens half zoveel",
        "in the delivery before; this file has at most half as many",
        ("Ga na of het bestand volledig is.", "Check that the file is complete."),
    ),
    "DOUBLED": make_reason(
        "in de vorige levering; dit bestand heeft er minstens dubbel zoveel",
        "in the delivery before; this file has at least twice as many",
        ("Ga na of het bestand klopt.", "Check that the file is right."),
    ),
    "COLUMN_GONE": make_reason(
        "van de vorige levering van deze leverancier die dit bestand niet meer heeft",
        "of this supplier's delivery before that this file has no longer",
        (
            "Ga na of de export nog alle kolommen heeft en hun namen niet zijn veranderd.",
            "Check that the export still has every column, and that none was renamed.",
        ),
    ),
    "KEY_OF_ANOTHER_PUPIL": make_reason(
        "van een andere leerling vervangen onder dezelfde resultaatsleutel",
        "of another pupil replaced under the same result key",
        (
            "Ga na of een leerlingnummer is verbeterd; gebruik een resultaatsleutel niet opnieuw.",
            "Check that a pupil number was corrected; do not use a result key again.",
        ),
    ),
    "KEY_OF_ONE_EXPORT": make_reason(
        "in de leerlinglijst zonder ECK iD en zonder sleutel die langer geldt dan deze export (#); aan hen "
        "wordt geen resultaat gekoppeld",
        "in the roster without an ECK iD and without a key that holds beyond this export (#); no result is "
        "joined to them",
        (
            "Lever een leerlinglijst met ECK iD of met de vaste sleutel van uw administratie.",
            "Deliver a roster with ECK iDs or with the lasting keys of your administration.",
        ),
    ),
    "ROSTER_WITHOUT_NUMBER": make_reason(
        "in de leerlinglijst zonder BSN of onderwijsnummer; resultaten die aan hen worden gekoppeld, worden "
        "geweigerd, en een lijst zonder enig nummer wordt niet gebruikt",
        "in the roster without a BSN or onderwijsnummer; results that are joined to them are refused, and a "
        "roster without any number is not used",
        (
            "Lever een leerlinglijst met de nummers, zoals EDEXML die heeft.",
            "Deliver a roster with the numbers, as EDEXML has them.",
        ),
    ),
    "DATE_OUTSIDE_YEAR": ROW_REASONS["DATE_OUTSIDE_YEAR"],
    "BESIDE_DATA": make_reason(
        "in hetzelfde archief niet gelezen, omdat er geen gegevens in staan: een brief, een afbeelding, een "
        "controlegetal",
        "in the same container not read, because they hold no data: a letter, a picture, a check sum",
        (
            "Staat er wel iets in dat wij moeten weten, stuur het dan los van de levering.",
            "If they say something that we should know, send it apart from the delivery.",
        ),
    ),
    "BIRTH_DATE_PARTIAL": make_reason(
        "de geboortedatum is maar voor een deel bekend; de rij telt zonder geboortedatum",
        "only a part of the date of birth is known; the row counts without one",
        NOTHING_TO_DO,
    ),
    "TWO_NUMBERS": make_reason(
        "lijkt onder twee leerlingnummers voor te komen: dezelfde geboortedatum en hetzelfde geslacht, "
        "dezelfde toets op dezelfde dag en dezelfde score",
        "seems to be there under two pupil numbers: the same date of birth and sex, the same test on the "
        "same day and the same score",
        (
            "Ga na of het één leerling is; verbeter dan het nummer, of geef de nummerwijziging door.",
            "Check whether it is one pupil; if so correct the number, or report the change of number.",
        ),
    ),
    "TWO_YEAR_GROUPS": ROW_REASONS["TWO_YEAR_GROUPS"],
    "YEAR_GROUPS_APART": ROW_REASONS["YEAR_GROUPS_APART"],
    "TWO_SCHOOLS": ROW_REASONS["TWO_SCHOOLS"],
}
"""The text of every warning. A warning comes with a number of files, columns or pupils, otherwise of rows."""

FILE_WARNINGS = frozenset({"BESIDE_DATA"})
"""Warnings that count files."""
COLUMN_WARNINGS = frozenset({"COLUMN_GONE"})
"""Warnings that count columns."""
PUPIL_WARNINGS = frozenset(
    {"KEY_OF_ONE_EXPORT", "ROSTER_WITHOUT_NUMBER", "TWO_NUMBERS", "TWO_YEAR_GROUPS", "YEAR_GROUPS_APART", "TWO_SCHOOLS"}
)
"""Warnings that count pupils."""
