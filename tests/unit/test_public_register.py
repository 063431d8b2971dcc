"""The public register: made from the open records alone, the same bytes, accessible pages, nobody named."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import pytest
from tests.unit.drawn_register import AGREED, CODEBOOK, public_release, write_example_records, write_records

from cohort.transparency import public_register

ATTACK = "</title><script>alert(1)</script><img src=x onerror=alert(2)>\" ' & 5 < 6"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return write_example_records(tmp_path / "root" / "records")


class Page(HTMLParser):
    """The parsed content of a page: its tags with their attributes, and its text."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(content.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += f" {data}"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def pages(files: dict[str, bytes]) -> dict[str, Page]:
    return {path: Page(content) for path, content in files.items() if path.endswith(".html")}


def test_every_project_has_a_page_in_both_languages(records: Path) -> None:
    names = ("leergroei", "loopbanen", "rekenangst", "taalkaart", "vroeger")
    of_projects = {f"{up}project/{name}.html" for up in ("", "en/") for name in names}

    assert set(public_register.render_register(records)) == of_projects | {
        "index.html",
        "en/index.html",
        "register.json",
    }


def test_without_records_the_index_says_that_there_is_no_project(tmp_path: Path) -> None:
    made = public_register.render_register(tmp_path / "records")

    assert set(made) == {"index.html", "en/index.html", "register.json"}
    assert "Er is nog geen onderzoek" in Page(made["index.html"]).text


def test_the_same_records_give_the_same_bytes_and_nothing_else_is_read(records: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "restricted" / "records" / "leergroei").mkdir(parents=True)
    (root / "restricted" / "records" / "leergroei" / "1.json").write_text("{}")
    (root / "feedback").mkdir()
    first = public_register.render_register(records)

    for other in root.iterdir():
        if other != records:
            shutil.rmtree(other)
    moved = shutil.copytree(records, tmp_path / "elsewhere")

    assert public_register.render_register(records) == first == public_register.render_register(moved)


def test_the_content_of_a_project_page(records: Path) -> None:
    text = " ".join(Page(public_register.render_register(records)["project/leergroei.html"]).text.split())

    for expected in (
        AGREED["question"],
        AGREED["controller"],
        AGREED["research_group"],
        AGREED["legal_basis"],
        "1 januari 2026 tot en met 31 december 2027",
        "ongeveer 58.110",
        "ongeveer 1.130",
        "ongeveer 490",
        "hoogstens 7",
        "2023-2024, 2024-2025",
        "de groei verschilt per leerjaar",
        "geheel verborgen",
        "60 % van de leerlingen: op het fijnste niveau (0)",
        "vervangen en verwijderd",
        "minste aantal scholen, en schoolbesturen 5",
        "dat ook van één ander uit de groep 1 op 9",
        "alle leerlingen van al zijn scholen (de leerling zit op een school van een ander bestuur) 1 op 5",
    ):
        assert expected in text, expected


def test_each_kind_of_intruder_has_a_chance_of_its_own(records: Path) -> None:
    """Also: a record made before boards were counted does not mention them."""
    pages = public_register.render_register(records)
    for page in ("project/leergroei.html", "en/project/leergroei.html"):
        text = " ".join(Page(pages[page]).text.split())
        assert not re.search(r"niemand kan in deze|nobody can recognise", text)
        assert [text.count(f"1 {word} {n}") for word in ("op", "in") for n in (10, 5)] in ([1, 2, 0, 0], [0, 0, 1, 2])
    write_records(records, "leergroei", r2=public_release(2, faced={}))
    text = Page(public_register.render_register(records)["project/leergroei.html"]).text
    assert "Wat iemand kan raden" not in text
    assert "schoolbestu" not in text


def test_the_page_of_a_destroyed_project_shows_the_certificate(records: Path) -> None:
    text = Page(public_register.render_register(records)["en/project/rekenangst.html"]).text

    assert "destroyed on 30 September 2026. There were 12 files; 12 of them are gone" in text
    assert "8 marks of the data before, and 0 after" in text


def test_withdrawn_rows_are_shown_without_small_numbers(tmp_path: Path) -> None:
    taken = [{"at": "2026-06-05", "version": 4, "pupils": None}, {"at": "2026-07-05", "pupils": 15}]
    write_records(tmp_path, "proef", r1=public_release(project="proef", withdrawals=taken))
    text = " ".join(Page(public_register.render_register(tmp_path)["en/project/proef.html"]).text.split())

    assert "taken out later, on 5 June 2026: after an objection or an instruction withdrawn at most 7" in text
    assert "taken out later, on 5 July 2026: after an objection or an instruction withdrawn about 15" in text


