"""Private files and folders: nobody but the platform's user may read them, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.drawn_records import make_release_record

from cohort.release_records import record_store, release_states
from cohort.storage import file_operations, json_documents
from cohort.storage.zone_paths import StorageZones


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def as_text(path: Path) -> None:
    file_operations.write_private_text(path, "x\n")


def as_document(path: Path) -> None:
    json_documents.write_json_document(path, {"x": 1})


@pytest.mark.parametrize("write", [as_text, as_document])
def test_a_file_and_every_folder_made_for_it_are_private(
    tmp_path: Path, umask: None, write: Callable[[Path], None]
) -> None:
    del umask
    path = tmp_path / "feedback" / "10AA" / "1.json"
    write(path)
    assert (mode(path), mode(path.parent), mode(path.parent.parent)) == (0o600, 0o700, 0o700)
    assert path.read_bytes()


@pytest.mark.parametrize("write", [as_text, as_document])
def test_an_open_file_is_closed_and_its_content_replaced(
    tmp_path: Path, umask: None, write: Callable[[Path], None]
) -> None:
    del umask
    path = tmp_path / "1.json"
    path.write_text("an earlier and longer text" * 9, encoding="utf-8")
    for open_ in (path, tmp_path):
        open_.chmod(0o777)
    write(path)
    assert (mode(path), mode(tmp_path)) == (0o600, 0o700)
    assert "earlier" not in path.read_text(encoding="utf-8")


def test_a_symbolic_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        file_operations.write_private_text(tmp_path / "link", "x")
    assert not (tmp_path / "elsewhere").exists()


def test_only_public_documents_are_readable_by_everybody(tmp_path: Path) -> None:
    """What stands under `records/` is written as such; all else that the register writes is closed."""
    zones = StorageZones(tmp_path)
    json_documents.write_json_document(zones.public_records / "proef" / "1.json", {"x": 1}, public=True)
    assert mode(zones.public_records / "proef" / "1.json") == 0o666 & ~_umask()
    record_store.save_release_record(zones, make_release_record("proef", 1, release_states.ReleaseState.STAGED))
    assert mode(zones.exact_records / "proef" / "1.json") == 0o600


def _umask() -> int:
    before = os.umask(0o022)
    os.umask(before)
    return before
