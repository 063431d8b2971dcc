"""Quasi-identifying columns of a plain file as a coding and the codes of its records.

In go columns as they stand in the file and hierarchy files; out comes what a search works on. A value in any spelling
that ingestion accepts has the leaf of its code; a value without a leaf is refused, and never quoted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cohort.foundation import CODE_LISTS, ConfigurationRefused, NotAnonymous, describe_problem
from cohort.sdc.cli.plain_files import EMPTY_CELL, ColumnCells, CompactIndices, compact_indices
from cohort.sdc.model import UNKNOWN_VALUE, BoolArray, Coding, Hierarchy, IntArray

_CODES_NAMED = 12
"""At most this many codes of a code list are named in a refusal."""


def encode_quasi_identifiers(
    columns: Mapping[str, ColumnCells], hierarchy_files: Mapping[str, Path]
) -> tuple[Coding, IntArray]:
    """The coding of the quasi-identifiers, and the code of every record.

    `onbekend` is added to a hierarchy only where cells are empty, so that otherwise the number of leaves is that of the
    file.

    Args:
        columns: the columns of the file, by name.
        hierarchy_files: the hierarchy file of each quasi-identifier, in the order of the release.

    Raises:
        ConfigurationRefused: what `Hierarchy.from_file` refuses, of all columns at once (exit code 10).
        NotAnonymous: values that no hierarchy lists (exit code 14).
    """
    hierarchies, leaves, problems = list[Hierarchy](), list[CompactIndices](), list[str]()
    for name, hierarchy in _read_hierarchies(hierarchy_files).items():
        leaf_numbers = hierarchy.leaf_numbers
        cells = unify_spelling(name, columns[name], [*leaf_numbers])
        leaf_of_value = np.array([leaf_numbers.get(text, EMPTY_CELL) for text in cells.values], dtype=np.int64)
        unlisted = leaf_of_value == EMPTY_CELL
        if unlisted.any():
            problems.append(describe_unlisted_values(name, cells, unlisted, [*leaf_numbers]))
        if cells.empty and UNKNOWN_VALUE not in leaf_numbers:
            hierarchy = Hierarchy.from_file(hierarchy_files[name], name, with_unknown=True)
        unknown = hierarchy.leaves.index(UNKNOWN_VALUE) if cells.empty else EMPTY_CELL
        hierarchies.append(hierarchy)
        # EMPTY_CELL, −1, looks up the last entry.
        leaves.append(compact_indices(np.append(leaf_of_value, unknown))[cells.places])
    if problems:
        raise NotAnonymous(*problems)
    coding = Coding(tuple(hierarchies))
    return coding, coding.encode(leaves)


def _read_hierarchies(files: Mapping[str, Path]) -> dict[str, Hierarchy]:
    hierarchies, problems = dict[str, Hierarchy](), list[str]()
    for name, path in files.items():
        try:
            hierarchies[name] = Hierarchy.from_file(path, name, with_unknown=False)
        except ConfigurationRefused as refusal:
            problems += refusal.problems
    if problems:
        raise ConfigurationRefused(*problems)
    return hierarchies


def require_one_record_per_pupil(cells: ColumnCells, column: str) -> None:
    """Check that every record has a pupil and no pupil several records, which would count as several pupils.

    Numbers that differ only by capitals, blanks or leading zeros are of one pupil.

    Raises:
        ConfigurationRefused: several records of one pupil, records without a pupil (exit code 10).
    """
    spellings = [_fold_pupil_number(text) for text in cells.values]
    number = {text: place for place, text in enumerate(spellings)}
    pupil_of_value = np.array([*(number[text] for text in spellings), EMPTY_CELL])
    pupils = pupil_of_value[cells.places]  # EMPTY_CELL looks up the last entry
    counts = np.bincount(pupils[pupils != EMPTY_CELL], minlength=1)
    several = int(counts[counts > 1].sum())
    problems = [
        describe_problem(
            "one record of each pupil",
            example="the results of a pupil in columns of one record",
            found=what,
            where=f"column {column}",
            do=do,
        )
        for records, what, do in (
            (several, f"{several:,} records of pupils who have several", "Make one record of each pupil's"),
            (cells.empty, f"{cells.empty:,} records without a pupil", "Complete them or leave them out"),
        )
        if records
    ]
    if problems:
        raise ConfigurationRefused(*problems)


def unify_spelling(name: str, cells: ColumnCells, leaves: Sequence[str]) -> ColumnCells:
    """A column with one spelling of every value, by the code list of its name, as ingestion stores it.

    `onbekend` and what the code list calls no value (`?` of a weight) become empty cells.

    0,3; 0.3; 0,30; ?; onbekend   →   0,3; 0,3; 0,3; (empty); (empty)

    Args:
        name: the column's name.
        cells: the column.
        leaves: the leaves of its hierarchy. What they list stays as it is, and a code is spelled as they spell it.
    """
    code_list = CODE_LISTS.get(name)
    leaf_of_code = {code_list.canonical_code(leaf): leaf for leaf in leaves} if code_list is not None else {}
    texts = list[str]()
    for text in cells.values:
        code = None if code_list is None or text in leaves else code_list.canonical_code(text)
        unified = text if code is None else leaf_of_code.get(code, code)
        texts.append("" if fold_spelling(unified) == UNKNOWN_VALUE else unified)
    values = tuple(dict.fromkeys(text for text in texts if text))
    place = {text: number for number, text in enumerate(values)}
    place_of_value = np.array([*(place.get(text, EMPTY_CELL) for text in texts), EMPTY_CELL], dtype=np.int64)
    return ColumnCells(values, compact_indices(place_of_value)[cells.places])  # EMPTY_CELL looks up the last entry


def fold_spelling(text: str) -> str:
    """A text without what the eye does not distinguish: capitals, blanks, forms of one character."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def describe_unlisted_values(column: str, cells: ColumnCells, unlisted: BoolArray, leaves: Sequence[str]) -> str:
    """The problem of values that a hierarchy does not list: how many there are, and which codes of the code list.

    Any other value may be the name or number of a person, and is not quoted.
    """
    records = int(np.count_nonzero(unlisted[cells.places] & (cells.places != EMPTY_CELL)))
    texts = [text for text, lacks in zip(cells.values, unlisted.tolist(), strict=True) if lacks]
    listed = set(leaves)
    trimmed = sum(text.strip() in listed for text in texts)
    blanks = f" ({trimmed:,} of them would be listed without the blanks around them)" if trimmed else ""
    codes = [f"`{text}`" for text in texts if column in CODE_LISTS and text in CODE_LISTS[column].codes]
    named = f", the codes {', '.join(codes[:_CODES_NAMED])} among them," if codes else ""
    return describe_problem(
        "only values of the hierarchy",
        example="a leaf for every value that occurs",
        found=f"{len(texts):,} others{blanks}{named} in {records:,} records",
        where=f"column {column}",
        do="Add them to its hierarchy file, or correct the records",
    )


def _fold_pupil_number(text: str) -> str:
    folded = fold_spelling(text)
    return folded.lstrip("0") if folded.isdigit() else folded
