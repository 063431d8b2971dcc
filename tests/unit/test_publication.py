"""Publication is one commit; what a killed run left is completed by the next."""

from __future__ import annotations

import datetime as dt
import grp
import os
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import deltalake
import pytest
from pyspark.sql import DataFrame, SparkSession
from tests.unit.drawn_legal_basis import write_instructions
from tests.unit.drawn_purpose import PURPOSE, WHY
from tests.unit.drawn_records import make_release_record

from cohort import delta
from cohort.access import table_access
from cohort.agreements import platform
from cohort.agreements.environment import Environment
from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.data_states import local_frames
from cohort.delta import vacuum_files, write_tables
from cohort.foundation.errors import ConfigurationRefused, NotAnonymous, StateRefused
from cohort.legal_basis import eligibility, list_vocabulary
from cohort.release import publication, publication_checks
from cohort.release_records import equivalence_class_snapshot, record_store
from cohort.release_records.equivalence_class_snapshot import SnapshotDocument
from cohort.release_records.release_record import ReleaseRecord
from cohort.release_records.release_states import ReleaseState
from cohort.research_files import file_folder, twin_folder
from cohort.storage.zone_paths import StorageZones

CONF = Path(__file__).resolve().parents[2] / "conf"
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
ALL = list_vocabulary.ListVocabulary({"10AA"}, {"proef"}, {"rekenen"}, frozenset())
VALUES = [("3-4", "1")] * 10 + [("5-6", "2")] * 12
MINIMAL: dict[str, Any] = {
    "name": "proef",
    "question": "Wat is hier de vraag?",
    "release_class": "anonymous",
    **PURPOSE,
    "starts": dt.date(2026, 1, 1),
    "ends": dt.date(2027, 1, 1),
    "readers": "wij",
    "two_schools": "keep",
    "population": {"schooljaar": ["2024-2025"]},
    "thresholds": {"k": 10, "m": 5, "max_share": Decimal("0.5"), "k_others": 5},
    "recoding": {"kind": "global", "objective": "mean", "suppression_limit": Decimal(0)},
    "columns": [
        {"name": "jaargroep", **WHY, "role": "quasi-identifying", "attribute": "jaargroep", "hierarchy": "jaargroep"},
        {
            "name": "rekenen",
            **WHY,
            "role": "quasi-identifying",
            "hierarchy": "rekenen",
            "step": 20,
            "result": {
                "domein": "rekenen",
                "schooljaar": "2024-2025",
                "moment": "M",
                "schaal": "LVS-REK",
                "value": "vaardigheidsscore",
                "several": "latest",
            },
        },
    ],
}


class Killed(BaseException):
    """What nothing catches, as kill -9 is caught by nothing."""


@pytest.fixture
def project() -> Project:
    return Project.model_validate(MINIMAL)


@pytest.fixture
def holds() -> Platform:
    return platform.load_platform(CONF)


@pytest.fixture
def zones(tmp_path: Path) -> StorageZones[Path]:
    (tmp_path / "objections").mkdir()
    return StorageZones(tmp_path)


def staged(
    spark: SparkSession,
    zones: StorageZones[Path],
    holds: Platform,
    number: int = 1,
    values: list[tuple[str, str]] = VALUES,
) -> ReleaseRecord:
    """A verified release with its stage."""
    frame = local_frames.make_local_frame(
        spark, "jaargroep string, rekenen string, _pupil string", [(*v, "x") for v in values]
    )
    record = make_release_record(
        "proef",
        number,
        ReleaseState.VERIFIED,
        **{
            "made_by": "maker",
            "class": "anonymous",
            "expires": "2027-01-01",
            "thresholds": {},
            "recoding": {"kind": "global"},
            "codebook": {},
            "loss": {"mean": 0.0},
            "counts": {"pupils_released": len(values)},
            "objections": [],
            "objections_digest": "",
            "before": number - 1 or None,
            "instructions_digest": "",
            "consents_digest": "",
            "checksum": list(delta.checksum_rows(frame.select("jaargroep", "rekenen"))),
        },
    )
    delta.write_new_table(frame, zones.staged_release("proef", number), record.id, holds.tables)
    record_store.save_release_record(zones, record)
    remembered = zones.release_snapshots("proef") / str(number)
    for name in (equivalence_class_snapshot.PUPILS_FOLDER, equivalence_class_snapshot.CLASSES_FILE):
        (remembered / name).mkdir(parents=True)
    SnapshotDocument(
        comparability_digest="", pupils=len(values), search={}, pupils_folder=equivalence_class_snapshot.PUPILS_FOLDER
    ).write(remembered)
    return record