def test_pseudonymous_data_are_called_personal_data(records: Path) -> None:
    assert "Dit zijn persoonsgegevens" in Page(public_register.render_register(records)["project/loopbanen.html"]).text


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_page_is_well_formed_and_accessible(records: Path, language: str) -> None:
    for path, page in pages(public_register.render_register(records)).items():
        if path.startswith("en/") != (language == "en"):
            continue
        assert page.open == [], path
        assert page.all("html") == [{"lang": language}]
        landmarks = [tag for tag, _ in page.tags if tag in ("header", "nav", "main", "footer")]
        assert landmarks == ["header", "nav", "nav", "main", "footer"]
        levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
        assert levels.count(1) == 1 == levels[0]
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), path
        assert len(page.all("table")) == len(page.all("caption"))
        assert {cell.get("scope") for cell in page.all("th")} <= {"col", "row"}
        skip = page.all("a")[0]
        assert skip["href"] == "#content"
        assert page.all("main") == [{"id": "content", "tabindex": "-1"}]
        for picture in page.all("svg"):
            ids = [str(part["id"]) for tag in ("title", "desc") for part in page.all(tag) if "id" in part]
            assert [picture["aria-labelledby"], picture["aria-describedby"]] == ids
            assert picture["role"] == "img"


def test_every_link_leads_to_a_file_of_the_site(records: Path) -> None:
    files = public_register.render_register(records)
    followed = 0
    for path, page in pages(files).items():
        for attributes in page.all("a"):
            to = str(attributes["href"])
            if to.startswith("#"):
                continue
            parts: list[str] = []
            for part in (PurePosixPath(path).parent / to).parts:
                parts = parts[:-1] if part == ".." else [*parts, part]
            assert "/".join(parts) in files, (path, to)
            followed += 1
    assert followed > 40


def test_a_page_has_no_script_and_loads_nothing(records: Path) -> None:
    for path, page in pages(public_register.render_register(records)).items():
        names = {tag for tag, _ in page.tags}
        assert not names & {"script", "iframe", "object", "embed", "img", "form", "base"}, path
        used = {name for _, attributes in page.tags for name in attributes}
        assert not {name for name in used if name.startswith("on")} | used & {"style", "src"}, path
        policies = [m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
        assert len(policies) == 1
        assert str(policies[0]).startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in str(policies[0])
        assert [link["href"] for link in page.all("link")] == ["data:,"]


@pytest.mark.parametrize("where", ["question", "controller", "research_group", "legal_basis", "why", "value"])
def test_markup_in_a_declared_text_is_escaped(tmp_path: Path, where: str) -> None:
    agreed, codebook = json.loads(json.dumps(AGREED)), json.loads(json.dumps(CODEBOOK))
    if where == "why":
        agreed["columns"][0]["why"] = ATTACK
    elif where == "value":
        codebook["geboren"]["levels"][0]["values"] = [ATTACK]
    else:
        agreed[where] = ATTACK
    write_records(tmp_path, "proef", r1=public_release(project="proef", agreed=agreed, codebook=codebook))
    made = public_register.render_register(tmp_path)

    for path, page in pages(made).items():
        assert not {"script", "img"} & {tag for tag, _ in page.tags}
        if path.startswith(("project/", "en/project/")):
            assert ATTACK in page.text
    assert b"<script" not in b"".join(made[path] for path in made if path.endswith(".html"))


def test_the_commit_note_of_a_release_is_not_on_the_site(records: Path) -> None:
    """A destruction searches everywhere outside the records for that note, and must not find it on the site."""
    everything = b"".join(public_register.render_register(records).values())

    for name in ("leergroei", "loopbanen", "rekenangst", "vroeger"):
        assert name.encode() in everything
        assert not re.search(rf"{name}-\d".encode(), everything)


def test_the_register_of_processing_has_the_fields_of_article_30(records: Path) -> None:
    register = json.loads(public_register.render_register(records)["register.json"])
    by_name = {processing["project"]: processing for processing in register["processing"]}

    first = by_name["leergroei"]
    assert first["controller"] == AGREED["controller"]
    assert first["purposes"] == AGREED["question"]
    assert first["recipients"] == AGREED["research_group"]
    assert first["legal_basis"] == AGREED["legal_basis"]
    for field in (
        "categories_of_data_subjects",
        "recipients_receive",
        "transfers_to_third_countries",
        "processed_and_never_released",
    ):
        assert set(first[field]) == {"nl", "en"}
    assert len(first["categories_of_personal_data"]) == len(AGREED["columns"])
    assert first["time_limits_for_erasure"]["project_ends"] == "2027-12-31"
    assert by_name["rekenangst"]["time_limits_for_erasure"]["destroyed"] == "2026-09-30"
    assert {"nl": "minste aantal leerlingen: 10", "en": "fewest pupils: 10"} in first["security_measures"]
    assert (first["pupils"], first["schools"]) == (58110, 1130)
    assert by_name["vroeger"]["purposes"] is None
    assert by_name["taalkaart"]["pupils"] is None
