"""Transcripts: deliveries that Spark's text reader cannot read line by line, written once more as text that it can.

Ingestion calls the function of `TRANSCRIBERS` for the kind of a delivery, or `transcribe_uwlr_results`. A transcript
stands in the scratch folder of the restricted zone for the time of a run. It has a row a line and the delimiter of its
format. Before its own fields each row has two more: the number of its line or element in the file as sent, and a reason
code where its reader refuses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from types import MappingProxyType

from cohort.data_states import CANONICAL_COLUMNS
from cohort.delivery_formats import header_diagnosis, rosters, xlsx
from cohort.delivery_formats.delivered_file import DeliveredFile, DeliveryKind, school_of_first_row
from cohort.delivery_formats.file_reason_codes import DeliveryRejected
from cohort.delivery_formats.file_recognition import RecognitionContext
from cohort.delivery_formats.format_declarations import CANONICAL_FORMAT, RecognisedHeader, UnrecognisedHeader
from cohort.delivery_formats.rosters import Roster
from cohort.delivery_formats.row_reason_codes import HEADER_REPEATED, ROW_BROKEN
from cohort.delivery_formats.text_recognition import BLANK_CHARACTERS, has_open_quote, line_has_value
from cohort.delivery_formats.uwlr import UwlrMessage
from cohort.delivery_formats.uwlr_rows import join_results_to_rosters
from cohort.delivery_formats.xlsx import WorkbookTable
from cohort.foundation import (
    UTF8,
    UnreadableText,
    decode_text,
    iterate_lines,
    joins_several_records,
    normalise_line_ends,
    parse_records,
)
from cohort.storage import open_text_to_write

UWLR_SUPPLIER = "uwlr"
MESSAGE_KEY_PREFIX = "#"
"""Put before the key of a result that identifies it within its message only."""
_RESULT_KEY = CANONICAL_COLUMNS.index("bron_result_key")

TranscriptRow = tuple[int, str, Sequence[str | None]]
"""The number of a line or element, the reason code of a refused row (otherwise empty), the fields."""


def lasting_result_key_sql(key: str) -> str:
    """Write SQL for the key of a result where it identifies the result among all of its supplier, else null."""
    return f"case when not startswith({key}, '{MESSAGE_KEY_PREFIX}') then {key} end"


def transcribe_text(file: DeliveredFile, context: RecognitionContext) -> DeliveredFile:
    """Transcribe a text with empty lines, repeated headers, or quotes that stay open at the end of a line.

    Where the format declares line breaks, a line end within quotes belongs to the value; otherwise the row is broken.
    Without open quotes every row is written as it was sent.

    Raises:
        DeliveryRejected: QUOTE_OPEN, HEADER_SECOND, EMPTY.
    """
    text, _ = decode_text(file.path.read_bytes(), (file.encoding,))
    text = normalise_line_ends(text)
    declared = context.formats[file.format]
    lines = [numbered for numbered in enumerate(text.split("\n"), 1) if line_has_value(numbered[1])]
    if any(has_open_quote(line) for _, line in lines):
        read_rows = _rows_over_lines if declared.line_breaks else _rows_line_by_line
        rows = list(read_rows(text, declared.delimiter, len(file.columns)))
        return _write_rows(file, _mark_repeated_headers(rows[1:], file, context), context)
    (_, header), *rest = lines
    recognised = RecognisedHeader(file.format, file.columns)
    repeated = context.formats.find_repeated_headers([line for _, line in rest], recognised, header)
    delimiter = declared.delimiter
    marked_header = f"{delimiter}{HEADER_REPEATED}{delimiter * len(file.columns)}"
    transcript = (f"{number}{marked_header if line in repeated else delimiter * 2 + line}\n" for number, line in rest)
    return _write_transcript(file, transcript, context, header)


def _mark_repeated_headers(
    rows: Iterable[TranscriptRow], file: DeliveredFile, context: RecognitionContext
) -> Iterator[TranscriptRow]:
    """Give the reason code HEADER_REPEATED to every row that is the header once more.

    Raises:
        DeliveryRejected: HEADER_SECOND, where a header has other columns: the rows below it would get wrong names.
    """
    for number, code, fields in rows:
        columns = None if code else context.formats.repeated_header_columns(file.format, fields)
        if columns is not None and columns != file.columns:
            raise DeliveryRejected("HEADER_SECOND", file.school)
        yield (number, code, fields) if columns is None else (number, HEADER_REPEATED, ())


def _rows_line_by_line(text: str, delimiter: str, width: int) -> Iterator[TranscriptRow]:
    """Read every line as a row of its own; one with an open quote is broken."""
    for number, line in enumerate(text.split("\n"), 1):
        if line_has_value(line):
            try:
                fields: Sequence[str] = next(parse_records([line], delimiter)).fields
            except UnreadableText:
                fields = []
            yield number, "" if len(fields) == width else ROW_BROKEN, fields


def _rows_over_lines(text: str, delimiter: str, width: int) -> Iterator[TranscriptRow]:
    """Read rows that may have line ends within quotes, each with the number of its first line.

    A quote opened by mistake runs on to the next quote and makes one long value of the rows between: each of those
    lines becomes a broken row.
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


