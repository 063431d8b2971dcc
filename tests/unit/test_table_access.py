"""Who can read a published table: its project's readers in its time, nobody else, closed when in doubt."""

from __future__ import annotations

import datetime as dt
import grp
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit import drawn_release as drawn
from tests.unit.drawn_environment import make_environment
from tests.unit.drawn_records import make_release_record

from cohort.access import private_zones, table_access
from cohort.agreements import catalogue
from cohort.agreements import project as projects
from cohort.agreements.catalogue import Catalogue
from cohort.agreements.platform import AccessSettings, Platform
from cohort.agreements.project import Project
from cohort.erasure import outdated_releases
from cohort.foundation.errors import RightsRefused
from cohort.keys import project_keys
from cohort.legal_basis import objections_in_force
from cohort.published_tables import eligibility_withdrawal, reader_check
from cohort.release_records import record_store, release_states
from cohort.release_records.release_states import ReleaseState
from cohort.storage import json_documents, locks
from cohort.storage.zone_paths import StorageZones

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
OURS = grp.getgrgid(os.getegid()).gr_name
Break = Callable[[StorageZones[Path]], object]


def platform(way: str = "group", hook: str | None = None) -> Platform:
    return drawn.platform().model_copy(update={"access": AccessSettings.model_validate({"way": way, "hook": hook})})


def project_declaration(**changes: Any) -> Project:
    return drawn.project(**{"readers": OURS, **changes})


@pytest.fixture
def zones(tmp_path: Path) -> StorageZones[Path]:
    """A table as a job leaves it, open to all, and the record that says it is published."""
    made = StorageZones(tmp_path / "root")
    (made.published_table("proef") / "_delta_log").mkdir(parents=True)
    for name in ("part.parquet", "_delta_log/0.json"):
        (made.published_table("proef") / name).write_text("x")
    record_store.save_release_record(made, make_release_record("proef", 1, ReleaseState.PUBLISHED, settled=True))
    return made


def modes(zones: StorageZones[Path]) -> set[int]:
    table = zones.published_table("proef")
    return {stat.S_IMODE(path.stat().st_mode) for path in (table, *table.rglob("*"))}


def read_note(zones: StorageZones[Path]) -> Any:
    return json.loads((zones.exact_records / "proef" / "access.json").read_text())


def test_the_readers_group_gets_folders_and_files_and_others_get_nothing(zones: StorageZones[Path]) -> None:
    assert table_access.settle_access(zones, platform(), project_declaration(), NOW) == []
    assert modes(zones) == {0o750, 0o640}
    assert {path.group() for path in zones.published_table("proef").rglob("*")} == {OURS}
    assert table_access.access_state(zones, platform(), "proef") == "granted"
    table_access.withdraw_access(zones, platform(), "proef", "for this test", NOW)
    assert modes(zones) == {0o700, 0o600}
    assert table_access.access_state(zones, platform(), "proef") == "withdrawn"


def with_files(zones: StorageZones[Path]) -> Path:
    """Files beside the table, as a job writes them."""
    folder = zones.research_files("proef")
    folder.mkdir(parents=True)
    (folder / "proef-1.sav").write_text("x")
    return folder


def test_the_files_beside_a_table_are_opened_and_closed_with_it(zones: StorageZones[Path]) -> None:
    folder = with_files(zones)

    def file_modes() -> list[int]:
        return [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "proef-1.sav")]

    table_access.settle_access(zones, platform(), project_declaration(), NOW)
    assert file_modes() == [0o750, 0o640]
    assert (folder / "proef-1.sav").group() == OURS
    table_access.withdraw_access(zones, platform(), "proef", "for this test", NOW)
    assert file_modes() == [0o700, 0o600]


def test_open_files_beside_a_closed_table_count_as_access(zones: StorageZones[Path]) -> None:
    table_access.withdraw_access(zones, platform(), "proef", "for this test", NOW)
    with_files(zones).chmod(0o755)
    assert table_access.access_state(zones, platform(), "proef") == "granted"
    table_access.withdraw_access(zones, platform(), "proef", "for this test", NOW)
    assert table_access.access_state(zones, platform(), "proef") == "withdrawn"


