"""The time of a project and the detail of its columns, as one picture that a reader aloud can tell too."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from cohort.transparency.html import element
from cohort.transparency.record_phrases import kept
from cohort.transparency.register_documents import Entry
from cohort.transparency.wording import date, say

WIDTH, MARGIN, LINE = 340, 10, 26
LANE = 176
"""Where the lane of time begins; what happened stands left of it, a line each."""
BAR = 16

Event = tuple[dt.date, str, bool]
"""A day, what happened on it, and whether it ended something."""


def picture(entry: Entry, language: str) -> Element:
    """Lines of what happened when, then a bar per column for the detail that is left of it."""
    happened = list(events(entry, language))
    details = list(left(entry))
    drawn: list[Element] = []
    y = _time(drawn, happened, MARGIN, language)
    y = _bars(drawn, details, y, language)
    told = [say("on", language, what, date(day, language)) for day, what, _ in happened]
    told += [say("kept_of", language, name, per_cent) for name, per_cent in details]
    names = f"picture-title-{language}", f"picture-told-{language}"
    return element(
        "svg",
        element("title", say("picture_title", language, entry.name), id=names[0]),
        element("desc", "; ".join(told) + ".", id=names[1]),
        *drawn,
        role="img",
        aria_labelledby=names[0],
        aria_describedby=names[1],
        viewBox=f"0 0 {WIDTH} {y + MARGIN}",
    )


def events(entry: Entry, language: str) -> Iterator[Event]:
    """Start, releases, end and destruction, in the order of their days."""
    found: list[Event] = []
    if entry.agreement is not None:
        found.append((entry.agreement.starts, say("start", language), False))
        found.append((entry.agreement.ends, say("end", language), True))
    for release in entry.releases:
        if release.published is not None:
            found.append((release.published, say("release_event", language, release.release), False))
    if entry.certificate is not None:
        found.append((entry.certificate.destroyed_at, say("destroyed_event", language), True))
    yield from sorted(found, key=lambda event: event[0])


def left(entry: Entry) -> Iterator[tuple[str, int]]:
    """Per column of the latest release how much of its detail is left, in whole per cents."""
    for name, shown in entry.latest.codebook.items() if entry.latest is not None else ():
        if shown is not None:
            yield name, kept(shown)


def _time(drawn: list[Element], happened: list[Event], y: int, language: str) -> int:
    if not happened:
        return y
    first, last = happened[0][0], happened[-1][0]
    days = max(1, (last - first).days)
    drawn.append(_text(say("time", language), MARGIN, y + 14, "head"))
    y += 22
    for day, what, ends in happened:
        x = LANE + (WIDTH - MARGIN - 8 - LANE) * (day - first).days / days
        drawn.append(_text(what, MARGIN, y + 13))
        drawn.append(_text(day.isoformat(), MARGIN + 86, y + 13, "soft"))
        drawn.append(_line(LANE, WIDTH - MARGIN, y + 9, "lane"))
        if x > LANE:
            drawn.append(_line(LANE, x, y + 9, "time"))
        drawn.append(element("circle", cx=f"{x:.1f}", cy=str(y + 9), r="6", class_="dot late" if ends else "dot"))
        y += LINE
    return y + 8


def _bars(drawn: list[Element], details: list[tuple[str, int]], y: int, language: str) -> int:
    if not details:
        return y
    drawn.append(_text(say("detail", language), MARGIN, y + 14, "head"))
    y += 24
    whole = WIDTH - 2 * MARGIN - 44
    for name, per_cent in details:
        drawn.append(_text(name, MARGIN, y + 12))
        drawn.append(_rectangle(MARGIN, y + 17, whole, "whole"))
        drawn.append(_rectangle(MARGIN, y + 17, whole * per_cent / 100, "kept"))
        drawn.append(_text(f"{per_cent} %", MARGIN + whole + 8, y + 17 + BAR - 4))
        y += 17 + BAR + 8
    return y


def _text(text: str, x: float, y: float, class_: str | None = None) -> Element:
    return element("text", text, x=f"{x:g}", y=f"{y:g}", class_=class_)


def _line(start: float, end: float, y: float, class_: str) -> Element:
    return element("line", x1=f"{start:.1f}", x2=f"{end:.1f}", y1=f"{y:g}", y2=f"{y:g}", class_=class_)


def _rectangle(x: float, y: float, width: float, class_: str) -> Element:
    return element("rect", x=f"{x:g}", y=f"{y:g}", width=f"{width:.1f}", height=str(BAR), rx="3", class_=class_)
