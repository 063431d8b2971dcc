"""Plain files are read as they are written; other files are refused without quoting a value."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort.foundation.errors import ConfigurationRefused, NotAnonymous, Refusal
from cohort.sdc.cli import released_records
from cohort.sdc.cli.band_bounds import ReleasedColumns
from cohort.sdc.cli.plain_files import ColumnCells, PlainFile, read_plain_file

SECRET = "900123456"


def drawn(folder: Path, text: str | bytes) -> Path:
    file = folder / "leerlingen.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def cells(column: ColumnCells) -> list[str | None]:
    """What each record has, in the order of the file."""
    return [column.values[place] if place >= 0 else None for place in column.places]


def columns_of(file: PlainFile) -> dict[str, list[str | None]]:
    return {name: cells(column) for name, column in file.columns.items()}


class TestText:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a;b\n1;2\n3;4\n", [("1", "2"), ("3", "4")]),
            ("a,b\n1,2\n3,4\n", [("1", "2"), ("3", "4")]),
            ("a,b\n1;1,2\n", [("1;1", "2")]),
            ("a;b\n1,5;2\n", [("1,5", "2")]),
            ("\ufeffa;b\r\n1;2\r\n", [("1", "2")]),
            ("\ufeff\ufeffa;b\r\n1;2\r\n\ufeff3;4", [("1", "2"), ("3", "4")]),
            ("sep=;\na;b\n1;2\n", [("1", "2")]),
            ("\na;b\n\n1;2\n", [("1", "2")]),
            ('a;b\n"1\r\n1";2\n', [("1\r\n1", "2")]),
            ('"a";"b"\n"1;1";"say ""ja"""\n', [("1;1", 'say "ja"')]),
            ('a;b\n"1\n1";2\n', [("1\n1", "2")]),
            ('a;b\n;2\n"";3\n', [(None, "2"), (None, "3")]),
            ("a;b\n 1;2 \n", [(" 1", "2 ")]),
            ("a;b\nNA;null\n", [("NA", "null")]),
            ("a;b\n01;1.0\n", [("01", "1.0")]),
            ("b;x;a\n2;x;1\n", [("1", "2")]),
            ("a;b\n1;2\n\n", [("1", "2")]),
            ("a;b\n1;2", [("1", "2")]),
            ("a;b\r1;2\r3;4\r", [("1", "2"), ("3", "4")]),
            ("a;b\n\u00e9\u00e9n;\u4e8c\n", [("\u00e9\u00e9n", "\u4e8c")]),
        ],
    )
    def test_reads_every_record_of_a_text(
        self, tmp_path: Path, text: str, expected: list[tuple[str | None, str]]
    ) -> None:
        file = read_plain_file(drawn(tmp_path, text), ["a", "b"])
        a, b = zip(*expected, strict=True)
        assert columns_of(file) == {"a": list(a), "b": list(b)}
        assert file.records == len(expected)

    @pytest.mark.parametrize(
        ("text", "delimiter"), [("a;b\n1;2\n", ";"), ("a,b\n1,2\n", ","), ("a\n1\n", ";"), ('a,"x;y;z"\n1,2\n', ",")]
    )
    def test_detects_the_delimiter(self, tmp_path: Path, text: str, delimiter: str) -> None:
        assert read_plain_file(drawn(tmp_path, text), ["a"]).delimiter == delimiter

    def test_an_empty_line_of_a_single_column_is_an_empty_cell(self, tmp_path: Path) -> None:
        assert columns_of(read_plain_file(drawn(tmp_path, "a\n1\n\n2\n"), ["a"])) == {"a": ["1", None, "2"]}

    def test_reads_only_the_named_columns(self, tmp_path: Path) -> None:
        file = read_plain_file(drawn(tmp_path, b"a;naam;b\n1;\xff\xfe;3\n"), ["b"])

        assert columns_of(file) == {"b": ["3"]}

    def test_columns_are_dictionary_encoded(self, tmp_path: Path) -> None:
        column = read_plain_file(drawn(tmp_path, "a;b\nm;1\n;1\nj;1\nm;1\n"), ["a"]).columns["a"]

        assert (column.values, column.places.tolist(), column.empty) == (("m", "j"), [0, -1, 1, 0], 1)

    @given(
        rows=st.lists(
            st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters="\x00;,\ufeff"), max_size=6)] * 2),
            min_size=1,
            max_size=30,
        ),
        delimiter=st.sampled_from(";,"),
    )
    def test_reads_whatever_a_csv_writer_quotes(
        self, tmp_path: Path, rows: list[tuple[str, str]], delimiter: str
    ) -> None:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows([("a", "b"), *rows])

        file = read_plain_file(drawn(tmp_path, text.getvalue()), ["a", "b"])

        assert columns_of(file) == {name: [row[place] or None for row in rows] for place, name in enumerate("ab")}


