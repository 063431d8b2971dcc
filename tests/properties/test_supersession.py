"""Results after any sequence of deliveries are what the rules for schools say, however runs group the deliveries."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from tests.unit.drawn_roots import CONF, Root

from cohort.agreements import catalogue
from cohort.foundation import identifiers
from cohort.storage.zone_paths import StorageZones

SCHOOLS = sorted(catalogue.load_catalogue(CONF).schools)[:80]
ROUNDS = 4
PUPILS = [n for n in map("{:09d}".format, range(100_000_000, 100_040_000)) if identifiers.normalise_pgn(n)]
SHARE = 0.5


class Row(NamedTuple):
    """A row as `Root.deliver` takes one; the pupil is one of the school's own."""

    pupil: int
    score: int
    test: str
    key: str
    day: str


class Delivery(NamedTuple):
    """One file of a school."""

    supplier: str
    rows: tuple[Row, ...]


def drawn(dice: random.Random) -> Delivery:
    """A file of few pupils and fewer keys, so that much of it was delivered before."""
    rows = (
        Row(
            dice.randrange(5),
            dice.randrange(3),
            dice.choice(["REK-M7", "REK-M7", "REK-E7"]),
            dice.choice(["-", "-", "-", "r1", "r2", "r3", "r4"]),
            dice.choice(["20", "20", "20", "21"]),
        )
        for _ in range(dice.randint(1, 7))
    )
    return Delivery(dice.choice(["canoniek", "canoniek", "puntkomma"]), tuple(rows))


@dataclass
class School:
    """The rules of docs/schools.md on one school's deliveries, followed one delivery after the other."""

    standing: list[tuple[int, str, Row]] = field(default_factory=list)
    """Results: the delivery, its supplier, the row."""
    replaced: Counter[tuple[int, int]] = field(default_factory=Counter)
    withdrawn: Counter[tuple[int, int]] = field(default_factory=Counter)
    """By the delivery that took away, and the one it took from."""
    delivered: set[Delivery] = field(default_factory=set)

    def takes(self, number: int, delivery: Delivery) -> None:
        if delivery in self.delivered:
            return
        self.delivered.add(delivery)
        supplier, new = delivery.supplier, remaining(delivery.rows)
        whole = {moment for moment in ("M", "E") if self.is_whole(supplier, new, moment)}
        stays = []
        for result in self.standing:
            earlier, by, row = result
            is_repeated = any(same(row, other) for other in new)
            keyed = by == supplier and any(under_one_key(row, other) for other in new)
            if by == supplier and row.test[-2] in whole:
                (self.replaced if is_repeated or keyed else self.withdrawn)[number, earlier] += 1
            elif keyed or any(same(row, other) and not retake(by == supplier, row, other) for other in new):
                self.replaced[number, earlier] += 1
            else:
                stays.append(result)
        self.standing = [*stays, *((number, supplier, row) for row in new)]

    def is_whole(self, supplier: str, new: list[Row], moment: str) -> bool:
        before = {(r.pupil, r.test) for _, s, r in self.standing if s == supplier and r.test[-2] == moment}
        repeated = before & {(row.pupil, row.test) for row in new}
        return len(repeated) > SHARE * len(before)


def remaining(rows: tuple[Row, ...]) -> list[Row]:
    """Of equal lines one; of different ones for one result none."""
    by_result: dict[tuple[object, ...], set[Row]] = {}
    for row in rows:
        by_key = row.key != "-"
        result = (row.test, row.key) if by_key else (row.pupil, row.test, row.day)
        by_result.setdefault((by_key, *result), set()).add(row)
    return [row for lines in by_result.values() if len(lines) == 1 for row in lines]


def same(one: Row, other: Row) -> bool:
    return (one.pupil, one.test, one.day) == (other.pupil, other.test, other.day)


def under_one_key(one: Row, other: Row) -> bool:
    return one.key != "-" and (one.key, one.test) == (other.key, other.test)


def retake(one_supplier: bool, one: Row, other: Row) -> bool:
    return one_supplier and "-" not in (one.key, other.key)


@pytest.mark.parametrize("runs", [1, ROUNDS])
@settings(max_examples=settings().max_examples // 25, phases=[Phase.generate])
@given(st.integers(0, 1 << 32))
def test_results_are_what_the_rules_say_however_runs_cut_the_deliveries(
    spark: SparkSession, empty_root: Path, tmp_path_factory: pytest.TempPathFactory, runs: int, seed: int
) -> None:
    dice = random.Random(seed)
    sequences = [[drawn(dice) for _ in range(ROUNDS)] for _ in SCHOOLS]
    zones = StorageZones(tmp_path_factory.mktemp("successions") / "root")
    shutil.copytree(empty_root, zones.root)
    root, wanted = Root(spark, zones), [School() for _ in SCHOOLS]
    accounts: Counter[str] = Counter()
    for number in range(ROUNDS):
        for at, school in enumerate(SCHOOLS):
            delivery = sequences[at][number]
            rows = (" ".join((PUPILS[5 * at + r.pupil], *map(str, r[1:]))) for r in delivery.rows)
            root.deliver(name(at, number), *rows, school=school, supplier=delivery.supplier)
            wanted[at].takes(number, delivery)
        if runs == ROUNDS or number == ROUNDS - 1:
            record = root.ingest()
            accounts.update({kind: record[kind] for kind in ("replaced", "withdrawn")})
    for at, (one, superseded) in enumerate(zip(wanted, counts(root), strict=True)):
        assert sorted(superseded.results) == sorted((number, *row) for number, _, row in one.standing), sequences[at]
        assert (superseded.replaced, superseded.withdrawn) == (one.replaced, one.withdrawn), sequences[at]
    assert accounts["replaced"] == sum(sum(one.replaced.values()) for one in wanted)
    assert accounts["withdrawn"] == sum(sum(one.withdrawn.values()) for one in wanted)


def name(school: int, number: int) -> str:
    return f"{school}-{number}.csv"


@dataclass
class Counts:
    """Of one school its results in the table, and in the ledger who took what of whom."""

    results: list[tuple[object, ...]] = field(default_factory=list)
    replaced: Counter[tuple[int, int]] = field(default_factory=Counter)
    withdrawn: Counter[tuple[int, int]] = field(default_factory=Counter)


def counts(root: Root) -> list[Counts]:
    """What stands in the tables, in the words of the rules."""
    superseded = [Counts() for _ in SCHOOLS]
    names = {e.levering_nr: tuple(map(int, e.name.removesuffix(".csv").split("-"))) for e in root.entries()}
    for row in root.results():
        at, number = names[row.levering_nr]
        pupil, key = PUPILS.index(row.pgn) - 5 * at, row.bron_result_key or "-"
        score, day = int(row.vaardigheidsscore), f"{row.afnamedatum.day}"
        superseded[at].results.append((number, pupil, score, row.toetscode, key, day))
    for entry in root.entries():
        at, number = names[entry.levering_nr]
        for earlier, rows in entry.replaced.items():
            superseded[at].replaced[number, names[earlier][1]] += rows
        for earlier, rows in entry.withdrawn.items():
            superseded[at].withdrawn[number, names[earlier][1]] += rows
    return superseded
