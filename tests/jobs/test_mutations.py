"""A protection broken on purpose: the verifier, which shares no code with it, refuses each release."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from cohort.anonymisation import equivalence_class_search, pseudonymisation, pupil_boards
from cohort.anonymisation.equivalence_class_search_task import ClassSearchTask
from cohort.data_states.schemas import INSTRUCTED_SCHOOL, OBJECTED
from cohort.foundation.errors import NotAnonymous
from cohort.foundation.identifiers import brin_to_number_sql
from cohort.legal_basis import instruction_filter, objection_filter
from cohort.release import release_run
from cohort.release.release_task import check_release_allowed
from cohort.release_records import record_store, release_record, release_states
from cohort.sdc.privacy_models.k_anonymity import KAnonymity

from .conftest import Platform

Patch = Callable[[pytest.MonkeyPatch], None]


def release_one(spark: SparkSession, platform: Platform) -> release_record.ReleaseRecord:
    task = platform.release_task()
    lists, key = check_release_allowed(task)
    return release_run.release_one(spark, task, lists, key, lambda _: None)


@pytest.fixture
def strict(fresh: Platform) -> Platform:
    """A project that asks for more schools and boards than ten pupils come from by themselves."""
    fresh.change("conf/projects/leergroei.toml", "m = 5", "m = 8")
    fresh.change("conf/projects/leergroei.toml", "suppression_limit = 0.1", "suppression_limit = 0.3")
    return fresh


def nothing_suppressed(patch: pytest.MonkeyPatch) -> None:
    """Every pupil keeps their class, whatever its size."""
    real = equivalence_class_search.search_classes

    def careless(encoded: Any, pupils: int, task: ClassSearchTask) -> Any:
        thresholds = task.project.thresholds.model_copy(update={"k": 1, "m": 1, "k_others": 0, "max_share": 1})
        return real(encoded, pupils, replace(task, project=task.project.model_copy(update={"thresholds": thresholds})))

    patch.setattr(equivalence_class_search, "search_classes", careless)


def objections_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(objection_filter, "mark_objectors", lambda records, *_: records.withColumn(OBJECTED, F.lit(False)))


def instructions_ignored(patch: pytest.MonkeyPatch) -> None:
    school = F.expr(brin_to_number_sql("brin"))
    patch.setattr(
        instruction_filter, "mark_instructed_rows", lambda selected, _: selected.withColumn(INSTRUCTED_SCHOOL, school)
    )


def schools_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        equivalence_class_search, "derive_class_constraints", lambda project: [KAnonymity(project.thresholds.k)]
    )


def boards_ignored(patch: pytest.MonkeyPatch) -> None:
    """The search takes every school for a board of its own."""
    real = pupil_boards.make_board_frame
    patch.setattr(pupil_boards, "make_board_frame", lambda spark, key, _: real(spark, key, {}))


def plain_hash(patch: pytest.MonkeyPatch) -> None:
    """A hash that anybody can repeat, in place of the keyed one."""

    def unkeyed(message: Column) -> Column:
        return F.unhex(F.sha2(message.cast("binary"), 256))

    patch.setattr(pseudonymisation, "hmac_sha256", unkeyed)


BROKEN: list[tuple[Patch, set[str]]] = [
    (nothing_suppressed, {"K"}),
    (objections_ignored, {"OBJECTOR"}),
    (instructions_ignored, {"INSTRUCTION"}),
    (schools_ignored, {"SCHOOLS", "SHARE", "OTHERS", "BOARDS", "BOARD_SHARE", "BOARD_OTHERS"}),
    (boards_ignored, {"BOARDS", "BOARD_SHARE", "BOARD_OTHERS"}),
    (plain_hash, {"PUPIL_UNKNOWN"}),
]


@pytest.mark.parametrize(("breaks", "codes"), BROKEN, ids=lambda x: getattr(x, "__name__", None))
def test_the_verifier_refuses_a_release_made_with_a_broken_protection(
    spark: SparkSession, strict: Platform, monkeypatch: pytest.MonkeyPatch, breaks: Patch, codes: set[str]
) -> None:
    breaks(monkeypatch)
    with pytest.raises(NotAnonymous) as refused:
        release_one(spark, strict)
    found = {problem.partition(":")[0] for problem in refused.value.problems}
    assert found & codes, found
    record = record_store.find_release_record(strict.zones, "leergroei", None)
    assert record.state is release_states.ReleaseState.REFUSED
    assert not strict.zones.staged_release("leergroei", 1).exists()


def test_the_same_cohort_passes_with_all_protections(spark: SparkSession, strict: Platform) -> None:
    record = release_one(spark, strict)
    assert record.state is release_states.ReleaseState.VERIFIED
    assert record.counts.made()["pupils_objected"] > 0
    assert record.counts.made()["pupils_without_instruction"] > 0
