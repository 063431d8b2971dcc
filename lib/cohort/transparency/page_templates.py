"""The Jinja2 templates of the register: one environment per language, escaping everything, with no undefined name.

Templates find messages as `_` and `ngettext`, phrases of a record as `phrases`, and the names of `data_terms`. They
load from the checkout or from the zip that goes with a job. A page has no script and loads nothing: its style sheet is
in it, and its content security policy allows that style sheet alone.
"""

from __future__ import annotations

import base64
import functools
import hashlib

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cohort.transparency import data_terms, record_phrases, timeline_layout
from cohort.transparency.languages import AGREEMENT_LANGUAGE, load_language, load_languages
from cohort.transparency.record_phrases import RecordPhrases

STYLE_SHEET = "register.css"


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


def content_security_policy(style: str) -> str:
    """The policy that allows a style sheet with this text and the empty icon, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


@functools.cache
def _environment(language_code: str) -> Environment:
    language = load_language(language_code)
    environment = Environment(
        loader=PackageLoader("cohort.transparency", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    assert environment.loader is not None
    style, _, _ = environment.loader.get_source(environment, STYLE_SHEET)
    environment.globals |= {
        "_": language.gettext,
        "ngettext": language.ngettext,
        "language": language,
        "languages": load_languages(),
        "agreement_language": AGREEMENT_LANGUAGE,
        "phrases": RecordPhrases(language),
        "name_of_code": functools.partial(_name_of_code, language_code),
        "data_terms": data_terms,
        "kept_percent": record_phrases.kept_percent,
        "list_released_values": record_phrases.list_released_values,
        "layout": timeline_layout,
        "style": Markup(style),  # the style sheet is our own file and is hashed as it stands
        "policy": content_security_policy(style),
    }
    return environment


def _name_of_code(language_code: str, names: dict[str, str], code: str) -> str:
    return data_terms.name_of_code(names, code, load_language(language_code))
