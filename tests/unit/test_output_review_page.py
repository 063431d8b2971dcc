"""The page of a request for its reviewers: what stands on it, what does not, and how it looks in a browser."""

from __future__ import annotations

import base64
import html
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import deltalake
import openpyxl
import pytest
from PIL import Image, PngImagePlugin
from tests.unit.drawn_browser import CHROMIUM, Browser, browser
from tests.unit.drawn_output_requests import TABLE, as_csv, count
from tests.unit.test_output_contents import BY_PROVINCE, HEAD, figures
from tests.unit.test_output_requests import Office, office

from cohort.output_checking import content_checks, file_previews, review_page, reviews
from cohort.output_checking.request_events import RequestState
from cohort.pages.languages import LANGUAGE_CODES

__all__ = ["office"]

OTHERS = """
[[files]]
name = "figuur.png"
kind = "figure"
data = "tabel.csv"

[[files]]
name = "figuur.svg"
kind = "figure"
data = "tabel.csv"

[[files]]
name = "uitleg.txt"
kind = "text"

[[files]]
name = "werkboek.xlsx"
kind = "table"
columns = [
    { name = "provincie", role = "dimension", column = "provincie" },
    { name = "n", role = "count" },
]
"""
HOSTILE = "<script>alert(1)</script> <b>vet</b> \u202eomgekeerd\u200b"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(2)</script></svg>'


def draw_png() -> bytes:
    """A picture with a hidden text chunk, an invisible layer and bytes behind its end."""
    picture = Image.new("RGBA", (1800, 900), (200, 30, 30, 255))
    picture.putpixel((0, 0), (1, 2, 3, 0))
    about = PngImagePlugin.PngInfo()
    about.add_text("Comment", "GEHEIM")
    content = io.BytesIO()
    picture.save(content, "PNG", pnginfo=about)
    return content.getvalue() + b"ACHTERAAN"


def draw_workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["provincie", "n"])
    sheet.append(["Drenthe", count(provincie="Drenthe")])
    sheet.append(["Utrecht", "=1+1"])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


