"""The verifier's own validation and normalisation of pupil numbers (BSN and onderwijsnummer).

The list readers call it for every number in a list. Shares no code with `foundation.identifiers`.
"""

from __future__ import annotations

import unicodedata

FILLER_NUMBERS = frozenset({"000000000", "111111110"})
INVISIBLE_CODES = (0xAD, 0x61C, 0x180E, 0xFEFF)
INVISIBLE_RANGES = ((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2064), (0x2066, 0x206F), (0x2018, 0x201F))
QUOTATION_MARKS = "'\"`´′″‹›«»＇＂"


def is_valid_pupil_number(digits: str) -> bool:
    """Check that nine digits pass the proof of a BSN or an onderwijsnummer and are not a filler.

    Source: for a BSN a…i, 9a + 8b + 7c + 6d + 5e + 4f + 3g + 2h − i is divisible by 11; an onderwijsnummer
    starts with 10 and has remainder 5.
    """
    if len(digits) != 9 or not (digits.isascii() and digits.isdecimal()) or digits in FILLER_NUMBERS:
        return False
    *first, last = map(int, digits)
    remainder = (sum(weight * digit for weight, digit in zip(range(9, 1, -1), first, strict=True)) - last) % 11
    return remainder == 0 or (remainder == 5 and digits[:2] == "10")


def parse_pupil_number(text: str) -> str | None:
    """Normalise a number as a list writes it: remove quotes and blanks, restore lost leading zeros.

    Returns:
        Nine digits, or None where the text cannot be a pupil number.
    """
    bare = "".join(character for character in text if not _is_ignored(character)).removeprefix("=")
    for read_form in (_plain_digits, _with_exponent, _with_zero_fraction, _in_thousands, _in_groups):
        digits = read_form(bare)
        if digits is not None and 7 <= len(digits) <= 9:
            number = digits.rjust(9, "0")
            return number if is_valid_pupil_number(number) else None
    return None


def _is_ignored(character: str) -> bool:
    """Whether a character is a blank, invisible (zero width, text direction) or a quotation mark."""
    code = ord(character)
    is_invisible = code in INVISIBLE_CODES or any(low <= code <= high for low, high in INVISIBLE_RANGES)
    is_blank = character == "\t" or unicodedata.category(character) == "Zs"
    return is_invisible or is_blank or character in QUOTATION_MARKS


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _plain_digits(text: str) -> str | None:
    return text if _is_digits(text) else None


def _with_exponent(text: str) -> str | None:
    """Read `1.23456782E+08`, if no digit is missing."""
    mantissa, _, power = text.replace("e", "E").replace(",", ".").partition("E")
    first, _, rest = mantissa.partition(".")
    power = power.removeprefix("+")
    if not all(map(_is_digits, (first, rest, power))) or len(first) != 1 or first == "0":
        return None
    places = int(power)
    return first + rest[:places] if places <= len(rest) and not rest[places:].strip("0") else None


def _with_zero_fraction(text: str) -> str | None:
    """Read `123456782.0`; a number with any other fraction is not a pupil number."""
    whole, _, fraction = text.replace(",", ".").partition(".")
    return whole if _is_digits(whole) and len(whole) >= 7 and fraction and not fraction.strip("0") else None


def _in_thousands(text: str) -> str | None:
    """Read `3.389.261`: three groups with one separator, the first of one to three digits."""
    for mark in ".,":
        first, *more = text.split(mark)
        if len(more) == 2 and all(map(_is_digits, (first, *more))):
            return first + "".join(more) if len(first) <= 3 and {len(group) for group in more} == {3} else None
    return None


def _in_groups(text: str) -> str | None:
    """Read `1234.56.782`: nine digits in three to five groups."""
    groups = text.replace("-", ".").split(".")
    is_grouped = 3 <= len(groups) <= 5 and all(map(_is_digits, groups))
    return "".join(groups) if is_grouped and sum(map(len, groups)) == 9 else None
