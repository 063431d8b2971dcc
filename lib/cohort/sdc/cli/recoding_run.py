"""One recoding of a plain file, step by step: read, encode, search, decide on sensitive values, report, write.

In go the options of the command; out come the released file and the report. Nothing is written unless every class
satisfies every constraint. `command_line` calls it.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import Any

from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.sdc.cli.attacks import attack_release
from cohort.sdc.cli.band_bounds import ReleasedColumns, require_band_labels
from cohort.sdc.cli.encoded_records import EncodedRecords, encode_records
from cohort.sdc.cli.file_search import FileSearchResult, search_records
from cohort.sdc.cli.options import CommandOptions
from cohort.sdc.cli.plain_files import read_plain_file
from cohort.sdc.cli.released_records import released_rows, write_class_trace, write_released_records
from cohort.sdc.cli.report import ReportDocument, build_report
from cohort.sdc.cli.sensitive_column import SensitiveDisclosure, decide_sensitive_disclosure
from cohort.sdc.cli.settings import RecodingSettings, parse_settings
from cohort.sdc.risk import RiskLimits

COMMAND_NAME = "recoding"


class StepTimer:
    """Seconds per step of the run; it prints a line on stderr as each step ends."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._begin = self._last = time.perf_counter()

    def end_step(self, step: str, summary: str) -> None:
        """Note the seconds since the step before, and print what this step did."""
        now = time.perf_counter()
        self._seconds[step] = round(now - self._last, 3)
        self._last = now
        print(f"{COMMAND_NAME}: {summary}, {self._seconds[step]:.2f} s", file=sys.stderr, flush=True)

    def seconds(self) -> dict[str, float]:
        """The seconds of each step, and in total."""
        return {**self._seconds, "total": round(time.perf_counter() - self._begin, 3)}


def run_recoding(options: CommandOptions) -> ReportDocument:
    """Read records, search for classes, write the released records and report on them.

    Raises:
        ConfigurationRefused: options, files or columns that cannot be used (exit code 10).
        NotAnonymous: records for which there is no recoding under the constraints (exit code 14).
    """
    timer = StepTimer()

    # 1. What is wanted, and where it is written.
    settings = parse_settings(options)
    check_paths(options, settings.columns)

    # 2. The records, as codes.
    file = read_plain_file(options.data, settings.columns_to_read)
    timer.end_step("read", f"{file.records:,} records of {options.data.name} read")
    records = encode_records(file, settings, options)
    require_band_labels(records.coding, settings.typed)

    # 3. Classes that satisfy every constraint.
    result = search_records(records, settings)
    recoding = result.recoding
    timer.end_step("search", f"{recoding.classes:,} classes found, mean loss {recoding.loss.mean:.5f}")

    # 4. Classes that show their sensitive values.
    disclosure = decide_disclosure(records, result, settings)
    if disclosure is not None:
        blanked = int(disclosure.suppression.classes.sum())
        timer.end_step("values", f"{blanked:,} classes show no sensitive value")

    # 5. What the recoding costs and which risk is left.
    document = build_report(result, records.histogram_by_school(), settings)
    if disclosure is not None:
        document["sensitive"] = disclosure.as_dict(settings.value_constraints)
    timer.end_step("measures", "measured")

    # 6. What attacks find out, where that is asked for.
    if settings.risk_attributes:
        document["risk"]["attacks"] = _attack_release(records, result, settings)
        timer.end_step("attacks", "attacks measured")

    # 7. The released records.
    _write_files(options, settings, file.delimiter, (records, result, disclosure))
    timer.end_step("write", f"{recoding.released_pupils:,} records written, {recoding.suppressed:,} suppressed")
    return {**document, "seconds": timer.seconds(), "peak_memory_mb": peak_memory_mb()}


def decide_disclosure(
    records: EncodedRecords, result: FileSearchResult, settings: RecodingSettings
) -> SensitiveDisclosure | None:
    """Which classes show their sensitive values; None where no column is sensitive."""
    if records.sensitive is None:
        return None
    return decide_sensitive_disclosure(
        records.sensitive,
        result.class_of_record,
        result.recoding.classes,
        records.contributors,
        settings.value_constraints,
    )


def _attack_release(records: EncodedRecords, result: FileSearchResult, settings: RecodingSettings) -> dict[str, Any]:
    """The section on attacks of the report; limits that the release breaks are printed on stderr too."""
    risk, limits = attack_release(records, result, settings), RiskLimits()
    for broken in risk.broken_limits(limits):
        print(f"{COMMAND_NAME}: limit broken ({broken.code}): {broken.sentence}", file=sys.stderr, flush=True)
    return risk.as_dict(limits)


def _write_files(
    options: CommandOptions,
    settings: RecodingSettings,
    delimiter: str,
    outcome: tuple[EncodedRecords, FileSearchResult, SensitiveDisclosure | None],
) -> None:
    """Write the released records, and the trace where one is wanted."""
    records, result, disclosure = outcome
    blanked = disclosure.suppression.classes if disclosure is not None else None
    rows, counts = released_rows(result.recoding, result.class_of_record, records.sensitive, blanked)
    names = [*settings.columns, *([settings.sensitive] if settings.sensitive is not None else [])]
    write_released_records(options.out, ReleasedColumns(tuple(names), settings.typed), rows, counts, delimiter)
    if options.trace is not None:
        write_class_trace(options.trace, result.class_of_record, delimiter)


def check_paths(options: CommandOptions, columns: tuple[str, ...]) -> None:
    """Refuse files to write that are also read, folders that do not exist, and a pattern without a column.

    Raises:
        ConfigurationRefused: all problems at once (exit code 10).
    """
    problems = []
    taken = {f"the hierarchy of {column}": options.hierarchy_file(column) for column in columns}
    taken["the input"] = options.data
    for option, path in (("--out", options.out), ("--trace", options.trace)):
        if path is None:
            continue
        for use, other in taken.items():
            if _is_same_file(path, other):
                problems.append(_path_problem("a file of its own", f"the file of {use}", option))
        if path.is_dir() or not path.resolve().parent.is_dir():
            problems.append(_path_problem("a file in a folder that exists", "another place", option))
        taken[option] = path
    if not options.hierarchies.is_dir():
        problems.append(_path_problem("a folder of hierarchy files", "none", "--hierarchies", "conf"))
    if "{}" not in options.pattern:
        problems.append(_path_problem("`{}` where the column's name stands", "none", "--pattern", "'{}.csv'"))
    if problems:
        raise ConfigurationRefused(*problems)


def _is_same_file(path: Path, other: Path) -> bool:
    if path.resolve() == other.resolve():
        return True
    return path.exists() and other.exists() and path.samefile(other)


def _path_problem(what: str, found: str, option: str, example: str = "build/released.csv") -> str:
    return describe_problem(what, example=f"`{option} {example}`", found=found, where=option, do="Name another")


def peak_memory_mb() -> float:
    """The peak memory of this process in megabytes.

    The kernel's status of the process is read where there is one: `getrusage` may include the parent's peak.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    else:
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(kilobytes / 1024, 1)
