"""The sensitive column of a plain file: its values as numbers, and which classes show them after the search.

In go the column and the classes; out comes which classes show `onbekend` instead. The search never sees these values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cohort.foundation import ConfigurationRefused, NotAnonymous, describe_problem
from cohort.sdc.cli.contributors import RecordContributors
from cohort.sdc.cli.plain_files import EMPTY_CELL, ColumnCells
from cohort.sdc.cli.quasi_identifiers import describe_unlisted_values, fold_spelling, unify_spelling
from cohort.sdc.model import UNKNOWN_VALUE, BoolArray, Hierarchy, Int32Array, IntArray
from cohort.sdc.privacy_models import (
    SchoolValueCounts,
    SensitiveSuppression,
    SensitiveValueConstraint,
    SensitiveValueCounts,
    decide_sensitive_suppression,
    strictest_value_share,
)


@dataclass(frozen=True, eq=False)
class SensitiveCells:
    """A column that is released ungeneralised.

    Args:
        values: its values in their order.
        places: the place of each record's value among them; EMPTY_CELL for a record without one, which belongs to
            another population than those that have one.
    """

    values: tuple[str, ...]
    places: Int32Array

    @property
    def has_value(self) -> BoolArray:
        """Per record whether it has a value."""
        has_value: BoolArray = self.places != EMPTY_CELL
        return has_value

    def subset(self, records: IntArray) -> SensitiveCells:
        """The cells of some records."""
        return SensitiveCells(self.values, self.places[records])


@dataclass(frozen=True, eq=False)
class SensitiveDisclosure:
    """Which classes show their sensitive values, with the pupils by class and value."""

    suppression: SensitiveSuppression
    counts: SensitiveValueCounts

    def as_dict(self, constraints: Sequence[SensitiveValueConstraint]) -> dict[str, Any]:
        """The section of the report: the constraints, exact counts, the smallest class of pupils with a value."""
        pupils = self.counts.pupils
        return {
            "rules": [str(constraint) for constraint in constraints],
            **self.suppression.counts(pupils),
            "smallest_class": int(pupils[pupils > 0].min(initial=int(pupils.max(initial=0)))),
        }


def encode_sensitive_column(cells: ColumnCells, column: str, *, ordered: bool, hierarchy_file: Path) -> SensitiveCells:
    """Encode a sensitive column; an empty cell and `onbekend` are no value.

    Args:
        cells: the column.
        column: its name.
        ordered: whether the distance of values counts.
        hierarchy_file: the column's hierarchy file. Where it exists, its leaves are the only values, in their order;
            else every text is a value, and numbers are in their own order.

    Raises:
        ConfigurationRefused: values that differ by capitals or blanks only, which would count as different; values
            without an order where one is needed (exit code 10).
        NotAnonymous: values that the hierarchy file does not list (exit code 14).
    """
    hierarchy = Hierarchy.from_file(hierarchy_file, column, with_unknown=False) if hierarchy_file.is_file() else None
    cells = unify_spelling(column, cells, hierarchy.leaves if hierarchy is not None else ())
    aliases = [fold_spelling(value) for value, _ in hierarchy.aliases] if hierarchy is not None else []
    blank = np.array([fold_spelling(text) in ("", UNKNOWN_VALUE, *aliases) for text in cells.values], np.bool_)
    texts = [text for text, is_blank in zip(cells.values, blank.tolist(), strict=True) if not is_blank]
    listed: tuple[str, ...] = ()
    if hierarchy is not None:
        listed = tuple(leaf for leaf in hierarchy.leaves if fold_spelling(leaf) != UNKNOWN_VALUE)
        unlisted = np.array([text not in listed for text in cells.values], dtype=np.bool_) & ~blank
        if unlisted.any():
            raise NotAnonymous(describe_unlisted_values(column, cells, unlisted, listed))
    else:
        _refuse_spelling_variants(texts, column)
    values = listed or tuple(sorted(texts))
    if ordered:
        values = _order_values(texts, listed, column, hierarchy_file)
    place = {text: number for number, text in enumerate(values)}
    places = np.array([*(place.get(text, EMPTY_CELL) for text in cells.values), EMPTY_CELL], dtype=np.int32)
    return SensitiveCells(values, places[cells.places])  # EMPTY_CELL looks up the last entry


def decide_sensitive_disclosure(
    column: SensitiveCells,
    class_of_record: Int32Array,
    classes: int,
    contributors: RecordContributors | None,
    constraints: Sequence[SensitiveValueConstraint],
) -> SensitiveDisclosure:
    """Decide which classes of a recoding show their values.

    Covers (classes blanked although they break no constraint) are drawn anew in every run, so that nobody else can
    draw the same.

    Args:
        column: the sensitive column.
        class_of_record: the class of every record, negative where it is suppressed.
        classes: how many classes there are.
        contributors: the schools or boards that know every record, where they are known.
        constraints: what the values of a class must satisfy.

    Raises:
        NotAnonymous: no class could show its values (exit code 14).
    """
    values = len(column.values)
    overall = np.bincount(column.places[column.has_value], minlength=values).astype(np.int64)
    records = np.flatnonzero(column.has_value & (class_of_record >= 0))
    cell = class_of_record[records].astype(np.int64) * values + column.places[records]
    by_class = np.bincount(cell, minlength=classes * values).reshape(classes, values).astype(np.int64)
    by_contributor = None if contributors is None else _count_by_contributor(cell, values, contributors.subset(records))
    counts = SensitiveValueCounts(by_class, overall, by_contributor)
    order = np.random.default_rng().permutation(classes)
    suppression = decide_sensitive_suppression(counts, constraints, strictest_value_share(constraints), order)
    return SensitiveDisclosure(suppression, counts)


def _count_by_contributor(cell: IntArray, values: int, contributors: RecordContributors) -> SchoolValueCounts:
    """Count the values of every school or board in every class.

    Args:
        cell: per record its class times the number of values, plus the place of its value.
        values: the number of values.
        contributors: who knows each of these records.
    """
    contributor = np.concatenate([contributors.home, contributors.others])
    width = int(contributor.max(initial=0)) + 1
    cells = np.concatenate([cell, cell[contributors.other_records]])
    keys, pupils = np.unique(cells * width + contributor, return_counts=True)
    cell_of_key = keys // width
    return SchoolValueCounts(cell_of_key // values, keys % width, cell_of_key % values, pupils.astype(np.int64))


def _refuse_spelling_variants(texts: Sequence[str], column: str) -> None:
    """Refuse values of which several read as one: as many values they would pass for diversity."""
    variants = len(texts) - len({fold_spelling(text) for text in texts})
    if variants:
        raise ConfigurationRefused(
            describe_problem(
                "one spelling for each sensitive value",
                example="`havo`, never `HAVO` or `havo ` too",
                found=f"{variants:,} that differ from another by capitals or blanks only",
                where=f"column {column}",
                do="Write each value in one way, or list the values in a hierarchy file of the column",
            )
        )


def _order_values(texts: Sequence[str], listed: tuple[str, ...], column: str, hierarchy_file: Path) -> tuple[str, ...]:
    """The values in the order that their distance is counted in: as numbers, or as the hierarchy file lists them."""
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
            example=f"numbers, or the order of the lines of {hierarchy_file.name}",
            found="other values and no such file",
            where=f"column {column}",
            do="List every value in the hierarchy file, or leave out --ordered",
        )
    )
