"""The analyst's tool: one recoding of a plain file, tried without Spark.

    python -m cohort.sdc --data FILE --hierarchies DIR --columns a,b,c --k 10 … --out FILE

docs/disclosure-analyst.md says how to use it and what its document means.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cohort.foundation.errors import (
    EXIT_DEFECT,
    EXIT_DONE,
    ConfigurationRefused,
    NotAnonymous,
    Refusal,
    describe_problem,
)
from cohort.sdc.cli import file_search, plain_files, released_records, report, sensitive_values, tabulation
from cohort.sdc.cli.plain_files import PlainFile
from cohort.sdc.cli.settings import CommandOptions, RecodingSettings, parse_settings
from cohort.sdc.cli.tabulation import RecordContributors
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.privacy_models.class_constraints import minimum_class_size
from cohort.sdc.privacy_models.school_diversity import SchoolDiversity as SchoolsRule

NAME = "recoding"
OBJECTIVES = ("geometric", "mean", "class-size", "discernibility", "entropy")
Document = dict[str, Any]


class Clock:
    """Seconds per part of the work, and a line on stderr as each part ends."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._begin = self._last = time.perf_counter()

    def done(self, part: str, told: str) -> None:
        now = time.perf_counter()
        self.seconds[part] = round(now - self._last, 3)
        self._last = now
        print(f"{NAME}: {told}, {self.seconds[part]:.2f} s", file=sys.stderr, flush=True)

    def total(self) -> dict[str, float]:
        return {**self.seconds, "total": round(time.perf_counter() - self._begin, 3)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Gives: the exit code; one JSON document on stdout, progress and refusals on stderr."""
    asked = _parser().parse_args(arguments)
    try:
        record = try_out(asked)
    except Refusal as refusal:
        for problem in refusal.problems:
            print(f"{NAME}: {problem}", file=sys.stderr)
        _print({"job": NAME, "refused": list(refusal.problems), "exit_code": refusal.exit_code})
        return refusal.exit_code
    except Exception as defect:
        print(f"{NAME}: a defect ({type(defect).__name__}) at {_place(defect)}", file=sys.stderr)
        _print({"job": NAME, "defect": type(defect).__name__, "exit_code": EXIT_DEFECT})
        return EXIT_DEFECT
    _print({"job": NAME, **record, "exit_code": EXIT_DONE})
    return EXIT_DONE


def try_out(asked: argparse.Namespace) -> Document:
    """Reads, searches, writes, reports: nothing is written unless every class meets every rule."""
    clock = Clock()
    wanted = parse_settings(CommandOptions.of(vars(asked)))
    _refuse_places(asked, wanted.columns)
    file = plain_files.read_plain_file(asked.data, wanted.read)
    clock.done("read", f"{file.records:,} records of {asked.data.name} read")

    if wanted.pupil is not None:
        tabulation.require_one_record_per_pupil(file.columns[wanted.pupil], wanted.pupil)
    coding, leaves = tabulation.encode_quasi_identifiers(file.columns, wanted.columns, asked.hierarchies, asked.pattern)
    schools, known_by, sensitive = None, None, None
    if wanted.schools is not None:
        schools = tabulation.number_schools(file.columns[wanted.schools], wanted.schools)
        known_by = RecordContributors.schools(schools)
        if wanted.boards is not None:
            known_by = tabulation.assign_boards(schools, file.columns[wanted.boards])
    if wanted.sensitive is not None:
        order = asked.hierarchies / asked.pattern.replace("{}", wanted.sensitive)
        cells = file.columns[wanted.sensitive]
        sensitive = tabulation.encode_sensitive_column(cells, wanted.sensitive, ordered=wanted.ordered, hierarchy=order)
    _refuse_too_few(wanted, file, asked.data, known_by)
    codes = coding.encode(leaves)
    found = file_search.search_plain_file(wanted, codes, coding, known_by, sensitive)
    recoding, class_of, shown = found.recoding, found.class_of, None
    clock.done("search", f"{recoding.classes:,} classes found, mean loss {recoding.loss.mean:.5f}")
    if sensitive is not None:
        shown = sensitive_values.decide_sensitive_disclosure(
            sensitive, class_of, recoding.classes, known_by, wanted.value_rules
        )
        clock.done("values", f"{int(shown.blanking.classes.sum()):,} classes show no sensitive value")
    by_school = Histogram.from_pupils(codes, schools, single=True) if wanted.boards is not None else None
    rules = wanted.constraints
    document = report.build_report(recoding, found.histogram, by_school, rules, wanted.columns, wanted.k)
    if shown is not None:
        document["sensitive"] = shown.as_dict(wanted.value_rules)
    clock.done("measures", "measured")

    blanked = shown.blanking.classes if shown is not None else None
    rows, counts = released_records.released_rows(recoding, class_of, sensitive, blanked)
    names = [*wanted.columns, *([wanted.sensitive] if wanted.sensitive is not None else [])]
    released_records.write_released_records(asked.out, names, rows, counts, file.delimiter)
    if asked.trace is not None:
        released_records.write_class_trace(asked.trace, class_of, file.delimiter)
    clock.done("write", f"{recoding.released_pupils:,} records written, {recoding.suppressed:,} suppressed")
    return {**document, "seconds": clock.total(), "peak_memory_mb": _peak_memory()}


def _refuse_places(asked: argparse.Namespace, names: Sequence[str]) -> None:
    """What is written must have a place of its own, and hierarchies must have theirs."""
    problems = []
    taken = {f"the hierarchy of {n}": asked.hierarchies / asked.pattern.replace("{}", n) for n in names}
    taken["the input"] = asked.data
    for option, path in (("--out", asked.out), ("--trace", asked.trace)):
        if path is None:
            continue
        for what, known in taken.items():
            if path.resolve() == known.resolve() or _one_file(path, known):
                problems.append(_place_problem("a file of its own", f"the file of {what}", option))
        if path.is_dir() or not path.resolve().parent.is_dir():
            problems.append(_place_problem("a file in a folder that exists", "another place", option))
        taken[option] = path
    if not asked.hierarchies.is_dir():
        problems.append(_place_problem("a folder of hierarchy files", "none", "--hierarchies", "conf"))
    if "{}" not in asked.pattern:
        problems.append(_place_problem("`{}` where the column's name stands", "none", "--pattern", "'{}.csv'"))
    if problems:
        raise ConfigurationRefused(*problems)


def _one_file(path: Path, known: Path) -> bool:
    return path.exists() and known.exists() and path.samefile(known)


def _place_problem(what: str, found: str, option: str, example: str = "build/released.csv") -> str:
    return describe_problem(what, example=f"`{option} {example}`", found=found, where=option, do="Name another")


def _refuse_too_few(wanted: RecodingSettings, file: PlainFile, data: Path, known_by: RecordContributors | None) -> None:
    """What no recoding can mend is told before one is searched."""
    problems = []
    fewest = minimum_class_size(wanted.constraints)
    if file.records < fewest:
        problems.append(
            describe_problem(
                f"at least {fewest:,} records, as the rules ask of every class",
                example="a whole cohort",
                found=f"{file.records:,}",
                where=str(data),
                do="Select more records, or ask less",
            )
        )
    most = max((rule.m for rule in wanted.constraints if isinstance(rule, SchoolsRule)), default=1)
    schools = len(file.columns[wanted.schools].values) if wanted.schools is not None else most
    counted = [("schools", schools, wanted.schools)]
    if known_by is not None and wanted.boards is not None and schools >= most:
        counted.append(("boards", len(np.unique(known_by.home)), wanted.boards))
    for what, number, column in counted:
        if number < most:
            problems.append(
                describe_problem(
                    f"records of at least {most:,} {what}, as the rules ask of every class",
                    example="a whole cohort",
                    found=f"{number:,}",
                    where=f"column {column}",
                    do=f"Select the records of more {what}, or ask less",
                )
            )
    if problems:
        raise NotAnonymous(*problems)


def _parser() -> argparse.ArgumentParser:
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
    add("--out", type=Path, required=True, metavar="FILE", help="the released records, .csv or .parquet")
    add("--trace", type=Path, metavar="FILE", help="the class of every record: restricted, never released")
    return parser


def _peak_memory() -> float:
    """Megabytes, of this process alone: what Linux tells of a process's start includes its parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    else:
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(kilobytes / 1024, 1)


def _place(defect: BaseException) -> str:
    """Where in our own code it broke: places only, since a message could hold a value."""
    frames = [f for f in traceback.extract_tb(defect.__traceback__) if "site-packages" not in f.filename]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames[-4:]))


def _print(record: Document) -> None:
    print(json.dumps(record, ensure_ascii=False, indent=2, default=str), flush=True)


if __name__ == "__main__":
    sys.exit(main())
