"""The picture of a table: its first measure by its first axis, over all values of the other axes.

A hidden figure is a dashed line and a point. Only who draws imports this module: matplotlib takes a second to load.
"""

from __future__ import annotations

from dataclasses import dataclass

from cohort.charts import BarRow, DrawnChart, draw_bars
from cohort.pages import PageLanguage
from cohort.table_files.figure_grid import FigureGrid, GridNode
from cohort.table_files.figure_texts import read_number, write_figure

MOST_BARS = 45


@dataclass(frozen=True)
class TablePicture:
    """A picture of a table: its title, what it says in words, what is drawn, and whether a figure of it is secret."""

    title: str
    told: str
    chart: DrawnChart
    has_secret: bool


def draw_table_picture(grid: FigureGrid, language: PageLanguage) -> TablePicture | None:
    """Draw the picture of a table; None where it has no figure to draw, or more bars than can be read."""
    figures = _list_first_axis(grid)
    numbers = [read_number(value) for _, value in figures]
    if not any(numbers) or len(figures) > MOST_BARS:
        return None
    rows = [
        BarRow(
            label=node.name,
            text=write_figure(value, language),
            value=None if number is None else float(number),
            hidden=value is None,
        )
        for (node, value), number in zip(figures, numbers, strict=True)
    ]
    measure = grid.table.measures[0]
    title = language.gettext(
        "%(measure)s by %(variable)s", measure=grid.name_measure(measure), variable=grid.row_axes[0].name
    )
    secret = language.gettext("secret")
    told = "; ".join(f"{row.label}: {secret if row.hidden else row.text}" for row in rows)
    chart = draw_bars(rows, lambda place: language.format_decimal(place, 0 if place == int(place) else 1))
    return TablePicture(title, told, chart, any(row.hidden for row in rows))


def _list_first_axis(grid: FigureGrid) -> list[tuple[GridNode, str | None]]:
    """The figures of the first measure by the first axis, of counts without their total.

    The total of every axis is its first node.
    """
    counted = grid.table.measures[0].kind == "count"
    totals = [axis.nodes[0].code for axis in grid.row_axes[1:]]
    return [
        (row.nodes[0], row.figures[0])
        for row in grid.rows
        if [node.code for node in row.nodes[1:]] == totals and not (counted and row.nodes[0].depth == 0)
    ]
