"""Files for people and programs beside the cells of an edition, and the list of checksums of all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from cohort.pages import PageLanguage, load_languages
from cohort.publication_documents import DOCUMENT, PublicationDocument, TidyCell
from cohort.storage import StoragePath, open_to_write
from cohort.table_files.cells_metadata import METADATA_END, format_cells_metadata, format_code_list, name_code_list
from cohort.table_files.edition_page import render_edition_page
from cohort.table_files.figure_grid import make_figure_grid
from cohort.table_files.wide_csv import format_wide_csv
from cohort.table_files.workbook import write_workbook

CHECKSUMS = "checksums.txt"


def write_table_files(
    folder: StoragePath, document: PublicationDocument, cells: Mapping[str, Sequence[TidyCell]]
) -> tuple[str, ...]:
    """Write the files of an edition that are made from its document and its cells; the same two give the same bytes.

    Args:
        folder: the folder of the edition, which has its document and its files of cells already.
        document: the document.
        cells: the figures by table.

    Returns:
        The names of the files that were written, in alphabetical order. `checksums.txt` is the last to be written and
        has those of the document and of the files of cells as well.

    Raises:
        ValueError: cells that are not those of the tables: a defect.
        OSError: the document or a file of cells is not there.
    """
    files = render_table_files(document, cells)
    for name, content in files.items():
        _write(folder / name, content)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    for name in (DOCUMENT, *(table.cells_file for table in document.tables)):
        digests[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    _write(folder / CHECKSUMS, "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode("utf-8"))
    return tuple(sorted([*files, CHECKSUMS]))


def render_table_files(document: PublicationDocument, cells: Mapping[str, Sequence[TidyCell]]) -> dict[str, bytes]:
    """Render every file by its name, without the checksums."""
    if cells.keys() != {table.name for table in document.tables}:
        raise ValueError("the cells of other tables than those of the document")
    files: dict[str, bytes] = {}
    for table in document.tables:
        files[f"{table.cells_file}{METADATA_END}"] = format_cells_metadata(document, table, cells[table.name])
        files |= {name_code_list(axis): format_code_list(document, axis) for axis in table.axes}
    for language in load_languages():
        files |= _render_language(document, cells, language)
    return files


def _render_language(
    document: PublicationDocument, cells: Mapping[str, Sequence[TidyCell]], language: PageLanguage
) -> dict[str, bytes]:
    code, publication = language.code, document.publication
    grids = [make_figure_grid(document, table, cells[table.name], code) for table in document.tables]
    csv_names = {table.name: f"{table.name}.{code}.csv" for table in document.tables}
    workbook = f"{publication}.{code}.xlsx"
    downloads: dict[str, dict[str, str]] = {
        table.name: {"csv": csv_names[table.name], "cells": table.cells_file} for table in document.tables
    }
    downloads[""] = {"xlsx": workbook, "checksums": CHECKSUMS, "document": DOCUMENT}
    names = {one.code: f"{publication}.{one.code}.html" for one in load_languages()}
    return {
        **{csv_names[grid.table.name]: format_wide_csv(grid) for grid in grids},
        workbook: write_workbook(document, grids, language),
        names[code]: render_edition_page(document, grids, language, downloads, names),
    }


def _write(path: StoragePath, content: bytes) -> None:
    with open_to_write(path) as file:
        file.write(content)
