"""Layout of the picture on a project page: what happened when, and how much detail each column keeps.

The template `timeline.html.j2` draws it as SVG. All lengths are SVG user units.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from cohort.pages import PageLanguage
from cohort.transparency.record_phrases import kept_percent
from cohort.transparency.register_documents import RegisterEntry

PICTURE_WIDTH, PICTURE_MARGIN = 340, 10
LANE_START, LANE_END = 176, PICTURE_WIDTH - PICTURE_MARGIN
"""Where the lanes of time begin and end; the labels stand left of them."""
LAST_DOT = LANE_END - 8
"""Where the dot of the last day lies, so that all of it is inside the lane."""
BAR_HEIGHT, BAR_WIDTH = 16, PICTURE_WIDTH - 2 * PICTURE_MARGIN - 44
EVENT_HEADING, EVENT_ROW, EVENT_GAP = 22, 26, 8
BAR_HEADING, BAR_LABEL, BAR_GAP = 24, 17, 8


@dataclass(frozen=True)
class ProjectEvent:
    """A day on which something began or ended, in words; `ends` is true for an end."""

    day: dt.date
    label: str
    ends: bool


@dataclass(frozen=True)
class EventRow:
    """An event with the top of its row and the place of its dot."""

    event: ProjectEvent
    top: int
    x: float


@dataclass(frozen=True)
class DetailBar:
    """A column with the share of its detail that is kept, and the top of its row."""

    column: str
    percent: int
    top: int

    @property
    def filled(self) -> float:
        """The length of the filled part of the bar."""
        return BAR_WIDTH * self.percent / 100


@dataclass(frozen=True)
class TimelineLayout:
    """Everything that the template draws."""

    events: tuple[EventRow, ...]
    bars: tuple[DetailBar, ...]
    bars_top: int
    height: int


def lay_out_timeline(entry: RegisterEntry, language: PageLanguage) -> TimelineLayout:
    """Lay out a row per event, then a bar per column of the latest release."""
    events, bars_top = _lay_out_events(list_events(entry, language))
    columns = list(_kept_by_column(entry))
    row = BAR_LABEL + BAR_HEIGHT + BAR_GAP
    bars = [
        DetailBar(name, percent, bars_top + BAR_HEADING + number * row)
        for number, (name, percent) in enumerate(columns)
    ]
    bottom = bars_top + BAR_HEADING + len(bars) * row if bars else bars_top
    return TimelineLayout(tuple(events), tuple(bars), bars_top, bottom + PICTURE_MARGIN)


def list_events(entry: RegisterEntry, language: PageLanguage) -> list[ProjectEvent]:
    """List start, releases, end and destruction of a project in the order of their days."""
    events: list[ProjectEvent] = []
    if entry.agreement is not None:
        events.append(ProjectEvent(entry.agreement.starts, language.gettext("start"), ends=False))
        events.append(ProjectEvent(entry.agreement.ends, language.gettext("end"), ends=True))
    for release in entry.releases:
        if release.published is not None:
            label = language.gettext("release %(number)s", number=release.release)
            events.append(ProjectEvent(release.published, label, ends=False))
    if entry.certificate is not None:
        events.append(ProjectEvent(entry.certificate.destroyed_at, language.gettext("destroyed"), ends=True))
    return sorted(events, key=lambda event: event.day)


def _lay_out_events(events: list[ProjectEvent]) -> tuple[list[EventRow], int]:
    """The rows of the events, and the height at which they end."""
    top = PICTURE_MARGIN
    if not events:
        return [], top
    first, days = events[0].day, max(1, (events[-1].day - events[0].day).days)
    rows = [
        EventRow(
            event,
            top + EVENT_HEADING + number * EVENT_ROW,
            LANE_START + (LAST_DOT - LANE_START) * (event.day - first).days / days,
        )
        for number, event in enumerate(events)
    ]
    return rows, rows[-1].top + EVENT_ROW + EVENT_GAP


def _kept_by_column(entry: RegisterEntry) -> Iterator[tuple[str, int]]:
    for name, column in entry.latest.codebook.items() if entry.latest is not None else ():
        if column is not None:
            yield name, kept_percent(column)
