"""Detection of the type of a file from its bytes: container, workbook, Office document, web page.

Whoever unpacks or reads files asks here first; the name of a file decides nothing. Types without a reader are told
apart as far as the sentence to the school differs.
"""

from __future__ import annotations

import io
import re
import zipfile

ZIP_FILE, GZIP_FILE, OTHER_ARCHIVE = "zip", "gzip", "other"
XLSX_WORKBOOK, OLE_FILE, OTHER_SPREADSHEET = "spreadsheet", "ole", "other spreadsheet"
OFFICE_DOCUMENT, WEB_PAGE = "document", "web page"
HEAD_BYTES = 4096
"""How many bytes are enough to detect the type of a large file."""
CONTAINER_TYPES = (ZIP_FILE, GZIP_FILE)
"""Types that hold deliveries."""
UNREAD_TYPE_REASONS = {
    OLE_FILE: "OLD_SPREADSHEET",
    OTHER_SPREADSHEET: "SPREADSHEET_OTHER",
    OFFICE_DOCUMENT: "DOCUMENT",
    WEB_PAGE: "WEB_PAGE",
    OTHER_ARCHIVE: "CONTAINER_UNKNOWN",
}
"""Types without a reader, with the reason code of each."""
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
    # workbooks in the form of before 1997, which scripts of web sites still write: a stream without OLE around it
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
_OTHER_OFFICE_MEMBER = re.compile(r"(?:(word|ppt|visio)/.*|xl/workbook\.bin)", re.I | re.S)
"""Members of Office documents that are no `.xlsx`: texts, slides; the last is a binary workbook (`.xlsb`)."""
_OPEN_DOCUMENT, _MIMETYPE = "META-INF/manifest.xml", "mimetype"
"""Members of documents of LibreOffice; the second names the type."""
_TEXT_DOCUMENT = re.compile(rb"opendocument\.(?:text|presentation|graphics)")
_APPLE_DOCUMENT = re.compile(r"(?:.*/)?Index(?:\.zip|/(?:Document|Tables/.*)\.iwa)", re.S)
"""Members of documents of Apple's Numbers and Pages."""
_MEMBER_MARKS = (_CONTENT_TYPES.encode(), _OPEN_DOCUMENT.encode(), b"Index")
_WORD_STREAM = "WordDocument".encode("utf-16-le")
"""The stream of an OLE file that makes it a Word document."""
_ENTRY_SIGNATURE = b"PK\x01\x02"
_MAX_ENTRIES = 1 << 16
_BEFORE_FIRST_TAG = rb"\A(?:\s|<\?[^>]*+>|(?><!--.*?-->))*+"
"""What may stand before the first tag. The possessive quantifiers keep the match linear in the length."""
_FLAT_DOCUMENT = re.compile(_BEFORE_FIRST_TAG + rb"<(?:office:document|w:wordDocument|pkg:package)(?=[\s>/])", re.S)
_SYLK_SHEET = re.compile(rb"ID;P[A-Z]*(?:WXL|CALC)")
_HTML_TAGS = (
    rb"html|head|body|title|meta|link|style|script|table|thead|tbody|tr|center|div|span|font|form|pre|p|br"
    rb"|h[1-6]|(?:\w+:)?Workbook"
)
_HTML_PAGE = re.compile(_BEFORE_FIRST_TAG + rb"<(?:!doctype\s+html\b|(?:" + _HTML_TAGS + rb")(?=[\s>/]))", re.I | re.S)
"""The beginning of HTML, and of the XML spreadsheets of Excel 2003."""
_MAIL_PAGE = re.compile(
    rb"\A\s*(?=[\w-]+:)(?=.*^MIME-Version:\s*1\.)(?=.*(?:multipart/related|text/html))", re.I | re.M | re.S
)


def detect_file_type(content: bytes) -> str | None:
    """Detect the type of a file.

    Returns:
        One of the types above; None for texts and XML, which only their readers can tell apart.
    """
    file_type = next((name for magic, name in _MAGIC if content.startswith(magic)), None)
    if file_type == ZIP_FILE:
        return _detect_office_zip(content) or ZIP_FILE
    if file_type == OLE_FILE and _WORD_STREAM in content:
        return OFFICE_DOCUMENT
    if file_type is None and (content.startswith(_TAR[1], _TAR[0]) or _BZIP2.match(content)):
        return OTHER_ARCHIVE
    return file_type or _detect_markup(content[:HEAD_BYTES])


def _detect_office_zip(content: bytes) -> str | None:
    """Detect the type of the zip of an office program; None for any other zip."""
    names = _entry_names(content)
    if _CONTENT_TYPES in names:
        other = next((match for name in names if (match := _OTHER_OFFICE_MEMBER.fullmatch(name))), None)
        return XLSX_WORKBOOK if other is None else OFFICE_DOCUMENT if other[1] else OTHER_SPREADSHEET
    if _OPEN_DOCUMENT in names:
        is_text = _TEXT_DOCUMENT.search(_start_of_entry(content, _MIMETYPE))
        return OFFICE_DOCUMENT if is_text else OTHER_SPREADSHEET
    return OTHER_SPREADSHEET if any(map(_APPLE_DOCUMENT.fullmatch, names)) else None


def _detect_markup(head: bytes) -> str | None:
    """Detect texts that are no table from their first bytes, in any encoding; None for all other texts."""
    bare = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")
    if bare[:1] == b"<":
        if _FLAT_DOCUMENT.match(bare):
            return OTHER_SPREADSHEET if b"opendocument.spreadsheet" in bare else OFFICE_DOCUMENT
        return WEB_PAGE if _HTML_PAGE.match(bare) else None
    if _SYLK_SHEET.match(bare):
        return OTHER_SPREADSHEET
    return WEB_PAGE if _MAIL_PAGE.match(bare) or (bare[:1].isspace() and _HTML_PAGE.match(bare)) else None


def _entry_names(content: bytes) -> frozenset[str]:
    """Read the names in a zip; none where it cannot be read."""
    has_marks = any(mark in content for mark in _MEMBER_MARKS)
    if not has_marks or content.count(_ENTRY_SIGNATURE) > _MAX_ENTRIES:
        return frozenset()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return frozenset(name.replace("\\", "/") for name in archive.namelist())
    except MemoryError:  # lack of memory is not a fault of the bytes
        raise
    except Exception:  # the reader of containers will reject it as damaged
        return frozenset()


def _start_of_entry(content: bytes, name: str) -> bytes:
    """Read the first bytes of an entry of a zip; none where it cannot be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(name) as entry:
            return entry.read(100)
    except MemoryError:
        raise
    except Exception:  # as above
        return b""
