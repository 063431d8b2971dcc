"""The templates of the register: like those of all pages, with the phrases of a record and the timeline's layout."""

from __future__ import annotations

import functools

from jinja2 import Environment

from cohort.pages import load_language, make_page_environment
from cohort.transparency import record_phrases, timeline_layout
from cohort.transparency.record_phrases import RecordPhrases


def render_template(name: str, language_code: str, **context: object) -> str:
    """Render a template in a language.

    Args:
        name: the file name of the template.
        language_code: `nl` or `en`.
        context: what the template shows; text in it is escaped.

    Raises:
        jinja2.UndefinedError: a template uses a name that it was not given: a defect.
    """
    return _environment(language_code).get_template(name).render(context)


@functools.cache
def _environment(language_code: str) -> Environment:
    return make_page_environment(
        "cohort.transparency",
        language_code,
        phrases=RecordPhrases(load_language(language_code)),
        kept_percent=record_phrases.kept_percent,
        list_released_values=record_phrases.list_released_values,
        layout=timeline_layout,
    )
