"""Project keys: made once and on purpose, never in a text, readable by their owner only, refused when unsafe."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort.foundation.errors import KeyRefused
from cohort.keys import project_keys
from cohort.keys.project_keys import ProjectKey


def test_a_key_is_32_random_bytes_that_only_its_owner_reads(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    project_keys.create_key(folder, "proef")
    project_keys.create_key(folder, "anders")
    file = project_keys.key_path(folder, "proef")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_bytes()) == project_keys.KEY_BYTES
    assert file.read_bytes() != project_keys.key_path(folder, "anders").read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == ["anders.key", "proef.key"]


def test_an_existing_key_is_never_replaced(tmp_path: Path) -> None:
    project_keys.create_key(tmp_path, "proef")
    before = project_keys.key_path(tmp_path, "proef").read_bytes()
    with pytest.raises(KeyRefused, match="a project without a key") as refused:
        project_keys.create_key(tmp_path, "proef")
    assert refused.value.exit_code == 13
    assert project_keys.key_path(tmp_path, "proef").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["proef.key"]


def test_loading_a_missing_key_does_not_make_one(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused, match="Make it on purpose: key --project proef --create"):
        project_keys.load_key(tmp_path, "proef")
    assert not project_keys.key_exists(tmp_path, "proef")
    assert list(tmp_path.iterdir()) == []


def test_the_loaded_key_is_the_one_that_was_made(tmp_path: Path) -> None:
    project_keys.create_key(tmp_path, "proef")
    secret = project_keys.key_path(tmp_path, "proef").read_bytes()
    assert project_keys.load_key(tmp_path, "proef") == ProjectKey(secret)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o610])
def test_a_key_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    project_keys.create_key(tmp_path, "proef")
    project_keys.key_path(tmp_path, "proef").chmod(mode)
    with pytest.raises(KeyRefused, match="one that others may read"):
        project_keys.load_key(tmp_path, "proef")


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_is_refused(tmp_path: Path, length: int) -> None:
    file = project_keys.key_path(tmp_path, "proef")
    file.write_bytes(b"k" * length)
    file.chmod(0o600)
    with pytest.raises(KeyRefused, match="one of another length"):
        project_keys.load_key(tmp_path, "proef")


def test_a_symbolic_link_to_a_key_is_refused(tmp_path: Path) -> None:
    project_keys.create_key(tmp_path, "anders")
    project_keys.key_path(tmp_path, "proef").symlink_to(project_keys.key_path(tmp_path, "anders"))
    with pytest.raises(KeyRefused, match="one that cannot be opened"):
        project_keys.load_key(tmp_path, "proef")


def test_the_text_of_a_key_does_not_contain_its_secret() -> None:
    secret = os.urandom(project_keys.KEY_BYTES)
    texts = f"{ProjectKey(secret)!r} {ProjectKey(secret)}"
    assert texts == "ProjectKey() ProjectKey()"
    assert secret.hex() not in texts


def test_a_key_is_overwritten_before_it_is_removed(tmp_path: Path) -> None:
    project_keys.create_key(tmp_path, "proef")
    file = project_keys.key_path(tmp_path, "proef")
    secret = file.read_bytes()
    with file.open("rb") as open_file:
        assert project_keys.destroy_key(tmp_path, "proef")
        overwritten = open_file.read()
    assert (len(overwritten), overwritten == secret) == (project_keys.KEY_BYTES, False)
    assert not project_keys.key_exists(tmp_path, "proef")
    assert not project_keys.destroy_key(tmp_path, "proef")


@given(st.binary(min_size=1, max_size=100), st.binary(max_size=100))
def test_the_key_blocks_are_those_of_hmac(secret: bytes, message: bytes) -> None:
    inner, outer = project_keys.hmac_key_blocks(secret)
    assert len(inner) == len(outer) == project_keys.HMAC_BLOCK_BYTES
    inside = hashlib.sha256(inner + message).digest()
    assert hashlib.sha256(outer + inside).digest() == hmac.digest(secret, message, "sha256")


@given(st.binary(min_size=32, max_size=32), st.lists(st.text(max_size=20), max_size=5))
def test_digests_are_hmacs_in_the_order_of_the_texts(secret: bytes, texts: list[str]) -> None:
    assert ProjectKey(secret).digest_texts(texts) == [hmac.digest(secret, text.encode(), "sha256") for text in texts]
