"""The one reader of delimited text: bytes in, records with the numbers of their lines out.

Deliveries, lists, hierarchies and analysts' files are read by it. It guesses at nothing: a text is read
whole, by the rules of RFC 4180, or refused with the lines; what it raises never holds anything of the text.

    decoded         bytes as text, in one of the encodings that the caller allows, without byte order marks
    with_line_feeds a text with one kind of line end
    opened          a whole file: its delimiter, and its records one by one (memory of one record)
    records         the records of lines of text
    swallows        whether quotes opened by mistake joined records into one
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
_FOUND: dict[TextFault, str] = {
    "ENCODING": "bytes of another encoding",
    "NOT_TEXT": "characters that no text has",
    "QUOTE": "a quote in the middle of a field, or one that is not closed",
    "SWALLOWED": "quotes around parts of several records, which make one record of them",
    "HEADER_REPEATED": "the header once more, as where files were put one after another",
}


class UnreadableText(ValueError):
    """A text that cannot be read whole.

    `fault` is the kind, `lines` the numbers of the lines (from 1; none where it is no matter of a line), and
    `found` the words for the "found" of a sentence. Nothing of the text is in it.
    """

    def __init__(self, fault: TextFault, *lines: int) -> None:
        super().__init__(fault)
        self.fault: TextFault = fault
        self.lines = lines

    @property
    def description(self) -> str:
        return f"{_FOUND[self.fault]}{format_line_numbers(self.lines)}"


def format_line_numbers(lines: Sequence[int]) -> str:
    """The numbers of the first few lines, as a sentence has them after what was found: ` (line 3, 4)`."""
    more = " and others" if len(lines) > MAX_LISTED_LINES else ""
    return f" (line {', '.join(map(str, lines[:MAX_LISTED_LINES]))}{more})" if lines else ""


class DelimitedRecord(NamedTuple):
    """One record: the numbers of its first and last line (they differ where a quoted field has line ends)."""

    first_line: int
    last_line: int
    fields: list[str]


@dataclass(frozen=True)
class DelimitedText:
    """A text opened for reading: its delimiter, its encoding, and its records, to be gone through once."""

    delimiter: str
    encoding: str
    records: Iterator[DelimitedRecord]


def decode_text(content: bytes, encodings: Sequence[str] = (UTF8,)) -> tuple[str, str]:
    """Decodes a whole text: the text without byte order marks before its lines, and the encoding it is in.

    UTF-8 is tried first wherever it is allowed: a text in another encoding hardly ever is UTF-8 by chance.
    UTF-16 is recognised by its mark only.
    Raises `TextRefused`: ENCODING for bytes of no encoding allowed, NOT_TEXT for a NUL.
    """
    text, encoding = _decoded(content, encodings)
    text = remove_byte_order_marks(text, encoding)
    if "\0" in text:
        raise UnreadableText("NOT_TEXT")
    return text, encoding


def remove_byte_order_marks(text: str, encoding: str = UTF8) -> str:
    """A text without the byte order marks before its lines: files put one after another have some inside."""
    if encoding == WINDOWS_1252:
        text = text.replace(UTF8_MARK_BYTES.decode(CODECS[WINDOWS_1252]), BYTE_ORDER_MARK)
    return _MARKED.sub(r"\1", text) if BYTE_ORDER_MARK in text else text


def _decoded(content: bytes, encodings: Sequence[str]) -> tuple[str, str]:
    wide = content.startswith(UTF16_MARK_BYTES)
    for encoding in sorted(encodings, key=list(CODECS).index):
        if wide == (encoding == UTF16):
            with suppress(UnicodeDecodeError):
                return content.decode(CODECS[encoding]), encoding
    raise UnreadableText("ENCODING")


def normalise_line_ends(text: str) -> str:
    """A text with one kind of line end, and an empty line where Excel named the delimiter."""
    return blank_separator_line(text.replace("\r\n", "\n").replace("\r", "\n"))


def blank_separator_line(text: str) -> str:
    """Empties the line with which Excel names the delimiter (`sep=;`): the others keep their numbers."""
    start = len(text) - len(text.lstrip())
    end = text.find("\n", start)
    line = text[start : end if end >= 0 else len(text)]
    return text[:start] + text[start + len(line) :] if SEPARATOR_LINE_PATTERN.fullmatch(line) else text


def iterate_lines(text: str) -> Iterator[str]:
    """The lines of a text, each with its end (CRLF, CR or LF) as `records` wants them."""
    return io.StringIO(text, newline="")


def detect_delimiter(header: str, among: str = ";,") -> str:
    """The delimiter that a header has most of outside its quotes; of equals the first in `among`."""
    outside = "".join(header.split('"')[::2])
    return max(among, key=outside.count)


def split_fields(line: str, delimiter: str) -> tuple[str, ...]:
    """The fields of one line; one that is no record by the rules of quotes is cut at every delimiter."""
    try:
        return tuple(next(csv.reader([line], delimiter=delimiter, strict=True), ()))
    except csv.Error:
        return tuple(line.split(delimiter))


def parse_records(lines: Iterable[str], delimiter: str, first_line: int = 1) -> Iterator[DelimitedRecord]:
    """The records of a text; an empty line is a record without fields.

    Takes: lines with their ends (`lines_of`, or a stream opened with `newline=""`), the delimiter, and the
    number of the first of these lines.
    Raises `TextRefused`: QUOTE at a quote that is not closed, or that is followed by something else than a
    delimiter; NOT_TEXT at a NUL; a field over the limit of the `csv` module (128 KiB) is QUOTE too, as only a
    quote opened by mistake makes one.
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
    """Whether quotes opened by mistake made one record of several: lines and records do not agree.

    Such quotes in the same place of two records leave a record of the right width, of two pupils. A field
    over several lines is the end of one record and the beginning of another, with any records between them,
    where its first line has as many delimiters as there are fields after its place and its last as many as
    there are before it; or where a further line has as many as a whole record.
    """
    if record.first_line == record.last_line:
        return False
    return any(_holds_records(field, place, delimiter, width) for place, field in enumerate(record.fields))


