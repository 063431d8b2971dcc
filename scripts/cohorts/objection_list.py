"""The national list of parents who object, and its declaration."""

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

    Args:
        number: the pupil number of each line.
        pupil: the index of the pupil, or −1 for a number that no file contains (an unmatched objection).
        withdrawn: whether the objection was withdrawn; an unmatched objection is in force.
    """

    number: PupilNumbers
    pupil: npt.NDArray[np.int64]
    withdrawn: npt.NDArray[np.bool_]

    def account(self, results: SyntheticResults, lines: DeliveredLines) -> dict[str, int]:
        """What ingestion must find: lines by state, and delivered lines that the objections exclude."""
        objecting = np.zeros(int(results.pupil.max()) + 1, dtype=np.bool_)
        objecting[self.pupil[~self.withdrawn & (self.pupil >= 0)]] = True
        excluded = objecting[results.pupil[lines.result]] & ~lines.refused()
        return {
            "listed": int(self.number.size),
            "in_force": int((~self.withdrawn).sum()),
            "withdrawn": int(self.withdrawn.sum()),
            "unmatched": int((self.pupil < 0).sum()),
            "delivered_rows": int(excluded.sum()),
        }


def count_unmatched_objections(pupils: int) -> int:
    """How many numbers of the list are of no pupil in the files."""
    return max(1, round(pupils * _OBJECTING * _UNMATCHED))


def draw_objections(rng: np.random.Generator, pupils: SyntheticPupils, unmatched: PupilNumbers) -> ObjectionList:
    """Draw the list: about 0.5 % of the pupils and all unmatched numbers, shuffled; one in twenty has withdrawn."""
    objecting = max(2, round(len(pupils) * _OBJECTING) - unmatched.size)
    who = rng.permutation(len(pupils))[:objecting]
    withdrawn = np.arange(objecting) < max(1, round(objecting * _WITHDRAWN))
    order = rng.permutation(objecting + unmatched.size)
    return ObjectionList(
        np.concatenate([pupils.number[who], unmatched])[order],
        np.concatenate([who, np.full(unmatched.size, -1)])[order],
        np.concatenate([withdrawn, np.zeros(unmatched.size, dtype=np.bool_)])[order],
    )


def write_objection_list(
    folder: Path,
    rng: np.random.Generator,
    objectors: ObjectionList,
    pupils: SyntheticPupils,
    brins: list[str],
    today: date,
) -> None:
    """Write `landelijk.csv` and its declaration; all dates lie before today, some numbers lost a leading zero."""
    filed_by_school = rng.random(objectors.number.size) < _BY_A_SCHOOL
    since = rng.integers(30, 400, objectors.number.size)
    school = pupils.school[objectors.pupil]
    lines = [OBJECTION_HEADER]
    for line, number in enumerate(format_pupil_numbers(objectors.number)):
        start = today - timedelta(days=int(since[line]))
        end = start + timedelta(days=int(since[line]) // 2)
        # Every other number with one leading zero has lost it, as in a spreadsheet.
        lost_zero = number[0] == "0" and number[1] != "0" and line % 2 == 0
        lines.append(
            ";".join(
                (
                    number[1:] if lost_zero else number,
                    brins[school[line]] if filed_by_school[line] and objectors.pupil[line] >= 0 else "",
                    start.isoformat(),
                    end.isoformat() if objectors.withdrawn[line] else "",
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
