"""The verifier's own reader of the list of tests: the lowest and the highest score that anybody can have."""

from __future__ import annotations

import csv
from math import inf

from cohort.agreements import DeclaredColumn, SelectedResult
from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.storage import StoragePath, open_text_to_read

ScoreRange = tuple[float, float]
"""The lowest and the highest score in points; infinite where the list has none."""


def read_score_range(file: StoragePath, column: DeclaredColumn) -> ScoreRange:
    """Read the scores that a column of ability scores, or of their differences, can have.

    Args:
        file: the list of tests, `toetsen.csv`.
        column: the column.

    Raises:
        ConfigurationRefused: the list cannot be read (exit code 10).
    """
    if any(result.value != "vaardigheidsscore" for result in column.results):
        return -inf, inf
    try:
        with open_text_to_read(file) as text:
            lines = list(csv.DictReader(text, delimiter=";", strict=True))
        ranges = [_range_of(result, lines) for result in column.results]
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError, csv.Error):
        raise ConfigurationRefused(
            describe_problem(
                "the list of tests, to know the scores that a class mean leaves possible",
                example="the shipped toetsen.csv",
                found="none that can be read",
                where=file.name,
                do="Restore it",
            )
        ) from None
    if column.difference is None:
        return ranges[0]
    earlier, later = ranges
    return later[0] - earlier[1], later[1] - earlier[0]


def _range_of(result: SelectedResult, lines: list[dict[str, str]]) -> ScoreRange:
    own = [
        line
        for line in lines
        if line["domein"] == result.domein and line["schaal"] == result.schaal and line["moment"] in ("", result.moment)
    ]
    ends = [[float(line[end].replace(",", ".")) for line in own] for end in ("min", "max")]
    return min(ends[0], default=-inf), max(ends[1], default=inf)
