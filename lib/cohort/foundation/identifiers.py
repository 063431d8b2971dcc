"""Numbers of pupils and codes of schools: one normal form, for both sides of every join.

A PGN (persoonsgebonden nummer) is a BSN or an onderwijsnummer: nine digits a…i with
(9a+8b+7c+6d+5e+4f+3g+2h−i) mod 11 = 0, or = 5 with the prefix 10.

A number reaches us as systems, spreadsheets and people write it. `normal` (SQL) and `normal_text` (Python)
take the same characters off and read the same forms; a test holds them to the verifier's own code:

    as written                                  read as
    12345672, 3389261                           012345672, 003389261: one or two leading zeros were lost
    '123456782, ="123456782", 123 456 782       123456782: blanks, invisible marks and quotes are taken off
    123456782.0, 123456782,00                   123456782: a number that was kept as a decimal
    1.23456782E8, 1,23456782E+08                123456782: an exponent with every digit there
    3.389.261, 123,456,782                      003389261, 123456782: groups of three
    1234.56.782, 12-34-56-782                   123456782: nine digits in three groups or more
    1.23457E8, 12345678.2, 389261, +123456782   none: digits are gone, or it may be something else

Fewer than seven digits are none: an administration's own numbers of pupils are as long, and one in eleven
would pass for the number of somebody else.
"""

from __future__ import annotations

import re

BSN, ONDERWIJSNUMMER = "bsn", "onderwijsnummer"
PLACEHOLDER_NUMBERS = ("000000000", "111111110")
"""Numbers that pass the proof and belong to nobody."""
BRIN_PATTERN = re.compile(r"[0-9]{2}[A-Z]{2}")
PLAIN_BLANKS = (" ", "\t", "\u00a0")
"""What may stand in a number without a word; what else is taken off or read is counted as mended."""
WIDE_BLANKS = "\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""Blanks of other widths; a figure space is as wide as a digit."""
INVISIBLE_MARKS = (
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f"
    "\ufeff"
)
"""Marks that nobody sees: soft hyphen, joiners, of no width, of direction, of the order of bytes."""
QUOTE_MARKS = "'\"`´‘’‚‛“”„‟′″‹›«»＇＂"
"""A spreadsheet's mark of a text, and what word processors make of it."""
IGNORED_CHARACTERS = "".join(PLAIN_BLANKS) + WIDE_BLANKS + INVISIBLE_MARKS + QUOTE_MARKS
"""What is no part of a number, wherever in it it stands. No end of a line: two lines are two numbers."""
PGN_PATTERN = re.compile(
    "=?(?:"
    r"([0-9]{7,9})(?:[.,]0+)?"
    r"|([1-9])[.,](?:([0-9]{8})0*[eE]\+?0*8|([0-9]{7})0*[eE]\+?0*7|([0-9]{6})0*[eE]\+?0*6)"
    r"|([0-9]{1,3})(?:\.([0-9]{3})\.([0-9]{3})|,([0-9]{3}),([0-9]{3}))"
    r"|(?=(?:[.-]?[0-9]){9}(?![.0-9-]))"
    r"([0-9]+)[.-]([0-9]+)[.-]([0-9]+)(?:[.-]([0-9]+))?(?:[.-]([0-9]+))?"
    ")"
)
"""Every form of a number, its digits in groups in their order; one regular expression for Java and Python."""
ROUNDED_PGN_PATTERN = r"=?[0-9]([.,][0-9]*)?[eE]\+?[0-9]{1,2}"
"""A number with an exponent: where `WRITTEN` does not read it, some of its digits are gone."""
NINE_DIGITS_PATTERN = r"^[0-9]{9}\z"
ELFPROEF_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)


def strip_ignored_sql(raw: str) -> str:
    """SQL for a number as delivered without all that is taken off. This and what follows takes SQL."""
    return f"translate({raw}, '{_escaped(IGNORED_CHARACTERS)}', '')"


def is_plain_pgn_sql(raw: str) -> str:
    """SQL for whether a number stands there in its normal form, but for ordinary blanks."""
    blanks = f"[{_escaped(''.join(PLAIN_BLANKS))}]*"
    return rf"{raw} rlike r'^(?:{blanks}[0-9]){{9}}{blanks}\z'"


