"""Whose parents object: the national list, and its declaration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from cohorts.planted_errors import DeliveredLines
from cohorts.pupil_numbers import PupilNumbers, format_pupil_numbers
from cohorts.pupils import SyntheticPupils
from cohorts.results import SyntheticResults

OBJECTION_HEADER = "pgn;brin;vanaf;ingetrokken_op;bereik"
MAX_AGE_DAYS: Final = 31

_OBJECTING: Final = 0.005
_WITHDRAWN: Final = 0.05
_UNMATCHED: Final = 0.02
_BY_A_SCHOOL: Final = 0.7


@dataclass(frozen=True)
class ObjectionList:
    """The lines of the list, in its order.

    Takes: numbers; the pupil of each by index, or -1 for a number that no file holds; whether the
    objection was withdrawn. An unmatched objection is in force.
    """

    number: PupilNumbers
    pupil: npt.NDArray[np.int64]
    withdrawn: npt.NDArray[np.bool_]

    def account(self, results: SyntheticResults, lines: DeliveredLines) -> dict[str, int]:
        """What the list must do: lines by state, and delivered lines that it must keep out."""
        objects = np.zeros(int(results.pupil.max()) + 1, dtype=np.bool_)
        objects[self.pupil[~self.withdrawn & (self.pupil >= 0)]] = True
        stopped = objects[results.pupil[lines.result]] & ~lines.refused()
        return {
            "listed": int(self.number.size),
            "in_force": int((~self.withdrawn).sum()),
            "withdrawn": int(self.withdrawn.sum()),
            "unmatched": int((self.pupil < 0).sum()),
            "delivered_rows": int(stopped.sum()),
        }


def count_unmatched_objections(pupils: int) -> int:
    """How many numbers of the list belong to nobody in the files."""
    return max(1, round(pupils * _OBJECTING * _UNMATCHED))


def draw_objections(rng: np.random.Generator, pupils: SyntheticPupils, strangers: PupilNumbers) -> ObjectionList:
    """About 0.5 % of the pupils and all strangers, shuffled; one in twenty has withdrawn."""
    objecting = max(2, round(len(pupils) * _OBJECTING) - strangers.size)
    who = rng.permutation(len(pupils))[:objecting]
    withdrawn = np.arange(objecting) < max(1, round(objecting * _WITHDRAWN))
    order = rng.permutation(objecting + strangers.size)
    return ObjectionList(
        np.concatenate([pupils.number[who], strangers])[order],
        np.concatenate([who, np.full(strangers.size, -1)])[order],
        np.concatenate([withdrawn, np.zeros(strangers.size, dtype=np.bool_)])[order],
    )


def write_objection_list(
    folder: Path,
    rng: np.random.Generator,
    objectors: ObjectionList,
    pupils: SyntheticPupils,
    brins: list[str],
    today: date,
) -> None:
    """`landelijk.csv` and its declaration; all dates lie before today, some numbers lost a zero."""
    filed = rng.random(objectors.number.size) < _BY_A_SCHOOL
    since = rng.integers(30, 400, objectors.number.size)
    school = pupils.school[objectors.pupil]
    lines = [OBJECTION_HEADER]
    for at, number in enumerate(format_pupil_numbers(objectors.number)):
        start = today - timedelta(days=int(since[at]))
        end = start + timedelta(days=int(since[at]) // 2)
        # Every other number that can lose its leading zero has lost it, as spreadsheets do.
        lost = number[0] == "0" and number[1] != "0" and at % 2 == 0
        lines.append(
            ";".join(
                (
                    number[1:] if lost else number,
                    brins[school[at]] if filed[at] and objectors.pupil[at] >= 0 else "",
                    start.isoformat(),
                    end.isoformat() if objectors.withdrawn[at] else "",
                    "alles",
                )
            )
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "landelijk.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    (folder / "landelijk.toml").write_text(
        'file = "landelijk.csv"\n'
        'polarity = "block"        # the list names those to be left out\n'
        f"date = {today.isoformat()}         # the day the list was drawn up\n"
        'source = "landelijk bezwarenregister (synthetisch)"\n'
        f"max_age_days = {MAX_AGE_DAYS}\n"
        "declared_empty = false\n",
        encoding="utf-8",
    )
