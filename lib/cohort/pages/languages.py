"""The two languages of the pages: messages from gettext catalogues, days and numbers from Babel.

Templates and phrases take every text from here. English message ids stand in the templates and in the code of the
packages that write pages; `locales/<language>/LC_MESSAGES/pages.po` translates them all (`scripts/translate` brings
the catalogues up to date).
"""

from __future__ import annotations

import datetime as dt
import functools
import gettext
import importlib.resources
from dataclasses import dataclass

from babel.dates import format_date
from babel.numbers import format_decimal

LANGUAGE_CODES = ("nl", "en")
"""Dutch is the language at the top of the site; the English pages are in the folder `en`."""
AGREEMENT_LANGUAGE = "nl"
"""The language of the texts that a project declares; they are not translated."""
CATALOGUE_DOMAIN = "pages"
_LOCALES = {"nl": "nl", "en": "en_GB"}
_OWN_NAMES = {"nl": "Nederlands", "en": "English"}


@dataclass(frozen=True)
class PageLanguage:
    """One language of the pages, with its message catalogue.

    Args:
        code: the language as pages and folders name it, `nl` or `en`.
        translations: the compiled catalogue.
    """

    code: str
    translations: gettext.NullTranslations

    @property
    def own_name(self) -> str:
        """The name of the language in that language."""
        return _OWN_NAMES[self.code]

    def gettext(self, message: str, **values: object) -> str:
        """Translate a message and fill its `%(name)s` placeholders; a literal percent sign is written `%%`."""
        return self.translations.gettext(message) % values

    def ngettext(self, singular: str, plural: str, number: int, **values: object) -> str:
        """Translate a message in the form that belongs to a number, which its placeholder `number` shows."""
        return self.translations.ngettext(singular, plural, number) % {"number": self.format_number(number), **values}

    def format_day(self, day: dt.date) -> str:
        """A day with its month as a word, for example `1 January 2026`."""
        return format_date(day, format="long", locale=_LOCALES[self.code])

    def format_number(self, number: int) -> str:
        """A whole number with the separators of the language, for example `58,110`."""
        return format_decimal(number, locale=_LOCALES[self.code])

    def format_decimal(self, number: float, decimals: int) -> str:
        """A number with so many decimals and the separators of the language, for example `1,204.50`; never `-0.0`."""
        rounded = round(number, decimals) + 0.0
        places = "." + "0" * decimals if decimals else ""
        return format_decimal(rounded, format=f"#,##0{places}", locale=_LOCALES[self.code])

    def page_path(self, page: str) -> str:
        """The path of a page from the top of the site; `page` is `index`, or `project/` and a project's name."""
        return f"{page}.html" if self.code == LANGUAGE_CODES[0] else f"{self.code}/{page}.html"


@functools.cache
def load_language(code: str) -> PageLanguage:
    """Load a language with its compiled catalogue, from the checkout or from the zip that goes with a job."""
    folder = importlib.resources.files("cohort.pages") / "locales" / code / "LC_MESSAGES"
    with (folder / f"{CATALOGUE_DOMAIN}.mo").open("rb") as file:
        return PageLanguage(code, gettext.GNUTranslations(file))


def load_languages() -> tuple[PageLanguage, ...]:
    """Load every language of the pages, in the order of `LANGUAGE_CODES`."""
    return tuple(load_language(code) for code in LANGUAGE_CODES)


def gettext_noop(message: str) -> str:
    """Mark a message for the catalogues without translating it here."""
    return message
