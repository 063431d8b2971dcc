"""Charts of pages, drawn by matplotlib: rows of bars, parts of a whole, distributions before and after.

In: rows with their texts in the language of the page. Out: SVG for inside a page (`svg_markup`). No window system and
no other state of matplotlib is used, and the same rows give the same bytes. matplotlib takes a second to load, so
only who draws imports this module.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cohort.charts.svg_markup import AFTER, INK, LATE, LINE, MARK, PAPER, SHADES, SOFT, TINT, DrawnChart, tidy_svg
from cohort.pages import NOT_IN_XML

WIDTH = 360.0
"""The width of every chart in points: that of the text on a phone."""
ROW_HEIGHT, HEADING_HEIGHT, AXIS_HEIGHT, TOP = 36.0, 26.0, 24.0, 6.0
BAR_TOP, BAR_BOTTOM = 17.0, 30.0
SIDE = 15.0
FONT_SIZE = 11
LONGEST_LABEL, LONGEST_WITH_VALUE = 58, 36
PANEL_HEIGHT = 150.0
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "release report",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": FONT_SIZE,
    "text.parse_math": False,
    "path.simplify": False,
}


@dataclass(frozen=True)
class BarRow:
    """A bar with its label above it.

    Args:
        label: what it is.
        text: its figure in words.
        value: how long it is; None where there is no figure.
        low: the lower end of its interval, if any.
        high: the upper end.
        limit: where its limit is, if any.
        broken: whether it is over its limit.
        heading: a heading above it, where a group of rows begins.
        hidden: whether its figure is not shown, so that a dashed line stands in the place of the bar.
    """

    label: str
    text: str
    value: float | None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    broken: bool = False
    heading: str = ""
    hidden: bool = False

    @property
    def ends(self) -> list[float]:
        """Every place on the scale that must be seen."""
        return [place for place in (self.value, self.low, self.high, self.limit) if place is not None]


@dataclass(frozen=True)
class StackRow:
    """A bar that shows the parts of a whole, from dark to light.

    Args:
        label: what it is.
        text: its figure in words.
        parts: each part as a share, with its number on the scale of shades from 0 to 1, and its mark.
    """

    label: str
    text: str
    parts: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True)
class DistributionPanel:
    """The distribution of a score: the lower end, the upper end, the height before and the height after, per band."""

    title: str
    bands: tuple[tuple[float, float, float | None, float], ...]


def draw_bars(rows: Sequence[BarRow], format_tick: Callable[[float], str]) -> DrawnChart:
    """Draw rows of bars on one scale, with intervals as lines and limits as marks.

    Args:
        rows: the bars, from top to bottom.
        format_tick: how a number on the scale is written.
    """
    places = [place for row in rows for place in row.ends]
    low, high = min([0.0, *places]), max([0.0, *places])
    span = (high - low) or 1.0
    with _own_settings():
        tops, height = _place_rows([row.heading for row in rows])
        figure, axes = _make_canvas(height + AXIS_HEIGHT, AXIS_HEIGHT)
        axes.set_xlim(low - (0.02 * span if low < 0 else 0), high + 0.04 * span)
        axes.set_ylim(height, 0)
        _draw_scale(axes, format_tick)
        for row, top in zip(rows, tops, strict=True):
            _draw_bar(axes, row, top)
        return _write(figure)


def draw_stacks(rows: Sequence[StackRow], format_tick: Callable[[float], str]) -> DrawnChart:
    """Draw rows of bars whose parts make up a whole."""
    with _own_settings():
        tops, height = _place_rows(["" for _ in rows])
        figure, axes = _make_canvas(height + AXIS_HEIGHT, AXIS_HEIGHT)
        axes.set_xlim(0, 1)
        axes.set_ylim(height, 0)
        _draw_scale(axes, format_tick)
        for row, top in zip(rows, tops, strict=True):
            _draw_texts(axes, row.label, row.text, top)
            axes.barh(top + 23.5, 1, 13, color=TINT, edgecolor=LINE, linewidth=0.8, clip_on=False)
            start = 0.0
            for share, shade, mark in row.parts:
                number = round(shade * (len(SHADES) - 1))
                colour = SHADES[number]
                axes.barh(
                    top + 23.5, share, 13, left=start, color=colour, edgecolor=PAPER, linewidth=0.8, clip_on=False
                )
                if share > 0.06:
                    axes.text(start + share / 2, top + 27.5, _clean(mark), ha="center", gid=f"on-{number}")
                start += share
        return _write(figure)


def draw_distributions(
    panels: Sequence[DistributionPanel], format_share: Callable[[float], str], format_score: Callable[[float], str]
) -> DrawnChart:
    """Draw the distribution of each score: released as filled bars, exact as a line of steps.

    Args:
        panels: the scores, one below the other.
        format_share: how a share on the upright scale is written.
        format_score: how a score on the other scale is written.
    """
    with _own_settings():
        height = PANEL_HEIGHT * len(panels)
        figure = Figure(figsize=(WIDTH / 72, height / 72), facecolor="none")
        for number, panel in enumerate(panels):
            bottom = (height - (number + 1) * PANEL_HEIGHT + 26) / height
            axes = figure.add_axes((44 / WIDTH, bottom, 1 - 56 / WIDTH, (PANEL_HEIGHT - 50) / height), facecolor="none")
            _draw_distribution(axes, panel)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda place, _: format_share(place)))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: format_score(place)))
        return _write(figure)


@contextmanager
def _own_settings() -> Iterator[None]:
    """The settings of these charts, whatever file of settings matplotlib finds on the machine."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(SETTINGS)
        yield


