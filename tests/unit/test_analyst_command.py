"""The analysts' tool: what it releases and what it tells of it."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pyarrow.parquet as pq
import pytest
from tests.unit.drawn_analyst_folder import COLUMNS, K3, RECORDS, Desk, laid_out

from cohort.foundation.errors import NotAnonymous
from cohort.sdc.utility.objectives import ObjectiveName

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLE = PROJECT / "tests" / "conformance" / "analysts"


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return laid_out(tmp_path, capsys)


class TestTheBaseline:
    def test_global(self, desk: Desk) -> None:
        done = desk.run(*COLUMNS, "--k", "3")

        assert done.code == 0
        assert desk.released() == ["geslacht;niveau", *["j;I-II"] * 3, *["m;III-IV"] * 4]
        told = done.document
        assert (told["recoding"], told["levels"], told["proven"]) == ("global", [0, 1], True)
        assert told["classes"]["number"] == 2
        assert (told["records"], told["released"], told["suppressed"]) == (7, 7, 0)
        assert told["losses"]["columns"] == {"geslacht": 0, "niveau": pytest.approx(1 / 3)}
        assert told["losses"]["mean"] == pytest.approx(1 / 6)
        assert told["losses"]["geometric"] == pytest.approx((4 / 3) ** 0.5 - 1)
        assert set(told["seconds"]) >= {"read", "search", "measures", "total"}
        assert told["peak_memory_mb"] > 0

    def test_local(self, desk: Desk) -> None:
        done = desk.run(*COLUMNS, "--k", "2", "--recoding", "local")

        assert desk.released() == ["geslacht;niveau", *["j;I-II"] * 3, *["m;III"] * 2, *["m;IV"] * 2]
        told = done.document
        assert "levels" not in told
        assert told["classes"] == {
            "number": 3,
            "columns": {
                "geslacht": [{"level": 0, "classes": 3, "records": 7}],
                "niveau": [{"level": 0, "classes": 2, "records": 4}, {"level": 1, "classes": 1, "records": 3}],
            },
        }
        assert told["losses"]["mean"] == pytest.approx(3 / 7 / 3 / 2)
        assert told["proven"] is False

    def test_metrics_and_risk_are_those_of_the_release(self, desk: Desk) -> None:
        told = desk.run(*COLUMNS, "--k", "3").document

        assert told["metrics"]["discernibility"] == 3**2 + 4**2
        assert told["metrics"]["average_class_size"] == pytest.approx(7 / 2)
        assert told["risk"]["prosecutor"]["highest"] == pytest.approx(1 / 3)
        assert told["risk"]["stranger"]["smallest"] == 3
        assert "school" not in told["risk"]

    def test_of_schools_the_risk_is_told_too(self, desk: Desk) -> None:
        told = desk.run(*COLUMNS, "--k", "3", "--schools", "brin", "--m", "2").document

        assert told["risk"]["school"]["smallest"] == 1  # of A, A and B under `j;I-II`

    def test_sensitive_values_follow_in_their_order(self, desk: Desk) -> None:
        desk.run(*COLUMNS, "--k", "3", "--sensitive", "advies", "--l", "2", "--least-known", "7")

        assert desk.released() == [
            "geslacht;niveau;advies",
            "j;I-II;havo",
            "j;I-II;vmbo",
            "j;I-II;vmbo",
            "m;III-IV;havo",
            "m;III-IV;havo",
            "m;III-IV;vwo",
            "m;III-IV;vwo",
        ]

    def test_a_single_column(self, desk: Desk) -> None:
        assert desk.run("--columns", "geslacht", "--k", "3").code == 0
        assert desk.released() == ["geslacht", *["j"] * 3, *["m"] * 4]

    def test_levels_that_are_forced_or_forbidden(self, desk: Desk) -> None:
        forced = desk.run(*COLUMNS, "--k", "3", "--lowest", "niveau=2,geslacht=1").document
        narrowed = desk.run(*COLUMNS, "--k", "2", "--highest", "niveau=0", "--limit", "0.2").document

        assert forced["levels"] == [1, 2]
        assert narrowed["levels"] == [0, 0]
        assert narrowed["suppressed"] == 1

    def test_a_column_that_weighs_more_is_kept(self, desk: Desk) -> None:
        desk.change("data.csv", "B;j;II", "B;m;II")
        by_default = desk.run(*COLUMNS, "--k", "3", "--objective", "mean").document
        weighed = desk.run(*COLUMNS, "--k", "3", "--objective", "mean", "--weights", "geslacht=9").document

        assert by_default["levels"] == [1, 1]
        assert weighed["losses"]["mean"] == pytest.approx((9 * 1 + 1 / 3) / 10)

    @pytest.mark.parametrize("objective", get_args(ObjectiveName))
    def test_whatever_the_global_search_can_make_small(self, desk: Desk, objective: str) -> None:
        told = desk.run(*COLUMNS, "--k", "3", "--objective", objective).document

        assert (told["exit_code"], told["proven"], told["suppressed"]) == (0, True, 0)

    def test_a_parquet_file_in_and_out(self, desk: Desk) -> None:
        desk.run(*COLUMNS, "--k", "3", out="out.parquet")
        again = desk.run("--columns", "niveau", "--k", "3", data="out.parquet", out="again.parquet")

        assert pq.read_table(desk.home / "out.parquet").to_pylist()[0] == {"geslacht": "j", "niveau": "I-II"}
        assert again.code == 14  # `I-II` is no leaf of the hierarchy

    def test_the_delimiter_is_that_of_the_input(self, desk: Desk) -> None:
        desk.data.write_text(RECORDS.replace(";", ","), encoding="utf-8")

        desk.run(*COLUMNS, "--k", "3")

        assert desk.released()[0] == "geslacht,niveau"


class TestOneRecordOfEachPupil:
    """k counts records: those of one pupil must be one record, which `--pupil` proves."""

    @pytest.mark.parametrize(
        ("pupils", "sentence"),
        [
            ("1234567", None),
            (("1", "01x", "2", "3", "4", "5", "6"), None),
            ("1123456", "2 records of pupils who have several"),
            ("1112333", "6 records of pupils who have several"),
            (("7", "007", "2", "3", "4", "5", "6"), "2 records of pupils who have several"),
            (("L7", " l7 ", "2", "3", "4", "5", "6"), "2 records of pupils who have several"),
            (("1", "", "", "3", "4", "5", "6"), "2 records without a pupil"),
        ],
    )
    def test_or_it_is_refused(self, desk: Desk, pupils: Sequence[str], sentence: str | None) -> None:
        header, *rows = RECORDS.splitlines()
        lines = [f"{header};leerling", *(f"{row};{one}" for row, one in zip(rows, pupils, strict=True))]
        desk.data.write_text("\n".join(lines), encoding="utf-8")

        done = desk.run(*K3, "--pupil", "leerling")

        assert done.code == (0 if sentence is None else 10)
        assert sentence is None or sentence in done.sentence
        assert not desk.out.exists() or "leerling" not in desk.released()[0]

    @pytest.mark.parametrize("other", ["geslacht", "brin"])
    def test_the_number_stands_in_no_other_place(self, desk: Desk, other: str) -> None:
        done = desk.run(*K3, "--pupil", other, "--schools", "brin", "--m", "2")

        assert (done.code, "in two places" in done.sentence) == (10, True)


class TestEmptyCells:
    def test_match_only_each_other(self, desk: Desk) -> None:
        desk.run("--columns", "thuistaal", "--k", "1")

        assert desk.released() == ["thuistaal", "fy", "fy", *["nl"] * 4, "onbekend"]

    def test_count_as_a_leaf_only_where_they_occur(self, desk: Desk) -> None:
        of_three = desk.run("--columns", "thuistaal", "--k", "2", "--limit", "0.2").document
        desk.change("data.csv", "D;m;IV;;", "D;m;IV;nl;")
        asked = ("--columns", "thuistaal,niveau", "--k", "7", "--highest", "thuistaal=0")
        desk.change("data.csv", "fy", "nl")
        of_two = desk.run(*asked, "--objective", "mean").document

        assert of_three["losses"]["mean"] == pytest.approx(1 / 7)
        assert of_two["losses"]["columns"] == {"thuistaal": 0, "niveau": 1}

    @pytest.mark.parametrize("written", ["onbekend", "Onbekend", " ONBEKEND "])
    def test_that_are_written_out_are_the_same(self, desk: Desk, written: str) -> None:
        desk.change("data.csv", "fy", written)

        desk.run("--columns", "thuistaal", "--k", "1")

        assert desk.released() == ["thuistaal", *["nl"] * 4, *["onbekend"] * 3]


WEIGHTS = "0;geen;*\n0,3;wel;*\n1,2;wel;*\n"
SPELLED: dict[str, tuple[str, str, str, list[str] | str]] = {
    "both marks, zeros at the end": ("gewicht", WEIGHTS, "0,3 0.3 0,30 0.30 0", ["0", *["0,3"] * 4]),
    "what stands for no value": ("gewicht", WEIGHTS, "0 ? onbekend", ["0", "onbekend", "onbekend"]),
    "as the hierarchy spells it": ("gewicht", "0;*\n0.3;*\n", "0,3 0.3 0,30", ["0.3"] * 3),
    "leading zeros": ("ses", "5;*\n7;*\n", "5 05 07 7", ["5", "5", "7", "7"]),
    "words": ("combinatiegroep", "0;*\n1;*\n", "ja 1 true nee", ["0", "1", "1", "1"]),
    "capitals": ("thuistaal", "nl;*\nfy;*\n", "nl NL fy", ["fy", "nl", "nl"]),
    "a column of another name": ("weging", WEIGHTS, "0,3 0.3 0,30", "found 2 others in 2 records"),
    "a code that is not listed": ("gewicht", WEIGHTS, "0 0.25 0,70", "the codes `0,25`, `0,7` among them"),
    "another text": ("gewicht", WEIGHTS, "0 0,35", "found 1 others in 1 records"),
}


@pytest.mark.parametrize(("name", "tree", "cells", "shown"), SPELLED.values(), ids=SPELLED.keys())
def test_one_value_has_one_spelling(desk: Desk, name: str, tree: str, cells: str, shown: list[str] | str) -> None:
    (desk.home / "data.csv").write_text("\n".join([f"{name};x", *(f"{cell};1" for cell in cells.split())]))
    (desk.home / "trees" / f"{name}.csv").write_text(tree)

    done = desk.run("--columns", name, "--k", "1")

    if isinstance(shown, str):
        assert (done.code, shown in done.sentence) == (NotAnonymous.exit_code, True)
    else:
        assert desk.released() == [name, *shown]


@pytest.mark.parametrize("kind", ["global", "local"])
def test_the_order_of_the_records_plays_no_part(desk: Desk, kind: str) -> None:
    header, *lines = (EXAMPLE / "leerlingen.csv").read_text(encoding="utf-8").splitlines()
    asked = (
        "--columns",
        "geslacht,geboortejaar,thuistaal",
        "--k",
        "5",
        "--recoding",
        kind,
        "--limit",
        "0.5",
        "--schools",
        "brin",
        "--m",
        "3",
        "--max-share",
        "0.5",
        "--hierarchies",
        str(EXAMPLE / "hierarchies"),
    )
    seen = []
    for seed in range(4):
        random.Random(seed).shuffle(lines)
        desk.data.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        told = desk.run(*asked).document
        del told["seconds"], told["peak_memory_mb"]
        seen.append((told, desk.released()))

    assert all(other == seen[0] for other in seen[1:])
    assert seen[0][0]["exit_code"] == 0


def test_a_limit_that_is_given_holds_in_local_recoding_too(desk: Desk) -> None:
    desk.change("trees/geslacht.csv", "j;*\nm;*\n", "j\nm\n")
    asked = ("--columns", "geslacht", "--k", "4", "--recoding", "local")

    free = desk.run(*asked)
    held = desk.run(*asked, "--limit", "0.2")

    assert (free.code, free.document["suppressed"]) == (0, 3)
    assert held.code == NotAnonymous.exit_code


def fenced(language: str) -> list[str]:
    text = (PROJECT / "docs" / "disclosure-analyst.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def agrees(shown: Any, told: Any) -> bool:
    """Whether what the page shows is a part of what the tool told, numbers to the digits shown."""
    if isinstance(shown, dict):
        return isinstance(told, dict) and all(agrees(value, told.get(key)) for key, value in shown.items())
    if isinstance(shown, float):
        return isinstance(told, float) and round(told, len(str(shown).split(".")[1])) == shown
    return bool(shown == told)


@pytest.mark.parametrize("number", range(2))
def test_the_commands_of_the_manual_tell_what_it_shows(tmp_path: Path, number: int) -> None:
    command = fenced("sh")[number].replace("\\\n", " ").replace("build/", f"{tmp_path}/")
    _, _, *arguments = shlex.split(command)

    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": "lib"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert agrees(json.loads(fenced("json")[number]), json.loads(done.stdout))
    assert done.stderr.startswith("recoding: 120 records")
    (written,) = tmp_path.iterdir()
    if number < len(fenced("csv")):
        assert written.read_text(encoding="utf-8").startswith(fenced("csv")[number])
