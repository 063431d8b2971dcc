"""Accepted → Admitted: every pupil with an objection in force is left out.

The lists are declared one by one (`objections/<list>.toml`) and read strictly: a missing, stale, unreadable,
undeclared or unexpectedly empty list stops whoever asks for them. They are small (10³–10⁵ numbers), so the
driver reads them; rows of results never come near it.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pyspark.sql import DataFrame, SparkSession

from cohort import config, frames, numbers
from cohort.config import Declaration
from cohort.errors import ObjectionsRefused, expected
from cohort.identifiers import BRIN, normal_text
from cohort.numbers import Changes
from cohort.platform import ObjectionLimits
from cohort.schema import Accepted, Admitted, Instructed

COLUMNS = ("pgn", "brin", "vanaf", "ingetrokken_op", "bereik")


class Listed(Declaration):
    """What is declared of one list; `polarity` and `declared_empty` have no default."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.csv$")]
    polarity: Literal["block", "allow"]
    date: dt.date
    source: str
    max_age_days: Annotated[int, Field(ge=1)]
    declared_empty: bool


@dataclass(frozen=True)
class ObjectionList:
    """One list as read: the numbers in force, and what is to be told of it (counts, never numbers)."""

    name: str
    declared: Listed
    sha256: str
    rows: int
    in_force: frozenset[str]
    withdrawn: int
    held: dict[str, int]
    """Schools held back, each with the number of its invalid numbers."""
    filed: dict[str, int]
    """Objections in force per school that filed them."""
    pupils: int = 0
    """How many pupils the numbers in force are of."""

    def facts(self) -> dict[str, object]:
        return {
            "list": self.name, "source": self.declared.source, "date": str(self.declared.date),
            "polarity": self.declared.polarity, "sha256": self.sha256, "rows": self.rows,
            "in_force": self.pupils, "withdrawn": self.withdrawn, "schools_held_back": len(self.held),
        }  # fmt: skip


@dataclass(frozen=True)
class Objections:
    """All lists together, as one answer to: whose results may be used?"""

    lists: tuple[ObjectionList, ...]
    numbers: str = ""
    """The digest of the changes of pupil numbers that were applied to them."""

    @property
    def blocked(self) -> frozenset[str]:
        return frozenset().union(*(x.in_force for x in self.lists if x.declared.polarity == "block"))

    @property
    def allowed(self) -> frozenset[str] | None:
        """Pupils on every allow list, or None when there is no such list."""
        allow = [x.in_force for x in self.lists if x.declared.polarity == "allow"]
        return frozenset.intersection(*allow) if allow else None

    @property
    def held_schools(self) -> frozenset[str]:
        return frozenset(school for x in self.lists for school in x.held)

    def digest(self) -> str:
        """One hash over all lists: another one means that a list changed."""
        every = "".join(sorted(x.name + x.sha256 for x in self.lists)) + self.numbers
        return hashlib.sha256(every.encode()).hexdigest()

    def facts(self) -> list[dict[str, object]]:
        return [x.facts() for x in self.lists]


def load(folder: Path, limits: ObjectionLimits, today: dt.date) -> Objections:
    """Read every declared list.

    Takes: the zone of the lists, the platform's limits, the day it is. The changes of pupil numbers are
    read from the zone beside it: who is listed under one number is listed under every other one, too.
    Refuses: no list at all, a list missing, undeclared, stale, dated ahead, unreadable, empty without
    being declared so, a line with another scope than `alles`, an invalid number that no school filed:
    all problems at once (exit code 12); what `numbers.load` refuses (11).
    """
    problems: list[str] = []
    declarations = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    if not declarations:
        problems.append(
            _wrong(
                "at least one declared list",
                "landelijk.toml beside landelijk.csv",
                "none",
                "objections/",
            )
        )
    lists, named = [], set()
    for declaration in declarations:
        try:
            declared = config.read(
                declaration,
                Listed,
                where=f"objections/{declaration.name}",
                refusal=ObjectionsRefused,
            )
        except ObjectionsRefused as refused:
            problems.extend(refused.problems)
            named.add(f"{declaration.stem}.csv")
            continue
        named.add(declared.file)
        problems.extend(_stale(declaration.name, declared, limits, today))
        read = _read(declaration.stem, folder / declared.file, declared, today, problems)
        lists.extend([read] if read else [])
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        if file.suffix != ".toml" and file.name not in named:
            problems.append(
                _wrong(
                    "only declared lists",
                    "a .toml beside every .csv",
                    "a file that none declares",
                    f"objections/{file.name}",
                )
            )
    if problems:
        raise ObjectionsRefused(*problems)
    changes = numbers.load(folder.parent / numbers.ZONE, today)
    digest = changes.digest() if changes.lists else ""
    return Objections(tuple(_under_every_number(one, changes) for one in lists), digest)


def _under_every_number(one: ObjectionList, changes: Changes) -> ObjectionList:
    pupils = len({changes.newest(number) for number in one.in_force})
    return replace(one, in_force=changes.all_of(one.in_force), pupils=pupils)


