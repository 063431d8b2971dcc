"""The list of standing instructions of schools to anonymise, and its declaration."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

INSTRUCTION_HEADER = "brin;vestiging;soort;project;kolommen;gegeven_door;gegeven_op;tot;ingetrokken_op"
MAX_AGE_DAYS: Final = 31

_ONE_IN: Final = 50
_FIRST: Final = 7
_DAYS_AGO: Final = 200


def schools_without_instruction(brins: Sequence[str]) -> frozenset[str]:
    """The schools of a synthetic cohort that gave no instruction, one in fifty, so that every run meets some."""
    return frozenset(brins[_FIRST::_ONE_IN])


def write_synthetic_instructions(folder: Path, brins: Sequence[str], today: date) -> None:
    """Write the list of all schools of a synthetic cohort but those without an instruction."""
    without = schools_without_instruction(brins)
    write_instruction_list(folder, "synthetisch", [brin for brin in brins if brin not in without], today)


def write_instruction_list(folder: Path, name: str, brins: Sequence[str], today: date) -> None:
    """Write `<name>.csv` and its declaration `<name>.toml`: one line per school, given by its board."""
    since = (today - timedelta(days=_DAYS_AGO)).isoformat()
    lines = [INSTRUCTION_HEADER, *(f"{brin};;anonimiseren;;;bevoegd gezag (synthetisch);{since};;" for brin in brins)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    (folder / f"{name}.toml").write_text(
        f'file = "{name}.csv"\n'
        f"date = {today.isoformat()}         # the day the list was drawn up\n"
        f'source = "instructies van schoolbesturen (synthetisch, {name})"\n'
        f"max_age_days = {MAX_AGE_DAYS}\n"
        "declared_empty = false\n",
        encoding="utf-8",
    )
