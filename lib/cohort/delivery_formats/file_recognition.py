"""What a file in the folder of deliveries is, from its own bytes: a text of a known format, or why not.

A container is unpacked into the restricted zone, so that each delivery in it is a file of its own there.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from cohort.agreements.container_limits import ContainerLimits
from cohort.delivery_formats import (
    accompanying_files,
    containers,
    file_types,
    header_diagnosis,
    xml_messages,
    xml_stream,
)
from cohort.delivery_formats.file_reason_codes import UNREADABLE, DeliveryRejected
from cohort.delivery_formats.format_declarations import DeliveryFormats, UnrecognisedHeader
from cohort.delivery_formats.header_names import ENCODING_REASONS
from cohort.foundation import identifiers
from cohort.foundation.delimited_text import (
    KNOWN_DELIMITERS,
    UTF8,
    UTF8_MARK_BYTES,
    UTF16_MARK_BYTES,
    WINDOWS_1252,
    UnreadableText,
    decode_text,
    normalise_line_ends,
    split_fields,
)
from cohort.foundation.errors import locate_defect
from cohort.foundation.identifiers import BRIN_PATTERN

BLANK_CHARACTERS = "".join(map(chr, range(33)))
"""What Spark takes for an empty line holds nothing else."""
MARKS = KNOWN_DELIMITERS
"""Delimiters that a declaration may name."""
VALUELESS_CHARACTERS = BLANK_CHARACTERS + MARKS + "".join(identifiers.PLAIN_BLANKS)
EMPTY_ROW_STARTS = frozenset(VALUELESS_CHARACTERS + '"')
"""What an empty row begins with."""
MAX_FIELDS = 500
"""Spark's parser gives up, and the whole run with it, at a line of very many fields."""
FILE_NAME_PATTERN = re.compile(r"[^\W_][\w .,()+=@-]*")
"""Names that no file system and no pattern takes for something else: Spark reads `[1]` as a pattern."""
TEXT, UNEVEN, SHEET, ROSTER, RESULTS = "text", "uneven", "sheet", "roster", "results"
"""Kinds of delivery; in an `uneven` text a row is not always the next line: a quote stays open at the end of
one, an empty one stands before a row or the header, or one has nothing but delimiters."""
XML_ROOT_KINDS = {
    "EDEX": ROSTER,
    "leerlinggegevens_antwoord": ROSTER,
    "leerlinggegevens": ROSTER,
    "leerlingen_antwoord": ROSTER,
    "leerlinggegevens-leerlingen": ROSTER,
    "leerresultaten_verzoek": RESULTS,
}
RECORDLESS_ROOT_PATTERN = re.compile(
    "(?:leerlinggegevens|structuur|leerlingen|leerkrachten)_verzoek|(?:structuur|leerkrachten)_antwoord|"
    "leerlinggegevens-(?:structuur|leerkrachten)|leerresultaten_(?:bevestiging|antwoord)|Fault"
)
"""Roots of messages without pupils and results: questions, confirmations, errors, groups, teachers."""
FILE_TOO_LARGE = "FILE_TOO_LARGE"
KNOWN, REPEATED = "known", "repeated"
"""What was looked at before; a container of which every member is delivered otherwise, too."""
BESIDE_DATA = "BESIDE_DATA"
"""The warning of files that were packed beside the data and were not read."""


@dataclass(frozen=True)
class DeliveredFile:
    """One delivery as it was found: what it is, and why it cannot be read if so.

    `path` is where its bytes stand, `columns` the canonical column at each place of its header (None: not
    read on), `lined` whether its first field is the number of the line (or element) in what was sent,
    `wide_blanks` whether other blanks than spaces may stand around its values, `joined` how many of its
    results were joined to their pupil on what, where results have no number, `letter` whether it is no data
    but lies beside them in a container, `lines` the lines that it is rejected for.
    """

    path: Path
    sha256: str
    name: str
    received: int = 0
    delivery_kind: str = TEXT
    format: str = ""
    supplier: str = ""
    encoding: str = UTF8
    columns: tuple[str | None, ...] = ()
    rows: int = 0
    rejection: str | None = None
    header_difference: UnrecognisedHeader | None = None
    container: str | None = None
    has_line_numbers: bool = False
    wide_blanks: bool = False
    school: str | None = None
    joined_counts: dict[str, int] | None = None
    warnings: dict[str, int] = field(default_factory=dict)
    """What its reader has to tell of it, where no row is refused for it."""
    origin: Path | None = None
    """The file in the folder of deliveries that it is, or is packed in."""
    is_accompanying: bool = False
    rejected_lines: tuple[int, ...] = ()
    defect: str | None = None
    """Of an `UNREADABLE` one the type and the place in the code of what was raised, never its message."""
    unread_columns: tuple[str, ...] = ()
    """Columns of its header that are not read on, as its feedback names them."""

    @property
    def misnamed(self) -> bool:
        return self.rejection == "FILE_NAME"

    def as_unreadable(self, defect: BaseException | str) -> DeliveredFile:
        """The same file, left for the next run: what was raised says nothing of its content."""
        told = defect if isinstance(defect, str) else describe_defect(defect)
        return replace(self, rejected=UNREADABLE, defect=told)


