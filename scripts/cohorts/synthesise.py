"""Write a synthetic cohort under a storage root, and report what ingestion must find in it.

The same seed and size give the same files; only the lists of objections and instructions depend on the day.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from cohort.foundation import Refusal, UsageRefused, describe_problem
from cohorts import (
    configured_lists,
    delivery_files,
    instruction_list,
    objection_list,
    planted_errors,
    pupil_numbers,
    pupils,
    results,
    schools,
)
from cohorts.pupil_numbers import NumberRange


def write_synthetic_cohort(
    root: Path,
    config: Path,
    *,
    count: int,
    school_count: int | None,
    seed: int,
    today: date,
    clean: bool = False,
    number_range: NumberRange = NumberRange.SYNTHETIC,
) -> dict[str, Any]:
    """Write deliveries, the lists of objections and instructions, the test catalogue and the school list.

    Args:
        root: the storage root.
        config: the configuration folder.
        count: how many pupils.
        school_count: how many schools; by the number of pupils where it is None.
        seed: the seed of everything that is drawn.
        today: the date of the lists.
        clean: whether the lines are without errors.
        number_range: the range of the pupil numbers.

    Returns:
        The record of what was written. `rows` counts all lines but headers; `dirt` the lines that ingestion must
        refuse, by reason; `mended` those that it must accept and repair. Of the objections `unmatched` are in force;
        `delivered_rows` are the acceptable lines of those in force, in all files.

    Raises:
        UsageRefused: the root already has deliveries of a synthetic cohort.
    """
    started = time.monotonic()
    deliveries = root / "deliveries"
    _refuse_existing_deliveries(deliveries)
    rng = np.random.default_rng(seed)
    number_of_schools = schools.default_school_count(count) if school_count is None else school_count
    sizes = schools.draw_school_sizes(rng, count, number_of_schools)
    brins = schools.synthetic_brins(sizes.size)
    unmatched = objection_list.count_unmatched_objections(count)
    numbers = pupil_numbers.draw_pupil_numbers(rng, count + unmatched, number_range)
    people = pupils.draw_pupils(rng, numbers[:count], sizes)
    made = results.draw_results(rng, people)
    lines = planted_errors.deliver_without_errors(made) if clean else planted_errors.plant_errors(rng, people, made)
    _print_progress(f"{count} pupils at {sizes.size} schools, {len(lines)} lines", started)
    configured_lists.replace_synthetic_lists(config, seed, brins)
    objecting = objection_list.draw_objections(rng, people, numbers[count:])
    objection_list.write_objection_list(root / "objections", rng, objecting, people, brins, today)
    without_instruction = instruction_list.schools_without_instruction(brins)
    instruction_list.write_synthetic_instructions(root / "instructions", brins, today)
    written = delivery_files.write_delivery_files(deliveries, brins, people, made, lines)
    _print_progress(f"{written} files", started)
    planted = lines.planted()
    return {
        "schools": int(sizes.size),
        "schools_without_instruction": len(without_instruction),
        "files": written,
        "pupils": count,
        "rows": len(lines),
        "repeaters": int(people.repeater.sum()),
        "movers": int((people.moved_to != pupils.NOWHERE).sum()),
        "mended": {planted_errors.PGN_PADDED: planted.pop(planted_errors.PGN_PADDED)},
        "dirt": planted,
        "objectors": objecting.account(made, lines),
        "seconds": round(time.monotonic() - started, 1),
    }


def _refuse_existing_deliveries(deliveries: Path) -> None:
    if any(deliveries.glob("school_*.csv")):
        raise UsageRefused(
            describe_problem(
                "a root without synthetic deliveries",
                example="--root build/demo after it was removed",
                found="files named school_*.csv",
                where=str(deliveries),
                do="Remove them or give another root",
            )
        )


def _print_progress(what: str, started: float) -> None:
    print(f"synthesise: {what} ({time.monotonic() - started:.1f} s)", file=sys.stderr)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="synthesise", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the storage root")
    parser.add_argument("--config", type=Path, required=True, help="the configuration folder")
    parser.add_argument("--pupils", type=int, default=60_000)
    parser.add_argument("--schools", type=int, help="default: 300 for 60,000, 6,600 for 1.5 million")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--today", type=date.fromisoformat, default=date.today())
    return parser.parse_args()


def main() -> int:
    options = _parse_arguments()
    try:
        record = write_synthetic_cohort(
            options.root,
            options.config,
            count=options.pupils,
            school_count=options.schools,
            seed=options.seed,
            today=options.today,
        )
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.exit_code
    print(json.dumps(record, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