def environment(zones: StorageZones[Path], holds: Platform) -> Environment:
    hierarchies = zones.root / "conf" / "hierarchies"
    hierarchies.mkdir(parents=True, exist_ok=True)
    shutil.copy(CONF / "hierarchies" / "jaargroep.csv", hierarchies)
    (hierarchies / "rekenen.csv").write_text("".join(f"{n};*\n" for n in range(100)))
    return Environment(zones, holds, zones.root / "conf", zones.root / "keys", NOW, "wij")


def put(
    spark: SparkSession, zones: StorageZones[Path], holds: Platform, project: Project, record: ReleaseRecord
) -> ReleaseRecord:
    return publication.publish_release(spark, environment(zones, holds), project, record, "A. Jansen", lambda _: None)


def read(zones: StorageZones[Path]) -> list[tuple[str, str]]:
    rows = deltalake.DeltaTable(zones.published_table("proef")).to_pyarrow_table().to_pylist()
    return sorted((row["jaargroep"], row["rekenen"]) for row in rows)


def release(zones: StorageZones[Path], number: int) -> ReleaseRecord:
    return record_store.find_release_record(zones, "proef", number)


Steps = dict[str, StorageZones[Path]]
At = Callable[[str], StorageZones[Path]]


@pytest.fixture(scope="module")
def steps(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Steps:
    """Roots on the way of two releases: the first staged, the first published, the second staged, both published."""
    holds, project, base = platform.load_platform(CONF), Project.model_validate(MINIMAL), tmp_path_factory.mktemp("way")
    zones = StorageZones(base / "now")
    (zones.root / "objections").mkdir(parents=True)
    roots: Steps = {}

    def keep(step: str) -> None:
        roots[step] = StorageZones(Path(shutil.copytree(zones.root, base / step)))

    staged(one_spark, zones, holds)
    keep("first staged")
    put(one_spark, zones, holds, project, release(zones, 1))
    keep("first published")
    staged(one_spark, zones, holds, 2)
    keep("second staged")
    put(one_spark, zones, holds, project, release(zones, 2))
    keep("both published")
    return roots


@pytest.fixture
def at(steps: Steps, spark: SparkSession, tmp_path: Path) -> At:
    """Copies the root at a step; the test may change the copy."""
    assert spark
    return lambda step: StorageZones(Path(shutil.copytree(steps[step].root, tmp_path / "root")))


def test_a_second_release_with_the_same_rows_takes_the_place_of_the_first(steps: Steps) -> None:
    zones = steps["both published"]
    states = [r.state for r in record_store.load_release_records(zones, "proef")]
    assert states == [ReleaseState.SUPERSEDED, ReleaseState.PUBLISHED]
    beside = sorted(path.name for path in zones.research_files("proef").iterdir())
    assert [name.partition(".")[0] for name in beside] == ["proef-2"] * 4
    table = zones.published_table("proef")
    assert {f.name for f in table.glob("*.parquet")} == delta.list_current_names(table)
    protocol, properties = delta.read_protocol_and_properties(table)
    assert protocol == (1, 2)
    assert properties["cohort.release"] == "proef-2"
    assert not zones.staging("proef").exists()


def test_the_twin_of_the_earlier_release_is_gone_before_the_next_one_is_committed(
    spark: SparkSession, at: At, holds: Platform, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    zones = at("second staged")
    zones.twin_table("proef").mkdir(parents=True)
    (zones.twin("proef") / "proef-1-twin.csv").write_text("jaargroep\n", encoding="utf-8")
    seen = list[bool]()
    real = delta.replace_table
    monkeypatch.setattr(
        publication, "replace_table", lambda *given: seen.append(zones.twin("proef").exists()) or real(*given)
    )
    put(spark, zones, holds, project, release(zones, 2))
    assert seen == [False]
    _, properties = delta.read_protocol_and_properties(zones.published_table("proef"))
    assert properties["cohort.codebook"] == "files/proef/proef-2.codebook.json"
    assert (zones.root / properties["cohort.codebook"]).is_file()
    assert properties["cohort.twin"] == "twins/proef/table"
    assert properties["cohort.report"] == "reports/proef"


@pytest.mark.parametrize("compared", [None, 2, 0])
def test_a_release_that_was_not_compared_with_the_published_one_is_refused(
    spark: SparkSession, at: At, holds: Platform, project: Project, compared: int | None
) -> None:
    zones = at("first published")
    other = staged(spark, zones, holds, 2, VALUES[:-1]).noted(nested_in=compared)
    with pytest.raises(StateRefused, match="was compared with"):
        put(spark, zones, holds, project, other)
    assert read(zones) == sorted(VALUES)


def test_a_release_without_a_snapshot_is_not_published(
    spark: SparkSession, at: At, holds: Platform, project: Project
) -> None:
    zones = at("first staged")
    record = release(zones, 1)
    equivalence_class_snapshot.remove_snapshot(zones, record)
    with pytest.raises(StateRefused, match="the snapshot of release 1"):
        put(spark, zones, holds, project, record)
    assert not zones.published_table("proef").exists()


def test_only_the_snapshot_of_the_published_release_is_kept(steps: Steps) -> None:
    assert [path.name for path in steps["first published"].release_snapshots("proef").iterdir()] == ["1"]
    assert [path.name for path in steps["both published"].release_snapshots("proef").iterdir()] == ["2"]


def test_a_release_whose_hierarchy_changed_since_is_not_published(
    spark: SparkSession, at: At, holds: Platform, project: Project
) -> None:
    zones = at("first staged")
    own = environment(zones, holds)
    (own.hierarchies / "rekenen.csv").write_text("7;*\n8;*\n")
    with pytest.raises(ConfigurationRefused, match=r"every released value in the hierarchy.*column rekenen of"):
        publication.publish_release(spark, own, project, release(zones, 1), "A. Jansen", lambda _: None)
    assert not zones.published_table("proef").exists()
    assert release(zones, 1).state is ReleaseState.VERIFIED


def test_a_stage_that_was_altered_is_not_published(
    spark: SparkSession, at: At, holds: Platform, project: Project
) -> None:
    zones = at("first staged")
    record = release(zones, 1)
    more = local_frames.make_local_frame(spark, "jaargroep string, rekenen string, _pupil string", [("7-8", "1", "x")])
    delta.append_rows(more, zones.staged_release("proef", 1), "later")
    with pytest.raises(NotAnonymous, match="another checksum"):
        put(spark, zones, holds, project, record)
    assert not zones.published_table("proef").exists()


WHERE = {
    "checksum_rows": delta,
    "replace_table": delta,
    "read_commits": write_tables,
    "vacuum_table": vacuum_files,
    "list_current_paths": vacuum_files,
    "remove_research_files": file_folder,
    "remove_twin": twin_folder,
    "renew_codebook": file_folder,
}
"""The steps of a publication, and the module in which each of them is called."""


@pytest.mark.parametrize("moment", WHERE)
def test_after_a_kill_at_any_step_the_table_is_old_or_new_and_the_next_run_completes(
    spark: SparkSession, at: At, holds: Platform, project: Project, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    zones = at("second staged")
    record = release(zones, 2)
    real: Callable[..., Any] = getattr(WHERE[moment], moment)

    def killed(*given: Any, **named: Any) -> Any:
        if moment != "checksum_rows":
            real(*given, **named)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(WHERE[moment], moment, killed)
        with pytest.raises(Killed):
            put(spark, zones, holds, project, record)
    assert read(zones) == sorted(VALUES)
    publication.repair_publication(spark, environment(zones, holds), project)
    found = release(zones, 2)
    if found.state is ReleaseState.VERIFIED:
        found = put(spark, zones, holds, project, found)
    assert found.state is ReleaseState.PUBLISHED
    assert release(zones, 1).state is ReleaseState.SUPERSEDED
    assert delta.read_protocol_and_properties(zones.published_table("proef"))[1]["cohort.release"] == "proef-2"
    table = zones.published_table("proef")
    assert {f.name for f in table.glob("*.parquet")} == delta.list_current_names(table)
    assert (zones.public_records / "proef" / "2.json").exists()
    assert {path.name.partition(".")[0] for path in zones.research_files("proef").iterdir()} == {"proef-2"}
    assert len(list(zones.research_files("proef").iterdir())) == 4


def by_group(holds: Platform, project: Project) -> tuple[Platform, Project]:
    """The same, with readers whom the platform lets in by their group."""
    ours = grp.getgrgid(os.getegid()).gr_name
    by = holds.model_copy(update={"access": platform.AccessSettings(way="group")})
    return by, project.model_copy(update={"readers": ours})


def test_nobody_has_access_from_before_the_commit_until_the_checksum_was_compared(
    spark: SparkSession, at: At, holds: Platform, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds, project = by_group(holds, project)
    zones = at("second staged")
    assert table_access.settle_access(zones, holds, project, NOW) == []
    assert table_access.access_state(zones, holds, "proef") == "granted"
    record = release(zones, 2)
    access_at: list[str] = []
    for name in ("replace_table", "checksum_rows", "vacuum_table"):
        real = getattr(WHERE[name], name)

        def watched(*given: Any, _real: Any = real, _name: str = name, **named: Any) -> Any:
            access_at.append(f"{_name} {table_access.access_state(zones, holds, 'proef')}")
            return _real(*given, **named)

        monkeypatch.setattr(WHERE[name], name, watched)
    put(spark, zones, holds, project, record)
    assert access_at == [
        "checksum_rows granted",
        "replace_table withdrawn",
        "checksum_rows withdrawn",
        "vacuum_table withdrawn",
    ]
    assert table_access.access_state(zones, holds, "proef") == "granted"


def test_a_committed_table_with_another_checksum_is_removed_and_read_by_nobody(
    spark: SparkSession, at: At, holds: Platform, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds, project = by_group(holds, project)
    zones = at("second staged")
    assert table_access.settle_access(zones, holds, project, NOW) == []
    record = release(zones, 2)
    real = delta.replace_table

    def killed(rows: DataFrame, *given: Any) -> Any:
        real(rows.limit(9), *given)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(delta, "replace_table", killed)
        with pytest.raises(Killed):
            put(spark, zones, holds, project, record)
    assert table_access.access_state(zones, holds, "proef") == "withdrawn"
    with pytest.raises(NotAnonymous, match="another checksum"):
        publication.repair_publication(spark, environment(zones, holds), project)
    assert not zones.published_table("proef").exists()
    assert release(zones, 2).state is ReleaseState.REFUSED
    publication.repair_publication(spark, environment(zones, holds), project)


def test_whoever_made_a_release_cannot_approve_it(zones: StorageZones[Path], holds: Platform, project: Project) -> None:
    record = make_release_record("proef", 1, ReleaseState.VERIFIED, made_by="maker")
    for who in ("maker", " "):
        with pytest.raises(StateRefused, match="second person"):
            publication_checks.check_publishable(environment(zones, holds), project, record, who, ALL)
    four_eyes = holds.model_copy(update={"publish": platform.PublishingSettings(without_second_person=False)})
    with pytest.raises(StateRefused, match="second person"):
        publication_checks.check_publishable(environment(zones, four_eyes), project, record, None, ALL)


@pytest.mark.parametrize("kind", ["objections", "instructions", "consents"])
def test_a_list_that_changed_since_the_verification_refuses_the_release(
    zones: StorageZones[Path], holds: Platform, project: Project, kind: str
) -> None:
    write_instructions(zones.root, ["10AA"], NOW.date())
    (zones.objections / "lijst.csv").write_text("pgn;brin;vanaf;ingetrokken_op;bereik\n")
    (zones.objections / "lijst.toml").write_text(
        'file = "lijst.csv"\npolarity = "block"\ndate = 2026-11-23\nsource = "proef"\nmax_age_days = 9\n'
        "declared_empty = true\n"
    )
    same = eligibility.load_eligibility(zones, holds, project, NOW.date(), ALL).digests()
    record = make_release_record("proef", 1, ReleaseState.VERIFIED, made_by="maker", **same)
    record_store.save_release_record(zones, record)
    publication_checks.check_publishable(environment(zones, holds), project, record, "A. Jansen", ALL)
    record = record.noted(**{f"{kind}_digest": "other"})
    with pytest.raises(StateRefused, match=f"a changed list in {kind}/"):
        publication_checks.check_publishable(environment(zones, holds), project, record, "A. Jansen", ALL)
    assert release(zones, 1).state is ReleaseState.REFUSED
