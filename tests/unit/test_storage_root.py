"""The storage root: which folders and URIs are accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from cohort.foundation.errors import Refusal, UsageRefused
from cohort.storage import zone_paths


@pytest.mark.parametrize("name", ["plain", "with a blank", "één"])
def test_a_root_is_given_by_path_or_by_file_uri(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert zone_paths.parse_storage_root(str(tmp_path / name)).root == tmp_path / name
    assert zone_paths.parse_storage_root(f"file://{tmp_path / name}").root == tmp_path / name


@pytest.mark.parametrize("mark", sorted(zone_paths.MISREAD_PATH_CHARACTERS))
def test_a_root_with_characters_that_table_readers_misread_is_refused(tmp_path: Path, mark: str) -> None:
    (tmp_path / f"a{mark}20").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / f"a{mark}20")
    for name in (f"a{mark}20", "link"):
        with pytest.raises(UsageRefused) as refused:
            zone_paths.parse_storage_root(str(tmp_path / name))
        assert f"found {mark} in --root" in str(refused.value)


def test_a_missing_root_and_an_unsupported_scheme_are_refused(tmp_path: Path) -> None:
    for root in (str(tmp_path / "none"), "hdfs://there/cohort"):
        with pytest.raises(Refusal) as refused:
            zone_paths.parse_storage_root(root)
        assert refused.value.exit_code == (2 if "none" in root else 10)
