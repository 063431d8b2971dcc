"""A published table as a file of SPSS (`.sav`) or Stata (`.dta`): codes with labels, missing values declared.

Both are written by pyreadstat, which wants a file of this machine: the caller gives one in a private scratch folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat

from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.research_files import MISSING_CODES, Codebook, CodebookVariable, MissingKind

STATA_MISSING: dict[MissingKind, str] = {"unknown": "a", "generalised": "b"}
"""Stata's extended missing values: `.a` is unknown, `.b` is generalised away."""
STATA_VERSION = 14
"""The oldest version whose files are in UTF-8."""
LONGEST_STATA_NAME, LONGEST_STATA_LABEL = 32, 80
STATA_WORDS = frozenset(
    {
        *("_all", "_b", "_coef", "_cons", "_n", "_pi", "_pred", "_rc", "_skip"),
        *("byte", "double", "float", "if", "in", "int", "long", "strl", "using", "with"),
    }
)
SPSS_WORDS = frozenset(("all", "and", "by", "eq", "ge", "gt", "le", "lt", "ne", "not", "or", "to", "with"))
"""Names that no variable may have, in small letters."""


def check_names(book: Codebook, file_format: str) -> None:
    """Check that a program takes the names of all variables.

    Raises:
        ConfigurationRefused: names that it does not take (exit code 10).
    """
    longest, words = (LONGEST_STATA_NAME, STATA_WORDS) if file_format == "dta" else (64, SPSS_WORDS)
    refused = [v.name for v in book.variables if len(v.name) > longest or v.name.lower() in words]
    if refused:
        raise ConfigurationRefused(
            describe_problem(
                f"names of at most {longest} characters that are no words of the program, for .{file_format}",
                example="rekenen_M_van",
                found=", ".join(refused),
                where=f"the columns of {book.project}",
                do="Export another format; names of columns are those of the agreement",
            )
        )


def write_sav(rows: pd.DataFrame, book: Codebook, language: str, path: Path) -> None:
    """Write a file of SPSS.

    Args:
        rows: the rows, as `read_coded_rows` gives them.
        book: the codebook.
        language: the language of the labels.
        path: the file, on this machine.
    """
    categories = [variable for variable in book.variables if variable.kind == "category"]
    pyreadstat.write_sav(
        rows,
        path,
        file_label=_file_label(book),
        column_labels={v.name: v.label.in_language(language) for v in book.variables},
        variable_value_labels={v.name: _value_labels(v, language, MISSING_CODES) for v in categories},
        missing_ranges={v.name: [MISSING_CODES[kind] for kind in _missing(v)] for v in categories if _missing(v)},
        variable_measure={v.name: _spss_measure(v) for v in book.variables},
        variable_format={
            v.name: "F8.2" if v.kind == "mean" else "F8.0" for v in book.variables if v.kind != "pseudonym"
        },
        row_compress=True,
    )


def write_dta(rows: pd.DataFrame, book: Codebook, language: str, path: Path) -> None:
    """Write a file of Stata; it cuts labels of variables at 80 characters.

    Args:
        rows: the rows, as `read_coded_rows` gives them.
        book: the codebook.
        language: the language of the labels.
        path: the file, on this machine.
    """
    categories = [variable for variable in book.variables if variable.kind == "category"]
    with_missing = {variable.name: kinds for variable in categories if (kinds := _missing(variable))}
    rows = _numbers_first(rows, list(with_missing))
    own = {name: _with_stata_missing(rows[name], kinds) for name, kinds in with_missing.items()}
    pyreadstat.write_dta(
        rows.assign(**own),
        path,
        file_label=_file_label(book),
        version=STATA_VERSION,
        column_labels={v.name: _cut(v.label.in_language(language)) for v in book.variables},
        variable_value_labels={v.name: _value_labels(v, language, STATA_MISSING) for v in categories},
        missing_user_values={name: [STATA_MISSING[kind] for kind in kinds] for name, kinds in with_missing.items()},
    )


def _missing(variable: CodebookVariable) -> list[MissingKind]:
    """The kinds of missing values that occur in a variable."""
    return [category.missing for category in variable.categories if category.missing is not None]


def _spss_measure(variable: CodebookVariable) -> str:
    if variable.kind in ("bound", "mean"):
        return "scale"
    return "ordinal" if variable.ordered else "nominal"


def _value_labels(variable: CodebookVariable, language: str, missing: Mapping[MissingKind, Any]) -> dict[Any, str]:
    """The label of every value that occurs, by its code in the file."""
    return {
        category.code if category.missing is None else missing[category.missing]: category.label.in_language(language)
        for category in variable.categories
    }


def _numbers_first(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Move a row with a number of each column to the top: one that begins with letters would be written as text."""
    first = [int(is_number.to_numpy().argmax()) for name in names if (is_number := rows[name] >= 0).any()]
    top = list(dict.fromkeys(first))
    rest = rows.index.difference(top, sort=False)
    return rows.loc[[*top, *rest]].reset_index(drop=True) if top else rows


def _with_stata_missing(codes: pd.Series[int], kinds: list[MissingKind]) -> pd.Series[Any]:
    """Codes with Stata's letters in the places of the codes of missing values."""
    values = codes.astype(object)
    for kind in kinds:
        values[codes == MISSING_CODES[kind]] = STATA_MISSING[kind]
    return values


def _file_label(book: Codebook) -> str:
    """The label of the file: the release, by which it can be recognised wherever it is, or that it is a twin."""
    return f"synthetic {book.release}" if book.synthetic else f"cohort {book.release}"


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST_STATA_LABEL else label[: LONGEST_STATA_LABEL - 1] + "…"
