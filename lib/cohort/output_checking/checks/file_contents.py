"""What kind of file a file really is, by its first bytes."""

from __future__ import annotations

ALLOWED_KINDS = {
    "csv": ("table", "regression"),
    "xlsx": ("table",),
    "json": ("regression",),
    "png": ("figure",),
    "svg": ("figure",),
    "pdf": ("figure",),
    "txt": ("text",),
    "md": ("text",),
}
"""Endings that a request may have, with the kinds of output they are for."""

_MAGIC = (
    (b"PK", "zip"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"%PDF-", "pdf"),
    (b"PAR1", "data"),
    (b"\x1f\x8b", "archive"),
    (b"BZh", "archive"),
    (b"\xfd7zXZ", "archive"),
    (b"7z\xbc\xaf", "archive"),
    (b"Rar!", "archive"),
    (b"\x28\xb5\x2f\xfd", "archive"),
    (b"\x7fELF", "program"),
    (b"MZ", "program"),
    (b"#!", "program"),
    (b"\xca\xfe\xba\xbe", "program"),
    (b"$FL2", "data"),
    (b"$FL3", "data"),
    (b"<stata_dta>", "data"),
    (b"<stata_gph>", "data"),
    (b"StataFileTM", "data"),
    (b"RDX", "data"),
    (b"RDA", "data"),
    (b"X\n\x00\x00\x00", "data"),
    (b"A\n2\n", "data"),
    (b"A\n3\n", "data"),
    (b"SQLite format 3", "data"),
    (b"\x89HDF", "data"),
    (b"ARROW1", "data"),
    (b"FEA1", "data"),
    (b"Obj\x01", "data"),
    (b"ORC", "data"),
    (b"\x93NUMPY", "data"),
    (b"\xd0\xcf\x11\xe0", "office"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"{\\rtf", "office"),
)
_TEXT_KINDS = {"csv", "json", "svg", "txt", "md"}
_EXPECTED = {"xlsx": "zip", "png": "png", "pdf": "pdf", "svg": "svg", "json": "json"}
_EXPECTED |= dict.fromkeys(("csv", "txt", "md"), "text")


def ending_of(name: str) -> str:
    """The last ending of a file name, in small letters."""
    return name.rpartition(".")[2].casefold() if "." in name else ""


def recognise_content(content: bytes) -> str:
    """Recognise a file by its bytes.

    Returns:
        `zip`, `png`, `pdf`, `svg`, `json`, `text`, or what is never allowed: `data`, `archive`, `program`, `office`,
        `jpeg`, `gif`, `binary`.
    """
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            return kind
    if len(content) > 1 and content[0] == 0x80 and content[1] in range(2, 6):
        return "data"  # a pickle
    if content[:1] in (b"\x71", b"\x72", b"\x73") and content[1:2] in (b"\x01", b"\x02"):
        return "data"  # an old Stata file
    text = decode_strictly(content)
    if text is None:
        return "binary"
    start = text.lstrip()[:2000]
    if start.startswith("<"):
        return "svg" if "<svg" in start.casefold() else "markup"
    if start[:1] in ("{", "["):
        return "json"
    return "text"


def content_fits_ending(content: bytes, ending: str) -> bool:
    """Tell whether the bytes are of the kind that the ending says."""
    return recognise_content(content) == _EXPECTED[ending]


def decode_strictly(content: bytes) -> str | None:
    """Decode UTF-8 text; None where it is not, or holds control characters."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    controls = set(map(chr, [*range(9), 11, 12, *range(14, 32), 127]))
    return None if controls & set(text) else text


def is_text_ending(ending: str) -> bool:
    """Tell whether files with this ending are text."""
    return ending in _TEXT_KINDS
