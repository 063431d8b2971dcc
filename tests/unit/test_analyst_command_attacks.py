"""The section on attacks of the analyst's command: only where it is asked for, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.unit.drawn_analyst_folder import AnalystFolder, CommandOutcome, make_analyst_folder

LIMITS = {"attributes_only", "all_but_one_known", "downcoding_gain", "sure_cells", "sure_cells_right"}
OPTIONS = ("--columns", "geslacht,niveau,thuistaal", "--k", "5", "--recoding", "local")
ASKED = ("--risk-attributes", "geslacht,thuistaal")
ON_SCHOOLS = ("--schools", "brin", "--m", "2", "--k-others", "2")
SENSITIVE = ("--sensitive", "advies", "--largest-value", "0.9", "--least-known", "50")


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AnalystFolder:
    folder = make_analyst_folder(tmp_path, capsys)
    draw, rows = np.random.default_rng(6), ["brin;bestuur;geslacht;niveau;thuistaal;advies"]
    for _ in range(300):
        school = int(draw.integers(0, 8))
        advice = draw.choice(["vmbo", "havo", "vwo", "pro", ""])
        values = draw.choice(["j", "m"]), draw.choice(["I", "II", "III", "IV"]), draw.choice(["nl", "fy", ""])
        rows.append(";".join(map(str, (f"S{school}", f"B{school // 2}", *values, advice))))
    folder.data.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def attacks_of(outcome: CommandOutcome) -> dict[str, object]:
    assert outcome.code == 0
    attacks: dict[str, object] = outcome.document["risk"]["attacks"]
    return attacks


def test_attacks_are_measured_only_where_they_are_asked_for(folder: AnalystFolder) -> None:
    without = folder.run(*OPTIONS)
    assert without.code == 0
    assert "attacks" not in without.document["risk"]
    released = folder.released()

    outcome = folder.run(*OPTIONS, *ASKED)
    attacks = outcome.document["risk"]["attacks"]

    assert folder.released() == released, "measuring changes nothing"
    assert set(attacks) == {"inference", "downcoding", "limits", "broken_limits"}
    assert set(attacks["limits"]) == LIMITS
    assert set(attacks["inference"]["all_but_one_known"]) == {"geslacht", "niveau", "thuistaal"}
    assert set(attacks["inference"]["attributes_only"]) == {"niveau"}
    assert attacks["inference"]["attributes_only"]["niveau"]["attempts"] == [300, 300]
    assert {"attacks", "search"} <= set(outcome.document["seconds"])


def test_a_broken_limit_is_told_in_the_document_and_on_stderr(folder: AnalystFolder) -> None:
    """Three hundred records are too few to show that nothing is gained."""
    outcome = folder.run(*OPTIONS, *ASKED)
    (broken,) = [b for b in outcome.document["risk"]["attacks"]["broken_limits"] if "ATTRIBUTES_ONLY" in b["code"]]
    assert (broken["code"], broken["column"]) == ("INFERENCE_ATTRIBUTES_ONLY", "niveau")
    assert f"limit broken (INFERENCE_ATTRIBUTES_ONLY): {broken['sentence']}" in outcome.progress


@pytest.mark.parametrize(
    "options", [(), ON_SCHOOLS, (*ON_SCHOOLS, "--boards", "bestuur"), SENSITIVE, (*ON_SCHOOLS, *SENSITIVE)]
)
@pytest.mark.parametrize("recoding", ["local", "global"])
def test_the_order_of_the_records_changes_no_figure(
    folder: AnalystFolder, recoding: str, options: tuple[str, ...]
) -> None:
    wanted = (*OPTIONS, "--recoding", recoding, "--limit", "1", *options, *ASKED)
    first = attacks_of(folder.run(*wanted))
    header, *rows = folder.data.read_text(encoding="utf-8").splitlines()
    folder.data.write_text("\n".join([header, *reversed(rows)]) + "\n", encoding="utf-8")
    assert first["inference"] is not None
    assert attacks_of(folder.run(*wanted)) == first


def test_halves_that_cannot_be_recoded_break_a_limit(folder: AnalystFolder) -> None:
    outcome = folder.run(*OPTIONS, *ASKED, "--k", "200")
    attacks = outcome.document["risk"]["attacks"]
    assert outcome.code == 0
    assert attacks["inference"] is None
    assert attacks["broken_limits"][0]["code"] == "INFERENCE_NOT_MEASURED"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("geslacht,niveau,thuistaal", "found all of --columns in --risk-attributes"),
        ("", "found no column in --risk-attributes"),
        ("geslacht,nivau", "found `nivau` in --risk-attributes. Write `niveau` if that is meant."),
        ("advies", "found `advies` in --risk-attributes"),
    ],
)
def test_attributes_that_are_not_some_of_the_columns_are_refused(folder: AnalystFolder, typed: str, found: str) -> None:
    outcome = folder.run(*OPTIONS, "--risk-attributes", typed)
    assert outcome.code == 10
    assert found in outcome.sentence
    assert not folder.out.exists()
