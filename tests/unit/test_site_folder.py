"""The site is replaced as a whole, and only in a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drawn_register import AGREED, write_example_records, write_records

from cohort.foundation.errors import UsageRefused
from cohort.storage.zone_paths import StorageZones
from cohort.transparency import public_register, site_folder


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return write_example_records(tmp_path / "root" / "records")


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_page_of_a_removed_project_disappears(records: Path, tmp_path: Path) -> None:
    out = tmp_path / "register"
    site_folder.replace_site(out, public_register.render_register(records))
    shutil.rmtree(records / "taalkaart")
    made = public_register.render_register(records)
    site_folder.replace_site(out, made)

    assert files_of(out) == made
    assert "project/taalkaart.html" not in made
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


class Killed(BaseException):
    """An exception that no handler of the code catches, in place of kill -9."""


def killed_at(moment: str, out: Path, patch: pytest.MonkeyPatch) -> None:
    """Interrupt the run at one of its three steps: two renames and the removal of the old site."""
    rename, rmtree = Path.rename, shutil.rmtree

    def renamed(self: Path, target: Path) -> Path:
        if moment == ("set aside" if self == out else "put in place"):
            raise Killed
        return rename(self, target)

    def cleared(path: Path, **options: Any) -> None:
        if moment == "cleared" and path.exists() and path.name.endswith(".old"):
            raise Killed
        rmtree(path, **options)

    patch.setattr(Path, "rename", renamed)
    patch.setattr(shutil, "rmtree", cleared)


@pytest.mark.parametrize("moment", ["set aside", "put in place", "cleared"])
def test_a_run_after_a_kill_at_any_moment_leaves_a_whole_site(
    records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    out, old = tmp_path / "register", public_register.render_register(records)
    site_folder.replace_site(out, old)
    write_records(records, "nieuw", agreement=AGREED)
    new = public_register.render_register(records)
    with monkeypatch.context() as patch:
        killed_at(moment, out, patch)
        with pytest.raises(Killed):
            site_folder.replace_site(out, new)

    site_folder.restore_interrupted_site(out)
    assert files_of(out) == (new if moment == "cleared" else old)
    site_folder.replace_site(out, new)
    assert files_of(out) == new
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_that_cannot_be_written_is_refused_and_the_old_site_stays(records: Path, tmp_path: Path) -> None:
    out, old = tmp_path / "register", public_register.render_register(records)
    site_folder.replace_site(out, old)

    with pytest.raises(UsageRefused, match="Expected a place that can be written"):
        site_folder.replace_site(out, {"index.html": b"", "index.html/below": b""})

    assert files_of(out) == old


def occupied(out: Path) -> None:
    out.mkdir()
    (out / "thesis.odt").write_text("years of work")


def linked(out: Path) -> None:
    out.symlink_to(out.parent)


WRONG: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a folder of something else": ("mine", occupied),
    "a link": ("link", linked),
    "a file": ("file", lambda out: out.write_text("years of work")),
    "a zone": ("root/objections", Path.mkdir),
    "the records": ("root/records", Path.exists),
    "the root": ("root", Path.exists),
    "above the root": (".", Path.exists),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_folder_of_something_else_is_refused(records: Path, what: str) -> None:
    name, prepare = WRONG[what]
    out = records.parent.parent / name
    prepare(out)

    with pytest.raises(UsageRefused) as refusal:
        site_folder.check_site_folder(StorageZones(records.parent), out)
    assert refusal.value.exit_code == 2


def test_a_new_folder_an_empty_one_and_an_earlier_site_are_accepted(records: Path, tmp_path: Path) -> None:
    zones = StorageZones(records.parent)
    (tmp_path / "empty").mkdir()
    for out in (zones.public_register, tmp_path / "new", tmp_path / "empty"):
        site_folder.check_site_folder(zones, out)
        site_folder.replace_site(out, public_register.render_register(records))
        site_folder.check_site_folder(zones, out)
        assert (out / "index.html").is_file()
