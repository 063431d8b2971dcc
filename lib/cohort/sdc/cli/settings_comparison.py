"""Several settings of one plain file side by side: the file is read once, each setting searched, one page made.

In go the options with `--vary`; out come the page (`--out`) and beside it a line of JSON per setting. No record is
released. The page is the one that the job `preview` makes.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from cohort.comparison_page import PageHead, SettingFigures, format_json_lines, render_comparison_page
from cohort.foundation import ConfigurationRefused, NotAnonymous, describe_problem
from cohort.sdc.cli.encoded_records import encode_records
from cohort.sdc.cli.file_search import search_records
from cohort.sdc.cli.options import CommandOptions
from cohort.sdc.cli.plain_files import PlainFile, read_plain_file
from cohort.sdc.cli.recoding_run import StepTimer, check_paths, decide_disclosure, peak_memory_mb
from cohort.sdc.cli.report import ReportDocument
from cohort.sdc.cli.settings import RecodingSettings
from cohort.sdc.cli.varied_options import load_varied_settings
from cohort.sdc.comparison import ComparedColumn, SettingOutcome, measure_setting
from cohort.sdc.model import Coding
from cohort.sdc.privacy_models import KWithoutLargestSchool, SchoolDiversity


def compare_settings(options: CommandOptions) -> ReportDocument:
    """Compare the settings of `--vary`; a setting without a recoding is reported beside the others.

    Raises:
        ConfigurationRefused: options, settings, files or columns that cannot be used (exit code 10).
    """
    timer = StepTimer()

    # 1. What is compared, and where the page goes.
    settings = load_varied_settings(options)
    columns = tuple(dict.fromkeys(name for one in settings.values() for name in one.columns))
    check_paths(options, columns)
    _check_page_path(options)

    # 2. The records, read once.
    to_read = tuple(dict.fromkeys(name for one in settings.values() for name in one.columns_to_read))
    file = read_plain_file(options.data, to_read)
    timer.end_step("read", f"{file.records:,} records of {options.data.name} read")

    # 3. Each setting.
    figures = []
    for name, one in settings.items():
        figures.append(_try_setting(name, one, columns, file, options))
        timer.end_step(name, f"{name}: {'no release' if figures[-1].refused else 'measured'}")

    # 4. The page and the lines.
    notes = ("covers",) if any(one.sensitive is not None for one in settings.values()) else ()
    page = render_comparison_page(PageHead(options.data.name, dt.date.today(), notes), figures)
    _write_private(options.out, page)
    _write_private(options.out.with_suffix(".jsonl"), format_json_lines(figures))
    return {
        "settings": [one.as_dict() for one in figures],
        "page": options.out.name,
        "lines": options.out.with_suffix(".jsonl").name,
        "seconds": timer.seconds(),
        "peak_memory_mb": peak_memory_mb(),
    }


def _try_setting(
    name: str, settings: RecodingSettings, columns: tuple[str, ...], file: PlainFile, options: CommandOptions
) -> SettingFigures:
    """Search and measure one setting; a setting without a recoding has the sentences of its refusal."""
    begin = time.perf_counter()
    try:
        records = encode_records(file, settings, options)
        result = search_records(records, settings)
        disclosure = decide_disclosure(records, result, settings)
    except NotAnonymous as refusal:
        return SettingFigures(name, _agreed(settings), _seconds_since(begin), refused=refusal.problems)
    sensitive = None if disclosure is None else disclosure.suppression.counts(disclosure.counts.pupils)
    outcome = SettingOutcome(
        name=name,
        agreed=_agreed(settings),
        histogram=result.histogram,
        recoding=result.recoding,
        columns=_compare_columns(columns, settings, records.coding),
        contributors="school" if settings.boards is None else "board",
        sensitive=sensitive,
    )
    return replace(measure_setting(outcome), seconds=_seconds_since(begin))


def _compare_columns(columns: tuple[str, ...], settings: RecodingSettings, coding: Coding) -> list[ComparedColumn]:
    """The columns of all settings in one order; those of the setting come in the order of its own coding."""
    leaves = {
        name: np.arange(len(hierarchy.leaves))
        for name, hierarchy in zip(settings.columns, coding.hierarchies, strict=True)
    }
    return [ComparedColumn(name, leaves.get(name)) for name in columns]


def _agreed(settings: RecodingSettings) -> Mapping[str, str | int]:
    """The thresholds and the recoding of a setting, by name."""
    agreed: dict[str, str | int] = {"kind": settings.recoding, "objective": settings.objective, "k": settings.k}
    for rule in settings.constraints:
        if isinstance(rule, SchoolDiversity):
            agreed["m"] = rule.m
        elif isinstance(rule, KWithoutLargestSchool):
            agreed["k_others"] = rule.k_others
    return {**agreed, "suppression_limit": str(settings.suppression_limit)}


def _check_page_path(options: CommandOptions) -> None:
    problems = []
    if options.out.suffix != ".html":
        problems.append(
            describe_problem(
                "a page to write",
                example="`--out build/vergelijking.html`",
                found="a file that does not end with .html",
                where="--out",
                do="With --vary nothing is released: name the page",
            )
        )
    if options.trace is not None:
        problems.append(
            describe_problem(
                "no trace with --vary",
                example="--vary settings.toml --out page.html",
                found="--trace",
                where="the options",
                do="Leave out --trace: nothing is released that it could trace",
            )
        )
    if problems:
        raise ConfigurationRefused(*problems)


def _write_private(path: Path, text: str) -> None:
    """Write a file that nobody but its owner may read: it has exact counts."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchmod(handle, 0o600)
        file.write(text)


def _seconds_since(begin: float) -> float:
    return round(time.perf_counter() - begin, 3)
