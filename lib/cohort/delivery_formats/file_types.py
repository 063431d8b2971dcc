"""What a file is by its bytes: an archive, a workbook, a document of an office program, a web page.

The name of a file is trusted by nobody. Whoever unpacks or reads files asks here first; what no reader of
intake reads is told apart as far as the sentence to the school differs.
"""

from __future__ import annotations

import io
import re
import zipfile

ZIP_FILE, GZIP_FILE, OTHER_ARCHIVE = "zip", "gzip", "other"
XLSX_WORKBOOK, OLE_FILE, OTHER_SPREADSHEET = "spreadsheet", "ole", "other spreadsheet"
OFFICE_DOCUMENT, WEB_PAGE = "document", "web page"
HEAD_BYTES = 4096
"""Bytes that say what a large file is."""
CONTAINER_TYPES = (ZIP_FILE, GZIP_FILE)
"""Kinds that hold deliveries."""
UNREAD_TYPE_REASONS = {
    OLE_FILE: "OLD_SPREADSHEET",
    OTHER_SPREADSHEET: "SPREADSHEET_OTHER",
    OFFICE_DOCUMENT: "DOCUMENT",
    WEB_PAGE: "WEB_PAGE",
    OTHER_ARCHIVE: "CONTAINER_UNKNOWN",
}
"""Kinds that nobody reads, with the reason code of each."""
_MAGIC = (
    (b"PK\x03\x04", ZIP_FILE),
    (b"PK\x05\x06", ZIP_FILE),
    (b"PK\x07\x08", ZIP_FILE),
    (b"\x1f\x8b", GZIP_FILE),
    (b"7z\xbc\xaf\x27\x1c", OTHER_ARCHIVE),
    (b"Rar!\x1a\x07", OTHER_ARCHIVE),
    (b"\xfd7zXZ\x00", OTHER_ARCHIVE),
    (b"\x28\xb5\x2f\xfd", OTHER_ARCHIVE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE_FILE),
    # workbooks of before 1997, as scripts of web sites still write them: a stream without OLE around it
    (b"\x09\x08\x08\x00", OLE_FILE),
    (b"\x09\x08\x10\x00", OLE_FILE),
    (b"\x09\x04\x06\x00", OLE_FILE),
    (b"\x09\x02\x06\x00", OLE_FILE),
    (b"\x09\x00\x04\x00", OLE_FILE),
    (b"%PDF-", OFFICE_DOCUMENT),
    (b"{\\rtf", OFFICE_DOCUMENT),
    (b"\x89PNG\r\n", OFFICE_DOCUMENT),
    (b"\xff\xd8\xff", OFFICE_DOCUMENT),
    (b"GIF8", OFFICE_DOCUMENT),
)
_TAR, _BZIP2 = (257, b"ustar"), re.compile(rb"BZh[1-9]1AY&SY")
_CONTENT_TYPES = "[Content_Types].xml"
"""The member that makes a zip an Office document."""
_OFFICE = re.compile(r"(?:(word|ppt|visio)/.*|xl/workbook\.bin)", re.I | re.S)
"""Members of Office documents that are no `.xlsx`: texts, slides; the last is a binary workbook (`.xlsb`)."""
_OPEN_DOCUMENT, _MIMETYPE = "META-INF/manifest.xml", "mimetype"
"""Members of what LibreOffice writes; the second says what it is."""
_TEXT_DOCUMENT = re.compile(rb"opendocument\.(?:text|presentation|graphics)")
_NUMBERS = re.compile(r"(?:.*/)?Index(?:\.zip|/(?:Document|Tables/.*)\.iwa)", re.S)
"""Members of what Apple's Numbers and Pages write."""
_MARKS = (_CONTENT_TYPES.encode(), _OPEN_DOCUMENT.encode(), b"Index")
_WORD = "WordDocument".encode("utf-16-le")
"""The part of an OLE file that makes it a text."""
_ENTRY = b"PK\x01\x02"
_MOST_ENTRIES = 1 << 16
_BEFORE = rb"\A(?:\s|<\?[^>]*+>|(?><!--.*?-->))*+"
"""What may stand before the first tag; nothing in it is tried twice, however it was made."""
_FLAT = re.compile(_BEFORE + rb"<(?:office:document|w:wordDocument|pkg:package)(?=[\s>/])", re.S)
_SYLK = re.compile(rb"ID;P[A-Z]*(?:WXL|CALC)")
_TAGS = (
    rb"html|head|body|title|meta|link|style|script|table|thead|tbody|tr|center|div|span|font|form|pre|p|br"
    rb"|h[1-6]|(?:\w+:)?Workbook"
)
_PAGE = re.compile(_BEFORE + rb"<(?:!doctype\s+html\b|(?:" + _TAGS + rb")(?=[\s>/]))", re.I | re.S)
"""How HTML begins, and what Excel 2003 called an XML spreadsheet."""
_MAIL = re.compile(
    rb"\A\s*(?=[\w-]+:)(?=.*^MIME-Version:\s*1\.)(?=.*(?:multipart/related|text/html))", re.I | re.M | re.S
)


def detect_file_type(content: bytes) -> str | None:
    """What a file is by its bytes; None where only a reader of text or XML can say."""
    found = next((name for magic, name in _MAGIC if content.startswith(magic)), None)
    if found == ZIP_FILE:
        return _office(content) or ZIP_FILE
    if found == OLE_FILE and _WORD in content:
        return OFFICE_DOCUMENT
    if found is None and (content.startswith(_TAR[1], _TAR[0]) or _BZIP2.match(content)):
        return OTHER_ARCHIVE
    return found or _written(content[:HEAD_BYTES])


def _office(content: bytes) -> str | None:
    """What an office program's zip is; None for any other zip."""
    names = _entry_names(content)
    if _CONTENT_TYPES in names:
        other = next((found for name in names if (found := _OFFICE.fullmatch(name))), None)
        return XLSX_WORKBOOK if other is None else OFFICE_DOCUMENT if other[1] else OTHER_SPREADSHEET
    if _OPEN_DOCUMENT in names:
        return OFFICE_DOCUMENT if _TEXT_DOCUMENT.search(_start_of(content, _MIMETYPE)) else OTHER_SPREADSHEET
    return OTHER_SPREADSHEET if any(map(_NUMBERS.fullmatch, names)) else None


def _written(head: bytes) -> str | None:
    """What a text is that no table is written in: the first bytes of it, in any encoding."""
    bare = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")
    if bare[:1] == b"<":
        if _FLAT.match(bare):
            return OTHER_SPREADSHEET if b"opendocument.spreadsheet" in bare else OFFICE_DOCUMENT
        return WEB_PAGE if _PAGE.match(bare) else None
    if _SYLK.match(bare):
        return OTHER_SPREADSHEET
    return WEB_PAGE if _MAIL.match(bare) or (bare[:1].isspace() and _PAGE.match(bare)) else None


def _entry_names(content: bytes) -> frozenset[str]:
    if not any(mark in content for mark in _MARKS) or content.count(_ENTRY) > _MOST_ENTRIES:
        return frozenset()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return frozenset(name.replace("\\", "/") for name in archive.namelist())
    except MemoryError:  # no memory says nothing of the bytes
        raise
    except Exception:  # what it is stays open, and reading it will say that it is broken
        return frozenset()


def _start_of(content: bytes, name: str) -> bytes:
    """The first bytes of a zip's entry, none where it cannot be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(name) as entry:
            return entry.read(100)
    except MemoryError:
        raise
    except Exception:  # as above
        return b""
