"""The minimality attack (Wong, Fu, Wang and Pei, 2007): classes tell nothing to an attacker who knows the algorithm.

The attacker knows the other columns of everybody, so the size of each neighbourhood, and how the command works.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from cohort.sdc.cli.command_line import run_recoding_command

LEVELS = ("vwo", "havo", "vmbo-gt", "vmbo-t", "vmbo-k", "vmbo-b")
OTHERS = {name: [LEVELS[n % 6] for n in range(12)] for name in "bcdefghijklmnopqrst"}
VALUES_OF_NEIGHBOURHOOD_A = {
    # the ten children of one neighbourhood       its advice is shown
    "ten of one value": (["pro"] * 10, False),
    "nine and one": (["pro"] * 9 + ["vmbo-b"], False),
    "five and five": (["pro", "havo"] * 5, False),
    "three values": (["pro", "vwo", "havo"] * 3 + ["pro"], True),
}
Rows = list[tuple[str, str]]


def released(folder: Path, rows: Rows, *options: str) -> tuple[int, Rows]:
    """The exit code, and the neighbourhood and released value of these children."""
    data, out = folder / "kinderen.csv", folder / "getoond.csv"
    data.write_text("buurt;advies\n" + "".join(f"{a};{b}\n" for a, b in rows))
    (folder / "buurt.csv").write_text("".join(f"{name};*\n" for name in sorted({a for a, _ in rows})))
    path_options = ("--data", data, "--hierarchies", folder, "--out", out, "--columns", "buurt", "--k", 10)
    code = run_recoding_command([*map(str, path_options), "--sensitive", "advies", *options])
    lines = out.read_text().splitlines()[1:] if out.exists() else []
    return code, [(a, b) for a, _, b in (line.partition(";") for line in lines)]


@pytest.mark.parametrize("recoding", ["global", "local"])
@pytest.mark.parametrize("case", VALUES_OF_NEIGHBOURHOOD_A)
def test_no_class_depends_on_sensitive_values_and_no_blanked_class_is_alone(
    tmp_path: Path, case: str, recoding: str
) -> None:
    values_of_a, is_shown = VALUES_OF_NEIGHBOURHOOD_A[case]
    children = {"a": values_of_a, **OTHERS}
    rows = [(name, value) for name, values in children.items() for value in values]
    code, released_records = released(tmp_path, rows, "--largest-value", "0.9", "--recoding", recoding)
    assert code == 0
    assert Counter(name for name, _ in released_records) == {name: len(values) for name, values in children.items()}
    blanked = {name for name, value in released_records if value == "onbekend"}
    assert ("a" not in blanked) == is_shown
    assert len(blanked) == (0 if is_shown else 2), "with a cover: one of the two broke a rule"


@pytest.mark.parametrize("values", [["pro"] * 10, ["pro"] * 9 + ["vmbo-b"], ["pro", "vwo"] * 5])
@pytest.mark.parametrize("rule", [("--l", "2"), ("--largest-value", "0.9")])
def test_a_small_cohort_is_refused_whatever_its_sensitive_values(
    tmp_path: Path, values: list[str], rule: tuple[str, str]
) -> None:
    """The published case: ten and thirty children. The refusal discloses at most how many there are."""
    rows = [("a", value) for value in values] + [("b", LEVELS[n % 6]) for n in range(30)]
    assert released(tmp_path, rows, *rule) == (14, [])
