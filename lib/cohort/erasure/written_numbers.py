"""Pupil numbers in free text, in every way that systems, spreadsheets and people write them.

In: the text of a raw file. Out: everything in it that may be a pupil number, in normal form. Called by
`raw_file_erasure`; it must rather find a number too many than miss one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

FEWEST_DIGITS, MOST_DIGITS = 7, 9
"""Digits of a number as written: two leading zeros may be lost."""
SPREADSHEET_DIGITS = 15
"""Significant digits of a spreadsheet: what it stores as 1.2345678199999999E8 is 123456782."""
_DIGIT_RUN = re.compile(r"(?<![0-9])0*+([1-9][0-9]{6,8})(?![0-9])")
_BETWEEN_DIGITS = r"[^0-9A-Za-z;,|\n\r\"<>&=]"
"""What may be between two digits of a number: blanks, dots, hyphens, apostrophes, invisible marks."""
_GROUPED_DIGITS = re.compile(rf"[0-9]++(?:{_BETWEEN_DIGITS}{{1,64}}+[0-9]++)++")
"""Possessive, so that a long run of digits is read once and not once for each of its digits."""
_COMMA_GROUPS = re.compile(r"(?<![0-9])(?=([0-9]{1,3}(?:,[0-9]{3}){2})(?![0-9]))")
_EXPONENT_NUMBER = re.compile(r"(?<![0-9])[0-9]{1,9}(?:[.,][0-9]{1,20})?[eE][+-]?[0-9]{1,2}(?![0-9])")
_COMMA_GROUPS_HINT, _EXPONENT_HINT = re.compile(",[0-9]{3},[0-9]{3}"), re.compile("[0-9][eE][+-]?[0-9]")
"""A necessary part of the two patterns above: most texts have neither, and this is five times as fast."""
_DAY, _MONTH, _YEAR = "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2])", "(?:19|20)[0-9]{2}"
_DATE_DIGITS = re.compile(
    rf"{_YEAR}([-/.]){_MONTH}\1{_DAY}|{_DAY}([-/.]){_MONTH}\2{_YEAR}|{_MONTH}/{_DAY}/{_YEAR}|{_YEAR}[-/]{_YEAR}"
)
"""Eight digits that are a date, or a school year, and no number."""


def find_number_candidates(text: str) -> Iterator[str]:
    """Everything in a text that may be a pupil number, in normal form; a number may come more than once."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    yield from (digits.zfill(MOST_DIGITS) for digits in _DIGIT_RUN.findall(text))
    for token in {*_GROUPED_DIGITS.findall(text)}:
        if len(token) > FEWEST_DIGITS:
            yield from _numbers_in_groups(token)
    if _COMMA_GROUPS_HINT.search(text):
        yield from (token.replace(",", "").zfill(MOST_DIGITS) for token in _COMMA_GROUPS.findall(text))
    if _EXPONENT_HINT.search(text):
        yield from _numbers_with_exponent(text)


def _numbers_with_exponent(text: str) -> Iterator[str]:
    """Whole numbers that are written with an exponent, in the digits that a spreadsheet shows."""
    for token in {*_EXPONENT_NUMBER.findall(text)}:
        value = Decimal(f"{Decimal(token.replace(',', '.')):.{SPREADSHEET_DIGITS - 1}e}")
        if value == value.to_integral_value() and value < 10**MOST_DIGITS:
            yield f"{int(value):0{MOST_DIGITS}d}"


def _numbers_in_groups(token: str) -> Iterator[str]:
    """Numbers that groups of digits may form: all groups, those between two tabs, or a row with one separator."""
    for part in {token, *token.split("\t")}:  # a tab may be within a number or between two cells
        yield from _as_number(part)
    groups, separators = re.findall("[0-9]+", token), re.findall("[^0-9]+", token)
    for first in range(len(groups)):
        size = len(groups[first])
        for last in range(first + 1, len(groups)):
            size += len(groups[last])
            if size > MOST_DIGITS or separators[last - 1] != separators[first] or "\t" in separators[first]:
                break
            yield from _as_number(separators[first].join(groups[first : last + 1]))


def _as_number(part: str) -> Iterator[str]:
    digits = "".join(character for character in part if character in "0123456789")
    if FEWEST_DIGITS <= len(digits) <= MOST_DIGITS and not _DATE_DIGITS.fullmatch(part.strip()):
        yield digits.zfill(MOST_DIGITS)
