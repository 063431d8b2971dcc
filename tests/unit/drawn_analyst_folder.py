"""A desk with records and hierarchies on it, for the tests of the analysts' tool to break in one place."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cohort.sdc.cli.command_line import run_recoding_command

RECORDS = """\
brin;geslacht;niveau;thuistaal;advies
A;j;I;nl;vmbo
A;j;I;nl;havo
B;j;II;fy;vmbo
B;m;III;nl;vwo
C;m;III;nl;vwo
C;m;IV;fy;havo
D;m;IV;;havo
"""
HIERARCHIES = {
    "geslacht": "j;*\nm;*\n",
    "niveau": "I;I-II;*\nII;I-II;*\nIII;III-IV;*\nIV;III-IV;*\n",
    "thuistaal": "nl;*\nfy;*\n",
}
COLUMNS = ("--columns", "geslacht,niveau")
K3 = (*COLUMNS, "--k", "3")
K25 = (*COLUMNS, "--k", "25")


@dataclass(frozen=True)
class Done:
    """What one run left behind."""

    code: int
    document: dict[str, Any]
    progress: str

    @property
    def sentence(self) -> str:
        (only,) = self.document["refused"]
        return str(only)


@dataclass(frozen=True)
class Desk:
    """An analyst's folder, with a proved baseline in it that a test breaks in one place."""

    home: Path
    run: Callable[..., Done]

    @property
    def data(self) -> Path:
        return self.home / "data.csv"

    @property
    def out(self) -> Path:
        return self.home / "out.csv"

    def released(self) -> list[str]:
        return self.out.read_text(encoding="utf-8").splitlines()

    def change(self, name: str, old: str, new: str) -> None:
        text = (self.home / name).read_text(encoding="utf-8")
        assert old in text
        (self.home / name).write_text(text.replace(old, new), encoding="utf-8")


def laid_out(home: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    (home / "data.csv").write_text(RECORDS, encoding="utf-8")
    (home / "trees").mkdir()
    for name, text in HIERARCHIES.items():
        (home / "trees" / f"{name}.csv").write_text(text, encoding="utf-8")

    def run(*asked: str, data: str = "data.csv", out: str = "out.csv") -> Done:
        places = {"--data": data, "--out": out, "--hierarchies": "trees"}
        told = [part for option, place in places.items() for part in (option, str(home / place))]
        code = run_recoding_command([*told, *asked])
        printed = capsys.readouterr()
        return Done(code, json.loads(printed.out), printed.err)

    return Desk(home, run)
