"""Files as schools send them: containers, formats, parsers (CSV, XLSX, EDEXML, UWLR), and why a file cannot be read.

A file goes in; out comes a `DeliveredFile`: a text that Spark can read as it is, a transcript of one, a roster, or a
rejection with a reason code. Nothing of the content is in a message.

    file_reason_codes    reason codes for which a whole file is rejected, with what a school reads
    row_reason_codes     reason codes for which a row is refused, and warnings, with what a school reads
    header_names         names of columns: what makes no difference in them, and what a wrong encoding makes of them
    format_declarations  declared export formats (`conf/deliveries/*.toml`), and the format of a header
    delivered_file       one delivery as its recognition describes it
    file_types           the type of a file by its bytes: container, workbook, document, web page
    containers           members of a `.zip` or `.gz`, under limits
    accompanying_files   letters and check sums beside the data of a container
    xml_stream           XML parsed as a stream, without entities
    xml_messages         the elements of a message that are asked for
    edexml               rosters: EDEXML, and UWLR answers
    rosters              which roster results are joined to, and which pupil a result belongs to
    uwlr                 UWLR results
    uwlr_rows            UWLR results joined to a roster, as rows
    xlsx, xlsx_parts     workbooks as tables of text; their XML parts checked first
    header_diagnosis     why a header was not recognised
    text_recognition     a text file: its format, encoding and rows
    file_recognition     any file: what kind of delivery it is, or why it is rejected
    transcripts          deliveries written once more as text that Spark reads line by line
    raw_file_values      every value of a raw file, for the search for a pupil number

How to add a delivery format:

1. Another export as CSV or `.xlsx`: a declaration in `conf/deliveries/<format>.toml`; no code.
2. Another XML message with rosters or results: its elements as a `MessageShape` beside the parser (`edexml`, `uwlr`),
   its root in `file_recognition.XML_ROOT_KINDS`.
3. Another type of file: how it is recognised in `file_types`, a `DeliveryKind`, its choice in
   `file_recognition`, a parser module, and its transcriber in `transcripts.TRANSCRIBERS`. Also its values in
   `raw_file_values`, or erasure cannot search such files.
4. Its reason codes in `file_reason_codes` and `row_reason_codes`.
"""

from __future__ import annotations

from cohort.delivery_formats.delivered_file import DeliveredFile, DeliveryKind, describe_defect
from cohort.delivery_formats.edexml import read_roster
from cohort.delivery_formats.file_reason_codes import FILE_REASONS, UNREADABLE, DeliveryRejected
from cohort.delivery_formats.file_recognition import RecognitionContext, recognise_deliveries
from cohort.delivery_formats.file_types import UNREAD_TYPE_REASONS
from cohort.delivery_formats.format_declarations import (
    DeliveryFormat,
    DeliveryFormats,
    UnrecognisedHeader,
    load_delivery_formats,
)
from cohort.delivery_formats.raw_file_values import iterate_file_values
from cohort.delivery_formats.rosters import ROSTER_MISSING, DocumentSchool, count_roster_warnings, roster_fits_school
from cohort.delivery_formats.row_reason_codes import (
    COLUMN_WARNINGS,
    FILE_WARNINGS,
    PUPIL_WARNINGS,
    ROW_BROKEN,
    ROW_REASONS,
    WARNING_REASONS,
    ReasonText,
)
from cohort.delivery_formats.transcripts import TRANSCRIBERS, lasting_result_key_sql, transcribe_uwlr_results
from cohort.delivery_formats.uwlr import read_uwlr_results

__all__ = [
    "COLUMN_WARNINGS",
    "FILE_REASONS",
    "FILE_WARNINGS",
    "PUPIL_WARNINGS",
    "ROSTER_MISSING",
    "ROW_BROKEN",
    "ROW_REASONS",
    "TRANSCRIBERS",
    "UNREADABLE",
    "UNREAD_TYPE_REASONS",
    "WARNING_REASONS",
    "DeliveredFile",
    "DeliveryFormat",
    "DeliveryFormats",
    "DeliveryKind",
    "DeliveryRejected",
    "DocumentSchool",
    "ReasonText",
    "RecognitionContext",
    "UnrecognisedHeader",
    "count_roster_warnings",
    "describe_defect",
    "iterate_file_values",
    "lasting_result_key_sql",
    "load_delivery_formats",
    "read_roster",
    "read_uwlr_results",
    "recognise_deliveries",
    "roster_fits_school",
    "transcribe_uwlr_results",
]
