"""School boards in the analyst's command, and the chance of each kind of intruder."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.unit.drawn_analyst_folder import COLUMNS, RECORDS, AnalystFolder, make_analyst_folder

from cohort.sdc.cli.contributors import assign_boards, number_schools
from cohort.sdc.cli.plain_files import read_plain_file
from cohort.sdc.risk import intruder_chances

BOARDS = ("--schools", "brin", "--boards", "bestuur")


@pytest.fixture
def analyst(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AnalystFolder:
    return make_analyst_folder(tmp_path, capsys)


def with_boards(analyst: AnalystFolder, **of_school: str) -> None:
    """The records with the board of their school; a school that is not named has none."""
    head, *lines = RECORDS.splitlines()
    more = [f"{line};{of_school.get(line[0], '')}" for line in lines]
    analyst.data.write_text("\n".join([f"{head};bestuur", *more, ""]), encoding="utf-8")


DRAWN = [
    pytest.param("A1 A1 B2", [{1}, {1}, {2}], id="a board each"),
    pytest.param("A1 B1 C2", [{1}, {1}, {2}], id="a board of two schools"),
    pytest.param("A- B- C2", [{"A"}, {"B"}, {2}], id="a school without a board is its own"),
    pytest.param("A1 A1 A2", [{1, 2}] * 3, id="a school that changed board"),
    pytest.param("A2 A1 B2", [{1, 2}, {1, 2}, {2}], id="as many records of either: the first in order"),
    pytest.param("A1 A- B-", [{1}, {1}, {"B"}], id="a board is known by another record of the school"),
    pytest.param("A01 B1 C001", [{1}, {1}, {1}], id="one board in three spellings"),
    pytest.param("A_ B_ C1", [{"A"}, {"B"}, {1}], id="blanks are no board"),
    pytest.param("A00 B0 C_", [{0}, {0}, {"C"}], id="zeros are one"),
]


@pytest.mark.parametrize(("drawn", "expected"), DRAWN)
def test_every_board_that_a_school_had_knows_its_records(
    tmp_path: Path, drawn: str, expected: list[set[int | str]]
) -> None:
    rows = [(one[0], one[1:].strip("-").replace("_", "  ")) for one in drawn.split()]
    text = "brin;bestuur\n" + "".join(f'{school};"{board}"\n' for school, board in rows)
    (tmp_path / "data.csv").write_text(text)
    file = read_plain_file(tmp_path / "data.csv", ("brin", "bestuur"))
    schools = number_schools(file.columns["brin"], "brin")
    contributors = assign_boards(schools, file.columns["bestuur"])
    homes = contributors.home
    boards_of_record = [{int(home)} for home in homes]
    for record, board in zip(contributors.other_records, contributors.others, strict=True):
        assert int(board) not in boards_of_record[record]
        boards_of_record[record].add(int(board))
    number = {
        board: place for place, board in enumerate(sorted({board for boards in expected for board in boards}, key=str))
    }
    names: dict[int, int | str] = {}
    for mine, drawn_ones in zip(boards_of_record, expected, strict=True):
        assert len(mine) == len(drawn_ones)
        if len(mine) == 1:
            assert names.setdefault(*mine, *drawn_ones) == next(iter(drawn_ones))
    assert len(names) <= len(number)
    for school in {school for school, _ in rows}:
        at = [place for place, (other, _) in enumerate(rows) if other == school]
        assert len({int(homes[place]) for place in at}) == 1, "one present board of a school"


def test_constraints_on_schools_apply_to_boards_too(analyst: AnalystFolder) -> None:
    with_boards(analyst, C="1", D="1")
    options = (*COLUMNS, "--k", "3", "--m", "2")
    by_school = analyst.run(*options, "--schools", "brin")
    by_board = analyst.run(*options, *BOARDS)
    assert (by_school.document["released"], by_board.document["released"]) == (7, 7)
    with_k_others = analyst.run(*COLUMNS, "--k", "3", "--k-others", "2", *BOARDS, "--limit", "1")
    assert with_k_others.code == 0
    assert with_k_others.document["risk"]["board"]["smallest"] >= 2
    assert with_k_others.document["risk"]["intruders"]["board"]["left_at_least"] >= 2
    with_boards(analyst, A="1", B="1", C="1", D="1")
    one_board = analyst.run(*COLUMNS, "--k", "3", "--k-others", "1", *BOARDS, "--limit", "0.5")
    assert one_board.code == 14
    assert analyst.run(*COLUMNS, "--k", "3", "--m", "2", *BOARDS).code == 14


def test_refusals_of_boards(analyst: AnalystFolder) -> None:
    with_boards(analyst, A="1")
    assert "the schools that boards have" in analyst.run(*COLUMNS, "--k", "3", "--boards", "bestuur").sentence
    sensitive = analyst.run(*COLUMNS, "--k", "3", *BOARDS, "--m", "2", "--sensitive", "bestuur", "--l", "2")
    assert "--boards" in sensitive.sentence
    with_boards(analyst, A="1", B="1", C="1", D="1")
    few = analyst.run(*COLUMNS, "--k", "3", *BOARDS, "--m", "2")
    assert few.code == 14
    assert "records of at least 2 boards" in few.sentence
    assert analyst.run(*COLUMNS, "--k", "3", "--schools", "brin", "--boards", "bestuurx", "--m", "2").code == 10


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["local", "global"])
def test_every_released_class_satisfies_the_constraints_for_every_board(
    analyst: AnalystFolder, seed: int, kind: str
) -> None:
    rng = np.random.default_rng(seed)
    boards_of_school = {f"S{n}": [str(b) for b in rng.choice(9, 1 + (n % 5 == 0), replace=False)] for n in range(30)}
    rows = []
    for _ in range(400):
        school = f"S{int(rng.integers(0, 30) ** 2 / 30)}"
        cells = (rng.choice(list("jm")), rng.choice(["I", "II", "III", "IV"]))
        rows.append((school, *map(str, cells), str(rng.choice(boards_of_school[school]))))
    text = "".join(f"{school};{sex};{level};;;{board}\n" for school, sex, level, board in rows)
    analyst.data.write_text("brin;geslacht;niveau;thuistaal;advies;bestuur\n" + text, encoding="utf-8")
    trace = analyst.home / "trace.csv"
    limits = ("--k", "10", "--m", "4", "--max-share", "0.4", "--k-others", "6", "--limit", "1")
    outcome = analyst.run(*COLUMNS, *limits, *BOARDS, "--recoding", kind, "--trace", str(trace))
    if outcome.code == 14:
        pytest.skip("no class of these records satisfies the constraints")
    assert outcome.code == 0
    boards_knowing: dict[str, set[str]] = {}
    for school, _, _, board in rows:
        boards_knowing.setdefault(school, set()).add(board)
    with trace.open(encoding="utf-8") as file:
        numbers = [line[-1] for line in csv.reader(file, delimiter=";")][1:]
    classes: dict[str, list[str]] = {}
    for (school, *_), number in zip(rows, numbers, strict=True):
        if number:
            classes.setdefault(number, []).append(school)
    left_school, left_board = [], []
    for schools in classes.values():
        boards = Counter(board for school in schools for board in boards_knowing[school])
        assert len(schools) >= 10
        assert len(set(schools)) >= 4
        assert max(boards.values()) <= 0.4 * len(schools)
        assert len(schools) - max(boards.values()) >= 6
        left_board.append(len(schools) - max(boards.values()))
        left_school.append(len(schools) - max(Counter(schools).values()))
    chances = outcome.document["risk"]["intruders"]
    assert chances["board"]["left_at_least"] == min(left_board)
    assert chances["school"]["left_at_least"] == min(left_school)
    assert chances["board"]["chance_at_most"] == pytest.approx(1 / min(left_board))
    sizes = [len(schools) for schools in classes.values()]
    assert chances["stranger"]["left_at_least"] == min(sizes) >= 10
    assert chances["knows_2_others"]["left_at_least"] == min(sizes) - 2


def test_intruder_chances_computed_by_hand() -> None:
    pupils, school, board = np.array([10, 20]), np.array([5, 2]), np.array([9, 10])
    chances = intruder_chances.measure_intruder_chances(pupils, 10, school=school, board=board)
    assert {who: chance["left_at_least"] for who, chance in chances.items()} == {
        "stranger": 10,
        "knows_1_other": 9,
        "knows_2_others": 8,
        "knows_3_others": 7,
        "school": 5,
        "board": 1,
    }
    assert chances["stranger"] == {"left_at_least": 10, "chance_at_most": 0.1, "mean": pytest.approx(2 / 30), "over": 0}
    assert chances["knows_1_other"]["over"] == pytest.approx(1 / 3)
    assert (chances["board"]["chance_at_most"], chances["board"]["mean"]) == (1, pytest.approx((10 + 20 / 10) / 30))
    assert "school" not in intruder_chances.measure_intruder_chances(pupils, 10)
    none = np.empty(0, dtype=np.int64)
    assert intruder_chances.measure_intruder_chances(none, 10)["stranger"] == {
        "left_at_least": 0,
        "chance_at_most": 0,
        "mean": 0,
        "over": 0,
    }


def test_intruder_chances_from_the_smallest_counts_of_a_release() -> None:
    chances = intruder_chances.bound_intruder_chances(10, 6, 5)
    assert chances["stranger"] == {"left_at_least": 10, "chance_at_most": 0.1}
    assert chances["knows_3_others"] == {"left_at_least": 7, "chance_at_most": 0.1429}
    assert (chances["school"]["left_at_least"], chances["board"]["chance_at_most"]) == (6, 0.2)
    assert intruder_chances.bound_intruder_chances(2, 0, 0)["board"] == {"left_at_least": 0, "chance_at_most": 1}