def test_a_folder_of_files_that_is_a_link_is_refused_and_the_table_is_closed(
    zones: StorageZones[Path], tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    zones.research_files("proef").parent.mkdir()
    zones.research_files("proef").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RightsRefused, match=r"files of a table that can be closed.*in files/proef"):
        table_access.withdraw_access(zones, platform(), "proef", "for this test", NOW)
    assert modes(zones) == {0o700, 0o600}
    assert stat.S_IMODE((tmp_path / "elsewhere").stat().st_mode) == 0o755


def destroying(zones: StorageZones[Path]) -> None:
    json_documents.write_json_document(release_states.destruction_journal_path(zones, "proef"), {})


def withdrawing(zones: StorageZones[Path]) -> None:
    json_documents.write_json_document(release_states.withdrawal_journal_path(zones, "proef"), {})


def only_superseded(zones: StorageZones[Path]) -> None:
    record_store.save_release_record(zones, make_release_record("proef", 1, ReleaseState.SUPERSEDED, settled=True))


def unsettled(zones: StorageZones[Path]) -> None:
    record_store.save_release_record(zones, make_release_record("proef", 1, ReleaseState.PUBLISHED))


def nothing(zones: StorageZones[Path]) -> None:
    del zones


REASONS: list[tuple[Break, dict[str, Any], str, str]] = [
    # state           the project                       way      says
    (destroying, {}, "group", "DESTROYING"),
    (withdrawing, {}, "group", "rows are being withdrawn"),
    (only_superseded, {}, "group", "nothing is published"),
    (unsettled, {}, "group", "was not finished"),
    (nothing, {"ends": dt.date(2026, 5, 31)}, "group", "not between"),
    (nothing, {"starts": dt.date(2026, 6, 2)}, "group", "not between"),
    (nothing, {}, "owner", "gives access to nobody"),
]


@pytest.mark.parametrize(("change", "project", "way", "reasons"), REASONS)
def test_any_reason_against_access_closes_the_table(
    zones: StorageZones[Path], change: Break, project: dict[str, Any], way: str, reasons: str
) -> None:
    assert table_access.settle_access(zones, platform(), project_declaration(), NOW) == []
    change(zones)
    (why,) = table_access.settle_access(zones, platform(way), project_declaration(**project), NOW)
    assert reasons in why
    assert modes(zones) == {0o700, 0o600}
    assert reasons in read_note(zones)["why"]


@pytest.mark.parametrize("day", [dt.date(2026, 6, 1), dt.date(2026, 12, 31)])
def test_the_first_and_the_last_day_belong_to_the_project(zones: StorageZones[Path], day: dt.date) -> None:
    at = dt.datetime.combine(day, dt.time(23), dt.UTC)
    project = project_declaration(starts=dt.date(2026, 6, 1), ends=dt.date(2026, 12, 31))
    assert table_access.settle_access(zones, platform(), project, at) == []


def test_a_reason_of_the_caller_counts_too(zones: StorageZones[Path]) -> None:
    assert table_access.settle_access(zones, platform(), project_declaration(), NOW, "its key is lost") == [
        "its key is lost"
    ]
    assert modes(zones) == {0o700, 0o600}


def test_an_unknown_group_is_refused_before_publishing_and_closes_an_open_table(zones: StorageZones[Path]) -> None:
    table_access.settle_access(zones, platform(), project_declaration(), NOW)
    stranger = project_declaration(readers="niemand-kent-deze-groep")
    for ask in (
        lambda: table_access.require_access_possible(zones, platform(), stranger),
        lambda: table_access.settle_access(zones, platform(), stranger, NOW),
    ):
        with pytest.raises(RightsRefused, match="found a group that this machine does not know") as refused:
            ask()
        assert refused.value.exit_code == 17
    assert modes(zones) == {0o700, 0o600}


def test_a_table_is_closed_before_its_first_byte(tmp_path: Path) -> None:
    zones = StorageZones(tmp_path)
    table_access.close_table(zones, platform(), "proef", "it is new", NOW)
    assert modes(zones) == {0o700}


