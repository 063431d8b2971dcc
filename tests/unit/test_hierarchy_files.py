"""Hierarchy files as ARX, Excel and similar programs write them: the engine and the verifier read the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.verification.hierarchy_reader import read_hierarchy_paths_of_file

PLAIN = "nl;in Nederland;*\nfy;in Nederland;*\noverig;elders;*\n"
ROWS = [("nl", "in Nederland", "*"), ("fy", "in Nederland", "*"), ("overig", "elders", "*")]
UNKNOWN = ("onbekend", "onbekend", "*")
MARK = "\ufeff"


def write(folder: Path, content: str | bytes) -> Path:
    file = folder / "thuistaal.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def read(file: Path, *, with_unknown: bool = True) -> Hierarchy:
    return Hierarchy.from_file(file, "thuistaal", with_unknown=with_unknown)


def rows(hierarchy: Hierarchy) -> list[tuple[str, ...]]:
    return list(zip(*hierarchy.labels, strict=True))


SAME = {
    "as it is": PLAIN,
    "a byte order mark": MARK + PLAIN,
    "two byte order marks": MARK + MARK + PLAIN,
    "a mark on every line, as of files put together": "".join(MARK + line for line in PLAIN.splitlines(True)),
    "CRLF": PLAIN.replace("\n", "\r\n"),
    "CR": PLAIN.replace("\n", "\r"),
    "no end of the last line": PLAIN.rstrip("\n"),
    "blank lines": "\n" + PLAIN.replace("fy;", "\n\nfy;") + "\n\r\n\n",
    "lines of delimiters alone, as Excel leaves them": PLAIN + ";;\n;;\n",
    "a delimiter at the end of every line": PLAIN.replace("*\n", "*;\n"),
    "quotes": '"' + PLAIN.replace(";", '";"').replace("\n", '"\n"').removesuffix('"'),
    "some quotes": PLAIN.replace("in Nederland", '"in Nederland"'),
    "commas": PLAIN.replace(";", ","),
    "tabs": PLAIN.replace(";", "\t"),
    "upright bars": PLAIN.replace(";", "|"),
    "Excel's line that names the delimiter": "sep=;\r\n" + PLAIN,
    "Excel's line that names a tab": "sep=\t\r\n" + PLAIN.replace(";", "\t"),
    "UTF-16, little end first": (MARK + PLAIN).encode("utf-16-le"),
    "UTF-16, big end first": (MARK + PLAIN).encode("utf-16-be"),
}


@pytest.mark.parametrize("content", SAME.values(), ids=SAME.keys())
def test_every_way_of_writing_gives_the_same_hierarchy(tmp_path: Path, content: str | bytes) -> None:
    file = write(tmp_path, content)
    assert rows(read(file)) == [*ROWS, UNKNOWN]
    assert list(read_hierarchy_paths_of_file(file).paths) == [*ROWS, UNKNOWN]


LABELS = {
    "a comma in a leaf": ("0,3;wel;*\n0;geen;*\n", [("0,3", "wel", "*"), ("0", "geen", "*")]),
    "more commas than semicolons": ("0,3;0,2 of 0,3, of 1,2\n", [("0,3", "0,2 of 0,3, of 1,2")]),
    "a comma in quotes": ('"0,3","wel"\n', [("0,3", "wel")]),
    "a semicolon in quotes": ('"a;b";"x"\n', [("a;b", "x")]),
    "quotes in quotes": ('"een ""x""";y\n', [('een "x"', "y")]),
    "decimals alone": ("0,3\n1,2\n", [("0,3",), ("1,2",)]),
    "one value": ("ja\n", [("ja",)]),
    "another script": ("Fryslân;noord\nČeština;oost\n", [("Fryslân", "noord"), ("Čeština", "oost")]),
}


@pytest.mark.parametrize(("content", "drawn"), LABELS.values(), ids=LABELS.keys())
def test_labels_are_the_text_between_the_delimiters(tmp_path: Path, content: str, drawn: list[tuple[str, ...]]) -> None:
    file = write(tmp_path, content)
    assert rows(read(file, with_unknown=False)) == drawn
    assert list(read_hierarchy_paths_of_file(file).paths)[: len(drawn)] == drawn