class TestParquet:
    @pytest.mark.parametrize(
        ("column", "expected"),
        [
            (["m", None, ""], ["m", None, None]),
            (pa.array(["m", "j", "m"]).dictionary_encode(), ["m", "j", "m"]),
            ([2012, None, 2013], ["2012", None, "2013"]),
            ([2012.0, None, 2013.0], ["2012", None, "2013"]),
            ([1.5, 2.0, None], ["1.5", "2", None]),
            ([True, False, None], ["true", "false", None]),
        ],
    )
    def test_values_are_read_as_text(self, tmp_path: Path, column: Any, expected: list[str | None]) -> None:
        path = tmp_path / "leerlingen.parquet"
        pq.write_table(pa.table({"a": column, "naam": [SECRET] * 3}), path, row_group_size=2)

        assert columns_of(read_plain_file(path, ["a"])) == {"a": expected}

    def test_a_category_without_records_is_left_out(self, tmp_path: Path) -> None:
        path = tmp_path / "leerlingen.parquet"
        column = pa.DictionaryArray.from_arrays(pa.array([2, 2]), pa.array(["j", "", "m"]))
        pq.write_table(pa.table({"a": column}), path)

        assert read_plain_file(path, ["a"]).columns["a"].values == ("m",)


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "names", "kind", "sentence"),
        [
            (None, ["a"], ConfigurationRefused, "cannot be read (FileNotFoundError)"),
            ("", ["a"], ConfigurationRefused, "cannot be read"),
            (b"\xff\xfea\x00;\x00", ["a"], ConfigurationRefused, "characters that no text has (line 1)"),
            (f"a;b\n{SECRET};\udcff\n".encode("utf-8", "surrogateescape"), ["b"], ConfigurationRefused, "cannot"),
            ("a;b\n1;2\n3\n4;5;6\n", ["a"], ConfigurationRefused, "another number in 2 rows (line 3, 4)"),
            (f'a;b\n"{SECRET};2\n', ["a"], ConfigurationRefused, "one that is not closed (line 2)"),
            (f'a;b\n1;"{SECRET}\n1;2\n1;x"\n', ["a"], ConfigurationRefused, "several records, which make one"),
            (f'a;b\n1;"{SECRET}"x\n', ["a"], ConfigurationRefused, "a quote in the middle of a field"),
            ("a;b\n1;2\na;b\n3;4\n", ["a"], ConfigurationRefused, "the header once more"),
            ("a;b\n1;2\n\ufeffa;b\n3;4\n", ["a"], ConfigurationRefused, "Take the second header away"),
            ("geslacht;b\n1;2\n", ["geslagt"], ConfigurationRefused, "Write `geslacht` if that is meant"),
            ("A;b\n1;2\n", ["a"], ConfigurationRefused, "Write `A` if that is meant"),
            ("a;b\n1;2\n", ["thuistaal"], ConfigurationRefused, "Name one of `a`, `b`."),
            ("a;b;a\n1;2;3\n", ["a"], ConfigurationRefused, "it several times"),
            ("a;b\n", ["a"], NotAnonymous, "records under the header"),
            ("a;b", ["a"], NotAnonymous, "records under the header"),
            ("a;b\n\n\n", ["a"], NotAnonymous, "records under the header"),
        ],
    )
    def test_reports_each_problem_in_one_sentence_without_a_value(
        self, tmp_path: Path, text: str | bytes | None, names: list[str], kind: type[Refusal], sentence: str
    ) -> None:
        path = tmp_path / "leerlingen.csv" if text is None else drawn(tmp_path, text)

        with pytest.raises(kind) as refusal:
            read_plain_file(path, names)

        assert len(refusal.value.problems) == 1
        assert sentence in str(refusal.value)
        assert SECRET not in str(refusal.value)

    def test_names_all_unknown_columns_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationRefused) as refusal:
            read_plain_file(drawn(tmp_path, "a;b\n1;2\n"), ["a", "c", "d"])

        assert len(refusal.value.problems) == 2

    @pytest.mark.parametrize("column", [[[1], [2]], [{"x": 1}, {"x": 2}]])
    def test_a_column_of_lists_is_refused(self, tmp_path: Path, column: Any) -> None:
        pq.write_table(pa.table({"a": column}), tmp_path / "a.parquet")

        with pytest.raises(ConfigurationRefused, match="cannot be read"):
            read_plain_file(tmp_path / "a.parquet", ["a"])

    def test_a_text_with_a_parquet_name_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.parquet").write_text(f"a\n{SECRET}\n")

        with pytest.raises(ConfigurationRefused, match="cannot be read") as refusal:
            read_plain_file(tmp_path / "a.parquet", ["a"])

        assert SECRET not in str(refusal.value)


