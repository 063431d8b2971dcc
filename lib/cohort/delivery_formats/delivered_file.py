"""One delivery as its recognition describes it: what kind of file it is, how its reader reads it, why it is rejected.

Made by `file_recognition` and `text_recognition`, completed by `transcripts`, accounted for by ingestion. It holds
nothing of the content of the file but the names of its columns and the code of its school.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cohort.delivery_formats.file_reason_codes import FILE_NAME, UNREADABLE
from cohort.delivery_formats.format_declarations import UnrecognisedHeader
from cohort.foundation import BRIN_PATTERN, UTF8, locate_defect
from cohort.storage import StoragePath


class DeliveryKind(StrEnum):
    """The kinds of delivery, by who reads them; the ledger keeps these texts."""

    TEXT = "text"
    """Delimited text with a row a line: Spark reads the file as it is."""
    UNEVEN_TEXT = "uneven"
    """Delimited text in which a row is not always the next line: a quote stays open at the end of a line, a line is
    empty or has nothing but delimiters, or the header or a byte order mark occurs again."""
    WORKBOOK = "sheet"
    """A spreadsheet (`.xlsx`)."""
    ROSTER = "roster"
    """A list of pupils (EDEXML, UWLR)."""
    RESULTS = "results"
    """Results that are joined to a roster (UWLR)."""
    KNOWN = "known"
    """A file that an earlier run took in."""
    REPEATED = "repeated"
    """A container of which every member was delivered otherwise, too."""


@dataclass(frozen=True)
class DeliveredFile:
    """One delivery: a file in the folder of deliveries, or a member of a container there.

    Attributes:
        path: where its bytes are: the file itself, or a copy or transcript in the scratch folder.
        sha256: the digest of its bytes.
        name: the name that the school knows it by.
        received: when it was received, in nanoseconds.
        delivery_kind: who reads it.
        format: the declared format of a text or workbook.
        supplier: the supplier of the format.
        encoding: the encoding of a text.
        columns: the canonical column at each position of its header; None for a column that is not read.
        rows: the number of its rows.
        rejection: the reason code for which it is rejected, None where it is not.
        header_difference: how the header differs from the closest format, where it is rejected for that.
        container: the digest of the container that it was packed in.
        has_line_numbers: whether its first field is the number of the line or element in the file as sent.
        wide_blanks: whether other blanks than spaces may stand around its values.
        school: the BRIN of its school, where it is known.
        joined_counts: how many results were joined to their pupil on which key, where results have no pupil number.
        warnings: the warnings of its reader, each with a number; no row is refused for them.
        origin: the file in the folder of deliveries that it is, or is packed in.
        is_accompanying: whether it holds no data but lies beside data in a container.
        rejected_lines: the lines for which it is rejected.
        defect: the type and the lines of code of the exception behind `UNREADABLE`, never its message.
        unread_columns: the columns of its header that are not read, as its feedback names them.
        plain_header: the header of a text in UTF-8 that has a row a line and no quote, so that its lines need only be
            cut at the delimiter. None for any other file.
        has_equal_lines: whether a line of the text occurs twice; one of the two rows will be refused.
    """

    path: StoragePath
    sha256: str
    name: str
    received: int = 0
    delivery_kind: DeliveryKind = DeliveryKind.TEXT
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
    origin: StoragePath | None = None
    is_accompanying: bool = False
    rejected_lines: tuple[int, ...] = ()
    defect: str | None = None
    unread_columns: tuple[str, ...] = ()
    plain_header: str | None = None
    has_equal_lines: bool = False

    @property
    def misnamed(self) -> bool:
        """Whether it is rejected for its name."""
        return self.rejection == FILE_NAME

    def as_unreadable(self, defect: BaseException | str) -> DeliveredFile:
        """Reject the file for a defect of this software; the next run tries it again."""
        description = defect if isinstance(defect, str) else describe_defect(defect)
        return replace(self, rejection=UNREADABLE, defect=description)


def describe_defect(defect: BaseException) -> str:
    """Describe an exception by its type and the lines of code, without its message, which could hold a value."""
    return f"{type(defect).__name__} at {locate_defect(defect) or 'a library'}"


def school_of_first_row(first_row: Sequence[str], columns: Sequence[str | None]) -> str | None:
    """Find the school that the first row names; it gets the feedback where no row of the file can be read.

    Returns:
        A BRIN, None where the row has none.
    """
    brin = dict(zip(columns, first_row, strict=False)).get("brin", "").strip()[:4]
    return brin if BRIN_PATTERN.fullmatch(brin) else None
