"""Signs in the place of figures, and what a reader is told of an edition: method, rules, source, error.

The signs are those of Statistics Netherlands: a point is a figure that is secret, a figure 0 is nothing. A dash says
that there is no pupil to take a mean or a share of.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from cohort.pages import PageLanguage
from cohort.publication_documents import PublicationDocument, PublishedRules

HIDDEN_SIGN, EMPTY_SIGN = ".", "-"


def read_number(value: str | None) -> Decimal | None:
    """The number that a figure is; None of a hidden one and of one that is a sign or a bound, such as `<5`."""
    try:
        number = Decimal(value) if value is not None else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None


def count_decimals(number: Decimal) -> int:
    """The decimals with which a number is written."""
    exponent = number.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def write_figure(value: str | None, language: PageLanguage) -> str:
    """A figure as the pages show it."""
    if value is None:
        return HIDDEN_SIGN
    number = read_number(value)
    return value if number is None else language.format_decimal(float(number), count_decimals(number))


def list_signs(language: PageLanguage) -> list[tuple[str, str]]:
    """The signs with their meaning."""
    _ = language.gettext
    return [
        (HIDDEN_SIGN, _("secret: not shown, so that no pupil and no school can be recognised")),
        ("0", _("none, or less than half of the unit")),
        (EMPTY_SIGN, _("no figure: there are no pupils to compute it of")),
        ("<5, >95", _("a share under 5 or over 95 per cent; how much is not shown")),
    ]


def list_notes(document: PublicationDocument, language: PageLanguage) -> list[str]:
    """What protects the figures, in sentences."""
    notes = {"suppress": _explain_hiding, "round": _explain_rounding, "noise": _explain_noise}
    return [*notes[document.method](document, language), *_explain_source(document, language)]


def explain_secret_figures(rules: PublishedRules, language: PageLanguage) -> list[str]:
    """Why figures are secret where cells are hidden, in sentences."""
    _ = language.gettext
    return [
        _(
            "A figure is secret where it counts fewer than %(pupils)s pupils or %(schools)s schools, or where one "
            "school or school board has more than %(share)s per cent of the pupils.",
            pupils=rules.pupils,
            schools=rules.schools,
            share=language.format_decimal(100 * rules.max_share, 0),
        ),
        _(
            "Other figures are secret because those could be computed from them, with the totals or with what was "
            "published before. It is not told which figure is secret for which reason."
        ),
    ]


def _explain_hiding(document: PublicationDocument, language: PageLanguage) -> list[str]:
    _ = language.gettext
    return [
        *explain_secret_figures(document.rules, language),
        _(
            "Figures that are shown are not changed: numbers of pupils are exact, means and shares are rounded. A "
            "total is that of all pupils, those of secret figures included."
        ),
    ]


def _explain_rounding(document: PublicationDocument, language: PageLanguage) -> list[str]:
    rules, _ = document.rules, language.gettext
    if rules.round_to is None or rules.hide_up_to is None:
        raise ValueError("an edition with rounded figures without its rounding")
    return [
        _("Numbers of pupils are rounded to multiples of %(step)s.", step=rules.round_to),
        _("Numbers of 1 to %(number)s pupils are secret.", number=rules.hide_up_to),
        _("A total is the sum of its rounded parts, so it can differ from the number of pupils."),
    ]


def _explain_noise(document: PublicationDocument, language: PageLanguage) -> list[str]:
    noise, _ = document.noise, language.gettext
    if noise is None:
        raise ValueError("an edition with noise without its figures")
    units = {"pupil": _("one pupil"), "school": _("all pupils of one school")}
    lines = [
        _(
            "To every figure chance was added, so that hardly anything changes when %(unit)s is left out "
            "(differential privacy, epsilon %(epsilon)s). Totals need not be the sum of their parts.",
            unit=units[noise.unit],
            epsilon=format(noise.epsilon, "g"),
        )
    ]
    if noise.unit == "school":
        lines.append(
            _(
                "Of a large school only part of the pupils counts, so numbers of pupils are too low; the errors do not "
                "include that."
            )
        )
    for table in document.tables:
        for measure in table.measures:
            error = noise.errors.get(f"{table.name}/{measure.name}")
            if error is not None:
                lines.append(
                    _(
                        "%(table)s, %(measure)s: of the finest cells half of the figures are at most %(median)s wrong, "
                        "19 of 20 at most %(most)s; the errors of totals are others.",
                        table=getattr(table.title, language.code),
                        measure=getattr(measure.label, language.code),
                        median=format(error[0], ".3g"),
                        most=format(error[1], ".3g"),
                    )
                )
    return lines


def _explain_source(document: PublicationDocument, language: PageLanguage) -> list[str]:
    _ = language.gettext
    if document.rows == "release":
        return [
            _(
                "Counted are the rows of release %(release)s of project %(project)s, in which nobody can be singled "
                "out; pupils who are not in it are not counted.",
                release=document.release,
                project=document.project,
            )
        ]
    return [
        _(
            "Counted are pupils in a school year, from test results that schools delivered. Pupils with an objection "
            "are not counted."
        ),
        _("The figures of an edition do not change after publication, also when a later edition takes its place."),
    ]
