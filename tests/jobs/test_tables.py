"""Public tables by the job `tables`: made, signed by a second person, published, superseded, withdrawn."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from pathlib import Path

import polars
import pytest
from tests.patches import PatchesAcrossModules

from cohort.publication_documents import EditionState, load_edition_record, parse_tidy_cells, save_edition_record
from cohort.publications import edition_publication
from cohort.storage import remove_tree

from .conftest import PROJECT, TODAY, Done, Platform

PUBLICATION = "proef"
NAME = ("--publication", PUBLICATION)
EDITION = (*NAME, "--edition", "1")
DECLARATION = """
name = "proef"
title = { nl = "Proef", en = "Trial" }
purpose = "Beschrijven hoe leerlingen over regio's verdeeld zijn, om het werk van de taak te beproeven"
requested_by = "Stichting Proef"
rows = "selection"
method = "METHOD"

[population]
schooljaar = ["YEAR"]

[limits]
pupils = 10
schools = 5
max_share = 0.5
p_percent = 10
largest_value_share = 0.9
degrees_of_freedom = 10

[[variables]]
name = "regio"
attribute = "regio"
label = { nl = "regio", en = "region" }

[[variables]]
name = "jaargroep"
attribute = "jaargroep"
hierarchies = ["jaargroep"]
label = { nl = "jaargroep", en = "year group" }

