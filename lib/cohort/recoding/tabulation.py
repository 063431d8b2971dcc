"""From the columns of a plain file to the coding and the histogram that a search works on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cohort.errors import ConfigurationRefused, NotAnonymous, expected
from cohort.recoding.coding import Coding
from cohort.recoding.hierarchy import UNKNOWN, Hierarchy
from cohort.recoding.plainfiles import EMPTY, Cells, small

Leaves = npt.NDArray[np.signedinteger]
Places = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Sensitive:
    """A column that is released as it is: its values in their order, and the place of each record's."""

    values: tuple[str, ...]
    places: Places


def coding_of(
    columns: Mapping[str, Cells], names: Sequence[str], folder: Path, pattern: str
) -> tuple[Coding, list[Leaves]]:
    """The coding of the quasi-identifiers, and for each of them the leaf of every record.

    Takes: the folder of hierarchy files and their name, with `{}` for the column. `onbekend` is added to a
    hierarchy only where cells are empty, so that otherwise the number of leaves is that of the file.
    Refuses: what `Hierarchy.load` refuses, of all columns at once; values that no hierarchy lists (14).
    """
    files, problems = {}, list[str]()
    for name in names:
        try:
            files[name] = Hierarchy.load(folder / pattern.replace("{}", name), name, with_unknown=False)
        except ConfigurationRefused as refusal:
            problems += refusal.problems
    if problems:
        raise ConfigurationRefused(*problems)
    hierarchies, leaves = list[Hierarchy](), list[Leaves]()
    for name in names:
        cells, place = columns[name], files[name].places
        leaf = np.array([place.get(text, EMPTY) for text in cells.values], dtype=np.int64)
        if (leaf == EMPTY).any():
            problems.append(_not_listed(name, cells, leaf == EMPTY, [*place]))
        hierarchy = files[name]
        if cells.empty and UNKNOWN not in place:
            hierarchy = Hierarchy.load(folder / pattern.replace("{}", name), name, with_unknown=True)
        unknown = hierarchy.leaves.index(UNKNOWN) if cells.empty else EMPTY
        hierarchies.append(hierarchy)
        leaves.append(small(np.append(leaf, unknown))[cells.places])  # EMPTY looks up the last entry
    if problems:
        raise NotAnonymous(*problems)
    return Coding(tuple(hierarchies)), leaves


def schools_of(cells: Cells, name: str) -> Places:
    """The number of every record's school, in the order of their codes.

    Refuses: a record without a school (14).
    """
    if cells.empty:
        raise NotAnonymous(
            expected(
                "a school in every record", example="a BRIN",
                found=f"none in {cells.empty:,} records", where=f"column {name}",
                do="Complete these records or leave them out",
            )
        )  # fmt: skip
    return ranked(cells.values)[cells.places]


def sensitive_of(cells: Cells, name: str, *, ordered: bool, hierarchy: Path) -> Sensitive:
    """A sensitive column; a record without a value has `onbekend`, a value like others.

    Takes: whether the distance of values counts, and the file that then tells their order where they are
    no numbers: its first field, line by line.
    Refuses: values without an order where one is needed (10).
    """
    texts = [*cells.values, *([UNKNOWN] if cells.empty else [])]
    own = cells.places if not cells.empty else np.where(cells.places == EMPTY, len(texts) - 1, cells.places)
    distinct = sorted(set(texts))
    if ordered:
        distinct.sort(key=_order(texts, name, hierarchy))
    place = {text: number for number, text in enumerate(distinct)}
    return Sensitive(tuple(distinct), np.array([place[text] for text in texts], np.int32)[own])


def _order(texts: Sequence[str], name: str, hierarchy: Path) -> Callable[[str], tuple[float, str]]:
    try:
        number = {text: float(text.replace(",", ".")) for text in texts}
    except ValueError:
        number = {}
    if number and np.isfinite(list(number.values())).all():
        return lambda text: (number[text], text)
    if hierarchy.is_file():
        listed = Hierarchy.load(hierarchy, name, with_unknown=False).places
        if all(text in listed for text in texts):
            return lambda text: (listed[text], text)
    raise ConfigurationRefused(
        expected(
            "sensitive values with an order",
            example=f"numbers, or the order of the lines of {hierarchy.name}",
            found="other values" if hierarchy.is_file() else "other values and no such file",
            where=f"column {name}", do="List every value in the hierarchy file, or leave out --ordered",
        )
    )  # fmt: skip


def ranked(texts: Sequence[str]) -> Places:
    """The place of each text among all of them in order."""
    ranks = np.empty(len(texts), dtype=np.int32)
    ranks[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
    return ranks


def _not_listed(name: str, cells: Cells, lacking: npt.NDArray[np.bool_], listed: Sequence[str]) -> str:
    """Says how many, never which: a value that nobody listed may be a name or a number of a person."""
    records = int(np.count_nonzero(lacking[cells.places] & (cells.places != EMPTY)))
    others = [text for text, lacks in zip(cells.values, lacking.tolist(), strict=True) if lacks]
    known = set(listed)
    trimmed = sum(text.strip() in known for text in others)
    blanks = f" ({trimmed:,} of them would be listed without the blanks around them)" if trimmed else ""
    return expected(
        "only values of the hierarchy",
        example="a leaf for every value that occurs",
        found=f"{len(others):,} others{blanks} in {records:,} records",
        where=f"column {name}",
        do="Add them to its hierarchy file, or correct the records",
    )
