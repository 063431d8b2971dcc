"""Each refusal as a new user meets it: one clear sentence, the right exit code, nothing changed."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from tests.unit.drawn_legal_basis import write_consents, write_instructions
from tests.unit.drawn_records import make_release_record

from cohort.agreements import catalogue, platform
from cohort.foundation import StateRefused
from cohort.legal_basis import objections_in_force
from cohort.release_records import record_store
from cohort.release_records.release_states import ReleaseState
from cohort.storage import hold_lock

from .conftest import TODAY, Done, Platform

NAME = ("--project", "leergroei")
LIST = "root/objections/landelijk"


def missing_list(p: Platform) -> tuple[str, ...]:
    (p.home / f"{LIST}.csv").unlink()
    return ("release", *NAME)


def stale_list(p: Platform) -> tuple[str, ...]:
    p.change(f"{LIST}.toml", f"date = {TODAY}", f"date = {TODAY - dt.timedelta(days=40)}")
    return ("release", *NAME)


def typing_error(p: Platform) -> tuple[str, ...]:
    p.change("conf/projects/leergroei.toml", "two_schools", "two_shcools")
    return ("release", *NAME)


def under_the_floor(p: Platform) -> tuple[str, ...]:
    p.change("conf/projects/leergroei.toml", "k = 10", "k = 9")
    return ("release", *NAME)


def school_as_column(p: Platform) -> tuple[str, ...]:
    p.change("conf/projects/leergroei.toml", 'attribute = "gewicht"', 'attribute = "brin"')
    return ("release", *NAME)


def class_size_as_column(p: Platform) -> tuple[str, ...]:
    p.change("conf/projects/leergroei.toml", 'attribute = "gewicht"', 'attribute = "groepsgrootte"')
    return ("release", *NAME)


def intelligence_as_column(p: Platform) -> tuple[str, ...]:
    old = 'domein = "rekenen", schooljaar = "2024-2025", moment = "M", schaal = "LVS-REK"'
    new = 'domein = "intelligentie", schooljaar = "2024-2025", moment = "E", schaal = "NLS-IQ"'
    p.change("conf/projects/leergroei.toml", old, new)
    return ("release", *NAME)


def past_its_end(p: Platform) -> tuple[str, ...]:
    ends = TODAY + dt.timedelta(days=99)
    p.change("conf/projects/leergroei.toml", f"ends = {ends}", f"ends = {TODAY - dt.timedelta(days=1)}")
    return ("release", *NAME)


def publish_before_verify(p: Platform) -> tuple[str, ...]:
    del p
    return ("publish", *NAME, "--release", "1", "--approved-by", "A. Jansen")


def keys_under_the_root(p: Platform) -> tuple[str, ...]:
    p.change("conf/platform.toml", 'dir = "../keys"', 'dir = "../root/keys"')
    return ("release", *NAME)


def no_key(p: Platform) -> tuple[str, ...]:
    (p.keys / "leergroei.key").unlink()
    return ("release", *NAME)


def wrong_confirmation(p: Platform) -> tuple[str, ...]:
    del p
    return ("destroy", *NAME, "--confirm", "leergroie")


def pseudonymous(p: Platform) -> tuple[str, ...]:
    p.change("conf/projects/leergroei.toml", '"anonymous"', '"pseudonymous"')
    return ("release", *NAME)


def without_purpose(p: Platform) -> tuple[str, ...]:
    p.change("conf/projects/leergroei.toml", "legal_basis =", "# legal_basis =")
    return ("release", *NAME)


def column_without_a_reason(p: Platform) -> tuple[str, ...]:
    p.change("conf/projects/leergroei.toml", 'why = "De vraag gaat over groei naar thuistaal"\n', "")
    return ("release", *NAME)


SPECIAL = """
[[columns]]
name = "iq"
why = "De vraag gaat over intelligentie"
role = "sensitive"
result = { domein = "intelligentie", schooljaar = "2024-2025", moment = "E", schaal = "NLS-IQ", \
value = "niveau_IV", several = "latest" }
hierarchy = "niveau_IV"
constraint = { largest_value = 0.8, distinct = 3 }
legal_ground = "AVG art. 9 lid 2 onder a"
"""


def special_column_without_a_list(p: Platform) -> tuple[str, ...]:
    agreed = p.config / "projects" / "leergroei.toml"
    agreed.write_text(agreed.read_text(encoding="utf-8") + SPECIAL, encoding="utf-8")
    return ("release", *NAME)


def special_column_with_too_little(p: Platform) -> tuple[str, ...]:
    special_column_without_a_list(p)
    p.change("conf/projects/leergroei.toml", ", distinct = 3", "")
    return ("release", *NAME)


def a_consent_without_an_end(p: Platform) -> tuple[str, ...]:
    special_column_without_a_list(p)
    write_consents(p.root, ["111222333;intelligentie;leergroei;2026-01-01;;"], TODAY)
    return ("release", *NAME)


def no_instructions(p: Platform) -> tuple[str, ...]:
    shutil.rmtree(p.root / "instructions")
    return ("release", *NAME)


def every_instruction_lapsed(p: Platform) -> tuple[str, ...]:
    file = p.root / "instructions" / "synthetisch.csv"
    yesterday = TODAY - dt.timedelta(days=1)
    lines = [line.removesuffix(";") + f"{yesterday};" for line in file.read_text().splitlines()[1:]]
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return ("release", *NAME)


def instruction_of_an_unknown_school(p: Platform) -> tuple[str, ...]:
    write_instructions(p.root, ["00AA"], TODAY)
    return ("release", *NAME)


def _number_changes(p: Platform, *lines: str) -> None:
    zone = p.root / "nummerwijzigingen"
    zone.mkdir()
    (zone / "duo.toml").write_text(f'file = "duo.csv"\ndate = {TODAY}\nsource = "duo"\n')
    (zone / "duo.csv").write_text("\n".join(["oud_pgn;nieuw_pgn;vanaf", *lines, ""]))


def numbers_exchanged(p: Platform) -> tuple[str, ...]:
    _number_changes(p, "111222333;123456782;2025-01-01", "123456782;111222333;2025-01-01")
    return ("ingest",)


def number_changes_not_applied(p: Platform) -> tuple[str, ...]:
    _number_changes(p, "111222333;123456782;2025-01-01")
    return ("release", *NAME)


def turned_round(p: Platform) -> tuple[str, ...]:
    holds, domains = platform.load_platform(p.config), catalogue.load_catalogue(p.config).domains()
    read = objections_in_force.load_objections(p.zones.objections, holds.objections, TODAY, domains)
    objections_in_force.record_objections(p.zones.restricted, read)
    p.change(f"{LIST}.toml", 'polarity = "block"', 'polarity = "allow"\nschools = ["99ZZ"]')
    return ("objections",)


def over_the_share(p: Platform) -> tuple[str, ...]:
    p.change("conf/platform.toml", "max_erased_share = 0.5", "max_erased_share = 0.0001")
    p.zones.locks.mkdir(parents=True, exist_ok=True)
    (p.zones.locks / "_intake.lock").touch(mode=0o600)
    return ("objections",)


def domain_that_nobody_tests(p: Platform) -> tuple[str, ...]:
    p.change(f"{LIST}.csv", ";alles", ";domein:reken")
    return ("objections",)


def first_wave(p: Platform) -> tuple[str, ...]:
    assert not p.zones.exact_records.joinpath("leergroei").exists()
    return ("release", *NAME, "--wave")


def wave_of_all(p: Platform) -> tuple[str, ...]:
    assert p.root.exists()
    return ("release", "--due", "--wave")


def nothing_remembered(p: Platform) -> tuple[str, ...]:
    record_store.save_release_record(
        p.zones, make_release_record("leergroei", 1, ReleaseState.PUBLISHED, release_class="anonymous")
    )
    return ("release", *NAME)


def no_format_declared(p: Platform) -> tuple[str, ...]:
    for file in (p.home / "conf" / "deliveries").iterdir():
        file.unlink()
    return ("ingest",)


def export_before_publish(p: Platform) -> tuple[str, ...]:
    assert not p.zones.published_table("leergroei").exists()
    return ("export", *NAME, "--format", "sav")


def export_of_an_unknown_format(p: Platform) -> tuple[str, ...]:
    assert p.root.exists()
    return ("export", *NAME, "--format", "sav,xlsx")


def twin_of_too_few_rows(p: Platform) -> tuple[str, ...]:
    assert p.root.exists()
    return ("twin", *NAME, "--rows", "19")


def twin_of_an_unknown_format(p: Platform) -> tuple[str, ...]:
    assert p.root.exists()
    return ("twin", *NAME, "--format", "xlsx")


def twin_past_its_end(p: Platform) -> tuple[str, ...]:
    past_its_end(p)
    return ("twin", *NAME)


REFUSALS = [
    (twin_of_too_few_rows, 2, "a number of rows from 20 to 5,000,000"),
    (twin_of_an_unknown_format, 2, "formats among sav, dta, parquet, csv"),
    (twin_past_its_end, 15, "a project that has not ended"),
    (export_before_publish, 15, "a table that its readers may read"),
    (export_of_an_unknown_format, 2, "formats among sav, dta, parquet, csv"),
    (numbers_exchanged, 11, "an exchange of 2 numbers between pupils"),
    (number_changes_not_applied, 15, "Run ingest"),
    (no_format_declared, 10, "at least one declared format"),
    (missing_list, 12, "found no such file in objections/landelijk.csv"),
    (turned_round, 12, "polarity = 'block', as its source had it before"),
    (over_the_share, 12, "--confirm landelijk"),
    (domain_that_nobody_tests, 12, "a domain of the test catalogue"),
    (stale_list, 12, "at most 31 days old"),
    (typing_error, 10, "unknown key two_shcools"),
    (under_the_floor, 10, "Expected k at least 10"),
    (school_as_column, 10, "found brin"),
    (class_size_as_column, 10, "found groepsgrootte"),
    (intelligence_as_column, 10, "special-category domain intelligentie"),
    (past_its_end, 15, "destroy the project"),
    (publish_before_verify, 15, "Expected a release that was made"),
    (keys_under_the_root, 13, "apart from the storage root"),
    (first_wave, 15, "a published release that new pupils are added to"),
    (wave_of_all, 2, "--wave with --project"),
    (nothing_remembered, 15, "the snapshot of release 1"),
    (no_key, 13, "key --project leergroei --create"),
    (wrong_confirmation, 2, "Nothing was removed"),
    (pseudonymous, 17, "an instruction of at least one school"),
    (without_purpose, 10, "the key legal_basis"),
    (column_without_a_reason, 10, "columns.3.why"),
    (special_column_without_a_list, 17, "found no list in consents/"),
    (special_column_with_too_little, 10, "l-diversity or t-closeness"),
    (a_consent_without_an_end, 17, "nothing in tot in consents/actief.csv line 2"),
    (no_instructions, 17, "an instruction of at least one school"),
    (every_instruction_lapsed, 17, "an instruction of at least one school"),
    (instruction_of_an_unknown_school, 17, "instructions/standaard.csv line 2"),
]


WITH_SPARK = (turned_round, over_the_share)
"""What only Spark can find; every other refusal comes before a session is asked for."""


@pytest.mark.parametrize(("breaks", "code", "says"), REFUSALS, ids=lambda x: getattr(x, "__name__", None))
def test_every_refusal_has_one_clear_sentence_and_its_exit_code(
    fresh: Platform, breaks: object, code: int, says: str
) -> None:
    assert callable(breaks)
    command = breaks(fresh)
    before = fresh.listing()
    done = fresh.run(*command, without_spark=breaks not in WITH_SPARK)
    assert_refused(done, code, says)
    assert fresh.listing() == before


def test_a_refusal_through_spark_submit_reads_the_same(fresh: Platform) -> None:
    command = missing_list(fresh)
    before = fresh.listing()
    assert_refused(fresh.submit(*command), 12, "found no such file in objections/landelijk.csv")
    assert_refused(fresh.ask(*command), 12, "found no such file in objections/landelijk.csv")
    assert fresh.listing() == before


def assert_refused(done: Done, code: int, says: str) -> None:
    assert done.code == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.record["exit_code"] == code


def test_destroy_without_confirmation_only_lists(fresh: Platform) -> None:
    before = fresh.listing()
    done = fresh.run("destroy", *NAME, without_spark=True)
    assert (done.code, done.record["dry_run"]) == (0, True)
    assert "nothing was removed" in done.stderr
    assert fresh.listing() == before


def is_locked(platform: Platform, name: str) -> bool:
    """Whether a run holds the lock of a project; the file is there before it does, and stays when it no longer does."""
    try:
        with hold_lock(platform.zones.locks, name):
            return False
    except StateRefused:
        return True


def test_the_second_of_two_concurrent_runs_is_refused(fresh: Platform, tmp_path: Path) -> None:
    with (tmp_path / "first").open("w") as said:
        first = subprocess.Popen(
            fresh.command("release", *NAME), env=fresh.environment(), stdout=said, stderr=subprocess.DEVNULL
        )
        while not is_locked(fresh, "leergroei"):
            assert first.poll() is None
            time.sleep(0.05)
        second = fresh.run("release", *NAME, without_spark=True)
        assert first.poll() is None, "the first run held the lock all the time"
        first.terminate()
        first.wait()
    assert_refused(second, 15, "no other run on leergroei")


def test_an_undeclared_project_is_refused(fresh: Platform) -> None:
    assert_refused(fresh.run("release", "--project", "onbekend", without_spark=True), 10, "projects/onbekend.toml")
