"""Pupil numbers and school codes: one normal form, for both sides of every join, in SQL and in Python.

A PGN (persoonsgebonden nummer) is a BSN or an onderwijsnummer: nine digits a…i with
(9a+8b+7c+6d+5e+4f+3g+2h−i) mod 11 = 0, or = 5 with the prefix 10. This check is the elfproef.

Numbers are delivered as systems, spreadsheets and people write them. `normalise_pgn_sql` (SQL) and `normalise_pgn`
(Python) ignore the same characters and accept the same forms; a test compares them with the verifier's own code:

    as written                                  read as
    12345672, 3389261                           012345672, 003389261: one or two leading zeros were lost
    '123456782, ="123456782", 123 456 782       123456782: blanks, invisible marks and quotes are ignored
    123456782.0, 123456782,00                   123456782: the number was stored as a decimal
    1.23456782E8, 1,23456782E+08                123456782: an exponent with every digit present
    3.389.261, 123,456,782                      003389261, 123456782: groups of three
    1234.56.782, 12-34-56-782                   123456782: nine digits in three groups or more
    1.23457E8, 12345678.2, 389261, +123456782   none: digits are lost, or it may be something else

Fewer than seven digits are not a number: the pupil numbers of a school's own administration are that short, and one in
eleven of them would pass the elfproef as the number of somebody else.

Functions with `_sql` in their name take SQL expressions and return one.
"""

from __future__ import annotations

import re

BSN, ONDERWIJSNUMMER = "bsn", "onderwijsnummer"
PLACEHOLDER_NUMBERS = ("000000000", "111111110")
"""Numbers that pass the elfproef and belong to nobody."""
BRIN_PATTERN = re.compile(r"[0-9]{2}[A-Z]{2}")
PLAIN_BLANKS = (" ", "\t", "\u00a0")
"""Blanks that may stand in a number. A number that needed any other correction is counted as corrected."""
WIDE_BLANKS = "\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""Blanks of other widths; a figure space is as wide as a digit."""
INVISIBLE_MARKS = (
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f"
    "\ufeff"
)
"""Characters that are not displayed: soft hyphen, joiners, zero-width and direction marks, byte order mark."""
QUOTE_MARKS = "'\"`´‘’‚‛“”„‟′″‹›«»＇＂"
"""The quote with which a spreadsheet marks a text, and what word processors turn it into."""
IGNORED_CHARACTERS = "".join(PLAIN_BLANKS) + WIDE_BLANKS + INVISIBLE_MARKS + QUOTE_MARKS
"""Characters that are ignored anywhere in a number. Line ends are not among them: two lines are two numbers."""
PGN_PATTERN = re.compile(
    "=?(?:"
    r"([0-9]{7,9})(?:[.,]0+)?"
    r"|([1-9])[.,](?:([0-9]{8})0*[eE]\+?0*8|([0-9]{7})0*[eE]\+?0*7|([0-9]{6})0*[eE]\+?0*6)"
    r"|([0-9]{1,3})(?:\.([0-9]{3})\.([0-9]{3})|,([0-9]{3}),([0-9]{3}))"
    r"|(?=(?:[.-]?[0-9]){9}(?![.0-9-]))"
    r"([0-9]+)[.-]([0-9]+)[.-]([0-9]+)(?:[.-]([0-9]+))?(?:[.-]([0-9]+))?"
    ")"
)
"""Every accepted form of a number, its digits in groups, in order. The expression works in Java and in Python."""
ROUNDED_PGN_PATTERN = r"=?[0-9]([.,][0-9]*)?[eE]\+?[0-9]{1,2}"
"""A number with an exponent. Where `PGN_PATTERN` does not match it, some of its digits were lost by rounding."""
NINE_DIGITS_PATTERN = r"^[0-9]{9}\z"
ELFPROEF_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)
"""Weights of the nine digits in the elfproef, the check of a BSN."""


def strip_ignored_sql(raw: str) -> str:
    """Write SQL for a number as delivered without the ignored characters."""
    return f"translate({raw}, '{_escape(IGNORED_CHARACTERS)}', '')"


def is_plain_pgn_sql(raw: str) -> str:
    """Write SQL that is true where a number is in its normal form, apart from ordinary blanks."""
    blanks = f"[{_escape(''.join(PLAIN_BLANKS))}]*"
    return rf"{raw} rlike r'^(?:{blanks}[0-9]){{9}}{blanks}\z'"


