"""Numbers of pupils and codes of schools: one normal form, for both sides of every join.

A PGN (persoonsgebonden nummer) is a BSN or an onderwijsnummer: nine digits a…i with
(9a+8b+7c+6d+5e+4f+3g+2h−i) mod 11 = 0, or = 5 with the prefix 10. Leading zeros get lost on the way,
so eight digits are padded to nine before the proof.
"""

from __future__ import annotations

import re
from functools import reduce

BSN, ONDERWIJSNUMMER = "bsn", "onderwijsnummer"
FILLERS = ("000000000", "111111110")
"""Numbers that pass the proof and belong to nobody."""
BRIN = re.compile(r"[0-9]{2}[A-Z]{2}")
BLANKS = (" ", "\t", "\u00a0")
"""What may stand in a number as delivered; any other character makes it no number."""
WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)


def bare(raw: str) -> str:
    """SQL for a number as delivered without its blanks. This and what follows takes SQL: a name, or more."""
    return reduce(lambda text, blank: f"replace({text}, '{blank}', '')", BLANKS, raw)


def normal(raw: str) -> str:
    """SQL for a number as delivered in its normal form: blanks gone, eight digits padded to nine.

    Gives: nine digits, or null for whatever cannot be a number.
    """
    text = bare(raw)
    return f"case when {text} rlike r'^[0-9]{{8,9}}\\z' then lpad({text}, 9, '0') end"


def remainder(number: str) -> str:
    """SQL for what the proof of a number in its normal form leaves, modulo 11.

    With q the number without its last digits, a digit is q − 10·(the q before it), and −10 is 1 modulo 11:
    so the sum over digits times weight is, modulo 11, the sum over q times (its weight + the next one).
    """
    weights = [weight + following for weight, following in zip(WEIGHTS, (*WEIGHTS[1:], 0), strict=True)]
    heads = [f"floor(try_cast({number} as int) / {10 ** (8 - place)})" for place in range(9)]
    total = " + ".join(f"{head} * {weight}" for head, weight in zip(heads, weights, strict=True))
    return f"pmod({total}, 11)"


def kind(number: str, left: str) -> str:
    """SQL for `bsn`, `onderwijsnummer`, or null for a number that proves to be neither.

    Takes: a number in its normal form, and its `remainder`.
    """
    fillers = ", ".join(f"'{filler}'" for filler in FILLERS)
    return f"""
        case when {number} in ({fillers}) then null
             when {left} = 0 then '{BSN}'
             when {left} = 5 and startswith({number}, '10') then '{ONDERWIJSNUMMER}' end"""


def normal_text(raw: str) -> str | None:
    """The normal form of one number of a list, or None: what `normal` and `kind` accept, without Spark."""
    text = raw.translate(dict.fromkeys(map(ord, BLANKS)))
    if not re.fullmatch(r"[0-9]{8,9}", text):
        return None
    number = text.zfill(9)
    remainder = sum(int(d) * w for d, w in zip(number, WEIGHTS, strict=True)) % 11
    proven = remainder == 0 or (remainder == 5 and number.startswith("10"))
    return number if proven and number not in FILLERS else None


def is_onderwijsnummer(number: str) -> bool:
    """Whether a number that `normal_text` gave is an onderwijsnummer: the others are a BSN."""
    return sum(int(digit) * weight for digit, weight in zip(number, WEIGHTS, strict=True)) % 11 == 5


def school_code(brin: str) -> str:
    """SQL for a BRIN as a whole number below 67,600, in alphabetical order.

    It is ((digits)·26 + letter)·26 + letter.
    """
    third, fourth = (f"(ascii(substring({brin}, {place}, 1)) - 65)" for place in (3, 4))
    return f"(int(substring({brin}, 1, 2)) * 676 + {third} * 26 + {fourth})"


def school_of_code(code: int) -> str:
    """The BRIN that has this number."""
    digits, letters = divmod(code, 676)
    return f"{digits:02d}{chr(65 + letters // 26)}{chr(65 + letters % 26)}"


def school_number(brin: str) -> int:
    """The same for one school."""
    return int(brin[:2]) * 676 + (ord(brin[2]) - 65) * 26 + ord(brin[3]) - 65
