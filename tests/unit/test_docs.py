"""The documentation names only what exists, and its commands are commands that a test or the demo runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CURRENT = [page for page in PAGES if page.name != "CHANGELOG.md"]
"""A changelog tells what was; every other page tells what is."""
PACKAGES = {path.name for path in (ROOT / "lib" / "cohort").iterdir() if path.is_dir()}
PATH = re.compile(r"(?<![\w/.-])(?:lib|jobs|tests|scripts|conf|docs)/[\w./-]*\w")
MODULE = re.compile(rf"`(?:cohort\.)?((?:{'|'.join(sorted(PACKAGES))})(?:\.\w+)+)`")
COMMAND = re.compile(r"scripts/submit +([a-z_]+)((?: +[^`\n|#]*)?)")
MADE_BY_READERS = ("conf/projects/mijnproject.toml", "conf/projects/leergroei", "conf/approvers.revoked")
"""Paths that a reader makes by following the page."""


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def module_exists(dotted: str) -> bool:
    """Whether `results.ledger` or `results.ledger.read_ledger` is a module or a name in one."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        base = ROOT.joinpath("lib", "cohort", *parts[:length])
        file = base.with_suffix(".py") if base.with_suffix(".py").is_file() else base / "__init__.py"
        if file.is_file():
            rest = parts[length:]
            return not rest or re.search(rf"\b{re.escape(rest[0])}\b", file.read_text(encoding="utf-8")) is not None
    return False


@pytest.mark.parametrize("page", CURRENT, ids=name)
def test_a_page_names_only_paths_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    paths = {path for path in PATH.findall(text) if not path.startswith(MADE_BY_READERS)}
    assert sorted(path for path in paths if not (ROOT / path).exists() and not list(ROOT.glob(path + "*"))) == []


@pytest.mark.parametrize("page", CURRENT, ids=name)
def test_a_page_names_only_modules_that_exist(page: Path) -> None:
    modules = set(MODULE.findall(page.read_text(encoding="utf-8")))
    assert sorted(module for module in modules if not module_exists(module)) == []


@pytest.mark.parametrize("page", CURRENT, ids=name)
def test_a_page_names_only_test_files_that_exist(page: Path) -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", page.read_text(encoding="utf-8")))
    assert sorted(named - {path.name for path in (ROOT / "tests").rglob("test_*.py")}) == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert sorted(link for link in links if not (page.parent / link).exists()) == []


@pytest.mark.parametrize("page", CURRENT, ids=name)
def test_every_link_to_a_heading_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)", page.read_text(encoding="utf-8"))
    assert sorted(anchor for file, anchor in links if anchor not in anchors(page.parent / file if file else page)) == []


def anchors(page: Path) -> set[str]:
    """The anchors that headings have on GitHub: small letters, without punctuation, blanks as dashes."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_command_names_a_job_and_options_that_a_test_or_the_demo_runs() -> None:
    run = (ROOT / "scripts" / "demo").read_text(encoding="utf-8")
    run += "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests" / "jobs").glob("*.py")))
    problems, commands = [], 0
    for page in CURRENT:
        for job, arguments in COMMAND.findall(page.read_text(encoding="utf-8")):
            file = ROOT / "jobs" / f"{job}.py"
            if not file.is_file():
                problems.append(f"{name(page)}: no job {job}")
                continue
            commands += 1
            own = arguments.split(" -- ")[0]
            for option in re.findall(r"--[a-z-]+", own):
                declared = file.read_text(encoding="utf-8") + (ROOT / "jobs" / "_entry.py").read_text(encoding="utf-8")
                if f'"{option}"' not in declared:
                    problems.append(f"{name(page)}: {job} has no option {option}")
                if option not in run:
                    problems.append(f"{name(page)}: neither a test nor the demo runs {job} with {option}")
    assert problems == []
    assert commands > 10, "pages name commands, or this test sees nothing"


def test_the_table_of_decisions_has_a_row_for_every_file() -> None:
    folder = ROOT / "docs" / "decisions"
    rows = []
    for page in sorted(folder.glob("[0-9]*.md")):
        text = page.read_text(encoding="utf-8")
        head = re.match(r"# (\d{4}) (.+)\n\nDate: (\d{4}-\d\d-\d\d)\n\nStatus: (.+)\n\n## Context\n", text)
        assert head is not None, page.name
        number, title, date, status = head.groups()
        assert page.name == f"{number}-{slug(title)}.md"
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"], page.name
        assert re.fullmatch(r"accepted|(superseded|refined) by \d{4}( and \d{4})*", status), page.name
        for later in re.findall(r"\d{4}", status):
            assert later > number, page.name
            assert list(folder.glob(f"{later}-*.md")), page.name
        rows.append(f"| [{number}]({page.name}) | {title} | {date} | {status} |")
    table = [line for line in (folder / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| [")]
    assert table == rows


def slug(title: str) -> str:
    """The part of a file's name that follows from a title."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower().replace("'", "")).strip("-")