def _place_rows(headings: Sequence[str]) -> tuple[list[float], float]:
    tops, top = [], TOP
    for heading in headings:
        top += HEADING_HEIGHT if heading else 0
        tops.append(top)
        top += ROW_HEIGHT
    return tops, top


def _make_canvas(height: float, below: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH / 72, height / 72), facecolor="none")
    axes = figure.add_axes((SIDE / WIDTH, below / height, 1 - 2 * SIDE / WIDTH, 1 - below / height), facecolor="none")
    return figure, axes


def _draw_scale(axes: Axes, format_tick: Callable[[float], str]) -> None:
    axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: format_tick(place)))
    _tidy_axes(axes)
    axes.spines["bottom"].set_visible(True)


def _tidy_axes(axes: Axes) -> None:
    for spine in axes.spines.values():
        spine.set_visible(False)
        spine.set_color(LINE)
    axes.tick_params(length=0, labelcolor=SOFT, pad=4)


def _draw_bar(axes: Axes, row: BarRow, top: float) -> None:
    if row.heading:
        axes.text(0, top - 6, _shorten(row.heading, LONGEST_LABEL), transform=axes.get_yaxis_transform(), weight="bold")
    _draw_texts(axes, row.label, row.text, top)
    middle = (BAR_TOP + BAR_BOTTOM) / 2 + top
    if row.value is not None:
        colour = LATE if row.broken else MARK
        axes.barh(middle, row.value, BAR_BOTTOM - BAR_TOP, color=colour, linewidth=0, clip_on=False)
    if row.hidden:
        side = axes.get_yaxis_transform()
        axes.plot([0, 1], [middle, middle], color=SOFT, linewidth=1, dashes=(2, 3), transform=side, clip_on=False)
    axes.plot([0, 0], [top + BAR_TOP - 1, top + BAR_BOTTOM + 1], color=SOFT, linewidth=1, clip_on=False)
    if row.low is not None and row.high is not None:
        axes.plot([row.low, row.high], [middle, middle], color=INK, linewidth=1.6, clip_on=False)
        for end in (row.low, row.high):
            axes.plot([end, end], [middle - 3.5, middle + 3.5], color=INK, linewidth=1.6, clip_on=False)
    if row.limit is not None:
        axes.plot([row.limit] * 2, [top + BAR_TOP, top + BAR_BOTTOM + 4], color=LATE, linewidth=2.2, clip_on=False)


def _draw_texts(axes: Axes, label: str, text: str, top: float) -> None:
    side = axes.get_yaxis_transform()
    longest = max(LONGEST_LABEL - len(text) - 2, LONGEST_WITH_VALUE // 2)
    axes.text(0, top + 11, _shorten(label, longest), transform=side, color=INK)
    axes.text(1, top + 11, _clean(text), transform=side, ha="right", color=INK)


def _draw_distribution(axes: Axes, panel: DistributionPanel) -> None:
    _tidy_axes(axes)
    axes.spines["bottom"].set_visible(True)
    for lower, upper, _, after in panel.bands:
        axes.bar(lower, after, upper - lower, align="edge", color=AFTER, edgecolor=PAPER, linewidth=0.5, clip_on=False)
    for lower, upper, before, _ in panel.bands:
        if before is not None:
            axes.plot([lower, upper], [before, before], color=INK, linewidth=1.8, clip_on=False, solid_capstyle="butt")
    for (_, end, before, _), (start, _, following, _) in zip(panel.bands, panel.bands[1:], strict=False):
        if before is not None and following is not None and start == end:
            axes.plot([end, end], [before, following], color=INK, linewidth=1.8, clip_on=False)
    highest = max((share for *_, before, after in panel.bands for share in (before or 0.0, after)), default=0.0)
    axes.set_xlim(panel.bands[0][0], panel.bands[-1][1])
    axes.set_ylim(0, highest * 1.05 or 1.0)
    axes.tick_params(axis="x", pad=9)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_title(_shorten(panel.title, LONGEST_LABEL - 8), loc="left", fontsize=FONT_SIZE, weight="bold", color=INK)


def _clean(text: str) -> str:
    return NOT_IN_XML.sub("", " ".join(text.split())).strip()


def _shorten(text: str, longest: int) -> str:
    text = _clean(text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _write(figure: Figure) -> DrawnChart:
    written = io.BytesIO()
    FigureCanvasSVG(figure)
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a sign that is not in matplotlib's own font is drawn by the reader's browser
        figure.savefig(written, format="svg", metadata=nothing, transparent=True)
    return tidy_svg(written.getvalue())
