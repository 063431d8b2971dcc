"""The verifier applies the limits of schools to school boards too: classes drawn by school, and a forged stage."""

from __future__ import annotations

import hashlib
import hmac
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from tests.unit import drawn_release as drawn
from tests.unit.drawn_release import SCHOOLS, TODAY

from cohort import delta
from cohort.data_states import schemas
from cohort.foundation.errors import ConfigurationRefused
from cohort.keys.project_keys import ProjectKey
from cohort.verification.board_reader import read_boards_of_schools
from cohort.verification.class_size_check import EffectiveClassLimits, check_class_sizes
from cohort.verification.record_runs import RecordRuns, read_record_runs
from cohort.verification.stage_verification import verify_stage

KEY = ProjectKey(drawn.SECRET)


@pytest.fixture(scope="module")
def results_at(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results") / "results"
    made = one_spark.createDataFrame(drawn.results(), schemas.RESULTS_SCHEMA)  # type: ignore[type-var]
    delta.create_table(
        one_spark, path, schemas.RESULTS_SCHEMA, drawn.platform().tables, partitioned_by=schemas.RESULTS_PARTITION
    )
    for batch in (1, 2):
        delta.replace_batch(made.where(f"batch = {batch}"), path, batch)
    return path


def draw_runs(folder: Path, classes: dict[str, str]) -> RecordRuns:
    """A stage's files. Drawn per class: `A*3 B+C` = three pupils of A, and one of B who was at C as well."""
    rows = []
    for label, pupils in sorted(classes.items()):
        for one in pupils.split():
            schools, _, times = one.partition("*")
            home, *others = [drawn.mac(f"brin|10A{letter}") for letter in schools.split("+")]
            row = {"klas": label, "_pupil": b"p", "_school": home, "_others": others or None}
            rows += [row] * int(times or 1)
    shape = pa.schema(
        [("klas", pa.string()), ("_pupil", pa.binary()), ("_school", pa.binary()), ("_others", pa.list_(pa.binary()))]
    )
    file = folder / "part.parquet"
    pq.write_table(pa.Table.from_pylist(rows, shape), file)
    return read_record_runs([file], ["klas"], control=True)


LIMITS = EffectiveClassLimits(k=10, m=3, max_share=Fraction(1, 2), k_others=5)
SPREAD = "A*2 B*2 C*2 D*2 E*1 F*1"

CLASSES = [
    pytest.param(SPREAD, {}, set(), (6, 8), id="every school is its own board"),
    pytest.param(SPREAD, {"A": "1", "B": "1"}, set(), (5, 6), id="a board of two small schools"),
    pytest.param(
        "A*3 B*3 C*3 D*1",
        {"A": "1", "B": "1", "C": "1"},
        {"BOARDS", "BOARD_SHARE", "BOARD_OTHERS"},
        (2, 1),
        id="a board of three schools has 9 of 10",
    ),
    pytest.param(
        "A*2 B*2 C*1 D*2 E*2 F*1",
        {"A": "1", "B": "1", "C": "1 2"},
        set(),
        (5, 5),
        id="half of them: C's old board knows C as well",
    ),
    pytest.param(
        "A*2 B*2 C*2 D*2 E*1 F*1",
        {"A": "1", "B": "1", "C": "1 2"},
        {"BOARD_SHARE", "BOARD_OTHERS"},
        (5, 4),
        id="over half by a school that changed board",
    ),
    pytest.param(
        "A*2 B*2 C*2 D*2 E*1 F*1",
        {"A": "1", "B": "1", "C": "2+1"},
        {"BOARD_SHARE", "BOARD_OTHERS"},
        (4, 4),
        id="over half by a site of another school",
    ),
    pytest.param(
        "A*2 B*2 C*1 D+A D*2 E*2",
        {"A": "1", "B": "1", "C": "1"},
        {"BOARD_SHARE", "BOARD_OTHERS"},
        (3, 4),
        id="over half by a pupil who moved",
    ),
    pytest.param(
        "A+B*2 B+A*2 C+A+B*1 D*2 E*2 F*1",
        {"A": "1", "B": "1", "C": "1"},
        set(),
        (4, 5),
        id="who was at several schools of a board counts once",
    ),
    pytest.param(
        "A*2 B*2 C*2 D*2 E*1 F*1",
        {"A": "1", "B": "2", "C": "1", "D": "2", "E": "1", "F": "2"},
        {"BOARDS"},
        (2, 5),
        id="two boards, each with half",
    ),
    pytest.param(
        "A*2 B*2 C*2 D*2 E*1 F*1",
        {"A": "007", "B": " 7", "C": "7"},
        {"BOARD_SHARE", "BOARD_OTHERS"},
        (4, 4),
        id="one board in three spellings",
    ),
    pytest.param(
        "A*6 B*2 C*1 D*1",
        {"A": "1"},
        {"SHARE", "OTHERS"},
        (4, 4),
        id="a class that fails for a school is not counted again for its board",
    ),
]


@pytest.mark.parametrize(("pupils", "boards_of", "codes", "measured"), CLASSES)
def test_a_class_is_checked_by_the_boards_of_its_schools(
    tmp_path: Path, pupils: str, boards_of: dict[str, str], codes: set[str], measured: tuple[int, int]
) -> None:
    drawn.write_schools(tmp_path, {f"10A{letter}": board for letter, board in boards_of.items()})
    two_classes = draw_runs(tmp_path, {"a": pupils, "b": "A*9 B*9 C*9 D*9 E*9 F*9"})
    boards = read_boards_of_schools(tmp_path / "scholen.csv", KEY, two_classes.schools, TODAY)
    assert {finding.code for finding in check_class_sizes(two_classes, LIMITS, boards)[0]} >= codes
    runs = draw_runs(tmp_path, {"a": pupils})
    boards = read_boards_of_schools(tmp_path / "scholen.csv", KEY, runs.schools, TODAY)
    findings, measures = check_class_sizes(runs, LIMITS, boards)
    assert {finding.code for finding in findings} == codes
    assert (measures["fewest_boards"], measures["smallest_board_others"]) == measured
    share = 1 - measures["smallest_board_others"] / measures["smallest_class"]
    assert measures["largest_board_share"] == pytest.approx(share)


def test_boards_are_counted_as_in_plain_python(tmp_path: Path) -> None:
    """Random classes against plain Python, pupil by pupil."""
    rng = np.random.default_rng(7)
    for turn in range(40):
        ever = {letter: {*map(str, rng.integers(1, 4, rng.integers(1, 3)))} for letter in "ABCDE"}
        given = {f"10A{letter}": "+".join(sorted(names)) for letter, names in ever.items()}
        given["10AF"], ever["F"] = "", {"F"}
        pupils = ["+".join(rng.choice(list("ABCDEF"), rng.integers(1, 4), replace=False)) for _ in range(30)]
        known = [{board for school in pupil.split("+") for board in ever[school]} for pupil in pupils]
        homes = {min(ever[pupil[0]]) for pupil in pupils}
        folder = tmp_path / str(turn)
        folder.mkdir()
        runs = draw_runs(folder, {"a": " ".join(pupils)})
        drawn.write_schools(folder, given)
        boards = read_boards_of_schools(folder / "scholen.csv", KEY, runs.schools, TODAY)
        _, measures = check_class_sizes(runs, LIMITS, boards)
        most = max(sum(board in of for of in known) for board in {b for of in known for b in of})
        assert measures["smallest_board_others"] == 30 - most
        assert measures["fewest_boards"] == len(homes)
        assert measures["smallest_board_others"] <= measures["smallest_others"]
        assert measures["fewest_boards"] <= measures["fewest_schools"]


def test_a_forged_stage_in_which_one_board_knows_nearly_everybody(
    spark: SparkSession, tmp_path: Path, results_at: Path
) -> None:
    subject = drawn.subject(tmp_path, results_at)
    drawn.write_schools(tmp_path, dict.fromkeys(SCHOOLS[:5], "70021"))
    result = verify_stage(spark, subject)
    assert result.codes == {"BOARDS", "BOARD_SHARE"}
    assert (result.measures["fewest_boards"], result.measures["smallest_board_others"]) == (2, 5)
    assert not {"70021", *SCHOOLS} & {*repr(result).replace("'", " ").split()}
    drawn.write_schools(tmp_path, {})
    assert verify_stage(spark, subject).findings == ()


def test_an_unreadable_school_list_stops_the_verifier(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationRefused, match="school list"):
        read_boards_of_schools(tmp_path / "scholen.csv", KEY, [], TODAY)
    (tmp_path / "scholen.csv").write_text("brin;bestuur\n10AA;1\n")
    with pytest.raises(ConfigurationRefused, match="school list"):
        read_boards_of_schools(tmp_path / "scholen.csv", KEY, [], TODAY)


def test_schools_are_recognised_by_their_keyed_digests(tmp_path: Path) -> None:
    drawn.write_schools(tmp_path, {"10AA": "1", "10AB": "1 2"})
    own = [hmac.digest(drawn.SECRET, f"brin|{brin}".encode(), hashlib.sha256) for brin in SCHOOLS]
    for shown in (own, [one.hex() for one in own]):
        own_boards = read_boards_of_schools(tmp_path / "scholen.csv", KEY, shown, TODAY)
        assert own_boards.all_boards[0] < own_boards.all_boards[1]
        assert own_boards.present_board.tolist() == [0, 1, 2, 3, 4, 5]
    unknown = read_boards_of_schools(tmp_path / "scholen.csv", KEY, [None, b"x", "zz", own[0]], TODAY)
    assert [len(boards) for boards in unknown.all_boards] == [1, 1, 1, 1]
    assert unknown.present_board.tolist() == [0, 1, 2, 3]
