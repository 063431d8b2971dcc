"""The comparison page from its template: both languages in one document, chosen without a script.

The page loads nothing: its style sheet is in it, and its content security policy allows that style sheet alone.
"""

from __future__ import annotations

import base64
import datetime as dt
import functools
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohort.comparison_page import picture_layout
from cohort.comparison_page.page_texts import LANGUAGE_CODES, PageLanguage
from cohort.comparison_page.setting_figures import SettingFigures

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True)
class PageHead:
    """What a page is about.

    Args:
        name: the project, or the file of records.
        made: the day.
        notes: codes of what limits the figures of every setting.
    """

    name: str
    made: dt.date
    notes: tuple[str, ...] = ()


def render_comparison_page(head: PageHead, figures: Sequence[SettingFigures]) -> str:
    """Render the page.

    Args:
        head: what it is about.
        figures: the settings, in the order of the page; those that were refused are told apart.
    """
    made = [one for one in figures if not one.refused]
    languages = [PageLanguage(code) for code in LANGUAGE_CODES]
    return (
        _environment()
        .get_template("comparison.html.j2")
        .render(
            head=head,
            figures=figures,
            made=made,
            languages=languages,
            pictures={language.code: _draw(made, language) for language in languages},
            records=max((one.records for one in made), default=0),
            notes={language.code: list(_list_notes(head, made, language)) for language in languages},
        )
    )


def _draw(figures: Sequence[SettingFigures], language: PageLanguage) -> list[picture_layout.Picture]:
    if not figures:
        return []
    return [
        picture_layout.draw_losses(figures, language),
        picture_layout.draw_suppression(figures, language),
        picture_layout.draw_risk(figures, language),
        picture_layout.draw_class_sizes(figures, language),
        picture_layout.draw_levels(figures, language),
    ]


def _list_notes(head: PageHead, figures: Sequence[SettingFigures], language: PageLanguage) -> Iterable[str]:
    """The sentences on what limits the figures."""
    for note in head.notes:
        yield language.text(f"note_{note}")
    for note in dict.fromkeys(note for one in figures for note in one.notes):
        settings = ", ".join(one.setting for one in figures if note in one.notes)
        yield language.text(f"note_{note}", settings=settings)


_NO_ADDRESSES = "base-uri 'none'; form-action 'none'"


@functools.cache
def _environment() -> Environment:
    # The engine imports this package in every executor, and only who renders a page needs the templates.
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("cohort.comparison_page", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    assert environment.loader is not None
    style, _, _ = environment.loader.get_source(environment, "comparison.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment.globals |= {
        "style": Markup(style),  # the style sheet is our own file and is hashed as it stands
        "policy": f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; {_NO_ADDRESSES}",
        "layout": picture_layout,
    }
    return environment
