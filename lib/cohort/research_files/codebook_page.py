"""The codebook of a release as a page for people, in Dutch and in English: self-contained, without scripts."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Environment

from cohort.pages import PageLanguage, load_language, make_page_environment
from cohort.research_files.codebook_document import MISSING_CODES, Codebook, CodebookVariable


@dataclass(frozen=True)
class CodebookPhrases:
    """The phrases of a codebook in one language."""

    language: PageLanguage
    book: Codebook

    def count(self, rounded: int | None) -> str:
        """A rounded count, or the limit up to which counts are not told."""
        if rounded is None:
            return self.language.gettext("at most %(number)s", number=self.book.hidden_up_to)
        return self.language.gettext("about %(number)s", number=self.language.format_number(rounded))

    def share(self, percent: int | None) -> str:
        """A share in per cents; nearly none where the count behind it is not told."""
        if percent is None:
            return self.language.gettext("none, or at most %(number)s rows", number=self.book.hidden_up_to)
        return self.language.gettext("about %(percent)s %%", percent=percent)

    def type(self, variable: CodebookVariable) -> str:
        """What kind of values a variable has, in the table and in coded files."""
        if variable.kind == "pseudonym":
            return self.language.gettext("text of 64 hexadecimal digits")
        if variable.kind == "bound":
            return self.language.gettext("whole number; null where the band is open, not known or generalised away")
        if variable.kind == "mean":
            return self.language.gettext(
                "decimal number, rounded to %(step)s; null where the mean is not shown", step=variable.step
            )
        if variable.ordered:
            return self.language.gettext("text, ordered; a number with labels in coded files")
        return self.language.gettext("text, without order; a number with labels in coded files")


def render_codebook_page(book: Codebook, language_code: str, names: Mapping[str, str]) -> str:
    """Render the page of a codebook in a language.

    Args:
        book: the codebook.
        language_code: `nl` or `en`.
        names: the file name of the page in every language, by its code.
    """
    language = load_language(language_code)
    return (
        _environment(language_code)
        .get_template("codebook.html.j2")
        .render(
            book=book,
            names=names,
            phrases=CodebookPhrases(language, book),
            missing_codes=MISSING_CODES,
            published=language.format_day(dt.date.fromisoformat(book.published)),
            expires=language.format_day(dt.date.fromisoformat(book.expires)),
        )
    )


@functools.cache
def _environment(language_code: str) -> Environment:
    return make_page_environment("cohort.research_files", language_code)
