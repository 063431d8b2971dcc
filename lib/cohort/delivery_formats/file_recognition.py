"""Recognition of a file in the folder of deliveries from its own bytes: what kind it is, or why it is rejected.

Ingestion calls `recognise_deliveries` for every file. A container is unpacked into the restricted zone, so that each
delivery in it is a file of its own. The name of a file decides nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from typing import IO

from cohort.agreements import ContainerLimits
from cohort.delivery_formats import (
    accompanying_files,
    containers,
    edexml,
    file_types,
    header_diagnosis,
    text_recognition,
    uwlr,
    xml_messages,
    xml_stream,
)
from cohort.delivery_formats.delivered_file import DeliveredFile, DeliveryKind
from cohort.delivery_formats.file_reason_codes import FILE_NAME, FILE_TOO_LARGE, DeliveryRejected
from cohort.delivery_formats.format_declarations import DeliveryFormats
from cohort.storage import StoragePath, open_to_read

FILE_NAME_PATTERN = re.compile(r"[^\W_][\w .,()+=@-]*")
"""Names that no file system and no pattern misreads: Spark reads `[1]` in a path as a pattern."""
XML_ROOT_KINDS = {
    **dict.fromkeys(sorted(edexml.ROSTER_SHAPE.root_names), DeliveryKind.ROSTER),
    uwlr.UWLR_RESULTS_ROOT: DeliveryKind.RESULTS,
}
"""The kind of an XML document by the name of its root. A new XML message is added with its shape (`xml_messages`)."""
RECORDLESS_ROOT_PATTERN = re.compile(
    "(?:leerlinggegevens|structuur|leerlingen|leerkrachten)_verzoek|(?:structuur|leerkrachten)_antwoord|"
    "leerlinggegevens-(?:structuur|leerkrachten)|leerresultaten_(?:bevestiging|antwoord)|Fault"
)
"""Roots of messages without pupils and results: questions, confirmations, errors, groups, teachers."""
BESIDE_DATA = "BESIDE_DATA"
"""The warning of files that were packed beside the data and were not read."""


@dataclass(frozen=True)
class RecognitionContext:
    """What recognition needs to know: formats, limits, and what earlier runs took in.

    Attributes:
        deliveries_folder: the folder of deliveries.
        scratch_folder: a folder in the restricted zone for unpacked files; it is emptied at the end of the run.
        formats: the declared formats.
        limits: the limits of files and containers.
        known_digests: the digests of files that earlier runs took in.
        newest_numbers: every pupil number that was replaced, with the newest number of its pupil.
    """

    deliveries_folder: StoragePath
    scratch_folder: StoragePath
    formats: DeliveryFormats
    limits: ContainerLimits
    known_digests: Container[str] = frozenset()
    newest_numbers: Mapping[str, str] = field(default_factory=dict, repr=False)


def recognise_deliveries(path: StoragePath, context: RecognitionContext) -> list[DeliveredFile]:
    """Recognise the deliveries in one file: the file itself, or the members of a container.

    A container counts whole or not at all. A file over the limits is not held in memory.

    Returns:
        The deliveries. One that was taken in before is `KNOWN` without a further look; one of which nothing can be
        trusted has a `rejection`.

    Raises:
        OSError: the file cannot be read.
    """
    file, content = _read_delivery(path, context)
    if file.rejection or file.delivery_kind == DeliveryKind.KNOWN:
        return [file]
    file_type = file_types.detect_file_type(content)
    if file_type not in file_types.CONTAINER_TYPES:
        return [_recognise_content(file, content, context)]
    try:
        members = containers.unpack_container(content, context.limits, file.name)
        unpacked = [_store_member(file, name, body, context) for name, body in members]
    except DeliveryRejected as rejected:
        return [replace(file, rejection=rejected.code)]
    except Exception as defect:
        return [file.as_unreadable(defect)]
    is_known = [member.delivery_kind == DeliveryKind.KNOWN for member in unpacked]
    recognised = [
        member if known else _recognise_member(member, context)
        for member, known in zip(unpacked, is_known, strict=True)
    ]
    return _without_accompanying_files(recognised)


def _read_delivery(path: StoragePath, context: RecognitionContext) -> tuple[DeliveredFile, bytes]:
    """Read a file and its digest; content that is too large, or was taken in before, is not returned."""
    with open_to_read(path) as opened:
        status = path.stat()
        too_large = _size_rejection(opened, status.st_size, context.limits)
        content = b"" if too_large else opened.read()
        digest = (hashlib.file_digest(opened, "sha256") if too_large else hashlib.sha256(content)).hexdigest()
    name = path.name.encode(errors="replace").decode()
    file = DeliveredFile(path, digest, name, status.st_mtime_ns, origin=path)
    if digest in context.known_digests:
        return replace(file, delivery_kind=DeliveryKind.KNOWN), b""
    if too_large:
        return replace(file, rejection=too_large), b""
    if not all(FILE_NAME_PATTERN.fullmatch(part) for part in path.relative_to(context.deliveries_folder).parts):
        return replace(file, rejection=FILE_NAME), b""
    return file, content


def _size_rejection(opened: IO[bytes], size: int, limits: ContainerLimits) -> str | None:
    """Return the reason code of a file that is larger than a delivery or a container may be; otherwise None."""
    if size <= limits.bytes_per_member:
        return None
    head = opened.read(file_types.HEAD_BYTES)
    opened.seek(0)
    if file_types.detect_file_type(head) in file_types.CONTAINER_TYPES:
        return containers.CONTAINER_BOMB if size > limits.max_container_bytes else None
    return FILE_TOO_LARGE


def _store_member(file: DeliveredFile, name: str, body: bytes, context: RecognitionContext) -> DeliveredFile:
    """Store a member of a container under its digest; its own name is used in feedback only."""
    digest = hashlib.sha256(body).hexdigest()
    shown_name = f"{file.name}/{name}".encode(errors="replace").decode()
    path = context.scratch_folder / digest
    member = replace(file, path=path, sha256=digest, name=shown_name, container=file.sha256)
    if digest in context.known_digests:
        return replace(member, delivery_kind=DeliveryKind.KNOWN)
    context.scratch_folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return member


def _recognise_member(member: DeliveredFile, context: RecognitionContext) -> DeliveredFile:
    """Recognise an unpacked member, read anew so that only one member is in memory."""
    try:
        content = member.path.read_bytes()
    except OSError as defect:
        return member.as_unreadable(defect)
    recognised = _recognise_content(member, content, context)
    is_accompanying = accompanying_files.is_accompanying_file(member.name, recognised.rejection, content)
    return replace(recognised, is_accompanying=is_accompanying)


def _recognise_content(file: DeliveredFile, content: bytes, context: RecognitionContext) -> DeliveredFile:
    """Recognise what is not a container; whatever goes wrong becomes the rejection of this file alone."""
    try:
        return _recognise_by_type(file, content, context)
    except DeliveryRejected as rejected:
        return replace(file, rejection=rejected.code)
    except Exception as defect:
        return file.as_unreadable(defect)


def _recognise_by_type(file: DeliveredFile, content: bytes, context: RecognitionContext) -> DeliveredFile:
    file_type = file_types.detect_file_type(content)
    if file_type in file_types.UNREAD_TYPE_REASONS:
        raise DeliveryRejected(file_types.UNREAD_TYPE_REASONS[file_type])
    if file_type == file_types.XLSX_WORKBOOK:
        return replace(file, delivery_kind=DeliveryKind.WORKBOOK)
    if xml_stream.is_xml(content):
        return replace(file, delivery_kind=_recognise_xml(content, context.limits))
    text_file = text_recognition.recognise_text(file, content, context.formats)
    if text_file.rejection != "HEADER_UNKNOWN":
        return text_file
    diagnosis = header_diagnosis.diagnose_text_header(content, context.formats)
    return header_diagnosis.reject_for_header(text_file, *diagnosis) if diagnosis else text_file


def _recognise_xml(content: bytes, limits: ContainerLimits) -> DeliveryKind:
    root = xml_messages.read_message_root(content, limits.bytes_per_member)
    if RECORDLESS_ROOT_PATTERN.fullmatch(root):
        raise DeliveryRejected(xml_messages.XML_NO_RECORDS)
    if root not in XML_ROOT_KINDS:
        raise DeliveryRejected(xml_stream.XML_UNKNOWN)
    return XML_ROOT_KINDS[root]


def _without_accompanying_files(files: list[DeliveredFile]) -> list[DeliveredFile]:
    """Leave out the files that lie beside the data of a container; the first new delivery warns of them."""
    deliveries = [file for file in files if not file.is_accompanying]
    accompanying = len(files) - len(deliveries)
    is_new = [file.delivery_kind != DeliveryKind.KNOWN for file in deliveries]
    if accompanying and any(is_new):
        first_new = is_new.index(True)
        deliveries[first_new] = replace(deliveries[first_new], warnings={BESIDE_DATA: accompanying})
    return deliveries or files
