"""Finding codes with their definitions, single findings, and the result of one verification.

Every check of the verifier returns `Finding`s; `verify_stage` and `verify_published_table` collect them in a
`VerificationResult`. A finding never holds a value of a person or a school.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

FINDING_DEFINITIONS: dict[str, str] = {
    "SCHEMA": "Columns are not exactly the agreed selection, in its order and types, and then the control columns",
    "PROTOCOL": "The table requires another Delta protocol than (1,2) or a table feature",
    "PROPERTIES": "Table properties are missing, differ from what they must be, or are too many",
    "COMMIT": "The table does not consist of the one commit of this release, with the release's id as its note",
    "LOG": "The log or a file footer holds more than row counts: statistics, partitions, comments or metadata",
    "IDENTIFYING_COLUMN": "Released columns are named after something that identifies a pupil, teacher or school",
    "VALUE_NULL": "Released values are null; a pupil without a value must show `onbekend` or a wider label",
    "VALUE_NOT_IN_HIERARCHY": "Released values are not labels of their column's hierarchy",
    "BOUNDS": "Released bounds of bands are not those that the label beside them states",
    "MEANS": "Class means or their covariance matrices are not those agreed, or would give somebody's score away",
    "LOOKS_LIKE_PUPIL": "Released values look like a pupil number",
    "LOOKS_LIKE_SCHOOL": "Released values look like a school code",
    "PSEUDONYM": "Pseudonyms of pupils or schools are not the keyed ones, are missing, or are not allowed",
    "ORDER": "Rows are not sorted by their released values",
    "SPLIT": "Equal records are spread over more than one file",
    "K": "Equivalence classes have fewer than k pupils",
    "SCHOOLS": "Equivalence classes have pupils of fewer than m schools",
    "SHARE": "In equivalence classes one school knows more than the largest share of the pupils",
    "OTHERS": "Equivalence classes have fewer than k_others pupils outside the school that knows most of them",
    "BOARDS": "Equivalence classes have pupils of fewer than m school boards",
    "BOARD_SHARE": "In equivalence classes one school board knows more than the largest share of the pupils",
    "BOARD_OTHERS": "Equivalence classes have fewer than k_others pupils outside the board that knows most of them",
    "SENSITIVE": "Equivalence classes disclose more of the sensitive value than the agreed limits allow",
    "BLANKED": "Sensitive values are hidden or shown otherwise than by whole classes with keyed cover classes",
    "DIFFERENCE": "Subtracting the release from the published one discloses too few pupils or their values",
    "OBJECTOR": "Pupils are in the release who objected, are not permitted, or are of a school that is held back",
    "INSTRUCTION": "Pupils are in the release with results of a school that gave no instruction",
    "CONSENT": "Pupils show a special-category value in the release without their consent",
    "PUPIL_UNKNOWN": "Pupils are in the release who have no selected result",
    "PUPIL_TWICE": "Pupils are in the release more than once",
    "SCHOOL_UNTRUE": "Rows name a school from which the pupil has no selected result",
    "SUMS": "The release's counts do not add up, or differ from what the verifier counted",
    "REBUILT": "Released values, home school or other schools differ from the record rebuilt from the results",
}
"""Every finding code with its definition: `docs/reference/finding-codes.md` lists the same."""


@dataclass(frozen=True)
class Finding:
    """One reason to refuse a release.

    Args:
        code: a key of `FINDING_DEFINITIONS`.
        sentence: the definition, with the names of columns, properties or rules that it concerns.
        count: number of cases, at least one: pupils, rows, classes, columns or properties, by code.
    """

    code: str
    sentence: str
    count: int

    def __post_init__(self) -> None:
        if self.code not in FINDING_DEFINITIONS or self.count < 1:
            raise ValueError("a finding has a defined code and at least one case")


@dataclass(frozen=True)
class VerificationResult:
    """The findings of one verification, and what was and was not checked.

    Args:
        findings: every finding; any one refuses the release.
        checked: the codes whose checks ran to their end.
        not_repeated: sentences on what a published table alone no longer allows to check.
        measures: exact numbers of the classes, by name; for the restricted record only.
        checksum: number of rows and checksum of the released columns, as `delta.checksum_rows` computes it.
    """

    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    not_repeated: tuple[str, ...]
    measures: dict[str, int | float]
    checksum: tuple[int, str]

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(finding.code for finding in self.findings)


def finding_if_any(code: str, count: int, detail: str = "") -> list[Finding]:
    """Return one finding, or none when there is no case.

    Args:
        code: the finding code.
        count: the number of cases.
        detail: names of columns, properties or rules, appended in parentheses; never a value of a person.
    """
    sentence = f"{FINDING_DEFINITIONS[code]} ({detail})." if detail else f"{FINDING_DEFINITIONS[code]}."
    return [Finding(code, sentence, count)] if count else []


def finding_naming(code: str, names: Iterable[str]) -> list[Finding]:
    """Return one finding that names the columns, properties or places concerned, or none for no name."""
    cases = sorted(set(names))
    return finding_if_any(code, len(cases), ", ".join(cases))