NOT_KNOWN = {
    "ARX's row of missing values": (";onbekend;*", [("onbekend", "onbekend", "*")], []),
    "with a label of its own": (";geen opgave;*", [("onbekend", "geen opgave", "*")], []),
    "with nothing until the top": (";;*", [("onbekend", "onbekend", "*")], []),
    "in quotes": ('"";"onbekend";"*"', [("onbekend", "onbekend", "*")], []),
    "by its name": ("onbekend;geen opgave;*", [("onbekend", "geen opgave", "*")], []),
    "in capitals": ("Onbekend;ONBEKEND;*", [("onbekend", "onbekend", "*")], []),
    "as the label of a code": ("?;onbekend;*", [("onbekend", "onbekend", "*")], ["?"]),
    "of two codes": ("?;onbekend;*\n9;onbekend;*", [("onbekend", "onbekend", "*")], ["?", "9"]),
    "of a code and the empty cell": ("?;onbekend;*\n;onbekend;*", [("onbekend", "onbekend", "*")], ["?"]),
    "of the empty cell and a code": (";onbekend;*\n?;onbekend;*", [("onbekend", "onbekend", "*")], ["?"]),
}


@pytest.mark.parametrize(("more", "drawn", "joined"), NOT_KNOWN.values(), ids=NOT_KNOWN.keys())
def test_onbekend_has_one_meaning(tmp_path: Path, more: str, drawn: list[tuple[str, ...]], joined: list[str]) -> None:
    file = write(tmp_path, PLAIN + more + "\n")
    for hierarchy in (read(file), read(file, with_unknown=False)):
        assert set(rows(hierarchy)) == {*ROWS, *drawn}
        assert {value: hierarchy.leaves[place] for value, place in hierarchy.leaf_numbers.items()} == {
            **{leaf: leaf for leaf in hierarchy.leaves},
            **dict.fromkeys(joined, "onbekend"),
        }
    ladder = read_hierarchy_paths_of_file(file)
    assert set(ladder.paths) == {*ROWS, *drawn}
    assert {value: ladder.leaves[place] for value, place in ladder.leaf_positions.items()} == {
        **{leaf: leaf for leaf in ladder.leaves},
        **dict.fromkeys(joined, "onbekend"),
    }


REFUSED = {
    "two rows for what is not known": (PLAIN + ";onbekend;*\nonbekend;geen;*\n", "lines 4 and 5"),
    "onbekend for groups of values": ("?;a;onbekend;*\n9;b;onbekend;*\nnl;nl;nl;*\n", "line 1"),
    "onbekend for everything": ("nl;onbekend\nfy;onbekend\n", "every line"),
    "a value twice": (PLAIN + "\nnl;elders;*\n", r"twice \(lines 1 and 5\)"),
    "a shorter row": (PLAIN + "\nfr;*\n", "found 2 in .*line 5"),
    "a row with another delimiter": (PLAIN + "fr,elders,*\n", "found 1 in .*line 4"),
    "an empty label": (PLAIN + "fr;;*\n", "an empty one in .*line 4"),
    "a label of blanks": (PLAIN + "fr; ;*\n", "an empty one in .*line 4"),
    "a header": ("thuistaal;level-1;level-2\n" + PLAIN, "a header in .*line 1"),
    "a mark inside a label": (PLAIN + f"f{MARK}r;elders;*\n", "invisible character in a label in .*line 4"),
    "a joiner behind a label": (PLAIN + "fr\u200b;elders;*\n", "invisible character in a label in .*line 4"),
    "a line end in a label": (PLAIN + 'fr;"else\nwhere";*\n', "invisible character in a label in .*line 4"),
    "a quote that is not closed": (PLAIN + '"fr;elders;*\n', r"a quote .*\(line 4\)"),
    "windows-1252": (PLAIN.encode() + "Fryslân;elders;*\n".encode("cp1252"), "no UTF-8 in line 4"),
    "MacRoman": ("é;é;*\r".encode("mac_roman"), "no UTF-8 in line 1"),
    "windows-1252 behind CRs": (b"nl;*\rfy;*\r\xe9;*\r", "no UTF-8 in line 3"),
    "a binary file": (b"PK\x03\x04\0\0\0", "characters that no text has"),
}


@pytest.mark.parametrize(("content", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_refusals_name_the_line(tmp_path: Path, content: str | bytes, told: str) -> None:
    with pytest.raises(ConfigurationRefused, match=told):
        read(write(tmp_path, content))


def test_all_wrong_lines_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationRefused) as refusal:
        read(write(tmp_path, PLAIN + "fr;*\nde;;*\nnl;elders;*\n"))
    assert [problem.split("line ")[-1].split(".")[0] for problem in refusal.value.problems] == ["4", "5", "6"]