def test_a_damaged_access_note_does_not_keep_a_table_open(zones: StorageZones[Path]) -> None:
    assert table_access.settle_access(zones, platform(), project_declaration(), NOW) == []
    (zones.exact_records / "proef" / "access.json").write_text("{", encoding="utf-8")
    with pytest.raises(RightsRefused, match=r"access\.json"):
        table_access.withdraw_access(zones, platform(), "proef", "for this test", NOW)
    assert modes(zones) == {0o700, 0o600}


def test_a_damaged_access_note_of_a_hook_counts_as_granted_so_that_the_table_is_closed(
    zones: StorageZones[Path], tmp_path: Path
) -> None:
    by_hook = platform("hook", hook(tmp_path))
    json_documents.write_json_document(release_states.failed_verification_path(zones, "proef"), {})
    (zones.exact_records / "proef" / "access.json").write_text("{", encoding="utf-8")
    assert table_access.access_state(zones, by_hook, "proef") == "granted"
    table_access.close_unverified_tables(zones, by_hook, NOW)
    assert modes(zones) == {0o700, 0o600}


def test_withdrawing_access_to_a_missing_table_makes_nothing(tmp_path: Path) -> None:
    table_access.withdraw_access(StorageZones(tmp_path), platform(), "proef", "a dry run", NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_is_a_link_is_not_followed(zones: StorageZones[Path], tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    zones.published_table("proef").rename(elsewhere)
    elsewhere.chmod(0o755)
    zones.published_table("proef").symlink_to(elsewhere)
    with pytest.raises(RightsRefused, match="a link to elsewhere"):
        table_access.withdraw_access(zones, platform(), "proef", "for this test", NOW)
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o755


def test_a_link_inside_a_table_is_not_followed_either(zones: StorageZones[Path], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    (zones.published_table("proef") / "link").symlink_to(secret)
    table_access.settle_access(zones, platform(), project_declaration(), NOW)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def hook(folder: Path, fails: str = "never") -> str:
    """A program that writes down how it was called, and fails where it is told to."""
    path = folder / "hook"
    path.write_text(
        f'#!/bin/sh\nstat -c %a "$3" >>"{folder}/modes"\necho "$@" >>"{folder}/calls"\n[ "$1" != {fails} ]\n'
    )
    path.chmod(0o755)
    return str(path)


def calls(folder: Path) -> list[str]:
    return [line.split()[0] + " " + line.split()[-1] for line in (folder / "calls").read_text().splitlines()]


def test_a_hook_is_told_what_to_grant_and_what_to_withdraw(zones: StorageZones[Path], tmp_path: Path) -> None:
    holds = platform("hook", hook(tmp_path))
    table_access.settle_access(zones, holds, project_declaration(readers="wij"), NOW)
    assert table_access.access_state(zones, holds, "proef") == "granted"
    table_access.settle_access(zones, holds, project_declaration(readers="zij"), NOW)
    table_access.withdraw_access(zones, holds, "proef", "for this test", NOW)
    table_access.withdraw_access(zones, holds, "proef", "for this test", NOW)
    assert calls(tmp_path) == ["grant wij", "withdraw wij", "grant zij", "withdraw zij"]
    assert table_access.access_state(zones, holds, "proef") == "withdrawn"
    first = (tmp_path / "calls").read_text().splitlines()[0]
    assert first == f"grant proef {zones.published_table('proef')} wij"


def test_a_hook_is_called_for_the_table_and_for_its_files(zones: StorageZones[Path], tmp_path: Path) -> None:
    folder, holds = with_files(zones), platform("hook", hook(tmp_path))
    table_access.settle_access(zones, holds, project_declaration(readers="wij"), NOW)
    table_access.withdraw_access(zones, holds, "proef", "for this test", NOW)
    told = [line.split()[0::2] for line in (tmp_path / "calls").read_text().splitlines()]
    places = [str(zones.published_table("proef")), str(folder)]
    assert told == [[verb, place] for verb in ("grant", "withdraw") for place in places]


def test_a_hook_that_fails_to_grant_is_asked_to_withdraw(zones: StorageZones[Path], tmp_path: Path) -> None:
    holds = platform("hook", hook(tmp_path, fails="grant"))
    with pytest.raises(RightsRefused, match="found exit code 1") as refused:
        table_access.settle_access(zones, holds, project_declaration(readers="wij"), NOW)
    assert refused.value.exit_code == 17
    assert calls(tmp_path) == ["grant wij", "withdraw wij"]
    assert modes(zones) == {0o700, 0o600}


def test_a_hook_that_fails_to_withdraw_finds_the_folder_closed_and_is_asked_again(
    zones: StorageZones[Path], tmp_path: Path
) -> None:
    table_access.settle_access(zones, platform("hook", hook(tmp_path)), project_declaration(readers="wij"), NOW)
    zones.published_table("proef").chmod(0o755)  # as a hook may have done
    failing = platform("hook", hook(tmp_path, fails="withdraw"))
    for _ in range(2):
        with pytest.raises(RightsRefused, match="withdraw proef"):
            table_access.withdraw_access(zones, failing, "proef", "for this test", NOW)
    assert calls(tmp_path)[1:] == ["withdraw wij"] * 2
    assert (tmp_path / "modes").read_text().splitlines()[-1] == "700"


def test_a_hook_that_cannot_be_run_is_refused_before_publishing(tmp_path: Path) -> None:
    with pytest.raises(RightsRefused, match="a program that can be run"):
        table_access.require_access_possible(
            StorageZones(tmp_path), platform("hook", str(tmp_path / "none")), project_declaration()
        )


@pytest.mark.parametrize(("way", "hook"), [("hook", None), ("group", "/bin/true"), ("hook", "bin/true")])
def test_a_hook_is_declared_only_for_access_by_hook(way: str, hook: str | None) -> None:
    with pytest.raises(ValueError, match="absolute path"):
        AccessSettings.model_validate({"way": way, "hook": hook})


def test_private_zones_are_closed_and_missing_ones_made_closed(tmp_path: Path) -> None:
    (tmp_path / "deliveries").mkdir(mode=0o755)
    (tmp_path / "records").mkdir(mode=0o755)
    private_zones.close_private_zones(StorageZones(tmp_path))
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    closed = dict.fromkeys(("deliveries", "restricted", "staging", "feedback"), 0o700)
    assert found == {**closed, "records": 0o755}


def test_open_feedback_of_an_earlier_version_is_closed(tmp_path: Path) -> None:
    school = tmp_path / "feedback" / "10AA"
    school.mkdir(parents=True)
    for path in (school.parent / ".ended", school / "1.json", school / ".gebruik.html.new"):
        path.write_text("x")
        path.chmod(0o644)
    school.chmod(0o755)
    school.parent.chmod(0o755)
    private_zones.close_private_zones(StorageZones(tmp_path))
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in school.parent.rglob("*")}
    files = dict.fromkeys((".ended", "1.json", ".gebruik.html.new"), 0o600)
    assert found == {"10AA": 0o700, **files}


@pytest.mark.parametrize("where", ["feedback", "feedback/10AA", "feedback/10AA/1.json"])
def test_a_link_in_the_feedback_is_refused_and_its_target_is_not_touched(tmp_path: Path, where: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    link = tmp_path / "root" / where
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    with pytest.raises(RightsRefused, match=f"a link to elsewhere in {where}") as refused:
        private_zones.close_private_zones(StorageZones(tmp_path / "root"))
    assert refused.value.exit_code == 17
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o755


def test_a_zone_that_cannot_be_closed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_zones.close_private_zones(StorageZones(tmp_path))
    (tmp_path / "objections").mkdir(mode=0o755)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(RightsRefused, match="objections/") as refused:
        private_zones.close_private_zones(StorageZones(tmp_path))
    assert refused.value.exit_code == 17


def review(zones: StorageZones[Path], project: Project | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The daily look, with this declaration or, for none, an empty configuration."""
    if project is not None:
        monkeypatch.setattr(projects, "load_project", lambda *_: project)
    today = make_environment(zones, platform(), NOW, tmp_path / "conf", tmp_path / "keys")
    record = reader_check.check_readers(today, lambda _: None).document()
    (only,) = record["projects"]
    assert record["exit_code"] == only["exit_code"]
    return only


def test_the_daily_check_opens_or_closes_a_table_and_gives_the_reasons(
    zones: StorageZones[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = review(zones, project_declaration(), monkeypatch, tmp_path)
    assert (report["access"], report["why_not"], report["exit_code"]) == ("granted", [], 0)
    report = review(zones, project_declaration(ends=dt.date(2026, 5, 31)), monkeypatch, tmp_path)
    assert (report["access"], report["exit_code"]) == ("withdrawn", 0)
    assert "not between" in report["why_not"][0]


def test_a_table_without_a_declaration_is_closed(
    zones: StorageZones[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table_access.settle_access(zones, platform(), project_declaration(), NOW)
    report = review(zones, None, monkeypatch, tmp_path)
    assert (report["access"], report["exit_code"]) == ("withdrawn", 10)


@pytest.mark.parametrize(
    ("due", "lapsed", "key", "code", "reasons"),
    [
        ([], [], True, 0, []),
        ([], [], False, 13, [reader_check.KEY_LOST]),
        (["proef"], [], True, 0, [reader_check.OBJECTIONS_DUE]),
        (["ander"], ["10AA"], True, 0, [reader_check.INSTRUCTION_LAPSED]),
        (
            ["proef"],
            ["10AA"],
            False,
            13,
            [reader_check.KEY_LOST, reader_check.OBJECTIONS_DUE, reader_check.INSTRUCTION_LAPSED],
        ),
    ],
)
def test_a_pseudonymous_table_is_open_only_while_its_lists_and_key_are_in_order(
    zones: StorageZones[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    due: list[str],
    lapsed: list[str],
    key: bool,
    code: int,
    reasons: list[str],
) -> None:
    monkeypatch.setattr(outdated_releases, "is_release_due", lambda *given: given[-1] in due)
    monkeypatch.setattr(eligibility_withdrawal, "find_lapsed_schools", lambda *_: frozenset(lapsed))
    monkeypatch.setattr(objections_in_force, "load_objections", lambda *_: None)
    monkeypatch.setattr(catalogue, "load_catalogue", lambda _: Catalogue((), frozenset()))
    if key:
        project_keys.create_key(tmp_path / "keys", "proef")
    report = review(zones, project_declaration(release_class="pseudonymous"), monkeypatch, tmp_path)
    assert (report["why_not"], report["exit_code"]) == (reasons, code)
    assert report["access"] == ("withdrawn" if reasons else "granted")


def test_lists_that_cannot_be_read_close_a_pseudonymous_table_and_no_other(
    zones: StorageZones[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "load_catalogue", lambda _: Catalogue((), frozenset()))
    project_keys.create_key(tmp_path / "keys", "proef")
    report = review(zones, project_declaration(release_class="pseudonymous"), monkeypatch, tmp_path)
    assert (report["access"], report["exit_code"]) == ("withdrawn", 12)
    assert review(zones, project_declaration(), monkeypatch, tmp_path)["access"] == "granted"


def test_while_another_run_is_busy_a_table_is_closed_but_never_opened(
    zones: StorageZones[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table_access.withdraw_access(zones, platform(), "proef", "for this test", NOW)
    with locks.hold_lock(zones.locks, "proef"):
        report = review(zones, project_declaration(), monkeypatch, tmp_path)
        assert report["access"] == "withdrawn"
        assert "another run" in report["why_not"][-1]
    table_access.settle_access(zones, platform(), project_declaration(), NOW)
    with locks.hold_lock(zones.locks, "proef"):
        report = review(zones, project_declaration(ends=dt.date(2026, 5, 31)), monkeypatch, tmp_path)
    assert report["access"] == "withdrawn"


def test_a_table_that_cannot_be_closed_is_reported_with_exit_code_17(
    zones: StorageZones[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    zones.published_table("proef").rename(elsewhere)
    zones.published_table("proef").symlink_to(elsewhere)
    report = review(zones, project_declaration(ends=dt.date(2026, 5, 31)), monkeypatch, tmp_path)
    assert report["exit_code"] == 17
