"""Numbers of pupils, by the verifier's own reading of the rules."""

from __future__ import annotations

import unicodedata

FILLER_NUMBERS = frozenset({"000000000", "111111110"})


def is_valid_pupil_number(digits: str) -> bool:
    """Whether nine digits pass the proof of a BSN or an onderwijsnummer and are no filler.

    Source: a BSN a…i has 9a + 8b + 7c + 6d + 5e + 4f + 3g + 2h − i divisible by 11; an onderwijsnummer
    starts with 10 and leaves 5.
    """
    if len(digits) != 9 or not (digits.isascii() and digits.isdecimal()) or digits in FILLER_NUMBERS:
        return False
    *first, last = map(int, digits)
    rest = (sum(weight * digit for weight, digit in zip(range(9, 1, -1), first, strict=True)) - last) % 11
    return rest == 0 or (rest == 5 and digits[:2] == "10")


def parse_pupil_number(written: str) -> str | None:
    """A number as it stands in a list, in its normal form: marks taken off, lost leading zeros restored.

    Gives: None for what cannot be the number of a pupil.
    """
    shown = "".join(character for character in written if not _is_no_part(character)).removeprefix("=")
    for read in (_as_it_is, _with_an_exponent, _without_a_fraction, _in_threes, _in_groups):
        digits = read(shown)
        if digits is not None and 7 <= len(digits) <= 9:
            number = digits.rjust(9, "0")
            return number if is_valid_pupil_number(number) else None
    return None


def _is_no_part(character: str) -> bool:
    """Blanks of one line, marks that are not seen (of no width, of direction), and quotes."""
    code = ord(character)
    ranges = ((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2064), (0x2066, 0x206F), (0x2018, 0x201F))
    unseen = code in (0xAD, 0x61C, 0x180E, 0xFEFF) or any(low <= code <= high for low, high in ranges)
    blank = character == "\t" or unicodedata.category(character) == "Zs"
    return unseen or blank or character in "'\"`´′″‹›«»＇＂"


def _whole(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _as_it_is(shown: str) -> str | None:
    return shown if _whole(shown) else None


def _with_an_exponent(shown: str) -> str | None:
    """`1.23456782E+08`, if no digit is missing."""
    mantissa, _, power = shown.replace("e", "E").replace(",", ".").partition("E")
    first, _, rest = mantissa.partition(".")
    power = power.removeprefix("+")
    if not all(map(_whole, (first, rest, power))) or len(first) != 1 or first == "0":
        return None
    places = int(power)
    return first + rest[:places] if places <= len(rest) and not rest[places:].strip("0") else None


def _without_a_fraction(shown: str) -> str | None:
    """`123456782.0`; any other fraction makes it no number of a pupil."""
    whole, _, fraction = shown.replace(",", ".").partition(".")
    return whole if _whole(whole) and len(whole) >= 7 and fraction and not fraction.strip("0") else None


def _in_threes(shown: str) -> str | None:
    """`3.389.261`: three groups, of one mark, the first of which may be shorter."""
    for mark in ".,":
        first, *more = shown.split(mark)
        if len(more) == 2 and all(map(_whole, (first, *more))):
            return first + "".join(more) if len(first) <= 3 and {len(group) for group in more} == {3} else None
    return None


def _in_groups(shown: str) -> str | None:
    """`1234.56.782`: nine digits in three groups to five."""
    groups = shown.replace("-", ".").split(".")
    whole = 3 <= len(groups) <= 5 and all(map(_whole, groups))
    return "".join(groups) if whole and sum(map(len, groups)) == 9 else None
