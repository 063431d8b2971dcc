"""A published table that was tampered with, by its jobs: `verify` closes and `access` opens it."""

from __future__ import annotations

import grp
import os
import re
import shutil
import stat

import deltalake
import pytest

from .conftest import Platform

NAME = "leergroei"


def mode(platform: Platform) -> int:
    return stat.S_IMODE(platform.zones.published_table(NAME).stat().st_mode)


@pytest.mark.usefixtures("spark")
def test_a_table_that_was_tampered_with_is_closed(fresh: Platform) -> None:
    group = grp.getgrgid(os.getegid()).gr_name
    fresh.change("conf/platform.toml", 'way = "owner"', 'way = "group"')
    agreed = fresh.config / "projects" / f"{NAME}.toml"
    text = re.sub(r'(?m)^readers *= *".*"', f'readers = "{group}"', agreed.read_text(encoding="utf-8"))
    agreed.write_text(text, encoding="utf-8")
    done = fresh.run("release", "--project", NAME, "--publish")
    assert done.code == 0, done.stderr
    assert mode(fresh) == 0o750
    table = fresh.zones.published_table(NAME)
    shutil.copytree(table, fresh.home / "copy")

    rows = deltalake.DeltaTable(str(table)).to_pyarrow_table()
    deltalake.write_deltalake(str(table), rows.slice(0, 3), mode="append")
    done = fresh.run("verify", "--project", NAME)
    assert done.code == 14
    assert "has other rows than were published" in done.stderr
    assert f"Nobody reads projects/{NAME} any more" in done.stderr
    assert mode(fresh) == 0o700
    status = fresh.run("status").record
    (told,) = [one for one in status["projects"] if one["project"] == NAME]
    assert told["access"] == "withdrawn"
    assert {"do": "verify", "reasons": ["VERIFICATION_FAILED"]}.items() <= told["due"][0].items()
    daily = fresh.run("access")
    assert (daily.code, mode(fresh)) == (14, 0o700)

    shutil.rmtree(table)
    shutil.copytree(fresh.home / "copy", table)
    table.chmod(0o750)  # whoever put it back opened it
    assert fresh.run("status").code == 0
    assert mode(fresh) == 0o700, "any job closes what was not verified since"
    assert fresh.run("verify", "--project", NAME).code == 0
    assert mode(fresh) == 0o700
    assert fresh.run("access").code == 0
    assert mode(fresh) == 0o750
