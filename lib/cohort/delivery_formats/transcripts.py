"""Deliveries that no native scan reads line by line, written once more as text that it does read.

A transcript stands in the restricted zone for the time of a run: its format's delimiter between fields, a row
a line. Before its own fields each row has the number of its line or element in what was sent, and a reason
code where its reader already knows that it cannot be taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from cohort.delivery_formats import header_diagnosis, rosters, uwlr, xlsx
from cohort.delivery_formats.file_reason_codes import DeliveryRejected
from cohort.delivery_formats.file_recognition import (
    BLANK_CHARACTERS,
    DeliveredFile,
    RecognitionContext,
    has_open_quote,
    line_has_value,
)
from cohort.delivery_formats.format_declarations import CANONICAL_FORMAT, RecognisedHeader, UnrecognisedHeader
from cohort.delivery_formats.rosters import Roster
from cohort.delivery_formats.uwlr import UwlrMessage
from cohort.delivery_formats.xlsx import WorkbookTable
from cohort.foundation.delimited_text import (
    UTF8,
    UnreadableText,
    decode_text,
    iterate_lines,
    joins_several_records,
    normalise_line_ends,
    parse_records,
)
from cohort.states.schemas import CANONICAL_COLUMNS

ROW_BROKEN, HEADER_REPEATED = "ROW_BROKEN", "HEADER_REPEATED"
UWLR_SUPPLIER = "uwlr"
MESSAGE_KEY_PREFIX = "#"
"""Put before a result's key that means something within its message only."""
_KEY = CANONICAL_COLUMNS.index("bron_result_key")

TranscriptRow = tuple[int, str, Sequence[str | None]]


def lasting_result_key_sql(key: str) -> str:
    """As SQL, a result's key where it tells the result from every other one of its supplier, else null."""
    return f"case when not startswith({key}, '{MESSAGE_KEY_PREFIX}') then {key} end"


def transcribe_text(file: DeliveredFile, desk: RecognitionContext) -> DeliveredFile:
    """The transcript of a text with empty lines, or quotes that stay open at the end of a line.

    Where the format declares line breaks they belong to the value, else the row is broken. With empty lines
    alone every row stands there as it was sent.
    Refuses: a quote that is not closed up to the end (`QUOTE_OPEN`).
    """
    text, _ = decode_text(file.path.read_bytes(), (file.encoding,))
    text = normalise_line_ends(text)
    declared = desk.formats[file.format]
    lines = [one for one in enumerate(text.split("\n"), 1) if line_has_value(one[1])]
    if any(has_open_quote(line) for _, line in lines):
        read = _over_lines if declared.line_breaks else _line_by_line
        rows = list(read(text, declared.delimiter, len(file.columns)))
        return _written(file, _without_headers(rows[1:], file, desk), desk)
    (_, header), *rest = lines
    mark, named = declared.delimiter, RecognisedHeader(file.format, file.columns)
    again = desk.formats.find_repeated_headers([line for _, line in rest], named, header)
    told = f"{mark}{HEADER_REPEATED}{mark * len(file.columns)}"
    whole = (f"{number}{told if line in again else mark * 2 + line}\n" for number, line in rest)
    return _put(file, whole, desk, header)


def _without_headers(
    rows: Iterable[TranscriptRow], file: DeliveredFile, desk: RecognitionContext
) -> Iterator[TranscriptRow]:
    """The same rows; of one that is the header once more only that.

    Refuses: one with other columns, as what follows would be read under the wrong names.
    """
    for number, code, fields in rows:
        again = None if code else desk.formats.repeated_header_columns(file.format, fields)
        if again is not None and again != file.columns:
            raise DeliveryRejected("HEADER_SECOND", file.school)
        yield (number, code, fields) if again is None else (number, HEADER_REPEATED, ())


def _line_by_line(text: str, delimiter: str, width: int) -> Iterator[TranscriptRow]:
    for number, line in enumerate(text.split("\n"), 1):
        if line_has_value(line):
            try:
                fields: Sequence[str] = next(parse_records([line], delimiter)).fields
            except UnreadableText:
                fields = []
            yield number, "" if len(fields) == width else ROW_BROKEN, fields


def _over_lines(text: str, delimiter: str, width: int) -> Iterator[TranscriptRow]:
    """The rows of a text, each with the number of its first line.

    A quote opened by mistake runs on to the next one, and what it swallowed looks like one long value: its
    lines are broken rows.
    """
    try:
        for record in parse_records(iterate_lines(text), delimiter):
            if not "".join(record.fields).strip(BLANK_CHARACTERS):
                continue
            if joins_several_records(record, delimiter, width):
                yield from ((line, ROW_BROKEN, ()) for line in range(record.first_line, record.last_line + 1))
            else:
                yield record.first_line, "" if len(record.fields) == width else ROW_BROKEN, record.fields
    except UnreadableText:
        raise DeliveryRejected("QUOTE_OPEN") from None


