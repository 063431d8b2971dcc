"""SVG as matplotlib writes it, made fit for inside a page whose policy allows one style sheet and no address.

Style attributes become attributes and classes, so that the style sheet decides colours (a dark scheme too) and fonts;
ids that nothing refers to, sizes in points, metadata and the document type are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

INK, SOFT, LINE, TINT, PAPER = "#1b1f24", "#4a5563", "#c9d0d8", "#f1f4f7", "#ffffff"
MARK, LATE, AFTER = "#0b6e4f", "#a33a00", "#4aa284"
SHADES = ("#0b6e50", "#4aa283", "#7cbfa6", "#a8d5c4", "#d3ebe0")
COLOUR_NAMES = {
    INK: "ink",
    SOFT: "soft",
    LINE: "line",
    TINT: "tint",
    PAPER: "paper",
    MARK: "mark",
    LATE: "late",
    AFTER: "after",
    **{colour: f"shade{number}" for number, colour in enumerate(SHADES)},
}
"""The classes of the colours: `f-ink` fills with it, `s-ink` strokes. Shades differ from MARK and AFTER by one, so
that a class follows from the colour alone."""
NAMESPACE = "{http://www.w3.org/2000/svg}"
_KEPT = ("stroke-width", "stroke-dasharray", "stroke-linecap", "text-anchor", "opacity", "fill-opacity")
_NUMBER = re.compile(r"-?\d+\.\d+")


@dataclass(frozen=True)
class DrawnChart:
    """What is drawn inside an element `svg`, and the view box of that element."""

    view_box: str
    content: str


def tidy_svg(written: bytes) -> DrawnChart:
    """Rewrite a picture of matplotlib for inside a page.

    Args:
        written: the picture as matplotlib wrote it.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(written, parser)
    for element in list(root.iter(etree.Element)):
        if element.tag in (f"{NAMESPACE}style", f"{NAMESPACE}metadata", f"{NAMESPACE}defs"):
            _remove(element)
        else:
            _tidy_element(element)
    for group in reversed(list(root.iter(f"{NAMESPACE}g"))):
        _unwrap(group)
    return DrawnChart(root.get("viewBox", ""), "\n".join(_serialise(child) for child in root))


def _tidy_element(element: etree._Element) -> None:
    style = dict(_read_style(str(element.attrib.pop("style", ""))))
    identifier = str(element.attrib.pop("id", ""))
    if str(element.get("transform", "")).startswith("rotate(-0 "):
        del element.attrib["transform"]
    classes = [identifier] if identifier.startswith("on-") else []
    for paint, prefix in (("fill", "f"), ("stroke", "s")):
        colour = style.get(paint, "")
        if colour in COLOUR_NAMES:
            classes.append(f"{prefix}-{COLOUR_NAMES[colour]}")
        elif colour:
            element.set(paint, colour)
    if style.get("font-weight") in ("700", "bold"):
        classes.append("strong")
    if classes:
        element.set("class", " ".join(classes))
    for attribute in _KEPT:
        if attribute in style:
            element.set(attribute, style[attribute])
    for attribute in ("d", "x", "y"):
        if attribute in element.attrib:
            element.set(attribute, _NUMBER.sub(_shorten_number, " ".join(str(element.get(attribute)).split())))


def _read_style(style: str) -> list[tuple[str, str]]:
    pairs = (part.split(":", 1) for part in style.split(";") if ":" in part)
    return [(name.strip(), value.strip()) for name, value in pairs]


def _shorten_number(number: re.Match[str]) -> str:
    return f"{round(float(number.group()), 2) + 0.0:g}"


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _unwrap(group: etree._Element) -> None:
    """Put the children of a group in its place; a group that says something about its text hands that on."""
    parent = group.getparent()
    if parent is None:
        return
    place = parent.index(group)
    for child in reversed(group):
        if group.get("class"):
            child.set("class", " ".join(str(part) for part in (group.get("class"), child.get("class")) if part))
        parent.insert(place, child)
    parent.remove(group)


def _serialise(element: etree._Element) -> str:
    etree.cleanup_namespaces(element)
    element.tail = None
    text = etree.tostring(element, encoding="unicode", with_tail=False)
    return text.replace(' xmlns="http://www.w3.org/2000/svg"', "").replace(
        ' xmlns:xlink="http://www.w3.org/1999/xlink"', ""
    )
