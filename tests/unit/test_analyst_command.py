"""The analyst's command: the records that it releases and the report that it prints."""

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
from tests.unit.drawn_analyst_folder import COLUMNS, K3, RECORDS, AnalystFolder, make_analyst_folder

from cohort.foundation.errors import NotAnonymous
from cohort.sdc.utility.objectives import ObjectiveName

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLE = PROJECT / "tests" / "conformance" / "analysts"


@pytest.fixture
def analyst(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AnalystFolder:
    return make_analyst_folder(tmp_path, capsys)


class TestReport:
    def test_of_a_global_recoding(self, analyst: AnalystFolder) -> None:
        outcome = analyst.run(*COLUMNS, "--k", "3")

        assert outcome.code == 0
        assert analyst.released() == ["geslacht;niveau", *["j;I-II"] * 3, *["m;III-IV"] * 4]
        document = outcome.document
        assert (document["recoding"], document["levels"], document["proven"]) == ("global", [0, 1], True)
        assert document["classes"]["number"] == 2
        assert (document["records"], document["released"], document["suppressed"]) == (7, 7, 0)
        assert document["losses"]["columns"] == {"geslacht": 0, "niveau": pytest.approx(1 / 3)}
        assert document["losses"]["mean"] == pytest.approx(1 / 6)
        assert document["losses"]["geometric"] == pytest.approx((4 / 3) ** 0.5 - 1)
        assert set(document["seconds"]) >= {"read", "search", "measures", "total"}
        assert document["peak_memory_mb"] > 0

    def test_of_a_local_recoding(self, analyst: AnalystFolder) -> None:
        outcome = analyst.run(*COLUMNS, "--k", "2", "--recoding", "local")

        assert analyst.released() == ["geslacht;niveau", *["j;I-II"] * 3, *["m;III"] * 2, *["m;IV"] * 2]
        document = outcome.document
        assert "levels" not in document
        assert document["classes"] == {
            "number": 3,
            "columns": {
                "geslacht": [{"level": 0, "classes": 3, "records": 7}],
                "niveau": [{"level": 0, "classes": 2, "records": 4}, {"level": 1, "classes": 1, "records": 3}],
            },
        }
        assert document["losses"]["mean"] == pytest.approx(3 / 7 / 3 / 2)
        assert document["proven"] is False

    def test_has_the_metrics_and_risk_of_the_released_records(self, analyst: AnalystFolder) -> None:
        document = analyst.run(*COLUMNS, "--k", "3").document

        assert document["metrics"]["discernibility"] == 3**2 + 4**2
        assert document["metrics"]["average_class_size"] == pytest.approx(7 / 2)
        assert document["risk"]["prosecutor"]["highest"] == pytest.approx(1 / 3)
        assert document["risk"]["stranger"]["smallest"] == 3
        assert "school" not in document["risk"]

    def test_reports_the_risk_by_school_where_schools_are_given(self, analyst: AnalystFolder) -> None:
        document = analyst.run(*COLUMNS, "--k", "3", "--schools", "brin", "--m", "2").document

        assert document["risk"]["school"]["smallest"] == 1  # of A, A and B under `j;I-II`

    def test_released_records_end_with_the_sensitive_value_in_sorted_order(self, analyst: AnalystFolder) -> None:
        analyst.run(*COLUMNS, "--k", "3", "--sensitive", "advies", "--l", "2", "--least-known", "7")

        assert analyst.released() == [
            "geslacht;niveau;advies",
            "j;I-II;havo",
            "j;I-II;vmbo",
            "j;I-II;vmbo",
            "m;III-IV;havo",
            "m;III-IV;havo",
            "m;III-IV;vwo",
            "m;III-IV;vwo",
        ]

    def test_typed_columns_are_followed_by_the_bounds_of_their_labels(self, analyst: AnalystFolder) -> None:
        for level, number in (("I", 0), ("II", 1), ("III", 20), ("IV", 21)):
            analyst.change("data.csv", f";{level};", f";{number};")
        (analyst.home / "trees" / "niveau.csv").write_text(
            "0;0 tot 20;*\n1;0 tot 20;*\n20;20 en hoger;*\n21;20 en hoger;*\n"
        )
        analyst.run(*COLUMNS, "--k", "3", "--typed", "niveau")

        header, *rows = analyst.released()
        assert header == "geslacht;niveau;niveau_van;niveau_tot"
        assert rows == [*["j;0 tot 20;0;20"] * 3, *["m;20 en hoger;20;"] * 4]
        analyst.run(*COLUMNS, "--k", "3", "--typed", "niveau", out="out.parquet")
        table = pq.read_table(analyst.home / "out.parquet")
        assert [str(kind) for kind in table.schema.types] == ["string", "string", "int32", "int32"]
        assert table["niveau_tot"].to_pylist() == [20] * 3 + [None] * 4

    def test_of_a_single_column(self, analyst: AnalystFolder) -> None:
        assert analyst.run("--columns", "geslacht", "--k", "3").code == 0
        assert analyst.released() == ["geslacht", *["j"] * 3, *["m"] * 4]

    def test_lowest_and_highest_levels_bound_the_search(self, analyst: AnalystFolder) -> None:
        forced = analyst.run(*COLUMNS, "--k", "3", "--lowest", "niveau=2,geslacht=1").document
        narrowed = analyst.run(*COLUMNS, "--k", "2", "--highest", "niveau=0", "--limit", "0.2").document

        assert forced["levels"] == [1, 2]
        assert narrowed["levels"] == [0, 0]
        assert narrowed["suppressed"] == 1

    def test_a_column_of_higher_weight_keeps_more_detail(self, analyst: AnalystFolder) -> None:
        analyst.change("data.csv", "B;j;II", "B;m;II")
        by_default = analyst.run(*COLUMNS, "--k", "3", "--objective", "mean").document
        weighed = analyst.run(*COLUMNS, "--k", "3", "--objective", "mean", "--weights", "geslacht=9").document

        assert by_default["levels"] == [1, 1]
        assert weighed["losses"]["mean"] == pytest.approx((9 * 1 + 1 / 3) / 10)

    @pytest.mark.parametrize("objective", get_args(ObjectiveName))
    def test_every_objective_of_the_global_search(self, analyst: AnalystFolder, objective: str) -> None:
        document = analyst.run(*COLUMNS, "--k", "3", "--objective", objective).document

        assert (document["exit_code"], document["proven"], document["suppressed"]) == (0, True, 0)

    def test_parquet_input_and_output(self, analyst: AnalystFolder) -> None:
        analyst.run(*COLUMNS, "--k", "3", out="out.parquet")
        again = analyst.run("--columns", "niveau", "--k", "3", data="out.parquet", out="again.parquet")

        assert pq.read_table(analyst.home / "out.parquet").to_pylist()[0] == {"geslacht": "j", "niveau": "I-II"}
        assert again.code == 14  # `I-II` is no leaf of the hierarchy

    def test_output_has_the_delimiter_of_the_input(self, analyst: AnalystFolder) -> None:
        analyst.data.write_text(RECORDS.replace(";", ","), encoding="utf-8")

        analyst.run(*COLUMNS, "--k", "3")

        assert analyst.released()[0] == "geslacht,niveau"


class TestOneRecordPerPupil:
    """k counts records, so no pupil may have several; `--pupil` checks that."""

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
    def test_several_records_of_a_pupil_are_refused(
        self, analyst: AnalystFolder, pupils: Sequence[str], sentence: str | None
    ) -> None:
        header, *rows = RECORDS.splitlines()
        lines = [f"{header};leerling", *(f"{row};{one}" for row, one in zip(rows, pupils, strict=True))]
        analyst.data.write_text("\n".join(lines), encoding="utf-8")

        outcome = analyst.run(*K3, "--pupil", "leerling")

        assert outcome.code == (0 if sentence is None else 10)
        assert sentence is None or sentence in outcome.sentence
        assert not analyst.out.exists() or "leerling" not in analyst.released()[0]

    @pytest.mark.parametrize("other", ["geslacht", "brin"])
    def test_the_pupil_column_has_no_other_role(self, analyst: AnalystFolder, other: str) -> None:
        outcome = analyst.run(*K3, "--pupil", other, "--schools", "brin", "--m", "2")

        assert (outcome.code, "in two places" in outcome.sentence) == (10, True)


class TestEmptyCells:
    def test_are_a_value_of_their_own(self, analyst: AnalystFolder) -> None:
        analyst.run("--columns", "thuistaal", "--k", "1")

        assert analyst.released() == ["thuistaal", "fy", "fy", *["nl"] * 4, "onbekend"]

    def test_add_a_leaf_only_where_they_occur(self, analyst: AnalystFolder) -> None:
        of_three = analyst.run("--columns", "thuistaal", "--k", "2", "--limit", "0.2").document
        analyst.change("data.csv", "D;m;IV;;", "D;m;IV;nl;")
        options = ("--columns", "thuistaal,niveau", "--k", "7", "--highest", "thuistaal=0")
        analyst.change("data.csv", "fy", "nl")
        of_two = analyst.run(*options, "--objective", "mean").document

        assert of_three["losses"]["mean"] == pytest.approx(1 / 7)
        assert of_two["losses"]["columns"] == {"thuistaal": 0, "niveau": 1}

    @pytest.mark.parametrize("written", ["onbekend", "Onbekend", " ONBEKEND "])
    def test_and_the_word_onbekend_are_the_same_value(self, analyst: AnalystFolder, written: str) -> None:
        analyst.change("data.csv", "fy", written)

        analyst.run("--columns", "thuistaal", "--k", "1")

        assert analyst.released() == ["thuistaal", *["nl"] * 4, *["onbekend"] * 3]


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
def test_spellings_of_one_code_are_one_value(
    analyst: AnalystFolder, name: str, tree: str, cells: str, shown: list[str] | str
) -> None:
    (analyst.home / "data.csv").write_text("\n".join([f"{name};x", *(f"{cell};1" for cell in cells.split())]))
    (analyst.home / "trees" / f"{name}.csv").write_text(tree)

    outcome = analyst.run("--columns", name, "--k", "1")

    if isinstance(shown, str):
        assert (outcome.code, shown in outcome.sentence) == (NotAnonymous.exit_code, True)
    else:
        assert analyst.released() == [name, *shown]


@pytest.mark.parametrize("kind", ["global", "local"])
def test_the_order_of_the_records_does_not_matter(analyst: AnalystFolder, kind: str) -> None:
    header, *lines = (EXAMPLE / "leerlingen.csv").read_text(encoding="utf-8").splitlines()
    options = (
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
    outcomes = []
    for seed in range(4):
        random.Random(seed).shuffle(lines)
        analyst.data.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        document = analyst.run(*options).document
        del document["seconds"], document["peak_memory_mb"]
        outcomes.append((document, analyst.released()))

    assert all(other == outcomes[0] for other in outcomes[1:])
    assert outcomes[0][0]["exit_code"] == 0


def test_a_suppression_limit_applies_to_local_recoding_too(analyst: AnalystFolder) -> None:
    analyst.change("trees/geslacht.csv", "j;*\nm;*\n", "j\nm\n")
    options = ("--columns", "geslacht", "--k", "4", "--recoding", "local")

    unlimited = analyst.run(*options)
    limited = analyst.run(*options, "--limit", "0.2")

    assert (unlimited.code, unlimited.document["suppressed"]) == (0, 3)
    assert limited.code == NotAnonymous.exit_code


def fenced_blocks(language: str) -> list[str]:
    text = (PROJECT / "docs" / "disclosure-analyst.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def agrees_with(shown: Any, document: Any) -> bool:
    """Whether the document of the page is a part of the printed document, with numbers rounded as on the page."""
    if isinstance(shown, dict):
        return isinstance(document, dict) and all(agrees_with(value, document.get(key)) for key, value in shown.items())
    if isinstance(shown, float):
        return isinstance(document, float) and round(document, len(str(shown).split(".")[1])) == shown
    return bool(shown == document)


@pytest.mark.parametrize("number", range(2))
def test_the_commands_of_the_manual_print_what_it_shows(tmp_path: Path, number: int) -> None:
    command = fenced_blocks("sh")[number].replace("\\\n", " ").replace("build/", f"{tmp_path}/")
    _, _, *arguments = shlex.split(command)

    outcome = subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": "lib"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert agrees_with(json.loads(fenced_blocks("json")[number]), json.loads(outcome.stdout))
    assert outcome.stderr.startswith("recoding: 120 records")
    (written,) = tmp_path.iterdir()
    if number < len(fenced_blocks("csv")):
        assert written.read_text(encoding="utf-8").startswith(fenced_blocks("csv")[number])
