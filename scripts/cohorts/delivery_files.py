"""One CSV file per school, in the canonical dialect: UTF-8, `;`, decimal comma, LF, a header line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Final, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from cohorts import catalogue, pupils, results, scores
from cohorts.planted_errors import ERROR_CODES, DeliveredLines
from cohorts.pupil_numbers import with_wrong_check_digit
from cohorts.pupils import SyntheticPupils
from cohorts.results import SyntheticResults
from cohorts.schools import SITE

DELIVERY_COLUMNS = (
    "brin",
    "vestiging",
    "schooljaar",
    "pgn",
    "geboortedatum",
    "geslacht",
    "jaargroep",
    "groep_key",
    "leerkracht_key",
    "gewicht",
    "thuistaal",
    "opleiding_ouders",
    "toetscode",
    "toetsversie",
    "afnamedatum",
    "afnameperiode",
    "ruwe_score",
    "vaardigheidsscore",
    "niveau_IV",
    "bron_result_key",
)
_SCHOOLS_AT_ONCE: Final = 100
_OTHER_ORDER_EVERY: Final = 10
_BEYOND_SCALE: Final = 50
_RAW_OF: Final = 60
_TWO_YEARS: Final = 730
_FIRST_DAY: Final = date(2005, 1, 1)
# Mondays; the window of a test is the five school weeks from each.
_WINDOW: Final = ((date(2025, 1, 13), date(2025, 5, 19)), (date(2024, 1, 15), date(2024, 5, 27)))
Ints = npt.NDArray[np.integer]
Texts = pa.StringArray
Change = Callable[[Texts], Texts]


def _texts(values: Iterable[str]) -> Texts:
    return pa.array(list(values), pa.string())


_DAYS = _texts((_FIRST_DAY + timedelta(days=day)).isoformat() for day in range(21 * 365))
_TENTHS = _texts(
    f"{tenth // 10},{tenth % 10}"
    for tenth in range((max(d.highest for d in catalogue.DOMAINS) + _BEYOND_SCALE) * 10 + 10)
)
_WHOLE = _texts([str(number) for number in range(_RAW_OF + 1)])
_TESTS = _texts(
    catalogue.test_code(domain, moment, year_group)
    for domain in catalogue.DOMAINS
    for moment in catalogue.MOMENTS
    for year_group in catalogue.YEAR_GROUPS
)
_HIGHEST = np.array([domain.highest for domain in catalogue.DOMAINS])
_WINDOW_FROM = np.array([[(day - _FIRST_DAY).days for day in year] for year in _WINDOW])
_EPOCH: Final = (date(1970, 1, 1) - _FIRST_DAY).days


def write_delivery_files(
    folder: Path, brins: list[str], people: SyntheticPupils, made: SyntheticResults, lines: DeliveredLines
) -> int:
    """Write `school_0001.csv` and so on, one file for every school that has a line.

    One file in ten has its columns in another order.

    Args:
        folder: where the files are written.
        brins: the BRIN of each school.
        people: the pupils.
        made: the results.
        lines: the lines, ordered by school.

    Returns:
        The number of files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    school = made.school[lines.result]
    edges = np.searchsorted(school, np.arange(len(brins) + 1))
    files = 0
    for first in range(0, len(brins), _SCHOOLS_AT_ONCE):
        last = min(first + _SCHOOLS_AT_ONCE, len(brins))
        start = int(edges[first])
        part = slice(start, int(edges[last]))
        table = make_delivery_table(brins, people, made, DeliveredLines(lines.result[part], lines.wrong[part]))
        for index in range(first, last):
            rows = int(edges[index + 1] - edges[index])
            if rows:
                ordered = table.select(_column_order(index)).slice(int(edges[index]) - start, rows)
                _write_file(folder / f"school_{index + 1:04d}.csv", ordered)
                files += 1
    return files


def _write_file(path: Path, table: pa.Table) -> None:
    with path.open("wb") as sink:
        sink.write((";".join(table.column_names) + "\n").encode())
        options = csv.WriteOptions(include_header=False, delimiter=";", quoting_style="none")
        csv.write_csv(table, sink, options)


def _column_order(index: int) -> list[str]:
    turn = index // _OTHER_ORDER_EVERY % (len(DELIVERY_COLUMNS) - 1) + 1
    turn = turn if index % _OTHER_ORDER_EVERY == _OTHER_ORDER_EVERY - 1 else 0
    return [*DELIVERY_COLUMNS[turn:], *DELIVERY_COLUMNS[:turn]]


