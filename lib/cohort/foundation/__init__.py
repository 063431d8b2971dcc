"""What every package stands on. No Spark, no other package of the library.

errors            kinds of refusal with their exit codes, and the form of their sentences
identifiers       pupil numbers and school codes in one normal form
code_lists        canonical codes of the coded columns, and accepted spellings
delimited_text    the reader of delimited text
declarations      TOML files read strictly into frozen models
atomic_files      a file replaced as a whole
progress          one line per stage of a job
linear_solver     a silent solver of linear programmes
"""

from __future__ import annotations

from cohort.foundation.atomic_files import atomic_replacement, sync_folder
from cohort.foundation.code_lists import CODE_LISTS, NO_VALUE, CodeList, digest_code_lists
from cohort.foundation.declarations import (
    Declaration,
    ExactNumber,
    describe_validation_errors,
    read_declaration,
    several_problems,
)
from cohort.foundation.delimited_text import (
    KNOWN_DELIMITERS,
    UTF8,
    UTF8_MARK_BYTES,
    UTF16,
    UTF16_MARK_BYTES,
    WINDOWS_1252,
    DelimitedRecord,
    TextFault,
    UnreadableText,
    decode_text,
    format_line_numbers,
    iterate_lines,
    joins_several_records,
    normalise_line_ends,
    open_delimited_text,
    parse_records,
    split_fields,
)
from cohort.foundation.errors import (
    EXIT_DEFECT,
    EXIT_DONE,
    ConfigurationRefused,
    DeliveriesRefused,
    DestructionIncomplete,
    KeyRefused,
    NotAnonymous,
    ObjectionsRefused,
    Refusal,
    RightsRefused,
    StateRefused,
    UsageRefused,
    describe_problem,
    locate_defect,
    unsupported_refusal,
)
from cohort.foundation.identifiers import (
    BRIN_PATTERN,
    INVISIBLE_MARKS,
    ONDERWIJSNUMMER,
    PLACEHOLDER_NUMBERS,
    PLAIN_BLANKS,
    ROUNDED_PGN_PATTERN,
    brin_to_number,
    brin_to_number_sql,
    elfproef_remainder_sql,
    is_onderwijsnummer,
    is_plain_pgn_sql,
    normalise_pgn,
    normalise_pgn_sql,
    number_to_brin,
    pgn_kind_sql,
    strip_ignored_sql,
)
from cohort.foundation.linear_solver import new_solver
from cohort.foundation.progress import ProgressWriter, StageListener, Stopwatch, format_stage_line

__all__ = [
    "BRIN_PATTERN",
    "CODE_LISTS",
    "EXIT_DEFECT",
    "EXIT_DONE",
    "INVISIBLE_MARKS",
    "KNOWN_DELIMITERS",
    "NO_VALUE",
    "ONDERWIJSNUMMER",
    "PLACEHOLDER_NUMBERS",
    "PLAIN_BLANKS",
    "ROUNDED_PGN_PATTERN",
    "UTF8",
    "UTF8_MARK_BYTES",
    "UTF16",
    "UTF16_MARK_BYTES",
    "WINDOWS_1252",
    "CodeList",
    "ConfigurationRefused",
    "Declaration",
    "DelimitedRecord",
    "DeliveriesRefused",
    "DestructionIncomplete",
    "ExactNumber",
    "KeyRefused",
    "NotAnonymous",
    "ObjectionsRefused",
    "ProgressWriter",
    "Refusal",
    "RightsRefused",
    "StageListener",
    "StateRefused",
    "Stopwatch",
    "TextFault",
    "UnreadableText",
    "UsageRefused",
    "atomic_replacement",
    "brin_to_number",
    "brin_to_number_sql",
    "decode_text",
    "describe_problem",
    "describe_validation_errors",
    "digest_code_lists",
    "elfproef_remainder_sql",
    "format_line_numbers",
    "format_stage_line",
    "is_onderwijsnummer",
    "is_plain_pgn_sql",
    "iterate_lines",
    "joins_several_records",
    "locate_defect",
    "new_solver",
    "normalise_line_ends",
    "normalise_pgn",
    "normalise_pgn_sql",
    "number_to_brin",
    "open_delimited_text",
    "parse_records",
    "pgn_kind_sql",
    "read_declaration",
    "several_problems",
    "split_fields",
    "strip_ignored_sql",
    "sync_folder",
    "unsupported_refusal",
]
