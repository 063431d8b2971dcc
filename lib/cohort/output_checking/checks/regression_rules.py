"""Rules for regressions: degrees of freedom, dummies of few pupils, saturated models, results.json of acro."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np

from cohort.agreements import OutputThresholds
from cohort.output_checking.checks.part_finding import PartFinding, found, look
from cohort.output_checking.checks.pupil_sets import PublishedRows
from cohort.output_checking.checks.table_reading import read_number
from cohort.output_checking.request_declaration import DeclaredFile, RequestDeclaration

MOST_COEFFICIENTS = 200
_HAS_FIGURE = re.compile(r"(?<![A-Za-z])[-+\u2212(\[<]*[0-9]")
_REFERENCE = re.compile(r"[-\u2013.]|\(?(?:ref(?:erentie|erence)?\.?|nvt|n\.v\.t\.|na)\)?", re.IGNORECASE)
_OBSERVATIONS = re.compile(
    r"n|nobs|n\.? ?obs\.?|obs(?:ervations)?|no\. observations|waarnemingen|aantal(?: leerlingen)?", re.I
)
_EXPLAINED = re.compile(r"(?:adj(?:usted)?\.? ?)?(?:r2|r²|r-squared|r\.squared|r kwadraat)", re.IGNORECASE)
_PERFECT = Decimal("0.9995")


def check_regression(file: DeclaredFile, rows: PublishedRows, thresholds: OutputThresholds) -> Iterator[PartFinding]:
    """Check the declared regression against the published table."""
    columns = [*file.filters, *file.regressors, *([file.outcome] if file.outcome else [])]
    unknown = sorted({column for column in columns if not rows.has(column)})
    if unknown or file.observations is None or file.parameters is None:
        yield found("UNKNOWN_COLUMN", "declaration", columns=len(unknown))
        return
    pupils = rows.select({column: frozenset(labels) for column, labels in file.filters.items()})
    for column in (*file.regressors, str(file.outcome)):
        pupils = pupils & rows.select({}, column)
    n = int(pupils.sum())
    if n != file.observations:
        yield found("OBSERVATIONS_DIFFER", "declaration")
    if min(n, file.observations) - file.parameters < thresholds.degrees_of_freedom:
        yield found("FEW_DEGREES_OF_FREEDOM", "declaration", degrees=thresholds.degrees_of_freedom)
    for number, column in enumerate(file.regressors, start=1):
        sizes = np.bincount(rows.codes(column)[pupils])
        is_dummy = column in file.categorical or rows.numbers(column) is None or int((sizes > 0).sum()) == 2
        if is_dummy and ((sizes > 0) & (sizes < thresholds.pupils)).any():
            yield found("DUMMY_OF_FEW", f"regressor {number}", pupils=thresholds.pupils)
    yield from _check_saturation(file, rows, pupils, thresholds)


def _check_saturation(
    file: DeclaredFile, rows: PublishedRows, pupils: Any, thresholds: OutputThresholds
) -> Iterator[PartFinding]:
    codes = np.array([rows.codes(column)[pupils] for column in file.regressors])
    if not codes.size:
        return
    patterns, sizes = np.unique(codes, axis=1, return_counts=True)
    if int(file.parameters or 0) >= patterns.shape[1]:
        few = int((sizes < thresholds.degrees_of_freedom + 1).sum())
        if few:
            yield found("SATURATED_MODEL", "declaration", cells=few, pupils=thresholds.degrees_of_freedom + 1)
        elif len(file.regressors) > 1:  # of one regressor they are means of large groups
            yield look("SATURATED_MODEL", "declaration", cells=few, pupils=thresholds.degrees_of_freedom + 1)


def check_coefficients(file: DeclaredFile, text_rows: list[list[str]]) -> Iterator[PartFinding]:
    """Check that a file of coefficients has a line for each parameter, and not one for each pupil."""
    lines = len(text_rows) - 1
    if lines > MOST_COEFFICIENTS or (file.observations is not None and lines >= file.observations > 0):
        yield found("LINE_PER_PUPIL", "", lines=lines)
    elif file.parameters is not None and lines > 2 * file.parameters + 12:
        yield look("MORE_LINES_THAN_PARAMETERS", "", lines=lines, parameters=file.parameters)
    if text_rows and any(len(row) != len(text_rows[0]) for row in text_rows):
        yield found("BESIDE_THE_TABLE", "")
    for number, row in enumerate(text_rows[1:], start=2):
        words = [text.strip() for text in row[1:] if text.strip() not in ("", *file.hidden)]
        is_reference = all(_REFERENCE.fullmatch(word) for word in words)
        if words and not is_reference and not any(_HAS_FIGURE.search(word) for word in words):
            yield found("NOT_A_FIGURE", f"row {number}")
        yield from _check_line_of_model(file, row, number)
    if text_rows and any(
        word in " ".join(text_rows[0]).casefold() for word in ("resid", "fitted", "voorspeld", "yhat")
    ):
        yield found("LINE_PER_PUPIL", "row 1", lines=lines)


def _check_line_of_model(file: DeclaredFile, row: list[str], number: int) -> Iterator[PartFinding]:
    """Compare a line with the number of observations or the explained variance with what is declared."""
    figures = [figure for text in row[1:] if (figure := read_number(text, file.decimal_mark)) is not None]
    name = row[0].strip().rstrip(":").casefold() if row else ""
    if _OBSERVATIONS.fullmatch(name) and any(figure != file.observations for figure in figures):
        yield found("OBSERVATIONS_DIFFER", f"row {number}")
    if _EXPLAINED.fullmatch(name) and any(figure >= _PERFECT for figure in figures):
        yield found("PERFECT_FIT", f"row {number}")


def check_acro_results(text: str, declared: RequestDeclaration, thresholds: OutputThresholds) -> Iterator[PartFinding]:
    """Check a results.json of acro: what acro itself found, degrees of freedom, and files that it names.

    Args:
        text: the file.
        declared: the request; acro writes one file about all models and tables of it.
        thresholds: the limits.
    """
    try:
        document = json.loads(text)
        records = list(document["results"].values())
    except (ValueError, KeyError, TypeError, AttributeError):
        yield found("UNREADABLE")
        return
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            yield found("UNREADABLE", f"output {number}")
            continue
        if record.get("status") != "pass":
            yield (
                found("ACRO_FAILED", f"output {number}")
                if record.get("status") == "fail"
                else look("ACRO_REVIEW", f"output {number}")
            )
        yield from _check_acro_record(record, declared, thresholds, number)


def _check_acro_record(
    record: dict[str, Any], declared: RequestDeclaration, thresholds: OutputThresholds, number: int
) -> Iterator[PartFinding]:
    properties = record.get("properties")
    degrees = properties.get("dof") if isinstance(properties, dict) else None
    if record.get("type") == "regression":
        models = [file for file in declared.files if file.kind == "regression"]
        expected = {(file.observations or 0) - (file.parameters or 0) for file in models}
        if not isinstance(degrees, int | float) or degrees < thresholds.degrees_of_freedom:
            yield found("FEW_DEGREES_OF_FREEDOM", f"output {number}", degrees=thresholds.degrees_of_freedom)
        elif degrees not in expected:
            yield found("OBSERVATIONS_DIFFER", f"output {number}")
    files = record.get("files", record.get("output", []))
    names = (
        [entry.get("name") if isinstance(entry, dict) else entry for entry in files] if isinstance(files, list) else []
    )
    if any(name not in {file.name for file in declared.files} for name in names):
        yield found("NOT_DECLARED", f"output {number}")
    if len(json.dumps(record.get("outcome", {}))) > 20_000:
        yield found("LINE_PER_PUPIL", f"output {number}", lines="?")
