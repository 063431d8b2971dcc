"""The sentences of a school's feedback, in Dutch and in English, with their counts in words that fit."""

from __future__ import annotations

FEEDBACK_LANGUAGES = (0, 1)
"""Dutch, English: places in every pair below."""
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


def feedback_sentence(language: int, name: str, *values: object) -> str:
    """A sentence with its values."""
    return FEEDBACK_SENTENCES[name][language].format(*values)


def count_phrase(language: int, number: int, unit: str) -> str:
    """A number and what it counts: `1 rij`, `2 rijen`."""
    return f"{number} {UNIT_WORDS[unit][language][number != 1]}"
