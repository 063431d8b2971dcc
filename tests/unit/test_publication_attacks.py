"""Attacks on public tables with linear programmes of their own, on editions made by the search for hidden cells.

The attacker has a number for every combination of leaves of all variables and only what is printed. Nothing of the
search or of the auditor is used in the attack.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from scipy.optimize import linprog
from tests.unit.drawn_publication import COUNT, LIMITS, DrawnPublication, DrawnTable, DrawnVariable, flat, text

from cohort.agreements import Platform, Publication
from cohort.foundation import StateRefused
from cohort.publication_documents import Measure, PublishedScore
from cohort.publications.earlier_editions import EarlierEdition, Published
from cohort.publications.edition_rows import Cells, EditionRows
from cohort.publications.edition_search import suppress_cells
from cohort.publications.rounded_cells import round_cells
from cohort.table_audit import AuditEdition, AuditInput, audit_tables

Rows = list[dict[str, Any]]
Cell = tuple[frozenset[str], ...]
LOOSE = LIMITS.model_copy(update={"search_seconds": 10, "first_pattern_seconds": 10, "max_primary_share": 1})
PLATFORM = cast(Platform, SimpleNamespace(publications=LOOSE))
PUBLICATION = cast(Publication, SimpleNamespace(limits=LOOSE))


# Making editions


@dataclasses.dataclass(frozen=True, eq=False)
class Made:
    """An edition as it was made: its declaration and its printed cells."""

    drawn: DrawnPublication
    cells: Cells

    @property
    def audit_edition(self) -> AuditEdition:
        cells = {name: tuple(own) for name, own in self.cells.items()}
        return AuditEdition(self.drawn.document(), cells, self.drawn.contributors())

    @property
    def earlier(self) -> EarlierEdition:
        cells = {name: tuple(own) for name, own in self.cells.items()}
        record = cast(Any, SimpleNamespace(publication=self.drawn.name, edition=self.drawn.edition))
        return EarlierEdition(record, self.drawn.document(), self.drawn.contributors(), cells, None)

    def value(self, table: str, nodes: tuple[str, ...], measure: str = "leerlingen") -> str | None:
        """The printed figure of a cell."""
        return next(cell.value for cell in self.cells[table] if (cell.nodes, cell.measure) == (nodes, measure))


def make(drawn: DrawnPublication, *before: Made) -> Made:
    """Make an edition beside earlier ones."""
    rows = EditionRows(drawn.document(), drawn.contributors(), None)
    if drawn.method == "round":
        return Made(drawn, round_cells(rows, PLATFORM))
    cells, _ = suppress_cells(
        PUBLICATION, rows, PLATFORM, Published(tuple(one.earlier for one in before)), lambda _: None
    )
    return Made(drawn, cells)


def audit(made: Made, *before: Made) -> set[str]:
    """The codes of the auditor's findings."""
    given = AuditInput(made.audit_edition, tuple(one.audit_edition for one in before), LOOSE)
    return {finding.code for finding in audit_tables(given).findings}


# The attack: a number per combination of leaves


