"""What is verified, against what, and what was found; never a value of a person or school."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.keys.project_keys import ProjectKey

ACCOUNTED_COUNTS = (
    "pupils_records",
    "pupils_released",
    "pupils_suppressed",
    "pupils_objected",
    "pupils_set_aside",
    "pupils_withdrawn",
    "rows_current",
    "rows_used",
    "rows_not_selected",
    "rows_set_aside",
    "rows_objected",
    "pupils_without_instruction",
    "rows_without_instruction",
)
"""What a release says of its own sums."""

FINDING_DEFINITIONS: dict[str, str] = {
    "SCHEMA": "Columns are not just the selection as text, in its order, and then the control columns",
    "PROTOCOL": "The table asks readers or writers for more than protocol (1,2)",
    "PROPERTIES": "Properties of the table are missing, differ or are too many",
    "COMMIT": "The table is not the one commit of this release, with its id as the note",
    "LOG": "The log or a footer holds more than counts: statistics, partitions, comments or metadata",
    "IDENTIFYING_COLUMN": "Released columns have the name of what identifies a pupil, teacher or school",
    "VALUE_NULL": "Released values are empty; a pupil without a value shows `onbekend` or wider",
    "VALUE_NOT_IN_HIERARCHY": "Released values are no label of their column's hierarchy",
    "LOOKS_LIKE_PUPIL": "Released values look like the number of a pupil",
    "LOOKS_LIKE_SCHOOL": "Released values look like the code of a school",
    "PSEUDONYM": "Pseudonyms of pupils or schools are not the keyed ones, or lacking, or out of place",
    "ORDER": "Rows are not in the order of their released values",
    "SPLIT": "Equal records stand in more than one file",
    "K": "Classes hold fewer pupils than k",
    "SCHOOLS": "Classes come from fewer schools than m",
    "SHARE": "Classes have a school with more than its largest share",
    "OTHERS": "Classes hold fewer than k_others pupils without their largest school",
    "BOARDS": "Classes come from schools of fewer boards than m",
    "BOARD_SHARE": "Classes have a school board that knows more than the largest share",
    "BOARD_OTHERS": "Classes hold fewer than k_others pupils without those of the board that knows most",
    "SENSITIVE": "Classes give away more of a sensitive value than its constraint allows",
    "BLANKED": "Sensitive values are hidden or shown otherwise than by whole classes with covers",
    "DIFFERENCE": "Subtracted from the published release it shows too much",
    "OBJECTOR": "Pupils are in it who objected, were not allowed, or are of a school held back",
    "INSTRUCTION": "Pupils are in it with results of a school that gave no instruction",
    "CONSENT": "Pupils show a special-category value in it without their consent",
    "PUPIL_UNKNOWN": "Pupils are in it without any selected result",
    "PUPIL_TWICE": "Pupils are in it more than once",
    "SCHOOL_UNTRUE": "Schools are named for pupils whose selected results do not come from there",
    "SUMS": "Counts do not close, or differ from what was counted here",
    "REBUILT": "Pupils' released values, home school or other schools are not what their results give",
}
"""Every finding there can be, and what it says."""


@dataclass(frozen=True)
class PublishedPredecessor:
    """The published release: what is remembered of it, its table, and whether new pupils may enter."""

    memory: Path
    table: Path
    newcomers: bool


@dataclass(frozen=True)
class VerificationSubject:
    """One staged release, and everything it is held against."""

    project: Project
    platform: Platform
    key: ProjectKey
    stage: Path
    release_id: str
    results: Path
    batches: tuple[int, ...]
    objections: Path
    instructions: Path
    consents: Path
    hierarchies: Path
    today: dt.date
    counts: Mapping[str, int]
    memory: Path | None
    """What is remembered of this release itself; of a pseudonymous one nothing."""
    before: PublishedPredecessor | None

    @property
    def school_list(self) -> Path:
        """The school list, which says which board a school has: beside the hierarchies."""
        return self.hierarchies.parent / "scholen.csv"


@dataclass(frozen=True)
class Finding:
    """One reason to refuse a release: its code, a sentence, and how many cases there are."""

    code: str
    sentence: str
    count: int

    def __post_init__(self) -> None:
        if self.code not in FINDING_DEFINITIONS or self.count < 1:
            raise ValueError("a finding has a known code and at least one case")


@dataclass(frozen=True)
class VerificationResult:
    """What a verification found and looked for.

    `checked` names the checks that ran to their end, `not_repeated` says in sentences what could not be
    looked at. `measures` and `checksum` are exact: `measures` is for the restricted record.
    """

    found: tuple[Finding, ...]
    checked: tuple[str, ...]
    not_repeated: tuple[str, ...]
    measures: dict[str, int | float]
    checksum: tuple[int, str]

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(finding.code for finding in self.found)


def finding_if_any(code: str, count: int, more: str = "") -> list[Finding]:
    """No finding for no case, else one; `more` may name columns or properties, never a value of a person."""
    sentence = f"{FINDING_DEFINITIONS[code]} ({more})." if more else f"{FINDING_DEFINITIONS[code]}."
    return [Finding(code, sentence, count)] if count else []


def finding_naming(code: str, names: Iterable[str]) -> list[Finding]:
    """One finding for the columns, properties or places named."""
    cases = sorted(set(names))
    return finding_if_any(code, len(cases), ", ".join(cases))
