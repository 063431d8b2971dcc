"""The public register: a static site and the register of processing, made from the open records alone.

In: the folder of open records. Out: every file of the site, by its path; `site_folder` puts them in place. No school,
no exact count and no restricted file is ever read here.
"""

from __future__ import annotations

from collections.abc import Sequence

from cohort.pages import PROJECT_STATE_NAMES, PageLanguage, load_languages
from cohort.storage import StoragePath
from cohort.transparency.article30 import serialise_processing_register
from cohort.transparency.page_templates import render_template
from cohort.transparency.publication_entries import PublicationEntry, read_edition_files, read_publication_entries
from cohort.transparency.publication_pages import EDITION_STATE_NAMES, render_publication_page
from cohort.transparency.record_reading import read_register_entries
from cohort.transparency.register_documents import RegisterEntry
from cohort.transparency.site_folder import SITE_MARK
from cohort.transparency.timeline_layout import lay_out_timeline


def render_register(records: StoragePath, publications: StoragePath | None = None) -> dict[str, bytes]:
    """Render every file of the site; the same records give the same bytes.

    Args:
        records: the folder of open records.
        publications: the folder of published editions, whose files become part of the site; nothing else is read.
            Without it the site has no such files.

    Returns:
        The content of each file, by its path from the top of the site.

    Raises:
        StateRefused: a record that cannot be read, or that holds what looks like a pupil number or a school code; a
            file that is another than its record says (exit code 15).
    """
    entries = read_register_entries(records)
    published = read_publication_entries(records)
    files: dict[str, str] = {}
    for language in load_languages():
        files[language.page_path("index")] = render_index_page(entries, language, published)
        for entry in entries:
            files[language.page_path(f"project/{entry.name}")] = render_project_page(entry, language)
        for publication in published:
            page = language.page_path(f"publication/{publication.name}")
            files[page] = render_publication_page(publication, language)
    files[SITE_MARK] = serialise_processing_register(entries, published)
    content = {path: text.encode() for path, text in files.items()}
    return content if publications is None else content | read_edition_files(published, publications)


def render_index_page(
    entries: Sequence[RegisterEntry], language: PageLanguage, publications: Sequence[PublicationEntry] = ()
) -> str:
    """Render the page of all projects: what the register is, how to object, the projects by state."""
    by_state = {state: [entry for entry in entries if entry.state == state] for state in PROJECT_STATE_NAMES}
    return render_template(
        "index.html.j2",
        language.code,
        page="index",
        entries_by_state={state: group for state, group in by_state.items() if group},
        publications=publications,
        text=lambda labelled: getattr(labelled, language.code),
        edition_state=lambda edition: language.gettext(EDITION_STATE_NAMES[edition.state]),
    )


def render_project_page(entry: RegisterEntry, language: PageLanguage) -> str:
    """Render the page of one project: question, selection, generalisation, rules, counts, releases and end."""
    timeline = lay_out_timeline(entry, language)
    return render_template(
        "project.html.j2", language.code, page=f"project/{entry.name}", entry=entry, timeline=timeline
    )
