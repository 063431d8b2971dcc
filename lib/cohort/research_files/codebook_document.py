"""The codebook of a release as a document: study, file, and every variable with its categories, codes and labels.

The page, the DDI document and the exported files are made from it, so that no label or code stands in two versions.
It stands beside the published table, for whoever may read that.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict

from cohort.storage import DocumentPart

MissingKind = Literal["unknown", "generalised"]
"""Why a category is no value: not known to the school, or generalised away altogether."""
MISSING_CODES: dict[MissingKind, int] = {"unknown": -1, "generalised": -2}
"""The numeric code of each kind of missing value, in every variable."""


SyntheticSource = Literal["table", "agreement"]
"""What the rows of a twin were made from: figures of the published table, or the agreement alone."""


class BilingualText(DocumentPart):
    """A text in Dutch and in English."""

    nl: str
    en: str

    def in_language(self, code: str) -> str:
        """The text in one of the languages, `nl` or `en`."""
        return self.nl if code == "nl" else self.en


class CodebookCategory(DocumentPart):
    """A value that occurs, with its numeric code in exported files and its labels.

    `level` is the finest level of the hierarchy that has the value; 0 is exact.
    """

    value: str
    code: int
    label: BilingualText
    level: int
    missing: MissingKind | None = None


class CodebookShares(DocumentPart):
    """Shares of the rows in whole per cents, made from rounded counts; None where the count is too small to be told."""

    generalised: int | None
    """Rows that show a wider value than the exact one, those generalised away included."""
    generalised_away: int | None
    unknown: int | None


class CodebookVariable(DocumentPart):
    """A released column.

    A `category` column is text, with a numeric code per value in some exported files. A `bound` is a whole number, the
    lower or upper bound of the band that `bound_of` shows. A `mean` is a decimal number: the mean of exact scores of
    `mean_of` over all rows with the same labels, rounded to `step` points; null where it is not shown. A `pseudonym` is
    text of hexadecimal digits.
    """

    name: str
    kind: Literal["category", "bound", "mean", "pseudonym"]
    label: BilingualText
    role: Literal["quasi-identifying", "sensitive"] | None = None
    reason: str | None = None
    """What the research question needs the column for, as agreed."""
    domain: BilingualText | None = None
    scale: str | None = None
    ordered: bool = False
    """Whether the order of the categories means something; values of different levels overlap."""
    categories: tuple[CodebookCategory, ...] = ()
    levels: tuple[int, ...] = ()
    """The levels of the hierarchy at which the column is shown."""
    shares: CodebookShares | None = None
    """None of a bound, a pseudonym, and a column of special-category results."""
    bound_of: str | None = None
    bound: Literal["lower", "upper"] | None = None
    mean_of: str | None = None
    step: str | None = None


class CodebookCovariance(DocumentPart):
    """The covariance matrix of scores within classes, pooled over the classes of a group, in points squared.

    `group` has the label of each grouping column, `*` for the classes without a group of their own. Its degrees of
    freedom are rounded as counts are.
    """

    group: dict[str, str]
    degrees_of_freedom: int | None
    columns: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]


class Codebook(DocumentPart):
    """The codebook of one release, or of its twin. Counts are rounded, and None up to `hidden_up_to`."""

    model_config = ConfigDict(json_schema_extra={"$id": "codebook-1"})

    project: str
    release: str
    """The note of the release, as the table property `cohort.release` has it."""
    question: str
    controller: str
    research_group: str
    legal_basis: str
    release_class: Literal["anonymous", "pseudonymous"]
    published: str
    expires: str
    school_years: tuple[str, ...]
    year_groups: tuple[str, ...]
    """None of them: all year groups."""
    k: int
    m: int
    recoding: Literal["global", "local"]
    rows: int | None
    suppressed_percent: int | None
    hidden_up_to: int
    rounded_to: int
    variables: tuple[CodebookVariable, ...]
    covariances: tuple[CodebookCovariance, ...] = ()
    """Beside class means alone."""
    synthetic: SyntheticSource | None = None
    """What the rows of a twin were made from: no row of it is a pupil. None of a release."""

    @property
    def keywords(self) -> list[BilingualText]:
        """The domains of the variables, each once."""
        return list({v.domain.nl: v.domain for v in self.variables if v.domain is not None}.values())
