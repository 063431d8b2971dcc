"""Cells of a workbook whose style hides what they hold: colours, sizes and number formats."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from cohort.output_checking.checks.part_finding import PartFinding, found

_WHITE = "FFFFFF"
_COLOURS_OF_NUMBERS = {"0": "000000", "1": _WHITE, "8": "000000", "9": _WHITE, "64": "000000", "65": _WHITE}
_COLOURS_OF_THEMES = {"0": _WHITE, "1": "000000"}
_LEAST_CONTRAST = 90
"""How much lighter or darker text must be than its cell, of 255."""
_SMALLEST_FONT = 3.0


def check_styles(styles: etree._Element, sheets: list[etree._Element]) -> Iterator[PartFinding]:
    """Find cells with a value whose style does not show it, or shows something else.

    Styles that no cell uses are no matter: every program writes a list of them.

    Args:
        styles: the part xl/styles.xml.
        sheets: the sheets.
    """
    problems = _problems_by_style(styles)
    for sheet in sheets:
        for cell in sheet.iterfind("{*}sheetData/{*}row/{*}c"):
            if cell.find("{*}v") is None and cell.find("{*}is") is None:
                continue
            for problem in problems.get(str(cell.attrib.get("s", "0")), ()):
                yield found("WORKBOOK_HIDDEN", f"{problem}, {cell.attrib.get('r', '?')}")


def _problems_by_style(styles: etree._Element) -> dict[str, list[str]]:
    formats = {
        str(one.attrib.get("numFmtId")): str(one.attrib.get("formatCode", ""))
        for one in styles.iterfind("{*}numFmts/{*}numFmt")
    }
    fonts, fills = styles.findall("{*}fonts/{*}font"), styles.findall("{*}fills/{*}fill")
    problems = {}
    for number, style in enumerate(styles.iterfind("{*}cellXfs/{*}xf")):
        font = _nth(fonts, style.attrib.get("fontId"))
        fill = _nth(fills, style.attrib.get("fillId"))
        of_style = [*_problems_of_font(font, fill)]
        if not _shows_value(formats.get(str(style.attrib.get("numFmtId")), "General")):
            of_style.append("number format")
        problems[str(number)] = of_style
    return problems


def _nth(parts: list[etree._Element], number: object) -> etree._Element | None:
    text = str(number or "0")
    return parts[int(text)] if text.isdigit() and int(text) < len(parts) else None


def _problems_of_font(font: etree._Element | None, fill: etree._Element | None) -> Iterator[str]:
    if font is None:
        return
    text = _brightness(font.find("{*}color"), default="000000")
    if text is not None and abs(text - _brightness_of_cell(fill, text)) < _LEAST_CONTRAST:
        yield "white text"
    size = font.find("{*}sz")
    if size is not None and float(str(size.attrib.get("val", 11))) < _SMALLEST_FONT:
        yield "tiny text"


def _brightness_of_cell(fill: etree._Element | None, text: float) -> float:
    """How light the cell is; where its colour is of a theme that is not known, as unlike its text as can be."""
    pattern = None if fill is None else fill.find("{*}patternFill")
    if pattern is None or pattern.attrib.get("patternType", "none") != "solid":
        return 255.0
    brightness = _brightness(pattern.find("{*}fgColor"), default=_WHITE)
    return (0.0 if text > 127 else 255.0) if brightness is None else brightness


def _brightness(colour: etree._Element | None, default: str) -> float | None:
    if colour is None or "auto" in colour.attrib:
        code: str | None = default
    elif "rgb" in colour.attrib:
        code = str(colour.attrib["rgb"])[-6:]
    elif "indexed" in colour.attrib:
        code = _COLOURS_OF_NUMBERS.get(str(colour.attrib["indexed"]))
    else:
        code = _COLOURS_OF_THEMES.get(str(colour.attrib.get("theme")))
    if code is None or not re.fullmatch("[0-9A-Fa-f]{6}", code):
        return None
    red, green, blue = (int(code[place : place + 2], 16) for place in (0, 2, 4))
    brightness = 0.299 * red + 0.587 * green + 0.114 * blue
    tint = 0.0 if colour is None else float(str(colour.attrib.get("tint", 0)))
    return brightness * (1 + tint) if tint < 0 else brightness + (255 - brightness) * tint


def _shows_value(code: str) -> bool:
    """Tell whether a number format shows the value of a cell, be it rounded, and nothing that reads as another."""
    sections = [_without_marks(section) for section in re.split(r";(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", code)]
    for number, section in enumerate(sections):
        words = "".join(re.findall(r'"([^"]*)"', section))
        places = re.sub(r'"[^"]*"', "", section)
        if any(character.isdigit() for character in words):
            return False
        if re.search(r"[0#?],+(?![0#?])", places):
            return False  # thousands left out
        if not re.search(r"[0#?@]|[ymdhs]|General|Standaard", places, re.IGNORECASE):
            is_sign_for_zero = number == 2 and (words + places).strip() in ("-", "–")
            if not is_sign_for_zero:
                return False
    return True


def _without_marks(section: str) -> str:
    """A section of a format without colours, conditions, spaces and repeated signs."""
    return re.sub(r"\[[^\]]*\]|\\.|_.|\*.|\s", "", section)
