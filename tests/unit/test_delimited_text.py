"""The reader of delimited text: every byte is read and lines and records agree, or the text is refused."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort.foundation import delimited_text
from cohort.foundation.delimited_text import (
    BYTE_ORDER_MARK,
    UnreadableText,
    decode_text,
    detect_delimiter,
    normalise_line_ends,
    open_delimited_text,
)

SECRET = "900123456"
BLOCK = io.DEFAULT_BUFFER_SIZE


def read(content: str | bytes, **options: object) -> list[tuple[int, list[str]]]:
    source = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    return [(record.first_line, record.fields) for record in open_delimited_text(source, **options).records]  # type: ignore[arg-type]


class TestRecords:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a;b\n1;2\n", [(1, ["a", "b"]), (2, ["1", "2"])]),
            ("a;b\r\n1;2\r\n", [(1, ["a", "b"]), (2, ["1", "2"])]),
            ("a;b\r1;2\r", [(1, ["a", "b"]), (2, ["1", "2"])]),
            ("a;b\n1;2", [(1, ["a", "b"]), (2, ["1", "2"])]),
            (BYTE_ORDER_MARK + "a;b\n1;2", [(1, ["a", "b"]), (2, ["1", "2"])]),
            (BYTE_ORDER_MARK * 2 + "a;b\n1;2", [(1, ["a", "b"]), (2, ["1", "2"])]),
            (BYTE_ORDER_MARK + '"a";b\n1;2', [(1, ["a", "b"]), (2, ["1", "2"])]),
            ("a;b\n" + BYTE_ORDER_MARK + "1;2", [(1, ["a", "b"]), (2, ["1", "2"])]),
            ("sep=;\na;b\n1;2", [(2, ["a", "b"]), (3, ["1", "2"])]),
            (BYTE_ORDER_MARK + "sep=;\r\na;b\r\n1;2", [(2, ["a", "b"]), (3, ["1", "2"])]),
            ('"sep=;"\na;b\n1;2', [(2, ["a", "b"]), (3, ["1", "2"])]),
            ("\n\na;b\n1;2", [(3, ["a", "b"]), (4, ["1", "2"])]),
            ("a;b\n\n1;2\n", [(1, ["a", "b"]), (2, []), (3, ["1", "2"])]),
            ('a;b\n"1\n1";2\n3;4', [(1, ["a", "b"]), (2, ["1\n1", "2"]), (4, ["3", "4"])]),
            ('a;b\n"1\r\n1";2\n3;4', [(1, ["a", "b"]), (2, ["1\r\n1", "2"]), (4, ["3", "4"])]),
            ('a;b\n"1\r1";2\n3;4', [(1, ["a", "b"]), (2, ["1\r1", "2"]), (4, ["3", "4"])]),
            ('a;b\n"say ""ja""";"1;1"', [(1, ["a", "b"]), (2, ['say "ja"', "1;1"])]),
            ('a;b\nca. 5";2', [(1, ["a", "b"]), (2, ['ca. 5"', "2"])]),
            ("a;b\n1\x0b1;2\x85\u2028", [(1, ["a", "b"]), (2, ["1\x0b1", "2\x85\u2028"])]),
            ("", []),
            ("\n\r\n", []),
            ("sep=;\n", []),
        ],
    )
    def test_a_record_has_the_number_of_its_first_line(self, text: str, expected: list[tuple[int, list[str]]]) -> None:
        assert read(text) == expected

    @pytest.mark.parametrize(
        ("text", "delimiter"),
        [
            ("a;b\n", ";"),
            ("a,b\n", ","),
            ("a\n", ";"),
            ('a,"x;y;z"\n', ","),
            ('"a;b";c,d;e\n', ";"),
            ("sep=,\na;b;c,d\n", ","),
            ("sep=\t\na;b\n", ";"),
        ],
    )
    def test_the_header_tells_the_delimiter_or_excels_line_does(self, text: str, delimiter: str) -> None:
        assert open_delimited_text(io.BytesIO(text.encode())).delimiter == delimiter
        if not text.startswith("sep"):
            assert detect_delimiter(text) == delimiter

    @pytest.mark.parametrize("ahead", range(-4, 5))
    @pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
    def test_no_byte_is_lost_at_the_edge_of_a_buffer(self, ahead: int, end: str) -> None:
        """Case 34: `"pro<CR>` and `<LF>vso"` on the two sides of a block are one value."""
        for edge in (BLOCK, 2 * BLOCK, 1 << 16):
            before = "a;b\r\n1;"
            filler = "x" * (edge + ahead - len(before) - len('\r\n2;"pro'))
            text = f'{before}{filler}\r\n2;"pro{end}vso{BYTE_ORDER_MARK}é"\r\n'
            assert read(text)[1:] == [(2, ["1", filler]), (3, ["2", f"pro{end}vso{BYTE_ORDER_MARK}é"])]

    @given(
        rows=st.lists(
            st.lists(
                st.text(st.characters(codec="utf-8", exclude_characters="\x00;\ufeff"), min_size=1, max_size=6),
                min_size=2,
                max_size=4,
            ),
            min_size=1,
            max_size=20,
        ),
        end=st.sampled_from(["\r\n", "\n", "\r"]),
    )
    def test_reads_what_a_csv_writer_wrote(self, rows: list[list[str]], end: str) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator=end).writerows([["kop", "kop"], *rows])

        assert [fields for _, fields in read(text.getvalue(), header=False)][1:] == rows


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "fault", "lines"),
        [
            (f'a;b;c\n1;2;"{SECRET}\n1;2;3\n1;2;x"\n', "SWALLOWED", (2, 3, 4)),  # case 10
            ('a;b;c\n1;2;3\n1;"2;3\n1;2";3\n', "SWALLOWED", (3, 4)),
            ('a;b;c\n"1;2;3\n1;2;3\n1";2;3\n', "SWALLOWED", (2, 3, 4)),
            ('a;b;c\n1;"2;3\n1;2;3\n1;2;3"\n', "SWALLOWED", (2, 3, 4)),
            ('a;b;c\r1;2;"3\r1;2;3"\r', "SWALLOWED", (2, 3)),
            ('a;b;c\r\n1;2;"3\r\n1;2;3"\r\n', "SWALLOWED", (2, 3)),
            ('a\n"1\n2"\n', "SWALLOWED", (2, 3)),
            (f'a;b\n1;2\n3;"{SECRET}\n', "QUOTE", (3,)),
            ('a;b\n1;2\n3;"4"x\n', "QUOTE", (3,)),
            ('a;b\n1;"2\n3;4"x\n5;6\n', "QUOTE", (2,)),
            ("a;b\n1;2\na;b\n3;4\n", "HEADER_REPEATED", (3,)),
            (f"a;b\n1;2\n{BYTE_ORDER_MARK}a;b\n3;4\n", "HEADER_REPEATED", (3,)),
            (f'a;b\n1;2\n{BYTE_ORDER_MARK}"a";"b"\n3;4\n', "HEADER_REPEATED", (3,)),
            ("a;b\n1;\0\n", "NOT_TEXT", (2,)),
            ("a;b\n1;é\n".encode("cp1252"), "ENCODING", ()),
            ("a;b\n1;2\n".encode("utf-16"), "ENCODING", ()),
        ],
    )
    def test_says_what_and_where_and_nothing_of_the_text(
        self, text: str | bytes, fault: str, lines: tuple[int, ...]
    ) -> None:
        with pytest.raises(UnreadableText) as refused:
            read(text)

        assert (refused.value.fault, refused.value.lines) == (fault, lines)
        assert refused.value.__cause__ is None
        assert SECRET not in f"{refused.value} {refused.value.description} {refused.value!r}"

    def test_a_hierarchy_has_no_header_that_could_come_twice(self) -> None:
        assert [fields for _, fields in read("a;*\na;*\n", header=False)] == [["a", "*"], ["a", "*"]]

    def test_many_lines_are_not_all_named(self) -> None:
        assert UnreadableText("SWALLOWED", *range(2, 90)).description.endswith("(line 2, 3, 4, 5, 6 and others)")


