"""The analyst's command with a sensitive column: separate populations, values shown per class or not at all."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cohort.foundation.errors import ConfigurationRefused, NotAnonymous
from cohort.sdc.cli.command_line import run_recoding_command

Row = tuple[str, ...]


class SensitiveFile:
    """A plain file with two quasi-identifiers, a school and a sensitive column, and the command run on it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        (folder / "h").mkdir()
        (folder / "h" / "sekse.csv").write_text("j;*\nm;*\n", encoding="utf-8")
        (folder / "h" / "groep.csv").write_text("3;3-4;*\n4;3-4;*\n5;5-6;*\n6;5-6;*\n", encoding="utf-8")

    def run(self, rows: Sequence[Row], *options: str, kind: str = "local") -> dict[str, Any]:
        """The document, with the exit code, the released rows and the class of every record."""
        data, out, trace = (self.folder / name for name in ("data.csv", "out.csv", "trace.csv"))
        out.unlink(missing_ok=True)
        lines = ["sekse;groep;brin;waarde", *(";".join(row) for row in rows)]
        data.write_bytes(("\n".join(lines) + "\n").encode())
        path_options = ["--data", data, "--hierarchies", self.folder / "h", "--out", out, "--trace", trace]
        fixed_options = ["--columns", "sekse,groep", "--k", "10", "--sensitive", "waarde", "--recoding", kind]
        code = run_recoding_command([str(part) for part in (*path_options, *fixed_options, *options)])
        document = json.loads(self.capsys.readouterr().out)
        shown = out.read_text(encoding="utf-8").splitlines()[1:] if out.exists() else []
        classes = trace.read_text(encoding="utf-8").splitlines()[1:] if trace.exists() else []
        rows_shown = [tuple(line.split(";")) for line in shown]
        return {**document, "code": code, "shown": rows_shown, "classes": classes}


@pytest.fixture
def sensitive_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> SensitiveFile:
    return SensitiveFile(tmp_path, capsys)


def cohort(values: Sequence[str], number: int = 800, seed: int = 1) -> list[Row]:
    """Pupils of twenty schools whose value is drawn from those given."""
    draw = random.Random(seed)
    return [
        (draw.choice("jm"), draw.choice("3456"), f"{draw.randrange(20):02d}SC", draw.choice(values))
        for _ in range(number)
    ]


def with_one_value(seed: int = 1) -> list[Row]:
    """Boys of group 3 all have the same value."""
    return [(s, g, b, "pro" if (s, g) == ("j", "3") else v) for s, g, b, v in cohort("abcd", seed=seed)]


def by_class(shown: Sequence[Row]) -> dict[Row, Counter[str]]:
    classes: dict[Row, Counter[str]] = {}
    for *labels, value in shown:
        classes.setdefault(tuple(labels), Counter())[value] += 1
    return classes


@pytest.mark.parametrize("kind", ["local", "global"])
def test_pupils_with_a_value_and_without_satisfy_k_separately(sensitive_file: SensitiveFile, kind: str) -> None:
    """A third has a value; nobody without one is in their classes."""
    outcome = sensitive_file.run(cohort(["a", "b", "c", "", "", "", "", "", ""]), "--l", "3", kind=kind)
    assert outcome["code"] == 0
    for values in by_class(outcome["shown"]).values():
        with_value = values.total() - values["onbekend"]
        assert with_value == 0 or (with_value >= 10 and len(values) >= 3)
        assert values["onbekend"] == 0 or values["onbekend"] >= 10
    assert outcome["sensitive"]["known"] == outcome["sensitive"]["shown"] + outcome["sensitive"]["blanked"]
    assert outcome["sensitive"]["smallest_class"] >= 10


@pytest.mark.parametrize("kind", ["local", "global"])
def test_permuting_the_sensitive_column_changes_no_class(sensitive_file: SensitiveFile, kind: str) -> None:
    rows = cohort("aaabcd")
    values = [row[3] for row in rows]
    first = sensitive_file.run(rows, "--largest-value", "0.7", kind=kind)
    random.Random(7).shuffle(values)
    permuted = [(*row[:3], value) for row, value in zip(rows, values, strict=True)]
    again = sensitive_file.run(permuted, "--largest-value", "0.7", kind=kind)
    assert first["code"] == again["code"] == 0
    assert first["classes"] == again["classes"]


def test_a_class_of_one_value_is_blanked_with_covers(sensitive_file: SensitiveFile) -> None:
    outcome = sensitive_file.run(with_one_value(), "--l", "3")
    classes = by_class(outcome["shown"])
    assert set(classes["j", "3"]) == {"onbekend"}
    shown = {labels: values for labels, values in classes.items() if set(values) != {"onbekend"}}
    assert len(classes) - len(shown) >= 2, "a blanked class alone would tell that it broke a rule"
    assert all(len(values) >= 3 and "onbekend" not in values for values in shown.values())
    assert outcome["sensitive"]["covers"] >= 10