[[tables]]
name = "regio_jaargroep"
title = { nl = "Leerlingen naar regio en jaargroep", en = "Pupils by region and year group" }
by = ["regio", "jaargroep"]
measures = [{ kind = "count" }]
"""
pytestmark = [
    pytest.mark.usefixtures("spark"),
    pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen of OpenSSH"),
]


def declare(platform: Platform, *, year: str = "2024-2025", method: str = "suppress", by: str = "") -> None:
    """Declare a publication, and an approver with a key who is not the user that runs the jobs."""
    folder = platform.config / "publications"
    folder.mkdir(exist_ok=True)
    text = DECLARATION.replace("METHOD", method).replace("YEAR", year)
    text = text.replace('by = ["regio", "jaargroep"]', f"by = {by}") if by else text
    (folder / f"{PUBLICATION}.toml").write_text(text, encoding="utf-8")
    key = platform.home / "approver"
    if key.exists():
        return
    platform.change("conf/platform.toml", "max_primary_share = 0.15", "max_primary_share = 0.5")  # few schools
    made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "a.jansen", "-f", str(key)]
    subprocess.run(made, check=True, capture_output=True)
    platform.change("conf/platform.toml", "publish-tables = []", 'publish-tables = ["a.jansen"]')
    platform.change("conf/platform.toml", "users = {}", 'users = { "a.jansen" = "jansen" }')
    public = " ".join(key.with_suffix(".pub").read_text(encoding="utf-8").split()[:2])
    after, before = (f"{TODAY + dt.timedelta(days=days):%Y%m%d}" for days in (-2, 30))
    line = f'a.jansen namespaces="cohort-approval",valid-after="{after}",valid-before="{before}" {public}\n'
    with (platform.config / "approvers").open("a", encoding="utf-8") as file:
        file.write(line)


def sign(platform: Platform, edition: int = 1) -> None:
    document = platform.zones.exact_edition(PUBLICATION, edition) / "approval.json"
    command = [str(PROJECT / "scripts" / "approve"), str(document), "--key", str(platform.home / "approver"), "--yes"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def publish(platform: Platform, edition: int = 1) -> Done:
    return platform.run("tables", *NAME, "--edition", str(edition), "--publish")


def make(platform: Platform) -> Done:
    done = platform.run("tables", *NAME)
    assert done.code == 0, done.stderr
    return done


def figures(folder: Path) -> dict[tuple[str, ...], str | None]:
    text = (folder / "regio_jaargroep.cells.csv").read_text(encoding="utf-8")
    return {cell.nodes: cell.value for cell in parse_tidy_cells(text, ("regio", "jaargroep"))}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def state(platform: Platform, edition: int = 1) -> EditionState:
    return load_edition_record(platform.zones, PUBLICATION, edition).state


def object_to(platform: Platform, name: str, numbers: list[str]) -> None:
    lists = platform.zones.objections
    lines = [f"{number};;2020-01-01;;alles" for number in numbers]
    (lists / f"{name}.csv").write_text("\n".join(["pgn;brin;vanaf;ingetrokken_op;bereik", *lines, ""]))
    (lists / f"{name}.toml").write_text(
        f'file = "{name}.csv"\npolarity = "block"\ndate = {TODAY}\nsource = "proef {name}"\n'
        "max_age_days = 7\ndeclared_empty = false\n"
    )


def pupils_of_year(platform: Platform, year: str) -> list[str]:
    rows = polars.read_delta(str(platform.zones.results)).filter(polars.col("schooljaar") == year)
    return sorted(rows["pgn"].unique().to_list())


@pytest.fixture(scope="module")
def made_once(taken_in: Platform, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """A platform with one edition that waits for its signature."""
    platform = Platform(tmp_path_factory.mktemp("tables") / "platform")
    shutil.copytree(taken_in.home, platform.home, symlinks=True)
    declare(platform)
    make(platform)
    return platform


@pytest.fixture
def made(made_once: Platform, tmp_path: Path) -> Platform:
    shutil.copytree(made_once.home, tmp_path / "platform", symlinks=True)
    return Platform(tmp_path / "platform")


def test_an_edition_is_published_byte_for_byte_once_a_second_person_signed_it(made: Platform) -> None:
    refused = publish(made)
    assert refused.code == 15
    assert "signature of a second person" in refused.stderr
    staged = contents(made.zones.staged_edition(PUBLICATION, 1))
    sign(made)
    done = publish(made)
    assert done.code == 0, done.stderr
    assert contents(made.zones.published_edition(PUBLICATION, 1)) == staged
    assert not made.zones.staged_edition(PUBLICATION, 1).exists()
    assert done.record["state"] == "PUBLISHED"
    audited = made.run("tables", *EDITION, "--audit")
    assert (audited.code, audited.record["audit"]["findings"]) == (0, {})


def test_every_pupil_of_the_year_is_counted_once_and_no_printed_count_is_small(made: Platform) -> None:
    counts = figures(made.zones.staged_edition(PUBLICATION, 1))
    record = load_edition_record(made.zones, PUBLICATION, 1)
    assert counts["*", "*"] == str(record.pupils)
    assert record.objected > 0
    assert record.pupils + record.objected == len(pupils_of_year(made, "2024-2025"))
    printed = [int(value) for value in counts.values() if value is not None]
    assert all(value == 0 or value >= 10 for value in printed)


def test_a_changed_byte_after_the_signature_is_refused(made: Platform) -> None:
    sign(made)
    cells = made.zones.staged_edition(PUBLICATION, 1) / "regio_jaargroep.cells.csv"
    cells.write_bytes(cells.read_bytes() + b"\n")
    refused = publish(made)
    assert refused.code == 15
    assert state(made) is EditionState.AUDITED
    assert not made.zones.published_edition(PUBLICATION, 1).exists()


@pytest.mark.parametrize(
    ("step", "calls"), [("copy_files", 0), ("save_edition_record", 0), ("copy_missing_files", 0), ("remove_tree", 0)]
)
def test_a_publication_killed_at_any_step_is_completed_by_the_next_run(made: Platform, step: str, calls: int) -> None:
    sign(made)
    staged = contents(made.zones.staged_edition(PUBLICATION, 1))
    original, seen = getattr(edition_publication, step), []

    def die(*arguments: object, **named: object) -> object:
        seen.append(step)
        if len(seen) > calls:
            raise KeyboardInterrupt
        return original(*arguments, **named)

    with PatchesAcrossModules.context() as patched:
        patched.setattr(edition_publication, step, die)
        with pytest.raises(KeyboardInterrupt):
            publish(made)
    again = publish(made)
    assert again.code == 0 or (again.code == 15 and "PUBLISHED" in again.stderr), again.stderr
    assert state(made) is EditionState.PUBLISHED
    assert contents(made.zones.published_edition(PUBLICATION, 1)) == staged
    assert not made.zones.staged_edition(PUBLICATION, 1).exists()


def test_a_newer_edition_takes_the_place_of_the_older_and_an_older_one_is_never_published_after_it(
    made: Platform,
) -> None:
    make(made)
    sign(made, 2)
    assert publish(made, 2).code == 0
    sign(made, 1)
    refused = publish(made, 1)
    assert (refused.code, state(made, 1)) == (15, EditionState.AUDITED), refused.stderr
    make(made)
    sign(made, 3)
    assert publish(made, 3).code == 0
    assert (state(made, 2), state(made, 3)) == (EditionState.SUPERSEDED, EditionState.PUBLISHED)


def test_a_publication_killed_before_the_older_edition_is_superseded_is_completed(made: Platform) -> None:
    sign(made)
    assert publish(made).code == 0
    make(made)
    sign(made, 2)
    original, seen = save_edition_record, []

    def die(*arguments: object) -> None:
        seen.append(1)
        if len(seen) > 1:
            raise KeyboardInterrupt
        original(*arguments)

    with PatchesAcrossModules.context() as patched:
        patched.setattr(edition_publication, "save_edition_record", die)
        with pytest.raises(KeyboardInterrupt):
            publish(made, 2)
    assert (state(made, 1), state(made, 2)) == (EditionState.PUBLISHED, EditionState.PUBLISHED)
    publish(made, 2)
    assert (state(made, 1), state(made, 2)) == (EditionState.SUPERSEDED, EditionState.PUBLISHED)


def test_a_withdrawal_needs_a_reason_and_one_that_was_killed_is_completed_by_the_next_run(made: Platform) -> None:
    sign(made)
    assert publish(made).code == 0
    blank = made.run("tables", *EDITION, "--withdraw", " ")
    assert (blank.code, state(made)) == (2, EditionState.PUBLISHED)

    published, remove = made.zones.published_edition(PUBLICATION, 1), remove_tree

    def die(path: Path) -> None:
        if path == published:
            raise KeyboardInterrupt
        remove(path)

    with PatchesAcrossModules.context() as patched:
        patched.setattr(edition_publication, "remove_tree", die)
        with pytest.raises(KeyboardInterrupt):
            made.run("tables", *EDITION, "--withdraw", "een fout in de regio's")
    assert state(made) is EditionState.WITHDRAWN
    made.run("tables", *EDITION, "--audit")
    assert not made.zones.published_edition(PUBLICATION, 1).exists()
    record = load_edition_record(made.zones, PUBLICATION, 1)
    assert record.events[-1].reason == "een fout in de regio's"


def test_a_late_objector_changes_nothing_that_is_published_and_no_later_table_shows_the_difference(
    made: Platform,
) -> None:
    sign(made)
    assert publish(made).code == 0
    frozen = contents(made.zones.published_edition(PUBLICATION, 1))
    late = pupils_of_year(made, "2023-2024")[:3]
    assert {*late} <= {*pupils_of_year(made, "2024-2025")}
    object_to(made, "laat", late)
    assert made.run("objections").code == 0

    again = make(made)
    assert figures(made.zones.staged_edition(PUBLICATION, 2)) == figures(made.zones.published_edition(PUBLICATION, 1))
    assert again.record["edition"] == 2
    assert contents(made.zones.published_edition(PUBLICATION, 1)) == frozen

    declare(made, year="2023-2024", by='["regio"]')
    next_year = made.run("tables", *NAME)
    assert next_year.code == 0, next_year.stderr
    record = load_edition_record(made.zones, PUBLICATION, 3)
    assert record.pupils == len(set(pupils_of_year(made, "2023-2024")) - {*late})
    assert contents(made.zones.published_edition(PUBLICATION, 1)) == frozen


def test_attributes_of_results_are_no_columns_of_a_release(made: Platform) -> None:
    made.change(
        f"conf/publications/{PUBLICATION}.toml", 'rows = "selection"', 'rows = "release"\nproject = "leergroei"'
    )
    refused = made.run("tables", *NAME)
    assert refused.code == 10
    assert "Expected variables with a column with rows = 'release'" in refused.stderr
    assert not made.zones.exact_edition(PUBLICATION, 2).exists()


def test_a_file_that_somebody_changed_after_publication_is_named_and_not_copied_over(made: Platform) -> None:
    sign(made)
    assert publish(made).code == 0
    page = made.zones.published_edition(PUBLICATION, 1) / "checksums.txt"
    page.chmod(0o644)
    page.write_text("other", encoding="utf-8")
    audited = made.run("tables", *EDITION, "--audit")
    assert audited.code == 15
    assert "Expected the files of the edition as they were audited" in audited.stderr
    assert page.read_text(encoding="utf-8") == "other"
    assert made.run("tables", *EDITION, "--withdraw", "een ander heeft een bestand veranderd").code == 0
    assert made.run("tables", *EDITION, "--audit").code == 0


def test_rounded_tables_are_published_too(made: Platform) -> None:
    declare(made, method="round")
    make(made)
    printed = [value for value in figures(made.zones.staged_edition(PUBLICATION, 2)).values() if value is not None]
    assert all(int(value) % 5 == 0 for value in printed)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--edition", "9", "--publish"), 15),
        (("--edition", "1"), 2),
        (("--edition", "1", "--publish", "--audit"), 2),
        (("--publish",), 2),
    ],
)
def test_another_choice_of_options_is_refused(made: Platform, arguments: tuple[str, ...], code: int) -> None:
    before = made.listing()
    refused = made.run("tables", *NAME, *arguments, without_spark=True)
    assert refused.code == code
    assert "Expected" in refused.stderr
    assert {k: v for k, v in made.listing().items() if "locks" not in k} == {
        k: v for k, v in before.items() if "locks" not in k
    }
