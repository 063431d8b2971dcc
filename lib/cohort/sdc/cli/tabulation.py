"""From the columns of a plain file to the coding and the histogram that a search works on."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cohort.foundation.code_lists import CODE_LISTS
from cohort.foundation.errors import ConfigurationRefused, NotAnonymous, describe_problem
from cohort.sdc.cli.plain_files import NO_VALUE, ColumnCells, compact_indices
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import UNKNOWN_VALUE, Hierarchy
from cohort.sdc.model.histogram import Histogram

Leaves = npt.NDArray[np.signedinteger]
Places = npt.NDArray[np.int32]
Records = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SensitiveColumn:
    """A column that is released as it is: its values in their order, and the place of each record's value.

    A record without a value has the place −1 (`EMPTY`): it is of another population than those that have one.
    """

    values: tuple[str, ...]
    places: Places

    @property
    def has_value(self) -> npt.NDArray[np.bool_]:
        """Per record whether it has a value."""
        there: npt.NDArray[np.bool_] = self.places != NO_VALUE
        return there


@dataclass(frozen=True, eq=False)
class RecordContributors:
    """Who knows each record: the school or board that it counts at for m, and others.

    Takes: a number per record; pairs of a record, in order, and one more who knows it.
    """

    home: Places
    records: Records
    further: Places

    @classmethod
    def schools(cls, of_record: Places) -> RecordContributors:
        """Every record is known by its school alone."""
        return cls(of_record, np.empty(0, np.int64), np.empty(0, np.int32))

    def among(self, places: Records) -> RecordContributors:
        """The same of the records at some places, in order."""
        number = np.full(len(self.home), NO_VALUE, dtype=np.int64)
        number[places] = np.arange(len(places))
        there = number[self.records] != NO_VALUE
        return RecordContributors(self.home[places], number[self.records[there]], self.further[there])

    def histogram(self, codes: npt.NDArray[np.int64], *, single: bool) -> Histogram:
        """The records with these codes, counted."""
        return Histogram.from_pupils(codes, self.home, others=(self.records, self.further), single=single)


def encode_quasi_identifiers(
    columns: Mapping[str, ColumnCells], names: Sequence[str], folder: Path, pattern: str
) -> tuple[Coding, list[Leaves]]:
    """The coding of the quasi-identifiers, and for each of them the leaf of every record.

    Takes: the folder of hierarchy files and their name, with `{}` for the column. `onbekend` is added to a
    hierarchy only where cells are empty, so that otherwise the number of leaves is that of the file.
    Gives: a value in any spelling that intake accepts (`one_spelling`) has the leaf of its code.
    Refuses: what `Hierarchy.load` refuses, of all columns at once; values that no hierarchy lists (14).
    """
    files, problems = {}, list[str]()
    for name in names:
        try:
            files[name] = Hierarchy.from_file(folder / pattern.replace("{}", name), name, with_unknown=False)
        except ConfigurationRefused as refusal:
            problems += refusal.problems
    if problems:
        raise ConfigurationRefused(*problems)
    hierarchies, leaves = list[Hierarchy](), list[Leaves]()
    for name in names:
        place = files[name].leaf_numbers
        cells = unify_spelling(name, columns[name], [*place])
        leaf = np.array([place.get(text, NO_VALUE) for text in cells.values], dtype=np.int64)
        if (leaf == NO_VALUE).any():
            problems.append(_unlisted_values_problem(name, cells, leaf == NO_VALUE, [*place]))
        hierarchy = files[name]
        if cells.empty and UNKNOWN_VALUE not in place:
            hierarchy = Hierarchy.from_file(folder / pattern.replace("{}", name), name, with_unknown=True)
        unknown = hierarchy.leaves.index(UNKNOWN_VALUE) if cells.empty else NO_VALUE
        hierarchies.append(hierarchy)
        leaves.append(compact_indices(np.append(leaf, unknown))[cells.places])  # EMPTY looks up the last entry
    if problems:
        raise NotAnonymous(*problems)
    return Coding(tuple(hierarchies)), leaves


def require_one_record_per_pupil(cells: ColumnCells, name: str) -> None:
    """Refuses: several records of one pupil, who would count as several; records without a pupil (code 10).

    Numbers that differ by capitals, blanks or leading zeros are of one pupil.
    """
    numbers = [_fold_spelling(text) for text in cells.values]
    place = {text.lstrip("0") if text.isdigit() else text: at for at, text in enumerate(numbers)}
    pupil = np.array([*(place[text.lstrip("0") if text.isdigit() else text] for text in numbers), NO_VALUE])
    pupils = pupil[cells.places]  # EMPTY looks up the last entry
    counts = np.bincount(pupils[pupils != NO_VALUE], minlength=1)
    several = int(counts[counts > 1].sum())
    problems = [
        describe_problem(
            "one record of each pupil",
            example="the results of a pupil in columns of one record",
            found=what,
            where=f"column {name}",
            do=do,
        )
        for number, what, do in (
            (several, f"{several:,} records of pupils who have several", "Make one record of each pupil's"),
            (cells.empty, f"{cells.empty:,} records without a pupil", "Complete them or leave them out"),
        )
        if number
    ]
    if problems:
        raise ConfigurationRefused(*problems)


def unify_spelling(name: str, cells: ColumnCells, listed: Sequence[str]) -> ColumnCells:
    """A column with one spelling of every value, by the code list of its name, as intake keeps it.

    Takes: the leaves of its hierarchy: what they list stays as it is, and a code is spelled as they spell it.
    Gives: `onbekend` and what the code list calls no value (`?` of a weight) are empty cells.

    0,3; 0.3; 0,30; ?; onbekend   →   0,3; 0,3; 0,3; (empty); (empty)
    """
    codes = CODE_LISTS.get(name)
    spelled = {codes.canonical_code(leaf): leaf for leaf in listed} if codes is not None else {}
    texts = list[str]()
    for text in cells.values:
        code = None if codes is None or text in listed else codes.canonical_code(text)
        text = text if code is None else spelled.get(code, code)
        texts.append("" if _fold_spelling(text) == UNKNOWN_VALUE else text)
    values = tuple(dict.fromkeys(text for text in texts if text))
    place = {text: at for at, text in enumerate(values)}
    moved = np.array([*(place.get(text, NO_VALUE) for text in texts), NO_VALUE], dtype=np.int64)
    return ColumnCells(values, compact_indices(moved)[cells.places])  # EMPTY looks up the last entry


def number_schools(cells: ColumnCells, name: str) -> Places:
    """The number of every record's school, in the order of their codes.

    Refuses: a record without a school (14).
    """
    if cells.empty:
        raise NotAnonymous(
            describe_problem(
                "a school in every record",
                example="a BRIN",
                found=f"none in {cells.empty:,} records",
                where=f"column {name}",
                do="Complete these records or leave them out",
            )
        )
    return rank_texts(cells.values)[cells.places]


def assign_boards(schools: Places, cells: ColumnCells) -> RecordContributors:
    """The boards that know each record.

    A school's present board is the one that most of its records name, the first in order of several; a school
    of which no record names one is its own. Every board knows all pupils of its schools. Blanks, capitals and
    leading zeros make no other board.

    Takes: the number of every record's school; the column of the boards.
    """
    bare = ["".join(text.split()).casefold() for text in cells.values]
    spelt = [text.lstrip("0") or text[:1] for text in bare]
    names = sorted({*spelt} - {""})
    number = {name: place for place, name in enumerate(names)}
    of_cell = np.array([*(number.get(name, NO_VALUE) for name in spelt), NO_VALUE], dtype=np.int64)
    board = of_cell[cells.places]  # EMPTY looks up the last entry
    width, named = len(names) + 1, board != NO_VALUE
    pair, records = np.unique(schools[named].astype(np.int64) * width + board[named], return_counts=True)
    school, its_board = pair // width, pair % width
    order = np.lexsort((its_board, -records, school))
    first = order[np.unique(school[order], return_index=True)[1]]
    home = np.arange(int(schools.max(initial=-1)) + 1) + width
    home[school[first]] = its_board[first]
    further = its_board != home[school]
    begins = np.searchsorted(school[further], np.arange(len(home) + 1))
    several = np.diff(begins)[schools]
    record = np.repeat(np.arange(len(schools)), several)
    within = np.arange(len(record)) - np.repeat(np.cumsum(several) - several, several)
    others = its_board[further][begins[schools[record]] + within]
    return RecordContributors(home[schools].astype(np.int32), record, others.astype(np.int32))


def encode_sensitive_column(cells: ColumnCells, name: str, *, ordered: bool, hierarchy: Path) -> SensitiveColumn:
    """A sensitive column: who has no value (an empty cell, `onbekend`) is of no place.

    Takes: whether the distance of values counts; the column's hierarchy file. Where there is one, its leaves
    are the only values, in their order; else every text is one, and numbers are in their own order.
    Refuses: values that differ by capitals or blanks only, which would count as different (10); values
    without an order where one is needed (10); values that the file does not list (14).
    """
    tree = Hierarchy.from_file(hierarchy, name, with_unknown=False) if hierarchy.is_file() else None
    cells = unify_spelling(name, cells, tree.leaves if tree is not None else ())
    joined = [_fold_spelling(value) for value, _ in tree.aliases] if tree is not None else []
    blank = np.array([_fold_spelling(text) in ("", UNKNOWN_VALUE, *joined) for text in cells.values], np.bool_)
    texts = [text for text, no_value in zip(cells.values, blank.tolist(), strict=True) if not no_value]
    listed: tuple[str, ...] = ()
    if tree is not None:
        listed = tuple(leaf for leaf in tree.leaves if _fold_spelling(leaf) != UNKNOWN_VALUE)
        lacking = np.array([text not in listed for text in cells.values], dtype=np.bool_) & ~blank
        if lacking.any():
            raise NotAnonymous(_unlisted_values_problem(name, cells, lacking, listed))
    else:
        _refuse_spellings(texts, name)
    values = _order_values(texts, listed, name, hierarchy) if ordered else tuple(listed or sorted(texts))
    place = {text: number for number, text in enumerate(values)}
    places = np.array([*(place.get(text, NO_VALUE) for text in cells.values), NO_VALUE], dtype=np.int32)
    return SensitiveColumn(values, places[cells.places])  # EMPTY looks up the last entry


def _fold_spelling(text: str) -> str:
    """A text without what the eye does not tell apart: capitals, blanks, forms of one character."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _refuse_spellings(texts: Sequence[str], name: str) -> None:
    """Refuse values of which several read as one: as many values they would pass for diversity."""
    several = len(texts) - len({_fold_spelling(text) for text in texts})
    if several:
        raise ConfigurationRefused(
            describe_problem(
                "one spelling for each sensitive value",
                example="`havo`, never `HAVO` or `havo ` too",
                found=f"{several:,} that differ from another by capitals or blanks only",
                where=f"column {name}",
                do="Write each value in one way, or list the values in a hierarchy file of the column",
            )
        )