class Attack:
    """What follows from the printed counts of editions of the same pupils.

    Args:
        editions: what was printed; the pupils of all are those of `everybody`.
        everybody: all pupils, with a value of every variable.
    """

    def __init__(self, editions: Sequence[Made], everybody: Rows) -> None:
        self.editions, self.everybody = editions, everybody
        leaves: dict[str, set[str]] = {}
        for made in editions:
            for variable in made.drawn.variables:
                leaves.setdefault(variable.name, set()).update(row[variable.name] for row in everybody)
                leaves[variable.name].update(variable.leaves)
        self.names = sorted(leaves)
        self.leaves = [sorted(leaves[name]) for name in self.names]
        self.atoms = list(itertools.product(*self.leaves))
        self.truth = np.zeros(len(self.atoms))
        place = {atom: number for number, atom in enumerate(self.atoms)}
        self.own: dict[str, np.ndarray] = {}
        self.boards: dict[str, np.ndarray] = {}
        for row in everybody:
            at, pupils = place[tuple(row[name] for name in self.names)], row.get("pupils", 1)
            self.truth[at] += pupils
            for names, who in ((self.own, row["school"]), (self.boards, row.get("board", row["school"]))):
                names.setdefault(who, np.zeros(len(self.atoms)))[at] += pupils
        self.shown: dict[Cell, bool] = {}
        for made in editions:
            for cell, value in self._list_counts(made):
                self.shown[cell] = self.shown.get(cell, False) or value is not None
        printed = [self.mask(cell) for cell, is_printed in self.shown.items() if is_printed]
        self.matrix = np.array(printed, dtype=float).reshape(len(printed), len(self.atoms))

    def _list_counts(self, made: Made) -> Iterator[tuple[Cell, str | None]]:
        variables = {variable.name: variable for variable in made.drawn.variables}
        for table in made.drawn.tables:
            axes = list(table.axes)
            for cell in made.cells[table.name]:
                measure = next(own for own in table.measures if own.name == cell.measure)
                nodes = {**dict(zip(axes, cell.nodes, strict=True)), **measure.base}
                yield (
                    tuple(
                        frozenset(variables[name].leaves_under(nodes.get(name, "*")))
                        if name in variables
                        else frozenset(own)
                        for name, own in zip(self.names, self.leaves, strict=True)
                    ),
                    cell.value,
                )

    def mask(self, cell: Cell) -> np.ndarray:
        inside = [all(leaf in own for leaf, own in zip(atom, cell, strict=True)) for atom in self.atoms]
        return np.array(inside, dtype=float)

    def interval(
        self, cell: Cell, who: np.ndarray | None = None, alone: np.ndarray | None = None
    ) -> tuple[float, float]:
        """The least and greatest count of a cell, for an outsider or for whoever knows some pupils."""
        mask = self.mask(cell)
        low = np.zeros(len(self.atoms)) if who is None else who
        matrix = self.matrix if alone is None else np.vstack([self.matrix, alone])
        ends = []
        for sense in (1, -1):
            result = linprog(
                sense * mask, A_eq=matrix, b_eq=matrix @ self.truth, bounds=[(float(least), None) for least in low]
            )
            ends.append(float("inf") if result.status == 3 else sense * float(cast(Any, result.fun)))
        return min(ends), max(ends)

    def find_breaches(self) -> list[str]:
        """Every cell that a rule hides and that somebody computes too nearly, or that is printed."""
        found = []
        for cell, is_printed in self.shown.items():
            below, above = self._ask(cell)
            if above == 0:
                continue
            if is_printed:
                found.append(f"printed {cell}")
                continue
            total = float(self.mask(cell) @ self.truth)
            low, high = self.interval(cell)
            if low > total - below + 1e-6 or high < total + above - 1e-6:
                found.append(f"outsider {cell}: {low} {total} {high}, asked {below} {above}")
            found.extend(self._find_informed(cell, total))
        return found

    def _find_informed(self, cell: Cell, total: float) -> Iterator[str]:
        """A school and a board learn neither a cell with others' pupils exactly nor their largest school to p %."""
        mask = self.mask(cell)
        board_of = {row["school"]: row.get("board", row["school"]) for row in self.everybody}
        for kind, own in [("school", self.own), ("board", self.boards)]:
            for name, pupils in own.items():
                mine = float(mask @ pupils)
                if total - mine < 1:
                    continue
                others = [
                    float(mask @ self.own[school])
                    for school, board in board_of.items()
                    if (school if kind == "school" else board) != name
                ]
                need = max(math.ceil(0.1 * max(others) - 1e-9), 1)
                alone = [
                    self.mask(other)
                    for other, is_printed in self.shown.items()
                    if not is_printed
                    and self.mask(other) @ self.truth > 0
                    and self.mask(other) @ pupils > self.mask(other) @ self.truth - 0.5
                ]
                low, high = self.interval(cell, pupils, np.array(alone) if alone else None)
                if low > total - min(need, total - mine) + 1e-6 or high < total + need - 1e-6:
                    yield f"{kind} {name} {cell}: {low} {total} {high}, asked {need}"

    def _ask(self, cell: Cell) -> tuple[float, float]:
        """How far the interval of a cell must reach, by the definitions of the rules."""
        mask = self.mask(cell)
        total = float(mask @ self.truth)
        if total == 0:
            return 0.0, 0.0
        above = 10 - total if total < 10 else 0.0
        for own in (self.own, self.boards):
            sizes = sorted((float(mask @ pupils) for pupils in own.values()), reverse=True)
            sizes = [size for size in sizes if size > 0]
            first, second = sizes[0], sizes[1] if len(sizes) > 1 else 0.0
            rest = total - first - second
            if len(sizes) < 5 or first > 0.5 * total + 1e-9:
                above = max(above, 1.0)
            if rest < 0.1 * first - 1e-9:
                above = max(above, math.ceil(0.1 * first - 1e-9) - rest, 1.0)
        return min(above, total), above


