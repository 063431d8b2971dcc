"""Recognition of a text file: its format by its header, its encoding, the number of its rows.

Called by `file_recognition` with the bytes of a file that is neither a container, a workbook nor XML. No row is parsed
here; what is wrong with a single row is left to the validation rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import itemgetter

from cohort.delivery_formats.delivered_file import DeliveredFile, DeliveryKind, school_of_first_row
from cohort.delivery_formats.file_reason_codes import DeliveryRejected
from cohort.delivery_formats.format_declarations import DeliveryFormats, UnrecognisedHeader
from cohort.delivery_formats.header_names import ENCODING_REASONS
from cohort.foundation import (
    KNOWN_DELIMITERS,
    PLAIN_BLANKS,
    UTF8,
    UTF8_MARK_BYTES,
    UTF16_MARK_BYTES,
    WINDOWS_1252,
    UnreadableText,
    decode_text,
    normalise_line_ends,
    split_fields,
)

BLANK_CHARACTERS = "".join(map(chr, range(33)))
"""A line with nothing but these characters is an empty line to Spark."""
VALUELESS_CHARACTERS = BLANK_CHARACTERS + KNOWN_DELIMITERS + "".join(PLAIN_BLANKS)
EMPTY_ROW_STARTS = frozenset(VALUELESS_CHARACTERS + '"')
"""The characters with which a row without values can begin."""
MAX_FIELDS = 500
"""Spark's parser fails, and the whole run with it, at a line of very many fields."""


def recognise_text(file: DeliveredFile, content: bytes, formats: DeliveryFormats) -> DeliveredFile:
    """Recognise a text file.

    Args:
        file: the file so far.
        content: its bytes.
        formats: the declared formats.

    Returns:
        The file with its format, columns, rows, encoding and kind, or with the reason of its rejection.

    Raises:
        DeliveryRejected: EMPTY, TOO_WIDE.
    """
    try:
        text, encoding = decode_text(content, (UTF8, WINDOWS_1252))
    except UnreadableText as error:
        return _reject_undecodable(file, error, content, formats)
    lines = _split_lines(text)
    header = formats.recognise_line(lines.filled[0].strip(BLANK_CHARACTERS.replace("\t", "")))
    if isinstance(header, UnrecognisedHeader):
        first_row = split_fields(lines.filled[1], formats[header.closest_format].delimiter)
        return replace(
            file,
            rejection=header.reason,
            header_difference=header,
            rows=len(lines.filled) - 1,
            school=school_of_first_row(first_row, header.columns),
        )
    declared = formats[header.format_name]
    rows = lines.filled[1:]
    if not EMPTY_ROW_STARTS.isdisjoint(map(itemgetter(0), rows)):
        rows = [line for line in rows if line[0] not in EMPTY_ROW_STARTS or line_has_value(line)]
    if not rows:
        raise DeliveryRejected("EMPTY")
    school = school_of_first_row(split_fields(rows[0], declared.delimiter), header.columns)
    file = replace(file, rows=len(rows), school=school)
    if encoding not in declared.encodings and not text.isascii():
        return replace(file, rejection="NOT_UTF8" if encoding == WINDOWS_1252 else "ENCODING_OTHER")
    repeated_headers = formats.find_repeated_headers(rows, header, lines.filled[0])
    if any(columns != header.columns for columns in repeated_headers.values()):
        return replace(file, rejection="HEADER_SECOND")
    has_open_quotes = '"' in text and any(map(has_open_quote, lines.filled))
    has_inner_marks = not content.isascii() and UTF8_MARK_BYTES in content.removeprefix(UTF8_MARK_BYTES)
    has_empty_rows = len(rows) < len(lines.filled) - 1 or lines.has_empty_lines
    is_uneven = has_open_quotes or has_inner_marks or repeated_headers or has_empty_rows
    return replace(
        file,
        delivery_kind=DeliveryKind.UNEVEN_TEXT if is_uneven else DeliveryKind.TEXT,
        format=header.format_name,
        supplier=declared.supplier,
        columns=header.columns,
        unread_columns=header.unread_columns,
        encoding=encoding,
        wide_blanks=any(blank in text and blank != declared.delimiter for blank in PLAIN_BLANKS[1:]),
        plain_header=None if is_uneven or '"' in text or encoding != UTF8 else lines.filled[0],
        has_equal_lines=len(set(rows)) < len(rows),
    )


@dataclass(frozen=True, repr=False)
class _TextLines:
    """The lines of a text. Without a repr: no message may hold them.

    Attributes:
        filled: the header and the lines below it, without empty lines.
        has_empty_lines: whether empty lines stand above the header or between the lines.
    """

    filled: list[str]
    has_empty_lines: bool


def _split_lines(text: str) -> _TextLines:
    """Split a text into its lines, of which the first with a value is the header.

    Raises:
        DeliveryRejected: EMPTY where there is nothing below the header; TOO_WIDE.
    """
    lines = normalise_line_ends(text).split("\n")
    header = next((index for index, line in enumerate(lines) if line_has_value(line)), len(lines))
    if not lines[-1]:
        del lines[-1]
    filled = lines[header:]
    if min(filled, default="")[:1] <= BLANK_CHARACTERS[-1]:  # else no line begins with a blank, or is empty
        filled = [line for line in filled if line.strip(BLANK_CHARACTERS)]
    if len(filled) < 2:
        raise DeliveryRejected("EMPTY")
    long_lines = filled if max(map(len, filled)) >= MAX_FIELDS else []
    if any(max(map(line.count, KNOWN_DELIMITERS)) >= MAX_FIELDS for line in long_lines):
        raise DeliveryRejected("TOO_WIDE")
    return _TextLines(filled, lines[: len(filled)] != filled)


def line_has_value(line: str) -> bool:
    """Tell whether a line has a value; programs write the empty rows of a spreadsheet as delimiters alone."""
    bare = line.strip(VALUELESS_CHARACTERS)
    return bool(bare.replace('""', "").strip(VALUELESS_CHARACTERS) if bare[:1] == '"' else bare)


def has_open_quote(line: str) -> bool:
    """Tell whether a quote stays open at the end of a line."""
    return line.count('"') % 2 == 1


def _reject_undecodable(
    file: DeliveredFile, error: UnreadableText, content: bytes, formats: DeliveryFormats
) -> DeliveredFile:
    """Reject a text in none of the encodings; the garbled names in its header may tell which encoding it has."""
    if error.fault != "ENCODING":
        return replace(file, rejection=error.fault)
    if content.startswith(UTF16_MARK_BYTES):
        return replace(file, rejection="ENCODING_UTF16")
    first_line = normalise_line_ends(content.decode("cp1252", "replace")).lstrip().partition("\n")[0]
    header = formats.recognise_line(first_line)
    if isinstance(header, UnrecognisedHeader) and header.reason in ENCODING_REASONS.values():
        return replace(file, rejection=header.reason, header_difference=header)
    return replace(file, rejection="NOT_UTF8")
