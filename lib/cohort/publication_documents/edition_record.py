"""The exact record of one edition of a publication, and the states that it goes through."""

from __future__ import annotations

from enum import StrEnum

from pydantic import ConfigDict

from cohort.foundation import StateRefused, describe_problem
from cohort.storage import DocumentPart


class EditionState(StrEnum):
    """How far an edition has come.

    STAGED: its files are written. AUDITED: the auditor found nothing. REFUSED: the auditor found something; it is
    never published. PUBLISHED: everybody may read it. SUPERSEDED: a later edition was published in its place.
    WITHDRAWN: it was taken back. What was ever published stays part of every later search and audit.
    """

    STAGED = "STAGED"
    AUDITED = "AUDITED"
    REFUSED = "REFUSED"
    PUBLISHED = "PUBLISHED"
    SUPERSEDED = "SUPERSEDED"
    WITHDRAWN = "WITHDRAWN"


EDITION_MOVES: dict[EditionState, frozenset[EditionState]] = {
    EditionState.STAGED: frozenset({EditionState.AUDITED, EditionState.REFUSED}),
    EditionState.AUDITED: frozenset({EditionState.PUBLISHED, EditionState.REFUSED}),
    EditionState.REFUSED: frozenset(),
    EditionState.PUBLISHED: frozenset({EditionState.SUPERSEDED, EditionState.WITHDRAWN}),
    EditionState.SUPERSEDED: frozenset({EditionState.WITHDRAWN}),
    EditionState.WITHDRAWN: frozenset(),
}
"""Every state, with the states that an edition may move to from it."""

EVER_PUBLIC = frozenset({EditionState.PUBLISHED, EditionState.SUPERSEDED, EditionState.WITHDRAWN})
"""The states of editions that an attacker may have read."""


class EditionEvent(DocumentPart):
    """A move of an edition: to which state, when, by whom, and why where somebody had to say so."""

    state: EditionState
    at: str
    by: str
    reason: str | None = None


class SearchFigures(DocumentPart):
    """What the search for hidden cells did; exact."""

    cells: int
    primary: int
    secondary: int
    cost: float
    lower_bound: float
    proven: bool
    seconds: float
    first_pattern_seconds: float
    attackers: int


class AuditFigures(DocumentPart):
    """What the auditor did: protected cells, attackers, programmes solved, and the number of findings by code."""

    protected_cells: int
    attackers: int
    programmes: int
    seconds: float
    earlier_editions: tuple[str, ...]
    findings: dict[str, int]


class EditionApproval(DocumentPart):
    """Who approved the publication, as a second person."""

    principal: str
    key_fingerprint: str | None
    at: str
    second_person: bool


class EditionRecord(DocumentPart):
    """One edition, exactly; restricted."""

    model_config = ConfigDict(json_schema_extra={"$id": "edition-record-1"})

    publication: str
    edition: int
    state: EditionState
    events: tuple[EditionEvent, ...]
    declaration_digest: str
    """SHA-256 of the publication's declaration file, as it was when the edition was made."""
    files: dict[str, str]
    """SHA-256 of every file of the edition, by its name; the published files have the same."""
    contributors_digest: str
    """SHA-256 of the counts per school that the edition was made from."""
    eligibility_digest: str
    """Digest of the lists of objections, instructions and number changes that were in force."""
    pupils: int
    schools: int
    objected: int
    """Pupils who were left out because of an objection."""
    search: SearchFigures | None
    audit: AuditFigures | None
    approval: EditionApproval | None

    def moved(self, event: EditionEvent, **changes: object) -> EditionRecord:
        """Move to another state, with further changes.

        Raises:
            StateRefused: the state does not allow the move (exit code 15).
        """
        if event.state not in EDITION_MOVES[self.state]:
            raise StateRefused(
                describe_problem(
                    f"an edition that may become {event.state}",
                    example="one that is "
                    + " or ".join(sorted(s for s, to in EDITION_MOVES.items() if event.state in to)),
                    found=f"one that is {self.state}",
                    where=f"edition {self.edition} of {self.publication}",
                    do="Make a new edition",
                )
            )
        return self.model_copy(update={"state": event.state, "events": (*self.events, event), **changes})
