"""What can be concluded by who knows the algorithm (Wong, Fu, Wang and Pei, 2007): nothing from the classes.

The attacker knows the other columns of everybody, so the size of each neighbourhood, and how the tool works.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from cohort.sdc.cli.command_line import run_recoding_command

LEVELS = ("vwo", "havo", "vmbo-gt", "vmbo-t", "vmbo-k", "vmbo-b")
OTHERS = {name: [LEVELS[n % 6] for n in range(12)] for name in "bcdefghijklmnopqrst"}
OF_ALL_TEN = {
    # the ten children of one neighbourhood       its advice is shown
    "ten of one value": (["pro"] * 10, False),
    "nine and one": (["pro"] * 9 + ["vmbo-b"], False),
    "five and five": (["pro", "havo"] * 5, False),
    "three values": (["pro", "vwo", "havo"] * 3 + ["pro"], True),
}
Rows = list[tuple[str, str]]


def released(folder: Path, rows: Rows, *options: str) -> tuple[int, Rows]:
    """The exit code, and what the tool shows of these children."""
    data, out = folder / "kinderen.csv", folder / "getoond.csv"
    data.write_text("buurt;advies\n" + "".join(f"{a};{b}\n" for a, b in rows))
    (folder / "buurt.csv").write_text("".join(f"{name};*\n" for name in sorted({a for a, _ in rows})))
    given = ("--data", data, "--hierarchies", folder, "--out", out, "--columns", "buurt", "--k", 10)
    code = run_recoding_command([*map(str, given), "--sensitive", "advies", *options])
    lines = out.read_text().splitlines()[1:] if out.exists() else []
    return code, [(a, b) for a, _, b in (line.partition(";") for line in lines)]


@pytest.mark.parametrize("recoding", ["global", "local"])
@pytest.mark.parametrize("says", OF_ALL_TEN)
def test_no_class_depends_on_the_values_and_a_hidden_one_is_never_alone(
    tmp_path: Path, says: str, recoding: str
) -> None:
    of_a, shown = OF_ALL_TEN[says]
    every = {"a": of_a, **OTHERS}
    rows = [(name, value) for name, values in every.items() for value in values]
    code, found = released(tmp_path, rows, "--largest-value", "0.9", "--recoding", recoding)
    assert code == 0
    assert Counter(name for name, _ in found) == {name: len(values) for name, values in every.items()}
    hidden = {name for name, value in found if value == "onbekend"}
    assert ("a" not in hidden) == shown
    assert len(hidden) == (0 if shown else 2), "with a cover: one of the two broke a rule"


@pytest.mark.parametrize("values", [["pro"] * 10, ["pro"] * 9 + ["vmbo-b"], ["pro", "vwo"] * 5])
@pytest.mark.parametrize("rule", [("--l", "2"), ("--largest-value", "0.9")])
def test_of_few_children_nothing_is_shown_whatever_their_values(
    tmp_path: Path, values: list[str], rule: tuple[str, str]
) -> None:
    """The case as it was published: ten and thirty children. Its refusal says how many there are, at most."""
    rows = [("a", value) for value in values] + [("b", LEVELS[n % 6]) for n in range(30)]
    assert released(tmp_path, rows, *rule) == (14, [])