def _holds_records(value: str, place: int, delimiter: str, width: int) -> bool:
    first, *more = (line.count(delimiter) for line in LINE_END_PATTERN.split(value))
    if not more:
        return False
    return (first, more[-1]) == (width - 1 - place, place) or max(more) >= width - 1


def open_delimited_text(
    source: IO[bytes],
    *,
    encodings: Sequence[str] = (UTF8,),
    delimiters: str = ";,",
    header: bool = True,
    undecodable: Literal["refused", "kept"] = "refused",
) -> DelimitedText:
    """Opens a whole file for reading, record by record: lines and records agree, or it is refused.

    Byte order marks before a line, Excel's `sep=` line and empty lines before the first record are passed
    over. The first record gives the delimiter (the one that `sep=` names, if it is among those allowed).

    Takes: the bytes (`open(path, "rb")`, `io.BytesIO`); the encodings and delimiters allowed; whether the
    first record is a header, which must not come again; `undecodable="kept"` passes on bytes that are no
    UTF-8 as lone surrogates, for a caller who refuses them in the columns that it reads.
    Raises `TextRefused`, here or while the records are gone through: what `decoded` and `records` raise;
    SWALLOWED; HEADER_REPEATED.
    """
    encoding = encodings[0]
    if len(encodings) > 1 or encoding != UTF8:
        content = source.read()
        encoding, source = _decoded(content, encodings)[1], io.BytesIO(content)
    errors = "surrogateescape" if undecodable == "kept" else "strict"
    lines = _lines(io.TextIOWrapper(source, CODECS[encoding], errors=errors, newline=""))
    named, passed, first = "", 0, ""
    for first in lines:
        if first.strip() and not (separator := SEPARATOR_LINE_PATTERN.fullmatch(first)):
            break
        passed += 1
        named = separator[1] if first.strip() and separator else named
    else:
        return DelimitedText(delimiters[0], encoding, iter(()))
    delimiter = named if named and named in delimiters else detect_delimiter(first, delimiters)
    found = parse_records(chain([first], lines), delimiter, passed + 1)
    return DelimitedText(delimiter, encoding, _agreeing(found, delimiter, header=header))


def _lines(stream: io.TextIOWrapper) -> Iterator[str]:
    """Lines of text without byte order marks before them; their ends stay as they are."""
    number = 0
    with stream:
        try:
            for line in stream:
                number += 1
                if "\0" in line:
                    raise UnreadableText("NOT_TEXT", number)
                yield line.lstrip(BYTE_ORDER_MARK) if line[0] == BYTE_ORDER_MARK else line
        except UnicodeDecodeError:
            raise UnreadableText("ENCODING") from None  # decoded ahead of the lines: their number says nothing


def _agreeing(found: Iterator[DelimitedRecord], delimiter: str, *, header: bool) -> Iterator[DelimitedRecord]:
    first = next(found)
    yield first
    width, names = len(first.fields), first.fields if header else None
    for record in found:
        if record.last_line > record.first_line and joins_several_records(record, delimiter, width):
            raise UnreadableText("SWALLOWED", *range(record.first_line, record.last_line + 1))
        if record.fields == names:
            raise UnreadableText("HEADER_REPEATED", record.first_line)
        yield record