def transcribe_workbook(file: DeliveredFile, desk: RecognitionContext) -> DeliveredFile:
    """The transcript of a spreadsheet; its numbers and dates as its format would have them written.

    Refuses: a spreadsheet that `spreadsheets.read` refuses; one with something hidden in it (`HIDDEN_CELLS`);
    one with lines above its header (`HEADER_LOWER`).
    """
    sheet = xlsx.read_workbook(file.path.read_bytes(), desk.limits)
    found = desk.formats.recognise_names(sheet.header)
    if isinstance(found, UnrecognisedHeader):
        return _no_header(replace(file, rows=len(sheet.numbered_rows)), sheet, found, desk)
    declared = desk.formats[found.format_name]
    written = sheet.text_rows(declared.decimal, "%Y-%m-%d" if declared.dates == "yyyy-mm-dd" else "%d-%m-%Y")
    width = len(found.columns)
    rows = [(number, "" if len(cells) == width else ROW_BROKEN, cells) for number, cells in written]
    named = replace(
        file, format=found.format_name, supplier=declared.supplier, columns=found.columns, unread=found.unread_columns
    )
    if sheet.has_hidden_content:
        school = school_of_first_row(rows[0][2], found.columns) if rows else None
        return replace(
            named, rejection=xlsx.HIDDEN_CELLS, rejected_lines=sheet.hidden_rows, rows=len(rows), school=school
        )
    return _written(named, _without_headers(rows, named, desk), desk)


def _no_header(
    file: DeliveredFile, sheet: WorkbookTable, found: UnrecognisedHeader, desk: RecognitionContext
) -> DeliveredFile:
    """Why a sheet whose first row is no header is not taken in."""
    if sheet.has_hidden_content:
        return replace(file, rejection=xlsx.HIDDEN_CELLS, rejected_lines=sheet.hidden_rows)
    lower = header_diagnosis.find_header_row(
        list(islice(sheet.text_rows(), header_diagnosis.MAX_HEADER_LINES)), desk.formats
    )
    if lower:
        return header_diagnosis.reject_for_header(file, header_diagnosis.HEADER_LOWER, lower)
    return replace(file, rejection=found.reason, header_difference=found)


def transcribe_uwlr_results(
    file: DeliveredFile, message: UwlrMessage, those: Iterable[Roster], desk: RecognitionContext
) -> DeliveredFile:
    """The transcript of a UWLR message, joined to the roster of its school.

    Takes: the message's file, and the rosters that there are for its school.
    Refuses: a message without results; one without a roster is rejected, to be looked at again.
    """
    if not message.results:
        raise DeliveryRejected("EMPTY")
    results = uwlr.join_results_to_rosters(message, those, desk.newest_numbers)
    if any(row.code == rosters.ROSTER_MISSING for row in results):
        reason = rosters.ROSTER_MISSING
        return replace(file, rejection=reason, rows=len(message.results), school=message.school.brin)
    rows: list[TranscriptRow] = []
    joined = dict.fromkeys((rosters.MATCHED_ON_ECKID, rosters.MATCHED_ON_KEY), 0)
    for row in results:
        if row.matched_on:
            joined[row.matched_on] += 1
        cells = list(row.cells)
        cells[_KEY] = f"{MESSAGE_KEY_PREFIX}{cells[_KEY]}" if cells[_KEY] else None
        rows.append((row.element_number, row.code or "", cells))
    named = replace(
        file, format=CANONICAL_FORMAT, supplier=UWLR_SUPPLIER, columns=CANONICAL_COLUMNS, joined_counts=joined
    )
    return _written(named, rows, desk)


def _written(file: DeliveredFile, rows: Iterable[TranscriptRow], desk: RecognitionContext) -> DeliveredFile:
    width, delimiter = len(file.columns), desk.formats[file.format].delimiter

    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"'

    def told() -> Iterator[str]:
        for number, code, cells in rows:
            kept = [" ".join((cell or "").splitlines()).strip() for cell in cells[:width]]
            every = str(number), code, *kept, *[""] * (width - len(kept))
            yield delimiter.join(map(quoted, every)) + "\n"

    return _put(file, told(), desk, delimiter * (width - 1))


def _put(file: DeliveredFile, rows: Iterable[str], desk: RecognitionContext, header: str) -> DeliveredFile:
    """Write a transcript: its header, which nobody reads, and its rows."""
    path = desk.scratch_folder / f"{file.sha256}.transcript"
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding="utf-8", newline="") as sink:
        sink.write(f"{desk.formats[file.format].delimiter * 2}{header}\n")
        for row in rows:
            sink.write(row)
            count += 1
    if not count:
        raise DeliveryRejected("EMPTY")
    return replace(file, path=path, encoding=UTF8, has_line_numbers=True, rows=count)
