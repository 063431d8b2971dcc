"""Command line options of one recoding of a plain file, as they were typed.

In go the arguments; out comes `CommandOptions`. What they mean together is checked by `settings`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

OBJECTIVES = ("geometric", "mean", "class-size", "discernibility", "entropy")


@dataclass(frozen=True)
class CommandOptions:
    """The options as they were typed; None where one was left out."""

    data: Path
    hierarchies: Path
    pattern: str
    out: Path
    trace: Path | None
    vary: Path | None
    columns: str | None
    k: int | None
    pupil: str | None
    schools: str | None
    boards: str | None
    m: int | None
    max_share: str | None
    k_others: int | None
    sensitive: str | None
    l: int | None  # noqa: E741  (l-diversity)
    entropy_l: str | None
    t: str | None
    ordered: bool
    largest_value: str | None
    least_known: int | None
    limit: str | None
    recoding: str
    objective: str | None
    weights: str | None
    lowest: Sequence[str]
    highest: Sequence[str]
    typed: str | None
    risk_attributes: str | None

    @classmethod
    def parse(cls, arguments: Sequence[str] | None) -> CommandOptions:
        """Parse command line arguments; None is those of the process.

        Raises:
            SystemExit: an option that does not exist, or a number that is none (exit code 2).
        """
        return cls(**vars(_make_parser().parse_args(arguments)))

    def hierarchy_file(self, column: str) -> Path:
        """The hierarchy file of a column."""
        return self.hierarchies / self.pattern.replace("{}", column)


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cohort.sdc", allow_abbrev=False)
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="FILE", help="records, .csv or .parquet")
    add("--hierarchies", type=Path, required=True, metavar="DIR", help="the folder of hierarchy files")
    add("--pattern", default="{}.csv", help="their names, {} standing for the column (default: {}.csv)")
    add("--columns", metavar="A,B,C", help="the quasi-identifiers, in the order of the release")
    add("--k", type=int, help="at least so many records per class")
    add("--pupil", metavar="COLUMN", help="whose record it is: one of each, never released")
    add("--schools", metavar="COLUMN", help="the school of each record; never released")
    add("--boards", metavar="COLUMN", help="the board of that school, for which the same rules hold")
    add("--m", type=int, help="at least so many schools (boards) per class")
    add("--max-share", metavar="PART", help="the largest part of a class that one school (board) may have")
    add("--k-others", type=int, help="at least so many records without the largest school (board)")
    add("--sensitive", metavar="COLUMN", help="a column that is shown as it is, or `onbekend`")
    add("--least-known", type=int, metavar="N", help="of how many records its value must be known (200)")
    add("--l", type=int, help="at least so many different sensitive values per class")
    add("--entropy-l", metavar="L", help="as varied as so many equally frequent values")
    add("--t", metavar="PART", help="at most so far from the sensitive values of all (k of at least 25)")
    add("--ordered", action="store_true", help="--t by the distance of values that have an order")
    add("--largest-value", metavar="PART", help="the largest part of a class with one sensitive value")
    add("--limit", metavar="PART", help="the part of the records that may be suppressed")
    add("--recoding", choices=("global", "local"), default="global")
    add("--objective", choices=OBJECTIVES, help="what to make small (global: geometric, local: mean)")
    add("--weights", metavar="A=2,B=1", help="how much a column matters (default: 1)")
    add("--lowest", action="append", default=[], metavar="A=1", help="the finest level of a column")
    add("--highest", action="append", default=[], metavar="B=2", help="the coarsest level of a column")
    add("--typed", metavar="A,B", help="columns of bands whose bounds are released as numbers too (A_van, A_tot)")
    add("--risk-attributes", metavar="A,B", help="measure attacks by somebody who knows these columns; searches again")
    add("--out", type=Path, required=True, metavar="FILE", help="the released records; with --vary the page")
    add("--trace", type=Path, metavar="FILE", help="the class of every record: restricted, never released")
    add("--vary", type=Path, metavar="FILE", help="settings to compare on one page (.toml); releases nothing")
    return parser