def normalise_pgn_sql(raw: str) -> str:
    """Write SQL for the normal form of a number as delivered, before the elfproef.

    Returns:
        SQL for nine digits, or null where the text cannot be a number.
    """
    groups = "".join(f"\\u0024{group}" for group in range(1, PGN_PATTERN.groups + 1))  # `$1$2…`
    matched = f"regexp_replace({strip_ignored_sql(raw)}, r'^{PGN_PATTERN.pattern}\\z', '{groups}')"
    padded = rf"get(regexp_extract_all(concat('00', {matched}), r'^0{{0,2}}([0-9]{{9}})\z', 1), 0)"
    return f"case when {raw} rlike r'{NINE_DIGITS_PATTERN}' then {raw} else {padded} end"


def elfproef_remainder_sql(number: str) -> str:
    """Write SQL for the weighted digit sum of a number in its normal form, modulo 11.

    With q the number without its last digits, a digit is q − 10·(the q before it), and −10 is 1 modulo 11. So the sum
    over digits times weight is, modulo 11, the sum over q times (its weight + the next weight).
    """
    weights = [
        weight + following for weight, following in zip(ELFPROEF_WEIGHTS, (*ELFPROEF_WEIGHTS[1:], 0), strict=True)
    ]
    heads = [f"floor(try_cast({number} as int) / {10 ** (8 - place)})" for place in range(9)]
    total = " + ".join(f"{head} * {weight}" for head, weight in zip(heads, weights, strict=True))
    return f"pmod({total}, 11)"


def pgn_kind_sql(number: str, remainder: str) -> str:
    """Write SQL for the kind of a number: `bsn`, `onderwijsnummer`, or null where it is neither.

    Args:
        number: SQL of a number in its normal form.
        remainder: SQL of its `elfproef_remainder_sql`.
    """
    placeholders = ", ".join(f"'{placeholder}'" for placeholder in PLACEHOLDER_NUMBERS)
    return f"""
        case when {number} in ({placeholders}) then null
             when {remainder} = 0 then '{BSN}'
             when {remainder} = 5 and startswith({number}, '10') then '{ONDERWIJSNUMMER}' end"""


def normalise_pgn(raw: str) -> str | None:
    """Normalise one number of a declared list, without Spark.

    Returns:
        Nine digits that pass the elfproef, exactly where `normalise_pgn_sql` and `pgn_kind_sql` accept the text;
        otherwise None.
    """
    match = PGN_PATTERN.fullmatch(raw.translate(dict.fromkeys(map(ord, IGNORED_CHARACTERS))))
    if not match:
        return None
    number = "".join(group or "" for group in match.groups()).zfill(9)
    remainder = _elfproef_remainder(number)
    is_valid = remainder == 0 or (remainder == 5 and number.startswith("10"))
    return number if is_valid and number not in PLACEHOLDER_NUMBERS else None


def is_onderwijsnummer(number: str) -> bool:
    """Tell whether a number from `normalise_pgn` is an onderwijsnummer; all others are a BSN."""
    return _elfproef_remainder(number) == 5


def _elfproef_remainder(number: str) -> int:
    return sum(int(digit) * weight for digit, weight in zip(number, ELFPROEF_WEIGHTS, strict=True)) % 11


def _escape(text: str) -> str:
    """Escape every character as `\\uXXXX`, which SQL texts and Java regular expressions both read."""
    return "".join(f"\\u{ord(character):04x}" for character in text)


def brin_to_number_sql(brin: str) -> str:
    """Write SQL for a BRIN as a whole number below 67,600 that keeps the alphabetical order.

    The number is (two digits · 26 + first letter) · 26 + second letter.
    """
    third, fourth = (f"(ascii(substring({brin}, {place}, 1)) - 65)" for place in (3, 4))
    return f"(int(substring({brin}, 1, 2)) * 676 + {third} * 26 + {fourth})"


def brin_to_number(brin: str) -> int:
    """Compute the number of one BRIN, as `brin_to_number_sql` does."""
    return int(brin[:2]) * 676 + (ord(brin[2]) - 65) * 26 + ord(brin[3]) - 65


def number_to_brin(number: int) -> str:
    """Compute the BRIN that has this number."""
    digits, letters = divmod(number, 676)
    return f"{digits:02d}{chr(65 + letters // 26)}{chr(65 + letters % 26)}"
