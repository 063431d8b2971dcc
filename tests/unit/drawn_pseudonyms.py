"""The drawn release as a pseudonymous one: its stage, and its table as it is published."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from tests.unit import drawn_release as drawn
from tests.unit.drawn_legal_basis import write_declared_list
from tests.unit.drawn_release import COLUMNS, Row, Stage, mac

from cohort import delta
from cohort.agreements.project import Project
from cohort.legal_basis.instruction_register import INSTRUCTION_LISTS
from cohort.release import publication
from cohort.verification.verification_subject import VerificationSubject

NAMES = ["pupil", "school"]


def project(**changes: Any) -> Project:
    return drawn.project(**{"release_class": "pseudonymous", **changes})


def row(n: int, **cells: object) -> Row:
    """The row of one pupil, with the pseudonyms that researchers see."""
    staged = drawn.released(n)
    return {**staged, "pupil": staged["_pupil"].hex(), "school": staged["_school"].hex(), **cells}


def stage(*rows: Row, **changes: Any) -> Stage:
    staged: list[Row] = list(rows) or [row(n) for n in range(60)]
    return Stage(**{"rows": staged, "columns": [*COLUMNS, *NAMES], **changes})


def pupil(n: int) -> str:
    return mac(f"pgn|{drawn.bsn(n)}").hex()


def school(brin: str) -> str:
    return mac(f"brin|{brin}").hex()


def instruct(root: Path, schools: Iterable[str] = drawn.SCHOOLS) -> None:
    """The explicit instruction of each school, for this project and all of its columns."""
    lines = [f"{brin};;pseudonimiseren;proef;{','.join(COLUMNS)};bestuur;2020-01-01;;" for brin in schools]
    write_declared_list(root / "instructions", INSTRUCTION_LISTS.column_names, lines, drawn.TODAY, "pseudonimiseren")


def subject(folder: Path, results_at: Path, drawn_stage: Stage | None = None, **changes: Any) -> VerificationSubject:
    """A stage of the pseudonymous project, with the instructions of its schools."""
    instruct(folder)
    return drawn.subject(folder, results_at, drawn_stage or stage(), **{"project": project(), **changes})


def published(spark: SparkSession, folder: Path, table: Path, own: Project, *rows: Row) -> int:
    """The stage's rows as the project's table; gives their number."""
    released = delta.read_table(spark, stage(*rows).write(folder / f"drawn-{table.name}")).select(*COLUMNS, *NAMES)
    count = len(rows) or 60
    publication.replace_published_rows(released, count, table, own, "proef-1", drawn.platform())
    return count