def normalise_pgn_sql(raw: str) -> str:
    """SQL for a number as delivered in its normal form; the proof is not part of it.

    Gives: nine digits, or null for whatever cannot be a number.
    """
    groups = "".join(f"\\u0024{group}" for group in range(1, PGN_PATTERN.groups + 1))  # `$1$2…`
    read = f"regexp_replace({strip_ignored_sql(raw)}, r'^{PGN_PATTERN.pattern}\\z', '{groups}')"
    padded = rf"get(regexp_extract_all(concat('00', {read}), r'^0{{0,2}}([0-9]{{9}})\z', 1), 0)"
    return f"case when {raw} rlike r'{NINE_DIGITS_PATTERN}' then {raw} else {padded} end"


def elfproef_remainder_sql(number: str) -> str:
    """SQL for what the proof of a number in its normal form leaves, modulo 11.

    With q the number without its last digits, a digit is q − 10·(the q before it), and −10 is 1 modulo 11:
    so the sum over digits times weight is, modulo 11, the sum over q times (its weight + the next one).
    """
    weights = [
        weight + following for weight, following in zip(ELFPROEF_WEIGHTS, (*ELFPROEF_WEIGHTS[1:], 0), strict=True)
    ]
    heads = [f"floor(try_cast({number} as int) / {10 ** (8 - place)})" for place in range(9)]
    total = " + ".join(f"{head} * {weight}" for head, weight in zip(heads, weights, strict=True))
    return f"pmod({total}, 11)"


def pgn_kind_sql(number: str, left: str) -> str:
    """SQL for `bsn`, `onderwijsnummer`, or null for a number that proves to be neither.

    Takes: a number in its normal form, and its `remainder`.
    """
    fillers = ", ".join(f"'{filler}'" for filler in PLACEHOLDER_NUMBERS)
    return f"""
        case when {number} in ({fillers}) then null
             when {left} = 0 then '{BSN}'
             when {left} = 5 and startswith({number}, '10') then '{ONDERWIJSNUMMER}' end"""


def normalise_pgn(raw: str) -> str | None:
    """The normal form of one number of a list, or None: what `normal` and `kind` accept, without Spark."""
    found = PGN_PATTERN.fullmatch(raw.translate(dict.fromkeys(map(ord, IGNORED_CHARACTERS))))
    if not found:
        return None
    number = "".join(group or "" for group in found.groups()).zfill(9)
    remainder = sum(int(d) * w for d, w in zip(number, ELFPROEF_WEIGHTS, strict=True)) % 11
    proven = remainder == 0 or (remainder == 5 and number.startswith("10"))
    return number if proven and number not in PLACEHOLDER_NUMBERS else None


def is_onderwijsnummer(number: str) -> bool:
    """Whether a number that `normal_text` gave is an onderwijsnummer: the others are a BSN."""
    return sum(int(digit) * weight for digit, weight in zip(number, ELFPROEF_WEIGHTS, strict=True)) % 11 == 5


def _escaped(text: str) -> str:
    """Characters as SQL has them in a text, and Java in a regular expression."""
    return "".join(f"\\u{ord(character):04x}" for character in text)


def brin_to_number_sql(brin: str) -> str:
    """SQL for a BRIN as a whole number below 67,600, in alphabetical order.

    It is ((digits)·26 + letter)·26 + letter.
    """
    third, fourth = (f"(ascii(substring({brin}, {place}, 1)) - 65)" for place in (3, 4))
    return f"(int(substring({brin}, 1, 2)) * 676 + {third} * 26 + {fourth})"


def number_to_brin(code: int) -> str:
    """The BRIN that has this number."""
    digits, letters = divmod(code, 676)
    return f"{digits:02d}{chr(65 + letters // 26)}{chr(65 + letters % 26)}"


def brin_to_number(brin: str) -> int:
    """The same for one school."""
    return int(brin[:2]) * 676 + (ord(brin[2]) - 65) * 26 + ord(brin[3]) - 65