def _order_values(texts: Sequence[str], listed: tuple[str, ...], name: str, hierarchy: Path) -> tuple[str, ...]:
    """The values in the order that their distance is counted in: of the numbers they are, or of the file."""
    try:
        number = {text: float(text.replace(",", ".")) for text in listed or texts}
    except ValueError:
        number = {}
    if number and np.isfinite(list(number.values())).all():
        return tuple(sorted(number, key=lambda text: (number[text], text)))
    if listed:
        return listed
    raise ConfigurationRefused(
        describe_problem(
            "sensitive values with an order",
            example=f"numbers, or the order of the lines of {hierarchy.name}",
            found="other values and no such file",
            where=f"column {name}",
            do="List every value in the hierarchy file, or leave out --ordered",
        )
    )


def rank_texts(texts: Sequence[str]) -> Places:
    """The place of each text among all of them in order."""
    ranks = np.empty(len(texts), dtype=np.int32)
    ranks[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
    return ranks


def _unlisted_values_problem(
    name: str, cells: ColumnCells, lacking: npt.NDArray[np.bool_], listed: Sequence[str]
) -> str:
    """Says how many, and of these the codes of a code list; any other value may be a name or a number."""
    records = int(np.count_nonzero(lacking[cells.places] & (cells.places != NO_VALUE)))
    others = [text for text, lacks in zip(cells.values, lacking.tolist(), strict=True) if lacks]
    known = set(listed)
    trimmed = sum(text.strip() in known for text in others)
    blanks = f" ({trimmed:,} of them would be listed without the blanks around them)" if trimmed else ""
    codes = [f"`{text}`" for text in others if name in CODE_LISTS and text in CODE_LISTS[name].codes]
    some = f", the codes {', '.join(codes[:12])} among them," if codes else ""
    return describe_problem(
        "only values of the hierarchy",
        example="a leaf for every value that occurs",
        found=f"{len(others):,} others{blanks}{some} in {records:,} records",
        where=f"column {name}",
        do="Add them to its hierarchy file, or correct the records",
    )