class TestReleasedRecords:
    NAMES = ("a", "b")
    ROWS = (("1", "x;y"), ("2", 'say "ja"'), ("3", "z"))
    COUNTS = (2, 1, 3)

    def test_each_row_is_written_as_often_as_it_counts(self, tmp_path: Path) -> None:
        released_records.write_released_records(
            tmp_path / "r.csv", ReleasedColumns(self.NAMES), self.ROWS, self.COUNTS, ";"
        )

        assert (tmp_path / "r.csv").read_text(encoding="utf-8").splitlines() == [
            "a;b",
            '1;"x;y"',
            '1;"x;y"',
            '2;"say ""ja"""',
            "3;z",
            "3;z",
            "3;z",
        ]

    @pytest.mark.parametrize("name", ["r.csv", "r.parquet"])
    def test_written_records_read_back_equal(self, tmp_path: Path, name: str) -> None:
        released_records.write_released_records(
            tmp_path / name, ReleasedColumns(self.NAMES), self.ROWS, self.COUNTS, ","
        )

        columns = columns_of(read_plain_file(tmp_path / name, self.NAMES))
        rows = [row for row, count in zip(self.ROWS, self.COUNTS, strict=True) for _ in range(count)]
        assert list(zip(columns["a"], columns["b"], strict=True)) == rows
        assert [file.name for file in tmp_path.iterdir()] == [name]

    def test_a_parquet_file_has_no_metadata_besides_its_columns(self, tmp_path: Path) -> None:
        released_records.write_released_records(
            tmp_path / "r.parquet", ReleasedColumns(self.NAMES), self.ROWS, self.COUNTS, ";"
        )

        schema = pq.read_schema(tmp_path / "r.parquet")
        assert (schema.names, schema.metadata) == (["a", "b"], None)

    def test_a_failed_write_leaves_the_earlier_file(self, tmp_path: Path) -> None:
        path = tmp_path / "r.csv"
        path.write_text("before")

        with pytest.raises(ValueError, match="argument 2"):
            released_records.write_released_records(path, ReleasedColumns(self.NAMES), self.ROWS, self.COUNTS[:2], ";")

        assert (path.read_text(), [file.name for file in tmp_path.iterdir()]) == ("before", ["r.csv"])

    @pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
    def test_a_trace_has_the_class_of_every_record(self, tmp_path: Path, name: str) -> None:
        released_records.write_class_trace(tmp_path / name, np.array([1, -1, 0]), ";")

        columns = columns_of(read_plain_file(tmp_path / name, ["row", "class"]))
        assert columns == {"row": ["1", "2", "3"], "class": ["1", None, "0"]}
