"""The text of a school's feedback, in Dutch and in English.

In go the ledger entry and the details of a delivery, out comes the text that `feedback` writes: the sentences in both
languages, and how a count and its unit are put into words.
"""

from __future__ import annotations

from decimal import Decimal

from cohort.delivery_formats import ROW_REASONS, WARNING_REASONS, ReasonText
from cohort.ingestion.feedback_document import (
    COLUMN_GONE,
    WAITING_REASONS,
    FeedbackDetails,
    rejection_text,
    unit_of_warning,
)
from cohort.results import DELIVERY_REJECTED, LedgerEntry

FEEDBACK_LANGUAGES = (0, 1)
"""Dutch, English: places in every pair below."""
ELEMENT_KIND = "results"
"""The kind of file that has elements instead of lines."""
PREVIOUS_DELIVERY_WARNINGS = ("HALVED", "DOUBLED", COLUMN_GONE)
"""Warnings whose number is of the delivery before."""
FEEDBACK_SENTENCES = {
    "rejected": ("Levering {} van {} is niet ingenomen: {}. {}", "Delivery {} of {} was not taken in: {}. {}"),
    "waiting": ("Levering {} van {} wacht: {}. {}", "Delivery {} of {} is waiting: {}. {}"),
    "taken": (
        "Levering {} van {}: {} geleverd, {} aangenomen, {} geweigerd, {} weggelaten na een bezwaar.",
        "Delivery {} of {}: {} delivered, {} accepted, {} refused, {} left out after an objection.",
    ),
    "roster": (
        "Levering {} van {} is een leerlinglijst; zij is bewaard om resultaten aan te koppelen.",
        "Delivery {} of {} is a roster; it was kept to join results to.",
    ),
    "repeated": (
        "Levering {} van {} bevat alleen bestanden die ook op een andere manier zijn geleverd.",
        "Delivery {} of {} holds only files that were delivered in another way, too.",
    ),
    "print": ("Vingerafdruk van het bestand (SHA-256): {}", "File fingerprint (SHA-256): {}"),
    "mended": (
        "Bij {} zijn verloren voorloopnullen hersteld of andere tekens dan cijfers weggelaten, op grond van "
        "de controle van het nummer.",
        "Of {} lost leading zeros were restored or other characters than digits taken off, by the proof of the number.",
    ),
    "replaced": (
        "Van eerdere leveringen: {} vervangen, {} ingetrokken omdat dit bestand ze niet of alleen geweigerd heeft.",
        "Of earlier deliveries: {} replaced, {} withdrawn because this file lacks them, or has them "
        "only in refused rows.",
    ),
    "joined": (
        "Gekoppeld aan de leerlinglijst: {} op het ECK iD, {} op de eigen leerlingsleutel van de school.",
        "Joined to the roster: {} on the ECK iD, {} on the school's own pupil key.",
    ),
    "code": ("{}: {}: {}. {}: {}. {}", "{}: {}: {}. {}: {}. {}"),
    "at": ("{}: {}.", "{}: {}."),
    "lines": ("Regels", "Lines"),
    "elements": ("Resultaten (volgnummer in het bericht)", "Results (their place in the message)"),
    "whole": ("zie het hele bestand", "see the whole file"),
    "warning": ("Let op, {}: {}: {}. {}", "Note, {}: {}: {}. {}"),
    "before": ("Let op, {}: {} {}. {}", "Note, {}: {} {}. {}"),
    "closest": (
        "Het lijkt het meest op het formaat {}; daarvan ontbreekt: {}. Niet herkende kolommen: {}.",
        "It is closest to the format {}; of that it lacks: {}. Columns not recognised: {}.",
    ),
    "unread": ("Niet overgenomen kolommen: {}.", "Columns not read on: {}."),
    "gone": ("Dat zijn: {}.", "These are: {}."),
    "nothing": ("niets", "nothing"),
}
"""Every sentence in Dutch and in English."""
UNIT_WORDS = {
    "rows": (("rij", "rijen"), ("row", "rows")),
    "columns": (("kolom", "kolommen"), ("column", "columns")),
    "pupils": (("leerling", "leerlingen"), ("pupil", "pupils")),
    "files": (("bestand", "bestanden"), ("file", "files")),
    "numbers": (("leerlingnummer", "leerlingnummers"), ("pupil number", "pupil numbers")),
    "results": (("resultaat", "resultaten"), ("result", "results")),
}


