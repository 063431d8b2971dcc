"""What all pages of the platform share: two languages, names of codes, the template environment, the style sheet.

Packages that write pages (`transparency`, `research_files`) keep their own templates. No data is read here.

    languages        Dutch and English: message catalogues, days and numbers
    data_terms       what the codes of the data are called in words
    source_phrases   what a column is made from, in words
    page_environment the template environment, with the frame and the style sheet of a page
"""

from __future__ import annotations

from cohort.pages.data_terms import (
    ATTRIBUTE_NAMES,
    DOMAIN_NAMES,
    INTRUDER_NAMES,
    LIMIT_NAMES,
    LIMIT_NAMES_WITH_BOARDS,
    PROJECT_STATE_NAMES,
    RELEASE_CLASS_MEANINGS,
    RELEASE_CLASS_NAMES,
    name_of_code,
)
from cohort.pages.languages import (
    AGREEMENT_LANGUAGE,
    CATALOGUE_DOMAIN,
    LANGUAGE_CODES,
    PageLanguage,
    gettext_noop,
    load_language,
    load_languages,
)
from cohort.pages.page_environment import NOT_IN_XML, content_security_policy, make_page_environment
from cohort.pages.source_phrases import MomentOfYear, SourceOfColumn, describe_source

__all__ = [
    "AGREEMENT_LANGUAGE",
    "ATTRIBUTE_NAMES",
    "CATALOGUE_DOMAIN",
    "DOMAIN_NAMES",
    "INTRUDER_NAMES",
    "LANGUAGE_CODES",
    "LIMIT_NAMES",
    "LIMIT_NAMES_WITH_BOARDS",
    "NOT_IN_XML",
    "PROJECT_STATE_NAMES",
    "RELEASE_CLASS_MEANINGS",
    "RELEASE_CLASS_NAMES",
    "MomentOfYear",
    "PageLanguage",
    "SourceOfColumn",
    "content_security_policy",
    "describe_source",
    "gettext_noop",
    "load_language",
    "load_languages",
    "make_page_environment",
    "name_of_code",
]