def transcribe_workbook(file: DeliveredFile, context: RecognitionContext) -> DeliveredFile:
    """Transcribe a spreadsheet; numbers and dates are written as its format declares them.

    Returns:
        The file with its transcript, or with the reason of its rejection: the header is not recognised, stands below
        other lines (HEADER_LOWER), or the workbook has hidden content (HIDDEN_CELLS).

    Raises:
        DeliveryRejected: what `xlsx.read_workbook` raises; HEADER_SECOND, EMPTY.
    """
    table = xlsx.read_workbook(file.path.read_bytes(), context.limits)
    header = context.formats.recognise_names(table.header)
    if isinstance(header, UnrecognisedHeader):
        return _reject_workbook_header(replace(file, rows=len(table.numbered_rows)), table, header, context)
    declared = context.formats[header.format_name]
    texts = table.text_rows(declared.decimal, "%Y-%m-%d" if declared.dates == "yyyy-mm-dd" else "%d-%m-%Y")
    width = len(header.columns)
    rows = [(number, "" if len(cells) == width else ROW_BROKEN, cells) for number, cells in texts]
    file = replace(
        file,
        format=header.format_name,
        supplier=declared.supplier,
        columns=header.columns,
        unread_columns=header.unread_columns,
    )
    if table.has_hidden_content:
        school = school_of_first_row(rows[0][2], header.columns) if rows else None
        return replace(_reject_hidden(file, table), rows=len(rows), school=school)
    return _write_rows(file, _mark_repeated_headers(rows, file, context), context)


def _reject_workbook_header(
    file: DeliveredFile, table: WorkbookTable, header: UnrecognisedHeader, context: RecognitionContext
) -> DeliveredFile:
    """Reject a workbook of which the first row is not recognised as a header."""
    if table.has_hidden_content:
        return _reject_hidden(file, table)
    first_rows = list(islice(table.text_rows(), header_diagnosis.MAX_HEADER_LINES))
    lower_header = header_diagnosis.find_header_row(first_rows, context.formats)
    if lower_header:
        return header_diagnosis.reject_for_header(file, header_diagnosis.HEADER_LOWER, lower_header)
    return replace(file, rejection=header.reason, header_difference=header)


def _reject_hidden(file: DeliveredFile, table: WorkbookTable) -> DeliveredFile:
    return replace(file, rejection=xlsx.HIDDEN_CELLS, rejected_lines=table.hidden_rows)


def transcribe_uwlr_results(
    file: DeliveredFile, message: UwlrMessage, school_rosters: Iterable[Roster], context: RecognitionContext
) -> DeliveredFile:
    """Transcribe a UWLR message, its results joined to the pupils of a roster.

    Args:
        file: the file of the message.
        message: the message.
        school_rosters: the rosters of its school.
        context: the context of the run.

    Returns:
        The file with its transcript, or rejected with ROSTER_MISSING; a later run tries it again.

    Raises:
        DeliveryRejected: EMPTY.
    """
    if not message.results:
        raise DeliveryRejected("EMPTY")
    results = join_results_to_rosters(message, school_rosters, context.newest_numbers)
    if any(row.code == rosters.ROSTER_MISSING for row in results):
        return replace(file, rejection=rosters.ROSTER_MISSING, rows=len(message.results), school=message.school.brin)
    rows: list[TranscriptRow] = []
    joined_counts = dict.fromkeys((rosters.MATCHED_ON_ECKID, rosters.MATCHED_ON_KEY), 0)
    for row in results:
        if row.matched_on:
            joined_counts[row.matched_on] += 1
        cells = list(row.cells)
        result_key = cells[_RESULT_KEY]
        cells[_RESULT_KEY] = f"{MESSAGE_KEY_PREFIX}{result_key}" if result_key else None
        rows.append((row.element_number, row.code or "", cells))
    file = replace(
        file, format=CANONICAL_FORMAT, supplier=UWLR_SUPPLIER, columns=CANONICAL_COLUMNS, joined_counts=joined_counts
    )
    return _write_rows(file, rows, context)


def _write_rows(file: DeliveredFile, rows: Iterable[TranscriptRow], context: RecognitionContext) -> DeliveredFile:
    """Write rows as a transcript: every field in quotes, as wide as the header, line ends as blanks."""
    width, delimiter = len(file.columns), context.formats[file.format].delimiter

    def quote(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"'

    def format_rows() -> Iterator[str]:
        for number, code, cells in rows:
            values = [" ".join((cell or "").splitlines()).strip() for cell in cells[:width]]
            fields = str(number), code, *values, *[""] * (width - len(values))
            yield delimiter.join(map(quote, fields)) + "\n"

    return _write_transcript(file, format_rows(), context, delimiter * (width - 1))


def _write_transcript(
    file: DeliveredFile, lines: Iterable[str], context: RecognitionContext, header: str
) -> DeliveredFile:
    """Write a transcript: a header, which no reader uses, and the lines.

    Raises:
        DeliveryRejected: EMPTY, where there is no line.
    """
    path = context.scratch_folder / f"{file.sha256}.transcript"
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with open_text_to_write(path) as transcript:
        transcript.write(f"{context.formats[file.format].delimiter * 2}{header}\n")
        for line in lines:
            transcript.write(line)
            count += 1
    if not count:
        raise DeliveryRejected("EMPTY")
    return replace(file, path=path, encoding=UTF8, has_line_numbers=True, rows=count)


TRANSCRIBERS: Mapping[DeliveryKind, Callable[[DeliveredFile, RecognitionContext], DeliveredFile]] = MappingProxyType(
    {DeliveryKind.UNEVEN_TEXT: transcribe_text, DeliveryKind.WORKBOOK: transcribe_workbook}
)
"""The transcriber of each kind of delivery that needs no other file. A kind with a reader of its own is added here."""
