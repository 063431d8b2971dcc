"""Update of the gettext catalogues of all pages: extract the messages, merge them, compile them.

In: the templates and modules of the packages that write pages. Out: `pages.po` and `pages.mo` of each language. A new
message gets an empty translation, which `--check` and the tests report; an English message needs none, since the
message id is the English text.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from cohort.pages import CATALOGUE_DOMAIN, LANGUAGE_CODES

LIBRARY = Path(__file__).resolve().parents[2] / "lib" / "cohort"
PACKAGES = ("pages", "output_checking", "release_report", "research_files", "table_files", "transparency")
"""The packages that write pages; the first of them holds the catalogues."""
SOURCE_LANGUAGE = "en"
METHODS = [("**.py", "python"), ("**.html.j2", "jinja2")]
VOLATILE_HEADERS = ("POT-Creation-Date", "PO-Revision-Date", "Last-Translator", "Language-Team", "Generated-By")
"""Headers that differ from run to run or from version to version; they are left out."""
KEYWORDS = {"_": None, "gettext": None, "gettext_noop": None, "ngettext": (1, 2)}


class UndatedCatalog(Catalog):
    """A catalogue whose headers depend on its messages alone: the same messages give the same bytes."""

    def __iter__(self) -> Iterator[Message]:
        header, *messages = super().__iter__()
        header.string = "".join(
            line for line in str(header.string).splitlines(keepends=True) if not line.startswith(VOLATILE_HEADERS)
        )
        return iter([header, *messages])


def extract_messages() -> Catalog:
    """Extract every message id of the templates and modules, with the files that use it."""
    messages = Catalog(project="cohort", charset="utf-8")
    for package in PACKAGES:
        folder = str(LIBRARY / package)
        found = extract_from_dir(folder, method_map=METHODS, keywords=KEYWORDS, comment_tags=("TRANSLATORS:",))
        for file, _, message, comments, context in sorted(found, key=lambda entry: entry[:2]):
            messages.add(message, locations=[(f"{package}/{file}", 0)], auto_comments=comments, context=context)
    return messages


def catalogue_path(language: str, suffix: str) -> Path:
    """The path of a catalogue: `po` for its source, `mo` for what is compiled from it."""
    return LIBRARY / PACKAGES[0] / "locales" / language / "LC_MESSAGES" / f"{CATALOGUE_DOMAIN}.{suffix}"


def read_catalogue(language: str) -> Catalog:
    """Read the source of a catalogue; one that does not exist yet is empty."""
    path = catalogue_path(language, "po")
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def merge_messages(language: str, messages: Catalog) -> Catalog:
    """The catalogue of a language with exactly these messages; translations that exist are kept, none is guessed."""
    earlier = read_catalogue(language)
    merged = UndatedCatalog(locale=language, project="cohort", charset="utf-8", fuzzy=False)
    merged.header_comment = f"# Messages of the pages ({language}). Made by scripts/translate."
    for message in messages:
        if message.id:
            known = earlier.get(message.id)
            files = sorted({file for file, _ in message.locations})
            translation = known.string if known is not None and known.string else ""
            merged.add(message.id, translation, locations=[(file, 0) for file in files], flags=message.flags)
    return merged


def source_text(catalogue: Catalog) -> bytes:
    """The text of a `.po` file, without line numbers, which every change of the code would move."""
    text = io.BytesIO()
    write_po(text, catalogue, width=110, sort_output=True, include_lineno=False)
    return text.getvalue()


def compile_catalogue(source: bytes, language: str) -> bytes:
    """The compiled catalogue of the text of a `.po` file."""
    catalogue, compiled = UndatedCatalog(locale=language, charset="utf-8"), io.BytesIO()
    for message in read_po(io.BytesIO(source), locale=language):
        if message.id:
            catalogue.add(message.id, message.string)
    write_mo(compiled, catalogue)
    return compiled.getvalue()


def find_translation_problems(language: str, catalogue: Catalog) -> list[str]:
    """Say which messages have no translation, or one whose placeholders differ from those of the message."""
    problems = [f"{language}: {message.id}: {error}" for message, errors in catalogue.check() for error in errors]
    for message in catalogue:
        texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if message.id and language != SOURCE_LANGUAGE and not all(texts):
            problems.append(f"{language}: no translation of {message.id!r}")
    return problems


def main(arguments: list[str] | None = None) -> int:
    """Write or check the catalogues of every language; returns 1 for problems."""
    parser = argparse.ArgumentParser(prog="translate", description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a catalogue is not up to date")
    only_check = parser.parse_args(arguments).check
    messages, problems = extract_messages(), list[str]()
    for language in LANGUAGE_CODES:
        catalogue = merge_messages(language, messages)
        problems += find_translation_problems(language, catalogue)
        source = source_text(catalogue)
        for suffix, content in (("po", source), ("mo", compile_catalogue(source, language))):
            path = catalogue_path(language, suffix)
            if not only_check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            elif not path.exists() or path.read_bytes() != content:
                problems.append(f"{path.name} of {language} is not up to date: run scripts/translate")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
