"""The Jinja2 environment of a package's pages: one per language, escaping everything, with no undefined name.

Templates find messages as `_` and `ngettext`, and the names of `data_terms`. They load from the checkout or from the
zip that goes with a job. A page has no script and loads nothing: its style sheet is in it, and its content security
policy allows that style sheet alone.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Sequence

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cohort.pages import data_terms
from cohort.pages.languages import AGREEMENT_LANGUAGE, PageLanguage, load_language, load_languages

STYLE_SHEET = "pages.css"
NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document may have, nor the text of a page."""


def make_page_environment(
    package: str, language_code: str, sheets: Sequence[str] = (STYLE_SHEET,), **names: object
) -> Environment:
    """Make the environment of a package's own templates and of those that all pages share.

    Args:
        package: the package whose folder `templates` holds its own, for example `cohort.transparency`.
        language_code: `nl` or `en`.
        sheets: the style sheets among these templates, in their order.
        names: what its templates find besides.
    """
    language = load_language(language_code)
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, "templates"), PackageLoader("cohort.pages", "templates")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    loader = environment.loader
    assert loader is not None
    style = "".join(loader.get_source(environment, sheet)[0] for sheet in sheets)
    environment.globals |= {
        "_": language.gettext,
        "ngettext": language.ngettext,
        "language": language,
        "languages": load_languages(),
        "agreement_language": AGREEMENT_LANGUAGE,
        "name_of_code": functools.partial(_name_of_code, language),
        "data_terms": data_terms,
        "style": Markup(style),  # the style sheet is our own file and is hashed as it stands
        "policy": content_security_policy(style),
        **names,
    }
    return environment


def content_security_policy(style: str) -> str:
    """The policy that allows a style sheet with this text and the empty icon, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def _name_of_code(language: PageLanguage, names: dict[str, str], code: str) -> str:
    return data_terms.name_of_code(names, code, language)
