"""The reader of delimited text: bytes in, records with their line numbers out.

Deliveries, declared lists, hierarchies and analysts' files are read with these functions. A text is read whole, by the
rules of RFC 4180, or refused with the numbers of the lines; nothing is guessed, and no error holds any of the text.

    decode_text             bytes to text, in one of the encodings that the caller allows, without byte order marks
    normalise_line_ends     a text with one kind of line end
    open_delimited_text     a whole file: its delimiter, and its records one by one (memory of one record)
    parse_records           the records of lines of text
    joins_several_records   whether quotes opened by mistake joined records into one
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import IO, Literal, NamedTuple

UTF8, WINDOWS_1252, UTF16 = "UTF-8", "windows-1252", "UTF-16"
CODECS = {UTF8: "utf-8", WINDOWS_1252: "cp1252", UTF16: "utf-16"}
BYTE_ORDER_MARK = "\ufeff"
"""The byte order mark, as text."""
UTF8_MARK_BYTES = b"\xef\xbb\xbf"
_MARKED = re.compile(rf"(\A|[\r\n]){BYTE_ORDER_MARK}+")
UTF16_MARK_BYTES = (b"\xff\xfe", b"\xfe\xff")
KNOWN_DELIMITERS = ";,\t|"
SEPARATOR_LINE_PATTERN = re.compile(r'\s*"?sep=([;,\t|])"?[\s;,\t|]*', re.IGNORECASE)
"""The line that Excel may write before the header to name the delimiter."""
LINE_END_PATTERN = re.compile(r"\r\n|\r|\n")
MAX_LISTED_LINES = 5

TextFault = Literal["ENCODING", "NOT_TEXT", "QUOTE", "SWALLOWED", "HEADER_REPEATED"]
_FAULT_DESCRIPTIONS: dict[TextFault, str] = {
    "ENCODING": "bytes of another encoding",
    "NOT_TEXT": "characters that no text has",
    "QUOTE": "a quote in the middle of a field, or one that is not closed",
    "SWALLOWED": "quotes around parts of several records, which make one record of them",
    "HEADER_REPEATED": "the header once more, as where files were put one after another",
}


class UnreadableText(ValueError):
    """A text that cannot be read whole. The error holds nothing of the text.

    Args:
        fault: the kind of fault.
        lines: the numbers of the faulty lines, from 1; none where the fault does not belong to a line.
    """

    def __init__(self, fault: TextFault, *lines: int) -> None:
        super().__init__(fault)
        self.fault: TextFault = fault
        self.lines = lines

    @property
    def description(self) -> str:
        """The fault in words, for the `found` of `describe_problem`."""
        return f"{_FAULT_DESCRIPTIONS[self.fault]}{format_line_numbers(self.lines)}"


def format_line_numbers(lines: Sequence[int]) -> str:
    """Write the numbers of the first few lines for the end of a sentence: ` (line 3, 4)`; nothing for no lines."""
    more = " and others" if len(lines) > MAX_LISTED_LINES else ""
    return f" (line {', '.join(map(str, lines[:MAX_LISTED_LINES]))}{more})" if lines else ""


class DelimitedRecord(NamedTuple):
    """One record with the numbers of its first and last line, which differ where a quoted field has line ends."""

    first_line: int
    last_line: int
    fields: list[str]


@dataclass(frozen=True)
class DelimitedText:
    """A text opened for reading: its delimiter, its encoding, and its records, which can be iterated once."""

    delimiter: str
    encoding: str
    records: Iterator[DelimitedRecord]


def decode_text(content: bytes, encodings: Sequence[str] = (UTF8,)) -> tuple[str, str]:
    """Decode a whole text.

    UTF-8 is tried first where it is allowed: a text in another encoding is hardly ever valid UTF-8 by chance. UTF-16
    is recognised by its byte order mark only.

    Args:
        content: the bytes of the text.
        encodings: the encodings allowed.

    Returns:
        The text without byte order marks before its lines, and the encoding it is in.

    Raises:
        UnreadableText: ENCODING for bytes in none of the encodings, NOT_TEXT for a NUL character.
    """
    text, encoding = _decode(content, encodings)
    text = remove_byte_order_marks(text, encoding)
    if "\0" in text:
        raise UnreadableText("NOT_TEXT")
    return text, encoding


def remove_byte_order_marks(text: str, encoding: str = UTF8) -> str:
    """Remove the byte order marks before all lines of a text: concatenated files have some inside."""
    if encoding == WINDOWS_1252:
        text = text.replace(UTF8_MARK_BYTES.decode(CODECS[WINDOWS_1252]), BYTE_ORDER_MARK)
    return _MARKED.sub(r"\1", text) if BYTE_ORDER_MARK in text else text


def _decode(content: bytes, encodings: Sequence[str]) -> tuple[str, str]:
    has_utf16_mark = content.startswith(UTF16_MARK_BYTES)
    for encoding in sorted(encodings, key=list(CODECS).index):
        if has_utf16_mark == (encoding == UTF16):
            with suppress(UnicodeDecodeError):
                return content.decode(CODECS[encoding]), encoding
    raise UnreadableText("ENCODING")


def normalise_line_ends(text: str) -> str:
    """Convert all line ends to line feeds, and empty the line in which Excel names the delimiter."""
    return blank_separator_line(text.replace("\r\n", "\n").replace("\r", "\n"))


def blank_separator_line(text: str) -> str:
    """Empty the line in which Excel names the delimiter (`sep=;`), so that the other lines keep their numbers."""
    start = len(text) - len(text.lstrip())
    end = text.find("\n", start)
    line = text[start : end if end >= 0 else len(text)]
    return text[:start] + text[start + len(line) :] if SEPARATOR_LINE_PATTERN.fullmatch(line) else text


def iterate_lines(text: str) -> Iterator[str]:
    """Iterate over the lines of a text, each with its line end (CRLF, CR or LF), as `parse_records` takes them."""
    return io.StringIO(text, newline="")


def detect_delimiter(header: str, among: str = ";,") -> str:
    """Return the delimiter that a header has most of outside quotes; of equals the first in `among`."""
    outside = "".join(header.split('"')[::2])
    return max(among, key=outside.count)


def split_fields(line: str, delimiter: str) -> tuple[str, ...]:
    """Split one line into fields; a line with misplaced quotes is cut at every delimiter."""
    try:
        return tuple(next(csv.reader([line], delimiter=delimiter, strict=True), ()))
    except csv.Error:
        return tuple(line.split(delimiter))


def parse_records(lines: Iterable[str], delimiter: str, first_line: int = 1) -> Iterator[DelimitedRecord]:
    """Parse the records of a text; an empty line is a record without fields.

    Args:
        lines: lines with their ends (`iterate_lines`, or a stream opened with `newline=""`).
        delimiter: the delimiter.
        first_line: the number of the first of these lines.

    Raises:
        UnreadableText: QUOTE for a quote that is not closed or is followed by something else than a delimiter, and for
            a field over the limit of the `csv` module (128 KiB), which only a quote opened by mistake makes; NOT_TEXT
            for a NUL character.
    """
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    last = before = first_line - 1
    try:
        for fields in reader:
            first, last = last + 1, before + reader.line_num
            yield DelimitedRecord(first, last, fields)
    except csv.Error:
        raise UnreadableText("QUOTE", last + 1) from None


def joins_several_records(record: DelimitedRecord, delimiter: str, width: int) -> bool:
    """Tell whether quotes opened by mistake joined several records into one.

    Such quotes in the same column of two records leave a record of the right width that belongs to two pupils. A field
    over several lines is taken for the end of one record and the beginning of another where its first line has as many
    delimiters as there are fields after it and its last line as many as there are fields before it; or where a further
    line has as many delimiters as a whole record.

    Args:
        record: the record.
        delimiter: the delimiter.
        width: the number of fields of a whole record.
    """
    if record.first_line == record.last_line:
        return False
    return any(_contains_records(field, column, delimiter, width) for column, field in enumerate(record.fields))


def _contains_records(value: str, column: int, delimiter: str, width: int) -> bool:
    first, *more = (line.count(delimiter) for line in LINE_END_PATTERN.split(value))
    if not more:
        return False
    return (first, more[-1]) == (width - 1 - column, column) or max(more) >= width - 1


def open_delimited_text(
    source: IO[bytes],
    *,
    encodings: Sequence[str] = (UTF8,),
    delimiters: str = ";,",
    header: bool = True,
    undecodable: Literal["refused", "kept"] = "refused",
) -> DelimitedText:
    """Open a whole file for reading, record by record.

    Byte order marks before a line, Excel's `sep=` line and empty lines before the first record are skipped. The first
    record decides the delimiter, unless a `sep=` line names one of those allowed.

    Args:
        source: the bytes (`open(path, "rb")`, `io.BytesIO`).
        encodings: the encodings allowed.
        delimiters: the delimiters allowed.
        header: whether the first record is a header, which must not occur again.
        undecodable: `kept` passes bytes that are not UTF-8 on as lone surrogates, for a caller that refuses them in
            the columns that it reads.

    Raises:
        UnreadableText: here or while the records are iterated: what `decode_text` and `parse_records` raise;
            SWALLOWED for quotes around parts of several records; HEADER_REPEATED.
    """
    encoding = encodings[0]
    if len(encodings) > 1 or encoding != UTF8:
        content = source.read()
        encoding, source = _decode(content, encodings)[1], io.BytesIO(content)
    errors = "surrogateescape" if undecodable == "kept" else "strict"
    lines = _lines(io.TextIOWrapper(source, CODECS[encoding], errors=errors, newline=""))
    named_delimiter, skipped, header_line = "", 0, ""
    for header_line in lines:
        if header_line.strip() and not (separator := SEPARATOR_LINE_PATTERN.fullmatch(header_line)):
            break
        skipped += 1
        named_delimiter = separator[1] if header_line.strip() and separator else named_delimiter
    else:
        return DelimitedText(delimiters[0], encoding, iter(()))
    is_allowed = named_delimiter and named_delimiter in delimiters
    delimiter = named_delimiter if is_allowed else detect_delimiter(header_line, delimiters)
    records = parse_records(chain([header_line], lines), delimiter, skipped + 1)
    return DelimitedText(delimiter, encoding, _checked_records(records, delimiter, header=header))


def _lines(stream: io.TextIOWrapper) -> Iterator[str]:
    """Iterate over the lines of a stream, without byte order marks before them and with their line ends."""
    number = 0
    with stream:
        try:
            for line in stream:
                number += 1
                if "\0" in line:
                    raise UnreadableText("NOT_TEXT", number)
                yield line.lstrip(BYTE_ORDER_MARK) if line[0] == BYTE_ORDER_MARK else line
        except UnicodeDecodeError:
            raise UnreadableText("ENCODING") from None  # decoded ahead of the lines, so no line number is known


def _checked_records(records: Iterator[DelimitedRecord], delimiter: str, *, header: bool) -> Iterator[DelimitedRecord]:
    """Pass records on; refuse one that joins several others, and a header that occurs again."""
    first = next(records)
    yield first
    width, names = len(first.fields), first.fields if header else None
    for record in records:
        if record.last_line > record.first_line and joins_several_records(record, delimiter, width):
            raise UnreadableText("SWALLOWED", *range(record.first_line, record.last_line + 1))
        if record.fields == names:
            raise UnreadableText("HEADER_REPEATED", record.first_line)
        yield record
