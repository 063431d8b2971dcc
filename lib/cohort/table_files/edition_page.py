"""The page of an edition, in Dutch or in English: self-contained, without scripts, readable without a network."""

from __future__ import annotations

import datetime as dt
import functools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment
from markupsafe import Markup

from cohort.pages import NOT_IN_XML, PageLanguage, make_page_environment
from cohort.publication_documents import PublicationDocument
from cohort.table_files.figure_grid import FigureGrid
from cohort.table_files.figure_texts import list_notes, list_signs, write_figure

if TYPE_CHECKING:
    from cohort.table_files.table_pictures import TablePicture

STYLE_SHEETS = ("pages.css", "tables.css")


@dataclass(frozen=True)
class ShownTable:
    """A table on a page: its figures, its picture, how many figures are secret, and its files by their kind."""

    grid: FigureGrid
    picture: TablePicture | None
    secret: int
    total: int
    files: Mapping[str, str]


def render_edition_page(
    document: PublicationDocument,
    grids: Sequence[FigureGrid],
    language: PageLanguage,
    files: Mapping[str, Mapping[str, str]],
    names: Mapping[str, str],
) -> bytes:
    """Render the page of an edition.

    Args:
        document: the edition.
        grids: its tables in the language.
        language: the language.
        files: the files to download, by the name of the table and their kind; those of the whole edition under "".
        names: the file name of the page in every language.
    """
    tables = [
        ShownTable(
            grid,
            picture,
            sum(figure is None for figure in grid.figures),
            sum(1 for _ in grid.figures),
            files[grid.table.name],
        )
        for grid, picture in zip(grids, _draw_pictures(grids, language), strict=True)
    ]
    page = (
        _environment(language.code)
        .get_template("edition.html.j2")
        .render(
            document=document,
            tables=tables,
            files=files[""],
            names=names,
            notes=list_notes(document, language),
            signs=list_signs(language),
            made=language.format_day(dt.date.fromisoformat(document.made_on)),
            write_figure=functools.partial(write_figure, language=language),
            text=lambda labelled: getattr(labelled, language.code),
            markup=Markup,
        )
    )
    return NOT_IN_XML.sub("", page).encode("utf-8")


def _draw_pictures(grids: Sequence[FigureGrid], language: PageLanguage) -> list[TablePicture | None]:
    """Draw the pictures; only here is matplotlib loaded, whose remarks on its own settings are no progress of a job."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from cohort.table_files.table_pictures import draw_table_picture

    return [draw_table_picture(grid, language) for grid in grids]


@functools.cache
def _environment(language_code: str) -> Environment:
    return make_page_environment("cohort.table_files", language_code, STYLE_SHEETS)
