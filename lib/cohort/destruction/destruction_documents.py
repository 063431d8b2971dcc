"""The documents of a destruction: the restricted journal of its steps, and the certificate that everybody may read.

Their keys on disk are part of the document formats and do not change; a key that a later version adds is absent
from older documents. The schemas in `docs/schemas` are generated from these types.
"""

from __future__ import annotations

from pydantic import ConfigDict

from cohort.release_records import ProjectState
from cohort.storage import DocumentPart

ItemRow = tuple[str, str, int, str]
"""Place, path, bytes and SHA-256 of one file."""


class FolderTotals(DocumentPart):
    """What one place of a project holds."""

    files: int
    bytes: int


class PlannedRelease(DocumentPart):
    """A release of a project that is to be destroyed, with its state."""

    release: int
    state: str


class InventorySummary(DocumentPart):
    """What a dry run of `destroy` shows: counts, and one hash of the whole inventory."""

    project: str
    state: ProjectState
    places: dict[str, FolderTotals]
    key: bool
    releases: tuple[PlannedRelease, ...]
    inventory_sha256: str


class Confirmation(DocumentPart):
    """Who confirmed a destruction, and when."""

    by: str
    at: str


class DestructionStep(DocumentPart):
    """One step that was completed: when, its name, and its outcome in words."""

    at: str
    step: str
    what: str


class SearchCounts(DocumentPart):
    """One search in numbers: terms found, by kind of place where; files and bytes read, files not decoded."""

    marks: int
    where: dict[str, int]
    files: int
    bytes: int
    not_decoded: int


class JournalledInventory(DocumentPart):
    """The inventory as the journal keeps it."""

    items: tuple[ItemRow, ...]
    key: bool
    releases: tuple[tuple[int, str], ...]
    versions: int
    """Number of versions of the published table."""


class JournalledSurvivors(DocumentPart):
    """What the store was asked for after the removal, of which it had nothing, and what it cannot be asked for."""

    asked: tuple[str, ...]
    unseen: tuple[str, ...]


class JournalledTerm(DocumentPart):
    """A search term as the journal keeps it: a label and kind that may be shown, and its value in hexadecimal."""

    label: str
    kind: str
    hex: str


class DestructionJournalDocument(DocumentPart):
    """The restricted journal of a destruction, `restricted/records/<project>/destruction.json`.

    A key is absent until the step that sets it is completed.
    """

    model_config = ConfigDict(json_schema_extra={"$id": "destruction-journal-1"})

    project: str
    confirmed: tuple[Confirmation, ...] = ()
    events: tuple[DestructionStep, ...] = ()
    inventory: JournalledInventory | None = None
    marks: tuple[JournalledTerm, ...] | None = None
    control: SearchCounts | None = None
    """The search before removal, which found every term."""
    emptied: str | None = None
    """How the published table was emptied, in words."""
    survivors: JournalledSurvivors | None = None
    again: SearchCounts | None = None
    """The search after removal, which found none."""


class DestroyedRelease(DocumentPart):
    """A release that was destroyed, with the state it had."""

    release: int
    id: str
    was: str


class RemovedParts(DocumentPart):
    """What a destruction removed."""

    places: dict[str, FolderTotals]
    versions: int
    key: bool
    releases: tuple[DestroyedRelease, ...]
    inventory_sha256: str


class ListingProof(DocumentPart):
    """Files of the inventory, and how many of them are gone."""

    files_before: int
    gone_after: int


class RemovalProof(DocumentPart):
    """How it was proved that nothing of the project is left."""

    listing: ListingProof
    reading: str
    marks: dict[str, int]
    """Number of search terms by kind."""
    found_before: SearchCounts
    found_after: SearchCounts
    not_searched: tuple[str, ...]


class DestructionCertificate(DocumentPart):
    """The certificate of a destroyed project, `records/<project>/certificate.json`: counts, never a search term."""

    model_config = ConfigDict(json_schema_extra={"$id": "destruction-certificate-1"})

    project: str
    state: ProjectState
    destroyed_at: str
    confirmed: tuple[Confirmation, ...]
    removed: RemovedParts
    looked_for: RemovalProof
    survivors: tuple[str, ...] = ()
    """What the store was asked for that may keep removed files, and had nothing of the project."""
    cannot_see: tuple[str, ...]
    """What the proof does not cover."""
    steps: tuple[DestructionStep, ...]
