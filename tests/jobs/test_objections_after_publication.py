"""Objections after publication, each by its job: due, released again, and subtracted."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
from pathlib import Path

import polars
import pytest

from .conftest import TODAY, Platform

NAME = "leergroei"
K = 10


def remembered(platform: Platform, release: int) -> set[bytes]:
    """The pseudonyms of who is in a release, as the restricted zone remembers them."""
    folder = platform.zones.release_snapshots(NAME) / str(release) / "pupils"
    return set(polars.read_parquet(folder / "*.parquet")["_pupil"].to_list())


def pupils_of(platform: Platform, release: int) -> list[tuple[bytes, str]]:
    """Pseudonym and number of every pupil in a release."""
    key = (platform.keys / f"{NAME}.key").read_bytes()
    numbers = polars.read_delta(str(platform.zones.results))["pgn"].unique()
    inside = remembered(platform, release)
    of = {hmac.digest(key, f"pgn|{n}".encode(), hashlib.sha256): n for n in numbers}
    return [(pseudonym, of[pseudonym]) for pseudonym in sorted(inside & of.keys())]


def object_to_everything(platform: Platform, name: str, numbers: list[str]) -> None:
    lists = platform.zones.objections
    lines = [f"{number};;2020-01-01;;alles" for number in numbers]
    (lists / f"{name}.csv").write_text("\n".join(["pgn;brin;vanaf;ingetrokken_op;bereik", *lines, ""]))
    (lists / f"{name}.toml").write_text(
        f'file = "{name}.csv"\npolarity = "block"\ndate = {TODAY}\nsource = "proef {name}"\n'
        "max_age_days = 7\ndeclared_empty = false\n"
    )


def sizes(platform: Platform) -> dict[tuple[str, ...], int]:
    """What a reader counts: pupils per released record."""
    frame = polars.read_delta(str(platform.zones.published_table(NAME)))
    counted = frame.group_by(frame.columns).len()
    return {tuple(row[:-1]): row[-1] for row in counted.rows()}


@pytest.mark.usefixtures("spark")
def test_a_late_objector_leaves_with_others_and_readers_cannot_tell_who_it_was(
    published_once: Platform, tmp_path: Path
) -> None:
    fresh = Platform(tmp_path / "platform")
    shutil.copytree(published_once.home, fresh.home, symlinks=True)
    read, inside = sizes(fresh), remembered(fresh, 1)
    late = dict(pupils_of(fresh, 1)[:2])
    object_to_everything(fresh, "laat", [*late.values()])
    assert fresh.run("objections").code == 0
    (told,) = [p for p in fresh.run("status").record["projects"] if p["project"] == NAME]
    assert told["due"] == [{"do": "release", "reasons": ["OBJECTIONS_CHANGED"], "why": "a list of objections changed"}]

    done = fresh.run("release", "--due", "--publish")
    assert done.code == 0, done.stderr
    assert done.record["due"] == [NAME]
    now, still = sizes(fresh), remembered(fresh, 2)
    gone = {record: read.get(record, 0) - now.get(record, 0) for record in {*read, *now}}
    assert all(n == 0 or n >= K for n in gone.values())
    assert still < inside - {*late}
    counts = json.loads((fresh.zones.exact_records / NAME / "2.json").read_text())["counts"]
    assert counts["pupils_withdrawn"] == len(inside) - len(still) - len(late) > 0
    assert fresh.run("verify", "--project", NAME).code == 0

    assert fresh.run("release", "--due").record["due"] == []
    assert [path.name for path in Path(fresh.zones.release_snapshots(NAME)).iterdir()] == ["2"]
    destroyed = fresh.run("destroy", "--project", NAME, "--confirm", NAME)
    assert destroyed.code == 0, destroyed.stderr
    assert not fresh.zones.release_snapshots(NAME).exists()
