"""The message catalogues of the register: complete, without unused messages, compiled from their sources."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from jinja2 import Environment, PackageLoader, UndefinedError
from tests.unit.drawn_register import write_example_records

from cohort.pages import data_terms
from cohort.pages.languages import LANGUAGE_CODES, load_language
from cohort.transparency import page_templates, public_register
from cohorts import translate


def message_ids(catalogue: Catalog) -> set[object]:
    return {message.id for message in catalogue if message.id}


@pytest.mark.parametrize("language", LANGUAGE_CODES)
def test_a_catalogue_has_exactly_the_messages_of_the_templates_and_the_code(language: str) -> None:
    extracted, catalogue = translate.extract_messages(), translate.read_catalogue(language)

    assert message_ids(catalogue) == message_ids(extracted)
    assert len(message_ids(catalogue)) > 150
    assert not catalogue.obsolete
    assert not [message.id for message in catalogue if message.fuzzy and message.id]


@pytest.mark.parametrize("language", LANGUAGE_CODES)
def test_every_message_is_translated_with_the_same_placeholders(language: str) -> None:
    assert translate.find_translation_problems(language, translate.read_catalogue(language)) == []


@pytest.mark.parametrize("language", LANGUAGE_CODES)
def test_the_compiled_catalogue_is_that_of_its_source(language: str) -> None:
    source = translate.catalogue_path(language, "po").read_bytes()

    assert translate.compile_catalogue(source, language) == translate.catalogue_path(language, "mo").read_bytes()


def test_the_catalogues_are_as_scripts_translate_writes_them() -> None:
    assert translate.main(["--check"]) == 0


def test_a_message_without_translation_and_a_lost_placeholder_are_reported() -> None:
    catalogue = Catalog(locale="nl")
    catalogue.add("Question", "")
    catalogue.add("about %(number)s", "ongeveer %(aantal)s", flags=["python-format"])

    problems = translate.find_translation_problems("nl", catalogue)

    assert [problem.split(":")[1].strip() for problem in problems] == [
        "about %(number)s",
        "no translation of 'Question'",
    ]


def test_names_of_codes_are_all_messages() -> None:
    tables = [table for name, table in vars(data_terms).items() if name.isupper() and isinstance(table, dict)]
    assert len(tables) == 14
    assert {name for table in tables for name in table.values()} <= message_ids(translate.read_catalogue("nl"))


#   files   Dutch                                         English
FILES = [
    (1, "Er was 1 bestand; daarvan is er 1 weg.", "There was 1 file; 1 of it is gone."),
    (0, "Er waren 0 bestanden; daarvan zijn er 1 weg.", "There were 0 files; 1 of them are gone."),
    (12_000, "Er waren 12.000 bestanden; daarvan zijn er 1 weg.", "There were 12,000 files; 1 of them are gone."),
]


@pytest.mark.parametrize(("files", "dutch", "english"), FILES)
def test_a_number_chooses_the_plural_form_of_its_language(files: int, dutch: str, english: str) -> None:
    forms = (
        "There was %(number)s file; %(gone)s of it is gone.",
        "There were %(number)s files; %(gone)s of them are gone.",
    )

    assert load_language("nl").ngettext(*forms, files, gone=1) == dutch
    assert load_language("en").ngettext(*forms, files, gone=1) == english


def test_days_and_numbers_are_written_as_each_language_writes_them() -> None:
    dutch, english = load_language("nl"), load_language("en")

    assert (dutch.format_day(dt.date(2024, 3, 31)), dutch.format_number(58_110)) == ("31 maart 2024", "58.110")
    assert (english.format_day(dt.date(2024, 3, 31)), english.format_number(58_110)) == ("31 March 2024", "58,110")


Render = Callable[..., str]


@pytest.fixture
def render(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Render:
    """Renders a template with this content in the English environment of the register."""
    own_name, real = f"{request.node.name}.html.j2", PackageLoader.get_source

    def rendered(content: str, **context: object) -> str:
        def own_source(loader: PackageLoader, environment: Environment, name: str) -> Any:
            return (content, None, None) if name == own_name else real(loader, environment, name)

        monkeypatch.setattr(PackageLoader, "get_source", own_source)
        return page_templates.render_template(own_name, "en", **context)

    return rendered


def test_a_template_escapes_what_it_shows(render: Render) -> None:
    shown = render("{{ text }} {{ _('Projects: %(state)s', state=text) }}", text="<script>'x'&")

    assert shown == "&lt;script&gt;&#39;x&#39;&amp; Projects: &lt;script&gt;&#39;x&#39;&amp;"


def test_a_name_that_a_template_was_not_given_is_an_error(render: Render) -> None:
    with pytest.raises(UndefinedError, match="txet"):
        render("{{ txet }}", text="x")


def test_the_zip_that_goes_with_a_job_renders_the_same_pages(tmp_path: Path) -> None:
    records = write_example_records(tmp_path / "records")
    library = Path(public_register.__file__).parents[2]
    with zipfile.ZipFile(tmp_path / "cohort.zip", "w") as package:
        for path in (library / "cohort").rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                package.write(path, path.relative_to(library))
    program = (
        "import sys, hashlib; from pathlib import Path; from cohort.transparency import public_register as p; "
        "assert '.zip' in p.__file__; files = p.render_register(Path(sys.argv[1])); "
        "print(hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "cohort.zip")}
    command = [sys.executable, "-c", program, str(records)]
    digest = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, cwd=tmp_path).stdout

    files = public_register.render_register(records)
    assert digest.strip() == hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()
