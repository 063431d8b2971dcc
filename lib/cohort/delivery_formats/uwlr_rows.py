"""Results of a UWLR message as rows with the canonical columns, each joined to its pupil in a roster.

Results are joined on the ECK iD or on the key of the school's administration, within one school and school year; a key
that identifies within one export only (`#`) joins nobody. A result that cannot be joined beyond doubt gets a reason
code instead of a pupil number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cohort.data_states import CANONICAL_COLUMNS
from cohort.delivery_formats import edexml
from cohort.delivery_formats.rosters import DocumentSchool, PupilIndex, PupilMatch, Roster, RosterPupil, select_rosters
from cohort.delivery_formats.uwlr import UwlrMessage, UwlrResult
from cohort.delivery_formats.xml_messages import UniqueElements
from cohort.foundation import CODE_LISTS

SCORE_NOT_A_NUMBER = "SCORE_NOT_A_NUMBER"
LEVEL_INVALID = "LEVEL_INVALID"
LEVEL_REFERENCE_CODES = {"niveau_AE": ("AE", "CAE"), "niveau_IV": ("IV", "CIV")}
"""Codes of reference scores that are a level. A value under the code with a C may also be a number on a finer scale,
which is not a level and is left out."""
NATIONAL_GROUPS = (None, "Landelijk")
"""Groups of comparison of a level. A level against another group than the nation is another measure."""
XML_DECIMAL_PATTERN = re.compile(r"\+?([0-9]*)(?:\.([0-9]*))?")


@dataclass(frozen=True, repr=False)
class CanonicalRow:
    """One result as a row. Without a repr: no message may hold it.

    Attributes:
        element_number: the number of its element in the message.
        code: the reason code of a row that is refused, else None.
        cells: its values in the order of `CANONICAL_COLUMNS`; None where there is none.
        matched_on: `rosters.MATCHED_ON_ECKID` or `rosters.MATCHED_ON_KEY`; None where it has no pupil.
    """

    element_number: int
    code: str | None
    cells: tuple[str | None, ...]
    matched_on: str | None = None


def join_results_to_rosters(
    message: UwlrMessage, school_rosters: Iterable[Roster], newest_numbers: Mapping[str, str] | None = None
) -> list[CanonicalRow]:
    """Make the results of a message rows, each with its pupil from a roster.

    Args:
        message: the message.
        school_rosters: the rosters of its school.
        newest_numbers: every pupil number that was replaced, with the newest number of its pupil.

    Returns:
        A row per result in document order. Its code is None, or a reason: ROSTER_MISSING; PUPIL_NOT_IN_ROSTER;
        PUPIL_AMBIGUOUS (key and ECK iD name two pupils, one of them names two, here or in another of the rosters, or
        there is nothing but a key of one export); SCORE_NOT_A_NUMBER; LEVEL_INVALID (two different levels). Everything
        else is left to the validation rules.
    """
    index = PupilIndex(select_rosters(school_rosters, message.school), newest_numbers or {})
    school = message.school
    if index.roster is not None and not school.brin:
        school = index.roster.school
    return [
        _make_row(result, message, school, index.find_pupil(result.leerlingid, result.eckid))
        for result in message.results
    ]


def _make_row(result: UwlrResult, message: UwlrMessage, school: DocumentSchool, match: PupilMatch) -> CanonicalRow:
    elements = result.elements
    score, is_invalid_score = _decimal_with_comma(elements.get("vaardigheidsscore"))
    levels, are_contradictory = _find_levels(result.references)
    part, test = elements.get("toetsonderdeelcode"), elements.get("toetscode")
    values = {
        "brin": school.brin,
        "vestiging": school.vestiging,
        "schooljaar": message.school.schooljaar,
        # the score of a part is not that of the test: the catalogue may know the part by this name
        "toetscode": f"{test}/{part}" if part else test,
        "toetsversie": elements.get("versie") or _only_version(message.versions.get(test or "")),
        "afnamedatum": edexml.date_without_zone(elements.get("afnamedatum")),
        "ruwe_score": elements.get("score") or elements.get("aantalgoed"),
        "vaardigheidsscore": score,
        "bron_result_key": result.key,
        **levels,
        **_pupil_values(match.pupil),
    }
    code = match.code or (SCORE_NOT_A_NUMBER if is_invalid_score else LEVEL_INVALID if are_contradictory else None)
    cells = tuple(values.get(name) for name in CANONICAL_COLUMNS)
    return CanonicalRow(result.element_number, code, cells, match.matched_on)


def _pupil_values(pupil: RosterPupil | None) -> dict[str, str | None]:
    if pupil is None:
        return {}
    same_names = ("geboortedatum", "geslacht", "jaargroep", "groep_key", "leerkracht_key", "gewicht")
    return {"pgn": pupil.number, **{name: getattr(pupil, name) for name in same_names}}


def _decimal_with_comma(text: str | None) -> tuple[str | None, bool]:
    """Write an XML decimal with a decimal comma, as the canonical format does.

    Returns:
        The text, and whether it is invalid: a comma as delivered would pass as a decimal comma, though it may have
        meant thousands. Other texts (sentinels, words) stay as they are and are left to the validation rules.
    """
    if text is None:
        return None, False
    match = XML_DECIMAL_PATTERN.fullmatch(text)
    if not match or not (match[1] or match[2]):
        return text, "," in text
    fraction = (match[2] or "").rstrip("0")
    return (match[1] or "0") + (f",{fraction}" if fraction else ""), False


def _find_levels(references: tuple[UniqueElements, ...]) -> tuple[dict[str, str | None], bool]:
    """Find the levels among reference scores, and tell whether two of them contradict each other."""
    national = [
        (reference.get("codereferentiescore"), reference.get("waarde"))
        for reference in references
        if reference.get("codevergelijkingsgroep") in NATIONAL_GROUPS
    ]
    levels: dict[str, str | None] = {}
    are_contradictory = False
    for column, (plain_code, fine_code) in LEVEL_REFERENCE_CODES.items():
        spellings = CODE_LISTS[column].spellings
        values = [value for code, value in national if code == plain_code and value]
        values = values or [value for code, value in national if code == fine_code and value and value in spellings]
        are_contradictory |= len({spellings.get(value, value) for value in values}) > 1
        levels[column] = values[0] if values else None
    return levels, are_contradictory


def _only_version(versions: frozenset[str | None] | None) -> str | None:
    """Return the version with which a test is declared, None where there are several or none."""
    return next(iter(versions)) if versions and len(versions) == 1 else None
