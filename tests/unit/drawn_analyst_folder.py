"""A folder with records and hierarchies, proved to work, that tests of the analyst's command change in one place."""

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
class CommandOutcome:
    """The exit code, the document and the progress of one run."""

    code: int
    document: dict[str, Any]
    progress: str

    @property
    def sentence(self) -> str:
        """The only problem of a refusal."""
        (only,) = self.document["refused"]
        return str(only)


@dataclass(frozen=True)
class AnalystFolder:
    """An analyst's folder with a baseline that works, and the command run in it."""

    home: Path
    run: Callable[..., CommandOutcome]

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


def make_analyst_folder(home: Path, capsys: pytest.CaptureFixture[str]) -> AnalystFolder:
    (home / "data.csv").write_text(RECORDS, encoding="utf-8")
    (home / "trees").mkdir()
    for name, text in HIERARCHIES.items():
        (home / "trees" / f"{name}.csv").write_text(text, encoding="utf-8")

    def run(*options: str, data: str = "data.csv", out: str = "out.csv") -> CommandOutcome:
        paths = {"--data": data, "--out": out, "--hierarchies": "trees"}
        path_options = [part for option, path in paths.items() for part in (option, str(home / path))]
        code = run_recoding_command([*path_options, *options])
        printed = capsys.readouterr()
        return CommandOutcome(code, json.loads(printed.out), printed.err)

    return AnalystFolder(home, run)
