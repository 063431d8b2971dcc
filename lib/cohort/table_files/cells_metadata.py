"""What the columns of a file of cells mean, for programs: CSV on the Web metadata, and a code list per axis.

Source: W3C, Metadata Vocabulary for Tabular Data (2015). A program that reads `<table>.cells.csv` finds the metadata
under the name that this standard gives it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from cohort.publication_documents import HIDDEN, PRINTED, PublicationDocument, PublishedTable, TableAxis, TidyCell
from cohort.table_files.figure_texts import read_number

METADATA_END = "-metadata.json"
CODE_COLUMNS = ("code", "parent", "nl", "en")
CONTEXT = ["http://www.w3.org/ns/csvw", {"@language": "nl"}]
DIALECT = {"delimiter": ";", "header": True, "encoding": "utf-8"}


def name_code_list(axis: TableAxis) -> str:
    """The name of the file of an axis's codes."""
    return f"codes.{axis.variable}.{axis.hierarchy}.csv"


def format_code_list(document: PublicationDocument, axis: TableAxis) -> bytes:
    """Write the codes of an axis: each with the code above it and its name in both languages."""
    variable = next(one for one in document.variables if one.name == axis.variable)
    hierarchy = next(one for one in variable.hierarchies if one.name == axis.hierarchy)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(CODE_COLUMNS)
    for node in hierarchy.nodes:
        writer.writerow([node.code, node.parent or "", node.label.nl, node.label.en])
    return text.getvalue().encode("utf-8")


def format_cells_metadata(document: PublicationDocument, table: PublishedTable, cells: Sequence[TidyCell]) -> bytes:
    """Write the metadata of a table's file of cells."""
    content = {
        "@context": CONTEXT,
        "dc:title": _in_languages(document.title.nl, document.title.en),
        "dialect": DIALECT,
        "tables": [
            _describe_cells(document, table, cells),
            *(_describe_code_list(document, axis) for axis in table.axes),
        ],
    }
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def _describe_cells(document: PublicationDocument, table: PublishedTable, cells: Sequence[TidyCell]) -> dict[str, Any]:
    axes = [axis.variable for axis in table.axes]
    figures = [cell.value for cell in cells if cell.value is not None]
    datatype = "decimal" if all(read_number(figure) is not None for figure in figures) else "string"
    labels = {variable.name: variable.label for variable in document.variables}
    columns = [
        *(_column(name, _in_languages(labels[name].nl, labels[name].en), "string") for name in axes),
        _column("maat", _in_languages("maat", "measure"), _list_values([m.name for m in table.measures])),
        {
            **_column("waarde", _in_languages("waarde", "figure"), datatype),
            "null": "",
            "dc:description": _in_languages(
                "leeg: geheim; - geen leerlingen; <5 en >95 een aandeel onder of boven die grens",
                "empty: secret; - no pupils; <5 and >95 a share under or over that bound",
            ),
        },
        _column("status", _in_languages("status", "status"), _list_values([PRINTED, HIDDEN])),
    ]
    keys = [{"columnReference": axis.variable, "reference": _refer(axis)} for axis in table.axes]
    return {
        "url": table.cells_file,
        "dc:title": _in_languages(table.title.nl, table.title.en),
        "tableSchema": {"columns": columns, "primaryKey": [*axes, "maat"], "foreignKeys": keys},
    }


def _describe_code_list(document: PublicationDocument, axis: TableAxis) -> dict[str, Any]:
    columns = [_column(name, _in_languages(name, name), "string") for name in CODE_COLUMNS]
    columns[1]["null"] = ""
    label = next(one.label for one in document.variables if one.name == axis.variable)
    return {
        "url": name_code_list(axis),
        "dc:title": _in_languages(label.nl, label.en),
        "tableSchema": {"columns": columns, "primaryKey": "code"},
    }


def _column(name: str, titles: dict[str, str], datatype: str | dict[str, str]) -> dict[str, Any]:
    return {"name": name, "titles": [name], "dc:title": titles, "datatype": datatype, "required": True} | (
        {"required": False} if name in ("waarde", "parent") else {}
    )


def _list_values(values: Sequence[str]) -> dict[str, str]:
    escaped = ("".join(f"\\{sign}" if sign in r"\.^$*+?()[]{}|-" else sign for sign in value) for value in values)
    return {"base": "string", "format": "|".join(escaped)}


def _refer(axis: TableAxis) -> dict[str, str]:
    return {"resource": name_code_list(axis), "columnReference": "code"}


def _in_languages(nl: str, en: str) -> dict[str, str]:
    return {"nl": nl, "en": en}
