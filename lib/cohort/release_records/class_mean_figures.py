"""What a release record says of class means: how many classes show one, and the covariance matrices beside them."""

from __future__ import annotations

from cohort.storage import DocumentPart


class ClassMeanCounts(DocumentPart):
    """The class means of one column, counted.

    `step` is in points. `classes_changed` are those without a mean for no other reason than that a mean in the release
    before, with other pupils or another value, could be compared with it.
    """

    step: str
    classes_with_mean: int
    classes_without_mean: int
    pupils_without_mean: int
    classes_changed: int = 0


class CovarianceMatrix(DocumentPart):
    """The pooled within-class covariance matrix of one group, in points squared, rounded.

    `group` has the label of each grouping column; `*` in all of them for the classes that have no group of their own.
    """

    group: dict[str, str]
    degrees_of_freedom: int
    columns: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]


class ClassMeanFigures(DocumentPart):
    """The class means of a release by column, its covariance matrices, and the pupils who are in none of them."""

    columns: dict[str, ClassMeanCounts]
    covariances: tuple[CovarianceMatrix, ...] = ()
    pupils_without_covariance: int = 0