def describe_delivery(entry: LedgerEntry, details: FeedbackDetails, max_refused_share: Decimal) -> str:
    """What a school reads of one delivery: the Dutch text, then the English one."""
    texts = (
        "\n".join(
            [
                _headline(entry, max_refused_share, language),
                *_sentences_of_file(entry, details, language),
                *_sentences_of_rows(entry, details, language),
                *_sentences_of_warnings(entry, details, language),
            ]
        )
        + "\n"
        for language in FEEDBACK_LANGUAGES
    )
    return "\n\n".join(texts)


def feedback_sentence(language: int, name: str, *values: object) -> str:
    """A sentence with its values."""
    return FEEDBACK_SENTENCES[name][language].format(*values)


def count_phrase(language: int, number: int, unit: str) -> str:
    """A number and what it counts: `1 rij`, `2 rijen`."""
    return f"{number} {UNIT_WORDS[unit][language][number != 1]}"


def _headline(entry: LedgerEntry, max_refused_share: Decimal, language: int) -> str:
    """What became of the delivery as a whole."""
    number, received = entry.levering_nr, entry.received
    if entry.status == DELIVERY_REJECTED:
        meaning, advice = _in_language(rejection_text(entry.reason or "", max_refused_share), language)
        name = "waiting" if entry.reason in WAITING_REASONS else "rejected"
        return feedback_sentence(language, name, number, received, meaning, advice)
    if entry.kind in ("roster", "repeated"):
        return feedback_sentence(language, entry.kind, number, received)
    delivered = count_phrase(language, entry.delivered, "rows")
    parts = entry.accepted, entry.quarantined, entry.objected
    return feedback_sentence(language, "taken", number, received, delivered, *parts)


def _sentences_of_file(entry: LedgerEntry, details: FeedbackDetails, language: int) -> list[str]:
    """The fingerprint of the file, where it was broken, how its header differs, which columns are not read."""
    sentences = [feedback_sentence(language, "print", entry.sha256)]
    if entry.reason is not None and entry.reason in details.lines:
        sentences.append(
            feedback_sentence(language, "at", _line_word(entry, language), _line_list(details, entry.reason))
        )
    if details.unrecognised is not None:
        nothing = feedback_sentence(language, "nothing")
        missing = ", ".join(details.unrecognised.missing) or nothing
        unknown = ", ".join(details.unrecognised.unknown) or nothing
        sentences.append(feedback_sentence(language, "closest", details.unrecognised.closest_format, missing, unknown))
    if details.unread_columns:
        sentences.append(feedback_sentence(language, "unread", ", ".join(details.unread_columns)))
    return sentences


def _sentences_of_rows(entry: LedgerEntry, details: FeedbackDetails, language: int) -> list[str]:
    """What was joined, mended, replaced and refused."""
    sentences = []
    if details.joined is not None:
        by_eckid = count_phrase(language, details.joined["eckid"], "results")
        sentences.append(feedback_sentence(language, "joined", by_eckid, details.joined["key"]))
    if entry.mended:
        sentences.append(feedback_sentence(language, "mended", count_phrase(language, entry.mended, "numbers")))
    if entry.replaced or entry.withdrawn:
        replaced = count_phrase(language, sum(entry.replaced.values()), "results")
        sentences.append(feedback_sentence(language, "replaced", replaced, sum(entry.withdrawn.values())))
    for code, number in sorted(entry.codes.items()):
        meaning, advice = _in_language(ROW_REASONS[code], language)
        rows = count_phrase(language, number, "rows")
        lines = _line_list(details, code) or feedback_sentence(language, "whole")
        line_word = _line_word(entry, language)
        sentences.append(feedback_sentence(language, "code", code, rows, meaning, line_word, lines, advice))
    return sentences


def _sentences_of_warnings(entry: LedgerEntry, details: FeedbackDetails, language: int) -> list[str]:
    sentences = []
    for code, number in sorted(entry.warnings.items()):
        meaning, advice = _in_language(WARNING_REASONS[code], language)
        name = "before" if code in PREVIOUS_DELIVERY_WARNINGS else "warning"
        counted = count_phrase(language, number, unit_of_warning(code))
        sentences.append(feedback_sentence(language, name, code, counted, meaning, advice))
        if code == COLUMN_GONE:
            sentences.append(feedback_sentence(language, "gone", ", ".join(details.missing_columns)))
    return sentences


def _line_word(entry: LedgerEntry, language: int) -> str:
    return feedback_sentence(language, "elements" if entry.kind == ELEMENT_KIND else "lines")


def _line_list(details: FeedbackDetails, code: str) -> str:
    return ", ".join(map(str, details.shown_lines(code)))


def _in_language(reason: ReasonText, language: int) -> tuple[str, str]:
    return (reason.nl, reason.do_nl) if language == 0 else (reason.en, reason.do_en)
