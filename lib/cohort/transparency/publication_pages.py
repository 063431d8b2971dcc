"""The page of a publication in the register, and its part of `register.json`."""

from __future__ import annotations

import datetime as dt

from cohort.pages import PageLanguage, gettext_noop
from cohort.publication_documents import EditionState, PublicEditionRecord
from cohort.table_files import explain_secret_figures
from cohort.transparency.page_templates import render_template
from cohort.transparency.publication_entries import PublicationEntry

EDITION_STATE_NAMES = {
    EditionState.PUBLISHED: gettext_noop("published"),
    EditionState.SUPERSEDED: gettext_noop("superseded: a later edition takes its place"),
    EditionState.WITHDRAWN: gettext_noop("withdrawn: its files are no longer given"),
}


def render_publication_page(entry: PublicationEntry, language: PageLanguage) -> str:
    """Render the page of one publication: purpose, what is hidden and why, its editions and their files."""
    return render_template(
        "publication.html.j2",
        language.code,
        page=f"publication/{entry.name}",
        entry=entry,
        notes=list_hiding_notes(entry.latest, language),
        text=lambda labelled: getattr(labelled, language.code),
        day=lambda written: language.format_day(dt.date.fromisoformat(written)),
        edition_state=lambda edition: language.gettext(EDITION_STATE_NAMES[edition.state]),
    )


def list_hiding_notes(edition: PublicEditionRecord, language: PageLanguage) -> list[str]:
    """What is hidden in an edition, and why."""
    rules, _ = edition.rules, language.gettext
    if edition.method == "noise":
        return [
            _(
                "Chance was added to every figure, so that nothing certain can be concluded about one pupil or school; "
                "the page of the tables says how wrong figures are."
            )
        ]
    if edition.method == "round":
        return [
            _("Numbers of pupils are rounded to multiples of %(step)s.", step=rules.round_to),
            _("Numbers of 1 to %(number)s pupils are secret.", number=rules.hide_up_to),
        ]
    return explain_secret_figures(rules, language)
