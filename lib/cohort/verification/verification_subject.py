"""What one verification examines: a staged or published release with everything it is checked against."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cohort.agreements import Platform, Project
from cohort.keys import ProjectKey
from cohort.storage import StoragePath


@dataclass(frozen=True)
class PublishedPredecessor:
    """The published release that a new stage will replace.

    Args:
        snapshot: folder of its class snapshot.
        table: folder of the published table.
        allows_new_pupils: whether the new release may hold pupils that this one does not have.
    """

    snapshot: StoragePath
    table: StoragePath
    allows_new_pupils: bool


@dataclass(frozen=True, kw_only=True)
class ReleaseSources:
    """What a release is made from, and by which lists and on which day it is judged.

    Args:
        project: the project's declaration.
        platform: the platform's declaration, with its floors.
        key: the project's key.
        results: folder of the restricted results.
        batches: the batches of results that the release is made from.
        objections: folder of the objection lists; the number changes and restricted zones are its siblings.
        instructions: folder of the instruction lists.
        consents: folder of the consent lists.
        hierarchies: folder of the hierarchy files.
        today: the day by which lists and school boards are judged.
    """

    project: Project
    platform: Platform
    key: ProjectKey
    results: StoragePath
    batches: tuple[int, ...]
    objections: StoragePath
    instructions: StoragePath
    consents: StoragePath
    hierarchies: Path
    today: dt.date

    @property
    def school_list(self) -> StoragePath:
        """The school list, which names each school's boards: it stands beside the hierarchies."""
        return self.hierarchies.parent / "scholen.csv"

    @property
    def test_list(self) -> StoragePath:
        """The list of tests, which has the lowest and the highest score of each."""
        return self.hierarchies.parent / "toetsen.csv"


@dataclass(frozen=True)
class RecordedCovariance:
    """A covariance matrix of the release's record.

    Args:
        group: the label of each grouping column.
        degrees_of_freedom: pupils less classes.
        columns: the columns of the matrix.
        rows: its rows.
    """

    group: Mapping[str, str]
    degrees_of_freedom: int
    columns: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class VerificationSubject(ReleaseSources):
    """One release and everything it is checked against.

    Args:
        table: folder of the staged table; for `verify_rights` that of the published one.
        release_id: the note that the table's commit must carry.
        counts: the counts that the release recorded.
        snapshot: folder of the release's own class snapshot; none for a pseudonymous release.
        predecessor: the published release, if there is one and the project is anonymous.
        covariances: the covariance matrices that the release recorded.
    """

    table: StoragePath
    release_id: str
    counts: Mapping[str, int]
    snapshot: StoragePath | None
    predecessor: PublishedPredecessor | None
    covariances: tuple[RecordedCovariance, ...] = ()


@dataclass(frozen=True)
class PublishedTable:
    """A published table with what its files alone can be checked against.

    Args:
        project: the project's declaration.
        platform: the platform's declaration, with its floors.
        table: folder of the published table.
        release_id: the release that the table must show.
        released_rows: the exact number of rows that it must have.
        hierarchies: folder of the hierarchy files; the school list stands beside it.
        key: the project's key; required for a pseudonymous project.
        today: the day by which a school's present board is chosen; required for a pseudonymous project.
    """

    project: Project
    platform: Platform
    table: StoragePath
    release_id: str
    released_rows: int
    hierarchies: Path
    key: ProjectKey | None = None
    today: dt.date | None = None

    @property
    def school_list(self) -> StoragePath:
        return self.hierarchies.parent / "scholen.csv"
