"""Raw files that still hold a number: an objector's row is nowhere, also not in what a school sent.

What goes through a file is what reads it for intake (`intake.raw_values`); here a number is recognised in its
texts as it may be written. A file that cannot be read whole is taken to hold it.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path

from cohort.agreements.container_limits import ContainerLimits
from cohort.delivery_formats import raw_file_values
from cohort.results.ledger import Ledger

FEWEST_DIGITS, MOST_DIGITS = 7, 9
"""Digits of a number as written: two zeros may be lost (`identifiers`)."""
TEXTS_PER_BATCH = 2_000
"""Texts that are looked through together."""
DIGIT_RUN = re.compile(r"(?<![0-9])0*+([1-9][0-9]{6,8})(?![0-9])")
_BETWEEN = r"[^0-9A-Za-z;,|\n\r\"<>&=]"
"""What may stand between two digits of a number: blanks, dots, dashes, apostrophes, marks nobody sees."""
GROUPED_DIGITS = re.compile(rf"[0-9]++(?:{_BETWEEN}{{1,64}}+[0-9]++)++")
"""Possessive, so that a long run of digits is read once and not once for each of its digits."""
COMMA_GROUPS = re.compile(r"(?<![0-9])(?=([0-9]{1,3}(?:,[0-9]{3}){2})(?![0-9]))")
EXPONENT_NUMBER = re.compile(r"(?<![0-9])[0-9]{1,9}(?:[.,][0-9]{1,20})?[eE][+-]?[0-9]{1,2}(?![0-9])")
COMMA_GROUPS_HINT, EXPONENT_HINT = re.compile(",[0-9]{3},[0-9]{3}"), re.compile("[0-9][eE][+-]?[0-9]")
"""What there must be of the two above: most texts have none, and this is seen five times as fast."""
_DAY, _MONTH, _YEAR = "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2])", "(?:19|20)[0-9]{2}"
DATE_DIGITS = re.compile(
    rf"{_YEAR}([-/.]){_MONTH}\1{_DAY}|{_DAY}([-/.]){_MONTH}\2{_YEAR}|{_MONTH}/{_DAY}/{_YEAR}|{_YEAR}[-/]{_YEAR}"
)
"""Eight digits that are a day, or a school year, and no number."""
SPREADSHEET_DIGITS = 15
"""A spreadsheet's own; what is stored as 1.2345678199999999E8 is 123456782."""


def erase_raw_files(
    deliveries: Path,
    known: Ledger,
    numbers: frozenset[str],
    limits: ContainerLimits,
    among: frozenset[Path] | None = None,
) -> int:
    """Remove every delivered file that was looked at before and holds one of the numbers, or may hold it.

    Takes: the folder of deliveries; the ledger, in which the lines of those files stay; numbers in normal
    form; the limits of intake; the files to look into (None: all). A file that nobody looked at yet is left
    to intake.
    Gives: how many went.
    """
    if not numbers or not deliveries.is_dir():
        return 0
    held = [
        path
        for path, shut in _looked_at(deliveries, known, among)
        if shut or may_contain_numbers(path, numbers, limits)
    ]
    for path in held:
        path.unlink(missing_ok=True)
    return len(held)


def may_contain_numbers(path: Path, numbers: frozenset[str], limits: ContainerLimits) -> bool:
    """Whether a file holds one of the numbers, or what it holds cannot be told."""
    texts = raw_file_values.iterate_file_values(path, limits)
    try:
        while some := list(islice(texts, TEXTS_PER_BATCH)):
            if not numbers.isdisjoint(find_number_candidates("\n".join(some))):
                return True
    except Exception:  # whatever a reader makes of it, the file was not looked through to its end
        return True
    return False


def find_number_candidates(text: str) -> Iterator[str]:
    """Everything in a text that may be a number, in normal form."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    yield from (digits.zfill(MOST_DIGITS) for digits in DIGIT_RUN.findall(text))
    for token in {*GROUPED_DIGITS.findall(text)}:
        if len(token) > FEWEST_DIGITS:
            yield from _of_groups(token)
    if COMMA_GROUPS_HINT.search(text):
        yield from (token.replace(",", "").zfill(MOST_DIGITS) for token in COMMA_GROUPS.findall(text))
    if EXPONENT_HINT.search(text):
        yield from _of_exponents(text)


def _of_exponents(text: str) -> Iterator[str]:
    """Whole numbers that are written with an exponent, in the digits that a spreadsheet shows."""
    for token in {*EXPONENT_NUMBER.findall(text)}:
        value = Decimal(f"{Decimal(token.replace(',', '.')):.{SPREADSHEET_DIGITS - 1}e}")
        if value == value.to_integral_value() and value < 10**MOST_DIGITS:
            yield f"{int(value):0{MOST_DIGITS}d}"


def _of_groups(token: str) -> Iterator[str]:
    """What groups of digits may be: all, those between two tabs, some in a row with one mark between."""
    for part in {token, *token.split("\t")}:  # a tab may stand in a number or between two cells
        yield from _as_number(part)
    groups, marks = re.findall("[0-9]+", token), re.findall("[^0-9]+", token)
    for first in range(len(groups)):
        size = len(groups[first])
        for last in range(first + 1, len(groups)):
            size += len(groups[last])
            if size > MOST_DIGITS or marks[last - 1] != marks[first] or "\t" in marks[first]:
                break
            yield from _as_number(marks[first].join(groups[first : last + 1]))


def _as_number(part: str) -> Iterator[str]:
    digits = "".join(character for character in part if character in "0123456789")
    if FEWEST_DIGITS <= len(digits) <= MOST_DIGITS and not DATE_DIGITS.fullmatch(part.strip()):
        yield digits.zfill(MOST_DIGITS)


def _looked_at(deliveries: Path, known: Ledger, among: frozenset[Path] | None) -> Iterator[tuple[Path, bool]]:
    """The files that intake has looked at, and whether it refused to unpack one: nobody unpacks that then."""
    contents, shut = known.examined_hashes, known.unopened_hashes
    every = deliveries.rglob("*") if among is None else among
    for path in sorted(path for path in every if path.is_file()):
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest in contents:
                yield path, digest in shut
        except OSError:
            continue  # one that intake cannot read either, and tells of