# Drawn cohorts

REGION = DrawnVariable(
    "regio",
    {"plat": flat("r1", "r2", "r3", "r4"), "provincie": {"*": ("p1", "p2"), "p1": ("r1", "r2"), "p2": ("r3", "r4")}},
)
CUTS = DrawnVariable(
    "regio",
    {
        "a": {"*": ("a1", "a2"), "a1": ("r1", "r2"), "a2": ("r3", "r4", "r5")},
        "b": {"*": ("b1", "b2"), "b1": ("r1", "r2", "r3"), "b2": ("r4", "r5")},
    },
)
GROUP = DrawnVariable("groep", {"plat": flat("7", "8", "9")})
KIND = DrawnVariable("soort", {"plat": flat("bo", "sbo")})


def draw_pupils(random: Random, years: Sequence[str] = ("1",), skew: float = 1.2) -> Rows:
    """Pupils by region, group, kind and year of schools that are in one region and of one kind, some in a board."""
    rows: Rows = []
    number = 0
    for region in ("r1", "r2", "r3", "r4"):
        for _ in range(random.choice((1, 4, 7, 10))):
            number += 1
            kind = "sbo" if random.random() < 0.2 else "bo"
            board = f"b{random.randrange(2)}" if random.random() < 0.6 else f"s{number}"
            size = max(1, int(random.lognormvariate(1.8, skew)))
            for year in years:
                for group in ("7", "8", "9"):
                    pupils = max(0, int(random.gauss(size, 1 + size / 4)))
                    if pupils and random.random() < 0.9:
                        rows.append(
                            {
                                "regio": region,
                                "groep": group,
                                "soort": kind,
                                "schooljaar": year,
                                "school": f"s{number}",
                                "board": board,
                                "pupils": pupils,
                            }
                        )
    return rows


