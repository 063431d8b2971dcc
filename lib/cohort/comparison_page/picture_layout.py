"""Layout of the pictures of the comparison page: groups of horizontal bars.

The template draws them as SVG. All lengths are SVG user units; a picture is as wide as a phone's text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cohort.comparison_page.page_texts import PageLanguage
from cohort.comparison_page.setting_figures import SettingFigures

PICTURE_WIDTH = 340
LABEL_WIDTH, VALUE_WIDTH = 96, 72
BAR_START, BAR_END = LABEL_WIDTH, PICTURE_WIDTH - VALUE_WIDTH
BAR_WIDTH = BAR_END - BAR_START
HEADING_HEIGHT, ROW_HEIGHT, BAR_HEIGHT, GROUP_GAP = 22, 20, 14, 8
LONGEST_LABEL = 14
SHADES = 5


@dataclass(frozen=True)
class BarPart:
    """One part of a bar.

    Args:
        start: where it begins.
        width: its width.
        shade: 0 the darkest; SHADES is hatched.
        title: what it says in words.
    """

    start: float
    width: float
    shade: int
    title: str


@dataclass(frozen=True)
class BarRow:
    """One bar with its label, the text behind it, and a mark where there is a limit."""

    label: str
    value: str
    top: int
    parts: tuple[BarPart, ...]
    mark: float | None = None


@dataclass(frozen=True)
class BarGroup:
    """Bars under one heading."""

    heading: str
    top: int
    rows: tuple[BarRow, ...]


@dataclass(frozen=True)
class Picture:
    """A picture: its name in the page, its title, its groups of bars and its height."""

    name: str
    title: str
    groups: tuple[BarGroup, ...]
    height: int

    @property
    def told(self) -> str:
        """The picture in words, for who cannot see it."""
        return "; ".join(f"{g.heading} {row.label}: {row.value}".strip() for g in self.groups for row in g.rows)


Row = tuple[str, str, Sequence[tuple[float, int, str]], float | None]
"""Label, text, the parts of the bar as shares with shade and title, and the share where the limit is."""


def lay_out(name: str, title: str, groups: Iterable[tuple[str, Sequence[Row]]]) -> Picture:
    """Place groups of bars below each other."""
    placed, top = [], 0
    for heading, rows in groups:
        first = top + (HEADING_HEIGHT if heading else 0)
        bars = tuple(_place_row(row, first + number * ROW_HEIGHT) for number, row in enumerate(rows))
        placed.append(BarGroup(heading, top, bars))
        top = first + len(rows) * ROW_HEIGHT + GROUP_GAP
    return Picture(name, title, tuple(placed), max(top, 1))


def draw_losses(figures: Sequence[SettingFigures], language: PageLanguage) -> Picture:
    """Per column a bar per setting: how much of its detail is lost."""
    groups = []
    for number, column in enumerate(_column_names(figures)):
        rows: list[Row] = []
        for one in figures:
            column_figures = one.columns[number]
            value = language.percent(column_figures.compared_loss)
            text = language.text("left_out") if column_figures.left_out else value
            rows.append((_shorten(one.setting), text, [(column_figures.compared_loss, 0, text)], None))
        groups.append((column, rows))
    return lay_out("loss", language.text("loss_picture"), groups)


def draw_levels(figures: Sequence[SettingFigures], language: PageLanguage) -> Picture:
    """Per column a bar per setting: at which levels its values are released."""
    groups = []
    for number, column in enumerate(_column_names(figures)):
        rows: list[Row] = []
        for one in figures:
            shown = one.columns[number]
            if shown.left_out:
                rows.append((_shorten(one.setting), language.text("left_out"), [], None))
                continue
            most = max(len(shown.levels) - 1, 1)
            parts = [
                (at.share, at.level * (SHADES - 1) // most, f"{at.example}: {language.percent(at.share)}")
                for at in shown.levels
            ]
            suppressed = f"{language.text('suppressed')}: {language.percent(one.suppressed_share)}"
            parts.append((one.suppressed_share, SHADES, suppressed))
            widest = max(shown.levels, key=lambda at: at.share)
            rows.append((_shorten(one.setting), _shorten(widest.example, 11), parts, None))
        groups.append((column, rows))
    return lay_out("levels", language.text("detail_picture"), groups)


def draw_suppression(figures: Sequence[SettingFigures], language: PageLanguage) -> Picture:
    """A bar per setting: the share of the pupils who are left out, to the largest of them."""
    scale = max((one.suppressed_share for one in figures), default=0) or 1
    rows: list[Row] = []
    for one in figures:
        text = language.percent(one.suppressed_share)
        rows.append((_shorten(one.setting), text, [(one.suppressed_share / scale, 0, text)], None))
    return lay_out("suppressed", language.text("suppressed_picture"), [("", rows)])


def draw_class_sizes(figures: Sequence[SettingFigures], language: PageLanguage) -> Picture:
    """Per setting a bar per range of class sizes: the share of the released pupils."""
    groups = []
    for one in figures:
        rows: list[Row] = []
        for group in one.class_sizes:
            share = group.pupils / max(one.released, 1)
            text = language.percent(share)
            label = name_size_group(group.smallest, group.largest, language)
            rows.append((label, text, [(share, 0, text)], None))
        groups.append((one.setting, rows))
    return lay_out("sizes", language.text("sizes_picture"), groups)


def draw_risk(figures: Sequence[SettingFigures], language: PageLanguage) -> Picture:
    """Per setting a bar per kind of intruder: the highest chance, to the highest of all, with a mark at 1 in k."""
    scale = max((i.chance_at_most for one in figures for i in one.intruders.values()), default=0) or 1
    groups = []
    for one in figures:
        limit = min(1 / max(int(one.agreed["k"]), 1) / scale, 1.0)
        rows: list[Row] = []
        for kind, chance in one.intruders.items():
            text = language.chance(chance.left_at_least)
            rows.append((language.text(kind), text, [(chance.chance_at_most / scale, 0, text)], limit))
        groups.append((one.setting, rows))
    return lay_out("risk", language.text("risk_picture"), groups)


def name_size_group(smallest: int, largest: int | None, language: PageLanguage) -> str:
    """The name of a range of class sizes, such as `10 to 19`."""
    low = language.number(smallest)
    if largest is None:
        return language.text("sizes_from", smallest=low)
    return language.text("sizes", smallest=low, largest=language.number(largest))


def _column_names(figures: Sequence[SettingFigures]) -> list[str]:
    return [column.column for column in figures[0].columns] if figures else []


def _place_row(row: Row, top: int) -> BarRow:
    label, value, shares, mark = row
    parts, start = [], float(BAR_START)
    for share, shade, title in shares:
        width = BAR_WIDTH * share
        if width > 0:
            parts.append(BarPart(start, width, shade, title))
        start += width
    return BarRow(label, value, top, tuple(parts), None if mark is None else BAR_START + BAR_WIDTH * mark)


def _shorten(text: str, longest: int = LONGEST_LABEL) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


DRAWINGS: Mapping[str, str] = {"levels": "detail_note", "sizes": "sizes_note", "risk": "risk_note"}
"""The note below each picture, by the name of the picture."""
