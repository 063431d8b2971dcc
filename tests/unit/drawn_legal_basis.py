"""What schools and parents gave, for tests in which that is not what matters; and lists of it, to break."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.agreements.project import Project
from cohort.data_states.schemas import OBJECTED, PGN, AcceptedResults, PupilRecords
from cohort.legal_basis.consent_register import CONSENT_LISTS, NO_CONSENTED_PUPILS, ConsentedPupils, ConsentRegister
from cohort.legal_basis.eligibility import Eligibility
from cohort.legal_basis.instruction_register import INSTRUCTION_LISTS, InstructedSchools, InstructionRegister
from cohort.legal_basis.number_changes import NumberChanges
from cohort.legal_basis.objection_filter import mark_objectors
from cohort.legal_basis.objections_in_force import Objections

NEVER = dt.date.min


def admitted_results(results: DataFrame, objections: Objections, project: Project) -> DataFrame:
    """The rows of the pupils whom `mark_objectors` leaves unmarked."""
    numbers = results.select(F.col("pgn").cast("int").alias(PGN)).distinct()
    marked = mark_objectors(PupilRecords(numbers), AcceptedResults(results), objections, project)
    admitted = marked.where(~F.col(OBJECTED)).select(F.lpad(F.col(PGN).cast("string"), 9, "0").alias("pgn"))
    return results.join(admitted, "pgn", "left_semi").select(*results.columns)


def make_eligibility(
    objections: Objections, schools: Iterable[str], given: ConsentedPupils = NO_CONSENTED_PUPILS
) -> Eligibility:
    """Objections as read, and schools that gave a standing instruction for all of their sites."""
    whole = InstructedSchools({brin: (True, frozenset()) for brin in schools})
    return Eligibility(
        objections, InstructionRegister((), (), NEVER), whole, ConsentRegister((), (), NEVER, NumberChanges()), given
    )


def write_instructions(root: Path, schools: Iterable[str], today: dt.date, name: str = "standaard") -> None:
    """A list with the standing instruction of each school."""
    lines = [f"{brin};;anonimiseren;;;bestuur;2020-01-01;;" for brin in schools]
    write_declared_list(root / "instructions", INSTRUCTION_LISTS.column_names, lines, today, name)


def write_consents(root: Path, lines: Sequence[str], today: dt.date, name: str = "actief") -> None:
    """A list of consents: `pgn;categorie;project;vanaf;tot;ingetrokken_op`."""
    write_declared_list(root / "consents", CONSENT_LISTS.column_names, lines, today, name)


def write_declared_list(zone: Path, columns: Sequence[str], lines: Sequence[str], today: dt.date, name: str) -> None:
    zone.mkdir(parents=True, exist_ok=True)
    (zone / f"{name}.csv").write_text("\n".join([";".join(columns), *lines, ""]), encoding="utf-8")
    (zone / f"{name}.toml").write_text(
        f'file = "{name}.csv"\ndate = {today}\nsource = "proef {name}"\nmax_age_days = 31\n'
        f"declared_empty = {'false' if lines else 'true'}\n",
        encoding="utf-8",
    )