def spread(leaves: Mapping[str, str], pupils: int, schools: int = 6, first: int = 1) -> Rows:
    """Pupils of one combination of leaves, over schools of about the same size."""
    return [
        {**leaves, "school": f"s{first + n}", "pupils": pupils // schools + (n < pupils % schools)}
        for n in range(schools)
        if pupils // schools + (n < pupils % schools)
    ]


LINKED = (DrawnTable("a", {"regio": "provincie", "groep": "plat"}), DrawnTable("b", {"regio": "plat", "soort": "plat"}))


@pytest.mark.parametrize("seed", range(1, 3))
def test_nobody_computes_a_protected_cell_of_linked_tables(seed: int) -> None:
    pupils = draw_pupils(Random(seed))
    made = make(DrawnPublication((REGION, GROUP, KIND), LINKED, pupils))
    assert Attack([made], pupils).find_breaches() == []
    assert audit(made) == set()


@pytest.mark.parametrize("seed", range(2))
def test_nobody_computes_a_protected_cell_of_cuts_that_do_not_nest(seed: int) -> None:
    pupils = draw_pupils(Random(100 + seed))
    tables = (DrawnTable("a", {"regio": "a", "groep": "plat"}), DrawnTable("b", {"regio": "b", "groep": "plat"}))
    made = make(DrawnPublication((CUTS, GROUP), tables, pupils))
    assert Attack([made], pupils).find_breaches() == []
    assert audit(made) == set()


@pytest.mark.parametrize("seed", range(2))
def test_a_second_edition_gives_nothing_of_the_first_away(seed: int) -> None:
    pupils = draw_pupils(Random(200 + seed))
    first = make(DrawnPublication((REGION, GROUP), (DrawnTable("a", {"regio": "plat", "groep": "plat"}),), pupils))
    second = make(
        DrawnPublication(
            (REGION, KIND), (DrawnTable("b", {"regio": "plat", "soort": "plat"}),), pupils, name="soorten"
        ),
        first,
    )
    assert Attack([first, second], pupils).find_breaches() == []
    assert audit(second, first) == set()


@pytest.mark.parametrize("seed", range(2))
def test_populations_that_overlap_give_nothing_away(seed: int) -> None:
    pupils = draw_pupils(Random(300 + seed))
    part = [row for row in pupils if row["groep"] in ("7", "8")]
    upper = DrawnVariable("groep", {"plat": flat("7", "8")})
    first = make(DrawnPublication((REGION, upper), (DrawnTable("a", {"regio": "plat"}),), part))
    second = make(DrawnPublication((REGION, GROUP), (DrawnTable("a", {"regio": "plat"}),), pupils, name="alle"), first)
    assert Attack([first, second], pupils).find_breaches() == []
    assert audit(second, first) == set()


def test_an_edition_of_part_of_the_pupils_is_not_taken_for_one_of_all() -> None:
    pupils = [
        row
        for region, groups in {"r1": (30, 31, 33), "r2": (40, 42, 45)}.items()
        for group, number in zip("789", groups, strict=True)
        for row in spread({"regio": region, "groep": group}, number)
    ]
    region = DrawnVariable("regio", {"plat": flat("r1", "r2")})
    upper = DrawnVariable("groep", {"plat": flat("7", "8")})
    table = DrawnTable("a", {"regio": "plat"})
    first = make(DrawnPublication((region, upper), (table,), [row for row in pupils if row["groep"] != "9"]))
    with pytest.raises(StateRefused, match="of part of these pupils"):
        make(DrawnPublication((region,), (table,), pupils, name="alle"), first)
    everybody = DrawnVariable("groep", {"plat": flat("7", "8", "9")})
    second = make(DrawnPublication((region, everybody), (table,), pupils, name="alle"), first)
    assert [second.value("a", (code,)) for code in ("r1", "r2", "*")] == ["94", "127", "221"]
    assert audit(second, first) == set()


@pytest.mark.parametrize("seed", range(4))
def test_years_beside_their_total_give_nothing_away(seed: int) -> None:
    pupils = draw_pupils(Random(400 + seed), ("1", "2"))
    table = DrawnTable("a", {"regio": "plat"})
    years = DrawnVariable("schooljaar", {"plat": flat("1", "2")})
    one = DrawnVariable("schooljaar", {"plat": flat("1")})
    own = [row for row in pupils if row["schooljaar"] == "1"]
    first = make(DrawnPublication((REGION, one), (table,), own, school_years=("1",)))
    second = make(DrawnPublication((REGION, years), (table,), pupils, name="alle", school_years=("1", "2")), first)
    assert Attack([first, second], pupils).find_breaches() == []
    assert audit(second, first) == set()


def test_a_table_by_a_variable_with_one_value_has_both_its_rows() -> None:
    pupils = spread({"regio": "r1", "schooljaar": "1"}, 60) + spread({"regio": "r2", "schooljaar": "1"}, 70)
    region = DrawnVariable("regio", {"plat": flat("r1", "r2")})
    year = DrawnVariable("schooljaar", {"plat": flat("1")})
    made = make(DrawnPublication((region, year), (DrawnTable("a", {"regio": "plat", "schooljaar": "plat"}),), pupils))
    assert [made.value("a", (code, year)) for code in ("r1", "*") for year in ("1", "*")] == ["60", "60", "130", "130"]
    assert audit(made) == set()


# Means

SCORE = PublishedScore(name="REK", label=text("rekenen"), presence="heeft", lowest=0, highest=20000, spread=500)
HAS = DrawnVariable("heeft", {"plat": flat("ja", "nee")})
MEAN = Measure(
    name="gemiddelde", kind="mean", label=text("Gemiddelde"), scores=("REK",), base={"heeft": "ja"}, decimals=1
)


def give_scores(random: Random, pupils: Rows) -> Rows:
    """Every pupil counted by itself, most with a score."""
    rows = []
    for row in pupils:
        for _ in range(row["pupils"]):
            has = random.random() < 0.9
            score = min(20000, max(0, int(random.gauss(10000, 1500)))) if has else None
            rows.append({**row, "pupils": 1, "heeft": "ja" if has else "nee", "REK": score})
    return rows


@pytest.mark.parametrize("seed", range(4))
def test_means_of_a_second_edition_are_exact_and_safe(seed: int) -> None:
    random = Random(500 + seed)
    pupils = give_scores(random, draw_pupils(random))
    first = make(
        DrawnPublication((REGION, HAS), (DrawnTable("a", {"regio": "plat"}, (COUNT, MEAN)),), pupils, scores=(SCORE,))
    )
    tables = (DrawnTable("b", {"regio": "plat", "groep": "plat"}, (MEAN,)),)
    second = make(DrawnPublication((REGION, GROUP, HAS), tables, pupils, name="groepen", scores=(SCORE,)), first)
    assert find_known_means([first, second], pupils) == []
    assert audit(second, first) == set()


def find_known_means(editions: Sequence[Made], pupils: Rows) -> list[str]:
    """Hidden means of cells that a rule hides, known to within less than the spread both ways; wrong printed ones."""
    attack = Attack(editions, pupils)
    place = {atom: number for number, atom in enumerate(attack.atoms)}
    sums = np.zeros(len(attack.atoms))
    for row in pupils:
        sums[place[tuple(row[name] for name in attack.names)]] += row["REK"] or 0
    has = attack.names.index("heeft")
    number = np.where([atom[has] == "ja" for atom in attack.atoms], attack.truth, 0.0)
    status: dict[Cell, bool] = {}
    found = []
    for made in editions:
        figures = [cell for table in made.drawn.tables for cell in made.cells[table.name]]
        for (cell, value), figure in zip(attack._list_counts(made), figures, strict=True):
            if figure.measure != "gemiddelde":
                continue
            status[cell] = status.get(cell, False) or value is not None
            mask = attack.mask(cell)
            if value not in (None, "-") and abs(float(str(value)) - mask @ sums / (mask @ number) / 100) > 0.0501:
                found.append(f"wrong mean {cell}: {value}")
    matrix = np.array([attack.mask(cell) for cell, printed in status.items() if printed])
    matrix = matrix.reshape(-1, len(attack.atoms))
    for cell, printed in status.items():
        mask = attack.mask(cell)
        own = float(mask @ number)
        if printed or own == 0 or not (attack._ask(cell)[1] or own < 11):
            continue
        bounds = list(zip(np.zeros(len(number)), 20000 * number, strict=True))
        ends: list[float] = []
        for sense in (1, -1):
            result = linprog(sense * mask, A_eq=matrix, b_eq=matrix @ sums, bounds=bounds)
            ends.append(sense * float(cast(Any, result.fun)) / own)
        mean = float(mask @ sums) / own
        if ends[0] > max(mean - 500, 0.0) + 1e-3 or ends[1] < min(mean + 500, 20000.0) - 1e-3:
            found.append(f"{cell}: {ends[0]:.0f} {mean:.0f} {ends[1]:.0f}")
    return found


def test_means_beside_counts_that_were_printed_before_leave_no_cell_of_the_others_open() -> None:
    random = Random(7)
    pupils = give_scores(random, draw_pupils(random))
    first = make(DrawnPublication((REGION,), (DrawnTable("a", {"regio": "plat"}),), pupils))
    tables = (DrawnTable("b", {"regio": "plat"}, (MEAN,)),)
    second = make(DrawnPublication((REGION, HAS), tables, pupils, name="scores", scores=(SCORE,)), first)
    assert find_known_means([first, second], pupils) == []
    assert audit(second, first) == set()


def test_means_are_not_of_an_edition_without_scores() -> None:
    random = Random(8)
    pupils = [row for row in give_scores(random, draw_pupils(random)) if row["heeft"] == "ja"]
    everybody = DrawnVariable("heeft", {"plat": flat("ja")})
    first = make(DrawnPublication((REGION,), (DrawnTable("a", {"regio": "plat"}),), pupils))
    tables = (DrawnTable("b", {"regio": "plat"}, (MEAN,)),)
    second = make(DrawnPublication((REGION, everybody), tables, pupils, name="scores", scores=(SCORE,)), first)
    means = [cell.value for cell in second.cells["b"] if cell.value is not None]
    assert means
    assert all(90 < float(mean) < 110 for mean in means)
    assert audit(second, first) == set()


def test_a_mean_of_ten_pupils_whose_count_was_printed_is_refused_in_words() -> None:
    model = next(row for row in give_scores(Random(9), draw_pupils(Random(9))) if row["heeft"] == "ja")
    regions = sorted(REGION.trees["plat"]["*"])
    pupils = [
        {**model, "regio": region, "school": f"{region}s{place}", "board": f"{region}b{place}", "pupils": 1}
        for region in regions
        for place in range(10 if region == regions[0] else 20)
    ]
    everybody = DrawnVariable("heeft", {"plat": flat("ja")})
    first = make(DrawnPublication((REGION,), (DrawnTable("a", {"regio": "plat"}),), pupils))
    assert first.value("a", (regions[0],)) == "10"
    tables = (DrawnTable("b", {"regio": "plat"}, (MEAN,)),)
    second = DrawnPublication((REGION, everybody), tables, pupils, name="scores", scores=(SCORE,))
    with pytest.raises(StateRefused, match="cells that were printed before"):
        make(second, first)


# Boards, shares, distributions


def test_schools_that_one_board_took_over_since_an_earlier_edition_count_as_its_schools() -> None:
    pupils = [
        row
        for region, number in (("r1", 60), ("r2", 70), ("r3", 65))
        for sex in "jm"
        for row in spread({"regio": region, "geslacht": sex}, number, 6, 10 * int(region[1]))
    ]
    region = DrawnVariable("regio", {"plat": flat("r1", "r2", "r3")})
    sex = DrawnVariable("geslacht", {"plat": flat("j", "m")})
    first = make(DrawnPublication((sex,), (DrawnTable("a", {"geslacht": "plat"}),), pupils))
    merged = [{**row, "board": "groot" if row["regio"] == "r1" else row["school"]} for row in pupils]
    tables = (DrawnTable("b", {"regio": "plat"}),)
    second = make(DrawnPublication((region, sex), tables, merged, name="regio"), first)
    assert second.value("b", ("r1",)) is None
    assert audit(second, first) == set()


SHARE = Measure(name="aandeel", kind="share", label=text("Aandeel"), numerator={"soort": "sbo"})


@pytest.mark.parametrize("seed", range(3))
def test_shares_pass_the_auditor_and_leave_room_for_their_numerators(seed: int) -> None:
    pupils = draw_pupils(Random(970 + seed))
    tables = (DrawnTable("a", {"regio": "plat"}, (COUNT, SHARE)),)
    first = make(DrawnPublication((REGION, KIND), tables, pupils))
    finer = (DrawnTable("b", {"regio": "plat", "soort": "plat"}), DrawnTable("c", {"regio": "plat", "groep": "plat"}))
    second = make(DrawnPublication((REGION, KIND, GROUP), finer, pupils, name="soorten"), first)
    assert audit(first) == set()
    assert audit(second, first) == set()


@pytest.mark.parametrize("seed", range(4))
def test_a_sensitive_distribution_with_values_that_nobody_has_is_hidden(seed: int) -> None:
    random = Random(950 + seed)
    tree = {"*": ("laag", "hoog"), "laag": ("l1", "l2"), "hoog": ("h1", "h2")}
    weight = DrawnVariable("gewicht", {"boom": tree}, sensitive=True)
    pupils = [
        {**row, "gewicht": random.choices(("l1", "l2", "h1", "h2"), (90, 4, 4, 2))[0]} for row in draw_pupils(random)
    ]
    made = make(DrawnPublication((REGION, weight), (DrawnTable("a", {"regio": "plat", "gewicht": "boom"}),), pupils))
    assert Attack([made], pupils).find_breaches() == []
    assert audit(made) == set()


# Rounding


def round_publication(pupils: Rows, tables: Sequence[DrawnTable], *variables: DrawnVariable) -> DrawnPublication:
    drawn = DrawnPublication(variables, tables, pupils, name="afgerond", method="round")
    return dataclasses.replace(drawn, rules=drawn.rules.model_copy(update={"hide_up_to": 7, "round_to": 5}))


@pytest.mark.parametrize("seed", range(4))
def test_rounded_tables_pass_the_auditor(seed: int) -> None:
    pupils = draw_pupils(Random(600 + seed))
    made = make(round_publication(pupils, (DrawnTable("a", {"regio": "provincie", "groep": "plat"}),), REGION, GROUP))
    assert audit(made) == set()


def test_a_rounded_edition_beside_an_exact_one_that_gives_its_hidden_cells_away_is_refused() -> None:
    pupils = [
        row
        for region, (boys, girls) in {"r1": (5, 91), "r2": (80, 85), "r3": (60, 61)}.items()
        for row in [
            *spread({"regio": region, "geslacht": "j"}, boys),
            *spread({"regio": region, "geslacht": "m"}, girls),
        ]
    ]
    region = DrawnVariable("regio", {"plat": flat("r1", "r2", "r3")})
    sex = DrawnVariable("geslacht", {"plat": flat("j", "m")})
    table = DrawnTable("a", {"regio": "plat", "geslacht": "plat"})
    exact = make(DrawnPublication((region, sex), (table,), pupils))
    assert exact.value("a", ("r1", "j")) is None
    rounded = make(round_publication(pupils, (table,), region, sex), exact)
    assert "TABLE_OUTSIDER" in audit(rounded, exact)


def test_finer_rounded_cells_that_give_the_only_school_of_an_exact_table_away_are_found() -> None:
    region = DrawnVariable("regio", {"plat": flat("r1", "r2", "r3")})
    sex = DrawnVariable("geslacht", {"plat": flat("j", "m")})
    pupils = [
        row
        for number, code in ((200, "j"), (201, "m"))
        for row in [
            {"regio": "r1", "geslacht": code, "school": "s1", "pupils": 200},
            *spread({"regio": "r1", "geslacht": code}, 12, 4, 50),
            *spread({"regio": "r2", "geslacht": code}, number, 6, 10),
            *spread({"regio": "r3", "geslacht": code}, number, 6, 20),
        ]
    ]
    exact = make(DrawnPublication((region, sex), (DrawnTable("a", {"regio": "plat"}),), pupils))
    assert exact.value("a", ("r1",)) is None
    table = DrawnTable("a", {"regio": "plat", "geslacht": "plat"})
    rounded = make(round_publication(pupils, (table,), region, sex))
    given = AuditInput(rounded.audit_edition, (exact.audit_edition,), LOOSE)
    cells = {case.cell for finding in audit_tables(given).findings for case in finding.cases}
    assert "regio=r1" in cells
