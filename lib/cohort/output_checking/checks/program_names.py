"""Names of programs that write themselves into the metadata of what they make."""

from __future__ import annotations

import re

_VERSION = r"[ v]*(?:version)?[ ]?[0-9]+(?:\.[0-9A-Za-z]+)*"
_PROGRAM_NAMES = re.compile(
    rf"(?:matplotlib(?: pdf backend)?|R|R Graphics Output|ggplot2|svglite|ragg|gnuplot|openpyxl|xlsxwriter|pandas"
    rf"|plotnine|Microsoft Excel|Microsoft Macintosh Excel|cairo|Stata|pdfTeX|Quartz PDFContext|Skia/PDF"
    rf"|LibreOffice(?:/[0-9A-Za-z.$_\-/]+)?|Calc)(?:{_VERSION})?",
    re.IGNORECASE,
)


def is_name_of_program(text: str) -> bool:
    """Tell whether a text of the metadata only names the program that made the file."""
    plain = re.sub(r"[ ,]*\(?https?://[^\s()]*\)?$", "", text.strip())
    return not plain or _PROGRAM_NAMES.fullmatch(plain) is not None