def test_covers_are_drawn_anew_in_every_run(sensitive_file: SensitiveFile) -> None:
    drawn = {
        frozenset(
            labels
            for labels, values in by_class(sensitive_file.run(with_one_value(), "--l", "3")["shown"]).items()
            if set(values) == {"onbekend"}
        )
        for _ in range(12)
    }
    assert len(drawn) > 1


@pytest.mark.parametrize(("rule", "value"), [("--l", "2"), ("--largest-value", "0.9"), ("--entropy-l", "1.3")])
def test_a_sensitive_column_with_few_values_is_refused(sensitive_file: SensitiveFile, rule: str, value: str) -> None:
    """Nine `onbekend` and one pupil with a value must not pass as diverse."""
    rows = [("j", "3", "01SC", "")] * 9 + [("j", "3", "02SC", "50-69")]
    outcome = sensitive_file.run(rows * 19, rule, value)
    assert outcome["code"] == NotAnonymous.exit_code
    assert "200 pupils with a value" in outcome["refused"][0]
    assert outcome["shown"] == []


@pytest.mark.parametrize("blank", ["", "onbekend", "Onbekend ", " "])
def test_spellings_of_onbekend_are_no_value(sensitive_file: SensitiveFile, blank: str) -> None:
    rows = cohort(["a", "b", "c", blank])
    outcome = sensitive_file.run(rows, "--l", "3", "--least-known", "100")
    assert outcome["code"] == 0
    assert outcome["sensitive"]["known"] == sum(row[3] != blank for row in rows)


def test_missing_values_do_not_make_a_class_diverse(sensitive_file: SensitiveFile) -> None:
    """All pupils with a value have the same one: no class could show it."""
    outcome = sensitive_file.run(cohort(["havo", "havo", "havo", ""]), "--l", "2")
    assert outcome["code"] == NotAnonymous.exit_code
    assert "classes whose sensitive values may be shown" in outcome["refused"][0]


@pytest.mark.parametrize(
    "spellings",
    [
        ("havo", "HAVO"),
        ("havo", "havo "),
        ("havo", " havo"),
        ("vmbo t", "vmbo  t"),
        ("havo", "havo\u00a0"),
        ("havo", "\uff48avo"),
        ("caf\u00e9", "cafe\u0301"),
        ("havo", "Havo"),
        ("stra\u00dfe", "STRASSE"),
    ],
)
def test_spellings_of_one_value_are_refused(sensitive_file: SensitiveFile, spellings: tuple[str, str]) -> None:
    outcome = sensitive_file.run(cohort([*spellings, "vwo", "pro"]), "--l", "2")
    assert outcome["code"] == ConfigurationRefused.exit_code
    assert "one spelling for each sensitive value" in outcome["refused"][0]


def test_with_a_hierarchy_only_its_leaves_are_values(sensitive_file: SensitiveFile) -> None:
    (sensitive_file.folder / "h" / "waarde.csv").write_text("a;*\nb;*\nc;*\n", encoding="utf-8")
    assert sensitive_file.run(cohort("abc"), "--l", "3")["code"] == 0
    outcome = sensitive_file.run(cohort("abcA"), "--l", "3")
    assert outcome["code"] == NotAnonymous.exit_code
    assert "only values of the hierarchy" in outcome["refused"][0]


def test_a_class_shows_several_values_without_any_one_school(sensitive_file: SensitiveFile) -> None:
    """In one class all pupils with `a` are of one school, and all others have `b`."""
    rows = [
        (s, g, "00SC" if v in "ac" else "01SC", v if v in "ac" else "b") if (s, g) == ("j", "3") else row
        for row in cohort("abcd")
        for s, g, b, v in [row]
    ]
    shown = by_class(sensitive_file.run(rows, "--l", "2", "--schools", "brin", "--m", "2")["shown"])
    assert set(shown["j", "3"]) == {"onbekend"}
    assert any(len(values) > 1 for values in shown.values())


def test_search_facts_disclose_no_counts_of_pupils_with_a_value(sensitive_file: SensitiveFile) -> None:
    """The public record contains them, and must not disclose how many pupils consented."""
    few, many = (
        sensitive_file.run(cohort(["a", "b", "c", *[""] * times]), "--l", "3", "--least-known", "1", kind="global")
        for times in (1, 3)
    )
    assert few["search"].keys() == {"populations"}
    assert few["search"]["populations"].keys() == many["search"]["populations"].keys()
    assert all(one.keys() == {"levels"} for one in few["search"]["populations"].values())
