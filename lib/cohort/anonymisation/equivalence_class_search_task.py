"""The task of a search for classes: what the search needs besides the pupils, and the request to the engine."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from cohort.agreements import Project, derive_class_constraints
from cohort.anonymisation.sensitive_columns import SensitiveColumn
from cohort.keys import ProjectKey
from cohort.sdc import Coding, RecodingRequest, parse_share


@dataclass(frozen=True, eq=False)
class ClassSearchTask:
    """What a search for classes needs besides the pupils.

    Args:
        project: the declaration of the project.
        coding: the coding of its quasi-identifiers.
        key: the key of the project; it draws which classes are blanked as covers.
        most_pupils_at_once: the most pupils that one search may have; a larger cohort is searched in parts.
        sensitive_column: the sensitive column with its rules, if the project has one.
    """

    project: Project
    coding: Coding
    key: ProjectKey
    most_pupils_at_once: int
    sensitive_column: SensitiveColumn | None = None

    @property
    def local(self) -> bool:
        """Whether each class has levels of its own."""
        return self.project.recoding.kind == "local"

    @property
    def suppression_limit(self) -> Fraction:
        """The part of the pupils that may be suppressed."""
        return parse_share(str(self.project.recoding.suppression_limit), "part of the pupils that may be suppressed")

    def request(self, suppression_limit: Fraction) -> RecodingRequest:
        """The request to the engine, as the project agreed it."""
        columns = self.project.quasi_identifiers
        tops = [hierarchy.height - 1 for hierarchy in self.coding.hierarchies]
        highest = [
            c.highest_level if c.highest_level is not None else top for c, top in zip(columns, tops, strict=True)
        ]
        return RecodingRequest(
            self.coding,
            tuple(derive_class_constraints(self.project)),
            objective=self.project.recoding.objective,
            suppression_limit=suppression_limit,
            weights=read_column_weights(self.project),
            lowest=tuple(column.lowest_level for column in columns),
            highest=tuple(highest),
        )


def read_column_weights(project: Project) -> tuple[float, ...]:
    """Read the weight of each quasi-identifier in the information loss; 1 where none was agreed."""
    return tuple(float(c.weight) if c.weight is not None else 1.0 for c in project.quasi_identifiers)