def make_delivery_table(
    brins: list[str], people: SyntheticPupils, made: SyntheticResults, lines: DeliveredLines
) -> pa.Table:
    """The lines of some schools as a table of text, errors included."""
    pupil, school = made.pupil[lines.result], made.school[lines.result].astype(np.int32)
    year, moment, domain = (a[lines.result] for a in (made.year, made.moment, made.domain))
    year_group = people.year_group[pupil]
    group = made.group[lines.result]
    true = made.tenths[lines.result].astype(np.int32)
    tenths = _scores_beyond_scale(lines, true, domain)
    score = _with_error(lines, "SCORE_NOT_A_NUMBER", _pick(_TENTHS, tenths), _not_a_number)
    columns = {
        "brin": _pick(_texts(brins), school),
        "vestiging": _constant(SITE, len(lines)),
        "schooljaar": _pick(_texts(results.SCHOOL_YEARS), year),
        "pgn": _pupil_numbers(lines, people.number[pupil]),
        "geboortedatum": _pick(_DAYS, people.born[pupil] + _EPOCH),
        "geslacht": _pick(_texts(pupils.SEXES), people.sex[pupil]),
        "jaargroep": _pick(_WHOLE, year_group),
        "groep_key": _pick(_texts(pupils.GROUPS), group),
        "leerkracht_key": _pick(_texts([f"L{n:03d}" for n in range(len(pupils.GROUPS))]), group),
        "gewicht": _pick(_texts(pupils.WEIGHTS), people.weight[pupil]),
        "thuistaal": _pick(_texts(pupils.LANGUAGES), people.language[pupil]),
        "opleiding_ouders": _pick(_texts(pupils.EDUCATION), people.education[pupil]),
        "toetscode": _test_codes(lines, domain, moment, year_group),
        "toetsversie": _constant(catalogue.VERSION, len(lines)),
        "afnamedatum": _pick(_DAYS, _test_day(lines, school, group, year, moment, domain)),
        "afnameperiode": _pick(_texts(catalogue.MOMENTS), moment),
        "ruwe_score": _pick(_WHOLE, true * _RAW_OF // 10 // _HIGHEST[domain]),
        "vaardigheidsscore": score,
        "niveau_IV": _pick(_texts(scores.LEVELS), made.level[lines.result]),
        "bron_result_key": _result_keys(lines, school),
    }
    return pa.table({name: columns[name] for name in DELIVERY_COLUMNS})


def _pick(texts: Texts, index: Ints) -> Texts:
    picked: Texts = texts.take(pa.array(index, pa.int32()))
    return picked


def _constant(text: str, count: int) -> Texts:
    repeated: Texts = pa.repeat(pa.scalar(text), count)
    return repeated


def _pupil_numbers(lines: DeliveredLines, number: npt.NDArray[np.int64]) -> Texts:
    wrong = lines.wrong
    number = np.where(wrong == ERROR_CODES.index("PGN_INVALID"), with_wrong_check_digit(number), number)
    number = np.where(wrong == ERROR_CODES.index("PGN_FILLER"), 0, number)
    padded = pc.utf8_lpad(pc.cast(pa.array(number), pa.string()), 9, "0")
    return _with_error(lines, "PGN_PADDED", cast(Texts, padded), lambda texts: pc.utf8_slice_codeunits(texts, 1))


def _scores_beyond_scale(lines: DeliveredLines, tenths: Ints, domain: Ints) -> Ints:
    beyond = _HIGHEST[domain] * 10 + 1 + tenths % (_BEYOND_SCALE * 10)
    return np.where(lines.wrong == ERROR_CODES.index("SCORE_OUT_OF_RANGE"), beyond, tenths)


def _not_a_number(texts: Texts) -> Texts:
    is_even = pa.array(np.arange(len(texts)) % 2 == 0)
    changed: Texts = pc.if_else(is_even, "ziek", pc.replace_substring(texts, ",", "."))
    return changed


def _test_codes(lines: DeliveredLines, domain: Ints, moment: Ints, year_group: Ints) -> Texts:
    index = domain.astype(np.int32) * len(catalogue.MOMENTS) + moment
    code = _pick(_TESTS, index * len(catalogue.YEAR_GROUPS) + year_group - 3)
    return _with_error(lines, "TEST_UNKNOWN", code, lambda texts: _constant("ONB-99", len(texts)))


def _test_day(lines: DeliveredLines, school: Ints, group: Ints, year: Ints, moment: Ints, domain: Ints) -> Ints:
    """The day of each test, in days since 2005: a school day in the window, one for all pupils of a class."""
    spread = (school * 7 + group * 3 + domain * 2) % 25
    day = _WINDOW_FROM[year, moment] + spread // 5 * 7 + spread % 5
    early = lines.wrong == ERROR_CODES.index("DATE_OUTSIDE_YEAR")
    changed: Ints = np.where(early, day - _TWO_YEARS, day)
    return changed


def _result_keys(lines: DeliveredLines, school: Ints) -> Texts:
    """The position of each result in its school's file; a line that comes twice keeps its key."""
    place = lines.result - lines.result[np.searchsorted(school, school)] + 1
    keys: Texts = pc.binary_join_element_wise("r", pc.cast(pa.array(place), pa.string()), "")
    return keys


def _with_error(lines: DeliveredLines, code: str, texts: Texts, change: Change) -> Texts:
    """The texts, with those on lines with this error changed."""
    mask = lines.wrong == ERROR_CODES.index(code)
    if not mask.any():
        return texts
    has_error = pa.array(mask)
    changed: Texts = pc.replace_with_mask(texts, has_error, change(texts.filter(has_error)))
    return changed