def describe_defect(defect: BaseException) -> str:
    """A defect by its type and its place in the code."""
    return f"{type(defect).__name__} at {locate_defect(defect) or 'a library'}"


@dataclass(frozen=True)
class RecognitionContext:
    """What is known when files come in: the formats, the limits, what was taken in before."""

    deliveries_folder: Path
    scratch_folder: Path
    """A folder in the restricted zone, emptied at the end of the run."""
    formats: DeliveryFormats
    limits: ContainerLimits
    known_digests: Container[str] = frozenset()
    newest_numbers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Every pupil number that was replaced, with the newest of its pupil."""

    def arrivals(self, path: Path) -> list[DeliveredFile]:
        """The deliveries in one file: itself, or what it contains.

        Gives: a `known` one without a further look; `rejected` with a reason code when nothing in it can be
        trusted. A container counts whole or not at all; what is over the limits is not held in memory.
        """
        with path.open("rb", buffering=0) as opened:
            about = os.fstat(opened.fileno())
            too_large = self._too_large(opened, about.st_size)
            content = b"" if too_large else opened.read()
            digest = (hashlib.file_digest(opened, "sha256") if too_large else hashlib.sha256(content)).hexdigest()
        name = path.name.encode(errors="replace").decode()
        found = KNOWN if digest in self.known_digests else TEXT
        file = DeliveredFile(path, digest, name, about.st_mtime_ns, found, origin=path)
        if found == KNOWN:
            return [file]
        if too_large:
            return [replace(file, rejected=too_large)]
        if not all(FILE_NAME_PATTERN.fullmatch(part) for part in path.relative_to(self.deliveries_folder).parts):
            return [replace(file, rejected="FILE_NAME")]
        kind = file_types.detect_file_type(content)
        if kind not in file_types.CONTAINER_TYPES:
            return [self._looked_at(file, content, kind)]
        try:
            unpacked = [self._put(file, *one) for one in containers.unpack_container(content, self.limits, file.name)]
        except DeliveryRejected as rejected:
            return [replace(file, rejected=rejected.code)]
        except Exception as defect:
            return [file.as_unreadable(defect)]
        return _apart([one if one.delivery_kind == KNOWN else self._member(one) for one in unpacked])

    def _too_large(self, opened: IO[bytes], size: int) -> str | None:
        """Why a file is not read whole, if so: it is larger than a delivery or a container may be."""
        if size <= self.limits.bytes_per_member:
            return None
        head = opened.read(file_types.HEAD_BYTES)
        opened.seek(0)
        if file_types.detect_file_type(head) in file_types.CONTAINER_TYPES:
            return containers.CONTAINER_BOMB if size > self.limits.max_container_bytes else None
        return FILE_TOO_LARGE

    def _put(self, file: DeliveredFile, member: str, body: bytes) -> DeliveredFile:
        """A member under its fingerprint: the name it came with is trusted by nobody."""
        digest = hashlib.sha256(body).hexdigest()
        told = f"{file.name}/{member}".encode(errors="replace").decode()
        one = replace(file, path=self.scratch_folder / digest, sha256=digest, name=told, container=file.sha256)
        if digest in self.known_digests:
            return replace(one, kind=KNOWN)
        self.scratch_folder.mkdir(parents=True, exist_ok=True)
        one.path.write_bytes(body)
        return one

    def _member(self, file: DeliveredFile) -> DeliveredFile:
        """One that was unpacked; the bytes of the others are not in memory."""
        try:
            content = file.path.read_bytes()
        except OSError as defect:
            return file.as_unreadable(defect)
        found = self._looked_at(file, content, file_types.detect_file_type(content))
        return replace(found, letter=accompanying_files.is_accompanying_file(file.name, found.rejection, content))

    def _looked_at(self, file: DeliveredFile, content: bytes, kind: str | None) -> DeliveredFile:
        try:
            return self._one(file, content, kind)
        except DeliveryRejected as rejected:
            return replace(file, rejected=rejected.code)
        except Exception as defect:
            return file.as_unreadable(defect)

    def _one(self, file: DeliveredFile, content: bytes, kind: str | None) -> DeliveredFile:
        if kind in file_types.UNREAD_TYPE_REASONS:
            raise DeliveryRejected(file_types.UNREAD_TYPE_REASONS[kind])
        if kind == file_types.XLSX_WORKBOOK:
            return replace(file, kind=SHEET)
        if xml_stream.is_xml(content):
            root = xml_messages.read_message_root(content, self.limits.bytes_per_member)
            if RECORDLESS_ROOT_PATTERN.fullmatch(root):
                raise DeliveryRejected(xml_messages.XML_NO_RECORDS)
            if root not in XML_ROOT_KINDS:
                raise DeliveryRejected(xml_stream.XML_UNKNOWN)
            return replace(file, kind=XML_ROOT_KINDS[root])
        found = recognise_text(file, content, self.formats)
        near = (
            header_diagnosis.diagnose_text_header(content, self.formats)
            if found.rejection == "HEADER_UNKNOWN"
            else None
        )
        return reject_for_header(found, *near) if near else found


def reject_for_header(file: DeliveredFile, reason: str, header: header_diagnosis.MisplacedHeader) -> DeliveredFile:
    """A file whose header is not where it is read, or not as it is; it is of the school of its first row."""
    school = school_of_first_row(header.first_row, header.columns)
    return replace(file, rejected=reason, lines=(header.line_number,), differs=None, school=school)


def _apart(files: list[DeliveredFile]) -> list[DeliveredFile]:
    """The deliveries of a container; what lies beside them is told with the first that is new."""
    data = [file for file in files if not file.is_accompanying]
    beside = len(files) - len(data)
    first = next((place for place, file in enumerate(data) if file.delivery_kind != KNOWN), None)
    if beside and first is not None:
        data[first] = replace(data[first], warnings={BESIDE_DATA: beside})
    return data or files


def recognise_text(file: DeliveredFile, content: bytes, formats: DeliveryFormats) -> DeliveredFile:
    """What a text file is: its format by its header, its encoding, the number of its rows.

    Refuses: with a reason code, a text that no declared format fits.
    """
    try:
        text, encoding = decode_text(content, (UTF8, WINDOWS_1252))
    except UnreadableText as refused:
        return replace(file, **_undecoded(refused, content, formats))
    marked = content.count(UTF8_MARK_BYTES) > content.startswith(UTF8_MARK_BYTES)
    every = normalise_line_ends(text).split("\n")
    first = next((place for place, line in enumerate(every) if line_has_value(line)), len(every))
    lines = [line for line in every[first:] if line.strip(BLANK_CHARACTERS)]
    if len(lines) < 2:
        raise DeliveryRejected("EMPTY")
    if any(len(line) >= MAX_FIELDS and max(map(line.count, MARKS)) >= MAX_FIELDS for line in lines):
        raise DeliveryRejected("TOO_WIDE")
    rows = len(lines) - 1
    found = formats.recognise_line(lines[0].strip(BLANK_CHARACTERS.replace("\t", "")))
    if isinstance(found, UnrecognisedHeader):
        school = school_of_first_row(split_fields(lines[1], formats[found.closest_format].delimiter), found.columns)
        return replace(file, rejected=found.reason, differs=found, rows=rows, school=school)
    declared = formats[found.format_name]
    filled = [line for line in lines[1:] if line[0] not in EMPTY_ROW_STARTS or line_has_value(line)]
    if not filled:
        raise DeliveryRejected("EMPTY")
    rows = len(filled)
    file = replace(file, school=school_of_first_row(split_fields(filled[0], declared.delimiter), found.columns))
    if encoding not in declared.encodings and not text.isascii():
        return replace(file, rejected="NOT_UTF8" if encoding == WINDOWS_1252 else "ENCODING_OTHER", rows=rows)
    again = formats.find_repeated_headers(filled, found, lines[0])
    if any(columns != found.columns for columns in again.values()):
        return replace(file, rejected="HEADER_SECOND", rows=rows)
    broken = '"' in text and any(map(has_open_quote, lines))
    wide = any(blank in text and blank != declared.delimiter for blank in identifiers.PLAIN_BLANKS[1:])
    uneven = broken or marked or again or rows < len(lines) - 1 or every[: len(lines)] != lines
    return replace(
        file,
        kind=UNEVEN if uneven else TEXT,
        format=found.format_name,
        supplier=declared.supplier,
        columns=found.columns,
        unread=found.unread_columns,
        rows=rows,
        encoding=encoding,
        wide_blanks=wide,
    )


def line_has_value(line: str) -> bool:
    """Whether a line has a value: a spreadsheet's empty rows are written as delimiters alone."""
    left = line.strip(VALUELESS_CHARACTERS)
    return bool(left.replace('""', "").strip(VALUELESS_CHARACTERS) if left[:1] == '"' else left)


def has_open_quote(line: str) -> bool:
    """Whether a quote stays open at the end of a line."""
    return line.count('"') % 2 == 1


def school_of_first_row(first: Sequence[str], columns: Sequence[str | None]) -> str | None:
    """The school that the first row names: who hears why, where no row of the file can be read."""
    named = dict(zip(columns, first, strict=False)).get("brin", "").strip()[:4]
    return named if BRIN_PATTERN.fullmatch(named) else None


def _undecoded(refused: UnreadableText, content: bytes, formats: DeliveryFormats) -> dict[str, Any]:
    """Why a text is rejected that is in none of the encodings; its header may tell which one it is in."""
    if refused.fault != "ENCODING":
        return {"rejected": refused.fault}
    if content.startswith(UTF16_MARK_BYTES):
        return {"rejected": "ENCODING_UTF16"}
    header = normalise_line_ends(content.decode("cp1252", "replace")).lstrip().partition("\n")[0]
    found = formats.recognise_line(header)
    if isinstance(found, UnrecognisedHeader) and found.reason in ENCODING_REASONS.values():
        return {"rejected": found.reason, "differs": found}
    return {"rejected": "NOT_UTF8"}
