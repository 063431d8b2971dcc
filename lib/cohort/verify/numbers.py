"""Numbers of pupils, by the verifier's own reading of the rules."""

from __future__ import annotations

FILLERS = frozenset({"000000000", "111111110"})


def is_pupil_number(digits: str) -> bool:
    """Whether nine digits pass the proof of a BSN or an onderwijsnummer and are no filler.

    Source: a BSN a…i has 9a + 8b + 7c + 6d + 5e + 4f + 3g + 2h − i divisible by 11; an onderwijsnummer
    starts with 10 and leaves 5.
    """
    if len(digits) != 9 or not (digits.isascii() and digits.isdecimal()) or digits in FILLERS:
        return False
    *first, last = map(int, digits)
    rest = (sum(weight * digit for weight, digit in zip(range(9, 1, -1), first, strict=True)) - last) % 11
    return rest == 0 or (rest == 5 and digits[:2] == "10")


def pupil_number(written: str) -> str | None:
    """A number as it stands in a list, in its normal form: no blanks, a lost leading zero restored.

    Gives: None for what cannot be the number of a pupil.
    """
    bare = "".join(written.split())
    digits = "0" + bare if len(bare) == 8 else bare
    return digits if is_pupil_number(digits) else None