@pytest.fixture
def reviewed(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """An office with a request of every kind of file, of which one figure is wrong."""
    monkeypatch.setattr(content_checks, "load_project", lambda *_given: SimpleNamespace(sensitive_column=None))
    deltalake.write_deltalake(str(office.zones.published_table("proef")), TABLE)
    office.checks = {"contents": content_checks.check_contents}
    rows = figures()
    rows[1][1] = str(int(rows[1][1]) + 1)
    (office.folder / "request.toml").write_text(HEAD + BY_PROVINCE + OTHERS, encoding="utf-8")
    (office.folder / "tabel.csv").write_bytes(as_csv(rows))
    (office.folder / "figuur.png").write_bytes(draw_png())
    (office.folder / "figuur.svg").write_bytes(SVG)
    (office.folder / "uitleg.txt").write_text(HOSTILE, encoding="utf-8")
    (office.folder / "werkboek.xlsx").write_bytes(draw_workbook())
    (office.folder / "los.csv").write_text("a;b\n1;2\n", encoding="utf-8")
    office.submit()
    return office


def page(office: Office, language: str = "en") -> str:
    review_page.refresh_review_pages(office.environment(), "proef")
    return (office.stored / review_page.REVIEW_PAGES[language]).read_text(encoding="utf-8")


def decide(office: Office, who: str, to: str) -> None:
    def overrule(text: str) -> str:
        for finding in office.load().findings:
            if finding.severity == "refuse" and to == "approve":
                text += f"[[overrule]]\nfinding = '{finding.id}'\nreason = 'gezien door {who}'\n"
        return text

    office.decide(who, overrule, to)


def test_a_wrong_figure_stands_beside_the_one_counted_again_with_its_finding(reviewed: Office) -> None:
    text = page(reviewed)
    right, wrong = count(provincie="Drenthe"), count(provincie="Drenthe") + 1
    cell = next(part for part in text.split("<td") if part.partition(">")[2].startswith(f"{wrong} "))
    assert 'class="found differs"' in cell
    assert re.search(rf"counted again: <b>{right}</b>", cell)
    number = re.search(r'href="#finding(\d+)"', cell)
    assert number is not None
    finding = text.partition(f'id="finding{number[1]}"')[2].partition("</li>")[0]
    assert "COUNT_DIFFERS" in finding
    assert "row 2, column 2" in finding


def test_a_file_that_is_not_declared_has_its_finding(reviewed: Office) -> None:
    assert [f.file for f in reviewed.load().findings if f.code == "NOT_DECLARED"] == ["los.csv"]
    section = page(reviewed).partition("<h2>los.csv</h2>")[2].partition("</section>")[0]
    assert "NOT_DECLARED" in section
    assert "not declared" in section


def test_a_right_figure_is_not_marked(reviewed: Office) -> None:
    cells = [part.partition("</td>")[0] for part in page(reviewed).split("<td")]
    marked = [cell for cell in cells if 'class="found' in cell or "differs" in cell.partition(">")[0]]
    again = [cell for cell in cells if "counted again" in cell]
    assert len(again) == 9 + 1
    texts = [cell.partition(">")[2].partition(" <a")[0] for cell in marked]
    assert texts == [str(count(provincie="Drenthe") + 1), "=1+1"], "the wrong count and the formula"


@pytest.mark.parametrize("language", LANGUAGE_CODES)
def test_the_page_has_no_script_and_nothing_of_a_file_as_markup(reviewed: Office, language: str) -> None:
    text = page(reviewed, language)
    assert "<script" not in text
    assert "<b>vet" not in text
    assert html.escape("<b>vet</b>") in text
    assert "\u202e" not in text
    assert "\u200b" not in text
    assert "<svg" not in text
    assert not re.search(r'(?:src|href)="(?!#|data:|beoordeling\.html|review\.html)', text)


def test_a_picture_is_drawn_anew_without_what_stands_beside_its_pixels(reviewed: Office) -> None:
    address = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", page(reviewed))
    assert address is not None
    content = base64.b64decode(address[1])
    assert b"GEHEIM" not in content
    assert b"ACHTERAAN" not in content
    with Image.open(io.BytesIO(content)) as shown:
        assert (shown.size, shown.mode, shown.info) == ((1400, 700), "RGB", {})


def test_the_page_shows_that_somebody_decided_and_not_what_until_both_have(reviewed: Office) -> None:
    decide(reviewed, "jansen", "reject")
    sealed = page(reviewed)
    assert "1 of 2 reviewers decided" in sealed
    assert "jansen" not in sealed
    assert "te klein" not in sealed
    assert 'id="decided"' not in sealed
    decide(reviewed, "klaas", "approve")
    opened = page(reviewed)
    assert reviewed.load().state is RequestState.RETURNED
    assert "cel 3 is te klein" in opened
    assert "gezien door klaas" in opened
    assert 'id="form"' not in opened


def test_a_request_that_is_returned_between_the_reviews_stays_sealed(reviewed: Office) -> None:
    from cohort.output_checking import request_release

    decide(reviewed, "jansen", "reject")
    request_release.return_request(reviewed.environment(), reviewed.load(), "de onderzoeker vroeg erom")
    text = page(reviewed)
    assert "de onderzoeker vroeg erom" in text
    assert "te klein" not in text
    assert "jansen" not in text


def test_the_form_on_the_page_is_the_form_that_is_read(reviewed: Office) -> None:
    text = page(reviewed)
    shown = text.partition('id="form"')[2].partition("<pre")[2].partition(">")[2].partition("</pre>")[0]
    assert html.unescape(shown) == reviews.make_decision_form(reviewed.load())
    assert (reviewed.stored / "decisions.toml").read_text(encoding="utf-8") == html.unescape(shown)


def test_a_page_that_a_kill_left_old_is_written_by_the_next_run(reviewed: Office) -> None:
    page(reviewed)
    path = reviewed.stored / "review.html"
    before = path.read_bytes()
    review_page.refresh_review_pages(reviewed.environment(), "proef")
    assert path.read_bytes() == before
    decide(reviewed, "jansen", "return")
    assert "1 of 2 reviewers decided" in page(reviewed)
    assert path.stat().st_mode & 0o077 == 0


def test_what_changed_since_it_was_handed_in_is_not_shown(reviewed: Office) -> None:
    (reviewed.stored / "files" / "uitleg.txt").write_text("iets anders", encoding="utf-8")
    text = page(reviewed)
    assert "iets anders" not in text
    assert "This file is not shown here" in text


def test_a_row_with_a_finding_is_shown_wherever_it_stands() -> None:
    from cohort.output_checking.request_declaration import DeclaredFile

    declared = DeclaredFile.model_validate(
        {"name": "t.csv", "kind": "table", "columns": [{"name": "n", "role": "count"}]}
    )
    content = "\n".join(["n", *map(str, range(2, 900))]).encode()
    [sheet] = file_previews.preview_file("t.csv", declared, content, frozenset({700})).sheets
    assert [number for number, _ in sheet.rows] == [*range(1, 201), 700]
    assert dict(sheet.rows)[700] == ("700",)
    assert sheet.more_rows
    [whole] = file_previews.preview_file("t.csv", declared, b"n\n12\n", frozenset()).sheets
    assert not whole.more_rows


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n" + b"x" * 100),
        ("a.png", b""),
        ("a.xlsx", b"PK\x03\x04rest"),
        ("a.xlsx", b""),
        ("a.svg", SVG),
        ("a.pdf", b"%PDF-1.7"),
        ("a.bin", bytes(range(256)) * 9),
        ("a.csv", b"\x00" * 99),
    ],
)
def test_what_cannot_be_shown_safely_is_not_shown(name: str, content: bytes) -> None:
    assert file_previews.preview_file(name, None, content, frozenset()) == file_previews.FilePreview()


def test_a_picture_that_would_fill_the_memory_is_not_decoded() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = (60_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")
    assert file_previews.preview_file("a.png", None, content, frozenset()) == file_previews.FilePreview()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine: see .ci/run")
@pytest.mark.parametrize("language", LANGUAGE_CODES)
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_in_a_browser(reviewed: Office, chromium: Browser, language: str, width: int) -> None:
    page(reviewed)
    path: Path = reviewed.stored / review_page.REVIEW_PAGES[language]
    chromium.open(path.as_uri(), width)
    chromium.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert chromium.console_messages() == []
    asked = [address for address in chromium.requested_addresses() if not address.startswith("data:")]
    assert asked == [path.as_uri()]
    assert chromium.evaluate("document.documentElement.scrollWidth") == width
    assert chromium.evaluate("document.querySelector('img').naturalWidth") == 1400
    assert chromium.evaluate("document.querySelectorAll('a[href^=\"#finding\"]').length") == 3
    broken = "[...document.querySelectorAll('a[href^=\"#\"]')].filter(a => !document.querySelector(a.hash)).length"
    assert chromium.evaluate(broken) == 0
    assert chromium.evaluate("getComputedStyle(document.body).maxWidth") == "1152px", "the style is refused"