def blocked_frame(spark: SparkSession, numbers: frozenset[str]) -> DataFrame:
    """Numbers as a local frame `pgn string`: in a join it leaves no trace in a plan."""
    return frames.local(spark, "pgn string not null", [(n,) for n in sorted(numbers)])


def remove_objectors(results: Instructed, every: Accepted, objections: Objections) -> Admitted:
    """Leave out every pupil with an objection in force, wherever their results come from.

    Takes: the results to use (numbers in normal form, never null); all results, in which the pupils of
    a school held back are looked up; the lists.
    Gives: the results of the other pupils, columns unchanged.
    """
    spark = results.sparkSession
    admitted: DataFrame = results
    if objections.held_schools:
        held = frames.local(spark, "brin string not null", [(s,) for s in sorted(objections.held_schools)])
        known = every.join(held.hint("broadcast"), "brin", "left_semi").select("pgn").distinct()
        admitted = admitted.join(known, "pgn", "left_anti")
    if objections.blocked:
        admitted = admitted.join(
            blocked_frame(spark, objections.blocked).hint("broadcast"), "pgn", "left_anti"
        )
    if objections.allowed is not None:
        admitted = admitted.join(
            blocked_frame(spark, objections.allowed).hint("broadcast"), "pgn", "left_semi"
        )
    return Admitted(admitted.select(*results.columns))


def _stale(name: str, declared: Listed, limits: ObjectionLimits, today: dt.date) -> list[str]:
    days = min(declared.max_age_days, limits.max_age_days)
    if declared.date > today:
        return [_wrong("a list dated today or before", str(today), "a later date", f"objections/{name}")]
    if (today - declared.date).days > days:
        return [
            _wrong(
                f"a list of at most {days} days old",
                f"one of {today}",
                f"one of {declared.date}",
                f"objections/{name}",
            )
        ]
    return []


def _read(
    name: str, path: Path, declared: Listed, today: dt.date, problems: list[str]
) -> ObjectionList | None:
    where = f"objections/{declared.file}"
    try:
        content = path.read_bytes()
        rows = list(csv.reader(content.decode("utf-8-sig").splitlines(), delimiter=";", strict=True))
    except FileNotFoundError:
        problems.append(_wrong("the list that is declared", declared.file, "no such file", where))
        return None
    except (OSError, UnicodeDecodeError, csv.Error):
        problems.append(_wrong("a readable UTF-8 list", ";".join(COLUMNS), "one that cannot be read", where))
        return None
    header = [cell.strip() for cell in rows[0]] if rows else []
    if sorted(header) != sorted(COLUMNS) or any(row and len(row) != len(header) for row in rows):
        problems.append(
            _wrong(f"the columns {';'.join(COLUMNS)} in every line", "the README's", "others", where)
        )
        return None
    lines = [
        (n, dict(zip(header, (c.strip() for c in row), strict=True)))
        for n, row in enumerate(rows[1:], 2)
        if row
    ]
    if not lines and not declared.declared_empty:
        problems.append(_wrong("a line, or declared_empty = true", "one objection", "an empty list", where))
    return _in_force(name, declared, hashlib.sha256(content).hexdigest(), lines, today, problems)


def _in_force(
    name: str,
    declared: Listed,
    digest: str,
    lines: list[tuple[int, dict[str, str]]],
    today: dt.date,
    problems: list[str],
) -> ObjectionList:
    valid: set[str] = set()
    held: dict[str, int] = {}
    filed: dict[str, int] = {}
    withdrawn = 0
    for number, line in lines:
        where = f"objections/{declared.file} line {number}"
        try:
            until = dt.date.fromisoformat(line["ingetrokken_op"]) if line["ingetrokken_op"] else None
            _ = dt.date.fromisoformat(line["vanaf"])
        except ValueError:
            problems.append(_wrong("dates as 2025-01-31", "2025-01-31", "something else", where))
            continue
        if line["bereik"] != "alles":
            problems.append(_wrong("bereik alles", "alles", "a scope that is not supported yet", where))
        if line["brin"] and not BRIN.fullmatch(line["brin"]):
            problems.append(_wrong("a BRIN or nothing", "99ZZ", "something else", where))
        if until is not None and until <= today:
            withdrawn += 1
            continue
        school, pgn = line["brin"], normal_text(line["pgn"])
        if pgn is not None:
            valid.add(pgn)
            filed[school] = filed.get(school, 0) + 1
        elif school:
            held[school] = held.get(school, 0) + 1
        else:
            problems.append(
                _wrong("a valid pupil number or the school that filed it", "a BSN", "neither", where)
            )
    return ObjectionList(
        name, declared, digest, len(lines), frozenset(valid), withdrawn, held, filed, len(valid)
    )


def _wrong(what: str, example: str, found: str, where: str) -> str:
    return expected(
        what,
        example=example,
        found=found,
        where=where,
        do="Correct the list, or ask its keeper for a new one",
    )