class TestEncodings:
    @pytest.mark.parametrize(
        ("content", "allowed", "expected"),
        [
            ("é;b", ["UTF-8", "windows-1252"], ("é;b", "UTF-8")),
            ("é;b".encode("cp1252"), ["windows-1252", "UTF-8"], ("é;b", "windows-1252")),
            ((BYTE_ORDER_MARK * 3 + "é;b"), ["UTF-8"], ("é;b", "UTF-8")),
            ("é;b".encode("utf-16"), ["UTF-8", "UTF-16"], ("é;b", "UTF-16")),
            (b"\xfe\xff" + "é;b".encode("utf-16-be"), ["UTF-8", "UTF-16"], ("é;b", "UTF-16")),
            ("é;b".encode("cp1252"), ["UTF-8"], "ENCODING"),
            ("é;b".encode("utf-16"), ["UTF-8", "windows-1252"], "ENCODING"),
            (b"\xff\xfea", ["UTF-8", "UTF-16"], "ENCODING"),
            (b"caf\x8f", ["UTF-8", "windows-1252"], "ENCODING"),
            ("a\0b", ["UTF-8"], "NOT_TEXT"),
            ("é;b".encode("utf-16-le"), ["UTF-8", "windows-1252"], "NOT_TEXT"),
        ],
    )
    def test_a_text_is_read_whole_or_not_at_all(
        self, content: str | bytes, allowed: list[str], expected: object
    ) -> None:
        raw = content if isinstance(content, bytes) else content.encode()
        if isinstance(expected, tuple):
            assert decode_text(raw, allowed) == expected
            return
        with pytest.raises(UnreadableText) as refused:
            decode_text(raw, allowed)
        assert refused.value.fault == expected

    def test_another_encoding_is_read_from_a_file_too(self) -> None:
        options = {"encodings": ("UTF-8", "windows-1252", "UTF-16"), "delimiters": ";\t"}
        for encoding in ("utf-8-sig", "cp1252", "utf-16"):
            assert read("é\tb\r\n1\t2\r\n".encode(encoding), **options) == [(1, ["é", "b"]), (2, ["1", "2"])]

    def test_bytes_of_a_column_that_nobody_reads_may_be_kept(self) -> None:
        assert read(b"a;b\n1;\xff\n", undecodable="kept")[1] == (2, ["1", "\udcff"])

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a\r\nb\rc\nd", "a\nb\nc\nd"),
            ("sep=;\r\na;b", "\na;b"),
            ('\n"sep=\t"\na', "\n\na"),
            ("sep=;;;\na;b", "\na;b"),
            ("SEP=,\na,b", "\na,b"),
            ("separator;b\n1;2", "separator;b\n1;2"),
            ("a;b\nsep=;\n", "a;b\nsep=;\n"),
        ],
    )
    def test_one_kind_of_line_end_and_the_same_numbers(self, text: str, expected: str) -> None:
        assert normalise_line_ends(text) == expected


def test_the_module_docstring_lists_public_functions() -> None:
    text = delimited_text.__doc__ or ""
    named = [line.split()[0] for line in text.splitlines() if line.startswith("    ")]
    assert all(callable(getattr(delimited_text, name)) for name in named)
