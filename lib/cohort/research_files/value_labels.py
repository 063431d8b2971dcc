"""What columns and values are called in both languages: by the project file, the code lists and the house's terms."""

from __future__ import annotations

import re
from collections.abc import Callable

from cohort.agreements import DeclaredColumn, LabelText, find_code_list
from cohort.pages import DOMAIN_NAMES, PageLanguage, describe_source, load_language, name_of_code
from cohort.release_records import AgreedSource
from cohort.research_files.codebook_document import BilingualText, MissingKind
from cohort.sdc import parse_band_label

_BETWEEN, _BELOW, _ABOVE = re.compile(r"(.+) tot (.+)"), re.compile(r"tot (.+)"), re.compile(r"(.+) en hoger")


def in_both_languages(phrase: Callable[[PageLanguage], str]) -> BilingualText:
    """Write a phrase in both languages."""
    return BilingualText(nl=phrase(load_language("nl")), en=phrase(load_language("en")))


def label_column(column: DeclaredColumn, source: AgreedSource) -> BilingualText:
    """What a column is called: as the project says, otherwise after what it is made from."""
    if column.label is not None:
        return _as_declared(column.label)
    return in_both_languages(lambda language: describe_source(source, language))


def label_bound(column: BilingualText, *, upper: bool) -> BilingualText:
    """What the lower or upper bound of a column is called."""

    def phrase(language: PageLanguage) -> str:
        name = column.in_language(language.code)
        if upper:
            return language.gettext("%(column)s: upper bound, not included", column=name)
        return language.gettext("%(column)s: lower bound", column=name)

    return in_both_languages(phrase)


def label_mean(column: BilingualText) -> BilingualText:
    """What the class mean of a column is called."""
    return in_both_languages(
        lambda language: language.gettext(
            "%(column)s: mean of the rows with the same labels", column=column.in_language(language.code)
        )
    )


def label_pseudonym(name: str) -> BilingualText:
    """What a pseudonym column is called."""
    if name == "pupil":
        return in_both_languages(lambda language: language.gettext("pseudonym of the pupil, in this project alone"))
    return in_both_languages(lambda language: language.gettext("pseudonym of the school, in this project alone"))


def label_domain(column: DeclaredColumn) -> BilingualText | None:
    """What the domain of a column's results is called; None of an attribute."""
    if not column.results:
        return None
    domain = column.results[0].domein
    return in_both_languages(lambda language: name_of_code(DOMAIN_NAMES, domain, language))


def label_value(column: DeclaredColumn, value: str, missing: MissingKind | None) -> BilingualText:
    """What a value of a column is called; one that nobody gave a name means what it says."""
    if value in column.value_labels:
        return _as_declared(column.value_labels[value])
    if missing == "unknown" and column.role == "sensitive":
        return in_both_languages(lambda language: language.gettext("not known, or not shown"))
    if missing == "unknown":
        return in_both_languages(lambda language: language.gettext("not known"))
    if missing == "generalised":
        return in_both_languages(lambda language: language.gettext("generalised away"))
    codes = find_code_list(column)
    if codes is not None and value in codes.names:
        return BilingualText(nl=codes.names[value].nl, en=codes.names[value].en)
    if column.bands is not None or (column.numeric and parse_band_label(value) is not None):
        return in_both_languages(lambda language: _describe_band(value, language))
    return BilingualText(nl=value, en=value)


def _describe_band(label: str, language: PageLanguage) -> str:
    """A band in words: from its lower bound up to, and not including, its upper one."""
    if match := _BETWEEN.fullmatch(label):
        return language.gettext("from %(lower)s up to %(upper)s", lower=match[1], upper=match[2])
    if match := _BELOW.fullmatch(label):
        return language.gettext("below %(upper)s", upper=match[1])
    if match := _ABOVE.fullmatch(label):
        return language.gettext("%(lower)s and above", lower=match[1])
    return label


def _as_declared(label: LabelText) -> BilingualText:
    return BilingualText(nl=label.nl, en=label.en)
